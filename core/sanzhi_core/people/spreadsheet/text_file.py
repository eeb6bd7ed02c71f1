"""CSV as Excel and WPS write it: UTF-8 (with or without BOM) or GB18030; comma, semicolon or tab."""

import codecs
import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

from sanzhi_core.people.spreadsheet.problem import problem

MAX_BYTES = 300 * 1024 * 1024
MAX_LINE_CHARS = 1_000_000
_CHUNK = 1 << 20


def csv_rows(file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number Excel shows for them: blank rows count, a cell with line breaks is one row."""
    encoding = _encoding(file)
    text = io.TextIOWrapper(io.BufferedReader(_Raw(file), _CHUNK), encoding=encoding, newline="")
    start = text.read(1 << 16)
    text.seek(0)
    reader = csv.reader(_lines(text), delimiter=_delimiter(start), strict=True)
    line = 0
    while True:
        line += 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise problem("unreadable_file", line) from error
        yield line, row


class _Raw(io.RawIOBase):
    """Lets the text layer go without closing the caller's file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _encoding(file: BinaryIO) -> str:
    """Tries the whole file, so that a wrong guess never shows half-way through the rows."""
    if file.seek(0, io.SEEK_END) > MAX_BYTES:
        raise problem("file_too_large")
    for encoding in ("utf-8-sig", "gb18030"):
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        try:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        file.seek(0)
        return encoding
    raise problem("encoding")


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    while line := text.readline(MAX_LINE_CHARS + 1):
        number += 1
        if len(line) > MAX_LINE_CHARS:
            raise problem("line_too_long", number)
        if "\0" in line:  # no text at all
            raise problem("unreadable_file", number)
        yield line


def _delimiter(start: str) -> str:
    counts = {mark: start.count(mark) for mark in ",;\t"}
    return max(counts, key=lambda mark: counts[mark])
