"""Importing divisions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

app = typer.Typer(no_args_is_help=True)
out = Console(highlight=False)


@app.callback()
def _org() -> None:
    """组织层级 / Organisation hierarchy"""


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="FILE.csv 或 FILE.csv.zip: code,name,level,parent_code")],
    under: Annotated[str | None, typer.Option(help="只导入该代码以下 / only below this code")] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="跳过错误行 / leave bad rows out")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查 / check only, write nothing")] = False,
    edition: Annotated[str, typer.Option(help="资料版本 / edition of the data")] = "2023",
) -> None:
    """导入区划(可重复) / Import divisions; repeatable, writes nothing when a row is bad unless --skip-bad."""
    code = asyncio.run(_import(file, under, skip_bad, dry_run, edition))
    raise typer.Exit(code)


async def _import(file: Path, under: str | None, skip_bad: bool, dry_run: bool, edition: str) -> int:
    from sanzhi.commands.opened import system
    from sanzhi_core.org.importing import import_divisions
    from sanzhi_core.platform.installation import Installation

    async with system(Installation.from_env()) as ctx:
        with Progress(console=out) as progress:
            task = progress.add_task("导入 / import", total=None)

            def advance(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total or None)

            result = await import_divisions(
                ctx, file, under=under, skip_bad=skip_bad, dry_run=dry_run, edition=edition, progress=advance
            )
    for error in result.bad[:50]:
        out.print(f"[red]第{error.line}行 / line {error.line}: {error.message_zh} / {error.message_en}[/red]")
    if result.bad_count > 50:
        out.print(f"…… {result.bad_count - 50} more")
    table = Table("层级 / level", "数量 / count")
    for level, count in result.levels.items():
        table.add_row(level, f"{count:,}")
    out.print(table)
    out.print(
        f"新建 {result.created:,} · 更名 {result.renamed:,} · 未变 {result.unchanged:,} · 错误 {result.bad_count:,}"
        f" / created · renamed · unchanged · bad" + ("（试运行 dry run）" if dry_run else "")
    )
    return 1 if result.bad_count and not skip_bad else 0
