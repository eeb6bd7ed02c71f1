"""Making, renaming and abolishing units, each change with a row of history (R-CORE-01 to R-CORE-06).

Merging, splitting and moving units are organisation changes with mappings (domain/core.md §2) and have a
process of their own; `history.record_change` is what they share with this module.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.clock import new_id, real_now
from sanzhi_core.errors import DuplicateRecord, NotFound, OrgInactive, ValidationFailed
from sanzhi_core.identity.models import RoleGrant
from sanzhi_core.org import history
from sanzhi_core.org.codes import (
    Level,
    UnitCode,
    check_kind,
    check_parent,
    parse,
    parse_credit_code,
)
from sanzhi_core.org.importing import MANAGE
from sanzhi_core.org.models import OrgLineage, OrgUnit, VillagersGroup
from sanzhi_core.people.models import Household
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, CommandInput, id_of
from sanzhi_core.platform.work import Work

MANAGE_GROUPS = "core.group.manage"
REUSE_YEARS = 10

_COLUMN = {"COUNTY": "county_id", "TOWN": "town_id", "VILLAGE": "village_id", "GRID": "grid_id"}

NAME = Field(min_length=1, max_length=50, pattern=r"^[^\x00-\x1f\x7f]+$", description="名称 / Name")
REASON = Field(min_length=2, max_length=200, description="理由 / Reason")
DOC_NO = Field(min_length=2, max_length=100, description="批准文号 / Number of the approving document")
ON = Field(None, description="生效日，缺省为今天 / First day, today when missing")


class CreateUnit(CommandInput):
    """A unit below another; a grid has the village's code and three more digits."""

    parent_id: id_of("OrgUnit") = Field(description="上级单位 / Parent")  # type: ignore[valid-type]
    code: str = Field(min_length=4, max_length=17, description="代码：6、9、12、15或17位 / Code")
    name: str = NAME
    short_name: str | None = Field(None, min_length=1, max_length=20, description="简称 / Short name")
    kind: str | None = Field(
        None, max_length=20, description="类别，须与代码区间相符 / Kind, as the code range says"
    )
    valid_from: date | None = ON
    uscc: str | None = Field(None, max_length=40, description="统一社会信用代码 / Unified social credit code")
    area_km2: Decimal | None = Field(
        None, ge=0, max_digits=12, decimal_places=2, description="面积(平方公里) / Area in km²"
    )
    doc_no: str = DOC_NO


@operation("core.org_unit.create", permission=MANAGE, returns="OrgUnit")
async def create_unit(work: Work, input: CreateUnit) -> OrgUnit:
    """VALIDATION_FAILED for every bad code of domain/core.md §1, DUPLICATE_RECORD for a code in use."""
    parent = await work.unit(input.parent_id)
    unit = await _checked_code(work.session, parent, input.code)
    if input.kind is not None:
        check_kind(unit, input.kind)
    on = _not_future(work, input.valid_from)
    if on < parent.valid_from:
        zh, en = "生效日早于上级单位的生效日", "The first day is before the parent's first day"
        raise ValidationFailed.of("validFrom", "BEFORE_PARENT", zh, en)
    await _code_free(work.session, unit, on)
    credit = parse_credit_code(input.uscc, unit.kind).value if input.uscc else None
    work.reason(input.doc_no)
    row = OrgUnit(
        id=new_id(),
        no=await work.session.scalar(
            sa.text("select nextval(pg_get_serial_sequence('core.org_unit', 'no'))")
        ),
        code=unit.code,
        level=unit.level.value,
        name=input.name,
        short_name=input.short_name,
        kind=input.kind or unit.kind.value,
        parent_id=parent.id,
        valid_from=on,
        urban_rural_class=unit.urban_rural_class,
        uscc=credit,
        area_km2=input.area_km2,
    )
    row.org_path = f"{parent.org_path}{row.no}/"
    for level, column in _COLUMN.items():
        setattr(row, column, row.id if level == row.level else getattr(parent, column))
    work.session.add(row)
    await work.session.flush()
    await history.record_change(work.session, row, on, doc_no=input.doc_no)
    await work.bump_generation()
    await work.emit("core.org_unit.created", row, f"OrgUnit:{row.id}", {"unit_id": str(row.id)})
    return row


async def _checked_code(session: AsyncSession, parent: OrgUnit, code: str) -> UnitCode:
    """The code of a child of `parent`. Raises BadCode."""
    own_county = await session.scalar(
        sa.select(sa.true()).where(
            OrgUnit.level == "COUNTY",
            OrgUnit.valid_to.is_(None),
            OrgUnit.code.startswith(code[:4], autoescape=True),
            sa.func.substr(OrgUnit.code, 5, 2) != "00",
        ).limit(1)
    )  # fmt: skip
    without = frozenset() if own_county else frozenset({code[:4]})
    # The padded code of a county that stands in for its city reads like the city's own.
    stands_in = parent.level == "CITY" and code.rstrip("0") == parent.code.rstrip("0")
    unit = parse(code, Level.COUNTY if stands_in else None, cities_without_counties=without)
    check_parent(unit, parse(parent.code, Level(parent.level), cities_without_counties=without))
    return unit


async def _code_free(session: AsyncSession, unit: UnitCode, on: date) -> None:
    """R-CORE-01."""
    rows = await session.execute(
        sa.select(OrgUnit.id, OrgUnit.valid_to).where(
            OrgUnit.level == unit.level.value, OrgUnit.code == unit.code
        )
    )
    for unit_id, valid_to in rows:
        if valid_to is None:
            raise DuplicateRecord(unit_id, detail_zh="代码已在用", detail_en="The code is in use")
        if valid_to > on.replace(year=on.year - REUSE_YEARS, day=min(on.day, 28)):
            zh, en = (
                "该代码10年内曾用于已撤销的单位",
                "A unit abolished less than ten years ago had this code",
            )
            raise ValidationFailed.of("code", "CODE_REUSED", zh, en)


def _not_future(work: Work, on: date | None) -> date:
    if on is not None and on > work.today:
        zh, en = "生效日不能晚于今天", "The first day may not lie in the future"
        raise ValidationFailed.of("on", "FUTURE", zh, en)
    return on or work.today


class RenameUnit(ChangeInput):
    """A new name from a day on; the old one stays in the history."""

    unit_id: id_of("OrgUnit") = Field(description="单位 / Unit")  # type: ignore[valid-type]
    name: str = NAME
    short_name: str | None = Field(None, min_length=1, max_length=20, description="简称 / Short name")
    on: date | None = ON
    doc_no: str = DOC_NO


@operation("core.org_unit.rename", permission=MANAGE, returns="OrgUnit")
async def rename_unit(work: Work, input: RenameUnit) -> OrgUnit:
    """ORG_INACTIVE for an abolished unit, VALIDATION_FAILED when a later change is recorded already."""
    unit = await _living(work, input.unit_id, input.expected_version)
    on = _not_future(work, input.on)
    work.reason(input.doc_no)
    await history.may_change(work.session, unit.id, on)
    unit.name, unit.short_name = input.name, input.short_name
    await history.record_change(work.session, unit, on, doc_no=input.doc_no)
    await _settle(work, unit)
    await work.emit("core.org_unit.renamed", unit, f"OrgUnit:{unit.id}", {"unit_id": str(unit.id)})
    return unit


async def _living(work: Work, unit_id: UUID, version: int) -> OrgUnit:
    """The unit to change; ORG_INACTIVE with its successors when it is abolished."""
    await work.load(OrgUnit, unit_id, expected_version=version)
    return await work.unit(unit_id)


async def _settle(work: Work, unit: OrgUnit) -> None:
    """Write the unit and read its computed `unit_id` again, which an update leaves unread."""
    await work.session.flush()
    await work.session.refresh(unit, ["unit_id"])


class AbolishUnit(ChangeInput):
    """End an empty unit today; its successors, if any, are remembered for ever."""

    unit_id: id_of("OrgUnit") = Field(description="单位 / Unit")  # type: ignore[valid-type]
    successor_ids: list[id_of("OrgUnit")] = Field(  # type: ignore[valid-type]
        default_factory=list, max_length=20, description="承接单位 / Units that take over"
    )
    doc_no: str = DOC_NO
    reason: str = REASON


@operation("core.org_unit.abolish", permission=MANAGE, returns="OrgUnit")
async def abolish_unit(work: Work, input: AbolishUnit) -> OrgUnit:
    """Only what is empty: units below, active households and groups must be gone (R-CORE-04, R-CORE-11)."""
    unit = await _living(work, input.unit_id, input.expected_version)
    work.reason(f"{input.doc_no} {input.reason}")
    await _must_be_empty(work.session, unit)
    await history.may_change(work.session, unit.id, work.today, same_day=False)
    for target_id in dict.fromkeys(input.successor_ids):
        target = await work.session.get(OrgUnit, target_id)
        if target is None or target.level != unit.level or target.id == unit.id:
            raise NotFound(
                "OrgUnit", detail_zh="没有这个承接单位", detail_en="No such successor of this level"
            )
        if target.status != "ACTIVE":
            raise OrgInactive(target.code)
        work.session.add(
            OrgLineage(source_id=unit.id, target_id=target.id, effective_date=work.today, doc_no=input.doc_no)
        )
    await history.end(work.session, unit.id, work.today)
    unit.status, unit.valid_to = "ABOLISHED", work.today
    await _end_grants(work, unit)
    await work.bump_generation()
    await _settle(work, unit)
    await work.emit("core.org_unit.abolished", unit, f"OrgUnit:{unit.id}", {"unit_id": str(unit.id)})
    return unit


async def _must_be_empty(session: AsyncSession, unit: OrgUnit) -> None:
    held = (
        sa.select(OrgUnit.id).where(OrgUnit.parent_id == unit.id, OrgUnit.valid_to.is_(None)),
        sa.select(Household.id).where(
            Household.village_id == unit.id if unit.level == "VILLAGE" else Household.grid_id == unit.id,
            Household.status == "ACTIVE",
        ),
        sa.select(VillagersGroup.id).where(
            VillagersGroup.unit_id == unit.id, VillagersGroup.valid_to.is_(None)
        ),
    )
    for query in held:
        if await session.scalar(query.limit(1)) is not None:
            zh = "单位下仍有下级单位、农户或村民小组，须走区划变更"
            en = "Units, households or groups still belong to it: use an organisation change"
            raise ValidationFailed.of("unitId", "NOT_EMPTY", zh, en)


async def _end_grants(work: Work, unit: OrgUnit) -> None:
    """R-CORE-15: roles at the unit end with it."""
    live = sa.or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to > work.today)
    rows = await work.session.scalars(
        sa.select(RoleGrant).where(RoleGrant.unit_id == unit.id, RoleGrant.revoked_at.is_(None), live)
    )
    for grant in rows:
        if grant.valid_from < work.today:
            grant.valid_to = work.today
        else:
            grant.revoked_at = real_now()


class CreateGroup(CommandInput):
    """A villagers' group of a village; it stands beside the tree and is no grid."""

    village_id: id_of("OrgUnit") = Field(description="村 / Village")  # type: ignore[valid-type]
    name: str = NAME
    valid_from: date | None = ON


@operation("core.group.create", permission=MANAGE_GROUPS, returns="VillagersGroup")
async def create_group(work: Work, input: CreateGroup) -> VillagersGroup:
    """DUPLICATE_RECORD when the village has a group of this name."""
    village = await work.unit(input.village_id, level="VILLAGE")
    taken = await work.session.scalar(
        sa.select(VillagersGroup.id).where(
            VillagersGroup.village_id == village.id,
            VillagersGroup.name == input.name,
            VillagersGroup.valid_to.is_(None),
        )
    )
    if taken is not None:
        raise DuplicateRecord(taken, detail_zh="已有同名小组", detail_en="There is a group of this name")
    group = VillagersGroup(name=input.name, valid_from=_not_future(work, input.valid_from), **village.place())
    work.session.add(group)
    await work.session.flush()
    return group
