import base64
import hashlib
import re
from collections.abc import Callable
from datetime import date
from html.parser import HTMLParser

from sanzhi_core.render import Document, Items, Poster, Section, Table, poster_document, to_html

VOID = {"meta", "br", "hr", "wbr", "path"}


class Page(HTMLParser):
    """Start tags with attributes, text, and a check that every tag is closed in order."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(data.decode())
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def test_poster_is_complete_and_accessible(make_poster: Callable[..., Poster]) -> None:
    data = to_html(poster_document(make_poster()))
    page = Page(data)
    assert data == to_html(poster_document(make_poster()))
    assert page.all("html") == [{"lang": "zh-CN", "class": "large"}]
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) - 1 == 1
    heads = page.all("th")
    assert [head["scope"] for head in heads] == ["col"] * 5 + ["row"] * 12
    svg = page.all("svg")
    assert len(svg) == 1
    assert (svg[0]["role"], svg[0]["aria-label"]) == ("img", "二维码：扫码看本公示")
    text = "".join("".join(page.text).split())
    for part in (
        "东和村示〔2026〕12号",
        "0355-0000000",
        "村民12第3组1星",
        "2026年12月14日24时",
        "（盖章处）",
    ):
        assert part in text
    assert "font-size: 150%" in data.decode()
    assert "@page { size: A3 portrait" in data.decode()


def test_nothing_is_loaded_and_the_policy_allows_only_its_own_style(
    make_poster: Callable[..., Poster],
) -> None:
    text = to_html(poster_document(make_poster())).decode()
    assert not re.search(r"<(script|link|img|iframe)|\bsrc=|@import|url\(|\bstyle=|\bon\w+=", text)
    css = re.search(r"<style>(.*)</style>", text, re.DOTALL)
    assert css is not None
    digest = base64.b64encode(hashlib.sha256(css[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text


def test_every_text_is_escaped() -> None:
    evil = "<script>alert(1)</script>\"'&amp;\u202e\x00"
    doc = Document(
        title=evil,
        issued_on=date(2026, 11, 22),
        subtitle=evil,
        org_name=evil,
        doc_number=evil,
        meta=((evil, evil),),
        sections=(
            Section(
                evil, (evil,), ((evil, evil),), Table((evil, evil), ((evil, Items((evil,))),), caption=evil)
            ),
        ),
        notes=(evil,),
        issuer=evil,
        page_note=evil,
        qr_text=evil,
        qr_caption=evil,
        content_hash=evil,
    )
    data = to_html(doc)
    assert b"<script" not in data
    assert "\u202e" not in data.decode()
    assert b"\x00" not in data
    page = Page(data)
    assert "script" not in {tag for tag, _ in page.tags}
    assert "".join(page.text).count("<script>alert(1)</script>\"'&amp;") >= 17
    assert [attrs["aria-label"] for attrs in page.all("svg")] == ["二维码：<script>alert(1)</script>\"'&amp;"]


def test_english_and_line_breaks() -> None:
    doc = Document(
        title="A\nB", issued_on=date(2026, 11, 22), language="en", sections=(Section(paragraphs=("x\r\ny",)),)
    )
    text = to_html(doc).decode()
    assert '<html lang="en">' in text
    assert "<title>A B</title>" in text
    assert "<h1>A<br>B</h1>" in text
    assert "<p>x<br>y</p>" in text
    assert '<time datetime="2026-11-22">22 November 2026</time>' in text
