"""Append-only, whoever tries; nothing hidden from the sealer; no needless rights (R-CORE-40, R-CORE-42)."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from sanzhi_core.audit import ddl

TABLES = ("audit_entry", "audit_leaf", "audit_seal", "audit_epoch")


@pytest.mark.parametrize("role", ["owner", "app"])
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "statement",
    [
        "update core.{table} set {key} = {key}",
        "delete from core.{table}",
        "delete from core.{table} where false",
        "truncate core.{table} cascade",
    ],
)
async def test_nobody_changes_the_trail(trail: Any, fill: Any, role: str, table: str, statement: str) -> None:
    await fill(trail, 3, 1)
    before = await trail.records()
    key = {"audit_entry": "id", "audit_leaf": "leaf_no", "audit_seal": "n", "audit_epoch": "epoch"}[table]
    conn = trail.owner if role == "owner" else trail.app
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute(statement.format(table=table, key=key))
    assert (await trail.records())[1:-1] == before[1:-1]


async def test_a_replica_session_does_not_switch_the_trigger_off(trail: Any, fill: Any) -> None:
    await fill(trail, 3, 1)
    await trail.owner.execute("set session_replication_role = replica")
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await trail.owner.execute("delete from core.audit_entry")
    await trail.owner.execute("reset session_replication_role")
    assert (await trail.counts())[:2] == [3, 3]


@pytest.mark.parametrize(
    ("table", "rights"),
    [
        ("audit_entry", {"app": "rw", "read": ""}),
        ("audit_leaf", {"app": "rw", "read": "r"}),
        ("audit_seal", {"app": "rw", "read": "r"}),
        ("audit_epoch", {"app": "r", "read": "r"}),
    ],
)
async def test_rights(trail: Any, table: str, rights: dict[str, str]) -> None:
    names = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
    for who, role in (("app", trail.app_role), ("read", trail.read_role)):
        has = "select has_table_privilege($1, $2, $3)"
        found = {name for name in names if await trail.owner.fetchval(has, role, f"core.{table}", name)}
        assert found == {{"r": "SELECT", "w": "INSERT"}[letter] for letter in rights[who]}, role


@pytest.mark.parametrize(
    "call", ["core.audit_pending(1, 0, 9, 9)", "core.audit_left_over(2)", "core.audit_backlog(1, 0)"]
)
async def test_only_the_app_role_calls_the_sealer_functions(trail: Any, call: str) -> None:
    await trail.app.fetch(f"select * from {call}")
    reader = await trail.connect(trail.read_role)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetch(f"select * from {call}")
    finally:
        await reader.close()


async def test_row_level_security_hides_nothing_from_the_sealer(trail: Any) -> None:
    await trail.owner.execute("alter table core.audit_entry enable row level security")
    await trail.owner.execute("create policy add on core.audit_entry for insert with check (true)")
    await trail.write(trail.entry())
    assert await trail.app.fetchval("select count(*) from core.audit_entry") == 0
    assert await trail.seal_all(publish=True) == 1
    assert (await trail.verify()).ok


@pytest.mark.parametrize(
    "facts",
    [
        {"result": "MAYBE"},
        {"org_path": "14/1404"},
        {"row_hmac": b"short"},
        {"changes": "{}"},
        {"action": None},
    ],
)
async def test_a_row_that_cannot_be_is_refused(trail: Any, facts: dict[str, Any]) -> None:
    entry = await trail.write(trail.entry())
    names = [name for name in entry.columns() if name not in ("id", *facts)]
    columns = ", ".join(
        ["id", *names, "key_id", "body", *(["row_hmac"] if "row_hmac" not in facts else []), *facts]
    )
    values = ", ".join(
        [
            "gen_random_uuid()",
            *names,
            "key_id",
            "body",
            *(["row_hmac"] if "row_hmac" not in facts else []),
            *(
                f"'{value}'::jsonb"
                if name == "changes"
                else f"'\\x{value.hex()}'"
                if name == "row_hmac"
                else "null"
                if value is None
                else f"'{value}'"
                for name, value in facts.items()
            ),
        ]
    )
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await trail.owner.execute(
            f"insert into core.audit_entry ({columns}) select {values} from core.audit_entry"
        )
    assert (await trail.counts())[0] == 1


def test_the_migration_may_run_the_statements_as_text() -> None:
    for statement in (*ddl.create('a"b', "read"), *ddl.DROP):
        compiled = sa.text(statement).compile()
        assert compiled.params == {}
    assert 'to "a""b"' in ddl.create('a"b', "read")[-1]


async def test_drop_leaves_nothing(trail: Any) -> None:
    for statement in ddl.DROP:
        await trail.owner.execute(statement)
    left = "select count(*) from pg_class where relnamespace = 'core'::regnamespace"
    functions = "select count(*) from pg_proc where pronamespace = 'core'::regnamespace"
    assert await trail.owner.fetchval(left) == await trail.owner.fetchval(functions) == 0
