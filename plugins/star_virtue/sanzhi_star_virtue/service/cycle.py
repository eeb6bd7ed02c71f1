"""A village's yearly cycle up to the peer review: create, open with the snapshot, extend, close, cancel."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.clock import local_date
from sanzhi_core.errors import ValidationFailed
from sanzhi_core.kit.workcalendar import end_of_day
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, CommandInput, id_of
from sanzhi_core.platform.settings import setting
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry
from sanzhi_star_virtue.permissions import CYCLE_ADVANCE, CYCLE_MANAGE
from sanzhi_star_virtue.rules import cycle as rules
from sanzhi_star_virtue.rules.entry import PARTICIPATING, EntryState
from sanzhi_star_virtue.rules.params import StarParams
from sanzhi_star_virtue.rules.thresholds import Figures
from sanzhi_star_virtue.service.definitions import current_set, stars_of
from sanzhi_star_virtue.service.parameters import OPEN_YEARS, params_of, settings_in_force
from sanzhi_star_virtue.service.snapshot import households_on, invite

ANNOUNCE: Final = "star_virtue.cycle.announce"
REMIND: Final = "star_virtue.selfrating.remind"
CLOSE_SELF_RATING: Final = "star_virtue.selfrating.close"
WARN: Final = "star_virtue.participation.warn"
S = rules.CycleState


class CreateStarCycle(CommandInput):
    """拟定本年度评星 / Draft the star cycle of a year."""

    village_id: id_of("OrgUnit") = Field(description="村 / Village")  # type: ignore[valid-type]
    year: int = Field(ge=2000, le=2100, description="年度 / Year")


@operation("star_virtue.cycle.create", permission=CYCLE_MANAGE, returns="StarCycle")
async def create_cycle(work: Work, input: CreateStarCycle) -> Cycle:
    """A DRAFT. DUPLICATE_RECORD when the village has a non-cancelled cycle of the year."""
    village = await work.unit(input.village_id, level="VILLAGE")
    others = await work.session.scalars(
        sa.select(Cycle.state).where(Cycle.village_id == village.id, Cycle.year == input.year)
    )
    rules.check_year(input.year, list(others))
    stars = await current_set(work.session, village.county_id, work.today)
    row = Cycle(
        year=input.year,
        definition_set_id=stars.id,
        definition_version=stars.definition_version,
        params=await settings_in_force(work, village),
        **village.place(),
    )
    work.session.add(row)
    await work.session.flush()
    return row


class OpenStarCycle(ChangeInput):
    """开始农户自评，冻结农户快照 / Open self-rating and freeze the snapshot of households."""

    cycle_id: id_of("StarCycle") = Field(description="评星周期 / Cycle")  # type: ignore[valid-type]
    snapshot_date: date | None = Field(
        None, description="快照日(零时)，缺省为今天 / Day of the snapshot (00:00), today when missing"
    )
    self_rating_last_day: date | None = Field(
        None, description="自评最后一天(至24:00)，缺省为最短期限 / Last day of self-rating, till 24:00"
    )


@operation("star_virtue.cycle.open", permission=CYCLE_MANAGE, returns="StarCycle")
async def open_cycle(work: Work, input: OpenStarCycle) -> Cycle:
    """DRAFT → SELF_RATING: one entry for each household of the snapshot, parameters and star version frozen."""
    row = await work.load(Cycle, input.cycle_id, expected_version=input.expected_version)
    rules.CYCLE.check(row.state, S.SELF_RATING)
    village = await work.unit(row.unit_id, level="VILLAGE")
    snapshot = input.snapshot_date or work.today
    if snapshot > work.today:
        raise ValidationFailed.of(
            "snapshotDate", "IN_FUTURE", "快照日不能在将来", "The snapshot is not in the future"
        )
    stars = await current_set(work.session, village.county_id, work.today)
    frozen = await settings_in_force(work, village)
    params = StarParams.from_settings(frozen)
    last_day = input.self_rating_last_day
    until = end_of_day(last_day) if last_day else rules.self_rating_earliest_end(work.now, params)
    households = await households_on(work.session, village.id, snapshot)
    rules.check_open(
        households=len(households),
        star_codes=list(await stars_of(work.session, stars.id)),
        year_opened=row.year in await setting(work, OPEN_YEARS, village),
        open_from=work.now,
        self_rating_to=until,
        params=params,
    )
    row.state = S.SELF_RATING
    row.definition_set_id, row.definition_version = stars.id, stars.definition_version
    row.params = frozen
    row.snapshot_date, row.total_households = snapshot, len(households)
    row.self_rating_from, row.self_rating_to = work.now, until
    await invite(work, row, village, households, params)
    await _arm(work, row)
    await work.enqueue(
        ANNOUNCE, {"cycle_id": str(row.id)}, unit_id=row.unit_id, dedup_key=f"{ANNOUNCE}|{row.id}"
    )
    return row


def _timers(cycle: Cycle) -> list[tuple[str, str, datetime]]:
    """(key, job, due) of the deadline and its reminders; the deadline is part of the key, so a new one is new."""
    assert cycle.self_rating_to is not None
    until = cycle.self_rating_to
    stamp = f"{cycle.id}|{until.isoformat()}"
    three, one = rules.reminder_times(until)
    return [
        (f"{REMIND}|3|{stamp}", REMIND, three),
        (f"{REMIND}|1|{stamp}", REMIND, one),
        (f"{CLOSE_SELF_RATING}|{stamp}", CLOSE_SELF_RATING, until),
    ]


async def _arm(work: Work, cycle: Cycle) -> None:
    assert cycle.self_rating_to is not None
    for key, job, due in _timers(cycle):
        if due > work.now:
            payload = {"cycle_id": str(cycle.id), "until": cycle.self_rating_to.isoformat(), "key": key}
            await work.set_timer(key, job, payload, unit_id=cycle.unit_id, due_at=due)


async def _disarm(work: Work, cycle: Cycle) -> None:
    if cycle.self_rating_to is not None:
        for key, _, _ in _timers(cycle):
            await work.cancel_timer(key)


async def participants(session: AsyncSession, cycle_id: UUID) -> int:
    """A: entries with a valid self-rating, neither withdrawn nor excluded."""
    found = await session.scalar(
        sa.select(sa.func.count()).where(
            Entry.cycle_id == cycle_id, Entry.state.in_([str(state) for state in PARTICIPATING])
        )
    )
    return int(found or 0)


async def participation(session: AsyncSession, cycle: Cycle) -> Figures:
    """N and A; R and R6 are not known before the review."""
    return Figures(cycle.total_households or 0, await participants(session, cycle.id), 0, 0)


class ExtendStarSelfRating(ChangeInput):
    """延长自评期一次 / Extend self-rating once."""

    cycle_id: id_of("StarCycle") = Field(description="评星周期 / Cycle")  # type: ignore[valid-type]
    last_day: date = Field(description="新的最后一天(至24:00) / New last day, till 24:00")
    reason: str = Field(min_length=2, max_length=200, description="理由 / Reason")


@operation("star_virtue.selfrating.extend", permission=CYCLE_ADVANCE, returns="StarCycle")
async def extend_self_rating(work: Work, input: ExtendStarSelfRating) -> Cycle:
    """Once, at most 7 days, while participation is below its target; before self-rating is closed."""
    row = await work.load(Cycle, input.cycle_id, expected_version=input.expected_version)
    if row.state != S.SELF_RATING:
        rules.CYCLE.check(row.state, S.SELF_RATING)
    assert row.self_rating_to is not None
    until = end_of_day(input.last_day)
    rules.check_extension(
        self_rating_to=row.self_rating_to,
        new_to=until,
        at=work.now,
        already_extended=row.extended,
        figures=await participation(work.session, row),
        params=params_of(row),
    )
    work.reason(input.reason)
    await _disarm(work, row)
    row.self_rating_to, row.extended = until, True
    await _arm(work, row)
    await work.enqueue(
        ANNOUNCE, {"cycle_id": str(row.id), "extended": True}, unit_id=row.unit_id,
        dedup_key=f"{ANNOUNCE}|extended|{row.id}",
    )  # fmt: skip
    return row


class CloseStarSelfRating(ChangeInput):
    """结束自评，转入群众互评 / Close self-rating and begin the peer review."""

    cycle_id: id_of("StarCycle") = Field(description="评星周期 / Cycle")  # type: ignore[valid-type]


@operation("star_virtue.selfrating.close", permission=CYCLE_ADVANCE, returns="StarCycle")
async def close_self_rating(work: Work, input: CloseStarSelfRating) -> Cycle:
    """SELF_RATING → PEER_REVIEW by the committees, not before the minimum days are over."""
    row = await work.load(Cycle, input.cycle_id, expected_version=input.expected_version)
    await close_now(work, row, by_job=False)
    return row


async def close_now(work: Work, cycle: Cycle, *, by_job: bool) -> None:
    """The step itself, also for the job at the deadline. Low participation warns the town and blocks nothing."""
    rules.CYCLE.check(cycle.state, S.PEER_REVIEW)
    assert cycle.self_rating_from is not None
    assert cycle.self_rating_to is not None
    rules.check_self_rating_over(
        open_from=cycle.self_rating_from,
        self_rating_to=cycle.self_rating_to,
        at=work.now,
        by_job=by_job,
        params=params_of(cycle),
    )
    await _disarm(work, cycle)
    cycle.state = S.PEER_REVIEW
    cycle.self_rating_to = min(cycle.self_rating_to, work.now)
    for entry in await work.session.scalars(
        sa.select(Entry)
        .where(Entry.cycle_id == cycle.id, Entry.state == EntryState.INVITED)
        .with_for_update()
    ):
        entry.state = EntryState.NOT_PARTICIPATED
    await work.session.flush()
    figures = await participation(work.session, cycle)
    cycle.low_participation = rules.participation_low(figures, params_of(cycle))
    if cycle.low_participation:
        await work.enqueue(
            WARN, {"cycle_id": str(cycle.id)}, unit_id=cycle.unit_id, dedup_key=f"{WARN}|{cycle.id}"
        )


class CancelStarCycle(ChangeInput):
    """撤销评星 / Cancel a star cycle."""

    cycle_id: id_of("StarCycle") = Field(description="评星周期 / Cycle")  # type: ignore[valid-type]
    reason: str = Field(min_length=5, max_length=500, description="理由，公开 / Reason, public")


@operation("star_virtue.cycle.cancel", permission=CYCLE_MANAGE, returns="StarCycle")
async def cancel_cycle(work: Work, input: CancelStarCycle) -> Cycle:
    """From any state before CONFIRMED. The year is free for a new cycle; nothing already written is removed."""
    row = await work.load(Cycle, input.cycle_id, expected_version=input.expected_version)
    rules.CYCLE.check(row.state, S.CANCELLED)
    work.reason(input.reason)
    await _disarm(work, row)
    row.state, row.cancel_reason = S.CANCELLED, input.reason
    row.closed_at = work.now
    return row


def business_day(at: datetime) -> date:
    """The last day of a period that ends at `at`, as people say it: 24:00 belongs to the day that ends."""
    return local_date(at - timedelta(microseconds=1))
