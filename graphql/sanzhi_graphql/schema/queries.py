"""Declared queries that no table backs, and the host's own: permission first, then the plugin's function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from graphql import GraphQLResolveInfo, GraphQLSchema

from sanzhi_core.errors import Forbidden, Unauthenticated
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.hookspecs import Query
from sanzhi_core.reading.declaration import Bounded
from sanzhi_core.texts import TEXTS

from .composer import Arg, Made, bilingual
from .inputs import InputTypes, to_model
from .outputs import OutputTypes
from .ownership import field_metadata
from .request import request_of
from .runtime import Runtime

PUBLIC = "public"


@dataclass(frozen=True)
class CatalogueEntry:
    """错误码及其说明 / An error code and its texts"""

    code: Annotated[str, "错误码 / Code"]
    message_zh: Annotated[str, "中文说明 / Text in Chinese"]
    message_en: Annotated[str, "英文说明 / Text in English"]


async def _catalogue(_ctx: Context, _input: Any) -> list[CatalogueEntry]:
    return [CatalogueEntry(code, zh, en) for code, (zh, en) in TEXTS.items()]


ERROR_CATALOGUE = Query(
    "errorCatalogue",
    _catalogue,
    Annotated[list[CatalogueEntry], Bounded(200)],
    "全部错误码及其中英文说明",
    "All error codes with their texts in both languages",
    PUBLIC,
    cost=1,
)


@dataclass(frozen=True)
class Owned:
    """A query and the plugin that brought it."""

    plugin: str
    query: Query


def owned(query: Query | Owned) -> Owned:
    """A bare query belongs to the plugin of its permission, else to the package its function is in."""
    if isinstance(query, Owned):
        return query
    if query.permission not in (None, PUBLIC):
        return Owned(str(query.permission).partition(".")[0], query)
    package = query.run.__module__.partition(".")[0]
    plugin = package.removeprefix("sanzhi_") if package.startswith("sanzhi_") else package
    return Owned("core" if plugin in ("core", "graphql") else plugin, query)


class QueryTypes:
    """Composes root fields of declared queries."""

    def __init__(self, inputs: InputTypes, outputs: OutputTypes, queries: Sequence[Query | Owned]) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.queries = [owned(q) for q in (*queries, ERROR_CATALOGUE)]

    def fields(self) -> list[Made]:
        """Fields of the query type."""
        return [self._field(q.query, q.plugin) for q in self.queries]

    def _field(self, query: Query, plugin: str) -> Made:
        policy = query.permission or "signed in"
        shown = self.outputs.shown(query.output, plugin, policy)
        meta = field_metadata(plugin, query.cost, policy, size=shown.size)
        arguments: tuple[Arg, ...] = ()
        if query.input is not None:
            text = bilingual(f"{query.zh}的输入", f"Input of {query.name}")
            arguments = (Arg("input", self.inputs.of(query.input, plugin, text), bilingual("输入", "Input")),)
        return Made(query.name, shown.type, bilingual(query.zh, query.en), meta, None, arguments)

    def resolve(self, schema: GraphQLSchema, runtime: Runtime) -> None:
        """Set the resolvers."""
        assert schema.query_type is not None
        for q in self.queries:
            schema.query_type.fields[q.query.name].resolve = _resolver(q.query, runtime)


def _resolver(query: Query, runtime: Runtime) -> Any:
    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        ctx = request_of(info).ctx
        await _allowed(ctx, query, runtime)
        model = (
            to_model(query.input, next(iter(given.values()))) if query.input is not None and given else None
        )
        return await query.run(ctx, model)

    return resolve


async def _allowed(ctx: Context, query: Query, runtime: Runtime) -> None:
    if query.permission == PUBLIC:
        return
    if ctx.principal.kind == "ANONYMOUS":
        raise Unauthenticated()
    if query.permission is not None and not await runtime.scope_of(ctx, query.permission):
        raise Forbidden(query.permission)
