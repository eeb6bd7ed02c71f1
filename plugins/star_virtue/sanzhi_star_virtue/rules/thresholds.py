"""The three targets of the organiser (seed 002). They never decide about a single star."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sanzhi_core.kit.indicator import Figure, Indicator, Target
from sanzhi_core.kit.refusals import InvalidInput
from sanzhi_star_virtue.rules.entry import PARTICIPATING, SETTLED, EntryState
from sanzhi_star_virtue.rules.params import DEFAULTS, SEED, StarParams

SIX_STARS: Final = 6  # 六星级: the word of the seed, not a setting


@dataclass(frozen=True, slots=True)
class EntryFact:
    """What the figures need of one entry; `stars` None before the review."""

    state: EntryState
    stars: frozenset[str] | None = None
    title_held: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """N households at snapshot, A valid self-ratings, R titled, R6 of them with six stars and more."""

    n: int
    a: int
    r: int
    r6: int

    def __post_init__(self) -> None:
        if not 0 <= self.r6 <= self.r <= self.a <= self.n:
            raise InvalidInput(
                "figures",
                "INCONSISTENT",
                "应满足 0 ≤ R6 ≤ R ≤ A ≤ N",
                "0 ≤ R6 ≤ R ≤ A ≤ N must hold",
                n=self.n,
                a=self.a,
                r=self.r,
                r6=self.r6,
            )

    def __add__(self, other: Figures) -> Figures:
        """Roll-up by summing, never by a mean of percentages."""
        return Figures(self.n + other.n, self.a + other.a, self.r + other.r, self.r6 + other.r6)


def count(entries: Iterable[EntryFact], n: int, *, provisional: bool = False) -> Figures:
    """Figures over entries. Official: titled entries CONFIRMED or later; provisional: all reviewed ones."""
    a = r = r6 = 0
    for entry in entries:
        if entry.state not in PARTICIPATING:
            continue
        a += 1
        if entry.title_held and entry.stars is not None and (provisional or entry.state in SETTLED):
            r += 1
            r6 += len(entry.stars) >= SIX_STARS
    return Figures(n, a, r, r6)


def indicators(params: StarParams = DEFAULTS) -> tuple[Indicator, Indicator, Indicator]:
    t1, t2, t3 = params.t1, params.t2, params.t3
    return (
        Indicator("T1", "参评率", "Participation", "有效自评户", "农户总数", Target(t1.num, t1.den), SEED),
        Indicator(
            "T2", "星级评定率", "Rated households", "获评户", "农户总数", Target(t2.num, t2.den, True), SEED
        ),
        Indicator(
            "T3",
            "六星级以上占比",
            "Six stars and more",
            "六星级及以上户",
            "获评户",
            Target(t3.num, t3.den),
            SEED,
        ),
    )


@dataclass(frozen=True, slots=True)
class Thresholds:
    """T1 = A/N, T2 = R/N (all households, not participants), T3 = R6/R."""

    t1: Figure
    t2: Figure
    t3: Figure


def thresholds(figures: Figures, params: StarParams = DEFAULTS) -> Thresholds:
    t1, t2, t3 = indicators(params)
    return Thresholds(
        t1.figure(figures.a, figures.n),
        t2.figure(figures.r, figures.n),
        t3.figure(figures.r6, figures.r),
    )


def star_distribution(entries: Iterable[EntryFact]) -> tuple[int, ...]:
    """How many reviewed, participating households hold 0, 1, … 10 stars."""
    found = [0] * 11
    for entry in entries:
        if entry.state in PARTICIPATING and entry.stars is not None:
            found[len(entry.stars)] += 1
    return tuple(found)


def holders_per_star(entries: Iterable[EntryFact], codes: Iterable[str]) -> dict[str, int]:
    """How many participating households hold each star."""
    found = dict.fromkeys(codes, 0)
    for entry in entries:
        if entry.state in PARTICIPATING:
            for star in entry.stars or ():
                found[star] += 1
    return found
