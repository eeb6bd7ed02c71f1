"""Summary of a cycle: N, A, R, R6, T1–T3, stars 0–10, per star, objections; as workbook and as JSON."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from sanzhi_core.platform.hookspecs import ReportFile, ReportSpec
from sanzhi_core.platform.work import Work
from sanzhi_core.render import Sheet, SheetCell, to_json, to_xlsx
from sanzhi_star_virtue.permissions import REPORT_READ
from sanzhi_star_virtue.reports.facts import (
    FORMULA_VERSION,
    CycleFacts,
    CycleReport,
    file_name,
    read_cycle,
    unit_of,
)

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_STATUS: Final = {
    "REACHED": ("达标", "reached"),
    "NOT_REACHED": ("未达标", "not reached"),
    "NOT_APPLICABLE": ("不适用", "not applicable"),
}
_TITLES: Final = {
    "T1": ("参评率", "Participation"),
    "T2": ("星级评定率", "Rated households"),
    "T3": ("六星级以上占比", "Six stars and more"),
}
_OBJECTION: Final = {
    "OPEN": ("待受理", "open"),
    "INVESTIGATING": ("办理中", "being looked into"),
    "UPHELD": ("成立", "upheld"),
    "PARTLY_UPHELD": ("部分成立", "partly upheld"),
    "REJECTED": ("不成立", "rejected"),
    "WITHDRAWN": ("已撤回", "withdrawn"),
}
_BASIS: Final = {
    "OFFICIAL": ("审定数", "official"),
    "PROVISIONAL": ("公示数", "provisional"),
    "RUNNING": ("进行中", "running"),
}


def _document(facts: CycleFacts) -> dict[str, Any]:
    cycle = facts.cycle
    return {
        "kind": SPEC.kind,
        "formulaVersion": FORMULA_VERSION,
        "cycleId": f"StarCycle_{cycle.id}",
        "villageCode": cycle.org_code_at_time,
        "villageName": facts.village.name,
        "year": cycle.year,
        "state": cycle.state,
        "definitionVersion": cycle.definition_version,
        "snapshotDate": cycle.snapshot_date,
        "confirmedAt": cycle.confirmed_at,
        "t2Reason": cycle.t2_reason,
        "figures": facts.figures(),
    }


def _sheets(facts: CycleFacts, zh: bool) -> list[Sheet]:
    at = 0 if zh else 1
    cycle, figures = facts.cycle, facts.figures()

    def say(pair: tuple[str, str]) -> str:
        return pair[at]

    overview: list[tuple[SheetCell, ...]] = [
        (say(("村", "Village")), facts.village.name, None, None, None),
        (say(("区划代码", "Code")), cycle.org_code_at_time, None, None, None),
        (say(("年度", "Year")), cycle.year, None, None, None),
        (say(("数据口径", "Basis")), say(_BASIS[figures["basis"]]), None, None, None),
        (say(("快照日", "Snapshot")), cycle.snapshot_date, None, None, None),
        (say(("N 农户总数", "N households")), figures["N"], None, None, None),
        (say(("A 有效自评户", "A valid self-ratings")), figures["A"], None, None, None),
        (say(("R 获评户", "R titled households")), figures["R"], None, None, None),
        (say(("R6 六星级及以上户", "R6 six stars and more")), figures["R6"], None, None, None),
    ]
    for key, title in _TITLES.items():
        figure = figures[key]
        if figure["status"] is None:
            overview.append((f"{key} {say(title)}", None, None, None, None))
            continue
        percent = f"{figure['percent']}%" if figure["percent"] is not None else "—"
        target = f"{figure['target'][0]}/{figure['target'][1]}"
        overview.append(
            (
                f"{key} {say(title)}",
                f"{figure['num']}/{figure['den']}",
                percent,
                target,
                say(_STATUS[figure["status"]]),
            )
        )
    if cycle.t2_reason:
        overview.append((say(("T2 未达标理由", "Reason for T2")), cycle.t2_reason, None, None, None))
    columns = (
        ("项目", "数值", "百分比", "目标", "是否达标")
        if zh
        else ("Item", "Value", "Percent", "Target", "Status")
    )
    sheets = [Sheet(say(("汇总", "Summary")), columns, overview)]
    if facts.counts.reviewed:
        sheets.append(
            Sheet(
                say(("星数分布", "Stars")),
                ("星数", "户数") if zh else ("Stars", "Households"),
                list(enumerate(facts.counts.distribution)),
            )
        )
        sheets.append(
            Sheet(
                say(("各星户数", "Per star")),
                ("代码", "名称", "户数") if zh else ("Code", "Meaning", "Households"),
                [
                    (s.code, s.name if zh else s.meaning_en, facts.counts.per_star[s.code])
                    for s in facts.stars
                ],
            )
        )
    sheets.append(
        Sheet(
            say(("异议", "Objections")),
            ("状态", "件数") if zh else ("State", "Number"),
            [(say(text), facts.objections.get(state, 0)) for state, text in _OBJECTION.items()],
        )
    )
    return sheets


async def make(work: Work, parameters: CycleReport, format: str, language: str) -> ReportFile:
    """XLSX or JSON; both show `ReportFile.figures`."""
    facts = await read_cycle(work, parameters.cycle_id)
    figures = facts.figures()
    if format == "JSON":
        content = to_json(_document(facts))
        return ReportFile(content, "application/json", file_name(facts, "star-summary", "json"), figures)
    sheets = _sheets(facts, language != "en")
    content = await asyncio.to_thread(to_xlsx, sheets, created_at=work.now)
    return ReportFile(content, XLSX, file_name(facts, "star-summary", "xlsx"), figures)


SPEC: Final = ReportSpec(
    kind="star_virtue.cycle.summary",
    title_zh="评星汇总表",
    title_en="Summary of a star cycle",
    permission=REPORT_READ,
    formats=("XLSX", "JSON"),
    parameters=CycleReport,
    formula_version=FORMULA_VERSION,
    make=make,
    unit_of=unit_of,
)
