"""A household leaves the rating: by its own wish, or by decision."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.errors import ConflictOfInterest, ValidationFailed
from sanzhi_core.kit.refusals import InvalidTransition
from sanzhi_core.people.models import Household
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, id_of
from sanzhi_core.platform.notices import Message, Recipient, notify
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry, Objection
from sanzhi_star_virtue.permissions import ENTRY_EXCLUDE, SELF_RATING_RECORD
from sanzhi_star_virtue.rules.cycle import CycleState
from sanzhi_star_virtue.rules.entry import DISSOLVED, ENTRY, EntryState, check_exclusion
from sanzhi_star_virtue.service.people import place_of
from sanzhi_star_virtue.service.proxy import StarProxy, check_acting, is_own, require_authority

_LIVE = (CycleState.SELF_RATING, CycleState.PEER_REVIEW, CycleState.PUBLICITY)


class WithdrawStarEntry(ChangeInput):
    """本户退出本年度评星 / Withdraw one's household from the rating."""

    entry_id: id_of("StarEntry") = Field(description="评定表 / Entry")  # type: ignore[valid-type]
    proxy: StarProxy | None = Field(None, description="由代录员代为提出时填写 / When a clerk records it")


@operation("star_virtue.entry.withdraw", permission=SELF_RATING_RECORD, returns="StarEntry")
async def withdraw_entry(work: Work, input: WithdrawStarEntry) -> Entry:
    """Before publicity; counts as not participated. INVALID_TRANSITION afterwards."""
    entry = await work.load(
        Entry, input.entry_id, expected_version=input.expected_version, self_="household_id"
    )
    await require_authority(work, entry, input.proxy)
    await check_acting(work, entry.household_id, entry.village_id, input.proxy)
    await _check_cycle(work, entry, EntryState.WITHDRAWN)
    ENTRY.check(entry.state, EntryState.WITHDRAWN)
    leave(entry, EntryState.WITHDRAWN)
    return entry


class ExcludeStarEntry(ChangeInput):
    """决定对某户不予评定 / Exclude a household by decision."""

    entry_id: id_of("StarEntry") = Field(description="评定表 / Entry")  # type: ignore[valid-type]
    reason: str = Field(
        min_length=2,
        max_length=500,
        description="理由；户内唯一成员去世填 DISSOLVED / Reason; DISSOLVED when nobody is left",
    )
    notified_at: datetime | None = Field(
        None, description="告知该户的时间 / When the household was told and of its right to object"
    )


@operation("star_virtue.entry.exclude", permission=ENTRY_EXCLUDE, returns="StarEntry")
async def exclude_entry(work: Work, input: ExcludeStarEntry) -> Entry:
    """With reason and notice; the household may object. N does not change. CONFLICT_OF_INTEREST for the own household."""
    entry = await work.load(Entry, input.entry_id, expected_version=input.expected_version)
    if is_own(work, entry):
        raise ConflictOfInterest(
            detail_zh="涉及本户，应当回避", detail_en="Nobody decides about the own household (R-CORE-22)"
        )
    await _check_cycle(work, entry, EntryState.EXCLUDED)
    ENTRY.check(entry.state, EntryState.EXCLUDED)
    told = input.notified_at
    if told is not None and (told.tzinfo is None or told > work.now):
        raise ValidationFailed.of(
            "notifiedAt", "IN_FUTURE", "告知时间不对", "The notice has a past time with its offset"
        )
    check_exclusion(input.reason, notified=told is not None)
    household = await work.session.get(Household, entry.household_id)
    if input.reason == DISSOLVED and household is not None and household.status != DISSOLVED:
        raise ValidationFailed.of("reason", "NOT_DISSOLVED", "该户并未销户", "The household is not dissolved")
    work.reason(input.reason)
    leave(entry, EntryState.EXCLUDED)
    entry.excluded_reason = input.reason
    await _drop_revotes(work, entry)
    if input.reason != DISSOLVED:
        message = Message(
            "star_virtue.entry.excluded",
            "评星：不予评定的决定", "Star rating: decision to exclude your household",
            "本户本年度不予评定。理由见本户评定表；如有异议，可在公示期内提出。",
            "Your household is not rated this year. The reason is in your entry; you may object during publicity.",
            "HIGH",
        )  # fmt: skip
        receiver = Recipient(place_of(entry), household_id=entry.household_id, paper=True)
        await notify(work, message, [receiver], cause=str(entry.id))
    return entry


async def _drop_revotes(work: Work, entry: Entry) -> None:
    """New votes that were due on its stars are moot; only its own objection to the exclusion brings it back."""
    due = await work.session.scalars(
        sa.select(Objection)
        .where(
            Objection.entry_id == entry.id,
            sa.func.cardinality(Objection.revote_stars) > 0,
            ~Objection.revote_done,
        )
        .order_by(Objection.id)
    )
    for row in due:
        row.revote_done = True


async def _check_cycle(work: Work, entry: Entry, to: EntryState) -> None:
    cycle = await work.session.get(
        Cycle, entry.cycle_id, populate_existing=True, with_for_update={"read": True}
    )
    assert cycle is not None
    if cycle.state not in _LIVE:
        raise InvalidTransition(entry.state, to, "CYCLE_STATE", cycle=cycle.state)


def leave(entry: Entry, state: EntryState) -> None:
    """The entry holds nothing any more; its form and votes stay on record."""
    entry.state = state
    entry.final_stars, entry.final_count, entry.title_held = [], 0, False
