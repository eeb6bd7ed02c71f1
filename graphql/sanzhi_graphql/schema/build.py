"""Declarations → one Strawberry schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import strawberry
from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from sanzhi_core.platform.hookspecs import Mutation, Query
from sanzhi_core.platform.plugins import Platform
from sanzhi_core.reading.declaration import Extension, Node
from sanzhi_core.reading.registry import Catalogue

from ..compile.planner import Planner
from ..compile.reader import Reader
from .composer import Composer, bilingual
from .errors import ErrorTypes
from .inputs import InputTypes
from .mutations import MutationTypes
from .nodes import NodeTypes
from .outputs import OutputTypes
from .ownership import metadata, set_type_owner
from .queries import Owned, QueryTypes
from .request import SplicingExecutor, plan_key, request_of, selection_of, spliced
from .runtime import Runtime
from .scalars import SCALARS, describe_scalars


def build_schema(
    nodes: Sequence[type[Node]],
    extensions: Sequence[Extension] = (),
    queries: Sequence[Query | Owned] = (),
    mutations: Sequence[Mutation] = (),
    runtime: Runtime | None = None,
) -> strawberry.Schema:
    """The whole schema. Raises DeclarationError when a name is brought twice or a declaration cannot be served."""
    runtime = runtime or Runtime()
    catalogue = Catalogue(nodes, extensions)
    planner = Planner(catalogue)
    reader = Reader(planner, runtime.scope_of, runtime.enabled_at)
    composer = Composer()
    node_types = NodeTypes(composer, catalogue)
    outputs, inputs = OutputTypes(composer), InputTypes(composer)
    errors = ErrorTypes(composer, outputs)
    node_types.announce()
    errors.announce()
    node_types.fill()
    errors.fill()
    query_types = QueryTypes(inputs, outputs, queries)
    mutation_types = MutationTypes(composer, catalogue, inputs, outputs, errors, mutations)
    composer.announce("Query", "core")
    query = composer.output("Query", bilingual("查询", "Reads"), [*node_types.roots(), *query_types.fields()])
    mutation = None
    if mutations:
        composer.announce("Mutation", "core")
        mutation = composer.output("Mutation", bilingual("变更", "Writes"), mutation_types.fields())
    shown = [composer.classes[name] for name in (*catalogue.types, *errors.names.values())]
    schema = strawberry.Schema(
        query,
        mutation,
        types=shown,
        execution_context_class=SplicingExecutor,
        config=StrawberryConfig(auto_camel_case=False, scalar_map=SCALARS),
    )
    core = core_schema(schema)
    for name, plugin in composer.owners.items():
        type_ = core.get_type(name)
        if type_ is not None:
            set_type_owner(type_, plugin)
    describe_scalars(core)
    _resolve_reads(core, catalogue, reader)
    _resolve_ids(core)
    errors.resolve(core)
    query_types.resolve(core, runtime)
    mutation_types.resolve(core, reader, runtime)
    return schema


def schema_of(platform: Platform, runtime: Runtime | None = None) -> strawberry.Schema:
    """The schema of everything installed."""
    nodes: list[Any] = []
    extensions: list[Any] = []
    queries: list[Query | Owned] = []
    mutations: list[Mutation] = []
    for plugin, part in platform.parts.items():
        nodes += part.graphql.nodes
        extensions += part.graphql.extensions
        queries += [Owned(plugin, q) for q in part.graphql.queries]
        mutations += part.graphql.mutations
    return build_schema(nodes, extensions, queries, mutations, runtime)


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """The graphql-core schema behind a Strawberry schema."""
    return schema._schema


def _resolve_reads(schema: GraphQLSchema, catalogue: Catalogue, reader: Reader) -> None:
    async def root(_source: Any, info: GraphQLResolveInfo[Any], **_given: Any) -> Any:
        request = request_of(info)
        return spliced(
            await reader.root(request.ctx, selection_of(info), plan_key(info, request), request.snapshot)
        )

    async def node(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        request = request_of(info)
        ident = str(next(iter(given.values())))
        return spliced(
            await reader.node(
                request.ctx, selection_of(info), ident, plan_key(info, request), request.snapshot
            )
        )

    assert schema.query_type is not None
    for name in catalogue.roots:
        schema.query_type.fields[name].resolve = root
    schema.query_type.fields["node"].resolve = node


def _resolve_ids(schema: GraphQLSchema) -> None:
    """Output fields declared with `id_of(…)` show `Type_uuid`."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            for field in type_.fields.values():
                prefix = metadata(field).get("id_of")
                if prefix:
                    field.resolve = _id_resolver(
                        prefix, field.extensions["strawberry-definition"].python_name
                    )


def _id_resolver(prefix: str, attribute: str) -> Any:
    def resolve(source: Any, _info: GraphQLResolveInfo[Any]) -> str | None:
        value = getattr(source, attribute)
        return None if value is None else f"{prefix}_{value}"

    return resolve
