"""Outside memory of the trail: seals copied to a file on other storage, and the head as printed text.

Truncation and rollback of a database can only be seen from outside it (reliability.md §3.5).
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from sanzhi_core.audit.canonical import canonical_bytes
from sanzhi_core.audit.seal import Seal, last_seal

if TYPE_CHECKING:
    from sanzhi_core.audit.seal import Connection


class CheckpointError(Exception):
    """The seal does not continue the published ones: the database was rolled back or the file is damaged."""


def line(seal: Seal) -> bytes:
    """One checkpoint as a line of JSON: the whole signed seal, so that it can be checked by itself."""
    return canonical_bytes({name: getattr(seal, name) for name in Seal.__dataclass_fields__}) + b"\n"


def parse(text: bytes | str) -> Seal:
    """The seal of one line. Raises CheckpointError."""
    try:
        data = json.loads(text)
        data |= {name: bytes.fromhex(data[name]) for name in ("root", "prev", "signature")}
        return Seal(**data | {"sealed_at": datetime.fromisoformat(data["sealed_at"])})
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"not a checkpoint ({type(error).__name__})") from None


async def publish(conn: Connection, path: Path | str) -> bool:
    """Append the newest committed seal; False when there is none, or it is there already.

    Call it after the sealing transaction committed. The file is locked before the database is asked, so several
    processes that publish to one file never overtake each other. Raises CheckpointError like `append`.
    """
    file = await asyncio.to_thread(_open, path)
    with file:
        seal = await last_seal(conn)
        return await asyncio.to_thread(_append, file, seal)


def append(path: Path | str, seal: Seal) -> bool:
    """Append one committed seal, on the disk when this returns; False when it is in the file already.

    Raises CheckpointError when the file knows a newer seal, or another one of this number. A seal that was read
    before another process published a newer one would look like that: use `publish` where several processes seal.
    """
    with _open(path) as file:
        try:
            return _append(file, seal)
        except CheckpointError:
            file.seek(0)
            if line(seal) in file.readlines():
                return False
            raise


def _open(path: Path | str) -> FileIO:
    """The file, locked until it is closed."""
    file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644), "r+")
    fcntl.flock(file.fileno(), fcntl.LOCK_EX)
    return file


def _append(file: FileIO, seal: Seal | None) -> bool:
    known = _last(file.fileno())
    if known is not None and known != seal and (seal is None or known.n >= seal.n or known.size > seal.size):
        found = "no seal" if seal is None else f"seal {seal.n} (size {seal.size})"
        raise CheckpointError(
            f"seal {known.n} (size {known.size}) was published, now the database has {found}: "
            "it was rolled back; run the verifier"
        )
    if seal is None or seal == known:
        return False
    file.write(line(seal))
    os.fsync(file.fileno())
    return True


def head_text(seal: Seal) -> str:
    """The head to print, sign and keep on paper; `head_line` is what the verifier takes as `--head`."""
    root = seal.root.hex()
    groups = [root[i : i + 8] for i in range(0, 64, 8)]
    return "\n".join(
        (
            "三治平台审计日志封存头 Sanzhi audit head",
            f"封存序号 seal        {seal.n}",
            f"累计记录 entries     {seal.size}",
            f"封存时间 sealed at   {seal.sealed_at:%Y-%m-%d %H:%M:%S} UTC",
            f"根哈希 root          {' '.join(groups[:4])}",
            f"                     {' '.join(groups[4:])}",
            f"密钥编号 key         {seal.key_id}",
            f"核验参数 --head      {head_line(seal)}",
        )
    )


def head_line(seal: Seal) -> str:
    """`n:size:root` in one word."""
    return f"{seal.n}:{seal.size}:{seal.root.hex()}"


def _last(fd: int) -> Seal | None:
    """Last checkpoint of the open file. A torn last line (power cut) was never published and is cut off."""
    end = os.fstat(fd).st_size
    start = max(0, end - 65536)
    tail = os.pread(fd, end - start, start)
    whole = tail.rfind(b"\n") + 1
    if whole < len(tail):
        if whole == 0 and start > 0:
            raise CheckpointError("not a checkpoint file")
        os.ftruncate(fd, start + whole)
    lines = tail[:whole].splitlines()
    return parse(lines[-1]) if lines else None
