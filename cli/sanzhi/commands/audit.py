"""The audit trail from the command line."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from sanzhi_core.platform.installation import Installation

app = typer.Typer(no_args_is_help=True)
out = Console(highlight=False)


@app.callback()
def _audit() -> None:
    """审计日志 / Audit trail"""


@app.command()
def export(
    target: Annotated[Path, typer.Argument(help="目标文件(JSON 行) / target file, JSON lines")],
) -> None:
    """导出审计链，供独立验证 / Export the trail for the stand-alone verifier."""
    from sanzhi_core.platform.installation import Installation

    installation = Installation.from_env()
    installation.start_database()
    asyncio.run(_export(installation, target))
    out.print(str(target), markup=False)


def verify_installation(installation: Installation) -> subprocess.CompletedProcess[str]:
    """Export the trail and run the stand-alone verifier on it, in a process of its own."""
    from sanzhi_core.audit import verifier

    keys = installation.keys()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        memory = ["--no-checkpoints"]
        if (
            installation.checkpoints_path.exists()
        ):  # before the export: a seal made in between is not a rollback
            shutil.copyfile(installation.checkpoints_path, place / "checkpoints.jsonl")
            memory = ["--checkpoints", str(place / "checkpoints.jsonl")]
        asyncio.run(_export(installation, place / "trail.jsonl"))
        (place / "public.pem").write_bytes(keys.public_pem())
        hmac_file = place / "row-keys"
        hmac_file.touch(mode=0o600)
        hmac_file.write_text(keys.row_key_lines())
        args = [sys.executable, str(verifier.__file__), "--export", str(place / "trail.jsonl")]
        args += ["--public-key", str(place / "public.pem"), "--hmac-key", str(hmac_file)]
        args += memory
        return subprocess.run(args, capture_output=True, text=True, check=False)


async def _export(installation: Installation, target: Path) -> None:
    from sanzhi_core.audit import export as exporting
    from sanzhi_core.db.session import connected

    async with connected(installation.owner()) as conn:
        await exporting.export(conn, target)


@app.command()
def verify() -> None:
    """验证整条审计链 / Verify the whole trail with the stand-alone verifier; exit code 1 when anything is wrong."""
    from sanzhi_core.platform.installation import Installation

    installation = Installation.from_env()
    installation.start_database()
    done = verify_installation(installation)
    out.print(done.stdout.strip() or done.stderr.strip(), markup=False)
    raise typer.Exit(done.returncode)


@app.command()
def head() -> None:
    """打印当前链头，可抄写存档 / Print the head of the chain, to be kept on paper."""
    asyncio.run(_head())


async def _head() -> None:
    from sanzhi_core.audit.checkpoint import head_text
    from sanzhi_core.audit.seal import last_seal
    from sanzhi_core.db.session import connected
    from sanzhi_core.platform.installation import Installation

    installation = Installation.from_env()
    installation.start_database()
    async with connected(installation.owner()) as conn:
        seal = await last_seal(conn)
    out.print(head_text(seal) if seal else "尚无封存 / nothing sealed yet", markup=False)
