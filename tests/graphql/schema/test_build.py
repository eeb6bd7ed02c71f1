"""Declarations that cannot be served are refused with their names; the composed schema says who brought what."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import pytest
import strawberry
from graphql import GraphQLInputObjectType, GraphQLObjectType, GraphQLSchema, validate_schema
from pydantic import Field
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from sanzhi_core.platform.command import Operation
from sanzhi_core.platform.hookspecs import Mutation, Query
from sanzhi_core.platform.inputs import CommandInput, id_of
from sanzhi_core.platform.plugins import Platform
from sanzhi_core.reading.declaration import BigInt, Bounded, Node, Policy, col, expr, extend, many, one
from sanzhi_core.reading.registry import DeclarationError
from sanzhi_graphql.schema.build import build_schema, schema_of
from sanzhi_graphql.schema.coverage import undeclared, undescribed
from sanzhi_graphql.schema.ownership import metadata, owner, type_owner
from sanzhi_graphql.schema.queries import Owned
from sanzhi_graphql.schema.sdl import print_sdl


class Base(DeclarativeBase):
    pass


class BookRow(Base):
    __tablename__ = "book"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[UUID]
    title: Mapped[str]
    state: Mapped[str]
    shelf_id: Mapped[UUID | None]


class PairRow(Base):
    __tablename__ = "pair"
    a: Mapped[int] = mapped_column(primary_key=True)
    b: Mapped[int] = mapped_column(primary_key=True)


READ = Policy("ash.book.read")


def book(name: str = "Book", plugin: str = "ash", **more: Any) -> type[Node]:
    """A declared type; `more` are fields or class arguments."""
    roots = {k: more.pop(k) for k in ("one", "many", "policy", "default_order") if k in more}
    policy = roots.pop("policy", READ)

    def body(namespace: dict[str, Any]) -> None:
        namespace.update({"title": col(zh="书名", en="Title", order=True), **more})

    import types

    return types.new_class(
        name,
        (Node,),
        {"model": BookRow, "plugin": plugin, "zh": "书", "en": "A book", "policy": policy, **roots},
        body,
    )


class Lend(CommandInput):
    """借书 / Lend a book"""

    book_id: id_of("Book") = Field(description="书 / Book")  # type: ignore[valid-type]


async def _lend(work: Any, input: Lend) -> None:
    raise AssertionError("never run here")


LEND: Operation[Any, Any] = Operation("ash.book.lend", "ash", "ash.book.write", "Book", _lend, Lend)


@dataclass(frozen=True)
class Shelf:
    """书架 / A shelf"""

    label: Annotated[str, "标签 / Label"]
    parts: Annotated[list[Shelf], Bounded(3), "隔板 / Boards"]
    book_id: Annotated[id_of("Book"), "书 / Book"]  # type: ignore[valid-type]
    count: Annotated[BigInt | None, "数目 / Count"]


async def _shelves(ctx: Any, input: Any) -> list[Shelf]:
    return []


SHELVES = Query("shelves", _shelves, Annotated[list[Shelf], Bounded(9)], "书架", "Shelves", "ash.book.read")
MUTATION = Mutation("lendBook", LEND, "Book", "book", "借书", "Lend a book")


def core(schema: strawberry.Schema) -> GraphQLSchema:
    return schema._schema


def refused(*nodes: type[Node], words: Sequence[str], **more: Any) -> None:
    with pytest.raises(DeclarationError) as caught:
        build_schema(nodes, **more)
    for word in words:
        assert word in str(caught.value), caught.value


def test_names_brought_twice_are_refused_with_both_plugins() -> None:
    refused(book(), book(plugin="oak"), words=["Book", "ash", "oak"])
    refused(book(many="books"), book("Tome", "oak", many="books"), words=["books", "ash", "oak"])
    refused(book(), extensions=[extend("Book", plugin="oak", title=expr(lambda t: t.title, str, zh="甲", en="A"))],
            words=["Book.title", "ash", "oak"])  # fmt: skip
    twice = [
        extend("Book", plugin=p, more=expr(lambda t: t.title, str, zh="甲", en="A")) for p in ("oak", "elm")
    ]
    refused(book(), extensions=twice, words=["Book.more", "oak", "elm"])
    refused(book(many="shelves"), queries=[Owned("oak", SHELVES)], words=["shelves", "ash", "oak"])
    refused(book(), queries=[Owned("oak", SHELVES), Owned("elm", SHELVES)], words=["shelves", "oak", "elm"])
    other: Operation[Any, Any] = Operation("oak.book.lend", "oak", None, None, _lend, Lend)
    refused(
        book(),
        mutations=[MUTATION, Mutation("lendBook", other, None, "", "借", "Lend")],
        words=["LendBook", "ash", "oak"],
    )
    # A type that only comes with another one: a connection's name.
    refused(book(), book("BookConnection", "oak"), words=["BookConnection", "ash", "oak"])
    refused(book("PageInfo"), words=["PageInfo", "core", "ash"])


def test_declarations_that_cannot_be_served_are_refused() -> None:
    refused(
        book(shelf=one("Nothing", local="shelf_id", zh="架", en="Shelf")),
        words=["ash", "Book.shelf", "Nothing"],
    )
    refused(book(more=many("Book", remote="nothing", zh="书", en="Books")), words=["Book.more", "nothing"])
    refused(extensions=[extend("Book", plugin="oak")], words=["oak", "Book"])
    refused(book(bad=expr(lambda t: t.nothing, str, zh="坏", en="Bad")), words=["ash", "Book.bad", "nothing"])
    refused(book(bad=expr(lambda t: object(), str, zh="坏", en="Bad")), words=["ash", "Book.bad"])
    refused(book(bad=expr(lambda t: t.title, complex, zh="坏", en="Bad")), words=["complex"])
    refused(
        book(policy=Policy(public=lambda t: t.nothing == 1)), words=["ash", "Book.policy.public", "nothing"]
    )
    refused(book(policy=Policy("x.y.z", self_=("nobody_id",))), words=["Book", "nobody_id"])
    refused(book(policy=Policy("x.y.z", public=True, walled=True)), words=["Book", "walled"])
    refused(book(id=col(zh="号", en="Id", column="title")), words=["Book.id"])

    class Wrong(enum.Enum):
        A = "a"

    refused(book(state=col(zh="状态", en="State", type=Wrong)), words=["Wrong"])

    class Pair(Node, model=PairRow, plugin="ash", policy=Policy(public=True), zh="对", en="A pair"):
        pass

    refused(Pair, words=["ash", "Pair", "key"])
    lost = Mutation("lendBook", LEND, "Nothing", "book", "借", "Lend")
    refused(book(), mutations=[lost], words=["lendBook", "Nothing"])


def test_an_empty_policy_is_refused() -> None:
    with pytest.raises(TypeError, match="policy"):
        book(policy=Policy())


@pytest.fixture(scope="module")
def library() -> strawberry.Schema:
    nodes = [
        book(one="book", many="books"),
        book("Tome", "oak", many="tomes", of=one("Book", local="shelf_id", zh="书", en="Book")),
    ]
    more = extend("Book", plugin="oak", tomes=many("Tome", remote="shelf_id", zh="卷", en="Tomes"))
    return build_schema(nodes, [more], [SHELVES], [MUTATION])


def test_the_composed_schema_is_valid_and_says_who_brought_what(library: strawberry.Schema) -> None:
    schema = core(library)
    assert not validate_schema(schema)
    assert undeclared(schema) == []
    assert undescribed(schema) == []
    query: Any = schema.query_type
    assert {n: owner(query.fields[n]) for n in ("node", "book", "books", "tomes", "shelves", "errorCatalogue")} == {
        "node": "core", "book": "ash", "books": "ash", "tomes": "oak", "shelves": "ash", "errorCatalogue": "core",
    }  # fmt: skip
    types: dict[str, Any] = schema.type_map
    assert owner(types["Book"].fields["tomes"]) == "oak"
    assert owner(types["BookFilter"].fields["tomes"]) == "oak"
    owners = {"Book": "ash", "TomeOrder": "oak", "Shelf": "ash", "LendBookPayload": "ash", "PageInfo": "core"}
    assert {n: type_owner(types[n]) for n in owners} == owners
    assert metadata(query.fields["books"])["policy"] == "row"
    assert metadata(query.fields["shelves"]) == {
        "plugin": "ash",
        "cost": 10,
        "policy": "ash.book.read",
        "size": 9,
    }
    assert metadata(types["BookConnection"].fields["totalCount"])["cost"] == 10
    mutation: Any = schema.mutation_type
    assert metadata(mutation.fields["lendBook"])["policy"] == "operation ash.book.lend"
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not type_.name.startswith("__"):
            for name, field in type_.fields.items():
                assert {"plugin", "cost", "policy"} <= set(metadata(field)), (type_.name, name)


def test_shapes_of_the_contract(library: strawberry.Schema) -> None:
    sdl = print_sdl(library)
    for line in (
        "type Book implements Node {",
        "  title: String!",
        "interface Node {",
        "  lendBook(",
        "  ): LendBookPayload!",
        "  errors: [BusinessError!]!",
        "  hasNextPage: Boolean!",
        "  totalCount: Int!",
        "  tomes: TomeListFilter",
        "  startsWith: String",
        "  TITLE_DESC",
        "  parts: [Shelf!]!",
        "  bookId: ID!",
        "  count: BigInt",
        "input LendBookInput {",
        "  idempotencyKey: UUID!",
        "type VersionConflict implements BusinessError {",
        "  currentVersion: Int",
        "enum ErrorCode {",
    ):
        assert f"\n{line}" in sdl, line
    books: Any = core(library).query_type.fields["books"]  # type: ignore[union-attr]
    assert list(books.args) == ["first", "after", "last", "before", "where", "orderBy"]
    assert str(books.type) == "BookConnection!"
    assert str(core(library).query_type.fields["book"].type) == "Book"  # type: ignore[union-attr]
    assert print_sdl(library, frozenset({"ash"})).count("type Tome") == 0


@strawberry.type
class Loose:
    name: str
    names: list[str]


def test_what_nobody_declared_is_reported() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def loose(self) -> Loose:
            raise AssertionError

        @strawberry.field(metadata={"plugin": "core", "policy": "public"})
        def many(self) -> list[Loose]:
            raise AssertionError

    schema = strawberry.Schema(Query)
    found = undeclared(schema)
    assert "Query.loose: no plugin and no policy" in found
    assert "Query.many: a list without `first` and without a bound" in found
    assert "Loose.name: no plugin and no policy" in found
    assert {"Query", "Query.loose", "Loose", "Loose.names"} <= set(undescribed(schema))


def test_everything_installed_is_declared_and_described(installed: Platform) -> None:
    schema = schema_of(installed)
    assert not validate_schema(core(schema))
    assert undeclared(schema) == []
    assert undescribed(schema) == []
    inputs = [t for t in core(schema).type_map.values() if isinstance(t, GraphQLInputObjectType)]
    assert len(inputs) > 20
