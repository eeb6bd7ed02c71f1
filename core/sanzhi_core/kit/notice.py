"""Publication with a window for objections: 张榜公示, resolutions, disclosure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sanzhi_core.clock import local_date
from sanzhi_core.kit.refusals import DeadlinePassed, InvalidInput, TooEarly
from sanzhi_core.kit.workcalendar import WorkCalendar


@dataclass(frozen=True, slots=True)
class Window:
    """Open from `opens_at` until `closes_at` (24:00 of `last_day`; that instant is already outside)."""

    opens_at: datetime
    last_day: date
    closes_at: datetime
    provisional: bool = False

    def is_open(self, at: datetime) -> bool:
        return self.opens_at <= at < self.closes_at

    def is_over(self, at: datetime) -> bool:
        return at >= self.closes_at

    def check_open(self, at: datetime) -> None:
        """TooEarly before the window, DeadlinePassed after it."""
        if at < self.opens_at:
            raise TooEarly(self.opens_at, "NOT_PUBLISHED", "公示尚未开始", "Publication has not begun")
        if self.is_over(at):
            raise DeadlinePassed(self.closes_at, "公示期", "The publication period")

    def check_over(self, at: datetime) -> None:
        """TooEarly while the window is not over."""
        if not self.is_over(at):
            raise TooEarly(
                self.closes_at, "PUBLICATION_RUNNING", "公示期未满", "The publication period is not over"
            )


def open_window(
    calendar: WorkCalendar,
    opens_at: datetime,
    workdays: int,
    *,
    minimum: int = 1,
    maximum: int | None = None,
) -> Window:
    """A window of full working days after the day of posting.

    InvalidInput when shorter than `minimum` or longer than `maximum` working days.
    """
    if workdays < minimum or (maximum is not None and workdays > maximum):
        raise InvalidInput(
            "publicityWorkdays",
            "TOO_SHORT" if workdays < minimum else "TOO_LONG",
            f"公示期应为{minimum}"
            + (f"至{maximum}" if maximum else "")
            + "个工作日"
            + ("" if maximum else "以上"),
            f"Publication lasts at least {minimum}"
            + (f" and at most {maximum}" if maximum else "")
            + " working days",
            minimum=minimum,
            maximum=maximum,
        )
    period = calendar.workday_period(local_date(opens_at), workdays)
    return Window(opens_at, period.last_day, period.ends_at, period.provisional)
