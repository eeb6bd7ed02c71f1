"""What happens by itself: timers, schedules, audit seals, the demo clock, purging. Any number may run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sanzhi_core.audit.keys import Keys
from sanzhi_core.audit.seal import BATCH, seal_once
from sanzhi_core.clock import Clock, monotonic
from sanzhi_core.db.session import ALL_UNITS, Database
from sanzhi_core.platform import outbox, timers
from sanzhi_core.platform.installation import refresh_clock
from sanzhi_workers.lanes import LoopThread, OpenDatabase

if TYPE_CHECKING:
    from sanzhi_core.platform.plugins import Platform

log = logging.getLogger("sanzhi.clockwork")

TICK_S = 1.0
SEAL_S = 0.5
PURGE_S = 600.0
KEEP_DONE = timedelta(days=30)
FIRE = 200

Seal = Callable[[Database], Awaitable[Any]]


def sealer(keys: Keys, clock: Clock) -> Seal:
    """Seal what can be sealed, in short transactions. SealError: the trail is not what was signed."""

    async def seal(db: Database) -> int:
        total = 0
        while True:
            async with db.transaction(ALL_UNITS) as session:
                pooled = await (await session.connection()).get_raw_connection()
                conn: Any = pooled.driver_connection
                sealed = await seal_once(conn, keys, clock.now())
            total += sealed
            if sealed < BATCH:
                return total

    return seal


class Clockwork:
    """One thread; each task has its own rhythm and its own faults."""

    def __init__(
        self, platform: Platform, open_database: OpenDatabase, clock: Clock, *, seal: Seal | None = None
    ) -> None:
        self._platform = platform
        self._clock = clock
        self._seal = seal
        self._home = LoopThread("clockwork", open_database)
        self._synced = False
        self.last_tick_at: float | None = None

    def start(self) -> None:
        """Open the database and begin."""
        self._home.start()
        self._home.submit(_every(TICK_S, self.tick))
        self._home.submit(_every(PURGE_S, self.purge))
        if self._seal is not None:
            self._home.submit(_every(SEAL_S, self.seal))

    def stop(self, timeout: float) -> None:
        """Cancel; what was under way rolls back."""
        self._home.stop(timeout)

    def age_s(self) -> float | None:
        """Seconds since the last whole tick; None before the first."""
        return None if self.last_tick_at is None else monotonic() - self.last_tick_at

    async def tick(self) -> None:
        """Read the demo clock, fire what is due by business time."""
        db = self._home.db
        await refresh_clock(self._clock, db)
        now = self._clock.now()
        if not self._synced:
            async with db.transaction() as session:
                await timers.sync_schedules(session, self._platform, now)
            self._synced = True
        async with db.transaction() as session:
            await timers.fire_schedules(session, self._platform, now)
        fired = FIRE
        while fired == FIRE:
            async with db.transaction() as session:
                fired = await timers.fire_due(session, self._platform, now, FIRE)
        self.last_tick_at = monotonic()

    async def seal(self) -> None:
        """Seal new audit entries."""
        assert self._seal is not None
        await self._seal(self._home.db)

    async def purge(self) -> None:
        """Delete deliveries that were done long ago."""
        purged = 1
        while purged:
            async with self._home.db.transaction() as session:
                purged = await outbox.purge_done(session, KEEP_DONE)


async def _every(seconds: float, task: Callable[[], Awaitable[Any]]) -> None:
    told = ""
    while True:
        try:
            await task()
            told = ""
        except Exception as fault:
            if type(fault).__name__ != told:  # once per trouble, not once a second
                told = type(fault).__name__
                log.exception("%s failed; it is tried again", getattr(task, "__name__", "task"))
        await asyncio.sleep(seconds)
