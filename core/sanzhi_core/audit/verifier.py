"""Stand-alone verifier of the Sanzhi audit trail.

Imports nothing of the project: Python 3.11 with `cryptography` (and `asyncpg` for --url) is enough, so that
an auditor can run a copy of this one file on a machine of their own:

    python verifier.py (--url postgresql://… | --export FILE) --checkpoints FILE --public-key FILE
                       [--hmac-key FILE] [--head N:SIZE:ROOT]… [--max-lag SECONDS] [--json]

It recomputes everything: body against columns, row HMAC (with the key), leaf hashes, gapless leaf numbers,
Merkle root, window, chain and signature of every seal, and equality with EVERY checkpoint. Exit status:
0 nothing wrong, 1 problems, 2 could not run.

An export is verified with a copy of the checkpoint file that was taken before it.

What it cannot see: an entry deleted before it was sealed (unsealed entries are counted), records that were
false when written, and an attacker who holds the signing key and all checkpoints.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import re
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

Record = dict[str, Any]

FORMAT = 1
BODY_VERSION = 1
GENESIS = bytes(32).hex()
KEPT_PROBLEMS = 200
COLUMNS = (
    *("id", "at", "action", "result", "county_id", "town_id", "village_id", "grid_id", "unit_id", "org_path"),
    *("actor_id", "acting_for", "role", "entity", "entity_id", "error_code", "reason", "channel", "ip"),
    *("device", "changes", "key_id"),
)
SIGNED = ("n", "epoch", "lo", "hi", "count", "size", "root", "prev", "sealed_at", "key_id")
SEAL = (*SIGNED, "signature")
FIELDS = {
    "header": frozenset(("kind", "format", "at", "epoch", "xmin", "xmax")),
    "leaf": frozenset(("kind", "leaf_no", "entry_id", "leaf_hash", "entry")),
    "seal": frozenset(("kind", "frontier", *SEAL)),
    "entry": frozenset(("kind", "entry")),
    "end": frozenset(("kind", "entries", "seals", "unsealed")),
    "checkpoint": frozenset(SEAL),
    "row": frozenset(("epoch", "txid", "row_hmac", "body", "columns")),
    "columns": frozenset(COLUMNS),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: a stable code, where, and the facts."""

    code: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.code} at {self.where}: {self.text}"


@dataclass(slots=True)
class Report:
    """Outcome of a verification. `problems` keeps the first 200; `problem_count` counts all."""

    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    warnings: list[str] = field(default_factory=list)
    entries: int = 0
    seals: int = 0
    head: str | None = None
    sealed_at: str | None = None
    unsealed: int = 0
    oldest_unsealed: str | None = None
    checkpoints: int = 0
    after_checkpoint: int = 0

    @property
    def ok(self) -> bool:
        return self.problem_count == 0

    def add(self, code: str, where: str, text: str) -> None:
        self.problem_count += 1
        if len(self.problems) < KEPT_PROBLEMS:
            self.problems.append(Problem(code, where, text))

    def as_dict(self) -> Record:
        return {"ok": self.ok, **asdict(self)}

    def text(self) -> str:
        lines = [str(problem) for problem in self.problems]
        if self.problem_count > len(self.problems):
            lines.append(f"… and {self.problem_count - len(self.problems)} more problems")
        lines += [f"note: {warning}" for warning in self.warnings]
        lines.append(
            f"entries sealed   {self.entries} in {self.seals} seals, last at {self.sealed_at or '-'}"
        )
        lines.append(f"head             {self.head or '-'}")
        lines.append(
            f"checkpoints      {self.checkpoints}; {self.after_checkpoint} entries sealed since the last"
        )
        lines.append(f"not sealed yet   {self.unsealed}, oldest {self.oldest_unsealed or '-'}")
        verdict = "VERIFIED 核验通过" if self.ok else f"NOT VERIFIED 核验不通过 ({self.problem_count})"
        return "\n".join([*lines, verdict])


_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def canonical(value: object) -> bytes:
    """Canonical JSON: sorted keys, no spaces, UTF-8."""
    return _encode(value).encode()


def unhex(text: object, length: int | None = None) -> bytes:
    """Bytes of lower-case hex of the right length. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("hex text is missing")
    data = bytes.fromhex(text)
    if data.hex() != text or (length is not None and len(data) != length):
        raise ValueError("hex text is malformed")
    return data


def public_key_id(key: Ed25519PublicKey) -> str:
    """The `key_id` that seals signed with this key carry."""
    return hashlib.sha256(b"sanzhi.key.v1\nseal\n" + key.public_bytes_raw()).hexdigest()[:16]


def seal_message(seal: Mapping[str, Any]) -> bytes:
    """The bytes that a seal's signature covers."""
    return b"sanzhi.audit.seal.v1\n" + canonical({name: seal[name] for name in SIGNED})


def seal_digest(seal: Mapping[str, Any]) -> str:
    """What the next seal's `prev` must be."""
    return hashlib.sha256(seal_message(seal) + unhex(seal["signature"], 64)).hexdigest()


class Tree:
    """Growing Merkle tree of RFC 6962: roots of the full subtrees, largest first."""

    def __init__(self) -> None:
        self.size = 0
        self.nodes: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        node, size = leaf, self.size
        while size & 1:
            node = hashlib.sha256(b"\x01" + self.nodes.pop() + node).digest()
            size >>= 1
        self.nodes.append(node)
        self.size += 1

    def root(self) -> str:
        if not self.nodes:
            return hashlib.sha256(b"").hexdigest()
        node = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            node = hashlib.sha256(b"\x01" + left + node).digest()
        return node.hex()


class Checker:
    """Checks a trail fed record by record: header, leaves and after them their seal, unsealed entries, end.

    `checkpoints`: lines of the checkpoint file; None to do without on purpose. `hmac_keys`: row keys by id.
    `heads`: printed heads `n:size:root`. `max_lag`: seconds an entry may wait for its seal. Raises ValueError
    for a head that cannot be read.
    """

    def __init__(
        self,
        public_keys: Iterable[Ed25519PublicKey],
        checkpoints: Sequence[Record] | None,
        *,
        hmac_keys: Mapping[str, bytes] | None = None,
        heads: Iterable[str] = (),
        max_lag: int | None = None,
    ) -> None:
        self.report = Report()
        self.keys = {public_key_id(key): key for key in public_keys}
        self.hmac_keys = hmac_keys
        self.max_lag = max_lag
        self.header: Record | None = None
        self.last: Record | None = None
        self.tree = Tree()
        self.ended = False
        self.with_checkpoints = checkpoints is not None
        self.checkpoints: dict[int, Record] = {}
        self.heads: dict[int, tuple[int, str]] = {}
        self._last_n = 0
        # leaves since the last seal: how many, and (epoch, txid, id) of the first and the newest
        self._open = 0
        self._first: tuple[int, int, str] | None = None
        self._newest: tuple[int, int, str] | None = None
        self._unsealed_order: tuple[int, int, str] | None = None
        for head in heads:
            n, size, root = head.split(":")
            self.heads[int(n)] = (int(size), root)
        self._take_checkpoints(checkpoints)

    def feed(self, record: Record) -> None:
        """Check the next record; whatever is wrong goes into the report."""
        kind = record.get("kind") if isinstance(record, dict) else None
        where = f"{kind} after leaf {self.tree.size - 1}, seal {self._last_n}"
        handlers = {
            "header": self._header,
            "leaf": self._leaf,
            "seal": self._seal,
            "entry": self._unsealed,
            "end": self._end,
        }
        if kind not in handlers or self.ended or (self.header is None) != (kind == "header"):
            self.report.add("BAD_RECORD", where, "no such record is expected here")
            return
        try:
            handlers[kind](record)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            self.report.add("BAD_RECORD", where, f"{type(error).__name__}: {error}")

    def finish(self) -> Report:
        """The report, after the last record."""
        report, last, where = self.report, self.last, f"seal {self._last_n}"
        if not self.ended:
            report.add("INCOMPLETE", "end", "the input stops before its end record")
        if self._open:
            report.add("LEAF_WITHOUT_SEAL", f"leaf {self.tree.size - 1}", f"{self._open} after the last seal")
        newest, published = max(self.checkpoints, default=0), max(self.heads, default=0)
        if max(newest, published) > self._last_n:
            text = f"seal {max(newest, published)} was published, the database ends earlier"
            report.add("ROLLED_BACK", where, text)
        if self.with_checkpoints and published > newest:
            text = f"head {published} was published, the newest checkpoint is {newest}"
            report.add("CHECKPOINT_MISSING", "checkpoints", text)
        if self.header is not None and last is not None and self.header["epoch"] != last["epoch"]:
            text = f"the database is in epoch {self.header['epoch']}, the last seal in {last['epoch']}"
            if self.header["epoch"] < last["epoch"]:
                report.add("EPOCH", where, text)
            else:
                report.warnings.append(text)
        if self.hmac_keys is None:
            report.warnings.append("row HMACs were not checked (no --hmac-key)")
        if last is not None:
            report.head = f"{last['n']}:{last['size']}:{last['root']}"
            report.sealed_at = last["sealed_at"]
        report.after_checkpoint = max(0, report.entries - (self.checkpoints[newest]["size"] if newest else 0))
        if report.oldest_unsealed is not None and self.header is not None and self.max_lag is not None:
            age = (_time(self.header["at"]) - _time(report.oldest_unsealed)).total_seconds()
            if age > self.max_lag:
                report.add("LAG", "unsealed entries", f"the oldest has waited {age:.0f} s for its seal")
        return report

    def _take_checkpoints(self, checkpoints: Sequence[Record] | None) -> None:
        if checkpoints is None:
            self.report.warnings.append("no checkpoints given: a rollback or truncation cannot be seen")
            return
        if not checkpoints:
            self.report.add("CHECKPOINT_MISSING", "checkpoints", "there are none: nothing outside to trust")
        n = size = 0
        for index, seal in enumerate(checkpoints, 1):
            where = f"checkpoint line {index}"
            try:
                _exactly(seal, "checkpoint")
                _integers(seal, "n", "epoch", "lo", "hi", "count", "size")
                self._signature(seal, where)
                if seal["n"] <= n or seal["size"] < size:
                    self.report.add("CHECKPOINT_ORDER", where, "does not come after the line before")
                n, size = seal["n"], seal["size"]
                self.checkpoints[n] = seal
            except (KeyError, TypeError, ValueError) as error:
                self.report.add("BAD_CHECKPOINT", where, f"{type(error).__name__}: {error}")
        self.report.checkpoints = len(self.checkpoints)

    def _header(self, record: Record) -> None:
        _exactly(record, "header")
        if record["format"] != FORMAT:
            raise ValueError(f"format {record['format']!r} is not known to this verifier")
        _time(record["at"])
        _integers(record, "epoch", "xmin", "xmax")
        self.header = record

    def _leaf(self, record: Record) -> None:
        _exactly(record, "leaf")
        report, where = self.report, f"leaf {record['leaf_no']}"
        if type(record["leaf_no"]) is not int or record["leaf_no"] != self.tree.size:
            report.add("LEAF_GAP", where, f"leaf {self.tree.size} is expected")
        leaf = unhex(record["leaf_hash"], 32)
        self.tree.append(leaf)
        self._open += 1
        report.entries += 1
        if record["entry"] is None:
            report.add("ENTRY_MISSING", where, f"entry {record['entry_id']} is gone")
            return
        order, found = self._entry(record["entry"], where)
        if found != leaf:
            report.add("LEAF_HASH", where, "the entry is not what was sealed")
        if order[2] != record["entry_id"]:
            report.add("LEAF_ENTRY", where, f"stands for entry {record['entry_id']}, not {order[2]}")
        if self._newest is not None and order <= self._newest:
            report.add("ORDER", where, "not after the leaf before by (epoch, txid, id)")
        self._first = self._first or order
        self._newest = order

    def _entry(self, entry: Record, where: str) -> tuple[tuple[int, int, str], bytes]:
        """Body against columns and HMAC. Returns the entry's place in the order and its leaf hash."""
        _exactly(entry, "row")
        _integers(entry, "epoch", "txid")
        columns, body, mac = entry["columns"], unhex(entry["body"]), unhex(entry["row_hmac"], 32)
        _exactly(columns, "columns")
        if canonical({**columns, "v": BODY_VERSION}) != body:
            self.report.add("BODY", where, f"columns and body differ: {_difference(columns, body)}")
        if self.hmac_keys is not None:
            key = self.hmac_keys.get(columns["key_id"])
            if key is None:
                self.report.add("HMAC_KEY", where, f"no HMAC key {columns['key_id']!r}")
            elif not hmac.compare_digest(hmac.digest(key, b"sanzhi.audit.row.v1\n" + body, "sha256"), mac):
                self.report.add("HMAC", where, "written without the application's key, or changed")
        epoch, txid = entry["epoch"], entry["txid"]
        data = epoch.to_bytes(4, "big") + txid.to_bytes(8, "big") + mac + body
        return (epoch, txid, columns["id"]), hashlib.sha256(b"\x00" + data).digest()

    def _seal(self, record: Record) -> None:
        _exactly(record, "seal")
        _integers(record, "n", "epoch", "lo", "hi", "count", "size")
        seal = {name: record[name] for name in SEAL}
        n, where = seal["n"], f"seal {seal['n']}"
        self.check_chain(seal, where)
        self._window(seal, where)
        self._signature(seal, where)
        if seal["size"] != self.tree.size or seal["count"] != self._open:
            text = (
                f"says {seal['count']} leaves up to {seal['size']}, found {self._open} up to {self.tree.size}"
            )
            self.report.add("COUNT", where, text)
        if seal["root"] != self.tree.root():
            self.report.add("ROOT", where, "the leaves do not have the sealed root")
        if record["frontier"] != [node.hex() for node in self.tree.nodes]:
            self.report.add("FRONTIER", where, "the kept frontier is not that of the leaves")
        if n in self.checkpoints and self.checkpoints[n] != seal:
            self.report.add("CHECKPOINT", where, "is not the seal that was published")
        if n in self.heads and self.heads[n] != (seal["size"], seal["root"]):
            self.report.add("HEAD", where, "is not the head that was published")
        self.last, self._last_n = seal, n
        self._open, self._first, self._newest = 0, None, None
        self.report.seals += 1

    def check_chain(self, seal: Record, where: str) -> None:
        """Number and `prev` continue the seal before."""
        if seal["n"] != self._last_n + 1:
            self.report.add("SEAL_GAP", where, f"seal {self._last_n + 1} is expected")
        if seal["prev"] != (GENESIS if self.last is None else seal_digest(self.last)):
            self.report.add("CHAIN", where, "does not follow the seal before")

    def _window(self, seal: Record, where: str) -> None:
        """`lo <= txid < hi` and windows join; a seal that opens an epoch takes what older ones left."""
        epoch, end = (self.last["epoch"], self.last["hi"]) if self.last else (1, 0)
        if seal["epoch"] > epoch:
            joins = seal["lo"] == seal["hi"] == 0
            lowest, above = (0, 0), (seal["epoch"], 0)
        else:
            joins = seal["epoch"] == epoch and end == seal["lo"] <= seal["hi"]
            lowest, above = (epoch, seal["lo"]), (epoch, seal["hi"])
        if not joins:
            self.report.add("WINDOW", where, "does not join the window of the seal before")
        if self._first and self._newest and not lowest <= self._first[:2] <= self._newest[:2] < above:
            self.report.add("WINDOW", where, "has leaves outside its window")

    def _signature(self, seal: Record, where: str) -> None:
        key = self.keys.get(seal["key_id"])
        if key is None:
            self.report.add("SIGNATURE", where, f"signed by the unknown key {seal['key_id']!r}")
            return
        try:
            key.verify(unhex(seal["signature"], 64), seal_message(seal))
        except InvalidSignature:
            self.report.add("SIGNATURE", where, "the signature is wrong")

    def _unsealed(self, record: Record) -> None:
        _exactly(record, "entry")
        if self.header is None:
            raise ValueError("no header")
        report, where = self.report, f"unsealed entry {record['entry']['columns']['id']}"
        order, _ = self._entry(record["entry"], where)
        if self._unsealed_order is not None and order <= self._unsealed_order:
            report.add("ORDER", where, "not after the entry before by (epoch, txid, id)")
        self._unsealed_order = order
        epoch, txid = order[:2]
        at = record["entry"]["columns"]["at"]
        _time(at)
        report.unsealed += 1
        report.oldest_unsealed = min(report.oldest_unsealed or at, at)
        now = self.header["epoch"]
        if epoch > now or (epoch == now and txid >= self.header["xmax"]):
            report.add("FUTURE", where, f"transaction {txid} of epoch {epoch} has not happened yet")
        if self.last is not None and self.last["epoch"] == now and (epoch, txid) < (now, self.last["hi"]):
            report.add(
                "UNDER_HORIZON", where, f"seal {self._last_n} was past it: came in or lost its leaf later"
            )

    def _end(self, record: Record) -> None:
        _exactly(record, "end")
        found = {"entries": self.report.entries, "seals": self.report.seals, "unsealed": self.report.unsealed}
        if record != {"kind": "end", **found}:
            self.report.add("INCOMPLETE", "end", f"read {found}, the end record says otherwise")
        self.ended = True


def _exactly(record: Record, kind: str) -> None:
    if not isinstance(record, dict) or record.keys() != FIELDS[kind]:
        raise ValueError("wrong fields")


def _integers(record: Record, *names: str) -> None:
    for name in names:
        if type(record[name]) is not int or record[name] < 0:
            raise ValueError(f"{name} is not a number")


def _time(text: str) -> datetime:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text):
        raise ValueError(f"not a time: {text!r}")
    return datetime.fromisoformat(text)


def _difference(columns: Record, body: bytes) -> str:
    try:
        kept = json.loads(body)
        names = [name for name in COLUMNS if canonical(columns[name]) != canonical(kept.get(name))]
    except (ValueError, AttributeError):
        return "the body cannot be read"
    return ", ".join(names) or "the body is not canonical"


# Reading

_TIME = """to_char({} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
_COLUMNS = ", ".join(
    f"'{name}', " + (_TIME.format("e.at") if name == "at" else f"e.{name}") for name in COLUMNS
)
_ENTRY = f"""e.epoch, e.txid::text txid, e.row_hmac, e.body,
    json_build_object({_COLUMNS})::text columns"""
_SETTINGS = {
    "sanzhi.scope": "*",  # see every row where row-level security is on
    "statement_timeout": "0",
    # walk along the primary keys instead of sorting a whole trail on disk
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_sort": "off",
    "jit": "off",  # the costs above would start it
}
_HEADER = f"""select (select max(epoch) from core.audit_epoch) epoch, {_TIME.format("clock_timestamp()")} at,
    pg_snapshot_xmin(s)::text xmin, pg_snapshot_xmax(s)::text xmax from pg_current_snapshot() s"""
_SEALS = f"""select n, epoch, lo, hi, count, size, encode(root, 'hex') root, encode(prev, 'hex') prev,
    {_TIME.format("sealed_at")} sealed_at, key_id, encode(signature, 'hex') signature,
    (select array_agg(encode(node, 'hex') order by place)
     from unnest(frontier) with ordinality f(node, place)) frontier
    from core.audit_seal order by n"""
_LEAVES = f"""select l.leaf_no, l.entry_id::text entry_id, encode(l.leaf_hash, 'hex') leaf_hash, e.id,
    {_ENTRY} from core.audit_leaf l left join core.audit_entry e on e.id = l.entry_id order by l.leaf_no"""
_UNSEALED = f"""select {_ENTRY} from core.audit_entry e
    where not exists (select from core.audit_leaf l where l.entry_id = e.id) order by e.epoch, e.txid, e.id"""


async def read_database(conn: Any) -> AsyncIterator[Record]:
    """The records of a trail, from one snapshot.

    `conn`: an asyncpg connection without an open transaction, of a role that may read the audit tables.
    """
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        for setting, value in _SETTINGS.items():
            await conn.execute("select set_config($1, $2, true)", setting, value)
        row = await conn.fetchrow(_HEADER)
        snapshot = {"epoch": row["epoch"], "xmin": int(row["xmin"]), "xmax": int(row["xmax"])}
        yield {"kind": "header", "format": FORMAT, "at": row["at"], **snapshot}
        counts = {"entries": 0, "seals": 0, "unsealed": 0}
        leaves = _rows(conn, _LEAVES)
        leaf = await anext(leaves, None)
        async for row in _rows(conn, _SEALS):
            while leaf is not None and leaf["leaf_no"] < (row["size"] or 0):
                counts["entries"] += 1
                yield _leaf_record(leaf)
                leaf = await anext(leaves, None)
            counts["seals"] += 1
            yield {"kind": "seal", **row, "frontier": row["frontier"] or []}
        while leaf is not None:
            counts["entries"] += 1
            yield _leaf_record(leaf)
            leaf = await anext(leaves, None)
        async for row in _rows(conn, _UNSEALED):
            counts["unsealed"] += 1
            yield {"kind": "entry", "entry": _entry_record(row)}
        yield {"kind": "end", **counts}


async def _rows(conn: Any, query: str) -> AsyncIterator[Any]:
    cursor = await conn.cursor(query)
    while rows := await cursor.fetch(1000):
        for row in rows:
            yield row


def _leaf_record(row: Any) -> Record:
    leaf = {name: row[name] for name in ("leaf_no", "entry_id", "leaf_hash")}
    return {"kind": "leaf", **leaf, "entry": None if row["id"] is None else _entry_record(row)}


def _entry_record(row: Any) -> Record:
    return {
        "epoch": row["epoch"],
        "txid": None if row["txid"] is None else int(row["txid"]),
        "row_hmac": None if row["row_hmac"] is None else row["row_hmac"].hex(),
        "body": None if row["body"] is None else row["body"].hex(),
        "columns": json.loads(row["columns"]),
    }


def read_export(path: Path | str) -> Iterator[Record]:
    """The records of an export file (JSON lines). A line that is no JSON comes as an empty record."""
    with open(path, "rb") as file:
        yield from map(_parsed, file)


def read_checkpoints(path: Path | str) -> list[Record]:
    """The lines of a checkpoint file, none if there is no file.

    A torn last line (power cut) was never published and is left out.
    """
    try:
        return [_parsed(line) for line in Path(path).read_bytes().split(b"\n")[:-1]]
    except FileNotFoundError:
        return []


def _parsed(line: bytes) -> Record:
    try:
        return json.loads(line)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        return {}


def read_public_keys(path: Path | str) -> list[Ed25519PublicKey]:
    """Ed25519 keys of a PEM file with one or more of them. Raises ValueError."""
    pem = Path(path).read_bytes()
    blocks = re.findall(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", pem, re.DOTALL)
    keys = [load_pem_public_key(block) for block in blocks]
    found = [key for key in keys if isinstance(key, Ed25519PublicKey)]
    if not found or len(found) != len(keys):
        raise ValueError(f"{path}: no Ed25519 public key in PEM form")
    return found


def read_hmac_keys(path: Path | str) -> dict[str, bytes]:
    """HMAC keys of a file of lines `key_id hex`. Raises ValueError."""
    lines = [line.split() for line in Path(path).read_text().splitlines() if line.strip()]
    return {name: unhex(key, 32) for name, key in lines}


async def verify_database(conn: Any, checker: Checker) -> Report:
    """Check the trail behind an asyncpg connection (see `read_database`)."""
    import asyncpg

    try:
        async for record in read_database(conn):
            checker.feed(record)
    except (asyncpg.PostgresError, KeyError, TypeError, ValueError) as error:
        checker.report.add("UNREADABLE", "database", f"{type(error).__name__}: {error}")
    return checker.finish()


def verify_export(path: Path | str, checker: Checker) -> Report:
    """Check an export file."""
    for record in read_export(path):
        checker.feed(record)
    return checker.finish()


async def _verify_url(url: str, checker: Checker) -> Report:
    import asyncpg

    try:
        conn = await asyncpg.connect(url.replace("postgresql+asyncpg://", "postgresql://", 1))
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ValueError(f"no connection: {error}") from None
    try:
        return await verify_database(conn, checker)
    finally:
        await conn.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="verifier.py", description="Verify a Sanzhi audit trail.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--url", help="database of the trail (asyncpg is needed)")
    source.add_argument("--export", type=Path, help="export file of the trail")
    memory = parser.add_mutually_exclusive_group(required=True)
    memory.add_argument("--checkpoints", type=Path, help="checkpoint file kept outside the database")
    memory.add_argument("--no-checkpoints", action="store_true", help="verify without any outside memory")
    parser.add_argument("--public-key", type=Path, required=True, help="PEM file of the sealing keys")
    parser.add_argument("--hmac-key", type=Path, help="secret file of the row keys")
    parser.add_argument("--head", action="append", default=[], metavar="N:SIZE:ROOT", help="a printed head")
    parser.add_argument("--max-lag", type=int, metavar="SECONDS", help="longest wait of an unsealed entry")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    args = parser.parse_args(argv)
    try:
        checker = Checker(
            read_public_keys(args.public_key),
            None if args.no_checkpoints else read_checkpoints(args.checkpoints),
            hmac_keys=read_hmac_keys(args.hmac_key) if args.hmac_key else None,
            heads=args.head,
            max_lag=args.max_lag,
        )
        if args.export:
            report = verify_export(args.export, checker)
        else:
            report = asyncio.run(_verify_url(args.url, checker))
    except (OSError, ValueError) as error:
        print(f"verifier: {error}", file=sys.stderr)
        return 2
    print(json.dumps(report.as_dict(), ensure_ascii=False) if args.json else report.text())
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
