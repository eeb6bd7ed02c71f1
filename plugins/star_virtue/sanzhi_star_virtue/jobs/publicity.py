"""Notices about publicity: opened, last day, window over. Each looks at the cycle as it is when it runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from sanzhi_core.platform.hookspecs import Job
from sanzhi_core.platform.notices import Message, notify
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry, Objection
from sanzhi_star_virtue.permissions import COMMITTEES
from sanzhi_star_virtue.rules.cycle import CycleState
from sanzhi_star_virtue.rules.objection import UNDECIDED
from sanzhi_star_virtue.service.cycle import business_day
from sanzhi_star_virtue.service.people import account_recipients, household_recipients
from sanzhi_star_virtue.service.publicity import ANNOUNCE, CLOSE, LAST_DAY, revote_pending


async def cycle_of(work: Work, payload: dict[str, Any]) -> Cycle | None:
    """The cycle a job is about; its place goes into the audit entry."""
    cycle = await work.session.get(Cycle, UUID(payload["cycle_id"]))
    if cycle is not None:
        work.at(cycle)
    return cycle


async def announce_publicity(work: Work, payload: dict[str, Any]) -> None:
    """Tell every household of the snapshot that the ratings are published and until when one may object."""
    cycle = await cycle_of(work, payload)
    if cycle is None or cycle.state != CycleState.PUBLICITY or cycle.publicity_to is None:
        return
    day = business_day(cycle.publicity_to).isoformat()
    message = Message(
        "star_virtue.publicity.opened",
        f"{cycle.year}年度评星结果张榜公示，至{day}24:00",
        f"Star rating {cycle.year}: the ratings are published until {day} 24:00",
        "结果张贴在村务公开栏。有不同意见的，可在公示期内用手机、书面或当面提出，异议人保密。",
        "They hang on the village notice board. Object by phone, on paper or in person until then; "
        "who objects stays confidential.",
    )
    await notify(work, message, await household_recipients(work.session, cycle), cause=str(cycle.id))


async def remind_last_day(work: Work, payload: dict[str, Any]) -> None:
    """On the last day of a window: all households for the publicity, the changed ones for a republication."""
    cycle = await cycle_of(work, payload)
    if cycle is None or cycle.state != CycleState.PUBLICITY:
        return
    until = datetime.fromisoformat(payload["until"])
    where = () if until == cycle.publicity_to else (Entry.republicity_to == until,)
    message = Message(
        "star_virtue.publicity.last_day",
        "评星公示今天24:00截止",
        "The publicity of the ratings ends today at 24:00",
        "对公示结果有异议的，请在今天24:00前提出；不用手机的可到村委会当面或书面提出。",
        "If you disagree, object until 24:00 today; at the committee if you do not use a phone.",
    )
    receivers = await household_recipients(work.session, cycle, *where)
    await notify(work, message, receivers, cause=f"{cycle.id}|{until.isoformat()}")


async def close_window(work: Work, payload: dict[str, Any]) -> None:
    """A window is over: the committees learn whether anything still stands in the way of confirming."""
    cycle = await cycle_of(work, payload)
    if cycle is None or cycle.state != CycleState.PUBLICITY:
        return
    undecided, revotes = (
        await work.session.execute(
            sa.select(
                sa.func.count().filter(Objection.state.in_([str(s) for s in UNDECIDED])),
                sa.func.count().filter(revote_pending),
            ).where(Objection.cycle_id == cycle.id)
        )
    ).one()
    until = datetime.fromisoformat(payload["until"])
    later = await work.session.scalar(
        sa.select(sa.func.max(Entry.republicity_to)).where(Entry.cycle_id == cycle.id)
    )
    if undecided or revotes:
        zh = f"还有{undecided}项异议未办结、{revotes}项待重新表决，办结后方可审定。"
        en = f"{undecided} objections are undecided, {revotes} await a new vote; then the ratings may be confirmed."
    elif later is not None and later > work.now:
        zh, en = (
            "还有变更结果正在再次公示，期满后方可审定。",
            "Changed ratings are still published again; then confirm.",
        )
    else:
        zh, en = "没有未办结的异议，可以审定。", "No objection is open; the ratings may be confirmed."
    message = Message(
        "star_virtue.publicity.closed",
        f"{cycle.year}年度评星公示期满",
        f"Star rating {cycle.year}: the publicity is over",
        zh,
        en,
    )
    receivers = await account_recipients(work.session, cycle, COMMITTEES, cycle.village_id, work.today)
    await notify(work, message, receivers, cause=f"{cycle.id}|{until.isoformat()}")


JOBS = (
    Job(ANNOUNCE, announce_publicity, deadline_s=60),
    Job(LAST_DAY, remind_last_day, deadline_s=60),
    Job(CLOSE, close_window),
)
