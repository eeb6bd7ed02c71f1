"""Switching plugins on and off, unit by unit (domain/core.md §10), with a dry run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.clock import start_of_day
from sanzhi_core.errors import Forbidden, InvalidTransition, ValidationFailed
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform import outbox
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.enablement import WRITABLE, state_at
from sanzhi_core.platform.hookspecs import Job
from sanzhi_core.platform.inputs import CommandInput, Input, id_of
from sanzhi_core.platform.models import PluginEnablement
from sanzhi_core.platform.work import Work
from sanzhi_core.reading.declaration import Bounded

MANAGE = "core.plugin.enable"
WAKE = "core.plugin.wake_parked"
LEVELS = ("COUNTY", "TOWN", "VILLAGE")
STATES = "OFF|PILOT|ON|SUSPENDED"
UNPROVEN = frozenset({"PILOT", "SUSPENDED"})
"""From these states ON needs the pilot checklist; a suspended pilot must not slip past it (R-CORE-63)."""


class PilotChoice(Input):
    """A plugin, a unit and the state it is to have there."""

    plugin: str = Field(min_length=2, max_length=40, description="插件 / Plugin")
    unit_id: id_of("OrgUnit") = Field(description="县、乡镇或村 / County, town or village")  # type: ignore[valid-type]
    state: str = Field(
        pattern=f"^({STATES})$", description="OFF 关闭 PILOT 试点 ON 启用 SUSPENDED 暂停 / State"
    )
    valid_from: date | None = Field(None, description="生效日，缺省为今天 / First day, today when missing")


class SetPlugin(CommandInput, PilotChoice):
    """Switch a plugin at a unit and everything below that has no nearer decision."""

    locked: bool = Field(False, description="锁定：下级不得另行决定 / Locked: no other decision below")
    valid_to: date | None = Field(None, description="失效日 / First day on which it no longer holds")
    reason: str = Field(min_length=2, max_length=200, description="理由 / Reason")
    doc_no: str = Field(min_length=2, max_length=100, description="文号 / Document number")
    checklist_complete: bool = Field(
        False,
        description="试点清单(资金、人员、培训、平台、考核)已完成，PILOT→ON 必需 / Pilot checklist complete",
    )


@dataclass(frozen=True)
class PlanBlocker:
    """阻碍 / Something in the way.

    Something in the way, with its cure.
    """

    code: Annotated[str, "代码 / Code"]
    message: Annotated[str, "说明与办法 / What it is and its cure"]


@dataclass(frozen=True)
class PluginPlan:
    """启用试算 / What setPlugin would do.

    What `setPlugin` would do: villages that change, villages that keep a nearer decision, what is in the way.
    """

    plugin: Annotated[str, "插件 / Plugin"]
    current_state: Annotated[str, "当前状态 / State now"]
    new_state: Annotated[str, "新状态 / State afterwards"]
    villages_changed: Annotated[int, "受影响的村数 / Villages the decision reaches"]
    villages_kept: Annotated[int, "另有决定的村数 / Villages that keep a nearer decision"]
    blockers: Annotated[list[PlanBlocker], "阻碍 / What is in the way", Bounded(50)]


async def _check(work: Work, choice: PilotChoice) -> tuple[OrgUnit, date]:
    if choice.plugin not in work.ctx.platform.plugin_names:
        raise ValidationFailed.of(
            "plugin", "NOT_INSTALLED", "没有安装这个插件", "This plugin is not installed"
        )
    unit = await work.unit(choice.unit_id)
    if unit.level not in LEVELS:
        raise ValidationFailed.of(
            "unitId", "WRONG_LEVEL", "只能在县、乡镇或村启用", "Only at a county, town or village"
        )
    start = choice.valid_from or work.today
    if start < work.today:
        raise ValidationFailed.of(
            "validFrom", "IN_THE_PAST", "生效日不能在过去", "The first day must not be past"
        )
    return unit, start


async def _villages(work: Work, unit: OrgUnit, plugin: str, on: date) -> tuple[int, int]:
    """(villages the decision reaches, villages that keep a nearer one)."""
    below = (
        sa.select(OrgUnit)
        .where(
            OrgUnit.org_path.op("^@")(unit.org_path), OrgUnit.level == "VILLAGE", OrgUnit.status == "ACTIVE"
        )
        .subquery()
    )
    e = PluginEnablement
    nearer = sa.exists().where(
        e.plugin == plugin,
        e.valid_from <= on,
        sa.or_(e.valid_to.is_(None), e.valid_to > on),
        e.unit_id != unit.id,
        e.org_path.op("^@")(unit.org_path),
        below.c.org_path.op("^@")(e.org_path),
    )
    row = (
        await work.session.execute(
            sa.select(sa.func.count().filter(~nearer), sa.func.count().filter(nearer)).select_from(below)
        )
    ).one()
    return int(row[0]), int(row[1])


async def plan_plugin(ctx: Context, choice: PilotChoice) -> PluginPlan:
    """Dry run of `setPlugin`; changes nothing."""
    async with ctx.db.transaction() as session:
        work = Work(ctx, session, plugin="core", permission=MANAGE)
        unit, start = await _check(work, choice)
        blockers = (
            await work.ctx.platform.blockers(work, choice.plugin, unit.id) if choice.state in WRITABLE else []
        )
        changed, kept = await _villages(work, unit, choice.plugin, start)
        current = await state_at(session, choice.plugin, unit.id, start)
        en = ctx.locale.startswith("en")
        return PluginPlan(
            choice.plugin, current, choice.state, changed, kept,
            [PlanBlocker(b.code, b.message_en if en else b.message_zh) for b in blockers],
        )  # fmt: skip


@operation("core.plugin.set", permission=MANAGE, returns="PluginEnablement")
async def set_plugin(work: Work, input: SetPlugin) -> PluginEnablement:
    """Only the county decides. Refused while blockers stand, under a locked ancestor, or PILOT→ON without checklist."""
    unit, start = await _check(work, input)
    if input.valid_to is not None and input.valid_to <= start:
        raise ValidationFailed.of(
            "validTo", "NOT_AFTER_START", "失效日须晚于生效日", "The end must be after the start"
        )
    await work.one_at_a_time(f"plugin|{input.plugin}|{unit.id}")
    current = await state_at(work.session, input.plugin, unit.id, start)
    if current in UNPROVEN and input.state == "ON" and not input.checklist_complete:
        raise InvalidTransition(
            current, input.state, "CHECKLIST_INCOMPLETE",
            detail_zh="试点清单未完成，不能由试点转为启用", detail_en="The pilot checklist is not complete",
        )  # fmt: skip
    locked = await work.session.scalar(
        sa.select(PluginEnablement.id).where(
            PluginEnablement.plugin == input.plugin,
            PluginEnablement.locked,
            PluginEnablement.unit_id != unit.id,
            PluginEnablement.valid_from <= start,
            sa.or_(PluginEnablement.valid_to.is_(None), PluginEnablement.valid_to > start),
            sa.literal(unit.org_path, sa.Text).op("^@")(PluginEnablement.org_path),
        )
    )
    if locked is not None:
        raise Forbidden(
            MANAGE, detail_zh="上级已锁定该插件的状态", detail_en="The state of this plugin is locked above"
        )
    if input.state in WRITABLE:
        blockers = await work.ctx.platform.blockers(work, input.plugin, unit.id)
        if blockers:
            raise ValidationFailed.of(
                "plugin", blockers[0].code, blockers[0].message_zh, blockers[0].message_en
            )
    work.reason(input.reason)
    await _close_earlier(work, input.plugin, unit.id, start)
    row = PluginEnablement(
        plugin=input.plugin,
        state=input.state,
        locked=input.locked,
        valid_from=start,
        valid_to=input.valid_to,
        reason=input.reason,
        doc_no=input.doc_no,
        decided_by=work.ctx.principal.account_id,
        decided_at=work.now,
        **unit.place(),
    )
    work.session.add(row)
    await work.bump_generation()
    await work.session.flush()
    await _wake_when_it_counts(work, row)
    await work.emit(
        "core.plugin.state_changed",
        unit,
        f"plugin:{input.plugin}",
        {"plugin": input.plugin, "state": input.state},
    )
    return row


async def _wake_when_it_counts(work: Work, row: PluginEnablement) -> None:
    """Parked work runs again on the day the plugin comes on; where it is still off it parks anew."""
    day = row.valid_from if row.state in WRITABLE else row.valid_to
    if day is not None:
        if day <= work.today:
            await outbox.unpark(work.session, row.plugin)
        else:
            key = f"{WAKE}|{row.id}|{day.isoformat()}"
            await work.set_timer(key, WAKE, {"plugin": row.plugin}, unit_id=None, due_at=start_of_day(day))


async def wake_parked(work: Work, payload: dict[str, Any]) -> None:
    """Job of `_wake_when_it_counts`."""
    await outbox.unpark(work.session, payload["plugin"])


async def _close_earlier(work: Work, plugin: str, unit_id: UUID, start: date) -> None:
    rows = await work.session.scalars(
        sa.select(PluginEnablement)
        .where(
            PluginEnablement.plugin == plugin,
            PluginEnablement.unit_id == unit_id,
            sa.or_(PluginEnablement.valid_to.is_(None), PluginEnablement.valid_to > start),
        )
        .with_for_update()
    )
    for row in rows:
        if row.valid_from >= start:
            await work.session.delete(row)
        else:
            row.valid_to = start
    await work.session.flush()


JOBS = (Job(WAKE, wake_parked),)
