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
from .ordering import Keyset, Ordering, ordering
from .plan import Values
from .refusal import NotCompilable, ReadCode, ReadRefused
from .scope import Branch, PolicyWriter, Sight
from .statement import Row, literal, table_name

PAGE_MAX = 100
_RN, _N = '"page:rn"', '"page:n"'

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
        return f"(select {json_object(parts, flat=True)} from {page.sql()})"

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
        def get(values: Values) -> int:
            n = size.get(values.variables)
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


class Page:
    """The derived table of a page: at most `size` rows (one more with `peek`), in order, numbered from its start."""

    def __init__(
        self, owner: ConnectionWriter, order: Ordering, backward: bool, size: str, peek: bool
    ) -> None:
        self.owner = owner
        self.order = order
        self.backward = backward
        self.size = size
        self.peek = peek
        self.row = owner.statement.row(owner.info)
        self._limit = f"{size} + 1" if peek else size
        self._numbered = False
        arguments = owner.arguments
        self._after = Keyset(owner.writer, order, arguments["after"]) if "after" in arguments else None
        self._before = Keyset(owner.writer, order, arguments["before"]) if "before" in arguments else None

    # -- above the page ----------------------------------------------------------------------------------------
    def listed(self, item: str) -> str:
        """A JSON list of the page's rows."""
        rows = f" filter (where {self.row.alias}.{_RN} <= {self.size})" if self.peek else ""
        order = f"{self.row.alias}.{_RN}{' desc' if self.backward else ''}"
        return f"coalesce(json_agg({item} order by {order}){rows}, '[]'::json)"

    def info(self, fields: Fields) -> str:
        """PageInfo. A page without rows has no cursors."""
        parts = []
        for key, nodes in fields.items():
            name = nodes[0].name.value
            if name == "__typename":
                parts.append((key, "'PageInfo'::text"))
            elif name in ("startCursor", "endCursor"):
                parts.append((key, self._end((name == "startCursor") != self.backward)))
            elif name in ("hasNextPage", "hasPreviousPage"):
                parts.append((key, self._further(name == "hasNextPage")))
            else:
                raise NotCompilable(f"PageInfo.{name}")
        return json_object(parts, flat=True)

    def _end(self, nearest: bool) -> str:
        self._numbered = True
        a = self.row.alias
        at = "1" if nearest else f"least({a}.{_N}, {self.size})"
        return f"max({self.order.cursor(self.row)}) filter (where {a}.{_RN} = {at})"

    def _further(self, following: bool) -> str:
        """Relay's rule: in the direction of paging exactly; in the other one, whether rows lie beyond the cursor."""
        if following != self.backward:
            return f"count(*) > {self.size}"
        keyset = self._before if following else self._after
        if keyset is None:
            return "false"
        row = self.owner.statement.row(self.owner.info)
        other_side = keyset.reached(row, backward=following)
        where = self.owner.conditions(row, self.owner.sight, other_side)
        return f"exists (select 1 from {table_name(self.owner.info)} {row.alias}{where})"

    # -- the page itself; call last, when all columns read from it are known -----------------------------------
    def sql(self) -> str:
        """The FROM item `(…) alias`."""
        order = self.order
        p = self.owner.statement.alias()
        names = dict.fromkeys(self.row.used)
        outer = "".join(f"{p}.{name}, " for name in names)
        for key in order.keys:
            names[key.export] = None
        numbered = f"row_number() over (order by {order.by(lambda k: f'{p}.{k.export}', backward=self.backward)}) {_RN}"
        counted = f", count(*) over () {_N}" if self._numbered else ""
        return f"(select {outer}{numbered}{counted} from ({self._rows(list(names))}) {p}) {self.row.alias}"

    def _rows(self, names: list[str]) -> str:
        sight, anchored = self.owner.sight, self.owner.anchor is not None
        branches = sight.branches
        if sight.whole or anchored or not branches:
            return self._top(names, sight)
        if len(branches) == 1 and branches[0].level is None:
            return self._top(names, branches[0])
        parts = [self._lateral(names, b) if b.level else f"({self._top(names, b)})" for b in branches]
        u = self.owner.statement.alias()
        order = self.order.by(lambda k: f"{u}.{k.export}", backward=self.backward)
        # A row may be seen by several branches; one level alone holds each row once.
        once = (
            f"distinct on ({', '.join(f'{u}.{k.export}' for k in self.order.keys)}) "
            if len(parts) > 1
            else ""
        )
        columns = ", ".join(f"{u}.{name}" for name in names)
        return f"select {once}{columns} from ({' union all '.join(parts)}) {u} order by {order} limit {self._limit}"

    def _top(self, names: list[str], sight: Sight | Branch | None, *extra: str) -> str:
        """The first rows of the table under a condition, in order: an index scan where one fits."""
        row = self.owner.statement.row(self.owner.info)
        exported = {k.export: k for k in self.order.keys}
        columns = ", ".join(
            f"{exported[n].sql(row)} as {n}" if n in exported else row.named(n) for n in names
        )
        conditions = [e.replace("{row}", row.alias) for e in extra]
        if self._after is not None:
            conditions.append(self._after.beyond(row))
        if self._before is not None:
            conditions.append(self._before.beyond(row, backward=True))
        where = self.owner.conditions(row, sight, *conditions)
        order = self.order.by(lambda k: k.sql(row), backward=self.backward)
        return f"select {columns} from {table_name(self.owner.info)} {row.alias}{where} order by {order} limit {self._limit}"

    def _lateral(self, names: list[str], branch: Branch) -> str:
        """Top rows per granted id on the index (level, sort key, id): flat in the size of the table."""
        assert branch.level is not None
        g, x = self.owner.statement.alias(), self.owner.statement.alias()
        top = self._top(names, None, f"{{row}}.{self.owner.info.column(branch.level).name} = {g}.id")
        return f"select {x}.* from unnest({branch.ids}) {g}(id) cross join lateral ({top}) {x}"
