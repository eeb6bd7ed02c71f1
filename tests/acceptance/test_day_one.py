"""Setup token, accounts, roles, enablement, what a front-end asks first: through GraphQL only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import sqlalchemy as sa

from sanzhi_core.platform.context import Context
from sanzhi_core.testing.databases import TestDatabase
from sanzhi_core.testing.world import World

from .conftest import PASSWORD, Caller, sign_in

A, B, COUNTY, TOWN = "990428101201", "990428101202", "990428000000", "990428101000"
VIEWER = (
    "{ viewer { displayName roles { code unitCode } plugins { name } capabilities } serverTime { today } }"
)


async def entries(system: Context) -> list[Any]:
    async with system.db.transaction("*") as session:
        return list(
            await session.execute(
                sa.text("select action, result, error_code from core.audit_entry order by at, id")
            )
        )


async def test_setup_token_works_once(anonymous: Caller, security: Caller, database: TestDatabase) -> None:
    seen = await security.ask(VIEWER)
    assert seen["viewer"]["roles"] == [{"code": "SEC_ADMIN", "unitCode": COUNTY}]
    assert "core.grant.manage" in seen["viewer"]["capabilities"]
    assert seen["serverTime"]["today"] == "2026-11-23"


async def test_anonymous_sees_nothing_of_the_county(anonymous: Caller, world: World) -> None:
    data = await anonymous.ask(
        "{ accounts(first: 10) { nodes { id } totalCount } viewer { capabilities roles { code } } }"
    )
    assert data["accounts"] == {"nodes": [], "totalCount": "0"} or data["accounts"]["nodes"] == []
    assert data["viewer"] == {"capabilities": [], "roles": []}


async def test_a_wrong_password_is_refused_like_an_unknown_login(anonymous: Caller, security: Caller) -> None:
    wrong = await anonymous.refused("signIn", login="anquan", password="nonsense-1")
    unknown = await anonymous.refused("signIn", login="nobody", password="nonsense-1")
    assert (wrong["code"], wrong["message"]) == (unknown["code"], unknown["message"])
    assert wrong["code"] == "UNAUTHENTICATED"


async def test_five_wrong_passwords_lock_the_account(
    anonymous: Caller, security: Caller, web: httpx.AsyncClient
) -> None:
    for _ in range(5):
        await anonymous.refused("signIn", login="anquan", password="nonsense-1")
    locked = await anonymous.refused("signIn", login="anquan", password=PASSWORD)
    assert locked["code"] == "RATE_LIMITED"


async def test_a_revoked_token_is_dead_at_once(security: Caller, web: httpx.AsyncClient) -> None:
    other = await sign_in(web, "anquan", PASSWORD)
    await other.done("signOut")
    reply = await other.post("{ viewer { displayName } }")
    assert reply.status_code == 401
    assert reply.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_enable_in_two_villages(
    security: Caller, person: Callable[..., Awaitable[Caller]], world: World, system: Context
) -> None:
    dept = await person("minzheng", ("COUNTY_DEPT", COUNTY))
    director = await person("dongping", ("VC_DIRECTOR", A))
    before = await director.ask(VIEWER)
    assert before["viewer"]["plugins"] == []
    hidden = await director.post("{ starCycles(first: 1) { nodes { id } } }")
    assert hidden.status_code == 400
    plan = await dept.ask(
        "query($i: PilotChoiceInput!) { planPluginEnable(input: $i) { currentState villagesChanged blockers { code } } }",
        i={"plugin": "star_virtue", "unitId": f"OrgUnit_{world.id(A)}", "state": "PILOT"},
    )
    assert plan["planPluginEnable"]["currentState"] == "OFF"
    assert plan["planPluginEnable"]["villagesChanged"] == 1
    refused = await director.refused(
        "setPlugin",
        plugin="star_virtue",
        unitId=f"OrgUnit_{world.id(A)}",
        state="PILOT",
        reason="试点",
        docNo="1号",
    )
    assert refused["code"] == "FORBIDDEN"
    last = (await entries(system))[-1]
    assert (last.action, last.result, last.error_code) == ("core.plugin.set", "DENIED", "FORBIDDEN")


async def test_roles_are_not_granted_to_oneself_and_administrators_are_three_persons(
    security: Caller, person: Callable[..., Awaitable[Caller]], world: World
) -> None:
    me = (await security.ask("{ viewer { accountId } }"))["viewer"]["accountId"]
    county = f"OrgUnit_{world.id(COUNTY)}"
    own = await security.refused(
        "grantRole", accountId=me, roleCode="COUNTY_DEPT", unitId=county, basis="自批"
    )
    assert own["code"] == "FORBIDDEN"
    audit = await person("shenji", ("AUDIT_ADMIN", COUNTY))
    other = (await audit.ask("{ viewer { accountId } }"))["viewer"]["accountId"]
    both = await security.refused(
        "grantRole", accountId=other, roleCode="SYS_ADMIN", unitId=county, basis="兼任"
    )
    assert both["code"] == "CONFLICT_OF_INTEREST"


async def test_auditor_reads_refusals_of_the_county(
    security: Caller, person: Callable[..., Awaitable[Caller]], world: World
) -> None:
    audit = await person("shenji", ("AUDIT_ADMIN", COUNTY))
    await person("dongping", ("VC_DIRECTOR", A))
    data = await audit.ask("{ auditEntries(first: 100) { nodes { action result unit { code } } } }")
    actions = {n["action"] for n in data["auditEntries"]["nodes"]}
    assert {"core.account.create", "core.grant.add"} <= actions
    outsider = await person("xiling", ("VC_DIRECTOR", B))
    mine = await outsider.ask("{ auditEntries(first: 100) { nodes { action } } }")
    assert {n["action"] for n in mine["auditEntries"]["nodes"]} <= {"core.identity.sign_in"}
