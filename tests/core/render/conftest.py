"""Documents that several tests render; all names are invented."""

from collections.abc import Callable
from datetime import date

import pytest

from sanzhi_core.render import Document, Items, ObjectionWays, Poster, Section, Table

STARS = (
    *("爱党爱国星", "勤劳致富星", "诚实守信星", "团结友善星", "孝老爱亲星"),
    *("文明风尚星", "遵规守法星", "绿色环保星", "卫生健康星", "科教文体星"),
)


@pytest.fixture(scope="session")
def make_poster() -> Callable[..., Poster]:
    def make(households: int = 12, **changes: object) -> Poster:
        rows = tuple(
            (n, f"村民{n}", f"第{n % 5 + 1}组", f"{n % 11}星", Items(STARS[: n % 11]))
            for n in range(1, households + 1)
        )
        columns = ("序号", "户主", "组别", "星数", "所评星")
        values: dict[str, object] = {
            "title": "张榜公示",
            "subtitle": "2026年度星级文明户评定结果公示",
            "org_name": "示例镇",
            "village": "东和村",
            "publicity_from": date(2026, 12, 7),
            "publicity_to": date(2026, 12, 14),
            "publicity_workdays": 5,
            "table": Table(
                columns, rows, align=("center", "start", "center", "center", "start"), row_header=1
            ),
            "objections": ObjectionWays("0355-0000000", "村委会便民服务大厅", date(2026, 12, 14)),
            "issuer": "东和村村民委员会",
            "issued_on": date(2026, 12, 7),
            "doc_number": "东和村示〔2026〕12号",
            "intro": ("现将评定结果公示如下。",),
            "notes": ("本公示不公布身份证号和住址。",),
            "qr_text": "https://example.invalid/n/0192f0c1",
            "qr_caption": "扫码看本公示",
            "content_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        }
        return Poster(**{**values, **changes})  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def honour_roll() -> Callable[[int], Document]:
    def make(households: int = 56) -> Document:
        rows = tuple((f"光荣户{n}", f"第{n % 5 + 1}组", "★" * (6 + n % 5), "+1") for n in range(households))
        return Document(
            title="星级光荣榜",
            issued_on=date(2026, 12, 28),
            sections=(Section(table=Table(("户主", "组别", "星数", "变化"), rows)),),
            issuer="东和村村民委员会",
            seal=True,
            qr_text="https://example.invalid/r/1",
            large_type=True,
        )

    return make
