"""The working-day calendar as rows (`core.calendar_day`), seeded from the published arrangements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.kit.workcalendar import Day, WorkCalendar, seed_days
from sanzhi_core.platform.models import CalendarDay

SEEDED_YEARS = range(2022, 2029)


def seed(years: Iterable[int] = SEEDED_YEARS) -> list[dict[str, Any]]:
    """Rows of `core.calendar_day`; years without a published arrangement get statutory days, not official."""
    return [
        {"day": d.day, "working": d.working, "name": d.name, "official": d.official, "source": d.source}
        for d in seed_days(years)
    ]


async def work_calendar(session: AsyncSession) -> WorkCalendar:
    """The calendar in force: weekends plus the rows."""
    rows = await session.execute(
        sa.select(
            CalendarDay.day, CalendarDay.working, CalendarDay.name, CalendarDay.official, CalendarDay.source
        )
    )
    return WorkCalendar(Day(*row) for row in rows)
