"""Operations on residents: add to a household, contact, death (domain/core.md §4)."""

from __future__ import annotations

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.errors import InvalidTransition, ValidationFailed
from sanzhi_core.identity.models import Account
from sanzhi_core.identity.tokens import revoke_all
from sanzhi_core.people.idnumber import parse_phone
from sanzhi_core.people.masking import mask_phone
from sanzhi_core.people.membership import (
    NewMember,
    active,
    adult,
    check_head,
    hide_person,
    make_head,
    members,
    not_own,
    record_person,
    refuse_known,
)
from sanzhi_core.people.models import Household, PersonSecret, Resident
from sanzhi_core.people.person import seal
from sanzhi_core.people.service import MANAGE, MOST_MEMBERS, replace_head
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, CommandInput, id_of
from sanzhi_core.platform.work import Work


class AddResident(CommandInput):
    """向农户增加一人 / Add a person to a household"""

    household_id: id_of("Household") = Field(description="农户 / Household")  # type: ignore[valid-type]
    person: NewMember = Field(description="该人 / The person")
    becomes_head: bool = Field(False, description="同时成为户主 / Becomes the head as well")


@operation("core.resident.add", permission=MANAGE, returns="Resident")
async def add_resident(work: Work, input: AddResident) -> Resident:
    """A new member. DUPLICATE_RECORD for a person on record; a first adult must become head. Not one's own household."""
    household = active(await work.load(Household, input.household_id))
    not_own(work, household.id)
    person = input.person.checked(work.today, "person.")
    await refuse_known(work, person, "person.")
    people = await members(work.session, household.id)
    if len(people) > MOST_MEMBERS:
        raise ValidationFailed.of("householdId", "TOO_MANY", "该户成员已满", "This household is full")
    resident = record_person(
        work, household, person, input.person.relation, needs_assistance=input.person.needs_assistance
    )
    everybody = (*people, resident)
    head = (
        resident
        if input.becomes_head
        else next((p for p in people if p.id == household.head_resident_id), None)
    )
    check_head(
        (adult(p.adult_on, work.today) for p in everybody),
        head is not None and adult(head.adult_on, work.today),
        "becomesHead",
    )
    household.member_count = len(everybody)
    await work.session.flush()
    hide_person(work, resident, person)
    if head is resident:
        make_head(household, everybody, resident)
    await work.emit(
        "core.resident.added", household, f"Household_{household.id}", {"resident_id": str(resident.id)}
    )
    await work.session.flush()
    return resident


class UpdateContact(ChangeInput):
    """更新联系方式 / Change how a person is reached"""

    resident_id: id_of("Resident") = Field(description="村民 / Resident")  # type: ignore[valid-type]
    phone: str | None = Field(
        None, max_length=40, description="电话；空串为删除，不填为不变 / Telephone; empty removes it"
    )
    address: str | None = Field(
        None, max_length=200, description="住址；空串为删除，不填为不变 / Address; empty removes it"
    )
    contact_preference: str | None = Field(
        None, pattern="^(PHONE|SMS|WECHAT|VISIT)$", description="偏好：PHONE、SMS、WECHAT、VISIT / Preference"
    )
    needs_assistance: bool | None = Field(None, description="本人申明需要协助 / Asks for assistance")


@operation("core.resident.update_contact", permission=MANAGE, returns="Resident")
async def update_contact(work: Work, input: UpdateContact) -> Resident:
    """Contact of somebody in one's village, or one's own."""
    mine = input.resident_id == work.ctx.principal.resident_id
    resident = await work.load(
        Resident,
        input.resident_id,
        expected_version=input.expected_version,
        self_="household_id" if mine else None,
    )
    if resident.status != "ACTIVE":
        raise InvalidTransition(
            resident.status, "ACTIVE", "ENDED", detail_zh="该人已不在册", detail_en="No longer active"
        )
    secret = await work.session.get(PersonSecret, resident.id)
    if secret is None:
        raise LookupError("a resident without a secret")
    keys = work.ctx.keys
    if input.phone is not None:
        phone = parse_phone(input.phone)
        resident.masked_phone = mask_phone(phone) if phone else None
        secret.phone_enc = seal(keys, "phone_enc", resident.id, phone) if phone else None
    if input.address is not None:
        secret.address_enc = seal(keys, "address_enc", resident.id, input.address) if input.address else None
    if input.contact_preference is not None:
        resident.contact_preference = input.contact_preference
    if input.needs_assistance is not None:
        resident.needs_assistance = input.needs_assistance
    return resident


class MarkDeceased(ChangeInput):
    """登记死亡 / Record a death"""

    resident_id: id_of("Resident") = Field(description="村民 / Resident")  # type: ignore[valid-type]
    new_head_id: id_of("Resident") | None = Field(  # type: ignore[valid-type]
        None, description="死者为户主时的新户主 / New head when the dead was the head"
    )
    basis: str = Field(
        min_length=2,
        max_length=200,
        description="依据，如死亡证明编号 / Basis, such as the certificate's number",
    )


@operation("core.resident.mark_deceased", permission=MANAGE, returns="Resident")
async def mark_deceased(work: Work, input: MarkDeceased) -> Resident:
    """DECEASED: the account is closed, another head is named; an empty household ends. Not one's own household."""
    resident = await work.load(Resident, input.resident_id, expected_version=input.expected_version)
    not_own(work, resident.household_id)
    if resident.status == "DECEASED":
        raise InvalidTransition("DECEASED", "DECEASED")
    if resident.status == "ACTIVE" and resident.household_id is not None:
        await _leave(work, await work.load(Household, resident.household_id), resident, input)
    resident.status = "DECEASED"
    work.reason(input.basis)
    account = await work.session.scalar(
        sa.select(Account).where(Account.resident_id == resident.id).with_for_update()
    )
    if account is not None and account.status != "CLOSED":
        account.status = "CLOSED"
        await revoke_all(work.session, account.id)
    await work.emit(
        "core.resident.deceased", resident, f"Resident_{resident.id}", {"resident_id": str(resident.id)}
    )
    return resident


async def _leave(work: Work, household: Household, resident: Resident, input: MarkDeceased) -> None:
    people = [p for p in await members(work.session, household.id) if p.id != resident.id]
    if people and household.head_resident_id == resident.id:
        if input.new_head_id is None:
            raise ValidationFailed.of(
                "newHeadId", "REQUIRED", "死者是户主，请指定新户主", "The dead was the head: name the new one"
            )
        await replace_head(work, household, people, input.new_head_id, "newHeadId")
    household.member_count = len(people)
    if not people:
        household.status, household.ended_on = "DISSOLVED", work.today
