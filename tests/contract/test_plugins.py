"""The contract suite over every installed plugin, alone and all together, and its positive controls."""

from __future__ import annotations

import dataclasses
import re
import types
from typing import Any

import pytest

from sanzhi_core.parts import core_part
from sanzhi_core.platform import plugins
from sanzhi_core.platform.hookspecs import Job, Manifest, Permission, hookimpl
from sanzhi_core.platform.plugins import Part, Platform
from sanzhi_core.testing.contract import CHECKS, every_check
from sanzhi_graphql.schema.api import Api

PLATFORM = plugins.load(core_part())
ALL = sorted(PLATFORM.plugin_names)


def test_the_four_plugins_are_installed() -> None:
    assert ALL == ["digital_autonomy", "emergency", "grid_rule_of_law", "star_virtue"]
    assert {h.state for h in PLATFORM.health} == {"LOADED"}


@pytest.mark.parametrize(
    ("plugin", "check"), [pytest.param(p, c, id=f"{p}-{c.__name__}") for p, c in every_check(PLATFORM)]
)
def test_contract(plugin: str, check: Any) -> None:
    assert check(PLATFORM, plugin) == []


@pytest.mark.parametrize("only", [[p] for p in ALL] + [[]], ids=lambda o: "+".join(o) or "none")
def test_each_plugin_alone_makes_a_schema(only: list[str]) -> None:
    alone = plugins.load(core_part(), only=only)
    assert alone.plugin_names == frozenset(only)
    Api(alone)


def test_a_disabled_plugin_vanishes_from_the_schema() -> None:
    api = Api(PLATFORM)
    full, bare = api.sdl(frozenset(ALL)), api.sdl(frozenset())
    assert "type StarCycle " in full
    assert re.search(r"\b[sS]tar[A-Z]", bare.replace("startsWith", "")) is None
    assert "type OrgUnit " in bare


def hostile(**hooks: Any) -> types.ModuleType:
    """A throw-away plugin `intruder` with these hook implementations."""
    module = types.ModuleType("intruder")
    hooks.setdefault("manifest", lambda: Manifest("intruder", "intruder", "外", "x", "1", prefix="Intruder"))
    for name, function in hooks.items():
        setattr(module, name, hookimpl(function))
    return module


def loaded(module: types.ModuleType, monkeypatch: pytest.MonkeyPatch) -> Platform:
    monkeypatch.delenv("SANZHI_STRICT_PLUGINS", raising=False)
    return plugins.load(core_part(), only=[], extra={"intruder": module})


def explode() -> Any:
    raise RuntimeError("boom")


def leave() -> Any:
    raise SystemExit(3)


FAULTS = {
    "raises": {"permissions": explode},
    "exits": {"jobs": leave},
    "no_manifest": {"manifest": lambda: None},
    "other_name": {"manifest": lambda: Manifest("other", "other", "外", "x", "1", prefix="Other")},
    "other_api": {
        "manifest": lambda: Manifest("intruder", "intruder", "外", "x", "1", "Intruder", api_version=99)
    },
    "foreign_permission": {"permissions": lambda: [Permission("core.account.manage", "外", "x")]},
    "foreign_job": {"jobs": lambda: [Job("core.notice.send", explode)]},
    "misspelt_hook": {"permisions": explode},
    "misspelt_argument": {"on_event": lambda wrok, evnt: None},
    "wrong_type": {"permissions": lambda: 42},
}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_bad_plugin_is_quarantined_and_the_core_runs(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = loaded(hostile(**FAULTS[fault]), monkeypatch)
    assert "intruder" not in platform.parts
    [health] = [h for h in platform.health if h.name == "intruder"]
    assert health.state == "QUARANTINED"
    assert health.reason
    Api(platform)


def test_strict_makes_a_bad_plugin_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANZHI_STRICT_PLUGINS", "1")
    with pytest.raises(RuntimeError, match="boom"):
        plugins.load(core_part(), only=[], extra={"intruder": hostile(permissions=explode)})


def test_the_suite_finds_a_broken_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """Positive control: a plugin that loads but breaks manners is found by the checks."""

    async def run(work: Any, payload: Any) -> None: ...

    module = hostile(
        manifest=lambda: Manifest("intruder", "sanzhi_core", "", "", "1", prefix="Intruder"),
        permissions=lambda: [Permission("intruder.x.y", "外", "x", ("NOBODY",))],
        jobs=lambda: [Job("intruder.a.b", run, lane="motorway", cron="every day")],
    )
    platform = loaded(module, monkeypatch)
    found = {c.__name__ for c in CHECKS if c(platform, "intruder")}
    assert {"manifest_is_whole", "permissions_are_used_and_known", "jobs_can_be_run"} <= found


def test_two_plugins_cannot_bring_the_same_name() -> None:
    manifest = Manifest("a", "a", "甲", "a", "1", prefix="A")
    part = Part(manifest, (Permission("a.b.c", "x", "x"),))
    twin = dataclasses.replace(part, manifest=dataclasses.replace(manifest, name="b"))
    with pytest.raises(plugins.PluginFault, match=r"b: 'a\.b\.c' exists already"):
        Platform([part, twin], {}, ())
