"""Enablement (domain/core.md §10): OFF, SUSPENDED, PILOT and ON, each for read, write, job and timer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from sanzhi_core.clock import FixedClock
from sanzhi_core.testing.world import World

from .conftest import COUNTY, Caller, Evidence, Person, StarVillage, at, pages, switch

A, B = "990428101201", "990428101202"
Make = Callable[..., Awaitable[StarVillage]]
Run = Callable[[], Awaitable[list[str]]]


async def types(caller: Caller) -> set[str]:
    """Names of star_virtue's types in the caller's schema."""
    found = (await caller.ask("{ __schema { types { name } } }"))["__schema"]["types"]
    return {t["name"] for t in found if t["name"].startswith("Star")}


async def notices(village: StarVillage, event: str) -> int:
    """Messages in the inboxes of the village's households."""
    where = {"eventKey": {"eq": event}, "channel": {"eq": "IN_APP"}}
    return len(await pages(village.director, "notifications", "Notification", "id", where))


async def change(county: Caller, world: World, state: str) -> None:
    await switch(county, world, A, state, **({"checklistComplete": True} if state == "ON" else {}))


async def opened(make_village: Make, person: Person) -> tuple[StarVillage, Caller]:
    """A village in self-rating whose announcement waits to be sent, and a clerk of this village and the next."""
    village = await make_village(A, households=3, members=12)
    await village.open()
    both = await person("dailu2", ("CLERK", A), ("CLERK", B))
    return village, both


@pytest.mark.parametrize("state", ["PILOT", "ON"])
async def test_on_and_pilot_read_write_and_run(
    make_village: Make, county: Caller, world: World, person: Person, clock: FixedClock, work: Run, state: str
) -> None:
    village, _ = await opened(make_village, person)
    await change(county, world, state)
    assert (await village.cycle())["state"] == "SELF_RATING"
    assert {"StarCycle", "StarEntry"} <= await types(village.director)
    await village.record("户0001", ["S01"])
    assert "parked" not in await work()
    assert await notices(village, "star_virtue.cycle.opened") == 3
    clock.set(at("2026-12-01 00:00"))
    assert "parked" not in await work()
    assert await notices(village, "star_virtue.selfrating.reminder") == 2
    clock.set(at("2026-12-04 00:00"))
    assert "parked" not in await work()
    assert (await village.cycle())["state"] == "PEER_REVIEW"


async def test_suspended_reads_but_neither_writes_nor_runs(
    make_village: Make,
    county: Caller,
    world: World,
    person: Person,
    clock: FixedClock,
    work: Run,
    evidence: Evidence,
) -> None:
    village, _ = await opened(make_village, person)
    await change(county, world, "SUSPENDED")
    assert (await village.cycle())["state"] == "SELF_RATING"
    assert len(await village.entries("state")) == 3
    given = {"entryId": village.entry["户0001"], "stars": ["S01"], "proxy": village.paper("户0001")}
    await evidence.refusal(village.clerk, "PLUGIN_DISABLED", "recordStarSelfRating", **given)
    await parks_and_resumes(village, person, county, world, clock, work, "SUSPENDED")


async def test_off_hides_refuses_and_parks(
    make_village: Make,
    county: Caller,
    world: World,
    person: Person,
    clock: FixedClock,
    work: Run,
    evidence: Evidence,
) -> None:
    village, both = await opened(make_village, person)
    await change(county, world, "OFF")

    # Nowhere on in the county: the types are gone, and so are the mutations.
    assert await types(village.director) == set()
    contents, trail = await evidence.contents(), await evidence.trail()
    for query in (
        "{ starCycles(first: 1) { nodes { id } } }",
        "mutation($input: RecordStarSelfRatingInput!) "
        "{ recordStarSelfRating(input: $input) { errors { code } } }",
    ):
        reply = await both.post(query, input={})
        assert reply.status_code == 400
        assert reply.json()["errors"][0]["extensions"]["code"] == "GATE_VALIDATION"
    assert (await evidence.contents(), await evidence.trail()) == (contents, trail)
    household = await village.head("户0001")
    assert await types(household) == set()

    # On in the next village: the types are there, this village's rows are not, and writing is refused.
    other = await settled(make_village, B)
    assert "StarCycle" in await types(both)
    assert await pages(both, "starCycles", "StarCycle", "id") == []
    assert await pages(both, "starEntries", "StarEntry", "id") == []
    assert (await both.ask("query($id: ID!) { starCycle(id: $id) { id } }", id=village.cycle_id))[
        "starCycle"
    ] is None
    assert await pages(household, "starEntries", "StarEntry", "id") == []
    given = {"entryId": village.entry["户0001"], "stars": ["S01"]}
    proxy = village.paper("户0001")
    await evidence.refusal(both, "PLUGIN_DISABLED", "recordStarSelfRating", proxy=proxy, **given)
    await evidence.refusal(household, "PLUGIN_DISABLED", "submitStarSelfRating", **given)
    new = {"villageId": village.id, "year": 2027}
    await evidence.refusal(village.director, "PLUGIN_DISABLED", "createStarCycle", **new)
    await other.director.done("createStarCycle", villageId=other.id, year=2026)
    await parks_and_resumes(village, person, county, world, clock, work, "OFF")


async def settled(make_village: Make, code: str) -> StarVillage:
    return await make_village(code, households=1, members=12)


async def parks_and_resumes(
    village: StarVillage,
    person: Person,
    county: Caller,
    world: World,
    clock: FixedClock,
    work: Run,
    state: str,
) -> None:
    """The waiting job and the timers that fall due are parked, and run once when the plugin is on again."""

    async def lag() -> dict[str, int]:
        return (await admin.ask("{ deliveryLag { parked dead } }"))["deliveryLag"]  # type: ignore[no-any-return]

    admin = await person("xitong", ("SYS_ADMIN", COUNTY))
    assert "parked" in await work()
    waiting = (await lag())["parked"]
    assert waiting >= 1
    clock.set(at("2026-12-01 00:00"))
    assert "parked" in await work()
    assert (await lag()) == {"parked": waiting + 1, "dead": 0}
    assert await work() == []  # parked: nobody asks for it again and again
    assert await notices(village, "star_virtue.cycle.opened") == 0
    await change(county, world, "PILOT")
    assert set(await work()) == {"done"}
    assert (await lag()) == {"parked": 0, "dead": 0}
    assert await notices(village, "star_virtue.cycle.opened") == 3
    assert await notices(village, "star_virtue.selfrating.reminder") == 3

    # The deadline falls into the next pause: the step is made when the plugin is back.
    await change(county, world, state)
    clock.set(at("2026-12-04 00:00"))
    assert "parked" in await work()
    await change(county, world, "PILOT")
    assert set(await work()) == {"done"}
    assert (await village.cycle())["state"] == "PEER_REVIEW"
    assert await work() == []
    assert await notices(village, "star_virtue.cycle.opened") == 3


async def test_a_decision_from_a_later_day_resumes_parked_work_on_that_day(
    make_village: Make, county: Caller, world: World, person: Person, clock: FixedClock, work: Run
) -> None:
    village, _ = await opened(make_village, person)
    await change(county, world, "OFF")
    assert "parked" in await work()
    await switch(county, world, A, "PILOT", validFrom="2026-11-25")
    await work()
    clock.set(at("2026-11-24 23:59"))
    await work()
    assert await types(village.director) == set()
    clock.set(at("2026-11-25 00:00"))
    await work()
    assert "StarCycle" in await types(village.director)
    assert await notices(village, "star_virtue.cycle.opened") == 3


async def test_the_county_decides_what_is_on(
    make_village: Make, county: Caller, world: World, evidence: Evidence
) -> None:
    """Dry run, blockers with their cure, the checklist before PILOT becomes ON."""
    village = await make_village(A, households=1, members=12)
    unit = {"plugin": "star_virtue", "unitId": village.id, "reason": "推广", "docNo": "2号"}
    await evidence.refusal(county, "INVALID_TRANSITION", "setPlugin", state="ON", **unit)
    await evidence.refusal(village.director, "FORBIDDEN", "setPlugin", state="OFF", **unit)
    bare = {**unit, "unitId": f"OrgUnit_{world.id(B)}"}
    assert await evidence.reasons(county, "setPlugin", state="PILOT", **bare) == ["NO_MORAL_COUNCIL"]
    plan = "query($i: PilotChoiceInput!) { planPluginEnable(input: $i) { currentState blockers { code } } }"
    choice = {"plugin": "star_virtue", "unitId": bare["unitId"], "state": "PILOT"}
    assert (await county.ask(plan, i=choice))["planPluginEnable"] == {
        "currentState": "OFF",
        "blockers": [{"code": "NO_MORAL_COUNCIL"}, {"code": "NO_FARM_HOUSEHOLDS"}],
    }
    unknown = {**unit, "plugin": "weather"}
    assert await evidence.reasons(county, "setPlugin", state="PILOT", **unknown) == ["NOT_INSTALLED"]


async def test_a_locked_decision_above_counts(
    make_village: Make, county: Caller, world: World, evidence: Evidence
) -> None:
    """OFF and locked at the county: the village's own PILOT no longer holds, nor may another be made."""
    village = await make_village(A, households=1, members=12)
    await switch(county, world, COUNTY, "OFF", locked=True)
    unit = {"plugin": "star_virtue", "unitId": village.id, "reason": "推广", "docNo": "2号"}
    await evidence.refusal(county, "FORBIDDEN", "setPlugin", state="PILOT", **unit)
    new = {"villageId": village.id, "year": 2026}
    contents = await evidence.contents()
    reply = await village.director.post(
        "mutation($input: CreateStarCycleInput!) { createStarCycle(input: $input) { errors { code } } }",
        input={"idempotencyKey": "00000000-0000-4000-8000-000000000005", **new},
    )
    assert "PLUGIN_DISABLED" in reply.text or "GATE_VALIDATION" in reply.text
    assert await evidence.contents() == contents
    await switch(county, world, COUNTY, "SUSPENDED", locked=True)
    await evidence.refusal(village.director, "PLUGIN_DISABLED", "createStarCycle", **new)


async def test_types_vanish_under_a_locked_off_above(
    make_village: Make, county: Caller, world: World
) -> None:
    village = await make_village(A, households=1, members=12)
    await switch(county, world, COUNTY, "OFF", locked=True)
    assert (await village.director.ask("{ viewer { plugins { name } } }"))["viewer"]["plugins"] == []
    assert await types(village.director) == set()
