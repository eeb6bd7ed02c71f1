"""The contract suite: what every plugin, ours and others', must keep. Run it over an installed platform.

    @pytest.mark.parametrize("check", contract.CHECKS, ids=lambda c: c.__name__)
    def test_contract(check, platform): assert check(platform, "my_plugin") == []

Each check returns the list of its findings; an empty list passes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from sanzhi_core.db.base import SCOPE_LEVELS
from sanzhi_core.db.migrate import heads, package_dir
from sanzhi_core.identity.roles import CODES
from sanzhi_core.platform.hookspecs import PLUGIN_API
from sanzhi_core.platform.outbox import LANES
from sanzhi_core.platform.plugins import Part, Platform

Check = Callable[[Platform, str], list[str]]

_DOTTED = re.compile(r"^[a-z][a-z_]*(\.[a-z][a-z_]*)+$")


def _part(platform: Platform, plugin: str) -> Part:
    return platform.parts[plugin]


def manifest_is_whole(platform: Platform, plugin: str) -> list[str]:
    """Name, API version, titles in both languages, a prefix, a package that is there."""
    m = _part(platform, plugin).manifest
    out = []
    if m.api_version != PLUGIN_API:
        out.append(f"API version {m.api_version}")
    if not (m.title_zh and m.title_en and m.version and m.prefix):
        out.append("title, version or prefix is empty")
    if not package_dir(m.package).is_dir():
        out.append(f"package {m.package} is not there")
    return out


def names_carry_the_plugin(platform: Platform, plugin: str) -> list[str]:
    """Permissions, jobs, reports and settings are dotted; the first three start with the plugin's name."""
    part = _part(platform, plugin)
    keys = [p.key for p in part.permissions] + [j.name for j in part.jobs] + [r.kind for r in part.reports]
    out = [f"{key} does not start with {plugin}." for key in keys if not key.startswith(f"{plugin}.")]
    return out + [f"{key} is not dotted lower case" for key in keys if not _DOTTED.match(key)]


def types_carry_the_prefix(platform: Platform, plugin: str) -> list[str]:
    """GraphQL types start with the manifest's prefix; declared types, one and many names do not repeat."""
    part = _part(platform, plugin)
    return [
        f"type {node.type_name} does not start with {part.manifest.prefix}"
        for node in part.graphql.nodes
        if not node.type_name.startswith(part.manifest.prefix)
    ]


def permissions_are_used_and_known(platform: Platform, plugin: str) -> list[str]:
    """Default roles exist; what nodes, mutations, queries and reports ask for is declared."""
    part = _part(platform, plugin)
    out = [
        f"{p.key}: unknown role {role}"
        for p in part.permissions
        for role in p.default_roles
        if role not in CODES
    ]
    wanted = [n.policy.permission for n in part.graphql.nodes]
    wanted += [m.operation.permission for m in part.graphql.mutations]
    wanted += [q.permission for q in part.graphql.queries if q.permission != "public"]
    wanted += [r.permission for r in part.reports]
    return out + [f"{key} is declared by nobody" for key in wanted if key and key not in platform.permissions]


def texts_are_bilingual(platform: Platform, plugin: str) -> list[str]:
    """Every title and description is there in Chinese and English."""
    part = _part(platform, plugin)
    out = []
    titled: list[Any] = [*part.permissions, *part.settings, *part.reports]
    for p in titled:
        if not (p.title_zh and p.title_en):
            out.append(f"{p}: no title")
    for node in part.graphql.nodes:
        if not (node.zh and node.en):
            out.append(f"{node.type_name}: no description")
        out += [
            f"{node.type_name}.{key}: no description" for key, s in node.specs.items() if not (s.zh and s.en)
        ]
    return out


def settings_accept_their_defaults(platform: Platform, plugin: str) -> list[str]:
    """A setting's default passes its own type and check."""
    from pydantic import TypeAdapter

    out = []
    for s in _part(platform, plugin).settings:
        try:
            value = TypeAdapter(s.type).validate_python(s.default)
        except ValueError as fault:
            out.append(f"{s.key}: {fault}")
            continue
        if s.check is not None and s.check(value) is not None:
            out.append(f"{s.key}: the default is out of bounds")
    return out


def jobs_can_be_run(platform: Platform, plugin: str) -> list[str]:
    """Lanes exist, deadlines and attempts are positive, cron text can be read."""
    from croniter import croniter

    out = []
    for job in _part(platform, plugin).jobs:
        if job.lane not in LANES:
            out.append(f"{job.name}: lane {job.lane}")
        if job.deadline_s <= 0 or job.max_attempts < 1:
            out.append(f"{job.name}: deadline or attempts")
        if job.cron is not None and not croniter.is_valid(job.cron):
            out.append(f"{job.name}: cron {job.cron!r}")
    return out


def tables_are_scoped(platform: Platform, plugin: str) -> list[str]:
    """Tables live in the schema named like the plugin; rows read by permission carry every scope column."""
    part = _part(platform, plugin)
    out = []
    for model in part.models:
        table = model.__table__  # type: ignore[attr-defined]
        if table.schema != plugin:
            out.append(f"{table.fullname} is not in schema {plugin}")
    for node in part.graphql.nodes:
        columns = {a.key for a in node.model.__mapper__.column_attrs}
        if node.policy.permission and not set(SCOPE_LEVELS) <= columns:
            out.append(f"{node.type_name}: reads by permission but has no scope columns")
    return out


def sorted_lists_have_indexes(platform: Platform, plugin: str) -> list[str]:
    """A page by permission runs on an index `(level_id, default order, id)` (architecture 7)."""
    out = []
    for node in _part(platform, plugin).graphql.nodes:
        if node.many_name is None or not node.policy.permission:
            continue
        table = node.model.__table__
        found = {tuple(c.name for c in i.columns) for i in table.indexes}  # type: ignore[attr-defined]
        for level in ("county_id", "town_id", "village_id"):
            wanted = (level, *node.default_order, "id")
            if wanted not in found:
                out.append(f"{node.type_name}: no index on {wanted}")
    return out


def migrations_are_there(platform: Platform, plugin: str) -> list[str]:
    """A plugin with tables has a branch of revisions named like it."""
    part = _part(platform, plugin)
    if not part.models:
        return []
    branch = [h for h in heads(["sanzhi_core", part.manifest.package]) if h.startswith(f"{plugin}_")]
    return [] if branch else [f"no revision {plugin}_NNNN"]


CHECKS: tuple[Check, ...] = (
    manifest_is_whole,
    names_carry_the_plugin,
    types_carry_the_prefix,
    permissions_are_used_and_known,
    texts_are_bilingual,
    settings_accept_their_defaults,
    jobs_can_be_run,
    tables_are_scoped,
    sorted_lists_have_indexes,
    migrations_are_there,
)


def every_check(platform: Platform) -> Iterator[tuple[str, Check]]:
    """(plugin, check) over all loaded plugins, the core left out."""
    for plugin in sorted(platform.plugin_names):
        for check in CHECKS:
            yield plugin, check
