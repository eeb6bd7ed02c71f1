"""The past of units: rows of `OrgUnitVersion` over half-open spans, and the hierarchy as it was on a day."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from sanzhi_core.errors import ValidationFailed
from sanzhi_core.kit.refusals import business_error
from sanzhi_core.org.codes import BadCode, parse
from sanzhi_core.org.models import OrgUnit, OrgUnitVersion
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.inputs import Input
from sanzhi_core.reading.declaration import Bounded


async def open_version(session: AsyncSession, unit_id: UUID) -> OrgUnitVersion | None:
    """The row of history that holds now, locked."""
    found: OrgUnitVersion | None = await session.scalar(
        sa.select(OrgUnitVersion)
        .where(OrgUnitVersion.unit_id == unit_id, OrgUnitVersion.valid_to.is_(None))
        .with_for_update()
    )
    return found


async def may_change(session: AsyncSession, unit_id: UUID, on: date, *, same_day: bool = True) -> None:
    """Raises VALIDATION_FAILED when history already goes on beyond `on` (or begins on it, unless `same_day`)."""
    current = await open_version(session, unit_id)
    if current is not None and (current.valid_from > on or (current.valid_from == on and not same_day)):
        zh, en = "该单位在此日期当天或之后已有变更", "The unit already has a change on or after this day"
        raise ValidationFailed.of("on", "LATER_CHANGE", zh, en)


async def record_change(
    session: AsyncSession, unit: OrgUnit, on: date, *, reason: str | None = None, doc_no: str | None = None
) -> None:
    """Keep what the unit has become from `on` on: name, code, kind, parent, place, status.

    A row opened on the same day is corrected in place. `on` was checked by `may_change` before the unit was
    touched.
    """
    current = await open_version(session, unit.id)
    if current is None or current.valid_from < on:
        if current is not None:
            current.valid_to = on
            await session.flush()
        current = OrgUnitVersion(valid_from=on, **unit.place())
        session.add(current)
    for column in ("code", "level", "name", "kind", "status", "parent_id"):
        setattr(current, column, getattr(unit, column))
    for column in ("org_path", "county_id", "town_id", "village_id", "grid_id"):
        setattr(current, column, getattr(unit, column))
    current.reason, current.doc_no = reason, doc_no
    await session.flush()


async def end(session: AsyncSession, unit_id: UUID, on: date) -> None:
    """Close the history of a unit that is no more from `on` on, after `may_change`."""
    current = await open_version(session, unit_id)
    if current is not None:
        current.valid_to = on
        await session.flush()


@dataclass(frozen=True)
class OrgUnitAsOf:
    """某日的单位 / A unit as it was on a day.

    A unit as it was on the day asked for, with its parent of that day.
    """

    unit_id: Annotated[str, "单位编号 / Id of the unit"]
    code: Annotated[str, "代码 / Code"]
    level: Annotated[str, "层级 / Level"]
    name: Annotated[str, "名称 / Name"]
    kind: Annotated[str, "类型 / Kind"]
    parent_id: Annotated[str | None, "上级单位 / Parent unit"]
    parent_code: Annotated[str | None, "上级代码 / Code of the parent"]
    parent_name: Annotated[str | None, "上级名称 / Name of the parent"]
    valid_from: Annotated[date, "起始日 / First day"]
    valid_to: Annotated[date | None, "失效日 / First day on which it no longer holds"]


@dataclass(frozen=True)
class OrgUnitsAsOf:
    """某日的单位列表 / Units as they were on a day.

    A page of units by code; `end_cursor` continues it, None on the last page.
    """

    units: Annotated[list[OrgUnitAsOf], "单位 / Units", Bounded(500)]
    end_cursor: Annotated[str | None, "下一页游标 / Cursor of the next page"]


class AsOf(Input):
    """Which day, and which units of it."""

    on: date = Field(description="哪一天 / The day")
    code: str | None = Field(None, max_length=17, description="单位代码 / Code of the unit")
    parent_code: str | None = Field(
        None, max_length=17, description="当日的上级单位代码 / Code of the parent on that day"
    )
    level: str | None = Field(
        None, pattern="^(PROVINCE|CITY|COUNTY|TOWN|VILLAGE|GRID)$", description="层级 / Level"
    )
    first: int = Field(50, ge=1, le=200, description="每页条数 / Rows per page")
    after: str | None = Field(
        None, max_length=200, description="上一页的 endCursor / endCursor of the last page"
    )


def in_force(version: type[OrgUnitVersion], on: date) -> sa.ColumnElement[bool]:
    """The condition that a row of history holds on a day."""
    return sa.and_(version.valid_from <= on, sa.or_(version.valid_to.is_(None), version.valid_to > on))


async def units_as_of(ctx: Context, input: AsOf) -> OrgUnitsAsOf:
    """Units as they were on a day, ordered by code. Divisions are public data."""
    v, p = OrgUnitVersion, aliased(OrgUnitVersion)
    query = (
        sa.select(v, p)
        .outerjoin(p, sa.and_(p.unit_id == v.parent_id, in_force(p, input.on)))
        .where(in_force(v, input.on))
        .order_by(v.code, v.id)
        .limit(input.first + 1)
    )
    if input.code is not None:
        query = query.where(v.code == _code("code", input.code))
    if input.parent_code is not None:
        query = query.where(p.code == _code("parentCode", input.parent_code))
    if input.level is not None:
        query = query.where(v.level == input.level)
    if input.after is not None:
        code, last = _position(input.after)
        query = query.where(sa.tuple_(v.code, v.id) > sa.tuple_(sa.literal(code), sa.literal(last)))
    async with ctx.db.transaction() as session:
        rows = (await session.execute(query)).all()
    page = [_shown(row, parent) for row, parent in rows[: input.first]]
    more = len(rows) > input.first
    return OrgUnitsAsOf(page, _cursor(rows[input.first - 1][0]) if more else None)


def _code(path: str, text: str) -> str:
    try:
        return parse(text).code
    except BadCode as bad:
        raise business_error(bad, path) from None


def _shown(row: OrgUnitVersion, parent: OrgUnitVersion | None) -> OrgUnitAsOf:
    return OrgUnitAsOf(
        f"OrgUnit_{row.unit_id}",
        row.code,
        row.level,
        row.name,
        row.kind,
        f"OrgUnit_{row.parent_id}" if row.parent_id else None,
        parent.code if parent else None,
        parent.name if parent else None,
        row.valid_from,
        row.valid_to,
    )


def _cursor(row: OrgUnitVersion) -> str:
    return base64.urlsafe_b64encode(f"{row.code}|{row.id}".encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[str, UUID]:
    try:
        code, _, last = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition("|")
        return code, UUID(last)
    except (ValueError, binascii.Error):
        raise ValidationFailed.of("after", "CURSOR", "游标无效", "Not a cursor of this list") from None
