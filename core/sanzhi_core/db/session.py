"""The database as the application sees it, and the only commit of the project.

A `Database` belongs to the event loop it was made on (an asyncpg pool does: "attached to a different loop"), so a
web server, each worker lane and the CLI make their own with `Database.open` and close it there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

ALL_UNITS = "*"
"""RLS scope of the system itself (jobs, sealer, installation); never given to a person."""


def _identity(value: Any) -> Any:
    return value


class _QuietConnection(asyncpg.Connection):  # type: ignore[misc, type-arg, unused-ignore]
    """A release without RESET: nothing on the read pool ever sets session state (saves a round trip)."""

    def get_reset_query(self) -> str:
        return ""


async def _init_read(conn: Any) -> None:
    for name in ("json", "jsonb"):
        if name == "json":
            await conn.set_type_codec(
                "json", schema="pg_catalog", encoder=_identity, decoder=bytes, format="binary"
            )


def dsn(url: str) -> str:
    """A URL that asyncpg understands (no SQLAlchemy driver suffix)."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


def rls_scope(units: Iterable[UUID] | str) -> str:
    """Text of the `sanzhi.scope` setting: ids of the units whose subtree is open, or `*`."""
    return units if isinstance(units, str) else ",".join(sorted(str(u) for u in units))


@asynccontextmanager
async def connected(url: str, *, timeout: float = 60) -> AsyncIterator[Any]:
    """One raw connection of its own, closed at the end: for installing, checking and exporting."""
    conn = await asyncpg.connect(dsn(url), timeout=timeout)
    try:
        yield conn
    finally:
        await conn.close()


class Database:
    """Engine of the app role plus raw asyncpg pools for compiled reads.

    `read`: login role with SELECT on unwalled tables only. `walled`: app role, used by compiled reads of walled
    tables inside a transaction that sets the scope.
    """

    def __init__(self, app_url: str, engine: AsyncEngine, read: Any, walled: Any) -> None:
        self.app_url = app_url
        self.engine = engine
        self.read = read
        self.walled = walled

    @classmethod
    async def open(cls, app_url: str, read_url: str, *, size: int = 10) -> Database:
        """Connect on the running loop. `size` bounds each of the pools."""
        engine = create_async_engine(
            make_url(app_url).set(drivername="postgresql+asyncpg"),
            pool_size=size,
            max_overflow=0,
            pool_timeout=2,
            pool_pre_ping=True,
        )
        # Compiled statements are many and long: asyncpg's own defaults (100 of 15 KB) would prepare them anew.
        kept: dict[str, Any] = {"statement_cache_size": 500, "max_cacheable_statement_size": 65_536}
        read = await asyncpg.create_pool(
            dsn(read_url),
            min_size=1,
            max_size=size,
            connection_class=_QuietConnection,
            init=_init_read,
            **kept,
        )
        walled = await asyncpg.create_pool(
            dsn(app_url), min_size=1, max_size=max(2, size // 2), init=_init_read, **kept
        )
        return cls(app_url, engine, read, walled)

    async def close(self) -> None:
        """Give every connection back; call on the same loop."""
        await self.read.close()
        await self.walled.close()
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self, scope: Iterable[UUID] | str = ()) -> AsyncIterator[AsyncSession]:
        """One transaction of the app role with the RLS scope set; commits at the end, rolls back on any exception.

        The scope is set on every transaction, also to nothing: a setting left behind on a pooled connection must
        never be somebody else's.
        """
        async with AsyncSession(self.engine, expire_on_commit=False, autoflush=True) as session:
            await session.execute(
                sa.text("select set_config('sanzhi.scope', :scope, true)"), {"scope": rls_scope(scope)}
            )
            yield session
            await session.commit()

    @asynccontextmanager
    async def walled_read(self, scope: Iterable[UUID] | str) -> AsyncIterator[Any]:
        """A read-only transaction of the app role on a raw connection, RLS scope set in one round trip."""
        async with self.walled.acquire() as conn:
            text = rls_scope(scope)
            if text != ALL_UNITS and not all(c in "0123456789abcdef-," for c in text):
                raise ValueError("an RLS scope is a list of ids")
            await conn.execute(
                f"begin read only isolation level repeatable read; select set_config('sanzhi.scope', '{text}', true)"
            )
            try:
                yield conn
            finally:
                await conn.execute("rollback")
