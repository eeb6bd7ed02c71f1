"""What the reader of the paper gets: pages, text, sizes, and the same bytes again."""

import dataclasses
import io
import subprocess
import sys
from collections.abc import Callable
from datetime import date

import pytest
from pypdf import PageObject, PdfReader

from sanzhi_core.render import Document, Items, Poster, Section, Table, poster_document, to_pdf
from sanzhi_core.render.typst_pdf import column_widths

MakePoster = Callable[..., Poster]
NOTO = "NotoSansCJKsc-Regular"


def reader(doc: Document) -> PdfReader:
    return PdfReader(io.BytesIO(to_pdf(doc)))


def flat(pdf: PdfReader) -> str:
    return "".join("".join(page.extract_text() for page in pdf.pages).split())


def sizes(page: PageObject) -> dict[str, float]:
    """Text of a page by run → its type size in pt."""
    found: dict[str, float] = {}

    def visit(text: str, cm: list[float], tm: list[float], _font: object, size: float) -> None:
        if text.strip():
            found["".join(text.split())] = round(size * abs(tm[3] * cm[3]), 1)

    page.extract_text(visitor_text=visit)
    return found


def document(**changes: object) -> Document:
    return Document(**{"title": "标题", "issued_on": date(2026, 11, 22), **changes})  # type: ignore[arg-type]


def test_poster_says_everything_a_villager_needs(make_poster: MakePoster) -> None:
    pdf = reader(poster_document(make_poster()))
    text = flat(pdf)
    for part in (
        *("张榜公示", "2026年度星级文明户评定结果公示", "东和村示〔2026〕12号", "公示范围：东和村"),
        "公示时间：2026年12月7日至2026年12月14日24时（5个工作日）",
        *("村民4第5组4星爱党爱国星、勤劳致富星、诚实守信星、团结友善星", "科教文体星"),
        *("打电话：0355-0000000", "当面说：村委会便民服务大厅", "截止时间：2026年12月14日24时"),
        *("不用手机也可以办", "扫码看本公示", "东和村村民委员会2026年12月7日（盖章处）"),
        "内容校验值：9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ):
        assert part in text, part
    assert pdf.pages[0].mediabox.width == pytest.approx(842, abs=1)  # A3


def test_every_page_has_header_row_page_number_and_the_phone(make_poster: MakePoster) -> None:
    pdf = reader(poster_document(make_poster(300)))
    pages = ["".join(page.extract_text().split()) for page in pdf.pages]
    assert len(pages) > 10
    for number, text in enumerate(pages, start=1):
        assert f"第{number}页/共{len(pages)}页" in text
        assert "有异议请于2026年12月14日24时前提出，电话0355-0000000" in text
    assert all("序号户主组别星数所评星" in text for text in pages[:-1])
    for n in range(1, 301):
        assert sum(text.count(f"{n}村民{n}第") for text in pages) >= 1, n


def test_large_type_is_large(make_poster: MakePoster) -> None:
    for page in ("A3", "A4"):
        pdf = reader(poster_document(make_poster(page=page)))
        found = sizes(pdf.pages[0]) | sizes(pdf.pages[-1])
        assert found["张榜公示"] >= 36
        assert found["村民1"] >= 18
        assert found["现将评定结果公示如下。"] >= 18
        assert found["本公示不公布身份证号和住址。"] >= 18
        assert found["0355-0000000"] >= 18


def test_only_the_one_font_and_never_bold(make_poster: MakePoster) -> None:
    fonts = set()
    for page in reader(poster_document(make_poster(60))).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            fonts.add(font.get_object()["/BaseFont"].split("+")[1].removesuffix("-Identity-H"))
    assert fonts == {NOTO}


def test_same_document_same_bytes_in_another_process_too(make_poster: MakePoster) -> None:
    doc = poster_document(make_poster())
    here = to_pdf(doc)
    assert here == to_pdf(doc)
    code = (
        "import sys, pickle, hashlib, sanzhi_core.render as r;"
        "sys.stdout.write(hashlib.sha256(r.to_pdf(pickle.load(sys.stdin.buffer))).hexdigest())"
    )
    import hashlib
    import pickle

    there = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps(doc),
        capture_output=True,
        check=True,
        env={"TZ": "America/New_York", "LANG": "C"},
    ).stdout.decode()
    assert there == hashlib.sha256(here).hexdigest()
    assert here != to_pdf(dataclasses.replace(doc, issued_on=date(2026, 12, 8)))


def test_metadata_is_that_of_the_document(make_poster: MakePoster) -> None:
    pdf = reader(poster_document(make_poster()))
    assert pdf.metadata is not None
    assert pdf.metadata.title == "张榜公示"
    assert pdf.metadata.author == "东和村村民委员会"
    assert pdf.metadata["/CreationDate"].startswith("D:202612061600")  # midnight in Shanghai, in UTC
    catalogue = pdf.trailer["/Root"]
    assert catalogue["/Lang"] == "zh-CN"  # type: ignore[index]
    assert catalogue["/MarkInfo"]["/Marked"]  # type: ignore[index]
    xmp = catalogue["/Metadata"].get_object().get_data().decode()  # type: ignore[index]
    assert "<pdfaid:part>2</pdfaid:part>" in xmp
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in xmp
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp


def test_user_text_is_never_typst_code() -> None:
    hostile = (
        '#eval("1+1") #panic("x") $ x $ *粗* _斜_ @ref <label> \\u{41} `raw` [x] = 标题 // c /* */ #read("a")'
    )
    doc = document(
        title=hostile,
        subtitle=hostile,
        org_name=hostile,
        meta=((hostile, hostile),),
        sections=(
            Section(
                hostile, (hostile,), ((hostile, hostile),), Table((hostile,), ((hostile,),), caption=hostile)
            ),
        ),
        notes=(hostile,),
        issuer=hostile,
        page_note=hostile,
        qr_text=hostile,
        qr_caption=hostile,
        content_hash=hostile,
    )
    assert flat(reader(doc)).count("".join(hostile.split())) >= 10


def test_extension_b_is_printed() -> None:
    text = flat(reader(document(sections=(Section(paragraphs=("𠮷田村民𠮷〇",)),))))
    assert "𠮷田村民𠮷〇" in text
    assert "〓" not in text


def test_characters_the_font_lacks_are_marked_and_listed_never_silent() -> None:
    text = flat(
        reader(document(sections=(Section(paragraphs=("王\U00030000、李\U0002b740、王\U00030000😀",)),)))
    )
    assert "王〓、李〓、王〓〓" in text
    assert "生僻字，请张贴前用笔填写：U+30000U+2B740U+1F600" in text


def test_control_and_bidi_characters_are_dropped() -> None:
    text = flat(
        reader(document(title="标\x00题\u202e反\u200b", sections=(Section(paragraphs=("a\tb\r\nc",)),)))
    )
    assert "标题反" in text
    assert "abc" in text
    assert "〓" not in text


def test_very_long_names_wrap_and_stay_whole_in_the_text() -> None:
    name = "阿卜杜热合曼·阿卜杜克热木·麦麦提依明" * 3
    table = Table(("序号", "户主", "组别"), ((1, name, "第1组"), (2, "李四", "第2组")))
    pdf = reader(document(sections=(Section(table=table),), large_type=True))
    assert name in flat(pdf)
    page = pdf.pages[0]
    rightmost = 0.0

    def visit(text: str, cm: list[float], tm: list[float], *_: object) -> None:
        nonlocal rightmost
        if text.strip():
            rightmost = max(rightmost, tm[4] * cm[0] + cm[4])

    page.extract_text(visitor_text=visit)
    assert 100 < rightmost < float(page.mediabox.width)


def test_a_long_hash_in_a_table_wraps_without_extra_characters() -> None:
    digest = "ab12" * 16
    assert digest in flat(
        reader(document(sections=(Section(table=Table(("项", "值"), (("哈希", digest),))),)))
    )


@pytest.mark.parametrize("households", [0, 1, 9, 20, 50, 53, 56, 57, 60])
def test_the_signature_never_stands_alone_on_a_page(
    honour_roll: Callable[[int], Document], households: int
) -> None:
    pages = [page.extract_text() for page in reader(honour_roll(households)).pages]
    text = "".join("".join(pages).split())
    assert [text.count(f"光荣户{n}第") for n in range(households)] == [1] * households
    assert "东和村村民委员会2026年12月28日" in "".join(pages[-1].split())
    if households >= 9:
        assert f"光荣户{households - 1}" in pages[-1]
    assert all(page.count("户主") == 1 for page in pages)


def test_a_row_longer_than_a_page_is_printed_whole() -> None:
    text = flat(
        reader(
            document(sections=(Section(table=Table(("项", "文"), (("长", "甲" * 6000),))),), large_type=True)
        )
    )
    assert text.count("甲") == 6000


def test_empty_things_are_left_out() -> None:
    text = flat(reader(document()))
    assert text == "标题2026年11月22日第1页/共1页"


def test_empty_item_list_shows_a_dash() -> None:
    assert "张三—" in flat(
        reader(document(sections=(Section(table=Table(("户主", "星"), (("张三", Items(())),))),)))
    )


def test_english() -> None:
    doc = document(
        title="Notice", language="en", sections=(Section(table=Table(("A",), ((Items(("x", "y")),),))),)
    )
    pdf = reader(doc)
    assert flat(pdf) == "NoticeAx,y22November2026Page1of1"
    assert pdf.trailer["/Root"]["/Lang"] == "en-GB"  # type: ignore[index]


def test_landscape() -> None:
    box = reader(document(landscape=True)).pages[0].mediabox
    assert (round(box.width), round(box.height)) == (842, 595)


def test_columns_fill_the_page_and_short_ones_do_not_wrap() -> None:
    rows = tuple((n, "李四", "第10组", "甲" * 60) for n in range(5))
    widths, shrink = column_widths(Table(("序号", "户主", "组别", "说明"), rows), 30)
    assert shrink == 1
    assert sum(widths) == pytest.approx(30)
    assert widths[:3] == [3, 3, 4]
    widths, shrink = column_widths(Table(("甲", "乙"), (("一", "一"),)), 30)
    assert widths == pytest.approx([15, 15])
    assert shrink == 1


def test_text_shrinks_where_unbreakable_columns_are_too_many() -> None:
    columns = tuple(f"{n}" for n in range(20))
    widths, shrink = column_widths(Table(columns, (("1234567890",) * 20,)), 60)
    assert sum(widths) * shrink == pytest.approx(60)
    assert shrink == pytest.approx(0.5)
