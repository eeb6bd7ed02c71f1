"""A whole runtime on a real database and both brokers."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
import sqlalchemy as sa

from sanzhi_core.platform import outbox
from sanzhi_core.platform.hookspecs import Job


async def mark(work: Any, payload: dict[str, Any]) -> None:
    await work.session.execute(sa.text("insert into effect (what) values (:w)"), {"w": payload["what"]})


MARK = Job("core.effect.mark", mark)


async def test_deliveries_become_effects_once(runtime_of, platform_of, broker_url, put, rows, until):
    other = Job("star_virtue.effect.mark", mark, lane="bulk")
    runtime = runtime_of(platform_of(MARK, other), broker_url)
    for n in range(20):
        await put(MARK, f"before {n}")
    await asyncio.to_thread(runtime.start)
    for n in range(20):
        await put((MARK, other)[n % 2], f"after {n}")
    await until("select 1 from core.delivery having count(*) filter (where done_at is null) = 0")
    assert len(await rows("select distinct what from effect")) == 40
    assert len(await rows("select 1 from effect")) == 40
    ready = runtime.ready()
    assert ready.ok
    assert ready.broker == "up"
    assert ready.lanes == {"normal": True, "bulk": True}


async def test_duplicate_messages_have_one_effect(runtime_of, platform_of, broker_url, put, rows, until):
    async def slow(work: Any, payload: dict[str, Any]) -> None:
        await mark(work, payload)
        await asyncio.sleep(0.02)

    job = Job("core.effect.slow", slow)
    runtime = runtime_of(platform_of(job), broker_url)
    await asyncio.to_thread(runtime.start)
    (actor,) = runtime.broker.actors.values()
    made = [await put(job, str(n)) for n in range(15)]
    for _ in range(4):
        for delivery in made:
            await asyncio.to_thread(runtime.broker.enqueue, actor.message(str(delivery)))
    await until("select 1 from core.delivery having count(*) filter (where done_at is null) = 0")
    await asyncio.sleep(0.3)
    assert sorted(int(r.what) for r in await rows("select what from effect")) == list(range(15))


async def test_two_runtimes_share_the_work(runtime_of, platform_of, broker_url, put, rows, until):
    runtimes = [runtime_of(platform_of(MARK), broker_url) for _ in range(2)]
    for n in range(60):
        await put(MARK, str(n))
    for runtime in runtimes:
        await asyncio.to_thread(runtime.start)
    for n in range(60, 120):
        await put(MARK, str(n))
    await until("select 1 from core.delivery having count(*) filter (where done_at is null) = 0")
    assert sorted(int(r.what) for r in await rows("select what from effect")) == list(range(120))
    if broker_url is not None:  # a memory broker's boot releases leases, the other's too
        assert await rows("select 1 from core.delivery where attempts <> 1") == []


async def test_order_within_an_aggregate(runtime_of, platform_of, broker_url, put, rows, until):
    flaky = {"3", "4"}

    async def often(work: Any, payload: dict[str, Any]) -> None:
        await mark(work, payload)
        if payload["what"] in flaky:
            flaky.discard(payload["what"])
            raise ValueError

    job = Job("core.effect.often", often)
    runtime = runtime_of(platform_of(job), broker_url)
    for n in reversed(range(8)):
        await put(job, str(n), aggregate="a", seq=n)
    await asyncio.to_thread(runtime.start)
    await until("select 1 from core.delivery having count(*) filter (where done_at is null) = 0")
    assert [r.what for r in await rows("select what from effect order by n")] == [str(n) for n in range(8)]


async def test_a_poison_job_ends_dead_while_others_go_on(
    runtime_of, platform_of, broker_url, put, rows, until
):
    async def poison(work: Any, payload: dict[str, Any]) -> None:
        await mark(work, payload)
        raise RuntimeError

    bad = Job("core.effect.poison", poison, max_attempts=3)
    runtime = runtime_of(platform_of(bad, MARK), broker_url)
    await asyncio.to_thread(runtime.start)
    await put(bad, "bad")
    await put(MARK, "good")
    (dead,) = await until("select attempts, last_error from core.delivery where dead_at is not null")
    assert dead.attempts == 3
    assert dead.last_error.startswith("RuntimeError in ")
    await until("select 1 from effect")
    assert [r.what for r in await rows("select what from effect")] == ["good"]
    assert len(await rows("select 1 from core.audit_entry where action = 'core.delivery.die'")) == 1


async def test_emergency_is_not_held_up_by_a_blocked_lane(
    runtime_of, platform_of, broker_url, put, rows, until
):
    started = threading.Event()

    async def block(work: Any, payload: dict[str, Any]) -> None:
        started.set()
        time.sleep(2)  # noqa: ASYNC251
        await mark(work, payload)

    blocker = Job("core.effect.block", block)
    alarm = Job("star_virtue.alarm.send", mark, lane="emergency")
    runtime = runtime_of(platform_of(blocker, alarm), broker_url)
    await asyncio.to_thread(runtime.start)
    await put(alarm, "warm-up")
    await until("select 1 from effect where what = 'warm-up'")
    await put(blocker, "slow")
    assert await asyncio.to_thread(started.wait, 5)
    latencies = []
    for n in range(5):
        await put(alarm, f"alarm {n}")
        sql = "select extract(epoch from e.at - d.created_at) as s from core.delivery d, effect e"
        where = " where e.what = :w and d.payload ->> 'what' = :w"
        latencies.append(float((await until(sql + where, 2, w=f"alarm {n}"))[0].s))
    assert await rows("select 1 from effect where what = 'slow'") == []  # it was blocked all the while
    assert max(latencies) < 0.2
    await until("select 1 from effect where what = 'slow'")


async def test_a_timed_out_job_leaves_the_lane_working(runtime_of, platform_of, broker_url, put, rows, until):
    async def late(work: Any, payload: dict[str, Any]) -> None:
        await mark(work, payload)
        await work.session.execute(sa.text("select pg_sleep(30)"))

    job = Job("core.effect.late", late, deadline_s=0.2, max_attempts=2)
    runtime = runtime_of(platform_of(job, MARK), broker_url)
    await asyncio.to_thread(runtime.start)
    for n in range(6):
        await put(job, f"late {n}")
    await until("select 1 from core.delivery having count(*) filter (where dead_at is not null) = 6", 20)
    await put(MARK, "after")
    await until("select 1 from effect")
    assert [r.what for r in await rows("select what from effect")] == ["after"]


async def test_stop_lets_a_running_job_end(runtime_of, platform_of, broker_url, put, rows):
    started = threading.Event()

    async def slow(work: Any, payload: dict[str, Any]) -> None:
        await mark(work, payload)
        started.set()
        await asyncio.sleep(0.7)

    job = Job("core.effect.slow", slow)
    runtime = runtime_of(platform_of(job), broker_url)
    await asyncio.to_thread(runtime.start)
    await put(job)
    assert await asyncio.to_thread(started.wait, 5)
    await asyncio.to_thread(runtime.stop, 10)
    assert len(await rows("select 1 from effect")) == 1
    assert not runtime.ready().ok


async def test_stop_rolls_back_and_releases_what_does_not_end(runtime_of, platform_of, broker_url, put, rows):
    started = threading.Event()

    async def endless(work: Any, payload: dict[str, Any]) -> None:
        await mark(work, payload)
        started.set()
        await asyncio.sleep(60)

    job = Job("core.effect.endless", endless, deadline_s=90)
    runtime = runtime_of(platform_of(job), broker_url)
    await asyncio.to_thread(runtime.start)
    await put(job)
    assert await asyncio.to_thread(started.wait, 5)
    began = time.monotonic()
    await asyncio.to_thread(runtime.stop, 1)
    assert time.monotonic() - began < 8
    assert await rows("select 1 from effect") == []
    assert len(await rows("select 1 from core.delivery where done_at is null and leased_until is null")) == 1


async def test_a_memory_broker_forgets_and_boot_brings_back(runtime_of, platform_of, put, rows, until, db):
    made = await put(MARK)
    async with db.transaction() as session:  # a process that claimed and died
        assert [c.id for c in await outbox.claim(session, 9, 3600, consumers=[MARK.name])] == [made]
    runtime = runtime_of(platform_of(MARK))
    await asyncio.to_thread(runtime.start)
    await until("select 1 from effect", 3)


async def test_a_crash_between_claim_and_publish_costs_a_lease(
    runtime_of, platform_of, broker_url, put, rows, until, db
):
    runtime = runtime_of(platform_of(MARK), broker_url)
    await asyncio.to_thread(runtime.start)
    async with db.transaction() as session:
        made = await outbox.insert_delivery(
            session, consumer=MARK.name, plugin="core", lane="normal", payload={"what": "x"}
        )
        assert [c.id for c in await outbox.claim(session, 9, 1.0, consumers=[MARK.name])] == [made]
    await asyncio.sleep(0.5)
    assert await rows("select 1 from effect") == []
    await until("select 1 from effect", 3)
    assert len(await rows("select 1 from effect")) == 1


async def test_a_start_that_fails_raises_and_leaves_no_thread(platform_of, prefix, clock):
    from sanzhi_core.audit.keys import Keys
    from sanzhi_workers.main import Runtime, WorkerSettings

    before = set(threading.enumerate())
    nowhere = "postgresql://postgres@127.0.0.1:1/nowhere"
    runtime = Runtime(WorkerSettings(nowhere, nowhere), platform_of(MARK), Keys.generate(), clock)
    with pytest.raises(OSError):
        await asyncio.to_thread(runtime.start)
    left = [t.name for t in threading.enumerate() if t not in before and t.name.startswith("sanzhi")]
    assert left == []
