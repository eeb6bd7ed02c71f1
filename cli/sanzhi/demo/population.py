"""Invented people that nobody can take for real ones, as the Excel file a village clerk would keep.

ID numbers begin with 990428: province 99 does not exist, the check digit is right. Given names begin with 样 (sample),
telephone numbers with 1000, a range no operator has. The same seed gives the same people.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random
from typing import Final

import xlsxwriter

AREA: Final = "990428"
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
_SURNAMES: Final = "赵钱孙李周吴郑王冯陈卫蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜"
_GIVEN: Final = "安宁康乐平和顺福禄春夏秋冬东南西北山川林田禾麦谷雨雪云霞星月明亮文武忠孝仁义礼智信"
GROUPS: Final = ("第一小组", "第二小组", "第三小组")
HEADINGS: Final = (
    "户编号", "村民小组", "户类型", "姓名", "与户主关系", "身份证号", "电话", "退役军人证号", "退役军人证发证单位",
    "道德模范证号", "道德模范证发证单位",
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """One row of the file."""

    household_no: str
    group: str
    type: str
    name: str
    relation: str
    id_number: str
    phone: str = ""
    veteran_no: str = ""
    moral_no: str = ""

    def cells(self) -> tuple[str, ...]:
        """The row in the order of `HEADINGS`."""
        issuers = ("演示县退役军人事务局" if self.veteran_no else "", "演示县文明办" if self.moral_no else "")
        return (
            self.household_no, self.group, self.type, self.name, self.relation, self.id_number, self.phone,
            self.veteran_no, issuers[0], self.moral_no, issuers[1],
        )  # fmt: skip


def id_number(born: date, sequence: int) -> str:
    """A citizen ID of the area that does not exist, with the right check digit (GB 11643-1999)."""
    body = f"{AREA}{born:%Y%m%d}{sequence:03d}"
    return body + _CHECKS[sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True)) % 11]


def spoiled(person: Person) -> Person:
    """The same row with a wrong check digit, as a clerk might mistype it."""
    wrong = "1" if person.id_number[-1] != "1" else "2"
    return replace(person, id_number=person.id_number[:-1] + wrong)


def population(
    village: int, farm: int, others: int = 1, *, veterans: Sequence[int] = (), models: Sequence[int] = ()
) -> list[Person]:
    """`farm` farm households and `others` non-farm ones, heads first in each. `veterans`, `models`: their numbers.

    Every seventh household has no telephone, so that the paper list is needed.
    """
    random = Random(f"sanzhi demo {village}")
    people: list[Person] = []
    used: set[str] = set()

    def born(low: int, high: int) -> str:
        while True:
            day = date(random.randint(low, high), 1, 1) + timedelta(days=random.randrange(365))
            number = id_number(day, random.randrange(1000))
            if number not in used:
                used.add(number)
                return number

    for n in range(1, farm + others + 1):
        surname, given = random.choice(_SURNAMES), random.sample(_GIVEN, 4)
        no, group = f"{n:03d}", GROUPS[n % len(GROUPS)]
        kind = "农户" if n <= farm else "非农户"
        phone = "" if n % 7 == 0 else f"1000{village:02d}{n:05d}"
        head = Person(no, group, kind, f"{surname}样{given[0]}", "户主", born(1955, 1985), phone)
        if n in veterans:
            head = replace(head, veteran_no=f"演示退役{village}-{no}")
        if n in models:
            head = replace(head, moral_no=f"演示模范{village}-{no}")
        people.append(head)
        people.append(
            Person(no, group, kind, f"{random.choice(_SURNAMES)}样{given[1]}", "配偶", born(1956, 1986))
        )
        people += [
            Person(no, group, kind, f"{surname}样{given[2 + i]}", "子女", born(1990, 2018))
            for i in range(random.randrange(3))
        ]
    return people


def workbook(people: Sequence[Person], village_name: str) -> bytes:
    """The Excel file, with a title row above the headings as clerks make it."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet("户籍")
        sheet.write_string(0, 0, f"{village_name}农户与居民登记表（演示数据，全部虚构）")
        for row, cells in enumerate((HEADINGS, *(p.cells() for p in people)), start=1):
            for column, text in enumerate(cells):
                if text:
                    sheet.write_string(row, column, text)
        sheet.freeze_panes(2, 0)
    return buffer.getvalue()
