"""Plaques 星级文明户牌: due at the award, issued when they hang at the door (seed 002)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.errors import ConflictOfInterest
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, id_of
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry, Plaque
from sanzhi_star_virtue.permissions import PLAQUE_ISSUE
from sanzhi_star_virtue.rules.params import StarParams
from sanzhi_star_virtue.rules.plaque import PLAQUE, PlaqueState, PlaqueStep, plaque_step
from sanzhi_star_virtue.service.people import place_of

P = PlaqueState
_LIVING = (P.TO_ISSUE, P.ISSUED)


async def settle_plaques(work: Work, cycle: Cycle, entries: Sequence[Entry], params: StarParams) -> int:
    """Bring the plaques of these households in line with their counts; returns how many are due to be issued.

    Number: village code, year, running number in the village; unique in the county.
    """
    households = [e.household_id for e in entries]
    rows = await work.session.scalars(
        sa.select(Plaque)
        .where(Plaque.household_id.in_(households), Plaque.state.in_([str(s) for s in _LIVING]))
        .with_for_update()
    )
    living: dict[UUID, Plaque] = {row.household_id: row for row in rows}
    due: list[Entry] = []
    for entry in entries:
        old = living.get(entry.household_id)
        step = plaque_step(old.star_count if old else None, entry.final_count, params)
        if old is not None and step in (PlaqueStep.RECALL, PlaqueStep.REPLACE):
            to = P.RECALLED if step is PlaqueStep.RECALL else P.REPLACED
            PLAQUE.check(old.state, to)
            old.state = to
        if step in (PlaqueStep.ISSUE, PlaqueStep.REPLACE):
            due.append(entry)
    await work.session.flush()  # one living plaque per household, at every moment
    made = await work.session.scalar(sa.select(sa.func.count()).where(Plaque.cycle_id == cycle.id))
    for n, entry in enumerate(due, start=int(made or 0) + 1):
        work.session.add(
            Plaque(
                cycle_id=cycle.id,
                entry_id=entry.id,
                household_id=entry.household_id,
                no=f"{cycle.org_code_at_time}-{cycle.year}-{n:04d}",
                star_count=entry.final_count,
                **place_of(entry),
            )
        )
    await work.session.flush()
    return len(due)


class IssueStarPlaque(ChangeInput):
    """发放户牌 / Issue a plaque."""

    plaque_id: id_of("StarPlaque") = Field(description="户牌 / Plaque")  # type: ignore[valid-type]
    hung_at_door: bool = Field(description="已挂在门口 / It hangs at the door")


@operation("star_virtue.plaque.issue", permission=PLAQUE_ISSUE, returns="StarPlaque")
async def issue_plaque(work: Work, input: IssueStarPlaque) -> Plaque:
    """TO_ISSUE → ISSUED. Nobody issues the plaque of the own household (CONFLICT_OF_INTEREST)."""
    row = await work.load(Plaque, input.plaque_id, expected_version=input.expected_version)
    if work.ctx.principal.household_id == row.household_id:
        raise ConflictOfInterest(
            detail_zh="涉及本户，应由他人发放",
            detail_en="Somebody else issues the own household's plaque (R-CORE-22)",
        )
    PLAQUE.check(row.state, P.ISSUED)
    row.state, row.issued_at, row.hung_at_door = P.ISSUED, work.now, input.hung_at_door
    return row
