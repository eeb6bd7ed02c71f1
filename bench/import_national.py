"""`python -m bench.import_national`: the whole country's divisions into a database made for it.

Prints one JSON line: villages imported, seconds from opening the file to the commit, peak resident memory of
this process in MB. Target: 620,572 villages in at most 90 s and 400 MB on two cores.

SANZHI_NATIONAL_DIVISIONS names the file (default ../shared/data/national_divisions.csv.zip);
SANZHI_BENCH_DATABASE_URL an owner's URL of a PostgreSQL server (default: embedded, in a temporary folder).
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import SystemClock, monotonic, new_id
from sanzhi_core.db import migrate, provision
from sanzhi_core.db.embedded import EmbeddedPostgres
from sanzhi_core.db.session import Database, dsn
from sanzhi_core.org import parts
from sanzhi_core.org.importing import import_divisions
from sanzhi_core.platform.context import SYSTEM, Context
from sanzhi_core.platform.hookspecs import Manifest
from sanzhi_core.platform.plugins import Part, Platform

DEFAULT_FILE = "../shared/data/national_divisions.csv.zip"


@contextmanager
def server() -> Iterator[str]:
    """Owner's URL of a database that does not exist yet."""
    name = f"bench_{new_id().hex[-12:]}"
    given = os.environ.get("SANZHI_BENCH_DATABASE_URL")
    if given:
        yield f"{dsn(given).rsplit('/', 1)[0]}/{name}"
        return
    with tempfile.TemporaryDirectory(prefix="sanzhi-bench-") as folder:
        embedded = EmbeddedPostgres(Path(folder) / "pg")
        embedded.start()
        try:
            yield embedded.owner_url(name)
        finally:
            # It ran durable, to be measured as it is used; the folder is ours to throw away.
            EmbeddedPostgres(embedded.data_dir, durable=False).destroy()


@asynccontextmanager
async def installed(owner: str) -> AsyncIterator[Database]:
    """The database with roles and tables, opened as the servers open it; dropped at the end."""
    name = owner.split("?")[0].rsplit("/", 1)[1]
    roles = migrate.Roles(f"{name}_app", f"{name}_read")
    password = provision.new_password()
    await provision.ensure_database(owner, name)
    try:
        await provision.ensure_roles(owner, password, password, roles.app, roles.read)
        await migrate.upgrade(owner, login=roles)
        urls = [provision.role_url(owner, role, password) for role in (roles.app, roles.read)]
        db = await Database.open(*urls, size=4)
        try:
            yield db
        finally:
            await db.close()
    finally:
        conn = await asyncpg.connect(dsn(owner))
        for role in (roles.app, roles.read):
            await conn.execute(f'drop owned by "{role}"; drop role "{role}"')
        await conn.close()
        conn = await asyncpg.connect(dsn(owner), database="postgres")
        await conn.execute(f'drop database "{name}" with (force)')
        await conn.close()


async def measure(owner: str, file: Path) -> dict[str, object]:
    """One import of the file with `skip_bad`."""
    platform = Platform(
        [Part(Manifest("core", "sanzhi_core", "核心", "Core", "0", ""), parts.PERMISSIONS)], {}, ()
    )
    async with installed(owner) as db:
        ctx = Context(platform, db, SystemClock(), Keys.generate(), principal=SYSTEM, channel="JOB")
        began = monotonic()
        result = await import_divisions(ctx, file, skip_bad=True, edition="2023")
        seconds = monotonic() - began
        if result.error is not None:
            raise result.error
        async with db.transaction() as session:
            found = await session.connection()
            villages = (
                await found.exec_driver_sql("select count(*) from core.org_unit where level = 'VILLAGE'")
            ).scalar()
        for bad in result.bad:
            print(f"line {bad.line}: {bad.code} {bad.reason} {bad.message_en}", file=sys.stderr)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"villages": villages, "seconds": round(seconds, 1), "max_rss_mb": peak}


def main() -> None:
    """Measure and print."""
    file = Path(os.environ.get("SANZHI_NATIONAL_DIVISIONS") or DEFAULT_FILE)
    if not file.is_file():
        sys.exit(f"{file} is missing: set SANZHI_NATIONAL_DIVISIONS")
    with server() as owner:
        print(json.dumps(asyncio.run(measure(owner, file))))


if __name__ == "__main__":
    main()
