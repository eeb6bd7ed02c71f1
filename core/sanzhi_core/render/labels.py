"""The few fixed words that a document carries by itself, in both languages."""

from dataclasses import dataclass
from datetime import date

from sanzhi_core.render.document import Language


@dataclass(frozen=True, slots=True)
class Labels:
    page: str
    page_of: str
    page_end: str
    doc_number: str
    notes: str
    seal: str
    qr: str
    content_hash: str
    separator: str
    colon: str
    missing_glyphs: str
    objections: str
    phone: str
    counter: str
    until: str
    village: str
    publicity: str
    objection_intro: str
    page_note: str


_ZH = Labels(
    page="第 ",
    page_of=" 页 / 共 ",
    page_end=" 页",
    doc_number="文号",
    notes="说明",
    seal="（盖章处）",
    qr="二维码",
    content_hash="内容校验值",
    separator="、",
    colon="：",
    missing_glyphs="“〓”处为字库未收录的生僻字，请张贴前用笔填写：",
    objections="有不同意见怎么办",
    phone="打电话",
    counter="当面说",
    until="截止时间",
    village="公示范围",
    publicity="公示时间",
    objection_intro="对公示内容有异议的，可在公示期内用下面任何一种方式提出，不用手机也可以办。",
    page_note="有异议请于 {until}前提出，电话 {phone}",
)
_EN = Labels(
    page="Page ",
    page_of=" of ",
    page_end="",
    doc_number="No.",
    notes="Notes",
    seal="(seal)",
    qr="QR code",
    content_hash="Content hash",
    separator=",",
    colon=": ",
    missing_glyphs="“〓” marks rare characters that the font lacks; write them in by pen before posting: ",
    objections="If you disagree",
    phone="By phone",
    counter="In person",
    until="Until",
    village="Area",
    publicity="On display",
    objection_intro="Anyone may object while this is on display, in any of these ways; no smartphone needed.",
    page_note="Objections until {until}, phone {phone}",
)
# strftime would follow the machine's locale
_MONTHS: tuple[str, ...] = ("January", "February", "March", "April", "May", "June")
_MONTHS += ("July", "August", "September", "October", "November", "December")


def labels(language: Language) -> Labels:
    return _ZH if language == "zh-CN" else _EN


def long_date(day: date, language: Language) -> str:
    """2026年12月7日, or 7 December 2026."""
    if language == "zh-CN":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def end_of_day(day: date, language: Language) -> str:
    """A day that counts to its end: 2026年12月14日24时, or 24:00 on 14 December 2026."""
    if language == "zh-CN":
        return f"{long_date(day, language)}24时"
    return f"24:00 on {long_date(day, language)}"
