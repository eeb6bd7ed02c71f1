"""One door for both formats."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from sanzhi_core.people.spreadsheet.excel import CellText, excel_rows
from sanzhi_core.people.spreadsheet.header import SEARCHED_ROWS, Columns, Header, find_header
from sanzhi_core.people.spreadsheet.problem import SpreadsheetProblem, problem
from sanzhi_core.people.spreadsheet.text_file import csv_rows

MAX_ROWS = 200_000
MAX_CELL_CHARS = 1_000
_ZIP = b"PK\x03\x04"
_SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d+)?[eE][+-]?\d+")

Row = tuple[int, dict[str, str]]


def read_rows(
    source: str | os.PathLike[str] | BinaryIO,
    filename: str,
    columns: Columns,
    *,
    sheet: str | None = None,
    on_problem: Callable[[SpreadsheetProblem], None] | None = None,
    on_ignored: Callable[[tuple[str, ...]], None] | None = None,
    max_rows: int = MAX_ROWS,
) -> Iterator[Row]:
    """Rows as (row number that Excel shows, field key → text); empty rows are skipped but counted.

    Keys are those of `columns.aliases` whose column is present; a missing cell is "". Text is trimmed and
    freed of invisible characters; dates are ISO; whole numbers have no ".0". `source` is a path or a
    seekable binary file (left open). `on_ignored` is told the headings that mean nothing to the caller.

    Raises SpreadsheetProblem for the file and its header at the first row asked for. A bad row is handed to
    `on_problem` (once per bad cell) and skipped; without `on_problem` it is raised. Blocking: not for the
    event loop.
    """
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            yield from _rows(file, filename, columns, sheet, on_problem, on_ignored, max_rows)
    else:
        yield from _rows(source, filename, columns, sheet, on_problem, on_ignored, max_rows)


def _rows(
    file: BinaryIO,
    filename: str,
    columns: Columns,
    sheet: str | None,
    on_problem: Callable[[SpreadsheetProblem], None] | None,
    on_ignored: Callable[[tuple[str, ...]], None] | None,
    max_rows: int,
) -> Iterator[Row]:
    header, rows = _open(file, filename, columns, sheet)
    if on_ignored is not None and header.ignored:
        on_ignored(header.ignored)
    taken = 0
    for line, cells in rows:
        values, problems = _row(line, cells, header, columns)
        if not problems and not any(values.values()):
            continue
        taken += 1
        if taken > max_rows:
            raise problem("too_many_rows", line, limit=max_rows)
        if not problems:
            yield line, values
        elif on_problem is None:
            raise problems[0]
        else:
            for bad in problems:
                on_problem(bad)


def _open(
    file: BinaryIO, filename: str, columns: Columns, sheet: str | None
) -> tuple[Header, Iterator[tuple[int, Sequence[CellText]]]]:
    suffix = os.path.splitext(filename)[1].lower()
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    # The content decides; a name that says otherwise is refused, not trusted.
    if suffix == ".xlsx" and start == _ZIP:
        return excel_rows(file, columns, sheet)
    if suffix != ".csv" or start == _ZIP or start == b"\xd0\xcf\x11\xe0":
        raise problem("unsupported_file")
    return _open_csv(file, columns)


def _open_csv(file: BinaryIO, columns: Columns) -> tuple[Header, Iterator[tuple[int, Sequence[CellText]]]]:
    rows = csv_rows(file)
    top = []
    for line, cells in rows:
        top.append((line, cells))
        if len(top) > SEARCHED_ROWS:
            break
    header = find_header([[trimmed(cell) for cell in cells] for _, cells in top], columns)
    if header is None:
        raise problem("header_not_found", names=columns.required_names)
    return header, ((line, cells) for line, cells in chain(top, rows) if line > header.last_line)


def _row(
    line: int, cells: Sequence[CellText], header: Header, columns: Columns
) -> tuple[dict[str, str], list[SpreadsheetProblem]]:
    values: dict[str, str] = {}
    problems: list[SpreadsheetProblem] = []
    for at, (key, heading) in header.fields.items():
        cell = cells[at] if at < len(cells) else ""
        if isinstance(cell, SpreadsheetProblem):
            cell.column = heading
            problems.append(cell)
            continue
        text = trimmed(cell)
        if len(text) > MAX_CELL_CHARS:
            problems.append(problem("cell_too_long", line, heading, limit=MAX_CELL_CHARS))
        elif key in columns.numbers and _SCIENTIFIC.fullmatch(text):
            problems.append(problem("precision_lost", line, heading))
        else:
            values[key] = text
    # An unquoted comma has moved the cells to the right: none of them can be trusted.
    if any(cell for cell in cells[header.cells :] if not isinstance(cell, SpreadsheetProblem)):
        problems.append(problem("surplus_cells", line))
    return values, problems


def trimmed(text: str) -> str:
    """Without outer spaces of any width and the invisible characters that chat programs put round numbers."""
    if text.isprintable():
        return text.strip()
    shown = ("" if unicodedata.category(char) == "Cf" else char for char in text)
    return "".join(" " if char and unicodedata.category(char) == "Cc" else char for char in shown).strip()
