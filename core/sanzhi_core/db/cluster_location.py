"""Where the parts of an embedded PostgreSQL lie: in its data folder, or elsewhere where that cannot be."""

import hashlib
import logging
import os
import shutil
import tempfile
from pathlib import Path

from sanzhi_core.db.cluster_process import PORT
from sanzhi_core.db.postgres_account import PostgresAccount
from sanzhi_core.db.private_files import read_private, write_private

SYSTEM_FOLDER = Path("/var/lib")
"""Where root puts a cluster whose account cannot enter the data folder."""
_SOCKET_PATH_BYTES = 107  # the kernel's limit

log = logging.getLogger(__name__)


def home_of(data_dir: Path) -> Path:
    """The folder that holds `cluster` and `socket`. Raises LookupError when it is elsewhere and gone."""
    try:
        home = Path(read_private(data_dir / "LOCATION").strip())
    except FileNotFoundError:
        return data_dir
    if not (home / "cluster").is_dir():
        raise LookupError(
            f"{data_dir} says its data is in {home}, and it is not there: "
            "restore that folder, or start with a new data folder"
        )
    return home


def new_home(data_dir: Path, account: PostgresAccount) -> Path:
    """The data folder itself, or as root a folder made for it when `account` cannot enter the data folder.

    Call `remember_home` once the cluster is in it.
    """
    if account.can("x", data_dir):
        return data_dir
    for note in SYSTEM_FOLDER.glob("sanzhi-pg-*/BELONGS-TO"):  # left by a start that was killed
        if note.read_text() == f"{data_dir}\n" and not (note.parent / "cluster").exists():
            shutil.rmtree(note.parent, ignore_errors=True)
    home = Path(tempfile.mkdtemp(prefix="sanzhi-pg-", dir=SYSTEM_FOLDER))
    home.chmod(0o711)
    (home / "BELONGS-TO").write_text(f"{data_dir}\n")
    log.warning("%s cannot enter %s: PostgreSQL's data is in %s", account.name, data_dir, home)
    return home


def remember_home(data_dir: Path, home: Path) -> None:
    """Record in the data folder where the cluster is, if it is elsewhere."""
    if home != data_dir:
        write_private(data_dir / "LOCATION", f"{home}\n")


def socket_folder(data_dir: Path, home: Path, uid: int) -> Path:
    """`home/socket`, or a temporary folder named after `uid` and the data folder.

    The second where the first is too long for a socket, or has a character that divides hosts in a URL.
    """
    near = home / "socket"
    short = len(os.fsencode(near / f".s.PGSQL.{PORT}")) <= _SOCKET_PATH_BYTES
    if short and not set(str(near)) & set(",:"):
        return near
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir(), f"sanzhi-pg-{uid}-{name}")
