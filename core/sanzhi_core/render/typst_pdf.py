"""PDF by typst: archivable (PDF/A-2a) and tagged for screen readers (PDF/UA-1)."""

import json
import textwrap
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from importlib.resources import files
from typing import Any

from sanzhi_core.render.document import Cell, Document, Items, Section, Table
from sanzhi_core.render.fonts import FAMILY, GETA, font_path, missing_glyphs
from sanzhi_core.render.labels import Labels, labels, long_date
from sanzhi_core.render.qr import qr_svg
from sanzhi_core.render.text import breakable, clean, display_width, widest_word

_SHANGHAI = timezone(timedelta(hours=8))

# Sizes in pt by (large type, page). Only Regular is installed, so rank shows by size and colour, never bold.
_SIZES = {
    (False, "A4"): {
        "title": 24,
        "subtitle": 15,
        "heading": 14,
        "body": 12,
        "table": 11,
        "small": 8,
        "margin": 57,
    },
    (False, "A3"): {
        "title": 30,
        "subtitle": 19,
        "heading": 18,
        "body": 14,
        "table": 13,
        "small": 9,
        "margin": 68,
    },
    (True, "A4"): {
        "title": 40,
        "subtitle": 24,
        "heading": 24,
        "body": 18,
        "table": 18,
        "small": 9,
        "margin": 48,
    },
    (True, "A3"): {
        "title": 64,
        "subtitle": 34,
        "heading": 32,
        "body": 24,
        "table": 20,
        "small": 11,
        "margin": 60,
    },
}
_PAGE_PT = {"A4": (595, 842), "A3": (842, 1191)}
_INSET_EM = 1.0  # left and right padding of a cell together


def to_pdf(doc: Document) -> bytes:
    """The document as PDF; equal documents give equal bytes. CPU-bound: call it in a thread or process.

    Characters that the font lacks are printed as 〓, and a note at the end lists their code points, so that
    a rare name never stops a poster and never silently becomes an empty box. Raises FontMissing.
    """
    import typst

    midnight = datetime(doc.issued_on.year, doc.issued_on.month, doc.issued_on.day, tzinfo=_SHANGHAI)
    data = json.dumps(_data(doc), ensure_ascii=False, separators=(",", ":"))
    return typst.compile(
        files("sanzhi_core.render").joinpath("templates/document.typ").read_bytes(),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"doc": data},
        pdf_standards=["a-2a", "ua-1"],
        timestamp=int(midnight.timestamp()),
    )


@lru_cache(maxsize=1)
def _fonts() -> Any:
    import typst

    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[font_path().parent]
    )


def _data(doc: Document) -> dict[str, Any]:
    """Everything the template needs, as JSON values."""
    words = labels(doc.language)
    sizes = dict(_SIZES[doc.large_type, doc.page])
    width, height = _PAGE_PT[doc.page]
    room = (height if doc.landscape else width) - 2 * sizes["margin"]
    data: dict[str, Any] = {
        "lang": "zh" if doc.language == "zh-CN" else "en",
        "region": "cn" if doc.language == "zh-CN" else "gb",
        "font": FAMILY,
        "page": doc.page.lower(),
        "landscape": doc.landscape,
        "sizes": sizes,
        "labels": {
            name: getattr(words, name)
            for name in ("page", "page_of", "page_end", "notes", "seal", "colon", "separator", "content_hash")
        },
        "title": doc.title,
        "subtitle": doc.subtitle,
        "org_name": doc.org_name,
        "doc_number": f"{words.doc_number}{words.colon}{doc.doc_number}" if doc.doc_number else "",
        "meta": doc.meta,
        "sections": [_section(section, sizes, room) for section in doc.sections],
        "notes": doc.notes,
        "issuer": doc.issuer,
        "date": long_date(doc.issued_on, doc.language),
        "seal": doc.seal,
        "page_note": doc.page_note,
        "qr_caption": doc.qr_caption,
        "content_hash": " ".join(textwrap.wrap(doc.content_hash, 8)),
    }
    data = _printable(data, words)
    # Not user text to be shown, so not cleaned: the picture itself and its alternative text.
    data["qr"] = qr_svg(doc.qr_text).decode() if doc.qr_text else ""
    data["qr_alt"] = words.colon.join(
        part for part in (words.qr, clean(doc.qr_caption or doc.qr_text)) if part
    )
    return data


def _section(section: Section, sizes: dict[str, int], room: int) -> dict[str, Any]:
    table = section.table
    return {
        "heading": section.heading,
        "paragraphs": section.paragraphs,
        "facts": section.facts,
        "table": _table(table, sizes["table"] if table.big else sizes["table"] - 4, room) if table else None,
    }


def _table(table: Table, size: int, room: int) -> dict[str, Any]:
    longest = max((display_width(_text(cell)) for row in table.rows for cell in row), default=0)
    widths, shrink = column_widths(table, room / size)
    return {
        "columns": table.columns,
        "rows": [[_cell(cell) for cell in row] for row in table.rows],
        "align": table.alignment,
        "caption": table.caption,
        "size": size * shrink,
        "widths": widths,
        # A very long row may have to run over the page's end; all others stay whole.
        "whole_rows": longest <= 400,
    }


def _cell(cell: Cell) -> str | list[str]:
    if isinstance(cell, Items):
        return list(cell.values) or "—"
    return str(cell)


def _text(cell: Cell) -> str:
    return "、".join(cell.values) if isinstance(cell, Items) else str(cell)


def column_widths(table: Table, room_em: float) -> tuple[list[float], float]:
    """Widths in em that fill a page `room_em` wide, and the factor (≤ 1) by which the text must shrink.

    Short columns (numbers, names) get what they need and do not wrap; the long ones share the rest by the
    square root of their usual length. No column gets less than its longest word that cannot be broken; where
    even these do not fit side by side, the text shrinks.
    """
    texts = [
        [shown for text in (title, *(_text(row[at]) for row in table.rows)) if (shown := clean(text))] or [""]
        for at, title in enumerate(table.columns)
    ]
    need = [max(map(display_width, column)) / 2 + _INSET_EM for column in texts]
    mean = [sum(map(display_width, column)) / len(column) / 2 + _INSET_EM for column in texts]
    floor = [max(map(widest_word, column)) / 2 + _INSET_EM for column in texts]
    if sum(floor) > room_em:
        return floor, room_em / sum(floor)
    long = set(range(len(need)))
    room = room_em
    # A column that asks for no more than an equal share gets all it asks for; repeat until none is left.
    while modest := {at for at in long if need[at] <= room / len(long)}:
        room -= sum(need[at] for at in modest)
        long -= modest
        if not long:
            return [width * room_em / (room_em - room) for width in need], 1
    widths = list(need)
    while long:
        weight = sum(mean[at] ** 0.5 for at in long)
        share = {at: room * mean[at] ** 0.5 / weight for at in long}
        tight = {at for at in long if share[at] < floor[at]}
        for at in tight or long:
            widths[at] = floor[at] if tight else share[at]
        room -= sum(widths[at] for at in tight)
        long -= tight or set(long)
    return widths, 1


def _printable(data: dict[str, Any], words: Labels) -> dict[str, Any]:
    """The data with clean text, 〓 for missing characters, and the note that lists them."""
    cleaned = _each_text(data, clean)
    missing = missing_glyphs("".join(_texts(cleaned)))
    marks = {ord(char): GETA for char in missing}
    shown: dict[str, Any] = _each_text(cleaned, lambda text: breakable(text.translate(marks)))
    codes = "  ".join(f"U+{ord(char):04X}" for char in missing)
    return {**shown, "missing": words.missing_glyphs + codes if missing else ""}


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _each_text(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(item, change) for item in value]
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
