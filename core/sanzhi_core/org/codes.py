"""Codes of organisation units: division codes, grid codes and the unified social credit code.

Sources: 国家统计局《统计用区划代码和城乡划分代码编制规则》 (2+2+2+3+3 digits), GB/T 2260, GB/T 10114,
GB 32100-2015 (credit code), GB 11714 (its inner check); domain/core.md §1 and §5.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stdnum.cn import uscc as _uscc

from sanzhi_core.kit.refusals import Refusal


class Level(StrEnum):
    PROVINCE = "PROVINCE"
    CITY = "CITY"
    COUNTY = "COUNTY"
    TOWN = "TOWN"
    VILLAGE = "VILLAGE"
    GRID = "GRID"


class Kind(StrEnum):
    """What a unit is, read from the range its code lies in (R-CORE-06)."""

    PROVINCE = "PROVINCE"
    CITY = "CITY"  # 01–20, 51–70 cities of a province
    PREFECTURE = "PREFECTURE"  # 21–50 地区、自治州、盟
    DIRECT_COUNTIES = "DIRECT_COUNTIES"  # 90 省直辖县级行政区划
    CITY_ITSELF = "CITY_ITSELF"  # 00 a city without counties stands in for its own county
    DISTRICT = "DISTRICT"  # 01–20
    COUNTY = "COUNTY"  # 21–80
    COUNTY_CITY = "COUNTY_CITY"  # 81–99
    STREET = "STREET"  # 001–099 街道
    TOWN = "TOWN"  # 100–199 镇
    TOWNSHIP = "TOWNSHIP"  # 200–399 乡
    TOWN_LIKE = "TOWN_LIKE"  # 400–599 开发区、农场…
    COMMUNITY = "COMMUNITY"  # 001–199 居委会
    VILLAGE = "VILLAGE"  # 200–399 村委会
    COMMUNITY_LIKE = "COMMUNITY_LIKE"  # 400–499
    VILLAGE_LIKE = "VILLAGE_LIKE"  # 500–599
    VIRTUAL = "VIRTUAL"  # 498, 598 虚拟社区、虚拟村
    GRID_GENERAL = "GRID_GENERAL"


# Significant digits of each level; codes above the grid are padded to 12 with zeros.
WIDTH: Final = {
    Level.PROVINCE: 2,
    Level.CITY: 4,
    Level.COUNTY: 6,
    Level.TOWN: 9,
    Level.VILLAGE: 12,
    Level.GRID: 15,
}
_LEVELS: Final = tuple(Level)
_LEVEL_OF_WIDTH: Final = {width: level for level, width in WIDTH.items()}
_DIGITS: Final = re.compile(r"[0-9]+")

# Cities that the statistical list carries without counties: 东莞、中山、儋州 (county digits 00).
CITIES_WITHOUT_COUNTIES: Final = frozenset({"4419", "4420", "4604"})

# 城乡分类代码 (3 digits), 国家统计局编制规则.
URBAN_RURAL_CLASSES: Final = frozenset({"111", "112", "121", "122", "123", "210", "220"})

_MESSAGES: Final[dict[str, tuple[str, str]]] = {
    "LENGTH": (
        "代码应为2、4、6、9、12、15或17位数字",
        "A code has 2, 4, 6, 9, 12, 15 or 17 digits",
    ),
    "NOT_DIGITS": ("代码只能由数字组成", "A code consists of digits only"),
    "PROVINCE_RANGE": ("省级代码应为11–99", "Province digits must be 11–99"),
    "CITY_RANGE": (
        "地级代码应为01–70或90",
        "City digits must be 01–70 or 90",
    ),
    "COUNTY_ZERO": (
        "县级代码为00，但所属市设有县级单位",
        "County digits are 00, but the city is not listed without counties",
    ),
    "TOWN_RANGE": ("乡级代码应为001–599", "Town digits must be 001–599"),
    "VILLAGE_RANGE": ("村级代码应为001–599", "Village digits must be 001–599"),
    "GRID_RANGE": ("网格序号应为001–999", "The grid number must be 001–999"),
    "GAP": ("下级代码不为零而上级代码为零", "A lower part is set while a part above it is zero"),
    "LEVEL_MISMATCH": ("代码与所填级别不符", "The code does not belong to the stated level"),
    "KIND_MISMATCH": ("类别与代码区间不符", "The kind does not agree with the range of the code"),
    "WRONG_PREFIX": ("代码与上级代码不一致", "The code does not start with the parent's code"),
    "PARENT_LEVEL": ("上级应恰好高一级", "The parent must be exactly one level up"),
    "URBAN_RURAL_CLASS": ("城乡分类代码不存在", "Unknown urban-rural class"),
    "USCC_LENGTH": ("统一社会信用代码应为18位", "A unified social credit code has 18 characters"),
    "USCC_CHARACTERS": (
        "统一社会信用代码含有不允许的字符",
        "The unified social credit code has characters that are not allowed",
    ),
    "USCC_CHECK": (
        "统一社会信用代码校验位不符",
        "The check character of the unified social credit code is wrong",
    ),
}


@dataclass(frozen=True, slots=True)
class CodeProblem:
    """One finding about one code: `code` as given, `reason_key` stable, messages for people."""

    code: str
    reason_key: str
    message_zh: str
    message_en: str


class BadCode(Refusal, ValueError):
    """A code was refused (VALIDATION_FAILED). `problem` says why."""

    def __init__(self, code: str, reason_key: str) -> None:
        message_zh, message_en = _MESSAGES[reason_key]
        super().__init__(
            "VALIDATION_FAILED", message_zh, message_en, field="code", reason=reason_key, value=code
        )
        self.problem = CodeProblem(code, reason_key, message_zh, message_en)


@dataclass(frozen=True, slots=True)
class UnitCode:
    """A checked code: `code` is the key (12 digits, a grid 15), `level` its level.

    `urban_rural_attribute` (2 digits) and `urban_rural_class` (3 digits) are attributes read from
    digits 13–17 of a long code; they are no part of the key.
    """

    code: str
    level: Level
    urban_rural_attribute: str | None = None
    urban_rural_class: str | None = None

    @property
    def prefix(self) -> str:
        """The digits every child code starts with."""
        return self.code[: WIDTH[self.level]]

    @property
    def parent(self) -> str | None:
        """The parent's code, padded; None above a province.

        A county `00` and its city have the same padded code and differ by level.
        """
        if self.level is Level.PROVINCE:
            return None
        return self.code[: WIDTH[self.parent_level or Level.PROVINCE]].ljust(12, "0")

    @property
    def parent_level(self) -> Level | None:
        return level_above(self.level)

    @property
    def kind(self) -> Kind:
        return kind_of(self.code, self.level)


def level_above(level: Level) -> Level | None:
    at = _LEVELS.index(level)
    return _LEVELS[at - 1] if at else None


def level_below(level: Level) -> Level | None:
    at = _LEVELS.index(level)
    return _LEVELS[at + 1] if at + 1 < len(_LEVELS) else None


def pad(code: str) -> str:
    """Right-pad a division code of 2, 4, 6, 9 or 12 digits to 12. No other check."""
    return code.ljust(12, "0")


def level_of(code: str) -> Level:
    """The level a padded 12-digit or a 15-digit code shows by its trailing zeros.

    `441900000000` is the city; the county that stands in for it has to be asked for by level.
    """
    if len(code) == 15:
        return Level.GRID
    if code[9:12] != "000":
        return Level.VILLAGE
    if code[6:9] != "000":
        return Level.TOWN
    if code[4:6] != "00":
        return Level.COUNTY
    if code[2:4] != "00":
        return Level.CITY
    return Level.PROVINCE


def kind_of(code: str, level: Level) -> Kind:
    """The kind of a checked code, from its range (core.md §1, R-CORE-06)."""
    if level is Level.VILLAGE:
        part = int(code[9:12])
        if part in (498, 598):
            return Kind.VIRTUAL
        if part < 200:
            return Kind.COMMUNITY
        if part < 400:
            return Kind.VILLAGE
        return Kind.COMMUNITY_LIKE if part < 500 else Kind.VILLAGE_LIKE
    if level is Level.TOWN:
        part = int(code[6:9])
        if part < 100:
            return Kind.STREET
        if part < 200:
            return Kind.TOWN
        return Kind.TOWNSHIP if part < 400 else Kind.TOWN_LIKE
    if level is Level.COUNTY:
        part = int(code[4:6])
        if part == 0:
            return Kind.CITY_ITSELF
        if part <= 20:
            return Kind.DISTRICT
        return Kind.COUNTY if part <= 80 else Kind.COUNTY_CITY
    if level is Level.CITY:
        part = int(code[2:4])
        if part == 90:
            return Kind.DIRECT_COUNTIES
        return Kind.PREFECTURE if 21 <= part <= 50 else Kind.CITY
    return Kind.GRID_GENERAL if level is Level.GRID else Kind.PROVINCE


def parse(
    text: str,
    level: Level | None = None,
    *,
    cities_without_counties: frozenset[str] = CITIES_WITHOUT_COUNTIES,
) -> UnitCode:
    """Check a code and give its key.

    Takes 2, 4, 6 or 9 digits (unpadded), 12 (village, or padded upper level), 15 (grid) or 17
    (village with urban-rural attributes). `level` is what the caller says it is; without it the
    length decides, and for 12 digits the trailing zeros. `cities_without_counties` are 4-digit
    prefixes, see `cities_listed_without_counties`. Raises BadCode.
    """
    width = len(text)
    if not text.isascii() or not _DIGITS.fullmatch(text):
        raise BadCode(text, "NOT_DIGITS" if text else "LENGTH")
    attribute = klass = None
    if width == 17:
        attribute, klass = text[12:14], text[14:]
        if klass not in URBAN_RURAL_CLASSES:
            raise BadCode(text, "URBAN_RURAL_CLASS")
        code, found = text[:12], level_of(text[:12])
        if found is not Level.VILLAGE:
            raise BadCode(text, "LEVEL_MISMATCH")
    elif width == 12:
        code, found = text, level_of(text)
        if level is Level.COUNTY and found is Level.CITY:
            found = Level.COUNTY
    elif width in _LEVEL_OF_WIDTH:
        code, found = text.ljust(12, "0"), _LEVEL_OF_WIDTH[width]
    else:
        raise BadCode(text, "LENGTH")
    _check_parts(text, code, found, cities_without_counties)
    if level is not None and found is not level:
        raise BadCode(text, "LEVEL_MISMATCH")
    return UnitCode(code, found, attribute, klass)


def _check_parts(text: str, code: str, level: Level, cities_without_counties: frozenset[str]) -> None:
    if code[0] == "0" or code[:2] == "10":
        raise BadCode(text, "PROVINCE_RANGE")
    if level is Level.PROVINCE:
        return
    city = code[2:4]
    if city == "00":
        raise BadCode(text, "CITY_RANGE" if level is Level.CITY else "GAP")
    if city > "70" and city != "90":
        raise BadCode(text, "CITY_RANGE")
    if level is Level.CITY:
        return
    if code[4:6] == "00" and code[:4] not in cities_without_counties:
        raise BadCode(text, "COUNTY_ZERO")
    if level is Level.COUNTY:
        return
    town = code[6:9]
    if town == "000" and level is not Level.TOWN:
        raise BadCode(text, "GAP")
    if town == "000" or town > "599":
        raise BadCode(text, "TOWN_RANGE")
    if level is Level.TOWN:
        return
    village = code[9:12]
    if village == "000" or village > "599":
        raise BadCode(text, "GAP" if village == "000" and level is Level.GRID else "VILLAGE_RANGE")
    if level is Level.GRID and code[12:] == "000":
        raise BadCode(text, "GRID_RANGE")


def check_parent(unit: UnitCode, parent: UnitCode) -> None:
    """R-CORE-02 and R-CORE-03: the parent is one level up and its prefix starts the code.

    A unit moved by an approved change before re-coding (`codePending`) is not asked. Raises BadCode.
    """
    if unit.parent_level is not parent.level:
        raise BadCode(unit.code, "PARENT_LEVEL")
    if not unit.code.startswith(parent.prefix):
        raise BadCode(unit.code, "WRONG_PREFIX")


def check_kind(unit: UnitCode, kind: str) -> None:
    """Refuse a stated kind that disagrees with the code's range. Grids may be of any grid kind."""
    if unit.level is Level.GRID:
        agrees = kind.startswith("GRID_")
    else:
        agrees = kind == unit.kind
    if not agrees:
        raise BadCode(unit.code, "KIND_MISMATCH")


def name_warning(unit: UnitCode, name: str) -> CodeProblem | None:
    """R-CORE-06: a village's name that disagrees with the code's range is only a warning."""
    if unit.level is not Level.VILLAGE:
        return None
    community_range = unit.code[9:12] < "200" or "400" <= unit.code[9:12] < "500"
    if name.endswith(("社区", "居委会", "居民委员会")):
        agrees = community_range
    elif name.endswith(("村", "村委会", "村民委员会")):
        agrees = not community_range
    else:
        agrees = True
    if agrees:
        return None
    return CodeProblem(
        unit.code,
        "NAME_DISAGREES",
        f"名称“{name}”与代码区间的类别不一致",
        f"The name {name!r} disagrees with the kind of the code's range",
    )


def cities_listed_without_counties(codes: Iterable[str]) -> frozenset[str]:
    """The 4-digit cities that a list of unpadded codes carries with no county but `00`."""
    cities: set[str] = set()
    with_counties: set[str] = set()
    for code in codes:
        if len(code) == 4:
            cities.add(code)
        elif len(code) == 6 and code[4:] != "00":
            with_counties.add(code[:4])
    return frozenset(cities - with_counties)


@dataclass(frozen=True, slots=True)
class CreditCode:
    """A checked unified social credit code; `warnings` may be INNER_CHECK, UNUSUAL_PREFIX."""

    value: str
    warnings: tuple[str, ...] = ()


_USCC_SHAPE: Final = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_INNER_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_FULL_WIDTH: Final = {i: i - 0xFEE0 for i in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


def parse_credit_code(text: str, kind: Kind | None = None) -> CreditCode:
    """Check a unified social credit code (GB 32100-2015; inner check GB 11714).

    A wrong inner check is a warning, a wrong outer check an error (core.md §5). `kind` of the unit
    that bears the code, when known, adds the warning UNUSUAL_PREFIX for village and community
    committees whose code does not begin with 54 or 55. Raises BadCode.
    """
    # stdnum's own `validate` insists on a leading digit and so refuses N1…, rural collectives.
    value: str = _uscc.compact(text.translate(_FULL_WIDTH))
    if len(value) != 18:
        raise BadCode(text, "USCC_LENGTH")
    if not _USCC_SHAPE.fullmatch(value):
        raise BadCode(text, "USCC_CHARACTERS")
    if _uscc.calc_check_digit(value) != value[17]:
        raise BadCode(text, "USCC_CHECK")
    warnings = []
    rest = 11 - sum(int(c, 36) * w for c, w in zip(value[8:16], _INNER_WEIGHTS, strict=True)) % 11
    if value[16] != {10: "X", 11: "0"}.get(rest, str(rest)):
        warnings.append("INNER_CHECK")
    if kind in (Kind.VILLAGE, Kind.COMMUNITY) and value[:2] not in ("54", "55"):
        warnings.append("UNUSUAL_PREFIX")
    return CreditCode(value, tuple(warnings))
