"""Switching a plugin on and off: who, when, in which order; what was parked goes on."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from sanzhi_core.errors import BusinessError, ErrorCode
from sanzhi_core.platform import outbox
from sanzhi_core.platform.command import Outcome, command
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.enablement import state_at
from sanzhi_core.platform.hookspecs import EnableBlocker
from sanzhi_core.platform.piloting import PilotChoice, SetPlugin, plan_plugin, set_plugin
from sanzhi_core.testing.world import World

COUNTY, TOWN, OTHER_TOWN, A, B = (
    "990428000000", "990428101000", "990428102000", "990428101201", "990428101202",
)  # fmt: skip
PLUGIN = "star_virtue"
TODAY = date(2026, 11, 23)


async def blocker(_work: Any, _unit_id: UUID) -> list[EnableBlocker]:
    return [
        EnableBlocker(
            "NO_HOUSEHOLDS", "村里还没有农户：请先导入", "The village has no households: import them"
        )
    ]


async def nothing(_work: Any, _unit_id: UUID) -> list[EnableBlocker]:
    return []


@pytest.fixture
async def dept(world: World) -> Context:
    """The county department; nothing stands in the way of the plugin."""
    world.base.platform.hooks[PLUGIN] = SimpleNamespace(enable_blockers=nothing)
    return await world.caller(("COUNTY_DEPT", COUNTY))


class Switch:
    def __init__(self, world: World) -> None:
        self.world = world

    async def __call__(self, who: Context, code: str, state: str, **more: Any) -> Outcome:
        given: dict[str, Any] = {"plugin": PLUGIN, "reason": "试点", "doc_no": "县〔2026〕1号", **more}
        return await command(
            who,
            set_plugin,
            SetPlugin(idempotency_key=uuid4(), unit_id=self.world.id(code), state=state, **given),
        )

    async def refused(self, who: Context, code: str, state: str, **more: Any) -> BusinessError:
        """The refusal; nothing but one audit entry was written."""
        before = await self.count("plugin_enablement"), await self.count("audit_entry")
        outcome = await self(who, code, state, **more)
        assert outcome.error is not None
        assert (await self.count("plugin_enablement"), await self.count("audit_entry")) == (
            before[0], before[1] + 1,
        )  # fmt: skip
        return outcome.error

    async def count(self, table: str) -> int:
        async with self.world.base.db.transaction("*") as session:
            return int(await session.scalar(sa.text(f"select count(*) from core.{table}")) or 0)

    async def state(self, code: str, on: date = TODAY) -> str:
        async with self.world.base.db.transaction() as session:
            return await state_at(session, PLUGIN, self.world.id(code), on)


@pytest.fixture
def switch(world: World) -> Switch:
    return Switch(world)


async def test_off_pilot_on_needs_the_checklist(switch: Switch, dept: Context) -> None:
    assert await switch.state(A) == "OFF"
    assert (await switch(dept, A, "PILOT")).error is None
    refused = await switch.refused(dept, A, "ON")
    assert (refused.code, refused.facts()["reason"]) == (ErrorCode.INVALID_TRANSITION, "CHECKLIST_INCOMPLETE")
    assert await switch.state(A) == "PILOT"
    assert (await switch(dept, A, "ON", checklist_complete=True)).error is None
    assert (await switch.state(A), await switch.state(B)) == ("ON", "OFF")


async def test_suspending_is_no_way_round_the_checklist(switch: Switch, dept: Context) -> None:
    await switch(dept, A, "PILOT")
    await switch(dept, A, "SUSPENDED")
    assert await switch.state(A) == "SUSPENDED"
    assert (await switch.refused(dept, A, "ON")).code == ErrorCode.INVALID_TRANSITION
    assert (await switch(dept, A, "PILOT")).error is None


@pytest.mark.parametrize(
    ("role", "where"),
    [
        ("TOWN_LEADER", TOWN),
        ("VC_DIRECTOR", A),
        ("SYS_ADMIN", COUNTY),
        ("SEC_ADMIN", COUNTY),
        ("AUDITOR_RO", COUNTY),
    ],
)
async def test_only_the_county_department_decides(
    switch: Switch, dept: Context, world: World, role: str, where: str
) -> None:
    who = await world.caller((role, where))
    assert (await switch.refused(who, A, "PILOT")).code in (ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND)
    assert await switch.state(A) == "OFF"


async def test_locked_above_allows_no_other_decision(switch: Switch, dept: Context) -> None:
    await switch(dept, COUNTY, "OFF", locked=True)
    assert (await switch.refused(dept, A, "PILOT")).code == ErrorCode.FORBIDDEN
    assert (await switch(dept, COUNTY, "OFF")).error is None  # the county itself may unlock
    assert (await switch(dept, A, "PILOT")).error is None


async def test_what_is_missing_stands_in_the_way_of_writing_states_only(
    switch: Switch, dept: Context, world: World
) -> None:
    world.base.platform.hooks[PLUGIN] = SimpleNamespace(enable_blockers=blocker)
    refused = await switch.refused(dept, A, "PILOT")
    assert refused.code == ErrorCode.VALIDATION_FAILED
    assert refused.facts()["fields"][0].reason == "NO_HOUSEHOLDS"
    assert (await switch(dept, A, "OFF")).error is None
    plan = await plan_plugin(dept, PilotChoice(plugin=PLUGIN, unit_id=world.id(A), state="PILOT"))
    assert [b.code for b in plan.blockers] == ["NO_HOUSEHOLDS"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"valid_from": TODAY - timedelta(days=1)}, "IN_THE_PAST"),
        ({"valid_to": TODAY}, "NOT_AFTER_START"),
        ({"plugin": "no_such_plugin"}, "NOT_INSTALLED"),
        ({"plugin": "core"}, "NOT_INSTALLED"),
    ],
)
async def test_bad_input_is_refused(switch: Switch, dept: Context, more: dict[str, Any], reason: str) -> None:
    refused = await switch.refused(dept, A, "PILOT", **more)
    assert refused.code == ErrorCode.VALIDATION_FAILED
    assert refused.facts()["fields"][0].reason == reason


async def test_a_decision_for_later_and_its_end(switch: Switch, dept: Context) -> None:
    later, end = TODAY + timedelta(days=7), TODAY + timedelta(days=30)
    await switch(dept, A, "PILOT", valid_from=later, valid_to=end)
    days = [TODAY, later - timedelta(days=1), later, end - timedelta(days=1), end]
    assert [await switch.state(A, d) for d in days] == ["OFF", "OFF", "PILOT", "PILOT", "OFF"]
    await switch(dept, A, "SUSPENDED")  # from today: replaces what was to follow
    assert [await switch.state(A, d) for d in days] == ["SUSPENDED"] * 5
    assert await switch.count("plugin_enablement") == 1


async def test_the_plan_counts_villages_reached_and_kept(switch: Switch, dept: Context, world: World) -> None:
    await switch(dept, A, "PILOT")
    await switch(dept, OTHER_TOWN, "SUSPENDED")
    before = await switch.count("audit_entry")
    plan = await plan_plugin(dept, PilotChoice(plugin=PLUGIN, unit_id=world.id(COUNTY), state="OFF"))
    assert (plan.current_state, plan.new_state) == ("OFF", "OFF")
    assert (plan.villages_changed, plan.villages_kept) == (2, 2)
    assert await switch.count("audit_entry") == before
    with pytest.raises(BusinessError) as caught:
        await plan_plugin(
            await world.caller(("VC_DIRECTOR", A)),
            PilotChoice(plugin=PLUGIN, unit_id=world.id(A), state="ON"),
        )
    assert caught.value.code in (ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND)


async def test_parked_deliveries_go_on(switch: Switch, dept: Context, world: World) -> None:
    async with world.base.db.transaction("*") as session:
        ident = await outbox.insert_delivery(
            session, consumer="star_virtue.test.job", plugin=PLUGIN, lane="normal", payload={},
            unit_id=world.id(A),
        )  # fmt: skip
        await session.execute(sa.text("update core.delivery set parked_at = clock_timestamp()"))
    parked = sa.text("select parked_at is not null from core.delivery where id = :id")

    async def is_parked() -> bool:
        async with world.base.db.transaction("*") as session:
            return bool(await session.scalar(parked, {"id": ident}))

    await switch(dept, A, "SUSPENDED")
    assert await is_parked()
    await switch(dept, A, "PILOT")
    assert not await is_parked()


async def test_a_decision_voids_computed_scopes(switch: Switch, dept: Context, world: World) -> None:
    before = await world.generation()
    await switch(dept, A, "PILOT")
    assert await world.generation() == before + 1
