"""What the organisation brings to the core part."""

from __future__ import annotations

from sanzhi_core.org import bodies, history, importing, units
from sanzhi_core.org.nodes import NODES
from sanzhi_core.platform.hookspecs import Mutation, Permission, Query

_VILLAGE = ("VC_DIRECTOR", "PARTY_SECRETARY")
_TOWN = ("TOWN_STAFF", "TOWN_LEADER")

PERMISSIONS = (
    Permission(importing.MANAGE, "管理组织单位", "Manage organisation units", ("COUNTY_DEPT",), "PUBLIC"),
    Permission(
        units.MANAGE_GROUPS, "管理村民小组", "Manage villagers' groups", (*_VILLAGE, *_TOWN), "PUBLIC"
    ),
    Permission(bodies.MANAGE, "管理村级组织", "Manage bodies and terms", (*_VILLAGE, *_TOWN), "PUBLIC"),
)

MUTATIONS = (
    Mutation("createOrgUnit", units.create_unit, "OrgUnit", "unit", "新建单位或网格", "Make a unit or grid"),
    Mutation("renameOrgUnit", units.rename_unit, "OrgUnit", "unit", "单位更名", "Rename a unit"),
    Mutation("abolishOrgUnit", units.abolish_unit, "OrgUnit", "unit", "撤销空单位", "Abolish an empty unit"),
    Mutation(
        "createVillagersGroup", units.create_group, "VillagersGroup", "group",
        "新建村民小组", "Make a villagers' group",
    ),
    Mutation("createBody", bodies.create_body, "Body", "body", "新建村级组织", "Make a body of a village"),
    Mutation("addTerm", bodies.add_term, "Term", "term", "登记成员任期", "Record a member's term"),
    Mutation("endTerm", bodies.end_term, "Term", "term", "结束任期", "End a term"),
)  # fmt: skip

QUERIES = (
    Query(
        "orgUnitsAsOf", history.units_as_of, history.OrgUnitsAsOf,
        "某日的组织层级", "The hierarchy as it was on a day", "public", input=history.AsOf,
    ),
)  # fmt: skip

__all__ = ["MUTATIONS", "NODES", "PERMISSIONS", "QUERIES"]
