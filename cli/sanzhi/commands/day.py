"""Day-to-day care: doctor, backup, the schema as text, the demo clock."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

out = Console(highlight=False)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("doctor")(doctor)
    app.command("backup")(backup)
    app.command("sdl")(sdl)
    app.command("clock")(clock)


def doctor() -> None:
    """逐项检查，给出原因与办法 / Check everything; each finding with cause and cure. Exit code 1 when something is wrong."""
    from sanzhi.doctor import examine
    from sanzhi_core.platform.installation import Installation

    findings = asyncio.run(examine(Installation.from_env()))
    marks = {"ok": "[green]✓[/green]", "warn": "[yellow]![/yellow]", "bad": "[red]✗[/red]"}
    for finding in findings:
        out.print(f"{marks[finding.state]} {finding.title}: {finding.cause}")
        if finding.cure:
            out.print(f"    → {finding.cure}", markup=False)
    raise typer.Exit(1 if any(f.state == "bad" for f in findings) else 0)


def backup(
    target: Annotated[Path, typer.Argument(help="目标文件 FILE.dump / target file")],
) -> None:
    """备份内置数据库(不含密钥) / Back the embedded database up, without the keys, which are kept apart."""
    import subprocess

    from sanzhi_core.platform.installation import DATABASE, Installation

    installation = Installation.from_env()
    server = installation.start_database()
    if server is None:
        raise FileNotFoundError(
            "this installation uses a PostgreSQL server: back it up with its own tools (pg_dump, base backup)"
        )
    target = target.resolve()
    part = target.with_name(target.name + ".part")
    fd = part.open("wb")
    part.chmod(0o600)
    with fd:
        done = subprocess.run(
            [str(server.pg_dump_path()), "--format=custom", "--no-owner", DATABASE],
            env=server.client_environment(DATABASE),
            stdout=fd,
            stderr=subprocess.PIPE,
            check=False,
        )
    if done.returncode != 0:
        part.unlink()
        out.print(done.stderr.decode(errors="replace"), markup=False)
        raise typer.Exit(1)
    part.replace(target)
    out.print(f"已备份 / written: {target} ({target.stat().st_size:,} bytes)")
    out.print(
        f"[yellow]密钥不在备份里，请另行保存 / the keys are not in it, keep them apart: {installation.keys_path}[/yellow]"
    )


def sdl(
    plugins: Annotated[
        str | None, typer.Option(help="逗号分隔的插件 / only these plugins, by commas")
    ] = None,
    check: Annotated[Path | None, typer.Option(help="与文件比较 / compare with this file")] = None,
) -> None:
    """打印 GraphQL 接口定义 / Print the GraphQL schema definition."""
    from sanzhi_core.parts import core_part
    from sanzhi_core.platform import plugins as loader
    from sanzhi_graphql.schema.api import Api

    enabled = None if plugins is None else frozenset(p.strip() for p in plugins.split(",") if p.strip())
    text = Api(loader.load(core_part())).sdl(enabled)
    if check is None:
        print(text, end="")
        return
    if not check.is_file() or check.read_text() != text:
        out.print(f"[red]{check} is not up to date: run `make sdl` and review the difference[/red]")
        raise typer.Exit(1)


def clock(
    to: Annotated[
        datetime | None, typer.Option(help="把演示时钟拨到(上海时间) / move the demo clock to, Shanghai time")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="回到真实时间 / back to real time")] = False,
) -> None:
    """演示时钟，仅在 SANZHI_CLOCK=demo 下有效 / The demo clock; only under SANZHI_CLOCK=demo, never through GraphQL."""
    from sanzhi_core.platform.installation import Installation

    installation = Installation.from_env()
    if installation.env.get("SANZHI_CLOCK") != "demo":
        raise FileNotFoundError("the demo clock works under SANZHI_CLOCK=demo only")
    asyncio.run(move_clock(installation.owner(), None if reset else to))


async def move_clock(owner_url: str, to: datetime | None) -> timedelta:
    """Set `core.clock_offset` so that business time is `to` now (naive: Shanghai); None resets it."""
    from sanzhi_core.clock import SHANGHAI, real_now
    from sanzhi_core.db.session import connected

    offset = timedelta()
    if to is not None:
        offset = (to if to.tzinfo else to.replace(tzinfo=SHANGHAI)) - real_now()
    async with connected(owner_url) as conn:
        await conn.execute("update core.clock_offset set seconds = $1", int(offset.total_seconds()))
    return offset
