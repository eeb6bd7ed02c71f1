"""Working days and periods, reckoned in Asia/Shanghai (domain/core.md §0).

日 is a natural day: the start day is not counted and a period ends at 24:00 of its last day
[law: 民法典 art. 200–203]. 工作日 come from rows: a row says how a day differs from the plain week.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import chinese_calendar

from sanzhi_core.clock import start_of_day

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Day:
    """A day that differs from the plain week (Mon–Fri working): a holiday or a make-up working day.

    `official`: from the arrangement that the State Council publishes for the year.
    """

    day: date
    working: bool
    name: str
    official: bool
    source: str


@dataclass(frozen=True, slots=True)
class Period:
    """A period after `start`: its last day, and the instant it ends (24:00 of that day, in UTC).

    `provisional`: it meets a year whose holidays are not published yet, so the end may still move.
    """

    start: date
    last_day: date
    ends_at: datetime
    provisional: bool = False


def end_of_day(day: date) -> datetime:
    """24:00 Asia/Shanghai of `day`, in UTC. It is 00:00 of the next day: an act at that instant is late."""
    return start_of_day(day + _DAY)


def natural_period(start: date, days: int) -> Period:
    """`days` natural days after `start`; the start day is not counted."""
    _not_negative(days)
    last = start + timedelta(days=days)
    return Period(start, last, end_of_day(last))


def _not_negative(days: int) -> None:
    if days < 0:
        raise ValueError("a period has no negative length")


class WorkCalendar:
    """Which days are working days. Built from rows; days without a row follow the plain week."""

    def __init__(self, days: Iterable[Day] = ()) -> None:
        self._working: dict[date, bool] = {}
        self._official_years: set[int] = set()
        for day in days:
            self._working[day.day] = day.working
            if day.official:
                self._official_years.add(day.day.year)

    def is_workday(self, day: date) -> bool:
        return self._working.get(day, day.weekday() < 5)

    def is_official(self, year: int) -> bool:
        """Is the arrangement of this year published (does it have an official row)?"""
        return year in self._official_years

    def add_workdays(self, start: date, workdays: int) -> date:
        """The `workdays`-th working day after `start`; the start day is not counted."""
        _not_negative(workdays)
        day = start
        while workdays:
            day += _DAY
            workdays -= self.is_workday(day)
        return day

    def workdays_between(self, start: date, end: date) -> int:
        """Working days after `start` up to and including `end`; 0 when `end` is not later."""
        return sum(self.is_workday(start + timedelta(days=n + 1)) for n in range((end - start).days))

    def workday_period(self, start: date, workdays: int) -> Period:
        """A period of working days."""
        return self._period(start, self.add_workdays(start, workdays))

    def statutory_period(self, start: date, days: int) -> Period:
        """Natural days of a statutory procedure: a last day on a rest day moves to the next working day."""
        last = natural_period(start, days).last_day
        if not self.is_workday(last):
            last = self.add_workdays(last, 1)
        return self._period(start, last)

    def _period(self, start: date, last: date) -> Period:
        unpublished = any(not self.is_official(year) for year in range(start.year, last.year + 1))
        return Period(start, last, end_of_day(last), unpublished)


# Lunar holidays of years not yet published: (春节 first day, 端午, 中秋). Computed with lunardate; they
# serve provisional deadlines only and give way to the published arrangement.
_LUNAR: Final[dict[int, tuple[str, str, str]]] = {
    2027: ("02-06", "06-09", "09-15"),
    2028: ("01-26", "05-28", "10-03"),
    2029: ("02-13", "06-16", "09-22"),
    2030: ("02-03", "06-05", "09-12"),
    2031: ("01-23", "06-24", "10-01"),
    2032: ("02-11", "06-12", "09-19"),
    2033: ("01-31", "06-01", "09-08"),
    2034: ("02-19", "06-20", "09-27"),
    2035: ("02-08", "06-10", "09-16"),
    2036: ("01-28", "05-30", "10-04"),
    2037: ("02-15", "06-18", "09-24"),
    2038: ("02-04", "06-07", "09-13"),
    2039: ("01-24", "05-27", "10-02"),
    2040: ("02-12", "06-14", "09-20"),
}
_NAMES: Final = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "Mid-autumn Festival": "中秋节",
    "National Day": "国庆节",
}


def statutory_days(year: int) -> Iterator[tuple[date, str]]:
    """The holidays that the law itself fixes [law: 全国年节及纪念日放假办法 (2024) art. 2].

    Swap days are not in the law, only in the yearly arrangement. Lunar ones are known 2027–2040.
    """
    yield date(year, 1, 1), "元旦"
    if year in _LUNAR:
        spring, dragon_boat, mid_autumn = (date.fromisoformat(f"{year}-{md}") for md in _LUNAR[year])
        for offset in range(-1, 3):  # 除夕 to 初三
            yield spring + timedelta(days=offset), "春节"
        yield dragon_boat, "端午节"
        yield mid_autumn, "中秋节"
    for day, term in chinese_calendar.get_solar_terms(date(year, 4, 1), date(year, 4, 10)):
        if term == "清明":
            yield day, "清明节"
    for day_of_month in (1, 2):
        yield date(year, 5, day_of_month), "劳动节"
    for day_of_month in (1, 2, 3):
        yield date(year, 10, day_of_month), "国庆节"


def seed_days(years: Iterable[int]) -> list[Day]:
    """Rows for the table of days: published years as published, others provisional by law."""
    rows: list[Day] = []
    for year in years:
        try:
            rows.extend(_published(year))
        except NotImplementedError:
            source = "全国年节及纪念日放假办法（2024）第二条"
            names: dict[date, str] = {}
            for day, name in statutory_days(year):
                names[day] = f"{names[day]}、{name}" if day in names else name
            rows.extend(
                Day(day, False, name, False, source)
                for day, name in sorted(names.items())
                if day.weekday() < 5
            )
    return rows


def _published(year: int) -> Iterator[Day]:
    source = f"国务院办公厅关于{year}年部分节假日安排的通知 (chinesecalendar)"
    day = date(year, 1, 1)
    while day.year == year:
        holiday, name = chinese_calendar.get_holiday_detail(day)
        if holiday == (day.weekday() < 5):
            title = _NAMES.get(str(name), str(name))
            yield Day(day, not holiday, title if holiday else f"{title}调休上班", True, source)
        day += _DAY


def from_chinesecalendar(years: Iterable[int]) -> WorkCalendar:
    """A calendar of `years`; those not published yet are provisional."""
    return WorkCalendar(seed_days(years))
