"""What an import would write: the rows of a file beside what the village has on record already.

An import adds; it never changes or removes what is there. Corrections go through their own operations.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.audit.keys import Keys
from sanzhi_core.org.models import VillagersGroup
from sanzhi_core.people.idnumber import adult_on
from sanzhi_core.people.import_sheet import Honour, RowProblem, Sheet, SheetRow, title
from sanzhi_core.people.membership import HEAD, adult
from sanzhi_core.people.models import Household, HouseholdHonour, PersonSecret, Resident
from sanzhi_core.people.person import unseal


@dataclass
class HouseholdPlan:
    """A household to make (`existing` None) or to add to."""

    no: str
    existing: Household | None
    rows: list[SheetRow]
    type: str = "FARM"
    group: str | None = None
    residence_state: str = "RESIDING"
    new: list[SheetRow] = field(default_factory=list)
    honours: list[Honour] = field(default_factory=list)


@dataclass
class Plan:
    """Everything to write, and every problem of the file in the order of its lines."""

    households: list[HouseholdPlan] = field(default_factory=list)
    unchanged: int = 0
    problems: list[RowProblem] = field(default_factory=list)
    groups: dict[str, UUID] = field(default_factory=dict)

    @property
    def created(self) -> list[HouseholdPlan]:
        """Households that are not there yet."""
        return [h for h in self.households if h.existing is None]

    @property
    def people(self) -> int:
        """Persons that are not there yet."""
        return sum(len(h.new) for h in self.households)


@dataclass(frozen=True)
class _Known:
    id: UUID
    household_id: UUID | None
    status: str
    village_id: UUID | None
    household_no: str | None


@dataclass
class _Records:
    """What is on record for the numbers, households and persons that a file names."""

    households: dict[str, Household]
    people: dict[UUID, list[Resident]]
    by_hash: dict[bytes, _Known]
    names: dict[UUID, str]
    provisional: set[tuple[UUID, str, str]]
    honours: set[tuple[UUID, str, str]]


async def make_plan(
    session: AsyncSession, keys: Keys, village_id: UUID, sheet: Sheet, today: date, own: UUID | None
) -> Plan:
    """Compare a read file with the village. Locks the households named in it. `own`: the caller's household."""
    by_no: dict[str, list[SheetRow]] = {}
    for row in sheet.rows:
        by_no.setdefault(row.household_no, []).append(row)
    records = await _load(session, keys, village_id, by_no, sheet.rows)
    plan = Plan(problems=list(sheet.problems))
    groups = await session.execute(
        sa.select(VillagersGroup.name, VillagersGroup.id).where(
            VillagersGroup.village_id == village_id, VillagersGroup.valid_to.is_(None)
        )
    )
    plan.groups = {name: ident for name, ident in groups}  # noqa: C416
    seen: dict[object, int] = {}
    for no, rows in by_no.items():
        _household(
            plan, HouseholdPlan(no, records.households.get(no), rows), records, seen, village_id, today, own
        )
    plan.problems.sort(key=lambda p: p.line)
    return plan


def _any(values: Iterable[Any], type_: sa.types.TypeEngine[Any]) -> Any:
    return sa.any_(sa.cast(list(values), pg.ARRAY(type_)))


async def _load(
    session: AsyncSession,
    keys: Keys,
    village_id: UUID,
    by_no: dict[str, list[SheetRow]],
    rows: Sequence[SheetRow],
) -> _Records:
    households = {
        h.household_no: h
        for h in await session.scalars(
            sa.select(Household)
            .where(Household.village_id == village_id, Household.household_no == _any(by_no, sa.Text()))
            .order_by(Household.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    }
    ids = [h.id for h in households.values()]
    people: dict[UUID, list[Resident]] = {}
    for resident in await session.scalars(
        sa.select(Resident).where(Resident.household_id == _any(ids, sa.Uuid()), Resident.status == "ACTIVE")
    ):
        people.setdefault(resident.household_id or resident.id, []).append(resident)
    numbered = await session.execute(
        sa.select(
            Resident.id_number_hash,
            Resident.id,
            Resident.household_id,
            Resident.status,
            Resident.village_id,
            Household.household_no,
        )
        .join(Household, Household.id == Resident.household_id, isouter=True)
        .where(Resident.id_number_hash == _any({r.id_hash for r in rows if r.id_hash}, sa.LargeBinary()))
    )
    by_hash = {digest: _Known(*known) for digest, *known in numbered if digest is not None}  # type: ignore[arg-type]
    living = {p.id: p for group in people.values() for p in group}
    secrets = await session.scalars(
        sa.select(PersonSecret).where(PersonSecret.resident_id == _any(living, sa.Uuid()))
    )
    names, provisional = await asyncio.to_thread(_open, keys, living, list(secrets))
    held = await session.execute(
        sa.select(HouseholdHonour.household_id, HouseholdHonour.honour, HouseholdHonour.certificate_no).where(
            HouseholdHonour.household_id == _any(ids, sa.Uuid())
        )
    )
    honours = {(h, kind, number) for h, kind, number in held}
    return _Records(households, people, by_hash, names, provisional, honours)


def _open(
    keys: Keys, living: dict[UUID, Resident], secrets: list[PersonSecret]
) -> tuple[dict[UUID, str], set[tuple[UUID, str, str]]]:
    """Plain names by resident, and (household, name, birth date) of those without a number. For a thread."""
    names: dict[UUID, str] = {}
    provisional: set[tuple[UUID, str, str]] = set()
    for secret in secrets:
        resident = living[secret.resident_id]
        name = names[resident.id] = unseal(keys, "name_enc", resident.id, secret.name_enc)
        if resident.provisional and resident.household_id is not None:
            cipher = secret.birth_date_enc
            born = unseal(keys, "birth_date_enc", resident.id, cipher) if cipher else ""
            provisional.add((resident.household_id, name, born))
    return names, provisional


def _household(
    plan: Plan,
    household: HouseholdPlan,
    records: _Records,
    seen: dict[object, int],
    village_id: UUID,
    today: date,
    own: UUID | None,
) -> None:
    """Plan one household, or refuse all its rows when it cannot stand without the bad ones."""
    existing = household.existing
    good = [r for r in household.rows if _agrees(plan, household, r)]
    unchanged: list[SheetRow] = []
    for row in good:
        key = row.id_hash or (household.no, row.person.name, row.person.birth_date)
        if key in seen:
            _bad(plan, row, "name" if row.id_hash is None else "id_number", "TWICE",
                 f"与第{seen[key]}行是同一人", f"The same person as in row {seen[key]}")  # fmt: skip
            continue
        seen[key] = row.line
        known = records.by_hash.get(row.id_hash) if row.id_hash else None
        if known is not None:
            if _same(plan, row, known, existing, records.names, village_id):
                unchanged.append(row)
        elif (
            existing is not None
            and (existing.id, row.person.name, str(row.person.birth_date)) in records.provisional
        ):
            unchanged.append(row)
        else:
            household.new.append(row)
    cause = _cannot_stand(household, records, unchanged, today, own)
    if cause is not None:
        row, column, reason, zh, en = cause
        _bad(plan, row, column, reason, zh, en)
        for other in (*household.new, *unchanged):
            if other is not row:
                _bad(plan, other, "household_no", "HOUSEHOLD_REFUSED",
                     f"该户有错误（见第{row.line}行）", f"This household is refused, see row {row.line}")  # fmt: skip
        return
    plan.unchanged += len(unchanged)
    for row in (*household.new, *unchanged):
        for honour in row.honours:
            known_here = (
                existing is not None
                and (existing.id, honour.honour, honour.certificate_no) in records.honours
            )
            if not known_here and honour not in household.honours:
                household.honours.append(honour)
    if household.new or household.honours:
        plan.households.append(household)


def _bad(plan: Plan, row: SheetRow, column: str, reason: str, zh: str, en: str) -> None:
    plan.problems.append(RowProblem(row.line, title(column), reason, zh, en))


def _agrees(plan: Plan, household: HouseholdPlan, row: SheetRow) -> bool:
    """What the rows of one household say of it must be the same; an empty cell says nothing."""
    for key in ("type", "group", "residence_state"):
        said = {getattr(r, key) for r in household.rows if getattr(r, key) is not None and r.line <= row.line}
        if len(said) > 1 and getattr(row, key) is not None and getattr(row, key) != getattr(household, key):
            _bad(
                plan,
                row,
                key,
                "HOUSEHOLD_DIFFERS",
                "与同户前面的行不一致",
                "Differs from earlier rows of the household",
            )
            return False
        if len(said) == 1:
            setattr(household, key, said.pop())
    return True


def _same(
    plan: Plan,
    row: SheetRow,
    known: _Known,
    existing: Household | None,
    names: dict[UUID, str],
    village_id: UUID,
) -> bool:
    if existing is None or known.household_id != existing.id or known.status != "ACTIVE":
        here = known.village_id == village_id and known.household_no is not None
        _bad(
            plan,
            row,
            "id_number",
            "DUPLICATE_RECORD",
            f"该证件号码已登记在本村第{known.household_no}户" if here else "该证件号码已登记",
            f"On record in household {known.household_no} of this village"
            if here
            else "This number is on record",
        )
        return False
    if names.get(known.id) != row.person.name:
        _bad(
            plan,
            row,
            "name",
            "NAME_DIFFERS",
            "该证件号码登记的姓名不同",
            "This number is on record under another name",
        )
        return False
    return True


_Cause = tuple[SheetRow, str, str, str, str]


def _cannot_stand(
    household: HouseholdPlan, records: _Records, unchanged: list[SheetRow], today: date, own: UUID | None
) -> _Cause | None:
    """Why nothing of a household can be imported; None when it can."""
    rows = sorted((*household.new, *unchanged), key=lambda r: r.line)
    if not rows:
        return None
    first, heads = rows[0], [r for r in rows if r.relation == HEAD]
    if len(heads) > 1:
        return heads[1], "relation", "HEAD_TWICE", "一户只能有一个户主", "A household has one head"
    existing = household.existing
    if existing is None:
        if not heads:
            return first, "relation", "HEAD_MISSING", "该户没有户主", "This household has no head"
        head_adult = _adult(heads[0], today)
        adults = [_adult(r, today) for r in rows]
    else:
        if existing.status != "ACTIVE":
            return first, "household_no", "HOUSEHOLD_ENDED", "该户已销户", "This household ended"
        if household.new and existing.id == own:
            return (household.new[0], "household_no", "CONFLICT_OF_INTEREST", "不能办理自己户的登记",
                    "Nobody keeps the register of their own household")  # fmt: skip
        people = records.people.get(existing.id, [])
        head = next((p for p in people if p.id == existing.head_resident_id), None)
        for row in heads:
            if row in household.new or head is None or row.id_hash != head.id_number_hash:
                return (
                    row,
                    "relation",
                    "HEAD_DIFFERS",
                    "该户登记的户主是另一人",
                    "Another person is on record as head",
                )
        head_adult = head is not None and adult(head.adult_on, today)
        adults = [adult(p.adult_on, today) for p in people] + [_adult(r, today) for r in household.new]
    if not head_adult and any(adults):
        return (heads[0] if heads else first, "relation", "HEAD_NOT_ADULT",
                "家中有成年人，户主应为成年人", "An adult lives here: the head must be an adult")  # fmt: skip
    return None


def _adult(row: SheetRow, today: date) -> bool:
    born = row.person.birth_date
    return born is not None and adult(adult_on(born), today)
