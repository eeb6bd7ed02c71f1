"""Who may see and do what: the one place. `scope_of` = live grants ∩ where the permission's plugin is on.

Deny by default: a permission that nobody declared is a LookupError, a caller without grants gets `NOWHERE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.identity.models import RolePermission
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform import enablement
from sanzhi_core.platform.context import EVERYWHERE, NOWHERE, Context, Scope
from sanzhi_core.platform.enablement import READABLE, WRITABLE, Row

_COLUMN = {"COUNTY": "county_ids", "TOWN": "town_ids", "VILLAGE": "village_ids", "GRID": "grid_ids"}


@dataclass(frozen=True)
class Area:
    """A granted unit. `exact`: the unit itself only."""

    unit_id: UUID
    path: str
    level: str
    exact: bool = False


class _Collector:
    """Gathers units into the parts of a `Scope`."""

    def __init__(self) -> None:
        self.parts: dict[str, set[UUID]] = {k: set() for k in ("unit_ids", *_COLUMN.values())}

    def exact(self, unit_id: UUID) -> None:
        self.parts["unit_ids"].add(unit_id)

    def subtree(self, unit_id: UUID, level: str) -> None:
        self.parts[_COLUMN.get(level, "unit_ids")].add(unit_id)

    def scope(self) -> Scope:
        parts = {k: tuple(sorted(v)) for k, v in self.parts.items()}
        return Scope(everywhere=False, **parts)


async def roles_with(ctx: Context, session: AsyncSession, permission: str) -> frozenset[str]:
    """Roles that carry a permission, cached by generation."""
    generation, table = ctx.platform.role_permissions
    if generation != ctx.principal.generation:
        table = {}
        for role, key in await session.execute(
            sa.select(RolePermission.role_code, RolePermission.permission)
        ):
            table.setdefault(key, set()).add(role)  # type: ignore[attr-defined,arg-type]
        table = {k: frozenset(v) for k, v in table.items()}
        ctx.platform.role_permissions = (ctx.principal.generation, table)
    return table.get(permission, frozenset())


async def granted(ctx: Context, session: AsyncSession, permission: str) -> list[Area]:
    """Units at which the caller holds the permission today, whatever is enabled there."""
    roles = await roles_with(ctx, session, permission)
    today = ctx.today
    held = [
        g
        for g in ctx.principal.grants
        if g.role_code in roles and g.valid_from <= today and (g.valid_to is None or today < g.valid_to)
    ]
    areas = {Area(g.unit_id, g.path, g.level, g.scope == "EXACT") for g in held}
    whole = [a for a in areas if not a.exact]
    return [
        a
        for a in areas
        if not any(w is not a and a.path.startswith(w.path) and (a.exact or a.path != w.path) for w in whole)
    ]


async def _spread(session: AsyncSession, out: _Collector, area: Area) -> None:
    """A whole subtree: units above the county are spread over their counties."""
    if area.level in ("PROVINCE", "CITY"):
        rows = await session.execute(
            sa.select(OrgUnit.id, OrgUnit.level).where(
                OrgUnit.org_path.op("^@")(area.path), OrgUnit.level.in_(("PROVINCE", "CITY", "COUNTY"))
            )
        )
        for unit_id, level in rows:
            out.subtree(unit_id, level) if level == "COUNTY" else out.exact(unit_id)
    else:
        out.subtree(area.unit_id, area.level)


async def _enabled(
    session: AsyncSession, out: _Collector, area: Area, rows: Sequence[Row], states: frozenset[str]
) -> None:
    """The parts of a granted subtree where the plugin's state is one of `states`."""
    here = enablement.resolve(rows, area.path)
    on = here is not None and here.state in states
    if area.exact:
        if on:
            out.exact(area.unit_id)
        return
    below = enablement.overrides(rows, area.path)
    if not on:
        top: list[Row] = []
        for row in below:
            if row.state in states and not any(row.path.startswith(t.path) for t in top):
                top.append(row)
                await _enabled(session, out, Area(row.unit_id, row.path, row.level), rows, states)
        return
    closed = [r for r in below if r.state not in states]
    if not closed:
        await _spread(session, out, area)
        return
    out.exact(area.unit_id)
    children = await session.execute(
        sa.select(OrgUnit.id, OrgUnit.org_path, OrgUnit.level).where(OrgUnit.parent_id == area.unit_id)
    )
    for unit_id, path, level in children.all():
        child = Area(unit_id, path, level)
        if any(r.path.startswith(path) for r in closed):
            await _enabled(session, out, child, rows, states)
        else:
            await _spread(session, out, child)


async def _compute(
    ctx: Context, session: AsyncSession, permission: str, states: frozenset[str] | None
) -> Scope:
    plugin = ctx.platform.plugin_of(permission)
    system = ctx.principal.kind == "SYSTEM"
    if plugin == "core" or states is None:
        if system:
            return EVERYWHERE
        out = _Collector()
        for area in await granted(ctx, session, permission):
            if area.exact:
                out.exact(area.unit_id)
            else:
                await _spread(session, out, area)
        return out.scope()
    if plugin not in ctx.platform.parts:
        return NOWHERE
    if system:
        roots = await session.execute(
            sa.select(OrgUnit.id, OrgUnit.org_path, OrgUnit.level).where(OrgUnit.parent_id.is_(None))
        )
        areas = [Area(*r) for r in roots.all()]
    else:
        areas = await granted(ctx, session, permission)
    if not areas:
        return NOWHERE
    rows = await enablement.rows_touching(session, plugin, ctx.today, [a.path for a in areas])
    out = _Collector()
    for area in areas:
        await _enabled(session, out, area, rows, states)
    return out.scope()


async def _cached(
    ctx: Context, permission: str, mode: str, states: frozenset[str] | None, session: AsyncSession | None
) -> Scope:
    p = ctx.principal
    if p.kind == "SYSTEM":  # a job carries no generation that could tell when a kept scope is stale
        if session is not None:
            return await _compute(ctx, session, permission, states)
        async with ctx.db.transaction() as own:
            return await _compute(ctx, own, permission, states)
    key = (p.key, p.generation, permission, mode, ctx.today)
    hit: Scope | None = ctx.platform.scopes.get(key)
    if hit is not None:
        return hit
    if session is not None:
        scope = await _compute(ctx, session, permission, states)
    else:
        async with ctx.db.transaction() as own:
            scope = await _compute(ctx, own, permission, states)
    ctx.platform.scopes.put(key, scope)
    return scope


async def scope_of(
    ctx: Context, permission: str, mode: str = "read", session: AsyncSession | None = None
) -> Scope:
    """Where the caller holds a permission today. `mode` "read" keeps SUSPENDED places, "write" leaves them out."""
    if ctx.principal.kind == "ANONYMOUS":
        ctx.platform.plugin_of(permission)
        return NOWHERE
    return await _cached(ctx, permission, mode, READABLE if mode == "read" else WRITABLE, session)


async def granted_scope(ctx: Context, permission: str, session: AsyncSession) -> Scope:
    """Where the caller holds a permission by role, enabled or not: tells PLUGIN_DISABLED from NOT_FOUND."""
    if ctx.principal.kind == "ANONYMOUS":
        return NOWHERE
    return await _cached(ctx, permission, "granted", None, session)


async def holds_anywhere(ctx: Context, permissions: Iterable[str]) -> frozenset[str]:
    """Those of `permissions` that the caller holds at least somewhere, for `viewer.capabilities`."""
    return frozenset([p for p in permissions if await scope_of(ctx, p)])
