"""Nothing slips under the horizon while eight writers and two sealers work at once."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from sanzhi_core.audit import checkpoint, seal

WRITERS, SECONDS = 8, 4


async def _write(trail: Any, until: float, seed: int, committed: set[UUID]) -> None:
    """Transactions of up to four entries that stay open for a while; some roll back, in part or whole."""
    rng, conn = random.Random(seed), await trail.connect()
    try:
        while time.monotonic() < until:
            transaction = conn.transaction()
            await transaction.start()
            kept = []
            for _ in range(rng.randrange(1, 5)):
                savepoint = conn.transaction()
                await savepoint.start()
                entry = await trail.write(trail.entry(rng), conn)
                await asyncio.sleep(rng.choice((0, 0, 0.002, 0.03)))
                if rng.random() < 0.15:
                    await savepoint.rollback()
                else:
                    await savepoint.commit()
                    kept.append(entry.id)
            if rng.random() < 0.1:
                await transaction.rollback()
            else:
                await transaction.commit()
                committed.update(kept)
    finally:
        await conn.close()


async def _seal(trail: Any, stop: asyncio.Event, seals: list[int]) -> None:
    conn = await trail.connect()
    try:
        while not stop.is_set():
            seals.append(await trail.seal(conn))
            await asyncio.sleep(0.01)
    finally:
        await conn.close()


async def test_what_is_sealed_is_what_was_committed(trail: Any) -> None:
    committed: set[UUID] = set()
    seals: list[int] = []
    stop = asyncio.Event()
    until = time.monotonic() + SECONDS
    sealers = [asyncio.create_task(_seal(trail, stop, seals)) for _ in range(2)]
    await asyncio.gather(*(_write(trail, until, seed, committed) for seed in range(WRITERS)))
    during = sum(seals)
    stop.set()
    await asyncio.gather(*sealers)
    await trail.seal_all(publish=True)

    rows = await trail.owner.fetch(
        "select l.entry_id, e.txid::text::bigint txid from core.audit_leaf l "
        "join core.audit_entry e on e.id = l.entry_id order by leaf_no"
    )
    times = Counter(row["entry_id"] for row in rows)
    assert committed - times.keys() == set(), "lost"
    assert times.keys() - committed == set(), "sealed, but never committed"
    assert set(times.values()) == {1}
    order = [(row["txid"], row["entry_id"]) for row in rows]
    assert order == sorted(order)
    assert len(committed) > 200
    assert during > len(committed) // 4, "the sealers did nothing while the writers worked"
    report = await trail.verify()
    assert report.ok, report.text()
    assert report.entries == len(committed)


class NaiveSealer:
    """Takes everything after the last it took, in the order given, without a horizon."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.last: Any = None
        self.sealed: list[UUID] = []

    async def seal(self, trail: Any) -> None:
        rows = await trail.owner.fetch(
            f"select id, {self.order}::text mark from core.audit_entry "
            f"where $1::text is null or {self.order}::text > $1 order by {self.order}",
            self.last,
        )
        for row in rows:
            self.last = row["mark"]
            self.sealed.append(row["id"])


@pytest.mark.parametrize("order", ["id", "lpad(txid::text, 20, '0')"])
async def test_a_sealer_without_the_horizon_would_lose_a_late_commit(trail: Any, order: str) -> None:
    """Positive control: the first transaction commits last. The real sealer has it, and in order."""
    naive, slow = NaiveSealer(order), await trail.connect()
    transaction = slow.transaction()
    await transaction.start()
    late = await trail.write(trail.entry(), slow)
    early = await trail.write(trail.entry())
    await naive.seal(trail)
    assert await trail.seal() == 0
    await transaction.commit()
    await slow.close()
    await naive.seal(trail)
    assert naive.sealed == [early.id]

    assert await trail.seal_all(publish=True) == 2
    rows = await trail.owner.fetch("select entry_id from core.audit_leaf order by leaf_no")
    assert [row["entry_id"] for row in rows] == [late.id, early.id]
    assert (await trail.verify()).ok


async def test_a_sealer_killed_in_its_transaction_leaves_nothing_half_done(trail: Any, fill: Any) -> None:
    await fill(trail, 5, 1)
    await trail.write(trail.entry())
    before = await trail.counts()
    victim = await trail.connect()
    transaction = victim.transaction()
    await transaction.start()
    for _ in range(600):  # other users of the server may hold the horizon
        if await seal.seal_once(victim, trail.keys, trail.now):
            break
        await asyncio.sleep(0.1)
    await trail.owner.fetchval("select pg_terminate_backend($1)", victim.get_server_pid())
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
        await transaction.commit()
    victim.terminate()
    assert await trail.counts() == before
    assert await trail.seal_all() == 1
    checkpoint.append(trail.checkpoints, await seal.last_seal(trail.app))
    assert (await trail.verify()).ok
