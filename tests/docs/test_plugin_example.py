"""The plugin printed in plugin-authors.md: loaded as it stands, switched on in one village, called, run."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sanzhi_core.db.session import dsn
from sanzhi_core.identity.viewer import enabled_plugins
from sanzhi_core.parts import core_part
from sanzhi_core.people.service import CreateHousehold, create_household
from sanzhi_core.platform import plugins
from sanzhi_core.platform.command import command
from sanzhi_core.platform.permissions import seed_permissions
from sanzhi_core.platform.plugins import Platform
from sanzhi_core.testing.contract import CHECKS
from sanzhi_core.testing.draining import drain
from sanzhi_graphql.gate.body import parse_body
from sanzhi_graphql.gate.documents import Gate
from sanzhi_graphql.gate.limits import Limits
from sanzhi_graphql.schema.api import Api

PLUGIN = "village_notes"
ON, OFF = "990428101201", "990428101202"


@pytest.fixture
def platform(
    documents: dict[str, list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Platform]:
    """The platform with the printed plugin, read from files of their printed names."""
    for block in documents["plugin-authors.md"]:
        if (block.directive or "").startswith("plugin "):
            path = tmp_path / block.directive.removeprefix("plugin ")
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text + "\n", "utf-8")
    (tmp_path / "sanzhi_village_notes/__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        module = importlib.import_module("sanzhi_village_notes.plugin")
        yield plugins.load(core_part(), extra={PLUGIN: module})
    finally:
        for name in [n for n in sys.modules if n.startswith("sanzhi_village_notes")]:
            del sys.modules[name]


def test_the_entry_point_names_the_plugin(platform: Platform, tmp_path: Path) -> None:
    import tomllib

    project = tomllib.loads((tmp_path / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["sanzhi.plugins"] == {PLUGIN: "sanzhi_village_notes.plugin"}


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
def test_it_passes_the_contract(platform: Platform, check: Any) -> None:
    assert check(platform, PLUGIN) == []


async def test_a_county_without_it_does_not_see_it(platform: Platform, world: Any) -> None:
    director = await world.caller(("VC_DIRECTOR", ON))
    fields = Api(platform).schema(await enabled_plugins(director)).query_type.fields
    assert "notesCount" not in fields
    assert "households" in fields


async def test_it_answers_and_works_where_it_is_on(
    platform: Platform, database: Any, world: Any, system: Any, documents: dict[str, list[Any]]
) -> None:
    conn = await asyncpg.connect(dsn(database.owner_url))
    try:
        await seed_permissions(conn, platform)
    finally:
        await conn.close()
    (query,) = [b.text for b in documents["plugin-authors.md"] if b.directive == "plugin-query"]
    await world.enable(PLUGIN, ON)
    for code, households, told in ((ON, 1, 1), (OFF, "FORBIDDEN", 0)):
        director = await world.caller(("VC_DIRECTOR", code))
        made = await command(director, create_household, _household(world.id(code), code))
        assert made.error is None
        await drain(system)
        assert await _count(platform, director, query, world.id(code)) == households
        sent = "select count(*) from core.notification where event_key = 'village_notes.note.tell' and village_id = $1"
        assert await system.db.walled.fetchval(sent, world.id(code)) == told


def _household(village_id: Any, code: str) -> CreateHousehold:
    return CreateHousehold.model_validate(
        {
            "idempotency_key": f"00000000-0000-4000-8000-{code}",
            "village_id": village_id,
            "household_no": "001",
            "head": {"name": "赵样安", "id_type": "NONE", "birth_date": "1970-03-05", "sex": "M"},
        }
    )


async def _count(platform: Platform, ctx: Any, query: str, village_id: Any) -> int | str:
    """The printed query; the code where it is refused."""
    api = Api(platform)
    enabled = await enabled_plugins(ctx)
    schema = api.schema(enabled)
    limits = Limits()
    given = {"query": query, "variables": {"input": {"villageId": f"OrgUnit_{village_id}"}}}
    body = parse_body(json.dumps(given).encode(), limits)
    admitted = Gate(limits).admit(body, enabled, schema, max_cost=limits.cost_staff, introspection=False)
    answer = await api.execute(schema, admitted, ctx)
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    found: int = answer["data"]["notesCount"]["households"]
    return found
