"""Day one from the command line, on one installation: init, tokens, administrators, doctor, the schema as text."""

from __future__ import annotations

import re
import stat
from typing import Any

import asyncpg

from sanzhi_core.db.session import dsn
from sanzhi_core.identity.tokens import digest

PASSWORD = "Xin-Mima-2026"
TOKEN = re.compile(r"token \(72 h\): (\S+)")


async def _value(cli: Any, query: str, *arguments: Any) -> Any:
    conn = await asyncpg.connect(dsn(cli.owner_url()))
    try:
        return await conn.fetchval(query, *arguments)
    finally:
        await conn.close()


async def test_init_again_keeps_keys_and_passwords(installed: Any) -> None:
    before = [(installed.home / n).read_bytes() for n in ("keys.json", "secrets.env")]
    tables = await _value(installed, "select count(*) from pg_tables where schemaname = 'core'")
    installed.done("init")
    assert [(installed.home / n).read_bytes() for n in ("keys.json", "secrets.env")] == before
    assert await _value(installed, "select count(*) from pg_tables where schemaname = 'core'") == tables > 0


def test_secrets_are_for_their_owner_only(installed: Any) -> None:
    for name in ("keys.json", "secrets.env"):
        assert stat.S_IMODE((installed.home / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(installed.home.stat().st_mode) == 0o700


async def test_a_new_setup_token_ends_the_earlier_one(installed: Any) -> None:
    found = TOKEN.search(installed.done("setup-token"))
    again = TOKEN.search(installed.done("setup-token"))
    assert found
    assert again
    live = "select used_at is null from core.setup_token where token_hash = $1"
    assert await _value(installed, live, digest(found[1])) is False
    assert await _value(installed, live, digest(again[1])) is True
    assert await _value(installed, "select count(*) from core.setup_token where used_at is null") == 1


async def test_a_second_administrator(installed: Any, divisions: str) -> None:
    installed.done("org", "import", divisions, "--under", "140428")
    typed = f"{PASSWORD}\n{PASSWORD}\n"
    for login in ("first", "second"):
        installed.done("admin-add", login, "--county", "140428000000", typed=typed)
    holders = "select count(*) from core.role_grant where role_code = 'SEC_ADMIN' and revoked_at is null"
    assert await _value(installed, holders) == 2
    audited = "select count(*) from core.audit_entry where action = $1 and result = 'OK'"
    assert await _value(installed, audited, "core.account.create") == 2
    assert "已有管理员" in installed.done("init")


async def test_a_refused_administrator_leaves_nothing_but_the_audit(installed: Any) -> None:
    before = await _value(installed, "select count(*) from core.account")
    for login, typed in (("second", PASSWORD), ("weak", "aaaaaaaa"), ("x", PASSWORD)):
        done = installed.sanzhi("admin-add", login, "--county", "140428000000", typed=f"{typed}\n{typed}\n")
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
    unknown = installed.sanzhi(
        "admin-add", "third", "--county", "990428000000", typed=f"{PASSWORD}\n{PASSWORD}\n"
    )
    assert unknown.returncode == 1
    assert "990428000000" in unknown.stderr
    assert await _value(installed, "select count(*) from core.account") == before


def test_doctor_finds_a_sound_installation_sound(installed: Any) -> None:
    done = installed.sanzhi("doctor")
    assert done.returncode == 0, done.stdout
    assert "✗" not in done.stdout


def test_doctor_names_cause_and_cure(installed: Any) -> None:
    keys = installed.home / "keys.json"
    kept = keys.read_bytes()
    keys.unlink()
    try:
        done = installed.sanzhi("doctor")
    finally:
        keys.touch(mode=0o600)
        keys.write_bytes(kept)
    assert done.returncode == 1
    wrong = [line for line in done.stdout.splitlines() if "✗" in line]
    assert len(wrong) == 1
    assert "keys.json" in wrong[0]
    assert "put the old file back" in done.stdout


def test_doctor_without_an_installation(fresh: Any) -> None:
    done = fresh().sanzhi("doctor")
    assert done.returncode == 1
    assert "sanzhi init" in done.stdout


def test_sdl_for_a_set_of_plugins(installed: Any) -> None:
    everything, core = installed.done("sdl"), installed.done("sdl", "--plugins", "")
    assert "type StarCycle " in everything
    assert "type StarCycle " not in core
    assert "type OrgUnit " in core
    file = installed.home.parent / "schema.graphql"
    file.write_text(everything)
    assert installed.sanzhi("sdl", "--check", str(file)).returncode == 0
    file.write_text(core)
    assert installed.sanzhi("sdl", "--check", str(file)).returncode == 1


def test_the_demo_clock_needs_the_demo(installed: Any) -> None:
    done = installed.sanzhi("clock", "--to", "2026-12-01T09:00:00")
    assert done.returncode == 1
    assert "SANZHI_CLOCK=demo" in done.stderr
