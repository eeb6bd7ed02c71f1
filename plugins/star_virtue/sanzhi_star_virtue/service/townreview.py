"""The town's review 复核: the household asks once, within 5 working days the town keeps or returns the decision."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from sanzhi_core.errors import ConflictOfInterest, ValidationFailed
from sanzhi_core.kit.refusals import InvalidInput, InvalidTransition
from sanzhi_core.platform.calendar import work_calendar
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, id_of
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Objection
from sanzhi_star_virtue.permissions import OBJECTION_RECORD, OBJECTION_REVIEW
from sanzhi_star_virtue.rules import objection as rules
from sanzhi_star_virtue.rules.entry import EntryState
from sanzhi_star_virtue.rules.guardwords import refuse_forbidden_ground
from sanzhi_star_virtue.service.council import objects_to_exclusion
from sanzhi_star_virtue.service.objected import entry_of, publicity_cycle, voted_stars
from sanzhi_star_virtue.service.parameters import params_of
from sanzhi_star_virtue.service.proxy import StarProxy, check_acting

ASKED: Final = "star_virtue.review.announce_asked"
REVIEW_OVERDUE: Final = "star_virtue.review.check_overdue"
REVIEWED: Final = "star_virtue.review.announce_decided"


class AskStarReview(ChangeInput):
    """请乡镇复核异议决定 / Ask the town to review a decision."""

    objection_id: id_of("StarObjection") = Field(description="异议 / Objection")  # type: ignore[valid-type]
    text: str = Field(min_length=10, max_length=1000, description="复核理由 / Why it should be reviewed")
    proxy: StarProxy | None = Field(None, description="由代录员代为提出时填写 / When a clerk records it")


@operation("star_virtue.review.ask", permission=OBJECTION_RECORD, returns="StarObjection")
async def ask_review(work: Work, input: AskStarReview) -> Objection:
    """By the household, once per decision, during publicity. DUPLICATE_RECORD the second time."""
    row = await work.load(
        Objection, input.objection_id, expected_version=input.expected_version, self_="household_id"
    )
    if input.proxy is not None:
        await work.authorise(row)
    elif work.ctx.principal.household_id != row.household_id:
        raise ValidationFailed.of(
            "proxy",
            "PROXY_REQUIRED",
            "代录须填写本人和凭证",
            "Recording for a household needs the person and the evidence",
        )
    await check_acting(work, row.household_id, row.village_id, input.proxy)
    if input.proxy is not None and input.proxy.paper_no is not None:
        work.reason(f"{input.proxy.reason} ({input.proxy.paper_no})")
    rules.check_review_request(state=row.state, already_reviewed=row.review_state is not None)
    if row.handler_id is None:
        raise InvalidTransition(
            row.state, "REVIEW", "REPEAT", "重复异议没有决定可复核", "A repeat has no decision"
        )
    cycle = await publicity_cycle(work, row, "REVIEW")
    calendar = await work_calendar(work.session)
    row.review_state, row.review_request = "ASKED", input.text
    row.review_asked_at = work.now
    row.review_due_at = rules.review_due(work.now, calendar, params_of(cycle)).ends_at
    payload = {"objection_id": str(row.id)}
    await work.enqueue(ASKED, payload, unit_id=row.unit_id, dedup_key=f"{ASKED}|{row.id}")
    due: datetime = row.review_due_at
    await work.set_timer(
        f"{REVIEW_OVERDUE}|{row.id}", REVIEW_OVERDUE, payload, unit_id=row.unit_id, due_at=due
    )
    return row


class DecideStarReview(ChangeInput):
    """乡镇作出复核决定 / The town decides its review."""

    objection_id: id_of("StarObjection") = Field(description="异议 / Objection")  # type: ignore[valid-type]
    decision: Literal["KEPT", "RETURNED"] = Field(
        description="维持，或退回村里重新表决 / Keep the decision, or return it for a new vote"
    )
    reason: str = Field(
        min_length=2, max_length=1000, description="理由，告知该户 / Reason, told to the household"
    )
    contrary_fact: bool | None = Field(
        None,
        description="重新表决时是否不加分，缺省不变 / Whether no bonus counts in the new vote; unchanged when missing",
    )


@operation("star_virtue.review.decide", permission=OBJECTION_REVIEW, returns="StarObjection")
async def decide_review(work: Work, input: DecideStarReview) -> Objection:
    """KEPT closes the matter; RETURNED sends the stars to a new vote. The town never grants a star itself."""
    row = await work.load(Objection, input.objection_id, expected_version=input.expected_version)
    if row.review_state != "ASKED":
        raise InvalidTransition(row.review_state or "NONE", input.decision, "NOT_ASKED")
    if work.ctx.principal.household_id == row.household_id:
        raise ConflictOfInterest(
            detail_zh="涉及本户，应当回避", detail_en="Nobody decides about the own household (R-CORE-22)"
        )
    refuse_forbidden_ground(input.reason, "reason")
    await publicity_cycle(work, row, input.decision)
    row.review_state, row.review_reason, row.reviewed_at = input.decision, input.reason, work.now
    if input.decision == "RETURNED":
        await _return(work, row, input.contrary_fact)
    await work.cancel_timer(f"{REVIEW_OVERDUE}|{row.id}")
    payload = {"objection_id": str(row.id)}
    await work.enqueue(REVIEWED, payload, unit_id=row.unit_id, dedup_key=f"{REVIEWED}|{row.id}")
    return row


async def _return(work: Work, row: Objection, contrary_fact: bool | None) -> None:
    entry = await entry_of(work, row)
    votable = await voted_stars(work, entry)
    stars = row.revote_stars or ([row.star_code] if row.star_code else sorted(votable))
    out = entry.state == EntryState.EXCLUDED and not await objects_to_exclusion(work, row, entry)
    if out or not votable.issuperset(stars) or not stars:
        raise InvalidInput(
            "decision", "NOTHING_TO_VOTE", "没有可重新表决的星", "There is no star to vote on again"
        )
    row.revote_stars, row.revote_done = stars, False
    if contrary_fact is not None:
        row.contrary_fact = contrary_fact
    if entry.state == EntryState.PUBLICISED:
        entry.state = EntryState.OBJECTED
