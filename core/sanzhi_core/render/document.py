"""The one model that both printed forms, PDF and HTML, are made from."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Align = Literal["start", "center", "end"]
Language = Literal["zh-CN", "en"]
PageSize = Literal["A4", "A3"]

# Beyond this a QR code printed in a corner is too dense for an old phone.
MAX_QR_BYTES = 600


@dataclass(frozen=True, slots=True)
class Items:
    """A cell that lists short things (the stars of a household); no item is torn over two lines."""

    values: tuple[str, ...]


Cell = str | int | Items


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows; every row has one cell per column.

    `align` is one value per column, or empty for all "start". `row_header` is the index of the column that
    names the row (read out by screen readers). `big=False` sets the text a step smaller, for wide tables.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    align: tuple[Align, ...] = ()
    caption: str = ""
    row_header: int | None = None
    big: bool = True

    def __post_init__(self) -> None:
        if not self.columns:
            raise ValueError("a table needs at least one column")
        if self.align and len(self.align) != len(self.columns):
            raise ValueError(f"{len(self.columns)} columns but {len(self.align)} alignments")
        if self.row_header is not None and not 0 <= self.row_header < len(self.columns):
            raise ValueError(f"row_header {self.row_header} is not a column")
        for number, row in enumerate(self.rows, start=1):
            if len(row) != len(self.columns):
                raise ValueError(
                    f"row {number} has {len(row)} cells, the table has {len(self.columns)} columns"
                )

    @property
    def alignment(self) -> tuple[Align, ...]:
        return self.align or tuple("start" for _ in self.columns)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with paragraphs, label–value lines and at most one table, in this order."""

    heading: str = ""
    paragraphs: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document to be printed or shown.

    `issued_on` is the date under the document and its creation date in the file. `issuer` signs at the end;
    `seal` leaves room for the round seal. `page_note` stands at the foot of every page. `content_hash` is
    printed small, so that a printed twin can be compared with the register. `large_type` is for old people
    and for walls: body at least 18 pt, title at least 36 pt.
    """

    title: str
    issued_on: date
    subtitle: str = ""
    org_name: str = ""
    doc_number: str = ""
    meta: tuple[tuple[str, str], ...] = ()
    sections: tuple[Section, ...] = ()
    notes: tuple[str, ...] = ()
    issuer: str = ""
    seal: bool = False
    page_note: str = ""
    qr_text: str = ""
    qr_caption: str = ""
    content_hash: str = ""
    language: Language = "zh-CN"
    large_type: bool = False
    page: PageSize = "A4"
    landscape: bool = False

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise ValueError("a document needs a title")
        if len(self.qr_text.encode()) > MAX_QR_BYTES:
            raise ValueError(f"the QR text is longer than {MAX_QR_BYTES} bytes")
