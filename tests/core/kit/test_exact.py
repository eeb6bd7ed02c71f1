from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanzhi_core.kit.exact import Ratio, at_least, more_than_half, smallest_at_least, total

counts = st.integers(0, 10**9)
shares = st.tuples(st.integers(1, 100), st.integers(1, 100)).filter(lambda s: s[0] <= s[1])


@given(counts, counts)
def test_more_than_half_against_fractions(k: int, n: int) -> None:
    assert more_than_half(k, n) == (Fraction(k) > Fraction(n, 2))


@given(counts, st.integers(1, 10**9), shares)
def test_at_least_against_fractions(k: int, n: int, share: tuple[int, int]) -> None:
    assert at_least(k, n, *share) == (Fraction(k, n) >= Fraction(*share))


@given(st.integers(1, 10**6), shares)
def test_the_smallest_count_reaches_and_one_less_does_not(n: int, share: tuple[int, int]) -> None:
    needed = smallest_at_least(n, *share)
    assert at_least(needed, n, *share)
    assert needed == 0 or not at_least(needed - 1, n, *share)


@pytest.mark.parametrize(
    ("k", "n", "num", "den", "reached"),
    [
        (16, 24, 2, 3, True),
        (15, 24, 2, 3, False),
        (29, 45, 2, 3, False),
        (30, 45, 2, 3, True),
        (899, 1000, 9, 10, False),
        (900, 1000, 9, 10, True),
        (0, 0, 2, 3, False),
    ],
)
def test_boundaries(k: int, n: int, num: int, den: int, reached: bool) -> None:
    assert at_least(k, n, num, den) is reached


def test_ties_and_nobody_are_no_majority() -> None:
    assert not more_than_half(15, 30)
    assert more_than_half(16, 30)
    assert not more_than_half(0, 0)


def test_negative_counts_and_denominators_are_mistakes() -> None:
    for bad in (
        lambda: more_than_half(-1, 3),
        lambda: at_least(1, -1, 1, 2),
        lambda: at_least(1, 1, 1, 0),
        lambda: smallest_at_least(1, 1, 0),
        lambda: Ratio(-1, 2),
        lambda: Ratio(1, -2),
    ):
        with pytest.raises(ValueError):
            bad()


@pytest.mark.parametrize(
    ("num", "den", "percent"),
    [
        (186, 200, "93.00"),
        (90, 200, "45.00"),
        (56, 90, "62.22"),
        (224, 250, "89.60"),
        (99, 250, "39.60"),
        (899, 1000, "89.90"),
        (95, 160, "59.38"),
        (365, 400, "91.25"),
        (238, 240, "99.17"),
        (1, 3, "33.33"),
        (2, 3, "66.67"),
        (1, 20000, "0.01"),
        (1, 20001, "0.00"),
        (0, 5, "0.00"),
        (5, 4, "125.00"),
        (0, 0, None),
        (5, 0, None),
    ],
)
def test_percent(num: int, den: int, percent: str | None) -> None:
    assert Ratio(num, den).percent() == percent


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_percent_against_decimals(num: int, den: int) -> None:
    exact = Fraction(num * 100, den)
    # Decimal of 40 digits: exact enough, a tie at two decimals has a finite expansion
    quotient = (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(
        Decimal("0.01"), ROUND_HALF_UP
    )
    assert Ratio(num, den).percent() == str(quotient)


def test_not_applicable_is_neither_reached_nor_missed() -> None:
    assert Ratio(0, 0).reaches(3, 5) is None
    assert not Ratio(0, 0).applicable
    assert Ratio(60, 100).reaches(3, 5) is True
    assert Ratio(59, 100).reaches(3, 5) is False


@given(st.lists(st.tuples(counts, counts), max_size=10))
def test_roll_up_sums(pairs: list[tuple[int, int]]) -> None:
    rolled = total(Ratio(*pair) for pair in pairs)
    assert (rolled.num, rolled.den) == (sum(p[0] for p in pairs), sum(p[1] for p in pairs))
