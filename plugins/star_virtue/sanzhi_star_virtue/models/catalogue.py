"""The ten stars as versioned data (seed 002: 十星, "等等")."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sanzhi_core.db.base import PUBLIC, Base, Identified


class DefinitionSet(Identified, Base):
    """One version of the catalogue: exactly ten stars, never edited once published.

    `county_id` NULL: shipped with the plugin; else the county that published it for its villages.
    """

    __tablename__ = "definition_set"
    __table_args__ = (
        sa.UniqueConstraint("county_id", "definition_version", postgresql_nulls_not_distinct=True),
        sa.Index("ix_definition_set_valid_from", "valid_from", "id"),
        {"schema": "star_virtue"},
    )

    county_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("core.org_unit.id"), info=PUBLIC)
    definition_version: Mapped[str] = mapped_column(info=PUBLIC)
    valid_from: Mapped[date] = mapped_column(info=PUBLIC)
    published_at: Mapped[datetime] = mapped_column(info=PUBLIC)
    doc_no: Mapped[str | None] = mapped_column(info=PUBLIC)


class Definition(Identified, Base):
    """One star of one version. `check_items`: list of {act, evidence, ground}, see rules.stars.CheckItem."""

    __tablename__ = "definition"
    __table_args__ = (
        sa.UniqueConstraint("set_id", "code"),
        sa.Index("ix_definition_position", "position", "id"),
        {"schema": "star_virtue"},
    )

    set_id: Mapped[UUID] = mapped_column(sa.ForeignKey("star_virtue.definition_set.id"), info=PUBLIC)
    code: Mapped[str] = mapped_column(info=PUBLIC)
    position: Mapped[int] = mapped_column(info=PUBLIC)
    name: Mapped[str] = mapped_column(info=PUBLIC)
    content: Mapped[str] = mapped_column(info=PUBLIC)
    meaning_en: Mapped[str] = mapped_column(info=PUBLIC)
    check_items: Mapped[list[Any]] = mapped_column(info=PUBLIC)
