"""What the schema needs from the platform at run time; tests may put their own in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from sanzhi_core.errors import BusinessError
from sanzhi_core.platform.context import NOWHERE, SYSTEM, Context, Scope


async def _scope_of(ctx: Context, permission: str) -> Scope:
    from sanzhi_core.identity.policy import scope_of

    return await scope_of(ctx, permission, "read")


async def _enabled_at(ctx: Context, plugin: str) -> Scope:
    """Where a plugin may be read at all: what the system sees under one of its permissions."""
    from sanzhi_core.identity.policy import scope_of

    permission = next((p for p in ctx.platform.permissions if p.startswith(f"{plugin}.")), None)
    if permission is None:
        return NOWHERE
    system = replace(SYSTEM, generation=ctx.principal.generation)
    return await scope_of(replace(ctx, principal=system), permission, "read")


async def _command(ctx: Context, operation: Any, model: Any, outputs: type | None) -> Any:
    from sanzhi_core.platform.command import command

    return await command(ctx, operation, model, outputs=outputs)


async def _refused(ctx: Context, operation: Any, error: BusinessError) -> None:
    """Audit a mutation whose input never reached the door."""
    from sanzhi_core.audit.record import record

    async with ctx.db.transaction() as session:
        await record(session, ctx, action=operation.name, result="DENIED", error_code=str(error.code))


@dataclass(frozen=True)
class Runtime:
    """`scope_of(ctx, permission)`, `enabled_at(ctx, plugin)`, `command(ctx, op, model, outputs)`, `refused(…)`."""

    scope_of: Callable[[Context, str], Awaitable[Scope]] = _scope_of
    enabled_at: Callable[[Context, str], Awaitable[Scope]] = _enabled_at
    command: Callable[[Context, Any, Any, type | None], Awaitable[Any]] = _command
    refused: Callable[[Context, Any, BusinessError], Awaitable[None]] = _refused
