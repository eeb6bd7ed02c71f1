"""The plugin contract: pluggy hooks and the frozen dataclasses they return (architecture, "Plugin contract").

Return values are dataclasses, so they can grow without breaking a plugin. Mark implementations with `hookimpl`,
put them in the module named by the entry point of group `sanzhi.plugins`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pluggy
from pydantic import BaseModel

if TYPE_CHECKING:
    from sanzhi_core.db.base import Base
    from sanzhi_core.platform.context import Context
    from sanzhi_core.platform.work import Work
    from sanzhi_core.reading.declaration import Node

PLUGIN_API = 1
"""Version of this contract; a manifest with another number is refused by name."""

PROJECT = "sanzhi"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True)
class Manifest:
    """Who a plugin is. `package` is where migrations/ and locale/ are found; `prefix` starts its GraphQL names."""

    name: str
    package: str
    title_zh: str
    title_en: str
    version: str
    prefix: str
    api_version: int = PLUGIN_API


@dataclass(frozen=True)
class Permission:
    """Something a role may do, dotted and plugin-prefixed. `data_class` as in domain/core.md §6."""

    key: str
    title_zh: str
    title_en: str
    default_roles: tuple[str, ...] = ()
    data_class: str = "INTERNAL"


@dataclass(frozen=True)
class Setting:
    """A value a county may set per unit, inherited downwards. `schema` is a JSON-Schema-like check by pydantic type."""

    key: str
    type: Any
    default: Any
    title_zh: str
    title_en: str
    source: str
    check: Callable[[Any], str | None] | None = None


@dataclass(frozen=True)
class Event:
    """Something that happened: ids only, never personal values. `type` is `<plugin>.<noun>.<past verb>`."""

    id: UUID
    type: str
    unit_id: UUID | None
    aggregate: str
    seq: int
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """Work done by a worker. `on`: event types it consumes; `cron`: calendar text in Asia/Shanghai.

    `run(work, payload)` does its effect through `work.session`; it is called once per committed effect, may be
    called again after a crash, and always rolls back when it raises or passes `deadline_s`. `died(work, payload,
    error)` is called when all attempts are used up; `error` names the kind and place of the fault.
    """

    name: str
    run: Callable[[Work, dict[str, Any]], Awaitable[None]]
    lane: str = "normal"
    deadline_s: float = 30.0
    max_attempts: int = 8
    on: tuple[str, ...] = ()
    cron: str | None = None
    died: Callable[[Work, dict[str, Any], str], Awaitable[None]] | None = None


@dataclass(frozen=True)
class ReportFile:
    """A finished report: the bytes, what they are, and the figures they show (kept in the `report` row)."""

    content: bytes
    media_type: str
    file_name: str
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ReportSpec:
    """A report a plugin can make. `make(work, parameters, format, language)` runs in a worker."""

    kind: str
    title_zh: str
    title_en: str
    permission: str
    formats: tuple[str, ...]
    parameters: type[BaseModel]
    formula_version: str
    make: Callable[[Work, Any, str, str], Awaitable[ReportFile]]
    unit_of: Callable[[Work, Any], Awaitable[UUID]]


@dataclass(frozen=True)
class Mutation:
    """A GraphQL mutation: name, the service operation behind it, the payload's field, both descriptions."""

    name: str
    operation: Any
    returns: str | None
    field: str
    zh: str
    en: str
    only_root: bool = False
    outputs: type | None = None


@dataclass(frozen=True)
class Query:
    """A GraphQL root field that no table backs: `run(ctx, input)` returns an instance of dataclass `output`.

    `permission` None means: any signed-in caller; "public": everybody. `output` may be `list[X]`.
    """

    name: str
    run: Callable[[Context, Any], Awaitable[Any]]
    output: Any
    zh: str
    en: str
    permission: str | None
    input: type[BaseModel] | None = None
    cost: int = 10


@dataclass(frozen=True)
class GraphQLParts:
    """What a plugin adds to the schema: declared node types, extensions of others' types, queries, mutations."""

    nodes: Sequence[type[Node]] = ()
    extensions: Sequence[Any] = ()
    queries: Sequence[Query] = ()
    mutations: Sequence[Mutation] = ()


@dataclass(frozen=True)
class EnableBlocker:
    """A reason not to switch a plugin on at a unit, with its cure."""

    code: str
    message_zh: str
    message_en: str


class Specs:
    """The hooks. An implementation may leave out any argument it does not want."""

    @hookspec(firstresult=True)
    def manifest(self) -> Manifest:  # type: ignore[empty-body]
        """Called once at load: who the plugin is."""

    @hookspec(firstresult=True)
    def permissions(self) -> Sequence[Permission]:  # type: ignore[empty-body]
        """Called once at load: every permission the plugin asks for, its names prefixed by the plugin's."""

    @hookspec(firstresult=True)
    def models(self) -> Sequence[type[Base]]:  # type: ignore[empty-body]
        """Called once at load: the mapped classes, all in the PostgreSQL schema named like the plugin."""

    @hookspec(firstresult=True)
    def graphql_parts(self) -> GraphQLParts:  # type: ignore[empty-body]
        """Called once at load: what the plugin adds to the schema."""

    @hookspec(firstresult=True)
    def jobs(self) -> Sequence[Job]:  # type: ignore[empty-body]
        """Called once at load: the plugin's background work."""

    @hookspec(firstresult=True)
    def reports(self) -> Sequence[ReportSpec]:  # type: ignore[empty-body]
        """Called once at load: the reports the plugin can make."""

    @hookspec(firstresult=True)
    def settings(self) -> Sequence[Setting]:  # type: ignore[empty-body]
        """Called once at load: the settings with type, default and source."""

    @hookspec(firstresult=True)
    def on_event(self, work: Work, event: Event) -> Awaitable[None]:  # type: ignore[empty-body]
        """Called by a worker for each event type listed in a job named `<plugin>.on_event`; same rules as a job."""

    @hookspec(firstresult=True)
    def enable_blockers(self, work: Work, unit_id: UUID) -> Awaitable[Sequence[EnableBlocker]]:  # type: ignore[empty-body]
        """Called by planPluginEnable and before enabling: what is missing at the unit; empty when nothing."""

    @hookspec(firstresult=True)
    def seed_demo(self, ctx: Context, county_id: UUID) -> Awaitable[None]:  # type: ignore[empty-body]
        """Called by the demo only: makes `make demo` say something about this plugin."""
