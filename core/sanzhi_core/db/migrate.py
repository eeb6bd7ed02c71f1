"""Migrations: Alembic with one branch per package, run by the owner under an advisory lock (architecture 1, 2).

Each package keeps its revisions in `<package>/migrations`; the first of a plugin depends on the core's. Revisions get
the names of the two login roles from `roles()` and grant what they create.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

LOCK = 0x73616E7A68690002  # "sanzhi", 2
CORE = "sanzhi_core"


@dataclass(frozen=True)
class Roles:
    """Names of the login roles that revisions grant to."""

    app: str = "sanzhi_app"
    read: str = "sanzhi_read"


def roles() -> Roles:
    """Inside a revision: the login roles of this installation."""
    found: Roles = context.config.attributes["roles"]
    return found


def package_dir(package: str) -> Path:
    """Folder of an importable package, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"package {package!r} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def config(packages: Iterable[str], **attributes: Any) -> Config:
    """Alembic configuration over the migrations folders of these packages (those that have one)."""
    here = Path(__file__).parent
    cfg = Config()
    cfg.set_main_option("script_location", str(here / "alembic"))
    folders = [package_dir(p) / "migrations" for p in packages]
    cfg.set_main_option("version_locations", "\n".join(str(f) for f in folders if f.is_dir()))
    cfg.set_main_option("path_separator", "newline")
    cfg.attributes.update(attributes)
    return cfg


def heads(packages: Iterable[str]) -> frozenset[str]:
    """Newest revisions of the installed packages."""
    return frozenset(ScriptDirectory.from_config(config(packages)).get_heads())


def pending(applied: Iterable[str], packages: Iterable[str]) -> frozenset[str]:
    """Heads that a database standing at `applied` has not reached; a plugin's revision implies what it depends on."""
    script = ScriptDirectory.from_config(config(packages))
    reached: set[str] = set()
    waiting = [name for name in applied if name in {r.revision for r in script.walk_revisions()}]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            revision = script.get_revision(name)
            for below in (revision.down_revision, revision.dependencies):
                waiting += [below] if isinstance(below, str) else list(below or ())
    return frozenset(script.get_heads()) - reached


async def upgrade(owner_url: str, packages: Iterable[str] = (), login: Roles | None = None) -> None:
    """Bring the database to the head of every branch; a second process waits on the advisory lock.

    `packages`: plugin packages besides the core. Raises what a revision raises; nothing is half applied.
    """
    engine = create_async_engine(make_url(owner_url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    names = [CORE, *(p for p in packages if p != CORE)]
    try:
        async with engine.begin() as conn:
            await conn.execute(sa.text(f"select pg_advisory_xact_lock({LOCK})"))
            await conn.execute(sa.text("set local statement_timeout = '15min'"))
            await conn.execute(sa.text("create schema if not exists core"))

            def run(sync_conn: Any) -> None:
                command.upgrade(config(names, connection=sync_conn, roles=login or Roles()), "heads")

            await conn.run_sync(run)
            for role in {(login or Roles()).app, (login or Roles()).read}:  # servers check what they stand on
                await conn.execute(sa.text(f'grant usage on schema core to "{role}"'))
                await conn.execute(sa.text(f'grant select on core.alembic_version to "{role}"'))
    finally:
        await engine.dispose()


async def applied(url: str) -> frozenset[str]:
    """Revisions the database stands at; empty for a database never migrated."""
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    try:
        async with engine.connect() as conn:
            there = await conn.scalar(sa.text("select to_regclass('core.alembic_version') is not null"))
            if not there:
                return frozenset()
            return frozenset(await conn.scalars(sa.text("select version_num from core.alembic_version")))
    finally:
        await engine.dispose()


def tables_of(schema: str, metadata: sa.MetaData) -> list[sa.Table]:
    """Mapped tables of one PostgreSQL schema."""
    return [t for t in metadata.sorted_tables if t.schema == schema]
