"""The whole trail as a file of JSON lines, for an auditor who gets no access to the database."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from sanzhi_core.audit.verifier import read_database

if TYPE_CHECKING:
    import asyncpg

BATCH = 1000


async def export(conn: asyncpg.Connection[Any], path: Path | str) -> dict[str, int]:
    """Write what the verifier reads with `--export`; returns how many entries, seals and unsealed entries.

    Streams from one snapshot; `conn` has no open transaction. The file (mode 0600: it tells who did what)
    appears when it is complete and replaces an older one.

    To verify it, take a copy of the checkpoint file BEFORE the export: one that is newer than the snapshot looks
    like a rollback.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    lines: list[bytes] = []
    record: dict[str, Any] = {}
    try:
        with _create(part) as file:
            async for record in read_database(conn):
                lines.append(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
                if len(lines) >= BATCH:
                    await asyncio.to_thread(file.writelines, lines)
                    lines = []
            await asyncio.to_thread(_complete, file, lines)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return {name: record[name] for name in ("entries", "seals", "unsealed")}


def _create(part: Path) -> BinaryIO:
    return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _complete(file: BinaryIO, lines: list[bytes]) -> None:
    file.writelines(lines)
    file.flush()
    os.fsync(file.fileno())
