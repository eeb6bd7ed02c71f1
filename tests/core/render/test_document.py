from collections.abc import Callable
from datetime import date

import pytest

from sanzhi_core.render import MAX_QR_BYTES, Document, Poster, Table, poster_document
from sanzhi_core.render.qr import qr_svg
from sanzhi_core.render.text import breakable, clean, display_width, widest_word


def test_a_table_must_fit_together() -> None:
    with pytest.raises(ValueError, match="row 2 has 1 cells, the table has 2 columns"):
        Table(("a", "b"), (("x", "y"), ("x",)))
    with pytest.raises(ValueError, match="at least one column"):
        Table((), ())
    with pytest.raises(ValueError, match="2 columns but 1 alignments"):
        Table(("a", "b"), (), align=("end",))
    with pytest.raises(ValueError, match="not a column"):
        Table(("a",), (), row_header=1)


def test_a_document_needs_a_title_and_a_readable_qr_code() -> None:
    with pytest.raises(ValueError, match="title"):
        Document(title=" ", issued_on=date(2026, 1, 1))
    with pytest.raises(ValueError, match="600 bytes"):
        Document(title="t", issued_on=date(2026, 1, 1), qr_text="x" * (MAX_QR_BYTES + 1))


def test_poster_in_english_and_dates_in_order(make_poster: Callable[..., Poster]) -> None:
    doc = poster_document(make_poster(language="en"))
    assert doc.meta[1] == ("On display", "7 December 2026 to 24:00 on 14 December 2026 (5 working days)")
    assert doc.large_type
    assert doc.seal
    assert (
        "working days" not in poster_document(make_poster(language="en", publicity_workdays=None)).meta[1][1]
    )
    with pytest.raises(ValueError, match="ends before"):
        make_poster(publicity_to=date(2026, 12, 6))


def test_qr_title_is_escaped() -> None:
    svg = qr_svg("https://例子.invalid/村", '<b>&"', inline=True)
    assert svg.startswith(b"<svg")
    assert b'<title>&lt;b&gt;&amp;"</title>' in svg
    assert b"http" not in svg
    assert qr_svg("x").startswith(b"<?xml")


def test_clean() -> None:
    assert clean("a\r\nb\rc\td\x00\u202e\u200b\ufeff𠮷\ud800") == "a\nb\nc d𠮷\ufffd"


def test_widths() -> None:
    assert display_width("张三ab") == 6
    assert display_width("a\n张三") == 4
    assert display_width("") == 0
    assert widest_word("第10组 abcd") == 4
    assert widest_word("★" * 10) == 20
    assert widest_word("x" * 99) == 20


def test_only_long_runs_may_break() -> None:
    assert breakable("★" * 10) == "★" * 10
    assert breakable("张 " + "x" * 20) == "张 " + "x" * 20
    assert breakable("张" + "x" * 21 + "三") == "张" + "\u200b".join("x" * 21) + "三"
