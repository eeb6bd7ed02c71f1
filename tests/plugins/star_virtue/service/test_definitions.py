from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from sanzhi_core.testing.world import World
from sanzhi_star_virtue.models import Definition, DefinitionSet
from sanzhi_star_virtue.rules.stars import SEED_STARS
from sanzhi_star_virtue.service.definitions import SHIPPED_SET_ID, publish_definitions, seed_rows, stars_of

COUNTY = "990428000000"


def stars(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    """The shipped stars as input, with changes by code."""
    return [
        {
            "code": s.code, "name": s.name, "content": s.content, "meaning_en": s.meaning_en,
            "check_items": [{"act": i.act, "evidence": i.evidence, "ground": i.ground} for i in s.check_items],
            **changes.get(s.code, {}),
        }
        for s in SEED_STARS
    ]  # fmt: skip


def given(world: World, **change: Any) -> dict[str, Any]:
    return {
        "county_id": world.id(COUNTY), "definition_version": "2026.1", "valid_from": date(2026, 11, 23),
        "doc_no": "县文明办〔2026〕5号", "stars": stars(), **change,
    }  # fmt: skip


@pytest.fixture
async def county(village: Any, world: World) -> Any:
    await world.enable("star_virtue", COUNTY)
    return await world.caller(("COUNTY_DEPT", COUNTY))


async def test_ten_stars_are_shipped(village: Any) -> None:
    sets, rows = seed_rows()
    assert (len(sets), len(rows)) == (1, 10)
    async with village.world.base.db.transaction("*") as session:
        assert list(await stars_of(session, SHIPPED_SET_ID)) == [f"S{n:02d}" for n in range(1, 11)]
        first = await session.scalar(sa.select(Definition).where(Definition.code == "S01"))
        assert first is not None
        assert first.name == "爱党爱国星"
        assert {i["ground"] for i in first.check_items} == {"COLLECTIVE_WORK", "COLLECTIVE_PROPERTY"}


async def test_later_cycles_take_the_countys_version_and_running_ones_keep_theirs(
    village: Any, county: Any, world: World
) -> None:
    running = await village.opened()
    edited = stars(S08={"check_items": [{"act": "家中安装节能灯具", "evidence": "SITE_CHECK"}]})
    await village.do(county, publish_definitions, **given(world, stars=edited))
    assert (await village.cycle(running.id)).definition_version == "2022.1"
    await village.set_setting("star.openYears", [2027], "990428101000")
    later = await village.draft(2027)
    assert later.definition_version == "2026.1"
    async with village.world.base.db.transaction("*") as session:
        version = await session.get(DefinitionSet, later.definition_set_id)
        assert version is not None
        assert version.county_id == world.id(COUNTY)
        assert (await stars_of(session, version.id))["S08"].check_items[0]["act"] == "家中安装节能灯具"


async def test_a_version_for_later_is_not_taken_now(village: Any, county: Any, world: World) -> None:
    await village.do(county, publish_definitions, **given(world, valid_from=date(2027, 1, 1)))
    assert (await village.opened()).definition_version == "2022.1"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"stars": stars()[:9]}, "WRONG_COUNT"),
        ({"stars": [*stars()[:9], stars()[0]]}, "DUPLICATE_CODE"),
        (
            {"stars": stars(S03={"check_items": [{"act": "从不信访", "evidence": "REGISTER"}]})},
            "FORBIDDEN_GROUND",
        ),
        (
            {"stars": stars(S09={"check_items": [{"act": "提供体检报告", "evidence": "REGISTER"}]})},
            "FORBIDDEN_GROUND",
        ),
        (
            {"stars": stars(S01={"check_items": [{"act": "参加志愿活动", "evidence": "SIGN_IN"}]})},
            "S01_GROUND",
        ),
        ({"valid_from": date(2026, 11, 22)}, "IN_THE_PAST"),
    ],
)
async def test_an_unfit_version_is_refused(
    village: Any, county: Any, world: World, change: dict[str, Any], reason: str
) -> None:
    error = await village.refused("VALIDATION_FAILED", county, publish_definitions, **given(world, **change))
    assert error.fields[0].reason == reason


async def test_a_version_is_published_once_and_by_the_county(village: Any, county: Any, world: World) -> None:
    await village.refused(
        "DUPLICATE_RECORD", county, publish_definitions, **given(world, definition_version="2022.1")
    )
    await village.do(county, publish_definitions, **given(world))
    await village.refused("DUPLICATE_RECORD", county, publish_definitions, **given(world))
    await village.refused(
        "FORBIDDEN", village.town, publish_definitions, **given(world, definition_version="2026.2")
    )
