"""Near relations, declared by the persons themselves and never inferred; used for recusal (domain/core.md §3, §14)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.errors import DuplicateRecord, NotFound, ValidationFailed
from sanzhi_core.people.membership import place_of
from sanzhi_core.people.models import Kinship, Resident
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import CommandInput, id_of
from sanzhi_core.platform.work import Work

DECLARE = "core.kinship.declare"


class DeclareKinship(CommandInput):
    """申报近亲属 / Declare a near relation"""

    resident_id: id_of("Resident") = Field(description="申报人 / Who declares it")  # type: ignore[valid-type]
    relative_id: id_of("Resident") = Field(description="近亲属 / The relative")  # type: ignore[valid-type]
    relation: Literal["SPOUSE", "PARENT", "CHILD", "SIBLING", "GRANDPARENT", "GRANDCHILD"] = Field(
        description="近亲属是申报人的什么人 / What the relative is to the one who declares"
    )


@operation("core.kinship.declare", permission=DECLARE, returns="Kinship")
async def declare_kinship(work: Work, input: DeclareKinship) -> Kinship:
    """Declared by oneself, or recorded by a clerk for the person. One row for a pair, whoever declares it."""
    resident = await _resident(work, input.resident_id)
    relative = await work.session.get(Resident, input.relative_id)
    if relative is None or relative.county_id != resident.county_id:
        raise NotFound("Resident")
    if relative.id == resident.id:
        raise ValidationFailed.of("relativeId", "SELF", "不能申报自己", "Nobody is their own relative")
    if await _pair(work.session, resident.id, relative.id) is not None:
        raise DuplicateRecord(
            detail_zh="该关系已申报", detail_en="This relation is declared", path="relativeId"
        )
    kinship = Kinship(
        resident_id=resident.id,
        relative_id=relative.id,
        relation=input.relation,
        declared_on=work.today,
        **place_of(resident),
    )
    work.session.add(kinship)
    await work.session.flush()
    return kinship


class WithdrawKinship(CommandInput):
    """撤回近亲属申报 / Withdraw a declared relation"""

    kinship_id: id_of("Kinship") = Field(description="申报 / The declaration")  # type: ignore[valid-type]
    reason: str = Field(min_length=2, max_length=200, description="理由 / Reason")


@operation("core.kinship.withdraw", permission=DECLARE, returns=None)
async def withdraw_kinship(work: Work, input: WithdrawKinship) -> None:
    """By who declared it or a clerk; the audit entry keeps which one and why."""
    kinship = await work.session.get(Kinship, input.kinship_id, with_for_update=True)
    if kinship is None:
        raise NotFound("Kinship")
    await _resident(work, kinship.resident_id)
    work.reason(f"Kinship_{kinship.id}: {input.reason}")
    await work.session.delete(kinship)


async def _resident(work: Work, resident_id: UUID) -> Resident:
    mine = resident_id == work.ctx.principal.resident_id
    resident = await work.load(Resident, resident_id, self_="household_id" if mine else None)
    if not mine:
        work.for_person(resident.id)
    return resident


async def _pair(session: AsyncSession, one: UUID, other: UUID) -> UUID | None:
    return await session.scalar(
        sa.select(Kinship.id).where(
            sa.or_(
                sa.and_(Kinship.resident_id == one, Kinship.relative_id == other),
                sa.and_(Kinship.resident_id == other, Kinship.relative_id == one),
            )
        )
    )


async def relatives(session: AsyncSession, resident_ids: Iterable[UUID]) -> set[tuple[UUID, UUID]]:
    """Declared pairs in which one of `resident_ids` takes part, in both orders."""
    ids = list(set(resident_ids))
    if not ids:
        return set()
    rows = await session.execute(
        sa.select(Kinship.resident_id, Kinship.relative_id).where(
            sa.or_(Kinship.resident_id.in_(ids), Kinship.relative_id.in_(ids))
        )
    )
    return {pair for a, b in rows for pair in ((a, b), (b, a))}


async def household_members(session: AsyncSession, household_id: UUID) -> list[UUID]:
    """Ids of the active residents of a household."""
    found = await session.scalars(
        sa.select(Resident.id)
        .where(Resident.household_id == household_id, Resident.status == "ACTIVE")
        .order_by(Resident.id)
    )
    return list(found)
