"""Finds the heading row under title rows, merged headings and notes such as （必填）."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sanzhi_core.people.spreadsheet.problem import problem

SEARCHED_ROWS = 20
_NOTE = re.compile(r"\(.*?\)|\[.*?\]|【.*?】|[\s*:：、]")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns a caller understands.

    `aliases`: field key → the headings it may have, in any language. `required`: keys without which a row is
    no heading row. `numbers`: keys of identifying numbers (ID, phone, codes), which must come as exact text.
    """

    aliases: Mapping[str, Sequence[str]]
    required: frozenset[str]
    numbers: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.required or not (self.required | self.numbers) <= self.aliases.keys():
            raise ValueError("required and numbers must name keys of aliases, required at least one")
        by_heading(self)

    @property
    def required_names(self) -> str:
        """The usual heading of each required column, for messages."""
        return "、".join(
            (*headings, key)[0] for key, headings in self.aliases.items() if key in self.required
        )


@dataclass(frozen=True, slots=True)
class Header:
    """`fields`: column index → (key, heading as written). `last_line`: the lowest heading row; `cells`: its
    width, with the columns that mean nothing to the caller."""

    last_line: int
    cells: int
    fields: Mapping[int, tuple[str, str]]
    ignored: tuple[str, ...]

    @property
    def width(self) -> int:
        return max(self.fields) + 1


def by_heading(columns: Columns) -> dict[str, str]:
    """Normalised heading → key. Raises ValueError where one heading would mean two keys."""
    known: dict[str, str] = {}
    for key, headings in columns.aliases.items():
        for heading in (key, *headings):
            if known.setdefault(normalised(heading), key) != key:
                raise ValueError(f"heading {heading!r} stands for {known[normalised(heading)]} and {key}")
    return known


def normalised(heading: str) -> str:
    """身份证号码（必填）* → 身份证号码; full-width letters and case do not matter."""
    return _NOTE.sub("", unicodedata.normalize("NFKC", heading).casefold())


def find_header(rows: Sequence[Sequence[str]], columns: Columns) -> Header | None:
    """The heading among the first rows of a sheet (`rows[0]` is line 1), or None.

    A heading may span two rows (户主信息 over 姓名 and 身份证号): the lower cell wins, else the upper one
    merged down. Raises SpreadsheetProblem where two columns mean the same.
    """
    known = by_heading(columns)
    for at, row in enumerate(rows[:SEARCHED_ROWS]):
        below = rows[at + 1] if at + 1 < len(rows) else ()
        both = [
            (below[x] if x < len(below) else "") or (row[x] if x < len(row) else "")
            for x in range(max(len(row), len(below)))
        ]
        lower = [cell for cell in below if cell]
        goes_on = bool(lower) and all(normalised(cell) in known for cell in lower)
        if columns.required <= _keys(row, known):
            return _header(both, at + 2, known) if goes_on else _header(row, at + 1, known)
        # The upper row must add something, else it is only a title.
        if goes_on and columns.required <= _keys(both, known) != _keys(below, known):
            return _header(both, at + 2, known)
    return None


def _keys(row: Sequence[str], known: Mapping[str, str]) -> set[str]:
    return {known[name] for cell in row if cell and (name := normalised(cell)) in known}


def _header(row: Sequence[str], line: int, known: Mapping[str, str]) -> Header:
    fields: dict[int, tuple[str, str]] = {}
    seen: dict[str, str] = {}
    ignored = []
    for at, heading in enumerate(row):
        key = known.get(normalised(heading)) if heading else None
        if key is None:
            ignored += [heading] if heading else []
            continue
        if key in seen:
            raise problem("duplicate_column", line, heading, names=f"{seen[key]}, {heading}")
        seen[key] = heading
        fields[at] = (key, heading)
    return Header(line, len(row), fields, tuple(ignored))
