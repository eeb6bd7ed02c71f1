"""Documents as programs: fenced blocks with a directive comment before them are run, asked and checked.

`<!-- run -->`, `<!-- run background -->`, `<!-- file NAME -->`, `<!-- ask as=NAME -->`; further words: `keep NAME: REGEX`
(shell), `input=TEXT`, `keep=NAME: PATH`, `token=NAME: PATH`, `expect=PATH: VALUE`, `refused=CODE`, `error=CODE`. `<NAME>`
in a block stands for what was kept.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sanzhi_core.db.embedded import EmbeddedPostgres

ROOT = Path(__file__).parents[2]
COUNTY = "140428000000"


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and text, the directive before it, the JSON block right after it."""

    document: str
    line: int
    language: str
    text: str
    directive: str | None
    variables: str | None = None

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"


def blocks_of(path: Path) -> list[Block]:
    """All fenced blocks of a document; a JSON block after a GraphQL block belongs to it."""
    found: list[Block] = []
    directive: str | None = None
    language: str | None = None
    began, inside = 0, []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if language is not None:
            if line == "```":
                text = "\n".join(inside)
                if language == "json" and found and found[-1].language == "graphql" and directive is None:
                    last = found.pop()
                    found.append(Block(last.document, last.line, "graphql", last.text, last.directive, text))
                else:
                    found.append(Block(path.name, began, language, text, directive))
                language, directive, inside = None, None, []
            else:
                inside.append(line)
        elif line.startswith("```"):
            language, began = line.removeprefix("```"), number
        elif line.startswith("<!-- ") and line.endswith(" -->"):
            directive = line.removeprefix("<!-- ").removesuffix(" -->")
        elif line.strip():
            directive = None
    assert language is None, f"{path.name}: a fence is left open"
    return found


@dataclass
class Runner:
    """Runs blocks one after another in a folder of its own, with a server of its own."""

    folder: Path
    values: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    server: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.values["password"] = f"{secrets.token_urlsafe(9)}aA1!"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SANZHI_")}
        self.env = inherited | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

    def run(self, block: Block) -> None:
        """Do what the block's directive says; AssertionError names the place."""
        assert block.directive is not None
        kind, _, rest = block.directive.partition(" ")
        if kind == "file":
            (self.folder / rest).write_text(block.text + "\n", "utf-8")
        elif kind == "run" and rest == "background":
            self._serve(block)
        elif kind == "run":
            self._shell(block, rest)
        else:
            assert kind == "ask", f"{block.place}: unknown directive {block.directive}"
            self._ask(block, rest)

    def filled(self, text: str) -> str:
        """With `<NAME>` replaced by what was kept, and the port of the documents by ours."""
        text = re.sub(r"<(\w+)>", lambda m: self.values.get(m[1], m[0]), text)
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}").replace(
            "--port 8000", f"--port {self.port}"
        )

    def _shell(self, block: Block, rest: str) -> None:
        given = re.search(r"input=(\S+)", rest)
        typed = self.filled(given[1]).replace("\\n", "\n") if given else ""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.filled(block.text)],
            cwd=self.folder,
            env=self.env,
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            start_new_session=True,  # no terminal: a password prompt reads standard input
        )
        assert done.returncode == 0, f"{block.place}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        wanted = re.search(r"keep (\w+): (.+)", rest)
        if wanted:
            found = re.search(wanted[2], done.stdout)
            assert found, f"{block.place}: {wanted[2]} is not in\n{done.stdout}"
            self.values[wanted[1]] = found[1]

    def _serve(self, block: Block) -> None:
        self.server = subprocess.Popen(
            ["bash", "-c", f"exec {self.filled(block.text)}"],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        ends = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/livez", timeout=2):
                    return
            except OSError:
                assert self.server.poll() is None, f"{block.place}: the server ended"
                assert time.monotonic() < ends, f"{block.place}: the server does not answer"
                time.sleep(0.2)

    def _ask(self, block: Block, rest: str) -> None:
        who = re.search(r"as=(\w+)", rest)
        assert who, block.place
        headers = {"content-type": "application/json"}
        if who[1] == "county":
            headers["sanzhi-county"] = COUNTY
        elif who[1] != "anonymous":
            headers["authorization"] = f"Bearer {self.tokens[who[1]]}"
        variables = json.loads(self.filled(block.variables)) if block.variables else {}
        answer = self._post({"query": block.text, "variables": variables}, headers)
        error, refused = re.search(r"error=(\w+)", rest), re.search(r"refused=(\w+)", rest)
        if error:
            assert [e["extensions"]["code"] for e in answer["errors"]] == [error[1]], (
                f"{block.place}: {answer}"
            )
            return
        assert "errors" not in answer, f"{block.place}: {answer['errors']}"
        data = answer["data"]
        codes = [
            e["code"] for part in data.values() if isinstance(part, dict) for e in part.get("errors", [])
        ]
        assert codes == ([refused[1]] if refused else []), f"{block.place}: {data}"
        for name, path in re.findall(r"\bkeep=(\w+): (\S+)", rest):
            self.values[name] = str(_at(data, path))
        for name, path in re.findall(r"\btoken=(\w+): (\S+)", rest):
            self.tokens[name] = str(_at(data, path))
        for path, value in re.findall(r"\bexpect=(\S+): (\S+)", rest):
            assert str(_at(data, path)) == self.filled(value), f"{block.place}: {path} in {data}"

    def _post(self, body: dict[str, Any], headers: dict[str, str]) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", json.dumps(body).encode(), headers
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return json.loads(reply.read())
        except urllib.error.HTTPError as reply:
            with reply:
                return json.loads(reply.read())

    def stop(self) -> int | None:
        """Stop the server as systemd would; its exit code."""
        if self.server is None:
            return None
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
        return self.server.wait(60)


def _at(data: Any, path: str) -> Any:
    for key in path.split("."):
        data = data[int(key)] if key.isdigit() else data[key]
    return data


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    made = Runner(tmp_path)
    try:
        yield made
    finally:
        if made.server is not None and made.server.poll() is None:
            made.server.kill()
            made.server.wait()
        for home in (tmp_path / ".sanzhi", tmp_path / "restored"):
            if home.exists():
                EmbeddedPostgres(home / "pg", durable=False).destroy()


DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(scope="session")
def documents() -> dict[str, list[Block]]:
    """Blocks of every document, by file name."""
    return {path.name: blocks_of(path) for path in DOCUMENTS}


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT
