"""Exhaustive mutations of a trail of 64 entries: none may pass (reliability.md, row 5).

Records before a mutation are checked once; each mutation goes on from a copy of that state and stops at the
first problem found, so that all of them fit into seconds (`test_going_on_from_a_copy_changes_nothing` guards
the trick).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from sanzhi_core.audit import checkpoint, verifier
from sanzhi_core.audit.keys import Keys
from sanzhi_core.audit.verifier import Checker, Record, Report, Tree

ENTRIES, SEALS = 64, 9


class Kept:
    """One trail as the verifier reads it, and the checkers as they stand before each record."""

    def __init__(self, records: list[Record], new_checker: Callable[..., Checker], keys: Keys) -> None:
        self.records, self.new_checker, self.keys = records, new_checker, keys
        self.before: list[Checker] = []
        checker = new_checker()
        for record in records:
            self.before.append(_fork(checker))
            checker.feed(record)
        self.report = checker.finish()
        self.leaves = [i for i, record in enumerate(records) if record["kind"] == "leaf"]
        self.seals = [i for i, record in enumerate(records) if record["kind"] == "seal"]

    def passes(self, start: int, records: Iterable[Record]) -> bool:
        """Whether the trail with everything from `start` on replaced by `records` goes unnoticed."""
        checker = _fork(self.before[start])
        for record in records:
            checker.feed(record)
            if checker.report.problem_count:
                return False
        return checker.finish().ok

    def changed(self, index: int, **fields: Any) -> bool:
        """Whether record `index` with other fields goes unnoticed."""
        record = self.records[index] | fields
        return self.passes(index, _chain([record], self.records[index + 1 :]))

    def spliced(self, start: int, stop: int, new: list[Record]) -> bool:
        """Whether records `start:stop` replaced by `new` go unnoticed, leaf numbers and counts made right."""
        records = _renumbered([*self.records[:start], *new, *self.records[stop:]])
        return self.passes(start, records[start:])


def _chain(*parts: Iterable[Record]) -> Iterator[Record]:
    for part in parts:
        yield from part


def _fork(checker: Checker) -> Checker:
    twin = copy.copy(checker)
    twin.report = Report(
        entries=checker.report.entries, seals=checker.report.seals, unsealed=checker.report.unsealed
    )
    assert checker.report.problem_count == 0
    twin.tree = Tree()
    twin.tree.size, twin.tree.nodes = checker.tree.size, checker.tree.nodes[:]
    return twin


def _renumbered(records: list[Record]) -> list[Record]:
    """Leaf numbers without a gap and an end record that fits: what an attacker would care for."""
    out, leaves, seals = [], 0, 0
    for record in records:
        if record["kind"] == "leaf":
            record = record | {"leaf_no": leaves}
            leaves += 1
        seals += record["kind"] == "seal"
        if record["kind"] == "end":
            record = record | {"entries": leaves, "seals": seals}
        out.append(record)
    return out


def _flips(text: str, every: int = 1, first: int = 0) -> Iterator[str]:
    """Hex text with each bit flipped, or each `every`-th from `first`."""
    for bit in range(first, len(text) * 4, every):
        digit = bit // 4
        yield text[:digit] + f"{int(text[digit], 16) ^ (1 << bit % 4):x}" + text[digit + 1 :]


@pytest.fixture
async def kept(new_trail: Any, fill: Any) -> Kept:
    trail = await new_trail()
    await fill(trail, ENTRIES, SEALS)
    made = Kept(await trail.records(), trail.checker, trail.keys)
    assert made.report.ok, made.report.text()
    assert (len(made.leaves), len(made.seals)) == (ENTRIES, SEALS)
    return made


def _entry_with(record: Record, **fields: Any) -> Record:
    return record["entry"] | fields


def _bit_flips(kept: Kept) -> Iterator[tuple[str, bool]]:
    for place, index in enumerate(kept.leaves):
        record = kept.records[index]
        entry = record["entry"]
        for text in _flips(record["leaf_hash"]):
            yield "leaf_hash", kept.changed(index, leaf_hash=text)
        for text in _flips(entry["row_hmac"]):
            yield "row_hmac", kept.changed(index, entry=entry | {"row_hmac": text})
        # every bit of some bodies, every bit of the others' places once in 16 entries
        every, offset = (1, 0) if place % 32 == 0 else (16, place % 16)
        for text in _flips(entry["body"], every, offset):
            yield "body", kept.changed(index, entry=entry | {"body": text})
        for bit in range(31):
            yield "epoch", kept.changed(index, entry=entry | {"epoch": entry["epoch"] ^ (1 << bit)})
        for bit in range(63):
            yield "txid", kept.changed(index, entry=entry | {"txid": entry["txid"] ^ (1 << bit)})
    for index in kept.seals:
        record = kept.records[index]
        for name in ("root", "prev", "signature", "key_id"):
            for text in _flips(record[name]):
                yield name, kept.changed(index, **{name: text})
        for name in ("n", "epoch", "lo", "hi", "count", "size"):
            for bit in range(63):
                yield name, kept.changed(index, **{name: record[name] ^ (1 << bit)})
        for place, node in enumerate(record["frontier"]):
            for text in _flips(node):
                frontier = [*record["frontier"][:place], text, *record["frontier"][place + 1 :]]
                yield "frontier", kept.changed(index, frontier=frontier)
        for place in range(len(record["sealed_at"])):
            text = record["sealed_at"]
            yield (
                "sealed_at",
                kept.changed(
                    index, sealed_at=f"{text[:place]}{chr(ord(text[place]) ^ 1)}{text[place + 1 :]}"
                ),
            )


def _other_values(value: Any) -> Iterator[Any]:
    """Values that differ from a column's value, also those that compare equal in a careless verifier."""
    if isinstance(value, str):
        for place, letter in list(enumerate(value))[len(value) % 2 :: 2]:
            yield f"{value[:place]}{chr(ord(letter) ^ 1)}{value[place + 1 :]}"
        yield from (value.upper() + "X", value + " ", value[:-1], "", None)
    elif isinstance(value, list):
        yield from ([], [*value, *value], [{}], None, {})
        for place, change in enumerate(value):
            for name in change:
                yield [*value[:place], {k: v for k, v in change.items() if k != name}, *value[place + 1 :]]
                for other in (None, 1, True, [], "x"):
                    if json.dumps(change[name]) != json.dumps(other):
                        yield [*value[:place], change | {name: other}, *value[place + 1 :]]
            values = change["values"]
            for other in (values | {"n": float(values["n"])}, values | {"all": 1}, values | {"gone": False}):
                yield [*value[:place], change | {"values": other}, *value[place + 1 :]]
    else:
        yield from ("", "x", 0, False, [])


def _column_changes(kept: Kept) -> Iterator[tuple[str, bool]]:
    for index in kept.leaves:
        entry = kept.records[index]["entry"]
        columns = entry["columns"]
        for name, value in columns.items():
            for other in _other_values(value):
                if other == value and type(other) is type(value) and not isinstance(other, list):
                    continue
                yield name, kept.changed(index, entry=entry | {"columns": columns | {name: other}})
            fewer = {key: kept_value for key, kept_value in columns.items() if key != name}
            yield "column away", kept.changed(index, entry=entry | {"columns": fewer})
        yield "column more", kept.changed(index, entry=entry | {"columns": columns | {"more": 1}})
        yield "entry away", kept.changed(index, entry=None)
        for other_index in kept.leaves:
            if other_index != index:
                other = kept.records[other_index]
                yield "entry of another", kept.changed(index, entry=other["entry"])
                yield "id of another", kept.changed(index, entry_id=other["entry_id"])


def _structure(kept: Kept) -> Iterator[tuple[str, bool]]:
    records, leaves, seals = kept.records, kept.leaves, kept.seals
    for index in (*leaves, *seals):
        yield "delete", kept.passes(index, records[index + 1 :])
        yield "delete, renumbered", kept.spliced(index, index + 1, [])
    for index in leaves:
        for other in leaves:
            twin = records[other]
            yield "duplicate", kept.spliced(index, index, [twin])
            if other != index:
                yield "replace", kept.spliced(index, index + 1, [twin])
            if other > index:
                between = records[index + 1 : other]
                yield "reorder", kept.spliced(index, other + 1, [twin, *between, records[index]])
        fresh = json.loads(json.dumps(records[index]))
        fresh["entry"]["txid"] += 1
        yield "insert", kept.spliced(index, index, [fresh])
    for place, index in enumerate(seals):
        yield "duplicate seal", kept.spliced(index, index, [records[index]])
        for other in seals[place + 1 :]:
            between = records[index + 1 : other]
            yield "reorder seals", kept.spliced(index, other + 1, [records[other], *between, records[index]])
        yield "merge seals", kept.spliced(index, index + 1, [])
        # truncation to each earlier seal, and to each leaf after it
        for stop in range(index + 1 if place + 1 < len(seals) else index, index + 2):
            if stop < len(records) - 1:
                yield "truncate", kept.spliced(stop, len(records) - 1, [])
    for stop in range(1, len(records) - 1):
        yield "truncate", kept.spliced(stop, len(records) - 1, [])
        yield "end missing", kept.passes(stop, [])


def _rewritten(records: list[Record], keys: Keys, first: int, *, name: str) -> list[Record]:
    """The trail from leaf `first` on rewritten with every hash, chain and signature recomputed by `keys`."""
    tree, last, out = Tree(), None, []
    public = verifier.public_key_id(keys.seal.signer.public_key())
    for record in records:
        if record["kind"] == "leaf":
            if record["leaf_no"] == first:
                columns = record["entry"]["columns"] | {"reason": "nothing happened"}
                body = verifier.canonical(columns | {"v": 1})
                mac = bytes.fromhex(record["entry"]["row_hmac"])
                data = (record["entry"]["epoch"]).to_bytes(4, "big")
                data += record["entry"]["txid"].to_bytes(8, "big") + mac + body
                leaf = verifier.hashlib.sha256(b"\x00" + data).hexdigest()
                entry = _entry_with(record, columns=columns, body=body.hex())
                record = record | {"entry": entry, "leaf_hash": leaf}
            tree.append(bytes.fromhex(record["leaf_hash"]))
        if record["kind"] == "seal" and tree.size > first:
            record = record | {"root": tree.root(), "frontier": [node.hex() for node in tree.nodes]}
            record |= {"prev": verifier.seal_digest(last) if last else verifier.GENESIS}
            record |= {"key_id": public if name == "own" else record["key_id"]}
            message = verifier.seal_message(record)
            record |= {"signature": keys.seal.signer.sign(message).hex()}
        if record["kind"] == "seal":
            last = record
        out.append(record)
    return out


def _rewrites(kept: Kept) -> Iterator[tuple[str, bool]]:
    attacker = Keys.generate()
    for first in range(ENTRIES):
        for name in ("own", "claimed"):
            forged = _rewritten(kept.records, attacker, first, name=name)
            start = kept.leaves[first]
            yield f"full rewrite, {name} key", kept.passes(start, forged[start:])


def test_no_bit_flips_unnoticed(kept: Kept) -> None:
    _none_passes(_bit_flips(kept), at_least=50_000)


def test_no_column_changes_unnoticed(kept: Kept) -> None:
    _none_passes(_column_changes(kept), at_least=20_000)


def test_nothing_is_deleted_inserted_or_reordered_unnoticed(kept: Kept) -> None:
    _none_passes(_structure(kept), at_least=10_000)


def test_nothing_is_rewritten_unnoticed_without_the_signing_key(kept: Kept) -> None:
    _none_passes(_rewrites(kept), at_least=2 * ENTRIES)


async def test_nothing_is_swapped_between_two_trails_unnoticed(kept: Kept, new_trail: Any, fill: Any) -> None:
    """Even when both were sealed with the same keys."""
    other = await new_trail(keys=kept.keys)
    await fill(other, ENTRIES, SEALS, seed=2)
    theirs = Kept(await other.records(), other.checker, other.keys)
    assert theirs.report.ok

    def swaps() -> Iterator[tuple[str, bool]]:
        for mine in kept.leaves:
            for foreign in theirs.leaves:
                record = theirs.records[foreign]
                yield "leaf", kept.spliced(mine, mine + 1, [record])
                yield "entry", kept.changed(mine, entry=record["entry"])
        for mine in kept.seals:
            for foreign in theirs.seals:
                yield "seal", kept.spliced(mine, mine + 1, [theirs.records[foreign]])
                rest = theirs.records[foreign + 1 :]
                if len(rest) > 1:
                    yield "rest of the chain", kept.spliced(mine + 1, len(kept.records), rest)
        yield "all", kept.spliced(1, len(kept.records), theirs.records[1:])

    _none_passes(swaps(), at_least=8_000)


def _none_passes(outcomes: Iterator[tuple[str, bool]], *, at_least: int) -> None:
    tried, passed = 0, []
    for name, unnoticed in outcomes:
        tried += 1
        if unnoticed:
            passed.append(name)
    assert passed == []
    assert tried >= at_least, tried


def test_going_on_from_a_copy_changes_nothing(kept: Kept) -> None:
    """Positive control of the shortcut: untouched records pass from every place, and whole runs agree."""
    for start in range(len(kept.records)):
        assert kept.passes(start, kept.records[start:])
    for index in (*kept.leaves[::16], *kept.seals[::3]):
        records = [*kept.records[:index], *kept.records[index + 1 :]]
        checker = kept.new_checker()
        for record in records:
            checker.feed(record)
        assert not checker.finish().ok


class NoChain(Checker):
    """A verifier that forgets the chain of seals."""

    def check_chain(self, seal: Record, where: str) -> None:
        """Nothing."""


def test_a_verifier_without_the_chain_would_miss_a_seal_of_a_fork(kept: Kept) -> None:
    """Positive control: a seal replaced by one that was also signed with our key (a fork of the database)."""
    index = kept.seals[3]
    fork = checkpoint.parse(json.dumps({name: kept.records[index][name] for name in verifier.SEAL}))
    fork = replace(fork, sealed_at=fork.sealed_at.replace(year=2020))
    fork = replace(fork, signature=kept.keys.seal.signer.sign(fork.message()))
    forged = json.loads(checkpoint.line(fork)) | {
        name: kept.records[index][name] for name in ("kind", "frontier")
    }
    records = [*kept.records[:index], forged, *kept.records[index + 1 :]]

    def codes(kind: type[Checker], **options: Any) -> set[str]:
        checker = kept.new_checker(kind, **options)
        for record in records:
            checker.feed(record)
        return {problem.code for problem in checker.finish().problems}

    assert codes(NoChain, checkpoints=None) == set()
    assert codes(Checker, checkpoints=None) == {"CHAIN"}
    assert codes(NoChain) == {"CHECKPOINT"}


def test_only_checkpoints_see_a_truncation(kept: Kept) -> None:
    """Positive control: the same truncated trail passes without outside memory and fails with it."""
    records = _renumbered([*kept.records[: kept.seals[5] + 1], kept.records[-1]])

    def codes(**options: Any) -> set[str]:
        checker = kept.new_checker(**options)
        for record in records:
            checker.feed(record)
        return {problem.code for problem in checker.finish().problems}

    assert codes(checkpoints=None) == set()
    assert codes() == {"ROLLED_BACK"}
    last = kept.records[kept.seals[-1]]
    head = f"{last['n']}:{last['size']}:{last['root']}"
    assert codes(checkpoints=None, heads=[head]) == {"ROLLED_BACK"}
