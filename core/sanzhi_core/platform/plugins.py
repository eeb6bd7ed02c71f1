"""The loader: finds plugins, isolates each, quarantines the bad ones, and keeps what all of them bring.

A bad plugin never stops the core: its failure is a row of `pluginHealth`. Under SANZHI_STRICT_PLUGINS=1 (CI, tests)
it is fatal instead.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pluggy

from sanzhi_core.platform.hookspecs import (
    PLUGIN_API,
    PROJECT,
    GraphQLParts,
    Job,
    Manifest,
    Permission,
    ReportSpec,
    Setting,
    Specs,
)
from sanzhi_core.reading.declaration import Node

log = logging.getLogger("sanzhi.plugins")

ENTRY_POINTS = "sanzhi.plugins"
CORE = "core"


class PluginFault(Exception):
    """A plugin broke the contract; the text names the plugin and what is wrong."""


@dataclass(frozen=True)
class Health:
    """State of one installed plugin: LOADED, or QUARANTINED with the reason."""

    name: str
    version: str
    state: str
    reason: str = ""


@dataclass
class Part:
    """What the core or one plugin brings."""

    manifest: Manifest
    permissions: tuple[Permission, ...] = ()
    models: tuple[type, ...] = ()
    graphql: GraphQLParts = field(default_factory=GraphQLParts)
    jobs: tuple[Job, ...] = ()
    reports: tuple[ReportSpec, ...] = ()
    settings: tuple[Setting, ...] = ()


class ScopeCache:
    """Computed scopes by (caller, generation, permission, mode, day); bounded, oldest out first."""

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._rows: OrderedDict[Any, Any] = OrderedDict()

    def get(self, key: Any) -> Any:
        value = self._rows.get(key)
        if value is not None:
            self._rows.move_to_end(key)
        return value

    def put(self, key: Any, value: Any) -> None:
        self._rows[key] = value
        while len(self._rows) > self._size:
            self._rows.popitem(last=False)


class Platform:
    """Everything installed, by name. Made once per process; knows no database."""

    def __init__(self, parts: Iterable[Part], hooks: Mapping[str, Any], health: Iterable[Health]) -> None:
        self.parts: dict[str, Part] = {p.manifest.name: p for p in parts}
        self.hooks = dict(hooks)
        self.health = tuple(health)
        self.report_dir: Path = Path("reports")
        self.notice_dir: Path | None = None
        self.scopes = ScopeCache()
        self.role_permissions: tuple[int, dict[str, frozenset[str]]] = (-1, {})
        self.permissions: dict[str, Permission] = {}
        self.jobs: dict[str, Job] = {}
        self._job_plugin: dict[str, str] = {}
        self.reports: dict[str, tuple[str, ReportSpec]] = {}
        self.settings: dict[str, tuple[str, Setting]] = {}
        self._consumers: dict[str, list[Job]] = {}
        self.nodes: dict[str, type[Node]] = {}
        self.node_of_model: dict[type, type[Node]] = {}
        for name, part in self.parts.items():
            self._add(name, part)

    def _add(self, name: str, part: Part) -> None:
        for permission in part.permissions:
            _once(self.permissions, permission.key, permission, name)
        for job in part.jobs:
            _once(self.jobs, job.name, job, name)
            self._job_plugin[job.name] = name
            for event in job.on:
                self._consumers.setdefault(event, []).append(job)
        for report in part.reports:
            _once(self.reports, report.kind, (name, report), name)
        for setting in part.settings:
            _once(self.settings, setting.key, (name, setting), name)
        for node in part.graphql.nodes:
            _once(self.nodes, node.type_name, node, name)
            self.node_of_model.setdefault(node.model, node)

    @property
    def plugin_names(self) -> frozenset[str]:
        """Loaded plugins, without the core."""
        return frozenset(self.parts) - {CORE}

    def job_plugin(self, name: str) -> str:
        """The plugin a job belongs to."""
        return self._job_plugin[name]

    def consumers(self, event_type: str) -> tuple[Job, ...]:
        """Jobs subscribed to an event type, over all plugins."""
        return tuple(self._consumers.get(event_type, ()))

    def plugin_of(self, permission: str) -> str:
        """`<plugin>` of `<plugin>.<noun>.<verb>`; LookupError when nobody declared the permission."""
        if permission not in self.permissions:
            raise LookupError(f"permission {permission!r} is declared by nobody")
        return permission.partition(".")[0]

    async def blockers(self, work: Any, plugin: str, unit_id: UUID) -> list[Any]:
        """What the plugin itself says is missing before it can be switched on at a unit."""
        hook = self.hooks.get(plugin)
        function = getattr(hook, "enable_blockers", None)
        return list(await function(work, unit_id)) if function is not None else []


def _once(table: dict[str, Any], key: str, value: Any, plugin: str) -> None:
    if key in table:
        raise PluginFault(f"{plugin}: {key!r} exists already")
    table[key] = value


def _check(part: Part) -> None:
    name = part.manifest.name
    if part.manifest.api_version != PLUGIN_API:
        raise PluginFault(
            f"{name} speaks plugin API {part.manifest.api_version}, this platform speaks {PLUGIN_API}"
        )
    named = [p.key for p in part.permissions] + [j.name for j in part.jobs]
    for key in named + [r.kind for r in part.reports]:
        if not key.startswith(f"{name}."):
            raise PluginFault(f"{name}: {key!r} must start with {name!r} and a dot")
    known = {p.key for p in part.permissions}
    for node in part.graphql.nodes:
        wanted = [node.policy.permission] + [getattr(s, "needs", None) for s in node.specs.values()]
        for permission in filter(None, wanted):
            if permission.startswith(f"{name}.") and permission not in known:
                raise PluginFault(
                    f"{name}: type {node.type_name} asks for undeclared permission {permission!r}"
                )
        if name != CORE and not node.type_name.startswith(part.manifest.prefix):
            raise PluginFault(f"{name}: type {node.type_name} must start with {part.manifest.prefix}")
    for mutation in part.graphql.mutations:
        wanted_key = mutation.operation.permission
        if wanted_key is not None and wanted_key.startswith(f"{name}.") and wanted_key not in known:
            raise PluginFault(f"{name}: mutation {mutation.name} asks for an undeclared permission")


def _part_of(module: Any, name: str) -> Part:
    """Register one plugin alone in its own manager, so that one plugin's fault is its own."""
    pm = pluggy.PluginManager(PROJECT)
    pm.add_hookspecs(Specs)
    pm.register(module, name=name)
    pm.check_pending()
    hook = pm.hook
    manifest = hook.manifest()
    if manifest is None:
        raise PluginFault(f"{name}: implements no manifest()")
    if manifest.name != name:
        raise PluginFault(f"entry point {name!r} carries the manifest of {manifest.name!r}")

    def gather(call: Callable[[], Any]) -> tuple[Any, ...]:
        return tuple(call() or ())

    part = Part(
        manifest,
        gather(hook.permissions),
        gather(hook.models),
        hook.graphql_parts() or GraphQLParts(),
        gather(hook.jobs),
        gather(hook.reports),
        gather(hook.settings),
    )
    _check(part)
    return part


def _given(module: Any) -> Any:
    return module


def load(
    core: Part, *, extra: Mapping[str, Any] | None = None, only: Iterable[str] | None = None
) -> Platform:
    """Load every installed plugin (or `only` these), plus `extra` {name: module} given by tests.

    A plugin that raises anything, SystemExit included, is quarantined with its reason; SANZHI_STRICT_PLUGINS=1 raises.
    """
    strict = os.environ.get("SANZHI_STRICT_PLUGINS") == "1"
    wanted = None if only is None else set(only)
    parts, hooks, health = [core], {}, [Health(CORE, core.manifest.version, "LOADED")]
    found: list[tuple[str, Callable[[], Any]]] = [
        (e.name, e.load) for e in importlib.metadata.entry_points(group=ENTRY_POINTS)
    ]
    found += [(name, partial(_given, module)) for name, module in (extra or {}).items()]
    for name, get in sorted(found, key=lambda pair: pair[0]):
        if wanted is not None and name not in wanted and name not in (extra or {}):
            continue
        try:
            module = get()
            part = _part_of(module, name)
            Platform([*parts, part], {}, ())  # collisions with what is loaded already
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as fault:
            if strict:
                raise
            log.error("plugin %s quarantined: %s: %s", name, type(fault).__name__, fault)
            health.append(Health(name, "", "QUARANTINED", f"{type(fault).__name__}: {fault}"))
            continue
        parts.append(part)
        hooks[name] = module
        health.append(Health(name, part.manifest.version, "LOADED"))
    return Platform(parts, hooks, health)
