"""The points ledger 积分: append-only lines, a balance that is always their sum (R-STAR-20, R-STAR-22).

Only the award earns points so far; redeeming, reversing and expiring come with the shop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from sanzhi_core.clock import new_id
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import PointsBalance, PointsEntry
from sanzhi_star_virtue.rules.points import PointsType, check_entry, expires_on

BATCH = 500


@dataclass(frozen=True)
class Earning:
    """Points a household gets for one act. `ref` names the act; `place`: scope columns of the household."""

    household_id: UUID
    points: int
    rule_code: str
    ref: str
    place: dict[str, Any]
    kind: PointsType = PointsType.EARN


async def earn(work: Work, earnings: Iterable[Earning]) -> int:
    """Append the lines that are not there yet and raise the balances; returns the points added.

    The same act (household, rule, ref) counts once, however often this is called and by how many at a time.
    Raises INSUFFICIENT_POINTS or VALIDATION_FAILED for a line that does not fit its type.
    """
    lines = sorted(earnings, key=lambda e: (e.household_id, e.rule_code, e.ref))  # one order of locks
    added = 0
    for start in range(0, len(lines), BATCH):
        added += await _append(work, lines[start : start + BATCH])
    return added


async def _append(work: Work, lines: Sequence[Earning]) -> int:
    balances = await _lock(work, lines)
    rows = []
    for line in lines:
        check_entry(line.kind, line.points, balances[line.household_id])
        rows.append(
            {
                "id": new_id(),
                "household_id": line.household_id,
                "at": work.now,
                "type": str(line.kind),
                "points": line.points,
                "rule_code": line.rule_code,
                "ref": line.ref,
                "approver_id": work.ctx.principal.account_id,
                "expires_on": expires_on(work.today),
                **line.place,
            }
        )
    written = (
        await work.session.execute(
            insert(PointsEntry)
            .values(rows)
            .on_conflict_do_nothing(index_elements=["household_id", "rule_code", "ref"])
            .returning(PointsEntry.id, PointsEntry.household_id, PointsEntry.points)
        )
    ).all()
    if written:
        ids = [row.id for row in written]
        total = sa.cast(sa.func.sum(PointsEntry.points), sa.BigInteger).label("total")
        new = (
            sa.select(PointsEntry.household_id, total)
            .where(PointsEntry.id.in_(ids))
            .group_by(PointsEntry.household_id)
            .subquery()
        )
        await work.session.execute(
            sa.update(PointsBalance)
            .where(PointsBalance.household_id == new.c.household_id)
            .values(points=PointsBalance.points + new.c.total, version=PointsBalance.version + 1)
            .execution_options(synchronize_session=False)
        )
        digest = sha256("\n".join(sorted(f"{i}\t{h}\t{p}" for i, h, p in written)).encode()).digest()
        work.recorder.note_bulk("PointsEntry", len(written), digest)
    return sum(points for _, _, points in written)


async def _lock(work: Work, lines: Sequence[Earning]) -> dict[UUID, int]:
    """Balances by household, made at 0 where there was none, locked until the end of the transaction."""
    places = {line.household_id: line.place for line in lines}
    new = [{"household_id": h, "points": 0, "version": 1, **place} for h, place in sorted(places.items())]
    await work.session.execute(insert(PointsBalance).values(new).on_conflict_do_nothing())
    rows = await work.session.execute(
        sa.select(PointsBalance.household_id, PointsBalance.points)
        .where(PointsBalance.household_id.in_(list(places)))
        .order_by(PointsBalance.household_id)
        .with_for_update()
    )
    return dict(rows.all())
