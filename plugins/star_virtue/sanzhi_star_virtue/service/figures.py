"""The figures of a cycle: counted from its entries in one place, or taken as frozen (domain/star_virtue.md §4)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_star_virtue.models import Cycle, Entry
from sanzhi_star_virtue.rules.entry import EntryState
from sanzhi_star_virtue.rules.thresholds import EntryFact, Figures, count

_UNREVIEWED = frozenset(
    {EntryState.INVITED, EntryState.SELF_RATED, EntryState.NOT_PARTICIPATED, EntryState.WITHDRAWN}
)


def fact_of(state: str, stars: Sequence[str], title_held: bool) -> EntryFact:
    """What the figures need of one entry."""
    known = EntryState(state)
    return EntryFact(known, None if known in _UNREVIEWED else frozenset(stars), title_held)


async def facts_of(session: AsyncSession, cycle_id: UUID) -> list[EntryFact]:
    """All entries of a cycle."""
    rows = await session.execute(
        sa.select(Entry.state, Entry.final_stars, Entry.title_held).where(Entry.cycle_id == cycle_id)
    )
    return [fact_of(*row) for row in rows]


async def counted(session: AsyncSession, cycle: Cycle, *, provisional: bool) -> Figures:
    """N as frozen at the snapshot; A, R, R6 counted now."""
    return count(await facts_of(session, cycle.id), cycle.total_households or 0, provisional=provisional)


def official(cycle: Cycle) -> Figures | None:
    """The four numbers frozen at CONFIRMED; None before."""
    n, a, r, r6 = cycle.official_n, cycle.official_a, cycle.official_r, cycle.official_r6
    return None if n is None or a is None or r is None or r6 is None else Figures(n, a, r, r6)
