"""Who is who at a village: members of households, near relatives, accounts that hold a role."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.identity.models import Account, RoleGrant
from sanzhi_core.kit.meeting import recused
from sanzhi_core.people.models import Household, Kinship, Resident
from sanzhi_core.platform.notices import Recipient
from sanzhi_star_virtue.models import Cycle, Entry

Pair = tuple[UUID, UUID]
_SCOPE = ("unit_id", "org_code_at_time", "org_path", "county_id", "town_id", "village_id", "grid_id")


def place_of(row: Cycle | Entry) -> dict[str, object]:
    """Scope columns of a row, for what belongs to the same place."""
    return {name: getattr(row, name) for name in _SCOPE}


async def residents_of(session: AsyncSession, households: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
    """Members of households, former ones left out."""
    rows = await session.execute(
        sa.select(Resident.household_id, Resident.id).where(
            Resident.household_id.in_(list(households)), Resident.status == "ACTIVE"
        )
    )
    found: dict[UUID, set[UUID]] = {h: set() for h in households}
    for household, resident in rows:
        if household is not None:
            found[household].add(resident)
    return {h: frozenset(members) for h, members in found.items()}


async def relatives_of(session: AsyncSession, persons: Collection[UUID]) -> list[Pair]:
    """Near relations as declared, with one of `persons` on either side."""
    ids = list(persons)
    rows = await session.execute(
        sa.select(Kinship.resident_id, Kinship.relative_id).where(
            sa.or_(Kinship.resident_id.in_(ids), Kinship.relative_id.in_(ids))
        )
    )
    return [(one, other) for one, other in rows]


async def recused_for(
    session: AsyncSession, members: Collection[UUID], households: Collection[UUID]
) -> Mapping[UUID, frozenset[UUID]]:
    """Household → those of `members` that must leave while it is voted on (R-CORE-22): own and near relatives'."""
    concerned = await residents_of(session, households)
    pairs = await relatives_of(session, members)
    return {household: recused(members, persons, pairs) for household, persons in concerned.items()}


async def accounts_holding(
    session: AsyncSession, roles: Collection[str], unit_id: UUID | None, on: date
) -> list[UUID]:
    """Active accounts that hold one of the roles at exactly this unit on a day."""
    if unit_id is None:
        return []
    rows = await session.scalars(
        sa.select(Account.id)
        .join(RoleGrant, RoleGrant.account_id == Account.id)
        .where(
            RoleGrant.unit_id == unit_id,
            RoleGrant.role_code.in_(list(roles)),
            RoleGrant.valid_from <= on,
            sa.or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to > on),
            RoleGrant.revoked_at.is_(None),
            Account.status == "ACTIVE",
        )
        .distinct()
        .order_by(Account.id)
    )
    return list(rows)


async def account_recipients(
    session: AsyncSession, cycle: Cycle, roles: Collection[str], unit_id: UUID | None, on: date
) -> list[Recipient]:
    """Holders of roles at a unit as receivers of a message about the cycle's village."""
    place = place_of(cycle)
    return [Recipient(place, account_id=a) for a in await accounts_holding(session, roles, unit_id, on)]


async def household_recipients(
    session: AsyncSession, cycle: Cycle, *where: sa.ColumnElement[bool]
) -> list[Recipient]:
    """Households of the cycle's entries (further conditions over Entry); without a phone also on the paper list."""
    phone = (
        sa.exists()
        .where(
            Resident.household_id == Entry.household_id,
            Resident.status == "ACTIVE",
            Resident.masked_phone.is_not(None),
            Resident.contact_preference != "PAPER",
        )
        .correlate(Entry)
    )
    rows = await session.execute(
        sa.select(Entry.household_id, phone)
        .join(Household, Household.id == Entry.household_id)
        .where(Entry.cycle_id == cycle.id, Household.status == "ACTIVE", *where)
        .order_by(Entry.household_no, Entry.id)
    )
    place = place_of(cycle)
    return [Recipient(place, household_id=h, paper=not has_phone) for h, has_phone in rows]
