"""Who brought a type or a field, what it costs and who may see it: metadata read by pruning, gate and contract tests."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLField, GraphQLInputField, GraphQLNamedType

KEY = "sanzhi"
CORE = "core"

COST_OBJECT = 1
COST_TOTAL = 10


def field_metadata(
    plugin: str, cost: int, policy: str, *, size: int | None = None, **more: Any
) -> dict[str, Any]:
    """Metadata of a Strawberry field. `policy`: who sees it ("row", "page", "public", "signed in", a permission).

    `size`: most items of a list without `first`.
    """
    return {"plugin": plugin, "cost": cost, "policy": policy, **({"size": size} if size else {}), **more}


def metadata(field: GraphQLField | GraphQLInputField) -> dict[str, Any]:
    """Metadata of a composed field; empty for one that nobody declared."""
    found = getattr(field.extensions.get("strawberry-definition"), "metadata", None)
    return dict(found) if found else {}


def owner(field: GraphQLField | GraphQLInputField) -> str:
    """Plugin that brought the field."""
    return str(metadata(field).get("plugin", CORE))


def set_type_owner(type_: GraphQLNamedType, plugin: str) -> None:
    """Note which plugin brought a named type."""
    type_.extensions = {**type_.extensions, KEY: {"plugin": plugin}}


def type_owner(type_: GraphQLNamedType) -> str:
    """Plugin that brought a named type."""
    return str(type_.extensions.get(KEY, {}).get("plugin", CORE))
