from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanzhi_core.kit.refusals import InvalidInput
from sanzhi_core.people.idnumber import (
    BadIdNumber,
    adult_on,
    age_on,
    parse_citizen_id,
    parse_phone,
)

TODAY = date(2026, 11, 22)
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def with_check(first17: str) -> str:
    """Oracle written from the text of GB 11643, independent of the library."""
    return first17 + "10X98765432"[sum(int(c) * w for c, w in zip(first17, WEIGHTS, strict=True)) % 11]


@pytest.mark.parametrize(
    ("number", "birth", "sex", "age"),
    [
        ("990428198512310023", date(1985, 12, 31), "F", 40),
        ("990428201011060016", date(2010, 11, 6), "M", 16),
        ("990428200811220036", date(2008, 11, 22), "M", 18),
        ("990428200811230015", date(2008, 11, 23), "M", 17),
    ],
)
def test_valid_made_up_ids(number: str, birth: date, sex: str, age: int) -> None:
    found = parse_citizen_id(number, TODAY)
    assert (found.value, found.birth_date, found.sex) == (number, birth, sex)
    assert age_on(found.birth_date, TODAY) == age
    assert found.warnings == ("UNKNOWN_AREA",)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("990428198512310024", "CHECKSUM"),
        ("990428195002290014", "BIRTH_DATE"),
        ("99042819851231002", "LENGTH"),
        ("990428202713010014", "BIRTH_DATE"),
        ("990428851231002", "FIRST_GENERATION"),
        ("", "LENGTH"),
        ("9904281985123100231", "LENGTH"),
        ("X90428198512310023", "CHARACTERS"),
        ("99042819851231002Y", "CHARACTERS"),
        ("99042819851231002٣", "CHARACTERS"),
        ("99042819851231002Х", "CHARACTERS"),  # Cyrillic Х
        (with_check("99042818491231002"), "BIRTH_RANGE"),
        (with_check("99042820261123002"), "BIRTH_RANGE"),
        (with_check("99042800001231002"), "BIRTH_DATE"),
        (with_check("99042820260010002"), "BIRTH_DATE"),
    ],
)
def test_refused_ids(number: str, reason: str) -> None:
    with pytest.raises(BadIdNumber) as caught:
        parse_citizen_id(number, TODAY)
    assert caught.value.code == "VALIDATION_FAILED"
    assert caught.value.reason == reason
    if number:
        assert number not in str(caught.value)
        assert number not in str(caught.value.facts)


def test_bounds_of_the_birth_date_are_inclusive() -> None:
    assert parse_citizen_id(with_check("99042818500101002"), TODAY).birth_date == date(1850, 1, 1)
    assert parse_citizen_id(with_check("99042820261122002"), TODAY).birth_date == TODAY


def test_spaces_full_width_and_lower_x_are_normalised() -> None:
    x = with_check("99042819850102003")
    n = 0
    while not x.endswith("X"):
        n += 1
        x = with_check(f"990428198501{n % 28 + 1:02d}{n:03d}")
    full_width = "".join(chr(ord(c) + 0xFEE0) for c in x.lower())
    spaced = f" {x[:6]}　{x[6:14]} {x[14:].lower()}\t"
    assert parse_citizen_id(full_width, TODAY).value == x
    assert parse_citizen_id(spaced, TODAY).value == x


def test_a_real_area_has_no_warning_and_an_abolished_one_is_known() -> None:
    assert parse_citizen_id(with_check("14042819851231002"), TODAY).warnings == ()
    assert parse_citizen_id(with_check("51021519851231002"), TODAY).warnings == ()  # before Chongqing's 50


def test_repr_hides_the_number() -> None:
    assert "9904" not in repr(parse_citizen_id("990428198512310023", TODAY))


@given(
    st.from_regex(r"[1-9][0-9]{5}", fullmatch=True),
    st.dates(date(1850, 1, 1), TODAY),
    st.integers(0, 999),
    st.sampled_from("0123456789X"),
)
def test_exactly_one_check_character_is_right(area: str, birth: date, sequence: int, last: str) -> None:
    first17 = f"{area}{birth:%Y%m%d}{sequence:03d}"
    assert len(first17) == 17
    number = first17 + last
    if number == with_check(first17):
        found = parse_citizen_id(number, TODAY)
        assert found.birth_date == birth
        assert found.sex == ("M" if sequence % 2 else "F")
    else:
        with pytest.raises(BadIdNumber):
            parse_citizen_id(number, TODAY)


@pytest.mark.parametrize(
    ("birth", "day", "age"),
    [
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 28), 19),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2026, 11, 22), date(2026, 11, 22), 0),
    ],
)
def test_age(birth: date, day: date, age: int) -> None:
    assert age_on(birth, day) == age


def test_age_before_birth_is_an_error() -> None:
    with pytest.raises(ValueError):
        age_on(date(2026, 11, 23), TODAY)


@given(st.dates(date(1850, 1, 1), date(2026, 1, 1)))
def test_adult_on_is_the_first_day_with_eighteen_years(birth: date) -> None:
    day = adult_on(birth)
    assert age_on(birth, day) == 18
    assert age_on(birth, date.fromordinal(day.toordinal() - 1)) == 17


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("13812345678", "13812345678"),
        (" 138 1234 5678 ", "13812345678"),
        ("１３８１２３４５６７８", "13812345678"),
        ("0355-2021234", "0355-2021234"),
        ("03552021234", "03552021234"),
        ("010-12345678", "010-12345678"),
        ("", None),
        ("   ", None),
    ],
)
def test_phone(text: str, value: str | None) -> None:
    assert parse_phone(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "1381234567",
        "138123456789",
        "23812345678",
        "+8613812345678",
        "0355--2021234",
        "2021234",
        "abc",
        "1381234567٨",
    ],
)
def test_phone_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_phone(text)
    assert caught.value.code == "VALIDATION_FAILED"
    assert text not in str(caught.value)
