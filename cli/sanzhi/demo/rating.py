"""Act three: self-rating by app and paper, reminders, and the peer review with quorum, recusal and bonus."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sanzhi.demo import documents as doc
from sanzhi.demo.api import Answer, wait_for
from sanzhi.demo.county import YEAR, County
from sanzhi.demo.stage import DemoFailed
from sanzhi.demo.story import Story
from sanzhi.demo.village import Village
from sanzhi_core.clock import SHANGHAI

STARS = tuple(f"S{n:02d}" for n in range(1, 11))
BONUS_STAR = "S02"
STRONG, WEAK = 20, 9
REMINDER = "star_virtue.selfrating.reminder"
SHEETS = 25


def cycle_of(village: Village) -> Answer:
    """The cycle as it is now; remembers each new state."""
    cycle: Answer = village.director.ask(doc.CYCLE, id=village.cycle)["starCycle"]
    if not village.states or village.states[-1] != cycle["state"]:
        village.states.append(cycle["state"])
    return cycle


def advance(village: Village, change: Any, **given: Any) -> Answer:
    """A step of the cycle on its present version."""
    cycle = cycle_of(village)
    village.director.do(change, cycleId=village.cycle, expectedVersion=cycle["version"], **given)
    return cycle_of(village)


def entries_of(village: Village) -> dict[int, Answer]:
    """Entries by household number."""
    rows = village.director.pages(doc.ENTRIES, "starEntries", cycle=village.cycle)
    return {int(row["householdNo"]): row for row in rows}


def claimed(number: int) -> list[str]:
    """The stars a household claims: four to ten of them, and for one in nineteen none, which counts as taking part."""
    if number % 19 == 0:
        return []
    count, start = 4 + number * 5 % 7, number * 3
    return sorted(
        {STARS[(start + i) % 10] for i in range(count)} | ({BONUS_STAR} if number % 3 == 0 else set())
    )


def open_cycle(story: Story, village: Village) -> None:
    """Draft and open: N is frozen."""
    village.cycle = village.director.do(doc.CREATE_CYCLE, villageId=village.id, year=YEAR)["cycle"]["id"]
    cycle_of(village)
    cycle = advance(village, doc.OPEN_CYCLE)
    story.line(
        f"{village.name}：开启 {YEAR} 年度评星，农户总数 N={cycle['totalHouseholds']} 冻结，自评至 {local(cycle['selfRatingTo'])}",
        f"self-rating is open; N={cycle['totalHouseholds']} farm households are frozen",
    )


def local(text: str) -> str:
    """An ISO time as people say it: a day that ends at midnight ends at its own 24:00."""
    at = time_of(text)
    if (at.hour, at.minute) == (0, 0):
        return f"{at - timedelta(days=1):%Y-%m-%d} 24:00"
    return f"{at:%Y-%m-%d %H:%M}"


def time_of(text: str) -> datetime:
    """An ISO time of the API in Shanghai's offset."""
    return datetime.fromisoformat(text).astimezone(SHANGHAI)


def rate_online(story: Story, village: Village) -> None:
    """Heads rate their own household."""
    entries = entries_of(village)
    for number, caller in village.villagers.items():
        stars = claimed_in(village, number)
        reasons = [{"star": s, "text": "有照片和邻居可以证明的具体行为"} for s in stars[:1]]
        caller.do(doc.SUBMIT, entryId=entries[number]["id"], stars=stars, reasons=reasons)
    story.line(
        f"{village.name}：{len(village.villagers)} 户用手机自评",
        f"{len(village.villagers)} households rated by app",
    )


def claimed_in(village: Village, number: int) -> list[str]:
    """As `claimed`; both households of the bonus story claim the star it is about."""
    stars = claimed(number)
    return sorted({*stars, BONUS_STAR}) if number in (village.plot.veteran, village.plot.plain) else stars


def rate_on_paper(story: Story, village: Village, numbers: list[int], received: datetime) -> None:
    """The clerk keys paper forms: person, paper number, witness, read back."""
    entries = entries_of(village)
    for number in numbers:
        village.clerk.do(
            doc.RECORD,
            entryId=entries[number]["id"], stars=claimed_in(village, number), receivedAt=received.isoformat(),
            proxy={
                "personId": village.heads[number], "paperNo": f"{YEAR}-{village.number}-{number:03d}",
                "witness": "见证人样一", "readBack": True, "reason": "本人到村委会填写纸质表",
            },
        )  # fmt: skip
    story.line(
        f"{village.name}：代录员录入 {len(numbers)} 份纸质表（编号、见证人、已复述）",
        f"the clerk keyed {len(numbers)} paper forms with number, witness and read-back",
    )


def on_paper(village: Village) -> list[int]:
    """Households that hand in paper."""
    return [n for n in range(1, village.plot.rated + 1) if n not in village.plot.online]


def await_reminders(story: Story, county: County, at_least: int) -> int:
    """Wait until a worker has sent reminders beyond `at_least`; how many were sent in all."""

    def sent() -> int | None:
        found: int = county.caller("zhenganbu").ask(doc.NOTICES, event=REMINDER)["notifications"][
            "totalCount"
        ]
        return found if found > at_least else None

    total = wait_for("催办通知 / reminders", sent)
    story.line(f"后台按时催办：共发出 {total} 条提醒", f"timers fired; workers have sent {total} reminders")
    return total


def await_peer_review(story: Story, village: Village) -> None:
    """The deadline passes; a job closes the self-rating."""
    cycle = wait_for("PEER_REVIEW", lambda: c if (c := cycle_of(village))["state"] == "PEER_REVIEW" else None)
    story.line(
        f"{village.name}：自评到期由后台任务关闭，参评 {cycle['t1Num']}/{cycle['t1Den']} = {cycle['t1Percent']}%",
        f"closed by a job at the deadline; participation {cycle['t1Num']}/{cycle['t1Den']}",
    )


def review(story: Story, village: Village) -> None:
    """The meeting, its quorum, the votes in sheets; who had to leave is worked out by the system."""
    meeting = village.director.do(
        doc.HOLD_MEETING,
        cycleId=village.cycle, kind="REVIEW", place="村委会会议室",
        chairId=village.present[0], presentIds=village.present, minutes="逐户逐星无记名表决，当场唱票。",
    )["meeting"]  # fmt: skip
    story.line(
        f"{village.name}：互评会议应到 {meeting['eligibleCount']} 实到 {meeting['presentCount']}，达到 2/3",
        f"review meeting, {meeting['presentCount']} of {meeting['eligibleCount']} present: quorum met",
    )
    plot, half = village.plot, meeting["presentCount"] // 2
    sheets = []
    for number, entry in entries_of(village).items():
        if entry["state"] != "SELF_RATED":
            continue
        votes = [{"star": star, "yes": _yes(number, star)} for star in entry["selfStars"]]
        if number in (plot.veteran, plot.plain):
            votes = [v if v["star"] != BONUS_STAR else {"star": BONUS_STAR, "yes": half} for v in votes]
        sheets.append({"entryId": entry["id"], "votes": votes})
    for start in range(0, len(sheets), SHEETS):
        village.director.do(doc.RECORD_VOTES, meetingId=meeting["id"], sheets=sheets[start : start + SHEETS])
    _tell_votes(story, village)


def _yes(number: int, star: str) -> int:
    """Most claims convince, some do not; never near the tie that only the bonus story is about."""
    return WEAK if (number * 5 + int(star[1:]) * 3) % 8 == 0 else STRONG


def _tell_votes(story: Story, village: Village) -> None:
    plot, entries = village.plot, entries_of(village)
    unvoted = [n for n, e in entries.items() if e["state"] == "SELF_RATED" and e["selfStars"]]
    if unvoted:
        raise DemoFailed(f"未表决 / not voted: {unvoted}")
    veteran, plain = (_vote(village, entries[n]) for n in (plot.veteran, plot.plain))
    if not veteran["granted"] or plain["granted"]:
        raise DemoFailed(f"加分 / bonus: {veteran} {plain}")
    story.line(
        f"同为 {veteran['yes']}/{veteran['present']} 票：退役军人户加 {veteran['bonus']} 个百分点后过半得星，"
        f"普通户恰好半数不得星",
        f"with {veteran['yes']} of {veteran['present']} votes the veteran's household passes by its bonus, the other does not",
    )
    recused = _vote(village, entries[plot.relative], entries[plot.relative]["selfStars"][0])
    if recused["present"] >= plain["present"]:
        raise DemoFailed(f"回避 / recusal: {recused}")
    story.line(
        f"第 {plot.relative} 户表决时其近亲属自动回避：有表决权 {recused['present']} 人",
        f"near relatives leave by themselves: {recused['present']} may vote",
    )


def _vote(village: Village, entry: Answer, star: str = BONUS_STAR) -> Answer:
    nodes = village.director.ask(doc.VOTES, entry=entry["id"], star=star)["starVotes"]["nodes"]
    if len(nodes) != 1:
        raise DemoFailed(f"{entry['householdNo']} {star}: {len(nodes)} votes")
    found: Answer = nodes[0]
    return found


def before(text: str, hours: float) -> datetime:
    """So many hours before a deadline of the API."""
    return time_of(text) - timedelta(hours=hours)
