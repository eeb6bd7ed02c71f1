"""Settings with inheritance: `effective_setting(key, unit, on)` says the value and where it was set (architecture 14)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field, TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.errors import Forbidden, ValidationFailed
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.hookspecs import Setting
from sanzhi_core.platform.inputs import CommandInput, id_of
from sanzhi_core.platform.models import SettingValue
from sanzhi_core.platform.plugins import Platform
from sanzhi_core.platform.work import Work

MANAGE = "core.setting.manage"


@dataclass(frozen=True)
class Effective:
    """A setting in force: the value, the unit where it was set (None: the shipped default) and its source."""

    key: str
    value: Any
    unit_id: UUID | None
    locked: bool
    source: str


def declared(platform: Platform, key: str) -> Setting:
    """The declaration of a setting; VALIDATION_FAILED for an unknown key."""
    found = platform.settings.get(key)
    if found is None:
        raise ValidationFailed.of("key", "UNKNOWN_SETTING", f"没有设置项{key}", f"No setting {key}")
    return found[1]


async def effective_setting(
    session: AsyncSession, platform: Platform, key: str, unit: Any, on: date
) -> Effective:
    """The value in force at a unit (anything with `org_path`) on a day: topmost locked, else nearest, else default."""
    spec = declared(platform, key)
    rows = (
        await session.execute(
            sa.select(SettingValue.unit_id, SettingValue.value, SettingValue.locked, SettingValue.doc_no)
            .where(
                SettingValue.key == key,
                SettingValue.valid_from <= on,
                sa.or_(SettingValue.valid_to.is_(None), SettingValue.valid_to > on),
                sa.literal(unit.org_path, sa.Text).op("^@")(SettingValue.org_path),
            )
            .order_by(sa.func.length(SettingValue.org_path), SettingValue.valid_from)
        )
    ).all()
    chosen = next((r for r in rows if r.locked), rows[-1] if rows else None)
    if chosen is None:
        return Effective(key, spec.default, None, False, spec.source)
    return Effective(key, chosen.value, chosen.unit_id, chosen.locked, chosen.doc_no or "")


class SetSetting(CommandInput):
    """Set a value at a unit, for it and everything below, from a day on."""

    unit_id: id_of("OrgUnit") = Field(description="单位 / Unit")  # type: ignore[valid-type]
    key: str = Field(min_length=3, max_length=80, description="设置项 / Setting key")
    value_json: str = Field(max_length=4000, description="JSON 形式的值 / Value as JSON text")
    locked: bool = Field(False, description="锁定：下级不得改动 / Locked: may not be overridden below")
    valid_from: date | None = Field(None, description="生效日，缺省为今天 / First day, today when missing")
    reason: str = Field(min_length=2, max_length=200, description="理由 / Reason")
    doc_no: str | None = Field(None, max_length=100, description="文号 / Document number")


def parse_value(spec: Setting, text: str) -> Any:
    """The JSON text as the setting's type within its bounds; VALIDATION_FAILED otherwise. No floats."""
    try:
        parsed = json.loads(text, parse_float=_no_float, parse_constant=_no_float, parse_int=_bounded)
        value = TypeAdapter(spec.type).validate_python(_storable(parsed), strict=True)
    except (ValueError, RecursionError) as fault:
        raise ValidationFailed.of(
            "valueJson", "WRONG_TYPE", "值的类型不对", f"Not a value of this setting: {type(fault).__name__}"
        ) from None
    problem = spec.check(value) if spec.check else None
    if problem is not None:
        raise ValidationFailed.of("valueJson", problem, "值超出允许范围", "The value is out of its bounds")
    return value


def _no_float(text: str) -> Any:
    raise ValueError(f"{text}: settings are exact; write a fraction")


def _bounded(text: str) -> int:
    if len(text) > 19:
        raise ValueError("an integer of a setting has at most 18 digits")
    return int(text)


def _storable(value: Any) -> Any:
    """The value itself; ValueError for text that JSONB cannot hold (escaped NUL, lone surrogates)."""
    text = json.dumps(value, ensure_ascii=False)
    text.encode()
    if "\\u0000" in text:
        raise ValueError("NUL")
    return value


@operation("core.setting.set", permission=MANAGE, returns="SettingValue")
async def set_setting(work: Work, input: SetSetting) -> SettingValue:
    """Replaces the unit's own value from the day on; refused where an ancestor's value is locked."""
    unit = await work.unit(input.unit_id)
    spec = declared(work.ctx.platform, input.key)
    value = parse_value(spec, input.value_json)
    start = input.valid_from or work.today
    if start < work.today:
        raise ValidationFailed.of(
            "validFrom", "IN_THE_PAST", "生效日不能在过去", "The first day must not be past"
        )
    now = await effective_setting(work.session, work.ctx.platform, input.key, unit, start)
    if now.locked and now.unit_id != unit.id:
        raise Forbidden(MANAGE, detail_zh="上级已锁定该设置", detail_en="This setting is locked above")
    work.reason(input.reason)
    await work.one_at_a_time(f"setting|{input.key}|{unit.id}")
    earlier = await work.session.scalars(
        sa.select(SettingValue)
        .where(
            SettingValue.key == input.key,
            SettingValue.unit_id == unit.id,
            sa.or_(SettingValue.valid_to.is_(None), SettingValue.valid_to > start),
        )
        .with_for_update()
    )
    for row in earlier:
        if row.valid_from >= start:
            await work.session.delete(row)
        else:
            row.valid_to = start
    await work.session.flush()
    row = SettingValue(
        key=input.key,
        value=value,
        locked=input.locked,
        valid_from=start,
        reason=input.reason,
        doc_no=input.doc_no,
        **unit.place(),
    )
    work.session.add(row)
    await work.session.flush()
    return row


async def setting(work: Work, key: str, unit: OrgUnit | Any, on: date | None = None) -> Any:
    """The value in force at a unit, today or on a day."""
    return (await effective_setting(work.session, work.ctx.platform, key, unit, on or work.today)).value
