"""Tables as villages really keep them, made here by openpyxl, xlsxwriter or by hand."""

import io
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from sanzhi_core.people.spreadsheet import Columns, SpreadsheetProblem, read_rows

COLUMNS = Columns(
    aliases={
        "name": ("姓名", "户主姓名", "Name"),
        "id_number": ("身份证号", "公民身份号码", "ID number"),
        "phone": ("手机号", "联系电话", "Phone"),
        "birth": ("出生日期", "Date of birth"),
        "land": ("承包地（亩）", "Land"),
    },
    required=frozenset({"name", "id_number"}),
    numbers=frozenset({"id_number", "phone"}),
)
ID = "990428198512310023"
HEAD = ("姓名", "身份证号", "手机号", "出生日期", "承包地")


def workbook(*rows: tuple[object, ...]) -> io.BytesIO:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    return saved(book)


def saved(book: openpyxl.Workbook) -> io.BytesIO:
    out = io.BytesIO()
    book.save(out)
    return out


def read(file: io.BytesIO, name: str = "农户.xlsx", **options: object) -> list[tuple[int, dict[str, str]]]:
    return list(read_rows(file, name, COLUMNS, **options))


def refusal(file: io.BytesIO, name: str = "农户.xlsx", **options: object) -> SpreadsheetProblem:
    with pytest.raises(SpreadsheetProblem) as caught:
        read(file, name, **options)
    return caught.value


def test_cells_become_exact_text() -> None:
    rows = read(
        workbook(
            HEAD,
            ("张三", ID, 13800000000, date(1985, 12, 31), 3.5),
            ("李四", ID, 2.0, datetime.fromisoformat("1990-01-02T03:04:00"), 7),
        )
    )
    assert rows == [
        (2, {"name": "张三", "id_number": ID, "phone": "13800000000", "birth": "1985-12-31", "land": "3.5"}),
        (3, {"name": "李四", "id_number": ID, "phone": "2", "birth": "1990-01-02T03:04:00", "land": "7"}),
    ]


def test_missing_optional_column_is_absent_and_missing_cell_is_empty() -> None:
    assert read(workbook(("姓名", "身份证号", "手机号"), ("张三", ID))) == [
        (2, {"name": "张三", "id_number": ID, "phone": ""})
    ]


def test_header_by_alias_under_title_with_notes_and_order_changed() -> None:
    ignored: list[tuple[str, ...]] = []
    rows = read(
        workbook(
            ("示例镇东和村农户登记表",),
            (),
            ("序号", "民族", "ＩＤ Number", " 户主姓名 （必填）*"),
            (1, "x", ID, "张三"),
        ),
        on_ignored=ignored.append,
    )
    assert rows == [(4, {"id_number": ID, "name": "张三"})]
    assert ignored == [("序号", "民族")]


def test_merged_header_of_two_rows() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(("东和村农户登记表",))
    sheet.append(("户主信息", None, None, "承包地"))
    sheet.append(("姓名", "身份证号", "手机号"))
    sheet.append(("张三", ID, "13800000000", 2))
    sheet.merge_cells("A1:D1")
    sheet.merge_cells("A2:C2")
    sheet.merge_cells("D2:D3")
    assert read(saved(book)) == [(4, {"name": "张三", "id_number": ID, "phone": "13800000000", "land": "2"})]


def test_merged_header_whose_upper_row_already_suffices() -> None:
    rows = read(
        workbook(
            ("姓名", "身份证号", "其他", None), (None, None, "手机号", "出生日期"), ("张三", ID, "1", "2")
        )
    )
    assert rows == [(3, {"name": "张三", "id_number": ID, "phone": "1", "birth": "2"})]


def test_empty_lines_are_skipped_but_counted() -> None:
    rows = read(workbook(HEAD, (), ("张三", ID), (" ", "　"), (), ("李四", ID)))
    assert [(line, row["name"]) for line, row in rows] == [(3, "张三"), (6, "李四")]
    rows = read(io.BytesIO(f"姓名,身份证号\n\n张三,{ID}\n,\n\n李四,{ID}\n".encode()), "a.csv")
    assert [(line, row["name"]) for line, row in rows] == [(3, "张三"), (6, "李四")]


def test_a_serial_number_alone_is_an_empty_line() -> None:
    rows = read(
        workbook(("序号", "姓名", "身份证号"), (1, "张三", ID), (2, None, None), ("=A3+1", None, None))
    )
    assert [line for line, _ in rows] == [2]


def test_invisible_characters_are_removed() -> None:
    rows = read(workbook(HEAD, ("\u3000张 三\xa0", f"\u202d{ID}\u202c", "138\u200b0000\t")))
    assert rows[0][1] == {"name": "张 三", "id_number": ID, "phone": "1380000", "birth": "", "land": ""}


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (990428198512310023, "precision_lost"),
        (9.90428198512310e17, "precision_lost"),
        (123456789012345, "precision_lost"),
        (1380000.5, "precision_lost"),
        ("9.90428E+17", "precision_lost"),
        (date(2026, 1, 1), "date_for_number"),
        ("=MID(A1,1,2)", "formula"),
        ("x" * 1001, "cell_too_long"),
    ],
)
def test_bad_number_cells_are_refused_with_row_and_column(cell: object, reason: str) -> None:
    file = workbook(("户主姓名", "公民身份号码"), ("张三", ID), ("李四", cell), ("王五", ID))
    found: list[SpreadsheetProblem] = []
    rows = read(file, on_problem=found.append)
    assert [row["name"] for _, row in rows] == ["张三", "王五"]
    assert [(p.line, p.column, p.reason_key) for p in found] == [(3, "公民身份号码", f"spreadsheet.{reason}")]
    assert str(cell) not in found[0].message_zh + found[0].message_en
    assert refusal(file).line == 3


def test_fourteen_digits_as_a_number_are_still_exact() -> None:
    assert read(workbook(HEAD, ("张三", 12345678901234)))[0][1]["id_number"] == "12345678901234"


def test_error_values_are_refused() -> None:
    book = openpyxl.Workbook()
    book.active.append(HEAD)
    book.active.append(("张三", ID))
    book.active["C2"].value = "#N/A"
    book.active["C2"].data_type = "e"
    assert refusal(saved(book)).reason_key == "spreadsheet.error_value"


def test_date_beyond_the_calendar_is_refused() -> None:
    book = openpyxl.Workbook()
    book.active.append(HEAD)
    book.active.append(("张三", ID, "1", 99999999))
    book.active["D2"].number_format = "yyyy-mm-dd"
    problem = refusal(saved(book))
    assert (problem.reason_key, problem.line, problem.column) == ("spreadsheet.error_value", 2, "出生日期")


def test_header_missing_names_what_is_missing() -> None:
    problem = refusal(workbook(("姓名", "备注"), ("张三", "x")))
    assert problem.reason_key == "spreadsheet.header_not_found"
    assert "姓名、身份证号" in problem.message_zh
    assert refusal(io.BytesIO(b""), "a.csv").reason_key == "spreadsheet.header_not_found"


def test_two_columns_of_one_meaning_are_refused() -> None:
    assert refusal(workbook(("姓名", "身份证号", "户主姓名"))).reason_key == "spreadsheet.duplicate_column"


def test_several_sheets_must_be_named_and_hidden_ones_do_not_count() -> None:
    book = openpyxl.Workbook()
    book.active.title = "一组"
    for name, person in (("一组", "张三"), ("二组", "李四")):
        sheet = book.active if name == "一组" else book.create_sheet(name)
        sheet.append(("姓名", "身份证号"))
        sheet.append((person, ID))
    book.create_sheet("填表说明").append(("请按格式填写",))
    file = saved(book)
    assert refusal(file).reason_key == "spreadsheet.several_sheets"
    assert read(file, sheet="二组")[0][1]["name"] == "李四"
    book["二组"].sheet_state = "hidden"
    assert read(saved(book))[0][1]["name"] == "张三"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_csv_in_each_encoding_and_delimiter(encoding: str, mark: str) -> None:
    text = f'姓名{mark}身份证号\r\n𠮷田{mark}{ID}\r\n"多{mark}行\n名"{mark}{ID}\r\n末{mark}{ID}'
    rows = read(io.BytesIO(text.encode(encoding)), "农户.CSV")
    assert [(line, row["name"]) for line, row in rows] == [
        (2, "𠮷田"),
        (3, f"多{mark.strip() or ' '}行 名"),
        (4, "末"),
    ]


def test_csv_saved_by_excel_after_it_lost_digits() -> None:
    problem = refusal(io.BytesIO("姓名,身份证号\n张三,9.90428E+17\n".encode()), "a.csv")
    assert (problem.reason_key, problem.line, problem.column) == ("spreadsheet.precision_lost", 2, "身份证号")


def test_csv_row_with_an_unquoted_comma_is_refused() -> None:
    problem = refusal(io.BytesIO(f"姓名,身份证号\n张三,村东,{ID}\n".encode()), "a.csv")
    assert (problem.reason_key, problem.line) == ("spreadsheet.surplus_cells", 2)


def test_a_path_works_and_the_callers_file_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"姓名,身份证号\n张三,{ID}\n", encoding="utf-8")
    assert len(list(read_rows(path, path.name, COLUMNS))) == 1
    with path.open("rb") as file:
        assert len(list(read_rows(file, path.name, COLUMNS))) == 1
        assert not file.closed


def test_too_many_rows() -> None:
    rows = [("张三", ID)] * 6
    assert len(read(workbook(HEAD, *rows), max_rows=6)) == 6
    assert refusal(workbook(HEAD, *rows), max_rows=5).reason_key == "spreadsheet.too_many_rows"
    text = "姓名,身份证号\n" + f"张三,{ID}\n" * 6
    assert refusal(io.BytesIO(text.encode()), "a.csv", max_rows=5).line == 7


def test_ambiguous_aliases_are_a_programming_error() -> None:
    with pytest.raises(ValueError, match="stands for"):
        Columns({"name": ("姓名",), "other": ("姓 名",)}, frozenset({"name"}))
    with pytest.raises(ValueError, match="required"):
        Columns({"name": ()}, frozenset({"nome"}))


def test_what_we_export_can_be_imported_again() -> None:
    from sanzhi_core.render import Sheet, to_csv, to_xlsx

    rows = [("=张三", ID, "13800000000", date(1985, 12, 31), "1/2")]
    book = to_xlsx(
        [Sheet("农户", HEAD, rows)], created_at=datetime.fromisoformat("2026-11-22T10:00:00+08:00")
    )
    expected = {
        "name": "=张三",
        "id_number": ID,
        "phone": "13800000000",
        "birth": "1985-12-31",
        "land": "1/2",
    }
    assert read(io.BytesIO(book)) == [(2, expected)]
    assert read(io.BytesIO(to_csv(HEAD, rows)), "a.csv") == [(2, {**expected, "name": "'=张三"})]
