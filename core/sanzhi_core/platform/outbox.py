"""Delivery rows: one event for one consumer, written in the business transaction (reliability.md §3.6).

The row is outbox and inbox at once: `platform.jobs.run_delivery` sets `done_at` in the commit of the effect,
so a message may be lost, late or doubled without harm. Times here are real time of the database server, one
clock for all processes. Nothing here commits.

States of a row: todo (none of done_at, dead_at, parked_at) -> done | parked (plugin off) | dead (attempts
used up).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.clock import new_id
from sanzhi_core.platform.hookspecs import Event
from sanzhi_core.platform.models import Delivery

if TYPE_CHECKING:
    from sanzhi_core.platform.plugins import Platform

LANES = ("emergency", "normal", "bulk")
"""In the order in which they are claimed."""

CHANNEL = "sanzhi_delivery"
"""PostgreSQL notification channel that wakes the relays."""

EVENT = "event"
"""Key of an event's envelope in the payload of its deliveries."""

NOTIFY = os.environ.get("SANZHI_NOTIFY", "1") != "0"
"""Switched off, relays only poll: NOTIFY takes a cluster-wide lock at commit, felt at thousands a second."""


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A leased delivery on its way to the broker."""

    id: UUID
    consumer: str
    plugin: str
    lane: str


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind the consumers are. `oldest_s`: whole seconds since the oldest one became due."""

    todo: int
    due: int
    leased: int
    parked: int
    dead: int
    oldest_s: int


async def insert_delivery(
    session: AsyncSession,
    *,
    consumer: str,
    plugin: str,
    lane: str,
    payload: Mapping[str, Any],
    unit_id: UUID | None = None,
    event_id: UUID | None = None,
    event_type: str | None = None,
    aggregate: str | None = None,
    seq: int | None = None,
    run_at: datetime | None = None,
    dedup_key: str | None = None,
    max_attempts: int = 8,
) -> UUID | None:
    """Write one delivery; None when `dedup_key` exists already. `run_at` is real time, default now.

    `aggregate` and `seq` give order: a consumer sees the events of one aggregate one by one, by `seq`.
    """
    row: dict[str, Any] = {
        "id": new_id(),
        "consumer": consumer,
        "plugin": plugin,
        "lane": _known(lane),
        "unit_id": unit_id,
        "event_id": event_id,
        "event_type": event_type,
        "aggregate": aggregate,
        "seq": seq,
        "payload": dict(payload),
        "dedup_key": dedup_key,
        "max_attempts": max_attempts,
    }
    if run_at is not None:
        row["run_at"] = run_at
    written = await _insert(session, [row], notify=run_at is None)
    return written[0] if written else None


async def emit_event(session: AsyncSession, platform: Platform, event: Event) -> int:
    """Write one delivery per subscribed consumer; returns their number. Consumers read it by `event_of`."""
    envelope = {
        "id": str(event.id),
        "type": event.type,
        "unit_id": str(event.unit_id) if event.unit_id else None,
        "aggregate": event.aggregate,
        "seq": event.seq,
    }
    rows = [
        {
            "id": new_id(),
            "consumer": job.name,
            "plugin": platform.job_plugin(job.name),
            "lane": _known(job.lane),
            "unit_id": event.unit_id,
            "event_id": event.id,
            "event_type": event.type,
            "aggregate": event.aggregate,
            "seq": event.seq,
            "payload": {**event.payload, EVENT: envelope},
            "dedup_key": f"event:{event.id}:{job.name}",
            "max_attempts": job.max_attempts,
        }
        for job in platform.consumers(event.type)
    ]
    return len(await _insert(session, rows, notify=True))


def event_of(payload: Mapping[str, Any]) -> Event:
    """The event behind the payload of a consumer job. KeyError when the job was not started by an event."""
    head = payload[EVENT]
    unit_id = head["unit_id"]
    return Event(
        UUID(head["id"]),
        head["type"],
        UUID(unit_id) if unit_id else None,
        head["aggregate"],
        head["seq"],
        {key: value for key, value in payload.items() if key != EVENT},
    )


def _known(lane: str) -> str:
    if lane not in LANES:
        raise ValueError(f"lane {lane!r} is none of {', '.join(LANES)}")
    return lane


async def _insert(session: AsyncSession, rows: Sequence[dict[str, Any]], *, notify: bool) -> list[UUID]:
    if not rows:
        return []
    insert = (
        pg.insert(Delivery).values(list(rows)).on_conflict_do_nothing(index_elements=[Delivery.dedup_key])
    )
    written = insert.returning(Delivery.id).cte("written")
    columns: list[Any] = [written.c.id]
    if notify and NOTIFY:
        columns.append(sa.func.pg_notify(CHANNEL, ""))
    return [row[0] for row in await session.execute(sa.select(*columns))]


_CLAIM = sa.text(
    """
    with head as (
        select d.id
        from unnest(cast(:consumers as text[])) as c(name)
        cross join lateral (
            select d.id from core.delivery d
            where d.consumer = c.name and d.done_at is null and d.dead_at is null and d.parked_at is null
              and d.run_at <= clock_timestamp()
              and (d.aggregate is null or not exists (
                  select 1 from core.delivery e
                  where e.consumer = d.consumer and e.aggregate = d.aggregate and e.seq < d.seq
                    and e.done_at is null))
            order by d.run_at, d.id limit :window
        ) d
    ), due as (
        select d.id, d.run_at from head join core.delivery d on d.id = head.id
        where d.done_at is null and d.dead_at is null and d.parked_at is null
          and (d.leased_until is null or d.leased_until < clock_timestamp())
        order by array_position(array['emergency', 'normal', 'bulk'], d.lane), d.run_at, d.id
        limit :limit for update of d skip locked
    )
    update core.delivery d set leased_until = clock_timestamp()
        + make_interval(secs => case d.lane when 'emergency' then :lease / 4 else :lease end)
    from due where d.id = due.id
    returning d.id, d.consumer, d.plugin, d.lane, d.run_at
    """
)


async def claim(
    session: AsyncSession, limit: int, lease_s: float, *, consumers: Iterable[str], window: int = 500
) -> list[ClaimedDelivery]:
    """Lease up to `limit` due deliveries for `lease_s` real seconds, emergency lane first, then oldest first.

    A lease ends early in the emergency lane, after a quarter: a message lost there must not wait a minute.

    Only the oldest `window` deliveries of each consumer may be leased at a time: that bounds what lies in the
    broker, and one consumer's backlog cannot hide another's work. Deliveries of names not in `consumers`
    (plugin not loaded here) wait. A later event of an aggregate waits until the earlier one is done; a dead
    or parked one holds those behind it until somebody replays, discards or unparks it.
    """
    found = await session.execute(
        _CLAIM, {"consumers": sorted(consumers), "window": window, "limit": limit, "lease": float(lease_s)}
    )
    order = {lane: n for n, lane in enumerate(LANES)}
    rows = sorted(found, key=lambda r: (order[r.lane], r.run_at, r.id))
    return [ClaimedDelivery(r.id, r.consumer, r.plugin, r.lane) for r in rows]


async def release(session: AsyncSession, ids: Iterable[UUID] | None = None) -> int:
    """Give leases back: these deliveries', or everybody's (boot of a process whose broker is in memory)."""
    where = [Delivery.leased_until.is_not(None), Delivery.done_at.is_(None)]
    if ids is not None:
        where.append(Delivery.id.in_(list(ids)))
    return await _update(session, *where, leased_until=None)


async def unpark(session: AsyncSession, plugin: str, unit_ids: Iterable[UUID] | None = None) -> int:
    """Let a plugin's parked deliveries run again, at these units or all; where it is off they park again."""
    where = [Delivery.plugin == plugin, Delivery.parked_at.is_not(None), Delivery.done_at.is_(None)]
    if unit_ids is not None:
        where.append(Delivery.unit_id.in_(list(unit_ids)))
    return await _wake(session, *where, parked_at=None)


async def replay_dead(session: AsyncSession, delivery_id: UUID) -> bool:
    """Give a dead delivery its attempts back; False when it is not dead."""
    where = (Delivery.id == delivery_id, Delivery.dead_at.is_not(None), Delivery.done_at.is_(None))
    return await _wake(session, *where, dead_at=None, attempts=0) == 1


async def discard_dead(session: AsyncSession, delivery_id: UUID) -> bool:
    """Give a dead delivery up for good, so that those behind it in its aggregate go on; False when not dead.

    `dead_at` and `last_error` stay as the trace.
    """
    where = (Delivery.id == delivery_id, Delivery.dead_at.is_not(None), Delivery.done_at.is_(None))
    return await _wake(session, *where, done_at=sa.func.clock_timestamp()) == 1


async def purge_done(session: AsyncSession, older_than: timedelta, limit: int = 5000) -> int:
    """Delete up to `limit` deliveries that were done longer ago than `older_than` (real time).

    Their dedup keys go with them: a producer must not repeat a key after that span.
    """
    old = (
        sa.select(Delivery.id)
        .where(Delivery.done_at < sa.func.clock_timestamp() - older_than)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    result = await session.execute(sa.delete(Delivery).where(Delivery.id.in_(old)))
    return int(result.rowcount)  # type: ignore[attr-defined]


async def lag(session: AsyncSession) -> Lag:
    """Counts for health checks and alarms."""
    now = sa.func.clock_timestamp()
    todo = sa.and_(Delivery.dead_at.is_(None), Delivery.parked_at.is_(None))
    due = sa.and_(todo, Delivery.run_at <= now)
    row = (
        await session.execute(
            sa.select(
                sa.func.count().filter(todo),
                sa.func.count().filter(due),
                sa.func.count().filter(sa.and_(todo, Delivery.leased_until > now)),
                sa.func.count().filter(Delivery.parked_at.is_not(None)),
                sa.func.count().filter(Delivery.dead_at.is_not(None)),
                sa.func.coalesce(sa.extract("epoch", now - sa.func.min(Delivery.run_at).filter(due)), 0),
            ).where(Delivery.done_at.is_(None))
        )
    ).one()
    return Lag(*row[:5], oldest_s=int(row[5]))


async def _update(session: AsyncSession, *where: sa.ColumnElement[bool], **values: Any) -> int:
    statement = (
        sa.update(Delivery).where(*where).values(**values).execution_options(synchronize_session=False)
    )
    return int((await session.execute(statement)).rowcount)  # type: ignore[attr-defined]


async def _wake(session: AsyncSession, *where: sa.ColumnElement[bool], **values: Any) -> int:
    values = {"run_at": sa.func.clock_timestamp(), "leased_until": None, **values}
    changed = await _update(session, *where, **values)
    if changed:
        await session.execute(sa.select(sa.func.pg_notify(CHANNEL, "")))
    return changed
