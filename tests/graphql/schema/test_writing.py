"""Mutations and queries through the composed schema, the real door and the real policy."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import orjson
import pytest
from graphql import OperationDefinitionNode, parse, validate

from sanzhi_core.platform.context import ANONYMOUS, Context
from sanzhi_graphql.schema.build import schema_of
from sanzhi_graphql.schema.execution import execute, serialised
from sanzhi_graphql.schema.prune import prune

CREATE = """mutation ($in: CreateAccountInput!) { createAccount(input: $in) {
  __typename
  account { id login displayName unit { code parent { code } } grants(first: 5) { totalCount } }
  errors { __typename code message path ... on ValidationFailed { fields { path reason message } }
           ... on Forbidden { permission } ... on NotFound { typeName } } } }"""


async def ask(schema: Any, ctx: Context, query: str, **variables: Any) -> dict[str, Any]:
    document = parse(query)
    assert not (wrong := validate(schema, document)), wrong
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    found: dict[str, Any] = orjson.loads(
        serialised(await execute(schema, document, operation, variables, ctx))
    )
    return found


@pytest.fixture(scope="module")
def full(installed: Any) -> Any:
    return schema_of(installed)._schema


@pytest.fixture
def schema(full: Any) -> Any:
    """As callers see it where no plugin is on."""
    return prune(full, frozenset())


def account(world: Any, code: str = "990428101201", **changed: Any) -> dict[str, Any]:
    login = f"u{uuid4().hex[:10]}"
    return {
        "idempotencyKey": str(uuid4()), "unitId": f"OrgUnit_{world.id(code)}", "login": login,
        "displayName": "王某", "password": "Correct-Horse-9", **changed,
    }  # fmt: skip


async def counted(ctx: Context) -> tuple[int, int]:
    """(accounts, audit entries of making accounts)."""
    async with ctx.db.walled_read("*") as connection:
        return (
            await connection.fetchval("select count(*) from core.account"),
            await connection.fetchval(
                "select count(*) from core.audit_entry where action = 'core.account.create'"
            ),
        )


async def test_payload_shows_the_row_after_commit(schema: Any, world: Any, system: Context) -> None:
    ctx = await world.caller(("SEC_ADMIN", "990428000000"), locale="en")
    before = await counted(system)
    given = account(world)
    payload = (await ask(schema, ctx, CREATE, **{"in": given}))["data"]["createAccount"]
    assert payload["errors"] == []
    assert payload["account"]["login"] == given["login"]
    assert payload["account"]["unit"] == {"code": "990428101201", "parent": {"code": "990428101000"}}
    assert payload["account"]["grants"] == {"totalCount": 0}
    again = (await ask(schema, ctx, CREATE, **{"in": given}))["data"]["createAccount"]
    assert again == payload
    assert await counted(system) == (before[0] + 1, before[1] + 1)


async def test_refusals_are_data_in_the_callers_language_and_change_nothing(
    schema: Any, world: Any, system: Context
) -> None:
    ctx = await world.caller(("SEC_ADMIN", "990428000000"))
    outsider = await world.caller(("TOWN_LEADER", "990428102000"), locale="en-GB")
    taken = account(world)
    await ask(schema, ctx, CREATE, **{"in": taken})
    before = await counted(system)
    # The pydantic model refuses: GraphQL names, both reasons at once.
    bad = account(world, login="x", displayName="")
    payload = (await ask(schema, ctx, CREATE, **{"in": bad}))["data"]["createAccount"]
    (error,) = payload["errors"]
    assert payload["account"] is None
    assert (error["__typename"], error["code"]) == ("ValidationFailed", "VALIDATION_FAILED")
    assert {f["path"] for f in error["fields"]} == {"login", "displayName"}
    assert "至少" in str([f["message"] for f in error["fields"]])
    # The service refuses.
    double = account(world, login=taken["login"])
    (error,) = (await ask(schema, ctx, CREATE, **{"in": double}))["data"]["createAccount"]["errors"]
    assert (error["code"], error["message"]) == ("DUPLICATE_RECORD", "登录名已被使用")
    # The policy refuses: a unit elsewhere.
    elsewhere = account(world)
    (error,) = (await ask(schema, outsider, CREATE, **{"in": elsewhere}))["data"]["createAccount"]["errors"]
    assert error["code"] in ("FORBIDDEN", "NOT_FOUND")
    assert error["message"].isascii()
    wrong_id = account(world, unitId=f"Account_{world.id('990428101201')}")
    (error,) = (await ask(schema, ctx, CREATE, **{"in": wrong_id}))["data"]["createAccount"]["errors"]
    assert error["fields"][0]["path"] == "unitId"
    # Nothing was written but one audit entry each.
    assert await counted(system) == (before[0], before[1] + 4)


async def test_an_anonymous_caller_is_refused(schema: Any, world: Any, system: Context) -> None:
    before = await counted(system)
    ctx = replace(system, principal=ANONYMOUS, channel="API")
    reply = await ask(schema, ctx, CREATE, **{"in": account(world)})
    codes = [e["code"] for e in reply["data"]["createAccount"]["errors"]]
    assert codes
    assert codes[0] in ("UNAUTHENTICATED", "FORBIDDEN", "NOT_FOUND")
    assert (await counted(system))[0] == before[0]


async def test_variables_that_do_not_fit_are_top_level_errors(
    schema: Any, world: Any, system: Context
) -> None:
    ctx = await world.caller(("SEC_ADMIN", "990428000000"))
    before = await counted(system)
    for broken in ({}, {**account(world), "extra": 1}, {**account(world), "idempotencyKey": "no-uuid"}):
        reply = await ask(schema, ctx, CREATE, **{"in": broken})
        assert reply["data"] is None
        assert reply["errors"][0]["extensions"]["code"] == "BAD_VALUE"
    assert await counted(system) == before


async def test_aliases_of_one_mutation_run_in_turn(schema: Any, world: Any) -> None:
    ctx = await world.caller(("SEC_ADMIN", "990428000000"))
    query = """mutation ($a: CreateAccountInput!, $b: CreateAccountInput!) {
      a: createAccount(input: $a) { account { login } errors { code } }
      b: createAccount(input: $b) { account { id login } errors { code } } }"""
    first = account(world)
    data = (await ask(schema, ctx, query, a=first, b=account(world, login=first["login"])))["data"]
    assert data["a"]["account"] == {"login": first["login"]}
    assert data["b"] == {"account": None, "errors": [{"code": "DUPLICATE_RECORD"}]}


async def test_outputs_stand_under_the_mutations_field(schema: Any, world: Any, system: Context) -> None:
    ctx = await world.caller(("SEC_ADMIN", "990428000000"))
    given = account(world)
    await ask(schema, ctx, CREATE, **{"in": given})
    query = """mutation ($in: SignInInput!) { signIn(input: $in) {
      session { token idleSeconds mustChangePassword } errors { code message } } }"""
    anonymous = replace(system, principal=ANONYMOUS, channel="API")
    key = str(uuid4())
    wanted = {"idempotencyKey": key, "login": given["login"], "password": given["password"]}
    found = (await ask(schema, anonymous, query, **{"in": wanted}))["data"]["signIn"]
    assert found["errors"] == []
    assert found["session"]["mustChangePassword"] is True
    assert len(found["session"]["token"]) > 20
    wrong = {**wanted, "idempotencyKey": str(uuid4()), "password": "Wrong-Horse-99"}
    found = (await ask(schema, anonymous, query, **{"in": wrong}))["data"]["signIn"]
    assert found["session"] is None
    assert found["errors"][0]["code"]


async def test_queries_ask_for_their_permission_first(schema: Any, world: Any, system: Context) -> None:
    query = "{ pluginHealth { name state } }"
    anonymous = replace(system, principal=ANONYMOUS, locale="en")
    reply = await ask(schema, anonymous, query)
    assert reply["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    nobody = await world.caller(locale="en")
    reply = await ask(schema, nobody, query)
    assert reply["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert reply["errors"][0]["message"] == "You do not have the right to do this"
    assert reply["data"] is None
    found = await ask(schema, system, query)
    assert {"name": "core", "state": "LOADED"} in found["data"]["pluginHealth"]


async def test_the_error_catalogue_is_public(schema: Any, system: Context) -> None:
    anonymous = replace(system, principal=ANONYMOUS)
    found = (await ask(schema, anonymous, "{ errorCatalogue { code messageZh messageEn } }"))["data"][
        "errorCatalogue"
    ]
    assert {
        "code": "FORBIDDEN",
        "messageZh": "您没有做这件事的权限",
        "messageEn": "You do not have the right to do this",
    } in found


async def test_staff_read_their_county_and_only_there(schema: Any, world: Any, system: Context) -> None:
    """The real policy under the planner: grants of the database, walled entries behind row-level security."""
    boss = await world.caller(("SEC_ADMIN", "990428000000"), ("AUDIT_ADMIN", "990428000000"))
    town = await world.caller(("TOWN_LEADER", "990428102000"))
    made = (await ask(schema, boss, CREATE, **{"in": account(world, "990428101201")}))["data"][
        "createAccount"
    ]
    query = """query ($id: ID!) { account(id: $id) { login } accounts(first: 100) { totalCount nodes { id } }
      auditEntries(first: 100, where: {action: {eq: "core.account.create"}}) { totalCount nodes { action result unit { code } } } }"""
    seen = (await ask(schema, boss, query, id=made["account"]["id"]))["data"]
    assert seen["account"]["login"] == made["account"]["login"]
    assert seen["auditEntries"] == {
        "totalCount": 1,
        "nodes": [{"action": "core.account.create", "result": "OK", "unit": {"code": "990428101201"}}],
    }
    unseen = (await ask(schema, town, query, id=made["account"]["id"]))["data"]
    assert unseen["account"] is None
    assert unseen["auditEntries"]["totalCount"] == 0
    assert made["account"]["id"] not in [n["id"] for n in unseen["accounts"]["nodes"]]


async def test_everybody_reads_their_own_account_and_entries(schema: Any, world: Any) -> None:
    nobody, other = await world.caller(), await world.caller()
    query = "{ accounts(first: 100) { totalCount nodes { id } } roleGrants(first: 1) { totalCount } }"
    found = (await ask(schema, nobody, query))["data"]
    assert found["accounts"]["nodes"] == [{"id": f"Account_{nobody.principal.account_id}"}]
    # A refused attempt leaves an entry that its actor may read, and nobody else without the right.
    await ask(schema, nobody, CREATE, **{"in": account(world)})
    entries = "{ auditEntries(first: 10) { nodes { action result } } }"
    mine = (await ask(schema, nobody, entries))["data"]["auditEntries"]["nodes"]
    assert mine == [{"action": "core.account.create", "result": "DENIED"}]
    assert (await ask(schema, other, entries))["data"]["auditEntries"]["nodes"] == []


async def test_a_type_that_is_off_is_nobody_s_id(full: Any, schema: Any, world: Any, system: Context) -> None:
    query = "query ($id: ID!) { node(id: $id) { id } }"
    ident = f"StarCycle_{uuid4()}"
    assert (await ask(schema, system, query, id=ident))["data"] == {"node": None}
    assert (await ask(full, system, query, id=ident))["data"] == {"node": None}
    unit = f"OrgUnit_{world.id('990428101201')}"
    assert (await ask(schema, system, query, id=unit))["data"] == {"node": {"id": unit}}


async def test_a_fault_says_nothing_of_its_inside(
    schema: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = await world.caller(("SEC_ADMIN", "990428000000"), locale="en")
    async with ctx.db.read.acquire() as connection:
        await connection.execute("set statement_timeout = 1")
    query = '{ orgUnits(first: 1, where: {name: {startsWith: "x"}}) { totalCount } }'
    slow = "select to_json(1) from pg_sleep(0.2)"
    from sanzhi_graphql.compile import planner

    monkeypatch.setattr(planner._Writer, "write", lambda self, target: slow)
    try:
        replies = await asyncio.gather(*(ask(schema, ctx, query) for _ in range(8)))
    finally:
        await ctx.db.read.expire_connections()
    timed_out = [r for r in replies if "errors" in r]
    assert timed_out
    for reply in timed_out:
        assert reply["errors"][0]["extensions"] == {"code": "TIMEOUT"}
        assert "canceling" not in str(reply)
    monkeypatch.setattr(planner._Writer, "write", lambda self, target: "select nonsense")
    other = "{ orgUnits(first: 2) { totalCount } }"
    reply = await ask(schema, ctx, other)
    assert reply["errors"][0]["extensions"] == {"code": "INTERNAL"}
    assert "nonsense" not in str(reply)
