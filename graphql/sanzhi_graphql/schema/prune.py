"""The schema of a set of enabled plugins: types and fields of the others vanish, also from introspection."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any
from weakref import WeakKeyDictionary

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

from .build import core_schema
from .ownership import CORE, owner, type_owner

KEPT = 64
"""Pruned schemas kept per full schema, least recently used out first."""

_pruned: WeakKeyDictionary[GraphQLSchema, OrderedDict[frozenset[str], GraphQLSchema]] = WeakKeyDictionary()


def prune(schema: strawberry.Schema | GraphQLSchema, enabled: frozenset[str]) -> GraphQLSchema:
    """The schema for exactly these plugins and the core; the same object for the same set while it is kept."""
    full = schema if isinstance(schema, GraphQLSchema) else core_schema(schema)
    kept = _pruned.setdefault(full, OrderedDict())
    found = kept.get(enabled)
    if found is None:
        found = kept[enabled] = _Pruning(full, enabled).schema()
        while len(kept) > KEPT:
            kept.popitem(last=False)
    kept.move_to_end(enabled)
    return found


class _Pruning:
    def __init__(self, full: GraphQLSchema, enabled: frozenset[str]) -> None:
        self.full = full
        self.enabled = enabled | {CORE}
        self.made: dict[str, GraphQLNamedType] = {}

    def schema(self) -> GraphQLSchema:
        full = self.full
        assert full.query_type is not None
        mutation = full.mutation_type
        if mutation is not None and not any(self._keeps(f) for f in mutation.fields.values()):
            mutation = None
        # Types that only an interface leads to: error types and nodes.
        implementing = [
            self._named(t)
            for t in full.type_map.values()
            if isinstance(t, GraphQLObjectType) and t.interfaces and type_owner(t) in self.enabled
        ]
        return GraphQLSchema(
            query=self._named(full.query_type),
            mutation=self._named(mutation) if mutation is not None else None,
            types=implementing,
            directives=full.directives,
            extensions=full.extensions,
            assume_valid=True,
        )

    def _keeps(self, field: GraphQLField | GraphQLInputField) -> bool:
        return owner(field) in self.enabled and type_owner(get_named_type(field.type)) in self.enabled

    def _wrapped(self, type_: Any) -> Any:
        if isinstance(type_, GraphQLNonNull):
            return GraphQLNonNull(self._wrapped(type_.of_type))
        if isinstance(type_, GraphQLList):
            return GraphQLList(self._wrapped(type_.of_type))
        return self._named(type_)

    def _named(self, type_: Any) -> Any:
        made = self.made.get(type_.name)
        if made is not None:
            return made
        kwargs: dict[str, Any]
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            kwargs = dict(type_.to_kwargs())
            kwargs["fields"] = lambda: self._fields(type_)
            kwargs["interfaces"] = [self._named(i) for i in type_.interfaces]
        elif isinstance(type_, GraphQLInputObjectType):
            kwargs = dict(type_.to_kwargs())
            kwargs["fields"] = lambda: self._inputs(type_)
        else:
            self.made[type_.name] = type_
            return type_
        new: GraphQLNamedType = type(type_)(**kwargs)
        self.made[type_.name] = new
        return new

    def _fields(self, type_: GraphQLObjectType | GraphQLInterfaceType) -> dict[str, GraphQLField]:
        return {name: self._field(f) for name, f in type_.fields.items() if self._keeps(f)}

    def _field(self, field: GraphQLField) -> GraphQLField:
        kwargs = field.to_kwargs()
        kwargs["type_"] = self._wrapped(field.type)
        kwargs["args"] = {
            name: GraphQLArgument(**{**a.to_kwargs(), "type_": self._wrapped(a.type)})
            for name, a in field.args.items()
        }
        return GraphQLField(**kwargs)

    def _inputs(self, type_: GraphQLInputObjectType) -> dict[str, GraphQLInputField]:
        return {
            name: GraphQLInputField(**{**f.to_kwargs(), "type_": self._wrapped(f.type)})
            for name, f in type_.fields.items()
            if self._keeps(f)
        }
