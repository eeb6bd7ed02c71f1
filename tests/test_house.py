"""House law that no linter knows: who commits, who reads the clock, where no `__init__.py` may be."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [
    p
    for folder in ("core", "graphql", "workers", "cli", "plugins")
    for p in (ROOT / folder).rglob("*.py")
    if "migrations" not in p.parts
]
CLOCK = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
}


def calls(path: Path) -> Iterator[ast.Call]:
    return (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call))


def reads_clock(path: Path) -> list[int]:
    """Lines that read the machine's clock."""
    out = []
    for call in calls(path):
        f = call.func
        if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name) and (f.value.id, f.attr) in CLOCK:
            out.append(call.lineno)
    return out


def commits(path: Path) -> list[int]:
    """Lines that call `.commit()`."""
    return [c.lineno for c in calls(path) if isinstance(c.func, ast.Attribute) and c.func.attr == "commit"]


def test_graphql_is_graphql_core() -> None:
    """Our folder `graphql/` must never shadow the library, also with the root on the path."""
    code = "import graphql; print(graphql.__file__)"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "site-packages" in out.stdout


def test_no_init_where_it_would_shadow() -> None:
    wrong = [
        p
        for p in ROOT.rglob("graphql/__init__.py")
        if ".venv" not in p.parts and "site-packages" not in p.parts
    ]
    wrong += list((ROOT / "tests").rglob("__init__.py"))
    assert wrong == []


def test_no_room_for_leftovers() -> None:
    names = re.compile(r"^(utils?|helpers?|common|misc)$")
    assert [p for p in SOURCES if names.match(p.stem) or names.match(p.parent.name)] == []


def test_only_the_session_commits() -> None:
    found = {str(p.relative_to(ROOT)) for p in SOURCES if commits(p)}
    assert found <= {"core/sanzhi_core/db/session.py"}


def test_only_the_clock_reads_the_clock() -> None:
    found = {str(p.relative_to(ROOT)): reads_clock(p) for p in SOURCES if reads_clock(p)}
    found.pop("core/sanzhi_core/clock.py")
    allowed = {"core/sanzhi_core/audit/verifier.py"}  # stands alone: may import nothing of ours
    assert set(found) <= allowed, found


def test_no_business_sql_asks_the_database_for_now() -> None:
    """Deadlines follow the injected clock; `clock_timestamp()` in leases and traces is real time by design."""
    pattern = re.compile(r"\bnow\(\)|current_date|current_timestamp", re.IGNORECASE)
    wrong = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sa.func.now", "func.now"):
                wrong.append(f"{path.name}:{node.lineno}")
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("sa.text", "text"):
                wrong += [f"{path.name}:{node.lineno}" for a in node.args if pattern.search(ast.unparse(a))]
    assert wrong == []


def test_no_floats_in_rules() -> None:
    """Counts, quorums and thresholds are integers and fractions."""
    wrong = []
    for path in SOURCES:
        if "rules" in path.parts or ("kit" in path.parts and path.stem in ("exact", "meeting", "indicator")):
            for node in ast.walk(ast.parse(path.read_text())):
                is_float = isinstance(node, ast.Constant) and isinstance(node.value, float)
                is_call = isinstance(node, ast.Call) and ast.unparse(node.func) in ("float", "round")
                if is_float or is_call or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
                    wrong.append(f"{path}:{getattr(node, 'lineno', '?')}")
    assert wrong == []


@pytest.mark.parametrize(
    ("code", "finder"),
    [("import datetime\ndatetime.now()", reads_clock), ("session.commit()", commits)],
)
def test_the_laws_can_be_broken(code: str, finder: object, tmp_path: Path) -> None:
    """Positive control."""
    planted = tmp_path / "planted.py"
    planted.write_text(code)
    assert finder(planted) != []  # type: ignore[operator]


def test_no_workplace_in_the_repository() -> None:
    """No lock file names a host; nothing tracked names a folder of somebody's machine."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    for name in ("requirements.lock", "requirements-dev.lock"):
        assert not re.search(r"https?://|--index|--find-links", (ROOT / name).read_text())
    machine = re.compile(r"/(?:home|Users)/[a-z]+/|/wo" + r"rk/")
    wrong = [
        name
        for name in listed.stdout.splitlines()
        if Path(name).suffix in {".py", ".md", ".toml", ".yml", ".service", ".conf", ""}
        and (ROOT / name).is_file()
        and machine.search((ROOT / name).read_text(errors="replace"))
    ]
    assert wrong == []


def test_every_package_of_the_wheel_is_found() -> None:
    for package in ("sanzhi", "sanzhi_core", "sanzhi_graphql", "sanzhi_workers", "sanzhi_star_virtue"):
        assert importlib.util.find_spec(package) is not None
