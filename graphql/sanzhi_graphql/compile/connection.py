"""A connection as one SQL expression: page first, JSON above it.

JSON below a LIMIT would be built for skipped rows too (performance.md, pitfall 1), so a page is a derived table of
plain columns, and objects are built from its rows only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphql import FieldNode

from sanzhi_core.reading.registry import TypeInfo

from .arguments import Argument
from .filters import Filter
from .json_text import json_object
from .ordering import ordering
from .page import Page
from .plan import Values
from .refusal import NotCompilable, ReadCode, ReadRefused
from .scope import Branch, PolicyWriter, Sight
from .statement import Row, literal, table_name

PAGE_MAX = 100

Fields = dict[str, list[FieldNode]]
ObjectOf = Callable[[Row, list[FieldNode]], str]


@dataclass(frozen=True)
class Anchor:
    """The outer row's column that a nested connection belongs to, and the column of its own that equals it."""

    remote: str
    outer: str


def page_size(first: Argument | None, last: Argument | None) -> tuple[Argument, bool]:
    """The size asked for and whether it counts from the end; exactly one must be given."""
    if (first is None) == (last is None):
        raise ReadRefused(ReadCode.PAGE_SIZE, "give exactly one of first and last")
    size = first or last
    assert size is not None
    return size, first is None


class ConnectionWriter:
    """Writes one connection into a statement. `select` gives the fields below nodes; `node` builds a row's object."""

    def __init__(
        self,
        writer: PolicyWriter,
        info: TypeInfo,
        arguments: dict[str, Argument],
        anchor: Anchor | None,
        select: Callable[[list[FieldNode], str], Fields],
        node: ObjectOf,
    ) -> None:
        self.writer = writer
        self.statement = writer.statement
        self.info = info
        self.arguments = arguments
        self.anchor = anchor
        self.select = select
        self.node = node
        self.filter = Filter(writer, info, arguments.get("where"))
        self.sight = writer.sight(info)

    def sql(self, nodes: list[FieldNode]) -> str:
        """The connection's JSON for the merged field nodes of one response key."""
        fields = self.select(nodes, f"{self.info.name}Connection")
        names = {f[0].name.value for f in fields.values()}
        if not names & {"nodes", "edges", "pageInfo"}:
            return f"(select {json_object([(k, self._plain(f)) for k, f in fields.items()])})"
        return self._paged(fields, peek=any(self._looks_further(f) for f in fields.values()))

    def _plain(self, nodes: list[FieldNode]) -> str:
        name = nodes[0].name.value
        if name == "__typename":
            return f"{literal(self.info.name + 'Connection')}::text"
        if name == "totalCount":
            return self._total()
        raise NotCompilable(f"{self.info.name}Connection.{name}")

    def _looks_further(self, nodes: list[FieldNode]) -> bool:
        """Whether the page must hold one row more, to tell if there is a next one."""
        if nodes[0].name.value != "pageInfo":
            return False
        wanted = "hasPreviousPage" if "last" in self.arguments else "hasNextPage"
        return any(f[0].name.value == wanted for f in self.select(nodes, "PageInfo").values())

    def _paged(self, fields: Fields, *, peek: bool) -> str:
        size, backward = page_size(self.arguments.get("first"), self.arguments.get("last"))
        order = ordering(self.info, self.arguments.get("orderBy"), self.writer)
        page = Page(self, order, backward, self._size(size), peek)
        parts = []
        for key, nodes in fields.items():
            name = nodes[0].name.value
            if name == "nodes":
                parts.append((key, page.listed(self.node(page.row, nodes))))
            elif name == "edges":
                parts.append((key, page.listed(self._edge(page, nodes))))
            elif name == "pageInfo":
                parts.append((key, page.info(self.select(nodes, "PageInfo"))))
            else:
                parts.append((key, self._plain(nodes)))
        # One row also when nothing that was asked for aggregates the page, and when the page is empty.
        return f"(select {json_object(parts, flat=True)} from {page.sql()} having true)"

    def _edge(self, page: Page, nodes: list[FieldNode]) -> str:
        parts = []
        for key, below in self.select(nodes, f"{self.info.name}Edge").items():
            name = below[0].name.value
            if name == "cursor":
                parts.append((key, page.order.cursor(page.row)))
            elif name == "node":
                parts.append((key, self.node(page.row, below)))
            elif name == "__typename":
                parts.append((key, f"{literal(self.info.name + 'Edge')}::text"))
            else:
                raise NotCompilable(f"{self.info.name}Edge.{name}")
        return json_object(parts)

    def _size(self, size: Argument) -> str:
        given = size.get

        def get(values: Values) -> int:
            n = given(values.variables)
            if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= PAGE_MAX:
                raise ReadRefused(ReadCode.PAGE_SIZE, f"first and last take 1 to {PAGE_MAX}")
            return n

        return self.statement.bind(("argument", id(size)), "int4", get, size)

    def _total(self) -> str:
        row = self.statement.row(self.info)
        return f"(select count(*) from {table_name(self.info)} {row.alias}{self.conditions(row, self.sight)})"

    def conditions(self, row: Row, sight: Sight | Branch | None, *extra: str) -> str:
        """The WHERE clause over a table row: belonging, policy, filter, and more."""
        parts = list(extra)
        if self.anchor is not None:
            parts.append(f"{row.col(self.anchor.remote)} = {self.anchor.outer}")
        seen = sight.where(row) if sight is not None else None
        if seen is not None:
            parts.append(seen)
        filtered = self.filter.over(row)
        if filtered is not None:
            parts.append(filtered)
        return f" where {' and '.join(parts)}" if parts else ""
