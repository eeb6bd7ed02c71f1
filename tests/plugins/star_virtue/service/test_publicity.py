from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from sanzhi_core.clock import SHANGHAI
from sanzhi_core.people.models import Household
from sanzhi_core.testing.world import World
from sanzhi_star_virtue.models import Entry
from sanzhi_star_virtue.service import cycle as cycles
from sanzhi_star_virtue.service import publicity
from sanzhi_star_virtue.service.figures import official

SIX = ("S01", "S02", "S03", "S04", "S05", "S06")
VILLAGE = "990428101201"


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SHANGHAI)  # type: ignore[misc,arg-type]


@pytest.fixture
async def reviewed(village: Any, course_of: Any) -> Any:
    """Four households: six stars, one star, none claimed, no form at all. Everything claimed is voted."""
    await village.add_homes(2)
    one, two, three, _ = village.homes
    claims = {one.no: SIX, two.no: ("S01",), three.no: ()}
    course = await course_of(claims)
    await course.review({no: stars for no, stars in claims.items() if stars})
    course.at(2026, 12, 7, 9)
    return course


async def test_publicity_lasts_five_full_working_days(reviewed: Any) -> None:
    row = await reviewed.step(publicity.open_publicity)
    assert row.state == "PUBLICITY"
    assert row.publicity_from == at(2026, 12, 7, 9)
    assert row.publicity_to == at(2026, 12, 15)  # Monday 12-14, 24:00
    assert not row.deadline_provisional
    assert (row.provisional_a, row.provisional_r, row.provisional_r6) == (3, 2, 1)
    assert official(row) is None
    states = [(await reviewed.entry(home)).state for home in reviewed.village.homes]
    assert states == ["PUBLICISED", "PUBLICISED", "PUBLICISED", "NOT_PARTICIPATED"]


async def test_the_window_is_five_to_seven_working_days(reviewed: Any) -> None:
    for workdays in (4, 8):
        error = await reviewed.refused("VALIDATION_FAILED", publicity.open_publicity, workdays=workdays)
        assert [f.path for f in error.fields] == ["publicityWorkdays"]
    row = await reviewed.step(publicity.open_publicity, workdays=7)
    assert row.publicity_to == at(2026, 12, 17)


async def test_a_deadline_in_an_unpublished_year_is_provisional(reviewed: Any) -> None:
    reviewed.at(2026, 12, 29, 9)
    row = await reviewed.step(publicity.open_publicity)
    # 12-30, 12-31, then New Year's Day and the weekend, 01-04, 01-05, 01-06
    assert row.publicity_to == at(2027, 1, 7)
    assert row.deadline_provisional


async def test_every_claimed_star_is_voted_before(village: Any, course_of: Any) -> None:
    one, two = village.homes
    course = await course_of({one.no: ("S01", "S02"), two.no: ("S01",)})
    await course.review({two.no: ("S01",)})
    error = await course.refused("INVALID_TRANSITION", publicity.open_publicity)
    assert error.reason == "UNVOTED_ENTRIES"


@pytest.mark.parametrize(
    ("role", "error"), [("RESIDENT", "FORBIDDEN"), ("CLERK", "FORBIDDEN"), (None, "NOT_FOUND")]
)
async def test_only_the_committees_publish(reviewed: Any, world: World, role: str | None, error: str) -> None:
    caller = await world.caller(*([(role, VILLAGE)] if role else []))
    await reviewed.refused(error, publicity.open_publicity, caller)


async def test_not_before_the_review_and_not_twice(village: Any, course_of: Any, reviewed: Any) -> None:
    await reviewed.step(publicity.open_publicity)
    error = await reviewed.refused("INVALID_TRANSITION", publicity.open_publicity)
    assert (error.from_state, error.to_state) == ("PUBLICITY", "PUBLICITY")
    row = await reviewed.cycle()
    await village.refused(
        "VERSION_CONFLICT",
        village.secretary,
        publicity.confirm_cycle,
        cycle_id=row.id,
        expected_version=row.version - 1,
    )


async def test_confirm_freezes_the_four_numbers(reviewed: Any) -> None:
    await reviewed.step(publicity.open_publicity)
    reviewed.at(2026, 12, 14, 23, 59)
    error = await reviewed.refused("TOO_EARLY", publicity.confirm_cycle)
    assert error.earliest == at(2026, 12, 15).astimezone(UTC).isoformat()
    reviewed.at(2026, 12, 15)
    row = await reviewed.step(publicity.confirm_cycle, t2_reason="两颗以上目标均已达到，不需要理由")
    figures = official(row)
    assert figures is not None
    assert (figures.n, figures.a, figures.r, figures.r6) == (4, 3, 2, 1)
    assert row.state == "CONFIRMED"
    assert row.confirmed_at == at(2026, 12, 15)
    assert row.award_due == at(2027, 1, 15)  # 30 days after 12-15, 24:00
    assert row.t2_reason is None  # 2 of 4 households are rated: T2 is reached
    states = [(await reviewed.entry(home)).state for home in reviewed.village.homes]
    assert states == ["CONFIRMED", "CONFIRMED", "CONFIRMED", "NOT_PARTICIPATED"]
    await reviewed.refused("INVALID_TRANSITION", publicity.confirm_cycle)
    await reviewed.refused("INVALID_TRANSITION", cycles.cancel_cycle, reason="不想继续评了")


async def test_a_missed_t2_needs_a_written_reason(village: Any, course_of: Any) -> None:
    await village.add_homes(1)  # one of three rated: 33.33 %
    one, two, _ = village.homes
    course = await course_of({one.no: SIX, two.no: ("S01",)})
    await course.review({one.no: SIX})
    await course.review({two.no: ("S01",)}, yes=3)  # 3 of 6 is not more than half
    course.at(2026, 12, 7, 9)
    await course.step(publicity.open_publicity)
    course.at(2026, 12, 15)
    error = await course.refused("VALIDATION_FAILED", publicity.confirm_cycle)
    assert [(f.path, f.reason) for f in error.fields] == [("t2Reason", "REASON_REQUIRED")]
    error = await course.refused("VALIDATION_FAILED", publicity.confirm_cycle, t2_reason="有农户多次上访")
    assert [f.reason for f in error.fields] == ["FORBIDDEN_GROUND"]
    row = await course.step(publicity.confirm_cycle, t2_reason="多数农户长期外出务工，未参加互评")
    assert row.t2_reason == "多数农户长期外出务工，未参加互评"
    assert (row.official_n, row.official_a, row.official_r, row.official_r6) == (3, 2, 1, 1)


async def test_households_gone_after_the_snapshot_stay_in_n(reviewed: Any, world: World) -> None:
    one, two, *_ = reviewed.village.homes
    async with world.base.db.transaction("*") as session:
        for home, status in ((one, "DISSOLVED"), (two, "MOVED_OUT")):
            await session.execute(sa.update(Household).where(Household.id == home.id).values(status=status))
    row = await reviewed.step(publicity.open_publicity)
    assert row.total_households == 4
    assert (row.provisional_a, row.provisional_r, row.provisional_r6) == (2, 1, 0)
    gone = await reviewed.entry(one)
    assert (gone.state, gone.excluded_reason, gone.final_count) == ("EXCLUDED", "DISSOLVED", 0)
    assert (await reviewed.entry(two)).state == "PUBLICISED"


async def test_everybody_is_told_once(reviewed: Any) -> None:
    await reviewed.work_off()
    await reviewed.step(publicity.open_publicity)
    await reviewed.work_off()
    opened = await reviewed.told("star_virtue.publicity.opened")
    assert len(opened) == 4  # all households of the snapshot, rated or not
    assert {n.household_id for n in opened} == {h.id for h in reviewed.village.homes}
    assert "2026-12-14" in opened[0].title_zh
    reviewed.at(2026, 12, 13, 23)
    await reviewed.work_off()
    assert await reviewed.told("star_virtue.publicity.last_day") == []
    reviewed.at(2026, 12, 14, 8)
    await reviewed.work_off()
    assert len(await reviewed.told("star_virtue.publicity.last_day")) == 4
    reviewed.at(2026, 12, 15, 8)
    await reviewed.work_off()
    (over,) = await reviewed.told("star_virtue.publicity.closed")
    assert over.account_id == reviewed.village.secretary.principal.account_id
    assert over.body_zh == "没有未办结的异议，可以审定。"
    await reviewed.step(publicity.confirm_cycle)
    await reviewed.work_off()
    result = await reviewed.told("star_virtue.cycle.result")
    assert {(n.household_id, n.title_zh[-2]) for n in result} == {
        (reviewed.village.homes[0].id, "6"),
        (reviewed.village.homes[1].id, "1"),
        (reviewed.village.homes[2].id, "0"),
    }


async def test_a_cancelled_cycle_sends_nothing(reviewed: Any) -> None:
    await reviewed.work_off()
    await reviewed.step(publicity.open_publicity)
    await reviewed.step(cycles.cancel_cycle, reason="换届，本年度不再评星")
    reviewed.at(2026, 12, 20)
    await reviewed.work_off()
    for event in ("opened", "last_day", "closed"):
        assert await reviewed.told(f"star_virtue.publicity.{event}") == []


async def test_publishing_changes_each_entry_once(reviewed: Any, world: World) -> None:
    before = {h.no: (await reviewed.entry(h)).version for h in reviewed.village.homes}
    await reviewed.step(publicity.open_publicity)
    async with world.base.db.transaction("*") as session:
        rows = await session.scalars(sa.select(Entry).where(Entry.state == "PUBLICISED"))
        grown = {e.household_no: e.version - before[e.household_no] for e in rows}
    one, two, three, _ = reviewed.village.homes
    # The household that claimed nothing is reviewed and published in one go.
    assert grown == {one.no: 1, two.no: 1, three.no: 2}
