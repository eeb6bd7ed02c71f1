"""Declarative base and the mixins every table is made of."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

from sanzhi_core.clock import new_id

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# Data class of a column (domain/core.md §6). The audit trail keeps values of PUBLIC and INTERNAL columns only;
# a column without a class is treated as PERSONAL.
PUBLIC = {"data_class": "PUBLIC"}
INTERNAL = {"data_class": "INTERNAL"}
PERSONAL = {"data_class": "PERSONAL"}
SENSITIVE = {"data_class": "SENSITIVE"}


class Base(DeclarativeBase):
    """Every table lives in the PostgreSQL schema of its package (`__table_args__ = {"schema": …}`)."""

    metadata = sa.MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: sa.TIMESTAMP(timezone=True),
        date: sa.Date(),
        UUID: sa.Uuid(),
        str: sa.Text(),
        bytes: sa.LargeBinary(),
        dict[str, Any]: pg.JSONB(),
        list[Any]: pg.JSONB(),
        list[str]: pg.ARRAY(sa.Text()),
        list[UUID]: pg.ARRAY(sa.Uuid()),
    }


class Identified:
    """Primary key UUIDv7 `id`."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, info=PUBLIC, sort_order=-10)


class Versioned:
    """Optimistic lock: `version` grows by one at each update; a stale write is VERSION_CONFLICT."""

    version: Mapped[int] = mapped_column(nullable=False, info=PUBLIC, sort_order=90)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}


class Scoped:
    """Where a row belongs (architecture 7).

    `unit_id` and `org_code_at_time` never change. The others are a cache of the unit's ancestors, rewritten by
    organisation changes for open rows.
    """

    unit_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("core.org_unit.id"), nullable=False, info=INTERNAL, sort_order=70
    )
    org_code_at_time: Mapped[str] = mapped_column(nullable=False, info=PUBLIC, sort_order=71)
    org_path: Mapped[str] = mapped_column(
        sa.Text(collation="C"), nullable=False, info=INTERNAL, sort_order=72
    )
    county_id: Mapped[UUID | None] = mapped_column(info=INTERNAL, sort_order=73)
    town_id: Mapped[UUID | None] = mapped_column(info=INTERNAL, sort_order=74)
    village_id: Mapped[UUID | None] = mapped_column(info=INTERNAL, sort_order=75)
    grid_id: Mapped[UUID | None] = mapped_column(info=INTERNAL, sort_order=76)


SCOPE_LEVELS = ("unit_id", "county_id", "town_id", "village_id", "grid_id")


def scope_indexes(table: str, *sort_keys: str) -> tuple[sa.Index | sa.CheckConstraint, ...]:
    """The indexes a scoped table needs: `(level_id, sort key, id)` for each level, and the path check."""
    keys = [k for k in sort_keys if k != "id"]
    out: list[sa.Index | sa.CheckConstraint] = [
        sa.CheckConstraint("org_path LIKE '%/'", name="org_path_closed")
    ]
    for level in SCOPE_LEVELS:
        out.append(sa.Index(f"ix_{table}_{level}_{'_'.join([*keys, 'id'])}", level, *keys, "id"))
    return tuple(out)
