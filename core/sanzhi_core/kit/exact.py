"""Exact counting: majorities, shares and displayed percentages, in integers only (domain/core.md §0).

以上、以内 include the number; 超过、不满、不足 exclude it [law: 民法典 art. 1259].
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


def _counts(*values: int) -> None:
    for value in values:
        if value < 0:
            raise ValueError("a count is never negative")


def more_than_half(k: int, n: int) -> bool:
    """过半数: strictly more than half of `n`."""
    _counts(k, n)
    return 2 * k > n


def at_least(k: int, n: int, num: int, den: int) -> bool:
    """Is `k` at least `num/den` of `n`? Nothing is a share of nobody: False when `n` is 0."""
    _counts(k, n, num)
    if den <= 0:
        raise ValueError("the share needs a positive denominator")
    return n > 0 and den * k >= num * n


def smallest_at_least(n: int, num: int, den: int) -> int:
    """The smallest count that is at least `num/den` of `n`."""
    _counts(n, num)
    if den <= 0:
        raise ValueError("the share needs a positive denominator")
    return -(-num * n // den)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A numerator over a denominator, kept as counted: 180/200 is not reduced to 9/10.

    With denominator 0 there is no value: `percent()` and `reaches()` give None (NOT_APPLICABLE).
    """

    num: int
    den: int

    def __post_init__(self) -> None:
        _counts(self.num, self.den)

    @property
    def applicable(self) -> bool:
        return self.den > 0

    def percent(self) -> str | None:
        """Two decimals, half up, without the sign: `62.22`."""
        if not self.den:
            return None
        hundredths = (20000 * self.num + self.den) // (2 * self.den)
        return f"{hundredths // 100}.{hundredths % 100:02d}"

    def reaches(self, num: int, den: int) -> bool | None:
        """Is the ratio at least `num/den`? Decided on the counts, never on the displayed percentage."""
        return at_least(self.num, self.den, num, den) if self.den else None

    def __add__(self, other: Ratio) -> Ratio:
        """Roll-up: numerators and denominators are summed; a mean of percentages is never taken."""
        return Ratio(self.num + other.num, self.den + other.den)


def total(ratios: Iterable[Ratio]) -> Ratio:
    """Sum of ratios; nothing gives 0/0."""
    result = Ratio(0, 0)
    for ratio in ratios:
        result += ratio
    return result
