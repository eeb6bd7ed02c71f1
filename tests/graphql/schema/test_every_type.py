"""Every installed type, field, filter and order really runs on the migrated database, for every kind of caller."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import orjson
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    parse,
    validate,
)

from sanzhi_core.platform.context import ANONYMOUS, Context
from sanzhi_core.platform.plugins import Platform
from sanzhi_core.reading.registry import camel
from sanzhi_graphql.schema.build import schema_of
from sanzhi_graphql.schema.execution import execute, serialised

VALUES: dict[str, Any] = {
    "String": "x", "Int": 1, "BigInt": "1", "Decimal": "1.5", "Float": 1.5, "Boolean": True, "Date": "2026-01-01",
    "DateTime": "2026-01-01T00:00:00+08:00", "Time": "08:00:00", "UUID": str(uuid4()),
}  # fmt: skip


@pytest.fixture(scope="module")
def schema(installed: Platform) -> GraphQLSchema:
    return schema_of(installed)._schema


@pytest.fixture(scope="module")
def roots(installed: Platform) -> list[tuple[str, str, str]]:
    """(root field, "one" or "many", type) of every declared type."""
    found = []
    for node in installed.nodes.values():
        found += [(node.one_name, "one", node.type_name)] if node.one_name else []
        found += [(node.many_name, "many", node.type_name)] if node.many_name else []
    assert len(found) > 20
    return found


def leaves(type_: GraphQLObjectType) -> str:
    return " ".join(
        ["__typename", *(n for n, f in type_.fields.items() if is_leaf_type(get_named_type(f.type)))]
    )


def selection(schema: GraphQLSchema, type_: GraphQLObjectType) -> str:
    """All leaves, and all leaves of all relations."""
    parts = [leaves(type_)]
    for name, field in type_.fields.items():
        target = get_named_type(field.type)
        if not isinstance(target, GraphQLObjectType):
            continue
        if "first" in field.args:
            row = get_named_type(target.fields["nodes"].type)
            assert isinstance(row, GraphQLObjectType)
            parts.append(f"{name}(first: 2) {{ totalCount nodes {{ {leaves(row)} }} }}")
        else:
            parts.append(f"{name} {{ {leaves(target)} }}")
    return " ".join(parts)


def value(type_: Any, owner: str) -> Any:
    named = get_named_type(type_)
    if isinstance(named, GraphQLEnumType):
        found: Any = next(iter(named.values))
    elif named.name == "ID":
        found = owner
    else:
        found = VALUES[named.name]
    return [found] if is_list_type(get_nullable_type(type_)) else found


def id_prefix(installed: Platform, type_name: str, name: str) -> str:
    """The type whose ids a field of ids shows."""
    specs = {camel(key): spec for key, spec in installed.nodes[type_name].specs.items()}
    return str(specs[name].id_of) if name in specs and name != "id" else type_name  # type: ignore[union-attr]


def filters(
    installed: Platform, schema: GraphQLSchema, type_name: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(field, filter) with every operator of every column and one level of every relation."""
    type_ = schema.get_type(f"{type_name}Filter")
    assert isinstance(type_, GraphQLInputObjectType)
    for name, field in type_.fields.items():
        target = get_named_type(field.type)
        assert isinstance(target, GraphQLInputObjectType)
        if name in ("and", "or"):
            yield name, {name: [{}, {"not": {}}]}
        elif name == "not":
            yield name, {name: {}}
        elif target.name.endswith("ListFilter"):
            yield name, {name: {"some": {}, "none": {"not": {}}}}
        elif "and" in target.fields:
            yield name, {name: {}}
        else:
            for operator, operand in target.fields.items():
                ident = f"{id_prefix(installed, type_name, name)}_{uuid4()}"
                yield name, {name: {operator: value(operand.type, ident)}}


async def ask(schema: GraphQLSchema, ctx: Context, query: str, **variables: Any) -> dict[str, Any]:
    document = parse(query)
    assert not (wrong := validate(schema, document)), wrong
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    found: dict[str, Any] = orjson.loads(
        serialised(await execute(schema, document, operation, variables, ctx))
    )
    return found


def check(reply: dict[str, Any], what: str, *, allowed: tuple[str, ...] = ()) -> None:
    codes = [e["extensions"]["code"] for e in reply.get("errors", ())]
    assert set(codes) <= set(allowed), (what, reply["errors"])


async def test_every_field_of_every_type(
    schema: GraphQLSchema, roots: Any, world: Any, system: Context
) -> None:
    await world.enable("star_virtue", "990428101201")
    await world.enable("star_virtue", "990428102000")
    staff = await world.caller(
        ("TOWN_LEADER", "990428101000"), ("SEC_ADMIN", "990428000000"), ("COUNTY_DEPT", "990428000000"),
        ("MORAL_COUNCIL", "990428101201"),
    )  # fmt: skip
    resident = await world.caller()
    resident = replace(
        resident, principal=replace(resident.principal, resident_id=uuid4(), household_id=uuid4())
    )
    anonymous = replace(system, principal=replace(ANONYMOUS, generation=await world.generation()))
    for ctx in (system, staff, resident, anonymous):
        for name, kind, type_name in roots:
            type_ = schema.get_type(type_name)
            assert isinstance(type_, GraphQLObjectType)
            inner = selection(schema, type_)
            if kind == "one":
                query = f'{{ {name}(id: "{type_name}_{uuid4()}") {{ {inner} }} }}'
            else:
                query = f"{{ {name}(first: 3) {{ totalCount pageInfo {{ hasNextPage endCursor }} edges {{ cursor node {{ {inner} }} }} }} }}"
            check(
                await ask(schema, ctx, query), f"{ctx.principal.kind} {name}", allowed=("FORBIDDEN", "BAD_ID")
            )


async def test_every_filter_and_order_of_every_type(
    installed: Platform, schema: GraphQLSchema, roots: Any, world: Any, system: Context
) -> None:
    await world.enable("star_virtue", "990428000000")
    query_type: Any = schema.query_type
    asked = 0
    for name, kind, type_name in roots:
        if kind == "one":
            continue
        field: GraphQLField = query_type.fields[name]
        order = get_named_type(field.args["orderBy"].type)
        assert isinstance(order, GraphQLEnumType)
        query = f"query ($w: {type_name}Filter, $o: [{type_name}Order!], $a: String, $b: String) {{ {name}(first: 2, after: $a, before: $b, where: $w, orderBy: $o) {{ totalCount pageInfo {{ hasPreviousPage endCursor }} nodes {{ id }} }} }}"
        for where_name, where in filters(installed, schema, type_name):
            reply = await ask(schema, system, query, w=where)
            check(reply, f"{name} {where_name} {where}")
            asked += 1
        for term in order.values:
            first = await ask(schema, system, query, o=[term])
            check(first, f"{name} {term}")
            cursor = first["data"][name]["pageInfo"]["endCursor"]
            check(await ask(schema, system, query, o=[term], a=cursor, b=cursor), f"{name} {term} between")
            asked += 1
    assert asked > 200
