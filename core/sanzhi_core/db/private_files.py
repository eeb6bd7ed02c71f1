"""Files and folders that only one account may read.

Written so that a program running as root never follows a link that somebody else has put in its way, and so
that a crash leaves the old file or the new one, never half of one.
"""

import os
import stat
from pathlib import Path


class InsecureFile(Exception):
    """A secret's file or folder is open to others or belongs to somebody else; the message names the cure."""


def own_folder(path: Path, *, uid: int, gid: int, mode: int = 0o700) -> None:
    """Make `path` a real folder of `uid` with exactly `mode`; its parent must exist and is left as it is.

    Raises InsecureFile when something else is there already, or a folder of somebody else.
    """
    me = os.geteuid()
    try:
        path.mkdir(mode=0o700)
        made = True
    except FileExistsError:
        made = False
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise InsecureFile(f"{path} is not a folder we can open ({error.strerror}); remove it") from error
    try:
        if os.fstat(folder).st_uid != (me if made else uid):
            raise InsecureFile(f"{path} belongs to another account; remove it or choose another data folder")
        if made and uid != me:
            os.fchown(folder, uid, gid)
        if stat.S_IMODE(os.fstat(folder).st_mode) != mode:
            os.fchmod(folder, mode)
    finally:
        os.close(folder)


def write_private(path: Path, text: str) -> None:
    """Replace `path` by a 0600 file with `text`, atomically and on disk before it returns."""
    staged = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    file = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        staged.rename(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def read_private(path: Path) -> str:
    """The text of a file that nobody else can read.

    Raises FileNotFoundError, or InsecureFile when group or others have any right on it, or when it belongs to
    another account (root may read everybody's).
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InsecureFile(f"{path} cannot be read as {_me()}: {error.strerror}") from error
    with os.fdopen(file, encoding="utf-8") as stream:
        facts = os.fstat(stream.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise InsecureFile(f"{path} is not a regular file")
        if facts.st_mode & 0o077:
            raise InsecureFile(f"{path} is open to other accounts; run: chmod 600 '{path}'")
        if os.geteuid() not in (0, facts.st_uid):
            raise InsecureFile(f"{path} belongs to another account, not to {_me()}")
        return stream.read()


def sync_folder(path: Path) -> None:
    """Put a rename inside `path` on disk."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _me() -> str:
    return f"user id {os.geteuid()}"
