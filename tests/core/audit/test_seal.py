from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sanzhi_core.audit import checkpoint, merkle, seal
from sanzhi_core.audit.canonical import leaf_hash
from sanzhi_core.audit.keys import Keys
from sanzhi_core.audit.seal import SealError


async def test_sealed_entries_verify_and_the_seal_says_what_is_in_it(trail: Any, fill: Any) -> None:
    await fill(trail, 9, 3)
    rows = await trail.owner.fetch(
        "select l.*, e.epoch, e.txid::text::bigint txid, e.row_hmac, e.body from core.audit_leaf l "
        "join core.audit_entry e on e.id = l.entry_id order by leaf_no"
    )
    assert [row["leaf_no"] for row in rows] == list(range(9))
    assert [(row["txid"], row["entry_id"]) for row in rows] == sorted(
        (row["txid"], row["entry_id"]) for row in rows
    )
    for row in rows:
        assert row["leaf_hash"] == leaf_hash(row["epoch"], row["txid"], row["row_hmac"], row["body"])
    last = await seal.last_seal(trail.app)
    assert last is not None
    assert last.root == merkle.root([row["leaf_hash"] for row in rows])
    assert (last.size, last.epoch, last.key_id) == (9, 1, trail.keys.seal.id)
    report = await trail.verify()
    assert report.ok, report.text()
    assert (report.entries, report.unsealed, report.after_checkpoint) == (9, 0, 0)
    assert report.head == checkpoint.head_line(last)


async def test_an_empty_trail_has_nothing_to_seal(trail: Any) -> None:
    assert await trail.seal() == 0
    assert await trail.counts() == [0, 0, 0, 1]
    assert await seal.last_seal(trail.app) is None
    lag = await seal.seal_lag(trail.app, trail.now)
    assert (lag.entries, lag.age) == (0, timedelta())
    assert await trail.codes(checkpoints=None) == set()
    assert await trail.codes() == {"CHECKPOINT_MISSING"}


async def test_sealing_again_adds_no_empty_seals(trail: Any, fill: Any) -> None:
    await fill(trail, 4, 1)
    before = await trail.counts()
    assert [await trail.seal() for _ in range(3)] == [0, 0, 0]
    assert await trail.counts() == before


async def test_the_sealer_never_opens_a_transaction_of_its_own(trail: Any) -> None:
    await trail.write(trail.entry())
    with pytest.raises(SealError, match="transaction"):
        await seal.seal_once(trail.app, trail.keys, trail.now)
    assert (await trail.counts())[1:3] == [0, 0]


async def test_a_sealing_that_rolls_back_leaves_nothing_and_the_next_one_works(trail: Any) -> None:
    await trail.write(trail.entry())
    transaction = trail.app.transaction()
    await transaction.start()
    for _ in range(600):  # other users of the server may hold the horizon
        if await seal.seal_once(trail.app, trail.keys, trail.now):
            break
        await asyncio.sleep(0.1)
    await transaction.rollback()
    assert (await trail.counts())[1:3] == [0, 0]
    assert await trail.seal_all(publish=True) == 1
    assert (await trail.verify()).ok


async def test_one_sealer_at_a_time(trail: Any) -> None:
    await trail.write(trail.entry())
    other = await trail.connect()
    try:
        async with other.transaction():
            await other.execute("select pg_advisory_xact_lock($1)", seal.LOCK)
            assert await trail.seal() == 0
    finally:
        await other.close()
    assert await trail.seal_all() == 1


async def test_a_long_transaction_holds_the_horizon_and_the_lag_says_so(trail: Any) -> None:
    holder = await trail.connect()
    await holder.execute("set application_name = 'slow import'")
    transaction = holder.transaction()
    await transaction.start()
    late = await trail.write(trail.entry(), holder)
    early = [await trail.write(trail.entry()) for _ in range(3)]
    assert await trail.seal() == 0  # committed, but an older transaction could still come before them
    assert (await trail.counts())[1:3] == [0, 0]
    lag = await seal.seal_lag(trail.app, early[0].at + timedelta(seconds=31))
    assert (lag.entries, lag.age) == (3, timedelta(seconds=31))
    assert lag.holder is not None
    report = await trail.verify(checkpoints=None)
    assert (report.ok, report.unsealed) == (True, 3)
    strict = await trail.codes(checkpoints=None, max_lag=-(10**9))
    assert strict == {"LAG"}
    await transaction.commit()
    await holder.close()
    assert await trail.seal_all(publish=True) == 4
    order = await trail.owner.fetch("select entry_id from core.audit_leaf order by leaf_no")
    assert order[0]["entry_id"] == late.id
    assert (await trail.verify()).ok


async def test_a_small_batch_cuts_between_transactions_only(trail: Any) -> None:
    sizes = (3, 1, 7, 2)
    for size in sizes:
        async with trail.app.transaction():
            for _ in range(size):
                await trail.write(trail.entry())
    sealed = []
    for _ in range(600):
        sealed.append(await trail.seal(batch=4))
        if sum(sealed) == 13:
            break
        await asyncio.sleep(0.05)
    assert [count for count in sealed if count] == [4, 7, 2]
    checkpoint.append(trail.checkpoints, await seal.last_seal(trail.app))
    assert (await trail.verify()).ok


async def test_entries_of_a_rolled_back_transaction_leave_no_gap(trail: Any) -> None:
    kept = []
    for turn in range(6):
        transaction = trail.app.transaction()
        await transaction.start()
        entry = await trail.write(trail.entry())
        if turn % 2:
            await transaction.rollback()
        else:
            await transaction.commit()
            kept.append(entry.id)
    assert await trail.seal_all(publish=True) == 3
    rows = await trail.owner.fetch("select entry_id from core.audit_leaf order by leaf_no")
    assert [row["entry_id"] for row in rows] == kept
    assert (await trail.verify()).ok


@pytest.mark.parametrize(
    "damage",
    [
        "update core.audit_seal set root = sha256(root)",
        "update core.audit_seal set sealed_at = sealed_at + interval '1 us'",
        "update core.audit_seal set signature = sha256(signature) || sha256(root)",
        "update core.audit_seal set frontier[1] = sha256(frontier[1])",
        "update core.audit_seal set frontier = '{}'",
        "update core.audit_seal set key_id = 'ffffffffffffffff'",
    ],
)
async def test_the_sealer_refuses_to_build_on_a_changed_seal(trail: Any, fill: Any, damage: str) -> None:
    await fill(trail, 5, 1)
    await trail.owner.execute("alter table core.audit_seal disable trigger all")
    await trail.owner.execute(damage)
    await trail.write(trail.entry())
    before = await trail.counts()
    with pytest.raises(SealError):
        await trail.seal()
    assert await trail.counts() == before


async def test_the_sealer_refuses_a_key_file_that_is_not_its_own(trail: Any, fill: Any) -> None:
    await fill(trail, 2, 1)
    await trail.write(trail.entry())
    trail.keys = Keys.generate()
    before = await trail.counts()
    with pytest.raises(SealError, match="unknown key"):
        await trail.seal()
    assert await trail.counts() == before


async def test_keys_rotate_without_breaking_the_chain(trail: Any, fill: Any) -> None:
    await fill(trail, 4, 2)
    trail.keys = trail.keys.rotated("seal").rotated("audit")
    trail.write_key_files()
    await fill(trail, 4, 2, seed=2)
    assert await trail.owner.fetchval("select count(distinct key_id) from core.audit_seal") == 2
    assert await trail.owner.fetchval("select count(distinct key_id) from core.audit_entry") == 2
    assert (await trail.verify()).ok


async def test_a_new_epoch_takes_over_what_the_old_one_left(trail: Any, fill: Any) -> None:
    """A logical restore: transaction ids start again, entries wait, one of them under the horizon."""
    await fill(trail, 6, 2)
    left = [await trail.write(trail.entry()) for _ in range(2)]
    await trail.owner.execute("alter table core.audit_entry disable trigger all")
    await trail.owner.execute("update core.audit_entry set txid = '3' where id = $1", left[0].id)
    async with trail.owner.transaction():
        assert await seal.bump_epoch(trail.owner, "restored from the dump of 2026-11-21", trail.now) == 2
    waiting = await trail.verify()
    assert waiting.ok, waiting.text()
    assert (waiting.unsealed, len(waiting.warnings)) == (2, 1)
    new = await trail.write(trail.entry())
    assert await trail.seal() == 2
    taken = await seal.last_seal(trail.app)
    assert (taken.epoch, taken.lo, taken.hi, taken.count) == (2, 0, 0, 2)
    assert await trail.seal_all(publish=True) == 1
    last = await trail.owner.fetchval("select entry_id from core.audit_leaf order by leaf_no desc limit 1")
    assert last == new.id
    report = await trail.verify()
    assert report.ok, report.text()
    assert report.entries == 9


async def test_a_first_seal_after_a_new_epoch_leaves_nothing_behind(trail: Any) -> None:
    await trail.write(trail.entry())
    async with trail.owner.transaction():
        await seal.bump_epoch(trail.owner, "restored before the first seal", trail.now)
    await trail.write(trail.entry())
    assert await trail.seal_all(publish=True) == 2
    assert (await trail.verify()).ok


@pytest.mark.parametrize("damage", ["txid", "epoch"])
async def test_transaction_ids_that_went_back_stop_the_sealer(trail: Any, fill: Any, damage: str) -> None:
    """The database was restored and nobody started a new epoch: never seal what cannot be ordered."""
    await fill(trail, 2, 1)
    last = await seal.last_seal(trail.app)
    ahead = replace(last, **({"hi": 2**60} if damage == "txid" else {"epoch": 5}), signature=b"")
    signature = trail.keys.seal.signer.sign(ahead.message())
    await trail.owner.execute("alter table core.audit_seal disable trigger all")
    await trail.owner.execute(
        "update core.audit_seal set hi = $1, epoch = $2, signature = $3", ahead.hi, ahead.epoch, signature
    )
    await trail.write(trail.entry())
    before = await trail.counts()
    with pytest.raises(SealError, match="restored"):
        await trail.seal()
    assert await trail.counts() == before


async def test_proofs_from_the_trail_hold(trail: Any, fill: Any) -> None:
    await fill(trail, 13, 4)
    leaves = [
        row["leaf_hash"] for row in await trail.owner.fetch("select * from core.audit_leaf order by leaf_no")
    ]
    seals = [checkpoint.parse(line) for line in trail.checkpoints.read_bytes().splitlines()]
    last = seals[-1]
    for index, leaf in enumerate(leaves):
        proof = merkle.inclusion_proof(leaves, index)
        assert merkle.verify_inclusion(leaf, index, last.size, proof, last.root)
    for old in seals:
        proof = merkle.consistency_proof(leaves, old.size)
        assert merkle.verify_consistency(old.size, last.size, old.root, last.root, proof)


async def test_any_value_that_is_accepted_survives_the_database(trail: Any) -> None:
    """Body and columns stay equal through jsonb, inet, timestamptz and text, also for awkward values."""
    texts = [
        "",
        " ",
        "\n\r\t\x01\x7f\u0085\u2028\u202e\ufeff",
        "'\";\\",
        "𠮷野家",
        "e\u0301",
        "\\u0000",
        "null",
        "1e2",
    ]
    values = {text or "empty": [text, 2**63 - 1, -1, 0, True, False, None, {}, []] for text in texts}
    for ip in ("10.0.0.1", "::1", "::ffff:1.2.3.4", "2001:db8::1", "0.0.0.0", None):
        change = replace(trail.entry().changes[0], values=values)
        for text in texts:
            await trail.write(trail.entry(ip=ip, reason=text, device=text, changes=[change, change]))
    await trail.write(trail.entry(changes=[], ip=None, county_id=None, org_path=None, actor_id=None))
    await trail.seal_all(publish=True)
    report = await trail.verify()
    assert report.ok, report.text()
    assert report.entries == 6 * len(texts) + 1
    body = await trail.owner.fetchval("select body from core.audit_entry limit 1")
    assert json.loads(body)["v"] == 1
