"""Honest documents pass, at the limits too; one step beyond a limit is refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLSchema, get_introspection_query, parse

from sanzhi_graphql.gate.body import GraphQLRequest
from sanzhi_graphql.gate.documents import Admitted, Gate
from sanzhi_graphql.gate.limits import Limits
from sanzhi_graphql.gate.refusal import GateCode, GateRefusal
from sanzhi_graphql.gate.shape import check_shape

Admit = Callable[..., Admitted]


@pytest.fixture
def admit(gate: Gate, schema: GraphQLSchema) -> Admit:
    def run(
        query: str, variables: dict[str, Any] | None = None, name: str | None = None, **kw: Any
    ) -> Admitted:
        request = GraphQLRequest(query, name, variables or {}, {})
        return gate.admit(request, "all", schema, **{"max_cost": 5_000, **kw})

    return run


GOOD = {
    "one object": "{org{id name}}",
    "page with edges": "{org{persons(first:10){edges{cursor node{id}} pageInfo{hasNextPage} totalCount}}}",
    "page from the end": '{org{persons(last:100, after:"x"){nodes{id name}}}}',
    "aliases": "{a:org{x:name y:id} b:org{name}}",
    "fragments": "{org{...F parent{...F}}} fragment F on Org {id name persons(first:2){nodes{...P}}} "
    "fragment P on Person {name}",
    "union with equal keys": "{hit{__typename ... on Org{__typename name} ... on Person{__typename name}}}",
    "directives": "query($a:Boolean!){org{name @include(if:$a) id @skip(if:$a)}}",
    "mutation": 'mutation {rename(id:"1",name:"x"){id}}',
    "five mutations": "mutation {" + " ".join(f'm{i}:rename(id:"1",name:"x"){{id}}' for i in range(5)) + "}",
    "one login": 'mutation {login(name:"a") __typename}',
    "block text": '{search(text:"""村 "quoted" [[[ """)}',
    "largest literal": "{search(filter:{name:null}, ratio:9223372036854775807)}",
    "nested input": "{search(filter:" + "{anyOf:" * 20 + "null" + "}" * 20 + ")}",
    "depth of 12": "{org{" + "parent{" * 10 + "name" + "}" * 12,
    "five repeats": "{org{name name name name name}}",
    "twenty directives": "{org{" + " ".join(f"a{i}:name @skip(if:false)" for i in range(20)) + "}}",
    "thirty aliases": "{org{" + " ".join(f"a{i}:name" for i in range(30)) + "}}",
    "twenty fragments": "{org{...F0}}"
    + " ".join(f"fragment F{i} on Org{{name ...F{i + 1}}}" for i in range(4))
    + " fragment F4 on Org{id}",
    "page default of the schema": "{org{children{id}}}",
}


@pytest.mark.parametrize("name", GOOD)
def test_good_documents_are_admitted(name: str, admit: Admit) -> None:
    admitted = admit(GOOD[name], {"a": True})
    assert admitted.document.definitions[0] is admitted.operation
    assert admitted.cost >= 0
    assert set(admitted.fragments) == {
        d.name.value for d in admitted.document.definitions[1:] if d.kind == "fragment_definition"
    }


def test_the_named_operation_is_chosen(admit: Admit) -> None:
    text = "query A {org{name}} query B {org{id}}"
    for name in ("A", "B"):
        admitted = admit(text, name=name)
        assert admitted.operation.name.value == name
        assert admitted.operation_name == name


@pytest.mark.parametrize("type_depth", [7, 9])
def test_standard_introspection_where_allowed(admit: Admit, type_depth: int) -> None:
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        one_of=True,
        type_depth=type_depth,
    )
    admitted = admit(query, introspection=True)
    assert admitted.cost == 100
    assert admitted.prepared.introspects
    # The same text, from the cache, for somebody who may not.
    with pytest.raises(GateRefusal) as caught:
        admit(query)
    assert caught.value.code is GateCode.INTROSPECTION


def test_looking_up_one_type_two_lists_deep(admit: Admit) -> None:
    admit('{__type(name:"Org"){fields{name type{name fields{name}}}}}', introspection=True)


def test_typename_is_not_introspection(admit: Admit) -> None:
    assert not admit("{__typename org{__typename}}").prepared.introspects


BOUNDARIES = [
    ("fields", 6, GateCode.FIELDS, "{org{id name parent{id name}}}"),
    ("selections", 5, GateCode.SELECTIONS, "{org{...{...{name} id}}}"),
    ("aliases", 2, GateCode.ALIASES, "{x:org{y:name}}"),
    ("directives", 2, GateCode.DIRECTIVES, "{org @skip(if:false) {name @skip(if:false)}}"),
    ("depth", 3, GateCode.DEPTH, "{org{parent{name}}}"),
    ("key_repeats", 3, GateCode.KEY_REPEATS, "{org{name name name}}"),
    ("key_repeats_all_types", 2, GateCode.KEY_REPEATS, "{hit{... on Org{name} ... on Person{name}}}"),
    ("operations", 2, GateCode.OPERATIONS, "query A{org{name}} query B{org{name}}"),
    ("fragments", 1, GateCode.FRAGMENTS, "query A{org{...F}} fragment F on Org{name}"),
    ("variables", 1, GateCode.VARIABLES, "query A($a:ID){org(id:$a){name}}"),
    ("mutation_fields", 1, GateCode.MUTATION_FIELDS, 'mutation A{login(name:"a")}'),
]


@pytest.mark.parametrize(("limit", "value", "code", "query"), BOUNDARIES, ids=[b[0] for b in BOUNDARIES])
def test_limits_are_inclusive(limit: str, value: int, code: GateCode, query: str, limits: Limits) -> None:
    name = "A" if " A" in query else None
    check_shape(parse(query), name, replace(limits, **{limit: value}))
    with pytest.raises(GateRefusal) as caught:
        check_shape(parse(query), name, replace(limits, **{limit: value - 1}))
    assert caught.value.code is code


def test_all_operations_are_counted_together(limits: Limits) -> None:
    query = "query A{org{name id}} query B{org{name id}}"
    check_shape(parse(query), "A", replace(limits, fields=6))
    with pytest.raises(GateRefusal) as caught:
        check_shape(parse(query), "A", replace(limits, fields=5))
    assert caught.value.code is GateCode.FIELDS
