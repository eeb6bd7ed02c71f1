"""Publicity 张榜公示 and confirmation 审定: what must be settled before, the windows, the figures frozen."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.clock import start_of_day
from sanzhi_core.errors import NotFound
from sanzhi_core.kit.notice import Window
from sanzhi_core.kit.refusals import InvalidTransition
from sanzhi_core.people.models import Household
from sanzhi_core.platform.calendar import work_calendar
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, id_of
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry, Objection
from sanzhi_star_virtue.permissions import CYCLE_ADVANCE
from sanzhi_star_virtue.rules import cycle as rules
from sanzhi_star_virtue.rules.entry import DISSOLVED, ENTRY, EntryState
from sanzhi_star_virtue.rules.objection import UNDECIDED
from sanzhi_star_virtue.rules.thresholds import thresholds
from sanzhi_star_virtue.service.cycle import business_day
from sanzhi_star_virtue.service.entries import leave
from sanzhi_star_virtue.service.figures import counted
from sanzhi_star_virtue.service.parameters import params_of

ANNOUNCE: Final = "star_virtue.publicity.announce"
LAST_DAY: Final = "star_virtue.publicity.remind"
CLOSE: Final = "star_virtue.publicity.close"
RESULT: Final = "star_virtue.cycle.announce_result"
CONFIRMED: Final = "star_virtue.cycle.confirmed"
S = rules.CycleState
E = EntryState


async def shared_cycle(work: Work, cycle_id: UUID) -> Cycle:
    """The cycle, locked against every step of its own: what is checked now still holds when this commits."""
    cycle = await work.session.scalar(
        sa.select(Cycle)
        .where(Cycle.id == cycle_id)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    if cycle is None:
        raise NotFound("StarCycle")
    return cycle


async def move_entries(
    work: Work, cycle: Cycle, frm: Collection[EntryState], to: EntryState, *where: sa.ColumnElement[bool]
) -> int:
    """Take the cycle's entries in one of the states `frm` to another, as one set; how many."""
    for state in frm:
        ENTRY.check(state, to)
    moved = await work.session.scalars(
        sa.update(Entry)
        .where(Entry.cycle_id == cycle.id, Entry.state.in_([str(s) for s in frm]), *where)
        .values(state=str(to), version=Entry.version + 1)
        .returning(Entry.id)
        .execution_options(synchronize_session=False)
    )
    ids = sorted(moved.all())
    if ids:
        work.recorder.note_bulk(
            "Entry", len(ids), sha256("\n".join([str(to), *map(str, ids)]).encode()).digest()
        )
    return len(ids)


async def exclude_dissolved(work: Work, cycle: Cycle) -> None:
    """Entries of households that dissolved after the snapshot (a sole member died) leave; N is unchanged (§10)."""
    gone = sa.exists().where(Household.id == Entry.household_id, Household.status == DISSOLVED)
    moved = await work.session.scalars(
        sa.select(Entry)
        .where(Entry.cycle_id == cycle.id, Entry.state.in_([str(s) for s in _LEAVING]), gone)
        .with_for_update(of=Entry)
    )
    for entry in moved.all():
        leave(entry, E.EXCLUDED)
        entry.excluded_reason = DISSOLVED
    await work.session.flush()


_LEAVING: Final = (E.SELF_RATED, E.REVIEWED, E.PUBLICISED, E.OBJECTED, E.RE_REVIEWED)


class OpenStarPublicity(ChangeInput):
    """张榜公示 / Publish the ratings."""

    cycle_id: id_of("StarCycle") = Field(description="评星周期 / Cycle")  # type: ignore[valid-type]
    workdays: int | None = Field(
        None,
        ge=1,
        le=30,
        description="公示工作日数，缺省为参数值，不得少于它 / Working days, the parameter when missing",
    )


@operation("star_virtue.publicity.open", permission=CYCLE_ADVANCE, returns="StarCycle")
async def open_publicity(work: Work, input: OpenStarPublicity) -> Cycle:
    """PEER_REVIEW → PUBLICITY for all reviewed entries, with the provisional figures of that moment.

    INVALID_TRANSITION while a claimed star has no vote; VALIDATION_FAILED for a shorter or longer window.
    """
    row = await work.load(Cycle, input.cycle_id, expected_version=input.expected_version)
    rules.CYCLE.check(row.state, S.PUBLICITY)
    await exclude_dissolved(work, row)
    # A household that claimed no star takes part; there is nothing to vote on.
    await move_entries(work, row, (E.SELF_RATED,), E.REVIEWED, sa.func.cardinality(Entry.self_stars) == 0)
    unvoted = await work.session.scalar(
        sa.select(sa.func.count()).where(Entry.cycle_id == row.id, Entry.state == E.SELF_RATED)
    )
    rules.check_publish(unvoted_entries=int(unvoted or 0))
    params = params_of(row)
    window = rules.publicity_window(await work_calendar(work.session), work.now, input.workdays, params)
    await move_entries(work, row, (E.REVIEWED,), E.PUBLICISED)
    figures = await counted(work.session, row, provisional=True)
    row.state = S.PUBLICITY
    row.publicity_from, row.publicity_to = window.opens_at, window.closes_at
    row.deadline_provisional = window.provisional
    row.provisional_a, row.provisional_r, row.provisional_r6 = figures.a, figures.r, figures.r6
    await work.enqueue(
        ANNOUNCE, {"cycle_id": str(row.id)}, unit_id=row.unit_id, dedup_key=f"{ANNOUNCE}|{row.id}"
    )
    await arm_window(work, row, window)
    return row


async def arm_window(work: Work, cycle: Cycle, window: Window) -> None:
    """Timers of a publication window: the last day begins, the window is over."""
    stamp = f"{cycle.id}|{window.closes_at.isoformat()}"
    payload = {"cycle_id": str(cycle.id), "until": window.closes_at.isoformat()}
    last_day = start_of_day(business_day(window.closes_at))
    due: tuple[tuple[str, datetime], ...] = ((LAST_DAY, last_day), (CLOSE, window.closes_at))
    for job, at in due:
        if at > work.now:
            await work.set_timer(f"{job}|{stamp}", job, payload, unit_id=cycle.unit_id, due_at=at)


def publicity_of(cycle: Cycle) -> Window | None:
    """The window in which all entries were published."""
    if cycle.publicity_from is None or cycle.publicity_to is None:
        return None
    return Window(cycle.publicity_from, business_day(cycle.publicity_to), cycle.publicity_to)


def republicity_of(entry: Entry) -> Window | None:
    """The window in which a changed entry is published again."""
    if entry.republicity_from is None or entry.republicity_to is None:
        return None
    return Window(entry.republicity_from, business_day(entry.republicity_to), entry.republicity_to)


async def windows_of(session: AsyncSession, cycle: Cycle) -> list[Window]:
    """The publicity and every republication of a cycle."""
    again = await session.scalars(
        sa.select(Entry).where(Entry.cycle_id == cycle.id, Entry.republicity_to.is_not(None))
    )
    return [w for w in (publicity_of(cycle), *map(republicity_of, again)) if w is not None]


revote_pending = sa.and_(sa.func.cardinality(Objection.revote_stars) > 0, ~Objection.revote_done)
"""Condition over Objection: stars still have to be voted on again."""


async def _unsettled(session: AsyncSession, cycle_id: UUID) -> tuple[int, int, int]:
    """(undecided objections, entries with a new vote pending, reviews asked of the town)."""
    row = (
        await session.execute(
            sa.select(
                sa.func.count().filter(Objection.state.in_([str(s) for s in UNDECIDED])),
                sa.func.count(sa.distinct(Objection.entry_id)).filter(revote_pending),
                sa.func.count().filter(Objection.review_state == "ASKED"),
            )
            .join(Entry, Entry.id == Objection.entry_id)
            .where(Objection.cycle_id == cycle_id, Entry.excluded_reason.is_distinct_from(DISSOLVED))
        )
    ).one()
    return int(row[0]), int(row[1]), int(row[2])


class ConfirmStarCycle(ChangeInput):
    """审定评星结果 / Confirm the ratings."""

    cycle_id: id_of("StarCycle") = Field(description="评星周期 / Cycle")  # type: ignore[valid-type]
    t2_reason: str | None = Field(
        None, min_length=5, max_length=1000,
        description="星级评定率未达目标时的书面理由，公开 / Written reason when T2 misses its target, public",
    )  # fmt: skip


@operation("star_virtue.cycle.confirm", permission=CYCLE_ADVANCE, returns="StarCycle")
async def confirm_cycle(work: Work, input: ConfirmStarCycle) -> Cycle:
    """PUBLICITY → CONFIRMED: N, A, R, R6 are frozen.

    INVALID_TRANSITION while an objection, a new vote or a review is open; TOO_EARLY while a window runs;
    VALIDATION_FAILED when T2 misses its target and no reason is given.
    """
    row = await work.load(Cycle, input.cycle_id, expected_version=input.expected_version)
    rules.CYCLE.check(row.state, S.CONFIRMED)
    await exclude_dissolved(work, row)
    undecided, revotes, reviews = await _unsettled(work.session, row.id)
    figures = await counted(work.session, row, provisional=True)
    params = params_of(row)
    rules.check_confirm(
        windows=await windows_of(work.session, row),
        at=work.now,
        open_objections=undecided,
        entries_to_revote=revotes,
        figures=figures,
        t2_reason=input.t2_reason,
        params=params,
    )
    if reviews:
        raise InvalidTransition(
            S.PUBLICITY, S.CONFIRMED, "REVIEW_PENDING", f"还有{reviews}项复核尚未办结",
            f"{reviews} reviews by the town are not decided", count=reviews,
        )  # fmt: skip
    await move_entries(work, row, (E.PUBLICISED,), E.CONFIRMED)
    row.state = S.CONFIRMED
    row.official_n, row.official_a, row.official_r, row.official_r6 = (
        figures.n,
        figures.a,
        figures.r,
        figures.r6,
    )
    row.t2_reason = input.t2_reason if thresholds(figures, params).t2.needs_reason else None
    row.confirmed_at, row.award_due = work.now, rules.award_deadline(work.now, params)
    await work.enqueue(RESULT, {"cycle_id": str(row.id)}, unit_id=row.unit_id, dedup_key=f"{RESULT}|{row.id}")
    await work.emit(CONFIRMED, row, f"cycle:{row.id}", {"cycle_id": str(row.id)})
    return row
