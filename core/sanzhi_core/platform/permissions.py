"""Which role carries which permission: seeded from each permission's `default_roles`, additions only."""

from __future__ import annotations

from typing import Any

from sanzhi_core.identity.roles import CODES
from sanzhi_core.platform.plugins import Platform, PluginFault


async def seed_permissions(conn: Any, platform: Platform) -> int:
    """Add the default role → permission rows of new permissions, as the owner; returns how many were added.

    A permission that has rows already is left as the county changed it. PluginFault for an unknown role.
    """
    known = {r[0] for r in await conn.fetch("select distinct permission from core.role_permission")}
    rows = []
    for key, permission in platform.permissions.items():
        unknown = set(permission.default_roles) - CODES
        if unknown:
            raise PluginFault(f"{key}: unknown default roles {sorted(unknown)}")
        if key not in known:
            rows += [(role, key) for role in permission.default_roles]
    async with conn.transaction():
        await conn.executemany(
            "insert into core.role_permission (role_code, permission) values ($1, $2)", rows
        )
        if rows:
            await conn.execute("update core.generation set n = n + 1")
    return len(rows)
