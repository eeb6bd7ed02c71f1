"""Fixtures of every test: a PostgreSQL, a cloned database, a clock that stands still, a small county."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime

import pytest

from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import SHANGHAI, FixedClock
from sanzhi_core.db.session import Database
from sanzhi_core.parts import core_part
from sanzhi_core.platform import plugins
from sanzhi_core.platform.context import SYSTEM, Context
from sanzhi_core.platform.plugins import Platform
from sanzhi_core.testing.databases import Cluster, TestDatabase
from sanzhi_core.testing.world import World


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys.generate()


@pytest.fixture(scope="session")
def installed() -> Platform:
    """All installed plugins; strict: a broken one fails the run."""
    return plugins.load(core_part())


@pytest.fixture(scope="session")
def cluster(installed: Platform) -> Iterator[Cluster]:
    cluster = Cluster()
    cluster.start()
    try:
        asyncio.run(cluster.prepare(installed))
        yield cluster
    finally:
        asyncio.run(cluster.stop())


@pytest.fixture
async def database(cluster: Cluster) -> AsyncIterator[TestDatabase]:
    made = await cluster.clone()
    yield made
    await cluster.drop(made)


@pytest.fixture
async def db(database: TestDatabase) -> AsyncIterator[Database]:
    opened = await Database.open(database.app_url, database.read_url, size=8)
    yield opened
    await opened.close()


@pytest.fixture
def clock() -> FixedClock:
    """Monday 2026-11-23, 09:00 in Shanghai."""
    return FixedClock(datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI))


@pytest.fixture
def platform() -> Platform:
    """A platform of its own per test: computed scopes are kept in it."""
    return plugins.load(core_part())


@pytest.fixture
def system(platform: Platform, db: Database, clock: FixedClock, keys: Keys) -> Context:
    return Context(platform, db, clock, keys, principal=SYSTEM, channel="JOB")


@pytest.fixture
async def world(system: Context) -> World:
    return await World.build(system)
