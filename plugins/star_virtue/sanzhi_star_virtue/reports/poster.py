"""张榜公示: the ratings as they hang on the village notice board, and the changed ones published again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.clock import local_date
from sanzhi_core.kit.refusals import InvalidTransition
from sanzhi_core.platform.calendar import work_calendar
from sanzhi_core.platform.hookspecs import ReportFile, ReportSpec
from sanzhi_core.platform.work import Work
from sanzhi_core.render import (
    Document,
    Items,
    Language,
    ObjectionWays,
    Poster,
    Table,
    poster_document,
    to_html,
    to_pdf,
)
from sanzhi_star_virtue.models import Cycle, Entry
from sanzhi_star_virtue.permissions import REPORT_READ
from sanzhi_star_virtue.reports.facts import (
    FORMULA_VERSION,
    CycleFacts,
    CycleReport,
    cycle_of,
    file_name,
    names_of,
    qr_text,
    read_cycle,
    require_state,
)
from sanzhi_star_virtue.rules.cycle import CycleState
from sanzhi_star_virtue.rules.entry import PARTICIPATING
from sanzhi_star_virtue.service.cycle import business_day

_S = CycleState
_PHONE = r"^(1\d{10}|0\d{2,3}-?\d{7,8})$"


class PosterReport(CycleReport):
    """Parameters: where to object without a smartphone; `republication`: only the ratings changed by a new vote."""

    objection_phone: str = Field(pattern=_PHONE, description="异议电话 / Telephone for objections")
    objection_counter: str = Field(
        "村委会便民服务室",
        min_length=2,
        max_length=60,
        description="当面提出异议的地点 / Where to object in person",
    )
    doc_number: str = Field("", max_length=60, description="文号 / Document number")
    republication: bool = Field(
        False, description="只张贴变更后再次公示的农户 / Only changed ratings published again"
    )


@dataclass(frozen=True)
class _Shown:
    """What hangs there: entries, and the window in which they do."""

    entries: tuple[Entry, ...]
    opens_at: datetime
    closes_at: datetime


async def unit_of(work: Work, parameters: PosterReport) -> UUID:
    """The village; INVALID_TRANSITION before the publicity, or when nothing is published again."""
    cycle = await cycle_of(work, parameters.cycle_id)
    require_state(cycle, "POSTER", _S.PUBLICITY, _S.CONFIRMED, _S.AWARDED, _S.CLOSED)
    if parameters.republication and not await _again(work, cycle):
        raise InvalidTransition(
            cycle.state, "POSTER", "NO_REPUBLICATION", "没有再次公示的农户", "Nothing is published again"
        )
    return cycle.unit_id


async def _again(work: Work, cycle: Cycle) -> datetime | None:
    """The end of the latest republication."""
    return await work.session.scalar(
        sa.select(sa.func.max(Entry.republicity_to)).where(Entry.cycle_id == cycle.id)
    )


async def _shown(work: Work, facts: CycleFacts, parameters: PosterReport) -> _Shown:
    """Titled households; a changed entry also without a title. Who did not take part is not named."""
    cycle = facts.cycle
    taking_part = [e for e in facts.entries if e.state in PARTICIPATING]
    if parameters.republication:
        until = await _again(work, cycle)
        entries = tuple(e for e in taking_part if e.republicity_to == until)
        opens = min(e.republicity_from for e in entries if e.republicity_from is not None)
        assert until is not None
        return _Shown(entries, opens, until)
    assert cycle.publicity_from is not None
    assert cycle.publicity_to is not None
    return _Shown(tuple(e for e in taking_part if e.title_held), cycle.publicity_from, cycle.publicity_to)


def _rows(facts: CycleFacts, shown: _Shown, zh: bool) -> tuple[tuple[Any, ...], ...]:
    names = {s.code: s.name if zh else s.code for s in facts.stars}
    return tuple(
        (
            n,
            entry.household_no,
            entry.head_masked_name or "",
            entry.group_name or "",
            f"{entry.final_count}星" if zh else str(entry.final_count),
            Items(tuple(names[code] for code in entry.final_stars)),
        )
        for n, entry in enumerate(shown.entries, start=1)
    )


def _texts(facts: CycleFacts, parameters: PosterReport, zh: bool) -> dict[str, Any]:
    year, counts = facts.cycle.year, facts.counts.figures
    if zh:
        return {
            "title": "张榜公示",
            "subtitle": f"{year}年度星级文明户评定结果"
            + ("变更" if parameters.republication else "")
            + "公示",
            "intro": (
                f"经农户自评、群众互评，本年度全村{counts.n}户农户中有{counts.a}户参评，{counts.r}户获评，"
                f"其中六星级及以上{counts.r6}户。现公示如下，请大家监督。",
            ),
            "notes": (
                "户主姓名隐去部分文字；不公布身份证号、住址和评定理由。",
                "对异议人的信息严格保密。",
                "不用手机的，可以打电话或当面提出，与网上提出同等办理。",
            ),
            "columns": ("序号", "户号", "户主", "组别", "星数", "所评的星"),
            "qr": "扫码可见公示编号和校验值",
        }
    return {
        "title": "Public notice",
        "subtitle": f"Star rating {year}: " + ("changed ratings" if parameters.republication else "results"),
        "intro": (
            f"After self-rating and peer review, {counts.a} of {counts.n} households took part; {counts.r} are rated, "
            f"{counts.r6} of them with six stars and more.",
        ),
        "notes": (
            "Names are partly masked; no ID number, address or reason is published.",
            "Who objects stays confidential.",
            "By telephone or in person counts the same as online.",
        ),
        "columns": ("No.", "Household", "Head", "Group", "Stars", "Which stars"),
        "qr": "The code shows the id and the hash of this notice",
    }  # fmt: skip


async def _document(work: Work, facts: CycleFacts, parameters: PosterReport, language: Language) -> Document:
    zh = language == "zh-CN"
    shown = await _shown(work, facts, parameters)
    rows, texts, names = _rows(facts, shown, zh), _texts(facts, parameters, zh), names_of(facts.village)
    first, last = local_date(shown.opens_at), business_day(shown.closes_at)
    digest = facts.content_hash([[*row[1:5], list(row[5].values)] for row in _rows(facts, shown, True)])
    return poster_document(
        Poster(
            title=texts["title"],
            subtitle=texts["subtitle"],
            org_name=facts.town.name if facts.town else "",
            village=names.village,
            publicity_from=first,
            publicity_to=last,
            publicity_workdays=(await work_calendar(work.session)).workdays_between(first, last),
            table=Table(
                texts["columns"],
                rows,
                align=("center", "start", "start", "center", "center", "start"),
                row_header=2,
            ),
            objections=ObjectionWays(parameters.objection_phone, parameters.objection_counter, last),
            issuer=names.committee,
            issued_on=first,
            intro=texts["intro"],
            notes=texts["notes"],
            doc_number=parameters.doc_number,
            qr_text=qr_text(facts, texts["subtitle"], digest),
            qr_caption=texts["qr"],
            content_hash=digest,
            language=language,
        )
    )


async def make(work: Work, parameters: PosterReport, format: str, language: str) -> ReportFile:
    """PDF on A3 in large type, or HTML; both show `ReportFile.figures`."""
    facts = await read_cycle(work, parameters.cycle_id)
    document = await _document(work, facts, parameters, cast(Language, language))
    kind = "star-notice-again" if parameters.republication else "star-notice"
    if format == "HTML":
        content = await asyncio.to_thread(to_html, document)
        return ReportFile(
            content, "text/html; charset=utf-8", file_name(facts, kind, "html"), facts.figures()
        )
    content = await asyncio.to_thread(to_pdf, document)
    return ReportFile(content, "application/pdf", file_name(facts, kind, "pdf"), facts.figures())


SPEC: Final = ReportSpec(
    kind="star_virtue.cycle.poster",
    title_zh="张榜公示",
    title_en="Public notice of the ratings",
    permission=REPORT_READ,
    formats=("PDF", "HTML"),
    parameters=PosterReport,
    formula_version=FORMULA_VERSION,
    make=make,
    unit_of=unit_of,
)
