"""Which job's deliveries go to which queue."""

from __future__ import annotations

from uuid import UUID

from sanzhi_core.platform.hookspecs import Job
from sanzhi_workers.bind import bind, queue_of, queues_by_lane
from sanzhi_workers.broker import MemoryBroker


async def nothing(_work, _payload) -> None: ...


def test_one_queue_per_plugin_and_lane(platform_of):
    platform = platform_of(
        Job("core.a.b", nothing),
        Job("core.a.c", nothing),
        Job("star_virtue.a.b", nothing, lane="bulk"),
        Job("star_virtue.a.c", nothing),
    )
    assert queues_by_lane(platform, "p.") == {
        "normal": {"p.core.normal", "p.star_virtue.normal"},
        "bulk": {"p.star_virtue.bulk"},
    }
    assert queue_of("p.", "core", "bulk") == "p.core.bulk"


def test_an_actor_hands_on_lane_and_id():
    got: list[tuple[str, UUID]] = []
    actors = bind(
        MemoryBroker(), {"bulk": {"p.core.bulk"}}, lambda lane, delivery: got.append((lane, delivery))
    )
    assert set(actors) == {"p.core.bulk"}
    assert actors["p.core.bulk"].queue_name == "p.core.bulk"
    made = UUID(int=7)
    actors["p.core.bulk"](str(made))
    assert got == [("bulk", made)]
