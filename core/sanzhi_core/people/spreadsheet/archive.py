"""Looks over an .xlsx before the library reads it: bombs, document types, and facts about each sheet.

Streams every part through expat in constant memory. openpyxl alone would believe the sheet's own claim of
its size (and silently drop rows), follow a row of millions of cells into memory, and rewrite formulas.
"""

import re
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import BinaryIO
from xml.parsers import expat

from sanzhi_core.people.spreadsheet.problem import problem

MAX_BYTES = 300 * 1024 * 1024
MAX_RATIO = 200
_RATIO_FREE = 1024 * 1024  # small parts may compress as well as they like
_MAX_MEMBERS = 2_000
_MAX_ROWS = 1_048_576
_MAX_CELLS_IN_ROW = 16_384
_MAX_FORMULAS = 500_000
_MAX_STRINGS = 3_000_000
_MAX_OTHER_ELEMENTS = 300_000  # these parts are read as whole trees
_MAX_SILENCE = 1024 * 1024  # bytes without a new element: one giant text or attribute
_CHUNK = 1 << 16
_NS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main "
_LETTERS = re.compile(r"[A-Z]+")


# Broken or cut off, an unknown compression, encrypted.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


@dataclass(slots=True)
class SheetFacts:
    """`last_row`: the lowest row with a value or formula; `formulas`: their (row, column), from 1."""

    last_row: int = 0
    formulas: set[tuple[int, int]] = field(default_factory=set)


def look_over(file: BinaryIO) -> dict[str, SheetFacts]:
    """Facts by the name of each worksheet part. Raises SpreadsheetProblem for anything hostile or damaged."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _weigh(members)
            return {
                member.filename: facts for member in members if (facts := _scan(archive, member)) is not None
            }
    except _UNREADABLE as error:
        raise problem("unreadable_file") from error


def _weigh(members: list[zipfile.ZipInfo]) -> None:
    # The stated sizes bind: zipfile never reads more of a member than its stated size.
    full = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if len(members) > _MAX_MEMBERS or full > MAX_BYTES or (full > _RATIO_FREE and full > MAX_RATIO * packed):
        raise problem("file_too_large")
    for member in members:
        if member.file_size > _RATIO_FREE and member.file_size > MAX_RATIO * member.compress_size:
            raise problem("file_too_large")


def _scan(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> SheetFacts | None:
    name = member.filename.lower()
    is_sheet = name.startswith("xl/worksheets/") and name.endswith(".xml")
    limit = _MAX_STRINGS if name == "xl/sharedstrings.xml" else _MAX_OTHER_ELEMENTS
    facts = SheetFacts()
    counter = _SheetCounter(facts) if is_sheet else _ElementCounter(limit)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = counter.start
    parser.StartDoctypeDeclHandler = _refuse_doctype
    silent = seen = 0
    with archive.open(member) as part:
        while chunk := part.read(_CHUNK):
            try:
                parser.Parse(chunk, False)
            except expat.ExpatError as error:
                if is_sheet or name.endswith((".xml", ".rels")):
                    raise problem("unreadable_file") from error
                return None  # a picture or a printer setting
            silent, seen = (silent + len(chunk) if counter.elements == seen else 0), counter.elements
            if silent > _MAX_SILENCE:
                raise problem("unsafe_file")
    return facts if is_sheet else None


def _refuse_doctype(*_: object) -> None:
    raise problem("unsafe_file")


class _ElementCounter:
    def __init__(self, limit: int) -> None:
        self.elements = 0
        self._limit = limit

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        if self.elements > self._limit:
            raise problem("unsafe_file")


class _SheetCounter:
    """Follows rows and cells the way openpyxl numbers them: `r`, or one more than the one before."""

    def __init__(self, facts: SheetFacts) -> None:
        self.elements = 0
        self._facts = facts
        self._rows = self._row = self._cells = self._after = 0
        self._reference = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        if tag == _NS + "c":
            self._cells += 1
            if self._cells > _MAX_CELLS_IN_ROW:
                raise problem("unsafe_file", self._row)
            if reference := attributes.get("r"):
                self._reference, self._after = reference, 0
            else:
                self._after += 1
        elif tag == _NS + "v" or tag == _NS + "is":
            if self._row > self._facts.last_row:
                self._facts.last_row = self._row
        elif tag == _NS + "f":
            self._facts.last_row = max(self._facts.last_row, self._row)
            self._facts.formulas.add((self._row, _column(self._reference) + self._after))
            if len(self._facts.formulas) > _MAX_FORMULAS:
                raise problem("formula", self._row)
        elif tag == _NS + "row":
            self._rows += 1
            self._row = int(number) if (number := attributes.get("r", "")).isdecimal() else self._row + 1
            if self._rows > _MAX_ROWS or self._row > _MAX_ROWS:
                raise problem("unsafe_file")
            self._cells = self._after = 0
            self._reference = ""


def _column(reference: str) -> int:
    letters = _LETTERS.match(reference)
    number = 0
    for letter in letters[0] if letters else "":
        number = number * 26 + ord(letter) - 64
    return number
