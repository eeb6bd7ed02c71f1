from collections.abc import Sequence
from dataclasses import replace

import pytest

from sanzhi_core.kit.refusals import InvalidInput
from sanzhi_star_virtue.rules.stars import (
    CODES,
    SEED_STARS,
    CheckItem,
    Evidence,
    Ground,
    StarDefinition,
    check_definition,
    check_stars,
    check_version,
)


def test_the_seed_is_ten_fit_stars() -> None:
    assert [star.code for star in SEED_STARS] == list(CODES)
    assert [star.name for star in SEED_STARS] == [
        "爱党爱国星", "勤劳致富星", "诚实守信星", "团结友善星", "孝老爱亲星",
        "文明风尚星", "遵规守法星", "绿色环保星", "卫生健康星", "科教文体星",
    ]  # fmt: skip
    check_version(SEED_STARS)


@pytest.mark.parametrize(
    ("stars", "reason"),
    [
        (SEED_STARS[:9], "WRONG_COUNT"),
        ((*SEED_STARS, replace(SEED_STARS[0], code="S11")), "WRONG_COUNT"),
        ((*SEED_STARS[:9], SEED_STARS[0]), "DUPLICATE_CODE"),
        ((*SEED_STARS[:9], replace(SEED_STARS[9], code="S11")), "UNKNOWN_STAR"),
        ((*SEED_STARS[:9], replace(SEED_STARS[9], check_items=())), "NO_OBSERVABLE_ACT"),
        ((*SEED_STARS[:9], replace(SEED_STARS[9], name=" ")), "EMPTY"),
    ],
)
def test_a_version_has_exactly_ten_fit_stars(stars: Sequence[StarDefinition], reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_version(stars)
    assert caught.value.reason == reason
    assert caught.value.code == "VALIDATION_FAILED"


@pytest.mark.parametrize(
    ("code", "item", "reason"),
    [
        ("S02", CheckItem("家中有党员带头致富", Evidence.WITNESS), "FORBIDDEN_GROUND"),
        ("S07", CheckItem("没有信访记录", Evidence.REGISTER), "FORBIDDEN_GROUND"),
        ("S09", CheckItem("出示体检报告", Evidence.CERTIFICATE), "FORBIDDEN_GROUND"),
        ("S10", CheckItem("出示成绩单", Evidence.CERTIFICATE), "FORBIDDEN_GROUND"),
        ("S01", CheckItem("收看新闻节目", Evidence.WITNESS), "S01_GROUND"),
        ("S04", CheckItem("好", Evidence.WITNESS), "LENGTH"),
        ("S04", CheckItem("好" * 201, Evidence.WITNESS), "LENGTH"),
    ],
)
def test_unfit_check_items(code: str, item: CheckItem, reason: str) -> None:
    star = next(star for star in SEED_STARS if star.code == code)
    with pytest.raises(InvalidInput) as caught:
        check_definition(replace(star, check_items=(*star.check_items, item)))
    assert caught.value.reason == reason


def test_a_county_may_edit_check_items() -> None:
    item = CheckItem("参加义务植树", Evidence.SIGN_IN, Ground.COLLECTIVE_WORK)
    check_definition(replace(SEED_STARS[0], check_items=(item,)))


@pytest.mark.parametrize("length", [2, 200])
def test_bounds_of_an_act(length: int) -> None:
    check_definition(replace(SEED_STARS[3], check_items=(CheckItem("助" * length, Evidence.WITNESS),)))


def test_claims_are_sets_of_active_stars() -> None:
    assert check_stars([], CODES) == frozenset()
    assert check_stars(CODES, CODES) == frozenset(CODES)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ([*CODES, "S11"], "TOO_MANY_STARS"),
        (["S11"], "UNKNOWN_STAR"),
        (["s01"], "UNKNOWN_STAR"),
        ([""], "UNKNOWN_STAR"),
        (["S01", "S01"], "DUPLICATE_STAR"),
    ],
)
def test_bad_claims(claims: list[str], reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_stars(claims, CODES)
    assert caught.value.reason == reason
