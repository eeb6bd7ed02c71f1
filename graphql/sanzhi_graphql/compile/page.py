"""The page of a connection as a derived table, and what is aggregated above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphql import FieldNode

from .json_text import json_object
from .ordering import Keyset, Ordering
from .refusal import NotCompilable
from .scope import Branch, Sight
from .statement import table_name

if TYPE_CHECKING:
    from .connection import ConnectionWriter

Fields = dict[str, list[FieldNode]]
_RN, _N = '"page:rn"', '"page:n"'


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
        if len(branches) == 1:
            return self._branch(names, branches[0])
        parts = [f"({self._branch(names, branch)})" for branch in branches]
        u = self.owner.statement.alias()
        order = self.order.by(lambda k: f"{u}.{k.export}", backward=self.backward)
        # A row may be seen by several branches.
        once = ", ".join(f"{u}.{k.export}" for k in self.order.keys)
        columns = ", ".join(f"{u}.{name}" for name in names)
        union = " union all ".join(parts)
        return (
            f"select distinct on ({once}) {columns} from ({union}) {u} order by {order} limit {self._limit}"
        )

    def _branch(self, names: list[str], branch: Branch) -> str:
        """The first rows that one policy branch shows."""
        if branch.level is None:
            return self._top(names, branch)
        exports = [k.export for k in self.order.keys]
        # Of many units' top rows most are thrown away: take keys from the index alone, fetch the rest of the winners.
        lateral = self._lateral(exports if branch.many else names, branch)
        x = self.owner.statement.alias()
        order = self.order.by(lambda k: f"{x}.{k.export}", backward=self.backward)
        top = f"select {x}.* from ({lateral}) {x} order by {order} limit {self._limit}"
        if not branch.many:
            return top
        k, row = self.owner.statement.alias(), self.owner.statement.row(self.owner.info)
        columns = ", ".join(f"{k}.{n}" if n in exports else row.named(n) for n in names)
        order = self.order.by(lambda key: f"{k}.{key.export}", backward=self.backward)
        key = row.info.key
        # The key is the last sort key, so it is among the exports.
        joined = f"{row.col(key)} = {k}.{self.order.keys[-1].export}"
        return f"select {columns} from ({top}) {k} join {table_name(row.info)} {row.alias} on {joined} order by {order}"

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
        top = self._top(names, branch.also, f"{{row}}.{self.owner.info.column(branch.level).name} = {g}.id")
        return f"select {x}.* from unnest({branch.ids}) {g}(id) cross join lateral ({top}) {x}"
