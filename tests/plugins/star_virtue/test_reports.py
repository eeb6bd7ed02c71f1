"""Reports asked for and made as in production: the operation, the worker's job, the file."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import openpyxl
import pypdf
import pytest

from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform.models import Report
from sanzhi_core.platform.reports import request_report
from sanzhi_core.testing.world import World
from sanzhi_star_virtue.reports.facts import names_of
from sanzhi_star_virtue.service import awards, council, publicity, revote
from sanzhi_star_virtue.service.revote import StarRevoteCount

STARS = tuple(f"S{n:02d}" for n in range(1, 11))
VILLAGE, COUNTY = "990428101201", "990428000000"
SUMMARY, POSTER, ROLL = (f"star_virtue.cycle.{k}" for k in ("summary", "poster", "honour_roll"))
PHONE = {"objectionPhone": "0355-0000000"}


class Desk:
    """Asks for reports of one cycle and reads what the worker made."""

    def __init__(self, course: Any) -> None:
        self.course = course

    def given(self, kind: str, format: str, **parameters: Any) -> dict[str, Any]:
        body = {"cycleId": f"StarCycle_{self.course.cycle_id}", **parameters}
        language = body.pop("language", "zh-CN")
        return {"kind": kind, "format": format, "language": language, "parameters_json": json.dumps(body)}

    async def make(self, kind: str, format: str, **parameters: Any) -> tuple[Report, bytes]:
        course = self.course
        made = await course.village.do(
            course.village.secretary, request_report, **self.given(kind, format, **parameters)
        )
        await course.work_off()
        row = await course.village.get(Report, made.ref.id)
        assert (row.state, row.plugin) == ("DONE", "star_virtue")
        path: Path = course.system.platform.report_dir / row.storage_path
        return row, path.read_bytes()

    async def refused(self, code: str, kind: str, format: str, who: Any = None, **parameters: Any) -> Any:
        village = self.course.village
        return await village.refused(
            code, who or village.secretary, request_report, **self.given(kind, format, **parameters)
        )


@pytest.fixture
async def desk(village: Any, course_of: Any, system: Any, tmp_path: Path) -> Desk:
    """Published on 2026-12-07: four households with 10, 6, 1 and 0 stars, a fifth without a form."""
    system.platform.report_dir = tmp_path
    await village.add_homes(3)
    claims = {home.no: STARS[:n] for home, n in zip(village.homes, (10, 6, 1, 0), strict=False)}
    course = await course_of(claims)
    await course.review({no: stars for no, stars in claims.items() if stars})
    course.at(2026, 12, 7, 9)
    await course.step(publicity.open_publicity)
    return Desk(course)


async def awarded(desk: Desk) -> Desk:
    course = desk.course
    course.at(2026, 12, 15, 9)
    await course.step(publicity.confirm_cycle)
    meeting = await course.village.meeting(await course.cycle(), kind="AWARD")
    await course.step(awards.award_cycle, meeting_id=meeting)
    return desk


def pdf_text(content: bytes) -> str:
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


async def test_summary_as_workbook_and_as_json_show_the_same(desk: Desk) -> None:
    await awarded(desk)
    as_json, content = await desk.make(SUMMARY, "JSON")
    body = json.loads(content)
    assert body["figures"] == as_json.figures
    assert body["figures"] == {
        "basis": "OFFICIAL", "N": 5, "A": 4, "R": 3, "R6": 2,
        "T1": {"num": 4, "den": 5, "percent": "80.00", "status": "NOT_REACHED", "target": [9, 10], "soft": False},
        "T2": {"num": 3, "den": 5, "percent": "60.00", "status": "REACHED", "target": [2, 5], "soft": True},
        "T3": {"num": 2, "den": 3, "percent": "66.67", "status": "REACHED", "target": [3, 5], "soft": False},
        "distribution": [1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1],
        "perStar": {"S01": 3, **dict.fromkeys(STARS[1:6], 2), **dict.fromkeys(STARS[6:], 1)},
        "objections": {},
    }  # fmt: skip
    assert (body["villageCode"], body["year"], body["formulaVersion"]) == (VILLAGE, 2026, "star-2022.1")
    as_xlsx, content = await desk.make(SUMMARY, "XLSX")
    assert as_xlsx.figures == as_json.figures
    assert as_xlsx.file_name == "star-summary-990428101201-2026.xlsx"
    book = openpyxl.load_workbook(io.BytesIO(content))
    rows = {r[0]: r[1:] for r in book["汇总"].iter_rows(values_only=True)}
    assert [rows[k][0] for k in ("N 农户总数", "A 有效自评户", "R 获评户", "R6 六星级及以上户")] == [
        5,
        4,
        3,
        2,
    ]
    assert rows["T1 参评率"] == ("4/5", "80.00%", "9/10", "未达标")
    assert rows["T3 六星级以上占比"] == ("2/3", "66.67%", "3/5", "达标")
    assert [r[1] for r in book["星数分布"].iter_rows(min_row=2, values_only=True)] == body["figures"][
        "distribution"
    ]
    assert {r[0]: r[2] for r in book["各星户数"].iter_rows(min_row=2, values_only=True)} == body["figures"][
        "perStar"
    ]


async def test_the_same_parameters_give_the_same_bytes(desk: Desk) -> None:
    await awarded(desk)
    for kind, format, more in (
        (SUMMARY, "JSON", {}),
        (SUMMARY, "XLSX", {}),
        (POSTER, "HTML", PHONE),
        (ROLL, "PDF", {}),
    ):
        first, one = await desk.make(kind, format, **more)
        second, two = await desk.make(kind, format, **more)
        assert one == two
        assert (first.sha256, first.figures) == (second.sha256, second.figures)


async def test_before_publicity_only_participation_is_reported(
    village: Any, course_of: Any, system: Any, tmp_path: Path
) -> None:
    system.platform.report_dir = tmp_path
    desk = Desk(await course_of({village.homes[0].no: STARS}))
    row, content = await desk.make(SUMMARY, "JSON")
    assert row.figures["basis"] == "RUNNING"
    assert row.figures["T1"]["percent"] == "50.00"
    assert row.figures["R"] is row.figures["T2"]["status"] is row.figures["distribution"] is None
    _, content = await desk.make(SUMMARY, "XLSX", language="en")
    assert openpyxl.load_workbook(io.BytesIO(content)).sheetnames == ["Summary", "Objections"]
    for kind, format, more in ((POSTER, "PDF", PHONE), (ROLL, "PDF", {})):
        await desk.refused("INVALID_TRANSITION", kind, format, **more)


async def test_the_public_notice(desk: Desk) -> None:
    row, content = await desk.make(POSTER, "PDF", **PHONE, docNumber="东坪示〔2026〕3号")
    assert content.startswith(b"%PDF-")
    text = pdf_text(content)
    as_html, html = await desk.make(POSTER, "HTML", **PHONE, docNumber="东坪示〔2026〕3号")
    page = html.decode()
    assert row.figures == as_html.figures
    assert row.figures["basis"] == "PROVISIONAL"
    for part in (
        "东坪村村民委员会",
        "0355-0000000",
        "东坪示〔2026〕3号",
        "2026年12月14日24时",
        "5个工作日",
        "村委会便民服务室",
    ):
        assert part in page
        assert part in text.replace("\n", "")
    assert "全村5户农户中有4户参评，3户获评，其中六星级及以上2户" in page
    shown = [home.no for home in desk.course.village.homes if home.no in page]
    assert shown == [
        home.no for home in desk.course.village.homes[:3]
    ]  # no household without a star is named
    assert "张*" in page
    assert "卫生健康星" in page


async def test_the_notice_of_changed_ratings(desk: Desk) -> None:
    course, village = desk.course, desk.course.village
    await desk.refused("INVALID_TRANSITION", POSTER, "HTML", **PHONE, republication=True)
    first, second, *_ = village.homes
    objector = await village.head(first, "RESIDENT")
    row = await course.object(objector, second, star_code="S02")
    councillor = await village.head(village.members[3], "MORAL_COUNCIL")
    row = await course.handle(row, councillor, council.take_up_objection)
    present = [m.head for m in village.members[3:6]]
    row = await course.handle(
        row,
        councillor,
        council.decide_objection,
        decision="UPHELD",
        reason="经核实，情况属实",
        present_ids=present,
        yes=3,
    )
    course.at(2026, 12, 9, 9)
    meeting = await village.meeting(await course.cycle(), kind="REVOTE")
    await course.handle(
        row,
        village.secretary,
        revote.revote_objection,
        meeting_id=meeting,
        votes=[StarRevoteCount(star="S02", yes=0)],
    )
    made, html = await desk.make(POSTER, "HTML", **PHONE, republication=True)
    page = html.decode()
    assert "结果变更公示" in page
    assert "2026年12月14日24时" in page  # three working days after 12-09
    assert second.no in page
    assert first.no not in page
    assert (made.figures["R6"], made.figures["objections"]) == (1, {"UPHELD": 1})


async def test_the_roll_of_honour(desk: Desk) -> None:
    await desk.refused("INVALID_TRANSITION", ROLL, "PDF")
    await awarded(desk)
    as_pdf, content = await desk.make(ROLL, "PDF")
    as_html, html = await desk.make(ROLL, "HTML", language="en")
    assert as_pdf.figures == as_html.figures
    assert (as_pdf.figures["listed"], as_pdf.figures["listedByStars"]) == (2, {"10": 1, "6": 1})
    text = pdf_text(content)
    assert "全村2户被评为六星级及以上文明户" in text.replace("\n", "")
    assert "★★★★★★★★★★" in text
    page = html.decode()
    assert "2 households hold six stars and more" in page
    assert page.count("★★★★★★") == 2
    assert not [
        h.no for h in desk.course.village.homes if h.no in page
    ]  # name, group and stars, nothing else


async def test_who_may_make_them_and_with_what(desk: Desk, world: World) -> None:
    await desk.refused("FORBIDDEN", SUMMARY, "JSON", await world.caller(("RESIDENT", VILLAGE)))
    elsewhere = await world.caller(("PARTY_SECRETARY", "990428101202"))
    await desk.refused("FORBIDDEN", SUMMARY, "JSON", elsewhere)
    for kind, format, more in (
        (SUMMARY, "PDF", {}),
        (POSTER, "XLSX", PHONE),
        (POSTER, "PDF", {}),
        (POSTER, "PDF", {"objectionPhone": "明天打来"}),
        (SUMMARY, "JSON", {"colour": "red"}),
        (SUMMARY, "JSON", {"cycleId": "StarCycle_x"}),
        ("star_virtue.cycle.nothing", "JSON", {}),
    ):
        await desk.refused("VALIDATION_FAILED", kind, format, **more)
    await desk.refused("NOT_FOUND", SUMMARY, "JSON", cycleId=f"StarCycle_{uuid4()}")


@pytest.mark.parametrize(
    ("name", "village", "committee"),
    [
        ("东坪村", "东坪村", "东坪村村民委员会"),
        ("东坪村委会", "东坪村", "东坪村村民委员会"),
        ("东坪村村委会", "东坪村", "东坪村村民委员会"),
        ("东坪村民委员会", "东坪村", "东坪村村民委员会"),
        ("太行西街社区居委会", "太行西街社区", "太行西街社区居民委员会"),
        ("东街居民委员会", "东街社区", "东街社区居民委员会"),
        ("景家庄社区", "景家庄社区", "景家庄社区居民委员会"),
    ],
)
def test_names_in_print(name: str, village: str, committee: str) -> None:
    found = names_of(OrgUnit(name=name))
    assert (found.village, found.committee) == (village, committee)
