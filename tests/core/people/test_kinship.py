"""Near relations for recusal: declared by the persons, one row for a pair, both directions found."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from sanzhi_core.people import kinship, service
from sanzhi_core.people.models import Kinship, Resident
from sanzhi_core.platform.context import Context
from sanzhi_core.testing.world import World

A, B = "990428101201", "990428101202"


@pytest.fixture
async def three(run: Any, world: World, citizen: Any) -> list[UUID]:
    """Two brothers in two households of A and a stranger in B, all heads."""
    out = []
    for n, (village, name) in enumerate(((A, "王大山"), (A, "王二山"), (B, "李四光")), 1):
        clerk = await world.caller(("CLERK", village))
        done = await run(
            clerk, service.create_household, village_id=world.id(village), household_no=f"{n}",
            head={"name": name, "id_number": citizen(1970 + n)},
        )  # fmt: skip
        async with clerk.db.transaction("*") as session:
            out.append(
                await session.scalar(sa.select(Resident.id).where(Resident.household_id == done.ref.id))
            )
    return out


async def of(world: World, resident_id: UUID) -> Context:
    async with world.base.db.transaction("*") as session:
        row = await session.get(Resident, resident_id)
        assert row is not None
    return await world.caller(resident_id=row.id, household_id=row.household_id)


async def test_declared_by_oneself_and_found_from_both_sides(
    run: Any, world: World, three: list[UUID]
) -> None:
    one, two, three_ = three
    done = await run(
        await of(world, one), kinship.declare_kinship, resident_id=one, relative_id=two, relation="SIBLING"
    )
    assert done.error is None
    async with world.base.db.transaction("*") as session:
        row = await session.get(Kinship, done.ref.id)
        assert (row.relation, row.declared_on, row.village_id) == ("SIBLING", date(2026, 11, 23), world.id(A))
        both = {(one, two), (two, one)}
        assert await kinship.relatives(session, [one]) == both
        assert await kinship.relatives(session, [two, three_]) == both
        assert await kinship.relatives(session, [three_]) == set()
        assert await kinship.relatives(session, []) == set()


async def test_one_row_for_a_pair(run: Any, refused: Any, world: World, three: list[UUID]) -> None:
    one, two, _ = three
    me, other = await of(world, one), await of(world, two)
    await run(me, kinship.declare_kinship, resident_id=one, relative_id=two, relation="SIBLING")
    for caller, a, b in ((me, one, two), (other, two, one)):
        await refused(
            caller,
            kinship.declare_kinship,
            "DUPLICATE_RECORD",
            resident_id=a,
            relative_id=b,
            relation="SIBLING",
        )


async def test_refusals(refused: Any, world: World, three: list[UUID]) -> None:
    one, two, _ = three
    me = await of(world, one)
    error = await refused(
        me, kinship.declare_kinship, "VALIDATION_FAILED", resident_id=one, relative_id=one, relation="SPOUSE"
    )
    assert [(f.path, f.reason) for f in error.fields] == [("relativeId", "SELF")]
    strange = {"relation": "SPOUSE"}
    await refused(me, kinship.declare_kinship, "NOT_FOUND", resident_id=one, relative_id=uuid4(), **strange)
    await refused(me, kinship.declare_kinship, "NOT_FOUND", resident_id=two, relative_id=one, **strange)
    grid_worker = await world.caller(("GRID_WORKER", A))
    await refused(
        grid_worker, kinship.declare_kinship, "FORBIDDEN", resident_id=two, relative_id=one, **strange
    )


async def test_a_clerk_records_it_and_it_is_withdrawn(
    run: Any, refused: Any, world: World, three: list[UUID], state: Any
) -> None:
    one, two, stranger = three
    clerk = await world.caller(("CLERK", A))
    done = await run(clerk, kinship.declare_kinship, resident_id=one, relative_id=stranger, relation="SPOUSE")
    kinship_id = done.ref.id
    async with world.base.db.transaction("*") as session:
        acting = await session.scalar(
            sa.text("select acting_for from core.audit_entry where action = 'core.kinship.declare'")
        )
    assert acting == one
    me = await of(world, one)
    away = {"kinship_id": kinship_id, "reason": "申报有误"}
    await refused(await of(world, two), kinship.withdraw_kinship, "NOT_FOUND", **away)
    await refused(me, kinship.withdraw_kinship, "NOT_FOUND", kinship_id=uuid4(), reason="申报有误")
    done = await run(me, kinship.withdraw_kinship, **away)
    assert done.error is None
    async with world.base.db.transaction("*") as session:
        assert await kinship.relatives(session, [one]) == set()
    assert (await state())["audit"][-1] == (
        "core.kinship.withdraw", "OK", None, f"Kinship_{kinship_id}: 申报有误",
    )  # fmt: skip


async def test_members_of_a_household(run: Any, world: World, three: list[UUID]) -> None:
    async with world.base.db.transaction("*") as session:
        one = await session.get(Resident, three[0])
        assert one is not None
        assert one.household_id is not None
        assert await kinship.household_members(session, one.household_id) == [one.id]
        one.status = "MOVED_OUT"
        await session.flush()
        assert await kinship.household_members(session, one.household_id) == []
