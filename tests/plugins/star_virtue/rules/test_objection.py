from datetime import date, datetime
from typing import Any

import pytest

from sanzhi_core.clock import SHANGHAI
from sanzhi_core.kit.refusals import (
    ConflictOfInterest,
    DeadlinePassed,
    DuplicateRecord,
    InvalidInput,
    InvalidTransition,
    TooEarly,
)
from sanzhi_core.kit.workcalendar import WorkCalendar, end_of_day
from sanzhi_star_virtue.rules.cycle import publicity_window
from sanzhi_star_virtue.rules.objection import (
    OBJECTION,
    ObjectionState,
    check_decision,
    check_extend,
    check_handler,
    check_objection,
    check_review_request,
    decision_due,
    facts_key,
    is_repeat,
    needs_new_vote,
    republication_window,
    review_due,
)

S = ObjectionState
CALENDAR = WorkCalendar()
TEXT = "该户门前长期堆放垃圾，未见清理。"


def local(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=SHANGHAI)


WINDOW = publicity_window(CALENDAR, local(12, 7, 9))
FRIDAY = local(12, 11, 16)


def test_during_publicity_until_midnight_of_the_last_day() -> None:
    check_objection(window=WINDOW, at=FRIDAY, text=TEXT)
    check_objection(window=WINDOW, at=local(12, 14, 23, 59), text=TEXT)
    with pytest.raises(DeadlinePassed):
        check_objection(window=WINDOW, at=local(12, 15, 0, 1), text=TEXT)
    with pytest.raises(TooEarly):
        check_objection(window=WINDOW, at=local(12, 7, 8), text=TEXT)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"text": "垃圾太多了没清理"}, "LENGTH"),
        ({"text": "垃圾太多了没清理     "}, "LENGTH"),
        ({"text": "长" * 1001}, "LENGTH"),
        ({"text": ""}, "LENGTH"),
        ({"attachments": 6}, "TOO_MANY"),
        ({"anonymous": True}, "ANONYMOUS_EVIDENCE"),
        ({"text": "这户人家去年多次到县里信访告状。"}, "FORBIDDEN_GROUND"),
        ({"text": "这户人家信教，不应该评上这颗星。"}, "FORBIDDEN_GROUND"),
    ],
)
def test_refused_objections(change: dict[str, Any], reason: str) -> None:
    facts: dict[str, Any] = {"window": WINDOW, "at": FRIDAY, "text": TEXT}
    with pytest.raises(InvalidInput) as caught:
        check_objection(**facts | change)
    assert caught.value.reason == reason


def test_bounds_and_anonymous_with_evidence() -> None:
    check_objection(window=WINDOW, at=FRIDAY, text="长" * 10)
    check_objection(window=WINDOW, at=FRIDAY, text="长" * 1000, attachments=5)
    check_objection(window=WINDOW, at=FRIDAY, text=TEXT, anonymous=True, attachments=1)
    check_objection(window=WINDOW, at=FRIDAY, text=TEXT, anonymous=True, evidence=1)


def test_dates_of_sv_4() -> None:
    due = decision_due(FRIDAY, CALENDAR)
    assert due.last_day == date(2026, 12, 16)
    assert decision_due(FRIDAY, CALENDAR, extended=True).last_day == date(2026, 12, 21)
    assert republication_window(CALENDAR, local(12, 16, 20)).last_day == date(2026, 12, 21)
    assert review_due(local(12, 16), CALENDAR).last_day == date(2026, 12, 23)
    with pytest.raises(InvalidInput):
        republication_window(CALENDAR, local(12, 16, 20), 2)


def test_one_extension_before_the_decision_is_due() -> None:
    due = end_of_day(date(2026, 12, 16))
    check_extend(already_extended=False, due=due, at=local(12, 16, 23))
    with pytest.raises(DeadlinePassed):
        check_extend(already_extended=False, due=due, at=local(12, 17))
    with pytest.raises(InvalidInput):
        check_extend(already_extended=True, due=due, at=local(12, 15))


def test_the_handler_has_no_interest() -> None:
    relatives = [("objector", "cousin-in-council"), ("council-aunt", "head")]
    for handler in ("objector", "head", "wife", "cousin-in-council", "council-aunt"):
        with pytest.raises(ConflictOfInterest):
            check_handler(handler, objector="objector", household=["head", "wife"], relatives=relatives)
    check_handler("other", objector="objector", household=["head", "wife"], relatives=relatives)
    check_handler("other", objector=None, household=["head"], relatives=relatives)


@pytest.mark.parametrize(
    ("frm", "to"),
    [(S.OPEN, S.UPHELD), (S.UPHELD, S.REJECTED), (S.WITHDRAWN, S.OPEN), (S.REJECTED, S.WITHDRAWN)],
)
def test_no_decision_without_investigation_and_none_twice(frm: ObjectionState, to: ObjectionState) -> None:
    with pytest.raises(InvalidTransition):
        OBJECTION.check(frm, to)


def test_states() -> None:
    OBJECTION.check(S.OPEN, S.INVESTIGATING)
    for decision in (S.UPHELD, S.PARTLY_UPHELD, S.REJECTED):
        OBJECTION.check(S.INVESTIGATING, decision)
    assert needs_new_vote("UPHELD")
    assert needs_new_vote("PARTLY_UPHELD")
    assert not needs_new_vote("REJECTED")


def test_decisions_have_a_reason() -> None:
    check_decision("UPHELD", "现场查看属实")
    for decision, reason, key in [
        ("WITHDRAWN", "x", "UNKNOWN"),
        ("MAYBE", "x", "UNKNOWN"),
        ("UPHELD", " ", "EMPTY"),
        ("UPHELD", "因其举报他人", "FORBIDDEN_GROUND"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            check_decision(decision, reason)
        assert caught.value.reason == key


def test_the_same_facts_on_the_same_star_are_a_repeat() -> None:
    key = facts_key("S09", TEXT, ["b", "a"])
    respelt = facts_key("S09", " 该户门前长期堆放垃圾， 未见清理 ", ["a", "b", "a"])
    assert is_repeat(respelt, [(key, "REJECTED")])
    assert not is_repeat(key, [(key, "WITHDRAWN")])
    assert not is_repeat(key, [])
    for other in (
        facts_key("S08", TEXT, ["a", "b"]),
        facts_key(None, TEXT, ["a", "b"]),
        facts_key("S09", TEXT, ["a", "c"]),
        facts_key("S09", "该户门前近日又堆放垃圾，未见清理。", ["a", "b"]),
    ):
        assert not is_repeat(other, [(key, "REJECTED"), (key, "UPHELD")])


def test_the_town_reviews_once() -> None:
    check_review_request(state="REJECTED", already_reviewed=False)
    with pytest.raises(DuplicateRecord):
        check_review_request(state="REJECTED", already_reviewed=True)
    with pytest.raises(InvalidTransition):
        check_review_request(state="OPEN", already_reviewed=False)
