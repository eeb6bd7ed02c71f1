"""Queryable types of identity and audit."""

from __future__ import annotations

from sanzhi_core.audit.record import AuditEntry as AuditRow
from sanzhi_core.identity.models import Account as AccountRow
from sanzhi_core.identity.models import RoleGrant as GrantRow
from sanzhi_core.reading.declaration import Node, Policy, col, many, one


class Account(
    Node,
    model=AccountRow,
    plugin="core",
    policy=Policy("core.account.read", account="id"),
    one="account",
    many="accounts",
    default_order=("login",),
    zh="账户",
    en="An account that may sign in",
):
    login = col(zh="登录名", en="Login name", order=True)
    display_name = col(zh="姓名", en="Name")
    status = col(zh="状态", en="Status")
    must_change_password = col(zh="须改密码", en="Must change the password at next sign-in")
    elderly_mode = col(zh="长者模式", en="Elderly mode")
    version = col(zh="版本", en="Version", filter=False)
    unit = one("OrgUnit", local="unit_id", zh="所属单位", en="Home unit")
    grants = many("RoleGrant", remote="account_id", zh="授权", en="Role grants")


class RoleGrant(
    Node,
    model=GrantRow,
    plugin="core",
    policy=Policy("core.account.read", account="account_id"),
    one="roleGrant",
    many="roleGrants",
    default_order=("valid_from",),
    zh="角色授权",
    en="A role held at a unit",
):
    role_code = col(zh="角色代码", en="Role code")
    department = col(zh="部门", en="Department")
    scope = col(zh="范围", en="SUBTREE or EXACT")
    valid_from = col(zh="起始日", en="First day", order=True)
    valid_to = col(zh="失效日", en="First day on which it no longer holds")
    basis = col(zh="依据", en="Basis")
    revoked_at = col(zh="撤销时间", en="When it was revoked")
    version = col(zh="版本", en="Version", filter=False)
    unit = one("OrgUnit", local="unit_id", zh="单位", en="Unit")
    account = one("Account", local="account_id", zh="账户", en="Account")


class AuditEntry(
    Node,
    model=AuditRow,
    plugin="core",
    policy=Policy("core.audit.read", account="actor_id", walled=True),
    one="auditEntry",
    many="auditEntries",
    default_order=("at",),
    zh="审计日志",
    en="One audit entry; values of public and internal fields only",
):
    at = col(zh="时间", en="When", order=True)
    action = col(zh="操作", en="Operation")
    result = col(zh="结果", en="OK, DENIED or FAILED")
    error_code = col(zh="错误码", en="Error code of a refusal")
    role = col(zh="所用角色", en="Roles under which it was done")
    entity = col(zh="对象类型", en="Type of the object")
    entity_id = col(zh="对象编号", en="Id of the object")
    reason = col(zh="理由", en="Reason")
    channel = col(zh="渠道", en="Channel")
    changes = col(zh="变更", en="Changed rows: entity, id, fields, keyed hashes, open values", filter=False)
    unit = one("OrgUnit", local="unit_id", zh="单位", en="Unit")


NODES = (Account, RoleGrant, AuditEntry)
