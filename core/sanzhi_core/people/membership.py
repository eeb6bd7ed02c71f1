"""Who lives in a household, and what must hold of it after every change (domain/core.md §4, §14)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.clock import new_id
from sanzhi_core.errors import ConflictOfInterest, DuplicateRecord, InvalidTransition, ValidationFailed
from sanzhi_core.people.models import Household, PersonSecret, Resident
from sanzhi_core.people.person import Person, check_person
from sanzhi_core.platform.inputs import Input
from sanzhi_core.platform.work import Work

HEAD = "HEAD"
INVERSE = {
    "SPOUSE": "SPOUSE",
    "CHILD": "PARENT",
    "PARENT": "CHILD",
    "SIBLING": "SIBLING",
    "GRANDCHILD": "GRANDPARENT",
    "GRANDPARENT": "GRANDCHILD",
    "CHILD_IN_LAW": "PARENT_IN_LAW",
    "PARENT_IN_LAW": "CHILD_IN_LAW",
    "OTHER": "OTHER",
}
RELATIONS = (HEAD, *INVERSE)
"""What a member is to the head of the household."""
_RELATION = Field(
    pattern=f"^({'|'.join(INVERSE)})$",
    description=f"与户主关系：{'、'.join(INVERSE)} / What the person is to the head",
)
PLACE = ("unit_id", "org_code_at_time", "org_path", "county_id", "town_id", "village_id", "grid_id")


class NewPerson(Input):
    """新登记的人 / A person to be recorded"""

    name: str = Field(max_length=200, description="姓名，2至50字 / Name, 2 to 50 characters")
    id_type: str = Field(
        "RESIDENT_ID",
        pattern="^(RESIDENT_ID|HKMT_PERMIT|PASSPORT|NONE)$",
        description="证件类型：RESIDENT_ID、HKMT_PERMIT、PASSPORT、NONE / Type of document",
    )
    id_number: str | None = Field(None, max_length=40, description="证件号码 / Number of the document")
    phone: str | None = Field(None, max_length=40, description="电话 / Telephone")
    birth_date: date | None = Field(
        None, description="出生日期，没有身份证号码时必填 / Birth date, required without a citizen ID"
    )
    sex: str | None = Field(None, pattern="^[MF]$", description="性别：M、F / Sex: M or F")
    address: str | None = Field(None, max_length=200, description="住址 / Address")
    needs_assistance: bool = Field(False, description="本人申明需要协助 / Asks for assistance")

    def checked(self, today: date, path: str) -> Person:
        """The facts, or VALIDATION_FAILED below `path`."""
        return check_person(
            name=self.name,
            id_type=self.id_type,
            id_number=self.id_number,
            phone=self.phone,
            birth_date=self.birth_date,
            sex=self.sex,
            address=self.address,
            today=today,
            path=path,
        )


class NewMember(NewPerson):
    """新登记的家庭成员 / A member of a household to be recorded"""

    relation: str = _RELATION


def place_of(row: Any) -> dict[str, Any]:
    """Scope columns of a member's rows: those of the household."""
    return {column: getattr(row, column) for column in PLACE}


def not_own(work: Work, household_id: UUID | None) -> None:
    """CONFLICT_OF_INTEREST when the caller belongs to the household (R-CORE-22)."""
    if household_id is not None and household_id == work.ctx.principal.household_id:
        raise ConflictOfInterest(
            detail_zh="不能办理自己户的登记", detail_en="Nobody keeps the register of their own household"
        )


def active(household: Household) -> Household:
    """The household itself; INVALID_TRANSITION when it ended."""
    if household.status != "ACTIVE":
        raise InvalidTransition(
            household.status, "ACTIVE", "ENDED", detail_zh="该户已销户", detail_en="This household ended"
        )
    return household


async def members(session: AsyncSession, household_id: UUID) -> Sequence[Resident]:
    """Active residents of a household, oldest record first."""
    return (
        await session.scalars(
            sa.select(Resident)
            .where(Resident.household_id == household_id, Resident.status == "ACTIVE")
            .order_by(Resident.id)
        )
    ).all()


def adult(adult_on: date | None, today: date) -> bool:
    """Of full age on `today`; somebody without a known birth date is not counted as an adult."""
    return adult_on is not None and adult_on <= today


def check_head(adults: Iterable[bool], head_is_adult: bool, path: str) -> None:
    """VALIDATION_FAILED at `path` when a minor heads a household in which an adult lives."""
    if not head_is_adult and any(adults):
        raise ValidationFailed.of(
            path,
            "HEAD_NOT_ADULT",
            "家中有成年人，户主应为成年人",
            "An adult lives here: the head must be an adult",
        )


async def refuse_known(work: Work, person: Person, path: str) -> None:
    """DUPLICATE_RECORD when the number is on record; names the household only if the caller may see it."""
    digest = person.id_hash(work.ctx.keys)
    if digest is None:
        return
    found = await work.session.scalar(sa.select(Resident).where(Resident.id_number_hash == digest))
    if found is None:
        return
    household = await work.session.get(Household, found.household_id) if found.household_id else None
    seen = household is not None and await work.sees(household)
    raise DuplicateRecord(
        household.id if household is not None and seen else None,
        detail_zh="该证件号码已登记",
        detail_en="A person with this number is on record",
        path=path + "idNumber",
    )


def record_person(
    work: Work, household: Household, person: Person, relation: str, *, needs_assistance: bool
) -> Resident:
    """Rows of one person in the household; the caller flushes and checks the head."""
    place, keys = place_of(household), work.ctx.keys
    resident = Resident(
        id=new_id(),
        household_id=household.id,
        relation_to_head=relation,
        needs_assistance=needs_assistance,
        status="ACTIVE",
        **person.shown(keys),
        **place,
    )
    work.session.add(resident)
    return resident


def hide_person(work: Work, resident: Resident, person: Person) -> None:
    """The encrypted twin of a resident, after its row is there."""
    hidden = person.hidden(work.ctx.keys, resident.id)
    work.session.add(PersonSecret(resident_id=resident.id, **hidden, **place_of(resident)))


def make_head(household: Household, people: Iterable[Resident], head: Resident) -> None:
    """Enter the head; what the others are to the new head is unknown but for the old one."""
    before = household.head_resident_id
    if before is not None and before != head.id:
        was = head.relation_to_head
        for person in people:
            if person.id == before:
                person.relation_to_head = INVERSE.get(was) if was else None
            elif person.id != head.id:
                person.relation_to_head = None
    head.relation_to_head = HEAD
    household.head_resident_id = head.id
    household.head_masked_name = head.masked_name
