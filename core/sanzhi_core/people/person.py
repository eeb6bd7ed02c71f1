"""What is known of one person: checked once, then kept twice, masked in `resident` and encrypted in `person_secret`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from sanzhi_core.audit.keys import Keys
from sanzhi_core.errors import FieldProblem, ValidationFailed
from sanzhi_core.kit.refusals import InvalidInput
from sanzhi_core.people.idnumber import EARLIEST_BIRTH, adult_on, normalise, parse_citizen_id, parse_phone
from sanzhi_core.people.masking import mask_id, mask_name, mask_phone
from sanzhi_core.people.secrets import blind_index, decrypt, encrypt

ID_TYPES = ("RESIDENT_ID", "HKMT_PERMIT", "PASSPORT", "NONE")
_DOCUMENT = re.compile(r"[0-9A-Z]{5,20}")
_SECRETS = {
    "name_enc": "name",
    "id_number_enc": "id_number",
    "phone_enc": "phone",
    "birth_date_enc": "birth_date",
    "address_enc": "address",
}


@dataclass(frozen=True)
class Person:
    """Checked facts of a person (domain/core.md §4, §5). `repr` shows none of them."""

    name: str = field(repr=False)
    id_type: str
    id_number: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    birth_date: date | None = field(default=None, repr=False)
    sex: str | None = field(default=None, repr=False)
    address: str | None = field(default=None, repr=False)

    def shown(self, keys: Keys) -> dict[str, Any]:
        """Columns of `resident`: masked values, the blind index, and what adulthood needs."""
        born = self.birth_date
        return {
            "masked_name": mask_name(self.name),
            "masked_id_number": mask_id(self.id_number) if self.id_number else None,
            "masked_phone": mask_phone(self.phone) if self.phone else None,
            "id_type": self.id_type,
            "id_number_hash": self.id_hash(keys),
            "sex": self.sex,
            "birth_year": born.year if born else None,
            "adult_on": adult_on(born) if born else None,
            "provisional": self.id_number is None,
        }

    def id_hash(self, keys: Keys) -> bytes | None:
        """Keyed digest of the number, the same for the same number everywhere in this installation."""
        return blind_index(keys, "id_number", self.id_number) if self.id_number else None

    def hidden(self, keys: Keys, resident_id: UUID) -> dict[str, bytes | None]:
        """Columns of `person_secret`, each bound to its place."""
        values = {column: getattr(self, attribute) for column, attribute in _SECRETS.items()}
        return {c: None if v is None else seal(keys, c, resident_id, str(v)) for c, v in values.items()}


def seal(keys: Keys, column: str, resident_id: UUID, value: str) -> bytes:
    """Cipher text for a column of `person_secret`."""
    return encrypt(keys, f"person_secret|{column}|{resident_id}", value.encode())


def unseal(keys: Keys, column: str, resident_id: UUID, cipher: bytes) -> str:
    """The plain text of a column of `person_secret`."""
    return decrypt(keys, f"person_secret|{column}|{resident_id}", cipher).decode()


def check_person(
    *,
    name: str,
    id_type: str,
    id_number: str | None,
    phone: str | None,
    birth_date: date | None,
    sex: str | None,
    address: str | None,
    today: date,
    path: str = "",
) -> Person:
    """A `Person`, or VALIDATION_FAILED with every bad field below `path` (such as "members.0.").

    Birth date and sex come from a citizen ID; when they are given too, they must agree with it. Without a number
    (`NONE`) the birth date is required, because the record stays provisional until it can be told from another.
    """
    problems: list[FieldProblem] = []

    def bad(field_name: str, reason: str, zh: str, en: str) -> None:
        problems.append(FieldProblem(path + field_name, reason, zh, en))

    clean = " ".join(name.split())
    if not 2 <= len(clean) <= 50 or not clean.isprintable() or any(c.isdecimal() for c in clean):
        bad("name", "NAME", "姓名应为2至50个字，不含数字", "A name has 2 to 50 characters and no digits")
    number = normalise(id_number or "") or None
    if id_type not in ID_TYPES:
        bad("idType", "ID_TYPE", "证件类型不在列表中", "Unknown type of document")
    elif id_type == "NONE" and number is not None:
        bad(
            "idType",
            "ID_TYPE",
            "填写了证件号码，请选择证件类型",
            "A number is given: name the type of document",
        )
    elif id_type != "NONE" and number is None:
        bad("idNumber", "REQUIRED", "请填写证件号码", "The number of the document is missing")
    elif id_type == "RESIDENT_ID" and number is not None:
        try:
            citizen = parse_citizen_id(number, today)
        except InvalidInput as refusal:
            bad("idNumber", refusal.reason, refusal.message_zh, refusal.message_en)
        else:
            if birth_date not in (None, citizen.birth_date):
                bad(
                    "birthDate",
                    "DIFFERS_FROM_ID",
                    "出生日期与证件号码不符",
                    "The birth date differs from the ID number",
                )
            if sex not in (None, citizen.sex):
                bad("sex", "DIFFERS_FROM_ID", "性别与证件号码不符", "The sex differs from the ID number")
            number, birth_date, sex = citizen.value, citizen.birth_date, citizen.sex
    else:
        if number is not None and not _DOCUMENT.fullmatch(number):
            bad(
                "idNumber",
                "CHARACTERS",
                "证件号码应为5至20位字母或数字",
                "A document number is 5 to 20 letters or digits",
            )
        if birth_date is None:
            bad(
                "birthDate",
                "REQUIRED",
                "没有身份证号码时请填写出生日期",
                "Without a citizen ID the birth date is required",
            )
        elif not EARLIEST_BIRTH <= birth_date <= today:
            bad(
                "birthDate",
                "BIRTH_RANGE",
                "出生日期应在1850-01-01至今天之间",
                "The birth date must lie between 1850-01-01 and today",
            )
    if sex not in (None, "M", "F"):
        bad("sex", "SEX", "性别应为男或女", "Sex is M or F")
    try:
        phone = parse_phone(phone or "")
    except InvalidInput as refusal:
        bad("phone", refusal.reason, refusal.message_zh, refusal.message_en)
    if problems:
        raise ValidationFailed(
            tuple(problems), detail_zh=problems[0].message_zh, detail_en=problems[0].message_en
        )
    return Person(clean, id_type, number, phone, birth_date, sex, (address or "").strip() or None)
