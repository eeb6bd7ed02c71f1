"""Importing divisions: all or nothing, once and again, and what the audit trail says."""

from __future__ import annotations

import asyncio
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import sanzhi_core.org
from sanzhi_core.clock import FixedClock
from sanzhi_core.errors import DuplicateRecord, Forbidden, NotFound, ResourceBusy, ValidationFailed
from sanzhi_core.org.divisions import BadFile
from sanzhi_core.org.importing import import_divisions
from sanzhi_core.org.models import OrgUnit, OrgUnitVersion
from sanzhi_core.platform.context import Context
from sanzhi_core.testing.world import World

HEADER = "code,name,level,parent_code\n"
TOP = "98,虚构省,province,\n9804,虚构市,city,98\n980428,云岭县,county,9804\n980429,石门县,county,9804\n"
BELOW = (
    "980428101,东平镇,town,980428\n980428101201,东坪村,village,980428101\n"
    "980428101001,东坪社区,village,980428101\n980429101,石门镇,town,980429\n980429101201,石门村,village,980429101\n"
)
GOOD = HEADER + TOP + BELOW


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(text: str = GOOD) -> Path:
        path = tmp_path / "divisions.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


async def units(ctx: Context) -> list[OrgUnit]:
    async with ctx.db.transaction("*") as session:
        return list(await session.scalars(sa.select(OrgUnit).order_by(OrgUnit.no)))


async def rows(ctx: Context, text: str) -> list[Any]:
    async with ctx.db.transaction("*") as session:
        return list((await session.execute(sa.text(text))).all())


async def audited(ctx: Context) -> list[Any]:
    return await rows(
        ctx, "select action, result, error_code, reason, changes from core.audit_entry order by id"
    )


async def test_units_get_place_history_and_one_audit_entry(system: Context, file: Any) -> None:
    before = (await rows(system, "select n from core.generation"))[0][0]
    result = await import_divisions(system, file(), edition="2023")
    assert (result.created, result.renamed, result.unchanged, result.bad_count) == (9, 0, 0, 0)
    assert result.levels == {"PROVINCE": 1, "CITY": 1, "COUNTY": 2, "TOWN": 2, "VILLAGE": 3}
    assert result.written
    by_code = {u.code: u for u in await units(system)}
    village, town = by_code["980428101201"], by_code["980428101000"]
    county = by_code["980428000000"]
    assert village.parent_id == town.id
    assert (village.county_id, village.town_id, village.village_id) == (county.id, town.id, village.id)
    assert (county.county_id, county.town_id) == (county.id, None)
    assert village.org_path == f"{town.org_path}{village.no}/"
    assert (village.kind, by_code["980428101001"].kind) == ("VILLAGE", "COMMUNITY")
    assert (village.valid_from, village.edition, village.version) == (date(2026, 11, 23), "2023", 1)
    history = await rows(
        system,
        "select v.code, v.name, v.valid_from, v.valid_to, v.org_path = u.org_path and v.parent_id is not distinct from "
        "u.parent_id from core.org_unit_version v join core.org_unit u on u.id = v.unit_id",
    )
    assert len(history) == 9
    assert all(h[2:] == (date(2026, 11, 23), None, True) for h in history)
    entries = await audited(system)
    assert [e[:3] for e in entries] == [("core.org.import", "OK", None)]
    assert entries[0].changes[0]["values"] == {"count": 9, "sha256": result.sha256}
    assert "+9 ~0 =0 !0" in entries[0].reason
    assert (await rows(system, "select n from core.generation"))[0][0] == before + 1
    assert await rows(system, "select 1 from core.division_stage") == []


async def test_a_second_import_writes_nothing_but_its_entry(system: Context, file: Any) -> None:
    await import_divisions(system, file(), edition="2023")
    first = [(u.id, u.version, u.no) for u in await units(system)]
    again = await import_divisions(system, file(), edition="2023")
    assert (again.created, again.renamed, again.unchanged) == (0, 0, 9)
    assert [(u.id, u.version, u.no) for u in await units(system)] == first
    assert await rows(system, "select count(*) from core.org_unit_version") == [(9,)]
    assert [e.reason.split(" ", 2)[2] for e in await audited(system)] == ["+9 ~0 =0 !0", "+0 ~0 =9 !0"]


async def test_a_new_name_opens_a_new_row_of_history(system: Context, file: Any, clock: FixedClock) -> None:
    await import_divisions(system, file(), edition="2023")
    clock.advance(timedelta(days=10))
    renamed = GOOD.replace("石门镇", "大石门镇")
    result = await import_divisions(system, file(renamed), edition="2024")
    assert (result.created, result.renamed, result.unchanged) == (0, 1, 8)
    async with system.db.transaction("*") as session:
        past = list(
            await session.scalars(
                sa.select(OrgUnitVersion)
                .where(OrgUnitVersion.code == "980429101000")
                .order_by(OrgUnitVersion.valid_from)
            )
        )
        town = await session.scalar(sa.select(OrgUnit).where(OrgUnit.code == "980429101000"))
    day = date(2026, 12, 3)
    assert [(p.name, p.valid_from, p.valid_to) for p in past] == [
        ("石门镇", date(2026, 11, 23), day),
        ("大石门镇", day, None),
    ]
    assert town is not None
    assert (town.name, town.version, town.edition) == ("大石门镇", 2, "2024")
    # A correction on the same day changes that row, and history dated later refuses an older day.
    await import_divisions(system, file(GOOD.replace("石门镇", "老石门镇")), edition="2024")
    assert await rows(system, "select count(*) from core.org_unit_version") == [(10,)]
    late = await import_divisions(system, file(), edition="2023", on=date(2026, 11, 24))
    assert [e.reason for e in late.bad] == ["LATER_CHANGE"]
    assert not late.written


async def test_any_bad_row_stops_everything(system: Context, file: Any) -> None:
    text = (
        GOOD + "980428101999,坏村,village,980428101\n980428,又一县,county,9804\n98042810,短,village,9804281\n"
    )
    result = await import_divisions(system, file(text), edition="2023")
    assert [(e.line, e.reason) for e in result.bad] == [
        (11, "VILLAGE_RANGE"),
        (12, "DUPLICATE"),
        (13, "LENGTH"),
    ]
    assert isinstance(result.error, ValidationFailed)
    assert [f.path for f in result.error.fields] == ["line:11", "line:12", "line:13"]
    assert not result.written
    assert await units(system) == []
    assert await rows(system, "select 1 from core.org_unit_version") == []
    assert [e[:3] for e in await audited(system)] == [("core.org.import", "DENIED", "VALIDATION_FAILED")]
    assert await rows(system, "select 1 from core.division_stage") == []


async def test_skip_bad_leaves_out_what_hangs_below_a_bad_row(system: Context, file: Any) -> None:
    text = GOOD.replace("980429101,石门镇,town", "980429101,,town")
    result = await import_divisions(system, file(text), edition="2023", skip_bad=True)
    assert [(e.line, e.reason) for e in result.bad] == [(9, "NAME"), (10, "PARENT_MISSING")]
    assert result.written
    assert sorted(u.code for u in await units(system) if u.code.startswith("980429")) == ["980429000000"]
    assert "!2" in (await audited(system))[0].reason


async def test_a_dry_run_tells_and_writes_nothing(system: Context, file: Any) -> None:
    result = await import_divisions(system, file(), edition="2023", dry_run=True)
    assert (result.created, result.renamed, result.unchanged, result.written) == (9, 0, 0, False)
    assert await units(system) == []
    assert await audited(system) == []
    assert await rows(system, "select 1 from core.division_stage") == []


@pytest.mark.parametrize("under", ["980428", "980428000000"])
async def test_under_takes_the_subtree_and_its_ancestors(system: Context, file: Any, under: str) -> None:
    result = await import_divisions(system, file(), edition="2023", under=under)
    assert result.levels == {"PROVINCE": 1, "CITY": 1, "COUNTY": 1, "TOWN": 1, "VILLAGE": 2}
    assert {u.code for u in await units(system)} == {
        "980000000000",
        "980400000000",
        "980428000000",
        "980428101000",
        "980428101201",
        "980428101001",
    }


async def test_parents_may_be_in_the_database_only(system: Context, file: Any) -> None:
    orphan = await import_divisions(system, file(HEADER + BELOW), edition="2023")
    assert [e.reason for e in orphan.bad] == ["PARENT_MISSING"] * 5
    assert await units(system) == []
    await import_divisions(system, file(HEADER + TOP), edition="2023")
    result = await import_divisions(system, file(HEADER + BELOW), edition="2023")
    assert (result.created, result.bad_count) == (5, 0)


async def test_a_code_abolished_lately_is_not_given_again(system: Context, file: Any) -> None:
    await import_divisions(system, file(), edition="2023", on=date(2005, 1, 1))
    for code, day in (("980428101201", "2020-01-01"), ("980429101201", "2010-01-01")):
        async with system.db.transaction("*") as session:
            await session.execute(
                sa.text(
                    "update core.org_unit set status = 'ABOLISHED', valid_to = cast(:d as date) where code = :c"
                ),
                {"c": code, "d": date.fromisoformat(day)},
            )
    result = await import_divisions(system, file(), edition="2024", skip_bad=True)
    assert [(e.code, e.reason) for e in result.bad] == [("980428101201", "CODE_REUSED")]
    assert result.created == 1


async def test_a_moved_unit_is_left_to_organisation_changes(system: Context, file: Any) -> None:
    await import_divisions(system, file(), edition="2023")
    async with system.db.transaction("*") as session:
        await session.execute(
            sa.text(
                "update core.org_unit set parent_id = (select id from core.org_unit where code = '980429101000'), "
                "code_pending = true where code = '980428101201'"
            )
        )
    result = await import_divisions(system, file(GOOD.replace("东坪村", "改名村")), edition="2024")
    assert [(e.line, e.reason) for e in result.bad] == [(7, "PARENT_DIFFERS")]
    assert not result.written


async def test_both_unit_and_city_of_a_city_without_counties(system: Context, file: Any) -> None:
    text = (
        HEADER
        + "98,虚构省,province,\n9819,虚构市,city,98\n981900,虚构市,county,9819\n981900101,某镇,town,981900\n"
    )
    result = await import_divisions(system, file(text), edition="2023")
    assert result.written
    same = [u for u in await units(system) if u.code == "981900000000"]
    assert [u.level for u in same] == ["CITY", "COUNTY"]
    assert same[1].parent_id == same[0].id
    again = await import_divisions(system, file(text), edition="2023")
    assert (again.created, again.unchanged) == (0, 4)


async def test_progress_ends_at_its_total(system: Context, file: Any) -> None:
    seen: list[tuple[int, int]] = []
    await import_divisions(system, file(), edition="2023", progress=lambda d, t: seen.append((d, t)))
    assert seen[-1] == (18, 18)
    assert [d for d, _ in seen] == sorted(d for d, _ in seen)


async def test_a_county_imports_below_itself_only(world: World, file: Any) -> None:
    village = "990428101209,新村,village,990428101\n"
    text = (
        HEADER
        + "99,改省名,province,\n9904,改市名,city,99\n990428,沁山县,county,9904\n990428101,东平镇,town,990428\n"
    )
    county = await world.caller(("COUNTY_DEPT", "990428000000"))
    everything = await import_divisions(county, file(text + village), edition="2024")
    assert isinstance(everything.error, Forbidden)
    result = await import_divisions(county, file(text + village), edition="2024", under="990428")
    assert result.error is None
    assert (result.created, result.renamed) == (1, 0)
    names = {u.code: u.name for u in await units(world.base)}
    assert names["990000000000"] == "测试省"
    assert names["990428101209"] == "新村"


async def test_others_may_not_import(world: World, file: Any) -> None:
    village = HEADER + "990428101209,新村,village,990428101\n"
    before = len(await units(world.base))
    for role, code in (
        ("VC_DIRECTOR", "990428101201"),
        ("SYS_ADMIN", "990428000000"),
        ("TOWN_STAFF", "990428101000"),
    ):
        caller = await world.caller((role, code))
        result = await import_divisions(caller, file(village), edition="2024", under="990428101")
        assert isinstance(result.error, (Forbidden, NotFound))
    assert len(await units(world.base)) == before
    assert [e.result for e in await audited(world.base)] == ["DENIED"] * 3


async def test_two_imports_at_once_make_every_unit_once(system: Context, file: Any) -> None:
    path = file()
    results = await asyncio.gather(*(import_divisions(system, path, edition="2023") for _ in range(4)))
    refused = [r.error for r in results if r.error is not None]
    assert all(isinstance(e, (ResourceBusy, DuplicateRecord)) for e in refused)
    assert sum(r.created for r in results if r.written) == 9
    assert len(await units(system)) == 9
    assert await rows(system, "select count(*) from core.org_unit_version") == [(9,)]
    assert len(await audited(system)) == 4


async def test_a_broken_file_leaves_nothing_behind(system: Context, tmp_path: Path) -> None:
    path = tmp_path / "cut.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("d.csv", GOOD * 50)
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(BadFile):
        await import_divisions(system, path, edition="2023")
    assert await units(system) == []
    assert await rows(system, "select 1 from core.division_stage") == []


async def test_the_shipped_divisions_of_changzhi_are_whole(system: Context) -> None:
    path = Path(sanzhi_core.org.__file__).parent / "data" / "changzhi_divisions.csv"
    result = await import_divisions(system, path, edition="2023")
    assert result.levels == {"PROVINCE": 1, "CITY": 1, "COUNTY": 12, "TOWN": 149, "VILLAGE": 2628}
    assert (result.bad_count, result.written, result.created) == (0, True, 2791)
    # No unit lies outside its parent, and each knows its county.
    strays = await rows(
        system,
        "select count(*) from core.org_unit u left join core.org_unit p on p.id = u.parent_id where u.level <> "
        "'PROVINCE' and (p.id is null or not starts_with(u.org_path, p.org_path)) "
        "or u.level in ('COUNTY', 'TOWN', 'VILLAGE') and u.county_id is null",
    )
    assert strays == [(0,)]
