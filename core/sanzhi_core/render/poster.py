"""The public notice that hangs on the village wall (张榜公示)."""

from dataclasses import dataclass
from datetime import date

from sanzhi_core.render.document import Document, Language, PageSize, Section, Table
from sanzhi_core.render.labels import end_of_day, labels, long_date


@dataclass(frozen=True, slots=True)
class ObjectionWays:
    """How to object without a smartphone. `until` is the last day, which counts to 24:00."""

    phone: str
    counter: str
    until: date


@dataclass(frozen=True, slots=True)
class Poster:
    """A public notice. `publicity_to` is the last day, which counts to 24:00.

    `table` holds the people or things on display: name and village group only, never ID or address
    (PIPL art. 25); the plugin that calls chooses the columns.
    """

    title: str
    subtitle: str
    org_name: str
    village: str
    publicity_from: date
    publicity_to: date
    table: Table
    objections: ObjectionWays
    issuer: str
    issued_on: date
    intro: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    publicity_workdays: int | None = None
    doc_number: str = ""
    qr_text: str = ""
    qr_caption: str = ""
    content_hash: str = ""
    language: Language = "zh-CN"
    page: PageSize = "A3"

    def __post_init__(self) -> None:
        if self.publicity_to < self.publicity_from:
            raise ValueError("the publicity ends before it begins")


def poster_document(poster: Poster) -> Document:
    """The poster as a document in large type, with a place for the seal."""
    words = labels(poster.language)
    start = long_date(poster.publicity_from, poster.language)
    end = end_of_day(poster.publicity_to, poster.language)
    until = end_of_day(poster.objections.until, poster.language)
    if poster.language == "zh-CN":
        period = f"{start}至{end}"
        if poster.publicity_workdays is not None:
            period += f"（{poster.publicity_workdays}个工作日）"
    else:
        period = f"{start} to {end}"
        if poster.publicity_workdays is not None:
            period += f" ({poster.publicity_workdays} working days)"
    return Document(
        title=poster.title,
        subtitle=poster.subtitle,
        org_name=poster.org_name,
        doc_number=poster.doc_number,
        issued_on=poster.issued_on,
        meta=((words.village, poster.village), (words.publicity, period)),
        sections=(
            Section(paragraphs=poster.intro, table=poster.table),
            Section(
                heading=words.objections,
                paragraphs=(words.objection_intro,),
                facts=(
                    (words.phone, poster.objections.phone),
                    (words.counter, poster.objections.counter),
                    (words.until, until),
                ),
            ),
        ),
        notes=poster.notes,
        issuer=poster.issuer,
        seal=True,
        page_note=words.page_note.format(until=until, phone=poster.objections.phone),
        qr_text=poster.qr_text,
        qr_caption=poster.qr_caption,
        content_hash=poster.content_hash,
        language=poster.language,
        large_type=True,
        page=poster.page,
    )
