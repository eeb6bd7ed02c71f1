"""The sealer: gives committed entries their leaf numbers and signs the growing Merkle tree.

Complete by construction: it takes the entries whose transactions all ended before its horizon
(`pg_snapshot_xmin`), so no late commit can slip under a seal. One sealer at a time, by advisory lock.
What is not sealed yet (normally a second's worth) is protected by the row HMAC only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature

from sanzhi_core.audit.canonical import canonical_bytes
from sanzhi_core.audit.keys import Keys
from sanzhi_core.audit.merkle import Frontier

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

LOCK = 0x73616E7A68690001  # "sanzhi", 1
BATCH = 10_000
GENESIS = bytes(32)


class SealError(Exception):
    """The trail cannot be sealed as it is; the message says why and what to do. Nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """One link of the chain. The tree of `size` leaves ends with the `count` leaves of this seal.

    `lo <= txid < hi` is its window of transaction ids; windows join without a gap inside an epoch. A seal
    with `lo = hi = 0` opens a new epoch and takes over what was left unsealed of older ones.
    """

    n: int
    epoch: int
    lo: int
    hi: int
    count: int
    size: int
    root: bytes
    prev: bytes
    sealed_at: datetime
    key_id: str
    signature: bytes

    def message(self) -> bytes:
        """The bytes that are signed."""
        fields = {name: getattr(self, name) for name in Seal.__dataclass_fields__ if name != "signature"}
        return b"sanzhi.audit.seal.v1\n" + canonical_bytes(fields)

    def digest(self) -> bytes:
        """What the next seal's `prev` must be."""
        return hashlib.sha256(self.message() + self.signature).digest()


@dataclass(frozen=True, slots=True)
class SealLag:
    """What waits for a seal. More than 30 s of `age` is an alarm (reliability.md §3.5).

    `holder` describes the oldest write transaction of the cluster, which may be what holds the horizon back.
    """

    entries: int
    age: timedelta
    holder: str | None


async def seal_once(conn: Connection, keys: Keys, now: datetime, *, batch: int = BATCH) -> int:
    """Seal what can be sealed; returns the number of entries, 0 when nothing waits or another sealer works.

    Runs inside the transaction that the caller opened (READ COMMITTED, app role) and never commits. A seal
    takes about `batch` entries, so that this transaction stays short; the next call takes the rest. Call
    `checkpoint.publish` only after the commit. Raises SealError when the trail is not what was signed
    last time, or when transaction ids went back.
    """
    if not conn.is_in_transaction():
        raise SealError("seal_once needs a transaction opened by its caller")
    # A seal must outlive a crash, or a published checkpoint would be ahead of the database for ever.
    locked = await conn.fetchval(
        "select pg_try_advisory_xact_lock($1) and set_config('synchronous_commit', 'on', true) = 'on'", LOCK
    )
    if not locked:
        return 0
    last, frontier = await _head(conn, keys)
    # The horizon is read before the rows: every transaction below it has ended by now and is seen below.
    epoch, horizon = await conn.fetchrow(  # type: ignore[misc]
        "select core.audit_current_epoch(), pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    )
    sealed_epoch, lo = (last.epoch, last.hi) if last is not None else (1, 0)
    if epoch > sealed_epoch:
        lo = hi = 0
        rows = await conn.fetch("select * from core.audit_left_over($1)", epoch)
    else:
        if epoch < sealed_epoch or horizon < lo:
            raise SealError(
                f"transaction ids went back from {lo} (epoch {sealed_epoch}) to {horizon} (epoch {epoch}): "
                "the database was restored; stop every process and start a new audit epoch"
            )
        rows, hi = await _window(conn, epoch, lo, horizon, batch)
        if not rows:
            return 0
    first = frontier.size
    for row in rows:
        frontier.append(row["leaf_hash"])
    seal = _sign(keys, last, frontier, epoch=epoch, lo=lo, hi=hi, count=len(rows), sealed_at=now)
    await conn.execute(
        "insert into core.audit_leaf (leaf_no, entry_id, leaf_hash) "
        "select * from unnest($1::bigint[], $2::uuid[], $3::bytea[])",
        list(range(first, frontier.size)),
        [row["entry_id"] for row in rows],
        [row["leaf_hash"] for row in rows],
    )
    await conn.execute(
        "insert into core.audit_seal "
        "(n, epoch, lo, hi, count, size, root, prev, sealed_at, key_id, signature, frontier) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        *(getattr(seal, name) for name in Seal.__dataclass_fields__),
        frontier.nodes,
    )
    return len(rows)


async def last_seal(conn: Connection) -> Seal | None:
    """The newest seal, if any."""
    row = await conn.fetchrow("select * from core.audit_seal order by n desc limit 1")
    return None if row is None else _seal(row)


async def seal_lag(conn: Connection, now: datetime) -> SealLag:
    """How many entries wait for a seal, how old at `now` the oldest is, and who may hold the horizon."""
    last = await last_seal(conn)
    epoch, lo = (last.epoch, last.hi) if last is not None else (0, 0)
    entries, oldest = await conn.fetchrow(  # type: ignore[misc]
        "select entries, oldest from core.audit_backlog($1, $2)", epoch, lo
    )
    holder = await conn.fetchval(
        "select format('pid %s, %s, application %s, since %s', pid, coalesce(state, 'state unknown'), "
        "application_name, to_char(xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS UTC')) "
        "from pg_stat_activity where backend_xid is not null and pid <> pg_backend_pid() "
        "order by age(backend_xid) desc limit 1"
    )
    return SealLag(entries, max(now - oldest, timedelta()) if oldest else timedelta(), holder)


async def bump_epoch(conn: Connection, reason: str, now: datetime) -> int:
    """Start a new epoch after the database was restored; returns it.

    As the owner, in the caller's transaction, with every process of the application stopped. The next seal
    records it and takes over what was left unsealed.
    """
    await conn.execute("lock table core.audit_entry in share row exclusive mode")
    return int(
        await conn.fetchval(
            "insert into core.audit_epoch (epoch, started_at, reason) "
            "select max(epoch) + 1, $1, $2 from core.audit_epoch returning epoch",
            now,
            reason,
        )
    )


async def _head(conn: Connection, keys: Keys) -> tuple[Seal | None, Frontier]:
    """The last seal and its frontier, believed only if the one has our signature and the other its root."""
    row = await conn.fetchrow("select * from core.audit_seal order by n desc limit 1")
    if row is None:
        return None, Frontier()
    seal = _seal(row)
    key = keys.find("seal", seal.key_id)
    if key is None:
        raise SealError(
            f"seal {seal.n} was signed by the unknown key {seal.key_id}: wrong key file or forged seal"
        )
    try:
        key.signer.public_key().verify(seal.signature, seal.message())
        frontier = Frontier(seal.size, row["frontier"])
    except (InvalidSignature, ValueError):
        raise SealError(f"seal {seal.n} is not what was signed: run the verifier") from None
    if frontier.root() != seal.root:
        raise SealError(f"the frontier of seal {seal.n} was changed: run the verifier")
    return seal, frontier


async def _window(conn: Connection, epoch: int, lo: int, horizon: int, batch: int) -> tuple[list[Any], int]:
    """Rows of whole transactions from `lo` up, about `batch` of them, and where the window ends."""
    pending = "select * from core.audit_pending($1, $2, $3, $4)"
    rows = await conn.fetch(pending, epoch, lo, horizon, batch + 1)
    if len(rows) <= batch:
        return rows, horizon
    cut = rows[-1]["txid"]
    if rows[0]["txid"] < cut:
        return [row for row in rows if row["txid"] < cut], cut
    return await conn.fetch(pending, epoch, lo, cut + 1, None), cut + 1


def _seal(row: Any) -> Seal:
    return Seal(**{name: row[name] for name in Seal.__dataclass_fields__})


def _sign(keys: Keys, last: Seal | None, frontier: Frontier, *, sealed_at: datetime, **window: int) -> Seal:
    fields: dict[str, Any] = {
        **window,
        "n": last.n + 1 if last is not None else 1,
        "size": frontier.size,
        "root": frontier.root(),
        "prev": last.digest() if last is not None else GENESIS,
        "sealed_at": sealed_at.astimezone(UTC),
        "key_id": keys.seal.id,
    }
    unsigned = Seal(**fields, signature=b"")
    return Seal(**fields, signature=keys.seal.signer.sign(unsigned.message()))
