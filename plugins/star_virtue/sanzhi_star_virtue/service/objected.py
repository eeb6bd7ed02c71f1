"""Entries under objection: the window they are shown in, what was voted, what is still pending about them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from sanzhi_core.kit.notice import Window
from sanzhi_core.kit.refusals import InvalidTransition
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry, Objection, Vote
from sanzhi_star_virtue.rules.cycle import CycleState
from sanzhi_star_virtue.rules.entry import ENTRY, EntryState
from sanzhi_star_virtue.rules.objection import UNDECIDED
from sanzhi_star_virtue.service.people import residents_of
from sanzhi_star_virtue.service.publicity import publicity_of, republicity_of, revote_pending, shared_cycle

E = EntryState


def window_of(cycle: Cycle, entry: Entry, at: datetime) -> Window:
    """The window in which an objection of this moment falls, or the last one begun before it."""
    main = publicity_of(cycle)
    if main is None:
        raise InvalidTransition(
            entry.state, E.OBJECTED, "NOT_PUBLISHED", "尚未公示", "Nothing is published yet"
        )
    again = republicity_of(entry)
    shown = [w for w in (main, again) if w is not None and w.opens_at <= at]
    return max(shown, key=lambda w: w.closes_at, default=main)


async def is_of_household(work: Work, household_id: UUID, person: UUID | None) -> bool:
    """Whether a person belongs to a household."""
    return person is not None and person in (await residents_of(work.session, {household_id}))[household_id]


async def voted_stars(work: Work, entry: Entry) -> frozenset[str]:
    """Stars of an entry with a vote in force; for an excluded entry, those it claimed."""
    if entry.state == E.EXCLUDED:
        return frozenset(entry.self_stars)
    found = await work.session.scalars(
        sa.select(Vote.star_code).where(Vote.entry_id == entry.id, Vote.in_force)
    )
    return frozenset(found)


async def settle(work: Work, entry: Entry) -> None:
    """OBJECTED → PUBLICISED once nothing about the entry is pending."""
    if entry.state != E.OBJECTED or await pending(work, entry):
        return
    ENTRY.check(entry.state, E.PUBLICISED)
    entry.state = E.PUBLICISED


async def pending(work: Work, entry: Entry) -> bool:
    """Whether an objection to the entry is undecided or awaits its vote."""
    open_states = [str(s) for s in UNDECIDED]
    found = await work.session.scalar(
        sa.select(sa.func.count()).where(
            Objection.entry_id == entry.id, sa.or_(Objection.state.in_(open_states), revote_pending)
        )
    )
    return bool(found)


async def entry_of(work: Work, row: Objection) -> Entry:
    """The objection's entry, locked."""
    entry = await work.session.get(Entry, row.entry_id, with_for_update=True, populate_existing=True)
    assert entry is not None
    return entry


async def publicity_cycle(work: Work, row: Objection, to: str) -> Cycle:
    """The objection's cycle, which must still be in publicity."""
    cycle = await shared_cycle(work, row.cycle_id)
    if cycle.state != CycleState.PUBLICITY:
        raise InvalidTransition(
            row.state,
            to,
            "CYCLE_STATE",
            "评星不在公示阶段",
            "The cycle is not in publicity",
            cycle=cycle.state,
        )
    return cycle
