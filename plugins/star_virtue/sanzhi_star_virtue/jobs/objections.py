"""Notices about objections and reviews. Who objected is told to nobody; the objector is reached by account only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sanzhi_core.platform.hookspecs import Job
from sanzhi_core.platform.notices import Message, Recipient, notify
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry, Objection, ObjectionAuthor
from sanzhi_star_virtue.permissions import CHIEFS, COMMITTEES, TOWN
from sanzhi_star_virtue.rules.objection import UNDECIDED, ObjectionState
from sanzhi_star_virtue.service.council import COUNCIL, DECIDED
from sanzhi_star_virtue.service.cycle import business_day
from sanzhi_star_virtue.service.definitions import stars_of
from sanzhi_star_virtue.service.objections import OVERDUE, RECEIVED
from sanzhi_star_virtue.service.people import account_recipients, household_recipients, place_of
from sanzhi_star_virtue.service.revote import REVOTED
from sanzhi_star_virtue.service.townreview import ASKED, REVIEW_OVERDUE, REVIEWED

_OUTCOME = {
    ObjectionState.UPHELD: ("成立", "upheld"),
    ObjectionState.PARTLY_UPHELD: ("部分成立", "partly upheld"),
    ObjectionState.REJECTED: ("不成立", "rejected"),
}


async def _objection(work: Work, payload: dict[str, Any]) -> tuple[Objection, Cycle]:
    row = await work.session.get(Objection, UUID(payload["objection_id"]))
    assert row is not None
    cycle = await work.session.get(Cycle, row.cycle_id)
    assert cycle is not None
    work.at(cycle)
    return row, cycle


async def _about(work: Work, row: Objection, cycle: Cycle) -> tuple[str, str]:
    """What the objection is about, without who raised it."""
    if row.star_code is None:
        return "评定结果", "the rating"
    star = (await stars_of(work.session, cycle.definition_set_id))[row.star_code]
    return star.name, f"star {star.code} ({star.meaning_en})"


async def _tell_household(work: Work, row: Objection, cycle: Cycle, message: Message, cause: str) -> None:
    receivers = await household_recipients(work.session, cycle, Entry.id == row.entry_id)
    await notify(work, message, receivers, cause=cause)


async def announce_received(work: Work, payload: dict[str, Any]) -> None:
    """The household learns that there is an objection, the council and the chiefs that one is to be handled."""
    row, cycle = await _objection(work, payload)
    if row.state not in UNDECIDED:
        return
    zh, en = await _about(work, row, cycle)
    until = business_day(row.due_at).isoformat()
    message = Message(
        "star_virtue.objection.received",
        f"有人对本户的{zh}提出异议", f"An objection to {en} of your household",
        f"道德评议会将在{until}24:00前办理并告知理由。本户可向道德评议会说明情况。",
        f"The moral council decides until {until} 24:00 and tells you why. You may explain your view to it.",
        "HIGH",
    )  # fmt: skip
    await _tell_household(work, row, cycle, message, str(row.id))
    task = Message(
        "star_virtue.objection.assigned",
        f"收到评星异议，须在{until}24:00前办理", f"An objection is to be decided until {until} 24:00",
        "请受理并调查；异议人、被异议户及其近亲属不得办理。",
        "Take it up and look into it; the objector, the household and their near relatives must not handle it.",
        "HIGH",
    )  # fmt: skip
    handlers = await account_recipients(work.session, cycle, (COUNCIL, *CHIEFS), cycle.village_id, work.today)
    await notify(work, task, handlers, cause=str(row.id))


async def announce_decided(work: Work, payload: dict[str, Any]) -> None:
    """Decision and reason to the household and to the objector; a new vote to the committees."""
    row, cycle = await _objection(work, payload)
    zh, en = await _about(work, row, cycle)
    done_zh, done_en = _OUTCOME[ObjectionState(row.state)]
    next_zh, next_en = "", ""
    if row.revote_stars:
        next_zh, next_en = (
            "将开会重新表决，结果另行告知。",
            " There will be a new vote; you will be told the result.",
        )
    reason = row.decision_reason or ""
    message = Message(
        "star_virtue.objection.decided",
        f"对本户{zh}的异议：{done_zh}", f"The objection to {en} of your household is {done_en}",
        f"理由：{reason}。{next_zh}对决定不服的，公示期内可请乡镇复核一次。",
        f"Reason: {reason}.{next_en} You may ask the town for a review once while the ratings are published.",
        "HIGH",
    )  # fmt: skip
    await _tell_household(work, row, cycle, message, str(row.id))
    await _tell_objector(work, row, cycle, done_zh, done_en)
    if row.revote_stars:
        task = Message(
            "star_virtue.objection.revote_due",
            "异议成立，须开会重新表决", "An upheld objection: a new vote is due",
            f"须重新表决{len(row.revote_stars)}颗星；变更结果再次公示后方可审定。",
            f"{len(row.revote_stars)} stars are to be voted on again; a changed rating is published again.",
            "HIGH",
        )  # fmt: skip
        committees = await account_recipients(work.session, cycle, COMMITTEES, cycle.village_id, work.today)
        await notify(work, task, committees, cause=str(row.id))


async def _tell_objector(work: Work, row: Objection, cycle: Cycle, zh: str, en: str) -> None:
    """By account or person only, never by household or on a paper list: others read those."""
    author = await work.session.get(ObjectionAuthor, row.id)
    if author is None:
        return
    message = Message(
        "star_virtue.objection.answered",
        f"您提出的异议已办理：{zh}", f"Your objection has been decided: {en}",
        "理由可在“我的异议”中查看，也可到村委会询问。异议人信息保密。",
        "The reason is under your own objections; you may also ask at the committee. Your name stays confidential.",
    )  # fmt: skip
    receiver = (
        Recipient(place_of(cycle), account_id=author.account_id)
        if author.account_id
        else Recipient(place_of(cycle), resident_id=author.resident_id)
    )
    await notify(work, message, [receiver], cause=str(row.id))


async def announce_revoted(work: Work, payload: dict[str, Any]) -> None:
    """The household learns what the new vote changed and until when the change is published."""
    row, cycle = await _objection(work, payload)
    entry = await work.session.get(Entry, row.entry_id)
    assert entry is not None
    if payload["changed"] and entry.republicity_to is not None:
        day = business_day(entry.republicity_to).isoformat()
        zh, en = (
            f"结果有变更，再次公示至{day}24:00。",
            f"The rating changed and is published again until {day} 24:00.",
        )
    else:
        zh, en = "结果没有变更。", "The rating did not change."
    message = Message(
        "star_virtue.objection.revoted",
        f"重新表决后，本户为{entry.final_count}星", f"After the new vote your household holds {entry.final_count} stars",
        zh, en, "HIGH",
    )  # fmt: skip
    await _tell_household(work, row, cycle, message, f"{row.id}|{entry.version}")


async def check_overdue(work: Work, payload: dict[str, Any]) -> None:
    """The time to decide has passed: council, chiefs and town are told; a late decision still stands."""
    row, cycle = await _objection(work, payload)
    if row.state not in UNDECIDED or row.due_at > work.now:
        return
    message = Message(
        "star_virtue.objection.overdue",
        "评星异议超期未办结", "An objection is overdue",
        f"应于{business_day(row.due_at).isoformat()}24:00前办结。请尽快作出决定。",
        f"It was to be decided until {business_day(row.due_at).isoformat()} 24:00. Please decide it.",
        "HIGH",
    )  # fmt: skip
    receivers = await account_recipients(
        work.session, cycle, (COUNCIL, *CHIEFS), cycle.village_id, work.today
    )
    receivers += await account_recipients(work.session, cycle, TOWN, cycle.town_id, work.today)
    await notify(work, message, receivers, cause=f"{row.id}|{row.due_at.isoformat()}")


async def announce_review_asked(work: Work, payload: dict[str, Any]) -> None:
    """The town learns that a household asks for its review."""
    row, cycle = await _objection(work, payload)
    if row.review_state != "ASKED" or row.review_due_at is None:
        return
    until = business_day(row.review_due_at).isoformat()
    message = Message(
        "star_virtue.review.asked",
        f"农户申请复核评星异议决定，{until}24:00前办理", f"A household asks for a review until {until} 24:00",
        "请维持原决定，或退回村里重新表决，并告知理由。",
        "Keep the decision or return it for a new vote, and say why.",
        "HIGH",
    )  # fmt: skip
    receivers = await account_recipients(work.session, cycle, TOWN, cycle.town_id, work.today)
    await notify(work, message, receivers, cause=str(row.id))


async def announce_review_decided(work: Work, payload: dict[str, Any]) -> None:
    """The household learns the town's answer; the committees that a new vote is due."""
    row, cycle = await _objection(work, payload)
    returned = row.review_state == "RETURNED"
    zh, en = (
        ("退回重新表决", "returned for a new vote") if returned else ("维持原决定", "the decision is kept")
    )
    message = Message(
        "star_virtue.review.decided",
        f"乡镇复核结果：{zh}", f"The town's review: {en}",
        f"理由：{row.review_reason}。", f"Reason: {row.review_reason}.", "HIGH",
    )  # fmt: skip
    await _tell_household(work, row, cycle, message, str(row.id))
    if returned:
        task = Message(
            "star_virtue.review.returned",
            "乡镇退回一项异议决定，须重新表决", "The town returned a decision: a new vote is due",
            "请召开重新表决会议。", "Please hold a re-vote meeting.", "HIGH",
        )  # fmt: skip
        committees = await account_recipients(work.session, cycle, COMMITTEES, cycle.village_id, work.today)
        await notify(work, task, committees, cause=str(row.id))


async def check_review_overdue(work: Work, payload: dict[str, Any]) -> None:
    """The town's 5 working days have passed."""
    row, cycle = await _objection(work, payload)
    if row.review_state != "ASKED" or row.review_due_at is None or row.review_due_at > work.now:
        return
    message = Message(
        "star_virtue.review.overdue",
        "评星复核超期未办结", "A review is overdue",
        f"应于{business_day(row.review_due_at).isoformat()}24:00前办结。",
        f"It was to be decided until {business_day(row.review_due_at).isoformat()} 24:00.",
        "HIGH",
    )  # fmt: skip
    receivers = await account_recipients(work.session, cycle, TOWN, cycle.town_id, work.today)
    await notify(work, message, receivers, cause=str(row.id))


JOBS = (
    Job(RECEIVED, announce_received),
    Job(DECIDED, announce_decided),
    Job(REVOTED, announce_revoted),
    Job(OVERDUE, check_overdue),
    Job(ASKED, announce_review_asked),
    Job(REVIEWED, announce_review_decided),
    Job(REVIEW_OVERDUE, check_review_overdue),
)
