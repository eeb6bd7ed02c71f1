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
    """Objection (异议) to an entry, or to one star of it. `facts_key`: digest telling a repeat from a new fact."""

    __tablename__ = "objection"
    __table_args__ = (
        sa.CheckConstraint(
            "state in ('OPEN','INVESTIGATING','UPHELD','PARTLY_UPHELD','REJECTED','WITHDRAWN')", name="state"
        ),
        sa.CheckConstraint("char_length(text) between 10 and 1000", name="text"),
        sa.Index("ix_objection_cycle_state", "cycle_id", "state"),
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
    channel: Mapped[str] = mapped_column(info=INTERNAL)
    handler_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    state: Mapped[str] = mapped_column(default="OPEN", server_default="OPEN", info=PUBLIC)
    due_at: Mapped[datetime] = mapped_column(info=PUBLIC)
    extended: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=PUBLIC)
    decided_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    decision_reason: Mapped[str | None] = mapped_column(info=PERSONAL)
    revote_done: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=INTERNAL)
    review_asked_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    review_due_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    review_state: Mapped[str | None] = mapped_column(info=PUBLIC)
    review_reason: Mapped[str | None] = mapped_column(info=PERSONAL)


class ObjectionAuthor(Scoped, Base):
    """Who objected. Walled and not queryable: used only to keep the objector out of handling (R-CORE-22)."""

    __tablename__ = "objection_author"
    __table_args__ = (*scope_indexes("objection_author", "objection_id")[:1], {"schema": "star_virtue"})

    objection_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("star_virtue.objection.id"), primary_key=True, info=INTERNAL
    )
    account_id: Mapped[UUID | None] = mapped_column(info=SENSITIVE)
    resident_id: Mapped[UUID | None] = mapped_column(info=SENSITIVE)
