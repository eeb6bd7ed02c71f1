"""Who sees which people through GraphQL: staff their unit, masked; a family itself; nobody the rest."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import orjson
import pytest
import sqlalchemy as sa

from sanzhi_core.people.models import Resident
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.plugins import Platform
from sanzhi_core.testing.world import World
from sanzhi_graphql.schema.build import schema_of

A, B = "990428101201", "990428101202"

CREATE = """mutation($input: CreateHouseholdInput!) { createHousehold(input: $input) {
  household { id householdNo headMaskedName memberCount head { maskedName } members(first: 5) { nodes { maskedName } } }
  errors { code } } }"""
LIST = """{ households(first: 10) { totalCount nodes { householdNo village { code } members(first: 5) { nodes {
  maskedName maskedIdNumber maskedPhone } } } } residents(first: 10) { nodes { maskedName } } }"""
REVEAL = """mutation($input: RevealPersonsInput!) { revealPersons(input: $input) {
  revealed { persons { residentId name idNumber } } errors { code path } } }"""
LOG = "{ revealLogs(first: 5) { nodes { fields purpose subject { maskedName } } } myRevealLog { actor purpose fields } }"


@pytest.fixture
def ask(platform: Platform) -> Any:
    schema = schema_of(platform)

    async def go(ctx: Context, document: str, **variables: Any) -> Any:
        result = await schema.execute(document, variable_values=variables, context_value=ctx)
        assert result.errors is None, result.errors
        return orjson.loads(orjson.dumps(result.data))

    return go


@pytest.fixture
async def clerks(ask: Any, world: World) -> list[Context]:
    """The clerks of A and B, each with one household recorded through the API."""
    out = []
    for village, name, number in ((A, "王大山", "990428198512310023"), (B, "李四光", "990428200811220036")):
        clerk = await world.caller(("CLERK", village))
        values = {
            "idempotencyKey": str(uuid4()),
            "villageId": f"OrgUnit_{world.id(village)}",
            "householdNo": "001",
            "head": {"name": name, "idNumber": number, "phone": "13812345678"},
        }
        made = (await ask(clerk, CREATE, input=values))["createHousehold"]
        assert made["errors"] == []
        masked = f"{name[0]}*{name[2]}"
        assert made["household"]["head"] == {"maskedName": masked}
        assert made["household"]["members"] == {"nodes": [{"maskedName": masked}]}
        assert made["household"]["memberCount"] == 1
        out.append(clerk)
    return out


async def test_a_clerk_sees_the_own_village_masked(ask: Any, clerks: list[Context]) -> None:
    data = await ask(clerks[0], LIST)
    member = {"maskedName": "王*山", "maskedIdNumber": "990428********0023", "maskedPhone": "138****5678"}
    assert data["households"] == {
        "totalCount": 1,
        "nodes": [{"householdNo": "001", "village": {"code": A}, "members": {"nodes": [member]}}],
    }
    assert data["residents"] == {"nodes": [{"maskedName": "王*山"}]}


async def test_a_family_sees_itself_and_strangers_nothing(
    ask: Any, clerks: list[Context], world: World
) -> None:
    async with world.base.db.transaction("*") as session:
        wang = await session.scalar(sa.select(Resident).where(Resident.village_id == world.id(A)))
    assert wang is not None
    herself = await world.caller(resident_id=wang.id, household_id=wang.household_id)
    assert [h["village"]["code"] for h in (await ask(herself, LIST))["households"]["nodes"]] == [A]
    assert (await ask(herself, LIST))["residents"]["nodes"] == [{"maskedName": "王*山"}]
    for nobody in (await world.caller(), await world.caller(("SYS_ADMIN", "990428000000"))):
        data = await ask(nobody, LIST)
        assert (data["households"]["nodes"], data["residents"]["nodes"]) == ([], [])


async def test_reveal_and_its_log(ask: Any, clerks: list[Context], world: World) -> None:
    async with world.base.db.transaction("*") as session:
        wang = await session.scalar(sa.select(Resident).where(Resident.village_id == world.id(A)))
    assert wang is not None
    director = await world.caller(("VC_DIRECTOR", A))
    values = {
        "residentIds": [f"Resident_{wang.id}"],
        "fields": ["NAME", "ID_NUMBER"],
        "idempotencyKey": str(uuid4()),
    }
    refused = (await ask(director, REVEAL, input=values))["revealPersons"]
    assert refused == {"revealed": None, "errors": [{"code": "PURPOSE_NOT_ALLOWED", "path": "purpose"}]}
    values = {**values, "purpose": "SERVICE", "idempotencyKey": str(uuid4())}
    shown = {"residentId": f"Resident_{wang.id}", "name": "王大山", "idNumber": "990428198512310023"}
    for _ in range(2):  # the second time is a replay
        done = (await ask(director, REVEAL, input=values))["revealPersons"]
        assert done == {"revealed": {"persons": [shown]}, "errors": []}
    herself = await world.caller(resident_id=wang.id, household_id=wang.household_id)
    mine = await ask(herself, LOG)
    entry = {"fields": ["ID_NUMBER", "NAME"], "purpose": "SERVICE"}
    assert mine["revealLogs"]["nodes"] == [{**entry, "subject": {"maskedName": "王*山"}}]
    assert mine["myRevealLog"] == [{**entry, "actor": "测试员"}]
    dpo = await world.caller(("DPO", "990428000000"))
    assert len((await ask(dpo, LOG))["revealLogs"]["nodes"]) == 1
    for other in (clerks[0], clerks[1]):
        assert (await ask(other, LOG))["revealLogs"]["nodes"] == []
