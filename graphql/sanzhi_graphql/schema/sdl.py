"""The schema as text."""

from __future__ import annotations

import strawberry
from graphql import lexicographic_sort_schema, print_schema

from .build import core_schema
from .prune import prune


def print_sdl(schema: strawberry.Schema, enabled: frozenset[str] | None = None) -> str:
    """SDL with descriptions, sorted; of everything, or of a set of enabled plugins."""
    chosen = core_schema(schema) if enabled is None else prune(schema, enabled)
    return print_schema(lexicographic_sort_schema(chosen)) + "\n"
