"""The acts in their order, and the outcome as JSON."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from datetime import datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from sanzhi.demo import county as county_act
from sanzhi.demo import documents as doc
from sanzhi.demo import outcome, papers, rating, village
from sanzhi.demo.api import Answer, Caller
from sanzhi.demo.county import County
from sanzhi.demo.stage import DemoFailed, Stage
from sanzhi.demo.story import Story
from sanzhi.demo.village import Plot, Village
from sanzhi_core.clock import SHANGHAI

START = datetime(2026, 11, 2, 9, tzinfo=SHANGHAI)
"""A Monday. Everything after it follows from deadlines that the API answers."""

PLOTS = (
    Plot(
        "140428101200", farm=60, rated=57, online=(28, 31, 34, 37, 40, 43), veteran=33, plain=36, relative=45
    ),
    Plot("140428101201", farm=40, rated=36, online=(27, 29, 32, 34), veteran=30, plain=33, relative=35),
)
"""Two villages of one town, of the shipped divisions."""


def play(home: Path, json_path: Path | None, keep_serving: bool) -> None:
    """Run the demo in `home`; write the outcome to `json_path`. DemoFailed, always with everything stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stage, story = Stage(home), Story()
    try:
        result = _play(stage, story)
        if json_path is not None:
            json_path.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n")
        _end(stage, story, result)
        if keep_serving:
            _serve_on(stage, story)
    except DemoFailed:
        story.note(f"日志 / log: {stage.log_path}")
        raise
    finally:
        stage.close()
    if not result["audit_verified"]:
        raise DemoFailed("审计链验证失败 / the audit trail was not verified")


def _play(stage: Stage, story: Story) -> dict[str, Any]:
    story.console.print("[bold]三治 · 星级化德治试点演示[/bold]  Sanzhi: two pilot villages rate their stars")
    county, imported = _county(stage, story)
    villages = _villages(story, county)
    _self_rating(stage, story, county, villages)
    objection, made = _publicity(stage, story, villages)
    story.act("授星", "award")
    for v in villages:
        outcome.award(story, v, objection if v is villages[0] else None)
    papers.settle(county)
    outcome.read_inbox(story, villages[0])
    story.act("报表与审计", "reports and audit")
    made += [f for v in villages for f in papers.make_reports(story, v, stage.home / "files")]
    papers.settle(county)
    cycles = [outcome.final_cycle(v) for v in villages]
    sent = papers.notices_sent(county, villages)
    story.line(f"后台共发出 {sent} 条通知", f"workers have sent {sent} messages")
    papers.look_at_audit(story, county)
    verified, head = papers.verify_audit(story, stage)
    county.write_logins(stage.home / "logins.txt")
    return {
        "villages_imported": imported,
        "households": sum(int(c["countN"]) for c in cycles),
        "states": {v.plot.code: v.states for v in villages},
        **{key: _rolled_up(cycles, key) for key in ("T1", "T2", "T3")},
        "notices_sent": sent,
        "files": [str(f) for f in made],
        "audit_verified": verified,
        "audit_head": head,
        "seconds": round(story.seconds, 1),
    }


def _rolled_up(cycles: list[Answer], key: str) -> dict[str, int]:
    """Figures of several villages: numerators and denominators are summed, never percentages averaged."""
    name = key.lower()
    return {part: sum(int(c[f"{name}{part.title()}"]) for c in cycles) for part in ("num", "den")}


def _county(stage: Stage, story: Story) -> tuple[County, int]:
    story.act("县里准备", "the county gets ready")
    with story.working("内置 PostgreSQL、角色、密钥、表", "embedded PostgreSQL, roles, keys, tables"):
        stage.open()
        stage.move_clock(START)
    story.line("sanzhi init：数据库、角色、密钥、表已就绪", f"installed in {story.seconds:.1f} s")
    story.note(f"SANZHI_HOME={stage.home}")
    with story.working("导入长治市区划", "importing the divisions of Changzhi"):
        _import_divisions(stage)
    token = asyncio.run(_setup_token(stage))
    story.line(
        f"一次性安装令牌：{token[:6]}……（72 小时内有效，只用一次）", "a one-time setup token was issued"
    )
    stage.serve()
    imported = int(Caller(stage.port).ask(doc.COUNT_VILLAGES)["orgUnits"]["totalCount"])
    story.line(f"长治市真实区划已导入：{imported:,} 个村（社区）", f"{imported:,} real villages imported")
    story.line(
        f"接口 {stage.url}/graphql；以下一切都经由它", "from here on everything goes through the HTTP API"
    )
    county = county_act.set_up(story, stage.port, token)
    county_act.add_town(story, county, PLOTS[0].code)
    county_act.open_year(story, county)
    return county, imported


async def _setup_token(stage: Stage) -> str:
    from sanzhi_core.platform.installation import new_setup_token

    return await new_setup_token(stage.installation.owner())


def _import_divisions(stage: Stage) -> None:
    from sanzhi.commands.opened import system
    from sanzhi_core.org.importing import import_divisions

    async def run(path: Path) -> None:
        async with system(stage.installation) as ctx:
            result = await import_divisions(ctx, path, edition="2023")
            if result.bad:
                raise DemoFailed(f"区划 / divisions: {result.bad[0]}")

    with as_file(files("sanzhi_core.org") / "data" / "changzhi_divisions.csv") as path:
        asyncio.run(run(path))


def _villages(story: Story, county: County) -> list[Village]:
    story.act("两个试点村", "two pilot villages")
    villages = []
    for number, plot in enumerate(PLOTS, start=1):
        found = village.found_village(story, county, plot, number)
        blockers = county_act.plan(county, {"id": found.id})["blockers"]
        if blockers:
            story.line(
                f"{found.name}：此时试算启用：{'；'.join(b['message'] for b in blockers)}",
                "planPluginEnable names what is still missing",
            )
        village.form_councils(story, county, found)
        county_act.enable(story, county, {"id": found.id, "name": found.name})
        village.give_phones(story, county, found)
        villages.append(found)
    return villages


def _self_rating(stage: Stage, story: Story, county: County, villages: list[Village]) -> None:
    story.act("农户自评", "self-rating")
    for v in villages:
        rating.open_cycle(story, v)
    _move(stage, story, START + timedelta(days=1, hours=1))
    for v in villages:
        rating.rate_online(story, v)
        papers_in = rating.on_paper(v)
        rating.rate_on_paper(story, v, papers_in[: len(papers_in) // 2], START + timedelta(days=1))
    ends = max(rating.time_of(rating.cycle_of(v)["selfRatingTo"]) for v in villages)
    _move(stage, story, ends - timedelta(days=2, hours=14))
    first = rating.await_reminders(story, county, 0)
    for v in villages:
        papers_in = rating.on_paper(v)
        rating.rate_on_paper(story, v, papers_in[len(papers_in) // 2 :], ends - timedelta(days=2, hours=15))
    _move(stage, story, ends - timedelta(hours=14))
    rating.await_reminders(story, county, first)
    story.act("群众互评", "peer review")
    _move(stage, story, ends + timedelta(hours=9))
    for v in villages:
        rating.await_peer_review(story, v)
        rating.review(story, v)


def _publicity(stage: Stage, story: Story, villages: list[Village]) -> tuple[outcome.Objection, list[Path]]:
    story.act("张榜公示", "publicity")
    ends = [outcome.open_publicity(story, v) for v in villages]
    folder = stage.home / "files"
    posters = [f for v in villages for f in papers.make_reports(story, v, folder, papers.POSTER)]
    outcome.show_public_list(story, villages[1])
    first, second = villages
    _move(stage, story, ends[0] - timedelta(days=3, hours=13))
    objection = outcome.object_to(story, first)
    _move(stage, story, ends[0] - timedelta(days=2, hours=14))
    again = outcome.decide(story, first, objection)
    _move(stage, story, ends[1] + timedelta(hours=9))
    outcome.confirm(story, second)
    outcome.refused(
        story, first, doc.CONFIRM, "再次公示未满就想审定", "confirming before the republication ends"
    )
    _move(stage, story, again + timedelta(hours=9))
    outcome.confirm(story, first)
    _move(stage, story, again + timedelta(days=1, hours=10))
    return objection, posters


def _move(stage: Stage, story: Story, to: datetime) -> None:
    stage.move_clock(to + timedelta(seconds=1))  # the offset is whole seconds, cut off
    now = Caller(stage.port).ask(doc.SERVER_TIME)["serverTime"]["now"]
    story.day(f"演示时钟 {rating.local(now)}")


def _end(stage: Stage, story: Story, result: dict[str, Any]) -> None:
    story.act("完成", "done")
    story.console.print(
        f"  {result['villages_imported']:,} 个村在册，试点 {len(result['states'])} 村 {result['households']} 户；"
        + "，".join(f"{k} {result[k]['num']}/{result[k]['den']}" for k in ("T1", "T2", "T3"))
        + f"；用时 {result['seconds']} 秒"
    )
    story.console.print("  打印件 / files to print:")
    for path in result["files"]:
        story.note(path)
    story.note(f"账户(演示用) / logins of this demo: {stage.home / 'logins.txt'}")


def _serve_on(stage: Stage, story: Story) -> None:
    story.console.print(f"  GraphiQL: {stage.url}/graphiql   Ctrl-C 停止 / stops")
    try:
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        story.console.print("  停止 / stopping")
