from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from sanzhi_core.clock import SHANGHAI
from sanzhi_core.kit.notice import Window
from sanzhi_core.kit.procedure import JOB
from sanzhi_core.kit.refusals import (
    DeadlinePassed,
    DuplicateRecord,
    Forbidden,
    InvalidInput,
    InvalidTransition,
    Refusal,
    TooEarly,
)
from sanzhi_core.kit.workcalendar import WorkCalendar, end_of_day
from sanzhi_star_virtue.rules.cycle import (
    CYCLE,
    CycleState,
    award_deadline,
    check_award,
    check_close,
    check_confirm,
    check_extension,
    check_open,
    check_publish,
    check_self_rating_over,
    check_year,
    in_snapshot,
    participation_low,
    publicity_window,
    reminder_times,
    self_rating_earliest_end,
)
from sanzhi_star_virtue.rules.objection import republication_window
from sanzhi_star_virtue.rules.stars import CODES
from sanzhi_star_virtue.rules.thresholds import Figures

S = CycleState
CALENDAR = WorkCalendar()
GOOD = Figures(250, 225, 100, 60)


def local(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=SHANGHAI)


def test_the_path_and_its_actors() -> None:
    path = [S.DRAFT, S.SELF_RATING, S.PEER_REVIEW, S.PUBLICITY, S.CONFIRMED, S.AWARDED, S.CLOSED]
    for frm, to in pairwise(path):
        CYCLE.check(frm, to)
    CYCLE.check_by(S.DRAFT, S.SELF_RATING, ["PARTY_SECRETARY"])
    CYCLE.check_by(S.SELF_RATING, S.PEER_REVIEW, [JOB])
    with pytest.raises(Forbidden):
        CYCLE.check_by(S.DRAFT, S.SELF_RATING, ["VC_MEMBER"])
    assert CYCLE.final == {S.CLOSED, S.CANCELLED, S.SUSPENDED}


def test_cancelled_before_confirmed_and_suspended_before_publicity_only() -> None:
    for state in CycleState:
        for to, allowed in [
            (S.CANCELLED, {S.DRAFT, S.SELF_RATING, S.PEER_REVIEW, S.PUBLICITY}),
            (S.SUSPENDED, {S.DRAFT, S.SELF_RATING, S.PEER_REVIEW}),
        ]:
            if state in allowed:
                CYCLE.check(state, to)
            else:
                with pytest.raises(InvalidTransition):
                    CYCLE.check(state, to)


@pytest.mark.parametrize(
    ("frm", "to"),
    [
        (S.DRAFT, S.PEER_REVIEW),
        (S.SELF_RATING, S.PUBLICITY),
        (S.PEER_REVIEW, S.CONFIRMED),
        (S.PUBLICITY, S.AWARDED),
        (S.PUBLICITY, S.PEER_REVIEW),
    ],
)
def test_steps_cannot_be_skipped(frm: CycleState, to: CycleState) -> None:
    with pytest.raises(InvalidTransition):
        CYCLE.check(frm, to)


def test_the_snapshot_counts_active_farm_households() -> None:
    assert in_snapshot("FARM", "ACTIVE")
    assert not in_snapshot("NON_FARM", "ACTIVE")
    assert not in_snapshot("COLLECTIVE", "ACTIVE")
    assert not in_snapshot("FARM", "MOVED_OUT")


def test_one_cycle_per_village_and_year() -> None:
    check_year(2026, ["CANCELLED", "CANCELLED"])
    with pytest.raises(DuplicateRecord):
        check_year(2026, ["CANCELLED", "SUSPENDED"])
    check_year(2000)
    check_year(2100)
    for year in (1999, 2101):
        with pytest.raises(InvalidInput):
            check_year(year)


OPENING: dict[str, Any] = {
    "households": 200,
    "star_codes": CODES,
    "year_opened": True,
    "open_from": local(11, 23, 9),
    "self_rating_to": end_of_day(date(2026, 12, 3)),
}


def test_opening_at_the_exact_minimum() -> None:
    assert self_rating_earliest_end(local(11, 23, 9)) == end_of_day(date(2026, 12, 3))
    check_open(**OPENING)
    check_open(**OPENING | {"households": 1})


@pytest.mark.parametrize(
    ("change", "code", "reason"),
    [
        ({"year_opened": False}, "INVALID_TRANSITION", "YEAR_NOT_OPENED"),
        ({"households": 0}, "VALIDATION_FAILED", "NO_HOUSEHOLDS"),
        ({"star_codes": CODES[:9]}, "VALIDATION_FAILED", "WRONG_COUNT"),
        ({"star_codes": (*CODES, "S11")}, "VALIDATION_FAILED", "WRONG_COUNT"),
        ({"self_rating_to": local(12, 3, 23, 59)}, "VALIDATION_FAILED", "TOO_SHORT"),
    ],
)
def test_opening_refused(change: dict[str, Any], code: str, reason: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_open(**OPENING | change)
    assert caught.value.code == code
    assert caught.value.facts["reason"] == reason


def test_self_rating_lasts_at_least_ten_days() -> None:
    opened, to = local(11, 23, 9), end_of_day(date(2026, 12, 10))
    ten_days = end_of_day(date(2026, 12, 3))
    check_self_rating_over(open_from=opened, self_rating_to=to, at=ten_days, by_job=False)
    with pytest.raises(TooEarly) as caught:
        check_self_rating_over(
            open_from=opened, self_rating_to=to, at=ten_days - timedelta(seconds=1), by_job=False
        )
    assert caught.value.not_before == ten_days
    with pytest.raises(TooEarly):
        check_self_rating_over(open_from=opened, self_rating_to=to, at=ten_days, by_job=True)
    check_self_rating_over(open_from=opened, self_rating_to=to, at=to, by_job=True)


def test_low_participation_warns_and_offers_one_extension() -> None:
    assert participation_low(Figures(250, 224, 0, 0))
    assert not participation_low(Figures(250, 225, 0, 0))
    assert participation_low(Figures(1000, 899, 0, 0))
    to = end_of_day(date(2026, 12, 3))
    good: dict[str, Any] = {
        "self_rating_to": to,
        "new_to": to + timedelta(days=7),
        "at": to,
        "already_extended": False,
        "figures": Figures(250, 224, 0, 0),
    }
    check_extension(**good)
    changes: list[tuple[dict[str, Any], str]] = [
        ({"new_to": to + timedelta(days=7, seconds=1)}, "EXTENSION_RANGE"),
        ({"new_to": to}, "EXTENSION_RANGE"),
        ({"at": to + timedelta(days=7)}, "EXTENSION_RANGE"),
        ({"already_extended": True}, "ALREADY_EXTENDED"),
        ({"figures": Figures(250, 225, 0, 0)}, "NOT_NEEDED"),
    ]
    for change, reason in changes:
        with pytest.raises(InvalidInput) as caught:
            check_extension(**good | change)
        assert caught.value.reason == reason


def test_everybody_is_voted_before_publicity() -> None:
    check_publish(unvoted_entries=0)
    with pytest.raises(InvalidTransition) as caught:
        check_publish(unvoted_entries=3)
    assert caught.value.facts["count"] == 3


def test_publicity_is_five_to_seven_working_days() -> None:
    assert publicity_window(CALENDAR, local(12, 7, 9)).last_day == date(2026, 12, 14)
    assert publicity_window(CALENDAR, local(12, 7, 9), 7).last_day == date(2026, 12, 16)
    for workdays in (4, 8, 0, -1):
        with pytest.raises(InvalidInput):
            publicity_window(CALENDAR, local(12, 7, 9), workdays)


def confirm(at: datetime, windows: list[Window], **change: Any) -> None:
    facts: dict[str, Any] = {
        "windows": windows,
        "at": at,
        "open_objections": 0,
        "entries_to_revote": 0,
        "figures": GOOD,
    }
    check_confirm(**facts | change)


def test_confirmation_of_sv_4() -> None:
    first = publicity_window(CALENDAR, local(12, 7, 9))
    with pytest.raises(InvalidTransition) as open_objection:  # 12-15, objection not decided
        confirm(local(12, 15, 9), [first], open_objections=1)
    assert open_objection.value.reason == "OPEN_OBJECTIONS"
    with pytest.raises(InvalidTransition) as to_revote:  # upheld on 12-15, vote on 12-16
        confirm(local(12, 15, 18), [first], entries_to_revote=1)
    assert to_revote.value.reason == "REVOTE_PENDING"
    again = republication_window(CALENDAR, local(12, 16, 20))
    assert again.last_day == date(2026, 12, 21)
    with pytest.raises(TooEarly) as running:
        confirm(local(12, 21, 23, 59), [again, first])
    assert running.value.not_before == end_of_day(date(2026, 12, 21))
    confirm(local(12, 22), [first, again])


def test_confirmation_needs_a_finished_publicity() -> None:
    first = publicity_window(CALENDAR, local(12, 7, 9))
    with pytest.raises(TooEarly):
        confirm(local(12, 14, 23, 59), [first])
    confirm(local(12, 15), [first])
    with pytest.raises(InvalidTransition) as caught:
        confirm(local(12, 15), [])
    assert caught.value.reason == "NOT_PUBLISHED"


def test_a_missed_soft_target_asks_for_a_written_reason() -> None:
    first = publicity_window(CALENDAR, local(12, 7, 9))
    low = Figures(250, 225, 99, 60)
    for reason in (None, "", "  "):
        with pytest.raises(InvalidInput) as caught:
            confirm(local(12, 15), [first], figures=low, t2_reason=reason)
        assert caught.value.reason == "REASON_REQUIRED"
    with pytest.raises(InvalidInput) as caught:
        confirm(local(12, 15), [first], figures=low, t2_reason="信访户多")
    assert caught.value.reason == "FORBIDDEN_GROUND"
    confirm(local(12, 15), [first], figures=low, t2_reason="外出务工户多，本年度首次开展")
    # missed hard targets (T1, T3) are shown, they block nothing
    confirm(local(12, 15), [first], figures=Figures(250, 224, 100, 59))


def test_award_within_thirty_days_or_with_a_reason() -> None:
    confirmed = local(11, 1, 10)
    assert award_deadline(confirmed) == end_of_day(date(2026, 12, 1))
    check_award(confirmed_at=confirmed, at=local(12, 1, 23, 59))
    with pytest.raises(DeadlinePassed):
        check_award(confirmed_at=confirmed, at=local(12, 2))
    check_award(confirmed_at=confirmed, at=local(12, 2), late_reason="大雪封路")


def test_close_at_the_end_of_the_year() -> None:
    with pytest.raises(TooEarly):
        check_close(2026, local(12, 31, 23, 59))
    check_close(2026, end_of_day(date(2026, 12, 31)))
    check_close(2026, local(12, 20), adjustments_done=True)


def test_reminders() -> None:
    assert reminder_times(local(12, 4, 18)) == (local(12, 1, 18), local(12, 3, 18))
