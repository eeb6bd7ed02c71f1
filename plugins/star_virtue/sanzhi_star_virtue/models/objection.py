"""Objections during publicity. Who objected is apart from what was objected, and never shown to the household."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sanzhi_core.db.base import (
    INTERNAL,
    PERSONAL,
    PUBLIC,
    SENSITIVE,
    Base,
    Identified,
    Scoped,
    Versioned,
    scope_indexes,
)


class Objection(Identified, Versioned, Scoped, Base):
    """Objection (异议) to an entry, or to one star of it. `facts_key`: digest telling a repeat from a new fact.

    `revote_stars`: the stars to be voted on again, by an upheld decision or by the town's review; `contrary_fact`:
    such a fact was verified, so no bonus counts. `council_*`: the moral council's own vote on the decision.
    `received_at`: for paper, what the clerk wrote on receipt; `recorded_at`: when it was keyed.
    """

    __tablename__ = "objection"
    __table_args__ = (
        sa.CheckConstraint(
            "state in ('OPEN','INVESTIGATING','UPHELD','PARTLY_UPHELD','REJECTED','WITHDRAWN')", name="state"
        ),
        sa.CheckConstraint("char_length(text) between 10 and 1000", name="text"),
        sa.CheckConstraint("review_state in ('ASKED','KEPT','RETURNED')", name="review_state"),
        sa.CheckConstraint(
            "council_yes between 0 and council_voters and council_voters <= council_present"
            " and council_present <= council_members",
            name="council",
        ),
        sa.Index("ix_objection_cycle_state", "cycle_id", "state"),
        sa.Index(
            "uq_objection_paper",
            "village_id",
            "paper_no",
            unique=True,
            postgresql_where=sa.text("paper_no is not null"),
        ),
        sa.Index("ix_objection_entry", "entry_id", "received_at", "id"),
        *scope_indexes("objection", "received_at"),
        {"schema": "star_virtue"},
    )

    cycle_id: Mapped[UUID] = mapped_column(sa.ForeignKey("star_virtue.cycle.id"), info=PUBLIC)
    entry_id: Mapped[UUID] = mapped_column(sa.ForeignKey("star_virtue.entry.id"), info=INTERNAL)
    household_id: Mapped[UUID] = mapped_column(info=INTERNAL)
    star_code: Mapped[str | None] = mapped_column(info=PUBLIC)
    text: Mapped[str] = mapped_column(info=PERSONAL)
    evidence: Mapped[list[Any]] = mapped_column(default=list, server_default="[]", info=PERSONAL)
    facts_key: Mapped[str] = mapped_column(info=INTERNAL)
    anonymous: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=INTERNAL)
    received_at: Mapped[datetime] = mapped_column(info=PUBLIC)
    recorded_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    channel: Mapped[str] = mapped_column(info=INTERNAL)
    clerk_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    paper_no: Mapped[str | None] = mapped_column(info=INTERNAL)
    witness: Mapped[str | None] = mapped_column(info=PERSONAL)
    read_back: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=INTERNAL)
    proxy_reason: Mapped[str | None] = mapped_column(info=PERSONAL)
    handler_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    state: Mapped[str] = mapped_column(default="OPEN", server_default="OPEN", info=PUBLIC)
    due_at: Mapped[datetime] = mapped_column(info=PUBLIC)
    extended: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=PUBLIC)
    decided_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    decision_reason: Mapped[str | None] = mapped_column(info=PERSONAL)
    contrary_fact: Mapped[bool | None] = mapped_column(info=INTERNAL)
    council_members: Mapped[int | None] = mapped_column(info=INTERNAL)
    council_present: Mapped[int | None] = mapped_column(info=INTERNAL)
    council_voters: Mapped[int | None] = mapped_column(info=INTERNAL)
    council_yes: Mapped[int | None] = mapped_column(info=INTERNAL)
    council_present_ids: Mapped[list[UUID]] = mapped_column(default=list, server_default="{}", info=INTERNAL)
    revote_stars: Mapped[list[str]] = mapped_column(default=list, server_default="{}", info=PUBLIC)
    revote_done: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=INTERNAL)
    review_asked_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    review_due_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    review_state: Mapped[str | None] = mapped_column(info=PUBLIC)
    review_request: Mapped[str | None] = mapped_column(info=PERSONAL)
    review_reason: Mapped[str | None] = mapped_column(info=PERSONAL)
    reviewed_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)


class ObjectionAuthor(Scoped, Base):
    """Who objected. Walled and not queryable: used only to keep the objector out of handling (R-CORE-22)."""

    __tablename__ = "objection_author"
    __table_args__ = (*scope_indexes("objection_author", "objection_id")[:1], {"schema": "star_virtue"})

    objection_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("star_virtue.objection.id"), primary_key=True, info=INTERNAL
    )
    account_id: Mapped[UUID | None] = mapped_column(info=SENSITIVE)
    resident_id: Mapped[UUID | None] = mapped_column(info=SENSITIVE)
