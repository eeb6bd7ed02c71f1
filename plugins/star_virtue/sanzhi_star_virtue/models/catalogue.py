"""The ten stars as versioned data (seed 002: 十星, "等等")."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sanzhi_core.db.base import PUBLIC, Base, Identified


class Definition(Identified, Base):
    """One star of one version. `unit_id` NULL: shipped with the plugin; else the county that published the version.

    `check_items`: list of {code, text_zh, text_en, evidence}. A version is never edited once published.
    """

    __tablename__ = "definition"
    __table_args__ = (
        sa.UniqueConstraint("unit_id", "definition_version", "code", postgresql_nulls_not_distinct=True),
        sa.Index("ix_definition_version", "definition_version", "code", "id"),
        {"schema": "star_virtue"},
    )

    unit_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("core.org_unit.id"), info=PUBLIC)
    definition_version: Mapped[str] = mapped_column(info=PUBLIC)
    code: Mapped[str] = mapped_column(info=PUBLIC)
    position: Mapped[int] = mapped_column(info=PUBLIC)
    name: Mapped[str] = mapped_column(info=PUBLIC)
    content: Mapped[str] = mapped_column(info=PUBLIC)
    meaning_en: Mapped[str] = mapped_column(info=PUBLIC)
    check_items: Mapped[list[Any]] = mapped_column(info=PUBLIC)
    valid_from: Mapped[date] = mapped_column(info=PUBLIC)
