"""Database, roles and their secrets (architecture decision 2).

The owner's URL serves `sanzhi init` and migrations. Servers log in as two roles that own nothing:
`sanzhi_app` writes, `sanzhi_read` only reads. What they may touch is granted by the migrations.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import asyncpg

from sanzhi_core.db.private_files import read_private, write_private
from sanzhi_core.db.session import dsn

APP_ROLE = "sanzhi_app"
READ_ROLE = "sanzhi_read"

_COMMON = {"TimeZone": "UTC", "jit": "off", "idle_in_transaction_session_timeout": "60s"}
_SETTINGS_APP = {**_COMMON, "statement_timeout": "30s"}
_SETTINGS_READ = {**_COMMON, "statement_timeout": "10s", "default_transaction_read_only": "on"}
_FLAGS = {
    "rolcanlogin": "LOGIN",
    "rolsuper": "NOSUPERUSER",  # only at creation: see _set_role
    "rolbypassrls": "NOBYPASSRLS",
    "rolcreatedb": "NOCREATEDB",
    "rolcreaterole": "NOCREATEROLE",
    "rolreplication": "NOREPLICATION",
}
_SECRET_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_SECRET_LINE = re.compile(r"([A-Z][A-Z0-9_]*)='([^'\\]*)'")

# Every role whose rights the connection has or can take (SET ROLE, RESET ROLE), and what makes it too strong.
# CREATEROLE counts: before PostgreSQL 16 such a role can make itself a member of the owner.
_TOO_STRONG = """
select r.rolname,
       case when r.rolsuper then 'is a superuser'
            when r.rolbypassrls then 'bypasses row-level security'
            when r.rolcreaterole then 'may create roles'
            when d.datdba = r.oid then 'owns the database'
            when n.nspname is not null then 'owns the schema ' || n.nspname
            else 'owns ' || t.owned end
  from pg_roles r
  left join pg_database d on d.datname = current_database() and d.datdba = r.oid
  left join lateral (select nspname from pg_namespace
                      where nspowner = r.oid and nspname !~ '^pg_' limit 1) n on true
  left join lateral (select s.nspname || '.' || c.relname as owned
                       from pg_class c join pg_namespace s on s.oid = c.relnamespace
                      where c.relowner = r.oid and s.nspname !~ '^pg_' limit 1) t on true
 where (pg_has_role(session_user, r.oid, 'MEMBER') or pg_has_role(current_user, r.oid, 'MEMBER'))
   and (r.rolsuper or r.rolbypassrls or r.rolcreaterole
        or d.oid is not null or n.nspname is not null or t.owned is not null)
 order by r.rolname not in (session_user, current_user), r.rolname
 limit 1
"""


class ProvisionError(Exception):
    """The database or its roles cannot be set up as asked; the message says why."""


class PrivilegedRole(Exception):
    """A server was given a role that could read or change what row-level security hides from it."""

    def __init__(self, login: str, role: str, why: str) -> None:
        self.login, self.role, self.why = login, role, why
        through = "" if role == login else f" is a member of {role}, which"
        super().__init__(
            f"refusing to run as {login}: it{through} {why}. Use the roles that 'sanzhi init' made "
            "(SANZHI_APP_DATABASE_URL, SANZHI_READ_DATABASE_URL), never the owner's URL."
        )


async def ensure_database(owner_url: str, name: str) -> bool:
    """Make the UTF-8 database `name` on the owner's server; True when it was not there.

    The database in `owner_url` need not exist. Raises ProvisionError when `name` exists in another
    encoding or the owner may not make databases.
    """
    _name(name)  # the server would cut a longer one and connect to another database
    try:
        conn = await asyncpg.connect(dsn(owner_url), database=name)
    except asyncpg.InvalidCatalogNameError:
        return await _create_database(owner_url, name)
    try:
        encoding = await conn.fetchval("show server_encoding")
    finally:
        await conn.close()
    if encoding != "UTF8":
        raise ProvisionError(f"database {name} has the encoding {encoding}; Chinese text needs UTF8")
    return False


async def ensure_roles(
    owner_url: str,
    app_password: str,
    read_password: str,
    app_role: str = APP_ROLE,
    read_role: str = READ_ROLE,
) -> None:
    """Make or repair the two login roles, with these passwords, and let them connect to the URL's database.

    Repeatable. Raises ProvisionError when the names are equal, one is the owner's or a superuser's (that is
    somebody else's role: nothing is changed), or the owner lacks the right (CREATEROLE; superuser to take
    BYPASSRLS from a role).
    """
    conn = await asyncpg.connect(dsn(owner_url))
    try:
        owner = await conn.fetchval("select session_user::text")
        if len({app_role, read_role, owner}) != 3:
            raise ProvisionError(f"owner ({owner}), app role and read role must be three different roles")
        wanted = [(app_role, app_password, _SETTINGS_APP), (read_role, read_password, _SETTINGS_READ)]
        await _set_roles(conn, wanted)
    except asyncpg.InsufficientPrivilegeError as error:
        raise ProvisionError(f"{owner} may not set up roles: {error}") from error
    finally:
        await conn.close()


async def check_not_privileged(conn: Any) -> None:
    """Refuse a connection that is, or can become, more than a plain application role.

    `conn` is an asyncpg connection. Raises PrivilegedRole for a superuser, BYPASSRLS, CREATEROLE, or the
    owner of the database or of any schema or table in it, directly or by membership.
    """
    found = await conn.fetchrow(_TOO_STRONG)
    if found is not None:
        raise PrivilegedRole(await conn.fetchval("select session_user::text"), found[0], found[1])


def role_url(owner_url: str, role: str, password: str) -> str:
    """The owner's URL with another login."""
    parts = urlsplit(dsn(owner_url))
    place = parts.netloc.rpartition("@")[2]
    login = f"{quote(role, safe='')}:{quote(password, safe='')}"
    # Not urlunsplit: without a host (unix socket) it may drop the slashes.
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{login}@{place}{parts.path}{query}"


def new_password() -> str:
    """A random password of 256 bits, safe in URLs."""
    return secrets.token_urlsafe(32)


def write_secrets(path: Path, mapping: Mapping[str, str]) -> None:
    """Write `mapping` (names like SANZHI_APP_DATABASE_URL) to a 0600 file, replacing it atomically.

    One NAME='value' a line: a shell and systemd's EnvironmentFile read it too. Missing folders are made 0700,
    existing ones are left as they are. Raises ValueError for a value that cannot stand between quotes.
    """
    for name, value in mapping.items():
        if not _SECRET_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not an environment variable's name")
        if not value.isprintable() or set(value) & set("'\\"):
            raise ValueError(f"the value of {name} has a quote, a backslash or a control character")
    for folder in (*reversed(path.parent.parents), path.parent):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
    write_private(path, "".join(f"{name}='{value}'\n" for name, value in mapping.items()))


def read_secrets(path: Path) -> dict[str, str]:
    """What `write_secrets` wrote; empty lines and # comments are skipped.

    Raises FileNotFoundError, InsecureFile (others may read it, or it is somebody else's) or ValueError with
    the line number, never with the line.
    """
    found = {}
    for number, line in enumerate(read_private(path).splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _SECRET_LINE.fullmatch(text)
        if match is None:
            raise ValueError(f"{path}, line {number}: expected NAME='value'")
        found[match[1]] = match[2]
    return found


async def _create_database(owner_url: str, name: str) -> bool:
    conn = await asyncpg.connect(dsn(owner_url), database="postgres")
    try:
        # template0: template1 may have another encoding or somebody's tables.
        await conn.execute(f"create database {_name(name)} template template0 encoding 'UTF8'")
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        return False  # made by another process meanwhile
    except asyncpg.InsufficientPrivilegeError as error:
        raise ProvisionError(f"the owner may not make the database {name}: {error}") from error
    finally:
        await conn.close()
    return True


async def _set_roles(conn: Any, wanted: Sequence[tuple[str, str, Mapping[str, str]]]) -> None:
    for attempt in range(20):
        try:
            async with conn.transaction():
                for role, password, settings in wanted:
                    await _set_role(conn, role, password, settings)
            return
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError, asyncpg.InternalServerError):
            # Roles belong to the whole server, and another init has just changed the same one.
            if attempt == 19:
                raise
            await asyncio.sleep(0.05)


async def _set_role(conn: Any, role: str, password: str, settings: Mapping[str, str]) -> None:
    row = await conn.fetchrow(f"select {', '.join(_FLAGS)} from pg_roles where rolname = $1", role)
    if row is None:
        await conn.execute(f"create role {_name(role)} {' '.join(_FLAGS.values())}")
    elif row["rolsuper"]:
        raise ProvisionError(f"role {role} exists and is a superuser: choose another name for ours")
    else:
        # Naming BYPASSRLS at all takes a superuser, so only what is wrong is named.
        wrong = [option for flag, option in _FLAGS.items() if row[flag] is not (flag == "rolcanlogin")]
        if wrong:
            await conn.execute(f"alter role {_name(role)} {' '.join(wrong)}")
    await conn.execute(f"alter role {_name(role)} password '{_scram(password)}'")
    for setting, value in settings.items():
        await conn.execute(f"alter role {_name(role)} set {setting} = '{value}'")
    database = await conn.fetchval("select current_database()")
    await conn.execute(f"grant connect on database {_name(database)} to {_name(role)}")


def _scram(password: str) -> str:
    """The verifier PostgreSQL keeps (RFC 5802, RFC 7677), so that no server log sees the password."""
    if not password or not all("!" <= char <= "~" for char in password):
        raise ValueError("a role's password is printable ASCII without spaces")
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 4096)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    text = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256$4096:{text[0]}${text[1]}:{text[2]}"


def _name(name: str) -> str:
    """A quoted identifier. Raises ValueError for a name PostgreSQL would cut or refuse."""
    if not 0 < len(name.encode()) <= 63 or "\0" in name:
        raise ValueError(f"{name!r} is not a PostgreSQL name (1 to 63 bytes)")
    return '"' + name.replace('"', '""') + '"'


def login_of(url: str) -> str:
    """The role a URL logs in as."""
    name = urlsplit(dsn(url)).username
    if name is None:
        raise ProvisionError("a login role's URL names its role")
    return unquote(name)
