"""The schema of one process: built once, pruned per set of enabled plugins, executed."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLSchema

from sanzhi_core.platform.context import Context
from sanzhi_core.platform.plugins import Platform

from ..gate.documents import Admitted
from .build import schema_of
from .coverage import undeclared, undescribed
from .execution import execute
from .prune import prune
from .sdl import print_sdl


class UndeclaredFields(Exception):
    """Fields, arguments or lists without policy, limit or description; the message lists them."""


class Api:
    """Everything a host needs of the schema. Raises UndeclaredFields at boot: deny by default (architecture 8)."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.full = schema_of(platform)
        missing = [*undeclared(self.full), *undescribed(self.full)]
        if missing:
            raise UndeclaredFields("; ".join(missing[:20]))
        self.alone = frozenset(
            m.name for part in platform.parts.values() for m in part.graphql.mutations if m.only_root
        )

    def schema(self, enabled: frozenset[str]) -> GraphQLSchema:
        """The schema as callers with these plugins see it; the same object for the same set."""
        return prune(self.full, enabled)

    async def execute(self, schema: GraphQLSchema, admitted: Admitted, ctx: Context) -> dict[str, Any]:
        """Run one admitted document."""
        return await execute(
            schema,
            admitted.document,
            admitted.operation,
            admitted.variables,
            ctx,
            document_key=admitted.prepared,
        )

    def sdl(self, enabled: frozenset[str] | None = None) -> str:
        """The schema as text; everything, or as seen with `enabled`."""
        return print_sdl(self.full, enabled)
