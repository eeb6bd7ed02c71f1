"""Import of division codes: check and stage by COPY, then write everything in one short transaction.

Idempotent: what is there already is left alone, a new name opens a new row of history. A second import of the
same file writes nothing but its audit entry, which says 0. Units that a newer edition no longer lists stay:
abolishing is an organisation change with a document, never a side effect of an import.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.clock import new_id
from sanzhi_core.errors import (
    BusinessError,
    FieldProblem,
    Forbidden,
    NotFound,
    ResourceBusy,
    ValidationFailed,
)
from sanzhi_core.org import division_sql as sql
from sanzhi_core.org.codes import Level, UnitCode, parse
from sanzhi_core.org.divisions import Division, DivisionFile, RowError
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.org.staging import clear, copy_in, division_stage
from sanzhi_core.platform.command import Operation, command, operation
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.inputs import CommandInput
from sanzhi_core.platform.work import Work

MANAGE = "core.org.manage"
BATCH = 10_000
KEPT_ERRORS = 1_000
"""Row errors kept with their texts; all are counted."""
SHOWN_ERRORS = 50
"""Row errors repeated in the refusal."""

Progress = Callable[[int, int], None]


@dataclass
class ImportResult:
    """What an import did, or in a dry run would do.

    `levels`: accepted rows per level. `bad`: row errors with line numbers, first 1,000 of `bad_count`.
    `doubtful`: rows whose name disagrees with the code range (warning). `sha256`: over the changes, as in the
    audit entry. `error`: the refusal when nothing was written. `written`: False for a dry run and a refusal.
    """

    levels: dict[str, int] = field(default_factory=dict)
    created: int = 0
    renamed: int = 0
    unchanged: int = 0
    doubtful: int = 0
    bad_count: int = 0
    bad: list[RowError] = field(default_factory=list)
    sha256: str = ""
    written: bool = False
    error: BusinessError | None = None

    def refuse(self, row: RowError) -> None:
        """Count a bad row."""
        self.bad_count += 1
        if len(self.bad) < KEPT_ERRORS:
            self.bad.append(row)


class ImportDivisions(CommandInput):
    """The last step of an import: everything staged under `import_id` becomes units."""

    import_id: UUID = Field(description="暂存批次 / Staged batch")
    file_sha256: str = Field(description="文件校验值 / SHA-256 of the file's text")
    edition: str = Field(min_length=1, max_length=40, description="区划代码版本 / Edition of the list")
    on: date = Field(description="生效日 / Day from which the units are valid")
    under: str | None = Field(None, description="只导入此单位及下级 / Only this unit's subtree")
    skip_bad: bool = Field(False, description="跳过错误行 / Leave bad rows out")


async def import_divisions(
    ctx: Context,
    source: Path | str,
    *,
    under: str | None = None,
    skip_bad: bool = False,
    dry_run: bool = False,
    edition: str,
    progress: Progress | None = None,
    on: date | None = None,
    key: UUID | None = None,
) -> ImportResult:
    """Import a CSV of divisions (columns code, name, level, parent_code), plain or zipped.

    `under`: a code; only its subtree and ancestors are taken. `on`: day from which new units and names are
    valid (default: the business day). `progress(done, total)` counts each row twice: read, written. Raises
    BadFile and BadCode (`under`); bad rows are in the result, and unless `skip_bad` nothing is written then.
    """
    result, import_id = ImportResult(), new_id()
    day = on or ctx.today
    top = parse(under) if under else None
    file = await asyncio.to_thread(DivisionFile, Path(source))
    report = progress or (lambda _done, _total: None)
    try:
        await _stage(ctx, file, import_id, top, result, report)
        await _check(ctx, import_id, day, result)
        if dry_run:
            await _plan(ctx, import_id, result)
        else:
            data = ImportDivisions(
                idempotency_key=key or import_id,
                import_id=import_id,
                file_sha256=file.sha256,
                edition=edition,
                on=day,
                under=under,
                skip_bad=skip_bad,
            )
            course = _Course(result, lambda n: report(file.rows + n, 2 * file.rows))
            outcome = await command(ctx, _operation(course), data)
            result.error = outcome.error
            if outcome.error is None:
                result.written = True
                result.created, result.renamed, result.unchanged = (
                    outcome.output[k] for k in ("created", "renamed", "unchanged")
                )
                result.sha256 = outcome.output["sha256"]
        report(2 * file.rows, 2 * file.rows)
    finally:
        async with ctx.db.transaction() as session:
            await session.execute(sa.text("set local statement_timeout = '15min'"))
            await clear(session, import_id)
    return result


def _wanted(unit: UnitCode, top: UnitCode | None) -> bool:
    """Inside the subtree, or one of its ancestors."""
    if top is None or (unit.level is not Level.PROVINCE and unit.code.startswith(top.prefix)):
        return True
    if top.prefix.startswith(unit.prefix):
        order = tuple(Level)
        return order.index(unit.level) <= order.index(top.level)
    return False


async def _stage(
    ctx: Context,
    file: DivisionFile,
    import_id: UUID,
    top: UnitCode | None,
    result: ImportResult,
    report: Progress,
) -> None:
    rows, done = iter(file), 0
    while True:
        batch, read = await asyncio.to_thread(_batch, rows, top, result)
        if not read:
            break
        async with ctx.db.transaction() as session:
            await copy_in(session, import_id, batch)
        done += read
        report(done, 2 * file.rows)


def _batch(
    rows: Iterator[Division | RowError], top: UnitCode | None, result: ImportResult
) -> tuple[list[Division], int]:
    """The next rows to stage, and how many lines were read for them."""
    good, read = [], 0
    for row in islice(rows, BATCH):
        read += 1
        if isinstance(row, RowError):
            if (
                top is None
                or not row.code.isdigit()
                or row.code.startswith(top.prefix)
                or top.prefix.startswith(row.code)
            ):
                result.refuse(row)
        elif _wanted(row.unit, top):
            good.append(row)
            result.doubtful += row.doubtful
    return good, read


def _concerns(code: str, top: UnitCode | None) -> bool:
    """Whether a bad code may belong to the wanted subtree or its ancestors; one that is no number may."""
    return top is None or not code.isdigit() or code.startswith(top.prefix) or top.prefix.startswith(code)


async def _check(ctx: Context, import_id: UUID, on: date, result: ImportResult) -> None:
    """What only the whole list and the database can tell; bad rows leave the stage, top level first."""
    async with ctx.db.transaction() as session:
        await _roomy(session)
        for found in await sql.refuse_rows(session, import_id, on):
            result.refuse(found)
        result.bad.sort(key=lambda r: r.line)
        result.levels = await sql.count_levels(session, import_id)


async def _plan(ctx: Context, import_id: UUID, result: ImportResult) -> None:
    async with ctx.db.transaction() as session:
        await _roomy(session)
        plan = await sql.count_changes(session, import_id)
        result.created, result.renamed, result.unchanged = plan


async def _roomy(session: AsyncSession) -> None:
    """Sets are large and the stage has no statistics: time enough, and no nested loops by a wrong guess."""
    await session.execute(sa.text("set local statement_timeout = '15min'"))
    await session.execute(sa.text("set local enable_nestloop = off"))
    await session.execute(sa.text("set local work_mem = '64MB'"))


@dataclass(frozen=True)
class _Course:
    """What the writing step shares with the reading step."""

    result: ImportResult
    report: Callable[[int], None]


async def _write(work: Work, input: ImportDivisions, course: _Course) -> dict[str, Any]:
    result = course.result
    session = work.session
    await _authorise(work, input)
    if result.bad_count and not input.skip_bad:
        raise _refusal(result)
    await _roomy(session)
    if not await session.scalar(sa.text("select pg_try_advisory_xact_lock(hashtext('core.org.import'))")):
        raise ResourceBusy(
            detail_zh="另一个区划导入正在进行", detail_en="Another import of divisions is running"
        )
    created, renamed, unchanged = await sql.count_changes(session, input.import_id)
    digest = await sql.digest(session, input.import_id)
    changed = await sql.rename(session, input)
    made = 0
    for level in Level:
        made += await sql.create(session, input, level)
        course.report(unchanged + renamed + made)
    if (made, changed) != (created, renamed):
        raise ResourceBusy(
            detail_zh="导入期间区划已变动，请重试", detail_en="Units changed during the import: try again"
        )
    await sql.write_history(session, input)
    await session.execute(sa.text("set local enable_nestloop = on"))
    if created or renamed:
        await work.bump_generation()
    work.recorder.note_bulk("OrgUnit", created + renamed, digest)
    work.reason(
        f"{input.edition} sha256:{input.file_sha256} +{created} ~{renamed} ={unchanged} !{result.bad_count}"
    )
    return {"created": created, "renamed": renamed, "unchanged": unchanged, "sha256": digest.hex()}


async def _authorise(work: Work, input: ImportDivisions) -> None:
    """The system may import everything; an account only below a unit of its own, and nothing above it."""
    if work.ctx.principal.kind == "SYSTEM":
        return
    if input.under is None:
        raise Forbidden(MANAGE)
    top = parse(input.under)
    unit_id = await work.session.scalar(
        sa.select(OrgUnit.id).where(
            OrgUnit.level == top.level.value, OrgUnit.code == top.code, OrgUnit.valid_to.is_(None)
        )
    )
    if unit_id is None:
        raise NotFound("OrgUnit")
    await work.unit(unit_id)
    levels = [level.value for level in tuple(Level)[: tuple(Level).index(top.level)]]
    await work.session.execute(
        sa.delete(division_stage).where(
            division_stage.c.import_id == input.import_id, division_stage.c.level.in_(levels)
        )
    )


def _refusal(result: ImportResult) -> ValidationFailed:
    problems = tuple(
        FieldProblem(f"line:{row.line}", row.reason, row.message_zh, row.message_en)
        for row in result.bad[:SHOWN_ERRORS]
    )
    return ValidationFailed(
        problems,
        detail_zh=f"有{result.bad_count}行不合格，未导入任何内容",
        detail_en=f"{result.bad_count} rows are bad; nothing was imported",
    )


def _operation(course: _Course) -> Operation[ImportDivisions, dict[str, Any]]:
    """`core.org.import`, bound to what was read."""

    @operation("core.org.import", permission=MANAGE, returns=None)
    async def run(work: Work, input: ImportDivisions) -> dict[str, Any]:
        return await _write(work, input, course)

    return run
