"""Running one delivery: the consumer's transaction (reliability.md §3.6).

The attempt is counted and committed first, so a job that kills its process dies in the end. Then ONE
transaction: lock the row, check that the plugin is on where the delivery belongs, do the job, set `done_at`.
Whatever goes wrong rolls all of it back, and a third, small transaction notes the failure and when to try
again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.audit.record import record
from sanzhi_core.clock import monotonic
from sanzhi_core.db.session import ALL_UNITS
from sanzhi_core.errors import BusinessError
from sanzhi_core.kit.refusals import Refusal
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform import enablement
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.hookspecs import Job
from sanzhi_core.platform.models import Delivery
from sanzhi_core.platform.outbox import CHANNEL
from sanzhi_core.platform.work import Work

log = logging.getLogger("sanzhi.jobs")

DONE, SKIPPED, RETRY, DEAD, PARKED = "done", "skipped", "retry", "dead", "parked"
"""Outcomes of `run_delivery`. SKIPPED: nothing to do now (done, parked, not due, or it runs elsewhere)."""

GRACE_S = 30
"""The lease outlives the job's deadline by this, so that a running delivery is not published again."""


class DeadlinePassed(Exception):
    """The job took longer than its `deadline_s`; its work was rolled back."""


class _NotOurs(Exception):
    """Between counting the attempt and locking the row another process took the delivery over."""


def backoff_s(attempt: int) -> int:
    """Real seconds to wait after the `attempt`-th failure: 2, 8, 32 … at most an hour."""
    return min(2 << 2 * (attempt - 1), 3600)


@dataclass(slots=True)
class _Row:
    """What an attempt needs of its delivery, read when the attempt was counted."""

    id: UUID
    plugin: str
    unit_id: UUID | None
    aggregate: str | None
    payload: dict[str, Any] = field(repr=False)
    attempts: int
    max_attempts: int


async def run_delivery(
    make_ctx: Callable[[], Context], delivery_id: UUID, *, backoff: Callable[[int], float] = backoff_s
) -> str:
    """Run one delivery; returns one of the outcomes above and raises only when the database is out of reach.

    `make_ctx` gives a fresh context of the system principal whose `db` belongs to the running loop.
    """
    ctx = make_ctx()
    job, row = await _count(ctx, delivery_id)
    if row is None or job is None:
        return SKIPPED
    if row.attempts > row.max_attempts:
        # Every attempt was counted and none reported back: the job takes its process down.
        return await _fail(ctx, job, row, "ProcessDied", backoff)
    try:
        return await _attempt(ctx, job, row)
    except _NotOurs:
        return SKIPPED
    except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
        raise  # the process is stopping; the lease brings the delivery back
    except BaseException as fault:
        log.warning("job %s, delivery %s, attempt %d: %s", job.name, row.id, row.attempts, describe(fault))
        return await _fail(ctx, job, row, describe(fault), backoff)


async def _count(ctx: Context, delivery_id: UUID) -> tuple[Job | None, _Row | None]:
    """Count the attempt, in a transaction of its own. None when there is nothing to run."""
    async with ctx.db.transaction() as session:
        now = sa.func.clock_timestamp()
        earlier = sa.orm.aliased(Delivery)
        consumer = await session.scalar(
            sa.select(Delivery.consumer)
            .where(
                *_todo(delivery_id),
                Delivery.run_at <= now,
                ~sa.exists().where(
                    earlier.consumer == Delivery.consumer,
                    earlier.aggregate == Delivery.aggregate,
                    earlier.seq < Delivery.seq,
                    earlier.done_at.is_(None),
                ),
            )
            .with_for_update(of=Delivery, skip_locked=True)
        )
        job = ctx.platform.jobs.get(consumer) if consumer else None
        if job is None:
            return None, None
        found = await session.execute(
            sa.update(Delivery)
            .where(Delivery.id == delivery_id)
            .values(
                attempts=Delivery.attempts + 1,
                leased_until=now + sa.func.make_interval(0, 0, 0, 0, 0, 0, job.deadline_s + GRACE_S),
            )
            .returning(
                Delivery.id,
                Delivery.plugin,
                Delivery.unit_id,
                Delivery.aggregate,
                Delivery.payload,
                Delivery.attempts,
                Delivery.max_attempts,
            )
            .execution_options(synchronize_session=False)
        )
        return job, _Row(*found.one())


def _todo(delivery_id: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Delivery.id == delivery_id,
        Delivery.done_at.is_(None),
        Delivery.dead_at.is_(None),
        Delivery.parked_at.is_(None),
    )


async def _attempt(ctx: Context, job: Job, row: _Row) -> str:
    """Effect and `done_at` in one commit."""
    async with ctx.db.transaction(ALL_UNITS) as session:
        # The attempt number is the ticket: had another process counted one since, the delivery is its own.
        # The server's own limits end the transaction, and its locks, even if this process hangs in the job.
        limits = [
            sa.func.set_config("statement_timeout", str(_ms(job.deadline_s)), True),
            sa.func.set_config(
                "idle_in_transaction_session_timeout", str(_ms(job.deadline_s + GRACE_S)), True
            ),
        ]
        mine = await session.execute(
            sa.select(*limits)
            .where(*_todo(row.id), Delivery.attempts == row.attempts)
            .with_for_update(of=Delivery, skip_locked=True)
        )
        if mine.first() is None:
            raise _NotOurs
        if row.unit_id is not None:
            state = await enablement.state_at(session, row.plugin, row.unit_id, ctx.today)
            if row.plugin != "core" and state not in enablement.WRITABLE:
                await _set(session, row, parked_at=sa.func.clock_timestamp(), attempts=row.attempts - 1)
                return PARKED
        await _run(ctx, session, job, row)
        await _set(session, row, done_at=sa.func.clock_timestamp(), last_error=None)
        if row.aggregate is not None:  # the next of its line may go now
            await session.execute(sa.select(sa.func.pg_notify(CHANNEL, "")))
    return DONE


async def _run(ctx: Context, session: AsyncSession, job: Job, row: _Row) -> None:
    work = Work(ctx, session, plugin=row.plugin, permission=None)
    started = monotonic()
    try:
        async with asyncio.timeout(job.deadline_s):
            await job.run(work, row.payload)
            await session.flush()
    except TimeoutError:
        if monotonic() - started < job.deadline_s:
            raise  # the job's own
        raise DeadlinePassed from None
    if monotonic() - started > job.deadline_s:
        # It blocked the loop, so that the timeout could not fire, or it swallowed the cancellation.
        raise DeadlinePassed
    changes = work.recorder.changes()
    if changes:
        await record(
            session,
            ctx,
            action=job.name,
            result="OK",
            unit=work.units[0] if work.units else None,
            reason=work.reason_text,
            acting_for=work.acting_for,
            changes=changes,
        )


async def _fail(ctx: Context, job: Job, row: _Row, error: str, backoff: Callable[[int], float]) -> str:
    """Note the failure: a later attempt, or dead with one audit entry; skipped when somebody else went on."""
    dead = row.attempts >= row.max_attempts
    async with ctx.db.transaction(ALL_UNITS) as session:
        now = sa.func.clock_timestamp()
        pause = sa.func.make_interval(0, 0, 0, 0, 0, 0, float(backoff(row.attempts)))
        values: dict[str, Any] = {"dead_at": now} if dead else {"run_at": now + pause}
        if await _set(session, row, last_error=error, **values) == 0:
            return SKIPPED
        if dead:
            await _tell_dead(ctx, session, job, row, error)
            await record(
                session,
                ctx,
                action="core.delivery.die",
                result="FAILED",
                error_code="INTERNAL",
                unit=await session.get(OrgUnit, row.unit_id) if row.unit_id else None,
                entity="Delivery",
                entity_id=row.id,
                reason=f"{job.name}: {error}",
            )
    if dead:
        log.error("job %s, delivery %s is dead after %d attempts: %s", job.name, row.id, row.attempts, error)
    return DEAD if dead else RETRY


async def _tell_dead(ctx: Context, session: AsyncSession, job: Job, row: _Row, error: str) -> None:
    """Let the job say in its own rows that it gave up; a fault in that must not keep the delivery alive."""
    if job.died is None:
        return
    try:
        async with session.begin_nested():
            await job.died(Work(ctx, session, plugin=row.plugin, permission=None), row.payload, error)
            await session.flush()
    except Exception as fault:
        log.error("job %s, delivery %s: cannot note its death: %s", job.name, row.id, describe(fault))


async def _set(session: AsyncSession, row: _Row, **values: Any) -> int:
    result = await session.execute(
        sa.update(Delivery)
        .where(*_todo(row.id), Delivery.attempts == row.attempts)
        .values(leased_until=None, **values)
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000))


def describe(fault: BaseException) -> str:
    """Type, stable facts and place of a fault. Never its message: that may name a person."""
    text = type(fault).__name__
    if isinstance(fault, BusinessError | Refusal):
        text += f" {fault.code}"
    elif isinstance(fault, DBAPIError):
        cause = getattr(fault.orig, "__cause__", None)
        state = getattr(fault.orig, "sqlstate", None) or ""
        text += f" {state} {getattr(cause, 'constraint_name', None) or ''}".rstrip()
    place = fault.__traceback__
    while place is not None and place.tb_next is not None and "site-packages" not in _file(place.tb_next):
        place = place.tb_next
    if place is not None:
        code = place.tb_frame.f_code
        text += f" in {place.tb_frame.f_globals.get('__name__', '?')}.{code.co_qualname}:{place.tb_lineno}"
    return text


def _file(place: Any) -> str:
    return str(place.tb_frame.f_code.co_filename)
