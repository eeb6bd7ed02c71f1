"""What people bring to the core part."""

from __future__ import annotations

from typing import Annotated

from sanzhi_core.people import importing, kinship, nodes, residents, reveal, service
from sanzhi_core.people.nodes import NODES
from sanzhi_core.platform.hookspecs import Mutation, Permission, Query
from sanzhi_core.reading.declaration import Bounded

_READERS = (
    "CLERK",
    "VC_DIRECTOR",
    "VC_MEMBER",
    "PARTY_SECRETARY",
    "PARTY_COMMITTEE",
    "GRID_WORKER",
    "TOWN_STAFF",
    "TOWN_LEADER",
)
_KEEPERS = ("CLERK", "VC_DIRECTOR", "VC_MEMBER", "PARTY_SECRETARY", "PARTY_COMMITTEE", "TOWN_STAFF")

PERMISSIONS = (
    Permission(nodes.READ_HOUSEHOLD, "查看农户", "Read households", _READERS, "INTERNAL"),
    Permission(nodes.READ_RESIDENT, "查看村(居)民(脱敏)", "Read residents, masked", _READERS, "PERSONAL"),
    Permission(nodes.READ_KINSHIP, "查看近亲属申报", "Read declared relations", ("CLERK", "VC_DIRECTOR", "PARTY_SECRETARY", "SUPERVISION", "TOWN_STAFF"), "PERSONAL"),
    Permission(nodes.READ_LOG, "查看明文查看记录", "Read who saw plain values", ("DPO", "AUDIT_ADMIN", "AUDITOR_RO")),
    Permission(service.MANAGE, "登记农户和村(居)民", "Keep the register of households and residents", _KEEPERS, "PERSONAL"),
    Permission(importing.IMPORT, "导入农户和村(居)民", "Import households and residents", ("CLERK", "VC_DIRECTOR", "TOWN_STAFF"), "PERSONAL"),
    Permission(kinship.DECLARE, "代为申报近亲属", "Record declared relations", ("CLERK", "VC_DIRECTOR", "PARTY_SECRETARY"), "PERSONAL"),
    Permission(nodes.REVEAL, "查看明文", "See plain values", ("VC_DIRECTOR", "PARTY_SECRETARY", "TOWN_STAFF", "DPO"), "SENSITIVE"),
)  # fmt: skip

MUTATIONS = (
    Mutation("createHousehold", service.create_household, "Household", "household", "登记农户", "Record a household with its people"),
    Mutation("setHouseholdHead", service.set_head, "Household", "household", "变更户主", "Change the head of a household"),
    Mutation("assignHousehold", service.assign_household, "Household", "household", "调整小组和网格", "Put a household into a group and a grid"),
    Mutation("addHouseholdHonour", service.add_honour, "HouseholdHonour", "honour", "登记农户荣誉", "Record an honour of a household"),
    Mutation("moveOutHousehold", service.move_out, "Household", "household", "整户迁出", "A household moves away"),
    Mutation("addResident", residents.add_resident, "Resident", "resident", "增加家庭成员", "Add a person to a household"),
    Mutation("updateContact", residents.update_contact, "Resident", "resident", "更新联系方式", "Change how a person is reached"),
    Mutation("markDeceased", residents.mark_deceased, "Resident", "resident", "登记死亡", "Record a death"),
    Mutation("declareKinship", kinship.declare_kinship, "Kinship", "kinship", "申报近亲属", "Declare a near relation"),
    Mutation("withdrawKinship", kinship.withdraw_kinship, None, "", "撤回近亲属申报", "Withdraw a declared relation"),
    Mutation("importPeople", importing.import_people_content, None, "result", "导入农户与居民", "Import households and residents", outputs=importing.PeopleImported),
    Mutation("revealPersons", reveal.reveal_persons, None, "revealed", "查看明文", "See plain values for a purpose", outputs=reveal.Revealed),
)  # fmt: skip

QUERIES = (
    Query("myRevealLog", reveal.my_reveal_log, Annotated[list[reveal.SeenByOthers], Bounded(reveal.MOST_LOGGED)], "谁看过我的明文", "Who saw my plain values", None),
)  # fmt: skip

__all__ = ["MUTATIONS", "NODES", "PERMISSIONS", "QUERIES"]
