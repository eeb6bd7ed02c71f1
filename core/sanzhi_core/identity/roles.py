"""The role codes of domain/core.md §3, as seed rows."""

from __future__ import annotations

from sanzhi_core.identity.models import Role

_V, _T, _C, _G = ("VILLAGE",), ("TOWN",), ("COUNTY",), ("GRID",)
_ANY = ("CITY", "COUNTY", "TOWN", "VILLAGE")
ADMINS = "ADMINS"

_SEED: tuple[tuple[str, str, str, tuple[str, ...], str | None], ...] = (
    ("RESIDENT", "村(居)民", "Resident", _V, None),
    ("HOUSEHOLD_HEAD", "户主/户代表", "Head of household", _V, None),
    ("GROUP_LEADER", "村民小组长", "Leader of a villagers' group", _V, None),
    ("VILLAGER_REP", "村民代表", "Villagers' representative", _V, None),
    ("VC_DIRECTOR", "村委会主任", "Village committee director", _V, None),
    ("VC_MEMBER", "村委会委员", "Village committee member", _V, None),
    ("PARTY_SECRETARY", "村党组织书记", "Village Party secretary", _V, None),
    ("PARTY_COMMITTEE", "村党组织委员", "Village Party committee member", _V, None),
    ("SUPERVISION", "村务监督委员会成员", "Village supervision committee member", _V, None),
    ("MORAL_COUNCIL", "道德评议会成员", "Moral council member", _V, None),
    ("WEDDING_FUNERAL", "红白理事会成员", "Weddings and funerals council member", _V, None),
    ("DELIBERATION_COUNCIL", "村民议事会成员", "Deliberation council member", _V, None),
    ("ANTI_DRUG_GAMBLING", "禁毒禁赌会成员", "Anti-drug and gambling council member", _V, None),
    ("GRID_WORKER", "网格员", "Grid worker", (*_G, *_V), None),
    ("GRID_LEADER", "网格长", "Grid leader", (*_G, *_V), None),
    ("MICRO_GRID", "微网格员", "Micro-grid worker", (*_G, *_V), None),
    ("FIRST_SECRETARY", "驻村第一书记", "Posted first secretary", _V, None),
    ("WORK_TEAM", "驻村工作队", "Posted work team", _V, None),
    ("TOWN_STAFF", "乡镇(街道)干部", "Town staff", _T, None),
    ("TOWN_LEADER", "乡镇(街道)领导", "Town leader", _T, None),
    ("TOWN_DISPATCHER", "乡镇(街道)调度", "Town dispatcher", _T, None),
    ("JUSTICE_OFFICE", "司法所", "Justice office", _T, None),
    ("COUNTY_DEPT", "县级部门", "County department", (*_C, "CITY"), None),
    ("COUNTY_PARTY_COMMITTEE", "县委", "County Party committee", _C, None),
    ("GOVERNANCE_BODY", "城乡基层治理机构", "Grassroots governance body", _C, None),
    ("JUDGE", "法官", "Judge", (*_G, *_V, *_T), None),
    ("PROSECUTOR", "检察官", "Prosecutor", (*_G, *_V, *_T), None),
    ("POLICE_OFFICER", "警员(辅警)", "Police officer", (*_G, *_V, *_T), None),
    ("LAWYER", "律师", "Lawyer", (*_G, *_V, *_T), None),
    ("MEDIATOR", "人民调解员", "Mediator", (*_G, *_V, *_T), None),
    ("CORRECTION_WORKER", "社区矫正工作者", "Community correction worker", (*_G, *_V, *_T), None),
    ("LEGAL_AID", "法律援助", "Legal aid worker", (*_G, *_V, *_T), None),
    ("AUDITOR_RO", "审计/督查只读", "Read-only auditor", _ANY, None),
    ("SYS_ADMIN", "系统管理员", "System administrator", (*_C, "CITY"), ADMINS),
    ("SEC_ADMIN", "安全管理员", "Security administrator", (*_C, "CITY"), ADMINS),
    ("AUDIT_ADMIN", "审计管理员", "Audit administrator", (*_C, "CITY"), ADMINS),
    ("DPO", "个人信息保护负责人", "Personal information protection officer", (*_C, "CITY"), None),
    ("CLERK", "代录员/代办员", "Clerk", _V, None),
)


def seed() -> list[dict[str, object]]:
    """Rows of `core.role`."""
    return [
        {"code": c, "name_zh": zh, "name_en": en, "levels": list(levels), "exclusive_group": group}
        for c, zh, en, levels, group in _SEED
    ]


CODES = frozenset(row[0] for row in _SEED)
TABLE = Role.__table__
