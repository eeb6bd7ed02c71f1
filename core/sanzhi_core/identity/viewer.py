"""What a front-end asks first: who am I, where, what is on, what may I do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import sqlalchemy as sa

from sanzhi_core.identity.models import Role
from sanzhi_core.identity.policy import holds_anywhere
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.enablement import READABLE, resolve, rows_touching
from sanzhi_core.reading.declaration import Bounded


@dataclass(frozen=True)
class ViewerRole:
    """现任角色 / A role held today.

    A role held now: code, names, the unit and until when.
    """

    code: Annotated[str, "角色代码 / Role code"]
    name: Annotated[str, "角色名称 / Name of the role"]
    unit_id: Annotated[str, "单位编号 / Unit id"]
    unit_code: Annotated[str, "单位代码 / Code of the unit"]
    unit_name: Annotated[str, "单位名称 / Name of the unit"]
    scope: Annotated[str, "范围 / SUBTREE or EXACT"]
    valid_to: Annotated[str | None, "失效日 / First day on which it no longer holds"]


@dataclass(frozen=True)
class ViewerPlugin:
    """已启用插件 / A plugin that is on.

    A plugin that is on somewhere for the caller.
    """

    name: Annotated[str, "插件 / Plugin"]
    title: Annotated[str, "名称 / Title"]


@dataclass(frozen=True)
class Viewer:
    """当前用户 / The caller.

    The caller. `capabilities`: permission keys held at least somewhere today.
    """

    account_id: Annotated[str | None, "账户编号 / Account id"]
    display_name: Annotated[str, "姓名 / Name"]
    resident_id: Annotated[str | None, "村民编号 / Resident id"]
    household_id: Annotated[str | None, "农户编号 / Household id"]
    roles: Annotated[list[ViewerRole], "现任角色 / Roles held today", Bounded(100)]
    plugins: Annotated[
        list[ViewerPlugin], "已启用插件 / Plugins that are on somewhere for the caller", Bounded(100)
    ]
    capabilities: Annotated[
        list[str], "可做之事(权限代码) / Permission keys held at least somewhere today", Bounded(1000)
    ]


def _typed(kind: str, ident: Any) -> str | None:
    return f"{kind}_{ident}" if ident is not None else None


async def viewer(ctx: Context, _input: Any) -> Viewer:
    """Answer of `viewer`; for an anonymous caller all lists are empty but the publicly enabled plugins."""
    p = ctx.principal
    en = ctx.locale.startswith("en")
    async with ctx.db.transaction() as session:
        names = {r.code: (r.name_en if en else r.name_zh) for r in await session.scalars(sa.select(Role))}
        units = {
            u.id: u
            for u in await session.scalars(
                sa.select(OrgUnit).where(OrgUnit.id.in_([g.unit_id for g in p.grants]))
            )
        }
    today = ctx.today
    roles = [
        ViewerRole(
            g.role_code,
            names.get(g.role_code, g.role_code),
            f"OrgUnit_{g.unit_id}",
            units[g.unit_id].code,
            units[g.unit_id].name,
            g.scope,
            g.valid_to.isoformat() if g.valid_to else None,
        )
        for g in p.grants
        if g.valid_from <= today and (g.valid_to is None or today < g.valid_to)
    ]
    held = sorted(await holds_anywhere(ctx, ctx.platform.permissions)) if p.kind == "ACCOUNT" else []
    plugins = [
        ViewerPlugin(name, part.manifest.title_en if en else part.manifest.title_zh)
        for name, part in sorted(ctx.platform.parts.items())
        if name in await enabled_plugins(ctx)
    ]
    return Viewer(
        _typed("Account", p.account_id),
        p.display_name,
        _typed("Resident", p.resident_id),
        _typed("Household", p.household_id),
        roles,
        plugins,
        held,
    )


async def enabled_plugins(ctx: Context) -> frozenset[str]:
    """Plugins readable somewhere in the counties of the caller's grants (architecture 10); prunes the schema.

    Anonymous: in the county of the host name or header. The system: all that are loaded.
    """
    p, platform = ctx.principal, ctx.platform
    if p.kind == "SYSTEM":
        return platform.plugin_names
    key = ("enabled", p.key, p.county_id, p.generation, ctx.today)
    hit: frozenset[str] | None = platform.scopes.get(key)
    if hit is not None:
        return hit
    found = set()
    async with ctx.db.transaction() as session:
        homes = [*(g.unit_id for g in p.grants), *([p.county_id] if p.county_id else [])]
        paths = list(await session.scalars(sa.select(OrgUnit.org_path).where(OrgUnit.id.in_(homes))))
        for plugin in platform.plugin_names if paths else ():
            rows = await rows_touching(session, plugin, ctx.today, paths)
            places = [*paths, *(r.path for r in rows if any(r.path.startswith(mine) for mine in paths))]
            winners = (resolve(rows, place) for place in places)
            if any(winner is not None and winner.state in READABLE for winner in winners):
                found.add(plugin)
    result = frozenset(found)
    platform.scopes.put(key, result)
    return result
