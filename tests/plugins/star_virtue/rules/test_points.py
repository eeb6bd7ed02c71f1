from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanzhi_core.kit.refusals import (
    ConflictOfInterest,
    DuplicateRecord,
    InsufficientPoints,
    InvalidInput,
    Refusal,
)
from sanzhi_star_virtue.rules.params import StarParams
from sanzhi_star_virtue.rules.points import (
    AWARD_RULE,
    PointsType,
    award_points,
    balance,
    check_entry,
    check_once,
    check_recorder,
    check_redeem,
    expires_on,
    needs_second_approval,
)


def test_redemption_of_sv_7() -> None:
    assert check_redeem(60, 100) == -60
    with pytest.raises(InsufficientPoints) as caught:
        check_redeem(60, 40)
    assert caught.value.facts == {"available": 40, "requested": 60}
    assert check_redeem(40, 40) == -40


@pytest.mark.parametrize("points", [0, -1, -60])
def test_redeeming_nothing_or_less(points: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_redeem(points, 100)
    assert caught.value.code == "VALIDATION_FAILED"
    assert caught.value.reason == "NOT_POSITIVE"


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        (PointsType.EARN, 0),
        (PointsType.EARN, -5),
        (PointsType.BONUS, -5),
        (PointsType.REDEEM, 5),
        (PointsType.EXPIRE, 5),
        (PointsType.ADJUST, 0),
    ],
)
def test_zero_and_wrong_signs(kind: PointsType, points: int) -> None:
    with pytest.raises(InvalidInput):
        check_entry(kind, points, 100)


@given(st.lists(st.tuples(st.sampled_from(list(PointsType)), st.integers(-200, 200)), max_size=40))
def test_the_balance_never_falls_below_zero(acts: list[tuple[PointsType, int]]) -> None:
    entries: list[int] = []
    for kind, points in acts:
        try:
            check_entry(kind, points, balance(entries))
        except Refusal:
            continue
        entries.append(points)
        assert sum(entries) == balance(entries) >= 0
    assert 0 not in entries


def test_the_same_act_once() -> None:
    recorded = {("h1", "clean.day", "2026-11-20")}
    check_once(("h1", "clean.day", "2026-11-21"), recorded)
    check_once(("h2", "clean.day", "2026-11-20"), recorded)
    with pytest.raises(DuplicateRecord):
        check_once(("h1", "clean.day", "2026-11-20"), recorded)


def test_ten_points_per_confirmed_star() -> None:
    assert award_points(6) == 60
    assert award_points(10, StarParams(points_per_star=7)) == 70
    assert award_points(0) is None


def test_a_second_run_of_the_award_job_adds_nothing() -> None:
    ledger: dict[tuple[str, str, str], int] = {}
    for _run in range(2):  # SV-1
        for household, stars in [("h1", 6), ("h2", 1), ("h3", 0)]:
            key = (household, AWARD_RULE, f"entry-of-{household}")
            points = award_points(stars)
            if points is None:
                continue
            try:
                check_once(key, ledger)
            except DuplicateRecord:
                continue
            ledger[key] = points
    assert sum(ledger.values()) == 70


def test_more_than_twenty_points_need_a_second_person() -> None:
    assert not needs_second_approval(20)
    assert needs_second_approval(21)
    check_recorder(own_household=False, recorder="a", approver=None, points=20)
    check_recorder(own_household=False, recorder="a", approver="b", points=21)
    with pytest.raises(InvalidInput):
        check_recorder(own_household=False, recorder="a", approver=None, points=21)
    with pytest.raises(ConflictOfInterest):
        check_recorder(own_household=False, recorder="a", approver="a", points=21)
    with pytest.raises(ConflictOfInterest):
        check_recorder(own_household=True, recorder="a", approver="b", points=5)


def test_expiry_at_the_end_of_the_next_year() -> None:
    assert expires_on(date(2026, 1, 1)) == expires_on(date(2026, 12, 31)) == date(2027, 12, 31)
