"""Revisions and models say the same; every table has grants; walled tables are closed to the read role."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from sanzhi_core.db import migrate
from sanzhi_core.db.base import Base
from sanzhi_core.db.session import dsn
from sanzhi_core.platform.plugins import CORE, Platform
from sanzhi_core.testing.databases import APP, READ, Cluster, TestDatabase

DDL_OWN = {"audit_entry", "audit_leaf", "audit_seal", "audit_epoch", "alembic_version"}


def packages(platform: Platform) -> list[str]:
    return [p.manifest.package for name, p in platform.parts.items() if name != CORE]


async def test_revisions_make_what_the_models_say(database: TestDatabase, installed: Platform) -> None:
    engine = create_async_engine(make_url(database.owner_url).set(drivername="postgresql+asyncpg"))

    def compare(conn: Any) -> list[Any]:
        schemas = {t.schema for t in Base.metadata.sorted_tables}

        def ours(name: str | None, kind: str, parents: Any) -> bool:
            return name in schemas if kind == "schema" else name not in DDL_OWN or kind != "table"

        def mine(obj: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
            return kind != "table" or name not in DDL_OWN

        options = {
            "include_schemas": True,
            "include_name": ours,
            "include_object": mine,
            "compare_type": True,
        }
        return list(compare_metadata(MigrationContext.configure(conn, opts=options), Base.metadata))

    async with engine.connect() as conn:
        differences = await conn.run_sync(compare)
    await engine.dispose()
    unexpected = [d for d in differences if "division_staging" not in str(d)]
    assert unexpected == []


async def test_a_missing_column_would_be_noticed(database: TestDatabase, installed: Platform) -> None:
    """Positive control of the comparison above."""
    conn = await asyncpg.connect(dsn(database.owner_url))
    await conn.execute("alter table core.household drop column residence_state")
    await conn.close()
    with pytest.raises(AssertionError):
        await test_revisions_make_what_the_models_say(database, installed)


async def test_the_database_stands_at_every_head(database: TestDatabase, installed: Platform) -> None:
    applied = await migrate.applied(database.owner_url)
    assert migrate.pending(applied, [migrate.CORE, *packages(installed)]) == frozenset()
    assert migrate.pending([], [migrate.CORE]) == {"core_0001"}


async def test_upgrading_again_and_at_once_changes_nothing(
    database: TestDatabase, installed: Platform
) -> None:
    again = [
        migrate.upgrade(database.owner_url, packages(installed), migrate.Roles(APP, READ)) for _ in range(3)
    ]
    await asyncio.gather(*again)
    applied = await migrate.applied(database.owner_url)
    assert migrate.pending(applied, [migrate.CORE, *packages(installed)]) == frozenset()
    assert migrate.pending([], [migrate.CORE]) == {"core_0001"}


async def test_the_app_role_reaches_every_table_and_owns_none(database: TestDatabase) -> None:
    conn = await asyncpg.connect(dsn(database.owner_url))
    rows = await conn.fetch(
        "select n.nspname || '.' || c.relname as name, has_table_privilege($1, c.oid, 'SELECT') as reads, "
        "has_table_privilege($1, c.oid, 'TRUNCATE') as truncates, pg_get_userbyid(c.relowner) = $1 as owns "
        "from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where c.relkind in ('r', 'p') and n.nspname not like 'pg_%' and n.nspname <> 'information_schema'",
        APP,
    )
    await conn.close()
    assert len(rows) > 30
    closed = {r["name"] for r in rows if not r["reads"]}
    assert closed <= {"core.alembic_version"}
    assert [r["name"] for r in rows if r["truncates"] or r["owns"]] == []


async def test_the_read_role_sees_no_walled_or_private_table(database: TestDatabase) -> None:
    conn = await asyncpg.connect(dsn(database.read_url))
    try:
        for table in (
            "core.person_secret",
            "core.audit_entry",
            "core.access_token",
            "core.idempotency_key",
            "core.delivery",
            "core.reveal_log",
            "star_virtue.points_entry",
            "star_virtue.objection_author",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.fetch(f"select 1 from {table} limit 1")  # table names are ours
        assert await conn.fetchval("select count(*) from core.org_unit") == 0
    finally:
        await conn.close()


async def test_walled_tables_are_closed_without_a_scope(database: TestDatabase) -> None:
    conn = await asyncpg.connect(dsn(database.owner_url))
    walled = await conn.fetch(
        "select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where c.relrowsecurity"
    )
    await conn.close()
    assert {r["name"] for r in walled} >= {
        "core.person_secret",
        "core.audit_entry",
        "core.reveal_log",
        "star_virtue.points_entry",
        "star_virtue.objection_author",
    }
    app = await asyncpg.connect(dsn(database.app_url))
    try:
        for setting in ("", None):
            if setting is not None:
                await app.execute("select set_config('sanzhi.scope', $1, false)", setting)
            for row in walled:
                assert await app.fetchval(f"select count(*) from {row['name']}") == 0  # catalogue names
    finally:
        await app.close()


async def test_a_plugin_goes_without_touching_the_core(cluster: Cluster, installed: Platform) -> None:
    """Downgrading one branch leaves the core's tables and data alone."""
    from alembic import command

    made = await cluster.clone()
    engine = create_async_engine(make_url(made.owner_url).set(drivername="postgresql+asyncpg"))
    async with engine.begin() as conn:

        def down(sync: Any) -> None:
            names = [migrate.CORE, "sanzhi_star_virtue"]
            command.downgrade(
                migrate.config(names, connection=sync, roles=migrate.Roles(APP, READ)), "star_virtue@base"
            )

        await conn.run_sync(down)
        assert await conn.scalar(sa.text("select to_regclass('star_virtue.cycle')")) is None
        assert await conn.scalar(sa.text("select count(*) from core.role")) > 30
    await engine.dispose()
    await cluster.drop(made)
