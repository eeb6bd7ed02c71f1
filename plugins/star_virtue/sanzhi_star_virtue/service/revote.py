"""A new vote after an objection: at a quorate meeting, then the changed entry is published again."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.errors import ConflictOfInterest, DuplicateVote, NotFound
from sanzhi_core.kit.refusals import InvalidInput, InvalidTransition
from sanzhi_core.platform.calendar import work_calendar
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, Input, id_of
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry, Meeting, Objection, Vote
from sanzhi_star_virtue.permissions import MEETING_MANAGE
from sanzhi_star_virtue.rules import objection as rules
from sanzhi_star_virtue.rules import vote as voting
from sanzhi_star_virtue.rules.entry import ENTRY, EntryState
from sanzhi_star_virtue.service.objected import entry_of, pending, publicity_cycle
from sanzhi_star_virtue.service.parameters import params_of
from sanzhi_star_virtue.service.people import place_of, recused_for
from sanzhi_star_virtue.service.proxy import is_own
from sanzhi_star_virtue.service.publicity import arm_window
from sanzhi_star_virtue.service.review import attendance_of, keep_recusals, set_rating, votes_in_force

REVOTED: Final = "star_virtue.objection.announce_revoted"
E = EntryState


class StarRevoteCount(Input):
    """一颗星重新表决的票数 / Count of one star in a new vote."""

    star: str = Field(min_length=3, max_length=3, description="星的代码 / Code of the star")
    yes: int = Field(ge=0, le=500, description="赞成票数 / Yes votes")


class RevoteStarObjection(ChangeInput):
    """异议成立后重新表决 / Vote again after an objection."""

    objection_id: id_of("StarObjection") = Field(description="异议 / Objection")  # type: ignore[valid-type]
    meeting_id: id_of("StarMeeting") = Field(description="重新表决的会议 / Re-vote meeting")  # type: ignore[valid-type]
    votes: list[StarRevoteCount] = Field(
        min_length=1,
        max_length=20,
        description="决定重新表决的各星票数 / Count of each star to be voted on again",
    )


@operation("star_virtue.objection.revote", permission=MEETING_MANAGE, returns="StarObjection")
async def revote_objection(work: Work, input: RevoteStarObjection) -> Objection:
    """The votes on exactly the stars decided. A changed entry is published again for at least 3 working days.

    P is the present minus the recused. INVALID_TRANSITION when no new vote is due, QUORUM_NOT_MET,
    CONFLICT_OF_INTEREST for the own household, DUPLICATE_VOTE at the same meeting.
    """
    row = await work.load(Objection, input.objection_id, expected_version=input.expected_version)
    if not row.revote_stars or row.revote_done:
        raise InvalidTransition(
            row.state, E.RE_REVIEWED, "NO_REVOTE", "没有待重新表决的星", "No new vote is due"
        )
    cycle = await publicity_cycle(work, row, E.RE_REVIEWED)
    entry = await entry_of(work, row)
    if is_own(work, entry):
        raise ConflictOfInterest(
            detail_zh="本户的表决须由他人登记",
            detail_en="The votes on the own household are recorded by somebody else (R-CORE-22)",
        )
    meeting = await _meeting(work, cycle, row, input)
    held, was_out = set(entry.final_stars), entry.state == E.EXCLUDED
    await _vote(work, cycle, entry, meeting, row, {v.star: v.yes for v in input.votes})
    row.revote_done = True
    await work.session.flush()
    ENTRY.check(entry.state, E.RE_REVIEWED)
    cast = await votes_in_force(work.session, [entry.id])
    set_rating(entry, cast[entry.id], params_of(cycle))
    entry.state, entry.excluded_reason = E.RE_REVIEWED, None
    changed = was_out or held != set(entry.final_stars)
    await _publish_again(work, cycle, entry, changed=changed)
    await work.enqueue(
        REVOTED,
        {"objection_id": str(row.id), "changed": changed},
        unit_id=row.unit_id,
        dedup_key=f"{REVOTED}|{row.id}|{meeting.id}",
    )
    return row


async def _meeting(work: Work, cycle: Cycle, row: Objection, input: RevoteStarObjection) -> Meeting:
    """The re-vote meeting, held after the decision, and the stars as decided."""
    meeting = await work.session.get(Meeting, input.meeting_id)
    if meeting is None or meeting.cycle_id != cycle.id:
        raise NotFound("StarMeeting")
    decided = row.reviewed_at if row.review_state == "RETURNED" else row.decided_at
    if meeting.kind != "REVOTE" or (decided is not None and meeting.held_at < decided):
        raise InvalidInput(
            "meetingId",
            "WRONG_MEETING",
            "须为决定之后召开的重新表决会议",
            "It takes a re-vote meeting held after the decision",
        )
    if sorted(v.star for v in input.votes) != sorted(row.revote_stars):
        raise InvalidInput(
            "votes",
            "STARS",
            f"须对{'、'.join(row.revote_stars)}逐一表决",
            f"Exactly these stars are voted on: {', '.join(row.revote_stars)}",
        )
    return meeting


async def _vote(
    work: Work, cycle: Cycle, entry: Entry, meeting: Meeting, row: Objection, yes: dict[str, int]
) -> None:
    """Replace the votes in force by new rows; the old ones stay on record."""
    session = work.session
    attendance = await attendance_of(session, meeting)
    attendance.require_quorum(params_of(cycle).meeting_quorum)
    away = (await recused_for(session, attendance.present, {entry.household_id}))[entry.household_id]
    await keep_recusals(session, meeting.id, entry.id, away)
    cast = (await votes_in_force(session, [entry.id]))[entry.id]
    again = await session.scalar(
        sa.select(sa.func.count()).where(
            Vote.entry_id == entry.id, Vote.meeting_id == meeting.id, Vote.star_code.in_(list(yes))
        )
    )
    if again:
        raise DuplicateVote(
            detail_zh="本次会议已对该星表决", detail_en="This meeting has voted on the star already"
        )
    contrary = bool(row.contrary_fact)
    for star in yes:
        if star in cast:
            cast[star].in_force = False
    await session.flush()  # one vote in force per star, at every moment
    for star, count in sorted(yes.items()):
        ballot = voting.ballot_on(attendance, away, count)
        bonus = voting.bonus_on_star(voting.Bonus(entry.bonus), contrary)
        session.add(
            Vote(
                entry_id=entry.id,
                household_id=entry.household_id,
                meeting_id=meeting.id,
                star_code=star,
                present=ballot.present,
                yes=ballot.yes,
                bonus=bonus,
                contrary_fact=contrary,
                nominated=star not in entry.self_stars,
                granted=voting.granted(ballot, bonus),
                in_force=True,
                voted_at=work.now,
                **place_of(entry),
            )
        )


async def _publish_again(work: Work, cycle: Cycle, entry: Entry, *, changed: bool) -> None:
    """RE_REVIEWED → PUBLICISED, for a further window when changed; OBJECTED again while another one is open."""
    if changed:
        calendar = await work_calendar(work.session)
        window = rules.republication_window(calendar, work.now, params=params_of(cycle))
        entry.republicity_from, entry.republicity_to = window.opens_at, window.closes_at
        await arm_window(work, cycle, window)
    ENTRY.check(entry.state, E.PUBLICISED)
    entry.state = E.PUBLICISED
    if await pending(work, entry):
        ENTRY.check(entry.state, E.OBJECTED)
        entry.state = E.OBJECTED
