"""The PostgreSQL processes of one cluster folder, whoever started them.

A process id alone proves nothing: after a crash or in a new container it may be anybody's. A process counts
when it is a `postgres` whose working folder is the cluster.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PORT = 5432
"""Names the socket file; nothing listens on it unless the administrator sets listen_addresses."""
_ORPHAN_GRACE_S = 3.0


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What `postmaster.pid` says; `status` is starting, ready, stopping, …"""

    pid: int
    port: int
    socket_folder: Path
    status: str


def postmaster_of(cluster: Path) -> Postmaster | None:
    """The living server of `cluster`, or None."""
    try:
        lines = read_there(cluster / "postmaster.pid").splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    if not works_in(cluster, pid):
        return None
    if len(lines) < 8:
        return Postmaster(pid, PORT, Path(), "starting")
    return Postmaster(pid, int(lines[3]), Path(lines[4]), lines[7].strip())


def works_in(cluster: Path, pid: int) -> bool:
    """True when `pid` is a PostgreSQL process of `cluster`."""
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        return name == "postgres" and os.path.samefile(f"/proc/{pid}/cwd", cluster)
    except OSError:
        return False


def clear_after_crash(cluster: Path, sockets: Path) -> None:
    """Make way for a start when no postmaster lives: its children must be gone, its process id free.

    Raises TimeoutError when a process of the crashed server cannot be ended.
    """

    def orphans() -> list[int]:
        return [
            int(p.name)
            for p in Path("/proc").iterdir()
            if p.name.isdigit() and works_in(cluster, int(p.name))
        ]

    if not wait(lambda: not orphans(), time.monotonic() + _ORPHAN_GRACE_S):
        # A busy statement does not notice that its postmaster died, and no new one can start beside it.
        for pid in orphans():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not wait(lambda: not orphans(), time.monotonic() + _ORPHAN_GRACE_S):
            raise TimeoutError(f"processes {orphans()} of a crashed PostgreSQL still use {cluster}")
    # PostgreSQL takes any living process with the recorded id for its predecessor and refuses to start. Else
    # the file stays: PostgreSQL's own check of the old shared memory needs it.
    lock = cluster / "postmaster.pid"
    recorded = read_there(lock).partition("\n")[0] if lock.exists() else ""
    if recorded.isdigit() and Path("/proc", recorded).exists():
        for stale in (lock, *sockets.glob(".s.PGSQL.*")):
            stale.unlink(missing_ok=True)


def log_tail(cluster: Path) -> str:
    """The last lines of the newest two logs, for an error message."""
    logs = [p for p in (cluster / "startup.log", *(cluster / "log").glob("*.log")) if p.exists()]
    newest = sorted(logs, key=lambda p: p.lstat().st_mtime)[-2:]
    return "\n".join(read_there(path, tail=2000).strip() for path in newest)


def read_there(path: Path, *, tail: int | None = None) -> str:
    """Text of a file in the cluster; root must not follow a link that the account put there."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        if tail is not None:
            file.seek(max(0, os.fstat(file.fileno()).st_size - tail))
        return file.read().decode(errors="replace")


def wait(done: Callable[[], bool], deadline: float) -> bool:
    """Ask `done` until it is true (True) or the monotonic clock passes `deadline` (False)."""
    while not done():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True
