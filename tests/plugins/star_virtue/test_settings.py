from __future__ import annotations

import json
from typing import Any

import pytest

from sanzhi_core.platform.settings import set_setting
from sanzhi_core.testing.world import World
from sanzhi_star_virtue.rules.params import DEFAULTS, StarParams
from sanzhi_star_virtue.settings import SETTINGS

COUNTY = "990428000000"


def test_the_defaults_are_the_rules_own() -> None:
    values = {s.key: s.default for s in SETTINGS if s.key in DEFAULTS.as_settings()}
    assert StarParams.from_settings(values) == DEFAULTS
    assert all(s.source and s.title_zh and s.title_en for s in SETTINGS)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("star.publicityWorkdays", 4),
        ("star.publicityWorkdays", 8),
        ("star.republicityWorkdays", 2),
        ("star.count", 11),
        ("star.bonus.cap", 11),
        ("star.t1", [10, 9]),
        ("star.t1", [9]),
        ("star.t1", 0.9),
        ("star.meetingQuorum", [0, 3]),
        ("star.openYears", [1999]),
        ("star.meetingBodies", []),
        ("star.meetingBodies", ["FAN_CLUB"]),
        ("points.perStar", "10"),
    ],
)
async def test_values_out_of_bounds_are_refused(village: Any, world: World, key: str, value: Any) -> None:
    county = await world.caller(("COUNTY_DEPT", COUNTY))
    await village.refused(
        "VALIDATION_FAILED", county, set_setting,
        unit_id=world.id(COUNTY), key=key, value_json=json.dumps(value), reason="试点调整",
    )  # fmt: skip


async def test_a_county_may_lengthen_the_publicity(village: Any, world: World) -> None:
    county = await world.caller(("COUNTY_DEPT", COUNTY))
    await village.do(
        county, set_setting,
        unit_id=world.id(COUNTY), key="star.publicityWorkdays", value_json="7", reason="试点调整",
    )  # fmt: skip
    assert (await village.opened()).params["star.publicityWorkdays"] == 7
