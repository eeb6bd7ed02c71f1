"""One running operation as resolvers see it, and the executor that splices finished JSON."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLResolveInfo
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from sanzhi_core.platform.context import Context

from ..compile.plan import ById
from ..compile.planner import Selection
from ..compile.reader import Snapshot


@dataclass
class Request:
    """`context_value` of an execution. `document_key` names the operation for the plan cache, else its identity does."""

    ctx: Context
    document_key: Hashable = None
    snapshot: Snapshot | None = None


def request_of(info: GraphQLResolveInfo[Any]) -> Request:
    """The request of a resolver; a bare Context (tests, Strawberry's own `execute`) is one too."""
    return info.context if isinstance(info.context, Request) else Request(info.context)


def selection_of(info: GraphQLResolveInfo[Any]) -> Selection:
    """What a resolver was asked for."""
    variables: Any = info.variable_values
    return Selection(info.schema, info.fragments, info.field_nodes, variables, info.parent_type.name)


def plan_key(info: GraphQLResolveInfo[Any], request: Request) -> Hashable:
    """Schema, operation and response path; both objects are kept alive by the key."""
    document = request.document_key if request.document_key is not None else ById(info.operation)
    return ById(info.schema), document, tuple(info.path.as_list())


def spliced(json: bytes | None) -> orjson.Fragment | None:
    """Finished JSON as a resolver's result."""
    return None if json is None else orjson.Fragment(json)


class SplicingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Leaves finished JSON alone: nothing below it is walked."""

    def complete_value(
        self,
        return_type: Any,
        field_details_list: Any,
        info: Any,
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """A fragment is complete; anything else as usual."""
        if type(result) is orjson.Fragment:
            return result
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)
