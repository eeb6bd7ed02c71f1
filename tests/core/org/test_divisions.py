"""The file of divisions: encodings, zip, header, and each bad row by its reason."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from sanzhi_core.org.divisions import BadFile, Division, DivisionFile, RowError

GOOD = """code,name,level,parent_code
99,测试省,province,
9904,测试市,city,99
990428,沁山县,county,9904
990428101,东平镇,town,990428
990428101201,东坪村,village,990428101
"""


def write(tmp_path: Path, text: str, *, encoding: str = "utf-8") -> Path:
    path = tmp_path / "d.csv"
    path.write_bytes(text.encode(encoding))
    return path


def read(path: Path) -> tuple[list[Division], list[RowError]]:
    rows = list(DivisionFile(path))
    return [r for r in rows if isinstance(r, Division)], [r for r in rows if isinstance(r, RowError)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_codes_are_padded_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    good, bad = read(write(tmp_path, GOOD, encoding=encoding))
    assert bad == []
    assert [(r.line, r.unit.code, r.unit.level.value, r.name) for r in good] == [
        (2, "990000000000", "PROVINCE", "测试省"),
        (3, "990400000000", "CITY", "测试市"),
        (4, "990428000000", "COUNTY", "沁山县"),
        (5, "990428101000", "TOWN", "东平镇"),
        (6, "990428101201", "VILLAGE", "东坪村"),
    ]


def test_zip_and_plain_file_say_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    packed = tmp_path / "d.csv.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "divisions.csv")
    plain, zipped = DivisionFile(path), DivisionFile(packed)
    assert (plain.rows, plain.sha256) == (zipped.rows, zipped.sha256) == (5, plain.sha256)
    assert list(plain) == list(zipped)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("99042810120,东坪村,village,990428101", "LENGTH"),
        ("9904281012011,东坪村,village,990428101", "LENGTH"),
        ("99042810120A,东坪村,village,990428101", "NOT_DIGITS"),
        ("９９０４２８１０１２０１,东坪村,village,990428101", "NOT_DIGITS"),
        ("990400101,某镇,town,990400", "COUNTY_ZERO"),
        ("990428101201,东坪村,town,990428101", "LEVEL_MISMATCH"),
        ("990428101201,东坪村,hamlet,990428101", "LEVEL"),
        ("990428102201,东坪村,village,990428101", "WRONG_PREFIX"),
        ("990428101202,东坪村,village,990428", "PARENT_LEVEL"),
        ("990428101202,东坪村,village,", "PARENT_LEVEL"),
        ("98,又一省,province,99", "PARENT_LEVEL"),
        ("990428600,某镇,town,990428", "TOWN_RANGE"),
        ("990428101202,,village,990428101", "NAME"),
        ("990428101202,东\u200b坪村,village,990428101", "NAME"),
        ("990428101202," + "村" * 51 + ",village,990428101", "NAME"),
        ("990428101202,东坪村,village", "COLUMNS"),
        ('990428101202,"东\n坪",village,990428101', "CSV"),
    ],
)
def test_each_bad_row_is_named_with_its_line(tmp_path: Path, row: str, reason: str) -> None:
    good, bad = read(write(tmp_path, GOOD + row + "\n"))
    assert len(good) == 5
    assert [(e.line, e.reason) for e in bad] == [(7, reason)]
    assert bad[0].message_zh
    assert bad[0].message_en


def test_a_city_listed_without_counties_stands_in_for_its_county(tmp_path: Path) -> None:
    rows = "990400,测试市,county,9904\n990400101,某镇,town,990400\n"
    listed = GOOD.split("990428,")[0] + rows
    good, bad = read(write(tmp_path, listed))
    assert bad == []
    assert [(r.unit.code, r.unit.kind.value) for r in good][2:] == [
        ("990400000000", "CITY_ITSELF"),
        ("990400101000", "TOWN"),
    ]


def test_private_use_characters_of_rare_names_are_kept(tmp_path: Path) -> None:
    good, bad = read(write(tmp_path, GOOD + "990428101202,高\ue170村,village,990428101\n"))
    assert bad == []
    assert good[-1].name == "高\ue170村"


def test_a_name_against_its_range_is_only_doubtful(tmp_path: Path) -> None:
    good, _ = read(write(tmp_path, GOOD + "990428101202,东坪社区,village,990428101\n"))
    assert [r.doubtful for r in good] == [False] * 5 + [True]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "HEADER"),
        (b"code,name,level\n99,x,province\n", "HEADER"),
        (b"code,name,level,parent_code\n99,\xff\xff\xff,province,\n", "ENCODING"),
        (b"code,name,level,parent_code\n" + b"9" * 70_000, "LINE_TOO_LONG"),
        (b"PK\x03\x04 not really", "ZIP"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "d.csv"
    path.write_bytes(content)
    with pytest.raises(BadFile) as caught:
        DivisionFile(path)
    assert caught.value.reason == reason


def test_a_zip_with_two_tables_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "d.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", GOOD)
        archive.writestr("b.csv", GOOD)
    with pytest.raises(BadFile) as caught:
        DivisionFile(packed)
    assert caught.value.reason == "ZIP"
