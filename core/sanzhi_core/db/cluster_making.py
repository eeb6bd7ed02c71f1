"""initdb with our settings: passwords always (scram), one private socket, UTF-8 text sorted by code point."""

import os
import shutil
import tempfile
from pathlib import Path

from sanzhi_core.db.postgres_account import PostgresAccount
from sanzhi_core.db.postgres_install import PostgresInstall, character_locale
from sanzhi_core.db.private_files import sync_folder, write_private

OWNER = "sanzhi_owner"
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "fsync": "on",
    "jit": "off",  # our statements are short; compiling them costs more than it gains
    "timezone": "UTC",
    "log_timezone": "UTC",
    "idle_in_transaction_session_timeout": "60s",
    # One log file per weekday, overwritten a week later.
    "logging_collector": "on",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
}


def make_cluster(
    home: Path, install: PostgresInstall, account: PostgresAccount, password: str, *, durable: bool, lock: int
) -> None:
    """Make `home/cluster`, owned by `account`. Raises RuntimeError with initdb's words.

    It is made aside and renamed, so a crash half-way leaves no half cluster. `lock` is the descriptor of the
    folder's lock: initdb inherits it, so the lock stays taken until initdb has ended, even if we are killed.
    """
    for leftover in home.glob("new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    staged = Path(tempfile.mkdtemp(prefix="new-", dir=home))
    try:
        given = staged / "password"
        write_private(given, password)
        for path in (given, staged):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
        options = [
            *("--pgdata", str(staged / "data"), "--username", OWNER, "--pwfile", str(given)),
            *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            *(f"--lc-ctype={character_locale()}", "--text-search-config=simple"),
            *(f"--set={name}={value}" for name, value in SETTINGS.items()),
            *(() if durable else ("--no-sync",)),
        ]
        made = account.run([install.program("initdb"), *options], keep=[lock])
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed in {home}:\n{made.stderr.strip() or made.stdout.strip()}")
        (staged / "data").rename(home / "cluster")
        sync_folder(home)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
