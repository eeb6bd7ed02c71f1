"""Test databases: one migrated template per run, cloned for each test (about 0.1 s).

`SANZHI_TEST_DB=server` takes the PostgreSQL server of SANZHI_TEST_DATABASE_URL (default: 127.0.0.1:5432 as
postgres); otherwise an embedded PostgreSQL is started in a throw-away folder.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from sanzhi_core.db import migrate, provision
from sanzhi_core.db.embedded import EmbeddedPostgres
from sanzhi_core.db.session import dsn
from sanzhi_core.platform.permissions import seed_permissions
from sanzhi_core.platform.plugins import CORE, Platform

SERVER = "postgresql://postgres@127.0.0.1:5432/postgres"
APP, READ, PASSWORD = "sanzhi_test_app", "sanzhi_test_read", "test-only"


@dataclass(frozen=True)
class TestDatabase:
    """A clone: URLs of owner, app role and read role."""

    __test__ = False
    name: str
    owner_url: str
    app_url: str
    read_url: str


def wants_server() -> bool:
    """Whether this run tests on the PostgreSQL server."""
    return os.environ.get("SANZHI_TEST_DB") == "server"


def server_url() -> str:
    """Owner's URL of the PostgreSQL server for tests."""
    return os.environ.get("SANZHI_TEST_DATABASE_URL") or SERVER


class Cluster:
    """A PostgreSQL for one test run. Use `start`, then `prepare`, then `clone` as often as needed."""

    def __init__(self, *, server: bool | None = None) -> None:
        self.server = wants_server() if server is None else server
        self._embedded: EmbeddedPostgres | None = None
        self._folder: Path | None = None
        self.template = f"sanzhi_t_{uuid4().hex[:12]}"
        self._clones: set[str] = set()

    def start(self) -> None:
        """Start the embedded server, or take the given one."""
        if not self.server:
            self._folder = Path(tempfile.mkdtemp(prefix="sanzhi-test-"))
            self._embedded = EmbeddedPostgres(self._folder / "pg", durable=False)
            self._embedded.start()

    def url(self, database: str) -> str:
        """Owner's URL of a database."""
        if self._embedded is not None:
            return self._embedded.owner_url(database)
        parts = urlsplit(dsn(server_url()))
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}://{parts.netloc}/{database}{query}"

    async def prepare(self, platform: Platform) -> None:
        """Make the template: roles, migrations of core and plugins, permissions."""
        await provision.ensure_database(self.url(self.template), self.template)
        owner = self.url(self.template)
        await provision.ensure_roles(owner, PASSWORD, PASSWORD, APP, READ)
        packages = [p.manifest.package for name, p in platform.parts.items() if name != CORE]
        await migrate.upgrade(owner, packages, migrate.Roles(APP, READ))
        conn = await asyncpg.connect(dsn(owner))
        try:
            await seed_permissions(conn, platform)
        finally:
            await conn.close()

    async def clone(self) -> TestDatabase:
        """A fresh database like the template."""
        name = f"{self.template}_{uuid4().hex[:8]}"
        await self._admin(f"create database {name} template {self.template}")
        self._clones.add(name)
        await self._admin(f'grant connect on database {name} to "{APP}", "{READ}"')
        owner = self.url(name)
        return TestDatabase(
            name, owner, provision.role_url(owner, APP, PASSWORD), provision.role_url(owner, READ, PASSWORD)
        )

    async def drop(self, database: TestDatabase) -> None:
        """Remove a clone, with whoever is still connected."""
        await self._admin(f"drop database if exists {database.name} with (force)")
        self._clones.discard(database.name)

    async def _admin(self, statement: str) -> None:
        conn = await asyncpg.connect(dsn(self.url("postgres")))
        try:
            await conn.execute(statement)
        finally:
            await conn.close()

    async def stop(self) -> None:
        """Remove everything this run made."""
        if self._embedded is not None:
            self._embedded.destroy()
            return
        for name in [*self._clones, self.template]:
            if re.fullmatch(r"sanzhi_t_[0-9a-f_]+", name):
                await self._admin(f"drop database if exists {name} with (force)")
