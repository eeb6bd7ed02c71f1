"""What the organisation brings to the core part."""

from __future__ import annotations

from sanzhi_core.org import importing
from sanzhi_core.platform.hookspecs import Mutation, Permission, Query

PERMISSIONS = (
    Permission(importing.MANAGE, "管理组织单位", "Manage organisation units", ("COUNTY_DEPT",), "PUBLIC"),
)

NODES: tuple[type, ...] = ()
MUTATIONS: tuple[Mutation, ...] = ()
QUERIES: tuple[Query, ...] = ()
