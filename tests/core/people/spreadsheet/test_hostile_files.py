"""Files made to hurt: each is refused with its own reason, quickly and in little memory."""

import io
import os
import struct
import time
import tracemalloc
import zipfile

import openpyxl
import pytest

from sanzhi_core.people.spreadsheet import Columns, SpreadsheetProblem, read_rows

COLUMNS = Columns({"name": ("姓名",), "code": ("编号",)}, frozenset({"name", "code"}), frozenset({"code"}))
NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SHEET = "xl/worksheets/sheet1.xml"


def plain() -> bytes:
    book = openpyxl.Workbook()
    book.active.append(("姓名", "编号"))
    book.active.append(("张三", "1"))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def with_part(name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    """The plain workbook with one part replaced or added."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain())) as old, zipfile.ZipFile(out, "w", method) as new:
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        new.writestr(name, content)
    return out


def sheet(rows: str, prolog: str = "") -> io.BytesIO:
    return with_part(SHEET, f"{prolog}<worksheet {NS}><sheetData>{rows}</sheetData></worksheet>".encode())


def text_row(number: int | str, *cells: str) -> str:
    inline = "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in cells)
    return f'<row r="{number}">{inline}</row>'


HEAD = text_row(1, "姓名", "编号")


def read(file: io.BytesIO, name: str = "a.xlsx") -> list[tuple[int, dict[str, str]]]:
    return list(read_rows(file, name, COLUMNS))


def reason(file: io.BytesIO, name: str = "a.xlsx") -> str:
    """The refusal, which must come within 10 s and 150 MB."""
    tracemalloc.start()
    begun = time.perf_counter()
    try:
        with pytest.raises(SpreadsheetProblem) as caught:
            read(file, name)
        assert tracemalloc.get_traced_memory()[1] < 150 * 1024 * 1024
        assert time.perf_counter() - begun < 10
    finally:
        tracemalloc.stop()
    return caught.value.reason_key.removeprefix("spreadsheet.")


def test_the_plain_file_of_these_tests_is_fine() -> None:
    assert read(io.BytesIO(plain())) == [(2, {"name": "张三", "code": "1"})]
    assert read(sheet(HEAD + text_row(2, "李四", "2"))) == [(2, {"name": "李四", "code": "2"})]


def test_zip_bomb_by_ratio() -> None:
    assert reason(with_part("xl/media/big.bin", bytes(50_000_000))) == "file_too_large"


def test_zip_bomb_hidden_by_padding() -> None:
    file = with_part(SHEET, b" " * 20_000_000)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("xl/media/noise.png", os.urandom(1_000_000))
    assert reason(file) == "file_too_large"


def test_zip_bomb_by_sum_with_stated_sizes_only() -> None:
    # 301 MB are stated in the directory; nothing is unpacked to find out.
    data = bytearray(plain())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 301 * 1024 * 1024)
    assert reason(io.BytesIO(bytes(data))) == "file_too_large"


def test_zip_that_understates_its_size() -> None:
    data = bytearray(with_part(SHEET, b"<x>" + b"a" * 5_000_000 + b"</x>").getvalue())
    while (at := data.rfind(b"PK\x01\x02")) and SHEET.encode() not in data[at : at + 46 + len(SHEET)]:
        raise AssertionError("the sheet must be the last member")
    data[at + 24 : at + 28] = struct.pack("<I", 1000)
    assert reason(io.BytesIO(bytes(data))) == "unreadable_file"


def test_too_many_members() -> None:
    file = io.BytesIO(plain())
    with zipfile.ZipFile(file, "a") as archive:
        for number in range(2_001):
            archive.writestr(f"x/{number}", b"")
    assert reason(file) == "file_too_large"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/media/image1.png"])
def test_xxe_and_entity_bombs_are_refused_in_any_part_and_encoding(part: str, encoding: str) -> None:
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>'
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
        f"<worksheet {NS}><sheetData>{HEAD}{text_row(2, '&e;', '1')}</sheetData></worksheet>"
    )
    assert reason(with_part(part, text.encode(encoding))) == "unsafe_file"


def test_billion_laughs() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    assert reason(sheet(HEAD + text_row(2, "&e9;", "1"), f"<!DOCTYPE x [{entities}]>")) == "unsafe_file"


def test_a_row_of_millions_of_cells() -> None:
    noise = "".join(f'<c s="{n % 7919}"/>' for n in range(1_000_000))
    assert reason(sheet(f'{HEAD}<row r="2">{noise}</row>')) == "unsafe_file"


def test_a_row_number_beyond_excel() -> None:
    assert reason(sheet(HEAD + text_row(99_999_999_999, "张三", "1"))) == "unsafe_file"


def test_one_giant_text() -> None:
    noise = os.urandom(4_000_000).hex()
    assert reason(sheet(HEAD + text_row(2, noise, "1"))) == "unsafe_file"


def test_styles_that_would_become_a_giant_tree() -> None:
    noise = "".join(f'<font n="{n * 7919 % 1_000_003}"/>' for n in range(400_000))
    assert (
        reason(with_part("xl/styles.xml", f"<styleSheet {NS}>{noise}</styleSheet>".encode())) == "unsafe_file"
    )


def test_a_sheet_that_claims_to_be_smaller_than_it_is_loses_no_rows() -> None:
    rows = "".join(text_row(n, f"人{n}", str(n)) for n in range(2, 50))
    xml = f'<worksheet {NS}><dimension ref="A1:A2"/><sheetData>{HEAD}{rows}</sheetData></worksheet>'
    assert [line for line, _ in read(with_part(SHEET, xml.encode()))] == list(range(2, 50))


def test_a_sheet_formatted_to_the_last_row_is_read_at_once() -> None:
    begun = time.perf_counter()
    assert (
        len(read(sheet(HEAD + text_row(2, "张三", "1") + '<row r="1048576"><c r="XFD1048576" s="0"/></row>')))
        == 1
    )
    assert time.perf_counter() - begun < 1


def test_a_value_in_the_last_row_is_found() -> None:
    assert [line for line, _ in read(sheet(HEAD + text_row(1_048_576, "张三", "1")))] == [1_048_576]


def test_shared_formulas_are_refused_not_rewritten() -> None:
    master = f'<c r="A2"><f t="shared" si="0" ref="A2:A9">{"A1+" * 20_000}A1</f><v>1</v></c>'
    rest = "".join(
        f'<row r="{n}"><c r="A{n}"><f t="shared" si="0"/><v>1</v></c></row>' for n in range(3, 3_000)
    )
    assert reason(sheet(f'{HEAD}<row r="2">{master}</row>{rest}')) == "formula"


def test_formula_without_a_cached_value_is_not_an_empty_cell() -> None:
    file = sheet(f'{HEAD}<row r="2"><c t="inlineStr"><is><t>张三</t></is></c><c><f>1+1</f></c></row>')
    assert reason(file) == "formula"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "旧.xls"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "加密.xlsx"),
        (plain(), "宏.xlsm"),
        (plain(), "其实是表.csv"),
        ("姓名,编号\n张三,1\n".encode(), "其实是文本.xlsx"),
        (b"%PDF-1.7", "a.pdf"),
    ],
)
def test_other_formats(content: bytes, name: str) -> None:
    assert reason(io.BytesIO(content), name) == "unsupported_file"


def test_damaged_archives() -> None:
    whole = plain()
    assert reason(io.BytesIO(whole[: len(whole) // 2])) == "unreadable_file"
    assert reason(sheet('<row r="x">')) == "unreadable_file"
    assert reason(sheet(f'{HEAD}<row r="2"><c t="s"><v>999999</v></c></row>')) == "unreadable_file"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.txt", "no workbook")
    assert reason(out) == "unreadable_file"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("姓名,编号\n张三,1\n".encode("utf-16"), "encoding"),
        ("姓名,编号\n张\x00三,1\n".encode(), "unreadable_file"),
        ('姓名,编号\n"张三"x,1\n'.encode(), "unreadable_file"),
        (b"\xe5\xa7\x93," + b"a" * 2_000_000, "line_too_long"),
        ('姓名,编号\n"没有结束的引号,1\n'.encode() + b"x,2\n" * 100_000, "unreadable_file"),
    ],
)
def test_bad_csv(content: bytes, expected: str) -> None:
    assert reason(io.BytesIO(content), "a.csv") == expected
