"""What documents name exists: commands and their options, make targets, variables, links, GraphQL; nothing of this place."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from graphql import parse, validate

from sanzhi.commands import app
from sanzhi_core.parts import core_part
from sanzhi_core.platform import plugins
from sanzhi_graphql.schema.api import Api

ROOT = Path(__file__).parents[2]
FILES = sorted(p for pattern in ("*.md", "docs/*.md", "deploy/*") for p in ROOT.glob(pattern) if p.is_file())
TEXTS = [pytest.param(p.read_text("utf-8"), id=str(p.relative_to(ROOT))) for p in FILES]


def _commands(text: str) -> list[list[str]]:
    """Words after `sanzhi` wherever it is called, in fences and in `code`."""
    found = []
    for part in re.findall(r"```sh\n(.*?)```", text, re.S) + re.findall(r"`([^`\n]+)`", text) + _exec(text):
        for line in part.replace("\\\n", " ").splitlines():
            called = re.search(r"(?:^|/bin/|\s)sanzhi ((?:[a-z]|--help).*)", line.partition(" #")[0])
            if called:
                found.append(shlex.split(called[1].partition(" > ")[0]))
    return found


def _exec(text: str) -> list[str]:
    return re.findall(r"^ExecStart=(.*)$", text, re.M)


def test_commands_are_seen() -> None:
    assert _commands("```sh\nsudo X=1 /opt/bin/sanzhi org import a.csv --dry-run  # try\n```") == [
        ["org", "import", "a.csv", "--dry-run"]
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_commands_and_options_exist(text: str) -> None:
    for words in _commands(text):
        group: Any = typer.main.get_command(app)
        rest = list(words)
        while hasattr(group, "commands") and rest:
            name = rest.pop(0)
            assert name in group.commands, f"sanzhi {' '.join(words)}: no command {name}"
            group = group.commands[name]
        known = {option for parameter in group.params for option in parameter.opts}
        for word in rest:
            if word.startswith("--"):
                assert word.partition("=")[0] in known, f"sanzhi {' '.join(words)}: no option {word}"


@pytest.mark.parametrize("text", TEXTS)
def test_make_targets_exist(text: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M)) <= targets


@pytest.mark.parametrize("text", TEXTS)
def test_variables_are_read_somewhere(text: str) -> None:
    sources = [
        p for room in ("core", "graphql", "workers", "cli", "tests") for p in (ROOT / room).rglob("*.py")
    ]
    code = "\n".join(
        p.read_text("utf-8")
        for p in [*sources, ROOT / "Makefile", ROOT / ".ci/run"]
        if p.name != Path(__file__).name
    )
    for name in set(re.findall(r"SANZHI_[A-Z][A-Z_]*[A-Z]", text)):
        assert name in code, name


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)\)", path.read_text("utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (path.parent / target).exists(), target


def test_graphql_fits_the_schema(documents: dict[str, list[Any]]) -> None:
    platform = plugins.load(core_part())
    schema = Api(platform).schema(frozenset(platform.plugin_names))
    checked = 0
    for block in (b for blocks in documents.values() for b in blocks if b.language == "graphql"):
        directive = block.directive or ""
        if directive == "plugin-query":
            continue
        wrong = validate(schema, parse(block.text))
        assert bool(wrong) == ("error=GATE_VALIDATION" in directive), f"{block.place}: {wrong}"
        checked += 1
    assert checked >= 20


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_of_a_workplace_is_named(text: str) -> None:
    assert not re.search("/wo" r"rk/|/tmp/|/root/|/home/[a-z]|PIP_INDEX|artifactory|nexus", text)
