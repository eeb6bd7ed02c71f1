"""Checks of a person's identity number and telephone number.

Citizen ID: GB 11643-1999 by python-stdnum; domain/core.md §5. Telephone: domain/core.md §14.
Refusals never repeat the number: they go into logs and row-error files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, Literal

from stdnum import numdb
from stdnum.cn import ric as _ric
from stdnum.exceptions import ValidationError

from sanzhi_core.kit.refusals import InvalidInput

EARLIEST_BIRTH: Final = date(1850, 1, 1)

_SHAPE: Final = re.compile(r"[0-9]{17}[0-9X]")
_MOBILE: Final = re.compile(r"1[0-9]{10}")
_LANDLINE: Final = re.compile(r"0[0-9]{2,3}-?[0-9]{7,8}")
# Full-width forms as Chinese input methods and spreadsheets give them, and the ideographic space.
_HALF_WIDTH: Final = {i: i - 0xFEE0 for i in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


@dataclass(frozen=True, slots=True)
class CitizenId:
    """A checked citizen ID. `warnings` may be UNKNOWN_AREA. `repr` does not show the number."""

    value: str
    birth_date: date
    sex: Literal["M", "F"]
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "CitizenId(…)"


class BadIdNumber(InvalidInput, ValueError):
    """The citizen ID was refused.

    `reason`: LENGTH, FIRST_GENERATION, CHARACTERS, BIRTH_DATE, CHECKSUM or BIRTH_RANGE.
    """


def normalise(text: str) -> str:
    """Half-width, without white space, upper case."""
    return "".join(text.translate(_HALF_WIDTH).split()).upper()


def parse_citizen_id(text: str, today: date) -> CitizenId:
    """Check a citizen ID on the day `today` (Asia/Shanghai). Raises BadIdNumber.

    An unknown area code is only a warning: codes of abolished areas stay valid for life.
    """
    value = normalise(text)
    if len(value) == 15 and value.isdecimal():
        raise BadIdNumber(
            "idNumber",
            "FIRST_GENERATION",
            "15位证件号码已停用，请填写18位公民身份号码",
            "15-digit numbers are void since 2013; give the 18-digit number",
        )
    if len(value) != 18:
        raise BadIdNumber("idNumber", "LENGTH", "公民身份号码应为18位", "A citizen ID has 18 characters")
    if not _SHAPE.fullmatch(value):
        raise BadIdNumber(
            "idNumber",
            "CHARACTERS",
            "公民身份号码应为17位数字加1位数字或X",
            "A citizen ID is 17 digits and one digit or X",
        )
    try:
        birth_date: date = _ric.get_birth_date(value)
    except (ValidationError, ValueError):
        raise BadIdNumber(
            "idNumber", "BIRTH_DATE", "号码中的出生日期不存在", "The birth date in the ID does not exist"
        ) from None
    if _ric.calc_check_digit(value) != value[17]:
        raise BadIdNumber(
            "idNumber", "CHECKSUM", "公民身份号码校验位不符", "The check character of the ID is wrong"
        )
    if not EARLIEST_BIRTH <= birth_date <= today:
        raise BadIdNumber(
            "idNumber",
            "BIRTH_RANGE",
            "出生日期应在1850-01-01至今天之间",
            "The birth date must lie between 1850-01-01 and today",
        )
    warnings = () if _area_known(value[:6]) else ("UNKNOWN_AREA",)
    return CitizenId(value, birth_date, "M" if int(value[16]) % 2 else "F", warnings)


@cache
def _area_known(area: str) -> bool:
    return any("county" in properties for _, properties in numdb.get("cn/loc").info(area))


def birthday_in(birth_date: date, year: int) -> date:
    """The day an age is reached in `year`; born 29 February → 1 March in common years."""
    try:
        return birth_date.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def age_on(birth_date: date, day: date) -> int:
    """Full years on `day`; a year is completed on the birthday itself. ValueError before birth."""
    if day < birth_date:
        raise ValueError("the day lies before birth")
    return day.year - birth_date.year - (day < birthday_in(birth_date, day.year))


def adult_on(birth_date: date, adult_age: int = 18) -> date:
    """The first day of adulthood [law: 民法典 art. 17: eighteen full years]."""
    return birthday_in(birth_date, birth_date.year + adult_age)


def parse_phone(text: str) -> str | None:
    """Check a telephone number: mobile `1` + 10 digits or landline `0xx(x)-xxxxxxx(x)`.

    Empty gives None. White space and full-width digits are normalised. Raises InvalidInput.
    """
    value = normalise(text)
    if not value:
        return None
    if not (_MOBILE.fullmatch(value) or _LANDLINE.fullmatch(value)):
        raise InvalidInput(
            "phone",
            "PHONE",
            "电话应为11位手机号或带区号的固定电话",
            "A telephone number is an 11-digit mobile number or a landline with area code",
        )
    return value
