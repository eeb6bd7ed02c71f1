"""The PostgreSQL processes of one cluster folder, whoever started them.

A process id alone proves nothing: after a crash or in a new container it may be anybody's. A process counts
when it is a `postgres` whose working folder is the cluster.
"""

import os
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PORT = 5432
"""Names the socket file; nothing listens on it unless the administrator sets listen_addresses."""

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""The shortest message of the protocol that gets a reply without signing in."""


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
    if pid <= 1 or not works_in(cluster, pid):  # 0 and below would name whole groups of processes
        return None
    if len(lines) < 8:
        return Postmaster(pid, PORT, Path(), "starting")
    return Postmaster(pid, int(lines[3]), Path(lines[4]), lines[7].strip())


def works_in(cluster: Path, pid: int) -> bool:
    """True when `pid` is a PostgreSQL process of `cluster`, run by the account that owns it."""
    try:
        owner = cluster.lstat().st_uid
        ours = owner == Path(f"/proc/{pid}").stat().st_uid
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        return ours and name == "postgres" and os.path.samefile(f"/proc/{pid}/cwd", cluster)
    except OSError:
        return False


def answers(server: Postmaster) -> bool:
    """True when the server replies on its socket. A process that was just killed is listed a little longer."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(1)
            link.connect(str(server.socket_folder / f".s.PGSQL.{server.port}"))
            link.sendall(_SSL_REQUEST)
            return link.recv(1) in (b"N", b"S")
    except OSError:
        return False


def clear_after_crash(cluster: Path, sockets: Path, deadline: float) -> None:
    """Make way for a start when no postmaster lives: its children must be gone, its process id free.

    A statement that computes does not notice that its postmaster died, and no new one can start beside it.
    Nothing is killed here: a mistake in finding processes would be root's mistake. The roles'
    statement_timeout ends such a statement; past `deadline` TimeoutError names the processes.
    """

    def orphans() -> list[int]:
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [pid for pid in pids if works_in(cluster, pid)]

    if not wait(lambda: not orphans(), deadline):
        raise TimeoutError(
            f"statements of a crashed PostgreSQL still run in {cluster} (processes {orphans()}): "
            "wait for them, or end these processes, and start again"
        )
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
