"""The moral council 道德评议会 handles objections: takes them up, extends the time once, decides with a quorum."""

from __future__ import annotations

from typing import Final, Literal
from uuid import UUID

from pydantic import Field

from sanzhi_core.errors import Forbidden
from sanzhi_core.kit.meeting import Attendance, Ballot, recused
from sanzhi_core.kit.refusals import InvalidInput, InvalidTransition
from sanzhi_core.org.rolls import eligible
from sanzhi_core.platform.calendar import work_calendar
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, id_of
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Entry, Objection, ObjectionAuthor
from sanzhi_star_virtue.permissions import OBJECTION_DECIDE
from sanzhi_star_virtue.rules import objection as rules
from sanzhi_star_virtue.rules.council import council_decides
from sanzhi_star_virtue.rules.entry import DISSOLVED, EntryState
from sanzhi_star_virtue.rules.params import StarParams
from sanzhi_star_virtue.service.objected import (
    entry_of,
    is_of_household,
    publicity_cycle,
    settle,
    voted_stars,
)
from sanzhi_star_virtue.service.objections import OVERDUE
from sanzhi_star_virtue.service.parameters import params_of
from sanzhi_star_virtue.service.people import relatives_of, residents_of

DECIDED: Final = "star_virtue.objection.announce_decided"
COUNCIL: Final = "MORAL_COUNCIL"
S = rules.ObjectionState


class TakeUpStarObjection(ChangeInput):
    """受理异议，开始调查 / Take an objection up."""

    objection_id: id_of("StarObjection") = Field(description="异议 / Objection")  # type: ignore[valid-type]


@operation("star_virtue.objection.take_up", permission=OBJECTION_DECIDE, returns="StarObjection")
async def take_up_objection(work: Work, input: TakeUpStarObjection) -> Objection:
    """OPEN → INVESTIGATING. CONFLICT_OF_INTEREST for the objector, the household and their near relatives."""
    row = await work.load(Objection, input.objection_id, expected_version=input.expected_version)
    rules.OBJECTION.check(row.state, S.INVESTIGATING)
    await publicity_cycle(work, row, S.INVESTIGATING)
    row.handler_id = await _handler(work, row)
    row.state = S.INVESTIGATING
    return row


async def concerned_by(work: Work, row: Objection) -> frozenset[UUID]:
    """Members of the household and, when known, who objected."""
    members = await residents_of(work.session, {row.household_id})
    author = await work.session.get(ObjectionAuthor, row.id)
    objector = author.resident_id if author is not None else None
    return members[row.household_id] | ({objector} if objector is not None else set())


async def objects_to_exclusion(work: Work, row: Objection, entry: Entry) -> bool:
    """Whether an objection is the household's own to its exclusion, and the household still exists."""
    author = await work.session.get(ObjectionAuthor, row.id)
    own = await is_of_household(work, row.household_id, author.resident_id if author is not None else None)
    return own and row.star_code is None and entry.excluded_reason != DISSOLVED


async def _handler(work: Work, row: Objection) -> UUID:
    """The council member who acts. FORBIDDEN for an account that is nobody's, CONFLICT_OF_INTEREST."""
    me = work.ctx.principal.resident_id
    if me is None:
        raise Forbidden(
            OBJECTION_DECIDE,
            detail_zh="办理异议的账户须对应道德评议会成员本人",
            detail_en="Who handles objections is a member of the council by name",
        )
    concerned = await concerned_by(work, row)
    rules.check_handler(
        me, objector=None, household=concerned, relatives=await relatives_of(work.session, {me})
    )
    return me


class ExtendStarObjection(ChangeInput):
    """延长异议办理期限一次 / Extend the time to decide, once."""

    objection_id: id_of("StarObjection") = Field(description="异议 / Objection")  # type: ignore[valid-type]
    reason: str = Field(min_length=2, max_length=200, description="理由 / Reason")


@operation("star_virtue.objection.extend", permission=OBJECTION_DECIDE, returns="StarObjection")
async def extend_objection(work: Work, input: ExtendStarObjection) -> Objection:
    """By 3 working days, before the decision was due. VALIDATION_FAILED the second time, DEADLINE_PASSED."""
    row = await work.load(Objection, input.objection_id, expected_version=input.expected_version)
    if row.state not in rules.UNDECIDED:
        raise InvalidTransition(row.state, row.state, "DECIDED", "异议已办结", "The objection is closed")
    cycle = await publicity_cycle(work, row, row.state)
    await _handler(work, row)
    rules.check_extend(already_extended=row.extended, due=row.due_at, at=work.now)
    calendar = await work_calendar(work.session)
    work.reason(input.reason)
    row.extended = True
    row.due_at = rules.decision_due(row.received_at, calendar, extended=True, params=params_of(cycle)).ends_at
    await work.set_timer(
        f"{OVERDUE}|{row.id}", OVERDUE, {"objection_id": str(row.id)}, unit_id=row.unit_id, due_at=row.due_at
    )
    return row


class DecideStarObjection(ChangeInput):
    """道德评议会对异议作出决定 / The council decides an objection."""

    objection_id: id_of("StarObjection") = Field(description="异议 / Objection")  # type: ignore[valid-type]
    decision: Literal["UPHELD", "PARTLY_UPHELD", "REJECTED"] = Field(
        description="成立、部分成立或不成立 / Upheld, partly upheld or rejected"
    )
    reason: str = Field(
        max_length=1000,
        description="理由，告知该户和异议人，不得透露异议人 / Reason, told to the household and the objector",
    )
    present_ids: list[id_of("Resident")] = Field(  # type: ignore[valid-type]
        max_length=50, description="到会的道德评议会成员 / Council members present"
    )
    yes: int = Field(ge=0, le=50, description="赞成本决定的票数 / Votes for this decision")
    revote_stars: list[str] | None = Field(
        None, max_length=20, description="须重新表决的星，缺省为异议所指的星 / Stars to vote on again"
    )
    contrary_fact: bool | None = Field(
        None,
        description="查实有相反事实，重新表决时不加分；缺省：所涉星原已授予则为是 / A contrary fact was verified",
    )


@operation("star_virtue.objection.decide", permission=OBJECTION_DECIDE, returns="StarObjection")
async def decide_objection(work: Work, input: DecideStarObjection) -> Objection:
    """INVESTIGATING → UPHELD, PARTLY_UPHELD or REJECTED. An upheld one sends its stars to a new vote.

    QUORUM_NOT_MET below 2/3 of the council; the objector, the household and their near relatives do not vote;
    VALIDATION_FAILED when not more than half of the others agree.
    """
    row = await work.load(Objection, input.objection_id, expected_version=input.expected_version)
    rules.check_decision(input.decision, input.reason)
    rules.OBJECTION.check(row.state, input.decision)
    cycle = await publicity_cycle(work, row, input.decision)
    await _handler(work, row)
    await _council_vote(work, row, input, params_of(cycle))
    entry = await entry_of(work, row)
    stars = await _stars_to_revote(work, row, entry, input)
    row.state, row.decided_at, row.decision_reason = input.decision, work.now, input.reason
    if stars:
        row.revote_stars, row.revote_done = stars, False
        held = set(stars) <= set(entry.final_stars)
        row.contrary_fact = held if input.contrary_fact is None else input.contrary_fact
    await work.cancel_timer(f"{OVERDUE}|{row.id}")
    await settle(work, entry)
    payload = {"objection_id": str(row.id)}
    await work.enqueue(DECIDED, payload, unit_id=row.unit_id, dedup_key=f"{DECIDED}|{row.id}")
    return row


async def _council_vote(work: Work, row: Objection, input: DecideStarObjection, params: StarParams) -> None:
    members = await eligible(work.session, row.unit_id, [COUNCIL], work.today)
    attendance = Attendance.of([m.resident_id for m in members], input.present_ids)
    pairs = await relatives_of(work.session, attendance.present)
    away = recused(attendance.present, await concerned_by(work, row), pairs)
    ballot = Ballot(len(attendance.voters(away)), input.yes)
    present = len(attendance.present)
    if not council_decides(members=len(members), ballot=ballot, present=present, params=params):
        raise InvalidInput(
            "yes",
            "NOT_PASSED",
            "赞成票未超过到会有表决权成员的半数，决定未通过",
            "Not more than half of those who may vote agree: this decision is not passed",
        )
    row.council_members, row.council_present = len(members), present
    row.council_voters, row.council_yes = ballot.present, ballot.yes
    row.council_present_ids = sorted(attendance.present)


async def _stars_to_revote(work: Work, row: Objection, entry: Entry, input: DecideStarObjection) -> list[str]:
    """The stars an upheld objection sends to a new vote.

    Of an excluded household all it claimed, if the objection is its own, and none otherwise.
    """
    given = input.revote_stars
    if not rules.needs_new_vote(input.decision):
        if given:
            raise InvalidInput(
                "revoteStars", "REJECTED", "异议不成立，不重新表决", "A rejected objection has no new vote"
            )
        return []
    if entry.state == EntryState.EXCLUDED and not await objects_to_exclusion(work, row, entry):
        return []
    votable = await voted_stars(work, entry)
    default = {row.star_code} if row.star_code else set(votable)
    stars = default if given is None else set(given)
    # Who comes back into the rating is voted on as a whole.
    narrowed = bool(stars) and stars <= default and entry.state != EntryState.EXCLUDED
    if not stars <= votable or (stars != default and not narrowed):
        raise InvalidInput(
            "revoteStars",
            "NOT_CONCERNED",
            "只能重新表决异议所涉及、已表决过的星",
            "Only stars that were voted on and are objected to are voted on again",
        )
    return sorted(stars)
