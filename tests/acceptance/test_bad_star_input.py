"""Bad input of domain/star_virtue.md §10: its typed error, one audit entry, nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sanzhi_core.clock import FixedClock
from sanzhi_core.testing.world import World

from .conftest import COUNTY, STARS, Caller, Evidence, StarVillage, at, pages

A = "990428101201"
Make = Callable[..., Awaitable[StarVillage]]
Run = Callable[[], Awaitable[list[str]]]


async def test_bad_self_ratings(
    make_village: Make, county: Caller, clock: FixedClock, work: Run, evidence: Evidence
) -> None:
    village = await make_village(A, households=3, members=12)
    draft = {"villageId": village.id}
    await village.director.done("createStarCycle", year=2025, **draft)
    cycle = (await pages(village.director, "starCycles", "StarCycle", "id version"))[0]
    closed_year = {"cycleId": cycle["id"], "expectedVersion": cycle["version"]}
    await evidence.refusal(village.director, "INVALID_TRANSITION", "openStarCycle", **closed_year)
    await evidence.refusal(village.director, "DUPLICATE_RECORD", "createStarCycle", year=2025, **draft)
    assert await evidence.reasons(village.director, "createStarCycle", year=1999, **draft)
    await village.open()

    # Stars: eleven, unknown, twice; reasons on forbidden grounds or for a star not claimed.
    def form(**fields: Any) -> dict[str, Any]:
        return {
            "entryId": village.entry["户0001"],
            "proxy": village.paper("户0001"),
            "stars": ["S01"],
            **fields,
        }

    clerk = village.clerk
    for bad in (
        form(stars=[*STARS, "S11"]),
        form(stars=["S11"]),
        form(stars=["S1"]),
        form(stars=["S01", "S01"]),
        form(reasons=[{"star": "S02", "text": "卫生好"}]),
        form(reasons=[{"star": "S01", "text": "从不上访"}]),
        form(reasons=[{"star": "S01", "text": "好" * 501}]),
        # 代录: without witness and scan, not read back, witnessed by the clerk, dated without zone or in the future
        form(proxy=village.paper("户0001", paperNo=None)),
        form(proxy=village.paper("户0001", readBack=False)),
        form(proxy=village.paper("户0001", paperNo=None, witness=f"dailu{A}同志")),
        form(receivedAt="2026-11-23T08:30:00"),
        form(receivedAt="2026-11-24T09:00:00+08:00"),
    ):
        assert await evidence.reasons(clerk, "recordStarSelfRating", **bad), bad
    stranger = form(proxy=village.paper("户0002"))
    await evidence.refusal(clerk, "FORBIDDEN", "recordStarSelfRating", **stranger)
    neighbour = await village.head("户0002")
    others = {"entryId": village.entry["户0001"], "stars": ["S01"]}
    await evidence.refusal(neighbour, "NOT_FOUND", "submitStarSelfRating", **others)

    # The same scan twice.
    await village.record("户0001", ["S01"], proxy=village.paper("户0001", paperNo="纸一号"))
    twice = {
        "entryId": village.entry["户0002"],
        "proxy": village.paper("户0002", paperNo="纸一号"),
        "stars": [],
    }
    await evidence.refusal(clerk, "DUPLICATE_RECORD", "recordStarSelfRating", **twice)

    # Too early to close, too long an extension; after the deadline.
    early = await village.cycle("version")
    step = {"cycleId": village.cycle_id, "expectedVersion": early["version"]}
    await evidence.refusal(village.director, "TOO_EARLY", "closeStarSelfRating", **step)
    long = {**step, "lastDay": "2026-12-11", "reason": "农忙"}
    assert await evidence.reasons(village.director, "extendStarSelfRating", **long)
    stale = {**step, "expectedVersion": step["expectedVersion"] + 7}
    await evidence.refusal(village.director, "VERSION_CONFLICT", "closeStarSelfRating", **stale)
    clock.set(at("2026-12-04 00:01"))
    own = {"entryId": village.entry["户0002"], "stars": ["S01"]}
    await evidence.refusal(neighbour, "DEADLINE_PASSED", "submitStarSelfRating", **own)
    await work()
    await evidence.refusal(neighbour, "DEADLINE_PASSED", "submitStarSelfRating", **own)
    late = form(receivedAt="2026-12-03T10:00:00+08:00")
    clock.set(at("2026-12-08 00:00"))  # two working days after the last day are over
    await evidence.refusal(clerk, "DEADLINE_PASSED", "recordStarSelfRating", **late)


async def test_two_forms_at_the_same_time(make_village: Make, clock: FixedClock, evidence: Evidence) -> None:
    """The later receipt counts, on a tie the later commit; all are kept and each leaves its audit entry."""
    village = await make_village(A, households=1, members=12)
    await village.open()
    clock.set(at("2026-11-25 10:00"))
    head = await village.head("户0001")
    await head.done("submitStarSelfRating", entryId=village.entry["户0001"], stars=["S01"])
    await village.record("户0001", ["S02"], receivedAt="2026-11-25T10:00:00+08:00")
    assert (await village.entries("selfStars"))["户0001"]["selfStars"] == ["S02"]
    await village.record("户0001", ["S03"], receivedAt="2026-11-25T09:59:59+08:00")
    assert (await village.entries("selfStars"))["户0001"]["selfStars"] == ["S02"]
    forms = await pages(village.director, "starSelfRatings", "StarSelfRating", "stars counts")
    assert sorted((form["stars"], form["counts"]) for form in forms) == [
        (["S01"], False),
        (["S02"], True),
        (["S03"], False),
    ]
    logged = [action for result, _, action in await evidence.trail() if result == "OK"]
    assert logged.count("star_virtue.selfrating.submit") == 1
    assert logged.count("star_virtue.selfrating.record") == 2


async def test_bad_votes_and_publicity(
    make_village: Make, county: Caller, world: World, clock: FixedClock, work: Run, evidence: Evidence
) -> None:
    village = await make_village(A, households=3, members=24)
    director, members = village.director, village.members
    await village.open()
    for number in ("户0001", "户0002"):
        await village.record(number, ["S01", "S02"])
    clock.set(at("2026-12-04 00:00"))
    await work()
    clock.set(at("2026-12-04 10:00"))
    hold = {"cycleId": village.cycle_id, "place": "村委会", "chairId": members[0], "presentIds": members}
    for bad in (
        {**hold, "presentIds": [*members, village.homes["户0003"].head]},
        {**hold, "presentIds": [*members, members[0]]},
        {**hold, "chairId": members[20], "presentIds": members[:20]},
        {**hold, "heldAt": "2026-12-04T09:00:00"},
        {**hold, "heldAt": "2026-12-05T09:00:00+08:00"},
    ):
        assert await evidence.reasons(director, "holdStarMeeting", **bad), bad
    meeting = await village.meet(present=members[:20])

    async def refused(code: str, *sheets: dict[str, Any]) -> None:
        given = {"meetingId": meeting, "sheets": list(sheets)}
        await evidence.refusal(director, code, "recordStarVotes", **given)

    await refused("FORBIDDEN", village.sheet("户0001", {"S01": 3}, voterIds=[*members[:3], members[23]]))
    await refused("VALIDATION_FAILED", village.sheet("户0001", {"S01": 21}))
    await refused("VALIDATION_FAILED", village.sheet("户0001", {"S01": 4}, voterIds=members[:3]))
    await refused("VALIDATION_FAILED", village.sheet("户0001", {"S01": -1}))
    await refused("VALIDATION_FAILED", village.sheet("户0001", {"S03": 20}))
    await refused("VALIDATION_FAILED", village.sheet("户0001", {"S99": 20}))
    await refused("VALIDATION_FAILED", *[village.sheet("户0001", {"S01": 20})] * 2)
    await refused("QUORUM_NOT_MET", village.sheet("户0001", {"S01": 0}, recusedIds=members[:20]))
    await refused("INVALID_TRANSITION", village.sheet("户0003", {"S01": 20}))
    # One bad sheet refuses the whole call.
    await refused(
        "VALIDATION_FAILED", village.sheet("户0001", {"S01": 20}), village.sheet("户0002", {"S01": 21})
    )

    version = {"cycleId": village.cycle_id, "expectedVersion": (await village.cycle("version"))["version"]}
    await evidence.refusal(director, "INVALID_TRANSITION", "openStarPublicity", **version)
    await village.vote(meeting, {n: {"S01": 20, "S02": 20} for n in ("户0001", "户0002")})
    await refused("DUPLICATE_VOTE", village.sheet("户0001", {"S01": 20}))
    for workdays in (4, 8, 0):
        assert await evidence.reasons(director, "openStarPublicity", workdays=workdays, **version)
    for value in ("4", "8", '"5"', "5.0"):
        setting = {
            "unitId": f"OrgUnit_{world.id(COUNTY)}",
            "key": "star.publicityWorkdays",
            "valueJson": value,
        }
        assert await evidence.reasons(county, "setSetting", reason="缩短公示", **setting), value
    clock.set(at("2026-12-07 09:00"))
    await village.step("openStarPublicity")

    # Objections: too short, without evidence when anonymous, on forbidden grounds, a star nobody voted on.
    objector = await village.head("户0003", "RESIDENT")
    on = {"entryId": village.entry["户0001"], "starCode": "S01", "text": "该户长期不参加集体劳动和义务活动。"}
    bad_objections: list[dict[str, Any]] = [
        {**on, "text": "不好"},
        {**on, "text": "好" * 1001},
        {**on, "anonymous": True},
        {**on, "text": "该户多次到县里上访，不应当给予这颗星。"},
        {**on, "starCode": "S03"},
        {**on, "starCode": "S11"},
        {**on, "evidence": [{"name": "照片", "sha256": f"{n:064x}"} for n in range(6)]},
    ]
    for wrong in bad_objections:
        assert await evidence.reasons(objector, "fileStarObjection", **wrong), wrong
    await objector.done("fileStarObjection", **on)
    clock.set(at("2026-12-15 09:00"))
    confirm = {**version, "expectedVersion": (await village.cycle("version"))["version"]}
    await evidence.refusal(director, "INVALID_TRANSITION", "confirmStarCycle", **confirm)


async def test_households_that_leave_after_the_snapshot(
    make_village: Make, clock: FixedClock, work: Run
) -> None:
    """Moved out: stays in N, the entry keeps its state. The sole member died: EXCLUDED, N unchanged."""
    village = await make_village(A, households=4, members=12)
    await village.open()
    for number in village.entry:
        await village.record(number, ["S01"])
    selection = "query($id: ID!) { household(id: $id) { version head { id version } } }"
    moved, dead = village.homes["户0001"], village.homes["户0002"]
    seen = (await village.clerk.ask(selection, id=moved.id))["household"]
    await village.clerk.done(
        "moveOutHousehold",
        householdId=moved.id,
        expectedVersion=seen["version"],
        movedOn="2026-11-23",
        reason="迁往县城",
    )
    seen = (await village.clerk.ask(selection, id=dead.id))["household"]
    await village.clerk.done(
        "markDeceased", residentId=dead.head, expectedVersion=seen["head"]["version"], basis="死亡证明0001号"
    )
    await work()
    clock.set(at("2026-12-04 00:00"))
    await work()
    clock.set(at("2026-12-04 10:00"))
    await village.vote(await village.meet(), {n: {"S01": 12} for n in ("户0001", "户0003", "户0004")})
    clock.set(at("2026-12-07 09:00"))
    shown = await village.step("openStarPublicity")
    entries = await village.entries("state excludedReason")
    assert {number: (row["state"], row["excludedReason"]) for number, row in entries.items()} == {
        "户0001": ("PUBLICISED", None),
        "户0002": ("EXCLUDED", "DISSOLVED"),
        "户0003": ("PUBLICISED", None),
        "户0004": ("PUBLICISED", None),
    }
    assert (shown["countN"], shown["countA"], shown["countR"]) == (4, 3, 3)
