"""Contract walks over a composed schema: nothing without owner and policy, no endless list, no field without text."""

from __future__ import annotations

from collections.abc import Iterator

import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from .build import core_schema
from .ownership import metadata

_PAGED = ("edges", "nodes")


def _types(schema: strawberry.Schema | GraphQLSchema) -> Iterator[GraphQLNamedType]:
    core = schema if isinstance(schema, GraphQLSchema) else core_schema(schema)
    for name, type_ in core.type_map.items():
        if not name.startswith("__"):
            yield type_


def undeclared(schema: strawberry.Schema | GraphQLSchema) -> list[str]:
    """`Type.field: what is missing` for fields without plugin or policy, and for lists that nothing bounds."""
    out = []
    for type_ in _types(schema):
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type_.fields.items():
                found = metadata(field)
                missing = [key for key in ("plugin", "policy") if not found.get(key)]
                if missing:
                    out.append(f"{type_.name}.{name}: no {' and no '.join(missing)}")
                elif _unbounded(type_.name, name, field):
                    out.append(f"{type_.name}.{name}: a list without `first` and without a bound")
    return out


def _unbounded(type_name: str, name: str, field: GraphQLField) -> bool:
    type_ = get_nullable_type(field.type)
    if not is_list_type(type_) or "first" in field.args or metadata(field).get("size"):
        return False
    if name in _PAGED and type_name.endswith("Connection"):
        return False
    # A list of scalars is part of its row's one value.
    return not (is_leaf_type(get_nullable_type(type_.of_type)) and metadata(field)["policy"] == "row")


def undescribed(schema: strawberry.Schema | GraphQLSchema) -> list[str]:
    """Types, fields, arguments, input fields and enums without a text in both languages ("中文 / English")."""
    out = []

    def check(where: str, text: str | None) -> None:
        if not text or " / " not in text:
            out.append(where)

    for type_ in _types(schema):
        if type_.name in ("String", "Int", "Float", "Boolean", "ID"):
            continue
        check(type_.name, type_.description)
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type_.fields.items():
                check(f"{type_.name}.{name}", field.description)
                for argument, definition in field.args.items():
                    check(f"{type_.name}.{name}({argument}:)", definition.description)
        elif isinstance(type_, GraphQLInputObjectType):
            for name, entry in type_.fields.items():
                check(f"{type_.name}.{name}", entry.description)
        elif isinstance(type_, GraphQLEnumType):
            continue
    return out
