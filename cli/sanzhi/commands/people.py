"""Importing households and residents."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.console import Console

app = typer.Typer(no_args_is_help=True)
out = Console(highlight=False)


@app.callback()
def _people() -> None:
    """农户与居民 / Households and residents"""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="Excel 或 CSV / Excel or CSV")],
    village: Annotated[str, typer.Option(help="村代码(12位) / 12-digit code of the village")],
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="跳过错误行 / leave bad rows out")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查 / check only, write nothing")] = False,
) -> None:
    """导入一个村的农户与居民 / Import the households and residents of one village."""
    raise typer.Exit(asyncio.run(_import(file, village, skip_bad, dry_run)))


async def _import(file: Path, village: str, skip_bad: bool, dry_run: bool) -> int:
    import sqlalchemy as sa

    from sanzhi.commands.opened import system
    from sanzhi_core.errors import NotFound
    from sanzhi_core.org.models import OrgUnit
    from sanzhi_core.people.importing import import_people
    from sanzhi_core.platform.installation import Installation

    async with system(Installation.from_env()) as ctx:
        async with ctx.db.transaction() as session:
            unit_id = await session.scalar(
                sa.select(OrgUnit.id).where(
                    OrgUnit.code == village, OrgUnit.level == "VILLAGE", OrgUnit.status == "ACTIVE"
                )
            )
        if unit_id is None:
            raise NotFound("OrgUnit", detail_zh=f"没有村{village}", detail_en=f"No village {village}")
        result = await import_people(
            ctx, unit_id, file, file.name, dry_run=dry_run, skip_bad=skip_bad, key=uuid4()
        )
    for error in result.errors[:50]:
        out.print(f"[red]第{error.line}行 {error.column}: {error.message_zh} / {error.message_en}[/red]")
    out.print(
        f"行 {result.rows:,} · 新建农户 {result.households_created:,} · 新建居民 {result.residents_created:,} · "
        f"未变 {result.unchanged:,} · 错误 {len(result.errors):,} / rows · households · residents · unchanged · errors"
    )
    return 1 if result.errors and not skip_bad else 0
