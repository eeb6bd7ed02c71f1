"""Scalars, and the Python annotation Strawberry takes for each kind of value."""

from __future__ import annotations

import enum
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
from graphql import GraphQLSchema
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from sanzhi_core.reading.declaration import BigInt

from ..compile.kinds import Kind


def _parse_bigint(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("BigInt is an integer as text")
    number = int(value)
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError("BigInt is beyond 64 bits")
    return number


SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="64 位整数，以文本传输 / 64-bit integer, as text",
        serialize=str,
        parse_value=_parse_bigint,
    )
}

_TEXTS = {
    "Date": "日期，YYYY-MM-DD / Date, YYYY-MM-DD",
    "DateTime": "时刻，ISO 8601，含时区偏移 / Moment, ISO 8601 with offset",
    "Time": "时间，HH:MM:SS / Time of day, HH:MM:SS",
    "Decimal": "十进制数，以文本传输 / Decimal number, as text",
    "UUID": "UUID / UUID",
    "JSON": "任意 JSON 值 / Any JSON value",
}

_PYTHON: dict[str, Any] = {
    "String": str, "Int": int, "BigInt": BigInt, "Decimal": Decimal, "Float": float, "Boolean": bool, "Date": date,
    "DateTime": datetime, "Time": time, "UUID": UUID, "JSON": JSON, "Bytes": str, "[String!]": list[str],
    "[UUID!]": list[UUID],
}  # fmt: skip


def describe_scalars(schema: GraphQLSchema) -> None:
    """Give Strawberry's scalars texts in both languages."""
    for name, text in _TEXTS.items():
        type_ = schema.get_type(name)
        if type_ is not None:
            type_.description = text


def annotation(kind: Kind, enums: EnumTypes) -> Any:
    """Python annotation of a kind of value."""
    if kind.id_type is not None:
        return strawberry.ID
    return enums.of(kind.enum) if kind.enum is not None else _PYTHON[kind.name]


class EnumTypes:
    """Python enums as GraphQL enums, each once."""

    def __init__(self) -> None:
        self.made: dict[str, tuple[type[enum.Enum], Any]] = {}

    def of(self, cls: type[enum.Enum]) -> Any:
        """The Strawberry enum of a Python enum; its docstring is its description."""
        known = self.made.get(cls.__name__)
        if known is None:
            known = self.made[cls.__name__] = (cls, strawberry.enum(cls, description=_enum_text(cls)))
        elif known[0] is not cls:
            raise TypeError(
                f"enum {cls.__name__} is brought by {known[0].__module__} and by {cls.__module__}"
            )
        return known[1]


def _enum_text(cls: type[enum.Enum]) -> str:
    text = (cls.__doc__ or "").strip().partition("\n")[0]
    return text if text and text != "An enumeration." else f"{cls.__name__} / {cls.__name__}"
