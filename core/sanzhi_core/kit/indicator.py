"""Indicators: a named numerator over a named denominator with a target, rolled up by summing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sanzhi_core.kit.exact import Ratio, total


class Status(StrEnum):
    REACHED = "REACHED"
    NOT_REACHED = "NOT_REACHED"
    NOT_APPLICABLE = "NOT_APPLICABLE"


@dataclass(frozen=True, slots=True)
class Target:
    """At least `num/den`. `soft` (原则上): falling short needs a written reason and blocks nothing."""

    num: int
    den: int
    soft: bool = False


@dataclass(frozen=True, slots=True)
class Indicator:
    """What is counted over what. `source` names the document that sets the target."""

    key: str
    title_zh: str
    title_en: str
    num_zh: str
    den_zh: str
    target: Target | None = None
    source: str = ""

    def figure(self, num: int, den: int) -> Figure:
        return Figure(self, Ratio(num, den))

    def roll_up(self, figures: Iterable[Figure]) -> Figure:
        """Numerators and denominators summed. ValueError when a figure is of another indicator."""
        parts = list(figures)
        if any(part.indicator.key != self.key for part in parts):
            raise ValueError(f"only figures of {self.key} can be summed to it")
        return Figure(self, total(part.ratio for part in parts))


@dataclass(frozen=True, slots=True)
class Figure:
    """An indicator's value at one place and time."""

    indicator: Indicator
    ratio: Ratio

    @property
    def num(self) -> int:
        return self.ratio.num

    @property
    def den(self) -> int:
        return self.ratio.den

    @property
    def percent(self) -> str | None:
        return self.ratio.percent()

    @property
    def status(self) -> Status:
        """Against the target; an indicator without target, like one with denominator 0, is not applicable."""
        target = self.indicator.target
        reached = None if target is None else self.ratio.reaches(target.num, target.den)
        if reached is None:
            return Status.NOT_APPLICABLE
        return Status.REACHED if reached else Status.NOT_REACHED

    @property
    def needs_reason(self) -> bool:
        """A soft target was missed: the organiser has to say why."""
        target = self.indicator.target
        return self.status is Status.NOT_REACHED and target is not None and target.soft
