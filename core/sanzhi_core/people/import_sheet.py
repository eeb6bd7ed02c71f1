"""The register of a village as its clerk keeps it in Excel or CSV: one row for each person, read and checked."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import BinaryIO

from sanzhi_core.audit.keys import Keys
from sanzhi_core.errors import ValidationFailed
from sanzhi_core.people.membership import HEAD
from sanzhi_core.people.person import Person, check_person
from sanzhi_core.people.spreadsheet import Columns, SpreadsheetProblem, read_rows

COLUMNS = Columns(
    aliases={
        "household_no": ("户编号", "户号", "农户编号"),
        "group": ("村民小组", "小组", "组别"),
        "type": ("户类型", "农户类型"),
        "residence_state": ("居住状态", "居住情况"),
        "name": ("姓名",),
        "relation": ("与户主关系", "户主关系", "关系"),
        "id_type": ("证件类型",),
        "id_number": ("身份证号", "身份证号码", "公民身份号码", "证件号码", "证件号"),
        "phone": ("电话", "联系电话", "电话号码", "手机", "手机号", "手机号码"),
        "birth_date": ("出生日期", "出生年月日"),
        "sex": ("性别",),
        "address": ("住址", "家庭住址", "地址"),
        "veteran_no": ("退役军人证号",),
        "veteran_issuer": ("退役军人证发证单位",),
        "veteran_to": ("退役军人证有效期至",),
        "moral_no": ("道德模范证号",),
        "moral_issuer": ("道德模范证发证单位",),
        "moral_to": ("道德模范证有效期至",),
    },
    required=frozenset({"household_no", "name", "relation"}),
    numbers=frozenset({"household_no", "id_number", "phone", "veteran_no", "moral_no"}),
)
UNKNOWN_ISSUER = "导入文件未填"

_TYPES = {
    "农户": "FARM",
    "农业户": "FARM",
    "非农户": "NON_FARM",
    "非农业户": "NON_FARM",
    "集体户": "COLLECTIVE",
}
_STATES = {
    "常住": "RESIDING",
    "在家": "RESIDING",
    "居住": "RESIDING",
    "长期外出": "AWAY_LONG",
    "外出": "AWAY_LONG",
}
_STATES |= {"空户": "EMPTY", "空挂": "EMPTY"}
_SEXES = {"男": "M", "女": "F"}
_ID_TYPES = {"身份证": "RESIDENT_ID", "居民身份证": "RESIDENT_ID", "护照": "PASSPORT", "无": "NONE"}
_ID_TYPES |= {"港澳居民来往内地通行证": "HKMT_PERMIT", "港澳通行证": "HKMT_PERMIT", "回乡证": "HKMT_PERMIT"}
_KIN = {
    HEAD: "户主 本人 HEAD",
    "SPOUSE": "配偶 妻 妻子 夫 丈夫 爱人",
    "CHILD": "子 女 儿子 女儿 子女 独生子 独生女 长子 次子 三子 四子 长女 次女 三女 四女 养子 养女 继子 继女",
    "PARENT": "父 母 父亲 母亲 父母 养父 养母 继父 继母",
    "SIBLING": "兄 弟 姐 妹 哥哥 弟弟 姐姐 妹妹 兄弟 姐妹 兄弟姐妹",
    "GRANDCHILD": "孙子 孙女 外孙 外孙子 外孙女",
    "GRANDPARENT": "祖父 祖母 爷爷 奶奶 外祖父 外祖母 外公 外婆 姥爷 姥姥",
    "CHILD_IN_LAW": "儿媳 儿媳妇 媳妇 女婿",
    "PARENT_IN_LAW": "公公 婆婆 岳父 岳母",
}
_RELATIONS = {word: code for code, words in _KIN.items() for word in words.split()} | {k: k for k in _KIN}
_DATE = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?")
_COLUMN_OF = {"idNumber": "id_number", "idType": "id_type", "birthDate": "birth_date"}
_HONOURS = (("veteran", "VETERAN"), ("moral", "MORAL_MODEL"))


@dataclass(frozen=True)
class RowProblem:
    """Why a row cannot be taken. `line`: row number that Excel shows, 0 for the file; never quotes a cell."""

    line: int
    column: str
    reason: str
    message_zh: str
    message_en: str


@dataclass(frozen=True)
class Honour:
    """An honour named in a row; `valid_to` is the first day on which it no longer holds."""

    honour: str
    certificate_no: str
    issuer: str
    valid_to: date | None


@dataclass(frozen=True)
class SheetRow:
    """A checked row: the person, and what the row says of the household (None: nothing)."""

    line: int
    household_no: str
    person: Person
    relation: str
    id_hash: bytes | None
    group: str | None
    type: str | None
    residence_state: str | None
    honours: tuple[Honour, ...]


@dataclass
class Sheet:
    """A read file. `total`: rows with any text; `fatal`: the file itself cannot be taken."""

    sha256: str = ""
    total: int = 0
    rows: list[SheetRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    fatal: SpreadsheetProblem | None = None


def read_people(source: str | Path | BinaryIO, filename: str, keys: Keys, today: date) -> Sheet:
    """Read and check a whole file. Blocking: for a thread. Problems of rows and of the file are in the result."""
    sheet = Sheet(sha256=_sha256(source))
    bad_lines: set[int] = set()

    def refuse(fault: SpreadsheetProblem) -> None:
        bad_lines.add(fault.line)
        sheet.problems.append(
            RowProblem(fault.line, fault.column, fault.reason_key, fault.message_zh, fault.message_en)
        )

    try:
        for line, values in read_rows(source, filename, COLUMNS, on_problem=refuse):
            sheet.total += 1
            row = _row(line, values, keys, today, sheet.problems)
            if row is not None:
                sheet.rows.append(row)
    except SpreadsheetProblem as fault:
        sheet.fatal = fault
    sheet.total += len(bad_lines)
    return sheet


def _sha256(source: str | Path | BinaryIO) -> str:
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    source.seek(0)
    return hashlib.file_digest(source, "sha256").hexdigest()  # type: ignore[arg-type]


def title(key: str) -> str:
    """The usual heading of a column, for messages."""
    return COLUMNS.aliases[key][0]


def _row(
    line: int, values: dict[str, str], keys: Keys, today: date, problems: list[RowProblem]
) -> SheetRow | None:
    before = len(problems)

    def bad(key: str, reason: str, zh: str, en: str) -> None:
        problems.append(RowProblem(line, title(key), reason, zh, en))

    def chosen(key: str, words: dict[str, str]) -> str | None:
        text = values.get(key, "")
        if not text:
            return None
        code = words.get(text) or (text.upper() if text.upper() in words.values() else None)
        if code is None:
            bad(
                key,
                "UNKNOWN_VALUE",
                f"应为：{'、'.join(words)}",
                f"One of: {', '.join(sorted(set(words.values())))}",
            )
        return code

    def day(key: str) -> date | None:
        text = "".join(values.get(key, "").split())
        if not text:
            return None
        found = _DATE.fullmatch(text)
        found = _DATE.fullmatch(text)
        try:
            if found is not None:
                return date(*map(int, found.groups()))
        except ValueError:
            pass
        bad(key, "DATE", "日期不存在，请写成2026-01-31", "No such date; write it as 2026-01-31")
        return None

    household_no = values.get("household_no", "")
    if not 1 <= len(household_no) <= 40:
        bad(
            "household_no",
            "REQUIRED",
            "请填写户编号，至多40个字",
            "The household number is missing or too long",
        )
    relation = values.get("relation", "")
    if not relation:
        bad("relation", "REQUIRED", "请填写与户主关系", "The relation to the head is missing")
    number = values.get("id_number", "")
    id_type, sex = chosen("id_type", _ID_TYPES), chosen("sex", _SEXES)
    type_, state = chosen("type", _TYPES), chosen("residence_state", _STATES)
    born, honours = day("birth_date"), _honours(values, day, bad, today)
    person = None
    try:
        person = check_person(
            name=values.get("name", ""),
            id_type=id_type or ("RESIDENT_ID" if number else "NONE"),
            id_number=number or None,
            phone=values.get("phone"),
            birth_date=born,
            sex=sex,
            address=values.get("address", "")[:200],
            today=today,
        )
    except ValidationFailed as refusal:
        told = {p.column for p in problems[before:]}
        for p in refusal.fields:
            key = _COLUMN_OF.get(p.path, p.path)
            if title(key) not in told:
                bad(key, p.reason, p.message_zh, p.message_en)
    group = values.get("group", "")
    if len(group) > 50:
        bad("group", "TOO_LONG", "小组名称至多50个字", "The name of a group has at most 50 characters")
    if person is None or len(problems) > before:
        return None
    return SheetRow(
        line,
        household_no,
        person,
        _RELATIONS.get(relation) or _RELATIONS.get(relation.upper(), "OTHER"),
        person.id_hash(keys),
        group or None,
        type_,
        state,
        honours,
    )


def _honours(
    values: dict[str, str],
    day: Callable[[str], date | None],
    bad: Callable[[str, str, str, str], None],
    today: date,
) -> tuple[Honour, ...]:
    out = []
    for key, honour in _HONOURS:
        number = values.get(f"{key}_no", "")
        until = values.get(f"{key}_to", "")
        if not number:
            if until:
                bad(
                    f"{key}_no",
                    "REQUIRED",
                    "填写了有效期，请填写证号",
                    "A validity is given: the number is missing",
                )
            continue
        last = None if until == "长期" else day(f"{key}_to")
        if last is not None and last < today:
            bad(f"{key}_to", "EXPIRED", "证书已过期", "The certificate has expired")
        issuer = values.get(f"{key}_issuer", "") or UNKNOWN_ISSUER
        out.append(Honour(honour, number[:60], issuer[:100], last + timedelta(days=1) if last else None))
    return tuple(out)
