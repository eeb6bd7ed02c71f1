"""The operating-system account that PostgreSQL runs under.

An ordinary user runs it as himself. PostgreSQL refuses root, so root hands it to a system account: the
owner of a kept cluster, else `sanzhi-pg` or `postgres` when the machine has one, else `sanzhi-pg` is made,
and where no account can be made, `nobody`.
"""

import logging
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ACCOUNT_NAME = "sanzhi-pg"
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PostgresAccount:
    """An account by name, user id and group id; `run` starts programs as it."""

    name: str
    uid: int
    gid: int

    def run(
        self, args: Sequence[str | Path], *, env: Mapping[str, str] | None = None, keep: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run `args` as this account, away from our terminal, with a clean environment.

        `keep` are file descriptors the program inherits. Raises PermissionError when the system does not let
        us change to the account or start the program.
        """
        foreign = self.uid != os.geteuid()
        return subprocess.run(
            [os.fspath(arg) for arg in args],
            user=self.uid if foreign else None,
            group=self.gid if foreign else None,
            extra_groups=[] if foreign else None,
            # Whatever the caller's shell says about PGPORT, LD_LIBRARY_PATH or LC_ALL must not leak in.
            env={"PATH": _PATH, "LC_ALL": "C", "TZ": "UTC", **(env or {})},
            cwd="/",
            umask=0o077,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=keep,
            check=False,
        )

    def can(self, right: str, *paths: Path) -> bool:
        """True when the account has `right` ("r", "w" or "x"; "x" enters a folder) on every path."""
        script = 'right=$1; shift; for p; do test "$right" "$p" || exit 1; done'
        return self.run(["/bin/sh", "-c", script, "sh", f"-{right}", *paths]).returncode == 0


def account_for(cluster_owner: int | None) -> PostgresAccount:
    """The account for a cluster folder that belongs to user id `cluster_owner` (None: not made yet).

    Raises LookupError when the user id has no entry in the system's user table (initdb needs one).
    """
    me = os.geteuid()
    if me != 0:
        return _by_uid(me)
    if cluster_owner:
        return _by_uid(cluster_owner)
    for name in (ACCOUNT_NAME, "postgres"):
        if found := _by_name(name):
            return found
    account = _make_account() or _by_name("nobody")
    if account is None:
        raise LookupError(
            f"PostgreSQL refuses root and no other account is there: make one named {ACCOUNT_NAME}"
        )
    return account


def _make_account() -> PostgresAccount | None:
    useradd = shutil.which("useradd", path=_PATH)
    if useradd is None:
        return None
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    options += ["--shell", "/usr/sbin/nologin"]
    for _ in range(10):
        made = subprocess.run(
            [useradd, *options, ACCOUNT_NAME],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if found := _by_name(ACCOUNT_NAME):
            log.info("PostgreSQL runs as the system account %s", ACCOUNT_NAME)
            return found
        if "lock" not in made.stderr:
            break
        time.sleep(0.2)  # another program is changing the user table
    log.warning("useradd could not make %s (%s): falling back to nobody", ACCOUNT_NAME, made.stderr.strip())
    return None


def _by_uid(uid: int) -> PostgresAccount:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise LookupError(
            f"user id {uid} has no entry in /etc/passwd and PostgreSQL needs one: add it, run as another "
            "user, or set SANZHI_DATABASE_URL to a PostgreSQL server"
        ) from None
    return PostgresAccount(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _by_name(name: str) -> PostgresAccount | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return None if entry.pw_uid == 0 else PostgresAccount(entry.pw_name, entry.pw_uid, entry.pw_gid)
