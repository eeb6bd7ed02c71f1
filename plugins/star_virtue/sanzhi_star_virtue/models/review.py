"""Meetings of the peer review, who was there, who had to leave, totals of the secret votes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sanzhi_core.db.base import INTERNAL, PERSONAL, PUBLIC, Base, Identified, Scoped, Versioned, scope_indexes


class Meeting(Identified, Versioned, Scoped, Base):
    """ReviewMeeting (互评会议), re-vote or award meeting. The roll of eligible members is frozen when it is recorded."""

    __tablename__ = "meeting"
    __table_args__ = (
        sa.CheckConstraint("kind in ('REVIEW','REVOTE','AWARD')", name="kind"),
        sa.CheckConstraint("present_count between 0 and eligible_count", name="present"),
        sa.Index("ix_meeting_cycle", "cycle_id", "held_at", "id"),
        *scope_indexes("meeting", "held_at"),
        {"schema": "star_virtue"},
    )

    cycle_id: Mapped[UUID] = mapped_column(sa.ForeignKey("star_virtue.cycle.id"), info=PUBLIC)
    kind: Mapped[str] = mapped_column(info=PUBLIC)
    held_at: Mapped[datetime] = mapped_column(info=PUBLIC)
    place: Mapped[str] = mapped_column(info=PUBLIC)
    chair_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.resident.id"), info=INTERNAL)
    roll_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.roll.id"), info=INTERNAL)
    eligible_count: Mapped[int] = mapped_column(info=PUBLIC)
    present_count: Mapped[int] = mapped_column(info=PUBLIC)
    quorum_met: Mapped[bool] = mapped_column(info=PUBLIC)
    minutes: Mapped[str | None] = mapped_column(info=INTERNAL)
    minutes_sha256: Mapped[bytes | None] = mapped_column(info=PUBLIC)
    attachments: Mapped[list[Any]] = mapped_column(default=list, server_default="[]", info=INTERNAL)


class Presence(Base):
    """A member who was present at a meeting."""

    __tablename__ = "presence"
    __table_args__ = ({"schema": "star_virtue"},)

    meeting_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("star_virtue.meeting.id"), primary_key=True, info=INTERNAL
    )
    resident_id: Mapped[UUID] = mapped_column(primary_key=True, info=INTERNAL)


class Recusal(Base):
    """A member who left while a household was voted on: own household or a declared near relative's."""

    __tablename__ = "recusal"
    __table_args__ = ({"schema": "star_virtue"},)

    meeting_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("star_virtue.meeting.id"), primary_key=True, info=INTERNAL
    )
    entry_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("star_virtue.entry.id"), primary_key=True, info=INTERNAL
    )
    resident_id: Mapped[UUID] = mapped_column(primary_key=True, info=INTERNAL)


class Vote(Identified, Scoped, Base):
    """Totals of one vote on one star of one household: P present and not recused, Y yes, b bonus points.

    How a member voted is nowhere. A re-vote is a further row; `in_force` marks the one that counts.
    """

    __tablename__ = "vote"
    __table_args__ = (
        sa.CheckConstraint("yes between 0 and present", name="yes"),
        sa.CheckConstraint("bonus between 0 and 10", name="bonus"),
        sa.UniqueConstraint("entry_id", "star_code", "meeting_id"),
        sa.Index(
            "uq_vote_in_force", "entry_id", "star_code", unique=True, postgresql_where=sa.text("in_force")
        ),
        sa.Index("ix_vote_entry", "entry_id", "star_code", "id"),
        sa.Index("ix_vote_meeting", "meeting_id", "star_code", "id"),
        sa.Index("ix_vote_household", "household_id", "id"),
        *scope_indexes("vote", "voted_at"),
        {"schema": "star_virtue"},
    )

    entry_id: Mapped[UUID] = mapped_column(sa.ForeignKey("star_virtue.entry.id"), info=INTERNAL)
    household_id: Mapped[UUID] = mapped_column(info=INTERNAL)
    meeting_id: Mapped[UUID] = mapped_column(sa.ForeignKey("star_virtue.meeting.id"), info=INTERNAL)
    star_code: Mapped[str] = mapped_column(info=PUBLIC)
    present: Mapped[int] = mapped_column(info=INTERNAL)
    yes: Mapped[int] = mapped_column(info=INTERNAL)
    bonus: Mapped[int] = mapped_column(info=INTERNAL)
    contrary_fact: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=INTERNAL)
    nominated: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=INTERNAL)
    granted: Mapped[bool] = mapped_column(info=INTERNAL)
    in_force: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=INTERNAL)
    voted_at: Mapped[datetime] = mapped_column(info=INTERNAL)


class Nomination(Identified, Versioned, Scoped, Base):
    """A star that the meeting proposes for a household that did not claim it; voted only with its consent.

    `answered_by`: who consented or declined for the household; `paper_no`: the signed sheet when a clerk keyed it.
    """

    __tablename__ = "nomination"
    __table_args__ = (
        sa.CheckConstraint("state in ('PROPOSED','CONSENTED','DECLINED')", name="state"),
        sa.UniqueConstraint("entry_id", "star_code"),
        sa.Index(
            "uq_nomination_paper",
            "village_id",
            "paper_no",
            unique=True,
            postgresql_where=sa.text("paper_no is not null"),
        ),
        sa.Index("ix_nomination_household", "household_id", "id"),
        *scope_indexes("nomination", "proposed_at"),
        {"schema": "star_virtue"},
    )

    meeting_id: Mapped[UUID] = mapped_column(sa.ForeignKey("star_virtue.meeting.id"), info=PUBLIC)
    entry_id: Mapped[UUID] = mapped_column(sa.ForeignKey("star_virtue.entry.id"), info=INTERNAL)
    household_id: Mapped[UUID] = mapped_column(info=INTERNAL)
    star_code: Mapped[str] = mapped_column(info=PUBLIC)
    reason: Mapped[str] = mapped_column(info=PERSONAL)
    proposed_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    state: Mapped[str] = mapped_column(default="PROPOSED", server_default="PROPOSED", info=INTERNAL)
    answered_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    answered_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    channel: Mapped[str | None] = mapped_column(info=INTERNAL)
    paper_no: Mapped[str | None] = mapped_column(info=INTERNAL)
