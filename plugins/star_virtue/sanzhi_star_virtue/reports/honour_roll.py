"""星级光荣榜: households with six stars and more, as they hang and as anybody reads them online."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa

from sanzhi_core.platform.hookspecs import ReportFile, ReportSpec
from sanzhi_core.platform.work import Work
from sanzhi_core.render import Document, Language, Section, Table, to_html, to_pdf
from sanzhi_star_virtue.models import HonourRollItem
from sanzhi_star_virtue.permissions import REPORT_READ
from sanzhi_star_virtue.reports.facts import (
    FORMULA_VERSION,
    CycleFacts,
    CycleReport,
    cycle_of,
    file_name,
    names_of,
    printed_on,
    qr_text,
    read_cycle,
    require_state,
)
from sanzhi_star_virtue.rules.cycle import CycleState

_S = CycleState


async def unit_of(work: Work, parameters: CycleReport) -> UUID:
    """The village; INVALID_TRANSITION before the award."""
    cycle = await cycle_of(work, parameters.cycle_id)
    require_state(cycle, "HONOUR_ROLL", _S.AWARDED, _S.CLOSED)
    return cycle.unit_id


async def _items(work: Work, cycle_id: UUID) -> list[HonourRollItem]:
    rows = await work.session.scalars(
        sa.select(HonourRollItem)
        .where(HonourRollItem.cycle_id == cycle_id)
        .order_by(
            HonourRollItem.star_count.desc(),
            HonourRollItem.group_name.nulls_last(),
            HonourRollItem.head_masked_name,
            HonourRollItem.id,
        )
    )
    return list(rows)


def _figures(facts: CycleFacts, items: list[HonourRollItem]) -> dict[str, Any]:
    listed: dict[str, int] = {}
    for item in items:
        listed[str(item.star_count)] = listed.get(str(item.star_count), 0) + 1
    return {**facts.figures(), "listed": len(items), "listedByStars": listed}


def _document(facts: CycleFacts, items: list[HonourRollItem], language: Language) -> Document:
    zh, names, year = language == "zh-CN", names_of(facts.village), facts.cycle.year
    rows = tuple(
        (i.head_masked_name or "", i.group_name or "", "★" * i.star_count, i.change_mark) for i in items
    )
    digest = facts.content_hash([list(row) for row in rows])
    title = "星级光荣榜" if zh else "Roll of honour"
    columns = ("户主", "组别", "星数", "增减") if zh else ("Head", "Group", "Stars", "Change")
    intro = (
        f"{year}年度，全村{len(items)}户被评为六星级及以上文明户，特此张榜表扬。"
        if zh
        else f"In {year}, {len(items)} households hold six stars and more."
    )
    return Document(
        title=title,
        subtitle=f"{names.village} {year}年度" if zh else f"{names.village} {year}",
        issued_on=printed_on(facts),
        org_name=facts.town.name if facts.town else "",
        sections=(
            Section(
                paragraphs=(intro,),
                table=Table(columns, rows, align=("start", "center", "start", "center"), row_header=0),
            ),
        ),
        notes=(
            (
                "只公布户主姓名(隐去部分文字)、组别和星数。"
                if zh
                else "Only the head's masked name, the group and the number of stars are published."
            ),
        ),
        issuer=names.committee,
        seal=True,
        qr_text=qr_text(facts, title, digest),
        qr_caption="扫码可见榜单编号和校验值" if zh else "The code shows the id and the hash of this roll",
        content_hash=digest,
        language=language,
        large_type=True,
    )


async def make(work: Work, parameters: CycleReport, format: str, language: str) -> ReportFile:
    """PDF in large type, or HTML; both show `ReportFile.figures`."""
    facts = await read_cycle(work, parameters.cycle_id)
    items = await _items(work, parameters.cycle_id)
    document, figures = _document(facts, items, cast(Language, language)), _figures(facts, items)
    if format == "HTML":
        content = await asyncio.to_thread(to_html, document)
        return ReportFile(
            content, "text/html; charset=utf-8", file_name(facts, "honour-roll", "html"), figures
        )
    content = await asyncio.to_thread(to_pdf, document)
    return ReportFile(content, "application/pdf", file_name(facts, "honour-roll", "pdf"), figures)


SPEC: Final = ReportSpec(
    kind="star_virtue.cycle.honour_roll",
    title_zh="星级光荣榜",
    title_en="Roll of honour",
    permission=REPORT_READ,
    formats=("PDF", "HTML"),
    parameters=CycleReport,
    formula_version=FORMULA_VERSION,
    make=make,
    unit_of=unit_of,
)
