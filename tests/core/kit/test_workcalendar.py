from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanzhi_core.kit.workcalendar import (
    Day,
    WorkCalendar,
    end_of_day,
    from_chinesecalendar,
    natural_period,
    seed_days,
    statutory_days,
)

# The working calendar of domain/scenarios.md: Mon–Fri, holidays 2026-10-01…07.
SCENARIOS = WorkCalendar(Day(date(2026, 10, d), False, "国庆节", True, "scenarios") for d in range(1, 8))
days = st.dates(date(2025, 1, 1), date(2027, 12, 31))


def test_publicity_of_sv_4_ends_monday() -> None:
    period = SCENARIOS.workday_period(date(2026, 12, 7), 5)
    assert period.last_day == date(2026, 12, 14)
    assert period.ends_at == datetime(2026, 12, 14, 16, 0, tzinfo=UTC)  # 24:00 in Shanghai
    assert not period.provisional


def test_decision_and_republicity_of_sv_4() -> None:
    assert SCENARIOS.add_workdays(date(2026, 12, 11), 3) == date(2026, 12, 16)
    assert SCENARIOS.add_workdays(date(2026, 12, 16), 3) == date(2026, 12, 21)


def test_judicial_confirmation_of_gr_6_moves_over_the_holiday() -> None:
    assert natural_period(date(2026, 9, 3), 30).last_day == date(2026, 10, 3)
    assert SCENARIOS.statutory_period(date(2026, 9, 3), 30).last_day == date(2026, 10, 8)


def test_a_statutory_period_does_not_move_from_a_make_up_working_day() -> None:
    saturday = date(2026, 10, 10)
    official = from_chinesecalendar([2026])
    assert official.is_workday(saturday)
    assert official.statutory_period(saturday - timedelta(days=10), 10).last_day == saturday
    assert SCENARIOS.statutory_period(saturday - timedelta(days=10), 10).last_day == date(2026, 10, 12)


def test_working_days_after_suspension_of_gr_4() -> None:
    assert SCENARIOS.add_workdays(date(2026, 11, 23), 7) == date(2026, 12, 2)
    assert SCENARIOS.workdays_between(date(2026, 11, 26), date(2026, 12, 1)) == 3


def test_published_year_2026() -> None:
    official = from_chinesecalendar([2026])
    year = [date(2026, 1, 1) + timedelta(days=n) for n in range(365)]
    assert sum(official.is_workday(day) for day in year) == 248
    assert sum(official.is_workday(day) for day in year if day.weekday() >= 5) == 6
    assert official.is_official(2026)


def test_unpublished_year_2027_is_provisional_but_never_an_exception() -> None:
    calendar = from_chinesecalendar([2026, 2027])
    assert not calendar.is_official(2027)
    assert not calendar.is_workday(date(2027, 1, 1))
    assert not calendar.is_workday(date(2027, 2, 5))  # 除夕
    assert not calendar.is_workday(date(2027, 2, 8))
    assert calendar.is_workday(date(2027, 2, 9))
    assert not calendar.is_workday(date(2027, 4, 5))
    assert calendar.workday_period(date(2026, 12, 28), 5) == calendar.workday_period(date(2026, 12, 28), 5)
    over_new_year = calendar.workday_period(date(2026, 12, 28), 5)
    assert over_new_year.last_day == date(2027, 1, 5)
    assert over_new_year.provisional
    assert not calendar.workday_period(date(2026, 12, 21), 5).provisional
    assert calendar.statutory_period(date(2026, 12, 28), 5).provisional


def test_seed_rows_are_only_days_that_differ_from_the_plain_week() -> None:
    rows = seed_days(range(2024, 2041))
    assert rows
    assert len({row.day for row in rows}) == len(rows)
    for row in rows:
        assert row.working == (row.day.weekday() >= 5)
        assert row.official == (row.day.year <= 2026)
        assert row.name
        assert row.source


def test_the_law_gives_thirteen_days_a_year() -> None:
    for year in range(2027, 2041):
        assert sum(1 for _ in statutory_days(year)) == 13
    assert sum(1 for _ in statutory_days(2060)) == 7  # no lunar table: the rest stays


def test_two_holidays_on_one_day_make_one_row() -> None:
    names = [row.name for row in seed_days([2031]) if row.day == date(2031, 10, 1)]
    assert names == ["中秋节、国庆节"]


@given(days, st.integers(0, 60))
def test_adding_and_counting_workdays_are_inverse(start: date, n: int) -> None:
    end = SCENARIOS.add_workdays(start, n)
    assert SCENARIOS.workdays_between(start, end) == n
    if n:
        assert SCENARIOS.is_workday(end)
    else:
        assert end == start


@given(days, st.integers(0, 400))
def test_natural_periods_do_not_count_the_start_day(start: date, n: int) -> None:
    period = natural_period(start, n)
    assert (period.last_day - start).days == n
    assert period.ends_at == end_of_day(period.last_day)


@given(days)
def test_a_day_ends_when_the_next_begins_in_shanghai(day: date) -> None:
    end = end_of_day(day)
    assert end == datetime(day.year, day.month, day.day, 16, tzinfo=UTC)
    assert end.tzinfo is UTC


def test_negative_lengths_are_mistakes() -> None:
    with pytest.raises(ValueError):
        SCENARIOS.add_workdays(date(2026, 12, 7), -1)
    with pytest.raises(ValueError):
        natural_period(date(2026, 12, 7), -1)


def test_no_days_between_when_the_end_is_not_later() -> None:
    assert SCENARIOS.workdays_between(date(2026, 12, 7), date(2026, 12, 7)) == 0
    assert SCENARIOS.workdays_between(date(2026, 12, 7), date(2026, 12, 1)) == 0
