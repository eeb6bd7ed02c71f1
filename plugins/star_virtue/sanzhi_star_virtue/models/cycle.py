"""A village's yearly cycle, the entry of each household, the self-rating forms."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sanzhi_core.db.base import (
    INTERNAL,
    PERSONAL,
    PUBLIC,
    Base,
    Identified,
    Scoped,
    Versioned,
    scope_indexes,
)

CYCLE_STATES = (
    "DRAFT", "SELF_RATING", "PEER_REVIEW", "PUBLICITY", "CONFIRMED", "AWARDED", "CLOSED", "CANCELLED", "SUSPENDED",
)  # fmt: skip
ENTRY_STATES = (
    "INVITED", "SELF_RATED", "REVIEWED", "PUBLICISED", "OBJECTED", "RE_REVIEWED", "CONFIRMED", "AWARDED",
    "NOT_PARTICIPATED", "WITHDRAWN", "EXCLUDED",
)  # fmt: skip


def _in(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} in ({', '.join(repr(v) for v in values)})", name=column)


class Cycle(Identified, Versioned, Scoped, Base):
    """StarCycle: one non-cancelled cycle per village and year. Counts are frozen when their state is reached.

    `total_households` N at the snapshot; `provisional_*` at PUBLICITY, `official_*` at CONFIRMED. `params`: the
    parameters in force when it opened (rules.params.StarParams by name).
    """

    __tablename__ = "cycle"
    __table_args__ = (
        _in("state", CYCLE_STATES),
        sa.CheckConstraint("year between 2000 and 2100", name="year"),
        sa.CheckConstraint("total_households is null or total_households >= 1", name="total_households"),
        sa.Index(
            "uq_cycle_village_year",
            "village_id",
            "year",
            unique=True,
            postgresql_where=sa.text("state <> 'CANCELLED'"),
        ),
        *scope_indexes("cycle", "year"),
        {"schema": "star_virtue"},
    )

    year: Mapped[int] = mapped_column(info=PUBLIC)
    state: Mapped[str] = mapped_column(default="DRAFT", server_default="DRAFT", info=PUBLIC)
    definition_set_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("star_virtue.definition_set.id"), info=PUBLIC
    )
    definition_version: Mapped[str] = mapped_column(info=PUBLIC)
    params: Mapped[dict[str, Any]] = mapped_column(info=PUBLIC)
    snapshot_date: Mapped[date | None] = mapped_column(info=PUBLIC)
    total_households: Mapped[int | None] = mapped_column(info=PUBLIC)
    self_rating_from: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    self_rating_to: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    extended: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=PUBLIC)
    low_participation: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=PUBLIC)
    publicity_from: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    publicity_to: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    deadline_provisional: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=PUBLIC)
    provisional_a: Mapped[int | None] = mapped_column(info=PUBLIC)
    provisional_r: Mapped[int | None] = mapped_column(info=PUBLIC)
    provisional_r6: Mapped[int | None] = mapped_column(info=PUBLIC)
    official_n: Mapped[int | None] = mapped_column(info=PUBLIC)
    official_a: Mapped[int | None] = mapped_column(info=PUBLIC)
    official_r: Mapped[int | None] = mapped_column(info=PUBLIC)
    official_r6: Mapped[int | None] = mapped_column(info=PUBLIC)
    t2_reason: Mapped[str | None] = mapped_column(info=PUBLIC)
    confirmed_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    award_due: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    awarded_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    award_late_reason: Mapped[str | None] = mapped_column(info=PUBLIC)
    award_meeting_id: Mapped[UUID | None] = mapped_column(info=PUBLIC)
    closed_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    cancel_reason: Mapped[str | None] = mapped_column(info=PUBLIC)


class Entry(Identified, Versioned, Scoped, Base):
    """StarEntry: one household in one cycle. `honours`: certificates valid or not on the snapshot date, as frozen."""

    __tablename__ = "entry"
    __table_args__ = (
        _in("state", ENTRY_STATES),
        sa.CheckConstraint("final_count between 0 and 10", name="final_count"),
        sa.CheckConstraint("bonus between 0 and 10", name="bonus"),
        sa.CheckConstraint("final_count = cardinality(final_stars)", name="final_count_is_size"),
        sa.UniqueConstraint("cycle_id", "household_id"),
        sa.Index("ix_entry_cycle_no", "cycle_id", "household_no", "id"),
        sa.Index("ix_entry_cycle_state", "cycle_id", "state", "household_no", "id"),
        sa.Index("ix_entry_household", "household_id", "id"),
        *scope_indexes("entry", "household_no"),
        {"schema": "star_virtue"},
    )

    cycle_id: Mapped[UUID] = mapped_column(sa.ForeignKey("star_virtue.cycle.id"), info=PUBLIC)
    household_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.household.id"), info=INTERNAL)
    household_no: Mapped[str] = mapped_column(info=PUBLIC)
    head_masked_name: Mapped[str | None] = mapped_column(info=INTERNAL)
    group_name: Mapped[str | None] = mapped_column(info=PUBLIC)
    state: Mapped[str] = mapped_column(default="INVITED", server_default="INVITED", info=PUBLIC)
    self_stars: Mapped[list[str]] = mapped_column(default=list, server_default="{}", info=INTERNAL)
    self_reasons: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}", info=PERSONAL)
    submitted_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    channel: Mapped[str | None] = mapped_column(info=INTERNAL)
    submitted_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    honours: Mapped[list[Any]] = mapped_column(default=list, server_default="[]", info=INTERNAL)
    bonus: Mapped[int] = mapped_column(default=0, server_default="0", info=INTERNAL)
    bonus_warning: Mapped[str | None] = mapped_column(info=INTERNAL)
    final_stars: Mapped[list[str]] = mapped_column(default=list, server_default="{}", info=PUBLIC)
    final_count: Mapped[int] = mapped_column(default=0, server_default="0", info=PUBLIC)
    title_held: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=PUBLIC)
    previous_count: Mapped[int | None] = mapped_column(info=PUBLIC)
    republicity_from: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    republicity_to: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    excluded_reason: Mapped[str | None] = mapped_column(info=INTERNAL)


class SelfRating(Identified, Scoped, Base):
    """One self-rating form as it came in. All are kept; `counts` marks the one in force.

    `received_at`: for paper, date and time written by the clerk on receipt. `recorded_at`: when it was keyed.
    """

    __tablename__ = "self_rating"
    __table_args__ = (
        sa.Index(
            "uq_self_rating_paper",
            "village_id",
            "paper_no",
            unique=True,
            postgresql_where=sa.text("paper_no is not null"),
        ),
        sa.Index("uq_self_rating_counts", "entry_id", unique=True, postgresql_where=sa.text("counts")),
        sa.Index("ix_self_rating_entry", "entry_id", "received_at", "id"),
        *scope_indexes("self_rating", "received_at"),
        {"schema": "star_virtue"},
    )

    cycle_id: Mapped[UUID] = mapped_column(sa.ForeignKey("star_virtue.cycle.id"), info=PUBLIC)
    entry_id: Mapped[UUID] = mapped_column(sa.ForeignKey("star_virtue.entry.id"), info=INTERNAL)
    household_id: Mapped[UUID] = mapped_column(info=INTERNAL)
    stars: Mapped[list[str]] = mapped_column(info=INTERNAL)
    reasons: Mapped[dict[str, Any]] = mapped_column(info=PERSONAL)
    received_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    recorded_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    channel: Mapped[str] = mapped_column(info=INTERNAL)
    person_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    clerk_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    paper_no: Mapped[str | None] = mapped_column(info=INTERNAL)
    witness: Mapped[str | None] = mapped_column(info=PERSONAL)
    read_back: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=INTERNAL)
    proxy_reason: Mapped[str | None] = mapped_column(info=INTERNAL)
    counts: Mapped[bool] = mapped_column(default=True, server_default=sa.true(), info=INTERNAL)
