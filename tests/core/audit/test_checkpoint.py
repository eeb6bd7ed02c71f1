from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sanzhi_core.audit import checkpoint, seal, verifier
from sanzhi_core.audit.checkpoint import CheckpointError


@pytest.fixture
async def seals(trail: Any, fill: Any) -> list[seal.Seal]:
    """Three signed seals of one trail."""
    await fill(trail, 9, 3)
    found = [checkpoint.parse(line) for line in trail.checkpoints.read_bytes().splitlines()]
    assert [one.n for one in found] == [1, 2, 3]
    return found


def test_a_line_comes_back_as_it_was(seals: list[seal.Seal]) -> None:
    for one in seals:
        assert checkpoint.parse(checkpoint.line(one)) == one
        assert checkpoint.line(one).count(b"\n") == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"n": 1}', "\x00"])
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(CheckpointError):
        checkpoint.parse(text)


def test_the_file_only_grows_and_publishing_twice_is_harmless(tmp_path: Path, seals: list[seal.Seal]) -> None:
    path = tmp_path / "checkpoints.jsonl"
    assert [checkpoint.append(path, one) for one in (*seals[:2], seals[1], seals[2])] == [
        True,
        True,
        False,
        True,
    ]
    assert path.read_bytes() == b"".join(map(checkpoint.line, seals))


@pytest.mark.parametrize("change", ["older", "same number, other root", "newer, but smaller"])
def test_a_database_that_went_back_is_refused(tmp_path: Path, seals: list[seal.Seal], change: str) -> None:
    path = tmp_path / "checkpoints.jsonl"
    checkpoint.append(path, seals[1])
    before = path.read_bytes()
    bad = {
        "older": seals[0],
        "same number, other root": replace(seals[1], root=bytes(32)),
        "newer, but smaller": replace(seals[2], size=seals[1].size - 1),
    }[change]
    with pytest.raises(CheckpointError, match="rolled back"):
        checkpoint.append(path, bad)
    assert path.read_bytes() == before


def test_an_old_seal_that_was_published_is_no_rollback(tmp_path: Path, seals: list[seal.Seal]) -> None:
    path = tmp_path / "checkpoints.jsonl"
    for one in seals:
        checkpoint.append(path, one)
    before = path.read_bytes()
    assert [checkpoint.append(path, one) for one in seals] == [False] * 3
    assert path.read_bytes() == before


async def test_publishers_never_overtake_each_other(trail: Any) -> None:
    """Four processes seal and publish to one file; each asks for the newest seal only under the file's lock."""

    async def work() -> None:
        conn = await trail.connect()
        try:
            for _ in range(15):
                await trail.write(trail.entry(), conn)
                await trail.seal(conn)
                await checkpoint.publish(conn, trail.checkpoints)
        finally:
            await conn.close()

    await asyncio.gather(*(work() for _ in range(4)))
    await trail.seal_all()
    await checkpoint.publish(trail.app, trail.checkpoints)
    assert not await checkpoint.publish(trail.app, trail.checkpoints)
    report = await trail.verify()
    assert report.ok, report.text()
    assert (report.entries, report.after_checkpoint) == (60, 0)
    assert report.checkpoints > 10


async def test_there_is_nothing_to_publish_before_the_first_seal(trail: Any) -> None:
    assert not await checkpoint.publish(trail.app, trail.checkpoints)
    assert trail.checkpoints.read_bytes() == b""


async def test_a_rolled_back_database_cannot_publish(trail: Any, seals: list[seal.Seal]) -> None:
    await trail.owner.execute("alter table core.audit_seal disable trigger all")
    await trail.owner.execute("delete from core.audit_seal where n = 3")
    before = trail.checkpoints.read_bytes()
    with pytest.raises(CheckpointError, match="rolled back"):
        await checkpoint.publish(trail.app, trail.checkpoints)
    assert await trail.codes() == {"ROLLED_BACK", "LEAF_WITHOUT_SEAL"}
    await trail.owner.execute("delete from core.audit_seal")
    with pytest.raises(CheckpointError, match="no seal"):
        await checkpoint.publish(trail.app, trail.checkpoints)
    await trail.owner.execute("alter table core.audit_leaf disable trigger all")
    await trail.owner.execute("delete from core.audit_leaf")
    await trail.seal_all()
    with pytest.raises(CheckpointError, match="rolled back"):
        await checkpoint.publish(trail.app, trail.checkpoints)
    assert trail.checkpoints.read_bytes() == before


def test_a_torn_last_line_is_cut_off(tmp_path: Path, seals: list[seal.Seal]) -> None:
    whole = checkpoint.line(seals[0])
    for length in (1, 100, len(checkpoint.line(seals[1])) - 1):
        path = tmp_path / f"torn-{length}.jsonl"
        path.write_bytes(whole + checkpoint.line(seals[1])[:length])
        assert verifier.read_checkpoints(path) == verifier.read_checkpoints(path)[:1]
        assert checkpoint.append(path, seals[1])
        assert path.read_bytes() == whole + checkpoint.line(seals[1])
    path = tmp_path / "torn-first.jsonl"
    path.write_bytes(whole[:50])
    assert verifier.read_checkpoints(path) == []
    assert checkpoint.append(path, seals[0])
    assert path.read_bytes() == whole


def test_a_damaged_or_foreign_file_is_not_written_to(tmp_path: Path, seals: list[seal.Seal]) -> None:
    for content in (b"hello\n", b"x" * 70_000):
        path = tmp_path / "other"
        path.write_bytes(content)
        with pytest.raises(CheckpointError):
            checkpoint.append(path, seals[0])
        assert path.read_bytes() == content


def test_it_is_on_the_disk_before_it_is_published(
    tmp_path: Path, seals: list[seal.Seal], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoints.jsonl"
    synced: list[bytes] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(path.read_bytes()), real(fd))[1])
    checkpoint.append(path, seals[0])
    assert synced == [checkpoint.line(seals[0])]


def test_the_printed_head_is_what_the_verifier_takes(trail: Any, seals: list[seal.Seal]) -> None:
    text = checkpoint.head_text(seals[-1])
    assert text.splitlines()[0].startswith("三治平台审计日志封存头")
    assert f"--head      {checkpoint.head_line(seals[-1])}" in text
    assert "".join(text.split()).count(seals[-1].root.hex()) == 2


async def test_every_earlier_checkpoint_is_compared(trail: Any, seals: list[seal.Seal]) -> None:
    """A consistency check to each of them, not only to the last (immudb GHSA-672p-m5jq-mrh8)."""
    assert (await trail.verify()).checkpoints == 3
    for index, one in enumerate(seals):
        forged = replace(one, root=one.prev, signature=b"")
        forged = replace(forged, signature=trail.keys.seal.signer.sign(forged.message()))
        lines = [checkpoint.line(forged if place == index else kept) for place, kept in enumerate(seals)]
        trail.checkpoints.write_bytes(b"".join(lines))
        assert await trail.codes() == {"CHECKPOINT"}


@pytest.mark.parametrize(
    ("damage", "codes"),
    [
        ("gone", {"CHECKPOINT_MISSING"}),
        ("empty", {"CHECKPOINT_MISSING"}),
        ("reversed", {"CHECKPOINT_ORDER"}),
        ("no JSON", {"BAD_CHECKPOINT"}),
        ("signature", {"SIGNATURE", "CHECKPOINT"}),
        ("last line away, head on paper", {"CHECKPOINT_MISSING"}),
    ],
)
async def test_damage_to_the_checkpoints_is_seen(
    trail: Any, seals: list[seal.Seal], damage: str, codes: set[str]
) -> None:
    lines = [checkpoint.line(one) for one in seals]
    content = {
        "gone": None,
        "empty": b"",
        "reversed": b"".join(reversed(lines)),
        "no JSON": b"".join([lines[0], b"?\n", lines[2]]),
        "signature": b"".join([lines[0], checkpoint.line(replace(seals[1], signature=bytes(64))), lines[2]]),
        "last line away, head on paper": b"".join(lines[:2]),
    }[damage]
    if content is None:
        trail.checkpoints.unlink()
    else:
        trail.checkpoints.write_bytes(content)
    heads = [checkpoint.head_line(seals[-1])] if "paper" in damage else []
    assert await trail.codes(heads=heads) == codes


async def test_a_head_on_paper_is_compared(trail: Any, seals: list[seal.Seal]) -> None:
    good = [checkpoint.head_line(one) for one in seals]
    assert (await trail.verify(heads=good)).ok
    for one in seals:
        for bad in (f"{one.n}:{one.size + 1}:{one.root.hex()}", f"{one.n}:{one.size}:{one.prev.hex()}"):
            assert await trail.codes(heads=[bad]) == {"HEAD"}
