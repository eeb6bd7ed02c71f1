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


_TOUCHING = sa.text(
    "select e.unit_id, u.org_path, u.level, e.state, e.locked "
    "from core.plugin_enablement e join core.org_unit u on u.id = e.unit_id "
    "where e.plugin = :plugin and e.valid_from <= :on and (e.valid_to is null or e.valid_to > :on) "
    "and exists (select from unnest(:paths) g(path) "
    "where starts_with(u.org_path, g.path) or starts_with(g.path, u.org_path))"
).bindparams(sa.bindparam("paths", type_=sa.ARRAY(sa.Text())), sa.bindparam("on", type_=sa.Date()))


async def rows_touching(session: AsyncSession, plugin: str, on: date, paths: Sequence[str]) -> list[Row]:
    """Live rows on the way up from, or anywhere below, the units with these paths."""
    found = await session.execute(_TOUCHING, {"plugin": plugin, "on": on, "paths": list(paths)})
    return [Row(*r) for r in found]


# Decisions stand at a county, town or village, so a unit's own columns name every row that can count.
_AT = sa.text(
    "select e.unit_id, e.org_path, '' as level, e.state, e.locked, u.org_path as here "
    "from core.org_unit u left join core.plugin_enablement e on e.plugin = :plugin "
    "and e.unit_id in (u.id, u.county_id, u.town_id, u.village_id) "
    "and e.valid_from <= :on and (e.valid_to is null or e.valid_to > :on) where u.id = :unit"
).bindparams(sa.bindparam("unit", type_=sa.Uuid()), sa.bindparam("on", type_=sa.Date()))


async def state_at(session: AsyncSession, plugin: str, unit_id: UUID, on: date) -> str:
    """State of a plugin at a unit on a business day; the core is always ON, an unknown unit OFF."""
    if plugin == "core":
        return "ON"
    found = (await session.execute(_AT, {"plugin": plugin, "unit": unit_id, "on": on})).all()
    rows = [Row(*r[:5]) for r in found if r[0] is not None]
    row = resolve(rows, found[0].here) if found else None
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
