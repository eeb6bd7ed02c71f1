"""Canonical JSON: the same value gives the same bytes, so that it can be hashed and compared."""

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any
from uuid import UUID


def to_json(obj: object) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces.

    Dataclasses become objects, Fractions "n/d", Decimals, UUIDs and dates text (datetimes need an offset).
    Raises TypeError for floats, sets and anything else without one exact form.
    """
    import orjson

    return orjson.dumps(_plain(obj), option=orjson.OPT_SORT_KEYS)


def _plain(value: object) -> Any:
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError("a datetime without offset has no exact form")
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("the keys of an object must be text")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no exact JSON form")
