"""Frozen rolls: who was entitled at the moment a meeting was called or a question was put."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.org.models import Body, OrgUnit, Roll, RollEntry, Term
from sanzhi_core.people.models import Resident
from sanzhi_core.platform.work import Work


@dataclass(frozen=True)
class Eligible:
    """A person entitled by sitting in one or several bodies."""

    resident_id: UUID
    kinds: tuple[str, ...]


async def eligible(session: AsyncSession, unit_id: UUID, kinds: Iterable[str], on: date) -> list[Eligible]:
    """Active residents who sit in bodies of these kinds at the unit on a day, each once, ordered by id."""
    found = await session.execute(
        sa.select(Term.resident_id, Body.kind)
        .join(Body, Body.id == Term.body_id)
        .join(Resident, Resident.id == Term.resident_id)
        .where(
            Body.unit_id == unit_id,
            Body.kind.in_(list(kinds)),
            Resident.status == "ACTIVE",
            Term.valid_from <= on,
            sa.or_(Term.valid_to.is_(None), Term.valid_to > on),
        )
    )
    sitting: dict[UUID, set[str]] = {}
    for resident_id, kind in found:
        sitting.setdefault(resident_id, set()).add(kind)
    return [Eligible(who, tuple(sorted(sitting[who]))) for who in sorted(sitting)]


def roll_digest(entries: Iterable[Eligible]) -> bytes:
    """SHA-256 over lines `resident id TAB kinds by comma LF`, ordered by id."""
    lines = sorted(f"{e.resident_id}\t{','.join(sorted(e.kinds))}\n" for e in entries)
    return sha256("".join(lines).encode()).digest()


async def freeze_roll(work: Work, unit: OrgUnit, purpose: str, entries: Iterable[Eligible]) -> Roll:
    """Keep who is entitled now; never edited afterwards. ValueError when somebody is named twice."""
    rows = list(entries)
    if len({e.resident_id for e in rows}) != len(rows):
        raise ValueError("a roll names everybody once")
    roll = Roll(purpose=purpose, taken_at=work.now, size=len(rows), sha256=roll_digest(rows), **unit.place())
    work.session.add(roll)
    await work.session.flush()
    work.session.add_all(
        RollEntry(roll_id=roll.id, resident_id=e.resident_id, body_kinds=sorted(e.kinds)) for e in rows
    )
    await work.session.flush()
    return roll
