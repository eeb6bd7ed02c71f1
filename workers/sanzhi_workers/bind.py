"""Queues and actors: which delivery goes where, and what a worker thread does with an id."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

import dramatiq

if TYPE_CHECKING:
    from sanzhi_core.platform.plugins import Platform


def queue_of(prefix: str, plugin: str, lane: str) -> str:
    """One queue per plugin and lane, so that one plugin's backlog stands in nobody's way."""
    return f"{prefix}{plugin}.{lane}"


def queues_by_lane(platform: Platform, prefix: str) -> dict[str, set[str]]:
    """Lane -> queues of the loaded jobs."""
    found: dict[str, set[str]] = {}
    for job in platform.jobs.values():
        found.setdefault(job.lane, set()).add(queue_of(prefix, platform.job_plugin(job.name), job.lane))
    return found


def bind(
    broker: dramatiq.Broker, queues: dict[str, set[str]], deliver: Callable[[str, UUID], None]
) -> dict[str, dramatiq.Actor[[str], None]]:
    """Declare one actor per queue, named like it. `deliver(lane, id)` runs in worker threads, never raises."""

    def actor(lane: str, queue: str) -> dramatiq.Actor[[str], None]:
        def run(delivery_id: str) -> None:
            deliver(lane, UUID(delivery_id))

        return dramatiq.actor(actor_name=queue, queue_name=queue, broker=broker)(run)

    return {queue: actor(lane, queue) for lane, names in queues.items() for queue in sorted(names)}
