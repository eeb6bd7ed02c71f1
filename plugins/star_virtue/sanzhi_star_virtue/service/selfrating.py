"""Self-rating forms: handed in by the household, or keyed by a clerk. All are kept, one is in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.errors import ValidationFailed
from sanzhi_core.kit.refusals import DeadlinePassed, InvalidTransition
from sanzhi_core.platform.calendar import work_calendar
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import CommandInput, Input, id_of
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry, Nomination, SelfRating, Vote
from sanzhi_star_virtue.permissions import SELF_RATING_RECORD
from sanzhi_star_virtue.rules import selfrating as rules
from sanzhi_star_virtue.rules.cycle import CycleState
from sanzhi_star_virtue.rules.entry import ENTRY, EntryState
from sanzhi_star_virtue.service.definitions import stars_of
from sanzhi_star_virtue.service.parameters import params_of
from sanzhi_star_virtue.service.people import place_of
from sanzhi_star_virtue.service.proxy import StarProxy, check_acting, refuse_used_paper

_ENDED = (CycleState.CANCELLED, CycleState.SUSPENDED)


class StarReason(Input):
    """某颗星的自评理由 / Why the household claims a star."""

    star: str = Field(min_length=3, max_length=3, description="星的代码 / Code of the star")
    text: str = Field(
        min_length=1, max_length=2000, description="理由，不超过500字 / Reason, at most 500 characters"
    )


class _Form(CommandInput):
    entry_id: id_of("StarEntry") = Field(description="评定表 / Entry")  # type: ignore[valid-type]
    stars: list[str] = Field(
        max_length=50, description="自评的星 S01–S10，可以为空 / Claimed stars, may be empty"
    )
    reasons: list[StarReason] = Field(default_factory=list, max_length=50, description="理由 / Reasons")

    def reasons_by_star(self) -> Mapping[str, str]:
        """Reasons as a mapping; a star with two reasons is VALIDATION_FAILED."""
        if len({r.star for r in self.reasons}) != len(self.reasons):
            raise ValidationFailed.of("reasons", "TWICE", "同一颗星有两条理由", "A star has two reasons")
        return {r.star: r.text for r in self.reasons}


class SubmitStarSelfRating(_Form):
    """提交本户自评 / Hand in one's household's self-rating."""


class RecordStarSelfRating(_Form):
    """代录自评表 / Key a household's self-rating."""

    received_at: datetime | None = Field(
        None,
        description="纸质表上的收表时间；口述代录不填 / Time of receipt written on the paper; none for an oral one",
    )
    proxy: StarProxy = Field(description="代录信息 / For whom and on what evidence")


@operation("star_virtue.selfrating.submit", permission=None, returns="StarEntry")
async def submit_self_rating(work: Work, input: SubmitStarSelfRating) -> Entry:
    """By the head or an authorised adult member; a later form replaces the earlier one, both are kept."""
    entry = await work.load(Entry, input.entry_id, self_="household_id")
    person = await check_acting(work, entry.household_id, entry.village_id, None)
    cycle = await _cycle(work, entry)
    assert cycle.self_rating_from is not None
    assert cycle.self_rating_to is not None
    rules.check_on_time(cycle.self_rating_from, cycle.self_rating_to, work.now)
    if cycle.state != CycleState.SELF_RATING:
        raise DeadlinePassed(cycle.self_rating_to, "自评", "The self-rating deadline")
    await _keep(work, cycle, entry, input, received_at=work.now, channel=work.ctx.channel, person_id=person)
    return entry


@operation("star_virtue.selfrating.record", permission=SELF_RATING_RECORD, returns="StarEntry")
async def record_self_rating(work: Work, input: RecordStarSelfRating) -> Entry:
    """By a clerk, from paper or from what the person says. Paper in time may be keyed until 2 working days later."""
    entry = await work.load(Entry, input.entry_id)
    proxy = input.proxy
    person = await check_acting(work, entry.household_id, entry.village_id, proxy)
    received_at = _received(work, input)
    await refuse_used_paper(work, entry.village_id, proxy.paper_no)
    cycle = await _cycle(work, entry)
    assert cycle.self_rating_from is not None
    assert cycle.self_rating_to is not None
    rules.check_paper_on_time(
        cycle.self_rating_from,
        cycle.self_rating_to,
        received_at,
        work.now,
        await work_calendar(work.session),
        params_of(cycle),
    )
    await _keep(
        work, cycle, entry, input,
        received_at=received_at, channel="PAPER" if proxy.paper_no else "WINDOW", person_id=person,
        clerk_id=work.ctx.principal.account_id, paper_no=proxy.paper_no, witness=proxy.witness,
        read_back=proxy.read_back, proxy_reason=proxy.reason,
    )  # fmt: skip
    return entry


def _received(work: Work, input: RecordStarSelfRating) -> datetime:
    if input.received_at is None:
        return work.now
    if input.received_at.tzinfo is None:
        raise ValidationFailed.of("receivedAt", "NO_OFFSET", "时间须带时区", "A time needs its offset")
    if input.proxy.paper_no is None:
        raise ValidationFailed.of(
            "receivedAt",
            "PAPER_REQUIRED",
            "只有纸质表可填写收表时间",
            "Only a paper has a time of receipt of its own",
        )
    return input.received_at


async def _cycle(work: Work, entry: Entry) -> Cycle:
    # Shared lock: no step of the cycle overtakes the form.
    cycle = await work.session.get(
        Cycle, entry.cycle_id, populate_existing=True, with_for_update={"read": True}
    )
    assert cycle is not None
    if cycle.state in _ENDED:
        raise InvalidTransition(cycle.state, CycleState.SELF_RATING)
    return cycle


async def _keep(
    work: Work, cycle: Cycle, entry: Entry, input: _Form, *, received_at: datetime, **more: Any
) -> None:
    """Keep the form; when it is the one that counts, the entry takes it over."""
    if entry.state != EntryState.SELF_RATED:
        ENTRY.check(entry.state, EntryState.SELF_RATED)
        if cycle.state not in (CycleState.SELF_RATING, CycleState.PEER_REVIEW):
            raise InvalidTransition(cycle.state, CycleState.SELF_RATING)
    active = await stars_of(work.session, cycle.definition_set_id)
    reasons = input.reasons_by_star()
    stars = rules.check_form(input.stars, reasons, active)
    earlier = list(
        await work.session.scalars(
            sa.select(SelfRating)
            .where(SelfRating.entry_id == entry.id)
            .order_by(SelfRating.recorded_at, SelfRating.id)
        )
    )
    forms = [rules.Form(f.received_at, n, frozenset(f.stars)) for n, f in enumerate(earlier)]
    this = rules.Form(received_at, len(forms), stars)
    counts = rules.counting_form([*forms, this]) is this
    if counts:
        for form in earlier:
            form.counts = False
        await work.session.flush()
    work.session.add(
        SelfRating(
            cycle_id=cycle.id,
            entry_id=entry.id,
            household_id=entry.household_id,
            stars=sorted(stars),
            reasons=dict(reasons),
            received_at=received_at,
            recorded_at=work.now,
            counts=counts,
            **more,
            **place_of(entry),
        )
    )
    if counts:
        entry.state = EntryState.SELF_RATED
        entry.self_stars, entry.self_reasons = sorted(stars), dict(reasons)
        entry.submitted_at, entry.channel, entry.submitted_by = (
            received_at,
            more["channel"],
            more["person_id"],
        )
        await _void_votes(work, entry.id, stars)
    await work.session.flush()


async def _void_votes(work: Work, entry_id: UUID, claimed: frozenset[str]) -> None:
    """Votes on stars that the new form no longer claims do not count; the rows stay."""
    nominated = sa.select(Nomination.star_code).where(Nomination.entry_id == entry_id)
    for vote in await work.session.scalars(
        sa.select(Vote).where(
            Vote.entry_id == entry_id,
            Vote.in_force,
            Vote.star_code.not_in(sorted(claimed)),
            Vote.star_code.not_in(nominated),
        )
    ):
        vote.in_force = False
