"""Time and ids, injected. The only place that reads the machine's clock for business time."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

import uuid_utils

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """Business time, aware and in UTC. Leases, tokens and locks use `real_now` instead."""

    def now(self) -> datetime: ...


class SystemClock:
    """Business time is real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class OffsetClock:
    """Real time plus an offset that the caller refreshes from `core.clock_offset` (demo clock only)."""

    def __init__(self, offset: timedelta = timedelta()) -> None:
        self.offset = offset

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


class FixedClock:
    """A clock for tests that stands still until `set` or `advance`."""

    def __init__(self, at: datetime) -> None:
        self.set(at)

    def set(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self._at = at.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        self._at += by

    def now(self) -> datetime:
        return self._at


def real_now() -> datetime:
    """Real UTC time, for leases, tokens and locks; never for a deadline."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds for measuring durations."""
    return time.monotonic()


def local_date(at: datetime) -> date:
    """The calendar day in Asia/Shanghai that contains `at`."""
    return at.astimezone(SHANGHAI).date()


def start_of_day(day: date) -> datetime:
    """00:00 Asia/Shanghai of `day`, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).astimezone(UTC)


def new_id() -> UUID:
    """A UUIDv7: time-ordered, so primary keys stay local in the index."""
    return UUID(bytes=uuid_utils.uuid7().bytes)
