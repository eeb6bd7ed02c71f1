"""Operations on households: create, head, place in the village, honours, moving out (domain/core.md §4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.errors import DuplicateRecord, ValidationFailed
from sanzhi_core.org.models import OrgUnit, VillagersGroup
from sanzhi_core.people.membership import (
    HEAD,
    NewMember,
    NewPerson,
    active,
    adult,
    check_head,
    hide_person,
    make_head,
    members,
    not_own,
    place_of,
    record_person,
    refuse_known,
)
from sanzhi_core.people.models import Household, HouseholdHonour, PersonSecret, Resident
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, CommandInput, id_of
from sanzhi_core.platform.work import Work

MANAGE = "core.household.manage"
HOUSEHOLD_TYPES = ("FARM", "NON_FARM", "COLLECTIVE")
RESIDENCE_STATES = ("RESIDING", "AWAY_LONG", "EMPTY")
HONOURS = ("VETERAN", "MORAL_MODEL")
MOST_MEMBERS = 30


class CreateHousehold(CommandInput):
    """登记一户 / Record a household with its head and members"""

    village_id: id_of("OrgUnit") = Field(description="村 / Village")  # type: ignore[valid-type]
    household_no: str = Field(
        min_length=1, max_length=40, description="户编号，村内唯一 / Number, unique in the village"
    )
    type: str = Field(
        "FARM",
        pattern="^(FARM|NON_FARM|COLLECTIVE)$",
        description="户类型：FARM、NON_FARM、COLLECTIVE / Type",
    )
    residence_state: str = Field(
        "RESIDING",
        pattern="^(RESIDING|AWAY_LONG|EMPTY)$",
        description="居住状态：RESIDING、AWAY_LONG、EMPTY / Residence",
    )
    group_id: id_of("VillagersGroup") | None = Field(None, description="村民小组 / Villagers' group")  # type: ignore[valid-type]
    grid_id: id_of("OrgUnit") | None = Field(None, description="网格 / Grid")  # type: ignore[valid-type]
    head: NewPerson = Field(description="户主 / Head of the household")
    members: list[NewMember] = Field(
        default_factory=list, max_length=MOST_MEMBERS, description="其他成员 / Other members"
    )


@operation("core.household.create", permission=MANAGE, returns="Household")
async def create_household(work: Work, input: CreateHousehold) -> Household:
    """A household with its head. DUPLICATE_RECORD for a taken number or a person on record."""
    village = await work.unit(input.village_id, level="VILLAGE")
    taken = await work.session.scalar(
        sa.select(Household.id).where(
            Household.village_id == village.id, Household.household_no == input.household_no
        )
    )
    if taken is not None:
        raise DuplicateRecord(
            taken, detail_zh="户编号已被使用", detail_en="This household number is taken", path="householdNo"
        )
    head = input.head.checked(work.today, "head.")
    others = [m.checked(work.today, f"members.{i}.") for i, m in enumerate(input.members)]
    seen: set[str] = set()
    for path, person in (("head.", head), *((f"members.{i}.", p) for i, p in enumerate(others))):
        if person.id_number is not None and person.id_number in seen:
            raise ValidationFailed.of(
                f"{path}idNumber", "TWICE", "同一证件号码填写了两次", "The same number is given twice"
            )
        seen.add(person.id_number or "")
        await refuse_known(work, person, path)
    group_id = await _group(work, input.group_id, village.id)
    grid_id = await _grid(work, input.grid_id, village.id)
    household = Household(
        household_no=input.household_no,
        type=input.type,
        residence_state=input.residence_state,
        status="ACTIVE",
        group_id=group_id,
        member_count=1 + len(others),
        registered_on=work.today,
        **{**village.place(), "grid_id": grid_id},
    )
    work.session.add(household)
    await work.session.flush()
    first = record_person(work, household, head, HEAD, needs_assistance=input.head.needs_assistance)
    rest = [
        record_person(work, household, p, m.relation, needs_assistance=m.needs_assistance)
        for p, m in zip(others, input.members, strict=True)
    ]
    check_head((adult(r.adult_on, work.today) for r in rest), adult(first.adult_on, work.today), "head")
    await work.session.flush()
    for resident, person in zip((first, *rest), (head, *others), strict=True):
        hide_person(work, resident, person)
    make_head(household, rest, first)
    await work.emit(
        "core.household.created", household, f"Household_{household.id}", {"household_id": str(household.id)}
    )
    return household


async def _group(work: Work, group_id: UUID | None, village_id: UUID | None) -> UUID | None:
    """VALIDATION_FAILED when the group is not a living one of the village."""
    if group_id is None:
        return None
    group = await work.session.get(VillagersGroup, group_id)
    if group is None or group.village_id != village_id or group.valid_to is not None:
        raise ValidationFailed.of(
            "groupId", "OTHER_VILLAGE", "村民小组不属于该村", "The group does not belong to the village"
        )
    return group.id


async def _grid(work: Work, grid_id: UUID | None, village_id: UUID | None) -> UUID | None:
    """VALIDATION_FAILED when the grid is not an active one of the village (domain/core.md §14)."""
    if grid_id is None:
        return None
    grid = await work.session.get(OrgUnit, grid_id)
    if grid is None or grid.level != "GRID" or grid.village_id != village_id or grid.status != "ACTIVE":
        raise ValidationFailed.of(
            "gridId", "OTHER_VILLAGE", "网格不属于该村", "The grid does not belong to the village"
        )
    return grid.id


class SetHouseholdHead(ChangeInput):
    """变更户主 / Change the head of a household"""

    household_id: id_of("Household") = Field(description="农户 / Household")  # type: ignore[valid-type]
    resident_id: id_of("Resident") = Field(description="新户主，须为本户成员 / New head, a member")  # type: ignore[valid-type]
    reason: str = Field(min_length=2, max_length=200, description="理由 / Reason")


@operation("core.household.set_head", permission=MANAGE, returns="Household")
async def set_head(work: Work, input: SetHouseholdHead) -> Household:
    """Another active member becomes head; an adult where any adult lives there. Not one's own household."""
    household = active(
        await work.load(Household, input.household_id, expected_version=input.expected_version)
    )
    not_own(work, household.id)
    people = await members(work.session, household.id)
    await replace_head(work, household, people, input.resident_id, "residentId")
    work.reason(input.reason)
    return household


async def replace_head(
    work: Work, household: Household, people: Sequence[Resident], head_id: UUID, path: str
) -> None:
    """Make one of `people` head; VALIDATION_FAILED at `path` for a stranger or a minor among adults."""
    head = next((p for p in people if p.id == head_id), None)
    if head is None:
        raise ValidationFailed.of(
            path, "NOT_A_MEMBER", "该人不是本户在册成员", "Not an active member of the household"
        )
    check_head((adult(p.adult_on, work.today) for p in people), adult(head.adult_on, work.today), path)
    make_head(household, people, head)


class AssignHousehold(ChangeInput):
    """调整农户的小组、网格和居住状态 / Put a household into a group and a grid of its village"""

    household_id: id_of("Household") = Field(description="农户 / Household")  # type: ignore[valid-type]
    group_id: id_of("VillagersGroup") | None = Field(  # type: ignore[valid-type]
        None, description="村民小组，空为无 / Group; none if empty"
    )
    grid_id: id_of("OrgUnit") | None = Field(None, description="网格，空为无 / Grid; empty for none")  # type: ignore[valid-type]
    residence_state: str = Field(
        "RESIDING",
        pattern="^(RESIDING|AWAY_LONG|EMPTY)$",
        description="居住状态：RESIDING、AWAY_LONG、EMPTY / Residence",
    )


@operation("core.household.assign", permission=MANAGE, returns="Household")
async def assign_household(work: Work, input: AssignHousehold) -> Household:
    """Group, grid and residence as given; the people's rows follow into the grid. Not one's own household."""
    household = active(
        await work.load(Household, input.household_id, expected_version=input.expected_version)
    )
    not_own(work, household.id)
    group_id = await _group(work, input.group_id, household.village_id)
    grid_id = await _grid(work, input.grid_id, household.village_id)
    household.group_id, household.residence_state = group_id, input.residence_state
    if grid_id != household.grid_id:
        household.grid_id = grid_id
        for person in await members(work.session, household.id):
            person.grid_id = grid_id
            secret = await work.session.get(PersonSecret, person.id)
            if secret is not None:
                secret.grid_id = grid_id
        for honour in await work.session.scalars(
            sa.select(HouseholdHonour).where(HouseholdHonour.household_id == household.id)
        ):
            honour.grid_id = grid_id
    return household


class AddHouseholdHonour(CommandInput):
    """登记农户荣誉 / Record an honour of a household"""

    household_id: id_of("Household") = Field(description="农户 / Household")  # type: ignore[valid-type]
    honour: str = Field(
        pattern="^(VETERAN|MORAL_MODEL)$",
        description="荣誉：VETERAN 退役军人户、MORAL_MODEL 道德模范户 / Honour",
    )
    certificate_no: str = Field(
        min_length=1, max_length=60, description="证书编号 / Number of the certificate"
    )
    issuer: str = Field(min_length=2, max_length=100, description="发证单位 / Issuer")
    valid_from: date = Field(description="生效日 / First day")
    valid_to: date | None = Field(
        None, description="失效日(不含)，空为长期 / First day it no longer holds; empty: no end"
    )


@operation("core.household.honour.add", permission=MANAGE, returns="HouseholdHonour")
async def add_honour(work: Work, input: AddHouseholdHonour) -> HouseholdHonour:
    """An honour by its certificate. DUPLICATE_RECORD for the same certificate; not one's own household."""
    household = active(await work.load(Household, input.household_id))
    not_own(work, household.id)
    if input.valid_to is not None and input.valid_to <= input.valid_from:
        raise ValidationFailed.of(
            "validTo", "BEFORE_START", "失效日应晚于生效日", "The end must lie after the first day"
        )
    known = await work.session.scalar(
        sa.select(HouseholdHonour.id).where(
            HouseholdHonour.household_id == household.id,
            HouseholdHonour.honour == input.honour,
            HouseholdHonour.certificate_no == input.certificate_no,
        )
    )
    if known is not None:
        raise DuplicateRecord(
            household.id,
            detail_zh="该证书已登记",
            detail_en="This certificate is on record",
            path="certificateNo",
        )
    honour = HouseholdHonour(
        household_id=household.id,
        honour=input.honour,
        certificate_no=input.certificate_no,
        issuer=input.issuer,
        valid_from=input.valid_from,
        valid_to=input.valid_to,
        **place_of(household),
    )
    work.session.add(honour)
    await work.session.flush()
    return honour


class MoveOutHousehold(ChangeInput):
    """整户迁出 / A whole household moves away"""

    household_id: id_of("Household") = Field(description="农户 / Household")  # type: ignore[valid-type]
    moved_on: date = Field(description="迁出日，不晚于今天 / Day of moving out, not in the future")
    reason: str = Field(min_length=2, max_length=200, description="理由 / Reason")


@operation("core.household.move_out", permission=MANAGE, returns="Household")
async def move_out(work: Work, input: MoveOutHousehold) -> Household:
    """The household and its people become MOVED_OUT; their records stay. Not one's own household."""
    household = active(
        await work.load(Household, input.household_id, expected_version=input.expected_version)
    )
    not_own(work, household.id)
    if not household.registered_on <= input.moved_on <= work.today:
        raise ValidationFailed.of(
            "movedOn",
            "DATE_RANGE",
            "迁出日应在登记日至今天之间",
            "The day must lie between registration and today",
        )
    for person in await members(work.session, household.id):
        person.status = "MOVED_OUT"
    household.status, household.ended_on, household.member_count = "MOVED_OUT", input.moved_on, 0
    work.reason(input.reason)
    await work.emit(
        "core.household.moved_out",
        household,
        f"Household_{household.id}",
        {"household_id": str(household.id)},
    )
    return household
