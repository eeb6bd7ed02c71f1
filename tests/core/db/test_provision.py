import asyncio
import os
import shutil
import stat
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from sanzhi_core.db.embedded import EmbeddedPostgres
from sanzhi_core.db.private_files import InsecureFile
from sanzhi_core.db.provision import (
    PrivilegedRole,
    ProvisionError,
    check_not_privileged,
    ensure_database,
    ensure_roles,
    new_password,
    read_secrets,
    role_url,
    write_secrets,
)
from sanzhi_core.testing.databases import server_url as server_url_of_tests


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedPostgres]:
    base = Path(tempfile.mkdtemp(prefix="sanzhi-test-"))
    base.chmod(0o711)
    server = EmbeddedPostgres(base / "pg", durable=False)
    server.start()
    yield server
    server.destroy()
    shutil.rmtree(base)


async def _answers(url: str) -> None:
    await (await asyncpg.connect(url, timeout=3)).close()


@pytest.fixture(params=["embedded", pytest.param("server", marks=pytest.mark.server)])
def server_url(request: pytest.FixtureRequest) -> str:
    """The owner's URL on the embedded PostgreSQL, then on the server."""
    if request.param == "embedded":
        server: EmbeddedPostgres = request.getfixturevalue("embedded")
        return server.owner_url("postgres")
    url = server_url_of_tests()
    try:
        asyncio.run(_answers(url))
    except (OSError, asyncpg.PostgresError) as fault:
        if os.environ.get("SANZHI_REQUIRE_SERVICES") == "1":
            pytest.fail(f"no PostgreSQL server at SANZHI_TEST_DATABASE_URL: {fault}")
        pytest.skip("no PostgreSQL server at SANZHI_TEST_DATABASE_URL")
    return url


class World:
    """A fresh database and three role names of our own on a server."""

    def __init__(self, server_url: str) -> None:
        mark = uuid.uuid4().hex[:10]
        self.server_url = server_url
        self.database, self.app, self.read = f"t_{mark}", f"t_app_{mark}", f"t_read_{mark}"
        self.other = f"t_other_{mark}"
        self.url = make_url(server_url).set(database=self.database).render_as_string(hide_password=False)
        self.app_password, self.read_password = new_password(), new_password()

    async def ensure(self) -> None:
        await ensure_roles(self.url, self.app_password, self.read_password, self.app, self.read)

    async def owner(self) -> Any:
        return await asyncpg.connect(self.url)

    async def as_app(self) -> Any:
        return await asyncpg.connect(role_url(self.url, self.app, self.app_password))

    async def sql(self, *statements: str) -> None:
        conn = await self.owner()
        try:
            for statement in statements:
                await conn.execute(statement)
        finally:
            await conn.close()

    async def value(self, query: str, *args: object) -> Any:
        conn = await asyncpg.connect(self.server_url)
        try:
            return await conn.fetchval(query, *args)
        finally:
            await conn.close()


@pytest.fixture
async def world(server_url: str) -> AsyncIterator[World]:
    it = World(server_url)
    assert await ensure_database(it.url, it.database) is True
    yield it
    conn = await asyncpg.connect(server_url)
    await conn.execute(f"drop database {it.database} with (force)")
    for role in (it.app, it.read, it.other):
        await conn.execute(f"drop role if exists {role}")
    await conn.close()


# ---- database ------------------------------------------------------------------------------------------


async def test_database_is_made_once_in_utf8(world: World) -> None:
    assert await ensure_database(world.url, world.database) is False
    assert await ensure_database(world.server_url, world.database) is False
    query = "select pg_encoding_to_char(encoding) from pg_database where datname = $1"
    assert await world.value(query, world.database) == "UTF8"


async def test_databases_made_at_once_make_one(server_url: str) -> None:
    name = f"t_{uuid.uuid4().hex[:10]}"
    try:
        made = await asyncio.gather(*(ensure_database(server_url, name) for _ in range(4)))
        assert made.count(True) == 1
    finally:
        conn = await asyncpg.connect(server_url)
        await conn.execute(f"drop database if exists {name} with (force)")
        await conn.close()


async def test_database_in_another_encoding_is_refused(world: World) -> None:
    name = f"{world.database}_latin"
    conn = await asyncpg.connect(world.server_url)
    await conn.execute(f"create database {name} template template0 encoding 'LATIN1' locale 'C'")
    try:
        with pytest.raises(ProvisionError, match="LATIN1"):
            await ensure_database(world.url, name)
    finally:
        await conn.execute(f"drop database {name} with (force)")
        await conn.close()


async def test_owner_without_the_right_gets_a_sentence_and_nothing_is_made(world: World) -> None:
    await world.ensure()
    app_url = role_url(world.url, world.app, world.app_password)
    name = f"{world.database}_b"
    with pytest.raises(ProvisionError, match="may not make the database"):
        await ensure_database(app_url, name)
    assert await world.value("select count(*) from pg_database where datname = $1", name) == 0
    with pytest.raises(ProvisionError, match="may not set up roles"):
        await ensure_roles(app_url, "x", "y", world.other, f"{world.other}_b")
    assert await world.value("select count(*) from pg_roles where rolname = $1", world.other) == 0


@pytest.mark.parametrize("name", ["", "x" * 64, "治" * 22, "a\0b"])
async def test_a_name_that_the_server_would_cut_is_refused(name: str, world: World) -> None:
    before = await world.value("select count(*) from pg_database")
    with pytest.raises(ValueError, match="PostgreSQL name"):
        await ensure_database(world.url, name)
    assert await world.value("select count(*) from pg_database") == before


async def test_a_name_with_quotes_is_a_name(world: World) -> None:
    name = f'{world.database}"; drop role x; --'
    conn = await asyncpg.connect(world.server_url)
    try:
        assert await ensure_database(world.url, name) is True
        assert await conn.fetchval("select count(*) from pg_database where datname = $1", name) == 1
    finally:
        quoted = name.replace('"', '""')
        await conn.execute(f'drop database if exists "{quoted}"')
        await conn.close()


# ---- roles ---------------------------------------------------------------------------------------------


async def test_roles_log_in_with_their_limits(world: World) -> None:
    await world.ensure()
    wanted = {
        (world.app, world.app_password): ("30s", "off"),
        (world.read, world.read_password): ("10s", "on"),
    }
    for (role, password), (timeout, read_only) in wanted.items():
        conn = await asyncpg.connect(role_url(world.url, role, password))
        assert await conn.fetchval("select current_user::text") == role
        assert await conn.fetchval("show statement_timeout") == timeout
        assert await conn.fetchval("show default_transaction_read_only") == read_only
        assert await conn.fetchval("show idle_in_transaction_session_timeout") == "1min"
        assert await conn.fetchval("show timezone") == "UTC"
        flags = await conn.fetchrow(
            "select rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication "
            "from pg_roles where rolname = current_user"
        )
        assert not any(flags.values())
        await check_not_privileged(conn)
        await conn.close()


async def test_a_repeat_changes_the_password_and_takes_back_rights(world: World) -> None:
    await world.ensure()
    await world.sql(
        f"alter role {world.app} createdb createrole bypassrls", f"alter role {world.app} nologin"
    )
    old = role_url(world.url, world.app, world.app_password)
    world.app_password = new_password()
    await world.ensure()
    await world.ensure()
    conn = await world.as_app()
    await check_not_privileged(conn)
    assert not await conn.fetchval("select rolcreatedb from pg_roles where rolname = current_user")
    await conn.close()
    if "@/" in world.url:  # a test server may trust everybody; the embedded one never does
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(old)


async def test_the_password_is_kept_as_a_scram_verifier_only(world: World) -> None:
    # So that a password sent in plain text would be kept as md5 and show itself.
    await world.sql(f"alter database {world.database} set password_encryption = 'md5'")
    await world.ensure()
    query = "select rolpassword from pg_authid where rolname = $1"
    kept = await world.value(query, world.app)
    assert kept.startswith("SCRAM-SHA-256$4096:")
    assert world.app_password not in kept
    await world.ensure()
    assert await world.value(query, world.app) != kept  # a new salt each time


async def test_roles_made_at_once_do_not_collide(world: World) -> None:
    await asyncio.gather(*(world.ensure() for _ in range(6)))
    conn = await world.as_app()
    await check_not_privileged(conn)
    await conn.close()


async def test_the_owner_or_a_superuser_is_never_turned_into_our_role(world: World) -> None:
    owner = urlsplit(world.url).username
    for app, read in ((owner, world.read), (world.app, owner), (world.app, world.app)):
        with pytest.raises(ProvisionError, match="three different"):
            await ensure_roles(world.url, "x", "y", str(app), str(read))
    await world.sql(f"create role {world.other} superuser login")
    with pytest.raises(ProvisionError, match="is a superuser"):
        await ensure_roles(world.url, "x", "y", world.app, world.other)
    assert await world.value("select rolsuper from pg_roles where rolname = $1", owner) is True
    assert await world.value("select rolsuper from pg_roles where rolname = $1", world.other) is True
    assert await world.value("select rolpassword from pg_authid where rolname = $1", world.other) is None
    assert await world.value("select count(*) from pg_roles where rolname = $1", world.app) == 0


@pytest.mark.parametrize("password", ["", "with space", "密码", "line\nbreak", "a\0b"])
async def test_a_password_that_scram_would_normalise_is_refused(password: str, world: World) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        await ensure_roles(world.url, password, "fine", world.app, world.read)
    assert await world.value("select count(*) from pg_roles where rolname = $1", world.app) == 0


async def test_the_read_role_cannot_write(world: World) -> None:
    await world.ensure()
    await world.sql(
        "create schema s", "create table s.t (n int)",
        f"grant usage on schema s to {world.read}", f"grant select, insert on s.t to {world.read}",
    )  # fmt: skip
    conn = await asyncpg.connect(role_url(world.url, world.read, world.read_password))
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await conn.execute("insert into s.t values (1)")
    assert await conn.fetchval("select count(*) from s.t") == 0
    await conn.close()


# ---- the boot check ------------------------------------------------------------------------------------


async def test_the_owner_is_refused(world: World) -> None:
    conn = await world.owner()
    with pytest.raises(PrivilegedRole, match="is a superuser"):
        await check_not_privileged(conn)
    await conn.close()


@pytest.mark.parametrize(
    ("grant", "why"),
    [
        ("alter role {app} bypassrls", "bypasses row-level security"),
        ("alter role {app} createrole", "may create roles"),
        ("alter table s.t owner to {app}", r"owns s\.t"),
        ("alter schema s owner to {app}", "owns the schema s"),
        ("alter database {database} owner to {app}", "owns the database"),
        ("grant {other} to {app}", "is a member of t_other_"),
        ("alter role {app} superuser", "is a superuser"),
    ],
)
async def test_a_role_that_could_see_past_the_wall_is_refused(world: World, grant: str, why: str) -> None:
    await world.ensure()
    await world.sql(
        "create schema s", "create table s.t (n int)",
        f"create role {world.other}", f"create view s.w as select 1; alter view s.w owner to {world.other}",
    )  # fmt: skip
    conn = await world.as_app()
    await check_not_privileged(conn)  # the positive control: fine before the grant
    await world.sql(grant.format(app=world.app, other=world.other, database=world.database))
    with pytest.raises(PrivilegedRole, match=why) as refused:
        await check_not_privileged(conn)
    assert refused.value.login == world.app
    await conn.close()


async def test_a_superuser_that_set_role_is_still_refused(world: World) -> None:
    await world.ensure()
    conn = await world.owner()
    await conn.execute(f"set role {world.app}")
    with pytest.raises(PrivilegedRole, match="is a superuser"):
        await check_not_privileged(conn)
    await conn.close()


# ---- URLs and secrets ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "ours"),
    [
        ("postgresql://o:p@/d?host=/run/x&port=5432", "postgresql://r:s%2F%40@/d?host=/run/x&port=5432"),
        ("postgresql+asyncpg://o:p@db.example:5433/d", "postgresql://r:s%2F%40@db.example:5433/d"),
        ("postgresql://db.example/d?ssl=require", "postgresql://r:s%2F%40@db.example/d?ssl=require"),
    ],
)
def test_role_url_changes_the_login_only(owner: str, ours: str) -> None:
    assert role_url(owner, "r", "s/@") == ours


SECRETS = {
    "SANZHI_APP_DATABASE_URL": "postgresql://a:p%40@/d?host=/run/x y&port=5432",
    "SANZHI_READ_DATABASE_URL": 'postgresql://b:$HOME`"#@/数据',
}


def test_secrets_come_back_and_a_shell_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "roles.env"
    write_secrets(path, {"OLD": "x"})
    write_secrets(path, SECRETS)
    assert read_secrets(path) == SECRETS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["roles.env"]
    script = 'set -a; . "$0"; printf "%s\\n%s" "$SANZHI_APP_DATABASE_URL" "$SANZHI_READ_DATABASE_URL"'
    shown = subprocess.run(["sh", "-c", script, path], capture_output=True, text=True, check=True)
    assert shown.stdout.split("\n") == list(SECRETS.values())


def test_secrets_leave_existing_folders_and_followed_links_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    target = tmp_path / "elsewhere"
    target.write_text("untouched")
    (tmp_path / "roles.env").symlink_to(target)
    write_secrets(tmp_path / "roles.env", SECRETS)
    assert target.read_text() == "untouched"
    assert read_secrets(tmp_path / "roles.env") == SECRETS
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


@pytest.mark.parametrize("bad", [{"lower": "x"}, {"A-B": "x"}, {"A": "it's"}, {"A": "a\nB='c'"}, {"A": "\\"}])
def test_secrets_that_could_not_be_read_back_are_refused(tmp_path: Path, bad: dict[str, str]) -> None:
    write_secrets(tmp_path / "roles.env", {"KEPT": "yes"})
    with pytest.raises(ValueError):
        write_secrets(tmp_path / "roles.env", bad)
    assert read_secrets(tmp_path / "roles.env") == {"KEPT": "yes"}


def test_secrets_open_to_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "roles.env"
    write_secrets(path, SECRETS)
    for mode in (0o640, 0o604, 0o660):
        path.chmod(mode)
        with pytest.raises(InsecureFile, match="chmod 600"):
            read_secrets(path)
    path.chmod(0o600)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(InsecureFile):
        read_secrets(tmp_path / "link")
    with pytest.raises(FileNotFoundError):
        read_secrets(tmp_path / "none")


def test_a_broken_secrets_file_is_named_by_line_without_its_text(tmp_path: Path) -> None:
    path = tmp_path / "roles.env"
    write_secrets(path, SECRETS)
    path.write_text(f"# comment\n\n{path.read_text()}TOKEN=hunter2\n")
    with pytest.raises(ValueError, match="line 5") as broken:
        read_secrets(path)
    assert "hunter2" not in str(broken.value)
