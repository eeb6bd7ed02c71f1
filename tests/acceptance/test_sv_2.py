"""SV-2 (domain/scenarios.md): thresholds at their boundaries, in exact integers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sanzhi_core.clock import FixedClock

from .conftest import STARS, TOWN, Caller, Person, StarVillage, at, pages

A = "990428101201"
REASON = "本年度外出务工户多，符合条件的农户较少。"
Make = Callable[..., Awaitable[StarVillage]]
Run = Callable[[], Awaitable[list[str]]]


def indicator(cycle: dict[str, Any], key: str) -> list[Any]:
    """[numerator, denominator, percentage, status]."""
    return [cycle[f"{key}{part}"] for part in ("Num", "Den", "Percent", "Status")]


async def rated(
    make: Make, clock: FixedClock, work: Run, *, n: int, a: int, r: int = 0, r6: int = 0
) -> StarVillage:
    """A cycle in publicity with N, A, R and R6 as asked: who gets no title claims no star."""
    village = await make(A, households=n, members=12)
    await village.open()
    claims = {f"户{k:04d}": STARS[:6] if k <= r6 else STARS[:1] if k <= r else () for k in range(1, a + 1)}
    for number, stars in claims.items():
        await village.record(number, stars)
    clock.set(at("2026-12-04 00:00"))
    await work()
    clock.set(at("2026-12-04 10:00"))
    if r:
        sheets = {number: dict.fromkeys(stars, 12) for number, stars in claims.items() if stars}
        await village.vote(await village.meet(), sheets)
    clock.set(at("2026-12-07 10:00"))
    await village.step("openStarPublicity")
    clock.set(at("2026-12-15 09:00"))
    return village


async def test_sv_2_boundaries(make_village: Make, clock: FixedClock, work: Run) -> None:
    village = await rated(make_village, clock, work, n=250, a=225, r=100, r6=60)
    cycle = await village.step("confirmStarCycle")
    assert indicator(cycle, "t1") == [225, 250, "90.00", "REACHED"]
    assert indicator(cycle, "t2") == [100, 250, "40.00", "REACHED"]
    assert indicator(cycle, "t3") == [60, 100, "60.00", "REACHED"]
    assert (cycle["lowParticipation"], cycle["t2Reason"]) == (False, None)


@pytest.mark.parametrize(("n", "a", "percent"), [(250, 224, "89.60"), (1000, 899, "89.90")])
async def test_sv_2_participation_below_its_target_warns_the_town(
    make_village: Make, clock: FixedClock, work: Run, person: Person, n: int, a: int, percent: str
) -> None:
    """One form too few: never rounded up to 90 %. The town is told, the cycle continues; R = 0 has no T3."""
    town = await person("zhenli", ("TOWN_STAFF", TOWN))
    village = await rated(make_village, clock, work, n=n, a=a)
    cycle = await village.cycle()
    assert (cycle["state"], cycle["lowParticipation"]) == ("PUBLICITY", True)
    assert indicator(cycle, "t1") == [a, n, percent, "NOT_REACHED"]
    assert indicator(cycle, "t2") == [0, n, "0.00", "NOT_REACHED"]
    assert indicator(cycle, "t3") == [0, 0, None, "NOT_APPLICABLE"]
    assert await warnings(town) == [f"东坪村2026年度评星参评率{percent}%，未达目标"] * 2


async def warnings(town: Caller) -> list[str]:
    """Warnings in the town's view: its own and the one to the village's director."""
    where = {"eventKey": {"eq": "star_virtue.participation.warning"}}
    rows = await pages(town, "notifications", "Notification", "titleZh channel", where)
    return [row["titleZh"] for row in rows if row["channel"] == "IN_APP"]


async def test_sv_2_a_missed_t2_is_confirmed_only_with_a_written_reason(
    make_village: Make, clock: FixedClock, work: Run
) -> None:
    village = await rated(make_village, clock, work, n=250, a=225, r=99, r6=60)
    error = await village.refused_step("confirmStarCycle")
    assert (error["code"], error["fields"]) == (
        "VALIDATION_FAILED",
        [{"path": "t2Reason", "reason": "REASON_REQUIRED"}],
    )
    assert (await village.cycle())["state"] == "PUBLICITY"
    cycle = await village.step("confirmStarCycle", t2Reason=REASON)
    assert indicator(cycle, "t2") == [99, 250, "39.60", "NOT_REACHED"]
    assert indicator(cycle, "t3") == [60, 99, "60.61", "REACHED"]
    assert (cycle["state"], cycle["t2Reason"]) == ("CONFIRMED", REASON)


async def test_sv_2_a_missed_t3_blocks_nothing(make_village: Make, clock: FixedClock, work: Run) -> None:
    village = await rated(make_village, clock, work, n=250, a=225, r=100, r6=59)
    cycle = await village.step("confirmStarCycle")
    assert indicator(cycle, "t3") == [59, 100, "59.00", "NOT_REACHED"]
    assert cycle["state"] == "CONFIRMED"
