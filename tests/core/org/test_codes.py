import csv
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanzhi_core.kit.refusals import Refusal
from sanzhi_core.org.codes import (
    WIDTH,
    BadCode,
    Kind,
    Level,
    UnitCode,
    check_kind,
    check_parent,
    cities_listed_without_counties,
    level_above,
    level_below,
    level_of,
    name_warning,
    pad,
    parse,
    parse_credit_code,
)


@pytest.mark.parametrize(
    ("text", "code", "level", "kind", "parent"),
    [
        ("99", "990000000000", Level.PROVINCE, Kind.PROVINCE, None),
        ("9904", "990400000000", Level.CITY, Kind.CITY, "990000000000"),
        ("990428", "990428000000", Level.COUNTY, Kind.COUNTY, "990400000000"),
        ("990428101", "990428101000", Level.TOWN, Kind.TOWN, "990428000000"),
        ("990428101201", "990428101201", Level.VILLAGE, Kind.VILLAGE, "990428101000"),
        ("990400000000", "990400000000", Level.CITY, Kind.CITY, "990000000000"),
        ("990428000000", "990428000000", Level.COUNTY, Kind.COUNTY, "990400000000"),
        ("990428101000", "990428101000", Level.TOWN, Kind.TOWN, "990428000000"),
        ("990428101201001", "990428101201001", Level.GRID, Kind.GRID_GENERAL, "990428101201"),
        ("990428101201999", "990428101201999", Level.GRID, Kind.GRID_GENERAL, "990428101201"),
        ("4419", "441900000000", Level.CITY, Kind.CITY, "440000000000"),
        ("441900", "441900000000", Level.COUNTY, Kind.CITY_ITSELF, "441900000000"),
        ("441900003", "441900003000", Level.TOWN, Kind.STREET, "441900000000"),
        ("460400100001", "460400100001", Level.VILLAGE, Kind.COMMUNITY, "460400100000"),
    ],
)
def test_good_codes(text: str, code: str, level: Level, kind: Kind, parent: str | None) -> None:
    found = parse(text)
    assert (found.code, found.level, found.kind, found.parent) == (code, level, kind, parent)
    assert found.code.startswith(found.prefix)
    assert len(found.prefix) == WIDTH[level]
    assert parse(text, level) == found


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "LENGTH"),
        ("99042810120", "LENGTH"),  # 11
        ("9904281012011", "LENGTH"),  # 13
        ("9", "LENGTH"),
        ("990", "LENGTH"),
        ("99042", "LENGTH"),
        ("9904281", "LENGTH"),
        ("99042810", "LENGTH"),
        ("9904281012", "LENGTH"),
        ("99042810120101", "LENGTH"),
        ("9904281012010011", "LENGTH"),
        ("990428101201001111", "LENGTH"),
        ("99042810120A", "NOT_DIGITS"),
        ("９９０４２８", "NOT_DIGITS"),
        ("99042８", "NOT_DIGITS"),
        ("99042²", "NOT_DIGITS"),
        ("-99042", "NOT_DIGITS"),
        ("990428 ", "NOT_DIGITS"),
        ("990428\n", "NOT_DIGITS"),
        ("990400101000", "COUNTY_ZERO"),
        ("990400101", "COUNTY_ZERO"),
        ("990400101201", "COUNTY_ZERO"),
        ("990400", "COUNTY_ZERO"),
        ("990428000201", "GAP"),
        ("990428000201001", "GAP"),
        ("990428101000001", "GAP"),
        ("990028", "GAP"),
        ("9900", "CITY_RANGE"),
        ("9971", "CITY_RANGE"),
        ("9989", "CITY_RANGE"),
        ("9991", "CITY_RANGE"),
        ("00", "PROVINCE_RANGE"),
        ("09", "PROVINCE_RANGE"),
        ("10", "PROVINCE_RANGE"),
        ("000000000000", "PROVINCE_RANGE"),
        ("990428000", "TOWN_RANGE"),
        ("990428600", "TOWN_RANGE"),
        ("990428999201", "TOWN_RANGE"),
        ("990428101600", "VILLAGE_RANGE"),
        ("990428101999001", "VILLAGE_RANGE"),
        ("990428101201000", "GRID_RANGE"),
        ("99042810120121000", "URBAN_RURAL_CLASS"),
        ("99042810100021220", "LEVEL_MISMATCH"),
    ],
)
def test_bad_codes(text: str, reason: str) -> None:
    with pytest.raises(BadCode) as caught:
        parse(text)
    problem = caught.value.problem
    assert (problem.code, problem.reason_key) == (text, reason)
    assert problem.message_zh
    assert problem.message_en
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, Refusal)
    assert caught.value.code == "VALIDATION_FAILED"


def test_the_stated_level_must_agree() -> None:
    for text, level in [
        ("990428101", Level.VILLAGE),
        ("350527000000", Level.VILLAGE),
        ("9904", Level.COUNTY),
    ]:
        with pytest.raises(BadCode, match="level"):
            parse(text, level)


def test_a_padded_county_of_a_city_without_counties_is_asked_for_by_level() -> None:
    assert parse("441900000000").level is Level.CITY
    county = parse("441900000000", Level.COUNTY)
    assert county.kind is Kind.CITY_ITSELF
    assert county.parent == county.code
    check_parent(county, parse("4419"))
    with pytest.raises(BadCode):
        parse("990400000000", Level.COUNTY)


def test_cities_without_counties_can_come_from_the_list_itself() -> None:
    listed = ["99", "9904", "990428", "9905", "990500", "9906", "990600", "990601", "990500101"]
    cities = cities_listed_without_counties(listed)
    assert cities == {"9905"}
    assert parse("990500101", cities_without_counties=cities).level is Level.TOWN
    with pytest.raises(BadCode):
        parse("990600101", cities_without_counties=cities)
    with pytest.raises(BadCode):
        parse("441900101", cities_without_counties=cities)


def test_digits_13_to_17_are_attributes_and_no_part_of_the_key() -> None:
    found = parse("99042810120121220")
    assert (found.code, found.urban_rural_attribute, found.urban_rural_class) == ("990428101201", "21", "220")
    assert found.parent == "990428101000"


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ("001", Kind.COMMUNITY),
        ("199", Kind.COMMUNITY),
        ("200", Kind.VILLAGE),
        ("399", Kind.VILLAGE),
        ("400", Kind.COMMUNITY_LIKE),
        ("498", Kind.VIRTUAL),
        ("499", Kind.COMMUNITY_LIKE),
        ("500", Kind.VILLAGE_LIKE),
        ("598", Kind.VIRTUAL),
        ("599", Kind.VILLAGE_LIKE),
    ],
)
def test_village_kinds(part: str, kind: Kind) -> None:
    assert parse("990428101" + part).kind is kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("990428001", Kind.STREET),
        ("990428099", Kind.STREET),
        ("990428100", Kind.TOWN),
        ("990428199", Kind.TOWN),
        ("990428200", Kind.TOWNSHIP),
        ("990428399", Kind.TOWNSHIP),
        ("990428400", Kind.TOWN_LIKE),
        ("990428599", Kind.TOWN_LIKE),
        ("990401", Kind.DISTRICT),
        ("990420", Kind.DISTRICT),
        ("990421", Kind.COUNTY),
        ("990480", Kind.COUNTY),
        ("990481", Kind.COUNTY_CITY),
        ("990499", Kind.COUNTY_CITY),
        ("9920", Kind.CITY),
        ("9921", Kind.PREFECTURE),
        ("9950", Kind.PREFECTURE),
        ("9951", Kind.CITY),
        ("9970", Kind.CITY),
        ("9990", Kind.DIRECT_COUNTIES),
    ],
)
def test_upper_kinds(text: str, kind: Kind) -> None:
    assert parse(text).kind is kind


def test_wrong_prefix_and_wrong_parent_level() -> None:
    village = parse("990428101201")
    check_parent(village, parse("990428101"))
    with pytest.raises(BadCode) as caught:
        check_parent(village, parse("990428102"))
    assert caught.value.problem.reason_key == "WRONG_PREFIX"
    with pytest.raises(BadCode) as caught:
        check_parent(village, parse("990428"))
    assert caught.value.problem.reason_key == "PARENT_LEVEL"
    with pytest.raises(BadCode):
        check_parent(parse("99"), parse("98"))


def test_a_stated_kind_must_agree_with_the_range_but_a_name_only_warns() -> None:
    village = parse("990428101201")
    check_kind(village, "VILLAGE")
    check_kind(parse("990428101201001"), "GRID_SPECIAL")
    for kind in ("COMMUNITY", "VIRTUAL", "GRID_GENERAL", ""):
        with pytest.raises(BadCode) as caught:
            check_kind(village, kind)
        assert caught.value.problem.reason_key == "KIND_MISMATCH"
    assert name_warning(village, "东坪村") is None
    assert name_warning(village, "东坪村委会") is None
    assert name_warning(village, "林场") is None
    warning = name_warning(village, "东坪社区")
    assert warning is not None
    assert warning.reason_key == "NAME_DISAGREES"
    assert name_warning(parse("990428101001"), "东街村") is not None
    assert name_warning(parse("990428101401"), "开发区社区") is None
    assert name_warning(parse("990428101501"), "农场村") is None
    assert name_warning(parse("990428"), "东坪社区") is None


@pytest.mark.parametrize(
    ("part", "name", "warns"),
    [
        ("199", "甲社区", False),
        ("200", "甲社区", True),
        ("399", "甲社区", True),
        ("400", "甲社区", False),
        ("499", "甲社区", False),
        ("500", "甲社区", True),
        ("199", "甲村", True),
        ("200", "甲村", False),
        ("499", "甲村", True),
        ("500", "甲村", False),
    ],
)
def test_names_at_the_borders_of_the_ranges(part: str, name: str, warns: bool) -> None:
    assert (name_warning(parse("990428101" + part), name) is not None) is warns


def test_levels_in_order() -> None:
    for above, below in pairwise(Level):
        assert level_above(below) is above
        assert level_below(above) is below
    assert level_above(Level.PROVINCE) is None
    assert level_below(Level.GRID) is None


@given(st.text("0123456789", min_size=12, max_size=12))
def test_whatever_is_accepted_pads_to_itself_and_has_a_consistent_chain(text: str) -> None:
    try:
        unit: UnitCode = parse(text)
    except BadCode:
        return
    assert pad(unit.prefix) == unit.code == text
    while unit.parent is not None:
        assert unit.parent_level is not None
        above = parse(unit.parent, unit.parent_level)
        check_parent(unit, above)
        unit = above
    assert unit.level is Level.PROVINCE


@given(st.text(max_size=18))
def test_any_text_is_accepted_or_refused_with_a_typed_problem(text: str) -> None:
    try:
        unit = parse(text)
    except BadCode as refusal:
        problem = refusal.problem
    else:
        assert unit.level is level_of(unit.code)
        return
    assert problem.code == text


def test_real_changzhi_divisions_are_all_good() -> None:
    source = next((Path(__file__).resolve().parents[3] / "core").rglob("changzhi_divisions.csv"), None)
    if source is None:
        pytest.skip("the Changzhi list is not in this tree")
    with source.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("code")]
    levels = [parse(row["code"], Level(row["level"].upper())).level for row in rows]
    assert levels.count(Level.VILLAGE) == 2628
    assert levels.count(Level.TOWN) == 149
    assert levels.count(Level.COUNTY) == 12


def test_a_hundred_thousand_codes_take_about_half_a_second() -> None:
    codes = [f"9904{c:02d}1{t:02d}2{v:02d}" for c in range(21, 31) for t in range(100) for v in range(100)]
    started = time.process_time()
    for code in codes:
        parse(code, Level.VILLAGE)
    assert time.process_time() - started < 5  # ten times what it takes, for a busy machine


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("54990428MF1234567C", ()),
        ("N1990428MF0001235H", ()),
        ("54990428MG76543208", ()),
        ("91110000600037341L", ()),
        ("54990428mf1234567c", ()),
        (" 54990428-MF1234567C ", ()),
        ("５４９９０４２８ＭＦ１２３４５６７Ｃ", ()),
    ],
)
def test_credit_codes(text: str, warnings: tuple[str, ...]) -> None:
    assert parse_credit_code(text).warnings == warnings


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("54990428MF1234567D", "USCC_CHECK"),
        ("91990428MA0TEST00X", "USCC_CHARACTERS"),
        ("54990428MF123456", "USCC_LENGTH"),
        ("", "USCC_LENGTH"),
        ("5499O428MF1234567C", "USCC_CHARACTERS"),
        ("54A90428MF1234567C", "USCC_CHARACTERS"),
    ],
)
def test_refused_credit_codes(text: str, reason: str) -> None:
    with pytest.raises(BadCode) as caught:
        parse_credit_code(text)
    assert caught.value.problem.reason_key == reason


def test_a_wrong_inner_check_only_warns() -> None:
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    weights = [pow(3, i, 31) for i in range(17)]
    first17 = "54990428MF1234568"  # inner check should be 7
    total = sum(alphabet.index(c) * w for c, w in zip(first17, weights, strict=True))
    code = first17 + alphabet[(31 - total % 31) % 31]
    assert parse_credit_code(code).warnings == ("INNER_CHECK",)


def test_the_usual_prefix_of_village_committees_only_warns() -> None:
    assert parse_credit_code("54990428MF1234567C", Kind.VILLAGE).warnings == ()
    assert parse_credit_code("N1990428MF0001235H", Kind.VILLAGE).warnings == ("UNUSUAL_PREFIX",)
