"""What the delivery tests add to the common fixtures: an effect to count, a platform made of given jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import FixedClock
from sanzhi_core.db.session import Database, dsn
from sanzhi_core.platform.context import SYSTEM, Context
from sanzhi_core.platform.hookspecs import Job, Manifest
from sanzhi_core.platform.plugins import Part, Platform
from sanzhi_core.testing.databases import APP, TestDatabase


@pytest.fixture
async def effects(database: TestDatabase) -> None:
    """Table `effect`: without any constraint, so that a doubled effect shows."""
    owner = await asyncpg.connect(dsn(database.owner_url))
    await owner.execute(
        "create table public.effect (n bigint generated always as identity, what text not null)"
    )
    await owner.execute(f'grant all on public.effect to "{APP}"')
    await owner.close()


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


@pytest.fixture
def context_of(db: Database, clock: FixedClock, keys: Keys) -> Callable[[Platform], Callable[[], Context]]:
    """`context_of(platform)`: what `run_delivery` makes its contexts with."""
    return lambda platform: lambda: Context(platform, db, clock, keys, principal=SYSTEM, channel="JOB")


@pytest.fixture
def rows(db: Database, effects: None) -> Callable[..., Any]:
    """`await rows("select …", a=1)`: what the database holds now."""

    async def fetch(sql: str, **values: Any) -> list[Any]:
        async with db.transaction("*") as session:
            return list((await session.execute(sa.text(sql), values)).all())

    return fetch
