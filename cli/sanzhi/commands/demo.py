"""`sanzhi demo`: the main job from an empty folder to plaques at doors, in front of the reader's eyes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sanzhi.commands import restore


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("demo")(demo)
    restore.register(app)


def demo(
    json: Annotated[
        Path | None, typer.Option("--json", help="把结果写入该文件 / write the outcome to this file")
    ] = None,
    home: Annotated[
        Path, typer.Option(help="演示目录，每次重新开始 / folder of the demo, begun anew each time")
    ] = Path(".sanzhi/demo"),
    keep_serving: Annotated[
        bool,
        typer.Option(
            "--keep-serving", help="结束后继续服务，按 Ctrl-C 停止 / serve on until Ctrl-C, with GraphiQL"
        ),
    ] = False,
) -> None:
    """演示：两个试点村评星一整轮 / Two pilot villages rate their stars: one whole cycle through the HTTP API."""
    from sanzhi.demo.play import play
    from sanzhi.demo.stage import DemoFailed

    try:
        play(home, json, keep_serving)
    except DemoFailed as fault:
        Console(stderr=True).print(f"sanzhi demo: {fault}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None
