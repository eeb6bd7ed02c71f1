import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanzhi_core.kit.refusals import InvalidTransition
from sanzhi_star_virtue.rules.params import StarParams
from sanzhi_star_virtue.rules.plaque import (
    PLAQUE,
    PlaqueState,
    PlaqueStep,
    RollHousehold,
    RollLine,
    change_mark,
    honour_roll,
    plaque_step,
    roll_changes,
)

S = PlaqueState


@pytest.mark.parametrize(
    ("current", "count", "step"),
    [
        (None, 6, PlaqueStep.ISSUE),
        (None, 10, PlaqueStep.ISSUE),
        (None, 5, PlaqueStep.NONE),
        (None, 0, PlaqueStep.NONE),
        (7, 6, PlaqueStep.REPLACE),  # SV-8
        (6, 5, PlaqueStep.RECALL),  # SV-8
        (6, 6, PlaqueStep.NONE),
        (6, 9, PlaqueStep.REPLACE),
    ],
)
def test_steps(current: int | None, count: int, step: PlaqueStep) -> None:
    assert plaque_step(current, count) is step


def test_the_minimum_is_a_parameter() -> None:
    assert plaque_step(None, 7, StarParams(plaque_min_stars=8)) is PlaqueStep.NONE


def test_states() -> None:
    PLAQUE.check(S.TO_ISSUE, S.ISSUED)
    for to in (S.RECALLED, S.REPLACED, S.LOST):
        PLAQUE.check(S.ISSUED, to)
        with pytest.raises(InvalidTransition):
            PLAQUE.check(to, S.ISSUED)
    with pytest.raises(InvalidTransition):
        PLAQUE.check(S.TO_ISSUE, S.LOST)


@pytest.mark.parametrize(
    ("previous", "count", "mark"), [(None, 7, ""), (7, 7, ""), (5, 7, "+2"), (6, 5, "−1"), (7, 5, "−2")]
)
def test_change_marks(previous: int | None, count: int, mark: str) -> None:
    assert change_mark(previous, count) == mark


ROLL = [
    RollHousehold("张三", "一组", 6),
    RollHousehold("欧阳小娜", "二组", 9, previous=8, consents_online=True),
    RollHousehold("王小明", "一组", 5, previous=6),
    RollHousehold("李四", "一组", 9, previous=9),
]


def test_the_paper_roll_shows_names_and_the_online_one_masks_them() -> None:
    assert honour_roll(ROLL, online=False) == [
        RollLine("李四", "一组", 9, ""),
        RollLine("欧阳小娜", "二组", 9, "+1"),
        RollLine("张三", "一组", 6, ""),
    ]
    assert [line.name for line in honour_roll(ROLL, online=True)] == ["李*", "欧阳小娜", "张*"]


def test_changes_include_those_that_fell_below_six() -> None:
    assert roll_changes(ROLL, online=True) == [
        RollLine("欧阳小娜", "二组", 9, "+1"),
        RollLine("王*明", "一组", 5, "−1"),
    ]


def test_the_roll_of_sv_1_lists_56() -> None:
    households = [RollHousehold("户主", "一组", 6 if n < 56 else 3) for n in range(90)]
    assert len(honour_roll(households, online=False)) == 56
    assert sum(plaque_step(None, h.count) is PlaqueStep.ISSUE for h in households) == 56


@given(st.none() | st.integers(6, 10), st.integers(0, 10))
def test_after_its_step_a_household_needs_no_other(current: int | None, count: int) -> None:
    step = plaque_step(current, count)
    after = {PlaqueStep.NONE: current, PlaqueStep.RECALL: None}.get(step, count)
    assert plaque_step(after, count) is PlaqueStep.NONE
    assert (after is not None) == (count >= 6)
