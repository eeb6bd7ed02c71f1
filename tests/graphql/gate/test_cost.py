"""Prices against sums done by hand: object 1, leaf 0, totalCount 10, portrait 25."""

from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, parse, validate

from sanzhi_graphql.gate.body import GraphQLRequest
from sanzhi_graphql.gate.cost import cost
from sanzhi_graphql.gate.documents import Gate
from sanzhi_graphql.gate.limits import Limits
from sanzhi_graphql.gate.refusal import GateCode, GateRefusal


def points(schema: GraphQLSchema, limits: Limits, query: str, variables: dict[str, Any] | None = None) -> int:
    document = parse(query)
    assert validate(schema, document) == []
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return cost(schema, document, operation, variables or {}, limits)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{__typename}", 0),
        ("{org{id name}}", 1),
        ("{org{parent{parent{id}}}}", 3),
        # org + connection + 10 nodes
        ("{org{persons(first:10){nodes{id name}}}}", 1 + 1 + 10),
        ("{org{persons(last:10){nodes{id}}}}", 1 + 1 + 10),
        # edges cost nothing beside their nodes; pageInfo is one object per connection
        ("{org{persons(first:10){edges{cursor node{id}} pageInfo{hasNextPage}}}}", 1 + 1 + 10 + 1),
        # both ways of reading a page are paid
        ("{org{persons(first:10){nodes{id} edges{node{id}}}}}", 1 + 1 + 10 + 10),
        ("{org{persons(first:10){totalCount}}}", 1 + 1 + 10),
        # 10 nodes with a connection each, 20 nodes below each
        ("{org{persons(first:10){nodes{org{persons(first:20){nodes{id}}}}}}}", 1 + 1 + 10 + 10 + 10 + 200),
        ("{org{persons(first:4){nodes{portrait}}}}", 1 + 1 + 4 + 4 * 25),
        # a list with `first` of its own, by the schema's default too
        ("{org{children(first:7){parent{id}}}}", 1 + 7 + 7),
        ("{org{children{id}}}", 1 + 20),
        # lists without pages: metadata size 3, else 10
        ("{org{persons(first:2){nodes{phones{number}}}}}", 1 + 1 + 2 + 6),
        ("{org{persons(first:2){nodes{friends{id}}}}}", 1 + 1 + 2 + 20),
        # aliases are paid each
        ("{a:org{id} b:org{id}}", 2),
        # unions: every branch is paid
        ("{hit{... on Org{parent{id}} ... on Person{org{id}}}}", 3),
        # fragments, also inside a connection
        (
            "{org{persons(first:5){...C}}} fragment C on PersonConnection{nodes{...P}} "
            "fragment P on Person{org{id}}",
            1 + 1 + 5 + 5,
        ),
        ("{org{persons(first:5){... on PersonConnection{nodes{id}}}}}", 7),
        ("{org @skip(if:true) {id}}", 1),
        ("{__schema{types{fields{name}}}}", 100),
        ('mutation{rename(id:"1",name:"x"){persons(first:3){nodes{id}}}}', 1 + 1 + 3),
    ],
)
def test_price_is_the_sum_by_hand(query: str, expected: int, schema: GraphQLSchema, limits: Limits) -> None:
    assert points(schema, limits, query) == expected


@pytest.mark.parametrize(
    ("head", "variables", "expected"),
    [
        ("$n:Int", {"n": 30}, 32),
        ("$n:Int", {"n": 30.0}, 32),
        ("$n:Int=4", {}, 6),
        ("$n:Int=4", {"n": 5}, 7),
        ("$n:Int!", {"n": 100, "other": 1}, 102),
    ],
)
def test_page_sizes_from_variables(
    head: str, variables: dict[str, Any], expected: int, schema: GraphQLSchema, limits: Limits
) -> None:
    query = f"query({head}){{org{{persons(first:$n){{nodes{{id}}}}}}}}"
    assert points(schema, limits, query, variables) == expected


def test_one_variable_in_two_places_multiplies(schema: GraphQLSchema, limits: Limits) -> None:
    query = "query($n:Int){org{persons(first:$n){nodes{org{persons(last:$n){nodes{id}}}}}}}"
    assert points(schema, limits, query, {"n": 100}) == 1 + 1 + 100 + 100 + 100 + 10_000


def test_the_ceiling(schema: GraphQLSchema, limits: Limits) -> None:
    query = "{org{id}}"
    for _ in range(5):
        query = query.replace("{id}", "{children(first:100){id}}")
    assert points(schema, limits, query) == limits.cost_ceiling


def test_cost_limit_is_the_callers_and_inclusive(gate: Gate, schema: GraphQLSchema, limits: Limits) -> None:
    request = GraphQLRequest("{org{children(first:100){children(first:100){id}}}}", None, {}, {})
    assert gate.admit(request, "all", schema, max_cost=limits.cost_staff).cost == 10_101
    gate.admit(request, "all", schema, max_cost=10_101)
    with pytest.raises(GateRefusal) as caught:
        gate.admit(request, "all", schema, max_cost=10_100)
    assert caught.value.code is GateCode.COST
    assert caught.value.facts == {"cost": 10_101, "limit": 10_100}
