"""Nomination: the meeting proposes a star that the household did not claim; it is voted only with its consent."""

from __future__ import annotations

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.errors import DuplicateRecord, NotFound, ValidationFailed
from sanzhi_core.kit.refusals import InvalidTransition
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, CommandInput, id_of
from sanzhi_core.platform.notices import Message, Recipient, notify
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry, Meeting, Nomination
from sanzhi_star_virtue.permissions import MEETING_MANAGE, SELF_RATING_RECORD
from sanzhi_star_virtue.rules.cycle import CycleState
from sanzhi_star_virtue.rules.entry import EntryState
from sanzhi_star_virtue.rules.guardwords import refuse_forbidden_ground
from sanzhi_star_virtue.rules.stars import check_stars
from sanzhi_star_virtue.service.definitions import stars_of
from sanzhi_star_virtue.service.people import place_of
from sanzhi_star_virtue.service.proxy import StarProxy, check_acting, refuse_used_paper, require_authority

_NOMINABLE = (EntryState.SELF_RATED, EntryState.REVIEWED)


class NominateStar(CommandInput):
    """会议提名一颗该户未自评的星 / The meeting nominates a star the household did not claim."""

    meeting_id: id_of("StarMeeting") = Field(description="会议 / Meeting")  # type: ignore[valid-type]
    entry_id: id_of("StarEntry") = Field(description="评定表 / Entry")  # type: ignore[valid-type]
    star: str = Field(min_length=3, max_length=3, description="星的代码 / Code of the star")
    reason: str = Field(
        min_length=2, max_length=500, description="理由：可观察的行为 / Reason: an observable act"
    )


@operation("star_virtue.nomination.propose", permission=MEETING_MANAGE, returns="StarNomination")
async def nominate_star(work: Work, input: NominateStar) -> Nomination:
    """Asks the household's consent. VALIDATION_FAILED for a claimed star, DUPLICATE_RECORD for one nominated already."""
    meeting = await work.load(Meeting, input.meeting_id)
    cycle = await work.session.get(Cycle, meeting.cycle_id, populate_existing=True)
    assert cycle is not None
    if meeting.kind != "REVIEW" or cycle.state != CycleState.PEER_REVIEW:
        raise InvalidTransition(cycle.state, CycleState.PEER_REVIEW, "CYCLE_STATE")
    entry = await work.session.get(Entry, input.entry_id, with_for_update=True, populate_existing=True)
    if entry is None or entry.cycle_id != cycle.id:
        raise NotFound("StarEntry")
    if entry.state not in _NOMINABLE:
        raise InvalidTransition(entry.state, EntryState.REVIEWED)
    check_stars([input.star], await stars_of(work.session, cycle.definition_set_id), "star")
    refuse_forbidden_ground(input.reason, "reason", input.star)
    if input.star in entry.self_stars:
        raise ValidationFailed.of(
            "star", "ALREADY_CLAIMED", "该户已自评此星", "The household claimed this star itself"
        )
    known = await work.session.scalar(
        sa.select(Nomination.id).where(Nomination.entry_id == entry.id, Nomination.star_code == input.star)
    )
    if known is not None:
        raise DuplicateRecord(known, detail_zh="此星已提名", detail_en="This star is nominated already")
    row = Nomination(
        meeting_id=meeting.id,
        entry_id=entry.id,
        household_id=entry.household_id,
        star_code=input.star,
        reason=input.reason,
        proposed_at=work.now,
        **place_of(entry),
    )
    work.session.add(row)
    await work.session.flush()
    message = Message(
        "star_virtue.nomination.proposed",
        "评星：会议提名，请表示是否同意", "Star rating: the meeting nominates your household for a star",
        f"互评会议提名本户{input.star}，本户同意后才表决。", f"The review meeting nominates {input.star}; it is voted only with your consent.",
    )  # fmt: skip
    await notify(
        work, message, [Recipient(place_of(entry), household_id=entry.household_id)], cause=str(row.id)
    )
    return row


class AnswerStarNomination(ChangeInput):
    """本户对提名表示同意或不同意 / Consent to a nomination or decline it."""

    nomination_id: id_of("StarNomination") = Field(description="提名 / Nomination")  # type: ignore[valid-type]
    consent: bool = Field(description="是否同意 / Whether the household consents")
    proxy: StarProxy | None = Field(None, description="由代录员代为答复时填写 / When a clerk records it")


@operation("star_virtue.nomination.answer", permission=SELF_RATING_RECORD, returns="StarNomination")
async def answer_nomination(work: Work, input: AnswerStarNomination) -> Nomination:
    """By the household, once, while the peer review runs."""
    row = await work.load(
        Nomination, input.nomination_id, expected_version=input.expected_version, self_="household_id"
    )
    await require_authority(work, row, input.proxy)
    person = await check_acting(work, row.household_id, row.village_id, input.proxy)
    if input.proxy is not None:
        await refuse_used_paper(work, row.village_id, input.proxy.paper_no)
    to = "CONSENTED" if input.consent else "DECLINED"
    state = await work.session.scalar(
        sa.select(Cycle.state).join(Entry, Entry.cycle_id == Cycle.id).where(Entry.id == row.entry_id)
    )
    if row.state != "PROPOSED" or state != CycleState.PEER_REVIEW:
        raise InvalidTransition(row.state, to)
    row.state, row.answered_at, row.answered_by = to, work.now, person
    row.channel = work.ctx.channel
    row.paper_no = input.proxy.paper_no if input.proxy else None
    return row
