"""Act four: publicity over working days, an objection upheld with a new vote, confirmation, award, plaques, points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sanzhi.demo import documents as doc
from sanzhi.demo.api import Answer, Caller, Refused
from sanzhi.demo.county import COUNTY_CODE, YEAR
from sanzhi.demo.rating import advance, cycle_of, entries_of, local, time_of
from sanzhi.demo.stage import DemoFailed
from sanzhi.demo.story import Story
from sanzhi.demo.village import MORAL, SEATS, Village

OBJECTED_STAR = "S09"
PLAQUE_STARS = 6
REVOTE_YES = 8


@dataclass(frozen=True)
class Objection:
    """The one objection of the story: which entry, and the objection's id."""

    entry_id: str
    household: int
    id: str


def open_publicity(story: Story, village: Village) -> datetime:
    """Publish; the end is reckoned in working days. Returns it."""
    cycle = advance(village, doc.OPEN_PUBLICITY)
    story.line(
        f"{village.name}：张榜公示至 {local(cycle['publicityTo'])}（5 个工作日，避开周末）；"
        f"暂计 A={cycle['countA']} R={cycle['countR']} R6={cycle['countR6']}",
        "published for five working days; provisional figures shown",
    )
    return time_of(cycle["publicityTo"])


def public(village: Village) -> Caller:
    """Anybody, asking for what the county publishes."""
    return Caller(village.director.port, county=COUNTY_CODE)


def show_public_list(story: Story, village: Village) -> None:
    """Anybody may read the list, without signing in: masked names, groups, stars."""
    rows = public(village).pages(doc.PUBLISHED, "starPublicEntries", cycle=village.cycle)
    if not rows:
        raise DemoFailed("公示名单为空 / the published list is empty")
    first = max(rows, key=lambda r: int(r["finalCount"]))
    story.line(
        f"{village.name}：未登录者也能查公示名单，共 {len(rows)} 户，如 {first['headMaskedName']}（{first['groupName']}）"
        f"{first['finalCount']} 星",
        f"the public list, without signing in: {len(rows)} households, names masked",
    )


def object_to(story: Story, village: Village) -> Objection:
    """A villager objects to one star of a household with exactly six."""
    number, entry = next(
        (n, e)
        for n, e in sorted(entries_of(village).items())
        if n > SEATS
        and n not in village.plot.online
        and e["finalCount"] == PLAQUE_STARS
        and OBJECTED_STAR in e["finalStars"]
    )
    objector = village.villagers[village.plot.online[0]]
    filed = objector.do(
        doc.FILE_OBJECTION,
        entryId=entry["id"], starCode=OBJECTED_STAR, text="该户门前长期堆放垃圾，多次提醒后仍未清理。",
    )["receipt"]  # fmt: skip
    story.line(
        f"{village.name}：村民对第 {number} 户（{entry['finalCount']} 星）的卫生健康星提出异议，应于 {local(filed['dueAt'])} 前办结",
        "a villager objects to one star of a six-star household; due in three working days",
    )
    return Objection(entry["id"], number, filed["objectionId"])


def refused(story: Story, village: Village, change: Any, because_zh: str, because_en: str) -> None:
    """A step that must be refused now."""
    try:
        advance(village, change)
    except Refused as refusal:
        story.line(
            f"{village.name}：{because_zh}，系统拒绝：{refusal.code}",
            f"{because_en}: {refusal.code}, as it must be",
        )
        return
    raise DemoFailed(f"{village.name}: {change.name} 本应被拒绝 / should have been refused")


def decide(story: Story, village: Village, objection: Objection) -> datetime:
    """The moral council upholds it, the meeting votes again, the entry is published again. Returns until when."""
    council = village.council
    assert council is not None
    council.do(doc.TAKE_UP, objectionId=objection.id, expectedVersion=_version(council, objection))
    decided = council.do(
        doc.DECIDE,
        objectionId=objection.id, expectedVersion=_version(council, objection), decision="UPHELD",
        reason="经实地查看，门前垃圾未清理，卫生健康星须重新表决。", presentIds=village.members[MORAL], yes=5,
    )["objection"]  # fmt: skip
    meeting = village.director.do(
        doc.HOLD_MEETING,
        cycleId=village.cycle, kind="REVOTE", place="村委会会议室", chairId=village.present[0], presentIds=village.present,
    )["meeting"]  # fmt: skip
    village.director.do(
        doc.REVOTE,
        objectionId=objection.id, expectedVersion=_version(village.director, objection), meetingId=meeting["id"],
        votes=[{"star": star, "yes": REVOTE_YES} for star in decided["revoteStars"]],
    )  # fmt: skip
    entry = village.director.ask(doc.ENTRY, id=objection.entry_id)["starEntry"]
    if entry["finalCount"] != PLAQUE_STARS - 1:
        raise DemoFailed(f"重新表决 / new vote: {entry}")
    story.line(
        f"{village.name}：道德评议会认定异议成立，重新表决未过，第 {objection.household} 户 {PLAQUE_STARS} 星变 {entry['finalCount']} 星，"
        f"再次公示至 {local(entry['republicityTo'])}",
        f"upheld by the council, voted again, {PLAQUE_STARS} → {entry['finalCount']} stars, published again for three working days",
    )
    return time_of(entry["republicityTo"])


def _version(caller: Caller, objection: Objection) -> int:
    return int(caller.ask(doc.OBJECTION, id=objection.id)["starObjection"]["version"])


def confirm(story: Story, village: Village) -> Answer:
    """N, A, R, R6 are frozen."""
    cycle = advance(village, doc.CONFIRM)
    story.line(
        f"{village.name}：审定 N={cycle['countN']} A={cycle['countA']} R={cycle['countR']} R6={cycle['countR6']}："
        + "，".join(_figure(cycle, key) for key in ("t1", "t2", "t3")),
        "confirmed; official figures frozen as exact fractions",
    )
    return cycle


def _figure(cycle: Answer, key: str) -> str:
    status = {"REACHED": "达标", "NOT_REACHED": "未达标", "NOT_APPLICABLE": "不适用"}
    return (
        f"{key.upper()} {cycle[f'{key}Num']}/{cycle[f'{key}Den']}={cycle[f'{key}Percent']}%"
        f" {status[cycle[f'{key}Status']]}"
    )


def award(story: Story, village: Village, objection: Objection | None) -> None:
    """Stars at a meeting, plaques at doors, the honour roll, points once."""
    director = village.director
    meeting = director.do(
        doc.HOLD_MEETING,
        cycleId=village.cycle, kind="AWARD", place="村文化广场", chairId=village.present[0], presentIds=village.present,
    )["meeting"]  # fmt: skip
    cycle = advance(village, doc.AWARD, meetingId=meeting["id"])
    plaques = director.pages(doc.PLAQUES, "starPlaques", cycle=village.cycle)
    for plaque in plaques:
        director.do(
            doc.ISSUE_PLAQUE, plaqueId=plaque["id"], expectedVersion=plaque["version"], hungAtDoor=True
        )
    roll = public(village).ask(doc.ROLL, cycle=village.cycle)["starHonourRoll"]
    if not len(plaques) == roll["totalCount"] == cycle["countR6"]:
        raise DemoFailed(f"户牌 {len(plaques)}，光荣榜 {roll['totalCount']}，R6 {cycle['countR6']}")
    story.line(
        f"{village.name}：授星；六星级以上 {len(plaques)} 户挂牌，光荣榜 {roll['totalCount']} 户，首位 "
        f"{roll['nodes'][0]['headMaskedName']} {roll['nodes'][0]['starCount']} 星",
        f"awarded; {len(plaques)} plaques hang at doors, the honour roll lists as many",
    )
    entries = entries_of(village)
    if objection is not None and entries[objection.household]["finalCount"] >= PLAQUE_STARS:
        raise DemoFailed("异议成立的户不应挂牌 / no plaque after the upheld objection")
    points = director.pages(doc.POINTS, "starPointsEntries", village=village.id)
    total, stars = sum(int(p["points"]) for p in points), sum(int(e["finalCount"]) for e in entries.values())
    if total <= 0 or total % stars:
        raise DemoFailed(f"积分 {total}，星 {stars} / points and stars do not fit")
    story.line(
        f"{village.name}：{stars} 颗星入账 {total} 分，每颗 {total // stars} 分，只记一次",
        f"{total} points for {stars} stars, once",
    )


def read_inbox(story: Story, village: Village) -> None:
    """What a villager finds on the phone."""
    caller = village.villagers[village.plot.online[-1]]
    nodes = caller.ask(doc.INBOX)["notifications"]["nodes"]
    if not nodes:
        raise DemoFailed("收件箱为空 / the inbox is empty")
    titles = "；".join(dict.fromkeys(str(n["titleZh"]) for n in nodes))
    story.line(
        f"{village.name}：村民手机收件箱 {len(nodes)} 条：{titles}", "a villager's inbox, sent by workers"
    )


def final_cycle(village: Village) -> Answer:
    """The cycle at the end; DemoFailed when it has not come this far."""
    cycle = cycle_of(village)
    if cycle["state"] != "AWARDED":
        raise DemoFailed(f"{village.name} {YEAR}: {cycle['state']}")
    return cycle
