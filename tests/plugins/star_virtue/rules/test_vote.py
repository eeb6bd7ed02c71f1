from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanzhi_core.kit.meeting import Attendance, Ballot
from sanzhi_core.kit.refusals import InvalidInput, QuorumNotMet
from sanzhi_star_virtue.rules.params import StarParams
from sanzhi_star_virtue.rules.stars import CODES
from sanzhi_star_virtue.rules.vote import (
    Bonus,
    Honour,
    StarVote,
    ballot_on,
    bonus_for,
    bonus_on_star,
    check_votable,
    granted,
    rate,
    rating_of,
    removed,
    unvoted,
)

SNAPSHOT = date(2026, 11, 20)
VETERAN = Honour("VETERAN", "退役-001", date(2020, 1, 1))
MODEL = Honour("MORAL_MODEL", "道德-001", date(2020, 1, 1), date(2027, 1, 1))


@pytest.mark.parametrize(
    ("present", "yes", "bonus", "result"),
    [
        (20, 10, 0, False),
        (20, 10, 5, True),
        (20, 9, 5, False),
        (20, 9, 10, True),
        (20, 8, 10, False),
        (18, 8, 0, False),
        (1, 1, 0, True),
        (1, 0, 10, False),
        (21, 11, 0, True),
        (21, 10, 0, False),
    ],
)
def test_examples_of_the_text(present: int, yes: int, bonus: int, result: bool) -> None:
    assert granted(Ballot(present, yes), bonus) is result


def test_nobody_left_to_vote() -> None:
    with pytest.raises(QuorumNotMet):
        granted(Ballot(0, 0), 0)
    with pytest.raises(QuorumNotMet):
        removed(Ballot(0, 0))


@pytest.mark.parametrize("bonus", [-1, 11])
def test_a_bonus_outside_its_range(bonus: int) -> None:
    with pytest.raises(InvalidInput):
        granted(Ballot(20, 10), bonus)


ballots = st.integers(1, 400).flatmap(lambda p: st.builds(Ballot, st.just(p), st.integers(0, p)))


@given(ballots, st.integers(0, 10))
def test_granted_against_fractions(ballot: Ballot, bonus: int) -> None:
    share = Fraction(ballot.yes, ballot.present) + Fraction(bonus, 100)
    assert granted(ballot, bonus) == (share > Fraction(1, 2))


@given(ballots, st.integers(0, 9))
def test_more_yes_or_more_bonus_never_loses_a_star(ballot: Ballot, bonus: int) -> None:
    if granted(ballot, bonus):
        assert granted(ballot, bonus + 1)
        if ballot.yes < ballot.present:
            assert granted(Ballot(ballot.present, ballot.yes + 1), bonus)


@given(ballots)
def test_removal_needs_more_than_half(ballot: Ballot) -> None:
    assert removed(ballot) == (Fraction(ballot.yes, ballot.present) > Fraction(1, 2))


def test_removal_of_sv_8() -> None:
    assert removed(Ballot(21, 11))
    assert not removed(Ballot(21, 10))
    assert not removed(Ballot(20, 10))


def test_households_of_sv_3() -> None:
    for honours, yes, result in [
        ((), 10, False),
        ((VETERAN,), 10, True),
        ((VETERAN, MODEL), 9, True),
        ((VETERAN, MODEL), 8, False),
    ]:
        assert granted(Ballot(20, yes), bonus_for(honours, SNAPSHOT).points) is result
    expired = Honour("VETERAN", "退役-002", date(2020, 1, 1), SNAPSHOT)  # its last day was the day before
    bonus = bonus_for([expired], SNAPSHOT)
    assert bonus == Bonus(0, ("VETERAN_CERTIFICATE_NOT_VALID",))
    assert not granted(Ballot(20, 10), bonus.points)


@pytest.mark.parametrize(
    ("honour", "bonus"),
    [
        (Honour("VETERAN", "1", date(2020, 1, 1), date(2026, 11, 21)), Bonus(5)),  # the last day still counts
        (Honour("VETERAN", "1", SNAPSHOT), Bonus(5)),
        (Honour("VETERAN", "1", date(2026, 11, 21)), Bonus(0, ("VETERAN_CERTIFICATE_NOT_VALID",))),
        (Honour("VETERAN", None, date(2020, 1, 1)), Bonus(0, ("VETERAN_NO_CERTIFICATE",))),
        (Honour("MORAL_MODEL", " ", date(2020, 1, 1)), Bonus(0, ("MORAL_MODEL_NO_CERTIFICATE",))),
        (Honour("OTHER", "1", date(2020, 1, 1)), Bonus(0)),
    ],
)
def test_certificates(honour: Honour, bonus: Bonus) -> None:
    assert bonus_for([honour], SNAPSHOT) == bonus


def test_each_kind_counts_once_and_the_sum_is_capped() -> None:
    assert bonus_for([VETERAN, VETERAN, MODEL], SNAPSHOT).points == 10
    generous = StarParams(bonus_veteran=10, bonus_moral_model=10)
    assert bonus_for([VETERAN, MODEL], SNAPSHOT, generous).points == 10
    assert bonus_for([VETERAN, MODEL], SNAPSHOT, StarParams(bonus_cap=7)).points == 7
    # a second, valid certificate of the kind leaves nothing to warn about
    assert bonus_for([Honour("VETERAN", None, SNAPSHOT), VETERAN], SNAPSHOT) == Bonus(5)


def test_a_verified_contrary_fact_takes_the_bonus_from_that_star() -> None:
    assert bonus_on_star(Bonus(10), contrary_fact=True) == 0
    assert bonus_on_star(Bonus(10), contrary_fact=False) == 10


def test_present_is_counted_from_the_roll_without_the_recused() -> None:
    meeting = Attendance.of(range(24), range(21))
    assert ballot_on(meeting, {5}, 10) == Ballot(20, 10)
    with pytest.raises(InvalidInput) as caught:
        ballot_on(meeting, {5}, 21)
    assert caught.value.reason == "YES_EXCEEDS_PRESENT"


def test_only_claimed_or_nominated_stars_are_voted() -> None:
    check_votable("S01", {"S01"}, {})
    check_votable("S02", {"S01"}, {"S02": True})
    nominations: list[tuple[dict[str, bool], str]] = [
        ({}, "STAR_NOT_CLAIMED"),
        ({"S02": False}, "NO_CONSENT"),
    ]
    for nominated, reason in nominations:
        with pytest.raises(InvalidInput) as caught:
            check_votable("S02", {"S01"}, nominated)
        assert caught.value.reason == reason


def test_rating_of_a_household() -> None:
    yes, no = StarVote(Ballot(20, 15)), StarVote(Ballot(20, 10))
    rating = rate({"S01", "S02"}, {"S01": yes, "S02": no, "S03": yes}, {"S03": True})
    assert (rating.stars, rating.count, rating.title_held) == ({"S01", "S03"}, 2, True)
    assert not rate(set(), {}).title_held
    assert rating_of({"S01"}).title_held
    assert not rating_of({"S01"}, StarParams(title_min_stars=2)).title_held
    assert unvoted({"S02", "S01"}, {"S01": yes}) == ("S02",)
    with pytest.raises(InvalidInput) as caught:
        rate({"S01", "S02"}, {"S01": yes})
    assert caught.value.facts["stars"] == ["S02"]
    with pytest.raises(InvalidInput):
        rate({"S01"}, {"S01": yes, "S02": yes})


@given(st.dictionaries(st.sampled_from(CODES), st.builds(StarVote, ballots, st.integers(0, 10))))
def test_a_rating_is_exactly_the_granted_votes_and_never_more_than_ten(votes: dict[str, StarVote]) -> None:
    rating = rate(votes.keys(), votes)
    assert rating.count == len(rating.stars) <= 10
    for star, vote in votes.items():
        share = Fraction(vote.ballot.yes, vote.ballot.present) + Fraction(vote.bonus, 100)
        assert (star in rating.stars) == (share > Fraction(1, 2))
