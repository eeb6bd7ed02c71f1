"""Background work as administrators see it: how far behind, what died, replay of the dead (reliability.md §3.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.errors import NotFound
from sanzhi_core.identity.policy import scope_of
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform import outbox
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.inputs import CommandInput
from sanzhi_core.platform.models import Delivery
from sanzhi_core.platform.work import Work
from sanzhi_core.reading.declaration import Bounded

MANAGE = "core.delivery.manage"


@dataclass(frozen=True)
class DeadDelivery:
    """失败的后台任务 / A delivery that used up its attempts.

    A delivery that used up its attempts. `error` names the kind and place of the fault, no personal value.
    """

    id: Annotated[str, "编号 / Id"]
    consumer: Annotated[str, "任务 / Job"]
    attempts: Annotated[int, "尝试次数 / Attempts"]
    died_at: Annotated[str, "失败时间 / When it died"]
    error: Annotated[str, "错误种类与位置 / Kind and place of the fault"]


@dataclass(frozen=True)
class DeliveryLag:
    """后台任务积压 / Backlog of background work.

    Counts of waiting work; `oldest_seconds` is the age of the oldest delivery that is due.
    """

    todo: Annotated[int, "待办 / Waiting"]
    due: Annotated[int, "到期 / Due now"]
    parked: Annotated[int, "插件停用而搁置 / Parked while a plugin is off"]
    dead: Annotated[int, "失败 / Given up"]
    oldest_seconds: Annotated[int, "最久等待(秒) / Age of the oldest due delivery, in seconds"]
    dead_deliveries: Annotated[list[DeadDelivery], "失败的任务 / Those given up, newest first", Bounded(100)]


async def delivery_lag(ctx: Context, _input: Any) -> DeliveryLag:
    """Counts, and the newest 100 dead deliveries."""
    async with ctx.db.transaction() as session:
        lag = await outbox.lag(session)
        rows = await session.scalars(
            sa.select(Delivery)
            .where(Delivery.dead_at.is_not(None), Delivery.done_at.is_(None))
            .order_by(Delivery.dead_at.desc())
            .limit(100)
        )
        dead = [
            DeadDelivery(
                str(r.id),
                r.consumer,
                r.attempts,
                r.dead_at.isoformat() if r.dead_at else "",
                r.last_error or "",
            )
            for r in rows
        ]
    return DeliveryLag(lag.todo, lag.due, lag.parked, lag.dead, lag.oldest_s, dead)


class ReplayDelivery(CommandInput):
    """Give a dead delivery its attempts back."""

    delivery_id: UUID = Field(description="投递编号 / Delivery")


@operation("core.delivery.replay", permission=MANAGE, returns=None)
async def replay_delivery(work: Work, input: ReplayDelivery) -> None:
    """It runs again soon; NOT_FOUND when it is not dead."""
    scope = await scope_of(work.ctx, MANAGE, "write", work.session)
    row = await work.session.get(Delivery, input.delivery_id)
    unit = await work.session.get(OrgUnit, row.unit_id) if row is not None and row.unit_id else None
    if not scope or row is None or (unit is not None and not scope.covers(unit)):
        raise NotFound("Delivery")
    work.allow()
    if not await outbox.replay_dead(work.session, input.delivery_id):
        raise NotFound("Delivery")
