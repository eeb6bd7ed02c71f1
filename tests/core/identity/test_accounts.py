"""Accounts: setup once, signing in, the lock, passwords, who makes accounts where."""

from __future__ import annotations

import time
from statistics import median
from uuid import uuid4

import pytest

from sanzhi_core.errors import ErrorCode, RateLimited, ValidationFailed
from sanzhi_core.identity.accounts import ChangePassword, Setup, change_password, set_up
from sanzhi_core.platform.command import Outcome, command
from sanzhi_core.platform.installation import new_setup_token
from sanzhi_core.testing.databases import TestDatabase

from .conftest import COUNTY, PASSWORD, Office

TOWN, OTHER_TOWN, A, ELSEWHERE = "990428101000", "990428102000", "990428101201", "990428102201"


def code(outcome: Outcome) -> ErrorCode:
    assert outcome.error is not None
    return outcome.error.code


async def accounts(office: Office) -> int:
    return int((await office.sql("select count(*) from core.account"))[0][0])


async def setup(office: Office, token: str, login: str = "anquan", **more: str) -> Outcome:
    given = {"display_name": "安全员", "password": PASSWORD, "unit_code": COUNTY, **more}
    data = Setup(idempotency_key=uuid4(), setup_token=token, login=login, **given)
    return await command(office.nobody, set_up, data)


async def test_a_setup_token_works_once(office: Office, database: TestDatabase) -> None:
    token = await new_setup_token(database.owner_url)
    before = await accounts(office)
    weak = await setup(office, token, password="weak")
    unknown = await setup(office, token, unit_code=TOWN)
    assert [code(weak), code(unknown)] == [ErrorCode.VALIDATION_FAILED] * 2
    assert await accounts(office) == before
    assert (await setup(office, token)).error is None  # a refused try does not use the token up
    assert code(await setup(office, token, "zaiyige")) == ErrorCode.UNAUTHENTICATED
    assert await accounts(office) == before + 1
    roles = "select role_code from core.role_grant g join core.account a on a.id = account_id where login = 'anquan'"
    assert await office.sql(roles) == [("SEC_ADMIN",)]


async def test_replaced_expired_and_invented_setup_tokens(office: Office, database: TestDatabase) -> None:
    first = await new_setup_token(database.owner_url)
    second = await new_setup_token(database.owner_url)
    assert code(await setup(office, first)) == ErrorCode.UNAUTHENTICATED
    await office.sql("update core.setup_token set expires_at = now() - interval '1 s'")
    assert code(await setup(office, second)) == ErrorCode.UNAUTHENTICATED
    assert code(await setup(office, "x" * 32)) == ErrorCode.UNAUTHENTICATED
    assert await office.sql("select 1 from core.account where login = 'anquan'") == []


async def test_wrong_password_unknown_login_and_closed_account_look_alike(office: Office) -> None:
    account = await office.account()
    await office.account("lihong")
    await office.status(account, "CLOSED")
    answers = [
        await office.enter("lihong", "nonsense-1"),
        await office.enter("nobody", "nonsense-1"),
        await office.enter("wangjun", PASSWORD),
    ]
    seen = {(code(a), str(a.error)) for a in answers}
    assert len(seen) == 1
    assert seen.pop()[0] == ErrorCode.UNAUTHENTICATED
    assert await office.sql("select 1 from core.access_token") == []


async def test_five_failures_lock_for_a_while(office: Office) -> None:
    await office.account()
    for _ in range(4):
        assert code(await office.enter(password="nonsense-1")) == ErrorCode.UNAUTHENTICATED
    assert (await office.enter()).error is None  # success forgets the failures
    for _ in range(5):
        assert code(await office.enter("WangJun", "nonsense-1")) == ErrorCode.UNAUTHENTICATED
    locked = (await office.enter()).error
    assert isinstance(locked, RateLimited)
    assert 1790 < locked.retry_after_seconds <= 1801
    await office.sql("update core.account set locked_until = now() - interval '1 s' where login = 'wangjun'")
    assert (await office.enter()).error is None


async def test_failures_far_apart_do_not_add_up(office: Office) -> None:
    await office.account()
    for _ in range(2):
        for _ in range(4):
            await office.enter(password="nonsense-1")
        await office.sql("update core.account set first_failed_at = first_failed_at - interval '16 minutes'")
    assert (await office.enter()).error is None


async def test_a_guesser_cannot_tell_known_from_unknown_logins_by_time(office: Office) -> None:
    await office.account()
    took: dict[str, list[float]] = {"wangjun": [], "nobody0": []}
    for _ in range(30):
        for login, times in took.items():
            start = time.perf_counter()
            await office.enter(login, "nonsense-1")
            times.append(time.perf_counter() - start)
        await office.sql("update core.account set failed_logins = 0, locked_until = null")
    assert abs(median(took["wangjun"]) - median(took["nobody0"])) < 0.010, took


async def test_the_reply_of_signing_in_is_replayed_by_its_key_only(office: Office) -> None:
    await office.account()
    key = uuid4()
    first, again = await office.enter(key=key), await office.enter(key=key)
    assert (again.replayed, again.output) == (True, first.output)
    assert code(await office.enter(password="nonsense-1", key=key)) == ErrorCode.IDEMPOTENCY_CONFLICT
    assert await office.sql("select count(*) from core.access_token") == [(1,)]


@pytest.mark.parametrize(
    ("old", "new", "path", "reason"),
    [
        ("nonsense-1", "Geng-Hao-2027", "oldPassword", "WRONG"),
        (PASSWORD, "weak", "newPassword", "LENGTH"),
        (PASSWORD, PASSWORD, "newPassword", "UNCHANGED"),
        (PASSWORD, "Wangjun-2027", "newPassword", "CONTAINS_LOGIN"),
    ],
)
async def test_a_password_that_is_not_changed(
    office: Office, old: str, new: str, path: str, reason: str
) -> None:
    await office.account()
    token = await office.token()
    stored = "select password_hash, must_change_password from core.account where login = 'wangjun'"
    before = await office.sql(stored)
    data = ChangePassword(idempotency_key=uuid4(), old_password=old, new_password=new)
    outcome = await command(await office.caller(token), change_password, data)
    assert isinstance(outcome.error, ValidationFailed)
    assert [(f.path, f.reason) for f in outcome.error.fields] == [(path, reason)]
    assert await office.sql(stored) == before
    assert await office.alive(token)


async def test_town_leaders_make_accounts_in_their_town_only(office: Office) -> None:
    leader = await office.world.caller(("TOWN_LEADER", TOWN))
    director = await office.world.caller(("VC_DIRECTOR", A))
    for n, where in enumerate((TOWN, A)):
        assert (await office.create(leader, f"inside{n}", where)).error is None
    before = await accounts(office)
    for n, where in enumerate((COUNTY, OTHER_TOWN, ELSEWHERE)):
        assert code(await office.create(leader, f"outside{n}", where)) in (
            ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND,
        )  # fmt: skip
    assert code(await office.create(director, "outside9", A)) in (ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND)
    assert await accounts(office) == before


async def test_logins_are_unique_whatever_their_case(office: Office) -> None:
    await office.account("WangJun")
    assert code(await office.create(office.head, "wangjun", A)) == ErrorCode.DUPLICATE_RECORD
    weak = await office.create(office.head, "another", A, password="weak")
    assert code(weak) == ErrorCode.VALIDATION_FAILED
    assert await office.sql("select 1 from core.account where lower(login) in ('another')") == []


async def test_nobody_closes_their_own_account_nor_one_elsewhere(office: Office) -> None:
    mine = office.head.principal.account_id
    assert mine is not None
    own = await office.status(mine, "CLOSED")
    assert own is not None
    assert own.code == ErrorCode.FORBIDDEN
    account = await office.account(code=ELSEWHERE)
    leader = await office.world.caller(("TOWN_LEADER", TOWN))
    other = await office.status(account, "CLOSED", leader)
    assert other is not None
    assert other.code == ErrorCode.NOT_FOUND
    assert await office.sql("select distinct status from core.account") == [("ACTIVE",)]
