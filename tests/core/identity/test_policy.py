"""Where a permission holds: grants ∩ enablement, over a small county."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from sanzhi_core.identity.policy import scope_of
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.enablement import state_at
from sanzhi_core.platform.hookspecs import Permission
from sanzhi_core.testing.world import World

A, B, C, D = "990428101201", "990428101202", "990428101203", "990428102201"
TOWN, TOWN2, COUNTY, CITY = "990428101000", "990428102000", "990428000000", "990400000000"
READ = "star_virtue.test.read"


@pytest.fixture
async def dept(world: World) -> Context:
    import sqlalchemy as sa

    async with world.base.db.transaction("*") as session:
        for role in ("COUNTY_DEPT", "VC_DIRECTOR"):
            await session.execute(
                sa.text("insert into core.role_permission values (:r, :p)"), {"r": role, "p": READ}
            )
    world.base.platform.permissions[READ] = Permission(READ, "测试", "Test")
    return await world.caller(("COUNTY_DEPT", COUNTY))


async def seen(ctx: Context, world: World, mode: str = "read") -> set[str]:
    """Codes of villages inside the scope."""
    fresh = replace(ctx, principal=replace(ctx.principal, generation=await world.generation()))
    scope = await scope_of(fresh, READ, mode)
    return {code for code in (A, B, C, D) if scope.covers(world.units[code])}


async def test_off_everywhere_by_default(world: World, dept: Context) -> None:
    assert await seen(dept, world) == set()


async def test_two_pilot_villages(world: World, dept: Context) -> None:
    await world.enable("star_virtue", A)
    await world.enable("star_virtue", D)
    assert await seen(dept, world) == {A, D}
    assert await seen(dept, world, "write") == {A, D}


async def test_county_on_but_one_village_off(world: World, dept: Context) -> None:
    await world.enable("star_virtue", COUNTY, "ON")
    await world.enable("star_virtue", B, "OFF")
    assert await seen(dept, world) == {A, C, D}


async def test_suspended_reads_but_does_not_write(world: World, dept: Context) -> None:
    await world.enable("star_virtue", COUNTY, "ON")
    await world.enable("star_virtue", B, "SUSPENDED")
    assert await seen(dept, world) == {A, B, C, D}
    assert await seen(dept, world, "write") == {A, C, D}


async def test_a_lock_above_beats_the_nearer_row(world: World, dept: Context) -> None:
    await world.enable("star_virtue", A, "ON")
    await world.enable("star_virtue", TOWN, "OFF", locked=True)
    assert await seen(dept, world) == set()
    async with world.base.db.transaction() as session:
        assert await state_at(session, "star_virtue", world.id(A), date(2026, 11, 23)) == "OFF"


async def test_on_inside_off_inside_on(world: World, dept: Context) -> None:
    await world.enable("star_virtue", COUNTY, "ON")
    await world.enable("star_virtue", TOWN, "OFF")
    await world.enable("star_virtue", C, "PILOT")
    assert await seen(dept, world) == {C, D}


async def test_a_village_grant_sees_its_village_only(world: World, dept: Context) -> None:
    await world.enable("star_virtue", COUNTY, "ON")
    director = await world.caller(("VC_DIRECTOR", A))
    assert await seen(director, world) == {A}


async def test_not_before_its_first_day(world: World, dept: Context) -> None:
    await world.enable("star_virtue", COUNTY, "ON", since=date(2026, 12, 1))
    assert await seen(dept, world) == set()


async def test_an_expired_grant_is_nothing(world: World, dept: Context) -> None:
    await world.enable("star_virtue", COUNTY, "ON")
    grants = tuple(replace(g, valid_to=date(2026, 11, 23)) for g in dept.principal.grants)
    over = replace(dept, principal=replace(dept.principal, grants=grants))
    assert await seen(over, world) == set()


async def test_undeclared_permission_is_an_error(world: World, dept: Context) -> None:
    with pytest.raises(LookupError):
        await scope_of(dept, "star_virtue.nobody.knows")


async def test_sibling_prefix_is_not_a_descendant(world: World, dept: Context) -> None:
    """Path `…/5/` must not cover `…/50/` (reliability.md §0.4)."""
    from sanzhi_core.platform.enablement import Row, resolve

    ident = UUID(int=1)
    assert resolve([Row(ident, "1/5/", "TOWN", "ON", False)], "1/50/") is None
