import inspect
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanzhi_core.kit.indicator import Status
from sanzhi_core.kit.refusals import InvalidInput
from sanzhi_star_virtue.rules import vote
from sanzhi_star_virtue.rules.entry import EntryState
from sanzhi_star_virtue.rules.stars import CODES
from sanzhi_star_virtue.rules.thresholds import (
    EntryFact,
    Figures,
    count,
    holders_per_star,
    star_distribution,
    thresholds,
)

YES, NO, NA = Status.REACHED, Status.NOT_REACHED, Status.NOT_APPLICABLE
S = EntryState


@pytest.mark.parametrize(
    ("figures", "t1", "t2", "t3"),
    [
        ((200, 186, 90, 56), ("93.00", YES), ("45.00", YES), ("62.22", YES)),  # SV-1
        ((250, 225, 100, 60), ("90.00", YES), ("40.00", YES), ("60.00", YES)),  # SV-2
        ((250, 224, 100, 60), ("89.60", NO), ("40.00", YES), ("60.00", YES)),
        ((250, 225, 99, 60), ("90.00", YES), ("39.60", NO), ("60.61", YES)),
        ((250, 225, 100, 59), ("90.00", YES), ("40.00", YES), ("59.00", NO)),
        ((1000, 899, 400, 240), ("89.90", NO), ("40.00", YES), ("60.00", YES)),
        ((250, 225, 0, 0), ("90.00", YES), ("0.00", NO), (None, NA)),
        ((0, 0, 0, 0), (None, NA), (None, NA), (None, NA)),
        ((400, 365, 160, 95), ("91.25", YES), ("40.00", YES), ("59.38", NO)),  # SV-6
    ],
)
def test_numbers_of_the_scenarios(
    figures: tuple[int, int, int, int],
    t1: tuple[str | None, Status],
    t2: tuple[str | None, Status],
    t3: tuple[str | None, Status],
) -> None:
    found = thresholds(Figures(*figures))
    assert (found.t1.percent, found.t1.status) == t1
    assert (found.t2.percent, found.t2.status) == t2
    assert (found.t3.percent, found.t3.status) == t3
    assert found.t2.needs_reason == (t2[1] is NO)
    assert not found.t1.needs_reason
    assert not found.t3.needs_reason


def test_denominators_are_all_households_and_the_titled_ones() -> None:
    found = thresholds(Figures(200, 186, 90, 56))
    assert [(f.num, f.den) for f in (found.t1, found.t2, found.t3)] == [(186, 200), (90, 200), (56, 90)]


def test_roll_up_of_sv_6() -> None:
    assert Figures(100, 95, 50, 35) + Figures(300, 270, 110, 60) == Figures(400, 365, 160, 95)


@pytest.mark.parametrize("bad", [(1, 2, 0, 0), (3, 2, 3, 0), (3, 2, 1, 2), (3, 2, 1, -1)])
def test_inconsistent_figures(bad: tuple[int, int, int, int]) -> None:
    with pytest.raises(InvalidInput):
        Figures(*bad)


def descending(numbers: tuple[int, ...]) -> Figures:
    return Figures(*sorted(numbers, reverse=True))


consistent = st.tuples(*[st.integers(0, 2000)] * 4).map(descending)


@given(consistent)
def test_status_against_fractions(figures: Figures) -> None:
    found = thresholds(figures)
    for figure, num, den, target in [
        (found.t1, figures.a, figures.n, Fraction(9, 10)),
        (found.t2, figures.r, figures.n, Fraction(2, 5)),
        (found.t3, figures.r6, figures.r, Fraction(3, 5)),
    ]:
        if den == 0:
            assert figure.status is NA
            assert figure.percent is None
        else:
            assert (figure.status is YES) == (Fraction(num, den) >= target)


def fact(state: EntryState, stars: frozenset[str] | None) -> EntryFact:
    return EntryFact(state, stars, bool(stars))


entries = st.lists(
    st.builds(fact, st.sampled_from(list(EntryState)), st.none() | st.frozensets(st.sampled_from(CODES))),
    max_size=40,
)


@given(entries, st.booleans())
def test_counting_against_a_slow_reading_of_the_text(found: list[EntryFact], provisional: bool) -> None:
    out = {S.INVITED, S.NOT_PARTICIPATED, S.WITHDRAWN, S.EXCLUDED}
    valid = [e for e in found if e.state not in out]
    titled = [e for e in valid if e.title_held]
    if not provisional:
        titled = [e for e in titled if e.state in {S.CONFIRMED, S.AWARDED}]
    six = [e for e in titled if e.stars is not None and len(e.stars) >= 6]
    figures = count(found, len(found), provisional=provisional)
    assert figures == Figures(len(found), len(valid), len(titled), len(six))
    distribution = star_distribution(found)
    assert sum(distribution) == sum(1 for e in valid if e.stars is not None)
    held = holders_per_star(found, CODES)
    assert sum(held.values()) == sum(n * many for n, many in enumerate(distribution))


def test_the_cycle_of_sv_1_counted_from_its_entries() -> None:
    ten, six, one = frozenset(CODES), frozenset(CODES[:6]), frozenset(CODES[:1])
    found = (
        [EntryFact(S.CONFIRMED, ten, True)] * 6
        + [EntryFact(S.CONFIRMED, six, True)] * 50
        + [EntryFact(S.CONFIRMED, one, True)] * 34
        + [EntryFact(S.CONFIRMED, frozenset(), False)] * 96
        + [EntryFact(S.NOT_PARTICIPATED)] * 14
    )
    assert count(found, 200) == Figures(200, 186, 90, 56)
    assert star_distribution(found) == (96, 34, 0, 0, 0, 0, 50, 0, 0, 0, 6)
    assert holders_per_star(found, CODES)["S01"] == 90


def test_targets_are_for_the_organiser_never_a_quota_for_a_star() -> None:
    assert "thresholds" not in inspect.getsource(vote)
