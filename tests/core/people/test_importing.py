"""A village's register from Excel or CSV: all or nothing, row errors with line and column, twice the same is nothing."""

from __future__ import annotations

import base64
import io
import time
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from sanzhi_core.errors import BusinessError, ValidationFailed
from sanzhi_core.org.models import VillagersGroup
from sanzhi_core.people import importing, service
from sanzhi_core.people.importing import PeopleImported, PeopleImportResult, import_people
from sanzhi_core.people.models import Household, HouseholdHonour, PersonSecret, Resident
from sanzhi_core.people.person import unseal
from sanzhi_core.platform.context import Context
from sanzhi_core.testing.world import World

A, B = "990428101201", "990428101202"
HEADINGS = (
    "户编号",
    "村民小组",
    "户类型",
    "姓名",
    "与户主关系",
    "身份证号",
    "电话",
    "出生日期",
    "性别",
    "居住状态",
)
WANG = ("001", "一组", "农户", "王大山", "户主", "990428198512310023", "13812345678", "", "女", "常住")
BOY = ("001", "", "", "王小山", "长子", "990428201011060016", "", "", "", "")
LI = ("002", "二组", "非农户", "李四光", "户主", "", "0355-1234567", "1970/2/3", "男", "长期外出")


def csv(*rows: tuple[str, ...], headings: tuple[str, ...] = HEADINGS) -> bytes:
    return "".join(",".join(r) + "\n" for r in (headings, *rows)).encode()


@pytest.fixture
def load(world: World) -> Any:
    async def go(
        content: bytes,
        ctx: Context | None = None,
        *,
        dry_run: bool = False,
        skip_bad: bool = False,
        **more: Any,
    ) -> PeopleImportResult:
        return await import_people(
            ctx or world.system(),
            world.id(more.pop("village", A)),
            io.BytesIO(content),
            more.pop("name", "people.csv"),
            dry_run=dry_run,
            skip_bad=skip_bad,
            key=more.pop("key", None) or uuid4(),
            **more,
        )

    return go


async def rows_of(ctx: Context, model: Any, *order: Any) -> list[Any]:
    async with ctx.db.transaction("*") as session:
        return list(await session.scalars(sa.select(model).order_by(*order)))


def told(result: PeopleImportResult) -> list[tuple[int, str, str]]:
    return [(e.line, e.column, e.reason) for e in result.errors]


def tables(state: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in state.items() if k != "audit"}


async def test_a_village_is_imported(load: Any, system: Context, world: World, state: Any) -> None:
    before = await state()
    result = await load(csv(WANG, BOY, LI))
    assert (result.rows, result.households_created, result.residents_created) == (3, 2, 3)
    assert (result.unchanged, result.errors, result.written) == (0, [], True)
    one, two = await rows_of(system, Household, Household.household_no)
    assert [(h.type, h.residence_state, h.member_count, h.head_masked_name, h.version) for h in (one, two)] == [
        ("FARM", "RESIDING", 2, "王*山", 1), ("NON_FARM", "AWAY_LONG", 1, "李*光", 1),
    ]  # fmt: skip
    groups = {g.id: g.name for g in await rows_of(system, VillagersGroup)}
    assert (groups[one.group_id], groups[two.group_id]) == ("一组", "二组")
    people = {(p.masked_name, p.relation_to_head): p for p in await rows_of(system, Resident)}
    wang, boy, li = people["王*山", "HEAD"], people["王*山", "CHILD"], people["李*光", "HEAD"]
    assert (one.head_resident_id, two.head_resident_id) == (wang.id, li.id)
    assert (boy.household_id, boy.sex, boy.adult_on, boy.unit_id) == (
        one.id,
        "M",
        date(2028, 11, 6),
        world.id(A),
    )
    assert (li.provisional, li.birth_year, li.sex, li.id_type, li.masked_phone) == (
        True,
        1970,
        "M",
        "NONE",
        "035*****4567",
    )
    secrets = {s.resident_id: s for s in await rows_of(system, PersonSecret)}
    assert unseal(system.keys, "birth_date_enc", li.id, secrets[li.id].birth_date_enc) == "1970-02-03"
    assert unseal(system.keys, "id_number_enc", boy.id, secrets[boy.id].id_number_enc) == "990428201011060016"
    audit = (await state())["audit"]
    assert len(audit) == len(before["audit"]) + 1
    assert audit[-1][:3] == ("core.people.import", "OK", None)
    async with system.db.transaction("*") as session:
        changes = await session.scalar(
            sa.text("select changes from core.audit_entry where action = 'core.people.import'")
        )
    counts = {c["entity"]: c["values"] for c in changes if c["values"] and "count" in c["values"]}
    assert (counts["Household"]["count"], counts["Resident"]["count"]) == (2, 3)
    assert len(counts["Resident"]["sha256"]) == 64


async def test_the_same_file_again_changes_nothing(load: Any, state: Any) -> None:
    content = csv(WANG, BOY, LI)
    await load(content)
    before = await state()
    result = await load(content)
    assert (result.unchanged, result.residents_created, result.households_created) == (3, 0, 0)
    assert result.errors == []
    assert tables(await state()) == tables(before)


async def test_the_same_key_again_is_a_replay(load: Any, state: Any) -> None:
    key = uuid4()
    first = await load(csv(WANG, BOY), key=key)
    before = await state()
    again = await load(csv(WANG, BOY), key=key)
    assert again.replayed
    assert (again.residents_created, again.rows) == (first.residents_created, 2)
    assert await state() == before


async def test_new_people_join_households_on_record(load: Any, system: Context) -> None:
    await load(csv(WANG))
    result = await load(csv(WANG, BOY, LI))
    assert (result.unchanged, result.households_created, result.residents_created) == (1, 1, 2)
    one = (await rows_of(system, Household, Household.household_no))[0]
    assert (one.member_count, one.version) == (2, 2)


async def test_a_dry_run_tells_and_writes_nothing(load: Any, state: Any) -> None:
    before = await state()
    result = await load(csv(WANG, BOY, ("003", *LI[1:3], "李四光", "户主", "1", *LI[6:])), dry_run=True)
    assert (result.households_created, result.residents_created, result.written) == (1, 2, False)
    assert told(result) == [(4, "身份证号", "LENGTH")]
    after = await state()
    assert tables(after) == tables(before)
    assert len(after["audit"]) == len(before["audit"]) + 1


BAD = [
    (("001", "", "", "王大山", "户主", "990428198512310024", "", "", "", ""), "身份证号", "CHECKSUM"),
    (("001", "", "", "王大山", "户主", "990428195002290014", "", "", "", ""), "身份证号", "BIRTH_DATE"),
    (("001", "", "", "王大山", "户主", "99042819851231002", "", "", "", ""), "身份证号", "LENGTH"),
    (("001", "", "", "王大山", "户主", "990428198512310023", "123", "", "", ""), "电话", "PHONE"),
    (("001", "", "", "王大山", "户主", "", "", "2026-02-29", "", ""), "出生日期", "DATE"),
    (("001", "", "", "王大山", "户主", "", "", "", "", ""), "出生日期", "REQUIRED"),
    (("001", "", "", "王大山", "户主", "990428198512310023", "", "", "男", ""), "性别", "DIFFERS_FROM_ID"),
    (("001", "", "", "王大山", "户主", "990428198512310023", "", "", "x", ""), "性别", "UNKNOWN_VALUE"),
    (("001", "", "富农", "王大山", "户主", "990428198512310023", "", "", "", ""), "户类型", "UNKNOWN_VALUE"),
    (("001", "", "", "王", "户主", "990428198512310023", "", "", "", ""), "姓名", "NAME"),
    (("", "", "", "王大山", "户主", "990428198512310023", "", "", "", ""), "户编号", "REQUIRED"),
    (("001", "", "", "王大山", "", "990428198512310023", "", "", "", ""), "与户主关系", "REQUIRED"),
    (("001", "", "", "王大山", "配偶", "990428198512310023", "", "", "", ""), "与户主关系", "HEAD_MISSING"),
    (
        ("001", "", "", "王大山", "户主", "9.90428E+17", "", "", "", ""),
        "身份证号",
        "spreadsheet.precision_lost",
    ),
]


@pytest.mark.parametrize(("row", "column", "reason"), BAD)
async def test_a_bad_row_stops_everything(
    load: Any, state: Any, row: tuple[str, ...], column: str, reason: str
) -> None:
    before = await state()
    result = await load(csv(row, LI))
    assert told(result) == [(2, column, reason)]
    assert not result.written
    assert "9904281985" not in "".join(e.message_zh + e.message_en for e in result.errors)
    after = await state()
    assert tables(after) == tables(before)
    assert [a[:3] for a in after["audit"][len(before["audit"]) :]] == [
        ("core.people.import", "DENIED", "VALIDATION_FAILED")
    ]


@pytest.mark.parametrize(("row", "column", "reason"), BAD)
async def test_skip_bad_leaves_the_bad_row_out(
    load: Any, system: Context, row: tuple[str, ...], column: str, reason: str
) -> None:
    result = await load(csv(row, LI), skip_bad=True)
    assert told(result) == [(2, column, reason)]
    assert result.written
    assert (result.rows, result.households_created, result.residents_created) == (2, 1, 1)
    assert [h.household_no for h in await rows_of(system, Household)] == ["002"]


@pytest.mark.parametrize(
    ("rows", "errors"),
    [
        ([WANG, WANG], [(3, "身份证号", "TWICE")]),
        ([WANG, ("009", *WANG[1:])], [(3, "身份证号", "TWICE")]),
        ([LI, LI], [(3, "姓名", "TWICE")]),
        ([WANG, ("001", "", "", "王二山", "户主", "990428200811220036", "", "", "", "")],
         [(2, "户编号", "HOUSEHOLD_REFUSED"), (3, "与户主关系", "HEAD_TWICE")]),
        ([WANG, ("001", "二组", *BOY[2:])], [(3, "村民小组", "HOUSEHOLD_DIFFERS")]),
        ([("001", "", "", "王小山", "户主", BOY[5], "", "", "", ""), ("001", "", "", "王大山", "母亲", WANG[5], "", "", "", "")],
         [(2, "与户主关系", "HEAD_NOT_ADULT"), (3, "户编号", "HOUSEHOLD_REFUSED")]),
    ],
)  # fmt: skip
async def test_rows_must_fit_together(
    load: Any, state: Any, rows: list[tuple[str, ...]], errors: list[tuple[int, str, str]]
) -> None:
    before = await state()
    assert told(await load(csv(*rows))) == errors
    assert tables(await state()) == tables(before)


async def test_rows_must_fit_what_is_on_record(load: Any, state: Any, world: World, run: Any) -> None:
    await load(csv(WANG, BOY, LI))
    grown = ("002", "", "", "李二光", "户主", "990428200811220036", "", "", "", "")
    before = await state()
    moved = csv(("002", *WANG[1:4], "配偶", *WANG[5:]))
    renamed = csv(WANG, ("001", "", "", "王中山", *BOY[4:]))
    other_head = csv(grown)
    other_village = csv(WANG)
    assert [(line, reason) for line, _, reason in told(await load(moved))] == [(2, "DUPLICATE_RECORD")]
    assert told(await load(renamed)) == [(3, "姓名", "NAME_DIFFERS")]
    assert told(await load(other_head)) == [(2, "与户主关系", "HEAD_DIFFERS")]
    elsewhere = await load(other_village, village=B)
    assert told(elsewhere) == [(2, "身份证号", "DUPLICATE_RECORD")]
    assert "001" not in elsewhere.errors[0].message_zh
    assert tables(await state()) == tables(before)


async def test_an_ended_household_takes_nobody(
    load: Any, run: Any, system: Context, state: Any, world: World
) -> None:
    await load(csv(LI))
    (household,) = await rows_of(system, Household)
    await run(
        world.system(), service.move_out, household_id=household.id, expected_version=1,
        moved_on=date(2026, 11, 23), reason="迁出",
    )  # fmt: skip
    before = await state()
    son = ("002", "", "", "李小光", "子", "990428200811220036", "", "", "", "")
    assert told(await load(csv(son))) == [(2, "户编号", "HOUSEHOLD_ENDED")]
    assert tables(await state()) == tables(before)


async def test_nobody_adds_to_their_own_household(
    load: Any, system: Context, world: World, state: Any
) -> None:
    await load(csv(WANG))
    (wang,) = await rows_of(system, Resident)
    director = await world.caller(("VC_DIRECTOR", A), resident_id=wang.id, household_id=wang.household_id)
    assert told(await load(csv(WANG), director)) == []
    before = await state()
    assert told(await load(csv(WANG, BOY), director)) == [
        (2, "户编号", "HOUSEHOLD_REFUSED"), (3, "户编号", "CONFLICT_OF_INTEREST"),
    ]  # fmt: skip
    assert tables(await state()) == tables(before)


async def test_honours_come_with_their_certificates(load: Any, system: Context) -> None:
    headings = (
        *HEADINGS,
        "退役军人证号",
        "退役军人证有效期至",
        "道德模范证号",
        "道德模范证有效期至",
        "道德模范证发证单位",
    )
    content = csv((*WANG, "退证001", "2030-12-31", "德2025-7", "长期", "县文明办"), headings=headings)
    assert (await load(content)).errors == []
    veteran, moral = sorted(await rows_of(system, HouseholdHonour), key=lambda h: h.honour, reverse=True)
    assert (veteran.honour, veteran.certificate_no, veteran.valid_to) == (
        "VETERAN",
        "退证001",
        date(2031, 1, 1),
    )
    assert (moral.honour, moral.valid_to, moral.issuer) == ("MORAL_MODEL", None, "县文明办")
    assert (await load(content)).unchanged == 1
    assert len(await rows_of(system, HouseholdHonour)) == 2
    late = csv((*WANG, "退证001", "2026-11-22", "", "2030-01-01", ""), headings=headings)
    assert told(await load(late)) == [(2, "退役军人证有效期至", "EXPIRED"), (2, "道德模范证号", "REQUIRED")]


async def test_a_file_that_is_none(load: Any, state: Any) -> None:
    before = await state()
    for content, name in ((b"\xd0\xcf\x11\xe0old", "old.xls"), (b"a,b\n1,2\n", "x.csv")):
        for skip_bad in (False, True):
            with pytest.raises(ValidationFailed):
                await load(content, name=name, skip_bad=skip_bad)
    after = await state()
    assert tables(after) == tables(before)
    assert [a[:2] for a in after["audit"][len(before["audit"]) :]] == [("core.people.import", "DENIED")] * 4


async def test_excel_is_read_from_a_path(load: Any, world: World, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (("某村农户登记表",), HEADINGS, WANG, BOY):
        book.active.append(row)
    path = tmp_path / "register.xlsx"
    book.save(path)
    steps: list[tuple[int, int]] = []
    result = await import_people(
        world.system(), world.id(A), path, path.name, dry_run=False, skip_bad=False, key=uuid4(),
        progress=lambda done, total: steps.append((done, total)),
    )  # fmt: skip
    assert (result.residents_created, result.errors) == (2, [])
    assert steps == [(2, 4), (4, 4)]


async def test_who_may_import(load: Any, world: World, state: Any) -> None:
    callers = [await world.caller((role, unit)) for role, unit in (("CLERK", B), ("VC_MEMBER", A))]
    before = await state()
    for caller in callers:
        for dry_run in (False, True):
            with pytest.raises(BusinessError) as caught:
                await load(csv(WANG), caller, dry_run=dry_run)
            assert str(caught.value.code) == "FORBIDDEN"
    assert tables(await state()) == tables(before)
    assert (await load(csv(WANG), await world.caller(("CLERK", A)))).residents_created == 1


async def test_three_thousand_people_in_a_few_seconds(load: Any, citizen: Any, system: Context) -> None:
    rows = []
    for n in range(3000):
        no, place = f"{n // 4 + 1:04}", n % 4
        relation = ("户主", "配偶", "长子", "长女")[place]
        year = (1970, 1972, 2001, 2005)[place]
        number = citizen(year, 1 + n // 4 % 12, 1 + n // 48 % 28, 1 + n // 1344)
        surname, given = "赵钱孙李周吴郑王"[n // 4 % 8], "一二三四五六七八九十"[n % 10]
        rows.append(
            (
                no,
                f"{n // 500 + 1}组",
                "农户",
                f"{surname}小{given}",
                relation,
                number,
                "13800000000",
                "",
                "",
                "",
            )
        )
    started = time.monotonic()
    result = await load(csv(*rows))
    took = time.monotonic() - started
    assert result.errors == []
    assert (result.households_created, result.residents_created) == (750, 3000)
    assert took < 15, took
    again = await load(csv(*rows))
    assert (again.unchanged, again.residents_created) == (3000, 0)
    async with system.db.transaction("*") as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(PersonSecret)) == 3000
        headless = (
            sa.select(sa.func.count()).select_from(Household).where(Household.head_resident_id.is_(None))
        )
        assert await session.scalar(headless) == 0


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def test_a_small_file_through_the_api(run: Any, refused: Any, world: World, state: Any) -> None:
    clerk = await world.caller(("CLERK", A))
    op = importing.import_people_content
    base = {"village_id": world.id(A), "file_name": "people.csv"}
    bad = {**base, "content_base64": encoded(csv(WANG, (*LI[:5], "1", *LI[6:])))}
    error = await refused(clerk, op, "VALIDATION_FAILED", **bad)
    assert [(f.path, f.reason) for f in error.fields] == [("line:3:身份证号", "LENGTH")]
    error = await refused(clerk, op, "VALIDATION_FAILED", **base, content_base64="nonsense!")
    assert [f.reason for f in error.fields] == ["BASE64"]
    error = await refused(
        clerk, op, "VALIDATION_FAILED", **{**base, "file_name": "x.xls"}, content_base64=encoded(b"x")
    )
    assert [f.path for f in error.fields] == ["file"]
    await refused(await world.caller(("CLERK", B)), op, "FORBIDDEN", **bad)
    tried = await run(clerk, op, **bad, dry_run=True)
    assert (tried.output.written, tried.output.error_count, tried.output.residents_created) == (False, 1, 1)
    key = uuid4()
    done = await run(clerk, op, key=key, outputs=PeopleImported, **bad, skip_bad=True)
    assert (done.output.written, done.output.residents_created, len(done.output.errors)) == (True, 1, 1)
    before = await state()
    again = await run(clerk, op, key=key, outputs=PeopleImported, **bad, skip_bad=True)
    assert again.replayed
    assert again.output == done.output
    assert await state() == before


async def test_row_errors_through_the_api_are_bounded(refused: Any, run: Any, world: World) -> None:
    clerk = await world.caller(("CLERK", A))
    rows = [(f"{n:03}", "", "", "王大山", "户主", "1", "", "", "", "") for n in range(300)]
    ask = {"village_id": world.id(A), "file_name": "p.csv", "content_base64": encoded(csv(*rows))}
    error = await refused(clerk, importing.import_people_content, "VALIDATION_FAILED", **ask)
    assert len(error.fields) == 200
    tried = await run(clerk, importing.import_people_content, **ask, dry_run=True)
    assert (tried.output.error_count, len(tried.output.errors)) == (300, 200)
