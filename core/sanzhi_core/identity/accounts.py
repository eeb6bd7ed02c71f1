"""Accounts and signing in: setup by one-time token, sign in and out, passwords, status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.clock import real_now
from sanzhi_core.errors import (
    DuplicateRecord,
    Forbidden,
    NotFound,
    RateLimited,
    Unauthenticated,
    ValidationFailed,
)
from sanzhi_core.identity.grants import add_grant
from sanzhi_core.identity.models import AccessToken, Account, RoleGrant, SetupToken
from sanzhi_core.identity.passwords import MAX_LENGTH, hash_password, verify_password, weakness
from sanzhi_core.identity.tokens import ADMIN_ROLES, digest, issue, revoke_all
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.people.models import Resident
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, CommandInput, id_of
from sanzhi_core.platform.work import Work

MANAGE = "core.account.manage"
WINDOW = timedelta(minutes=15)
ALLOWED_FAILURES = 5
LOCK = timedelta(minutes=30)

LOGIN = Field(min_length=3, max_length=64, pattern=r"^[\w.@+-]+$", description="登录名 / Login name")
PASSWORD = Field(min_length=1, max_length=MAX_LENGTH, description="密码 / Password")


@dataclass(frozen=True)
class Session:
    """登录会话 / A session.

    A token for the `Authorization: Bearer` header, shown once; when it ends; seconds it may stay idle.
    """

    token: Annotated[str, "令牌，只显示一次 / Token for the Authorization header, shown once"]
    expires_at: Annotated[str, "最晚失效时间 / Ends at the latest"]
    idle_seconds: Annotated[int, "允许闲置(秒) / Seconds it may stay idle"]
    must_change_password: Annotated[bool, "须先修改密码 / The password must be changed"]


def _strong(password: str, login: str, path: str = "password") -> None:
    reason = weakness(password, login)
    if reason is not None:
        raise ValidationFailed.of(
            path,
            reason,
            "密码至少8位，含大写、小写、数字、符号中的三类，且不含登录名",
            "At least 8 characters of three kinds (upper, lower, digit, symbol), without the login name",
        )


class Setup(CommandInput):
    """Make the first administrator with the token that `sanzhi init` printed."""

    setup_token: str = Field(
        min_length=20, max_length=100, description="一次性安装令牌 / One-time setup token"
    )
    login: str = LOGIN
    display_name: str = Field(min_length=1, max_length=50, description="姓名 / Name")
    password: str = PASSWORD
    unit_code: str = Field(
        min_length=12, max_length=12, description="县(市、区)12位代码 / 12-digit code of the county"
    )


@operation("core.identity.setup", permission=None, returns="Account")
async def set_up(work: Work, input: Setup) -> Account:
    """First administrator: SEC_ADMIN of the county, who makes all other accounts. The token works once."""
    row = await work.session.scalar(
        sa.select(SetupToken)
        .where(SetupToken.token_hash == digest(input.setup_token), SetupToken.used_at.is_(None))
        .where(SetupToken.expires_at > real_now())
        .with_for_update()
    )
    if row is None:
        raise Unauthenticated(
            detail_zh="安装令牌无效或已使用", detail_en="The setup token is unknown, used or expired"
        )
    _strong(input.password, input.login)
    unit = await work.session.scalar(
        sa.select(OrgUnit).where(
            OrgUnit.code == input.unit_code, OrgUnit.level.in_(("COUNTY", "CITY")), OrgUnit.status == "ACTIVE"
        )
    )
    if unit is None:
        raise ValidationFailed.of(
            "unitCode",
            "UNKNOWN_UNIT",
            "没有这个县，请先导入区划",
            "No such county: import the divisions first",
        )
    work.allow()
    work.at(unit)
    row.used_at = real_now()
    account = Account(
        login=input.login,
        display_name=input.display_name,
        password_hash=await hash_password(input.password),
        **unit.place(),
    )
    work.session.add(account)
    await work.session.flush()
    await add_grant(work, account, "SEC_ADMIN", unit, scope="SUBTREE", basis="sanzhi init")
    return account


class SignIn(CommandInput):
    """Sign in by login name and password."""

    login: str = LOGIN
    password: str = PASSWORD


@operation("core.identity.sign_in", permission=None, returns=None)
async def sign_in(work: Work, input: SignIn) -> Session:
    """A session, or UNAUTHENTICATED alike for an unknown login and a wrong password; RATE_LIMITED when locked."""
    work.allow()
    account = await work.session.scalar(
        sa.select(Account).where(sa.func.lower(Account.login) == input.login.lower())
    )
    now = real_now()
    if account is not None:
        work.at(account)
        if account.locked_until is not None and account.locked_until > now:
            raise RateLimited(int((account.locked_until - now).total_seconds()) + 1)
    fits = await verify_password(account.password_hash if account else None, input.password)
    if account is None or not fits or account.status != "ACTIVE":
        if account is not None and not fits:
            await _count_failure(work, account.id)
        raise Unauthenticated(detail_zh="登录名或密码不对", detail_en="Wrong login name or password")
    admin = await work.session.scalar(
        sa.select(sa.true())
        .where(
            RoleGrant.account_id == account.id,
            RoleGrant.revoked_at.is_(None),
            RoleGrant.role_code.in_(ADMIN_ROLES),
        )
        .limit(1)
    )
    account.failed_logins, account.first_failed_at, account.locked_until = 0, None, None
    issued = await issue(work.session, account, channel=work.ctx.channel, admin=bool(admin))
    return Session(
        issued.token, issued.expires_at.isoformat(), issued.idle_seconds, account.must_change_password
    )


async def _count_failure(work: Work, account_id: UUID) -> None:
    """Counted in a transaction of its own: the refusal that follows rolls this work back."""
    now = real_now()
    async with work.ctx.db.transaction() as session:
        row = await session.get(Account, account_id, with_for_update=True)
        assert row is not None
        if row.first_failed_at is None or now - row.first_failed_at > WINDOW:
            row.failed_logins, row.first_failed_at = 0, now
        row.failed_logins += 1
        if row.failed_logins >= ALLOWED_FAILURES:
            row.locked_until, row.failed_logins, row.first_failed_at = now + LOCK, 0, None


class SignOut(CommandInput):
    """End the session of the token used."""


@operation("core.identity.sign_out", permission=None, returns=None)
async def sign_out(work: Work, input: SignOut) -> None:
    """The token stops working from the next request on."""
    _signed_in(work)
    await work.session.execute(
        sa.update(AccessToken)
        .where(AccessToken.id == work.ctx.principal.token_id)
        .values(revoked_at=real_now())
    )


def _signed_in(work: Work) -> UUID:
    account_id = work.ctx.principal.account_id
    if account_id is None:
        raise Unauthenticated()
    work.allow()
    return account_id


class ChangePassword(CommandInput):
    """Change one's own password; ends all other sessions."""

    old_password: str = PASSWORD
    new_password: str = PASSWORD


@operation("core.identity.change_password", permission=None, returns="Account")
async def change_password(work: Work, input: ChangePassword) -> Account:
    """Own password; every session ends, sign in again."""
    account = await work.session.get(Account, _signed_in(work), with_for_update=True)
    assert account is not None
    work.at(account)
    if not await verify_password(account.password_hash, input.old_password):
        raise ValidationFailed.of("oldPassword", "WRONG", "原密码不对", "The old password is wrong")
    if input.new_password == input.old_password:
        raise ValidationFailed.of(
            "newPassword", "UNCHANGED", "新密码与原密码相同", "The new password is the old one"
        )
    _strong(input.new_password, account.login, "newPassword")
    account.password_hash = await hash_password(input.new_password)
    account.must_change_password = False
    await revoke_all(work.session, account.id)
    return account


class CreateAccount(CommandInput):
    """Make an account at home in a unit; the first password must be changed at first sign-in."""

    unit_id: id_of("OrgUnit") = Field(description="所属单位 / Home unit")  # type: ignore[valid-type]
    login: str = LOGIN
    display_name: str = Field(min_length=1, max_length=50, description="姓名 / Name")
    password: str = PASSWORD
    resident_id: id_of("Resident") | None = Field(None, description="对应的村民 / The resident it belongs to")  # type: ignore[valid-type]
    elderly_mode: bool = Field(False, description="长者模式：会话更长 / Elderly mode: longer session")


@operation("core.account.create", permission=MANAGE, returns="Account")
async def create_account(work: Work, input: CreateAccount) -> Account:
    """A new account; a resident has at most one."""
    unit = await work.unit(input.unit_id)
    _strong(input.password, input.login)
    if input.resident_id is not None:
        resident = await work.session.get(Resident, input.resident_id)
        if resident is None or resident.village_id != unit.village_id:
            raise NotFound("Resident")
    taken = await work.session.scalar(
        sa.select(Account.id).where(sa.func.lower(Account.login) == input.login.lower())
    )
    if taken is not None:
        raise DuplicateRecord(detail_zh="登录名已被使用", detail_en="This login name is taken")
    account = Account(
        login=input.login,
        display_name=input.display_name,
        password_hash=await hash_password(input.password),
        resident_id=input.resident_id,
        elderly_mode=input.elderly_mode,
        must_change_password=True,
        **unit.place(),
    )
    work.session.add(account)
    await work.session.flush()
    return account


class SetAccountStatus(ChangeInput):
    """Suspend, reopen or close an account; its sessions end at once."""

    account_id: id_of("Account") = Field(description="账户 / Account")  # type: ignore[valid-type]
    status: str = Field(
        pattern="^(ACTIVE|SUSPENDED|CLOSED)$", description="ACTIVE 启用 SUSPENDED 停用 CLOSED 注销 / Status"
    )
    reason: str = Field(min_length=2, max_length=200, description="理由 / Reason")


@operation("core.account.set_status", permission=MANAGE, returns="Account")
async def set_account_status(work: Work, input: SetAccountStatus) -> Account:
    """Not one's own account (R-CORE-22)."""
    account = await work.load(Account, input.account_id, expected_version=input.expected_version)
    if account.id == work.ctx.principal.account_id:
        raise Forbidden(detail_zh="不能处理自己的账户", detail_en="Nobody decides on their own account")
    work.reason(input.reason)
    account.status = input.status
    if input.status != "ACTIVE":
        await revoke_all(work.session, account.id)
    return account
