"""Award 嘉许授牌: at an award meeting; plaques due, honour roll, points; closed when the year is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.errors import NotFound
from sanzhi_core.kit.refusals import InvalidInput
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, id_of
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry, HonourRollItem, Meeting
from sanzhi_star_virtue.permissions import CYCLE_ADVANCE
from sanzhi_star_virtue.rules import cycle as rules
from sanzhi_star_virtue.rules.entry import EntryState
from sanzhi_star_virtue.rules.guardwords import refuse_forbidden_ground
from sanzhi_star_virtue.rules.params import StarParams
from sanzhi_star_virtue.rules.plaque import change_mark
from sanzhi_star_virtue.rules.points import AWARD_RULE, award_points
from sanzhi_star_virtue.service.parameters import params_of
from sanzhi_star_virtue.service.people import place_of
from sanzhi_star_virtue.service.plaques import settle_plaques
from sanzhi_star_virtue.service.points import Earning, earn
from sanzhi_star_virtue.service.publicity import move_entries

AWARDED: Final = "star_virtue.cycle.announce_award"
CLOSE: Final = "star_virtue.cycle.close"
HOUSEHOLD_CHANGED: Final = "star_virtue.household.changed"
POINTS_CHANGED: Final = "star_virtue.points.changed"
S = rules.CycleState
E = EntryState


class AwardStarCycle(ChangeInput):
    """召开会议集中授星 / Award the stars at a meeting."""

    cycle_id: id_of("StarCycle") = Field(description="评星周期 / Cycle")  # type: ignore[valid-type]
    meeting_id: id_of("StarMeeting") = Field(description="授星会议 / Award meeting")  # type: ignore[valid-type]
    late_reason: str | None = Field(
        None, min_length=5, max_length=500,
        description="超过授星期限时的书面理由，公开 / Written reason when the deadline has passed, public",
    )  # fmt: skip


@operation("star_virtue.cycle.award", permission=CYCLE_ADVANCE, returns="StarCycle")
async def award_cycle(work: Work, input: AwardStarCycle) -> Cycle:
    """CONFIRMED → AWARDED: plaques TO_ISSUE, honour roll published, points earned, all in one.

    DEADLINE_PASSED after 30 days without a written reason; NOT_FOUND and VALIDATION_FAILED for the meeting.
    """
    row = await work.load(Cycle, input.cycle_id, expected_version=input.expected_version)
    rules.CYCLE.check(row.state, S.AWARDED)
    await _check_meeting(work, row, input)
    assert row.confirmed_at is not None
    params = params_of(row)
    if input.late_reason is not None:
        refuse_forbidden_ground(input.late_reason, "lateReason")
    rules.check_award(
        confirmed_at=row.confirmed_at, at=work.now, late_reason=input.late_reason, params=params
    )
    await move_entries(work, row, (E.CONFIRMED,), E.AWARDED)
    row.state, row.awarded_at, row.award_meeting_id = S.AWARDED, work.now, input.meeting_id
    if row.award_due is not None and work.now >= row.award_due:
        row.award_late_reason = input.late_reason
    entries = await awarded_entries(work, row)
    await settle_plaques(work, row, entries, params)
    _publish_roll(work, row, entries, params)
    if await earn_award_points(work, row, entries, params):
        await work.emit(POINTS_CHANGED, row, f"cycle:{row.id}", {"cycle_id": str(row.id)})
    for entry in entries:
        if change_mark(entry.previous_count, entry.final_count):
            payload = {"household_id": str(entry.household_id), "cycle_id": str(row.id)}
            await work.emit(HOUSEHOLD_CHANGED, entry, f"household:{entry.household_id}", payload)
    await work.enqueue(
        AWARDED, {"cycle_id": str(row.id)}, unit_id=row.unit_id, dedup_key=f"{AWARDED}|{row.id}"
    )
    close_at = max(rules.year_end(row.year), work.now)
    await work.set_timer(
        f"{CLOSE}|{row.id}", CLOSE, {"cycle_id": str(row.id)}, unit_id=row.unit_id, due_at=close_at
    )
    return row


async def _check_meeting(work: Work, cycle: Cycle, input: AwardStarCycle) -> None:
    meeting = await work.session.get(Meeting, input.meeting_id)
    if meeting is None or meeting.cycle_id != cycle.id:
        raise NotFound("StarMeeting")
    if meeting.kind != "AWARD":
        raise InvalidInput("meetingId", "WRONG_MEETING", "须为授星会议", "It takes an award meeting")


async def awarded_entries(work: Work, cycle: Cycle) -> Sequence[Entry]:
    """Entries with their final stars, in the order of household numbers."""
    rows = await work.session.scalars(
        sa.select(Entry)
        .where(Entry.cycle_id == cycle.id, Entry.state == E.AWARDED)
        .order_by(Entry.household_no, Entry.id)
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def earn_award_points(work: Work, cycle: Cycle, entries: Sequence[Entry], params: StarParams) -> int:
    """R-STAR-25: each confirmed star earns its points, once per entry; a second run adds 0."""
    return await earn(
        work,
        [
            Earning(entry.household_id, points, AWARD_RULE, str(entry.id), place_of(entry))
            for entry in entries
            if (points := award_points(entry.final_count, params)) is not None
        ],
    )


def _publish_roll(work: Work, cycle: Cycle, entries: Sequence[Entry], params: StarParams) -> None:
    """Households with six stars and more: head's masked name, group, count, change. No reason, no address."""
    work.session.add_all(
        HonourRollItem(
            cycle_id=cycle.id,
            household_id=entry.household_id,
            head_masked_name=entry.head_masked_name,
            group_name=entry.group_name,
            star_count=entry.final_count,
            change_mark=change_mark(entry.previous_count, entry.final_count),
            published_at=work.now,
            **place_of(entry),
        )
        for entry in entries
        if entry.final_count >= params.plaque_min_stars
    )


async def close_cycle(work: Work, cycle: Cycle) -> None:
    """AWARDED → CLOSED at 31 December 24:00, by the job. Raises TOO_EARLY."""
    rules.CYCLE.check(cycle.state, S.CLOSED)
    rules.check_close(cycle.year, work.now)
    cycle.state, cycle.closed_at = S.CLOSED, work.now
