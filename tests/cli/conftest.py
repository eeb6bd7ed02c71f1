"""Installations of their own, driven as a user drives them: by the `sanzhi` command in another process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sanzhi_core.db.embedded import EmbeddedPostgres

COMMAND = Path(sys.executable).with_name("sanzhi")


@dataclass(frozen=True)
class Cli:
    """One SANZHI_HOME. `sanzhi("init")` is the finished process, its exit code unchecked."""

    home: Path

    def sanzhi(self, *words: str, typed: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        given = {k: v for k, v in os.environ.items() if not k.startswith("SANZHI_")}
        return subprocess.run(
            [str(COMMAND), *words],
            env=given | {"SANZHI_HOME": str(self.home), "COLUMNS": "200"} | env,
            cwd=self.home.parent,
            input=typed,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            start_new_session=True,  # no terminal: a password prompt reads standard input
        )

    def done(self, *words: str, typed: str = "", **env: str) -> str:
        """Standard output of a command that must succeed."""
        done = self.sanzhi(*words, typed=typed, **env)
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def pg(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.home / "pg", durable=False)

    def owner_url(self) -> str:
        return self.pg().owner_url("sanzhi")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[[str], Cli]]:
    """Homes of one test; nothing is there yet."""
    made: list[Cli] = []

    def make(name: str = "home") -> Cli:
        made.append(Cli(tmp_path / name))
        return made[-1]

    yield make
    for cli in made:
        if (cli.home / "pg").exists():
            cli.pg().destroy()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """An installation that the tests of a module share."""
    cli = Cli(tmp_path_factory.mktemp("installed") / "home")
    try:
        cli.done("init")
        yield cli
    finally:
        if (cli.home / "pg").exists():
            cli.pg().destroy()


DIVISIONS = Path(__file__).parents[2] / "core/sanzhi_core/org/data/changzhi_divisions.csv"


@pytest.fixture(scope="session")
def divisions() -> str:
    return str(DIVISIONS)
