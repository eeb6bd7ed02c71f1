"""The county's first real job: a village's households and residents from Excel or CSV.

One transaction, one audit entry with count and hash; nothing is written while a row is bad, unless bad rows are left
out. What is on record already is left alone, so the same file twice writes nothing the second time.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, BinaryIO
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.errors import FieldProblem, ValidationFailed
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.people.import_plan import make_plan
from sanzhi_core.people.import_sheet import RowProblem, Sheet, read_people
from sanzhi_core.people.import_write import write_plan
from sanzhi_core.platform.command import Operation, command, operation
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.inputs import CommandInput, id_of
from sanzhi_core.platform.work import Work
from sanzhi_core.reading.declaration import Bounded

IMPORT = "core.people.import"
SHOWN_ERRORS = 200
MOST_BYTES = 40 * 1024
"""Through GraphQL, whose bodies are at most 64 kB; larger files go through `sanzhi people import`."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ImportProblem:
    """文件中一行的错误 / What is wrong with a row of the file"""

    line: Annotated[int, "行号，与Excel一致；0为整个文件 / Row number as in Excel; 0: the file"]
    column: Annotated[str, "列 / Column"]
    reason: Annotated[str, "错误键 / Stable key"]
    message_zh: Annotated[str, "中文说明 / Text in Chinese"]
    message_en: Annotated[str, "英文说明 / Text in English"]


@dataclass(frozen=True)
class PeopleImported:
    """导入结果 / What an import did, or in a dry run would do"""

    rows: Annotated[int, "数据行数 / Rows with data"]
    households_created: Annotated[int, "新建农户 / Households made"]
    residents_created: Annotated[int, "新建居民 / Residents made"]
    honours_created: Annotated[int, "新建荣誉 / Honours made"]
    unchanged: Annotated[int, "已在册未变的行 / Rows on record already"]
    error_count: Annotated[int, "错误数 / Number of errors"]
    written: Annotated[bool, "是否写入 / Whether it was written"]
    sha256: Annotated[str, "写入内容的校验值 / Hash of what was written, as in the audit entry"]
    errors: Annotated[list[ImportProblem], Bounded(SHOWN_ERRORS), "前200个错误 / The first 200 errors"]

    def __post_init__(self) -> None:
        rows = [e if isinstance(e, ImportProblem) else ImportProblem(**e) for e in self.errors]
        object.__setattr__(self, "errors", rows)  # a replayed answer comes as plain mappings


@dataclass
class PeopleImportResult:
    """What an import did, or in a dry run would do. `errors`: every bad row, in the order of the file."""

    rows: int = 0
    households_created: int = 0
    residents_created: int = 0
    unchanged: int = 0
    errors: list[RowProblem] = field(default_factory=list)
    written: bool = False
    replayed: bool = False


class ImportPeople(CommandInput):
    """导入一个村的农户与居民 / Import households and residents of a village"""

    village_id: id_of("OrgUnit") = Field(description="村 / Village")  # type: ignore[valid-type]
    file_name: str = Field(
        min_length=5, max_length=200, description="文件名，.xlsx或.csv / File name, .xlsx or .csv"
    )
    content_base64: str = Field(
        min_length=1,
        max_length=4 * (MOST_BYTES // 3 + 1),
        description="文件内容(base64)，至多40kB / Content of the file in base64, at most 40 kB",
    )
    dry_run: bool = Field(False, description="只检查不写入 / Check only, write nothing")
    skip_bad: bool = Field(False, description="跳过错误行 / Leave bad rows out")


class ImportPeopleFile(CommandInput):
    """The same for a file that was read already."""

    village_id: UUID = Field(description="村 / Village")
    file_sha256: str = Field(description="文件校验值 / SHA-256 of the file")
    dry_run: bool = Field(False, description="只检查不写入 / Check only, write nothing")
    skip_bad: bool = Field(False, description="跳过错误行 / Leave bad rows out")


@operation(IMPORT, permission=IMPORT, returns=None)
async def import_people_content(work: Work, input: ImportPeople) -> PeopleImported:
    """A small file within the request. VALIDATION_FAILED with the bad rows when any, unless dry run or `skipBad`."""
    village = await work.unit(input.village_id, level="VILLAGE")
    try:
        content = base64.b64decode(input.content_base64, validate=True)
    except (binascii.Error, ValueError):
        raise ValidationFailed.of(
            "contentBase64", "BASE64", "不是有效的base64", "This is not base64"
        ) from None
    if len(content) > MOST_BYTES:
        raise ValidationFailed.of(
            "contentBase64", "TOO_LARGE", "文件超过40kB", "The file is larger than 40 kB"
        )
    sheet = await asyncio.to_thread(
        read_people, io.BytesIO(content), input.file_name, work.ctx.keys, work.today
    )
    return await _import(work, village, sheet, PeopleImportResult(), input.dry_run, input.skip_bad)


async def import_people(
    ctx: Context,
    village_id: UUID,
    source: str | Path | BinaryIO,
    filename: str,
    *,
    dry_run: bool,
    skip_bad: bool,
    key: UUID,
    progress: Progress | None = None,
) -> PeopleImportResult:
    """Import a file of any size the reader takes. `progress(done, total)` counts rows read and rows written.

    Bad rows are in the result, and unless `skip_bad` nothing is written then. Raises the BusinessError of every other
    refusal, VALIDATION_FAILED for a file that cannot be read. The same `key` again gives the first answer.
    """
    report = progress or (lambda _done, _total: None)
    sheet = await asyncio.to_thread(read_people, source, filename, ctx.keys, ctx.today)
    report(sheet.total, 2 * sheet.total)
    result = PeopleImportResult()
    data = ImportPeopleFile(
        idempotency_key=key,
        village_id=village_id,
        file_sha256=sheet.sha256,
        dry_run=dry_run,
        skip_bad=skip_bad,
    )
    outcome = await command(ctx, _operation(sheet, result), data, outputs=PeopleImported)
    if outcome.error is not None and not result.errors:
        raise outcome.error
    if outcome.error is None:
        done: PeopleImported = outcome.output
        result.rows, result.unchanged, result.written = done.rows, done.unchanged, done.written
        result.households_created, result.residents_created = done.households_created, done.residents_created
        result.replayed = outcome.replayed
        if outcome.replayed:
            result.errors = [RowProblem(**vars(e)) for e in done.errors]
    report(2 * sheet.total, 2 * sheet.total)
    return result


def _operation(sheet: Sheet, result: PeopleImportResult) -> Operation[ImportPeopleFile, PeopleImported]:
    """`core.people.import`, bound to what was read."""

    @operation(IMPORT, permission=IMPORT, returns=None)
    async def run(work: Work, input: ImportPeopleFile) -> PeopleImported:
        village = await work.unit(input.village_id, level="VILLAGE")
        return await _import(work, village, sheet, result, input.dry_run, input.skip_bad)

    return run


async def _import(
    work: Work, village: OrgUnit, sheet: Sheet, result: PeopleImportResult, dry_run: bool, skip_bad: bool
) -> PeopleImported:
    if sheet.fatal is not None:
        bad = sheet.fatal
        where = f"line:{bad.line}:{bad.column}" if bad.line else "file"
        raise ValidationFailed.of(where, bad.reason_key, bad.message_zh, bad.message_en)
    session = work.session
    await session.execute(
        sa.text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"),
        {"key": f"people.import|{village.id}"},
    )
    plan = await make_plan(
        session, work.ctx.keys, village.id, sheet, work.today, work.ctx.principal.household_id
    )
    # Assigned, not appended: the door may run the work again after a deadlock.
    result.rows, result.errors = sheet.total, plan.problems
    if plan.problems and not skip_bad and not dry_run:
        raise _refusal(plan.problems)
    digest = sha256()
    if not dry_run:
        await write_plan(work, village, plan, digest)
    honours = sum(len(h.honours) for h in plan.households)
    work.reason(
        f"{'dry run ' if dry_run else ''}sha256:{sheet.sha256} +{len(plan.created)}户 +{plan.people}人 "
        f"={plan.unchanged} !{len(plan.problems)}"
    )
    return PeopleImported(
        sheet.total,
        len(plan.created),
        plan.people,
        honours,
        plan.unchanged,
        len(plan.problems),
        not dry_run,
        "" if dry_run else digest.hexdigest(),
        [ImportProblem(**vars(p)) for p in plan.problems[:SHOWN_ERRORS]],
    )


def _refusal(problems: list[RowProblem]) -> ValidationFailed:
    return ValidationFailed(
        tuple(
            FieldProblem(f"line:{p.line}:{p.column}", p.reason, p.message_zh, p.message_en)
            for p in problems[:SHOWN_ERRORS]
        ),
        detail_zh=f"有{len(problems)}处错误，未导入任何内容",
        detail_en=f"{len(problems)} errors; nothing was imported",
    )
