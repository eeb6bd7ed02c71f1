"""Who holds which role where, from when to when, on what basis (R-CORE-20, R-CORE-21; 三员分立)."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.clock import real_now
from sanzhi_core.errors import ConflictOfInterest, Forbidden, InvalidTransition, ValidationFailed
from sanzhi_core.identity.models import Account, Role, RoleGrant
from sanzhi_core.identity.policy import roles_with
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, CommandInput, id_of
from sanzhi_core.platform.work import Work

MANAGE = "core.grant.manage"
COMMITTEE = frozenset({"VC_DIRECTOR", "VC_MEMBER"})


async def add_grant(
    work: Work,
    account: Account,
    role_code: str,
    unit: OrgUnit,
    *,
    scope: str,
    basis: str,
    valid_from: date | None = None,
    valid_to: date | None = None,
    department: str | None = None,
) -> RoleGrant:
    """Check the rules and add the grant. Raises VALIDATION_FAILED, CONFLICT_OF_INTEREST."""
    role = await work.session.get(Role, role_code)
    if role is None or unit.level not in role.levels:
        raise ValidationFailed.of(
            "roleCode",
            "NOT_AT_LEVEL",
            "该角色不能授予这一级单位",
            "This role is not granted at a unit of this level",
        )
    start = valid_from or work.today
    if valid_to is not None and valid_to <= start:
        raise ValidationFailed.of(
            "validTo", "NOT_AFTER_START", "结束日期须晚于开始日期", "The end must be after the start"
        )
    if account.status != "ACTIVE":
        raise ValidationFailed.of("accountId", "NOT_ACTIVE", "账户未启用", "The account is not active")
    await _incompatible(work, account, role, unit, start, valid_to)
    grant = RoleGrant(
        account_id=account.id,
        role_code=role_code,
        department=department,
        scope=scope,
        valid_from=start,
        valid_to=valid_to,
        basis=basis,
        **unit.place(),
    )
    work.session.add(grant)
    await work.bump_generation()
    await work.session.flush()
    return grant


async def _incompatible(
    work: Work, account: Account, role: Role, unit: OrgUnit, start: date, end: date | None
) -> None:
    overlapping = sa.and_(
        RoleGrant.account_id == account.id,
        RoleGrant.revoked_at.is_(None),
        sa.or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to > start),
        RoleGrant.valid_from < end if end is not None else sa.true(),
    )
    held = (
        await work.session.execute(
            sa.select(RoleGrant.role_code, RoleGrant.village_id, Role.exclusive_group)
            .join(Role, Role.code == RoleGrant.role_code)
            .where(overlapping)
        )
    ).all()
    for code, village_id, group in held:
        if role.exclusive_group is not None and group == role.exclusive_group and code != role.code:
            raise ConflictOfInterest(
                detail_zh="系统、安全、审计管理员不得由一人兼任",
                detail_en="System, security and audit administrator are three persons",
            )
        pair = {code, role.code}
        if village_id == unit.village_id and "SUPERVISION" in pair and pair & COMMITTEE:
            raise ConflictOfInterest(
                detail_zh="村务监督委员会成员不得兼任村委会成员",
                detail_en="Supervision excludes the village committee",
            )


class GrantRole(CommandInput):
    """Give an account a role at a unit."""

    account_id: id_of("Account") = Field(description="账户 / Account")  # type: ignore[valid-type]
    role_code: str = Field(min_length=2, max_length=40, description="角色代码 / Role code")
    unit_id: id_of("OrgUnit") = Field(description="单位 / Unit")  # type: ignore[valid-type]
    scope: str = Field(
        "SUBTREE", pattern="^(SUBTREE|EXACT)$", description="SUBTREE 含下级 EXACT 仅本级 / Scope"
    )
    department: str | None = Field(
        None, max_length=40, description="部门(县级部门角色) / Department (county roles)"
    )
    valid_from: date | None = Field(None, description="起始日，缺省为今天 / First day, today when missing")
    valid_to: date | None = Field(
        None, description="失效日(当天起无效) / First day on which it no longer holds"
    )
    basis: str = Field(
        min_length=2, max_length=200, description="依据：选举、文号 / Basis: election, document number"
    )


@operation("core.grant.add", permission=MANAGE, returns="RoleGrant")
async def grant_role(work: Work, input: GrantRole) -> RoleGrant:
    """Not to oneself; by others than security administrators only for units below their own."""
    unit = await work.unit(input.unit_id)
    account = await work.session.get(Account, input.account_id, with_for_update=True)
    if account is None:
        raise ValidationFailed.of("accountId", "UNKNOWN", "没有这个账户", "No such account")
    await work.authorise(account, permission="core.account.read")
    _not_oneself(work, account.id)
    await _below(work, unit)
    return await add_grant(
        work,
        account,
        input.role_code,
        unit,
        scope=input.scope,
        basis=input.basis,
        valid_from=input.valid_from,
        valid_to=input.valid_to,
        department=input.department,
    )


def _not_oneself(work: Work, account_id: UUID) -> None:
    if account_id == work.ctx.principal.account_id:
        raise Forbidden(MANAGE, detail_zh="不能处理自己的角色", detail_en="Nobody decides on their own roles")


async def _below(work: Work, unit: Any) -> None:
    """Town leaders name village roles; only a security administrator decides at the own level.

    Only grants that carry this permission today count: a read-only role at the county lifts nobody.
    """
    if work.ctx.principal.kind == "SYSTEM":
        return
    roles = await roles_with(work.ctx, work.session, MANAGE)
    over = [
        g
        for g in work.ctx.principal.grants
        if g.role_code in roles
        and g.valid_from <= work.today
        and (g.valid_to is None or work.today < g.valid_to)
        and unit.org_path.startswith(g.path)
    ]
    if not any(g.role_code == "SEC_ADMIN" or g.path != unit.org_path for g in over):
        raise Forbidden(
            MANAGE, detail_zh="只能授予下级单位的角色", detail_en="Roles are granted to lower units only"
        )


class RevokeGrant(ChangeInput):
    """End a grant at once."""

    grant_id: id_of("RoleGrant") = Field(description="授权 / Grant")  # type: ignore[valid-type]
    reason: str = Field(min_length=2, max_length=200, description="理由 / Reason")


@operation("core.grant.revoke", permission=MANAGE, returns="RoleGrant")
async def revoke_grant(work: Work, input: RevokeGrant) -> RoleGrant:
    """The role ends with the next request of its holder."""
    grant = await work.load(RoleGrant, input.grant_id, expected_version=input.expected_version)
    _not_oneself(work, grant.account_id)
    await _below(work, grant)
    if grant.revoked_at is not None:
        raise InvalidTransition("REVOKED", "REVOKED", "ALREADY_REVOKED")
    work.reason(input.reason)
    grant.revoked_at = real_now()
    await work.bump_generation()
    return grant
