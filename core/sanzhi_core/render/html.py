"""One self-contained, accessible HTML file per document: no script, no outside resource."""

import base64
import hashlib
from html import escape

from sanzhi_core.render.document import Cell, Document, Items, Section, Table
from sanzhi_core.render.labels import Labels, labels, long_date
from sanzhi_core.render.qr import qr_svg
from sanzhi_core.render.text import clean, display_width

_CSS = """
:root { color: #1a1a1a; background: #fff; font-size: 100%; line-height: 1.6;
  font-family: "Noto Sans CJK SC", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif; }
.large { font-size: 150%; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 2rem; line-height: 1.25; text-align: center; margin: .5rem 0; }
h1, h2 { color: #a5120d; font-weight: normal; }
.large h1 { font-size: max(2.2rem, 48px); }
h2 { font-size: 1.35rem; margin: 1.5rem 0 .5rem; }
.subtitle { font-size: 1.25rem; text-align: center; margin: 0; }
h1, .subtitle { text-wrap: balance; }
.head { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; color: #4d4d4d; }
.rule { border: 0; border-top: 2px solid #a5120d; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem .6rem; margin: .6rem 0; }
dt { color: #4d4d4d; }
dd { margin: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; overflow-wrap: break-word; }
caption { text-align: start; color: #4d4d4d; padding-bottom: .3rem; }
th, td { padding: .4rem .5rem; border-bottom: 1px solid #8c8c8c; font-weight: normal; text-align: start; }
thead th { background: #f7e9e6; color: #a5120d; border-block: 2px solid #a5120d; }
tbody tr:nth-child(even) { background: #f4f4f4; }
.center { text-align: center; }
.end { text-align: end; font-variant-numeric: tabular-nums; }
.whole { white-space: nowrap; }
.close { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 1rem; margin-top: 2rem; }
.qr { margin: 0; max-width: 12rem; }
.qr svg { display: block; width: 9rem; height: 9rem; }
.sign { margin-inline-start: auto; text-align: end; align-self: center; }
.seal, .hash { color: #4d4d4d; }
.hash { font-size: .7rem; }
@media print {
  body { max-width: none; padding: 0; }
  thead { display: table-header-group; }
  tr, .close { break-inside: avoid; }
  h2 { break-after: avoid; }
  thead th, tbody tr:nth-child(even) { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""


def to_html(doc: Document) -> bytes:
    """The document as UTF-8 HTML; all text escaped; its own policy refuses scripts and outside resources."""
    words = labels(doc.language)
    css = (
        f"{_CSS}@page {{ size: {doc.page} {'landscape' if doc.landscape else 'portrait'}; margin: 18mm; }}\n"
    )
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="{doc.language}"{_class("large" if doc.large_type else "")}>',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{_text(doc.title)}</title>",
        f"<style>{css}</style>",
        "</head>",
        "<body>",
        "<header>",
        *_head(doc, words),
        "</header>",
        "<main>",
        *(line for section in doc.sections for line in _section(section, words)),
        *_notes(doc, words),
        "</main>",
        "<footer>",
        *_close(doc, words),
        "</footer>",
        "</body>",
        "</html>",
        "",
    ]
    return "\n".join(parts).encode()


def _head(doc: Document, words: Labels) -> list[str]:
    lines = []
    if doc.org_name or doc.doc_number:
        number = f"{words.doc_number}{words.colon}{doc.doc_number}" if doc.doc_number else ""
        lines.append(
            f'<div class="head"><span>{_text(doc.org_name)}</span><span>{_text(number)}</span></div>'
        )
    lines.append(f"<h1>{_lines(doc.title)}</h1>")
    if doc.subtitle:
        lines.append(f'<p class="subtitle">{_lines(doc.subtitle)}</p>')
    lines.append('<hr class="rule">')
    return lines + _facts(doc.meta, words)


def _section(section: Section, words: Labels) -> list[str]:
    lines = ["<section>"]
    if section.heading:
        lines.append(f"<h2>{_lines(section.heading)}</h2>")
    lines += [f"<p>{_lines(paragraph)}</p>" for paragraph in section.paragraphs]
    lines += _facts(section.facts, words)
    if section.table:
        lines += _table(section.table, words)
    return [*lines, "</section>"]


def _facts(facts: tuple[tuple[str, str], ...], words: Labels) -> list[str]:
    if not facts:
        return []
    pairs = [f"<dt>{_text(label)}{words.colon}</dt><dd>{_lines(value)}</dd>" for label, value in facts]
    return ["<dl>", *pairs, "</dl>"]


def _table(table: Table, words: Labels) -> list[str]:
    align = [_class("" if side == "start" else side) for side in table.alignment]
    heads = "".join(
        f'<th scope="col"{side}>{_short_whole(name)}</th>'
        for name, side in zip(table.columns, align, strict=True)
    )
    # The wrapper scrolls on a narrow phone, so it must be reachable by keyboard.
    name = _text(table.caption or "、".join(table.columns))
    lines = [f'<div class="scroll" tabindex="0" role="region" aria-label="{name}">']
    lines.append("<table>")
    if table.caption:
        lines.append(f"<caption>{_lines(table.caption)}</caption>")
    lines.append(f"<thead><tr>{heads}</tr></thead>")
    lines.append("<tbody>")
    for row in table.rows:
        cells = []
        for at, cell in enumerate(row):
            tag, scope = ("th", ' scope="row"') if at == table.row_header else ("td", "")
            cells.append(f"<{tag}{scope}{align[at]}>{_cell(cell, words)}</{tag}>")
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return [*lines, "</tbody>", "</table>", "</div>"]


def _cell(cell: Cell, words: Labels) -> str:
    if isinstance(cell, Items):
        if not cell.values:
            return "—"
        last = len(cell.values) - 1
        return ("<wbr>" if words.separator == "、" else " ").join(
            f'<span class="whole">{_text(item)}{words.separator if at < last else ""}</span>'
            for at, item in enumerate(cell.values)
        )
    return _short_whole(str(cell))


def _short_whole(text: str) -> str:
    """Numbers and names stay on one line; otherwise browsers squeeze Chinese columns to one character."""
    shown = _lines(text)
    return f'<span class="whole">{shown}</span>' if 2 < display_width(clean(text)) <= 10 else shown


def _notes(doc: Document, words: Labels) -> list[str]:
    lines = []
    if doc.notes:
        items = [f"<li>{_lines(note)}</li>" for note in doc.notes]
        lines += [f"<section><h2>{words.notes}</h2>", "<ol>", *items, "</ol></section>"]
    if doc.page_note:
        lines.append(f"<p>{_lines(doc.page_note)}</p>")
    return lines


def _close(doc: Document, words: Labels) -> list[str]:
    lines = ['<div class="close">']
    if doc.qr_text:
        title = words.colon.join((words.qr, clean(doc.qr_caption or doc.qr_text)))
        svg = qr_svg(doc.qr_text, title, inline=True).decode()
        label = f'<svg role="img" aria-label="{_text(title)}" '
        caption = f"<figcaption>{_lines(doc.qr_caption)}</figcaption>" if doc.qr_caption else ""
        lines.append(f'<figure class="qr">{svg.replace("<svg ", label, 1)}{caption}</figure>')
    lines.append('<div class="sign">')
    if doc.issuer:
        lines.append(f"<div>{_lines(doc.issuer)}</div>")
    shown = long_date(doc.issued_on, doc.language)
    lines.append(f'<div><time datetime="{doc.issued_on.isoformat()}">{shown}</time></div>')
    if doc.seal:
        lines.append(f'<div class="seal">{words.seal}</div>')
    lines += ["</div>", "</div>"]
    if doc.content_hash:
        lines.append(f'<p class="hash">{words.content_hash}{words.colon}{_text(doc.content_hash)}</p>')
    return lines


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _text(text: str) -> str:
    return escape(clean(text).replace("\n", " "))


def _lines(text: str) -> str:
    return escape(clean(text)).replace("\n", "<br>")
