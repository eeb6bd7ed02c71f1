from datetime import UTC, date, datetime, timedelta

import pytest

from sanzhi_core.clock import SHANGHAI
from sanzhi_core.kit.notice import open_window
from sanzhi_core.kit.refusals import DeadlinePassed, InvalidInput, TooEarly
from sanzhi_core.kit.workcalendar import WorkCalendar

CALENDAR = WorkCalendar()
OPENS = datetime(2026, 12, 7, 9, 0, tzinfo=SHANGHAI)


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SHANGHAI)  # type: ignore[arg-type, misc]


def test_window_of_sv_4() -> None:
    window = open_window(CALENDAR, OPENS, 5, minimum=5, maximum=7)
    assert window.last_day == date(2026, 12, 14)
    assert window.closes_at == datetime(2026, 12, 14, 16, 0, tzinfo=UTC)
    window.check_open(local(2026, 12, 11, 16, 0))
    window.check_open(OPENS)
    assert window.is_open(OPENS)
    assert not window.is_open(OPENS - timedelta(microseconds=1))
    window.check_open(local(2026, 12, 14, 23, 59, 59))
    with pytest.raises(DeadlinePassed) as passed:
        window.check_open(local(2026, 12, 15, 0, 1))
    assert passed.value.facts == {"deadline": "2026-12-14T16:00:00+00:00"}
    with pytest.raises(TooEarly):
        window.check_open(OPENS - timedelta(microseconds=1))


def test_midnight_belongs_to_exactly_one_side() -> None:
    window = open_window(CALENDAR, OPENS, 5)
    midnight = local(2026, 12, 15, 0, 0)
    assert not window.is_open(midnight)
    assert window.is_over(midnight)
    window.check_over(midnight)
    before = midnight - timedelta(microseconds=1)
    assert window.is_open(before)
    with pytest.raises(TooEarly) as early:
        window.check_over(before)
    assert early.value.reason == "PUBLICATION_RUNNING"


def test_the_day_of_posting_is_the_day_in_shanghai() -> None:
    late_evening_utc = datetime(2026, 12, 6, 16, 30, tzinfo=UTC)  # Mon 00:30 in Shanghai
    assert open_window(CALENDAR, late_evening_utc, 5).last_day == date(2026, 12, 14)
    sunday = datetime(2026, 12, 6, 15, 30, tzinfo=UTC)  # Sun 23:30
    assert open_window(CALENDAR, sunday, 5).last_day == date(2026, 12, 11)


@pytest.mark.parametrize(
    ("workdays", "reason"), [(4, "TOO_SHORT"), (0, "TOO_SHORT"), (-3, "TOO_SHORT"), (8, "TOO_LONG")]
)
def test_length_is_bounded(workdays: int, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        open_window(CALENDAR, OPENS, workdays, minimum=5, maximum=7)
    assert caught.value.reason == reason
    assert caught.value.code == "VALIDATION_FAILED"


def test_the_bounds_themselves_are_allowed_and_no_maximum_is_none() -> None:
    for workdays in (5, 7):
        open_window(CALENDAR, OPENS, workdays, minimum=5, maximum=7)
    assert open_window(CALENDAR, OPENS, 20, minimum=5).last_day == date(2027, 1, 4)
    with pytest.raises(InvalidInput) as caught:
        open_window(CALENDAR, OPENS, 4, minimum=5)
    assert caught.value.reason == "TOO_SHORT"
