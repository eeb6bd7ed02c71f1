"""Timers, schedules, seals and the demo clock, run by the clockwork itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from sanzhi_core.audit.keys import Keys
from sanzhi_core.audit.record import record
from sanzhi_core.clock import OffsetClock, SystemClock
from sanzhi_core.db.session import Database
from sanzhi_core.platform import timers
from sanzhi_core.platform.context import SYSTEM, Context
from sanzhi_core.platform.hookspecs import Job
from sanzhi_workers import clockwork
from sanzhi_workers.clockwork import Clockwork, sealer


async def mark(work: Any, payload: dict[str, Any]) -> None:
    await work.session.execute(
        sa.text("insert into effect (what) values (:w)"), {"w": payload.get("what", "")}
    )


MARK = Job("core.effect.mark", mark)


async def arm(db: Any, due_at: datetime) -> None:
    async with db.transaction() as session:
        await timers.set_timer(session, "k", MARK.name, "core", {"what": "timer"}, None, due_at)


async def test_a_timer_becomes_an_effect_when_business_time_comes(
    runtime_of, platform_of, db, rows, until, clock
):
    await arm(db, clock.now() + timedelta(hours=1))
    runtime = runtime_of(platform_of(MARK))
    await asyncio.to_thread(runtime.start)
    await asyncio.sleep(1.5)
    assert await rows("select 1 from core.delivery") == []
    clock.advance(timedelta(hours=1))
    await until("select 1 from effect where what = 'timer'", 4)
    await asyncio.sleep(1.2)
    assert len(await rows("select 1 from effect")) == 1


async def test_the_demo_clock_moves_timers(runtime_of, platform_of, db, rows, until):
    await arm(db, datetime.now(UTC) + timedelta(days=3))
    runtime = runtime_of(platform_of(MARK), clock=OffsetClock())
    await asyncio.to_thread(runtime.start)
    await asyncio.sleep(1.2)
    assert await rows("select 1 from core.delivery") == []
    await rows("update core.clock_offset set seconds = 3 * 86400 returning 1")
    await until("select 1 from effect where what = 'timer'", 4)


async def test_the_demo_clock_is_ignored_by_the_system_clock(runtime_of, platform_of, db, rows, until):
    await arm(db, datetime.now(UTC) + timedelta(days=3))
    await rows("update core.clock_offset set seconds = 30 * 86400 returning 1")
    runtime = runtime_of(platform_of(MARK), clock=SystemClock())
    await asyncio.to_thread(runtime.start)
    await asyncio.sleep(1.5)
    assert runtime.clockwork.age_s() is not None
    assert await rows("select 1 from core.delivery") == []


async def test_a_schedule_runs_each_slot_once_with_two_clockworks(
    runtime_of, platform_of, rows, until, clock
):
    daily = Job("core.day.open", mark, cron="0 10 * * *")  # the clock stands at 09:00 in Shanghai
    for runtime in [runtime_of(platform_of(daily)) for _ in range(2)]:
        await asyncio.to_thread(runtime.start)
    await until("select 1 from core.schedule")
    clock.advance(timedelta(hours=1))
    await until("select 1 from effect", 4)
    await asyncio.sleep(1.2)
    assert len(await rows("select 1 from core.delivery")) == 1
    assert len(await rows("select 1 from effect")) == 1


async def test_audit_entries_are_sealed(runtime_of, platform_of, db, until, clock, keys):
    runtime = runtime_of(platform_of(MARK))
    await asyncio.to_thread(runtime.start)
    ctx = Context(platform_of(MARK), db, clock, keys, principal=SYSTEM)
    async with db.transaction("*") as session:
        await record(session, ctx, action="core.test.write", result="OK")
    await until("select 1 from core.audit_leaf", 4)
    await until("select 1 from core.audit_seal where count = 1", 1)


async def test_a_sealer_that_fails_does_not_stop_the_clock(
    runtime_of, platform_of, db, until, eventually, clock
):
    tries: list[int] = []

    async def broken(_db: Any) -> None:
        tries.append(1)
        raise RuntimeError("the trail is not what was signed")

    runtime = runtime_of(platform_of(MARK), seal=broken)
    await asyncio.to_thread(runtime.start)
    await arm(db, clock.now())
    await until("select 1 from effect where what = 'timer'", 4)
    await eventually(lambda: len(tries) >= 2)


async def test_seals_run_in_short_transactions_until_nothing_is_left(
    platform_of, db, clock, keys, monkeypatch
):
    ctx = Context(platform_of(MARK), db, clock, keys, principal=SYSTEM)
    for _ in range(5):
        async with db.transaction("*") as session:
            await record(session, ctx, action="core.test.write", result="OK")
    sizes = iter([2, 2, 1])

    async def few(conn: Any, keys: Keys, now: datetime) -> int:
        assert conn.is_in_transaction()
        return next(sizes)

    monkeypatch.setattr(clockwork, "BATCH", 2)
    monkeypatch.setattr(clockwork, "seal_once", few)
    assert await sealer(keys, clock)(db) == 5


async def test_old_done_rows_are_purged(database, platform_of, put, rows, until, clock):
    old, young = await put(MARK), await put(MARK)
    ago = "clock_timestamp() - cast(:ago as interval)"
    done = f"update core.delivery set done_at = {ago} where id = :i returning 1"
    await rows(done, i=old, ago=timedelta(days=31))
    await rows(done, i=young, ago=timedelta(days=1))
    opener = partial(Database.open, database.app_url, database.read_url, size=2)
    work = Clockwork(platform_of(MARK), opener, clock)
    await asyncio.to_thread(work.start)
    try:
        await until("select 1 from core.delivery having count(*) = 1", 5)
        assert [r.id for r in await rows("select id from core.delivery")] == [young]
    finally:
        await asyncio.to_thread(work.stop, 5)


@pytest.mark.parametrize("field", ["relay_age_s", "clockwork_age_s"])
async def test_readiness_tells_the_age_of_the_last_round(runtime_of, platform_of, eventually, field):
    runtime = runtime_of(platform_of(MARK))
    assert not runtime.ready().ok
    await asyncio.to_thread(runtime.start)
    await eventually(lambda: runtime.ready().ok)
    assert getattr(runtime.ready(), field) < 2
