"""What an operation or a job works with: the session, and the only ways to touch rows, time and others.

Authorising is part of loading: `load` and `unit` check the operation's permission and the plugin's enablement where
the row lies, so that no service function can forget it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.clock import new_id
from sanzhi_core.db.session import rls_scope
from sanzhi_core.errors import (
    BusinessError,
    Forbidden,
    NotFound,
    OrgInactive,
    PluginDisabled,
    VersionConflict,
)
from sanzhi_core.identity.policy import granted_scope, scope_of
from sanzhi_core.org.models import OrgLineage, OrgUnit
from sanzhi_core.platform import enablement, outbox, timers
from sanzhi_core.platform.changes import Recorder
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.hookspecs import Event

T = TypeVar("T")

event_seq = sa.Sequence("event_seq", schema="core")


@dataclass(frozen=True)
class Place:
    """Where a touched row lies, kept apart from the row: a rolled back savepoint expires the row itself."""

    unit_id: UUID
    org_path: str
    county_id: UUID | None
    town_id: UUID | None
    village_id: UUID | None
    grid_id: UUID | None

    @classmethod
    def of(cls, row: Any) -> Place:
        return cls(row.unit_id, row.org_path, row.county_id, row.town_id, row.village_id, row.grid_id)


class Work:
    """One transaction's worth of work by one caller under one permission."""

    def __init__(self, ctx: Context, session: AsyncSession, *, plugin: str, permission: str | None) -> None:
        self.ctx = ctx
        self.session = session
        self.plugin = plugin
        self.permission = permission
        self.recorder = Recorder(session, ctx.keys)
        self.authorised = ctx.principal.kind == "SYSTEM"
        self.units: list[Place] = []
        self.reason_text: str | None = None
        self.acting_for: UUID | None = None
        self._rls: set[UUID] = set()

    @property
    def now(self) -> datetime:
        """Business time."""
        return self.ctx.clock.now()

    @property
    def today(self) -> date:
        """Business day in Asia/Shanghai."""
        return self.ctx.today

    # -- authorising -------------------------------------------------------------------------------------------
    async def load(
        self,
        model: type[T],
        row_id: UUID,
        *,
        expected_version: int | None = None,
        self_: str | None = None,
        permission: str | None = None,
    ) -> T:
        """Lock and return a row the caller may write under the operation's permission.

        `self_`: a column ("household_id", "resident_id") that also authorises when it is the caller's own. Raises
        NOT_FOUND (unseen), FORBIDDEN (seen, no right), PLUGIN_DISABLED, VERSION_CONFLICT.
        """
        columns: Any = model
        row: Any = await self.session.scalar(
            sa.select(columns)
            .where(columns.id == row_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if row is None:
            raise NotFound(_name(self.ctx, model))
        await self.authorise(row, self_=self_, permission=permission)
        if expected_version is not None and row.version != expected_version:
            raise VersionConflict(row.version)
        found: T = row
        return found

    async def unit(self, unit_id: UUID, *, level: str | None = None, active: bool = True) -> OrgUnit:
        """The unit to create something under, authorised; ORG_INACTIVE with successors when it is abolished."""
        unit = await self.session.get(OrgUnit, unit_id)
        if unit is None:
            raise NotFound("OrgUnit")
        await self.authorise(unit)
        if active and unit.status != "ACTIVE":
            raise OrgInactive(unit.code, await self._successors(unit_id))
        if level is not None and unit.level != level:
            raise NotFound(
                "OrgUnit", detail_zh=f"该单位不是{level}级", detail_en=f"This unit is not a {level}"
            )
        return unit

    async def _successors(self, unit_id: UUID) -> tuple[str, ...]:
        found = await self.session.scalars(
            sa.select(OrgUnit.code)
            .join(OrgLineage, OrgLineage.target_id == OrgUnit.id)
            .where(OrgLineage.source_id == unit_id)
            .order_by(OrgUnit.code)
        )
        return tuple(found)

    async def authorise(self, row: Any, *, self_: str | None = None, permission: str | None = None) -> None:
        """Check the right to write at the row's unit, and open the RLS scope there."""
        permission = permission or self.permission
        self.units.append(Place.of(row))  # also when refused: the unit's auditors see the attempt
        if not await self._may(row, self_, permission):
            raise await self._refusal(row, self_, permission)
        self.authorised = True
        await self.open_scope(row.unit_id)

    async def _may(self, row: Any, self_: str | None, permission: str | None) -> bool:
        if permission is not None:
            scope = await scope_of(self.ctx, permission, "write", self.session)
            if scope.covers(row):
                return True
        elif self.ctx.principal.kind == "SYSTEM":
            return await self._writable(row)
        return self._own(row, self_) and await self._writable(row)

    async def _writable(self, row: Any) -> bool:
        state = await enablement.state_at(self.session, self.plugin, row.unit_id, self.today)
        return state == "ON" or state in enablement.WRITABLE

    def _own(self, row: Any, self_: str | None) -> bool:
        mine = getattr(self.ctx.principal, self_, None) if self_ else None
        return mine is not None and getattr(row, self_) == mine  # type: ignore[arg-type]

    async def _refusal(self, row: Any, self_: str | None, permission: str | None) -> BusinessError:
        held = permission is not None and (await granted_scope(self.ctx, permission, self.session)).covers(
            row
        )
        if held or self._own(row, self_):
            state = await enablement.state_at(self.session, self.plugin, row.unit_id, self.today)
            if state not in enablement.WRITABLE:
                return PluginDisabled(self.plugin, getattr(row, "org_code_at_time", None) or row.code, state)
        if await self.sees(row):
            return Forbidden(permission)
        return NotFound(_name(self.ctx, type(row)))

    async def sees(self, row: Any) -> bool:
        """Whether the caller's read policy shows the row (permission and own-row clauses)."""
        node = self.ctx.platform.node_of_model.get(type(row))
        if node is None:
            return False
        if any(self._own(row, column) for column in node.policy.self_):
            return True
        if node.policy.public is True:
            return True
        if node.policy.signed_in is True and self.ctx.principal.kind != "ANONYMOUS":
            return True
        permission = node.policy.permission
        return permission is not None and (await scope_of(self.ctx, permission, "read", self.session)).covers(
            row
        )

    def at(self, row: Any) -> None:
        """Say where this work lies, for the audit entry, when nothing was authorised there (jobs, signing in)."""
        self.units.append(Place.of(row))

    def allow(self) -> None:
        """Declare that this operation needs no unit (signing in, one's own account)."""
        self.authorised = True

    async def open_scope(self, unit_id: UUID) -> None:
        """Let row-level security show and accept rows of this unit and below."""
        if self.ctx.principal.kind != "SYSTEM" and unit_id not in self._rls:
            self._rls.add(unit_id)
            await self.session.execute(
                sa.text("select set_config('sanzhi.scope', :scope, true)"), {"scope": rls_scope(self._rls)}
            )

    # -- others ------------------------------------------------------------------------------------------------
    async def emit(self, type: str, unit: Any, aggregate: str, payload: Mapping[str, Any]) -> None:
        """Tell every subscribed consumer, in this transaction. Ids only in `payload`."""
        seq = await self.session.scalar(event_seq.next_value())
        event = Event(new_id(), type, getattr(unit, "unit_id", None), aggregate, int(seq or 0), dict(payload))
        await outbox.emit_event(self.session, self.ctx.platform, event)

    async def enqueue(
        self,
        job: str,
        payload: Mapping[str, Any],
        *,
        unit_id: UUID | None = None,
        dedup_key: str | None = None,
    ) -> UUID | None:
        """Have a job run after commit; None when `dedup_key` was used before."""
        spec = self.ctx.platform.jobs[job]
        return await outbox.insert_delivery(
            self.session,
            consumer=job,
            plugin=self.ctx.platform.job_plugin(job),
            lane=spec.lane,
            payload=dict(payload),
            unit_id=unit_id,
            dedup_key=dedup_key,
            max_attempts=spec.max_attempts,
        )

    async def set_timer(
        self, key: str, job: str, payload: Mapping[str, Any], *, unit_id: UUID | None, due_at: datetime
    ) -> None:
        """Have a job run at a moment of business time; the same key again moves it."""
        await timers.set_timer(
            self.session,
            key=key,
            job=job,
            plugin=self.ctx.platform.job_plugin(job),
            payload=dict(payload),
            unit_id=unit_id,
            due_at=due_at,
        )

    async def cancel_timer(self, key: str) -> None:
        """Forget a timer that has not fired."""
        await timers.cancel_timer(self.session, key)

    def reason(self, text: str) -> None:
        """The reason kept in the audit entry."""
        self.reason_text = text

    def for_person(self, person_id: UUID) -> None:
        """The caller acts for somebody (代录、代办): kept in the audit entry."""
        self.acting_for = person_id

    async def one_at_a_time(self, name: str) -> None:
        """Wait until nobody else holds `name`, and hold it until the transaction ends."""
        await self.session.execute(
            sa.text("select pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name}
        )

    async def bump_generation(self) -> None:
        """Grants, enablement, roles or units change in this transaction: computed scopes are void after it."""
        await self.session.execute(sa.text("update core.generation set n = n + 1"))


def _name(ctx: Context, model: type) -> str:
    node = ctx.platform.node_of_model.get(model)
    return node.type_name if node else model.__name__
