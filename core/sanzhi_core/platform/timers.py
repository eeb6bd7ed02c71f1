"""Timers and schedules: rows that become deliveries when business time reaches them.

`due_at`, `next_at`, `fired_at` and `cancelled_at` are business time, which moves with the demo clock; callers
pass it in. Nothing here commits.

Schedules: cron text with five fields, read in Asia/Shanghai. Each slot runs once (dedup key = name and slot).
After downtime only the latest missed slot runs: a daily reminder that was missed three times is due once, not
three times.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from croniter import croniter
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.clock import SHANGHAI, new_id
from sanzhi_core.platform.hookspecs import Job
from sanzhi_core.platform.models import Schedule, Timer
from sanzhi_core.platform.outbox import insert_delivery

if TYPE_CHECKING:
    from sanzhi_core.platform.plugins import Platform


class TimerFired(Exception):
    """The key's timer has fired already; a new deadline needs a new key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"timer {key!r} has fired; a new deadline needs a new key")
        self.key = key


class BadCron(ValueError):
    """A job's cron text is not one of five fields that can be read."""


async def set_timer(
    session: AsyncSession,
    key: str,
    job: str,
    plugin: str,
    payload: Mapping[str, Any],
    unit_id: UUID | None,
    due_at: datetime,
) -> None:
    """Arm a timer, or move the one with this key, even a cancelled one. TimerFired when it has fired already."""
    if due_at.tzinfo is None:
        raise ValueError("due_at needs an offset")
    values = {"job": job, "plugin": plugin, "payload": dict(payload), "unit_id": unit_id, "due_at": due_at}
    armed = await session.scalar(
        pg.insert(Timer)
        .values(id=new_id(), key=key, **values)
        .on_conflict_do_update(
            index_elements=[Timer.key], set_={**values, "cancelled_at": None}, where=Timer.fired_at.is_(None)
        )
        .returning(Timer.id)
    )
    if armed is None:
        raise TimerFired(key)


async def cancel_timer(session: AsyncSession, key: str, now: datetime | None = None) -> bool:
    """Forget a timer; False when there is none left to cancel (unknown, fired or cancelled)."""
    result = await session.execute(
        sa.update(Timer)
        .where(Timer.key == key, Timer.fired_at.is_(None), Timer.cancelled_at.is_(None))
        .values(cancelled_at=now or sa.func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount) == 1  # type: ignore[attr-defined]


async def fire_due(session: AsyncSession, platform: Platform, now: datetime, limit: int = 200) -> int:
    """Turn up to `limit` timers due at business time `now` into deliveries; returns how many, oldest first.

    Timers of jobs that are not loaded here wait. Several processes may call this at once.
    """
    due = await session.execute(
        sa.select(Timer.id, Timer.key, Timer.job, Timer.plugin, Timer.payload, Timer.unit_id)
        .where(
            Timer.fired_at.is_(None),
            Timer.cancelled_at.is_(None),
            Timer.due_at <= now,
            Timer.job.in_(list(platform.jobs)),
        )
        .order_by(Timer.due_at, Timer.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    timers = due.all()
    for timer in timers:
        job = platform.jobs[timer.job]
        await insert_delivery(
            session,
            consumer=job.name,
            plugin=timer.plugin,
            lane=job.lane,
            payload=timer.payload,
            unit_id=timer.unit_id,
            dedup_key=f"timer:{timer.key}",
            max_attempts=job.max_attempts,
        )
    if timers:
        await session.execute(
            sa.update(Timer)
            .where(Timer.id.in_([t.id for t in timers]))
            .values(fired_at=now)
            .execution_options(synchronize_session=False)
        )
    return len(timers)


def next_slot(cron: str, after: datetime) -> datetime:
    """First slot strictly after a moment, in UTC. BadCron when the text cannot be read."""
    return _step(cron, after, 1)


def last_slot(cron: str, at: datetime) -> datetime:
    """Latest slot at or before a moment, in UTC."""
    return _step(cron, at + timedelta(microseconds=1), -1)


def _step(cron: str, at: datetime, direction: int) -> datetime:
    if len(cron.split()) != 5 or not croniter.is_valid(cron):
        raise BadCron(f"{cron!r} is not a cron text of five fields")
    slots = croniter(cron, at.astimezone(SHANGHAI), ret_type=datetime)
    slot: datetime = slots.get_next() if direction > 0 else slots.get_prev()
    return slot.astimezone(UTC)


async def sync_schedules(session: AsyncSession, platform: Platform, now: datetime) -> int:
    """Make the schedule rows those of the loaded jobs' cron texts; returns the number of scheduled jobs.

    A row whose text is unchanged keeps its next slot, so that a slot missed while nothing ran is caught up;
    it is never later than the next slot from `now` (the demo clock may have been set back). Jobs gone are
    disabled.
    """
    jobs: dict[str, Job] = {name: job for name, job in platform.jobs.items() if job.cron is not None}
    for name, job in sorted(jobs.items()):
        cron = str(job.cron)
        upcoming = next_slot(cron, now)
        values = {"job": name, "plugin": platform.job_plugin(name), "cron": cron, "enabled": True}
        kept = sa.case(
            (sa.and_(Schedule.cron == cron, Schedule.enabled), sa.func.least(Schedule.next_at, upcoming)),
            else_=upcoming,
        )
        await session.execute(
            pg.insert(Schedule)
            .values(name=name, next_at=upcoming, **values)
            .on_conflict_do_update(index_elements=[Schedule.name], set_={**values, "next_at": kept})
        )
    await session.execute(
        sa.update(Schedule)
        .where(Schedule.name.not_in(list(jobs)))
        .values(enabled=False)
        .execution_options(synchronize_session=False)
    )
    return len(jobs)


async def fire_schedules(session: AsyncSession, platform: Platform, now: datetime) -> int:
    """Write a delivery (payload `{"slot": ISO 8601}`) for the latest due slot of each schedule; how many."""
    due = await session.scalars(
        sa.select(Schedule)
        .where(Schedule.enabled, Schedule.next_at <= now, Schedule.job.in_(list(platform.jobs)))
        .order_by(Schedule.name)
        .with_for_update(skip_locked=True)
    )
    written = 0
    for schedule in due.all():
        job = platform.jobs[schedule.job]
        slot = last_slot(schedule.cron, now)
        delivery = await insert_delivery(
            session,
            consumer=job.name,
            plugin=schedule.plugin,
            lane=job.lane,
            payload={"slot": slot.isoformat()},
            dedup_key=f"schedule:{schedule.name}:{slot.isoformat()}",
            max_attempts=job.max_attempts,
        )
        written += delivery is not None
        schedule.next_at = next_slot(schedule.cron, now)
    await session.flush()
    return written
