"""Queryable types of the organisation. Divisions and bodies are public data; who sits in them is for who signs in."""

from __future__ import annotations

from sanzhi_core.org import models
from sanzhi_core.reading.declaration import Node, Policy, col, many, one


class OrgUnit(
    Node, model=models.OrgUnit, plugin="core", policy=Policy(public=True),
    one="orgUnit", many="orgUnits", default_order=("code",),
    zh="组织单位：省、市、县、乡镇、村、网格", en="A unit of the hierarchy, province to grid, as it is now",
):  # fmt: skip
    code = col(zh="代码(12位，网格15位)", en="Code: 12 digits, a grid 15", order=True)
    level = col(zh="层级", en="PROVINCE, CITY, COUNTY, TOWN, VILLAGE or GRID")
    name = col(zh="名称", en="Name", order=True)
    short_name = col(zh="简称", en="Short name")
    kind = col(
        zh="类别(由代码区间定)", en="Kind, from the range of the code: VILLAGE, COMMUNITY, TOWN, STREET …"
    )
    status = col(zh="状态", en="PLANNED, ACTIVE or ABOLISHED")
    valid_from = col(zh="设立日", en="First day", order=True)
    valid_to = col(zh="撤销日", en="First day on which it no longer exists")
    code_pending = col(zh="待重新编码", en="Moved, but not re-coded yet")
    urban_rural_class = col(zh="城乡分类代码", en="Urban-rural class (3 digits)")
    uscc = col(zh="统一社会信用代码", en="Unified social credit code")
    area_km2 = col(zh="面积(平方公里)", en="Area in km²")
    boundary = col(zh="边界(GeoJSON，CGCS2000)", en="Boundary as GeoJSON (CGCS2000, EPSG:4490)", filter=False)
    edition = col(zh="区划代码版本", en="Edition of the list the unit came from")
    version = col(zh="版本", en="Version", filter=False)
    parent = one("OrgUnit", local="parent_id", zh="上级单位", en="Parent")
    county = one("OrgUnit", local="county_id", zh="所属县(市、区)", en="County it belongs to")
    town = one("OrgUnit", local="town_id", zh="所属乡镇(街道)", en="Town it belongs to")
    village = one("OrgUnit", local="village_id", zh="所属村(社区)", en="Village it belongs to")
    children = many("OrgUnit", remote="parent_id", zh="下级单位", en="Units one level below")
    versions = many(
        "OrgUnitVersion", remote="unit_id", zh="历史沿革", en="What it was called and where it was placed"
    )
    groups = many("VillagersGroup", remote="village_id", zh="村民小组", en="Villagers' groups of the village")
    bodies = many("Body", remote="unit_id", zh="村级组织", en="Bodies of the village")
    households = many("Household", remote="village_id", zh="农户", en="Households of the village")


class OrgUnitVersion(
    Node, model=models.OrgUnitVersion, plugin="core", policy=Policy(public=True),
    one="orgUnitVersion", many="orgUnitVersions", default_order=("code",),
    zh="组织单位的历史记录", en="What a unit was called, coded and placed under during [validFrom, validTo)",
):  # fmt: skip
    code = col(zh="当时代码", en="Code then", order=True)
    level = col(zh="层级", en="Level")
    name = col(zh="当时名称", en="Name then")
    kind = col(zh="当时类别", en="Kind then")
    status = col(zh="当时状态", en="Status then")
    valid_from = col(zh="起始日", en="First day", order=True)
    valid_to = col(zh="终止日", en="First day on which it no longer held")
    reason = col(zh="依据", en="Reason, or the edition of the list", filter=False)
    doc_no = col(zh="文号", en="Document number")
    unit = one("OrgUnit", local="unit_id", zh="单位(现状)", en="The unit as it is now")
    parent = one("OrgUnit", local="parent_id", zh="当时的上级单位(现状)", en="The parent then, as it is now")


class VillagersGroup(
    Node, model=models.VillagersGroup, plugin="core", policy=Policy(public=True),
    one="villagersGroup", many="villagersGroups", default_order=("name",),
    zh="村民小组", en="A villagers' group: part of a village for self-government, not a grid",
):  # fmt: skip
    name = col(zh="名称", en="Name", order=True)
    valid_from = col(zh="设立日", en="First day")
    valid_to = col(zh="撤销日", en="First day on which it no longer exists")
    version = col(zh="版本", en="Version", filter=False)
    village = one("OrgUnit", local="village_id", zh="村", en="Village")
    households = many("Household", remote="group_id", zh="农户", en="Households of the group")


class Body(
    Node, model=models.Body, plugin="core", policy=Policy(public=True),
    one="body", many="bodies", default_order=("kind",),
    zh="村级组织：村委会、道德评议会等", en="A body of a village: committee, moral council …",
):  # fmt: skip
    kind = col(zh="种类", en="VC, PARTY_BRANCH, SUPERVISION, VILLAGER_REPS, MORAL_COUNCIL …", order=True)
    name = col(zh="名称", en="Name")
    seats_min = col(zh="最少人数", en="Least number of members", filter=False)
    seats_max = col(zh="最多人数", en="Greatest number of members", filter=False)
    valid_from = col(zh="成立日", en="First day")
    valid_to = col(zh="撤销日", en="First day on which it no longer exists")
    version = col(zh="版本", en="Version", filter=False)
    unit = one("OrgUnit", local="unit_id", zh="单位", en="Unit")
    terms = many("Term", remote="body_id", zh="成员任期", en="Terms of its members")


class Term(
    Node, model=models.Term, plugin="core", policy=Policy(signed_in=True),
    one="term", many="terms", default_order=("valid_from",),
    zh="任期", en="A member's time in a post of a body",
):  # fmt: skip
    post = col(zh="职务", en="Post: the head (DIRECTOR, SECRETARY, CHAIR), DEPUTY or MEMBER")
    valid_from = col(zh="起始日", en="First day", order=True)
    valid_to = col(zh="届满日", en="First day on which it no longer holds")
    basis = col(zh="依据", en="Basis: election, document number", filter=False)
    version = col(zh="版本", en="Version", filter=False)
    body = one("Body", local="body_id", zh="组织", en="Body")
    resident = one("Resident", local="resident_id", zh="成员", en="The member, as far as the caller may see")
    unit = one("OrgUnit", local="unit_id", zh="单位", en="Unit")


NODES = (OrgUnit, OrgUnitVersion, VillagersGroup, Body, Term)
