"""Tables of the organisation: units, their history and lineage, groups, bodies, posts, terms, rolls."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Mapped, mapped_column

from sanzhi_core.db.base import INTERNAL, PUBLIC, Base, Identified, Scoped, Versioned, scope_indexes

LEVELS = ("PROVINCE", "CITY", "COUNTY", "TOWN", "VILLAGE", "GRID", "MICRO")


class OrgUnit(Identified, Versioned, Base):
    """A unit of the hierarchy, as it is now. Its past is in `OrgUnitVersion`.

    Carries the scope columns itself (`unit_id` = `id`), so one policy clause fits every table. `path` is built
    from `no` ("1/14/140/"), always closed by a slash: `path LIKE parent.path || '%'` never meets a sibling.
    """

    __tablename__ = "org_unit"
    __table_args__ = (
        sa.CheckConstraint("org_path LIKE '%/'", name="org_path_closed"),
        sa.CheckConstraint(
            "level in ('PROVINCE','CITY','COUNTY','TOWN','VILLAGE','GRID','MICRO')", name="level"
        ),
        sa.CheckConstraint("status in ('PLANNED','ACTIVE','ABOLISHED')", name="status"),
        sa.CheckConstraint("area_km2 is null or area_km2 >= 0", name="area"),
        sa.CheckConstraint("valid_to is null or valid_to > valid_from", name="validity"),
        # R-CORE-01: one living unit per (level, code)
        sa.Index(
            "uq_org_unit_level_code",
            "level",
            "code",
            unique=True,
            postgresql_where=sa.text("valid_to is null"),
        ),
        sa.Index("ix_org_unit_code", "code"),
        sa.Index("ix_org_unit_org_path", "org_path"),
        sa.Index("ix_org_unit_parent_code", "parent_id", "code", "id"),
        sa.Index("ix_org_unit_county_level_code", "county_id", "level", "code", "id"),
        sa.Index("ix_org_unit_county_code", "county_id", "code", "id"),
        sa.Index("ix_org_unit_town_code", "town_id", "code", "id"),
        sa.Index("ix_org_unit_village_code", "village_id", "code", "id"),
        sa.Index("ix_org_unit_level_code_id", "level", "code", "id"),
        {"schema": "core"},
    )

    no: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=False), unique=True, info=INTERNAL)
    code: Mapped[str] = mapped_column(info=PUBLIC)
    level: Mapped[str] = mapped_column(info=PUBLIC)
    name: Mapped[str] = mapped_column(info=PUBLIC)
    short_name: Mapped[str | None] = mapped_column(info=PUBLIC)
    kind: Mapped[str] = mapped_column(info=PUBLIC)
    parent_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("core.org_unit.id"), info=PUBLIC)
    valid_from: Mapped[date] = mapped_column(info=PUBLIC)
    valid_to: Mapped[date | None] = mapped_column(info=PUBLIC)
    status: Mapped[str] = mapped_column(default="ACTIVE", server_default="ACTIVE", info=PUBLIC)
    code_pending: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=PUBLIC)
    urban_rural_class: Mapped[str | None] = mapped_column(info=PUBLIC)
    uscc: Mapped[str | None] = mapped_column(info=PUBLIC)
    area_km2: Mapped[Decimal | None] = mapped_column(sa.Numeric(12, 2), info=PUBLIC)
    boundary: Mapped[dict[str, Any] | None] = mapped_column(info=PUBLIC)
    edition: Mapped[str | None] = mapped_column(info=PUBLIC)

    unit_id: Mapped[UUID] = mapped_column(sa.Computed("id", persisted=True), info=INTERNAL)
    org_path: Mapped[str] = mapped_column(sa.Text(collation="C"), info=INTERNAL)
    county_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    town_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    village_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    grid_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)

    def place(self) -> dict[str, Any]:
        """Values of the scope columns for a row that belongs to this unit."""
        return {
            "unit_id": self.id,
            "org_code_at_time": self.code,
            "org_path": self.org_path,
            "county_id": self.county_id,
            "town_id": self.town_id,
            "village_id": self.village_id,
            "grid_id": self.grid_id,
        }


class OrgUnitVersion(Identified, Scoped, Base):
    """What a unit was called, coded and placed under during [valid_from, valid_to): the source of as-of queries."""

    __tablename__ = "org_unit_version"
    __table_args__ = (
        sa.CheckConstraint("valid_to is null or valid_to > valid_from", name="validity"),
        sa.Index(
            "uq_org_unit_version_open", "unit_id", unique=True, postgresql_where=sa.text("valid_to is null")
        ),
        sa.Index("ix_org_unit_version_parent", "parent_id", "code", "id"),
        sa.CheckConstraint("org_path LIKE '%/'", name="org_path_closed"),
        {"schema": "core"},
    )

    code: Mapped[str] = mapped_column(info=PUBLIC)
    level: Mapped[str] = mapped_column(info=PUBLIC)
    name: Mapped[str] = mapped_column(info=PUBLIC)
    kind: Mapped[str] = mapped_column(info=PUBLIC)
    status: Mapped[str] = mapped_column(info=PUBLIC)
    parent_id: Mapped[UUID | None] = mapped_column(info=PUBLIC)
    valid_from: Mapped[date] = mapped_column(info=PUBLIC)
    valid_to: Mapped[date | None] = mapped_column(info=PUBLIC)
    reason: Mapped[str | None] = mapped_column(info=PUBLIC)
    doc_no: Mapped[str | None] = mapped_column(info=PUBLIC)


class OrgLineage(Identified, Base):
    """Source unit → target unit of an executed organisation change; kept for ever (R-CORE-10)."""

    __tablename__ = "org_lineage"
    __table_args__ = (sa.UniqueConstraint("source_id", "target_id"), {"schema": "core"})

    source_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.org_unit.id"), info=PUBLIC)
    target_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.org_unit.id"), index=True, info=PUBLIC)
    effective_date: Mapped[date] = mapped_column(info=PUBLIC)
    doc_no: Mapped[str] = mapped_column(info=PUBLIC)


class VillagersGroup(Identified, Versioned, Scoped, Base):
    """村民小组: a child of a village for self-government, beside the tree; it is not a grid."""

    __tablename__ = "villagers_group"
    __table_args__ = (
        sa.Index(
            "uq_villagers_group_name",
            "village_id",
            "name",
            unique=True,
            postgresql_where=sa.text("valid_to is null"),
        ),
        *scope_indexes("villagers_group", "name"),
        {"schema": "core"},
    )

    name: Mapped[str] = mapped_column(info=PUBLIC)
    valid_from: Mapped[date] = mapped_column(info=PUBLIC)
    valid_to: Mapped[date | None] = mapped_column(info=PUBLIC)


class Body(Identified, Versioned, Scoped, Base):
    """A body of a unit: 村委会, 道德评议会, 村民代表会议 … `kind` comes from the catalogue of body kinds."""

    __tablename__ = "body"
    __table_args__ = (
        sa.Index(
            "uq_body_unit_kind", "unit_id", "kind", unique=True, postgresql_where=sa.text("valid_to is null")
        ),
        *scope_indexes("body", "kind"),
        {"schema": "core"},
    )

    kind: Mapped[str] = mapped_column(info=PUBLIC)
    name: Mapped[str] = mapped_column(info=PUBLIC)
    seats_min: Mapped[int | None] = mapped_column(info=PUBLIC)
    seats_max: Mapped[int | None] = mapped_column(info=PUBLIC)
    valid_from: Mapped[date] = mapped_column(info=PUBLIC)
    valid_to: Mapped[date | None] = mapped_column(info=PUBLIC)


class Term(Identified, Versioned, Scoped, Base):
    """One member's time in a post of a body: who, which post, from when to when, on what basis."""

    __tablename__ = "term"
    __table_args__ = (
        sa.CheckConstraint("valid_to is null or valid_to > valid_from", name="validity"),
        sa.Index("ix_term_body", "body_id", "valid_from", "id"),
        sa.Index("ix_term_resident", "resident_id"),
        *scope_indexes("term", "valid_from"),
        {"schema": "core"},
    )

    body_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.body.id"), info=PUBLIC)
    resident_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.resident.id"), info=PUBLIC)
    post: Mapped[str] = mapped_column(info=PUBLIC)
    valid_from: Mapped[date] = mapped_column(info=PUBLIC)
    valid_to: Mapped[date | None] = mapped_column(info=PUBLIC)
    basis: Mapped[str] = mapped_column(info=PUBLIC)


class Roll(Identified, Scoped, Base):
    """A frozen list of persons: who was eligible when it was taken; never edited afterwards."""

    __tablename__ = "roll"
    __table_args__ = (*scope_indexes("roll", "taken_at"), {"schema": "core"})

    purpose: Mapped[str] = mapped_column(info=PUBLIC)
    taken_at: Mapped[datetime] = mapped_column(info=PUBLIC)
    size: Mapped[int] = mapped_column(info=PUBLIC)
    sha256: Mapped[bytes] = mapped_column(info=PUBLIC)


class RollEntry(Base):
    """One person on a roll, with the body that put them there."""

    __tablename__ = "roll_entry"
    __table_args__ = ({"schema": "core"},)

    roll_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.roll.id"), primary_key=True, info=INTERNAL)
    resident_id: Mapped[UUID] = mapped_column(primary_key=True, info=INTERNAL)
    body_kinds: Mapped[list[str]] = mapped_column(pg.ARRAY(sa.Text), info=INTERNAL)
