"""Running deliveries on a real database: once, in order, parked, timed out, dead, replayed."""

from __future__ import annotations

import asyncio
import time
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa

from sanzhi_core.clock import new_id, real_now
from sanzhi_core.db.session import dsn
from sanzhi_core.errors import NotFound
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform import jobs, outbox
from sanzhi_core.platform.hookspecs import Job
from sanzhi_core.platform.models import PluginEnablement


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


async def test_order_within_an_aggregate(db, rows, platform_of, context_of):
    make_ctx = context_of(platform_of(MARK))
    third = await put(db, MARK, "3", aggregate="a", seq=3)
    first = await put(db, MARK, "1", aggregate="a", seq=1)
    alone = await put(db, MARK, "alone", aggregate="b", seq=9)
    second = await put(db, MARK, "2", aggregate="a", seq=2)
    assert set(await claim(db, MARK.name)) == {first, alone}
    # a stray message must not overtake either
    assert await jobs.run_delivery(make_ctx, third) == jobs.SKIPPED
    assert (await rows("select attempts from core.delivery where id = :i", i=third))[0].attempts == 0
    for expected in (first, second, third):
        assert await jobs.run_delivery(make_ctx, expected) == jobs.DONE
    assert [r.what for r in await rows("select what from effect order by n")] == ["1", "2", "3"]


# -- running ----------------------------------------------------------------------------------


async def test_effect_and_done_commit_together_and_once(db, rows, platform_of, context_of):
    make_ctx = context_of(platform_of(MARK))
    made = await put(db, MARK)
    assert await jobs.run_delivery(make_ctx, made) == jobs.DONE
    assert await jobs.run_delivery(make_ctx, made) == jobs.SKIPPED
    assert [r.what for r in await rows("select what from effect")] == ["x"]
    assert await rows("select 1 from core.delivery where done_at is not null and attempts = 1") != []


async def test_duplicates_at_the_same_time_have_one_effect(db, rows, platform_of, context_of):
    async def slow(work: Any, payload: dict[str, Any]) -> None:
        await mark(work, payload)
        await asyncio.sleep(0.05)

    job = Job("core.effect.slow", slow)
    make_ctx = context_of(platform_of(job))
    for _ in range(8):
        made = await put(db, job)
        outcomes = await asyncio.gather(*(jobs.run_delivery(make_ctx, made) for _ in range(5)))
        assert outcomes.count(jobs.DONE) == 1
        assert set(outcomes) <= {jobs.DONE, jobs.SKIPPED}
    assert len(await rows("select 1 from effect")) == 8


async def test_a_failing_job_rolls_back_and_backs_off(db, rows, platform_of, context_of):
    async def fail(work: Any, payload: dict[str, Any]) -> None:
        await mark(work, payload)
        raise ValueError("the secret of 张三")

    job = Job("core.effect.fail", fail)
    made = await put(db, job)
    make_ctx = context_of(platform_of(job))
    assert await jobs.run_delivery(make_ctx, made) == jobs.RETRY
    assert await rows("select 1 from effect") == []
    (row,) = await rows("select *, run_at - clock_timestamp() as pause from core.delivery")
    assert row.attempts == 1
    assert row.leased_until is None
    assert timedelta(seconds=1) < row.pause <= timedelta(seconds=2)
    assert row.last_error.startswith("ValueError in ")
    assert "fail:" in row.last_error
    assert "张三" not in row.last_error
    assert await jobs.run_delivery(make_ctx, made) == jobs.SKIPPED  # not due


def test_backoff_grows_to_an_hour():
    assert [jobs.backoff_s(n) for n in range(1, 9)] == [2, 8, 32, 128, 512, 2048, 3600, 3600]


async def test_a_poison_job_ends_dead_audited_and_can_be_replayed(db, rows, platform_of, context_of):
    healed = False

    async def poison(work: Any, payload: dict[str, Any]) -> None:
        await mark(work, payload)
        if not healed:
            raise NotFound("Thing")

    job = Job("core.effect.poison", poison, max_attempts=3)
    make_ctx = context_of(platform_of(job))
    made = await put(db, job)
    outcomes = [await jobs.run_delivery(make_ctx, made, backoff=lambda _n: 0) for _ in range(4)]
    assert outcomes == [jobs.RETRY, jobs.RETRY, jobs.DEAD, jobs.SKIPPED]
    assert await rows("select 1 from effect") == []
    (entry,) = await rows("select action, result, entity_id, reason from core.audit_entry")
    assert (entry.action, entry.result, entry.entity_id) == ("core.delivery.die", "FAILED", made)
    assert entry.reason.startswith("core.effect.poison: NotFound NOT_FOUND in ")
    async with db.transaction() as session:
        assert (await outbox.lag(session)).dead == 1

    healed = True
    async with db.transaction() as session:
        assert await outbox.replay_dead(session, made)
        assert not await outbox.replay_dead(session, made)
    assert await jobs.run_delivery(make_ctx, made) == jobs.DONE
    assert len(await rows("select 1 from effect")) == 1


async def test_a_job_that_kills_its_process_ends_dead_too(db, rows, platform_of, context_of):
    job = Job("core.effect.killer", mark, max_attempts=2)
    made = await put(db, job)
    await rows("update core.delivery set attempts = 2 where id = :i returning id", i=made)
    assert await jobs.run_delivery(context_of(platform_of(job)), made) == jobs.DEAD
    assert await rows("select 1 from effect") == []
    (row,) = await rows("select last_error from core.delivery where dead_at is not null")
    assert row.last_error == "ProcessDied"


@pytest.mark.parametrize("how", ["sleeps", "waits for the server", "blocks the loop", "swallows the cancel"])
async def test_a_job_past_its_deadline_rolls_back_and_leaves_nothing_locked(
    db, rows, platform_of, context_of, database, how
):
    async def late(work: Any, payload: dict[str, Any]) -> None:
        await mark(work, payload)
        if how == "sleeps":
            await asyncio.sleep(30)
        elif how == "waits for the server":
            await work.session.execute(sa.text("select pg_sleep(30)"))
        elif how == "blocks the loop":
            time.sleep(0.4)  # noqa: ASYNC251
        else:
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                return

    job = Job("core.effect.late", late, deadline_s=0.25)
    made = await put(db, job)
    make_ctx = context_of(platform_of(job))
    started = time.monotonic()
    assert await jobs.run_delivery(make_ctx, made) == jobs.RETRY
    assert time.monotonic() - started < 3
    assert await rows("select 1 from effect") == []
    (row,) = await rows("select last_error from core.delivery where run_at > clock_timestamp()")
    assert row.last_error.split()[0] in {"DeadlinePassed", "DBAPIError"}
    # the server let go of row and table, and every pooled connection still works
    other = await asyncpg.connect(dsn(database.app_url))
    await other.execute("set lock_timeout = '1s'; lock table effect in access exclusive mode nowait")
    assert await other.fetchval("select count(*) from core.delivery d where id = $1", made) == 1
    await other.close()
    again = await put(db, MARK)
    both = context_of(platform_of(MARK))
    assert await jobs.run_delivery(both, again) == jobs.DONE
    await asyncio.gather(*(rows("select pg_sleep(0.05)") for _ in range(6)))


async def test_a_fault_at_commit_is_a_failure_like_any_other(db, rows, platform_of, context_of, database):
    owner = await asyncpg.connect(dsn(database.owner_url))
    await owner.execute("alter table effect add constraint once unique (what) deferrable initially deferred")
    await owner.close()
    make_ctx = context_of(platform_of(MARK))
    first, second = await put(db, MARK), await put(db, MARK)
    assert await jobs.run_delivery(make_ctx, first) == jobs.DONE
    assert await jobs.run_delivery(make_ctx, second) == jobs.RETRY
    assert len(await rows("select 1 from effect")) == 1
    (row,) = await rows("select last_error from core.delivery where done_at is null")
    assert row.last_error.startswith("IntegrityError 23505 once in ")


async def test_an_unknown_job_is_left_alone(db, rows, platform_of, context_of):
    made = await put(db, MARK)
    assert await jobs.run_delivery(context_of(platform_of()), made) == jobs.SKIPPED
    assert await rows("select 1 from core.delivery where attempts = 0 and done_at is null") != []


# -- enablement ----------------------------------------------------------------------------------


@pytest.fixture
async def village(db) -> OrgUnit:
    unit = OrgUnit(id=new_id(), code="140402001001", level="VILLAGE", name="试点村", kind="VILLAGE")
    unit.valid_from, unit.org_path, unit.village_id = date(2026, 1, 1), "1/", unit.id
    async with db.transaction("*") as session:
        session.add(unit)
    return unit


async def enable(db: Any, unit: OrgUnit, state: str) -> None:
    async with db.transaction("*") as session:
        await session.execute(sa.delete(PluginEnablement))
        row = PluginEnablement(plugin="star_virtue", state=state, valid_from=date(2026, 1, 1), **unit.place())
        row.reason, row.doc_no, row.decided_at = "试点", "〔2026〕1号", real_now()
        session.add(row)


STAR = Job("star_virtue.effect.mark", mark)


@pytest.mark.parametrize("state", ["ON", "PILOT", "PENDING_CONFIRM"])
async def test_jobs_run_where_the_plugin_is_on(db, rows, platform_of, context_of, village, state):
    await enable(db, village, state)
    made = await put(db, STAR, unit_id=village.id)
    assert await jobs.run_delivery(context_of(platform_of(STAR)), made) == jobs.DONE
    assert len(await rows("select 1 from effect")) == 1


@pytest.mark.parametrize("state", ["OFF", "SUSPENDED", None])
async def test_jobs_park_where_it_is_off_and_run_after_unpark(
    db, rows, platform_of, context_of, village, state
):
    if state:
        await enable(db, village, state)
    make_ctx = context_of(platform_of(STAR))
    made = await put(db, STAR, unit_id=village.id)
    assert await jobs.run_delivery(make_ctx, made) == jobs.PARKED
    assert await jobs.run_delivery(make_ctx, made) == jobs.SKIPPED
    assert await claim(db, STAR.name) == []
    assert await rows("select 1 from effect") == []
    (row,) = await rows("select * from core.delivery")
    assert row.parked_at is not None
    assert row.attempts == 0

    await enable(db, village, "ON")
    async with db.transaction() as session:
        assert await outbox.unpark(session, "grid_rule_of_law") == 0
        assert await outbox.unpark(session, "star_virtue", [new_id()]) == 0
        assert await outbox.unpark(session, "star_virtue", [village.id]) == 1
    assert await claim(db, STAR.name) == [made]
    assert await jobs.run_delivery(make_ctx, made) == jobs.DONE
    assert len(await rows("select 1 from effect")) == 1
