"""A database of one's own, RabbitMQ queues of one's own, and a runtime on them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pika
import pytest
import sqlalchemy as sa

from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import FixedClock
from sanzhi_core.db.session import Database, dsn
from sanzhi_core.platform import outbox
from sanzhi_core.platform.hookspecs import Job, Manifest
from sanzhi_core.platform.plugins import Part, Platform
from sanzhi_core.testing.databases import APP, TestDatabase
from sanzhi_workers.main import Runtime, WorkerSettings

BROKER = os.environ.get("SANZHI_TEST_BROKER_URL", "amqp://guest:guest@127.0.0.1:5672/%2f")


@pytest.fixture
async def effects(database: TestDatabase) -> None:
    """Table `effect`: without any constraint, so that a doubled effect shows."""
    owner = await asyncpg.connect(dsn(database.owner_url))
    await owner.execute(
        "create table public.effect (n bigint generated always as identity, what text not null, "
        "at timestamptz not null default clock_timestamp())"
    )
    await owner.execute(f'grant all on public.effect to "{APP}"')
    await owner.close()


@pytest.fixture
def rows(db: Database, effects: None) -> Callable[..., Any]:
    """`await rows("select …", a=1)`: what the database holds now."""

    async def fetch(sql: str, **values: Any) -> list[Any]:
        async with db.transaction("*") as session:
            return list((await session.execute(sa.text(sql), values)).all())

    return fetch


@pytest.fixture
def put(db: Database) -> Callable[..., Any]:
    """`await put(job, "what", …)`: commit one delivery."""

    async def write(job: Job, what: str = "x", **more: Any) -> UUID | None:
        async with db.transaction() as session:
            return await outbox.insert_delivery(
                session,
                consumer=job.name,
                plugin=job.name.partition(".")[0],
                lane=job.lane,
                payload={"what": what},
                max_attempts=job.max_attempts,
                **more,
            )

    return write


@pytest.fixture
def until(rows: Callable[..., Any]) -> Callable[..., Any]:
    """`await until("select …")`: the first rows that come within `seconds`; fails when none do."""

    async def wait(sql: str, seconds: float = 10, **values: Any) -> list[Any]:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            if found := await rows(sql, **values):
                return found
            await asyncio.sleep(0.02)
        pytest.fail(f"not within {seconds} s: {sql}")

    return wait


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """`await eventually(lambda: …)`: until it is true; fails when it is not within `seconds`."""

    async def wait(true: Callable[[], bool], seconds: float = 5) -> None:
        ends = time.monotonic() + seconds
        while not true():
            if time.monotonic() > ends:
                pytest.fail(f"not true within {seconds} s")
            await asyncio.sleep(0.02)

    return wait


@pytest.fixture
def platform_of() -> Callable[..., Platform]:
    """`platform_of(job, …)`: the jobs by the plugin their name starts with."""

    def make(*jobs: Job) -> Platform:
        names = dict.fromkeys([j.name.partition(".")[0] for j in jobs])
        parts = [
            Part(
                Manifest(n, f"sanzhi_{n}", n, n, "1", n.title()),
                jobs=tuple(j for j in jobs if j.name.startswith(f"{n}.")),
            )
            for n in names
        ]
        return Platform(parts, {}, ())

    return make


def reachable() -> bool:
    """Whether RabbitMQ answers."""
    try:
        parameters = pika.URLParameters(BROKER)
        parameters.socket_timeout, parameters.connection_attempts = 2, 1
        pika.BlockingConnection(parameters).close()
    except (pika.exceptions.AMQPError, OSError):
        return False
    return True


def delete_queues(prefix: str, url: str = BROKER) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    for plugin in ("core", "star_virtue"):
        for lane in outbox.LANES:
            for ending in ("", ".DQ", ".XQ"):
                channel.queue_delete(f"{prefix}{plugin}.{lane}{ending}")
    connection.close()


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> Iterator[str]:
    """Queue prefix of the test. Its queues are deleted after the runtimes that use them have stopped."""
    name = f"t{uuid4().hex[:10]}."
    yield name
    if request.node.get_closest_marker("rabbitmq") is not None and reachable():
        delete_queues(name)


@pytest.fixture
def rabbitmq() -> str:
    """URL of a RabbitMQ. Without one the test is skipped, or fails under SANZHI_REQUIRE_SERVICES=1."""
    try:
        pika.BlockingConnection(
            pika.URLParameters(f"{BROKER}?socket_timeout=2&connection_attempts=1")
        ).close()
    except Exception as fault:
        if os.environ.get("SANZHI_REQUIRE_SERVICES") == "1":
            pytest.fail(f"RabbitMQ is required and not reachable: {type(fault).__name__}")
        pytest.skip("no RabbitMQ reachable")
    return BROKER


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def broker_url(request: pytest.FixtureRequest) -> str | None:
    """Both brokers, one after the other."""
    return request.getfixturevalue("rabbitmq") if request.param == "rabbitmq" else None


@pytest.fixture
async def runtime_of(
    database: TestDatabase, prefix: str, clock: FixedClock, keys: Keys, effects: None
) -> AsyncIterator[Callable[..., Any]]:
    """`runtime_of(platform, broker_url, …)`: not started; stopped at the end of the test."""
    made: list[Runtime] = []

    def make(platform: Platform, broker_url: str | None = None, **more: Any) -> Runtime:
        given = {"lease_s": 20, "poll_s": 0.1, "backoff": lambda _n: 0.05, **more}
        seal, time_of = given.pop("seal", None), given.pop("clock", clock)
        settings = WorkerSettings(
            database.app_url, database.read_url, broker_url=broker_url, queue_prefix=prefix, **given
        )
        made.append(Runtime(settings, platform, keys, time_of, seal=seal))
        return made[-1]

    yield make
    for runtime in made:
        await asyncio.to_thread(runtime.stop, 2)
