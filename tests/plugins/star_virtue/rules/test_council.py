import pytest

from sanzhi_core.kit.meeting import Ballot
from sanzhi_core.kit.refusals import InvalidInput, QuorumNotMet
from sanzhi_star_virtue.rules.council import check_size, council_decides


@pytest.mark.parametrize(
    ("role", "members", "fits"),
    [
        ("MORAL_COUNCIL", 4, False),
        ("MORAL_COUNCIL", 5, True),
        ("MORAL_COUNCIL", 11, True),
        ("MORAL_COUNCIL", 12, False),
        ("WEDDING_FUNERAL", 9, True),
        ("WEDDING_FUNERAL", 10, False),
        ("ANTI_DRUG_GAMBLING", 4, False),
        ("DELIBERATION_COUNCIL", 30, True),
        ("DELIBERATION_COUNCIL", 0, False),
    ],
)
def test_sizes(role: str, members: int, fits: bool) -> None:
    if fits:
        check_size(role, members)
    else:
        with pytest.raises(InvalidInput):
            check_size(role, members)


def test_two_thirds_present_and_more_than_half_of_them() -> None:
    assert council_decides(members=9, present=6, ballot=Ballot(6, 4))
    assert not council_decides(members=9, present=6, ballot=Ballot(6, 3))
    assert council_decides(members=9, present=6, ballot=Ballot(5, 3))  # one left for a conflict
    with pytest.raises(QuorumNotMet):
        council_decides(members=9, present=5, ballot=Ballot(5, 5))
    with pytest.raises(QuorumNotMet):
        council_decides(members=9, present=6, ballot=Ballot(0, 0))
