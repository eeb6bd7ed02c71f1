"""A superuser with triggers off and constraints dropped changes the database; the verifier sees it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sanzhi_core.audit import verifier
from sanzhi_core.audit.keys import Keys

TAMPERS = 200
ENTRIES, SEALS, UNSEALED = 60, 8, 3
TABLES = ("audit_entry", "audit_leaf", "audit_seal")
ENTRY_BITS = {"body": 3000, "row_hmac": 256}
LEAF_BITS = {"leaf_hash": 256}
SEAL_BITS = {"root": 256, "prev": 256, "signature": 512}

Tamper = Callable[[random.Random, Any], Awaitable[None]]


async def _disarm(trail: Any) -> None:
    """What a database administrator can do first: no triggers, no constraints; and a copy to go back to."""
    await trail.owner.execute("create schema kept")
    for table in TABLES:
        await trail.owner.execute(f"alter table core.{table} disable trigger all")
        await trail.owner.execute(f"create table kept.{table} as table core.{table}")
        names = await trail.owner.fetch(
            "select conname from pg_constraint where conrelid = $1::regclass and contype <> 'n'",
            f"core.{table}",
        )
        for row in names:
            await trail.owner.execute(f"alter table core.{table} drop constraint {row['conname']}")
        columns = await trail.owner.fetch(
            "select attname from pg_attribute where attrelid = $1::regclass and attnum > 0 and attnotnull",
            f"core.{table}",
        )
        for row in columns:
            await trail.owner.execute(f"alter table core.{table} alter {row['attname']} drop not null")


async def _restore(trail: Any) -> None:
    for table in TABLES:
        await trail.owner.execute(f"truncate core.{table}; insert into core.{table} table kept.{table}")


def _sealed(rng: random.Random) -> str:
    return f"(select entry_id from core.audit_leaf where leaf_no = {rng.randrange(ENTRIES)})"


async def _change_a_column(rng: random.Random, trail: Any) -> None:
    name = rng.choice(verifier.COLUMNS)
    new = {
        "id": "gen_random_uuid()",
        "at": rng.choice(("at + interval '1 microsecond'", "'infinity'", "null")),
        "result": "case result when 'OK' then 'DENIED' else 'OK' end",
        "ip": rng.choice(("ip + 1", "set_masklen(ip, 8)", "null")),
        "changes": rng.choice(
            (
                "'[]'",
                "null",
                "changes || changes",
                "jsonb_set(changes, '{0,values,all}', '1')",
                "jsonb_set(changes, '{0,values,n}', ((changes #>> '{0,values,n}') || '.0')::jsonb)",
                "jsonb_set(changes, '{0,fields}', '[\"state\"]')",
                "changes #- '{0,before_hash}'",
            )
        ),
    }.get(name)
    if new is None:
        uuid = (name.endswith("_id") and name != "key_id") or name == "acting_for"
        new = rng.choice(
            ("gen_random_uuid()",) if uuid else (f"coalesce({name}, '') || 'x'", f"upper({name}) || ' '")
        )
    await trail.owner.execute(f"update core.audit_entry set {name} = {new} where id = {_sealed(rng)}")


async def _null_a_column(rng: random.Random, trail: Any) -> None:
    table = rng.choice(TABLES)
    key = {"audit_entry": "id", "audit_leaf": "leaf_no", "audit_seal": "n"}[table]
    names = await trail.owner.fetch(
        "select attname from pg_attribute where attrelid = $1::regclass and attnum > 0", f"core.{table}"
    )
    where = f"(select {key} from core.{table} order by {key} offset {rng.randrange(SEALS)} limit 1)"
    name = rng.choice(names)["attname"]
    await trail.owner.execute(f"update core.{table} set {name} = null where {key} = {where}")


async def _flip_a_bit(rng: random.Random, trail: Any) -> None:
    name, bits = rng.choice(list((ENTRY_BITS | LEAF_BITS | SEAL_BITS).items()))
    flip = f"set {name} = set_bit({name}, {{0}}, 1 - get_bit({name}, {{0}}))".format(rng.randrange(bits))
    if name in ENTRY_BITS:
        await trail.owner.execute(f"update core.audit_entry {flip} where id = {_sealed(rng)}")
    elif name in LEAF_BITS:
        await trail.owner.execute(f"update core.audit_leaf {flip} where leaf_no = {rng.randrange(ENTRIES)}")
    else:
        await trail.owner.execute(f"update core.audit_seal {flip} where n = {rng.randrange(SEALS) + 1}")


async def _change_a_number(rng: random.Random, trail: Any) -> None:
    step = rng.choice((-(2**20), -1, 1, 2, 2**20))
    name = rng.choice(("txid", "epoch", "leaf_no", "n", "seal epoch", "lo", "hi", "count", "size"))
    if name == "txid":
        where = _sealed(rng)
        await trail.owner.execute(
            f"update core.audit_entry set txid = abs(txid::text::bigint + {step})::text::xid8 "
            f"where id = {where}"
        )
    elif name == "epoch":
        await trail.owner.execute(
            f"update core.audit_entry set epoch = epoch + {step} where id = {_sealed(rng)}"
        )
    elif name == "leaf_no":
        await trail.owner.execute(
            f"update core.audit_leaf set leaf_no = leaf_no + {step} where leaf_no = {rng.randrange(ENTRIES)}"
        )
    else:
        name = name.split()[-1]
        await trail.owner.execute(
            f"update core.audit_seal set {name} = {name} + {step} where n = {rng.randrange(SEALS) + 1}"
        )


async def _change_a_seal(rng: random.Random, trail: Any) -> None:
    change = rng.choice(
        (
            "sealed_at = sealed_at - interval '1 microsecond'",
            "key_id = 'ffffffffffffffff'",
            "frontier = frontier || frontier",
            "frontier[1] = sha256(frontier[1])",
            "frontier = '{}'",
        )
    )
    await trail.owner.execute(f"update core.audit_seal set {change} where n = {rng.randrange(SEALS) + 1}")


async def _delete(rng: random.Random, trail: Any) -> None:
    leaf = rng.randrange(ENTRIES)
    kind = rng.randrange(4)
    if kind in (0, 2):
        await trail.owner.execute(
            f"delete from core.audit_entry where id = "
            f"(select entry_id from core.audit_leaf where leaf_no = {leaf})"
        )
    if kind in (1, 2):
        await trail.owner.execute(f"delete from core.audit_leaf where leaf_no = {leaf}")
    if kind == 2:
        await trail.owner.execute(f"update core.audit_leaf set leaf_no = leaf_no - 1 where leaf_no > {leaf}")
    if kind == 3:
        await trail.owner.execute(f"delete from core.audit_seal where n = {rng.randrange(SEALS) + 1}")


async def _truncate(rng: random.Random, trail: Any) -> None:
    n = rng.randrange(SEALS)
    size = await trail.owner.fetchval(
        "select coalesce((select size from core.audit_seal where n = $1), 0)", n
    )
    await trail.owner.execute(f"delete from core.audit_seal where n > {n}")
    await trail.owner.execute(
        f"delete from core.audit_entry where id in "
        f"(select entry_id from core.audit_leaf where leaf_no >= {size})"
    )
    await trail.owner.execute(f"delete from core.audit_leaf where leaf_no >= {size}")


async def _unseal(rng: random.Random, trail: Any) -> None:
    """Entries stay, but look as if they had never been sealed."""
    n = rng.randrange(SEALS)
    size = await trail.owner.fetchval(
        "select coalesce((select size from core.audit_seal where n = $1), 0)", n
    )
    await trail.owner.execute(f"delete from core.audit_seal where n > {n}")
    await trail.owner.execute(f"delete from core.audit_leaf where leaf_no >= {size}")


async def _swap(rng: random.Random, trail: Any) -> None:
    table, key, names = rng.choice(
        (
            ("audit_leaf", "leaf_no", ("entry_id",)),
            ("audit_leaf", "leaf_no", ("leaf_hash",)),
            ("audit_leaf", "leaf_no", ("entry_id", "leaf_hash")),
            (
                "audit_seal",
                "n",
                ("root", "signature", "frontier", "size", "count", "prev", "lo", "hi", "sealed_at"),
            ),
        )
    )
    span = ENTRIES if key == "leaf_no" else SEALS
    first, second = rng.sample(range(0 if key == "leaf_no" else 1, span), 2)
    sets = ", ".join(f"{name} = other.{name}" for name in names)
    await trail.owner.execute(
        f"update core.{table} t set {sets} from kept.{table} other where "
        f"(t.{key} = {first} and other.{key} = {second}) or (t.{key} = {second} and other.{key} = {first})"
    )


async def _swap_entries(rng: random.Random, trail: Any) -> None:
    """Two entries change places with everything but their ids."""
    first, second = rng.sample(range(ENTRIES), 2)
    names = [name for name in (*verifier.COLUMNS, "body", "row_hmac") if name != "id"]
    sets = ", ".join(f"{name} = other.{name}" for name in names)
    await trail.owner.execute(
        f"with pair as (select a.entry_id a, b.entry_id b from kept.audit_leaf a, kept.audit_leaf b "
        f"where (a.leaf_no, b.leaf_no) in (({first}, {second}), ({second}, {first}))) "
        f"update core.audit_entry t set {sets} from pair join kept.audit_entry other on other.id = pair.b "
        "where t.id = pair.a"
    )


async def _insert(rng: random.Random, trail: Any) -> None:
    source, kind = rng.randrange(ENTRIES), rng.randrange(4)
    fresh = "gen_random_uuid()" if kind else "id"
    names = [*verifier.COLUMNS[1:], "epoch", "body", "row_hmac"]
    txid = rng.choice(("txid", "'7'::xid8", "(txid::text::bigint + (1::bigint << 50))::text::xid8"))
    new = await trail.owner.fetchval(
        f"insert into core.audit_entry (id, txid, {', '.join(names)}) "
        f"select {fresh}, {txid}, {', '.join(names)} "
        f"from kept.audit_entry where id = (select entry_id from core.audit_leaf where leaf_no = {source}) "
        "returning id"
    )
    if kind == 2:  # behind the last leaf
        await trail.owner.execute(
            f"insert into core.audit_leaf values ({ENTRIES}, $1, sha256('forged'::bytea))", new
        )
    if kind == 3:  # in the middle, the others moved up
        await trail.owner.execute(
            f"update core.audit_leaf set leaf_no = leaf_no + 1 where leaf_no >= {source}"
        )
        await trail.owner.execute(
            f"insert into core.audit_leaf select {source}, $1, leaf_hash "
            f"from kept.audit_leaf where leaf_no = {source}",
            new,
        )


async def _duplicate(rng: random.Random, trail: Any) -> None:
    table, key, first, span = rng.choice(
        (("audit_leaf", "leaf_no", 0, ENTRIES), ("audit_seal", "n", 1, SEALS))
    )
    await trail.owner.execute(
        f"insert into core.{table} select * from core.{table} where {key} = {first + rng.randrange(span)}"
    )


async def _change_an_unsealed_entry(rng: random.Random, trail: Any) -> None:
    change = rng.choice(
        (
            "reason = 'nothing happened'",
            "body = body || 'x'",
            "row_hmac = sha256(row_hmac)",
            "txid = '5'",
            "txid = (1::bigint << 60)::text::xid8",
            "epoch = epoch + 1",
            "key_id = 'x'",
            None,
        )
    )
    if change is None:
        await trail.owner.execute(
            "insert into core.audit_entry select * from core.audit_entry "
            "where id not in (select entry_id from core.audit_leaf) limit 1"
        )
        return
    await trail.owner.execute(
        f"update core.audit_entry set {change} where id not in (select entry_id from core.audit_leaf)"
    )


async def _rewrite(rng: random.Random, trail: Any) -> None:
    """One entry rewritten; every hash, root, link and signature after it recomputed with another key."""
    attacker, first = Keys.generate(), rng.randrange(ENTRIES)
    claimed = rng.choice((None, trail.keys.seal.id))
    rows = await trail.owner.fetch(
        "select l.leaf_no, l.leaf_hash, e.* from core.audit_leaf l "
        "join core.audit_entry e on e.id = l.entry_id order by leaf_no"
    )
    body = json.loads(rows[first]["body"]) | {"reason": "nothing happened"}
    text = verifier.canonical(body)
    txid = await trail.owner.fetchval(
        "select txid::text::bigint from core.audit_entry where id = $1", rows[first]["id"]
    )
    data = rows[first]["epoch"].to_bytes(4, "big") + txid.to_bytes(8, "big") + rows[first]["row_hmac"] + text
    leaf = hashlib.sha256(b"\x00" + data).digest()
    await trail.owner.execute(
        "update core.audit_entry set reason = $2, body = $3 where id = $1",
        rows[first]["id"],
        body["reason"],
        text,
    )
    await trail.owner.execute("update core.audit_leaf set leaf_hash = $2 where leaf_no = $1", first, leaf)
    tree, last = verifier.Tree(), None
    leaves = [leaf if row["leaf_no"] == first else row["leaf_hash"] for row in rows]
    for record in [record for record in await trail.records() if record["kind"] == "seal"]:
        while tree.size < record["size"]:
            tree.append(leaves[tree.size])
        if tree.size > first:
            record["root"] = tree.root()
            record["prev"] = verifier.seal_digest(last) if last else verifier.GENESIS
            record["key_id"] = claimed or attacker.seal.id
            record["signature"] = attacker.seal.signer.sign(verifier.seal_message(record)).hex()
            await trail.owner.execute(
                "update core.audit_seal set root = $2, prev = $3, key_id = $4, signature = $5, frontier = $6 "
                "where n = $1",
                record["n"],
                bytes.fromhex(record["root"]),
                bytes.fromhex(record["prev"]),
                record["key_id"],
                bytes.fromhex(record["signature"]),
                tree.nodes,
            )
        last = record


KINDS: tuple[Tamper, ...] = (
    *(_change_a_column, _null_a_column, _flip_a_bit, _change_a_number, _change_a_seal, _delete, _truncate),
    *(_unseal, _swap, _swap_entries, _insert, _duplicate, _change_an_unsealed_entry, _rewrite),
)


async def _world(trail: Any, fill: Any) -> None:
    await fill(trail, ENTRIES, SEALS)
    for _ in range(UNSEALED):
        await trail.write(trail.entry())


def _arguments(trail: Any) -> list[str]:
    files = [
        "--checkpoints",
        trail.checkpoints,
        "--public-key",
        trail.public_key,
        "--hmac-key",
        trail.hmac_key,
    ]
    return ["--url", trail.url, *map(str, files)]


async def test_two_hundred_random_tampers_are_all_seen(
    trail: Any, fill: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    await _world(trail, fill)
    await _disarm(trail)
    clean = (await trail.records())[1:]
    assert await asyncio.to_thread(verifier.main, _arguments(trail)) == 0
    rng, unseen, done = random.Random(20261122), [], {kind.__name__: 0 for kind in KINDS}
    while sum(done.values()) < TAMPERS:
        kind = KINDS[sum(done.values()) % len(KINDS)]
        await kind(rng, trail)
        if (await trail.records_or_error())[1:] == clean:
            continue  # drew a change that changes nothing
        if await asyncio.to_thread(verifier.main, _arguments(trail)) != 1:
            unseen.append(f"{kind.__name__} {sum(done.values())}")
        done[kind.__name__] += 1
        await _restore(trail)
    assert unseen == []
    assert min(done.values()) >= TAMPERS // len(KINDS)
    assert (await trail.records())[1:] == clean
    capsys.readouterr()
    assert await asyncio.to_thread(verifier.main, _arguments(trail)) == 0
    assert "VERIFIED 核验通过" in capsys.readouterr().out


ALONE = """
import runpy, sys
for name in ("sanzhi_core", "sanzhi", "sqlalchemy"):
    sys.modules[name] = None  # an import of it now fails
sys.argv[0] = sys.argv.pop(1)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


async def _alone(trail: Any, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    copy = Path(shutil.copy(verifier.__file__, folder / "verifier.py"))
    command = [sys.executable, "-c", ALONE, str(copy), *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, cwd=folder, timeout=60, check=False
    )


async def test_a_copy_of_the_one_file_verifies_without_the_project(
    trail: Any, fill: Any, tmp_path: Path
) -> None:
    await _world(trail, fill)
    await _disarm(trail)
    good = await _alone(trail, tmp_path, *_arguments(trail), "--json")
    assert (good.returncode, good.stderr) == (0, "")
    report = json.loads(good.stdout)
    assert (report["ok"], report["entries"], report["unsealed"]) == (True, ENTRIES, UNSEALED)
    rng = random.Random(7)
    for kind in (_rewrite, _delete, _truncate):
        await kind(rng, trail)
        bad = await _alone(trail, tmp_path, *_arguments(trail))
        assert (bad.returncode, bad.stderr) == (1, "")
        assert "NOT VERIFIED 核验不通过" in bad.stdout
        await _restore(trail)


async def test_a_trail_that_is_gone_is_not_verified(trail: Any, fill: Any, capsys: Any) -> None:
    await _world(trail, fill)
    await trail.owner.execute("drop table core.audit_leaf")
    assert await asyncio.to_thread(verifier.main, _arguments(trail)) == 1
    assert "UNREADABLE" in capsys.readouterr().out


async def test_what_the_verifier_cannot_see_is_as_documented(trail: Any, fill: Any) -> None:
    """An entry deleted before its seal; and, for a verifier without the HMAC key, one forged before it."""
    await _world(trail, fill)
    await _disarm(trail)
    last = "(select id from core.audit_entry where id not in (select entry_id from core.audit_leaf) limit 1)"
    await trail.owner.execute(f"delete from core.audit_entry where id = {last}")
    report = await trail.verify()
    assert (report.ok, report.unsealed) == (True, UNSEALED - 1)
    await trail.owner.execute(f"update core.audit_entry set row_hmac = sha256(body) where id = {last}")
    assert await trail.codes() == {"HMAC"}
    assert await trail.codes(hmac_keys=None) == set()
