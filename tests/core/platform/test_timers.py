"""Timers and schedules on a real database, by business time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sanzhi_core.clock import SHANGHAI
from sanzhi_core.platform import timers
from sanzhi_core.platform.hookspecs import Job


async def nothing(_work: Any, _payload: dict[str, Any]) -> None: ...


JOB = Job("core.thing.remind", nothing, lane="emergency", max_attempts=3)
NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


async def arm(db: Any, key: str = "k", due_at: datetime = NOW, job: str = JOB.name, **payload: Any) -> None:
    async with db.transaction() as session:
        await timers.set_timer(session, key, job, "core", payload, None, due_at)


async def fire(db: Any, platform: Any, now: datetime = NOW, limit: int = 200) -> int:
    async with db.transaction() as session:
        return await timers.fire_due(session, platform, now, limit)


async def test_a_timer_fires_once_when_due(db, rows, platform_of):
    platform = platform_of(JOB)
    await arm(db, due_at=NOW, thing="1")
    assert await fire(db, platform, NOW - timedelta(seconds=1)) == 0
    assert await rows("select 1 from core.delivery") == []
    assert await fire(db, platform) == 1
    assert await fire(db, platform) == 0
    (made,) = await rows(
        "select consumer, lane, max_attempts, dedup_key, payload, unit_id from core.delivery"
    )
    assert tuple(made) == (JOB.name, "emergency", 3, "timer:k", {"thing": "1"}, None)
    assert [r.fired_at for r in await rows("select fired_at from core.timer")] == [NOW]


async def test_the_same_key_moves_the_timer(db, rows, platform_of):
    await arm(db, due_at=NOW, n=1)
    await arm(db, due_at=NOW + timedelta(hours=1), n=2)
    assert await fire(db, platform_of(JOB)) == 0
    assert await fire(db, platform_of(JOB), NOW + timedelta(hours=1)) == 1
    assert [r.payload for r in await rows("select payload from core.delivery")] == [{"n": 2}]


async def test_a_cancelled_timer_stays_silent_until_set_again(db, rows, platform_of):
    await arm(db)
    async with db.transaction() as session:
        assert await timers.cancel_timer(session, "k", NOW)
        assert not await timers.cancel_timer(session, "k", NOW)
        assert not await timers.cancel_timer(session, "unknown", NOW)
    assert await fire(db, platform_of(JOB)) == 0
    assert await rows("select 1 from core.delivery") == []
    await arm(db)
    assert await fire(db, platform_of(JOB)) == 1


async def test_a_fired_timer_is_neither_set_nor_cancelled_again(db, rows, platform_of):
    await arm(db)
    assert await fire(db, platform_of(JOB)) == 1
    with pytest.raises(timers.TimerFired, match="'k' has fired"):
        await arm(db, due_at=NOW + timedelta(days=1))
    async with db.transaction() as session:
        assert not await timers.cancel_timer(session, "k")
    (row,) = await rows("select due_at, cancelled_at from core.timer")
    assert tuple(row) == (NOW, None)
    assert await fire(db, platform_of(JOB), NOW + timedelta(days=2)) == 0
    assert len(await rows("select 1 from core.delivery")) == 1


async def test_a_naive_deadline_is_refused(db, rows):
    with pytest.raises(ValueError, match="offset"):
        await arm(db, due_at=datetime(2026, 1, 1))  # noqa: DTZ001
    assert await rows("select 1 from core.timer") == []


async def test_timers_of_jobs_not_loaded_here_wait(db, rows, platform_of):
    await arm(db, job="gone.thing.remind")
    assert await fire(db, platform_of(JOB)) == 0
    assert await rows("select 1 from core.timer where fired_at is null") != []
    assert await rows("select 1 from core.delivery") == []


async def test_several_clockworks_fire_each_timer_once(db, rows, platform_of):
    for n in range(30):
        await arm(db, key=f"k{n}")

    async def some() -> int:
        async with db.transaction() as session:
            fired = await timers.fire_due(session, platform_of(JOB), NOW, 10)
            await asyncio.sleep(0.02)
            return fired

    total = sum(await asyncio.gather(*(some() for _ in range(5))))
    while more := await fire(db, platform_of(JOB)):
        total += more
    assert total == 30
    assert len(await rows("select distinct dedup_key from core.delivery")) == 30


async def test_a_cancel_that_races_with_firing_wins_or_loses_whole(db, rows, platform_of):
    await arm(db)
    async with db.transaction() as cancelling:
        assert await timers.cancel_timer(cancelling, "k", NOW)
        assert await fire(db, platform_of(JOB)) == 0  # skips the locked row
    assert await fire(db, platform_of(JOB)) == 0
    assert await rows("select 1 from core.delivery") == []


# -- cron text ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        # Saturday -> Monday: 1-5 is Monday to Friday, not Tuesday to Saturday (dependencies.md §4)
        ("0 8 * * 1-5", "2026-11-28T12:00", "2026-11-30T08:00"),
        ("0 8 * * mon-fri", "2026-11-28T12:00", "2026-11-30T08:00"),
        ("0 8 * * 0", "2026-11-28T12:00", "2026-11-29T08:00"),
        ("0 8 * * 7", "2026-11-28T12:00", "2026-11-29T08:00"),
        # read in Shanghai, not in UTC
        ("30 0 * * *", "2026-11-23T23:00", "2026-11-24T00:30"),
        ("0 9 1 * *", "2026-12-31T23:59", "2027-01-01T09:00"),
        # strictly after
        ("0 8 * * *", "2026-11-23T08:00", "2026-11-24T08:00"),
    ],
)
def test_next_slot(cron, after, expected):
    assert timers.next_slot(cron, at(after)) == at(expected)


@pytest.mark.parametrize(
    ("cron", "now", "expected"),
    [
        ("0 8 * * *", "2026-11-23T08:00", "2026-11-23T08:00"),
        ("0 8 * * *", "2026-11-23T07:59", "2026-11-22T08:00"),
        ("0 8 * * 1-5", "2026-11-29T12:00", "2026-11-27T08:00"),
    ],
)
def test_last_slot(cron, now, expected):
    assert timers.last_slot(cron, at(now)) == at(expected)


@pytest.mark.parametrize("cron", ["", "0 8 * *", "0 0 8 * * *", "0 25 * * *", "@daily", "0 8 * * funday"])
def test_unreadable_cron_is_refused(cron):
    with pytest.raises(timers.BadCron):
        timers.next_slot(cron, NOW)


# -- schedules ----------------------------------------------------------------------------------

DAILY = Job("core.day.open", nothing, cron="0 8 * * *")


async def sync(db: Any, platform: Any, now: datetime) -> int:
    async with db.transaction() as session:
        return await timers.sync_schedules(session, platform, now)


async def tick(db: Any, platform: Any, now: datetime) -> int:
    async with db.transaction() as session:
        return await timers.fire_schedules(session, platform, now)


async def test_each_slot_runs_once(db, rows, platform_of):
    platform = platform_of(DAILY, JOB)
    assert await sync(db, platform, at("2026-11-23T07:00")) == 1
    assert await tick(db, platform, at("2026-11-23T07:59")) == 0
    assert await tick(db, platform, at("2026-11-23T08:00")) == 1
    assert await tick(db, platform, at("2026-11-23T08:01")) == 0
    (made,) = await rows("select consumer, plugin, payload from core.delivery")
    assert tuple(made) == (DAILY.name, "core", {"slot": "2026-11-23T00:00:00+00:00"})
    assert await tick(db, platform, at("2026-11-24T08:00")) == 1


async def test_after_downtime_the_latest_missed_slot_runs_once(db, rows, platform_of):
    platform = platform_of(DAILY)
    await sync(db, platform, at("2026-11-23T07:00"))
    await sync(db, platform, at("2026-11-26T12:00"))  # boot after three missed slots keeps them due
    assert await tick(db, platform, at("2026-11-26T12:00")) == 1
    assert await tick(db, platform, at("2026-11-26T12:00")) == 0
    assert [r.slot for r in await rows("select payload ->> 'slot' as slot from core.delivery")] == [
        "2026-11-26T00:00:00+00:00"
    ]


async def test_a_clock_set_back_neither_repeats_nor_skips(db, rows, platform_of):
    platform = platform_of(DAILY)
    await sync(db, platform, at("2027-03-01T07:00"))
    assert await tick(db, platform, at("2027-03-01T08:00")) == 1
    await sync(db, platform, at("2026-11-23T07:00"))
    assert await tick(db, platform, at("2026-11-23T08:00")) == 1
    await sync(db, platform, at("2026-11-23T07:00"))
    assert await tick(db, platform, at("2026-11-23T08:00")) == 0  # the slot's dedup key is used
    assert len(await rows("select 1 from core.delivery")) == 2


async def test_a_changed_text_takes_effect_and_a_gone_job_stops(db, rows, platform_of):
    await sync(db, platform_of(DAILY), at("2026-11-23T07:00"))
    later = platform_of(Job(DAILY.name, nothing, cron="0 10 * * *"))
    await sync(db, later, at("2026-11-23T07:30"))
    assert await tick(db, later, at("2026-11-23T09:00")) == 0
    assert await tick(db, later, at("2026-11-23T10:00")) == 1
    assert await sync(db, platform_of(JOB), at("2026-11-23T11:00")) == 0
    assert await tick(db, later, at("2026-11-25T10:00")) == 0
    assert [r.enabled for r in await rows("select enabled from core.schedule")] == [False]
    # back again: no catching up for the time it was gone
    await sync(db, later, at("2026-11-26T11:00"))
    assert await tick(db, later, at("2026-11-26T11:00")) == 0


async def test_a_bad_text_names_itself_and_writes_nothing(db, rows, platform_of):
    with pytest.raises(timers.BadCron, match="every day"):
        await sync(db, platform_of(Job("core.a.b", nothing, cron="every day")), NOW)
    assert await rows("select 1 from core.schedule") == []
