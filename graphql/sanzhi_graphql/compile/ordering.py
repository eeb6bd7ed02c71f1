"""Order of a connection, and the keyset conditions and cursors that go with it.

Null counts as greater than every value, as PostgreSQL's indexes have it: last ascending, first descending.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sanzhi_core.reading.declaration import Column
from sanzhi_core.reading.registry import TypeInfo

from .arguments import Argument
from .kinds import Kind, attribute_of, of_column
from .plan import Values
from .refusal import ReadCode, ReadRefused
from .scope import PolicyWriter
from .statement import Row, literal, quoted, table_name

CURSOR_CHARS = 2_000


@dataclass(frozen=True)
class Key:
    """One sort key: SQL over a table row, the name under which a page exports it, direction, null-ness, kind.

    `hidden`: the type has no field of it, so cursors, which anybody can decode, do not carry it either.
    """

    name: str
    sql: Callable[[Row], str]
    export: str
    desc: bool
    nullable: bool
    kind: Kind
    hidden: bool = False


class Ordering:
    """Sort keys ending with the table's key, so that the order is total."""

    def __init__(self, info: TypeInfo, keys: Sequence[Key]) -> None:
        self.info = info
        self.keys = tuple(keys)
        self.signature = info.name + "".join(f",{k.name}{'-' if k.desc else '+'}" for k in self.keys)

    def by(self, column: Callable[[Key], str], *, backward: bool = False) -> str:
        """An ORDER BY list; `backward` reads the page from its end. PostgreSQL's default null order is ours."""
        return ", ".join(f"{column(k)} {'desc' if k.desc != backward else 'asc'}" for k in self.keys)

    def cursor(self, row: Row) -> str:
        """SQL of a row's cursor: base64url of [ordering, key values …] without padding and newlines."""
        values = ", ".join("null" if k.hidden else k.kind.raw(row.named(k.export)) for k in self.keys)
        text = f"json_build_array({literal(self.signature)}::text, {values})::text"
        return f"translate(encode(convert_to({text}, 'UTF8'), 'base64'), '+/=' || chr(10), '-_')"

    def form(self) -> CursorForm:
        """What a cursor of this ordering must look like."""
        return CursorForm(self.signature, tuple((k.kind.read, k.nullable or k.hidden) for k in self.keys))


@dataclass(frozen=True)
class CursorForm:
    """Reads cursors of one ordering. `keys`: how to read each key value, and whether it may be null."""

    signature: str
    keys: tuple[tuple[Callable[[Any], Any], bool], ...]

    def decode(self, cursor: str) -> list[Any]:
        """Key values of a cursor; ReadRefused BAD_CURSOR for any other text."""
        try:
            if not cursor.isascii() or len(cursor) > CURSOR_CHARS:
                raise ValueError("not base64url")
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            signature, *values = orjson.loads(raw)
            if signature != self.signature or len(values) != len(self.keys):
                raise ValueError("cursor of another ordering")
            if any(v is None and not nullable for v, (_, nullable) in zip(values, self.keys, strict=True)):
                raise ValueError("null in a key that is never null")
            return [None if v is None else read(v) for v, (read, _) in zip(values, self.keys, strict=True)]
        except (ValueError, TypeError, binascii.Error, OverflowError):
            raise ReadRefused(
                ReadCode.BAD_CURSOR, "the cursor is malformed or belongs to another ordering"
            ) from None


class Keyset:
    """The conditions "after this cursor" and "before this cursor" over table rows."""

    def __init__(self, writer: PolicyWriter, ordering: Ordering, cursor: Argument) -> None:
        self.ordering = ordering
        self._parameters = [self._parameter(writer, i, k, cursor) for i, k in enumerate(ordering.keys)]
        for i, key in enumerate(ordering.keys):
            if key.hidden:
                self._parameters[i] = self._looked_up(writer, key)

    def _parameter(self, writer: PolicyWriter, index: int, key: Key, cursor: Argument) -> str:
        form, given = self.ordering.form(), cursor.get

        def get(values: Values) -> Any:
            return form.decode(given(values.variables))[index]

        return writer.statement.bind(("cursor", id(cursor), index), key.kind.cast, get, cursor)

    def _looked_up(self, writer: PolicyWriter, key: Key) -> str:
        """The value of a hidden key, from the row that the cursor names; no page where that row is gone."""
        info, row = self.ordering.info, writer.statement.row(self.ordering.info)
        named = f"{row.col(info.key)} = {self._parameters[-1]}"
        return f"(select {key.sql(row)} from {table_name(info)} {row.alias} where {named})"

    def beyond(self, row: Row, *, backward: bool = False) -> str:
        """Rows strictly after the cursor (`backward`: strictly before it)."""
        keys = self.ordering.keys
        if self._uniform():
            return self._tuples(row, "<" if keys[0].desc != backward else ">")
        condition = "false"
        for key, parameter in reversed(list(zip(keys, self._parameters, strict=True))):
            further, same = self._compare(key, key.sql(row), parameter, backward)
            condition = f"({further} or ({same} and {condition}))"
        return condition

    def reached(self, row: Row, *, backward: bool = False) -> str:
        """All other rows: those at the cursor or before it (`backward`: after it)."""
        if self._uniform():
            return self._tuples(row, ">=" if self.ordering.keys[0].desc != backward else "<=")
        return f"(not {self.beyond(row, backward=backward)})"

    def _uniform(self) -> bool:
        keys = self.ordering.keys
        return all(not k.nullable and k.desc == keys[0].desc for k in keys)

    def _tuples(self, row: Row, sign: str) -> str:
        return f"({', '.join(k.sql(row) for k in self.ordering.keys)}) {sign} ({', '.join(self._parameters)})"

    @staticmethod
    def _compare(key: Key, sql: str, parameter: str, backward: bool) -> tuple[str, str]:
        down = key.desc != backward
        if not key.nullable:
            return f"{sql} {'<' if down else '>'} {parameter}", f"{sql} = {parameter}"
        if down:
            further = f"coalesce({sql} < {parameter}, {parameter} is null and {sql} is not null)"
        else:
            further = f"coalesce({sql} > {parameter}, {sql} is null and {parameter} is not null)"
        return further, f"{sql} is not distinct from {parameter}"


def order_terms(info: TypeInfo) -> dict[str, tuple[str, bool]]:
    """Values of the type's order enum: `YEAR_DESC` → (field, descending)."""
    out = {}
    for name, f in info.fields.items():
        if isinstance(f.spec, Column) and f.spec.order:
            word = "".join("_" + c if c.isupper() else c for c in name).upper()
            out[f"{word}_ASC"] = (name, False)
            out[f"{word}_DESC"] = (name, True)
    return out


def ordering(info: TypeInfo, terms: Argument | None, writer: PolicyWriter) -> Ordering:
    """The order asked for, or the declared default; always ended by the table's key in the last direction."""
    keys: dict[str, Key] = {}
    if terms is not None and terms.value:
        known = order_terms(info)
        for term in terms.value:
            name, desc = known[term if isinstance(term, str) else term.value]
            if name in keys:
                raise ReadRefused(ReadCode.BAD_VALUE, f"orderBy names {name} twice")
            keys[name] = _field_key(info, name, desc, writer)
    else:
        for attribute in info.node.default_order:
            name = "id" if attribute == info.key else attribute
            keys[name] = _column_key(info, name, attribute, False)
    chosen = list(keys.values())
    if "id" in keys:
        chosen = chosen[: list(keys).index("id") + 1]
    else:
        chosen.append(_column_key(info, "id", info.key, chosen[-1].desc if chosen else False))
    return Ordering(info, chosen)


def _column_key(info: TypeInfo, name: str, attribute: str, desc: bool) -> Key:
    column = info.column(attribute)
    shown = any(isinstance(f.spec, Column) and f.spec.column == attribute for f in info.fields.values())
    return Key(
        name,
        lambda row: row.col(attribute),
        quoted(column.name),
        desc,
        bool(column.nullable),
        of_column(column.type),
        not shown,
    )


def _field_key(info: TypeInfo, name: str, desc: bool, writer: PolicyWriter) -> Key:
    attribute = attribute_of(info, name)
    spec = info.fields[name].spec
    assert isinstance(spec, Column)
    plain = _column_key(info, name, attribute, desc)
    if spec.needs is None:
        return plain
    sight = writer.needed(info, name, spec.needs)
    if sight.whole:
        return plain

    def guarded(row: Row) -> str:
        return f"case when {sight.where(row)} then {row.col(attribute)} end"

    return Key(name, guarded, quoted(f"key:{name}"), desc, True, plain.kind)
