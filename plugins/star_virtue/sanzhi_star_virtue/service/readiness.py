"""What a village lacks before star_virtue can be switched on: a moral council that can decide, farm households."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from sanzhi_core.org.models import Body, OrgUnit, Term
from sanzhi_core.people.models import Household, Resident
from sanzhi_core.platform.hookspecs import EnableBlocker
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.rules.council import COUNCILS

_COUNCIL = COUNCILS["MORAL_COUNCIL"]


async def blockers(work: Work, unit_id: UUID) -> Sequence[EnableBlocker]:
    """Over the active villages at or below a unit: how many lack what; empty when nothing is missing."""
    unit = await work.session.get(OrgUnit, unit_id)
    if unit is None:
        return ()
    village = sa.orm.aliased(OrgUnit)
    seated = (
        sa.select(sa.func.count(sa.distinct(Term.resident_id)))
        .join(Body, Body.id == Term.body_id)
        .join(Resident, Resident.id == Term.resident_id)
        .where(
            Body.unit_id == village.id,
            Body.kind == _COUNCIL.role,
            Body.valid_to.is_(None),
            Term.valid_from <= work.today,
            sa.or_(Term.valid_to.is_(None), Term.valid_to > work.today),
            Resident.status == "ACTIVE",
        )
        .scalar_subquery()
    )
    farms = sa.exists().where(
        Household.village_id == village.id, Household.type == "FARM", Household.status == "ACTIVE"
    )
    row = (
        await work.session.execute(
            sa.select(
                sa.func.count(),
                sa.func.count().filter(seated == 0),
                sa.func.count().filter(sa.and_(seated > 0, seated < (_COUNCIL.seats_min or 1))),
                sa.func.count().filter(~farms),
            ).where(
                village.level == "VILLAGE",
                village.status == "ACTIVE",
                village.org_path.startswith(unit.org_path),
            )
        )
    ).one()
    return [b for b in _said(unit.level, *(int(n) for n in row)) if b is not None]


def _said(level: str, villages: int, none: int, small: int, empty: int) -> Sequence[EnableBlocker | None]:
    def over(count: int) -> tuple[str, str]:
        return (
            ("", "")
            if level == "VILLAGE"
            else (f"（{villages}个村中的{count}个）", f" ({count} of {villages} villages)")
        )

    def blocker(code: str, count: int, zh: str, en: str) -> EnableBlocker | None:
        tail = over(count)
        return EnableBlocker(code, zh + tail[0], en + tail[1]) if count else None

    if not villages:
        return (EnableBlocker("NO_VILLAGE", "该单位下没有村", "There is no village at this unit"),)
    return (
        blocker("NO_MORAL_COUNCIL", none, "还没有道德评议会成员：先建立并推选", "No moral council: form it and seat its members first"),
        blocker(
            "MORAL_COUNCIL_TOO_SMALL", small, f"道德评议会不足{_COUNCIL.seats_min}人",
            f"The moral council has fewer than {_COUNCIL.seats_min} members",
        ),
        blocker("NO_FARM_HOUSEHOLDS", empty, "还没有在册农户：先导入农户", "No active farm household: import people first"),
    )  # fmt: skip
