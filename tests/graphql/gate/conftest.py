"""A toy schema with the shapes the gate must price: connections, edges, plain lists, unions, mutations."""

import time
from collections.abc import Callable

import pytest
import strawberry
from graphql import GraphQLSchema

from sanzhi_graphql.gate.body import parse_body
from sanzhi_graphql.gate.documents import Gate
from sanzhi_graphql.gate.limits import Limits
from sanzhi_graphql.gate.refusal import GateRefusal


@strawberry.type
class Org:
    id: strawberry.ID
    name: str

    @strawberry.field
    def parent(self) -> "Org | None":
        return None

    @strawberry.field
    def persons(
        self, first: int | None = None, last: int | None = None, after: str | None = None
    ) -> "PersonConnection":
        raise NotImplementedError

    @strawberry.field
    def children(self, first: int = 20) -> list["Org"]:
        raise NotImplementedError


@strawberry.type
class Person:
    id: strawberry.ID
    name: str

    @strawberry.field
    def org(self) -> Org:
        raise NotImplementedError

    @strawberry.field(metadata={"cost": 25})
    def portrait(self) -> str:
        raise NotImplementedError

    @strawberry.field(metadata={"size": 3})
    def phones(self) -> list["Phone"]:
        raise NotImplementedError

    @strawberry.field
    def friends(self) -> list["Person"]:
        raise NotImplementedError


@strawberry.type
class Phone:
    number: str


@strawberry.type
class PersonEdge:
    cursor: str
    node: Person


@strawberry.type
class PageInfo:
    has_next_page: bool


@strawberry.type
class PersonConnection:
    nodes: list[Person]
    edges: list[PersonEdge]
    page_info: PageInfo
    total_count: int


@strawberry.input
class Filter:
    name: str | None = None
    any_of: list["Filter"] | None = None


@strawberry.type
class Query:
    @strawberry.field
    def org(self, id: strawberry.ID | None = None, level: int | None = None) -> Org:
        raise NotImplementedError

    @strawberry.field
    def hit(self) -> Org | Person:
        raise NotImplementedError

    @strawberry.field
    def search(
        self, filter: Filter | None = None, text: str | None = None, ratio: float | None = None
    ) -> str:
        return text or ""


@strawberry.type
class Mutation:
    @strawberry.mutation
    def rename(self, id: strawberry.ID, name: str) -> Org:
        raise NotImplementedError

    @strawberry.mutation
    def login(self, name: str) -> str:
        raise NotImplementedError


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> int:
        yield 1


LIMITS = Limits(exactly_one=frozenset({"login"}))
SCHEMA = strawberry.Schema(Query, Mutation, Subscription)._schema


@pytest.fixture
def schema() -> GraphQLSchema:
    return SCHEMA


@pytest.fixture
def limits() -> Limits:
    return LIMITS


@pytest.fixture
def gate() -> Gate:
    return Gate(LIMITS)


def refusal_of(raw: bytes, *, introspection: bool = False) -> tuple[float, GateRefusal]:
    """Least CPU seconds of three refusals with an empty cache, and the refusal; fails when admitted."""
    best, refusal = float("inf"), None
    for _ in range(3):
        gate = Gate(LIMITS)
        start = time.process_time()
        with pytest.raises(GateRefusal) as caught:
            gate.admit(
                parse_body(raw, LIMITS),
                "all",
                SCHEMA,
                max_cost=LIMITS.cost_resident,
                introspection=introspection,
            )
        best = min(best, time.process_time() - start)
        refusal = caught.value
    assert refusal is not None
    return best, refusal


@pytest.fixture
def refuse() -> Callable[..., tuple[float, GateRefusal]]:
    return refusal_of
