"""Acting for a household: by its head or an authorised adult member, or through a clerk (代录, domain/core.md §9)."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.clock import local_date
from sanzhi_core.errors import DuplicateRecord, NotFound, ValidationFailed
from sanzhi_core.people.models import Household, Resident
from sanzhi_core.platform.inputs import Input, id_of
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Entry, Nomination, Objection, SelfRating
from sanzhi_star_virtue.rules.selfrating import check_recorded_by_clerk, check_submitter


class StarProxy(Input):
    """代录：谁委托、凭证、是否复述确认 / Recorded by a clerk for a person: who, on what evidence, read back."""

    person_id: id_of("Resident") = Field(  # type: ignore[valid-type]
        description="本人：户主或经授权的成年成员 / The person: head or authorised adult member"
    )
    household_authorisation: bool = Field(
        False, description="纸质表上有户主授权 / The paper carries the head's authorisation"
    )
    paper_no: str | None = Field(
        None, min_length=1, max_length=60, description="纸质表扫描编号 / Number of the scanned paper"
    )
    witness: str | None = Field(None, min_length=2, max_length=50, description="见证人 / Witness")
    read_back: bool = Field(description="已向本人复述确认 / Read back to the person and confirmed")
    reason: str = Field(min_length=2, max_length=200, description="代录原因 / Why a clerk recorded it")


def is_own(work: Work, entry: Entry) -> bool:
    """Whether the caller belongs to the entry's household."""
    return work.ctx.principal.household_id == entry.household_id


async def check_acting(
    work: Work, household_id: UUID, village_id: UUID | None, proxy: StarProxy | None
) -> UUID:
    """The resident who acts for the household, by own account or through a clerk. Raises Forbidden, InvalidInput."""
    if proxy is None:
        person_id = work.ctx.principal.resident_id
        authorised = _signs_for_household(work, village_id)
    else:
        person_id, authorised = proxy.person_id, proxy.household_authorisation and proxy.paper_no is not None
        check_recorded_by_clerk(
            clerk=work.ctx.principal.display_name,
            witness=proxy.witness,
            paper_no=proxy.paper_no,
            read_back=proxy.read_back,
            reason=proxy.reason,
        )
    household = await work.session.get(Household, household_id)
    person = await work.session.get(Resident, person_id) if person_id else None
    if household is None or person is None:
        raise NotFound("Resident")
    check_submitter(
        is_head=household.head_resident_id == person.id,
        is_member=person.household_id == household.id and person.status == "ACTIVE",
        authorised=authorised,
        is_adult=person.adult_on is not None and person.adult_on <= work.today,
    )
    if proxy is not None:
        work.for_person(person.id)
        work.reason(proxy.reason)
    return person.id


def _signs_for_household(work: Work, village_id: UUID | None) -> bool:
    """户代表: a live grant of HOUSEHOLD_HEAD at the village (core.md §3: signs for the household, changeable)."""
    today = local_date(work.now)
    return any(
        g.role_code == "HOUSEHOLD_HEAD"
        and g.unit_id == village_id
        and g.valid_from <= today
        and (g.valid_to is None or today < g.valid_to)
        for g in work.ctx.principal.grants
    )


async def require_authority(work: Work, row: Entry | Nomination, proxy: StarProxy | None) -> None:
    """A member of the household needs no proxy; a clerk needs one and the right to record here."""
    if proxy is not None:
        await work.authorise(row)
    elif work.ctx.principal.household_id != row.household_id:
        raise ValidationFailed.of(
            "proxy",
            "PROXY_REQUIRED",
            "代录须填写本人和凭证",
            "Recording for a household needs the person and the evidence",
        )


async def refuse_used_paper(work: Work, village_id: UUID | None, paper_no: str | None) -> None:
    """A scanned paper is keyed once. Raises DUPLICATE_RECORD."""
    if paper_no is None:
        return
    for model in (SelfRating, Nomination, Objection):
        found = await work.session.scalar(
            sa.select(model.id).where(model.village_id == village_id, model.paper_no == paper_no)
        )
        if found is not None:
            raise DuplicateRecord(
                found,
                detail_zh="该纸质表编号已录入",
                detail_en="A paper of this number has been keyed already",
            )
