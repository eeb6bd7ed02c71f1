from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanzhi_core.kit.meeting import Attendance, Ballot, Share, quorum_met, recused, require_quorum
from sanzhi_core.kit.refusals import ConflictOfInterest, Forbidden, InvalidInput, QuorumNotMet


def test_quorum_of_sv_3() -> None:
    require_quorum(16, 24)
    with pytest.raises(QuorumNotMet) as caught:
        require_quorum(15, 24)
    assert caught.value.facts == {"present": 15, "eligible": 24, "required": "16"}


def test_nobody_eligible_is_no_quorum() -> None:
    with pytest.raises(QuorumNotMet):
        require_quorum(0, 0)


@given(st.integers(0, 500), st.integers(1, 500), st.sampled_from([(1, 2), (2, 3), (4, 5), (1, 1)]))
def test_quorum_against_fractions(present: int, eligible: int, share: tuple[int, int]) -> None:
    assert quorum_met(present, eligible, Share(*share)) == (Fraction(present, eligible) >= Fraction(*share))


def test_attendance_and_voters() -> None:
    meeting = Attendance.of(range(24), list(range(20)))
    meeting.require_quorum()
    assert len(meeting.voters(recused={3, 22})) == 19
    meeting.check_voter(1)
    with pytest.raises(Forbidden) as forbidden:
        meeting.check_voter(21)
    assert forbidden.value.reason == "NOT_PRESENT"
    with pytest.raises(Forbidden):
        meeting.check_voter(99)
    with pytest.raises(ConflictOfInterest):
        meeting.check_voter(3, recused={3})


def test_bad_attendance_lists() -> None:
    with pytest.raises(InvalidInput) as caught:
        Attendance.of(range(5), [1, 2, 9])
    assert caught.value.reason == "NOT_ELIGIBLE"
    with pytest.raises(InvalidInput) as caught:
        Attendance.of(range(5), [1, 1])
    assert caught.value.reason == "TWICE"


def test_recusal_goes_both_ways_and_one_step_only() -> None:
    relatives = [("a", "wife"), ("brother", "a"), ("brother", "cousin")]
    members = ["a", "brother", "cousin", "other"]
    assert recused(members, {"a"}, relatives) == {"a", "brother"}
    assert recused(members, {"wife"}, relatives) == {"a"}
    assert recused(members, set(), relatives) == frozenset()


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_ballots_against_fractions(present: int, yes: int) -> None:
    if yes > present:
        with pytest.raises(InvalidInput) as caught:
            Ballot(present, yes)
        assert caught.value.reason == "YES_EXCEEDS_PRESENT"
    elif present == 0:
        with pytest.raises(QuorumNotMet):
            Ballot(present, yes).passed()
    else:
        assert Ballot(present, yes).passed() == (Fraction(yes, present) > Fraction(1, 2))


@pytest.mark.parametrize("pair", [(-1, 0), (5, -1), (-2, -3)])
def test_negative_counts(pair: tuple[int, int]) -> None:
    with pytest.raises(InvalidInput) as caught:
        Ballot(*pair)
    assert caught.value.reason == "NEGATIVE"


@pytest.mark.parametrize("share", [(0, 3), (4, 3), (-1, 2)])
def test_a_share_is_between_nothing_and_all(share: tuple[int, int]) -> None:
    with pytest.raises(ValueError):
        Share(*share)


@pytest.mark.parametrize(
    ("present", "yes", "passed"), [(20, 10, False), (20, 11, True), (21, 10, False), (21, 11, True)]
)
def test_a_tie_does_not_pass(present: int, yes: int, passed: bool) -> None:
    assert Ballot(present, yes).passed() is passed
