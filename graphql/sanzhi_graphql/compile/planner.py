"""From a selection to a plan. Knows graphql-core's trees and the declarations, nothing of how a request is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, FragmentDefinitionNode, GraphQLObjectType, GraphQLSchema

from sanzhi_core.reading.declaration import Column, Expression, Many, One
from sanzhi_core.reading.registry import Catalogue, TypeInfo

from .arguments import Argument, arguments
from .connection import Anchor, ConnectionWriter
from .json_text import json_object
from .kinds import Kind, attribute_of, of_field, of_python
from .plan import Plan, Shape, Values
from .refusal import NotCompilable
from .scope import PolicyWriter, conditions_of
from .selection import Selections
from .statement import Row, Snippet, Statement, literal, snippet, table_name


@dataclass(frozen=True)
class Selection:
    """What is asked: the field nodes of one response key of type `parent`, and all they refer to.

    `variables` are coerced by graphql-core (`get_variable_values(…).coerced`).
    """

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    nodes: Sequence[FieldNode]
    variables: Mapping[str, Any]
    parent: str = "Query"


@dataclass(frozen=True)
class Target:
    """What is read: a root field's connection (`key` None) or the row of `type_name` whose key `key` gives."""

    type_name: str
    key: Callable[[Values], Any] | None = None


class Planner:
    """Plans reads over a catalogue; made once per process. Checks every author's expression when made."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.conditions = {name: conditions_of(info) for name, info in catalogue.types.items()}
        self.expressions: dict[tuple[str, str], tuple[Snippet, Kind]] = {}
        for info in catalogue.types.values():
            for f in info.fields.values():
                if isinstance(f.spec, Expression):
                    part = snippet(info, f.spec.build, f.name)
                    self.expressions[info.name, f.name] = (part, of_python(f.spec.type))
                elif isinstance(f.spec, Column):
                    of_field(info, f.name)

    def needs(self, selection: Selection, target: Target) -> tuple[str, ...]:
        """Permissions (and `enabled:<plugin>` keys) whose scopes shape the plan, in a fixed order."""
        writer = _Writer(self, selection, None)
        writer.write(target)
        return tuple(writer.policy.permissions)

    def plan(self, selection: Selection, target: Target, shape: Shape) -> Plan:
        """The plan for callers of `shape`. Raises ReadRefused, or NotCompilable for what the planner cannot serve."""
        writer = _Writer(self, selection, shape)
        sql, getters = writer.statement.finished(writer.write(target))
        return Plan(sql, getters, frozenset(writer.policy.walled))


class _Writer:
    """One statement being written."""

    def __init__(self, planner: Planner, selection: Selection, shape: Shape | None) -> None:
        self.planner = planner
        self.catalogue = planner.catalogue
        self.selection = selection
        self.statement = Statement()
        self.policy = PolicyWriter(planner.catalogue, self.statement, shape, planner.conditions)
        self.selections = Selections(selection.schema, selection.fragments, selection.variables)

    def write(self, target: Target) -> str:
        """The whole SELECT."""
        info, nodes = self.catalogue[target.type_name], list(self.selection.nodes)
        if target.key is None:
            return f"select {self._connection(info, nodes, self.selection.parent, None)}"
        row = self.statement.row(info)
        kind = of_field(info, "id")
        key = self.statement.bind(("key",), kind.cast, target.key)
        return self._one(info, row, nodes, f"{row.col(info.key)} = {key}")

    # -- objects -----------------------------------------------------------------------------------------------
    def _one(self, info: TypeInfo, row: Row, nodes: list[FieldNode], condition: str) -> str:
        built = self._object(info, row, nodes)
        seen = self.policy.sight(info).where(row)
        where = condition if seen is None else f"{condition} and {seen}"
        return f"select {built} from {table_name(info)} {row.alias} where {where}"

    def _object(self, info: TypeInfo, row: Row, nodes: list[FieldNode]) -> str:
        below = self.selections.below(nodes, info.name)
        return json_object([(key, self._field(info, row, found)) for key, found in below.items()])

    def _field(self, info: TypeInfo, row: Row, nodes: list[FieldNode]) -> str:
        name = nodes[0].name.value
        if name == "__typename":
            return f"{literal(info.name)}::text"
        if name not in info.fields:
            raise NotCompilable(f"{info.name}.{name}")
        spec = info.fields[name].spec
        if isinstance(spec, Column):
            return self._column(info, row, name, spec)
        if isinstance(spec, Expression):
            part, kind = self.planner.expressions[info.name, name]
            return kind.render(row.expression(part))
        target = self.catalogue[spec.target]
        if isinstance(spec, One):
            other = self.statement.row(target)
            found = self._one(target, other, nodes, f"{other.col(spec.remote)} = {row.col(spec.local)}")
            # A relation by another column than the key might meet several rows: the first, not an error.
            only = "" if spec.remote == target.key else f" order by {other.col(target.key)} limit 1"
            return f"({found}{only})"
        assert isinstance(spec, Many)
        return self._connection(target, nodes, info.name, Anchor(spec.remote, row.col(spec.local)))

    def _column(self, info: TypeInfo, row: Row, name: str, spec: Column) -> str:
        sql = of_field(info, name).render(row.col(attribute_of(info, name)))
        if spec.needs is None:
            return sql
        seen = self.policy.needed(info, name, spec.needs).where(row)
        return sql if seen is None else f"case when {seen} then {sql} end"

    # -- connections -------------------------------------------------------------------------------------------
    def _connection(self, info: TypeInfo, nodes: list[FieldNode], parent: str, anchor: Anchor | None) -> str:
        writer = ConnectionWriter(
            self.policy,
            info,
            self._arguments(parent, nodes[0]),
            anchor,
            self.selections.below,
            lambda row, below: self._object(info, row, below),
        )
        return writer.sql(nodes)

    def _arguments(self, parent: str, node: FieldNode) -> dict[str, Argument]:
        type_ = self.selection.schema.get_type(parent)
        assert isinstance(type_, GraphQLObjectType)
        return arguments(type_.fields[node.name.value].args, node, self.selection.variables)


def key_argument(selection: Selection, info: TypeInfo) -> Callable[[Values], Any]:
    """The key of a `one` root field from its `id` argument; at run time ReadRefused BAD_ID when it is none."""
    type_ = selection.schema.get_type(selection.parent)
    assert isinstance(type_, GraphQLObjectType)
    node = selection.nodes[0]
    given = arguments(type_.fields[node.name.value].args, node, selection.variables)["id"]
    kind = of_field(info, "id")
    get = given.get
    return lambda values: kind.bound(get(values.variables))
