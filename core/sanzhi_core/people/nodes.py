"""Queryable types of people: masked values only; plain ones come from the operation `core.person.reveal`."""

from __future__ import annotations

from sanzhi_core.people import models
from sanzhi_core.reading.declaration import Node, Policy, col, many, one

READ_HOUSEHOLD = "core.household.read"
READ_RESIDENT = "core.resident.read"
READ_KINSHIP = "core.kinship.read"
READ_LOG = "core.reveal.read"
REVEAL = "core.person.reveal"


class Household(
    Node, model=models.Household, plugin="core", policy=Policy(READ_HOUSEHOLD, self_=("id",)),
    one="household", many="households", default_order=("household_no",),
    zh="农户", en="A household of a village",
):  # fmt: skip
    household_no = col(zh="户编号", en="Number of the household in its village", order=True)
    type = col(zh="户类型", en="FARM 农户, NON_FARM 非农户 or COLLECTIVE 集体户")
    head_masked_name = col(zh="户主姓名(脱敏)", en="Name of the head, masked", filter=False)
    member_count = col(zh="在册人数", en="Number of active members")
    residence_state = col(zh="居住状态", en="RESIDING, AWAY_LONG or EMPTY")
    status = col(zh="状态", en="ACTIVE, MERGED, SPLIT, MOVED_OUT or DISSOLVED")
    registered_on = col(zh="登记日", en="Day of registration")
    ended_on = col(zh="销户日", en="Day on which it ended")
    version = col(zh="版本", en="Version", filter=False)
    unit = one("OrgUnit", local="unit_id", zh="登记单位", en="Unit it was registered in")
    village = one("OrgUnit", local="village_id", zh="所在村", en="Village")
    grid = one("OrgUnit", local="grid_id", zh="所在网格", en="Grid")
    group = one("VillagersGroup", local="group_id", zh="村民小组", en="Villagers' group")
    head = one("Resident", local="head_resident_id", zh="户主", en="Head of the household")
    members = many("Resident", remote="household_id", zh="家庭成员", en="Residents of the household")
    honours = many("HouseholdHonour", remote="household_id", zh="荣誉", en="Honours of the household")


class HouseholdHonour(
    Node, model=models.HouseholdHonour, plugin="core", policy=Policy(READ_HOUSEHOLD, self_=("household_id",)),
    one="householdHonour", many="householdHonours", default_order=("valid_from",),
    zh="农户荣誉", en="An honour of a household with its certificate",
):  # fmt: skip
    honour = col(zh="荣誉", en="VETERAN 退役军人户 or MORAL_MODEL 道德模范户")
    issuer = col(zh="发证单位", en="Issuer of the certificate")
    certificate_no = col(zh="证书编号", en="Number of the certificate", needs=REVEAL)
    valid_from = col(zh="生效日", en="First day", order=True)
    valid_to = col(zh="失效日", en="First day on which it no longer holds")
    version = col(zh="版本", en="Version", filter=False)
    household = one("Household", local="household_id", zh="农户", en="Household")
    unit = one("OrgUnit", local="unit_id", zh="单位", en="Unit")


class Resident(
    Node, model=models.Resident, plugin="core", policy=Policy(READ_RESIDENT, self_=("household_id", "id")),
    one="resident", many="residents", default_order=("masked_name",),
    zh="村(居)民", en="A resident, masked",
):  # fmt: skip
    masked_name = col(zh="姓名(脱敏)", en="Name, masked", order=True)
    masked_id_number = col(zh="证件号码(脱敏)", en="Number of the document, masked", filter=False)
    masked_phone = col(zh="电话(脱敏)", en="Telephone, masked", filter=False)
    id_type = col(zh="证件类型", en="RESIDENT_ID, HKMT_PERMIT, PASSPORT or NONE")
    sex = col(zh="性别", en="M or F")
    birth_year = col(zh="出生年份", en="Year of birth")
    relation_to_head = col(zh="与户主关系", en="Relation to the head of the household", filter=False)
    contact_preference = col(zh="联系方式偏好", en="PHONE, SMS, WECHAT or VISIT")
    needs_assistance = col(
        zh="需要协助", en="Asked for assistance; declared by the person, no diagnosis", filter=False
    )
    status = col(zh="状态", en="ACTIVE, MOVED_OUT or DECEASED")
    provisional = col(zh="临时登记", en="Recorded without a number of a document")
    version = col(zh="版本", en="Version", filter=False)
    household = one("Household", local="household_id", zh="农户", en="Household")
    unit = one("OrgUnit", local="unit_id", zh="登记单位", en="Unit of registration")
    village = one("OrgUnit", local="village_id", zh="所在村", en="Village")


class Kinship(
    Node, model=models.Kinship, plugin="core",
    policy=Policy(READ_KINSHIP, self_=("resident_id", "relative_id")),
    one="kinship", many="kinships", default_order=("resident_id",),
    zh="近亲属申报", en="A near relation that persons declared, for recusal only",
):  # fmt: skip
    relation = col(zh="关系", en="What the relative is to the resident")
    declared_on = col(zh="申报日", en="Day of the declaration")
    resident = one("Resident", local="resident_id", zh="申报人", en="Who declared it")
    relative = one("Resident", local="relative_id", zh="近亲属", en="The relative")
    unit = one("OrgUnit", local="unit_id", zh="单位", en="Unit")


class RevealLog(
    Node, model=models.RevealLog, plugin="core",
    policy=Policy(READ_LOG, self_=("subject_id",), account="actor_id", walled=True),
    one="revealLog", many="revealLogs", default_order=("at",),
    zh="明文查看记录", en="Who saw which plain values of whom, when and for what purpose",
):  # fmt: skip
    at = col(zh="时间", en="When", order=True)
    fields = col(zh="所看字段", en="Fields that were shown", filter=False)
    purpose = col(zh="用途", en="Purpose")
    channel = col(zh="渠道", en="Channel")
    subject = one("Resident", local="subject_id", zh="被查看人", en="Whose values")
    actor = one("Account", local="actor_id", zh="查看人", en="Who saw them")
    unit = one("OrgUnit", local="unit_id", zh="单位", en="Unit")


NODES = (Household, HouseholdHonour, Resident, Kinship, RevealLog)
