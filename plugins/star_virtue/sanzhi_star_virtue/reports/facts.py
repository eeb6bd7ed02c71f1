"""What all reports of a cycle stand on: read once, the same in every format."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from sanzhi_core.clock import local_date
from sanzhi_core.errors import NotFound
from sanzhi_core.kit.refusals import InvalidTransition
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform.work import Work
from sanzhi_core.render import to_json
from sanzhi_star_virtue.models import Cycle, Definition, Entry, Objection
from sanzhi_star_virtue.rules.cycle import CycleState
from sanzhi_star_virtue.rules.thresholds import (
    Figures,
    holders_per_star,
    star_distribution,
    thresholds,
)
from sanzhi_star_virtue.rules.thresholds import count as count_figures
from sanzhi_star_virtue.service.definitions import stars_of
from sanzhi_star_virtue.service.figures import fact_of, official
from sanzhi_star_virtue.service.parameters import params_of

FORMULA_VERSION: Final = "star-2022.1"
"""T1 = A/N, T2 = R/N, T3 = R6/R (domain/star_virtue.md §4)."""

_SUFFIXES: Final = ("村民委员会", "居民委员会", "村委会", "居委会")


def _cycle_id(value: Any) -> Any:
    return value if isinstance(value, UUID) else str(value).removeprefix("StarCycle_")


class CycleReport(BaseModel):
    """Parameters of every report: JSON with `cycleId` as `StarCycle_<uuid>`."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)

    cycle_id: Annotated[UUID, BeforeValidator(_cycle_id)] = Field(description="评星周期 / Cycle")


@dataclass(frozen=True)
class Counts:
    """N, A, R, R6 of a cycle. `basis` as in GraphQL: OFFICIAL, PROVISIONAL or RUNNING (R, R6 not known yet)."""

    basis: str
    figures: Figures
    distribution: tuple[int, ...]
    per_star: dict[str, int]

    @property
    def reviewed(self) -> bool:
        return self.basis != "RUNNING"


@dataclass(frozen=True)
class CycleFacts:
    """A cycle as a report needs it. `entries` in the order of groups and household numbers."""

    cycle: Cycle
    village: OrgUnit
    town: OrgUnit | None
    stars: tuple[Definition, ...]
    entries: tuple[Entry, ...]
    counts: Counts
    objections: dict[str, int]

    def figures(self) -> dict[str, Any]:
        """The numbers kept with the report row: equal for every format."""
        counts = self.counts
        found: dict[str, Any] = {
            "basis": counts.basis,
            "N": counts.figures.n,
            "A": counts.figures.a,
            "R": counts.figures.r if counts.reviewed else None,
            "R6": counts.figures.r6 if counts.reviewed else None,
        }
        each = thresholds(counts.figures, params_of(self.cycle))
        for key, figure in (("T1", each.t1), ("T2", each.t2), ("T3", each.t3)):
            target = figure.indicator.target
            known = key == "T1" or counts.reviewed
            found[key] = {
                "num": figure.num if known else None,
                "den": figure.den if known else None,
                "percent": figure.percent if known else None,
                "status": str(figure.status) if known else None,
                "target": [target.num, target.den] if target else None,
                "soft": bool(target and target.soft),
            }
        found["distribution"] = list(counts.distribution) if counts.reviewed else None
        found["perStar"] = counts.per_star if counts.reviewed else None
        found["objections"] = self.objections
        return found

    def content_hash(self, rows: Any) -> str:
        """SHA-256 over the canonical JSON of the four numbers and of what is listed, for the printed twin."""
        four = {key: value for key, value in self.figures().items() if key in ("N", "A", "R", "R6")}
        return sha256(to_json({"cycle": self.cycle.id, "figures": four, "rows": rows})).hexdigest()


async def cycle_of(work: Work, cycle_id: UUID) -> Cycle:
    """The cycle of a report; NOT_FOUND."""
    cycle = await work.session.get(Cycle, cycle_id)
    if cycle is None:
        raise NotFound("StarCycle")
    return cycle


async def unit_of(work: Work, parameters: CycleReport) -> UUID:
    """The village whose report it is."""
    return (await cycle_of(work, parameters.cycle_id)).unit_id


def require_state(cycle: Cycle, what: str, *states: CycleState) -> None:
    """INVALID_TRANSITION when there is nothing to print yet, or nothing valid any more."""
    if cycle.state not in states:
        raise InvalidTransition(
            cycle.state,
            what,
            "CYCLE_STATE",
            "当前阶段没有这种报表",
            "This stage has no such report",
            cycle=cycle.state,
        )


async def read_cycle(work: Work, cycle_id: UUID) -> CycleFacts:
    """Everything the reports show, counted from one reading of the entries."""
    session = work.session
    cycle = await cycle_of(work, cycle_id)
    village = await session.get(OrgUnit, cycle.unit_id)
    assert village is not None
    town = await session.get(OrgUnit, cycle.town_id) if cycle.town_id else None
    stars = tuple((await stars_of(session, cycle.definition_set_id)).values())
    entries = tuple(
        await session.scalars(
            sa.select(Entry)
            .where(Entry.cycle_id == cycle.id)
            .order_by(Entry.group_name.nulls_last(), Entry.household_no, Entry.id)
        )
    )
    states = await session.execute(
        sa.select(Objection.state, sa.func.count())
        .where(Objection.cycle_id == cycle.id)
        .group_by(Objection.state)
        .order_by(Objection.state)
    )
    counts = _count(cycle, entries, stars)
    return CycleFacts(cycle, village, town, stars, entries, counts, dict(states.all()))


def _count(cycle: Cycle, entries: tuple[Entry, ...], stars: tuple[Definition, ...]) -> Counts:
    facts = [fact_of(e.state, e.final_stars, e.title_held) for e in entries]
    frozen = official(cycle)
    published = cycle.publicity_from is not None
    figures = frozen or count_figures(facts, cycle.total_households or 0, provisional=True)
    if frozen is None and not published:
        figures = Figures(figures.n, figures.a, 0, 0)
    return Counts(
        "OFFICIAL" if frozen else "PROVISIONAL" if published else "RUNNING",
        figures,
        star_distribution(facts),
        holders_per_star(facts, [s.code for s in stars]),
    )


@dataclass(frozen=True)
class Names:
    """What a village and its committee are called in print."""

    village: str
    committee: str


def names_of(unit: OrgUnit) -> Names:
    """From the name of the unit, which in the statistical register often is the committee's (东坪村委会)."""
    stem = next((unit.name.removesuffix(s) for s in _SUFFIXES if unit.name.endswith(s)), unit.name)
    urban = "居" in unit.name[len(stem) :] or stem.endswith("社区")
    end = "社区" if urban else "村"
    place = stem if stem.endswith(end) else stem + end
    return Names(place, f"{place}{'居' if urban else '村'}民委员会")


def qr_text(facts: CycleFacts, title: str, digest: str) -> str:
    """Plain text that any scanner shows, without a network: what this is, its id, the hash to compare."""
    cycle = facts.cycle
    return "\n".join(
        [
            f"{names_of(facts.village).village} {cycle.year}",
            title,
            f"StarCycle_{cycle.id}",
            f"SHA-256 {digest}",
        ]
    )


def file_name(facts: CycleFacts, kind: str, extension: str) -> str:
    """ASCII file name: kind, village code, year."""
    return f"{kind}-{facts.cycle.org_code_at_time}-{facts.cycle.year}.{extension}"


def printed_on(facts: CycleFacts) -> Any:
    """The date under a document: when it became public, so that a reprint is the same."""
    cycle = facts.cycle
    at = cycle.awarded_at or cycle.publicity_from
    assert at is not None
    return local_date(at)
