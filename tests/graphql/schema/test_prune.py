"""A plugin that is off is not there: not in fields, arguments, filters, inputs, payloads, nor in introspection."""

from __future__ import annotations

import time
from typing import Any

import pytest
from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, parse, validate, validate_schema
from graphql.utilities import introspection_from_schema

from sanzhi_core.platform.plugins import Platform
from sanzhi_graphql.schema.build import schema_of
from sanzhi_graphql.schema.prune import prune


@pytest.fixture(scope="module")
def full(installed: Platform) -> GraphQLSchema:
    return schema_of(installed)._schema


STAR = frozenset({"star_virtue"})


def test_types_and_fields_of_others_vanish(full: GraphQLSchema) -> None:
    bare = prune(full, frozenset())
    assert not validate_schema(bare)
    gone = set(full.type_map) - set(bare.type_map)
    assert {"StarCycle", "StarCycleConnection", "StarCycleFilter", "StarCycleOrder"} <= gone
    text = str(introspection_from_schema(bare))
    assert "StarCycle" not in text
    assert "starCycle" not in text
    assert "BusinessError" in text
    assert "VersionConflict" in text
    assert validate(bare, parse("{ starCycles(first: 1) { totalCount } }"))
    assert validate(bare, parse('{ node(id: "x") { ... on StarCycle { id } } }'))
    assert not validate(bare, parse("{ orgUnits(first: 1) { nodes { code } } }"))


def test_the_same_set_gives_the_same_schema(full: GraphQLSchema) -> None:
    assert prune(full, frozenset()) is prune(full, frozenset())
    assert prune(full, STAR) is prune(full, frozenset(["star_virtue"]))
    assert prune(full, STAR) is not prune(full, frozenset())


def test_nothing_of_a_pruned_schema_leads_back_to_the_full_one(full: GraphQLSchema) -> None:
    """Every field, argument and interface points at the pruned schema's own type of that name."""
    bare = prune(full, frozenset())
    for type_ in bare.type_map.values():
        for field in getattr(type_, "fields", {}).values():
            named = get_named_type(field.type)
            assert bare.type_map[named.name] is named
            for argument in getattr(field, "args", {}).values():
                named = get_named_type(argument.type)
                assert bare.type_map[named.name] is named
        for interface in getattr(type_, "interfaces", ()):
            assert bare.type_map[interface.name] is interface


def test_the_full_schema_stays_as_it_was(full: GraphQLSchema) -> None:
    before = {n: list(getattr(t, "fields", {})) for n, t in full.type_map.items()}
    prune(full, frozenset({"nothing"}))
    assert {n: list(getattr(t, "fields", {})) for n, t in full.type_map.items()} == before
    assert not validate_schema(full)


def test_resolvers_and_metadata_stay(full: GraphQLSchema) -> None:
    bare = prune(full, frozenset())
    query: Any = bare.query_type
    original: Any = full.query_type
    for name, field in query.fields.items():
        assert field.resolve is original.fields[name].resolve
        assert field.extensions is original.fields[name].extensions
    errors: Any = bare.get_type("BusinessError")
    assert errors.resolve_type is not None
    assert all(isinstance(t, GraphQLObjectType) for t in bare.get_possible_types(errors))
    assert len(bare.get_possible_types(errors)) == len(
        full.get_possible_types(full.get_type("BusinessError"))
    )  # type: ignore[arg-type]


def test_pruning_is_fast(full: GraphQLSchema) -> None:
    prune(full, frozenset())
    best = 1.0
    for n in range(5):
        start = time.perf_counter()
        prune(full, frozenset({f"unknown{n}"}))
        best = min(best, time.perf_counter() - start)
    assert best <= 0.005, best


def test_many_sets_are_bounded(full: GraphQLSchema) -> None:
    first = prune(full, frozenset({"set0"}))
    for n in range(1, 80):
        prune(full, frozenset({f"set{n}"}))
    assert prune(full, frozenset({"set0"})) is not first
