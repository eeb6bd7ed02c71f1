"""Runs one admitted document on a pruned schema (the view lane)."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Mapping
from inspect import isawaitable
from typing import Any

import asyncpg
import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
)
from graphql.execution import execute as run

from sanzhi_core.db.faults import passing
from sanzhi_core.errors import BusinessError
from sanzhi_core.platform.context import Context
from sanzhi_core.texts import TEXTS, text_for

from ..compile.reader import Busy, Snapshot
from .errors import top_level
from .request import Request, SplicingExecutor

log = logging.getLogger("sanzhi.graphql")


async def execute(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any] | None,
    ctx: Context,
    *,
    document_key: Hashable = None,
) -> dict[str, Any]:
    """Run one validated operation; the reply as `{"data": …}` with `"errors"` when there are any.

    Finished JSON stands in the data as `orjson.Fragment`: serialise with `serialised`. `document_key`: hashable that
    is equal exactly for the same operation text (its cache entry, or text and name); without it the operation node's
    identity serves, so a document that is parsed again is planned again. Root fields of a query share one snapshot.
    """
    snapshot = None
    if operation.operation is OperationType.QUERY and _roots(document, operation) > 1:
        snapshot = Snapshot(ctx)
    try:
        result: Any = run(
            schema,
            document,
            context_value=Request(ctx, document_key, snapshot),
            variable_values=dict(variables or {}),
            operation_name=operation.name.value if operation.name else None,
            executor_class=SplicingExecutor,
        )
        if isawaitable(result):
            result = await result
    finally:
        if snapshot is not None:
            await snapshot.close()
    reply: dict[str, Any] = {}
    if result.errors:
        reply["errors"] = [formatted(error, ctx.locale) for error in result.errors]
    reply["data"] = result.data
    return reply


def serialised(reply: dict[str, Any]) -> bytes:
    """The reply as JSON bytes, finished parts spliced in."""
    return orjson.dumps(reply)


def _roots(document: DocumentNode, operation: OperationDefinitionNode) -> int:
    """Root fields after expansion of fragments; introspection and `__typename` read nothing."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    pending, found = [operation.selection_set], 0
    while pending:
        for node in pending.pop().selections:
            if isinstance(node, FieldNode):
                found += not node.name.value.startswith("__")
            elif isinstance(node, FragmentSpreadNode):
                pending.append(fragments[node.name.value].selection_set)
            else:
                pending.append(node.selection_set)  # type: ignore[attr-defined]
    return found


def formatted(error: GraphQLError, locale: str) -> dict[str, Any]:
    """A top-level error for the caller: code, sentence in their language, never the inside of a fault."""
    cause = error.original_error
    if isinstance(cause, BusinessError):
        shown = top_level(cause, locale)
        return {**_located(error), "message": shown.message, "extensions": shown.extensions}
    if cause is not None and not isinstance(cause, GraphQLError):
        code = _fault(cause)
        return {**_located(error), "message": text_for(code, locale), "extensions": {"code": code}}
    known = (error.extensions or {}).get("code")
    if known in TEXTS:
        extensions = {**(error.extensions or {}), "detail": error.message}
        return {**_located(error), "message": text_for(str(known), locale), "extensions": extensions}
    return {
        **_located(error),
        "message": error.message,
        "extensions": {"code": "BAD_VALUE", **(error.extensions or {})},
    }


def _located(error: GraphQLError) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if error.locations:
        out["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path is not None:
        out["path"] = list(error.path)
    return out


def _fault(cause: BaseException) -> str:
    if isinstance(cause, asyncpg.QueryCanceledError | TimeoutError):
        return "TIMEOUT"
    if isinstance(cause, Busy) or passing(cause):
        return "BUSY"
    log.error("a resolver failed", exc_info=cause)
    return "INTERNAL"
