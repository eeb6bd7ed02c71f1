import csv
import io
import zipfile
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import openpyxl
import pytest

from sanzhi_core.render import Sheet, to_csv, to_xlsx

AT = datetime.fromisoformat("2026-11-22T10:00:00+08:00")
DANGEROUS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1+1",
    "＝1",
    "－1",
    '=HYPERLINK("http://x","y")',
]


def load(*sheets: Sheet) -> Any:
    return openpyxl.load_workbook(io.BytesIO(to_xlsx(sheets, created_at=AT)))


def one(*cells: Any) -> Any:
    return load(Sheet("表", tuple(f"c{n}" for n in range(len(cells))), [cells])).active[2]


def test_types_stay_exact() -> None:
    cells = one(186, -5, True, date(2026, 12, 7), "186/200", "93.00 %", None, "00123", Fraction(3, 5))
    assert [cell.value for cell in cells] == [
        *(186, -5, True, datetime.fromisoformat("2026-12-07"), "186/200", "93.00 %", None, "00123", "3/5"),
    ]
    assert cells[3].number_format == "yyyy-mm-dd"
    assert [cell.data_type for cell in cells] == ["n", "n", "b", "d", "s", "s", "n", "s", "s"]


def test_long_numbers_and_times_become_text() -> None:
    cells = one(990428198512310023, 999_999_999_999_999, AT, date(1850, 1, 1))
    assert [cell.value for cell in cells] == [
        *("990428198512310023", 999_999_999_999_999, "2026-11-22T10:00:00+08:00", "1850-01-01"),
    ]


@pytest.mark.parametrize("text", DANGEROUS)
def test_formulas_are_only_text(text: str) -> None:
    data = to_xlsx([Sheet(text, (text,), [(text,)])], created_at=AT)
    cell = openpyxl.load_workbook(io.BytesIO(data)).active["A2"]
    assert cell.data_type == "s"
    assert cell.quotePrefix
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
        assert b"<f>" not in sheet
        assert b"<hyperlink" not in sheet.lower()
    (header,), (value,) = list(
        csv.reader(io.StringIO(to_csv([text], [(text,)]).decode("utf-8-sig"), newline=""))
    )
    assert header.startswith("'")
    assert value == header


def test_header_is_frozen_and_columns_are_wide_enough() -> None:
    sheet = load(Sheet("表", ("户主姓名", "说明"), [("阿卜杜热合曼", "长" * 500)])).active
    assert sheet.freeze_panes == "A2"
    assert sheet.column_dimensions["A"].width == pytest.approx(14, abs=1)
    assert sheet.column_dimensions["B"].width < 64


def test_sheet_titles_are_made_acceptable_and_distinct() -> None:
    titles = ["东和村[1]/组", "a" * 40, "A" * 40, "", "History", "'x'", "东和村[1]/组"]
    assert load(*(Sheet(title, ("c",), []) for title in titles)).sheetnames == [
        *("东和村_1__组", "a" * 31, "A" * 27 + " (2)", "Sheet", "History_", "x", "东和村_1__组 (2)"),
    ]


@pytest.mark.parametrize("bad", [0.93, float("nan"), [1], b"x", datetime.fromisoformat("2026-01-01T00:00")])
def test_inexact_cells_are_refused(bad: Any) -> None:
    with pytest.raises(TypeError):
        one(bad)
    with pytest.raises(TypeError):
        to_csv(["c"], [(bad,)])


def test_refusals() -> None:
    with pytest.raises(ValueError, match="32767"):
        one("x" * 32_768)
    with pytest.raises(ValueError, match="row 1 has 1 cells"):
        load(Sheet("表", ("a", "b"), [("x",)]))  # type: ignore[list-item]
    with pytest.raises(ValueError, match="row 1 has 1 cells"):
        to_csv(["a", "b"], [("x",)])
    with pytest.raises(ValueError, match="offset"):
        to_xlsx([], created_at=AT.replace(tzinfo=None))


def test_same_input_same_bytes() -> None:
    sheets = [Sheet("表", ("a", "b"), [("x", 1), ("=y", date(2026, 1, 1))])]
    first = to_xlsx(sheets, created_at=AT)
    assert first == to_xlsx(sheets, created_at=AT.astimezone(UTC))
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert b"2026-11-22T02:00:00Z</dcterms:created>" in archive.read("docProps/core.xml")


def test_csv_opens_right_in_excel() -> None:
    data = to_csv(["户主", "数", "日"], [('张"三\n', -5, date(2026, 1, 2)), ("李四", True, None)])
    assert data == '\ufeff"户主","数","日"\r\n"张""三\n",-5,"2026-01-02"\r\n"李四","TRUE",""\r\n'.encode()


def test_control_characters_do_not_break_the_file() -> None:
    assert one("a\x00b\x1fc\ufffe")[0].value is not None
