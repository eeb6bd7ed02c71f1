"""Documents as bytes: PDF, HTML, XLSX, CSV and canonical JSON from plain frozen dataclasses.

Pure: no database, no clock, no settings. Equal input gives equal bytes. The heavy libraries are imported
inside the functions, so that importing this package costs nothing.
"""

from sanzhi_core.render.canonical_json import to_json
from sanzhi_core.render.document import (
    MAX_QR_BYTES,
    Align,
    Cell,
    Document,
    Items,
    Language,
    PageSize,
    Section,
    Table,
)
from sanzhi_core.render.fonts import FontMissing
from sanzhi_core.render.html import to_html
from sanzhi_core.render.poster import ObjectionWays, Poster, poster_document
from sanzhi_core.render.typst_pdf import to_pdf
from sanzhi_core.render.xlsx import Sheet, SheetCell, to_csv, to_xlsx

__all__ = [
    "MAX_QR_BYTES",
    "Align",
    "Cell",
    "Document",
    "FontMissing",
    "Items",
    "Language",
    "ObjectionWays",
    "PageSize",
    "Poster",
    "Section",
    "Sheet",
    "SheetCell",
    "Table",
    "poster_document",
    "to_csv",
    "to_html",
    "to_json",
    "to_pdf",
    "to_xlsx",
]
