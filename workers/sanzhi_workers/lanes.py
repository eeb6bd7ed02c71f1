"""Lanes: each a thread with its own event loop, database and Dramatiq worker (architecture 4).

A job that blocks its lane's loop delays that lane only. Worker threads take ids off the queues and hand them
to the loop, so a lane runs at most as many jobs at once as it has threads.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar
from uuid import UUID

import dramatiq
from dramatiq.worker import Worker

from sanzhi_core.clock import monotonic
from sanzhi_core.db.session import Database
from sanzhi_core.platform.outbox import release

log = logging.getLogger("sanzhi.lanes")

T = TypeVar("T")

OpenDatabase = Callable[[], Awaitable[Database]]

TROUBLE_S = 1.0
"""Pause of a worker thread whose run could not reach the database, so that it does not spin."""


class _QueueWorker(Worker):
    """A worker without consumers for delay queues: nothing here is ever delayed in a broker."""

    # Private hook of dramatiq 2.2 (pinned <2.3; tests/workers/test_broker.py watches it).
    def _add_consumer(self, queue_name: str, *, delay: bool = False) -> None:
        if not delay and queue_name not in self.broker.delay_queues:
            super()._add_consumer(queue_name)


class LoopThread:
    """A daemon thread with an event loop and a database that belongs to it."""

    def __init__(self, name: str, open_database: OpenDatabase) -> None:
        self.name = name
        self._open_database = open_database
        self._thread = threading.Thread(target=self._serve, name=f"sanzhi-{name}", daemon=True)
        self._opened: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._stop: asyncio.Event
        self.loop: asyncio.AbstractEventLoop
        self.db: Database

    def start(self, timeout: float = 30) -> None:
        """Return when the database is open; raises what opening raised."""
        self._thread.start()
        self._opened.result(timeout)

    def submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine on the loop, from any thread. RuntimeError once the loop is closed."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self.loop)
        except RuntimeError:
            work.close()
            raise

    @property
    def alive(self) -> bool:
        """Whether the loop runs."""
        return self._thread.is_alive()

    def stop(self, timeout: float) -> None:
        """Cancel what still runs (its transactions roll back), close the database, end the thread."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(timeout)

    def _serve(self) -> None:
        try:
            asyncio.run(self._live())
        except Exception as fault:
            if self._opened.done():
                log.exception("%s ended", self.name)
            else:
                self._opened.set_exception(fault)

    async def _live(self) -> None:
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.db = await self._open_database()
        self._opened.set_result(None)
        try:
            await self._stop.wait()
            mine = asyncio.current_task()
            running = [t for t in asyncio.all_tasks() if t is not mine]
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        finally:
            await self.db.close()


class Lane:
    """The queues of one lane and what serves them. `run(db, id)` is awaited on the lane's loop."""

    def __init__(
        self,
        name: str,
        queues: set[str],
        broker: dramatiq.Broker,
        open_database: OpenDatabase,
        run: Callable[[Database, UUID], Awaitable[Any]],
        *,
        threads: int,
    ) -> None:
        if not queues:  # dramatiq would take "none" for "all"
            raise ValueError(f"lane {name} has no queues")
        self.name = name
        self._run = run
        self._home = LoopThread(f"lane-{name}", open_database)
        self._worker = _QueueWorker(broker, queues=queues, worker_threads=threads, worker_timeout=100)
        self._started = False
        self._stopping = threading.Event()

    def start(self) -> None:
        """Open the lane's database, then begin to consume."""
        self._home.start()
        self._worker.start()
        self._started = True

    def deliver(self, delivery_id: UUID) -> None:
        """Called in a worker thread: wait until the loop has run it. Never raises; the row knows what
        happened.
        """
        try:
            self._home.submit(self._run_or_release(delivery_id)).result()
        except concurrent.futures.CancelledError:
            pass
        except Exception as fault:
            log.warning("lane %s cannot run delivery %s: %s", self.name, delivery_id, type(fault).__name__)
            self._stopping.wait(TROUBLE_S)

    async def _run_or_release(self, delivery_id: UUID) -> None:
        db = self._home.db
        try:
            await self._run(db, delivery_id)
        except asyncio.CancelledError:  # stopping: rolled back; let another process have it at once
            async with db.transaction() as session:
                await release(session, [delivery_id])
            raise

    @property
    def alive(self) -> bool:
        """Whether it consumes."""
        return self._started and self._home.alive and not self._stopping.is_set()

    def stop(self, timeout: float) -> None:
        """Take no more ids, let running jobs end within `timeout` seconds, cancel the rest."""
        ends = monotonic() + timeout
        self._stopping.set()
        if self._started:
            for thread in self._worker.workers:
                thread.stop()
            for thread in self._worker.workers:
                thread.join(max(0.0, ends - monotonic()))
        self._home.stop(max(1.0, ends - monotonic()))
        if self._started:
            self._worker.stop(timeout=2000)
