"""The snapshot at opening: the households that count in N, and an invited entry for each of them."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.org.models import OrgUnit, VillagersGroup
from sanzhi_core.people.models import Household, HouseholdHonour
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry
from sanzhi_star_virtue.rules.cycle import in_snapshot
from sanzhi_star_virtue.rules.entry import EntryState
from sanzhi_star_virtue.rules.params import StarParams
from sanzhi_star_virtue.rules.vote import Honour, bonus_for


async def households_on(
    session: AsyncSession, village_id: UUID, day: date
) -> list[tuple[Household, str | None]]:
    """Households that count in N at 00:00 of a day, with the names of their groups."""
    rows = await session.execute(
        sa.select(Household, VillagersGroup.name)
        .outerjoin(VillagersGroup, VillagersGroup.id == Household.group_id)
        .where(
            Household.village_id == village_id,
            Household.registered_on <= day,
            sa.or_(Household.status == "ACTIVE", Household.ended_on > day),
        )
        .order_by(Household.household_no, Household.id)
    )
    # An ended household was ACTIVE until the day it ended.
    return [(h, group) for h, group in rows if in_snapshot(h.type, "ACTIVE")]


async def invite(
    work: Work,
    cycle: Cycle,
    village: OrgUnit,
    households: list[tuple[Household, str | None]],
    params: StarParams,
) -> None:
    """One INVITED entry per household, with the bonus its honours give and last year's count."""
    assert cycle.snapshot_date is not None
    ids = [h.id for h, _ in households]
    honours: dict[UUID, list[HouseholdHonour]] = {}
    for honour in await work.session.scalars(
        sa.select(HouseholdHonour).where(HouseholdHonour.household_id.in_(ids)).order_by(HouseholdHonour.id)
    ):
        honours.setdefault(honour.household_id, []).append(honour)
    before = await _earlier_counts(work.session, ids, cycle.year)
    for household, group in households:
        held = honours.get(household.id, [])
        facts = [Honour(h.honour, h.certificate_no, h.valid_from, h.valid_to) for h in held]
        bonus = bonus_for(facts, cycle.snapshot_date, params)
        work.session.add(
            Entry(
                cycle_id=cycle.id,
                household_id=household.id,
                household_no=household.household_no,
                head_masked_name=household.head_masked_name,
                group_name=group,
                honours=[
                    {"honour": h.honour, "validOnSnapshot": fact.valid_on(cycle.snapshot_date)}
                    for h, fact in zip(held, facts, strict=True)
                ],
                bonus=bonus.points,
                bonus_warning=", ".join(bonus.warnings) or None,
                previous_count=before.get(household.id),
                **{**village.place(), "grid_id": household.grid_id},
            )
        )
    await work.session.flush()


async def _earlier_counts(session: AsyncSession, households: list[UUID], year: int) -> dict[UUID, int]:
    """Stars of the latest settled cycle before a year, by household."""
    rows = await session.execute(
        sa.select(Entry.household_id, Entry.final_count)
        .join(Cycle, Cycle.id == Entry.cycle_id)
        .where(
            Entry.household_id.in_(households),
            Entry.state.in_((EntryState.CONFIRMED, EntryState.AWARDED)),
            Cycle.year < year,
        )
        .order_by(Cycle.year)
    )
    found: dict[UUID, int] = {}
    for household, stars in rows:
        found[household] = stars
    return found
