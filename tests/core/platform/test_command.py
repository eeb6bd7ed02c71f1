"""The door: exactly one audit entry, idempotency, refusals that write nothing, faults that are noted."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from sanzhi_core.errors import ErrorCode, TooEarly
from sanzhi_core.identity.models import Account
from sanzhi_core.org.models import OrgUnit, VillagersGroup
from sanzhi_core.platform.command import command, operation
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.inputs import CommandInput
from sanzhi_core.platform.models import IdempotencyKey
from sanzhi_core.platform.work import Work
from sanzhi_core.testing.world import SINCE, World

A = "990428101201"


class NewGroup(CommandInput):
    unit_id: UUID
    name: str
    mood: str = "good"


@operation("core.group.test", permission="core.setting.manage", returns="VillagersGroup")
async def new_group(work: Work, input: NewGroup) -> VillagersGroup:
    unit = await work.unit(input.unit_id)
    group = VillagersGroup(name=input.name, valid_from=SINCE, **unit.place())
    work.session.add(group)
    await work.session.flush()
    if input.mood == "refuse":
        raise TooEarly("2026-12-01")
    if input.mood == "crash":
        raise RuntimeError("a bug")
    return group


@operation("core.group.lax", permission="core.setting.manage", returns=None)
async def forgets_to_authorise(work: Work, input: NewGroup) -> None:
    unit = await work.session.get(OrgUnit, input.unit_id)
    assert unit is not None
    work.session.add(VillagersGroup(name=input.name, valid_from=SINCE, **unit.place()))


async def audit(ctx: Context) -> list[Any]:
    async with ctx.db.transaction("*") as session:
        rows = await session.execute(
            sa.text(
                "select action, result, error_code, entity_id, changes, unit_id from core.audit_entry order by at, id"
            )
        )
        return list(rows)


async def groups(ctx: Context) -> int:
    async with ctx.db.transaction() as session:
        return int(await session.scalar(sa.select(sa.func.count()).select_from(VillagersGroup)) or 0)


@pytest.fixture
async def dept(world: World) -> Context:
    return await world.caller(("COUNTY_DEPT", "990428000000"))


def ask(world: World, **more: Any) -> NewGroup:
    return NewGroup(idempotency_key=uuid4(), unit_id=world.id(A), name="一组", **more)


async def test_one_entry_with_changed_fields(world: World, dept: Context) -> None:
    outcome = await command(dept, new_group, ask(world))
    assert outcome.error is None
    assert outcome.ref is not None
    [entry] = await audit(dept)
    assert (entry.action, entry.result, entry.entity_id) == ("core.group.test", "OK", outcome.ref.id)
    assert entry.unit_id == world.id(A)
    [change] = entry.changes
    assert change["entity"] == "VillagersGroup"
    assert change["values"]["name"] == {"new": "一组"}


async def test_refusal_rolls_back_and_leaves_one_entry(world: World, dept: Context) -> None:
    outcome = await command(dept, new_group, ask(world, mood="refuse"))
    assert outcome.error is not None
    assert outcome.error.code is ErrorCode.TOO_EARLY
    assert await groups(dept) == 0
    [entry] = await audit(dept)
    assert (entry.result, entry.error_code, entry.changes) == ("DENIED", "TOO_EARLY", [])


async def test_fault_is_noted_in_a_transaction_of_its_own(world: World, dept: Context) -> None:
    with pytest.raises(RuntimeError):
        await command(dept, new_group, ask(world, mood="crash"))
    assert await groups(dept) == 0
    [entry] = await audit(dept)
    assert entry.result == "FAILED"


async def test_replay_gives_the_first_answer_and_writes_nothing(world: World, dept: Context) -> None:
    asked = ask(world)
    first = await command(dept, new_group, asked)
    second = await command(dept, new_group, asked)
    assert second.replayed
    assert second.ref == first.ref
    assert await groups(dept) == 1
    assert len(await audit(dept)) == 1


async def test_replay_of_a_refusal_is_the_same_refusal(world: World, dept: Context) -> None:
    asked = ask(world, mood="refuse")
    first = await command(dept, new_group, asked)
    second = await command(dept, new_group, asked)
    assert second.replayed
    assert second.error == first.error
    assert len(await audit(dept)) == 1


async def test_same_key_other_body_is_a_conflict(world: World, dept: Context) -> None:
    asked = ask(world)
    await command(dept, new_group, asked)
    other = await command(dept, new_group, asked.model_copy(update={"name": "二组"}))
    assert other.error is not None
    assert other.error.code is ErrorCode.IDEMPOTENCY_CONFLICT
    assert await groups(dept) == 1
    assert [e.result for e in await audit(dept)] == ["OK", "DENIED"]


async def test_five_senders_of_one_key_have_one_effect(world: World, dept: Context) -> None:
    asked = ask(world)
    outcomes = await asyncio.gather(*(command(dept, new_group, asked) for _ in range(5)))
    assert len({o.ref for o in outcomes}) == 1
    assert sum(not o.replayed for o in outcomes) == 1
    assert await groups(dept) == 1
    assert len(await audit(dept)) == 1


async def test_the_reply_is_stored_encrypted(world: World, dept: Context) -> None:
    outcome = await command(dept, new_group, ask(world))
    assert outcome.ref is not None
    async with dept.db.transaction() as session:
        reply = await session.scalar(sa.select(IdempotencyKey.reply))
    assert reply is not None
    assert str(outcome.ref.id).encode() not in reply


async def test_an_operation_that_authorises_nothing_is_refused(world: World, dept: Context) -> None:
    outcome = await command(dept, forgets_to_authorise, ask(world))
    assert outcome.error is not None
    assert outcome.error.code is ErrorCode.FORBIDDEN
    assert await groups(dept) == 0


async def test_duplicate_by_unique_index_is_a_refusal(world: World, dept: Context) -> None:
    await command(dept, new_group, ask(world))
    outcome = await command(dept, new_group, ask(world))
    assert outcome.error is not None
    assert outcome.error.code is ErrorCode.DUPLICATE_RECORD
    assert await groups(dept) == 1


@pytest.mark.parametrize(
    ("role", "where", "code"),
    [
        ("VC_DIRECTOR", A, ErrorCode.FORBIDDEN),
        ("COUNTY_DEPT", "990428000000", None),
    ],
)
async def test_who_may(world: World, role: str, where: str, code: ErrorCode | None) -> None:
    ctx = await world.caller((role, where))
    outcome = await command(ctx, new_group, ask(world))
    assert (outcome.error.code if outcome.error else None) == code
    assert await groups(ctx) == (0 if code else 1)


async def test_personal_values_never_reach_the_audit(world: World, system: Context) -> None:
    @operation("core.account.test", permission=None, returns="Account")
    async def make(work: Work, input: NewGroup) -> Account:
        unit = await work.unit(input.unit_id)
        row = Account(login="zhang", display_name="张三丰", password_hash="secret-hash", **unit.place())
        work.session.add(row)
        await work.session.flush()
        return row

    await command(system, make, ask(world))
    [entry] = await audit(system)
    text = str(entry.changes)
    assert "张三丰" not in text
    assert "secret-hash" not in text
    assert "display_name" in text


@operation("core.group.flush", permission="core.setting.manage", returns=None)
async def flushes_then_refuses(work: Work, input: NewGroup) -> None:
    unit = await work.unit(input.unit_id)
    unit.short_name = "改"
    await work.session.flush()
    raise TooEarly("2026-12-01")


async def test_refusal_after_a_flushed_change_is_still_a_refusal(world: World, dept: Context) -> None:
    """The rolled back savepoint expires the loaded row; the audit entry must not need it."""
    outcome = await command(dept, flushes_then_refuses, ask(world))
    assert outcome.error is not None
    assert outcome.error.code is ErrorCode.TOO_EARLY
    [entry] = await audit(dept)
    assert (entry.result, entry.unit_id) == ("DENIED", world.id(A))
