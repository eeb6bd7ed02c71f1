"""SV-1 (domain/scenarios.md): a whole cycle of a village of 200 farm households, to the plaques and the points."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

from sanzhi_core.clock import FixedClock
from sanzhi_core.platform.context import Context

from .conftest import STARS, StarVillage, at, moment, pages

A = "990428101201"
PRESENT = 24


def claimed(n: int) -> tuple[str, ...]:
    """Claims of the n-th household: 1–56 six to ten stars, 57–90 one to five, 91–186 one or none, others no form."""
    if n <= 56:
        return STARS[: 6 + n % 5]
    if n <= 90:
        return STARS[: 1 + n % 5]
    return STARS[: n % 2]


async def test_sv_1_full_cycle(
    make_village: Callable[..., Awaitable[StarVillage]],
    clock: FixedClock,
    work: Callable[[], Awaitable[list[str]]],
    system: Context,
    tmp_path: Path,
) -> None:
    system.platform.report_dir = tmp_path
    village = await make_village(A, households=200, members=PRESENT)
    numbers = [f"户{n:04d}" for n in range(1, 201)]
    opened = await village.open()
    assert (opened["state"], opened["countN"], opened["countA"]) == ("SELF_RATING", 200, 0)

    # 166 households by their own account, 20 through the clerk with paper: 186 valid forms.
    await work()
    for n, number in enumerate(numbers[:166], 1):
        head = await village.head(number)
        await head.done(
            "submitStarSelfRating", "entry { state }", entryId=village.entry[number], stars=list(claimed(n))
        )
    for n, number in enumerate(numbers[166:186], 167):
        await village.record(number, claimed(n))
    forms = await pages(village.director, "starSelfRatings", "StarSelfRating", "channel counts clerk { id }")
    assert len(forms) == 186
    assert all(form["counts"] for form in forms)
    assert sum(form["channel"] == "PAPER" for form in forms) == 20

    # The job closes self-rating at the deadline, 24:00 of the tenth day.
    clock.set(at("2026-12-04 00:00"))
    await work()
    closed = await village.cycle()
    assert (closed["state"], closed["lowParticipation"]) == ("PEER_REVIEW", False)
    assert (closed["t1Num"], closed["t1Den"], closed["t1Percent"]) == (186, 200, "93.00")
    states = [row["state"] for row in (await village.entries("state")).values()]
    assert (states.count("SELF_RATED"), states.count("NOT_PARTICIPATED")) == (186, 14)

    # Peer review: households 1–90 get what they claim, the rest not one star.
    clock.set(at("2026-12-04 14:00"))
    meeting = await village.meet()
    sheets = {
        number: dict.fromkeys(claimed(n), PRESENT if n <= 90 else 12)
        for n, number in enumerate(numbers[:186], 1)
    }
    await village.vote(meeting, sheets)

    clock.set(at("2026-12-07 10:00"))
    shown = await village.step("openStarPublicity")
    assert (shown["state"], shown["figuresBasis"]) == ("PUBLICITY", "PROVISIONAL")
    assert moment(shown["publicityTo"]) == at("2026-12-15 00:00")
    await work()
    early = await village.refused_step("confirmStarCycle")
    assert early["code"] == "TOO_EARLY"

    clock.set(at("2026-12-15 09:00"))
    await work()
    confirmed = await village.step("confirmStarCycle")
    assert (confirmed["state"], confirmed["figuresBasis"]) == ("CONFIRMED", "OFFICIAL")
    check_figures(confirmed)

    # Award: 56 plaques, 56 lines on the honour roll, ten points for each star.
    clock.set(at("2026-12-18 09:00"))
    award = await village.meet("AWARD")
    given = {
        "cycleId": village.cycle_id,
        "expectedVersion": confirmed["version"],
        "meetingId": award,
        "idempotencyKey": str(uuid4()),
    }
    first = await village.director.done("awardStarCycle", "cycle { state version }", **given)
    assert first["cycle"]["state"] == "AWARDED"
    await work()
    expected = {number: len(claimed(n)) for n, number in enumerate(numbers[:90], 1)}
    entries = await village.entries("state finalCount titleHeld")
    held = {number: row["finalCount"] for number, row in entries.items() if row["titleHeld"]}
    assert held == expected
    plaques = await pages(
        village.director, "starPlaques", "StarPlaque", "no state starCount household { householdNo }"
    )
    assert len({plaque["no"] for plaque in plaques}) == 56
    assert {plaque["household"]["householdNo"]: plaque["starCount"] for plaque in plaques} == {
        number: count for number, count in expected.items() if count >= 6
    }
    assert {plaque["state"] for plaque in plaques} == {"TO_ISSUE"}
    await check_roll(village, expected)
    points = {number: 10 * count for number, count in expected.items()}
    assert await village.points() == points

    # The same award sent again, a second award and a second run of the jobs add nothing.
    assert await village.director.done("awardStarCycle", "cycle { state version }", **given) == first
    again = await village.refused_step("awardStarCycle", meetingId=award)
    assert again["code"] == "INVALID_TRANSITION"
    clock.set(at("2026-12-19 09:00"))
    await work()
    assert await village.points() == points

    await check_reports(village)
    await check_issuing(village)

    # The year ends: the job closes the cycle, the figures stay as they were frozen.
    clock.set(at("2027-01-01 00:00"))
    await work()
    final = await village.cycle()
    assert final["state"] == "CLOSED"
    check_figures(final)


def check_figures(cycle: dict[str, object]) -> None:
    """T1 186/200, T2 90/200, T3 56/90."""
    counts = (cycle["countN"], cycle["countA"], cycle["countR"], cycle["countR6"])
    assert counts == (200, 186, 90, 56)
    figures = [[cycle[f"t{n}{part}"] for part in ("Num", "Den", "Percent", "Status")] for n in (1, 2, 3)]
    assert figures == [
        [186, 200, "93.00", "REACHED"],
        [90, 200, "45.00", "REACHED"],
        [56, 90, "62.22", "REACHED"],
    ]


async def check_roll(village: StarVillage, expected: dict[str, int]) -> None:
    """The honour roll as anybody sees it: masked names and counts, nothing else of a household."""
    anybody = await village.head("户0200")
    roll = await pages(
        anybody, "starHonourRoll", "StarHonourRollItem", "headMaskedName groupName starCount changeMark"
    )
    assert len(roll) == 56
    assert sorted(item["starCount"] for item in roll) == sorted(c for c in expected.values() if c >= 6)
    assert all("*" in item["headMaskedName"] for item in roll)


async def check_reports(village: StarVillage) -> None:
    """The summary's figures are the cycle's; the printed roll has its 56 lines."""
    figures, content = await village.report("summary", "JSON")
    assert json.loads(content)["figures"] == figures
    assert [figures[key] for key in ("basis", "N", "A", "R", "R6")] == ["OFFICIAL", 200, 186, 90, 56]
    shown = [
        [figures[key][part] for part in ("num", "den", "percent", "status")] for key in ("T1", "T2", "T3")
    ]
    assert shown == [
        [186, 200, "93.00", "REACHED"],
        [90, 200, "45.00", "REACHED"],
        [56, 90, "62.22", "REACHED"],
    ]
    listed, roll = await village.report("honour_roll", "HTML")
    assert listed["listed"] == 56
    assert len(re.findall("★{6,}", roll.decode())) == 56


async def check_issuing(village: StarVillage) -> None:
    """A plaque is issued when it hangs at the door, once."""
    plaque = (await pages(village.director, "starPlaques", "StarPlaque", "id version"))[0]
    given = {"plaqueId": plaque["id"], "hungAtDoor": True}
    issued = await village.director.done(
        "issueStarPlaque",
        "plaque { state hungAtDoor version }",
        expectedVersion=plaque["version"],
        **given,
    )
    assert (issued["plaque"]["state"], issued["plaque"]["hungAtDoor"]) == ("ISSUED", True)
    version = issued["plaque"]["version"]
    again = await village.director.refused("issueStarPlaque", expectedVersion=version, **given)
    assert again["code"] == "INVALID_TRANSITION"


async def test_sv_1_paper_twin_leaves_the_same_record(
    make_village: Callable[..., Awaitable[StarVillage]],
    clock: FixedClock,
    work: Callable[[], Awaitable[list[str]]],
) -> None:
    """The same form at the same moment by app and by paper: equal but for channel, clerk and the paper's evidence."""
    village = await make_village(A, households=2, members=12)
    await village.open()
    app, paper = "户0001", "户0002"
    reasons = [{"star": "S01", "text": "参加修路义务工三天"}]
    head = await village.head(app)
    await head.done("submitStarSelfRating", entryId=village.entry[app], stars=["S01", "S05"], reasons=reasons)
    await village.record(paper, ["S05", "S01"], reasons=reasons, receivedAt=clock.now().isoformat())
    forms = await pages(
        village.director,
        "starSelfRatings",
        "StarSelfRating",
        "stars reasons receivedAt recordedAt counts channel clerk { id } paperNo readBack entry { householdNo }",
    )
    by_no = {form.pop("entry")["householdNo"]: form for form in forms}
    different = {key for key in by_no[app] if by_no[app][key] != by_no[paper][key]}
    # Who the clerk is, is for those who may read accounts.
    assert different == {"channel", "paperNo", "readBack"}
    clock.set(at("2026-12-04 00:00"))
    await work()
    clock.set(at("2026-12-04 10:00"))
    await village.vote(await village.meet(), {number: {"S01": 12, "S05": 6} for number in (app, paper)})
    clock.set(at("2026-12-07 10:00"))
    await village.step("openStarPublicity")
    clock.set(at("2026-12-15 10:00"))
    await village.step("confirmStarCycle")
    await village.step("awardStarCycle", meetingId=await village.meet("AWARD"))
    entries = await village.entries(
        "state version selfStars selfReasons submittedAt bonus honours finalStars finalCount titleHeld channel "
        "votes(first: 5) { nodes { starCode present yes granted inForce votedAt } }"
    )
    twins = [
        {k: v for k, v in entries[n].items() if k not in ("householdNo", "channel")} for n in (app, paper)
    ]
    assert twins[0] == twins[1]
    assert (twins[0]["state"], twins[0]["finalStars"]) == ("AWARDED", ["S01"])
    assert await village.points() == {app: 10, paper: 10}
