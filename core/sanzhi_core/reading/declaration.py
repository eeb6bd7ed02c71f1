"""One declaration per queryable GraphQL type: model, columns, relations, computed SQL, row policy, texts.

    class StarCycle(Node, model=models.Cycle, plugin="star_virtue", one="starCycle", many="starCycles",
                    policy=Policy("star_virtue.cycle.read", public=lambda t: t.state == "AWARDED"),
                    zh="星级评定周期", en="A star-rating cycle of a village"):
        year = col(zh="年度", en="Year", order=True)
        village = one("OrgUnit", local="village_id", zh="村", en="Village")
        entries = many("StarEntry", remote="cycle_id", zh="户评定表", en="Entries of households")
        rated = expr(lambda t: …, int, zh="…", en="…")

The Strawberry type, its filter, order and connection types and the compiler's node all come from this object; a
plugin extends another's type with `extend("OrgUnit", plugin="star_virtue", star_cycles=many("StarCycle", …))`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, NewType

from sqlalchemy.orm import DeclarativeBase

BigInt = NewType("BigInt", int)
"""As the `type` of a computed field: an integer that may pass 32 bits, text on the wire."""


@dataclass(frozen=True)
class Policy:
    """Who may see a row: any of the clauses that are given (architecture 8). None given: the declaration is refused.

    permission: held at the row's unit (subtree by scope columns). `self_`: column holding a resident or household id
    ("resident_id"/"household_id") that must be the caller's own, e.g. `("household_id",)`. `public`: SQL condition over the
    table, true for rows everybody may see, or True for all. `account`: column holding the caller's account id.
    `signed_in`: condition (or True) for rows any signed-in caller may see. `walled`: the table has RLS and is read in
    the walled lane.
    """

    permission: str | None = None
    self_: tuple[str, ...] = ()
    public: Callable[[Any], Any] | bool | None = None
    signed_in: Callable[[Any], Any] | bool | None = None
    account: str | None = None
    walled: bool = False

    def __post_init__(self) -> None:
        if not (self.permission or self.self_ or self.public or self.signed_in or self.account):
            raise TypeError("an empty policy would hide or show everything: name at least one clause")


@dataclass(frozen=True)
class Column:
    """A column as a field. `needs`: further permission to select, filter or sort it. `column`: model attribute."""

    zh: str
    en: str
    column: str | None = None
    filter: bool = True
    order: bool = False
    needs: str | None = None
    type: Any = None
    id_of: str | None = None


@dataclass(frozen=True)
class Expression:
    """A computed SQL expression over the table (a callable from the aliased table to a SQLAlchemy expression)."""

    build: Callable[[Any], Any]
    type: Any
    zh: str
    en: str
    nullable: bool = True
    cost: int = 2


@dataclass(frozen=True)
class One:
    """A relation to at most one row of `target`; the target's own row policy applies (unseen: null)."""

    target: str
    local: str
    zh: str
    en: str
    remote: str = "id"


@dataclass(frozen=True)
class Many:
    """A relation to a connection of `target` rows where `remote` equals this row's `local`."""

    target: str
    remote: str
    zh: str
    en: str
    local: str = "id"


def col(
    *,
    zh: str,
    en: str,
    column: str | None = None,
    filter: bool = True,
    order: bool = False,
    needs: str | None = None,
    type: Any = None,
    id_of: str | None = None,
) -> Any:
    """A column of the model as a field of the same name (or `column`). Nullability and type come from the model.

    `id_of` exposes a uuid column as a typed id text `Type_uuid`.
    """
    return Column(zh, en, column, filter, order, needs, type, id_of)


def expr(
    build: Callable[[Any], Any], type: Any, *, zh: str, en: str, nullable: bool = True, cost: int = 2
) -> Any:
    """A computed field; not filterable."""
    return Expression(build, type, zh, en, nullable, cost)


def one(target: str, *, local: str, zh: str, en: str, remote: str = "id") -> Any:
    """A relation to one row."""
    return One(target, local, zh, en, remote)


def many(target: str, *, remote: str, zh: str, en: str, local: str = "id") -> Any:
    """A relation to many rows, as a connection."""
    return Many(target, remote, zh, en, local)


FieldSpec = Column | Expression | One | Many


class Node:
    """Base of declarations; see the module docstring for the shape. `root` filters nothing by itself: policy does.

    `default_order`: model columns of the default order (an index on `(level_id, *default_order, id)` must exist).
    """

    model: ClassVar[type[DeclarativeBase]]
    type_name: ClassVar[str]
    plugin: ClassVar[str]
    policy: ClassVar[Policy]
    one_name: ClassVar[str | None]
    many_name: ClassVar[str | None]
    zh: ClassVar[str]
    en: ClassVar[str]
    default_order: ClassVar[tuple[str, ...]]
    specs: ClassVar[dict[str, FieldSpec]]

    def __init_subclass__(
        cls,
        *,
        model: type[DeclarativeBase],
        policy: Policy,
        plugin: str,
        zh: str,
        en: str,
        name: str | None = None,
        one: str | None = None,
        many: str | None = None,
        default_order: tuple[str, ...] = (),
    ) -> None:
        # First of all: a field may be called `plugin` or `policy` as well.
        cls.specs = {
            key: value
            for key, value in vars(cls).items()
            if isinstance(value, (Column, Expression, One, Many))
        }
        cls.model, cls.policy, cls.plugin, cls.zh, cls.en = model, policy, plugin, zh, en
        cls.type_name = name or cls.__name__
        cls.one_name, cls.many_name, cls.default_order = one, many, default_order
        columns = {a.key for a in model.__mapper__.column_attrs}
        for key, spec in cls.specs.items():
            wanted = (
                spec.column or key
                if isinstance(spec, Column)
                else spec.local
                if isinstance(spec, (One, Many))
                else None
            )
            if wanted is not None and wanted not in columns:
                raise TypeError(f"{cls.type_name}.{key}: {model.__name__} has no column {wanted!r}")
        for key in default_order:
            if key not in columns:
                raise TypeError(f"{cls.type_name}: default_order names no column {key!r}")


@dataclass(frozen=True)
class Extension:
    """Fields that a plugin adds to another's type."""

    target: str
    plugin: str
    specs: dict[str, FieldSpec] = field(default_factory=dict)


def extend(target: str, *, plugin: str, **specs: Any) -> Extension:
    """Add relations or expressions to type `target`; a name that exists already is a boot error naming both plugins."""
    return Extension(target, plugin, specs)


@dataclass(frozen=True)
class Bounded:
    """Marks a list of an output dataclass as never longer than `size`: `Annotated[list[X], Bounded(50)]`."""

    size: int
