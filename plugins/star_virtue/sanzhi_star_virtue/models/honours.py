"""What follows a confirmed rating: plaques, the honour roll, points."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sanzhi_core.db.base import INTERNAL, PUBLIC, Base, Identified, Scoped, Versioned, scope_indexes


class Plaque(Identified, Versioned, Scoped, Base):
    """星级文明户牌 of a household with six stars or more (seed 002). One living plaque per household."""

    __tablename__ = "plaque"
    __table_args__ = (
        sa.CheckConstraint("state in ('TO_ISSUE','ISSUED','RECALLED','REPLACED','LOST')", name="state"),
        sa.UniqueConstraint("county_id", "no"),
        sa.Index(
            "uq_plaque_living",
            "household_id",
            unique=True,
            postgresql_where=sa.text("state in ('TO_ISSUE','ISSUED')"),
        ),
        sa.Index("ix_plaque_cycle", "cycle_id", "no", "id"),
        *scope_indexes("plaque", "no"),
        {"schema": "star_virtue"},
    )

    cycle_id: Mapped[UUID] = mapped_column(sa.ForeignKey("star_virtue.cycle.id"), info=PUBLIC)
    entry_id: Mapped[UUID] = mapped_column(sa.ForeignKey("star_virtue.entry.id"), info=INTERNAL)
    household_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.household.id"), info=INTERNAL)
    no: Mapped[str] = mapped_column(info=PUBLIC)
    star_count: Mapped[int] = mapped_column(info=PUBLIC)
    state: Mapped[str] = mapped_column(default="TO_ISSUE", server_default="TO_ISSUE", info=PUBLIC)
    issued_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    hung_at_door: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=PUBLIC)


class HonourRollItem(Identified, Scoped, Base):
    """A line of 星级光荣榜: head's masked name, group, star count, change mark; no reason, no address. Public."""

    __tablename__ = "honour_roll_item"
    __table_args__ = (
        sa.UniqueConstraint("cycle_id", "household_id", "published_at"),
        sa.Index("ix_honour_roll_item_cycle", "cycle_id", "star_count", "id"),
        *scope_indexes("honour_roll_item", "star_count"),
        {"schema": "star_virtue"},
    )

    cycle_id: Mapped[UUID] = mapped_column(sa.ForeignKey("star_virtue.cycle.id"), info=PUBLIC)
    household_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.household.id"), info=INTERNAL)
    head_masked_name: Mapped[str | None] = mapped_column(info=PUBLIC)
    group_name: Mapped[str | None] = mapped_column(info=PUBLIC)
    star_count: Mapped[int] = mapped_column(info=PUBLIC)
    change_mark: Mapped[str] = mapped_column(info=PUBLIC)
    published_at: Mapped[datetime] = mapped_column(info=PUBLIC)


class PointsBalance(Versioned, Scoped, Base):
    """Points of a household: always the sum of its entries, never negative at a commit (R-STAR-20)."""

    __tablename__ = "points_balance"
    __table_args__ = (
        sa.CheckConstraint("points >= 0", name="never_negative"),
        *scope_indexes("points_balance", "household_id")[:1],
        {"schema": "star_virtue"},
    )

    household_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("core.household.id"), primary_key=True, info=INTERNAL
    )
    points: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0", info=INTERNAL)


class PointsEntry(Identified, Scoped, Base):
    """One append-only line of the points ledger. The same act counts once: (household, rule, ref) (R-STAR-22)."""

    __tablename__ = "points_entry"
    __table_args__ = (
        sa.CheckConstraint("points <> 0", name="not_zero"),
        sa.CheckConstraint(
            "type in ('EARN','BONUS','REDEEM','REVERSE','EXPIRE','TRANSFER','ADJUST')", name="type"
        ),
        sa.UniqueConstraint("household_id", "rule_code", "ref"),
        sa.Index("ix_points_entry_household", "household_id", "at", "id"),
        *scope_indexes("points_entry", "at"),
        {"schema": "star_virtue"},
    )

    household_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.household.id"), info=INTERNAL)
    at: Mapped[datetime] = mapped_column(info=INTERNAL)
    type: Mapped[str] = mapped_column(info=INTERNAL)
    points: Mapped[int] = mapped_column(sa.BigInteger, info=INTERNAL)
    rule_code: Mapped[str] = mapped_column(info=INTERNAL)
    ref: Mapped[str] = mapped_column(info=INTERNAL)
    approver_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    expires_on: Mapped[date | None] = mapped_column(info=INTERNAL)
