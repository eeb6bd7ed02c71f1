"""`where` of a connection as SQL conditions. Two-valued: `not` of an unknown comparison is true."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sanzhi_core.reading.declaration import Column, Expression, Many
from sanzhi_core.reading.registry import TypeInfo

from .arguments import Argument
from .kinds import TEXT, Kind, attribute_of, of_field
from .plan import Values
from .refusal import ReadCode, ReadRefused
from .scope import PolicyWriter
from .statement import Row, table_name

TERMS = 100
"""Most comparisons in one `where`: filters arrive in variables, so the gate cannot price them."""
RELATIONS = 10
"""Most relation filters in one `where`."""
LIST = 1_000
"""Most values of an `in`."""

_COMPARE = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


class Filter:
    """A `where` argument, written once per row alias that needs it."""

    def __init__(self, writer: PolicyWriter, info: TypeInfo, where: Argument | None) -> None:
        self._writer = writer
        self._info = info
        self._where = where
        self._terms = 0
        self._relations = 0

    def over(self, row: Row) -> str | None:
        """SQL condition over a row, None without a filter. ReadRefused BAD_FILTER for nulls and long filters."""
        self._terms = self._relations = 0
        return self._all(self._info, row, self._where) if self._where is not None else None

    def _all(self, info: TypeInfo, row: Row, where: Argument) -> str:
        parts = []
        for name, value in where.items():
            _not_null(name, value)
            parts.append(self._one(info, row, name, value))
        return _joined(parts, "and", "true")

    def _one(self, info: TypeInfo, row: Row, name: str, value: Argument) -> str:
        if name in ("and", "or"):
            parts = [self._all(info, row, part) for part in value.parts()]
            return _joined(parts, name, "true" if name == "and" else "false")
        if name == "not":
            return f"(({self._all(info, row, value)}) is not true)"
        spec = info.fields[name].spec
        assert not isinstance(spec, Expression)
        if isinstance(spec, Column):
            return self._column(info, row, name, spec, value)
        if isinstance(spec, Many):
            parts = []
            for quantor, inner in value.items():
                _not_null(f"{name}.{quantor}", inner)
                found = self._related(row, spec.target, spec.local, spec.remote, inner)
                parts.append(found if quantor == "some" else f"(not {found})")
            return _joined(parts, "and", "true")
        return self._related(row, spec.target, spec.local, spec.remote, value)

    def _related(self, row: Row, target: str, local: str, remote: str, where: Argument) -> str:
        self._relations += 1
        if self._relations > RELATIONS:
            raise ReadRefused(ReadCode.BAD_FILTER, f"more than {RELATIONS} relation filters")
        other = self._writer.catalogue[target]
        inner = self._writer.statement.row(other)
        parts = [f"{inner.col(remote)} = {row.col(local)}"]
        seen = self._writer.sight(other).where(inner)
        if seen is not None:
            parts.append(seen)
        parts.append(self._all(other, inner, where))
        return f"exists (select 1 from {table_name(other)} {inner.alias} where {' and '.join(parts)})"

    def _column(self, info: TypeInfo, row: Row, name: str, spec: Column, value: Argument) -> str:
        kind = of_field(info, name)
        sql = row.col(attribute_of(info, name))
        parts = []
        if spec.needs is not None:
            seen = self._writer.needed(info, name, spec.needs).where(row)
            if seen is not None:
                parts.append(seen)
        for operator, operand in value.items():
            self._terms += 1
            if self._terms > TERMS:
                raise ReadRefused(ReadCode.BAD_FILTER, f"more than {TERMS} comparisons")
            _not_null(f"{name}.{operator}", operand)
            parts.append(self._compare(kind, sql, operator, operand))
        return _joined(parts, "and", "true")

    def _compare(self, kind: Kind, sql: str, operator: str, operand: Argument) -> str:
        if operator == "isNull":
            return f"({sql} is {'' if operand.value else 'not '}null)"
        if operator == "in":
            return f"{sql} = any({self._bind(operand, kind.cast + '[]', _listed(kind))})"
        if operator == "startsWith":
            return f"starts_with({sql}, {self._bind(operand, 'text', TEXT.bound)})"
        return f"{sql} {_COMPARE[operator]} {self._bind(operand, kind.cast, kind.bound)}"

    def _bind(self, operand: Argument, cast: str, convert: Callable[[Any], Any]) -> str:
        # Closures of a plan keep no argument: a plan lives long, and arguments hold the first caller's values.
        given = operand.get

        def get(values: Values) -> Any:
            return convert(given(values.variables))

        return self._writer.statement.bind(("argument", id(operand)), cast, get, operand)


def _not_null(name: str, value: Argument) -> None:
    if value.value is None:
        raise ReadRefused(ReadCode.BAD_FILTER, f"{name}: null is no filter; use isNull")


def _listed(kind: Kind) -> Callable[[Any], list[Any]]:
    def convert(values: Any) -> list[Any]:
        if len(values) > LIST:
            raise ReadRefused(ReadCode.BAD_FILTER, f"in: more than {LIST} values")
        return [kind.bound(v) for v in values]

    return convert


def _joined(parts: list[str], word: str, empty: str) -> str:
    if not parts:
        return empty
    return parts[0] if len(parts) == 1 else "(" + f" {word} ".join(parts) + ")"
