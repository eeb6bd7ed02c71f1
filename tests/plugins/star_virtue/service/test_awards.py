from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from sanzhi_core.clock import SHANGHAI
from sanzhi_core.kit.refusals import InvalidInput
from sanzhi_core.platform.command import command
from sanzhi_core.platform.work import Work
from sanzhi_core.testing.world import World
from sanzhi_star_virtue.models import HonourRollItem, Plaque, PointsBalance, PointsEntry
from sanzhi_star_virtue.rules.params import DEFAULTS
from sanzhi_star_virtue.rules.points import PointsType
from sanzhi_star_virtue.service import awards, plaques, points, publicity
from sanzhi_star_virtue.service import cycle as cycles

STARS = tuple(f"S{n:02d}" for n in range(1, 11))
VILLAGE = "990428101201"


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SHANGHAI)  # type: ignore[misc,arg-type]


async def rows(course: Any, model: Any, *order: Any) -> list[Any]:
    async with course.system.db.transaction("*") as session:
        return list(await session.scalars(sa.select(model).order_by(*order)))


async def confirmed_course(village: Any, course_of: Any, counts: list[int]) -> Any:
    claims = {home.no: STARS[:n] for home, n in zip(village.homes, counts, strict=True)}
    course = await course_of(claims)
    await course.review({no: stars for no, stars in claims.items() if stars})
    course.at(2026, 12, 7, 9)
    await course.step(publicity.open_publicity)
    course.at(2026, 12, 15, 9)
    await course.step(publicity.confirm_cycle)
    return course


@pytest.fixture
async def confirmed(village: Any, course_of: Any) -> Any:
    """Five households with 10, 6, 5, 1 and 0 stars, confirmed on 2026-12-15."""
    await village.add_homes(3)
    return await confirmed_course(village, course_of, [10, 6, 5, 1, 0])


async def award(course: Any, **given: Any) -> Any:
    meeting = await course.village.meeting(await course.cycle(), kind="AWARD")
    return await course.step(awards.award_cycle, **{"meeting_id": meeting, **given})


async def test_award_gives_plaques_roll_and_points(village: Any, confirmed: Any) -> None:
    row = await award(confirmed)
    assert (row.state, row.awarded_at, row.award_late_reason) == ("AWARDED", at(2026, 12, 15, 9), None)
    assert {(await confirmed.entry(h)).state for h in village.homes} == {"AWARDED"}
    found = await rows(confirmed, Plaque, Plaque.no)
    assert [(p.no, p.star_count, p.state) for p in found] == [
        ("990428101201-2026-0001", 10, "TO_ISSUE"),
        ("990428101201-2026-0002", 6, "TO_ISSUE"),
    ]
    roll = await rows(confirmed, HonourRollItem, HonourRollItem.star_count.desc())
    assert [(i.head_masked_name, i.star_count, i.change_mark) for i in roll] == [
        ("张*", 10, ""),
        ("张*", 6, ""),
    ]
    entries = await rows(confirmed, PointsEntry, PointsEntry.points.desc())
    assert [(e.type, e.points, e.rule_code, e.expires_on) for e in entries] == [
        ("EARN", n, "star.award", date(2027, 12, 31)) for n in (100, 60, 50, 10)
    ]
    balances = await rows(confirmed, PointsBalance, PointsBalance.points.desc())
    assert [b.points for b in balances] == [100, 60, 50, 10]  # nobody without stars has a ledger
    assert {b.household_id for b in balances} == {e.household_id for e in entries}


async def test_a_second_run_adds_nothing(village: Any, confirmed: Any, world: World) -> None:
    await award(confirmed)
    meeting = (await confirmed.cycle()).award_meeting_id
    error = await confirmed.refused("INVALID_TRANSITION", awards.award_cycle, meeting_id=meeting)
    assert (error.from_state, error.to_state) == ("AWARDED", "AWARDED")
    system = world.system()
    async with system.db.transaction("*") as session:
        work = Work(system, session, plugin="star_virtue", permission=None)
        cycle = await session.get(type(await confirmed.cycle()), confirmed.cycle_id)
        entries = await awards.awarded_entries(work, cycle)
        assert await awards.earn_award_points(work, cycle, entries, DEFAULTS) == 0
    assert await village.count("star_virtue.points_entry") == 4
    assert sum(b.points for b in await rows(confirmed, PointsBalance, PointsBalance.points)) == 220


async def test_two_awards_at_once_make_one(village: Any, confirmed: Any) -> None:
    row = await confirmed.cycle()
    meeting = await village.meeting(row, kind="AWARD")
    outcomes = await asyncio.gather(
        *(
            command(
                village.secretary,
                awards.award_cycle,
                awards.AwardStarCycle(
                    idempotency_key=uuid4(), cycle_id=row.id, expected_version=row.version, meeting_id=meeting
                ),
            )
            for _ in range(3)
        )
    )
    assert sorted(str(o.error.code) if o.error else "OK" for o in outcomes) == [
        "OK",
        "VERSION_CONFLICT",
        "VERSION_CONFLICT",
    ]
    assert await village.count("star_virtue.points_entry") == 4
    assert await village.count("star_virtue.plaque") == 2


async def test_the_award_needs_its_meeting_and_its_time(village: Any, confirmed: Any) -> None:
    row = await confirmed.cycle()
    async with confirmed.system.db.transaction("*") as session:
        conn = await session.connection()
        found = await conn.exec_driver_sql("select id from star_virtue.meeting where kind = 'REVIEW'")
        wrong = found.scalar_one()
    error = await confirmed.refused("VALIDATION_FAILED", awards.award_cycle, meeting_id=wrong)
    assert [f.reason for f in error.fields] == ["WRONG_MEETING"]
    await confirmed.refused("NOT_FOUND", awards.award_cycle, meeting_id=uuid4())
    confirmed.at(2027, 1, 15)
    assert row.award_due == at(2027, 1, 15)
    meeting = await village.meeting(row, kind="AWARD")
    await confirmed.refused("DEADLINE_PASSED", awards.award_cycle, meeting_id=meeting)
    error = await confirmed.refused(
        "VALIDATION_FAILED", awards.award_cycle, meeting_id=meeting, late_reason="有人信访，推迟了会议"
    )
    assert [f.reason for f in error.fields] == ["FORBIDDEN_GROUND"]
    row = await confirmed.step(awards.award_cycle, meeting_id=meeting, late_reason="大雪封路，会议推迟")
    assert (row.state, row.award_late_reason) == ("AWARDED", "大雪封路，会议推迟")


async def test_not_before_confirmation(village: Any, course_of: Any) -> None:
    one, _ = village.homes
    course = await course_of({one.no: ("S01",)})
    await course.refused("INVALID_TRANSITION", awards.award_cycle, meeting_id=uuid4())


async def test_results_plaques_and_the_year_end_are_told(village: Any, confirmed: Any) -> None:
    await confirmed.work_off()
    await award(confirmed)
    await confirmed.work_off()
    told = await confirmed.told("star_virtue.cycle.awarded")
    assert len(told) == 5
    first = next(n for n in told if n.household_id == village.homes[0].id)
    assert (first.title_zh, first.body_zh) == (
        "2026年度授星：本户10星",
        "本户获得积分100分。星级文明户牌由村委会送到并挂牌。",
    )
    (task,) = await confirmed.told("star_virtue.plaque.to_issue")
    assert task.title_zh == "有2块星级文明户牌待发放"
    confirmed.at(2026, 12, 31, 23, 59)
    await confirmed.work_off()
    assert (await confirmed.cycle()).state == "AWARDED"
    confirmed.at(2027, 1, 1)
    await confirmed.work_off()
    row = await confirmed.cycle()
    assert (row.state, row.closed_at) == ("CLOSED", at(2027, 1, 1))
    assert len(await confirmed.told("star_virtue.cycle.awarded")) == 5


async def test_a_late_award_is_closed_at_once(village: Any, confirmed: Any) -> None:
    confirmed.at(2027, 1, 10, 9)
    await award(confirmed)
    await confirmed.work_off()
    assert (await confirmed.cycle()).state == "CLOSED"


async def test_issuing_a_plaque(village: Any, confirmed: Any, world: World) -> None:
    await award(confirmed)
    plaque = (await rows(confirmed, Plaque, Plaque.no))[0]
    given = {"plaque_id": plaque.id, "expected_version": plaque.version, "hung_at_door": True}
    own = await village.head(village.homes[0], "VC_MEMBER")
    await village.refused("CONFLICT_OF_INTEREST", own, plaques.issue_plaque, **given)
    await village.refused("FORBIDDEN", village.town, plaques.issue_plaque, **given)
    await village.refused("NOT_FOUND", await world.caller(), plaques.issue_plaque, **given)
    await village.refused(
        "VERSION_CONFLICT", village.secretary, plaques.issue_plaque, **{**given, "expected_version": 9}
    )
    await village.do(village.secretary, plaques.issue_plaque, **given)
    issued = await village.get(Plaque, plaque.id)
    assert (issued.state, issued.hung_at_door, issued.issued_at) == ("ISSUED", True, at(2026, 12, 15, 9))
    await village.refused(
        "INVALID_TRANSITION", village.secretary, plaques.issue_plaque, **{**given, "expected_version": 2}
    )


async def test_the_next_year_replaces_recalls_and_marks_changes(
    village: Any, confirmed: Any, course_of: Any
) -> None:
    await award(confirmed)
    first, second, third, *_ = village.homes
    for plaque in await rows(confirmed, Plaque, Plaque.no):
        given = {"plaque_id": plaque.id, "expected_version": plaque.version, "hung_at_door": True}
        await village.do(village.secretary, plaques.issue_plaque, **given)
    confirmed.at(2027, 11, 1, 9)
    await village.set_setting("star.openYears", [2026, 2027], VILLAGE)
    claims = {first.no: STARS[:8], second.no: STARS[:5], third.no: STARS[:7]}
    made = await village.draft(2027)
    await village.do(village.secretary, cycles.open_cycle, cycle_id=made.id, expected_version=made.version)
    for home in (first, second, third):
        await village.rate(made, home, *claims[home.no])
    await village.closed(made)
    course = type(confirmed)(village, confirmed.system, made.id)
    await course.review(claims)
    course.at(2027, 11, 15, 9)
    await course.step(publicity.open_publicity)
    course.at(2027, 11, 23, 9)
    await course.step(publicity.confirm_cycle)
    await award(course)
    found = await rows(course, Plaque, Plaque.no)
    assert [(p.no[-9:], p.star_count, p.state) for p in found] == [
        ("2026-0001", 10, "REPLACED"),
        ("2026-0002", 6, "RECALLED"),
        ("2027-0001", 8, "TO_ISSUE"),
        ("2027-0002", 7, "TO_ISSUE"),
    ]
    roll = [
        i
        for i in await rows(course, HonourRollItem, HonourRollItem.star_count.desc())
        if i.cycle_id == made.id
    ]
    assert [(i.star_count, i.change_mark) for i in roll] == [(8, "−2"), (7, "+2")]
    async with course.system.db.transaction("*") as session:
        balance = await session.get(PointsBalance, first.id)
        assert balance.points == 180


# -- the ledger -----------------------------------------------------------------------------------


async def _earn(world: World, *earnings: points.Earning) -> int:
    system = world.system()
    async with system.db.transaction("*") as session:
        work = Work(system, session, plugin="star_virtue", permission=None)
        return await points.earn(work, earnings)


async def test_the_same_act_counts_once_however_often_at_once(village: Any, world: World) -> None:
    home = village.homes[0]
    place = village.unit.place()
    same = points.Earning(home.id, 10, "star.award", "act-1", place)
    other = points.Earning(home.id, 5, "star.award", "act-2", place, PointsType.BONUS)
    added = await asyncio.gather(*(_earn(world, same, other) for _ in range(4)))
    assert sorted(added) == [0, 0, 0, 15]
    assert await _earn(world, same, same) == 0
    balance = await village.get(PointsBalance, home.id)
    assert balance.points == 15
    assert await village.count("star_virtue.points_entry") == 2


@pytest.mark.parametrize("amount", [0, -1])
async def test_nothing_and_less_is_not_earned(village: Any, world: World, amount: int) -> None:
    before = await village.contents()
    with pytest.raises(InvalidInput):
        await _earn(
            world, points.Earning(village.homes[0].id, amount, "star.award", "x", village.unit.place())
        )
    assert await village.contents() == before


async def test_the_database_itself_refuses_a_negative_balance(village: Any, confirmed: Any) -> None:
    await award(confirmed)
    entry = await confirmed.entry(village.homes[0])
    with pytest.raises(sa.exc.IntegrityError, match="never_negative"):
        async with confirmed.system.db.transaction("*") as session:
            await session.execute(
                sa.update(PointsBalance)
                .where(PointsBalance.household_id == entry.household_id)
                .values(points=-1)
            )
    # and a line once written: the application has no right to change or remove one
    for statement in (sa.update(PointsEntry).values(points=1), sa.delete(PointsEntry)):
        with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
            async with confirmed.system.db.transaction("*") as session:
                await session.execute(statement)
