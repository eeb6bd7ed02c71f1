import itertools
from datetime import datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanzhi_core.clock import SHANGHAI
from sanzhi_core.kit.refusals import DeadlinePassed, Forbidden, InvalidInput, TooEarly
from sanzhi_core.kit.workcalendar import WorkCalendar, end_of_day
from sanzhi_star_virtue.rules.params import StarParams
from sanzhi_star_virtue.rules.selfrating import (
    Form,
    check_form,
    check_on_time,
    check_paper_on_time,
    check_recorded_by_clerk,
    check_submitter,
    counting_form,
    paper_may_be_keyed_until,
)
from sanzhi_star_virtue.rules.stars import CODES

CALENDAR = WorkCalendar()


def local(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=SHANGHAI)


OPENS = local(11, 23, 9)
DEADLINE = end_of_day(local(12, 4).date())  # Fri 24:00


def test_no_star_claimed_is_valid_participation() -> None:
    assert check_form([], {}, CODES) == frozenset()
    assert check_form(["S01", "S05"], {"S05": "照料老人" * 125}, CODES) == {"S01", "S05"}


@pytest.mark.parametrize(
    ("stars", "reasons", "reason"),
    [
        ([*CODES, "S11"], {}, "TOO_MANY_STARS"),
        (["S99"], {}, "UNKNOWN_STAR"),
        (["S01"], {"S02": "致富"}, "STAR_NOT_CLAIMED"),
        (["S05"], {"S05": "老" * 501}, "TOO_LONG"),
        (["S07"], {"S07": "我家从不上访"}, "FORBIDDEN_GROUND"),
        (["S10"], {"S10": "孩子考试成绩好"}, "FORBIDDEN_GROUND"),
    ],
)
def test_bad_forms(stars: list[str], reasons: dict[str, str], reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_form(stars, reasons, CODES)
    assert caught.value.reason == reason


def test_who_may_submit() -> None:
    for is_head, is_member, authorised, is_adult in itertools.product([True, False], repeat=4):
        facts = {
            "is_head": is_head,
            "is_member": is_member,
            "authorised": authorised,
            "is_adult": is_adult,
        }
        if is_head or (is_member, authorised, is_adult) == (True, True, True):
            check_submitter(**facts)
        else:
            with pytest.raises(Forbidden):
                check_submitter(**facts)


def test_recording_by_a_clerk() -> None:
    good: dict[str, Any] = {
        "clerk": "c",
        "witness": None,
        "paper_no": "P-1",
        "read_back": True,
        "reason": "老人不会用手机",
    }
    check_recorded_by_clerk(**good)
    check_recorded_by_clerk(**good | {"paper_no": None, "witness": "w"})
    changes: list[tuple[dict[str, Any], str]] = [
        ({"paper_no": None}, "WITNESS_OR_PAPER"),
        ({"paper_no": " ", "witness": ""}, "WITNESS_OR_PAPER"),
        ({"witness": "c"}, "WITNESS_IS_CLERK"),
        ({"read_back": False}, "NOT_READ_BACK"),
        ({"reason": " "}, "EMPTY"),
    ]
    for change, reason in changes:
        with pytest.raises(InvalidInput) as caught:
            check_recorded_by_clerk(**good | change)
        assert caught.value.reason == reason


def test_the_deadline_itself_is_in_time() -> None:
    check_on_time(OPENS, DEADLINE, OPENS)
    check_on_time(OPENS, DEADLINE, DEADLINE)
    with pytest.raises(DeadlinePassed):
        check_on_time(OPENS, DEADLINE, local(12, 5, 0, 1))
    with pytest.raises(TooEarly):
        check_on_time(OPENS, DEADLINE, local(11, 23, 8, 59))


def test_paper_may_be_keyed_two_working_days_after_the_deadline() -> None:
    assert paper_may_be_keyed_until(DEADLINE, CALENDAR) == end_of_day(local(12, 8).date())
    noon = local(12, 4, 12)
    assert paper_may_be_keyed_until(noon, CALENDAR) == end_of_day(local(12, 8).date())
    check_paper_on_time(OPENS, DEADLINE, local(12, 4, 17), local(12, 4, 18), CALENDAR)
    check_paper_on_time(OPENS, DEADLINE, local(12, 4, 17), local(12, 8, 23, 59), CALENDAR)
    check_paper_on_time(OPENS, DEADLINE, local(12, 4, 17), local(12, 4, 17), CALENDAR)
    # keyed at the deadline itself is in time, also when no days are left for keying afterwards
    none = StarParams(paper_keying_workdays=0)
    check_paper_on_time(OPENS, DEADLINE, DEADLINE, DEADLINE, CALENDAR, none)
    with pytest.raises(DeadlinePassed):
        check_paper_on_time(OPENS, DEADLINE, local(12, 4, 17), local(12, 9), CALENDAR)
    with pytest.raises(DeadlinePassed):  # dated too late, however soon it is keyed
        check_paper_on_time(OPENS, DEADLINE, local(12, 5, 8), local(12, 5, 9), CALENDAR)
    with pytest.raises(InvalidInput) as caught:
        check_paper_on_time(OPENS, DEADLINE, local(12, 4, 17), local(12, 4, 16), CALENDAR)
    assert caught.value.reason == "IN_FUTURE"


def test_the_form_received_later_counts_and_on_a_tie_the_later_commit() -> None:
    app = Form(local(12, 1, 10), 1, frozenset({"S01"}))
    paper_of_the_day_before = Form(local(11, 30, 15), 2, frozenset({"S02"}))
    assert counting_form([app, paper_of_the_day_before]) is app
    same_instant = Form(local(12, 1, 10), 3, frozenset())
    assert counting_form([same_instant, app, paper_of_the_day_before]) is same_instant
    assert counting_form([]) is None


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.integers(0, 1000))
def test_the_counting_form_does_not_depend_on_order(hours: list[int], seed: int) -> None:
    forms = [Form(local(12, 1, hour), seq, frozenset()) for seq, hour in enumerate(hours)]
    expected = forms[0]
    for form in forms[1:]:
        if form.received_at >= expected.received_at:
            expected = form
    Random(seed).shuffle(forms)
    assert counting_form(forms) == expected
