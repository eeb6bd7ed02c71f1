"""Writes a planned import in batches: households, residents, secrets, honours."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa

from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import new_id
from sanzhi_core.db.base import Base
from sanzhi_core.org.models import OrgUnit, VillagersGroup
from sanzhi_core.people.import_plan import HouseholdPlan, Plan
from sanzhi_core.people.masking import mask_name
from sanzhi_core.people.membership import HEAD, place_of
from sanzhi_core.people.models import Household, HouseholdHonour, PersonSecret, Resident
from sanzhi_core.platform.work import Work

_Rows = list[dict[str, Any]]


async def write_plan(work: Work, village: OrgUnit, plan: Plan, digest: Any) -> None:
    """Insert everything of `plan`; `digest` (a hashlib object) is fed with what was written."""
    session = work.session
    missing = {h.group for h in plan.created if h.group is not None and h.group not in plan.groups}
    for name in sorted(missing):
        group = VillagersGroup(id=new_id(), name=name, valid_from=work.today, **village.place())
        session.add(group)
        plan.groups[name] = group.id
    await session.flush()
    rows = await asyncio.to_thread(_rows, plan, village.place(), work.ctx.keys, work)
    households, residents, secrets, honours = rows
    await _insert(work, Household, households)
    await _insert(work, Resident, residents)
    heads = [r for r in residents if r["relation_to_head"] == HEAD]
    table = _table(Household)
    if heads:
        await session.execute(
            sa.update(table)
            .where(table.c.id == sa.bindparam("h"))
            .values(head_resident_id=sa.bindparam("r")),
            [{"h": r["household_id"], "r": r["id"]} for r in heads],
        )
    grown = [(h.existing, len(h.new)) for h in plan.households if h.existing is not None and h.new]
    if grown:
        await session.execute(
            sa.update(table)
            .where(table.c.id == sa.bindparam("h"))
            .values(member_count=table.c.member_count + sa.bindparam("n"), version=table.c.version + 1),
            [{"h": existing.id, "n": n} for existing, n in grown],
        )
    await _insert(work, PersonSecret, secrets)
    await _insert(work, HouseholdHonour, honours)
    for h in households:
        digest.update(f"{h['id']}|{h['household_no']}\n".encode())
    for r in residents:
        digest.update(f"{r['id']}|{r['household_id']}|{(r['id_number_hash'] or b'').hex()}\n".encode())
    for x in honours:
        digest.update(f"{x['id']}|{x['household_id']}|{x['honour']}\n".encode())
    for entity, values in (("Household", households), ("Resident", residents), ("HouseholdHonour", honours)):
        work.recorder.note_bulk(entity, len(values), digest.digest())
    if residents:
        await work.emit(
            "core.people.imported",
            village,
            f"OrgUnit_{village.id}",
            {"village_id": str(village.id), "residents": len(residents)},
        )


def _table(model: Any) -> sa.Table:
    return cast(sa.Table, model.__table__)


async def _insert(work: Work, model: type[Base], rows: _Rows) -> None:
    if rows:
        await work.session.execute(sa.insert(_table(model)), rows)


def _rows(plan: Plan, place: dict[str, Any], keys: Keys, work: Work) -> tuple[_Rows, _Rows, _Rows, _Rows]:
    """Rows to insert: households, residents, secrets, honours. Encrypts; for a thread."""
    households: _Rows = []
    residents: _Rows = []
    secrets: _Rows = []
    honours: _Rows = []
    for h in plan.households:
        here = place if h.existing is None else place_of(h.existing)
        household_id = h.existing.id if h.existing is not None else new_id()
        for row in h.new:
            resident_id = new_id()
            shown = row.person.shown(keys)
            residents.append(
                {
                    "id": resident_id,
                    "household_id": household_id,
                    "relation_to_head": row.relation,
                    "status": "ACTIVE",
                    "contact_preference": "PHONE",
                    "needs_assistance": False,
                    "version": 1,
                    **shown,
                    **here,
                }
            )
            secrets.append({"resident_id": resident_id, **row.person.hidden(keys, resident_id), **here})
        if h.existing is None:
            households.append(_household(h, household_id, plan, here, work))
        honours += [
            {
                "id": new_id(),
                "household_id": household_id,
                "honour": honour.honour,
                "certificate_no": honour.certificate_no,
                "issuer": honour.issuer,
                "valid_from": work.today,
                "valid_to": honour.valid_to,
                "version": 1,
                **here,
            }
            for honour in h.honours
        ]
    return households, residents, secrets, honours


def _household(
    h: HouseholdPlan, household_id: UUID, plan: Plan, place: dict[str, Any], work: Work
) -> dict[str, Any]:
    head = next(r for r in h.new if r.relation == HEAD)
    return {
        "id": household_id,
        "household_no": h.no,
        "type": h.type,
        "group_id": plan.groups[h.group] if h.group is not None else None,
        "head_resident_id": None,
        "head_masked_name": mask_name(head.person.name),
        "member_count": len(h.new),
        "residence_state": h.residence_state,
        "status": "ACTIVE",
        "registered_on": work.today,
        "ended_on": None,
        "version": 1,
        **place,
    }
