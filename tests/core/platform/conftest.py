"""A database of one's own with all tables of the core, and a platform made of given jobs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
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
from sanzhi_core.platform.context import SYSTEM, Context
from sanzhi_core.platform.hookspecs import Job, Manifest
from sanzhi_core.platform.plugins import Part, Platform

SERVER = os.environ.get("SANZHI_TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
AUDIT = {"audit_entry", "audit_leaf", "audit_seal", "audit_epoch"}


@pytest.fixture
async def database_url() -> AsyncIterator[str]:
    name = f"sanzhi_delivery_{uuid4().hex[:12]}"
    server = await asyncpg.connect(SERVER)
    await server.execute(f'create database "{name}"')
    url = SERVER.rsplit("/", 1)[0] + f"/{name}"
    try:
        conn = await asyncpg.connect(url)
        await conn.execute("create schema core")
        for statement in ddl.TABLES:
            await conn.execute(statement)
        await conn.execute("create table effect (n bigint generated always as identity, what text not null)")
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
    database = await Database.open(database_url, database_url, size=6)
    yield database
    await database.close()


@pytest.fixture
def platform_of() -> Callable[..., Platform]:
    """`platform_of(job, …)`: the jobs by the plugin their name starts with."""

    def make(*jobs: Job) -> Platform:
        names = dict.fromkeys([j.name.partition(".")[0] for j in jobs])
        return Platform(
            [
                Part(
                    Manifest(n, f"sanzhi_{n}", n, n, "1", n.title()),
                    jobs=tuple(j for j in jobs if j.name.startswith(f"{n}.")),
                )
                for n in names
            ],
            {},
            (),
        )

    return make


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 11, 23, 1, tzinfo=UTC))


@pytest.fixture
def context_of(db: Database, clock: FixedClock) -> Callable[[Platform], Callable[[], Context]]:
    keys = Keys.generate()

    def of(platform: Platform) -> Callable[[], Context]:
        return lambda: Context(platform, db, clock, keys, principal=SYSTEM, channel="JOB")

    return of


@pytest.fixture
def rows(db: Database) -> Callable[..., Any]:
    """`await rows("select …", a=1)`: what the database holds now."""

    async def fetch(sql: str, **values: Any) -> list[Any]:
        async with db.transaction("*") as session:
            return list((await session.execute(sa.text(sql), values)).all())

    return fetch
