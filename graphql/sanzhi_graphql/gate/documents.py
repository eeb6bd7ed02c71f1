"""Documents admitted once and remembered: parse, shape, validation, price per text; then cost per request."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    parse,
    specified_rules,
    validate,
)

from .body import GraphQLRequest
from .cost import Price, price
from .limits import Limits
from .refusal import GateCode, GateRefusal
from .shape import check_shape, introspects

T = TypeVar("T")
# The one rule that compares fields with each other runs last, on documents that are valid but for it.
_LINEAR_RULES = tuple(rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule)
Key = tuple[Hashable, str, str | None]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Prepared:
    """A document that passed every step that does not depend on the caller or the variables.

    One object per cached text: identity may key other caches (plans) by weak reference.
    """

    document: DocumentNode
    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    price: Price
    introspects: bool


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request that may be executed: validated operation, its price in points, raw variables."""

    prepared: Prepared
    document: DocumentNode
    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    operation_name: str | None
    variables: Mapping[str, Any]
    cost: int


class DocumentCache:
    """Least-recently-used documents and refusals, each bounded by number and by characters of source.

    For one event loop: without a lock. The schema key stands for exactly one schema (the enabled set).
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._good: _Lru[Prepared] = _Lru(limits.cached_documents, limits.cached_chars)
        self._bad: _Lru[GateRefusal] = _Lru(limits.cached_refusals, limits.cached_refusal_chars)

    def __len__(self) -> int:
        return len(self._good) + len(self._bad)

    def clear(self) -> None:
        """Forget everything, as after a change of schema."""
        self._good.clear()
        self._bad.clear()

    def prepare(
        self, schema_key: Hashable, schema: GraphQLSchema, query: str, operation_name: str | None
    ) -> Prepared:
        """The prepared document of `query`; raises the `GateRefusal` of the first step that refused it.

        Introspection is prepared for everybody: who may run it is asked per request.
        """
        key = (schema_key, query, operation_name)
        found = self._good.get(key)
        if found is not None:
            return found
        refused = self._bad.get(key)
        if refused is not None:
            raise refused.again()
        try:
            prepared = prepare(schema, query, operation_name, self.limits)
        except GateRefusal as refusal:
            self._bad.put(key, refusal.again())
            raise
        self._good.put(key, prepared)
        return prepared


class Gate:
    """All steps after the body, for one server process."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.cache = DocumentCache(self.limits)

    def admit(
        self,
        request: GraphQLRequest,
        schema_key: Hashable,
        schema: GraphQLSchema,
        *,
        max_cost: int,
        introspection: bool = False,
    ) -> Admitted:
        """Admit or raise `GateRefusal`. `max_cost` in points: `limits.cost_resident` or `cost_staff`."""
        prepared = self.cache.prepare(schema_key, schema, request.query, request.operation_name)
        if prepared.introspects and not introspection:
            raise GateRefusal(GateCode.INTROSPECTION)
        points = prepared.price.total(request.variables, self.limits)
        if points > max_cost:
            raise GateRefusal(GateCode.COST, cost=points, limit=max_cost)
        return Admitted(
            prepared,
            prepared.document,
            prepared.operation,
            prepared.fragments,
            request.operation_name,
            request.variables,
            points,
        )


def prepare(schema: GraphQLSchema, query: str, operation_name: str | None, limits: Limits) -> Prepared:
    """Parse, check the shape, validate and price, in this order, without any cache."""
    document = parse_document(query, limits)
    operation = check_shape(document, operation_name, limits, introspection=True)
    check_valid(schema, document, limits)
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    return Prepared(
        document,
        operation,
        fragments,
        price(schema, document, operation, limits),
        introspects(operation, fragments),
    )


def parse_document(query: str, limits: Limits) -> DocumentNode:
    """The syntax tree; raises `GateRefusal` TOKENS, NESTING or SYNTAX."""
    try:
        return parse(query, max_lexical_tokens=limits.tokens, max_comments=limits.comments)
    except GraphQLSyntaxError as error:
        if "Document contains more than" in error.message:
            raise GateRefusal(GateCode.TOKENS, what=_short(error.message, limits)) from None
        if "nested too deeply" in error.message:
            raise GateRefusal(GateCode.NESTING) from None
        raise _refusal(GateCode.SYNTAX, [error], limits) from None


def check_valid(schema: GraphQLSchema, document: DocumentNode, limits: Limits) -> None:
    """Validate by the GraphQL specification, without suggestions; raises `GateRefusal` VALIDATION."""
    for rules in (_LINEAR_RULES, (OverlappingFieldsCanBeMergedRule,)):
        errors = validate(schema, document, rules, limits.validation_errors, hide_suggestions=True)
        if errors:
            raise _refusal(GateCode.VALIDATION, errors[: limits.validation_errors], limits)


def _refusal(code: GateCode, errors: Sequence[GraphQLError], limits: Limits) -> GateRefusal:
    details: tuple[dict[str, Any], ...] = tuple(
        {
            "message": _short(error.message, limits),
            "locations": [{"line": at.line, "column": at.column} for at in (error.locations or ())[:5]],
        }
        for error in errors
    )
    return GateRefusal(code, details=details, what=_short(errors[0].message, limits))


def _short(message: str, limits: Limits) -> str:
    # Messages quote the document: a literal of 60 kB must not come back ten times.
    return message if len(message) <= limits.message_chars else message[: limits.message_chars] + "…"


class _Lru(Generic[T]):
    def __init__(self, max_entries: int, max_chars: int) -> None:
        self._entries: OrderedDict[Key, T] = OrderedDict()
        self._max_entries = max_entries
        self._max_chars = max_chars
        self._chars = 0

    def __len__(self) -> int:
        return len(self._entries)

    def clear(self) -> None:
        self._entries.clear()
        self._chars = 0

    def get(self, key: Key) -> T | None:
        found = self._entries.get(key)
        if found is not None:
            self._entries.move_to_end(key)
        return found

    def put(self, key: Key, value: T) -> None:
        size = _size(key)
        if size > self._max_chars:
            return
        if key not in self._entries:
            self._chars += size
        self._entries[key] = value
        while self._chars > self._max_chars or len(self._entries) > self._max_entries:
            old, _ = self._entries.popitem(last=False)
            self._chars -= _size(old)


def _size(key: Key) -> int:
    return len(key[1]) + len(key[2] or "")
