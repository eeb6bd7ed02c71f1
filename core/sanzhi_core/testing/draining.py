"""Run everything that is due, in the test's own loop: timers, schedules, deliveries; real code, no broker."""

from __future__ import annotations

from uuid import UUID

from sanzhi_core.db.session import ALL_UNITS
from sanzhi_core.platform import outbox, timers
from sanzhi_core.platform.context import SYSTEM, Context
from sanzhi_core.platform.jobs import run_delivery


async def drain(base: Context, *, rounds: int = 50) -> list[str]:
    """Fire due timers and run due deliveries until nothing is left; returns the outcomes in order.

    A job that fails is retried at once (no backoff). AssertionError when it does not come to rest.
    """

    def make_ctx() -> Context:
        return Context(base.platform, base.db, base.clock, base.keys, principal=SYSTEM, channel="JOB")

    outcomes: list[str] = []
    for _ in range(rounds):
        async with base.db.transaction(ALL_UNITS) as session:
            fired = await timers.fire_due(session, base.platform, base.clock.now())
            claimed = await outbox.claim(session, 200, 60, consumers=base.platform.jobs)
        if not fired and not claimed:
            return outcomes
        outcomes += [await _run(make_ctx, delivery.id) for delivery in claimed]
    raise AssertionError(f"background work does not come to rest: {outcomes[-10:]}")


async def _run(make_ctx: object, delivery_id: UUID) -> str:
    return await run_delivery(make_ctx, delivery_id, backoff=lambda _attempt: 0.0)  # type: ignore[arg-type]
