"""Peer review 群众互评: meetings with a frozen roll, who had to leave, totals of the secret votes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.clock import local_date
from sanzhi_core.errors import ConflictOfInterest, DuplicateVote, NotFound, ValidationFailed
from sanzhi_core.kit.meeting import Attendance, quorum_met
from sanzhi_core.kit.refusals import InvalidTransition
from sanzhi_core.org.models import RollEntry
from sanzhi_core.org.rolls import eligible, freeze_roll
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import CommandInput, Input, id_of
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry, Meeting, Nomination, Presence, Recusal, Vote
from sanzhi_star_virtue.permissions import MEETING_MANAGE
from sanzhi_star_virtue.rules import vote as rules
from sanzhi_star_virtue.rules.cycle import CycleState
from sanzhi_star_virtue.rules.entry import ENTRY, EntryState
from sanzhi_star_virtue.rules.params import StarParams
from sanzhi_star_virtue.rules.stars import check_stars
from sanzhi_star_virtue.service.parameters import meeting_bodies_of, params_of
from sanzhi_star_virtue.service.people import place_of, recused_for
from sanzhi_star_virtue.service.proxy import is_own

SHEETS = 50
"""Most households whose votes one call records."""

_WHEN = {
    "REVIEW": CycleState.PEER_REVIEW,
    "REVOTE": CycleState.PUBLICITY,
    "AWARD": CycleState.CONFIRMED,
}


class HoldStarMeeting(CommandInput):
    """登记会议：应到名册冻结，登记到会人员 / Record a meeting: the roll is frozen, who was present is kept."""

    cycle_id: id_of("StarCycle") = Field(description="评星周期 / Cycle")  # type: ignore[valid-type]
    kind: Literal["REVIEW", "REVOTE", "AWARD"] = Field(
        "REVIEW", description="互评、重新表决或授星会议 / Review, re-vote or award meeting"
    )
    held_at: datetime | None = Field(
        None, description="开会时间，缺省为现在 / When it was held, now when missing"
    )
    place: str = Field(min_length=2, max_length=100, description="地点 / Place")
    chair_id: id_of("Resident") = Field(description="主持人 / Chair")  # type: ignore[valid-type]
    present_ids: list[id_of("Resident")] = Field(  # type: ignore[valid-type]
        max_length=500, description="到会人员 / Members present"
    )
    minutes: str | None = Field(None, max_length=20000, description="会议记录 / Minutes")


@operation("star_virtue.meeting.hold", permission=MEETING_MANAGE, returns="StarMeeting")
async def hold_meeting(work: Work, input: HoldStarMeeting) -> Meeting:
    """Eligible are those in office on the day. QUORUM_NOT_MET below the cycle's quorum (not asked of an award meeting)."""
    cycle = await work.load(Cycle, input.cycle_id)
    if cycle.state != _WHEN[input.kind]:
        raise InvalidTransition(cycle.state, input.kind, "CYCLE_STATE")
    held_at = _held(work, cycle, input)
    village = await work.unit(cycle.unit_id)
    entitled = await eligible(work.session, village.id, meeting_bodies_of(cycle), local_date(held_at))
    attendance = Attendance.of([e.resident_id for e in entitled], input.present_ids)
    share = params_of(cycle).meeting_quorum
    if input.kind != "AWARD":
        attendance.require_quorum(share)
    if input.chair_id not in attendance.present:
        raise ValidationFailed.of("chairId", "NOT_PRESENT", "主持人须到会", "The chair must be present")
    roll = await freeze_roll(work, village, f"star_virtue.meeting.{input.kind.lower()}", entitled)
    meeting = Meeting(
        cycle_id=cycle.id,
        kind=input.kind,
        held_at=held_at,
        place=input.place,
        chair_id=input.chair_id,
        roll_id=roll.id,
        eligible_count=len(attendance.eligible),
        present_count=len(attendance.present),
        quorum_met=quorum_met(len(attendance.present), len(attendance.eligible), share),
        minutes=input.minutes,
        minutes_sha256=sha256(input.minutes.encode()).digest() if input.minutes else None,
        **village.place(),
    )
    work.session.add(meeting)
    await work.session.flush()
    work.session.add_all(
        Presence(meeting_id=meeting.id, resident_id=who) for who in sorted(attendance.present)
    )
    await work.session.flush()
    return meeting


def _held(work: Work, cycle: Cycle, input: HoldStarMeeting) -> datetime:
    held_at = input.held_at or work.now
    began = {"REVIEW": cycle.self_rating_to, "REVOTE": cycle.publicity_from, "AWARD": cycle.confirmed_at}[
        input.kind
    ]
    if held_at.tzinfo is None:
        raise ValidationFailed.of("heldAt", "NO_OFFSET", "时间须带时区", "A time needs its offset")
    if held_at > work.now or (began is not None and held_at < began):
        raise ValidationFailed.of(
            "heldAt",
            "OUT_OF_RANGE",
            "开会时间不在该阶段内",
            "The meeting lies in the running stage and not in the future",
        )
    return held_at


async def attendance_of(session: AsyncSession, meeting: Meeting) -> Attendance[UUID]:
    """The frozen roll and who was present."""
    entitled = await session.scalars(
        sa.select(RollEntry.resident_id).where(RollEntry.roll_id == meeting.roll_id)
    )
    present = await session.scalars(sa.select(Presence.resident_id).where(Presence.meeting_id == meeting.id))
    return Attendance(frozenset(entitled), frozenset(present))


class StarVoteCount(Input):
    """一颗星的票数 / Count of one star."""

    star: str = Field(min_length=3, max_length=3, description="星的代码 / Code of the star")
    yes: int = Field(
        ge=0, le=500, description="赞成票数；未赞成即弃权或反对 / Yes votes; all others abstain or oppose"
    )
    contrary_fact: bool = Field(
        False, description="查实有相反事实，该星不加分 / A contrary fact was verified: no bonus"
    )


class StarVoteSheet(Input):
    """一户的计票表 / Counting sheet of one household."""

    entry_id: id_of("StarEntry") = Field(description="评定表 / Entry")  # type: ignore[valid-type]
    votes: list[StarVoteCount] = Field(
        max_length=20, description="各星票数；未自评任何星的户为空 / Count per star"
    )
    recused_ids: list[id_of("Resident")] = Field(  # type: ignore[valid-type]
        default_factory=list,
        max_length=500,
        description="另行回避的人员；本户和近亲属自动回避 / Further members who left",
    )
    voter_ids: list[id_of("Resident")] | None = Field(  # type: ignore[valid-type]
        None,
        max_length=500,
        description="投票人员，可不填；只核对，不保存 / Who handed in a ballot; checked, not kept",
    )


class RecordStarVotes(CommandInput):
    """登记互评票数，一次最多50户 / Record the votes of a review meeting, at most 50 households a call."""

    meeting_id: id_of("StarMeeting") = Field(description="会议 / Meeting")  # type: ignore[valid-type]
    sheets: list[StarVoteSheet] = Field(
        min_length=1, max_length=SHEETS, description="计票表 / Counting sheets"
    )


@operation("star_virtue.vote.record", permission=MEETING_MANAGE, returns="StarMeeting")
async def record_votes(work: Work, input: RecordStarVotes) -> Meeting:
    """P is the present minus the recused, never typed in. An entry whose claimed stars are all voted is REVIEWED."""
    meeting = await work.load(Meeting, input.meeting_id)
    cycle = await work.session.get(
        Cycle, meeting.cycle_id, populate_existing=True, with_for_update={"read": True}
    )
    assert cycle is not None
    if meeting.kind != "REVIEW" or cycle.state != CycleState.PEER_REVIEW:
        raise InvalidTransition(cycle.state, CycleState.PEER_REVIEW, "CYCLE_STATE")
    params = params_of(cycle)
    attendance = await attendance_of(work.session, meeting)
    attendance.require_quorum(params.meeting_quorum)
    entries = await _entries(work, cycle, [s.entry_id for s in input.sheets])
    away = await recused_for(work.session, attendance.present, {e.household_id for e in entries.values()})
    nominated = await _nominated(work.session, list(entries))
    cast = await votes_in_force(work.session, list(entries))
    for sheet in input.sheets:
        entry = entries[sheet.entry_id]
        recused = away[entry.household_id] | _declared(sheet, attendance)
        _check_voters(sheet, attendance, recused)
        await keep_recusals(work.session, meeting.id, entry.id, recused)
        _record(work, meeting, entry, sheet, attendance, recused, nominated[entry.id], cast[entry.id])
        review(entry, nominated[entry.id], cast[entry.id], params)
    await work.session.flush()
    return meeting


async def _entries(work: Work, cycle: Cycle, ids: list[UUID]) -> dict[UUID, Entry]:
    """The entries, locked in one order. A household twice is VALIDATION_FAILED, the own one CONFLICT_OF_INTEREST."""
    if len(set(ids)) != len(ids):
        raise ValidationFailed.of("sheets", "TWICE", "同一户有两张计票表", "A household has two sheets")
    rows = await work.session.scalars(
        sa.select(Entry)
        .where(Entry.cycle_id == cycle.id, Entry.id.in_(ids))
        .order_by(Entry.id)
        .with_for_update()
    )
    found = {row.id: row for row in rows}
    if len(found) != len(ids):
        raise NotFound("StarEntry")
    for entry in found.values():
        if is_own(work, entry):
            raise ConflictOfInterest(
                detail_zh=f"{entry.household_no}是本户，须由他人登记",
                detail_en="The votes on the own household are recorded by somebody else (R-CORE-22)",
            )
        if entry.state != EntryState.REVIEWED:  # a reviewed one may still get a nominated star
            ENTRY.check(entry.state, EntryState.REVIEWED)
    return found


async def _nominated(session: AsyncSession, entries: list[UUID]) -> dict[UUID, dict[str, bool]]:
    """Entry → nominated star → the household consents."""
    found: dict[UUID, dict[str, bool]] = {e: {} for e in entries}
    for row in await session.scalars(sa.select(Nomination).where(Nomination.entry_id.in_(entries))):
        found[row.entry_id][row.star_code] = row.state == "CONSENTED"
    return found


async def votes_in_force(session: AsyncSession, entries: list[UUID]) -> dict[UUID, dict[str, Vote]]:
    """Entry → star → the vote that counts."""
    found: dict[UUID, dict[str, Vote]] = {e: {} for e in entries}
    for row in await session.scalars(sa.select(Vote).where(Vote.entry_id.in_(entries), Vote.in_force)):
        found[row.entry_id][row.star_code] = row
    return found


def _declared(sheet: StarVoteSheet, attendance: Attendance[UUID]) -> frozenset[UUID]:
    left = frozenset(sheet.recused_ids)
    if not left <= attendance.present:
        raise ValidationFailed.of(
            "recusedIds", "NOT_PRESENT", "回避人员不在到会名单中", "Somebody who left was not present"
        )
    return left


def _check_voters(sheet: StarVoteSheet, attendance: Attendance[UUID], recused: frozenset[UUID]) -> None:
    """FORBIDDEN for a voter who was not present, CONFLICT_OF_INTEREST for one who had to leave."""
    if sheet.voter_ids is None:
        return
    for person in sheet.voter_ids:
        attendance.check_voter(person, recused)
    if any(count.yes > len(set(sheet.voter_ids)) for count in sheet.votes):
        raise ValidationFailed.of(
            "votes", "YES_EXCEEDS_BALLOTS", "赞成票多于投票人数", "More yes votes than ballots"
        )


async def keep_recusals(session: AsyncSession, meeting: UUID, entry: UUID, recused: frozenset[UUID]) -> None:
    """Keep who left while an entry was voted on."""
    if recused:
        rows = [{"meeting_id": meeting, "entry_id": entry, "resident_id": who} for who in sorted(recused)]
        await session.execute(insert(Recusal).values(rows).on_conflict_do_nothing())


def _record(
    work: Work,
    meeting: Meeting,
    entry: Entry,
    sheet: StarVoteSheet,
    attendance: Attendance[UUID],
    recused: frozenset[UUID],
    nominated: Mapping[str, bool],
    cast: dict[str, Vote],
) -> None:
    """Add the votes of one sheet to `cast`. DUPLICATE_VOTE for a star that has its vote."""
    check_stars([count.star for count in sheet.votes], {*entry.self_stars, *nominated} | _ALL, "votes")
    for count in sheet.votes:
        rules.check_votable(count.star, entry.self_stars, nominated)
        if count.star in cast:
            raise DuplicateVote(
                detail_zh=f"{entry.household_no}的{count.star}已表决",
                detail_en=f"{count.star} of {entry.household_no} has been voted on",
            )
        ballot = rules.ballot_on(attendance, recused, count.yes)
        bonus = rules.bonus_on_star(rules.Bonus(entry.bonus), count.contrary_fact)
        row = Vote(
            entry_id=entry.id,
            household_id=entry.household_id,
            meeting_id=meeting.id,
            star_code=count.star,
            present=ballot.present,
            yes=ballot.yes,
            bonus=bonus,
            contrary_fact=count.contrary_fact,
            nominated=count.star not in entry.self_stars,
            granted=rules.granted(ballot, bonus),
            in_force=True,
            voted_at=work.now,
            **place_of(entry),
        )
        work.session.add(row)
        cast[count.star] = row


_ALL = {f"S{n:02d}" for n in range(1, 11)}


def review(entry: Entry, nominated: Mapping[str, bool], cast: Mapping[str, Vote], params: StarParams) -> None:
    """REVIEWED with its stars as soon as every claimed and every consented star has a vote."""
    consented = [star for star, yes in nominated.items() if yes]
    if rules.unvoted([*entry.self_stars, *consented], cast):
        return
    set_rating(entry, cast, params)
    entry.state = EntryState.REVIEWED


def set_rating(entry: Entry, cast: Mapping[str, Vote], params: StarParams) -> None:
    """Stars, count and title by the votes in force."""
    rating = rules.rating_of((star for star, vote in cast.items() if vote.granted), params)
    entry.final_stars, entry.final_count, entry.title_held = (
        sorted(rating.stars),
        rating.count,
        rating.title_held,
    )
