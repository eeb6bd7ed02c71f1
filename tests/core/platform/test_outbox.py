"""Deliveries on a real database: claimed in order, run once, parked, dead, replayed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa

from sanzhi_core.clock import new_id
from sanzhi_core.db.session import dsn
from sanzhi_core.platform import outbox
from sanzhi_core.platform.hookspecs import Event, Job
from sanzhi_core.platform.models import Delivery


async def mark(work: Any, payload: dict[str, Any]) -> None:
    await work.session.execute(sa.text("insert into effect (what) values (:w)"), {"w": payload["what"]})


MARK = Job("core.effect.mark", mark, on=("core.thing.happened",))


async def put(db: Any, job: Job, what: str = "x", **more: Any) -> UUID:
    async with db.transaction() as session:
        made = await outbox.insert_delivery(
            session,
            consumer=job.name,
            plugin=job.name.partition(".")[0],
            lane=job.lane,
            payload={"what": what},
            max_attempts=job.max_attempts,
            **more,
        )
    assert made is not None
    return made


async def put_and_fail(db: Any) -> None:
    async with db.transaction() as session:
        await outbox.insert_delivery(session, consumer="a", plugin="core", lane="normal", payload={})
        raise RuntimeError("business")


async def claim(db: Any, *names: str, **more: Any) -> list[UUID]:
    async with db.transaction() as session:
        return [c.id for c in await outbox.claim(session, 100, 60, consumers=names, **more)]


# -- writing ----------------------------------------------------------------------------------


async def test_a_delivery_dies_with_its_business_transaction(db, rows):
    with pytest.raises(RuntimeError, match="business"):
        await put_and_fail(db)
    assert await rows("select 1 from core.delivery") == []


async def test_a_dedup_key_is_used_once(db, rows):
    async with db.transaction() as session:
        given = {"consumer": "a", "plugin": "core", "lane": "normal", "payload": {}, "dedup_key": "k"}
        first = await outbox.insert_delivery(session, **given)
        again = await outbox.insert_delivery(session, **given)
    assert first is not None
    assert again is None
    assert [r.id for r in await rows("select id from core.delivery")] == [first]


async def test_an_unknown_lane_is_refused(db, rows):
    with pytest.raises(ValueError, match="lane 'fast'"):
        async with db.transaction() as session:
            await outbox.insert_delivery(session, consumer="a", plugin="core", lane="fast", payload={})
    assert await rows("select 1 from core.delivery") == []


async def test_an_event_reaches_each_consumer_once(db, rows, platform_of):
    other = Job("star_virtue.effect.mark", mark, on=("core.thing.happened",), lane="bulk", max_attempts=3)
    deaf = Job("star_virtue.effect.other", mark)
    platform = platform_of(MARK, other, deaf)
    event = Event(new_id(), "core.thing.happened", new_id(), "thing:1", 7, {"thing_id": "1"})
    async with db.transaction() as session:
        assert await outbox.emit_event(session, platform, event) == 2
        assert await outbox.emit_event(session, platform, event) == 0
    found = await rows("select consumer, plugin, lane, max_attempts, payload from core.delivery order by 1")
    assert [tuple(r[:4]) for r in found] == [
        ("core.effect.mark", "core", "normal", 8),
        ("star_virtue.effect.mark", "star_virtue", "bulk", 3),
    ]
    assert outbox.event_of(found[0].payload) == event


async def test_a_commit_wakes_listeners_and_a_rollback_does_not(db, database):
    heard = asyncio.Event()
    listener = await asyncpg.connect(dsn(database.app_url))
    await listener.add_listener(outbox.CHANNEL, lambda *_: heard.set())
    with pytest.raises(RuntimeError, match="business"):
        await put_and_fail(db)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(heard.wait(), 0.2)
    await put(db, MARK)
    await asyncio.wait_for(heard.wait(), 2)
    await listener.close()


# -- claiming ----------------------------------------------------------------------------------


async def test_a_claim_leases_emergency_first_then_oldest(db):
    alarm = Job("core.alarm.send", mark, lane="emergency")
    first, second, urgent = await put(db, MARK), await put(db, MARK), await put(db, alarm)
    assert await claim(db, MARK.name, alarm.name) == [urgent, first, second]
    assert await claim(db, MARK.name, alarm.name) == []


async def test_an_expired_lease_is_claimed_again_and_a_released_one_at_once(db, rows):
    made = await put(db, MARK)
    assert await claim(db, MARK.name) == [made]
    await rows("update core.delivery set leased_until = clock_timestamp() - interval '1 ms' returning id")
    assert await claim(db, MARK.name) == [made]
    async with db.transaction() as session:
        assert await outbox.release(session, [made]) == 1
    assert await claim(db, MARK.name) == [made]


async def test_deliveries_of_jobs_not_loaded_here_wait(db):
    await put(db, MARK)
    assert await claim(db, "core.other.job") == []


async def test_what_is_not_due_done_dead_or_parked_is_not_claimed(db, rows):
    for column in ("done_at", "dead_at", "parked_at"):
        made = await put(db, MARK)
        await rows(
            f"update core.delivery set {column} = clock_timestamp() where id = :i returning id", i=made
        )
    await put(db, MARK, run_at=(await rows("select clock_timestamp() + interval '1 hour'"))[0][0])
    assert await claim(db, MARK.name) == []


async def test_one_consumers_backlog_leaves_room_for_another(db):
    other = Job("core.other.mark", mark)
    for _ in range(5):
        await put(db, MARK)
    late = await put(db, other)
    assert late in await claim(db, MARK.name, other.name, window=2)
    assert await claim(db, MARK.name, other.name, window=2) == []


async def test_two_relays_never_claim_the_same_row(db):
    made = {await put(db, MARK) for _ in range(40)}

    async def some() -> list[UUID]:
        async with db.transaction() as session:
            got = [c.id for c in await outbox.claim(session, 10, 60, consumers=[MARK.name])]
            await asyncio.sleep(0.02)
            return got

    got = [i for part in await asyncio.gather(*(some() for _ in range(6))) for i in part]
    while more := await claim(db, MARK.name):
        got += more
    assert len(got) == 40
    assert set(got) == made


async def test_a_dead_event_holds_its_aggregate_until_discarded(db, rows):
    first = await put(db, MARK, aggregate="a", seq=1)
    second = await put(db, MARK, aggregate="a", seq=2)
    await rows("update core.delivery set dead_at = clock_timestamp() where id = :i returning id", i=first)
    assert await claim(db, MARK.name) == []
    async with db.transaction() as session:
        assert await outbox.discard_dead(session, first)
        assert not await outbox.discard_dead(session, second)
    assert await claim(db, MARK.name) == [second]


# -- keeping ----------------------------------------------------------------------------------


async def test_purge_takes_old_done_rows_only(db, rows):
    old, young, todo = await put(db, MARK), await put(db, MARK), await put(db, MARK)
    await rows(
        "update core.delivery set done_at = clock_timestamp() - interval '31 days' where id = :i returning 1",
        i=old,
    )
    await rows("update core.delivery set done_at = clock_timestamp() where id = :i returning 1", i=young)
    async with db.transaction() as session:
        assert await outbox.purge_done(session, timedelta(days=30)) == 1
    async with db.transaction() as session:
        left = set(await session.scalars(sa.select(Delivery.id)))
    assert left == {young, todo}


async def test_lag_counts(db, rows):
    await put(db, MARK)
    await claim(db, MARK.name)
    await put(db, MARK)
    await put(db, MARK, run_at=(await rows("select clock_timestamp() + interval '1 hour'"))[0][0])
    await rows(
        "update core.delivery set run_at = run_at - interval '90 s' where leased_until is null returning 1"
    )
    async with db.transaction() as session:
        lag = await outbox.lag(session)
    assert (lag.todo, lag.due, lag.leased, lag.parked, lag.dead) == (3, 2, 1, 0, 0)
    assert 90 <= lag.oldest_s < 120
