"""Limits on the syntax tree, checked before validation, the first step an attacker could exhaust."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    TokenKind,
)

from .body import within_int64
from .limits import Limits
from .refusal import GateCode, GateRefusal

_INTROSPECTION_ROOTS = frozenset({"__schema", "__type"})
_TYPE_LISTS = frozenset({"types", "fields", "inputFields", "interfaces", "possibleTypes"})


def check_shape(
    document: DocumentNode, operation_name: str | None, limits: Limits, *, introspection: bool = False
) -> OperationDefinitionNode:
    """The operation to execute, when document and all its operations are within `limits`.

    Work is bounded by the limits, not by the document: fragments are expanded selection by selection and the
    walk stops at the first limit passed, so a fan of 2^n fields costs no more than an honest document.
    Raises `GateRefusal` with the code of the first rule broken. Unknown fragments are left to validation.
    """
    check_tokens(document)
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    definitions = [d for d in document.definitions if isinstance(d, FragmentDefinitionNode)]
    if len(operations) + len(definitions) != len(document.definitions):
        raise GateRefusal(GateCode.DEFINITION)
    if not 1 <= len(operations) <= limits.operations:
        raise GateRefusal(GateCode.OPERATIONS, limit=limits.operations)
    if len(definitions) > limits.fragments:
        raise GateRefusal(GateCode.FRAGMENTS, limit=limits.fragments)
    fragments = _by_name(definitions)
    chosen = _choose(operations, operation_name)
    _check_fragment_graph(operations, fragments)
    if any(operation.operation is OperationType.SUBSCRIPTION for operation in operations):
        raise GateRefusal(GateCode.SUBSCRIPTION)
    # Validation reads all operations, so all of them together are counted, not only the chosen one.
    expansion = _Expansion(fragments, limits, introspection)
    for operation in operations:
        expansion.check(operation)
    return chosen


def introspects(operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]) -> bool:
    """Whether a root field of a (shape-checked) operation is `__schema` or `__type`."""
    pending = [operation.selection_set]
    while pending:
        for selection in pending.pop().selections:
            if isinstance(selection, FieldNode):
                if selection.name.value in _INTROSPECTION_ROOTS:
                    return True
            elif isinstance(selection, InlineFragmentNode):
                pending.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value in fragments:
                pending.append(fragments[selection.name.value].selection_set)
    return False


def check_tokens(document: DocumentNode) -> None:
    """Refuse NUL in any string literal (STRING) and integers beyond 64 bits (INTEGER)."""
    token = document.loc.start_token if document.loc else None
    while token is not None:
        if token.kind is TokenKind.INT:
            if not within_int64(token.value or "0"):
                raise GateRefusal(GateCode.INTEGER)
        elif token.kind in (TokenKind.STRING, TokenKind.BLOCK_STRING) and "\0" in (token.value or ""):
            raise GateRefusal(GateCode.STRING)
        token = token.next


def _by_name(definitions: list[FragmentDefinitionNode]) -> dict[str, FragmentDefinitionNode]:
    fragments: dict[str, FragmentDefinitionNode] = {}
    for definition in definitions:
        if definition.name.value in fragments:
            raise GateRefusal(GateCode.FRAGMENT_NAME, name=definition.name.value)
        fragments[definition.name.value] = definition
    return fragments


def _choose(operations: list[OperationDefinitionNode], name: str | None) -> OperationDefinitionNode:
    found = [o for o in operations if name is None or (o.name is not None and o.name.value == name)]
    if len(found) != 1:
        raise GateRefusal(GateCode.OPERATION_NAME)
    return found[0]


def _spreads(root: SelectionSetNode) -> Iterator[str]:
    """Names of the fragments spread anywhere below `root`, without expansion."""
    pending = [root]
    while pending:
        for selection in pending.pop().selections:
            if isinstance(selection, FragmentSpreadNode):
                yield selection.name.value
            elif isinstance(selection, FieldNode | InlineFragmentNode) and selection.selection_set:
                pending.append(selection.selection_set)


def _check_fragment_graph(
    operations: list[OperationDefinitionNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> None:
    """Refuse cycles, also in unused fragments, and fragments that no operation reaches."""
    edges = {name: set(_spreads(f.selection_set)) & fragments.keys() for name, f in fragments.items()}
    # Take away fragments that spread nothing that is left; what stays is on a cycle or leads into one.
    left = dict(edges)
    while leaves := [name for name, targets in left.items() if not targets & left.keys()]:
        for name in leaves:
            del left[name]
    if left:
        raise GateRefusal(GateCode.FRAGMENT_CYCLE, name=min(left))
    reached: set[str] = set()
    pending = {name for o in operations for name in _spreads(o.selection_set)} & fragments.keys()
    while pending:
        reached |= pending
        pending = set().union(*(edges[name] for name in pending)) - reached
    # Validation would refuse it too, after having paid for its expansion.
    if unused := fragments.keys() - reached:
        raise GateRefusal(GateCode.FRAGMENT_NAME, name=min(unused))


@dataclass(slots=True)
class _MergedSet:
    """Selection sets that end up as one object of the reply, with what stands above them."""

    parts: list[SelectionSetNode]
    depth: int
    introspecting: bool = False
    lists: int = 0


@dataclass(slots=True)
class _Expansion:
    """Counts over the operations of a document with all fragments expanded."""

    fragments: Mapping[str, FragmentDefinitionNode]
    limits: Limits
    introspection: bool
    fields: int = 0
    selections: int = 0
    aliases: int = 0
    directives: int = 0
    roots: list[str] = field(default_factory=list)

    def check(self, operation: OperationDefinitionNode) -> None:
        definitions = operation.variable_definitions or ()
        if len(definitions) > self.limits.variables:
            raise GateRefusal(GateCode.VARIABLES, limit=self.limits.variables)
        self._add_directives(len(operation.directives or ()))
        for definition in definitions:
            self._add_directives(len(definition.directives or ()))
        self.roots.clear()
        pending = [_MergedSet([operation.selection_set], depth=1)]
        while pending:
            pending.extend(self._children(pending.pop()))
        self._check_roots(operation.operation)

    def _children(self, merged: _MergedSet) -> list[_MergedSet]:
        """Count one merged set; the merged sets one level below it."""
        limits = self.limits
        ceiling = limits.introspection_depth if merged.introspecting else limits.depth
        if merged.depth > ceiling:
            raise GateRefusal(GateCode.DEPTH, limit=ceiling)
        per_condition: Counter[tuple[str, str]] = Counter()
        per_key: Counter[str] = Counter()
        below: dict[str, _MergedSet] = {}
        for node, condition in self._flatten(merged.parts):
            name = node.name.value
            key = node.alias.value if node.alias else name
            per_condition[condition, key] += 1
            per_key[key] += 1
            if per_condition[condition, key] > limits.key_repeats:
                raise GateRefusal(GateCode.KEY_REPEATS, key=key, limit=limits.key_repeats)
            if per_key[key] > limits.key_repeats_all_types:
                raise GateRefusal(GateCode.KEY_REPEATS, key=key, limit=limits.key_repeats_all_types)
            if merged.depth == 1:
                self.roots.append(name)
            if node.selection_set is None:
                continue
            child = below.get(key)
            if child is None:
                child = below[key] = _MergedSet([], merged.depth + 1, merged.introspecting, merged.lists)
                # Only real meta fields of the root are deeper: names of operations or fragments do not count.
                child.introspecting |= merged.depth == 1 and name in _INTROSPECTION_ROOTS
            child.parts.append(node.selection_set)
            if merged.introspecting and name in _TYPE_LISTS:
                child.lists = merged.lists + 1
                if child.lists > limits.introspection_lists:
                    raise GateRefusal(GateCode.INTROSPECTION_SIZE)
        return list(below.values())

    def _flatten(self, parts: list[SelectionSetNode]) -> Iterator[tuple[FieldNode, str]]:
        """Fields of a merged set with their innermost type condition, counting every selection on the way."""
        limits = self.limits
        pending = [(part, "") for part in parts]
        while pending:
            part, condition = pending.pop()
            if not part.selections:
                raise GateRefusal(GateCode.EMPTY_SELECTION)
            for selection in part.selections:
                self.selections += 1
                if self.selections > limits.selections:
                    raise GateRefusal(GateCode.SELECTIONS, limit=limits.selections)
                if selection.directives:
                    self._add_directives(len(selection.directives))
                if isinstance(selection, FieldNode):
                    self._add_field(selection)
                    yield selection, condition
                elif isinstance(selection, InlineFragmentNode):
                    inner = selection.type_condition
                    pending.append((selection.selection_set, inner.name.value if inner else condition))
                elif isinstance(selection, FragmentSpreadNode):
                    fragment = self.fragments.get(selection.name.value)
                    if fragment is not None:
                        self._add_directives(len(fragment.directives or ()))
                        pending.append((fragment.selection_set, fragment.type_condition.name.value))

    def _add_field(self, node: FieldNode) -> None:
        self.fields += 1
        if self.fields > self.limits.fields:
            raise GateRefusal(GateCode.FIELDS, limit=self.limits.fields)
        if node.alias is not None:
            self.aliases += 1
            if self.aliases > self.limits.aliases:
                raise GateRefusal(GateCode.ALIASES, limit=self.limits.aliases)

    def _add_directives(self, count: int) -> None:
        self.directives += count
        if self.directives > self.limits.directives:
            raise GateRefusal(GateCode.DIRECTIVES, limit=self.limits.directives)

    def _check_roots(self, kind: OperationType) -> None:
        meta = sum(name in _INTROSPECTION_ROOTS for name in self.roots)
        if meta and not self.introspection:
            raise GateRefusal(GateCode.INTROSPECTION)
        if meta > self.limits.introspection_roots:
            raise GateRefusal(GateCode.INTROSPECTION_SIZE)
        if kind is OperationType.MUTATION:
            names = [name for name in self.roots if not name.startswith("__")]
            if len(names) > self.limits.mutation_fields:
                raise GateRefusal(GateCode.MUTATION_FIELDS, limit=self.limits.mutation_fields)
            alone = [name for name in names if name in self.limits.exactly_one]
            if alone and len(names) > 1:
                raise GateRefusal(GateCode.MUTATION_ALONE, name=alone[0])
