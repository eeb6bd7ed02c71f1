"""The schema of a set of enabled plugins: types and fields of the others vanish, also from introspection."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, TypeVar

import strawberry
from graphql import (
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

from .build import core_schema
from .ownership import CORE, owner, type_owner

KEPT = 64
"""Pruned schemas kept per full schema, least recently used out first."""

T = TypeVar("T")
Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType
AnyField = GraphQLField | GraphQLInputField


class _Full:
    """A full schema with what every pruning of it asks: owners, and which types refer to which."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.kept: OrderedDict[frozenset[str], GraphQLSchema] = OrderedDict()
        self.types: dict[str, Composite] = {
            name: t
            for name, t in schema.type_map.items()
            if isinstance(t, Composite) and not name.startswith("__")
        }
        self.owners = {name: type_owner(t) for name, t in schema.type_map.items()}
        self.fields: dict[str, list[tuple[str, AnyField, str, str]]] = {}
        self.referrers: dict[str, set[str]] = {}
        for name, type_ in self.types.items():
            found: dict[str, Any] = type_.fields
            self.fields[name] = [
                (key, field, owner(field), get_named_type(field.type).name) for key, field in found.items()
            ]
            for target in _targets(type_):
                self.referrers.setdefault(target, set()).add(name)


def _targets(type_: Composite) -> set[str]:
    out = {i.name for i in getattr(type_, "interfaces", ())}
    fields: dict[str, Any] = type_.fields
    for field in fields.values():
        out.add(get_named_type(field.type).name)
        out.update(get_named_type(a.type).name for a in getattr(field, "args", {}).values())
    return out


_KEY = "sanzhi:full"


def prune(schema: strawberry.Schema | GraphQLSchema, enabled: frozenset[str]) -> GraphQLSchema:
    """The schema for exactly these plugins and the core; the same object for the same set while it is kept."""
    core = schema if isinstance(schema, GraphQLSchema) else core_schema(schema)
    full: _Full | None = core.extensions.get(_KEY)
    if full is None:
        full = core.extensions[_KEY] = _Full(core)
    found = full.kept.get(enabled)
    if found is None:
        found = full.kept[enabled] = _Pruning(full, enabled).schema()
        while len(full.kept) > KEPT:
            full.kept.popitem(last=False)
    full.kept.move_to_end(enabled)
    return found


class _Pruning:
    """Types that lose a field, and all that lead to them, are copied without it; the rest is shared."""

    def __init__(self, full: _Full, enabled: frozenset[str]) -> None:
        self.full = full
        self.enabled = enabled | {CORE}
        self.gone = {name for name, plugin in full.owners.items() if plugin not in self.enabled}
        self.copies: dict[str, Any] = {}

    def schema(self) -> GraphQLSchema:
        full = self.full.schema
        changed = self._changed()
        if not changed and not self.gone:
            return full
        self.copies = {name: _copy(self.full.types[name]) for name in changed}
        for name, copy in self.copies.items():
            copy.fields = {
                k: self._field(f)
                for k, f, plugin, target in self.full.fields[name]
                if self._keeps(plugin, target)
            }
            if not isinstance(copy, GraphQLInputObjectType):
                copy.interfaces = tuple(self._named(i) for i in copy.interfaces)
        # Types that only an interface leads to: refusals and nodes.
        implementing = [
            self._named(t)
            for name, t in self.full.types.items()
            if isinstance(t, GraphQLObjectType) and t.interfaces and name not in self.gone
        ]
        query, mutation = self._named(full.query_type), self._named(full.mutation_type)
        return GraphQLSchema(
            query=query,
            mutation=mutation if mutation is not None and mutation.fields else None,
            types=implementing,
            directives=full.directives,
            extensions={k: v for k, v in full.extensions.items() if k != _KEY},
            assume_valid=True,
        )

    def _changed(self) -> set[str]:
        losing = {
            name
            for name, fields in self.full.fields.items()
            if name not in self.gone
            and not all(self._keeps(plugin, target) for _, _, plugin, target in fields)
        }
        pending = list(losing)
        while pending:
            for referrer in self.full.referrers.get(pending.pop(), ()):
                if referrer not in losing and referrer not in self.gone:
                    losing.add(referrer)
                    pending.append(referrer)
        return losing

    def _keeps(self, plugin: str, target: str) -> bool:
        return plugin in self.enabled and target not in self.gone

    def _named(self, type_: Any) -> Any:
        return self.copies.get(type_.name, type_) if type_ is not None else None

    def _wrapped(self, type_: Any) -> Any:
        if isinstance(type_, GraphQLNonNull):
            inner = self._wrapped(type_.of_type)
            return type_ if inner is type_.of_type else GraphQLNonNull(inner)
        if isinstance(type_, GraphQLList):
            inner = self._wrapped(type_.of_type)
            return type_ if inner is type_.of_type else GraphQLList(inner)
        return self._named(type_)

    def _field(self, field: Any) -> Any:
        """The field itself when nothing it leads to is copied."""
        type_ = self._wrapped(field.type)
        arguments: dict[str, Any] = getattr(field, "args", {})
        args = {name: self._argument(a) for name, a in arguments.items()}
        if type_ is field.type and all(args[name] is a for name, a in arguments.items()):
            return field
        made = _copy(field)
        made.type = type_
        if arguments:
            made.args = args
        return made

    def _argument(self, argument: Any) -> Any:
        type_ = self._wrapped(argument.type)
        if type_ is argument.type:
            return argument
        made = _copy(argument)
        made.type = type_
        return made


def _copy(part: T) -> T:
    # graphql-core's own copying runs constructors, which check every name again: four times as slow.
    made: T = object.__new__(type(part))
    made.__dict__.update(part.__dict__)
    return made
