"""Writing audit entries: one insert, in the transaction of what it tells about (R-CORE-44)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from sanzhi_core.audit.canonical import Change, Entry, Result, row
from sanzhi_core.clock import new_id
from sanzhi_core.db.base import INTERNAL, PERSONAL, PUBLIC, Base
from sanzhi_core.platform.context import Context


class AuditEntry(Base):
    """`core.audit_entry` as compiled reads see it; its table, triggers and grants are in `ddl.py`."""

    __tablename__ = "audit_entry"
    __table_args__ = ({"schema": "core"},)

    id: Mapped[UUID] = mapped_column(primary_key=True, info=PUBLIC)
    at: Mapped[datetime] = mapped_column(info=PUBLIC)
    action: Mapped[str] = mapped_column(info=PUBLIC)
    result: Mapped[str] = mapped_column(info=PUBLIC)
    error_code: Mapped[str | None] = mapped_column(info=PUBLIC)
    county_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    town_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    village_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    grid_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    unit_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    actor_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    acting_for: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    role: Mapped[str | None] = mapped_column(info=INTERNAL)
    entity: Mapped[str | None] = mapped_column(info=PUBLIC)
    entity_id: Mapped[UUID | None] = mapped_column(info=PUBLIC)
    reason: Mapped[str | None] = mapped_column(info=INTERNAL)
    channel: Mapped[str | None] = mapped_column(info=INTERNAL)
    ip: Mapped[str | None] = mapped_column(pg.INET, info=PERSONAL)
    device: Mapped[str | None] = mapped_column(info=PERSONAL)
    changes: Mapped[list[Any]] = mapped_column(info=INTERNAL)


_INSERT = """insert into core.audit_entry
  (id, at, action, result, county_id, unit_id, org_path, actor_id, acting_for, role, entity, entity_id, error_code,
   reason, channel, ip, device, changes, key_id, body, row_hmac, town_id, village_id, grid_id)
values
  (:id, :at, :action, :result, :county_id, :unit_id, :org_path, :actor_id, :acting_for, :role, :entity, :entity_id,
   :error_code, :reason, :channel, cast(:ip as inet), :device, cast(:changes as jsonb), :key_id, :body, :row_hmac,
   :town_id, :village_id, :grid_id)"""


async def record(
    session: AsyncSession,
    ctx: Context,
    *,
    action: str,
    result: str,
    error_code: str | None = None,
    unit: Any = None,
    entity: str | None = None,
    entity_id: UUID | None = None,
    reason: str | None = None,
    acting_for: UUID | None = None,
    changes: Sequence[Change] = (),
) -> UUID:
    """Write one entry for what `ctx`'s caller did or tried. `result`: OK, DENIED or FAILED. `unit`: any scoped row."""
    principal = ctx.principal
    entry = Entry(
        id=new_id(),
        at=ctx.clock.now(),
        action=action,
        result=Result(result),
        county_id=unit.county_id if unit is not None else principal.county_id,
        town_id=unit.town_id if unit is not None else None,
        village_id=unit.village_id if unit is not None else None,
        grid_id=unit.grid_id if unit is not None else None,
        unit_id=unit.unit_id if unit is not None else None,
        org_path=unit.org_path if unit is not None else None,
        actor_id=principal.account_id,
        acting_for=acting_for,
        role=_role(ctx, unit),
        entity=entity,
        entity_id=entity_id,
        error_code=error_code,
        reason=reason,
        channel=ctx.channel,
        ip=ctx.ip,
        device=ctx.device,
        changes=changes,
    )
    values = row(entry, ctx.keys)
    values["changes"] = json.dumps(values["changes"], ensure_ascii=False)
    await session.execute(sa.text(_INSERT), values)
    return entry.id


def _role(ctx: Context, unit: Any) -> str | None:
    """Role codes by which the caller stands at the unit, at most three; the kind for callers without a grant there."""
    path = getattr(unit, "org_path", None)
    held = sorted({g.role_code for g in ctx.principal.grants if path is None or g.unit_id in _ids(unit)})
    return ",".join(held[:3]) or ctx.principal.kind


def _ids(unit: Any) -> set[UUID | None]:
    return {unit.unit_id, unit.county_id, unit.town_id, unit.village_id, unit.grid_id}
