"""Cells of an .xlsx as exact text."""

import warnings
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, time, timedelta
from itertools import islice
from math import isfinite
from typing import Any, BinaryIO

from sanzhi_core.people.spreadsheet.archive import SheetFacts, look_over
from sanzhi_core.people.spreadsheet.header import SEARCHED_ROWS, Columns, Header, find_header
from sanzhi_core.people.spreadsheet.problem import SpreadsheetProblem, problem

# Excel keeps 15 significant digits. A number that long may be the rest of a longer one.
_LOST_FROM = 10**14
_BATCH = 500
_WIDEST_HEADER = 256

CellText = str | SpreadsheetProblem


def excel_rows(
    file: BinaryIO, columns: Columns, sheet: str | None
) -> tuple[Header, Iterator[tuple[int, list[CellText]]]]:
    """The heading and the rows below it; the one visible sheet that has the heading, or the one named.

    A cell that cannot be taken as it is stands as a SpreadsheetProblem in its place.
    """
    facts = look_over(file)
    file.seek(0)
    book = _open(file)
    candidates = [
        page
        for page in book.worksheets
        if (page.title == sheet if sheet is not None else page.sheet_state == "visible")
    ]
    found: list[tuple[Any, Header]] = []
    for page in candidates:
        page.reset_dimensions()  # the file's own claim may be too small: rows would vanish
        top = [
            [cell if isinstance(cell, str) else "" for cell in row]
            for _, row in _texts(page, SheetFacts(SEARCHED_ROWS + 1), _WIDEST_HEADER, set())
        ]
        header = find_header(top, columns)
        if header is not None:
            found.append((page, header))
    if not found:
        raise problem("header_not_found", names=columns.required_names)
    if len(found) > 1:
        raise problem("several_sheets", names="、".join(page.title for page, _ in found))
    page, header = found[0]
    known = facts.get(page._worksheet_path)
    if known is None:  # a sheet in a place that was not looked over as a sheet
        raise problem("unsafe_file")
    numbers = {at for at, (key, _) in header.fields.items() if key in columns.numbers}
    rows = _texts(page, known, header.width, numbers)
    return header, ((line, row) for line, row in rows if line > header.last_line)


def _open(file: BinaryIO) -> Any:
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about charts and extensions that are not read anyway
            return openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # whatever a damaged file makes the library stumble over
        raise problem("unreadable_file") from error


def _texts(
    page: Any, facts: SheetFacts, width: int, numbers: set[int]
) -> Iterator[tuple[int, list[CellText]]]:
    line = 0
    with closing(page.iter_rows(max_col=width)) as rows:
        while line < facts.last_row:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # dates out of range come as error cells below
                    batch = list(islice(rows, min(_BATCH, facts.last_row - line)))
            except Exception as error:  # as above; the parts were looked over, but not their meaning
                raise problem("unreadable_file", line + 1) from error
            if not batch:
                return
            for row in batch:
                line += 1
                yield (
                    line,
                    [
                        problem("formula", line)
                        if facts.formulas and (line, at + 1) in facts.formulas
                        else _text(cell, line, at in numbers)
                        for at, cell in enumerate(row)
                    ],
                )


def _text(cell: Any, line: int, is_number: bool) -> CellText:
    value: object = cell.value
    if value is None:
        return ""
    if cell.data_type == "e":
        return problem("error_value", line)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _number(value, line, is_number)
    if isinstance(value, datetime | date | time):
        if is_number:
            return problem("date_for_number", line)
        if isinstance(value, datetime) and value.time() == time(0):
            value = value.date()
        return value.isoformat()
    if isinstance(value, timedelta):
        return problem("date_for_number", line) if is_number else str(value)
    return problem("unreadable_file", line)


def _number(value: int | float, line: int, is_number: bool) -> CellText:
    if isinstance(value, float):
        if not isfinite(value):
            return problem("error_value", line)
        if not value.is_integer():
            # A quantity such as 1.5 mu of land; no identifying number has a fraction.
            return problem("precision_lost", line) if is_number else repr(value)
        value = int(value)
    return problem("precision_lost", line) if abs(value) >= _LOST_FROM else str(value)
