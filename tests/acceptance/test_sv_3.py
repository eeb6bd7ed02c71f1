"""SV-3 (domain/scenarios.md): votes on stars with a bonus, at the boundary; quorum and recusal of the meeting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sanzhi_core.clock import FixedClock

from .conftest import StarVillage, at, pages

A = "990428101201"
SNAPSHOT = "2026-11-23"
H1, H2, H3, H4, H5, H6 = (f"户{n:04d}" for n in range(1, 7))
Make = Callable[..., Awaitable[StarVillage]]


async def honour(village: StarVillage, number: str, kind: str, no_longer: str | None = None) -> None:
    """A certificate since 2020; `no_longer` is the first day on which it does not hold."""
    await village.clerk.done(
        "addHouseholdHonour",
        householdId=village.homes[number].id,
        honour=kind,
        certificateNo=f"证{number}{kind}",
        issuer="沁山县退役军人事务局",
        validFrom="2020-01-01",
        validTo=no_longer,
    )


async def reviewed(make_village: Make, clock: FixedClock) -> StarVillage:
    """24 eligible members; six households with the honours of the scenario, in peer review."""
    village = await make_village(A, households=6, members=24)
    await honour(village, H2, "VETERAN")
    await honour(village, H3, "VETERAN")
    await honour(village, H3, "MORAL_MODEL")
    await honour(village, H4, "VETERAN", no_longer=SNAPSHOT)  # its last day was the day before the snapshot
    await honour(
        village, H5, "MORAL_MODEL", no_longer="2026-11-24"
    )  # its last day is the day of the snapshot
    await village.open()
    for number in village.entry:
        await village.record(number, ["S01", "S02"])
    clock.set(at("2026-12-04 09:00"))
    await village.step("closeStarSelfRating")
    return village


async def votes(village: StarVillage) -> dict[tuple[str, str], tuple[Any, ...]]:
    """(household, star) → P, Y, b, granted."""
    rows = await pages(
        village.director, "starVotes", "StarVote", "starCode present yes bonus granted entry { householdNo }"
    )
    return {
        (row["entry"]["householdNo"], row["starCode"]): tuple(
            row[k] for k in ("present", "yes", "bonus", "granted")
        )
        for row in rows
    }


async def test_sv_3_bonus_vote(make_village: Make, clock: FixedClock) -> None:
    village = await reviewed(make_village, clock)
    meeting = await village.meet(present=village.members[:20])
    await village.vote(
        meeting,
        {
            H1: {"S01": 10, "S02": 11},
            H2: {"S01": 10, "S02": 9},
            H3: {"S01": 9, "S02": 8},
            H4: {"S01": 10, "S02": 11},
            H5: {"S01": 10, "S02": 9},
        },
    )
    assert await votes(village) == {
        (H1, "S01"): (20, 10, 0, False),
        (H1, "S02"): (20, 11, 0, True),
        (H2, "S01"): (20, 10, 5, True),
        (H2, "S02"): (20, 9, 5, False),
        (H3, "S01"): (20, 9, 10, True),
        (H3, "S02"): (20, 8, 10, False),
        (H4, "S01"): (20, 10, 0, False),
        (H4, "S02"): (20, 11, 0, True),
        (H5, "S01"): (20, 10, 5, True),
        (H5, "S02"): (20, 9, 5, False),
    }
    entries = await village.entries("state bonus bonusWarning honours finalStars")
    assert {number: entries[number]["bonus"] for number in (H1, H2, H3, H4, H5)} == {
        H1: 0, H2: 5, H3: 10, H4: 0, H5: 5,
    }  # fmt: skip
    assert entries[H4]["bonusWarning"] == "VETERAN_CERTIFICATE_NOT_VALID"
    assert entries[H4]["honours"] == [{"honour": "VETERAN", "validOnSnapshot": False}]
    assert entries[H5]["bonusWarning"] is None
    assert entries[H3]["finalStars"] == ["S01"]
    assert entries[H6]["state"] == "SELF_RATED"


async def test_sv_3_too_few_members_are_no_meeting(make_village: Make, clock: FixedClock) -> None:
    """3 × 15 = 45 < 48 = 2 × 24; with 16 there is a quorum."""
    village = await reviewed(make_village, clock)
    given = {"cycleId": village.cycle_id, "place": "村委会会议室", "chairId": village.members[0]}
    error = await village.director.refused("holdStarMeeting", **given, presentIds=village.members[:15])
    assert error["code"] == "QUORUM_NOT_MET"
    assert await pages(village.director, "starMeetings", "StarMeeting", "id") == []
    await village.meet(present=village.members[:16])


async def test_sv_3_near_relatives_leave_and_do_not_count(make_village: Make, clock: FixedClock) -> None:
    """21 present, one of them a declared near relative of the household's head: P is 20."""
    village = await reviewed(make_village, clock)
    await village.clerk.done(
        "declareKinship",
        residentId=village.members[3],
        relativeId=village.homes[H5].head,
        relation="SIBLING",
    )
    meeting = await village.meet(present=village.members[:21])
    own = village.sheet(H5, {"S01": 10, "S02": 9}, voterIds=village.members[:10])
    error = await village.director.refused("recordStarVotes", meetingId=meeting, sheets=[own])
    assert error["code"] == "CONFLICT_OF_INTEREST"
    await village.vote(meeting, {H1: {"S01": 10, "S02": 11}, H5: {"S01": 10, "S02": 9}})
    assert await votes(village) == {
        (H1, "S01"): (21, 10, 0, False),
        (H1, "S02"): (21, 11, 0, True),
        (H5, "S01"): (20, 10, 5, True),
        (H5, "S02"): (20, 9, 5, False),
    }
