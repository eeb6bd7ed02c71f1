"""What a piece of work changed: open values shown, the rest hashed, crowds counted, refusals forgotten."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from sanzhi_core.audit.canonical import Change, canonical_bytes
from sanzhi_core.audit.keys import Keys
from sanzhi_core.db.session import Database
from sanzhi_core.identity.models import Account
from sanzhi_core.org.models import VillagersGroup
from sanzhi_core.platform.changes import MANY, Recorder, plain
from sanzhi_core.testing.world import SINCE, World

A = "990428101201"


def group(world: World, name: str) -> VillagersGroup:
    return VillagersGroup(name=name, valid_from=SINCE, **world.units[A].place())


def account(world: World, **more: Any) -> Account:
    given = {"login": f"u{uuid4().hex[:8]}", "display_name": "王军", "password_hash": "$secret$", **more}
    return Account(**given, **world.units[A].place())


def values(change: Change) -> dict[str, Any]:
    assert change.values is not None
    return dict(change.values)


async def test_a_new_row_shows_open_values_only(db: Database, keys: Keys, world: World) -> None:
    async with db.transaction("*") as session:
        recorder = Recorder(session, keys)
        row = account(world)
        session.add(row)
        await session.flush()
        (change,) = recorder.changes()
    assert (change.entity, change.id, change.before_hash) == ("Account", row.id, None)
    assert change.after_hash is not None
    assert values(change)["login"] == {"new": row.login}
    assert {"display_name", "password_hash"} <= set(change.fields)
    assert not {"display_name", "password_hash"} & set(values(change))
    text = canonical_bytes([change.plain()])
    assert "王军".encode() not in text
    assert b"$secret$" not in text


async def test_first_old_and_last_new_value_of_several_flushes(
    db: Database, keys: Keys, world: World
) -> None:
    async with db.transaction("*") as session:
        row = account(world)
        session.add(row)
        await session.flush()
        recorder = Recorder(session, keys)
        for status in ("SUSPENDED", "CLOSED"):
            row.status = status
            await session.flush()
        (change,) = recorder.changes()
    assert values(change) == {"status": {"old": "ACTIVE", "new": "CLOSED"}}
    assert change.before_hash != change.after_hash


async def test_a_new_row_that_changes_again_is_one_new_row(db: Database, keys: Keys, world: World) -> None:
    async with db.transaction("*") as session:
        recorder = Recorder(session, keys)
        row = group(world, "一组")
        session.add(row)
        await session.flush()
        row.name = "二组"
        await session.flush()
        (change,) = recorder.changes()
    assert (change.id, change.before_hash) == (row.id, None)
    assert values(change)["name"] == {"new": "二组"}


async def test_hidden_values_still_move_the_hashes(db: Database, keys: Keys, world: World) -> None:
    hashes = set()
    async with db.transaction("*") as session:
        for name in ("李红", "李虹"):
            row = account(world)
            session.add(row)
            await session.flush()
            recorder = Recorder(session, keys)
            row.display_name = name
            await session.flush()
            (change,) = recorder.changes()
            assert (change.fields, change.values) == (["display_name"], None)
            hashes |= {change.before_hash, change.after_hash}
    assert len(hashes) == 4


async def test_a_deleted_row_shows_what_it_was(db: Database, keys: Keys, world: World) -> None:
    async with db.transaction("*") as session:
        row = group(world, "一组")
        session.add(row)
        await session.flush()
        recorder = Recorder(session, keys)
        await session.delete(row)
        await session.flush()
        (change,) = recorder.changes()
    assert change.id == row.id
    assert {"old": SINCE, "new": None} in values(change).values()


async def test_touching_without_changing_is_no_change(db: Database, keys: Keys, world: World) -> None:
    async with db.transaction("*") as session:
        row = group(world, "一组")
        session.add(row)
        await session.flush()
        recorder = Recorder(session, keys)
        row.name = "一组"
        await session.flush()
        assert recorder.changes() == []


@pytest.mark.parametrize(("rows", "entries"), [(MANY, MANY), (MANY + 1, 1)])
async def test_a_crowd_is_one_count(db: Database, keys: Keys, world: World, rows: int, entries: int) -> None:
    async with db.transaction("*") as session:
        recorder = Recorder(session, keys)
        session.add_all([group(world, f"{n}组") for n in range(rows)])
        session.add(account(world))
        await session.flush()
        changes = recorder.changes()
    groups = [c for c in changes if c.entity == "VillagersGroup"]
    assert (len(groups), len(changes)) == (entries, entries + 1)
    if entries == 1:
        assert (groups[0].id, values(groups[0])["count"], len(values(groups[0])["sha256"])) == (
            None,
            rows,
            64,
        )


async def test_forgotten_after_a_rollback_and_bulk_beside(db: Database, keys: Keys, world: World) -> None:
    async with db.transaction("*") as session:
        recorder = Recorder(session, keys)
        session.add(group(world, "一组"))
        await session.flush()
        recorder.note_bulk("Household", 3, b"\1" * 32)
        assert [c.entity for c in recorder.changes()] == ["VillagersGroup", "Household"]
        recorder.forget()
        assert recorder.changes() == []


async def test_another_sessions_rows_are_not_ours(db: Database, keys: Keys, world: World) -> None:
    async with db.transaction("*") as one, db.transaction("*") as two:
        recorder = Recorder(one, keys)
        two.add(group(world, "二组"))
        await two.flush()
        await one.execute(sa.text("select 1"))
        assert recorder.changes() == []


def test_plain_values_hold_no_floats() -> None:
    given = {"a": 1.5, "b": [0.1, {"c": (2.5, date(2026, 1, 1))}], 3: None}
    assert plain(given) == {"a": "1.5", "b": ["0.1", {"c": ["2.5", date(2026, 1, 1)]}], "3": None}
