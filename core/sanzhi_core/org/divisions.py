"""Reading a file of division codes: CSV, plain or zipped, columns code, name, level, parent_code.

Codes come unpadded (2, 4, 6, 9 or 12 digits, a grid 15); they are checked here and padded. The file is read
twice: a first look finds the encoding, the number of rows and the cities without counties; the second
streams the rows.
"""

from __future__ import annotations

import csv
import io
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final, cast

from sanzhi_core.kit.refusals import InvalidInput
from sanzhi_core.org.codes import (
    CITIES_WITHOUT_COUNTIES,
    WIDTH,
    BadCode,
    Level,
    UnitCode,
    cities_listed_without_counties,
    name_warning,
    parse,
)

COLUMNS: Final = ("code", "name", "level", "parent_code")
MAX_NAME: Final = 50
MAX_LINE: Final = 65_536
"""Characters; a longer line is no list of divisions, and must not fill the memory."""

_LEVELS: Final = {level.value.lower(): level for level in Level}
# Private-use characters stay: rare characters of real village names are written with them.
_INVISIBLE: Final = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@dataclass(frozen=True, slots=True)
class Division:
    """A checked row. `doubtful`: its name disagrees with the code's range, a warning (R-CORE-06)."""

    line: int
    unit: UnitCode
    name: str
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a line cannot be taken. `code` as given; `reason` is a stable key."""

    line: int
    code: str
    reason: str
    message_zh: str
    message_en: str


class BadFile(InvalidInput):
    """The file as a whole cannot be read: no CSV in it, no header, broken zip, unknown encoding."""

    def __init__(self, reason: str, zh: str, en: str) -> None:
        super().__init__("source", reason, zh, en)


class DivisionFile:
    """One file, looked through once. `rows`: data lines; `sha256`: of the CSV's bytes."""

    def __init__(self, path: Path) -> None:
        """Look the file through. Raises BadFile; OSError when it cannot be opened."""
        self.path = path
        try:
            self.encoding = "utf-8-sig"
            self._look()
        except UnicodeDecodeError:
            self.encoding = "gb18030"
            try:
                self._look()
            except UnicodeDecodeError:
                raise BadFile(
                    "ENCODING", "文件编码应为UTF-8或GB18030", "The file is neither UTF-8 nor GB18030"
                ) from None

    def _look(self) -> None:
        digest, codes, rows = sha256(), set(), 0
        with self._opened(digest) as text:
            records = _records(text)
            at = _header(next(records, (0, 0, []))[2])[0]
            for _, _, row in records:
                rows += 1
                if row is not None and len(row) > at and len(row[at]) in (4, 6):
                    codes.add(row[at])
        self.rows, self.sha256 = rows, digest.hexdigest()
        self.without_counties = CITIES_WITHOUT_COUNTIES | cities_listed_without_counties(codes)

    def __iter__(self) -> Iterator[Division | RowError]:
        """Every data line, checked by itself; blank lines are left out."""
        with self._opened() as text:
            records = _records(text)
            at = _header(next(records, (0, 0, []))[2])
            for first, last, row in records:
                if row is None or last > first:
                    zh, en = f"第{first}至{last}行不是有效的CSV", f"Lines {first} to {last} are not valid CSV"
                    yield RowError(first, "", "CSV", zh, en)
                elif any(row):
                    yield self._check(last, row, at)

    def _check(self, line: int, row: list[str], at: tuple[int, ...]) -> Division | RowError:
        if len(row) <= max(at):
            code = row[at[0]][:20] if len(row) > at[0] else ""
            return RowError(line, code, "COLUMNS", "该行缺少列", "This line has too few columns")
        code, name, level_name, parent = (row[i].strip() for i in at)
        level = _LEVELS.get(level_name.lower())
        if level is None:
            return RowError(line, code[:20], "LEVEL", "未知的级别", "Unknown level")
        try:
            unit = parse(code, level, cities_without_counties=self.without_counties)
            _check_parent_column(unit, parent)
        except BadCode as bad:
            p = bad.problem
            return RowError(line, code[:20], p.reason_key, p.message_zh, p.message_en)
        if not name or len(name) > MAX_NAME or any(unicodedata.category(c) in _INVISIBLE for c in name):
            return RowError(
                line,
                code,
                "NAME",
                "名称应为1至50个字",
                "A name has 1 to 50 characters, no control characters",
            )
        return Division(line, unit, name, name_warning(unit, name) is not None)

    @contextmanager
    def _opened(self, digest: Any = None) -> Iterator[IO[str]]:
        try:
            with self.path.open("rb") as raw:
                if raw.read(4) != b"PK\x03\x04":
                    raw.seek(0)
                    yield self._text(raw, digest)
                    return
                with zipfile.ZipFile(raw) as archive:
                    names = [n for n in archive.namelist() if n.lower().endswith(".csv")]
                    if len(names) != 1:
                        raise BadFile(
                            "ZIP", "压缩包内应恰有一个CSV文件", "The zip must hold exactly one CSV file"
                        )
                    with archive.open(names[0]) as member:
                        yield self._text(member, digest)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as broken:
            raise BadFile("ZIP", "压缩包已损坏或加密", "The zip is damaged or encrypted") from broken

    def _text(self, source: IO[bytes], digest: Any) -> IO[str]:
        return io.TextIOWrapper(cast(IO[bytes], _Hashing(source, digest)), self.encoding, newline="")


class _Hashing(io.BufferedIOBase):
    """Passes bytes on and feeds them to a digest on the way."""

    def __init__(self, source: IO[bytes], digest: Any) -> None:
        self._source, self._digest = source, digest

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        chunk = self._source.read(-1 if size is None else size)
        if self._digest is not None:
            self._digest.update(chunk)
        return chunk

    def read1(self, size: int = -1) -> bytes:
        return self.read(max(size, 65_536))


def _lines(text: IO[str]) -> Iterator[str]:
    while line := text.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise BadFile(
                "LINE_TOO_LONG",
                "文件中有过长的行，不是区划表",
                "A line is too long: this is no list of divisions",
            )
        yield line


def _records(text: IO[str]) -> Iterator[tuple[int, int, list[str] | None]]:
    """(first line, last line, cells) of each record; cells None where it is no CSV."""
    reader = csv.reader(_lines(text))
    while True:
        first = reader.line_num + 1
        try:
            row: list[str] | None = next(reader)
        except StopIteration:
            return
        except csv.Error:
            row = None
        yield first, reader.line_num, row


def _header(row: list[str] | None) -> tuple[int, ...]:
    row = row or []
    names = [c.strip().lower() for c in row]
    missing = [c for c in COLUMNS if c not in names]
    if missing:
        text = ", ".join(missing)
        raise BadFile("HEADER", f"表头缺少列：{text}", f"The header lacks: {text}")
    return tuple(names.index(c) for c in COLUMNS)


def _check_parent_column(unit: UnitCode, parent: str) -> None:
    """R-CORE-02, R-CORE-03 on the text of the column: exactly one level up, and the code's own prefix."""
    above = unit.parent_level
    if above is None:
        if parent:
            raise BadCode(unit.code, "PARENT_LEVEL")
        return
    width = WIDTH[above]
    expected = unit.code[:width]
    if parent == expected or (len(parent) == 12 and parent == expected.ljust(12, "0")):
        return
    raise BadCode(unit.code, "PARENT_LEVEL" if len(parent) not in (width, 12) else "WRONG_PREFIX")
