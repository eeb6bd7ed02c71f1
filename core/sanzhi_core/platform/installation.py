"""One installation: where its data, keys and databases are; found from the environment, made by `sanzhi init`.

| variable | meaning | default |
|---|---|---|
| SANZHI_HOME | folder of everything that is kept | `.sanzhi` in the current folder |
| SANZHI_DATABASE_URL | owner's URL of a PostgreSQL server (15+); only for init and migrations | embedded PostgreSQL |
| SANZHI_APP_DATABASE_URL, SANZHI_READ_DATABASE_URL | login roles of the servers | `$SANZHI_HOME/secrets.env` |
| SANZHI_KEYS | key file | `$SANZHI_HOME/keys.json` |
| SANZHI_CHECKPOINTS | outside memory of the audit trail; put it on other storage | `$SANZHI_HOME/checkpoints.jsonl` |
| SANZHI_REPORTS, SANZHI_NOTICES | folders of report files and of the notice file channel | below SANZHI_HOME |
| SANZHI_CLOCK | `demo` honours `core.clock_offset` | real time |
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import Clock, OffsetClock, SystemClock, new_id, real_now
from sanzhi_core.db import migrate, provision
from sanzhi_core.db.embedded import EmbeddedPostgres
from sanzhi_core.db.session import Database, connected
from sanzhi_core.identity.tokens import digest
from sanzhi_core.parts import core_part
from sanzhi_core.platform import plugins
from sanzhi_core.platform.context import SYSTEM, Context
from sanzhi_core.platform.permissions import seed_permissions
from sanzhi_core.platform.plugins import Platform

DATABASE = "sanzhi"
SETUP_TOKEN_HOURS = 72


class NotInstalled(Exception):
    """Nothing here to run yet; the message says which command makes it."""


@dataclass
class Installation:
    """Paths and URLs of one installation. `embedded` is None when a server is used."""

    home: Path
    owner_url: str | None
    env: Mapping[str, str] = field(repr=False, default_factory=lambda: dict(os.environ))
    durable: bool = True

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None, *, durable: bool = True) -> Installation:
        """The installation that the environment names; nothing is touched yet."""
        env = dict(os.environ if env is None else env)
        home = Path(env.get("SANZHI_HOME") or ".sanzhi").expanduser().resolve()
        return cls(home, env.get("SANZHI_DATABASE_URL") or None, env, durable)

    def _path(self, variable: str, name: str) -> Path:
        given = self.env.get(variable)
        return Path(given).expanduser().resolve() if given else self.home / name

    @property
    def keys_path(self) -> Path:
        return self._path("SANZHI_KEYS", "keys.json")

    @property
    def secrets_path(self) -> Path:
        return self.home / "secrets.env"

    @property
    def checkpoints_path(self) -> Path:
        return self._path("SANZHI_CHECKPOINTS", "checkpoints.jsonl")

    @property
    def reports_dir(self) -> Path:
        return self._path("SANZHI_REPORTS", "reports")

    @property
    def notices_dir(self) -> Path:
        return self._path("SANZHI_NOTICES", "notices")

    @property
    def uses_embedded(self) -> bool:
        """Whether this installation keeps its own PostgreSQL."""
        return self.owner_url is None and not self.env.get("SANZHI_APP_DATABASE_URL")

    def embedded(self) -> EmbeddedPostgres:
        """The embedded server of this installation, started or not."""
        return EmbeddedPostgres(self.home / "pg", durable=self.durable)

    def start_database(self) -> EmbeddedPostgres | None:
        """Make sure the embedded server runs; None when a server is used."""
        if not self.uses_embedded:
            return None
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        server = self.embedded()
        server.start()
        return server

    def owner(self) -> str:
        """Owner's URL of the application's database, for init and migrations only."""
        if self.owner_url is not None:
            return self.owner_url
        if not self.uses_embedded:
            raise NotInstalled("set SANZHI_DATABASE_URL to the owner's URL for this command")
        return self.embedded().owner_url(DATABASE)

    def login_urls(self) -> tuple[str, str]:
        """(app, read) URLs of the servers' roles. Raises NotInstalled."""
        given = self.env.get("SANZHI_APP_DATABASE_URL"), self.env.get("SANZHI_READ_DATABASE_URL")
        if given[0] and given[1]:
            return given[0], given[1]
        try:
            kept = provision.read_secrets(self.secrets_path)
        except FileNotFoundError:
            raise NotInstalled(f"{self.secrets_path} is missing: run `sanzhi init` first") from None
        if self.uses_embedded:  # the socket folder may have moved
            server = self.embedded()
            return (
                server.url(DATABASE, kept["SANZHI_APP_ROLE"], kept["SANZHI_APP_PASSWORD"]),
                server.url(DATABASE, kept["SANZHI_READ_ROLE"], kept["SANZHI_READ_PASSWORD"]),
            )
        return kept["SANZHI_APP_DATABASE_URL"], kept["SANZHI_READ_DATABASE_URL"]

    def keys(self) -> Keys:
        """The keys. Raises KeyFileError."""
        return Keys.load(self.keys_path)

    def clock(self) -> Clock:
        """Business clock; the demo's follows `core.clock_offset` once `refresh_clock` has read it."""
        return OffsetClock() if self.env.get("SANZHI_CLOCK") == "demo" else SystemClock()

    def platform(self) -> Platform:
        """Everything installed, with the folders of this installation."""
        loaded = plugins.load(core_part())
        loaded.report_dir, loaded.notice_dir = self.reports_dir, self.notices_dir
        return loaded

    async def init(
        self, platform: Platform, *, app_role: str | None = None, read_role: str | None = None
    ) -> None:
        """Make database, roles, keys and tables, or bring them up to date. Repeatable; keys are never overwritten."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.keys_path.exists():
            Keys.generate().write(self.keys_path)
        owner = self.owner()
        if self.uses_embedded:
            await provision.ensure_database(owner, DATABASE)
        login = await self._roles(owner, app_role, read_role)
        packages = [p.manifest.package for name, p in platform.parts.items() if name != plugins.CORE]
        await migrate.upgrade(owner, packages, login)
        async with connected(owner) as conn:
            await seed_permissions(conn, platform)

    async def _roles(self, owner: str, app_role: str | None, read_role: str | None) -> migrate.Roles:
        given = self.env.get("SANZHI_APP_DATABASE_URL"), self.env.get("SANZHI_READ_DATABASE_URL")
        if given[0] and given[1]:
            return migrate.Roles(provision.login_of(given[0]), provision.login_of(given[1]))
        try:
            kept = provision.read_secrets(self.secrets_path)
        except FileNotFoundError:
            kept = {
                "SANZHI_APP_ROLE": app_role or provision.APP_ROLE,
                "SANZHI_APP_PASSWORD": provision.new_password(),
                "SANZHI_READ_ROLE": read_role or provision.READ_ROLE,
                "SANZHI_READ_PASSWORD": provision.new_password(),
            }
        app, read = kept["SANZHI_APP_ROLE"], kept["SANZHI_READ_ROLE"]
        await provision.ensure_roles(
            owner, kept["SANZHI_APP_PASSWORD"], kept["SANZHI_READ_PASSWORD"], app, read
        )
        kept["SANZHI_APP_DATABASE_URL"] = provision.role_url(owner, app, kept["SANZHI_APP_PASSWORD"])
        kept["SANZHI_READ_DATABASE_URL"] = provision.role_url(owner, read, kept["SANZHI_READ_PASSWORD"])
        provision.write_secrets(self.secrets_path, kept)
        return migrate.Roles(app, read)

    async def open(self, *, size: int = 10) -> Database:
        """A database on the running loop, as the login roles."""
        app, read = self.login_urls()
        return await Database.open(app, read, size=size)

    def system_context(self, platform: Platform, db: Database, clock: Clock | None = None) -> Context:
        """A context of the system itself, for the CLI on the owner's behalf."""
        return Context(platform, db, clock or self.clock(), self.keys(), principal=SYSTEM, channel="API")


async def refresh_clock(clock: Clock, db: Database) -> None:
    """Let a demo clock follow `core.clock_offset`; other clocks are left alone."""
    if isinstance(clock, OffsetClock):
        seconds = await db.walled.fetchval("select seconds from core.clock_offset")
        clock.offset = timedelta(seconds=int(seconds or 0))


async def new_setup_token(owner_url: str) -> str:
    """A fresh one-time setup token; earlier unused ones stop working. As the owner."""
    token = secrets.token_urlsafe(24)
    async with connected(owner_url) as conn, conn.transaction():
        await conn.execute("update core.setup_token set used_at = $1 where used_at is null", real_now())
        await conn.execute(
            "insert into core.setup_token (id, token_hash, expires_at) values ($1, $2, $3)",
            new_id(),
            digest(token),
            real_now() + timedelta(hours=SETUP_TOKEN_HOURS),
        )
    return token
