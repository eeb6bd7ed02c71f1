"""Jobs of self-rating: cycle opened, reminders, close at the deadline, warning of low participation.

Each looks at the cycle as it is when it runs: a timer that outlived its deadline or its state does nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform.hookspecs import Job
from sanzhi_core.platform.notices import Message, notify
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry
from sanzhi_star_virtue.permissions import CHIEFS, TOWN
from sanzhi_star_virtue.rules.cycle import CycleState, participation_low
from sanzhi_star_virtue.rules.entry import EntryState
from sanzhi_star_virtue.rules.thresholds import thresholds
from sanzhi_star_virtue.service.cycle import (
    ANNOUNCE,
    CLOSE_SELF_RATING,
    REMIND,
    WARN,
    business_day,
    close_now,
    participation,
)
from sanzhi_star_virtue.service.parameters import params_of
from sanzhi_star_virtue.service.people import account_recipients, household_recipients

_INVITED = Entry.state == EntryState.INVITED


async def _cycle(work: Work, payload: dict[str, Any]) -> Cycle | None:
    cycle = await work.session.scalar(
        sa.select(Cycle).where(Cycle.id == UUID(payload["cycle_id"])).with_for_update()
    )
    if cycle is not None:
        work.at(cycle)
    return cycle


async def _running(work: Work, payload: dict[str, Any]) -> Cycle | None:
    """The cycle when it is in self-rating and its deadline is still the one the timer was set for."""
    cycle = await _cycle(work, payload)
    if cycle is None or cycle.state != CycleState.SELF_RATING:
        return None
    return cycle if cycle.self_rating_to == datetime.fromisoformat(payload["until"]) else None


def _day(cycle: Cycle) -> str:
    assert cycle.self_rating_to is not None
    return business_day(cycle.self_rating_to).isoformat()


async def announce_cycle(work: Work, payload: dict[str, Any]) -> None:
    """Tell every household that self-rating is open, or longer than said, and until when."""
    cycle = await _cycle(work, payload)
    if cycle is None or cycle.state != CycleState.SELF_RATING:
        return
    day = _day(cycle)
    if payload.get("extended"):
        message = Message(
            "star_virtue.selfrating.extended",
            f"{cycle.year}年度评星：自评延长至{day}", f"Star rating {cycle.year}: self-rating extended to {day}",
            f"尚未自评的农户可在{day}24:00前提交，也可到村委会填写纸质表。",
            f"Households that have not rated themselves yet may do so until {day} 24:00, also on paper at the committee.",
        )  # fmt: skip
        receivers = await household_recipients(work.session, cycle, _INVITED)
    else:
        message = Message(
            "star_virtue.cycle.opened",
            f"{cycle.year}年度十星级文明户评定开始自评", f"Star rating {cycle.year}: self-rating is open",
            f"请在{day}24:00前完成本户自评；不使用手机的农户可到村委会填写纸质表或请代录员代录。",
            f"Please rate your household until {day} 24:00; on paper or through a clerk at the committee if you prefer.",
        )  # fmt: skip
        receivers = await household_recipients(work.session, cycle)
    await notify(work, message, receivers, cause=str(cycle.id))


async def remind(work: Work, payload: dict[str, Any]) -> None:
    """Households not yet rated, 3 days and 1 day before the deadline; the last time also the village's chiefs."""
    cycle = await _running(work, payload)
    if cycle is None:
        return
    assert cycle.self_rating_to is not None
    left, last = cycle.self_rating_to - work.now, "|1|" in payload["key"]
    if left <= timedelta() or (left <= timedelta(days=1) and not last):
        return  # run late, after downtime: the deadline is over, or the last reminder is due as well
    day = _day(cycle)
    message = Message(
        "star_virtue.selfrating.reminder",
        f"提醒：本户尚未自评，{day}24:00截止", f"Reminder: your household has not rated itself; the last day is {day}",
        "可在手机上自评，也可到村委会填写纸质表或请代录员代录。一颗星也不自评也算参评。",
        "Rate it on your phone, on paper at the committee or through a clerk. Claiming no star at all is participation too.",
    )  # fmt: skip
    cause = payload["key"]
    await notify(work, message, await household_recipients(work.session, cycle, _INVITED), cause=cause)
    figures = await participation(work.session, cycle)
    if last and participation_low(figures, params_of(cycle)):
        percent = thresholds(figures, params_of(cycle)).t1.percent
        offer = Message(
            "star_virtue.participation.low",
            f"参评率{percent}%，未达目标", f"Participation is {percent} %, below its target",
            f"已自评{figures.a}户，共{figures.n}户。自评{day}24:00截止，截止前可延长一次。",
            f"{figures.a} of {figures.n} households have rated themselves. Self-rating ends on {day} 24:00; "
            "until then it may be extended once.",
            "HIGH",
        )  # fmt: skip
        chiefs = await account_recipients(work.session, cycle, CHIEFS, cycle.village_id, work.today)
        await notify(work, offer, chiefs, cause=cause)


async def close_at_deadline(work: Work, payload: dict[str, Any]) -> None:
    """SELF_RATING → PEER_REVIEW at `self_rating_to`."""
    cycle = await _running(work, payload)
    if cycle is not None:
        await close_now(work, cycle, by_job=True)


async def warn_town(work: Work, payload: dict[str, Any]) -> None:
    """Participation below its target at the close: the town and the village's chiefs are told; nothing is blocked."""
    cycle = await _cycle(work, payload)
    if cycle is None or cycle.state == CycleState.CANCELLED:
        return
    figures = await participation(work.session, cycle)
    village = await work.session.get(OrgUnit, cycle.unit_id)
    name = village.name if village is not None else cycle.org_code_at_time
    percent = thresholds(figures, params_of(cycle)).t1.percent
    message = Message(
        "star_virtue.participation.warning",
        f"{name}{cycle.year}年度评星参评率{percent}%，未达目标",
        f"{name}: participation in star rating {cycle.year} is {percent} %, below its target",
        f"有效自评{figures.a}户，共{figures.n}户。评星继续进行。",
        f"{figures.a} of {figures.n} households rated themselves. The cycle continues.",
        "HIGH",
    )  # fmt: skip
    receivers = await account_recipients(work.session, cycle, TOWN, cycle.town_id, work.today)
    receivers += await account_recipients(work.session, cycle, CHIEFS, cycle.village_id, work.today)
    await notify(work, message, receivers, cause=str(cycle.id))


JOBS = (
    Job(ANNOUNCE, announce_cycle, deadline_s=60),
    Job(REMIND, remind, deadline_s=60),
    Job(CLOSE_SELF_RATING, close_at_deadline, deadline_s=60),
    Job(WARN, warn_town),
)
