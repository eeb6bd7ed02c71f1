"""A backup comes back whole, with its keys only, into a fresh installation only."""

from __future__ import annotations

import shutil
import stat
from typing import Any

import asyncpg

from sanzhi_core.db.session import dsn

PASSWORD = "Xin-Mima-2026\n"
COUNTS = (
    "select count(*) from core.org_unit",
    "select count(*) from core.account",
    "select count(*) from core.audit_entry",
    "select count(*) from pg_policies",
    "select count(*) from information_schema.role_table_grants where grantee = 'sanzhi_app'",
)


async def _counts(cli: Any) -> list[int]:
    conn = await asyncpg.connect(dsn(cli.owner_url()))
    try:
        return [await conn.fetchval(query) for query in COUNTS]
    finally:
        await conn.close()


async def test_backup_and_restore(fresh: Any, divisions: str) -> None:
    old, new = fresh("old"), fresh("new")
    old.done("init")
    old.done("org", "import", divisions, "--under", "140428")
    old.done("admin-add", "wang", "--county", "140428000000", typed=PASSWORD * 2)
    dump = old.home.parent / "sanzhi.dump"
    old.done("backup", str(dump))
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    before = await _counts(old)
    assert before[0] > 200

    in_use = old.sanzhi("restore", str(dump))
    assert in_use.returncode == 1
    assert "in use" in in_use.stderr
    assert await _counts(old) == before

    new.home.mkdir(mode=0o700)
    shutil.copy2(old.home / "keys.json", new.home / "keys.json")
    new.done("init")
    new.done("restore", str(dump))
    assert await _counts(new) == before
    assert "VERIFIED" in new.done("audit", "verify")
    # The roles of the new installation may use the restored tables: another administrator can be added.
    new.done("admin-add", "lihua", "--county", "140428000000", typed=PASSWORD * 2)


async def test_a_damaged_backup_changes_nothing(fresh: Any) -> None:
    cli = fresh()
    cli.done("init")
    before = await _counts(cli)
    broken = cli.home.parent / "broken.dump"
    broken.write_bytes(b"PGDMP" + bytes(100))
    done = cli.sanzhi("restore", str(broken))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert await _counts(cli) == before
