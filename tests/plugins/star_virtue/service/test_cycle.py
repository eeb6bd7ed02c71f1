from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from sanzhi_core.clock import SHANGHAI
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.jobs import run_delivery
from sanzhi_core.platform.models import Delivery, Notification, Timer
from sanzhi_core.platform.timers import fire_due
from sanzhi_core.platform.work import Work
from sanzhi_core.testing.world import World
from sanzhi_star_virtue.jobs.selfrating import close_at_deadline, remind
from sanzhi_star_virtue.service import cycle as cycles


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SHANGHAI)  # type: ignore[misc,arg-type]


async def work_off(system: Context, clock: Any) -> int:
    """Fire due timers and run every delivery that is due; how many ran."""
    ran = 0
    for _ in range(20):
        async with system.db.transaction("*") as session:
            await fire_due(session, system.platform, clock.now())
            ids = list(
                await session.scalars(
                    sa.select(Delivery.id)
                    .where(Delivery.done_at.is_(None))
                    .order_by(Delivery.run_at, Delivery.id)
                )
            )
        if not ids:
            return ran
        for ident in ids:
            assert await run_delivery(lambda: system, ident) == "done"
            ran += 1
    raise AssertionError("work without end")


async def test_one_cycle_per_village_and_year(village: Any) -> None:
    row = await village.draft()
    assert (row.state, row.definition_version, row.version) == ("DRAFT", "2022.1", 1)
    await village.refused(
        "DUPLICATE_RECORD", village.secretary, cycles.create_cycle, village_id=village.unit.id, year=2026
    )
    await village.do(
        village.secretary, cycles.cancel_cycle, cycle_id=row.id, expected_version=1, reason="暂缓开展评星"
    )
    again = await village.draft()
    assert again.id != row.id


@pytest.mark.parametrize(
    ("role", "code", "error"),
    [
        ("VC_MEMBER", "990428101201", "FORBIDDEN"),  # a committee member, but no chief
        ("PARTY_SECRETARY", "990428101202", "FORBIDDEN"),  # another village's
        ("TOWN_STAFF", "990428101000", "FORBIDDEN"),
    ],
)
async def test_only_the_chiefs_draft(village: Any, world: World, role: str, code: str, error: str) -> None:
    caller = await world.caller((role, code))
    await village.refused(error, caller, cycles.create_cycle, village_id=village.unit.id, year=2026)


async def test_off_and_suspended_refuse(village: Any, world: World) -> None:
    other = await world.caller(("PARTY_SECRETARY", "990428101202"))
    await village.refused(
        "PLUGIN_DISABLED", other, cycles.create_cycle, village_id=world.id("990428101202"), year=2026
    )
    row = await village.draft()
    await world.enable("star_virtue", "990428101201", "SUSPENDED", since=date(2026, 11, 1))
    chief = await world.caller(("PARTY_SECRETARY", "990428101201"))
    await village.refused("PLUGIN_DISABLED", chief, cycles.open_cycle, cycle_id=row.id, expected_version=1)


async def test_opening_freezes_households_parameters_and_stars(village: Any) -> None:
    await village.add_home(type="COLLECTIVE")
    await village.add_home(status="MOVED_OUT")
    await village.add_home(registered=date(2026, 11, 24))
    await village.add_honour(village.homes[0], "VETERAN")
    await village.add_honour(village.homes[1], "VETERAN", date(2026, 11, 22))
    await village.set_setting("star.publicityWorkdays", 6, "990428101201")
    row = await village.opened()
    assert row.state == "SELF_RATING"
    assert row.total_households == 2
    assert row.snapshot_date == date(2026, 11, 23)
    assert row.self_rating_to == at(2026, 12, 4, 0, 0)  # ten days after the 23rd, 24:00 of 3 December
    assert row.params["star.publicityWorkdays"] == 6
    first, second = (
        await village.entry(row.id, village.homes[0]),
        await village.entry(row.id, village.homes[1]),
    )
    assert (first.state, first.bonus, first.bonus_warning) == ("INVITED", 5, None)
    assert (second.bonus, second.bonus_warning) == (0, "VETERAN_CERTIFICATE_NOT_VALID")
    await village.set_setting("star.publicityWorkdays", 7, "990428101201")
    assert (await village.cycle(row.id)).params["star.publicityWorkdays"] == 6


async def test_opening_is_refused(village: Any, world: World) -> None:
    row = await village.draft()
    given = {"cycle_id": row.id, "expected_version": 1}
    chief = village.secretary
    await village.refused("VERSION_CONFLICT", chief, cycles.open_cycle, cycle_id=row.id, expected_version=2)
    short = await village.refused(
        "VALIDATION_FAILED", chief, cycles.open_cycle, self_rating_last_day=date(2026, 12, 2), **given
    )
    assert short.fields[0].reason == "TOO_SHORT"
    future = await village.refused(
        "VALIDATION_FAILED", chief, cycles.open_cycle, snapshot_date=date(2026, 11, 24), **given
    )
    assert future.fields[0].reason == "IN_FUTURE"
    early = await village.refused(
        "VALIDATION_FAILED", chief, cycles.open_cycle, snapshot_date=date(2019, 1, 1), **given
    )
    assert early.fields[0].reason == "NO_HOUSEHOLDS"
    await village.do(chief, cycles.open_cycle, **given)
    await village.refused("INVALID_TRANSITION", chief, cycles.open_cycle, cycle_id=row.id, expected_version=2)


async def test_the_county_opens_the_year(village: Any) -> None:
    row = await village.draft(2027)
    error = await village.refused(
        "INVALID_TRANSITION", village.secretary, cycles.open_cycle, cycle_id=row.id, expected_version=1
    )
    assert error.reason == "YEAR_NOT_OPENED"


async def test_self_rating_lasts_ten_days(village: Any, clock: Any) -> None:
    row = await village.opened(self_rating_last_day=date(2026, 12, 10))
    given = {"cycle_id": row.id, "expected_version": row.version}
    clock.set(at(2026, 12, 3, 23, 59))
    await village.refused("TOO_EARLY", village.secretary, cycles.close_self_rating, **given)
    clock.set(at(2026, 12, 4, 0, 0))
    await village.do(village.secretary, cycles.close_self_rating, **given)
    row = await village.cycle(row.id)
    assert (row.state, row.self_rating_to) == ("PEER_REVIEW", at(2026, 12, 4, 0, 0))
    assert row.low_participation
    assert (await village.entry(row.id, village.homes[0])).state == "NOT_PARTICIPATED"


async def test_one_extension_while_participation_is_low(village: Any, clock: Any) -> None:
    row = await village.opened()
    given = {"cycle_id": row.id, "reason": "外出务工户较多"}
    clock.set(at(2026, 12, 3, 9, 0))

    async def refused(day: date, version: int, code: str = "VALIDATION_FAILED") -> str:
        error = await village.refused(
            code,
            village.secretary,
            cycles.extend_self_rating,
            last_day=day,
            expected_version=version,
            **given,
        )
        return str(getattr(error, "fields", [None])[0].reason)

    assert await refused(date(2026, 12, 11), row.version) == "EXTENSION_RANGE"
    assert await refused(date(2026, 12, 3), row.version) == "EXTENSION_RANGE"
    await village.do(
        village.secretary,
        cycles.extend_self_rating,
        last_day=date(2026, 12, 10),
        expected_version=row.version,
        **given,
    )
    row = await village.cycle(row.id)
    assert (row.self_rating_to, row.extended) == (at(2026, 12, 11, 0, 0), True)
    assert await refused(date(2026, 12, 12), row.version) == "ALREADY_EXTENDED"


async def test_no_extension_when_participation_is_reached(village: Any) -> None:
    row = await village.opened()
    for home in village.homes:
        await village.rate(row, home)
    error = await village.refused(
        "VALIDATION_FAILED",
        village.secretary,
        cycles.extend_self_rating,
        cycle_id=row.id,
        expected_version=row.version,
        last_day=date(2026, 12, 8),
        reason="再等几户",
    )
    assert error.fields[0].reason == "NOT_NEEDED"


async def test_cancel_only_before_confirmation(village: Any) -> None:
    row = await village.opened()
    await village.do(
        village.secretary,
        cycles.cancel_cycle,
        cycle_id=row.id,
        expected_version=row.version,
        reason="村级建制调整",
    )
    row = await village.cycle(row.id)
    assert (row.state, row.cancel_reason) == ("CANCELLED", "村级建制调整")
    assert await village.count("core.timer", "cancelled_at is null") == 0
    await village.refused(
        "INVALID_TRANSITION",
        village.secretary,
        cycles.cancel_cycle,
        cycle_id=row.id,
        expected_version=row.version,
        reason="村级建制调整",
    )


async def test_jobs_announce_remind_close_and_warn(village: Any, system: Context, clock: Any) -> None:
    paper = await village.add_home(phone=False)
    village.homes.append(paper)
    row = await village.opened()
    await work_off(system, clock)
    assert (
        await village.count("core.notification", "event_key = 'star_virtue.cycle.opened'") == 4
    )  # one on paper too
    await village.rate(row, village.homes[0], "S01")

    clock.set(at(2026, 12, 1, 0, 0))
    await work_off(system, clock)
    clock.set(at(2026, 12, 1, 7, 0))  # quiet hours are over
    await work_off(system, clock)
    reminder = "event_key = 'star_virtue.selfrating.reminder'"
    assert await village.count("core.notification", reminder) == 3
    assert await village.count("core.notification", reminder + " and channel = 'PAPER_LIST'") == 1
    assert await village.count("core.notification", "event_key = 'star_virtue.participation.low'") == 0

    clock.set(at(2026, 12, 3, 0, 0))
    await work_off(system, clock)
    clock.set(at(2026, 12, 3, 7, 0))
    await work_off(system, clock)
    assert await village.count("core.notification", reminder) == 6
    assert await village.count("core.notification", "event_key = 'star_virtue.participation.low'") == 1

    clock.set(at(2026, 12, 4, 0, 0))
    await work_off(system, clock)
    row = await village.cycle(row.id)
    assert row.self_rating_to == clock.now()
    clock.set(at(2026, 12, 4, 7, 0))
    await work_off(system, clock)
    assert (row.state, row.low_participation) == ("PEER_REVIEW", True)
    warned = "event_key = 'star_virtue.participation.warning'"
    assert await village.count("core.notification", warned) == 2  # town staff and the secretary
    async with system.db.transaction("*") as session:
        text = await session.scalar(
            sa.select(Notification.body_zh)
            .where(Notification.event_key == "star_virtue.participation.warning")
            .limit(1)
        )
        assert text == "有效自评1户，共3户。评星继续进行。"
        assert await session.scalar(sa.select(sa.func.count()).where(Timer.fired_at.is_(None))) == 0


async def test_jobs_do_nothing_twice_and_nothing_late(village: Any, system: Context, clock: Any) -> None:
    row = await village.opened()
    clock.set(at(2026, 12, 2, 12, 0))
    await work_off(system, clock)
    await village.do(
        village.secretary,
        cycles.extend_self_rating,
        cycle_id=row.id,
        expected_version=row.version,
        last_day=date(2026, 12, 10),
        reason="外出务工户较多",
    )
    clock.set(at(2026, 12, 4, 8, 0))  # the old deadline is over
    await work_off(system, clock)
    assert (await village.cycle(row.id)).state == "SELF_RATING"
    old = {"cycle_id": str(row.id), "until": row.self_rating_to.isoformat(), "key": "x|1|"}
    before = await village.contents()
    async with system.db.transaction("*") as session:
        work = Work(system, session, plugin="star_virtue", permission=None)
        await close_at_deadline(work, old)
        await remind(work, old)
    assert await village.contents() == before
    reminders = "event_key = 'star_virtue.selfrating.reminder'"
    sent = await village.count("core.notification", reminders)
    clock.set(at(2026, 12, 11, 0, 0))  # nothing ran for a week: both reminders and the deadline are due
    assert await work_off(system, clock) > 0
    assert (await village.cycle(row.id)).state == "PEER_REVIEW"
    assert await village.count("core.notification", reminders) == sent


async def test_after_downtime_one_reminder_not_two(village: Any, system: Context, clock: Any) -> None:
    await village.opened()
    clock.set(at(2026, 12, 3, 8, 0))  # the reminders of 1 and 3 December were missed
    await work_off(system, clock)
    assert await village.count("core.notification", "event_key = 'star_virtue.selfrating.reminder'") == 2


async def test_households_that_come_later_join_next_year(village: Any) -> None:
    row = await village.opened()
    await village.add_homes(1)
    assert (await village.cycle(row.id)).total_households == 2
    assert await village.count("star_virtue.entry") == 2
    assert row.self_rating_from == village.clock.now().astimezone(UTC)
    assert row.self_rating_to - row.self_rating_from < timedelta(days=11)
