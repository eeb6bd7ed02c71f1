"""A database of one's own, RabbitMQ queues of one's own, and a runtime on them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pika
import pytest
import sqlalchemy as sa

import sanzhi_core.identity.models
import sanzhi_core.org.models
import sanzhi_core.people.models
import sanzhi_core.platform.models  # noqa: F401
from sanzhi_core.audit import ddl
from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import FixedClock
from sanzhi_core.db.base import Base
from sanzhi_core.db.session import Database
from sanzhi_core.platform import outbox
from sanzhi_core.platform.hookspecs import Job, Manifest
from sanzhi_core.platform.plugins import Part, Platform
from sanzhi_workers.main import Runtime, WorkerSettings

SERVER = os.environ.get("SANZHI_TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
BROKER = os.environ.get("SANZHI_TEST_BROKER_URL", "amqp://guest:guest@127.0.0.1:5672/%2f")
AUDIT = {"audit_entry", "audit_leaf", "audit_seal", "audit_epoch"}


@pytest.fixture
async def database_url() -> AsyncIterator[str]:
    name = f"sanzhi_workers_{uuid4().hex[:12]}"
    server = await asyncpg.connect(SERVER)
    await server.execute(f'create database "{name}"')
    url = SERVER.rsplit("/", 1)[0] + f"/{name}"
    try:
        conn = await asyncpg.connect(url)
        await conn.execute("create schema core")
        for statement in ddl.TABLES:
            await conn.execute(statement)
        await conn.execute(
            "create table effect (n bigint generated always as identity, what text not null, "
            "at timestamptz not null default clock_timestamp())"
        )
        await conn.close()
        engine = sa.ext.asyncio.create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
        async with engine.begin() as c:
            tables = [t for t in Base.metadata.sorted_tables if t.schema == "core" and t.name not in AUDIT]
            await c.run_sync(lambda sync: Base.metadata.create_all(sync, tables=tables))
        await engine.dispose()
        yield url
    finally:
        await server.execute(f'drop database "{name}" with (force)')
        await server.close()


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = await Database.open(database_url, database_url, size=4)
    yield database
    await database.close()


@pytest.fixture
def rows(db: Database) -> Callable[..., Any]:
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


def delete_queues(prefix: str, url: str = BROKER) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    for plugin in ("core", "star_virtue"):
        for lane in outbox.LANES:
            for ending in ("", ".DQ", ".XQ"):
                channel.queue_delete(f"{prefix}{plugin}.{lane}{ending}")
    connection.close()


@pytest.fixture
def prefix() -> str:
    return f"t{uuid4().hex[:10]}."


@pytest.fixture
def rabbitmq(prefix: str) -> Iterator[str]:
    """URL of a RabbitMQ; queues with the test's prefix are deleted afterwards."""
    try:
        pika.BlockingConnection(
            pika.URLParameters(f"{BROKER}?socket_timeout=2&connection_attempts=1")
        ).close()
    except Exception as fault:
        if os.environ.get("SANZHI_REQUIRE_SERVICES") == "1":
            pytest.fail(f"RabbitMQ is required and not reachable: {type(fault).__name__}")
        pytest.skip("no RabbitMQ reachable")
    yield BROKER
    delete_queues(prefix)


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def broker_url(request: pytest.FixtureRequest) -> str | None:
    """Both brokers, one after the other."""
    return request.getfixturevalue("rabbitmq") if request.param == "rabbitmq" else None


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 23, 1, tzinfo=UTC))


@pytest.fixture
async def runtime_of(database_url: str, prefix: str, clock: FixedClock) -> AsyncIterator[Callable[..., Any]]:
    """`runtime_of(platform, broker_url, …)`: not started; stopped at the end of the test."""
    made: list[Runtime] = []

    def make(platform: Platform, broker_url: str | None = None, **more: Any) -> Runtime:
        given = {"lease_s": 20, "poll_s": 0.1, "backoff": lambda _n: 0.05, **more}
        seal, time_of = given.pop("seal", None), given.pop("clock", clock)
        settings = WorkerSettings(
            database_url, database_url, broker_url=broker_url, queue_prefix=prefix, **given
        )
        made.append(Runtime(settings, platform, Keys.generate(), time_of, seal=seal))
        return made[-1]

    yield make
    for runtime in made:
        await asyncio.to_thread(runtime.stop, 2)
