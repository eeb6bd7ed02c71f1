"""Which fields a selection asks for: fragments, merged fields, @skip and @include."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    SelectionNode,
    VariableNode,
    is_abstract_type,
)

from .refusal import NotCompilable


class Selections:
    """Collects fields by response key, as the GraphQL specification's CollectFields and merging do."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> None:
        self.schema = schema
        self.fragments = fragments
        self.variables = variables

    def included(self, node: SelectionNode) -> bool:
        """Whether @skip and @include leave the node in; any other directive is refused."""
        for directive in node.directives or ():
            name = directive.name.value
            if name not in ("skip", "include"):
                raise NotCompilable(f"directive @{name}")
            assert directive.arguments
            value = directive.arguments[0].value
            if isinstance(value, VariableNode):
                on = self.variables[value.name.value]
            else:
                assert isinstance(value, BooleanValueNode)
                on = value.value
            if bool(on) == (name == "skip"):
                return False
        return True

    def _applies(self, condition: str | None, type_name: str) -> bool:
        if condition is None or condition == type_name:
            return True
        abstract, concrete = self.schema.get_type(condition), self.schema.get_type(type_name)
        return (
            abstract is not None
            and concrete is not None
            and is_abstract_type(abstract)
            and self.schema.is_sub_type(abstract, concrete)
        )

    def _collect(
        self, nodes: Iterable[SelectionNode], type_name: str, out: dict[str, list[FieldNode]]
    ) -> None:
        for node in nodes:
            if not self.included(node):
                continue
            if isinstance(node, FieldNode):
                out.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
                continue
            part: Any = self.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            condition = part.type_condition.name.value if part.type_condition else None
            if self._applies(condition, type_name):
                self._collect(part.selection_set.selections, type_name, out)

    def below(self, nodes: Sequence[FieldNode], type_name: str) -> dict[str, list[FieldNode]]:
        """Fields selected below the nodes of one response key, on a value of type `type_name`."""
        out: dict[str, list[FieldNode]] = {}
        for node in nodes:
            if node.selection_set is not None:
                self._collect(node.selection_set.selections, type_name, out)
        return out
