"""Catalogues: versioned lists that a lower unit inherits from a higher one, overrides and locks.

A version is a frozen mapping of item code → body; a running process keeps the version it began with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sanzhi_core.kit.refusals import Forbidden, InvalidInput

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """What one unit says about one item: `body` None removes the item, `locked` binds all units below."""

    body: Body | None
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Layer:
    """The entries of one unit; layers are given from the top (city) down (village)."""

    unit: str
    entries: Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Item:
    """An item in force at a unit, and the unit that said so. `locked_by`: the unit that locked it."""

    code: str
    body: Body
    set_by: str
    locked_by: str | None


def resolve(layers: Sequence[Layer]) -> dict[str, Item]:
    """The items in force at the lowest layer, by code.

    The nearest entry wins unless a higher unit locked the item, also when the lock came later.
    """
    nearest: dict[str, tuple[str, Entry]] = {}
    for layer in layers:
        for code, entry in layer.entries.items():
            if code not in nearest or not nearest[code][1].locked:
                nearest[code] = (layer.unit, entry)
    return {
        code: Item(code, entry.body, unit, unit if entry.locked else None)
        for code, (unit, entry) in sorted(nearest.items())
        if entry.body is not None
    }


def check_override(layers: Sequence[Layer], code: str) -> None:
    """May a unit below `layers` (its ancestors, from the top) set this item? Forbidden when locked."""
    for layer in layers:
        entry = layer.entries.get(code)
        if entry is not None and entry.locked:
            raise Forbidden(
                "LOCKED",
                f"条目{code}已由上级锁定",
                f"Item {code} is locked by a higher unit",
                item=code,
                locked_by=layer.unit,
            )


def require_exactly(codes: Sequence[str], count: int, field: str = "items") -> None:
    """Exactly `count` items, none twice. Raises InvalidInput."""
    if len(set(codes)) != len(codes):
        raise InvalidInput(field, "DUPLICATE_CODE", "条目代码重复", "An item code occurs twice")
    if len(codes) != count:
        raise InvalidInput(
            field,
            "WRONG_COUNT",
            f"应有{count}个条目，现有{len(codes)}个",
            f"There must be exactly {count} items, not {len(codes)}",
            expected=count,
            found=len(codes),
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed between two versions; `changed` maps an item to its changed fields."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: Mapping[str, tuple[str, ...]]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def diff(old: Mapping[str, Body], new: Mapping[str, Body]) -> Difference:
    """Compare two versions item by item."""
    changed = {}
    for code in sorted(old.keys() & new.keys()):
        before, after = old[code], new[code]
        missing = object()
        fields = tuple(
            name
            for name in sorted(before.keys() | after.keys())
            if before.get(name, missing) != after.get(name, missing)
        )
        if fields:
            changed[code] = fields
    return Difference(tuple(sorted(new.keys() - old.keys())), tuple(sorted(old.keys() - new.keys())), changed)
