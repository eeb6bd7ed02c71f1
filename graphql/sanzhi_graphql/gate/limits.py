"""Every number of the request gate in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one request. Counts are inclusive: a request at the limit passes, one above is refused."""

    # Body.
    body_bytes: int = 65_536
    body_seconds: float = 10.0
    json_depth: int = 64

    # Document, before parsing and validation.
    tokens: int = 2_000
    comments: int = 200
    operations: int = 5
    fragments: int = 20
    variables: int = 50

    # All operations of the document, after expansion of fragments.
    fields: int = 500
    # Fields, inline fragments and spreads: bounds every later walk, also where fragments hold few fields.
    selections: int = 1_000
    aliases: int = 30
    directives: int = 20
    depth: int = 12
    # The standard introspection query is 15 deep.
    introspection_depth: int = 16
    introspection_roots: int = 2
    # Type lists inside one another below an introspection root; the standard `types { fields }` is 2.
    introspection_lists: int = 2
    # Repeats of one response key in one (merged) selection set, for the same type condition …
    key_repeats: int = 5
    # … and over all type conditions, since `errors { ... on A { code } ... on B { code } }` is ordinary.
    key_repeats_all_types: int = 20
    mutation_fields: int = 5
    # Mutations that must be the only root field: guesses, ballots and goods must not be batched.
    exactly_one: frozenset[str] = frozenset()

    # Validation.
    validation_errors: int = 10
    message_chars: int = 300

    # Cost, in points; an object of a page costs its weight times all page sizes above it.
    cost_resident: int = 5_000
    cost_staff: int = 20_000
    page_min: int = 1
    page_max: int = 100
    weight_object: int = 1
    weight_leaf: int = 0
    weight_total_count: int = 10
    weight_introspection: int = 100
    # Rows assumed in an object list without `first`, unless its metadata gives "size".
    unpaged_list_size: int = 10
    # Costs above are reported as this number.
    cost_ceiling: int = 1_000_000

    # Document cache.
    cached_documents: int = 1_000
    # A syntax tree takes some 150 bytes per character of its text.
    cached_chars: int = 400_000
    cached_refusals: int = 500
    cached_refusal_chars: int = 400_000

    # Execution; enforced by the app and by the database.
    request_seconds: float = 5.0
    statement_seconds: float = 3.0
    reply_bytes: int = 5_000_000
