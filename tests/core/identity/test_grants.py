"""Granting roles: level, who to whom, incompatible roles, dates, and an end that is felt at once."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from sanzhi_core.clock import FixedClock
from sanzhi_core.errors import BusinessError, ErrorCode
from sanzhi_core.identity.grants import RevokeGrant, revoke_grant
from sanzhi_core.identity.policy import scope_of
from sanzhi_core.platform.command import Outcome, command
from sanzhi_core.platform.context import Context

from .conftest import COUNTY, Office

TOWN, OTHER_TOWN, A, B, ELSEWHERE = (
    "990428101000", "990428102000", "990428101201", "990428101202", "990428102201",
)  # fmt: skip
TODAY = date(2026, 11, 23)


def code(outcome: Outcome) -> ErrorCode:
    assert outcome.error is not None
    return outcome.error.code


async def held(office: Office, account: UUID) -> list[str]:
    rows = await office.sql(
        "select role_code from core.role_grant where account_id = $1 and revoked_at is null order by 1",
        account,
    )
    return [r[0] for r in rows]


async def revoke(office: Office, who: Context, account: UUID, role: str) -> BusinessError | None:
    ((ident, version),) = await office.sql(
        "select id, version from core.role_grant where account_id = $1 and role_code = $2", account, role
    )
    data = RevokeGrant(idempotency_key=uuid4(), grant_id=ident, reason="任期届满", expected_version=version)
    return (await command(who, revoke_grant, data)).error


@pytest.mark.parametrize(
    ("role", "where"),
    [("VC_DIRECTOR", TOWN), ("TOWN_LEADER", A), ("COUNTY_DEPT", TOWN), ("SEC_ADMIN", A), ("NO_SUCH_ROLE", A)],
)
async def test_a_role_has_its_level(office: Office, role: str, where: str) -> None:
    account = await office.account()
    assert code(await office.grant(office.head, account, role, where)) == ErrorCode.VALIDATION_FAILED
    assert await held(office, account) == []


async def test_administrators_are_three_persons(office: Office) -> None:
    account = await office.account(code=COUNTY)
    assert (await office.grant(office.head, account, "AUDIT_ADMIN", COUNTY)).error is None
    for role in ("SYS_ADMIN", "SEC_ADMIN"):
        assert code(await office.grant(office.head, account, role, COUNTY)) == ErrorCode.CONFLICT_OF_INTEREST
    assert await held(office, account) == ["AUDIT_ADMIN"]
    assert await revoke(office, office.head, account, "AUDIT_ADMIN") is None
    assert (await office.grant(office.head, account, "SYS_ADMIN", COUNTY)).error is None


async def test_two_grants_at_one_moment_cannot_both_pass(office: Office) -> None:
    account = await office.account(code=COUNTY)
    both = await asyncio.gather(
        *(office.grant(office.head, account, role, COUNTY) for role in ("AUDIT_ADMIN", "SYS_ADMIN"))
    )
    assert sorted(o.error is None for o in both) == [False, True]
    assert len(await held(office, account)) == 1


@pytest.mark.parametrize("pair", [("SUPERVISION", "VC_DIRECTOR"), ("VC_MEMBER", "SUPERVISION")])
async def test_supervision_excludes_the_committee_of_the_same_village(
    office: Office, pair: tuple[str, str]
) -> None:
    account = await office.account()
    assert (await office.grant(office.head, account, pair[0], A)).error is None
    assert code(await office.grant(office.head, account, pair[1], A)) == ErrorCode.CONFLICT_OF_INTEREST
    assert await held(office, account) == [pair[0]]
    assert (await office.grant(office.head, account, pair[1], B)).error is None


async def test_incompatible_only_while_both_hold(office: Office) -> None:
    account = await office.account()
    end = TODAY + timedelta(days=10)
    await office.grant(office.head, account, "VC_MEMBER", A, valid_to=end)
    overlap = await office.grant(office.head, account, "SUPERVISION", A, valid_from=end - timedelta(days=1))
    assert code(overlap) == ErrorCode.CONFLICT_OF_INTEREST
    assert (await office.grant(office.head, account, "SUPERVISION", A, valid_from=end)).error is None


async def test_nobody_decides_on_their_own_roles(office: Office) -> None:
    me = office.head.principal.account_id
    assert me is not None
    assert code(await office.grant(office.head, me, "COUNTY_DEPT", COUNTY)) == ErrorCode.FORBIDDEN
    refused = await revoke(office, office.head, me, "SEC_ADMIN")
    assert refused is not None
    assert refused.code == ErrorCode.FORBIDDEN
    assert await held(office, me) == ["SEC_ADMIN"]


async def test_town_leaders_grant_below_their_town_only(office: Office) -> None:
    leader = await office.world.caller(("TOWN_LEADER", TOWN))
    account = await office.account()
    assert (await office.grant(leader, account, "VC_DIRECTOR", A)).error is None
    for role, where in (("TOWN_STAFF", TOWN), ("TOWN_LEADER", TOWN), ("VC_DIRECTOR", ELSEWHERE)):
        assert code(await office.grant(leader, account, role, where)) in (
            ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND,
        )  # fmt: skip
    stranger = await office.account("yuanfang", ELSEWHERE)
    assert code(await office.grant(leader, stranger, "VC_DIRECTOR", A)) == ErrorCode.NOT_FOUND
    assert await held(office, account) == ["VC_DIRECTOR"]
    assert await held(office, stranger) == []


async def test_a_reading_role_above_lifts_no_town_leader(office: Office) -> None:
    leader = await office.world.caller(("TOWN_LEADER", TOWN), ("AUDITOR_RO", COUNTY))
    account = await office.account(code=TOWN)
    assert code(await office.grant(leader, account, "TOWN_LEADER", TOWN)) == ErrorCode.FORBIDDEN
    assert await held(office, account) == []


async def test_town_leaders_end_no_grants_of_their_own_level(office: Office) -> None:
    leader = await office.world.caller(("TOWN_LEADER", TOWN))
    account = await office.account(code=TOWN)
    await office.grant(office.head, account, "TOWN_STAFF", TOWN)
    refused = await revoke(office, leader, account, "TOWN_STAFF")
    assert refused is not None
    assert refused.code == ErrorCode.FORBIDDEN
    assert await held(office, account) == ["TOWN_STAFF"]


async def test_revoking_is_felt_with_the_next_request_and_happens_once(office: Office) -> None:
    account = await office.account()
    await office.grant(office.head, account, "VC_DIRECTOR", A)
    token = await office.token()
    before = await office.caller(token)
    assert (await scope_of(before, "core.report.read")).village_ids == (office.world.id(A),)
    assert await revoke(office, office.head, account, "VC_DIRECTOR") is None
    assert not await scope_of(await office.caller(token), "core.report.read")
    first = await office.sql("select revoked_at from core.role_grant where account_id = $1", account)
    again = await revoke(office, office.head, account, "VC_DIRECTOR")
    assert again is not None
    assert again.code == ErrorCode.INVALID_TRANSITION
    assert await office.sql("select revoked_at from core.role_grant where account_id = $1", account) == first


async def test_dates_bound_a_grant(office: Office, clock: FixedClock) -> None:
    account = await office.account()
    start, end = TODAY + timedelta(days=2), TODAY + timedelta(days=4)
    bad = await office.grant(office.head, account, "VC_DIRECTOR", A, valid_from=start, valid_to=start)
    assert code(bad) == ErrorCode.VALIDATION_FAILED
    assert (
        await office.grant(office.head, account, "VC_DIRECTOR", A, valid_from=start, valid_to=end)
    ).error is None
    token = await office.token()
    seen = []
    for _ in range(6):
        seen.append(bool(await scope_of(await office.caller(token), "core.report.read")))
        clock.advance(timedelta(days=1))
    assert seen == [False, False, True, True, False, False]


async def test_no_role_for_an_account_that_is_not_active(office: Office) -> None:
    account = await office.account()
    await office.status(account, "SUSPENDED")
    assert code(await office.grant(office.head, account, "VC_DIRECTOR", A)) == ErrorCode.VALIDATION_FAILED
    assert code(await office.grant(office.head, uuid4(), "VC_DIRECTOR", A)) == ErrorCode.VALIDATION_FAILED
    assert await held(office, account) == []
