"""The SQL text under construction: parameters, aliases, rows and the authors' expressions.

SQL is composed as text with an alias for every FROM item. Columns of an outer row are plain text, so a
sub-select can never pull an outer table into its own FROM list (performance.md, pitfall 2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg

from sanzhi_core.reading.registry import DeclarationError, TypeInfo

from .plan import Getter

DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call]
_QUOTE = DIALECT.identifier_preparer.quote
_ROW = "__row__"
_MARK = "\x01"
_PARAMETER = re.compile(f"{_MARK}(\\d+){_MARK}")


def quoted(name: str) -> str:
    """An SQL identifier."""
    return str(_QUOTE(name))


def literal(text: str) -> str:
    """An SQL text literal; only for names of the schema, never for values."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class Snippet:
    """An author's expression as SQL over the row named `__row__`, and the columns it reads."""

    text: str
    columns: tuple[str, ...]


class _Columns:
    """The table as an author's callable sees it: attributes are the model's columns (also under `.c`)."""

    def __init__(self, info: TypeInfo) -> None:
        self._info = info
        self._seen: dict[str, None] = {}

    @property
    def c(self) -> _Columns:
        return self

    def __getattr__(self, attribute: str) -> Any:
        if attribute not in self._info.node.model.__mapper__.columns:
            raise AttributeError(f"{self._info.name} has no column {attribute!r}")
        column = self._info.column(attribute)
        name = quoted(column.name)
        self._seen[name] = None
        return sa.literal_column(f"{_ROW}.{name}", column.type)


def snippet(info: TypeInfo, build: Callable[[Any], Any], what: str) -> Snippet:
    """Compile an author's expression once; DeclarationError when it is none. Constants become literals."""
    columns = _Columns(info)
    try:
        expression = sa.sql.coercions.expect(sa.sql.roles.ExpressionElementRole, build(columns))
        text = str(expression.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
    except Exception as fault:
        raise DeclarationError(f"{info.plugin}: {info.name}.{what} is no SQL expression: {fault}") from fault
    return Snippet(f"({text})", tuple(columns._seen))


class Row:
    """A FROM item: its alias, and which columns are read from it."""

    def __init__(self, alias: str, info: TypeInfo) -> None:
        self.alias = alias
        self.info = info
        self.used: dict[str, None] = {}

    def col(self, attribute: str) -> str:
        """SQL of a model attribute's column."""
        return self.named(quoted(self.info.column(attribute).name))

    def named(self, name: str) -> str:
        """SQL of a column by its (quoted) name."""
        self.used[name] = None
        return f"{self.alias}.{name}"

    def expression(self, part: Snippet) -> str:
        """SQL of an author's expression over this row."""
        for name in part.columns:
            self.used[name] = None
        return part.text.replace(f"{_ROW}.", f"{self.alias}.")


class Statement:
    """Parameters and aliases of one statement."""

    def __init__(self) -> None:
        self.getters: list[Getter] = []
        self._numbers: dict[Hashable, str] = {}
        self._aliases = 0
        self._alive: list[object] = []

    def bind(self, key: Hashable, cast: str, get: Getter, alive: object = None) -> str:
        """A typed parameter; the same key gives the same one. `alive`: what an id inside the key belongs to."""
        known = self._numbers.get((key, cast))
        if known is None:
            self._alive.append(alive)
            self.getters.append(get)
            known = self._numbers[(key, cast)] = f"{_MARK}{len(self.getters) - 1}{_MARK}::{cast}"
        return known

    def finished(self, sql: str) -> tuple[str, tuple[Getter, ...]]:
        """The text with its parameters numbered, and their getters; what the text does not use is left out."""
        used: dict[int, int] = {}

        def number(found: re.Match[str]) -> str:
            return f"${used.setdefault(int(found[1]), len(used) + 1)}"

        text = _PARAMETER.sub(number, sql)
        return text, tuple(self.getters[i] for i in used)

    def alias(self) -> str:
        """A new alias."""
        self._aliases += 1
        return f"t{self._aliases}"

    def row(self, info: TypeInfo) -> Row:
        """A new row of a type."""
        return Row(self.alias(), info)


def table_name(info: TypeInfo) -> str:
    """Schema-qualified table of a type."""
    table = info.table
    return f"{quoted(table.schema)}.{quoted(table.name)}" if table.schema else quoted(table.name)
