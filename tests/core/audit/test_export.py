from __future__ import annotations

import asyncio
import json
import os
import random
import stat
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sanzhi_core.audit import verifier
from sanzhi_core.audit.export import export


def _verify(trail: Any, path: Path, *more: str) -> int:
    files = {"--export": path, "--checkpoints": trail.checkpoints, "--public-key": trail.public_key}
    return verifier.main([text for pair in files.items() for text in map(str, pair)] + list(more))


@pytest.fixture
async def exported(trail: Any, fill: Any, tmp_path: Path) -> Path:
    await fill(trail, 12, 3)
    await trail.write(trail.entry())
    path = tmp_path / "export.jsonl"
    assert await export(trail.owner, path) == {"entries": 12, "seals": 3, "unsealed": 1}
    return path


async def test_an_export_is_verified_away_from_the_database(trail: Any, exported: Path, capsys: Any) -> None:
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    assert _verify(trail, exported, "--hmac-key", str(trail.hmac_key), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["ok"], report["entries"], report["seals"], report["unsealed"]) == (True, 12, 3, 1)
    assert report["warnings"] == []
    assert _verify(trail, exported) == 0
    assert "row HMACs were not checked" in capsys.readouterr().out


async def test_a_failed_export_leaves_the_old_file(trail: Any, exported: Path) -> None:
    before = exported.read_bytes()
    await trail.owner.execute("drop table core.audit_seal")
    with pytest.raises(asyncpg.UndefinedTableError):
        await export(trail.owner, exported)
    assert exported.read_bytes() == before
    assert [name for name in os.listdir(exported.parent) if "export" in name] == ["export.jsonl"]


async def test_damage_to_any_line_of_an_export_is_seen(trail: Any, exported: Path) -> None:
    """Random bits of the text, lost lines, a cut file; the header alone is nothing that was signed."""
    lines = exported.read_bytes().splitlines(keepends=True)
    rng = random.Random(5)
    tried = 0

    def noticed(content: list[bytes]) -> bool:
        bad = exported.with_name("damaged.jsonl")
        bad.write_bytes(b"".join(content))
        return not verifier.verify_export(bad, trail.checker()).ok

    for index, line in enumerate(lines[1:], 1):
        assert noticed([*lines[:index], *lines[index + 1 :]])
        assert noticed([*lines[:index], line, *lines[index:]])
        assert noticed(lines[:index])
        for bit in rng.sample(range((len(line) - 1) * 8), 40):
            damaged = bytearray(line)
            damaged[bit // 8] ^= 1 << bit % 8
            assert noticed([*lines[:index], bytes(damaged), *lines[index + 1 :]]), bytes(damaged)
            tried += 1
    assert tried == 40 * 17
    assert noticed(lines[1:])
    assert noticed([])


@pytest.mark.parametrize(
    "arguments",
    [
        ["--export", "none.jsonl"],
        ["--export", "{export}", "--head", "1:2"],
        ["--export", "{export}", "--hmac-key", "{checkpoints}"],
        ["--url", "postgresql://nobody@127.0.0.1:1/none"],
    ],
)
async def test_what_cannot_run_is_no_verdict(
    trail: Any, exported: Path, capsys: Any, arguments: list[str]
) -> None:
    names = {"export": exported, "checkpoints": trail.checkpoints}
    given = [text.format(**names) for text in arguments]
    files = ["--checkpoints", str(trail.checkpoints), "--public-key", str(trail.public_key)]
    assert await asyncio.to_thread(verifier.main, [*given, *files]) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.startswith("verifier: ")


def test_a_key_that_is_none_is_refused(tmp_path: Path, capsys: Any) -> None:
    pem = tmp_path / "key.pem"
    for text in ("", "hello", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        pem.write_text(text)
        arguments = ["--export", str(pem), "--no-checkpoints", "--public-key", str(pem)]
        assert verifier.main(arguments) == 2
    with pytest.raises(SystemExit):
        verifier.main(["--export", "x", "--public-key", "x"])
    assert "--checkpoints" in capsys.readouterr().err
