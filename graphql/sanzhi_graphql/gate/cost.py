"""The price of an operation: Σ weight × Π page sizes, on requested objects, before anything is executed.

Weights come from the schema: Strawberry field metadata `cost` (points of one object or value) and `size` (the
most rows of an object list without `first`). An operation is priced once into terms `weight × page × page …`;
a request only puts its page sizes in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)

from .limits import Limits
from .refusal import GateCode, GateRefusal

_PAGING = ("first", "last")
_CONNECTION_LISTS = frozenset({"nodes", "edges"})
_META = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class PageVariable:
    """A page size that comes with the request: `$name`, the field that asks and the variable's default."""

    name: str
    field: str
    default: int | None


Page = int | PageVariable


@dataclass(frozen=True, slots=True)
class Price:
    """What an operation costs, open only in the page sizes its variables bring."""

    terms: tuple[tuple[int, tuple[Page, ...]], ...]
    variables: tuple[PageVariable, ...]

    def total(self, values: Mapping[str, Any], limits: Limits) -> int:
        """Points, at most `limits.cost_ceiling`. `values` are raw JSON variables.

        Raises `GateRefusal` PAGE_SIZE when a variable holds no whole number from page_min to page_max.
        """
        sizes = {v: _checked(values.get(v.name, v.default), v.field, limits) for v in self.variables}
        total = 0
        for weight, pages in self.terms:
            for page in pages:
                weight *= page if isinstance(page, int) else sizes[page]
            total += weight
        return min(total, limits.cost_ceiling)


def cost(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    limits: Limits,
) -> int:
    """Points of a shape-checked and valid `operation` of `document`; see `price` and `Price.total`."""
    return price(schema, document, operation, limits).total(variables, limits)


def price(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, limits: Limits
) -> Price:
    """The price of a shape-checked and valid operation; `@skip` and `@include` are taken as included.

    Raises `GateRefusal` PAGE_SIZE when a literal page size is missing or out of range.
    """
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    pricing = _Pricing(schema, fragments, operation, limits)
    root = schema.get_root_type(operation.operation)
    if root is not None:
        pricing.run(operation.selection_set, root)
    by_pages = ((weight, pages) for pages, weight in pricing.weights.items() if weight)
    variables = {page for pages in pricing.weights for page in pages if isinstance(page, PageVariable)}
    return Price(tuple(by_pages), tuple(variables))


@dataclass(slots=True)
class _Level:
    """A selection set, the type it selects from, the page sizes above it and the page it may multiply by."""

    selections: SelectionSetNode
    parent: GraphQLNamedType
    pages: tuple[Page, ...]
    page: Page | None


class _Pricing:
    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        operation: OperationDefinitionNode,
        limits: Limits,
    ) -> None:
        self.schema = schema
        self.fragments = fragments
        self.limits = limits
        self.weights: Counter[tuple[Page, ...]] = Counter()
        self.defaults = {
            definition.variable.name.value: definition.default_value
            for definition in operation.variable_definitions or ()
        }

    def run(self, selections: SelectionSetNode, root: GraphQLNamedType) -> None:
        pending = [_Level(selections, root, (), None)]
        while pending:
            level = pending.pop()
            for selection in level.selections.selections:
                if isinstance(selection, FieldNode):
                    below = self._field(selection, level)
                    if below is not None:
                        pending.append(below)
                elif isinstance(selection, InlineFragmentNode):
                    on = selection.type_condition
                    pending.append(
                        self._narrowed(selection.selection_set, on.name.value if on else None, level)
                    )
                elif isinstance(selection, FragmentSpreadNode):
                    fragment = self.fragments[selection.name.value]
                    on_name = fragment.type_condition.name.value
                    pending.append(self._narrowed(fragment.selection_set, on_name, level))

    def _narrowed(self, selections: SelectionSetNode, name: str | None, level: _Level) -> _Level:
        parent = self.schema.get_type(name) if name is not None else None
        return _Level(selections, parent or level.parent, level.pages, level.page)

    def _field(self, node: FieldNode, level: _Level) -> _Level | None:
        """Add the weight of one field; the level below it, if any."""
        name = node.name.value
        if name in _META:
            self.weights[level.pages] += self.limits.weight_introspection
            return None
        if name.startswith("__") or not isinstance(level.parent, GraphQLObjectType | GraphQLInterfaceType):
            return None
        definition = level.parent.fields[name]
        named = get_named_type(definition.type)
        if not is_composite_type(named) or node.selection_set is None:
            weight = self.limits.weight_total_count if name == "totalCount" else self.limits.weight_leaf
            self.weights[level.pages] += _metadata(definition, "cost", weight)
            return None
        pages, page = level.pages, None
        weight = _metadata(definition, "cost", self.limits.weight_object)
        is_list = is_list_type(get_nullable_type(definition.type))
        if _PAGING[0] in definition.args or _PAGING[1] in definition.args:
            own = self._page(node, definition)
            if is_list:
                pages = (*pages, own)
            else:
                # The connection itself is one object per parent; its `nodes` or `edges` are the page.
                page = own
        elif level.page is not None and name in _CONNECTION_LISTS and is_list:
            pages = (*pages, level.page)
            # An edge is no row of its own: its node is.
            weight = 0 if name == "edges" else weight
        elif is_list:
            pages = (*pages, _metadata(definition, "size", self.limits.unpaged_list_size))
        self.weights[pages] += weight
        return _Level(node.selection_set, named, pages, page)

    def _page(self, node: FieldNode, definition: GraphQLField) -> Page:
        """The page size a field asks for: exactly one of `first` and `last`, else refused."""
        given: list[Page | None] = []
        for argument in node.arguments or ():
            if argument.name.value in _PAGING:
                given.append(self._value(argument.value, node.name.value))
        if not given:
            given = [
                default for name in _PAGING if (default := _default(definition.args.get(name))) is not None
            ]
        if len(given) == 1 and isinstance(given[0], PageVariable):
            return given[0]
        return _checked(given[0] if len(given) == 1 else None, node.name.value, self.limits)

    def _value(self, value: ValueNode, field: str) -> Page | None:
        if isinstance(value, VariableNode):
            return PageVariable(value.name.value, field, _literal(self.defaults.get(value.name.value)))
        return _literal(value)


def _literal(value: ValueNode | None) -> int | None:
    return int(value.value) if isinstance(value, IntValueNode) and len(value.value) <= 20 else None


def _default(argument: GraphQLArgument | None) -> int | None:
    if argument is None:
        return None
    default = argument.default.value if argument.default is not None else argument.default_value
    return default if type(default) is int else None


def _checked(value: Any, field: str, limits: Limits) -> int:
    # GraphQL coerces 10.0 to the Int 10, so it must be priced as 10.
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not limits.page_min <= value <= limits.page_max:
        raise GateRefusal(GateCode.PAGE_SIZE, field=field, low=limits.page_min, high=limits.page_max)
    return value


def _metadata(definition: GraphQLField, key: str, otherwise: int) -> int:
    declared = definition.extensions.get("strawberry-definition")
    value = getattr(declared, "metadata", {}).get(key, otherwise)
    return value if type(value) is int and value >= 0 else otherwise
