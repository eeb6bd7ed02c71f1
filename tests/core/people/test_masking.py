import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanzhi_core.people.masking import mask_bank, mask_id, mask_name, mask_phone


@pytest.mark.parametrize(
    ("plain", "masked"),
    [("990428198512310023", "990428********0023"), ("E12345678", "E*******8"), ("12345", "*****"), ("", "")],
)
def test_id(plain: str, masked: str) -> None:
    assert mask_id(plain) == masked


@pytest.mark.parametrize(
    ("plain", "masked"),
    [("13812345678", "138****5678"), ("0355-2021234", "035*****1234"), ("1234567", "*******")],
)
def test_phone(plain: str, masked: str) -> None:
    assert mask_phone(plain) == masked


@pytest.mark.parametrize(
    ("plain", "masked"),
    [
        ("张三", "张*"),
        ("王小明", "王*明"),
        ("欧阳小娜", "欧**娜"),
        (" 张三 ", "张*"),
        ("𠮷野家", "𠮷*家"),
        ("张", "*"),
        ("阿依古丽·买买提", "阿******提"),
    ],
)
def test_name(plain: str, masked: str) -> None:
    assert mask_name(plain) == masked


@pytest.mark.parametrize(
    ("plain", "masked"),
    [("6222 0212 3456 7890", "************7890"), ("1234567", "*******"), ("12345678", "****5678")],
)
def test_bank(plain: str, masked: str) -> None:
    assert mask_bank(plain) == masked


@given(st.text("0123456789", max_size=30))
def test_numbers_always_hide_four_digits_or_all(text: str) -> None:
    for mask in (mask_id, mask_phone, mask_bank):
        masked = mask(text)
        assert len(masked) == len(text)
        assert masked.count("*") >= min(4, len(text))


@given(st.text("王小明欧阳娜", min_size=2, max_size=50))
def test_a_name_keeps_its_length_and_hides_something(name: str) -> None:
    masked = mask_name(name)
    assert len(masked) == len(name)
    assert masked[0] == name[0]
    assert masked.count("*") == max(1, len(name) - 2)
