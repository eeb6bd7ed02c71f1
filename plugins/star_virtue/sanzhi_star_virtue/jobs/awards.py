"""Result and award: each household learns its stars, the committees which plaques to issue; close at the year's end."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from sanzhi_core.platform.hookspecs import Job
from sanzhi_core.platform.notices import Message, notify
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.jobs.publicity import cycle_of
from sanzhi_star_virtue.models import Cycle, Entry, Plaque
from sanzhi_star_virtue.permissions import COMMITTEES
from sanzhi_star_virtue.rules.cycle import CycleState
from sanzhi_star_virtue.rules.entry import SETTLED
from sanzhi_star_virtue.rules.params import StarParams
from sanzhi_star_virtue.rules.plaque import PlaqueState
from sanzhi_star_virtue.rules.points import award_points
from sanzhi_star_virtue.service.awards import AWARDED, CLOSE, close_cycle
from sanzhi_star_virtue.service.parameters import params_of
from sanzhi_star_virtue.service.people import account_recipients, household_recipients
from sanzhi_star_virtue.service.publicity import RESULT

_SETTLED = Entry.state.in_(sorted(str(s) for s in SETTLED))


async def _counts(work: Work, cycle: Cycle) -> list[int]:
    found = await work.session.scalars(
        sa.select(Entry.final_count).where(Entry.cycle_id == cycle.id, _SETTLED).distinct()
    )
    return sorted(found)


async def announce_result(work: Work, payload: dict[str, Any]) -> None:
    """Each rated household learns its confirmed number of stars."""
    cycle = await cycle_of(work, payload)
    if cycle is None or cycle.confirmed_at is None:
        return
    for count in await _counts(work, cycle):
        message = Message(
            "star_virtue.cycle.result",
            f"{cycle.year}年度评星结果已审定：本户为{count}星", f"Star rating {cycle.year}: your household holds {count} stars",
            "授星会议的时间地点由村委会另行通知。", "The committee will tell when and where the stars are awarded.",
        )  # fmt: skip
        receivers = await household_recipients(work.session, cycle, _SETTLED, Entry.final_count == count)
        await notify(work, message, receivers, cause=str(cycle.id))


def _awarded(year: int, count: int, params: StarParams) -> Message:
    points = award_points(count, params) or 0
    plaque = count >= params.plaque_min_stars
    return Message(
        "star_virtue.cycle.awarded",
        f"{year}年度授星：本户{count}星", f"Stars of {year} are awarded: {count} for your household",
        f"本户获得积分{points}分。" + ("星级文明户牌由村委会送到并挂牌。" if plaque else ""),
        f"Your household earned {points} points." + (" The committee brings a plaque for your door." if plaque else ""),
    )  # fmt: skip


async def announce_award(work: Work, payload: dict[str, Any]) -> None:
    """Stars, points and plaque to each household; the number of plaques to issue to the committees."""
    cycle = await cycle_of(work, payload)
    if cycle is None or cycle.awarded_at is None:
        return
    params = params_of(cycle)
    for count in await _counts(work, cycle):
        receivers = await household_recipients(work.session, cycle, _SETTLED, Entry.final_count == count)
        await notify(work, _awarded(cycle.year, count, params), receivers, cause=str(cycle.id))
    due = await work.session.scalar(
        sa.select(sa.func.count()).where(Plaque.cycle_id == cycle.id, Plaque.state == PlaqueState.TO_ISSUE)
    )
    if due:
        task = Message(
            "star_virtue.plaque.to_issue",
            f"有{due}块星级文明户牌待发放", f"{due} plaques are to be issued",
            "请送到农户、挂在门口后登记。", "Bring them to the households, hang them at the door, then record it.",
        )  # fmt: skip
        committees = await account_recipients(work.session, cycle, COMMITTEES, cycle.village_id, work.today)
        await notify(work, task, committees, cause=str(cycle.id))


async def close_at_year_end(work: Work, payload: dict[str, Any]) -> None:
    """AWARDED → CLOSED at 31 December 24:00."""
    cycle = await work.session.get(Cycle, UUID(payload["cycle_id"]), with_for_update=True)
    if cycle is None or cycle.state != CycleState.AWARDED:
        return
    work.at(cycle)
    await close_cycle(work, cycle)


JOBS = (
    Job(RESULT, announce_result, deadline_s=60),
    Job(AWARDED, announce_award, deadline_s=60),
    Job(CLOSE, close_at_year_end),
)
