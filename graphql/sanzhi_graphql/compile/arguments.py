"""Arguments as the planner sees them: the shape now, the value at each execution.

A plan is made once per shape of the variables, so only null-ness, booleans, keys, list lengths and order terms of
a value may be looked at while planning; everything else is read through `Argument.get` when the plan runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
)
from graphql.utilities import coerce_input_literal

from .refusal import ReadCode, ReadRefused

Variables = Mapping[str, Any]


class Argument:
    """A coerced value: `value` has the shape, `get(variables)` the value of one execution."""

    __slots__ = ("_kids", "get", "value")

    def __init__(self, value: Any, get: Callable[[Variables], Any], kids: Any = None) -> None:
        self.value = value
        self.get = get
        self._kids: Any = kids

    def __getitem__(self, key: Any) -> Argument:
        if self._kids is None:
            self._kids = {}
        if isinstance(self._kids, dict) and key not in self._kids:
            parent = self.get
            self._kids[key] = Argument(self.value[key], lambda v: parent(v)[key])
        found: Argument = self._kids[key]
        return found

    def items(self) -> Iterator[tuple[str, Argument]]:
        """Fields of an input object."""
        for key in self.value:
            yield key, self[key]

    def parts(self) -> Iterator[Argument]:
        """Items of a list."""
        for i in range(len(self.value)):
            yield self[i]


def _constant(value: Any) -> Argument:
    return Argument(value, lambda _: value)


def _symbolic(node: ValueNode, type_: Any, variables: Variables) -> Argument | None:
    """None: a variable that was not given."""
    if isinstance(node, VariableNode):
        name = node.name.value
        return Argument(variables[name], lambda v: v[name]) if name in variables else None
    if isinstance(type_, GraphQLNonNull):
        return _symbolic(node, type_.of_type, variables)
    if isinstance(node, NullValueNode):
        return _constant(None)
    if isinstance(type_, GraphQLList):
        nodes = node.values if isinstance(node, ListValueNode) else (node,)
        items = [_symbolic(n, type_.of_type, variables) or _constant(None) for n in nodes]
        return Argument([i.value for i in items], lambda v: [i.get(v) for i in items], items)
    if isinstance(type_, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
        fields = {}
        for f in node.fields:
            part = _symbolic(f.value, type_.fields[f.name.value].type, variables)
            if part is not None:
                fields[f.name.value] = part
        return Argument(
            {k: p.value for k, p in fields.items()},
            lambda v: {k: p.get(v) for k, p in fields.items()},
            fields,
        )
    value = coerce_input_literal(node, type_)
    if value is Undefined:
        raise ReadRefused(ReadCode.BAD_VALUE, "a literal does not fit its type")
    return _constant(value)


def arguments(
    definitions: Mapping[str, GraphQLArgument], node: FieldNode, variables: Variables
) -> dict[str, Argument]:
    """Arguments of a field that were given, by name; null counts as not given."""
    out = {}
    for given in node.arguments or ():
        found = _symbolic(given.value, definitions[given.name.value].type, variables)
        if found is not None and found.value is not None:
            out[given.name.value] = found
    return out
