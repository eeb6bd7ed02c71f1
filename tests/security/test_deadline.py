"""A request that runs into its deadline is rolled back and still leaves its one audit entry."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from sanzhi_core.org.models import VillagersGroup
from sanzhi_core.platform.command import command, operation
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.inputs import CommandInput
from sanzhi_core.platform.work import Work
from sanzhi_core.testing.world import SINCE, World

HERE = "990428101201"


class Slow(CommandInput):
    """Writes, then takes its time."""

    unit_id: UUID


@operation("core.group.slow", permission="core.setting.manage", returns="VillagersGroup")
async def slow(work: Work, input: Slow) -> VillagersGroup:
    unit = await work.unit(input.unit_id)
    row = VillagersGroup(name="慢组", valid_from=SINCE, **unit.place())
    work.session.add(row)
    await work.session.flush()
    await work.session.execute(sa.text("select pg_sleep(20)"))
    return row


async def test_a_deadline_leaves_one_failed_entry_and_nothing_else(world: World, system: Context) -> None:
    dept = await world.caller(("COUNTY_DEPT", "990428000000"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await command(dept, slow, Slow(idempotency_key=uuid4(), unit_id=world.id(HERE)))
    async with system.db.transaction("*") as session:
        entries: Any = (
            await session.execute(sa.text("select action, result, error_code, reason from core.audit_entry"))
        ).all()
        groups = await session.scalar(sa.select(sa.func.count()).select_from(VillagersGroup))
        keys = await session.scalar(sa.text("select count(*) from core.idempotency_key"))
    assert [tuple(e) for e in entries] == [("core.group.slow", "FAILED", "INTERNAL", "CancelledError")]
    assert (groups, keys) == (0, 0)
