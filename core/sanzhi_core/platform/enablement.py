"""Which plugin is on where (domain/core.md §10): inherited, lockable, effective-dated.

The nearest row on the way up wins, unless an ancestor's row is locked; then the topmost locked row wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform.models import PluginEnablement

READABLE = frozenset({"PILOT", "ON", "PENDING_CONFIRM", "SUSPENDED"})
WRITABLE = frozenset({"PILOT", "ON", "PENDING_CONFIRM"})
OFF = "OFF"


@dataclass(frozen=True)
class Row:
    """One live enablement row: where, what, locked. `path` is the unit's `org_path`."""

    unit_id: UUID
    path: str
    level: str
    state: str
    locked: bool


def resolve(rows: Iterable[Row], path: str) -> Row | None:
    """The row in force at the unit with `path`: topmost locked ancestor-or-self, else the nearest; None: OFF."""
    on_way = sorted((r for r in rows if path.startswith(r.path)), key=lambda r: len(r.path))
    for row in on_way:
        if row.locked:
            return row
    return on_way[-1] if on_way else None


def live(plugin: str, on: date) -> sa.Select[UUID, str, str, str, bool]:
    """Rows of a plugin in force on a day, with the level of their unit."""
    e = PluginEnablement
    return (
        sa.select(e.unit_id, OrgUnit.org_path, OrgUnit.level, e.state, e.locked)
        .join(OrgUnit, OrgUnit.id == e.unit_id)
        .where(e.plugin == plugin, e.valid_from <= on, sa.or_(e.valid_to.is_(None), e.valid_to > on))
    )


async def rows_touching(session: AsyncSession, plugin: str, on: date, paths: Sequence[str]) -> list[Row]:
    """Live rows on the way up from, or anywhere below, the units with these paths."""
    touching = sa.or_(
        *(
            sa.or_(
                OrgUnit.org_path.op("^@")(path),
                sa.literal(path, sa.Text).op("^@")(OrgUnit.org_path),
            )
            for path in paths
        )
    )
    found = await session.execute(live(plugin, on).where(touching))
    return [Row(*r) for r in found]


async def state_at(session: AsyncSession, plugin: str, unit_id: UUID, on: date) -> str:
    """State of a plugin at a unit on a business day; the core is always ON, an unknown unit OFF."""
    if plugin == "core":
        return "ON"
    path = await session.scalar(sa.select(OrgUnit.org_path).where(OrgUnit.id == unit_id))
    if path is None:
        return OFF
    found = await session.execute(
        live(plugin, on).where(sa.literal(path, sa.Text).op("^@")(OrgUnit.org_path))
    )
    rows = [Row(*r) for r in found]
    row = resolve(rows, path)
    return row.state if row else OFF


def overrides(rows: Sequence[Row], path: str) -> list[Row]:
    """Rows strictly below `path` that count: none below a locked ancestor-or-self of theirs."""
    out = []
    for row in rows:
        if row.path != path and row.path.startswith(path):
            winner = resolve(rows, row.path)
            if winner is not None and winner.unit_id == row.unit_id:
                out.append(row)
    return sorted(out, key=lambda r: len(r.path))
