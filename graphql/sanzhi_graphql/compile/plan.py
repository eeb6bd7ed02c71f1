"""What a compiled read is, what it is keyed by, and where plans are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from sanzhi_core.db.base import SCOPE_LEVELS
from sanzhi_core.platform.context import Principal, Scope

LEVEL_BITS = {column: 1 << i for i, column in enumerate(SCOPE_LEVELS)}
MANY_BITS = {column: bit << len(SCOPE_LEVELS) for column, bit in LEVEL_BITS.items()}
MANY = 16
"""From more ids of one level than this on, a page is read in another way."""
EVERYWHERE_BIT = 1 << (2 * len(SCOPE_LEVELS))


class OrderTerm(Enum):
    """Base of generated order enums: the one kind of value that is part of a shape, for it changes the SQL."""


@dataclass(frozen=True)
class Values:
    """What the parameters of one execution are taken from."""

    variables: Mapping[str, Any]
    principal: Principal
    scopes: Mapping[str, Scope]


Getter = Callable[[Values], Any]


@dataclass(frozen=True)
class Shape:
    """Which policy clauses apply to a caller, never their values: part of the plan key (architecture 8)."""

    signed_in: bool
    system: bool
    resident: bool
    household: bool
    account: bool
    scopes: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, principal: Principal, scopes: Mapping[str, Scope]) -> Shape:
        """Shape of a caller; `scopes` by permission, in a fixed order."""
        return cls(
            principal.kind != "ANONYMOUS",
            principal.kind == "SYSTEM",
            principal.resident_id is not None,
            principal.household_id is not None,
            principal.account_id is not None,
            tuple((key, scope_bits(scope)) for key, scope in scopes.items()),
        )


def scope_bits(scope: Scope) -> int:
    """Which levels of a scope hold ids, and which hold many."""
    if scope.everywhere:
        return EVERYWHERE_BIT
    held = sum(LEVEL_BITS[column] for column, ids in scope.levels() if ids)
    return held + sum(MANY_BITS[column] for column, ids in scope.levels() if len(ids) > MANY)


def variable_shape(value: Any) -> Hashable:
    """Null, booleans, order terms, keys of input objects, lengths of lists of objects: all that shapes SQL."""
    if value is None:
        return 0
    if isinstance(value, bool | OrderTerm):
        return value
    if isinstance(value, Mapping):
        return tuple((k, variable_shape(v)) for k, v in sorted(value.items()))
    if isinstance(value, list):
        if all(isinstance(v, Mapping | list | OrderTerm) for v in value):
            return ("list", tuple(variable_shape(v) for v in value))
        return 3
    return 2


@dataclass(frozen=True)
class Plan:
    """One SQL statement that returns one JSON value, and its parameters in order.

    `walled`: permissions (None: no permission clause) of the walled types it touches; empty: the read role's lane.
    """

    sql: str
    getters: Sequence[Getter]
    walled: frozenset[str | None]

    def arguments(self, values: Values) -> list[Any]:
        """Parameters of one execution; raises ReadRefused for values that are none."""
        return [get(values) for get in self.getters]


class ById:
    """A key that is an object's identity and keeps the object alive: a reused id can never meet an old entry."""

    __slots__ = ("target",)

    def __init__(self, target: object) -> None:
        self.target = target

    def __hash__(self) -> int:
        return id(self.target)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ById) and other.target is self.target


T = TypeVar("T")


class Lru(Generic[T]):
    """A bounded map, least recently used out first; for one event loop, without a lock."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._rows: OrderedDict[Hashable, T] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: Hashable) -> T | None:
        """The value, now the most recently used; None when there is none."""
        found = self._rows.get(key)
        if found is not None:
            self._rows.move_to_end(key)
        return found

    def put(self, key: Hashable, value: T) -> T:
        """Keep a value; returns it."""
        self._rows[key] = value
        while len(self._rows) > self._size:
            self._rows.popitem(last=False)
        return value
