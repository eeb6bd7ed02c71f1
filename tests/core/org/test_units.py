"""Making, renaming, abolishing units, and the hierarchy as it was on a day. A refusal writes nothing but its entry."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from sanzhi_core.clock import FixedClock
from sanzhi_core.errors import DuplicateRecord, NotFound, OrgInactive, ValidationFailed, VersionConflict
from sanzhi_core.org.history import AsOf, OrgUnitAsOf, record_change, units_as_of
from sanzhi_core.org.models import OrgUnit, VillagersGroup
from sanzhi_core.org.units import (
    AbolishUnit,
    CreateGroup,
    CreateUnit,
    RenameUnit,
    abolish_unit,
    create_group,
    create_unit,
    rename_unit,
)
from sanzhi_core.platform.command import Outcome, command
from sanzhi_core.platform.context import Context
from sanzhi_core.testing.world import World

TOWN, VILLAGE = "990428101000", "990428101201"
TODAY = date(2026, 11, 23)


async def rows(ctx: Context, text: str, **values: Any) -> list[Any]:
    async with ctx.db.transaction("*") as session:
        return list((await session.execute(sa.text(text), values)).all())


async def unit(world: World, code: str) -> OrgUnit:
    async with world.base.db.transaction("*") as session:
        found = await session.scalar(
            sa.select(OrgUnit).where(OrgUnit.code == code).order_by(OrgUnit.valid_to.desc())
        )
        assert found is not None
        return found


async def last_entry(world: World) -> Any:
    found = await rows(
        world.base, "select action, result, error_code, entity_id from core.audit_entry order by id"
    )
    return found[-1]


@pytest.fixture
async def county(world: World) -> Context:
    return await world.caller(("COUNTY_DEPT", "990428000000"))


def making(world: World, parent: str, code: str, name: str = "新设单位", **more: Any) -> CreateUnit:
    return CreateUnit(
        idempotency_key=uuid4(),
        parent_id=world.id(parent),
        code=code,
        name=name,
        doc_no="沁政〔2026〕1号",
        **more,
    )


async def make(
    ctx: Context, world: World, parent: str, code: str, name: str = "新设单位", **more: Any
) -> Outcome:
    return await command(ctx, create_unit, making(world, parent, code, name, **more))


def made_id(outcome: Outcome) -> UUID:
    assert outcome.error is None, outcome.error
    assert outcome.ref is not None
    return outcome.ref.id


async def test_a_grid_lies_in_its_village(world: World, county: Context) -> None:
    before = await world.generation()
    grid_id = made_id(await make(county, world, VILLAGE, "990428101201001", "第一网格"))
    grid, village = await unit(world, "990428101201001"), world.units[VILLAGE]
    assert (grid.id, grid.level, grid.kind, grid.parent_id) == (grid_id, "GRID", "GRID_GENERAL", village.id)
    assert (grid.county_id, grid.town_id, grid.village_id, grid.grid_id) == (
        village.county_id,
        village.town_id,
        village.id,
        grid.id,
    )
    assert grid.org_path == f"{village.org_path}{grid.no}/"
    history = await rows(
        world.base, "select code, name, parent_id, valid_from, valid_to, doc_no from core.org_unit_version where unit_id = :u",
        u=grid_id,
    )  # fmt: skip
    assert history == [("990428101201001", "第一网格", village.id, TODAY, None, "沁政〔2026〕1号")]
    assert await world.generation() == before + 1
    assert await last_entry(world) == ("core.org_unit.create", "OK", None, grid_id)


@pytest.mark.parametrize(
    ("parent", "code", "reason"),
    [
        (TOWN, "99042810120", "LENGTH"),
        (TOWN, "9904281012011", "LENGTH"),
        (TOWN, "99042810120X", "NOT_DIGITS"),
        (TOWN, "990428102209", "WRONG_PREFIX"),
        (TOWN, "990428101600", "VILLAGE_RANGE"),
        (TOWN, "990428103000", "PARENT_LEVEL"),
        (TOWN, "990428101209001", "PARENT_LEVEL"),
        (VILLAGE, "990428101201000", "GRID_RANGE"),
        ("990400000000", "990400", "COUNTY_ZERO"),
        ("990400000000", "990400000000", "COUNTY_ZERO"),
        ("990000000000", "9980", "CITY_RANGE"),
    ],
)
async def test_bad_codes_are_refused(world: World, parent: str, code: str, reason: str) -> None:
    before = await rows(world.base, "select count(*) from core.org_unit")
    outcome = await make(world.system(), world, parent, code)
    assert isinstance(outcome.error, ValidationFailed)
    assert [(f.path, f.reason) for f in outcome.error.fields] == [("code", reason)]
    assert await rows(world.base, "select count(*) from core.org_unit") == before
    assert (await last_entry(world))[1:3] == ("DENIED", "VALIDATION_FAILED")


async def test_kind_credit_code_and_area_are_checked(world: World, county: Context) -> None:
    for more in ({"kind": "COMMUNITY"}, {"uscc": "54990428MF1234567D"}, {"valid_from": date(2026, 11, 24)}):
        outcome = await make(county, world, TOWN, "990428101209", **more)
        assert isinstance(outcome.error, ValidationFailed)
    with pytest.raises(ValueError, match="area_km2"):
        making(world, TOWN, "990428101209", area_km2="-0.01")
    assert await rows(world.base, "select 1 from core.org_unit where code = '990428101209'") == []
    made_id(await make(county, world, TOWN, "990428101209", kind="VILLAGE", uscc="54990428mf1234567c"))
    assert (await unit(world, "990428101209")).uscc == "54990428MF1234567C"


async def test_a_city_without_counties_gets_the_county_that_stands_in_for_it(world: World) -> None:
    system = world.system()
    city = made_id(await make(system, world, "990000000000", "9915", "独市"))
    outcome = await command(
        system,
        create_unit,
        CreateUnit(idempotency_key=uuid4(), parent_id=city, code="991500", name="独市", doc_no="省1号"),
    )
    county = made_id(outcome)
    found = await rows(world.base, "select level, kind from core.org_unit where id = :c", c=county)
    assert found == [("COUNTY", "CITY_ITSELF")]
    town = CreateUnit(
        idempotency_key=uuid4(), parent_id=county, code="991500101", name="某镇", doc_no="省2号"
    )
    made_id(await command(system, create_unit, town))


async def test_a_code_in_use_is_a_duplicate(world: World, county: Context) -> None:
    outcome = await make(county, world, TOWN, VILLAGE)
    assert isinstance(outcome.error, DuplicateRecord)
    assert outcome.error.existing_id == world.id(VILLAGE)
    assert await rows(world.base, "select count(*) from core.org_unit where code = :c", c=VILLAGE) == [(1,)]


async def test_only_the_county_manages_units_and_only_its_own(world: World, county: Context) -> None:
    village = await world.caller(("VC_DIRECTOR", VILLAGE))
    for ctx, parent, code in ((village, VILLAGE, "990428101201001"), (county, "990400000000", "990429")):
        outcome = await make(ctx, world, parent, code)
        assert outcome.error is not None
        assert outcome.error.code in ("FORBIDDEN", "NOT_FOUND")
        assert await rows(world.base, "select 1 from core.org_unit where code = :c", c=code) == []


async def renamed(ctx: Context, world: World, code: str, name: str, **more: Any) -> Outcome:
    row = await unit(world, code)
    data: dict[str, Any] = {"expected_version": row.version, **more}
    return await command(
        ctx,
        rename_unit,
        RenameUnit(idempotency_key=uuid4(), unit_id=row.id, name=name, doc_no="沁政〔2026〕2号", **data),
    )


async def as_of(ctx: Context, on: date, **more: Any) -> list[OrgUnitAsOf]:
    return (await units_as_of(ctx, AsOf(on=on, **more))).units


async def test_the_old_name_is_found_on_its_day(world: World, county: Context) -> None:
    made_id(await renamed(county, world, TOWN, "大东平镇", on=date(2026, 11, 1)))
    row = await unit(world, TOWN)
    assert (row.name, row.version) == ("大东平镇", 2)
    names = {
        day: (await as_of(county, day, code=TOWN))[0].name
        for day in (date(2026, 10, 31), date(2026, 11, 1), TODAY)
    }
    assert names == {date(2026, 10, 31): "东平镇", date(2026, 11, 1): "大东平镇", TODAY: "大东平镇"}
    # The parent's name is the parent's of that day.
    child = await as_of(county, date(2026, 10, 31), code=VILLAGE)
    assert (child[0].parent_code, child[0].parent_name) == (TOWN, "东平镇")
    assert (await as_of(county, TODAY, code=VILLAGE))[0].parent_name == "大东平镇"


async def test_history_is_not_written_out_of_order(world: World, county: Context) -> None:
    made_id(await renamed(county, world, TOWN, "大东平镇", on=date(2026, 11, 1)))
    before = await rows(
        world.base, "select name, valid_from, valid_to from core.org_unit_version order by id"
    )
    for on in (date(2026, 10, 1), TODAY + timedelta(days=1)):
        outcome = await renamed(county, world, TOWN, "再改名镇", on=on)
        assert isinstance(outcome.error, ValidationFailed)
    stale = await renamed(county, world, TOWN, "再改名镇", expected_version=1)
    assert isinstance(stale.error, VersionConflict)
    assert (await unit(world, TOWN)).name == "大东平镇"
    assert (
        await rows(world.base, "select name, valid_from, valid_to from core.org_unit_version order by id")
        == before
    )


async def test_a_move_shows_parents_and_children_of_each_day(world: World) -> None:
    """Organisation changes will move units; what they write is read back right."""
    day = date(2026, 11, 10)
    async with world.base.db.transaction("*") as session:
        village = await session.get(OrgUnit, world.id(VILLAGE))
        target = await session.get(OrgUnit, world.id("990428102000"))
        assert village is not None
        assert target is not None
        village.parent_id, village.town_id, village.code_pending = target.id, target.id, True
        village.org_path = f"{target.org_path}{village.no}/"
        await session.flush()
        await record_change(session, village, day, doc_no="沁政〔2026〕3号")
    eve = day - timedelta(days=1)
    for on, town in ((eve, TOWN), (day, "990428102000")):
        assert (await as_of(world.base, on, code=VILLAGE))[0].parent_code == town
    children = {
        on: [u.code for u in await as_of(world.base, on, parent_code=TOWN, level="VILLAGE")]
        for on in (eve, day)
    }
    assert children == {eve: [VILLAGE, "990428101202", "990428101203"], day: ["990428101202", "990428101203"]}
    moved = [u.code for u in await as_of(world.base, day, parent_code="990428102000")]
    assert moved == [VILLAGE, "990428102201"]


async def test_pages_follow_each_other_without_gap(world: World) -> None:
    seen: list[str] = []
    after = None
    for _ in range(10):
        page = await units_as_of(world.base, AsOf(on=TODAY, first=2, after=after))
        seen += [u.code for u in page.units]
        after = page.end_cursor
        if after is None:
            break
    assert seen == sorted(world.units)
    assert await as_of(world.base, date(2019, 12, 31)) == []
    for bad in ({"after": "nonsense"}, {"code": "12345"}):
        with pytest.raises(ValidationFailed):
            await as_of(world.base, TODAY, **bad)


async def abolished(ctx: Context, world: World, code: str, *successors: str) -> Outcome:
    row = await unit(world, code)
    data = AbolishUnit(
        idempotency_key=uuid4(),
        expected_version=row.version,
        unit_id=row.id,
        successor_ids=[world.id(s) for s in successors],
        doc_no="沁政〔2026〕4号",
        reason="村级建制调整",
    )
    return await command(ctx, abolish_unit, data)


async def test_an_abolished_unit_points_to_its_successor(
    world: World, county: Context, clock: FixedClock
) -> None:
    holder = await world.caller(("VC_DIRECTOR", VILLAGE))
    made_id(await abolished(county, world, VILLAGE, "990428101202"))
    row = await unit(world, VILLAGE)
    assert (row.status, row.valid_to) == ("ABOLISHED", TODAY)
    assert [u.code for u in await as_of(county, TODAY - timedelta(days=1), code=VILLAGE)] == [VILLAGE]
    assert await as_of(county, TODAY, code=VILLAGE) == []
    account = holder.principal.account_id
    grants = await rows(world.base, "select valid_to from core.role_grant where account_id = :a", a=account)
    assert grants == [(TODAY,)]
    outcome = await make(county, world, VILLAGE, "990428101201001")
    assert isinstance(outcome.error, OrgInactive)
    assert outcome.error.facts() == {"unit_code": VILLAGE, "successor_codes": ("990428101202",)}
    again = await abolished(county, world, VILLAGE)
    assert isinstance(again.error, OrgInactive)
    # R-CORE-01: the code rests for ten years.
    reused = await make(county, world, TOWN, VILLAGE)
    assert isinstance(reused.error, ValidationFailed)
    assert reused.error.fields[0].reason == "CODE_REUSED"


async def test_only_an_empty_unit_is_abolished(world: World, county: Context) -> None:
    async with world.base.db.transaction("*") as session:
        village = await session.get(OrgUnit, world.id(VILLAGE))
        assert village is not None
        session.add(VillagersGroup(name="一组", valid_from=TODAY, **village.place()))
    for code in (TOWN, VILLAGE):
        outcome = await abolished(county, world, code)
        assert isinstance(outcome.error, ValidationFailed)
        assert outcome.error.fields[0].reason == "NOT_EMPTY"
        assert (await unit(world, code)).status == "ACTIVE"
    wrong = await abolished(county, world, "990428101202", TOWN)
    assert isinstance(wrong.error, NotFound)
    assert await rows(world.base, "select 1 from core.org_lineage") == []


async def test_groups_stand_beside_the_tree(world: World) -> None:
    director = await world.caller(("VC_DIRECTOR", VILLAGE))

    async def group(ctx: Context, code: str, name: str) -> Outcome:
        data = CreateGroup(idempotency_key=uuid4(), village_id=world.id(code), name=name)
        return await command(ctx, create_group, data)

    first = made_id(await group(director, VILLAGE, "一组"))
    twice = await group(director, VILLAGE, "一组")
    assert isinstance(twice.error, DuplicateRecord)
    assert twice.error.existing_id == first
    for code in ("990428101202", TOWN):
        outcome = await group(director, code, "二组")
        assert outcome.error is not None
    assert await rows(world.base, "select name from core.villagers_group") == [("一组",)]
