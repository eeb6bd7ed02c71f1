"""The figures that SQL shows are those the rules reckon."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from sanzhi_star_virtue.models import Cycle, Entry
from sanzhi_star_virtue.rules.thresholds import Figures, thresholds
from sanzhi_star_virtue.schema.figures import basis, count_a, count_n, figure_fields
from sanzhi_star_virtue.service.cycle import participation
from sanzhi_star_virtue.service.figures import counted
from sanzhi_star_virtue.service.parameters import params_of
from sanzhi_star_virtue.service.publicity import open_publicity

CASES = (
    (200, 186, 90, 56), (250, 225, 100, 60), (250, 224, 100, 60), (250, 225, 99, 60), (250, 225, 100, 59),
    (1000, 899, 0, 0), (1000, 900, 400, 240), (3, 2, 1, 1), (7, 3, 3, 0), (365, 333, 160, 95), (8, 7, 7, 7),
    (1, 0, 0, 0), (16, 1, 1, 1), (32, 29, 3, 1),
)  # fmt: skip


async def shown(village: Any, cycle: Cycle) -> dict[str, Any]:
    fields = {}
    for key in ("t1", "t2", "t3"):
        for name, spec in zip(("num", "den", "percent", "status"), figure_fields(key, "", ""), strict=True):
            fields[f"{key}_{name}"] = spec.build(Cycle)
    fields |= {"basis": basis(Cycle), "n": count_n(Cycle), "a": count_a(Cycle)}
    async with village.world.base.db.transaction("*") as session:
        row = await session.execute(
            sa.select(*(v.label(k) for k, v in fields.items())).where(Cycle.id == cycle.id)
        )
        return dict(row.mappings().one())


async def test_sql_and_rules_agree(village: Any) -> None:
    cycle = await village.opened()
    for n, a, r, r6 in CASES:
        async with village.world.base.db.transaction("*") as session:
            await session.execute(
                sa.update(Cycle)
                .where(Cycle.id == cycle.id)
                .values(official_n=n, official_a=a, official_r=r, official_r6=r6)
            )
        row = await shown(village, cycle)
        assert row["basis"] == "OFFICIAL"
        expected = thresholds(Figures(n, a, r, r6))
        for key in ("t1", "t2", "t3"):
            figure = getattr(expected, key)
            found = tuple(row[f"{key}_{name}"] for name in ("num", "den", "percent", "status"))
            assert found == (figure.num, figure.den, figure.percent, str(figure.status)), (n, a, r, r6, key)


async def test_before_publicity_only_participation_is_known(village: Any) -> None:
    cycle = await village.opened()
    await village.rate(cycle, village.homes[0], "S01")
    row = await shown(village, cycle)
    async with village.world.base.db.transaction("*") as session:
        figures = await participation(session, cycle)
    assert (row["basis"], row["n"], row["a"]) == ("RUNNING", figures.n, figures.a) == ("RUNNING", 2, 1)
    assert (row["t1_percent"], row["t1_status"]) == ("50.00", "NOT_REACHED")
    assert row["t2_num"] is row["t2_percent"] is row["t2_status"] is row["t3_status"] is None


async def test_the_cycles_own_targets_count(village: Any) -> None:
    await village.set_setting("star.t1", [1, 2])
    cycle = await village.opened()
    await village.rate(cycle, village.homes[0], "S01")
    assert params_of(cycle).t1.den == 2
    assert (await shown(village, cycle))["t1_status"] == "REACHED"


async def test_a_new_vote_changes_the_provisional_figures(village: Any, course_of: Any) -> None:
    one, two = village.homes
    stars = tuple(f"S{n:02d}" for n in range(1, 7))
    claims = {one.no: stars, two.no: ("S01",)}
    course = await course_of(claims)
    await course.review(claims)
    course.at(2026, 12, 7, 9)
    cycle = await course.step(open_publicity)
    row = await shown(village, cycle)
    assert (row["basis"], row["t2_num"], row["t3_num"], row["t3_den"]) == ("PROVISIONAL", 2, 1, 2)
    async with village.world.base.db.transaction("*") as session:
        await session.execute(
            sa.update(Entry)
            .where(Entry.household_id == one.id)
            .values(final_stars=list(stars[:5]), final_count=5)
        )
        figures = await counted(session, cycle, provisional=True)
    row = await shown(village, cycle)
    assert (figures.r, figures.r6) == (row["t2_num"], row["t3_num"]) == (2, 0)
    assert (cycle.provisional_r, cycle.provisional_r6) == (2, 1)  # as it was when the publicity opened
