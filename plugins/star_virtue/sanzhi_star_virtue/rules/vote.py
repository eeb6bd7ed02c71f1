"""Peer review 群众互评: bonus, the vote on one star, and what follows from all votes on a household.

Granted iff `100*Y + b*P > 50*P` (domain/star_virtue.md §3).
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from sanzhi_core.kit.exact import more_than_half
from sanzhi_core.kit.meeting import Attendance, Ballot
from sanzhi_core.kit.refusals import InvalidInput
from sanzhi_star_virtue.rules.params import DEFAULTS, StarParams

Person = TypeVar("Person", bound=Hashable)

VETERAN = "VETERAN"
MORAL_MODEL = "MORAL_MODEL"


@dataclass(frozen=True, slots=True)
class Honour:
    """An honour of the household. `valid_to` is the first day on which it no longer holds; None is without end."""

    kind: str
    certificate_no: str | None
    valid_from: date
    valid_to: date | None = None

    def valid_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True)
class Bonus:
    """Percentage points added to the share of yes votes. `warnings`: honours that gave none, and why."""

    points: int
    warnings: tuple[str, ...] = ()


def bonus_for(honours: Iterable[Honour], snapshot: date, params: StarParams = DEFAULTS) -> Bonus:
    """Bonus of a household: each kind once, with a certificate valid on the snapshot day, capped.

    Warnings: `<kind>_NO_CERTIFICATE`, `<kind>_CERTIFICATE_NOT_VALID`.
    """
    size = {VETERAN: params.bonus_veteran, MORAL_MODEL: params.bonus_moral_model}
    counted: set[str] = set()
    problems: dict[str, str] = {}
    for honour in honours:
        if honour.kind not in size:
            continue
        if not (honour.certificate_no or "").strip():
            problems.setdefault(honour.kind, f"{honour.kind}_NO_CERTIFICATE")
        elif not honour.valid_on(snapshot):
            problems.setdefault(honour.kind, f"{honour.kind}_CERTIFICATE_NOT_VALID")
        else:
            counted.add(honour.kind)
    points = min(params.bonus_cap, sum(size[kind] for kind in counted))
    return Bonus(points, tuple(problems[kind] for kind in sorted(problems.keys() - counted)))


def bonus_on_star(bonus: Bonus, contrary_fact: bool) -> int:
    """No bonus for a star against which a fact was verified."""
    return 0 if contrary_fact else bonus.points


def granted(ballot: Ballot, bonus: int) -> bool:
    """Is the star granted? QuorumNotMet when nobody is left to vote, InvalidInput for a bonus not in 0–10."""
    if not 0 <= bonus <= 10:
        raise InvalidInput("bonus", "RANGE", "加分应为0–10个百分点", "A bonus is 0–10 percentage points")
    ballot.require_voters()
    return 100 * ballot.yes + bonus * ballot.present > 50 * ballot.present


def removed(ballot: Ballot) -> bool:
    """Is a held star taken away? More than half of those present say so; no bonus counts."""
    ballot.require_voters()
    return more_than_half(ballot.yes, ballot.present)


def ballot_on(attendance: Attendance[Person], recused: Collection[Person], yes: int) -> Ballot:
    """The totals of a vote: P is counted from the roll, never typed in. Raises InvalidInput when Y > P."""
    return Ballot(len(attendance.voters(recused)), yes)


@dataclass(frozen=True, slots=True)
class StarVote:
    """The vote on one star of one household."""

    ballot: Ballot
    bonus: int = 0

    @property
    def granted(self) -> bool:
        return granted(self.ballot, self.bonus)


def check_votable(star: str, claimed: Collection[str], nominated: Mapping[str, bool]) -> None:
    """Only a claimed star is voted, or one the meeting nominates with the household's consent.

    `nominated` maps a star to the consent. Raises InvalidInput.
    """
    if star in claimed:
        return
    if star not in nominated:
        raise InvalidInput(
            "star",
            "STAR_NOT_CLAIMED",
            "未自评的星不能表决",
            "A star that was not claimed is not voted",
            star=star,
        )
    if not nominated[star]:
        raise InvalidInput(
            "star",
            "NO_CONSENT",
            "提名须经该户同意",
            "A nomination needs the household's consent",
            star=star,
        )


def unvoted(claimed: Iterable[str], votes: Collection[str]) -> tuple[str, ...]:
    """Claimed stars still without a vote."""
    return tuple(sorted(star for star in claimed if star not in votes))


@dataclass(frozen=True, slots=True)
class Rating:
    """What a household holds: 'N星级' is `count`."""

    stars: frozenset[str]
    count: int
    title_held: bool


def rating_of(stars: Iterable[str], params: StarParams = DEFAULTS) -> Rating:
    held = frozenset(stars)
    return Rating(held, len(held), len(held) >= params.title_min_stars)


def rate(
    claimed: Collection[str],
    votes: Mapping[str, StarVote],
    nominated: Mapping[str, bool] | None = None,
    params: StarParams = DEFAULTS,
) -> Rating:
    """The rating of a household by its votes. InvalidInput when a claimed star has no vote."""
    for star in votes:
        check_votable(star, claimed, nominated or {})
    missing = unvoted(claimed, votes)
    if missing:
        raise InvalidInput(
            "votes",
            "STAR_NOT_VOTED",
            f"尚未表决：{'、'.join(missing)}",
            f"Not voted yet: {', '.join(missing)}",
            stars=list(missing),
        )
    return rating_of((star for star, vote in votes.items() if vote.granted), params)
