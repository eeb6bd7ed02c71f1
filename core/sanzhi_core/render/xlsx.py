"""Tables for the office: Excel workbooks and CSV, safe against formula injection."""

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction

from sanzhi_core.render.text import clean, display_width

SheetCell = str | int | bool | date | datetime | Fraction | None

MAX_CELL_CHARS = 32_767  # Excel's own limits
MAX_ROWS = 1_048_576
_EXACT_INT = 10**15  # Excel keeps 15 significant digits
_WIDEST_COLUMN = 60
# What a spreadsheet may take for the start of a formula, the full-width forms included (OWASP CSV injection).
_FORMULA_START = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: a header row and rows of cells. Ratios come as text ("186/200"), exact as they are."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[SheetCell, ...]]


def to_xlsx(sheets: Sequence[Sheet], *, created_at: datetime) -> bytes:
    """The sheets as one .xlsx with frozen header rows; equal input gives equal bytes.

    No cell is ever a formula or a link. Whole numbers and dates keep their type; numbers beyond 15 digits,
    fractions and times with offset become text. `created_at` needs an offset. CPU-bound.
    Raises TypeError for floats, ValueError for text over 32,767 characters or rows of another length.
    """
    import xlsxwriter

    if created_at.tzinfo is None:
        raise ValueError("created_at needs an offset")
    # Everything is checked before the first temporary file is made.
    widths = [_widths(sheet) for sheet in sheets]
    out = io.BytesIO()
    options = {
        "constant_memory": True,  # 200,000 rows in 90 MB instead of 500
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        xlsxwriter.Workbook(out, {**options, "tmpdir": folder}) as book,
    ):
        book.set_properties({"created": created_at.astimezone(UTC).replace(tzinfo=None)})
        header = book.add_format({"bg_color": "#F7E9E6", "bottom": 1, "text_wrap": True, "valign": "top"})
        plain = book.add_format({"text_wrap": True, "valign": "top"})
        # quotePrefix keeps a cell text even when somebody edits it and presses Enter.
        quoted = book.add_format({"text_wrap": True, "valign": "top", "quote_prefix": True})
        day = book.add_format({"num_format": "yyyy-mm-dd", "valign": "top", "align": "left"})
        whole = book.add_format({"num_format": "0", "valign": "top"})
        titles: set[str] = set()
        for sheet, sheet_widths in zip(sheets, widths, strict=True):
            page = book.add_worksheet(_sheet_title(sheet.title, titles))
            for at, width in enumerate(sheet_widths):
                page.set_column(at, at, min(width, _WIDEST_COLUMN) + 2)
            page.freeze_panes(1, 0)
            page.repeat_rows(0)
            for at, name in enumerate(sheet.columns):
                page.write_string(0, at, clean(name), header)
            for number, row in enumerate(sheet.rows, start=1):
                for at, cell in enumerate(row):
                    value = _excel_value(cell)
                    if isinstance(value, bool):
                        page.write_boolean(number, at, value)
                    elif isinstance(value, int):
                        page.write_number(number, at, value, whole)
                    elif isinstance(value, date):
                        page.write_datetime(number, at, value, day)
                    elif value:
                        page.write_string(number, at, value, quoted if _FORMULA_START.match(value) else plain)
    return out.getvalue()


def _widths(sheet: Sheet) -> list[int]:
    """Display width of each column. Raises what `to_xlsx` raises."""
    if len(sheet.rows) >= MAX_ROWS:
        raise ValueError(f"more than {MAX_ROWS - 1} rows do not fit on one sheet")
    widths = [display_width(_checked(clean(name))) for name in sheet.columns]
    for number, row in enumerate(sheet.rows, start=1):
        _same_length(row, sheet.columns, number)
        widths = [
            max(width, display_width(str(_excel_value(cell))))
            for width, cell in zip(widths, row, strict=True)
        ]
    return widths


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[SheetCell]]) -> bytes:
    """One table as CSV for Excel and WPS: UTF-8 with BOM, CRLF, all text quoted.

    Text that a spreadsheet would run as a formula gets an apostrophe in front. Same refusals as `to_xlsx`.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([_defused(clean(name)) for name in columns])
    for number, row in enumerate(rows, start=1):
        _same_length(row, columns, number)
        writer.writerow([_csv_value(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")


def _same_length(row: Sequence[SheetCell], columns: Sequence[str], number: int) -> None:
    if len(row) != len(columns):
        raise ValueError(f"row {number} has {len(row)} cells, there are {len(columns)} columns")


def _excel_value(cell: SheetCell) -> str | int | bool | date:
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, int):
        return cell if abs(cell) < _EXACT_INT else str(cell)
    if isinstance(cell, date) and not isinstance(cell, datetime) and cell.year >= 1900:
        return cell
    return _checked(_as_text(cell))


def _csv_value(cell: SheetCell) -> str | int:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int):
        return cell
    return _defused(_as_text(cell))


def _as_text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return clean(cell)
    if isinstance(cell, Fraction):
        return f"{cell.numerator}/{cell.denominator}"
    if isinstance(cell, datetime | date | int):
        if isinstance(cell, datetime) and cell.tzinfo is None:
            raise TypeError("a datetime without offset cannot be written")
        return cell.isoformat() if isinstance(cell, date) else str(cell)
    raise TypeError(f"{type(cell).__name__} cannot be written to a sheet; counts are ints, ratios are text")


def _defused(text: str) -> str:
    return f"'{text}" if _FORMULA_START.match(text) else text


def _checked(text: str) -> str:
    if len(text) > MAX_CELL_CHARS:
        raise ValueError(f"a cell holds at most {MAX_CELL_CHARS} characters, not {len(text)}")
    return text


def _sheet_title(title: str, taken: set[str]) -> str:
    """A name Excel accepts: at most 31 characters, none of []:*?/\\, unlike the others whatever the case."""
    base = "".join("_" if char in "[]:*?/\\" else char for char in clean(title).replace("\n", " ")).strip(
        "' "
    )
    base = base[:31].rstrip("' ") or "Sheet"
    if base.lower() == "history":  # reserved by Excel
        base += "_"
    name, number = base, 2
    while name.lower() in taken:
        suffix = f" ({number})"
        name, number = base[: 31 - len(suffix)] + suffix, number + 1
    taken.add(name.lower())
    return name
