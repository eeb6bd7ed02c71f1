"""The demo as a user runs it, and what it must never do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from sanzhi.demo import stage
from sanzhi.demo.population import id_number, population, spoiled, workbook
from sanzhi.demo.stage import DemoFailed, clear, demo_environment
from sanzhi_core.people.idnumber import BadIdNumber, parse_citizen_id

COMMAND = Path(sys.executable).with_name("sanzhi")


def _env() -> dict[str, str]:
    # Another installation's settings must not reach the demo: these would break it.
    return os.environ | {"SANZHI_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "COLUMNS": "200"}


def test_the_whole_story(tmp_path: Path) -> None:
    home, result = tmp_path / "demo", tmp_path / "demo.json"
    try:
        done = subprocess.run(
            [str(COMMAND), "demo", "--home", str(home), "--json", str(result)],
            env=_env(), capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        told: dict[str, Any] = json.loads(result.read_text())
        assert told["villages_imported"] == 2628
        assert told["households"] == 100
        states = ["DRAFT", "SELF_RATING", "PEER_REVIEW", "PUBLICITY", "CONFIRMED", "AWARDED"]
        assert list(told["states"].values()) == [states, states]
        n, (t1, t2, t3) = told["households"], (told[k] for k in ("T1", "T2", "T3"))
        assert t1["den"] == t2["den"] == n
        assert t1["num"] >= t2["num"] == t3["den"] >= t3["num"] > 0
        assert told["notices_sent"] > n
        assert told["audit_verified"] is True
        _check_files([Path(f) for f in told["files"]], t3["num"])
        assert "VERIFIED" in done.stdout
        assert (home / "logins.txt").stat().st_mode & 0o077 == 0
        assert not stage.EmbeddedPostgres(home / "pg", durable=False).running()
    finally:
        if home.exists():
            clear(home)


def _check_files(files: list[Path], six_stars: int) -> None:
    assert sorted(f.suffix for f in files) == [".html"] * 2 + [".json"] * 2 + [".pdf"] * 4 + [".xlsx"] * 2
    assert all(f.is_file() for f in files)
    pages = ["".join(p.extract_text() for p in PdfReader(f).pages) for f in files if f.suffix == ".pdf"]
    assert sum("样" in text for text in pages) == 0, "a given name is shown on paper"
    assert all("鲍店" in text for text in pages)
    rows = [f.read_text("utf-8") for f in files if f.suffix == ".html"]
    assert sum(text.count("*") for text in rows) >= six_stars


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    keep = tmp_path / "keys.json"
    keep.write_text("{}")
    done = subprocess.run(
        [str(COMMAND), "demo", "--home", str(tmp_path)],
        env=_env(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["keys.json"]


def test_a_killed_demo_is_cleared_away(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    run = subprocess.Popen(
        [str(COMMAND), "demo", "--home", str(home)],
        env=_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        server = stage.EmbeddedPostgres(home / "pg", durable=False)
        ends = time.monotonic() + 60
        while not ((home / stage.MARK).exists() and (home / "pg").exists() and server.running()):
            assert time.monotonic() < ends
            time.sleep(0.2)
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    clear(home)
    assert not home.exists()
    assert not server.running()


def test_other_settings_do_not_reach_the_demo(tmp_path: Path) -> None:
    env = demo_environment(
        tmp_path, {"SANZHI_BROKER_URL": "amqp://x", "SANZHI_APP_DATABASE_URL": "x", "PATH": "p"}
    )
    assert env["PATH"] == "p"
    assert {k for k in env if k.startswith("SANZHI_")} == {
        "SANZHI_HOME", "SANZHI_CLOCK", "SANZHI_GRAPHIQL", "SANZHI_INTROSPECTION",
    }  # fmt: skip


def test_people_are_invented_and_well_formed() -> None:
    from datetime import date

    people = population(1, 60, veterans=(33,))
    numbers = [p.id_number for p in people]
    assert len(set(numbers)) == len(numbers)
    for person in people:
        assert person.name[1] == "样"
        assert parse_citizen_id(person.id_number, date(2026, 11, 2)).value.startswith("99")
        assert person.phone == "" or person.phone.startswith("1000")
    assert population(1, 60, veterans=(33,)) == people
    assert not set(numbers) & {p.id_number for p in population(2, 60)}
    with pytest.raises(BadIdNumber):
        parse_citizen_id(spoiled(people[-1]).id_number, date(2026, 11, 2))
    assert workbook(people, "某村").startswith(b"PK")
    assert id_number(date(1970, 3, 5), 111) == "990428197003051110"


def test_a_file_is_no_home(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(DemoFailed):
        clear(file)
    assert file.read_text() == "x"
