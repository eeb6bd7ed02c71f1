from __future__ import annotations

from datetime import date
from typing import Any

from sanzhi_core.platform.context import Context
from sanzhi_core.platform.piloting import set_plugin
from sanzhi_core.platform.work import Work
from sanzhi_core.testing.world import World
from sanzhi_star_virtue.service.readiness import blockers


async def found(system: Context, world: World, code: str) -> dict[str, str]:
    async with system.db.transaction("*") as session:
        work = Work(system, session, plugin="star_virtue", permission=None)
        return {b.code: b.message_en for b in await blockers(work, world.id(code))}


async def test_a_village_needs_a_moral_council_and_households(
    village: Any, system: Context, world: World
) -> None:
    assert set(await found(system, world, "990428101202")) == {"NO_MORAL_COUNCIL", "NO_FARM_HOUSEHOLDS"}
    assert set(await found(system, world, "990428101201")) == {"MORAL_COUNCIL_TOO_SMALL"}  # three of five
    assert (await found(system, world, "990428000000"))["NO_MORAL_COUNCIL"].endswith("(3 of 4 villages)")


async def test_the_county_cannot_switch_it_on_without(village: Any, world: World) -> None:
    county = await world.caller(("COUNTY_DEPT", "990428000000"))
    given = {
        "plugin": "star_virtue", "unit_id": world.id("990428101202"), "state": "PILOT", "reason": "试点",
        "doc_no": "县〔2026〕1号", "valid_from": date(2026, 11, 23),
    }  # fmt: skip
    error = await village.refused("VALIDATION_FAILED", county, set_plugin, **given)
    assert error.fields[0].reason == "NO_MORAL_COUNCIL"
