"""Everything that works in the background of one process: relay, lanes, clockwork."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import Clock, monotonic
from sanzhi_core.db.session import Database
from sanzhi_core.platform.context import SYSTEM, Context
from sanzhi_core.platform.jobs import backoff_s, run_delivery
from sanzhi_core.platform.outbox import LANES
from sanzhi_workers.bind import bind, queues_by_lane
from sanzhi_workers.broker import make_broker
from sanzhi_workers.clockwork import Clockwork, Seal, sealer
from sanzhi_workers.lanes import Lane, OpenDatabase
from sanzhi_workers.relay import UP, Relay

if TYPE_CHECKING:
    from sanzhi_core.platform.plugins import Platform

log = logging.getLogger("sanzhi.workers")

THREADS = {"emergency": 2, "normal": 4, "bulk": 2}
STALE_S = 30.0


@dataclass(frozen=True)
class WorkerSettings:
    """Where to work. `broker_url` None: in memory. Seconds are real time."""

    app_url: str
    read_url: str
    broker_url: str | None = None
    queue_prefix: str = "sanzhi."
    queue_type: str = "classic"
    threads: Mapping[str, int] = field(default_factory=lambda: dict(THREADS))
    lease_s: float = 60
    poll_s: float = 0.5
    window: int = 500
    backoff: Callable[[int], float] = backoff_s

    @classmethod
    def from_env(
        cls, app_url: str, read_url: str, environ: Mapping[str, str] | None = None
    ) -> WorkerSettings:
        """SANZHI_BROKER_URL, SANZHI_QUEUE_PREFIX, SANZHI_QUEUE_TYPE (classic, quorum)."""
        env = os.environ if environ is None else environ
        return cls(
            app_url,
            read_url,
            broker_url=env.get("SANZHI_BROKER_URL") or None,
            queue_prefix=env.get("SANZHI_QUEUE_PREFIX") or "sanzhi.",
            queue_type=env.get("SANZHI_QUEUE_TYPE") or "classic",
        )


@dataclass(frozen=True)
class Readiness:
    """`ok` is about this process; a broker that is down only degrades it, deliveries wait in the database."""

    ok: bool
    broker: str
    relay_age_s: float | None
    clockwork_age_s: float | None
    lanes: Mapping[str, bool]


class Runtime:
    """Start it, ask `ready()`, stop it: from any thread; from an event loop's by `asyncio.to_thread`."""

    def __init__(
        self,
        settings: WorkerSettings,
        platform: Platform,
        keys: Keys,
        clock: Clock,
        *,
        seal: Seal | None = None,
    ) -> None:
        self._settings = settings
        self._platform = platform
        self._keys = keys
        self._clock = clock
        self.broker = make_broker(settings.broker_url, queue_type=settings.queue_type)
        queues = queues_by_lane(platform, settings.queue_prefix)
        actors = bind(self.broker, queues, self._deliver)
        self.lanes = {
            name: Lane(
                name,
                queues[name],
                self.broker,
                self._opener(settings.threads[name] + 1),
                self._run,
                threads=settings.threads[name],
            )
            for name in LANES
            if queues.get(name)
        }
        self.relay = Relay(
            platform,
            self.broker,
            actors,
            self._opener(2),
            prefix=settings.queue_prefix,
            lease_s=settings.lease_s,
            poll_s=settings.poll_s,
            window=settings.window,
        )
        self.clockwork = Clockwork(platform, self._opener(3), clock, seal=seal or sealer(keys, clock))

    def start(self) -> None:
        """Return when all databases are open and the lanes consume; on failure stop what began, and raise."""
        try:
            for lane in self.lanes.values():
                lane.start()
            self.relay.start()
            self.clockwork.start()
        except BaseException:
            self.stop(1)
            raise
        log.info("working on lanes %s", ", ".join(self.lanes))

    def stop(self, timeout: float = 20) -> None:
        """Claim nothing more, let running jobs end within `timeout` seconds, roll back the rest."""
        ends = monotonic() + timeout
        self.relay.stop(min(5.0, timeout))
        with ThreadPoolExecutor(len(self.lanes) + 1) as pool:
            waits = [pool.submit(lane.stop, max(0.5, ends - monotonic())) for lane in self.lanes.values()]
            waits.append(pool.submit(self.clockwork.stop, 5.0))
            for wait in waits:
                wait.result()
        self.broker.close()

    def ready(self) -> Readiness:
        """State of the parts."""
        lanes = {name: lane.alive for name, lane in self.lanes.items()}
        ages = self.relay.age_s(), self.clockwork.age_s()
        broker = self.relay.broker_state
        relay_fine = broker != UP or (ages[0] is not None and ages[0] < STALE_S)
        clock_fine = ages[1] is not None and ages[1] < STALE_S
        return Readiness(all(lanes.values()) and relay_fine and clock_fine, broker, *ages, lanes)

    def _opener(self, size: int) -> OpenDatabase:
        return lambda: Database.open(self._settings.app_url, self._settings.read_url, size=size)

    def _deliver(self, lane: str, delivery_id: UUID) -> None:
        self.lanes[lane].deliver(delivery_id)

    async def _run(self, db: Database, delivery_id: UUID) -> str:
        def make_ctx() -> Context:
            return Context(self._platform, db, self._clock, self._keys, principal=SYSTEM, channel="JOB")

        return await run_delivery(make_ctx, delivery_id, backoff=self._settings.backoff)
