"""A system administrator handles the background work of the own county only."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sanzhi_core.clock import new_id
from sanzhi_core.platform.command import command
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.deliveries import ReplayDelivery, replay_delivery
from sanzhi_core.platform.models import Delivery
from sanzhi_core.testing.world import World


async def dead(system: Context, unit_id: Any) -> Any:
    ident = new_id()
    async with system.db.transaction("*") as session:
        session.add(
            Delivery(
                id=ident, consumer="core.notice.send", plugin="core", lane="normal", payload={}, unit_id=unit_id,
                attempts=8, dead_at=system.clock.now(),
            )
        )  # fmt: skip
    return ident


async def test_replay_reaches_no_other_place(world: World, system: Context) -> None:
    """The grant lies at one county; work of the province above it is not the county's."""
    admin = await world.caller(("SYS_ADMIN", "990428000000"))
    own = await dead(system, world.id("990428101201"))
    other = await dead(system, world.id("990000000000"))
    refused = await command(
        admin, replay_delivery, ReplayDelivery(idempotency_key=uuid4(), delivery_id=other)
    )
    assert refused.error is not None
    assert str(refused.error.code) == "NOT_FOUND"
    done = await command(admin, replay_delivery, ReplayDelivery(idempotency_key=uuid4(), delivery_id=own))
    assert done.error is None
    async with system.db.transaction("*") as session:
        states = []
        for ident in (own, other):
            row = await session.get(Delivery, ident)
            states.append(row is not None and row.dead_at is not None)
    assert states == [False, True]
