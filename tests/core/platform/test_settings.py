"""Settings: inherited, locked above, dated, typed; a refusal writes one audit row and nothing else."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from sanzhi_core.clock import FixedClock
from sanzhi_core.errors import ErrorCode, ValidationFailed
from sanzhi_core.platform.command import Outcome, command
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.settings import Effective, SetSetting, effective_setting, set_setting, setting
from sanzhi_core.platform.work import Work
from sanzhi_core.testing.world import World

COUNTY, TOWN, A, B = "990428000000", "990428101000", "990428101201", "990428101202"
KEY = "star.selfRatingMinDays"
TODAY = date(2026, 11, 23)


@pytest.fixture
async def dept(world: World) -> Context:
    return await world.caller(("COUNTY_DEPT", COUNTY))


class Desk:
    """Sets settings as somebody and reads what is in force."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def set(self, who: Context, code: str, value: str, key: str = KEY, **more: Any) -> Outcome:
        given = {"reason": "试行", "doc_no": "县〔2026〕5号", **more}
        data = SetSetting(
            idempotency_key=uuid4(), unit_id=self.world.id(code), key=key, value_json=value, **given
        )
        return await command(who, set_setting, data)

    async def at(self, code: str, on: date = TODAY, key: str = KEY) -> Effective:
        ctx = self.world.base
        async with ctx.db.transaction() as session:
            return await effective_setting(session, ctx.platform, key, self.world.units[code], on)

    async def rows(self) -> list[Any]:
        async with self.world.base.db.transaction("*") as session:
            found = await session.execute(
                sa.text("select value, valid_from, valid_to from core.setting_value order by valid_from, id")
            )
            return [tuple(r) for r in found]

    async def audit(self) -> list[tuple[str, str, str | None]]:
        async with self.world.base.db.transaction("*") as session:
            found = await session.execute(
                sa.text("select action, result, error_code from core.audit_entry order by at, id")
            )
            return [tuple(r) for r in found]


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


async def test_nearest_value_wins_and_its_unit_and_source_are_shown(desk: Desk, dept: Context) -> None:
    shipped = await desk.at(A)
    assert (shipped.unit_id, shipped.locked) == (None, False)
    assert shipped.source
    await desk.set(dept, COUNTY, "20")
    await desk.set(dept, A, "25", doc_no="县〔2026〕6号")
    near, inherited = await desk.at(A), await desk.at(B)
    assert near == Effective(KEY, 25, desk.world.id(A), False, "县〔2026〕6号")
    assert inherited == Effective(KEY, 20, desk.world.id(COUNTY), False, "县〔2026〕5号")
    async with desk.world.base.db.transaction("*") as session:
        work = Work(desk.world.base, session, plugin="core", permission=None)
        assert await setting(work, KEY, desk.world.units[A]) == 25


async def test_locked_above_wins_over_what_stands_below_and_refuses_more(desk: Desk, dept: Context) -> None:
    await desk.set(dept, A, "25")
    await desk.set(dept, COUNTY, "20", locked=True)
    assert ((await desk.at(A)).value, (await desk.at(A)).locked) == (20, True)
    before = await desk.rows()
    refused = await desk.set(dept, A, "26")
    assert refused.error is not None
    assert refused.error.code == ErrorCode.FORBIDDEN
    assert await desk.rows() == before
    assert (await desk.audit())[-1] == ("core.setting.set", "DENIED", "FORBIDDEN")
    unlocked = await desk.set(dept, COUNTY, "21")
    assert unlocked.error is None
    assert (await desk.at(A)).value == 25


async def test_a_later_value_waits_for_its_day(desk: Desk, dept: Context) -> None:
    await desk.set(dept, COUNTY, "20")
    later = TODAY + timedelta(days=10)
    await desk.set(dept, COUNTY, "22", valid_from=later)
    assert [(await desk.at(A, d)).value for d in (TODAY, later - timedelta(days=1), later)] == [20, 20, 22]
    assert await desk.rows() == [(20, TODAY, later), (22, later, None)]


async def test_a_value_from_between_replaces_all_that_would_follow(desk: Desk, dept: Context) -> None:
    later, between = TODAY + timedelta(days=10), TODAY + timedelta(days=5)
    await desk.set(dept, COUNTY, "20")
    await desk.set(dept, COUNTY, "22", valid_from=later)
    await desk.set(dept, COUNTY, "21", valid_from=between)
    assert await desk.rows() == [(20, TODAY, between), (21, between, None)]
    assert [(await desk.at(A, TODAY + timedelta(days=n))).value for n in (0, 4, 5, 9, 10, 99)] == [
        20, 20, 21, 21, 21, 21,
    ]  # fmt: skip


async def test_the_same_day_again_replaces(desk: Desk, dept: Context) -> None:
    await desk.set(dept, COUNTY, "20")
    await desk.set(dept, COUNTY, "21")
    assert await desk.rows() == [(21, TODAY, None)]


async def test_two_at_the_same_moment_leave_one_value(desk: Desk, dept: Context) -> None:
    outcomes = await asyncio.gather(*(desk.set(dept, COUNTY, str(20 + n)) for n in range(4)))
    assert [o.error for o in outcomes] == [None] * 4
    assert len(await desk.rows()) == 1


@pytest.mark.parametrize(
    ("key", "value", "path", "reason"),
    [
        (KEY, "not json", "valueJson", "WRONG_TYPE"),
        (KEY, "15.0", "valueJson", "WRONG_TYPE"),
        (KEY, "1e1", "valueJson", "WRONG_TYPE"),
        (KEY, "NaN", "valueJson", "WRONG_TYPE"),
        (KEY, "Infinity", "valueJson", "WRONG_TYPE"),
        (KEY, "true", "valueJson", "WRONG_TYPE"),
        (KEY, '"15"', "valueJson", "WRONG_TYPE"),
        (KEY, "null", "valueJson", "WRONG_TYPE"),
        (KEY, "", "valueJson", "WRONG_TYPE"),
        (KEY, "[" * 4000, "valueJson", "WRONG_TYPE"),
        (KEY, "9" * 4000, "valueJson", "WRONG_TYPE"),
        (KEY, "-1", "valueJson", "OUT_OF_RANGE"),
        (KEY, "99999", "valueJson", "OUT_OF_RANGE"),
        ("star.openYears", "[1999]", "valueJson", "OUT_OF_RANGE"),
        ("star.openYears", "2026", "valueJson", "WRONG_TYPE"),
        ("star.meetingBodies", '["\\u0000"]', "valueJson", "WRONG_TYPE"),
        ("star.meetingBodies", '["\\ud800"]', "valueJson", "WRONG_TYPE"),
        ("star.nobodysSetting", "1", "key", "UNKNOWN_SETTING"),
    ],
)
async def test_a_bad_value_is_refused_and_only_audited(
    desk: Desk, dept: Context, key: str, value: str, path: str, reason: str
) -> None:
    outcome = await desk.set(dept, COUNTY, value, key)
    assert isinstance(outcome.error, ValidationFailed)
    assert [(f.path, f.reason) for f in outcome.error.fields] == [(path, reason)]
    assert await desk.rows() == []
    assert await desk.audit() == [("core.setting.set", "DENIED", "VALIDATION_FAILED")]


async def test_no_value_for_yesterday(desk: Desk, dept: Context, clock: FixedClock) -> None:
    outcome = await desk.set(dept, COUNTY, "20", valid_from=TODAY - timedelta(days=1))
    assert isinstance(outcome.error, ValidationFailed)
    assert outcome.error.fields[0].reason == "IN_THE_PAST"
    assert await desk.rows() == []


@pytest.mark.parametrize(
    ("role", "where", "code"),
    [
        ("TOWN_LEADER", TOWN, ErrorCode.NOT_FOUND),
        ("VC_DIRECTOR", A, ErrorCode.NOT_FOUND),
        ("SEC_ADMIN", COUNTY, ErrorCode.NOT_FOUND),
    ],
)
async def test_only_the_county_department_sets(desk: Desk, role: str, where: str, code: ErrorCode) -> None:
    who = await desk.world.caller((role, where))
    outcome = await desk.set(who, A, "20")
    assert outcome.error is not None
    assert outcome.error.code in (code, ErrorCode.FORBIDDEN)
    assert await desk.rows() == []
    assert [a[1] for a in await desk.audit()] == ["DENIED"]
