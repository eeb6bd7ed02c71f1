"""Runs planned reads: looks the plan up, asks for the caller's scopes, chooses the lane, returns JSON bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

from sanzhi_core.platform.context import Context, Scope

from .kinds import of_field
from .plan import Lru, Plan, Shape, Values, variable_shape
from .planner import Planner, Selection, Target, key_argument
from .refusal import ReadCode, ReadRefused
from .scope import ENABLED, net

ScopeOf = Callable[[Context, str], Awaitable[Scope]]

PLANS = 5_000
"""Plans kept per process, over all documents and shapes of callers."""
ACQUIRE_S = 2.0
"""Longest wait for a connection."""


class Snapshot:
    """One read-only transaction shared by the root fields of a query, opened at its first read.

    Without one, a read is a statement of its own. `walled` opens it as the app role with the RLS scope.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._stack = AsyncExitStack()
        self._lock = asyncio.Lock()
        self._connections: dict[str | tuple[Any, ...] | None, Any] = {}

    async def fetch(
        self, plan: Plan, arguments: list[Any], setting: str | tuple[Any, ...] | None
    ) -> bytes | None:
        """Run one plan after the other on the transaction of its lane."""
        async with self._lock:
            if setting not in self._connections:
                opened = await self._stack.enter_async_context(_transaction(self._ctx, setting))
                self._connections[setting] = opened
            found: bytes | None = await self._connections[setting].fetchval(plan.sql, *arguments)
            return found

    async def close(self) -> None:
        """End the transactions."""
        await self._stack.aclose()


class Busy(Exception):
    """No connection came free in time."""


@asynccontextmanager
async def _reading(ctx: Context) -> AsyncIterator[Any]:
    """A connection of the reading role. Waiting is bounded: a request may hold one of each pool."""
    try:
        connection = await ctx.db.read.acquire(timeout=ACQUIRE_S)
    except TimeoutError:
        raise Busy from None
    try:
        yield connection
    finally:
        await ctx.db.read.release(connection)


@asynccontextmanager
async def _walled(ctx: Context, setting: str | tuple[Any, ...]) -> AsyncIterator[Any]:
    """A transaction of the app role behind row-level security; waiting is bounded as above."""
    async with AsyncExitStack() as stack:
        try:
            async with asyncio.timeout(ACQUIRE_S):
                connection = await stack.enter_async_context(ctx.db.walled_read(setting))
        except TimeoutError:
            raise Busy from None
        yield connection


@asynccontextmanager
async def _transaction(ctx: Context, setting: str | tuple[Any, ...] | None) -> AsyncIterator[Any]:
    if setting is not None:
        async with _walled(ctx, setting) as connection:
            yield connection
        return
    async with (
        _reading(ctx) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


class Reader:
    """The view lane of compiled reads. One per process; plans are shared by all callers."""

    def __init__(
        self, planner: Planner, scope_of: ScopeOf, enabled_at: ScopeOf, *, plans: int = PLANS
    ) -> None:
        self.planner = planner
        self.catalogue = planner.catalogue
        self._scope_of = scope_of
        self._enabled_at = enabled_at
        self._needs: Lru[tuple[str, ...]] = Lru(plans)
        self._plans: Lru[Plan] = Lru(plans)

    async def root(
        self, ctx: Context, selection: Selection, key: Hashable, snapshot: Snapshot | None = None
    ) -> bytes | None:
        """JSON of a declared root field. `key` identifies schema, document and response path, values excluded."""
        info, kind = self.catalogue.roots[selection.nodes[0].name.value]
        target = Target(info.name, key_argument(selection, info) if kind == "one" else None)
        return await self._read(ctx, selection, target, key, snapshot)

    async def node(
        self, ctx: Context, selection: Selection, id_: str, key: Hashable, snapshot: Snapshot | None = None
    ) -> bytes | None:
        """JSON of `node(id:)`: the row of the type that the id names; None for types the schema does not have."""
        name = id_.partition("_")[0]
        if "_" not in id_:
            raise ReadRefused(ReadCode.BAD_ID, "an id looks like Type_<key>")
        info = self.catalogue.types.get(name)
        if info is None or selection.schema.get_type(name) is None:
            return None
        value = of_field(info, "id").bound(id_)
        return await self.row(ctx, selection, name, value, (key, name), snapshot)

    async def row(
        self,
        ctx: Context,
        selection: Selection,
        type_name: str,
        value: UUID | Any,
        key: Hashable,
        snapshot: Snapshot | None = None,
    ) -> bytes | None:
        """JSON of one row by its key under the row policy, as for a payload's field; None when unseen."""
        return await self._read(ctx, selection, Target(type_name, _given), key, snapshot, {"": value})

    async def _read(
        self,
        ctx: Context,
        selection: Selection,
        target: Target,
        key: Hashable,
        snapshot: Snapshot | None,
        given: Mapping[str, Any] | None = None,
    ) -> bytes | None:
        plan, scopes = await self.planned(ctx, selection, target, key)
        variables = {**selection.variables, **given} if given else selection.variables
        arguments = plan.arguments(Values(variables, ctx.principal, scopes))
        if not plan.walled:
            if snapshot is not None:
                return await snapshot.fetch(plan, arguments, None)
            async with _reading(ctx) as connection:
                found: bytes | None = await connection.fetchval(plan.sql, *arguments)
                return found
        setting = net(scopes, plan.walled, ctx.principal.county_id)
        if snapshot is not None:
            return await snapshot.fetch(plan, arguments, setting)
        async with _walled(ctx, setting) as connection:
            walled: bytes | None = await connection.fetchval(plan.sql, *arguments)
            return walled

    async def planned(
        self, ctx: Context, selection: Selection, target: Target, key: Hashable
    ) -> tuple[Plan, Mapping[str, Scope]]:
        """The plan for this caller, made or found, and the scopes its parameters come from."""
        form = (key, variable_shape(selection.variables))
        needs = self._needs.get(form)
        if needs is None:
            needs = self._needs.put(form, self.planner.needs(selection, target))
        scopes = {permission: await self._scope(ctx, permission) for permission in needs}
        shape = Shape.of(ctx.principal, scopes)
        plan = self._plans.get((form, shape))
        if plan is None:
            plan = self._plans.put((form, shape), self.planner.plan(selection, target, shape))
        return plan, scopes

    async def _scope(self, ctx: Context, permission: str) -> Scope:
        if permission.startswith(ENABLED):
            return await self._enabled_at(ctx, permission.removeprefix(ENABLED))
        return await self._scope_of(ctx, permission)


def _given(values: Values) -> Any:
    return values.variables[""]
