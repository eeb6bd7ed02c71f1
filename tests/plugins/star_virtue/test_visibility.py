"""Who sees what of a cycle, through the composed schema (domain/star_virtue.md §9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from graphql import OperationDefinitionNode, parse, validate

from sanzhi_core.platform.context import ANONYMOUS, Context
from sanzhi_core.testing.world import World
from sanzhi_graphql.schema.build import core_schema, schema_of
from sanzhi_graphql.schema.execution import execute, serialised
from sanzhi_star_virtue.models import Cycle
from sanzhi_star_virtue.service import cycle as cycles
from sanzhi_star_virtue.service import objections, publicity, review

VILLAGE = "990428101201"


@pytest.fixture
def ask(village: Any) -> Any:
    """`await ask(ctx, query)` → data; fails on errors. With `refused=True` → the code of the first error."""
    schema = core_schema(schema_of(village.world.base.platform))

    async def run(ctx: Context, query: str, *, refused: bool = False) -> Any:
        document = parse(query)
        assert validate(schema, document) == []
        operation = document.definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        fresh = replace(ctx, principal=replace(ctx.principal, generation=await village.world.generation()))
        reply = orjson.loads(serialised(await execute(schema, document, operation, None, fresh)))
        if refused:
            return reply["errors"][0]["extensions"]["code"]
        assert "errors" not in reply, reply["errors"]
        return reply["data"]

    return run


def anonymous(village: Any) -> Context:
    return replace(village.world.base, principal=ANONYMOUS, channel="WEB")


async def published(village: Any) -> Any:
    """Two households with one star each, their list published."""
    row = await village.opened()
    for home in village.homes:
        await village.rate(row, home, "S01")
    row = await village.closed(row)
    meeting = await village.meeting(row)
    sheets = [
        {"entry_id": (await village.entry(row.id, h)).id, "votes": [{"star": "S01", "yes": 5}]}
        for h in village.homes
    ]
    await village.do(village.secretary, review.record_votes, meeting_id=meeting, sheets=sheets)
    row = await village.cycle(row.id)
    await village.do(
        village.secretary, publicity.open_publicity, cycle_id=row.id, expected_version=row.version
    )
    return await village.cycle(row.id)


ENTRIES = "{ starEntries(first: 10) { nodes { householdNo state selfStars votes(first: 5) { nodes { present yes } } } } }"
LIST = "{ starPublicEntries(first: 10) { nodes { entryId headMaskedName groupName finalStars finalCount } } }"


async def test_a_household_sees_its_own_entry_in_every_state(village: Any, ask: Any) -> None:
    row = await village.opened()
    head = await village.head(village.homes[0])
    [own] = (await ask(head, ENTRIES))["starEntries"]["nodes"]
    assert (own["householdNo"], own["state"]) == (village.homes[0].no, "INVITED")
    await village.rate(row, village.homes[0], "S01")
    forms = (await ask(head, "{ starSelfRatings(first: 5) { nodes { stars counts paperNo } } }"))[
        "starSelfRatings"
    ]
    assert forms["nodes"] == [{"stars": ["S01"], "counts": True, "paperNo": "P0001"}]
    row = await village.closed(row)
    meeting = await village.meeting(row)
    entry = await village.entry(row.id, village.homes[0])
    sheet = {"entry_id": entry.id, "votes": [{"star": "S01", "yes": 4}]}
    await village.do(village.secretary, review.record_votes, meeting_id=meeting, sheets=[sheet])
    [own] = (await ask(head, ENTRIES))["starEntries"]["nodes"]
    assert (own["state"], own["votes"]["nodes"]) == ("REVIEWED", [{"present": 6, "yes": 4}])


async def test_a_household_left_out_still_sees_its_entry(village: Any, ask: Any) -> None:
    await village.closed(await village.opened())
    head = await village.head(village.homes[1])
    [own] = (await ask(head, ENTRIES))["starEntries"]["nodes"]
    assert own["state"] == "NOT_PARTICIPATED"


async def test_the_public_sees_what_is_published(village: Any, ask: Any) -> None:
    public = anonymous(village)
    cycle = "{ starCycles(first: 5) { nodes { state t1Percent t1Status countN } } }"
    await village.draft()
    assert (await ask(public, cycle))["starCycles"]["nodes"] == []
    await village.do(
        village.secretary, cycles.cancel_cycle,
        cycle_id=(await _only_cycle(village)).id, expected_version=1, reason="重新拟定评星",
    )  # fmt: skip
    row = await published(village)
    seen = (await ask(public, cycle))["starCycles"]["nodes"]
    assert {"state": "PUBLICITY", "t1Percent": "100.00", "t1Status": "REACHED", "countN": 2} in seen
    rows = (await ask(public, LIST))["starPublicEntries"]["nodes"]
    assert [(r["headMaskedName"], r["finalStars"], r["finalCount"]) for r in rows] == [
        ("张*", ["S01"], 1)
    ] * 2
    assert all(r["entryId"].startswith("StarEntry_") for r in rows)
    for hidden in (
        "starEntries",
        "starVotes",
        "starSelfRatings",
        "starMeetings",
        "starNominations",
        "starObjections",
    ):
        assert (await ask(public, f"{{ {hidden}(first: 5) {{ nodes {{ id }} }} }}"))[hidden]["nodes"] == []
    await village.do(
        village.secretary, cycles.cancel_cycle,
        cycle_id=row.id, expected_version=row.version, reason="程序有误，重新评定",
    )  # fmt: skip
    assert (await ask(public, LIST))["starPublicEntries"]["nodes"] == []


async def _only_cycle(village: Any) -> Any:
    async with village.world.base.db.transaction("*") as session:
        return await session.scalar(sa.select(Cycle))


async def test_nothing_is_public_before_publicity(village: Any, ask: Any) -> None:
    row = await village.opened()
    await village.rate(row, village.homes[0], "S01")
    await village.closed(row)
    assert (await ask(anonymous(village), LIST))["starPublicEntries"]["nodes"] == []


@pytest.mark.parametrize(
    ("role", "code", "entries", "votes"),
    [
        ("VC_MEMBER", VILLAGE, 2, 2),
        ("SUPERVISION", VILLAGE, 0, 2),
        ("TOWN_STAFF", "990428101000", 2, 2),
        ("MORAL_COUNCIL", VILLAGE, 2, 0),
        ("CLERK", VILLAGE, 2, 0),
        ("COUNTY_DEPT", "990428000000", 0, 0),
        ("GRID_WORKER", VILLAGE, 0, 0),
        ("VC_MEMBER", "990428101202", 0, 0),
    ],
)
async def test_roles_see_their_part(
    village: Any, ask: Any, world: World, role: str, code: str, entries: int, votes: int
) -> None:
    await published(village)
    caller = await world.caller((role, code))
    query = "{ starEntries(first: 5) { nodes { id } } starVotes(first: 5) { nodes { present yes } } }"
    data = await ask(caller, query)
    assert (len(data["starEntries"]["nodes"]), len(data["starVotes"]["nodes"])) == (entries, votes)


async def test_the_objector_is_nowhere(village: Any, ask: Any, world: World, clock: Any) -> None:
    row = await published(village)
    home, other = village.homes
    entry = await village.entry(row.id, home)
    clock.advance(timedelta(hours=1))
    await village.do(
        await village.head(other, "RESIDENT"), objections.file_objection,
        entry_id=entry.id, star_code="S01", text="该户从未参加过村集体公益劳动。",
    )  # fmt: skip
    head = await village.head(home)
    state = "{ starObjections(first: 5) { nodes { starCode state decisionReason } } }"
    assert (await ask(head, state))["starObjections"]["nodes"] == [
        {"starCode": "S01", "state": "OPEN", "decisionReason": None}
    ]
    text = "{ starObjections(first: 5) { nodes { text } } }"
    assert await ask(head, text, refused=True) == "FORBIDDEN"
    council = await world.caller(("MORAL_COUNCIL", VILLAGE))
    assert (await ask(council, text))["starObjections"]["nodes"] == [
        {"text": "该户从未参加过村集体公益劳动。"}
    ]
    schema = schema_of(world.base.platform).as_str()
    assert "ObjectionAuthor" not in schema


async def test_where_the_plugin_is_off_nothing_is_seen(village: Any, ask: Any, world: World) -> None:
    await published(village)
    head = await village.head(village.homes[0])
    query = "{ starEntries(first: 5) { nodes { id } } starPublicEntries(first: 5) { nodes { id } } }"
    for state, count in (("SUSPENDED", (1, 2)), ("OFF", (0, 0))):
        await world.enable("star_virtue", VILLAGE, state, since=world.base.today)
        data = await ask(head, query)
        found = (len(data["starEntries"]["nodes"]), len(data["starPublicEntries"]["nodes"]))
        assert found == count, state


async def test_stars_are_public(village: Any, ask: Any) -> None:
    query = "{ starDefinitionSets(first: 5) { nodes { definitionVersion stars(first: 10) { nodes { code name } } } } }"
    [version] = (await ask(anonymous(village), query))["starDefinitionSets"]["nodes"]
    assert version["definitionVersion"] == "2022.1"
    assert [s["code"] for s in version["stars"]["nodes"]] == [f"S{n:02d}" for n in range(1, 11)]
