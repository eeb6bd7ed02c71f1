from itertools import pairwise

import pytest

from sanzhi_core.kit.refusals import InvalidInput, InvalidTransition
from sanzhi_star_virtue.rules.entry import ENTRY, EntryState, after_household_left, check_exclusion

S = EntryState


def test_the_paths_of_the_text() -> None:
    for path in (
        (S.INVITED, S.SELF_RATED, S.REVIEWED, S.PUBLICISED, S.CONFIRMED, S.AWARDED),
        (S.PUBLICISED, S.OBJECTED, S.RE_REVIEWED, S.PUBLICISED),
        (S.PUBLICISED, S.OBJECTED, S.PUBLICISED),
        (S.INVITED, S.NOT_PARTICIPATED),
        (S.NOT_PARTICIPATED, S.SELF_RATED, S.REVIEWED),  # paper in time, keyed within the grace days
        (S.REVIEWED, S.WITHDRAWN),
        (S.OBJECTED, S.EXCLUDED, S.RE_REVIEWED, S.PUBLICISED),  # an exclusion may be objected to
    ):
        for frm, to in pairwise(path):
            ENTRY.check(frm, to)


@pytest.mark.parametrize(
    ("frm", "to"),
    [
        (S.INVITED, S.REVIEWED),
        (S.SELF_RATED, S.PUBLICISED),
        (S.PUBLICISED, S.WITHDRAWN),
        (S.OBJECTED, S.CONFIRMED),
        (S.RE_REVIEWED, S.CONFIRMED),
        (S.CONFIRMED, S.EXCLUDED),
        (S.NOT_PARTICIPATED, S.REVIEWED),
        (S.AWARDED, S.CONFIRMED),
    ],
)
def test_no_other_path(frm: EntryState, to: EntryState) -> None:
    with pytest.raises(InvalidTransition):
        ENTRY.check(frm, to)


def test_exclusion_needs_reason_and_notice() -> None:
    check_exclusion("快照日后迁出并申请退出", notified=True)
    check_exclusion("DISSOLVED", notified=False)
    for reason, notified, key in [
        (" ", True, "EMPTY"),
        ("已迁出", False, "NOT_NOTIFIED"),
        ("经常信访", True, "FORBIDDEN_GROUND"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            check_exclusion(reason, notified=notified)
        assert caught.value.reason == key


def test_households_that_leave_after_the_snapshot() -> None:
    for state in EntryState:
        assert after_household_left(state, "MOVED_OUT") is state
    assert after_household_left(S.PUBLICISED, "DISSOLVED") is S.EXCLUDED
    assert after_household_left(S.INVITED, "DISSOLVED") is S.EXCLUDED
    assert after_household_left(S.AWARDED, "DISSOLVED") is S.AWARDED
    assert after_household_left(S.WITHDRAWN, "DISSOLVED") is S.WITHDRAWN
