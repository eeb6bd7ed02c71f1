"""The relay: leases due deliveries and publishes their ids.

It writes no mark of its own: what it published and what it lost look the same, a leased row, and the lease's
end brings the second kind back. Any number of relays may run.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import dramatiq

from sanzhi_core.clock import monotonic
from sanzhi_core.db.session import dsn
from sanzhi_core.platform import outbox
from sanzhi_core.platform.outbox import ClaimedDelivery
from sanzhi_workers.bind import queue_of
from sanzhi_workers.broker import ConfirmedBroker
from sanzhi_workers.lanes import LoopThread, OpenDatabase

if TYPE_CHECKING:
    from sanzhi_core.platform.plugins import Platform

log = logging.getLogger("sanzhi.relay")

BATCH = 200
KEEP_ALIVE_S = 10.0
LONGEST_PAUSE_S = 10.0

UP, DOWN, UNKNOWN = "up", "down", "unknown"
"""States of the broker as the relay sees it."""


class BrokerDown(Exception):
    """Publishing failed; these deliveries are not in the broker, as far as known."""

    def __init__(self, cause: str, unpublished: Sequence[UUID] = ()) -> None:
        super().__init__(cause)
        self.unpublished = list(unpublished)


class Relay:
    """A thread with a loop that claims, and a thread that publishes (pika blocks, and is bound to its
    thread).
    """

    def __init__(
        self,
        platform: Platform,
        broker: dramatiq.Broker,
        actors: Mapping[str, dramatiq.Actor[[str], None]],
        open_database: OpenDatabase,
        *,
        prefix: str,
        lease_s: float = 60,
        poll_s: float = 0.5,
        window: int = 500,
    ) -> None:
        self._platform = platform
        self._broker = broker
        self._actors = actors
        self._prefix = prefix
        self._lease_s = lease_s
        self._poll_s = poll_s
        self._window = window
        self._home = LoopThread("relay", open_database)
        self._publisher = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="sanzhi-publisher")
        self._in_memory = not isinstance(broker, ConfirmedBroker)
        self._stopping = threading.Event()
        self._wake: asyncio.Event
        self._main: concurrent.futures.Future[None] | None = None
        self._listener: Any = None
        self._kept_alive_at = 0.0
        self.broker_state = UNKNOWN
        self.last_round_at: float | None = None

    def start(self) -> None:
        """Open the database and begin; a broker that is down is waited for."""
        self._home.start()
        self._main = self._home.submit(self._live())

    def stop(self, timeout: float) -> None:
        """Finish the batch in hand, give back what was not published."""
        self._stopping.set()
        if self._main is None:
            return
        if self._home.alive:
            self._home.loop.call_soon_threadsafe(self._set_wake)
            concurrent.futures.wait([self._main], timeout)
        self._home.stop(timeout)
        self._publisher.shutdown(wait=False, cancel_futures=True)

    def age_s(self) -> float | None:
        """Seconds since the last round that reached database and broker; None before the first."""
        return None if self.last_round_at is None else monotonic() - self.last_round_at

    # -- the loop -------------------------------------------------------------------------------------
    def _set_wake(self) -> None:
        wake = getattr(self, "_wake", None)
        if wake is not None:
            wake.set()

    async def _live(self) -> None:
        self._wake = asyncio.Event()
        faults = 0
        booted = not self._in_memory
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                if not booted:
                    # Whatever an earlier process had in its memory is gone with it.
                    async with self._home.db.transaction() as session:
                        await outbox.release(session)
                    booted = True
                await self._listen()
                await self._reach_broker()
                claimed = await self._round()
                self.last_round_at = monotonic()
                faults = 0
            except Exception as fault:
                faults += 1
                log.warning("relay: %s: %s", type(fault).__name__, _cause(fault))
                await self._rest(min(self._poll_s * 2**faults, LONGEST_PAUSE_S))
                continue
            if not claimed:
                await self._rest(self._poll_s)
        if self._listener is not None:
            await self._listener.close(timeout=1)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _listen(self) -> None:
        if self._listener is not None and not self._listener.is_closed():
            return
        self._listener = await asyncpg.connect(dsn(self._home.db.app_url), timeout=5)
        await self._listener.add_listener(outbox.CHANNEL, lambda *_: self._wake.set())

    async def _reach_broker(self) -> None:
        """Know the broker is there before claiming for it."""
        if not isinstance(self._broker, ConfirmedBroker):
            self.broker_state = UP
            return
        if self.broker_state == UP and monotonic() - self._kept_alive_at < KEEP_ALIVE_S:
            return
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._publisher, self._broker.keep_alive)
        except Exception as fault:
            self.broker_state = DOWN
            raise BrokerDown(_cause(fault)) from None
        self.broker_state, self._kept_alive_at = UP, monotonic()

    async def _round(self) -> int:
        async with self._home.db.transaction() as session:
            batch = await outbox.claim(
                session, BATCH, self._lease_s, consumers=self._platform.jobs, window=self._window
            )
        if batch:
            try:
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self._publisher, self._publish, batch)
            except BrokerDown as fault:
                self.broker_state = DOWN
                async with self._home.db.transaction() as session:
                    await outbox.release(session, fault.unpublished)
                raise
            self._kept_alive_at = monotonic()
        return len(batch)

    # -- the publisher's thread -----------------------------------------------------------------------
    def _publish(self, batch: Sequence[ClaimedDelivery]) -> None:
        for n, delivery in enumerate(batch):
            job = self._platform.jobs[delivery.consumer]
            plugin = self._platform.job_plugin(job.name)
            actor = self._actors[queue_of(self._prefix, plugin, job.lane)]
            if self._stopping.is_set():
                raise BrokerDown("stopping", [d.id for d in batch[n:]])
            try:
                self._broker.enqueue(actor.message(str(delivery.id)))
            except Exception as fault:
                raise BrokerDown(_cause(fault), [d.id for d in batch[n:]]) from None


def _cause(fault: BaseException) -> str:
    """pika's exceptions say nothing by themselves; URLs with passwords are never part of their type."""
    return str(fault) if isinstance(fault, BrokerDown) else type(fault).__name__
