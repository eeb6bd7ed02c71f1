"""Kinds of column values: how each is rendered in JSON, bound as a parameter, and put in a cursor."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from sanzhi_core.reading.declaration import BigInt, Column
from sanzhi_core.reading.registry import DeclarationError, TypeInfo

from .refusal import ReadCode, ReadRefused

Convert = Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError("text without NUL expected")
    value.encode()
    return value


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("whole number expected")
    return value


def _within(bits: int) -> Convert:
    def convert(value: Any) -> int:
        number = int(value) if isinstance(value, str) else _int(value)
        if not -(1 << bits) <= number < 1 << bits:
            raise ValueError("number out of range")
        return number

    return convert


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("boolean expected")
    return value


def _decimal(value: Any) -> Decimal:
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation as fault:
        raise ValueError("decimal expected") from fault
    if not number.is_finite():
        raise ValueError("finite decimal expected")
    return number


def _day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(_text(value))


def _moment(value: Any) -> datetime:
    at = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))
    if at.tzinfo is None:
        raise ValueError("a moment needs an offset")
    return at


def _clock(value: Any) -> time:
    return value if isinstance(value, time) else time.fromisoformat(_text(value))


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(_text(value))


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("number expected")
    return float(value)


@dataclass(frozen=True)
class Kind:
    """`cast`: PostgreSQL type of parameters. `render`: SQL of the JSON value from the SQL of the column.

    `read` makes the parameter from an API or cursor value (ValueError when it is none). `filters`: operators.
    """

    name: str
    cast: str
    read: Convert
    filters: tuple[str, ...] = ()
    render: Callable[[str], str] = _same
    enum: type[enum.Enum] | None = None
    id_type: str | None = None

    def bound(self, value: Any) -> Any:
        """The parameter for an API value; ReadRefused BAD_ID or BAD_VALUE."""
        try:
            if self.id_type is not None:
                prefix, _, rest = _text(value).partition("_")
                if prefix != self.id_type:
                    raise ValueError(f"an id of {self.id_type} looks like {self.id_type}_<key>")
                value = rest
            elif isinstance(value, enum.Enum):
                value = value.value
            return self.read(value)
        except (ValueError, OverflowError, UnicodeEncodeError) as fault:
            code = ReadCode.BAD_ID if self.id_type else ReadCode.BAD_VALUE
            raise ReadRefused(code, f"{self.name}: {fault}"[:200]) from None

    def raw(self, sql: str) -> str:
        """SQL of the JSON value inside a cursor: exact and readable by `read`."""
        return f"{sql}::text" if self.cast in ("uuid", "int8", "numeric", "time") else sql


_EQ = ("eq", "in", "isNull")
_RANGE = ("eq", "in", "gt", "gte", "lt", "lte", "isNull")
_AS_TEXT: Callable[[str], str] = "{}::text".format

TEXT = Kind("String", "text", _text, ("eq", "in", "gt", "gte", "lt", "lte", "startsWith", "isNull"))
INT = Kind("Int", "int4", _within(31), _RANGE)
BIGINT = Kind("BigInt", "int8", _within(63), _RANGE, _AS_TEXT)
DECIMAL = Kind("Decimal", "numeric", _decimal, _RANGE, _AS_TEXT)
FLOAT = Kind("Float", "float8", _float, _RANGE)
BOOL = Kind("Boolean", "bool", _bool, ("eq", "isNull"))
DATE = Kind("Date", "date", _day, _RANGE)
MOMENT = Kind("DateTime", "timestamptz", _moment, _RANGE)
TIME = Kind("Time", "time", _clock, _RANGE, _AS_TEXT)
UUID_KIND = Kind("UUID", "uuid", _uuid, _EQ)
JSON = Kind("JSON", "jsonb", _same)
BYTES = Kind("Bytes", "bytea", _same, (), "encode({}, 'hex')".format)
TEXTS = Kind("[String!]", "text[]", _same)
UUIDS = Kind("[UUID!]", "uuid[]", _same)

_BY_PYTHON: dict[Any, Kind] = {
    str: TEXT, int: INT, BigInt: BIGINT, bool: BOOL, float: FLOAT, Decimal: DECIMAL, date: DATE, datetime: MOMENT,
    time: TIME, UUID: UUID_KIND, bytes: BYTES, dict: JSON, list: JSON, Any: JSON, list[str]: TEXTS, list[UUID]: UUIDS,
}  # fmt: skip


def enum_kind(cls: type[enum.Enum]) -> Kind:
    """Kind of a text column that holds the values of an enum; names and values must be equal."""
    if any(member.value != member.name for member in cls):
        raise DeclarationError(f"enum {cls.__name__}: the stored value of each member must equal its name")
    return Kind(cls.__name__, "text", _text, _EQ, enum=cls)


def id_kind(base: Kind, type_name: str) -> Kind:
    """Kind of a key column shown as `Type_key`."""
    return Kind(
        f"id of {type_name}",
        base.cast,
        base.read,
        _EQ,
        f"'{type_name}_' || {{}}::text".format,
        None,
        type_name,
    )


def of_python(type_: Any) -> Kind:
    """Kind of a declared Python type (`int`, `str | None`, `BigInt`, an enum, `list[str]` …)."""
    if typing.get_origin(type_) in (typing.Union, types.UnionType):
        parts = [a for a in typing.get_args(type_) if a is not type(None)]
        if len(parts) == 1:
            return of_python(parts[0])
    if isinstance(type_, type) and issubclass(type_, enum.Enum):
        return enum_kind(type_)
    kind = _BY_PYTHON.get(type_) or _BY_PYTHON.get(typing.get_origin(type_))
    if kind is None:
        raise DeclarationError(f"{type_!r} has no GraphQL scalar")
    return kind


def of_column(type_: sa.types.TypeEngine[Any]) -> Kind:
    """Kind of a table column by its SQL type."""
    if isinstance(type_, sa.Enum):
        return enum_kind(type_.enum_class) if type_.enum_class else TEXT
    if isinstance(type_, sa.ARRAY | pg.ARRAY):
        return UUIDS if isinstance(type_.item_type, sa.Uuid) else TEXTS
    for sql, kind in (
        (sa.Uuid, UUID_KIND), (sa.BigInteger, BIGINT), (sa.Integer, INT), (sa.Boolean, BOOL), (sa.Float, FLOAT),
        (sa.Numeric, DECIMAL), (sa.DateTime, MOMENT), (sa.Date, DATE), (sa.Time, TIME), (sa.LargeBinary, BYTES),
        (sa.JSON, JSON), (sa.String, TEXT),
    ):  # fmt: skip
        if isinstance(type_, sql):
            return kind
    raise DeclarationError(f"column type {type_!r} has no GraphQL scalar")


def attribute_of(info: TypeInfo, name: str) -> str:
    """Model attribute behind a declared column field."""
    spec = info.fields[name].spec
    assert isinstance(spec, Column)
    assert spec.column is not None
    return spec.column


def of_field(info: TypeInfo, name: str) -> Kind:
    """Kind of a declared column field of a type."""
    spec = info.fields[name].spec
    assert isinstance(spec, Column)
    base = of_column(info.column(attribute_of(info, name)).type)
    if name == "id":
        return id_kind(base, info.name)
    if spec.id_of is not None:
        return id_kind(base, spec.id_of)
    return of_python(spec.type) if spec.type is not None else base
