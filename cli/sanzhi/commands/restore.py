"""`sanzhi restore`: bring a backup back into a fresh installation on the embedded database."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from sanzhi_core.db.embedded import EmbeddedPostgres
    from sanzhi_core.platform.installation import Installation

out = Console(highlight=False)


class RestoreRefused(Exception):
    """The backup cannot come back here; the message says why. Nothing was changed."""


NEW = "sanzhi_restoring"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("restore")(restore)


def restore(
    source: Annotated[
        Path, typer.Argument(help="备份文件 / file made by sanzhi backup", exists=True, dir_okay=False)
    ],
) -> None:
    """从备份恢复(只进新装的空库，密钥须先放回) / Restore a backup into a fresh installation; put the key file back first."""
    from sanzhi_core.platform.installation import Installation

    installation = Installation.from_env()
    server = installation.start_database()
    try:
        if server is None:
            raise RestoreRefused("this installation uses a PostgreSQL server: restore it with its own tools")
        epoch = asyncio.run(_restore(installation, server, source.resolve()))
    except RestoreRefused as refusal:
        Console(stderr=True).print(f"sanzhi: {refusal}", style="red", markup=False, highlight=False)
        raise typer.Exit(1) from None
    out.print(f"已恢复 / restored: {source}")
    out.print(
        f"审计链新纪元 / new epoch of the audit trail: {epoch}；请运行 / now run: sanzhi audit verify",
        markup=False,
    )


async def _restore(installation: Installation, server: EmbeddedPostgres, source: Path) -> int:
    """Everything happens in a database of its own, which takes the old one's place when it is whole."""
    from sanzhi_core.audit.seal import bump_epoch
    from sanzhi_core.clock import real_now
    from sanzhi_core.db.session import connected
    from sanzhi_core.platform.installation import DATABASE, NotInstalled

    if not installation.secrets_path.exists():
        raise NotInstalled("put the key file in place and run `sanzhi init` first")
    async with connected(server.owner_url(DATABASE)) as conn:
        if await conn.fetchval("select exists(select 1 from core.account)"):
            raise RestoreRefused(
                "this installation is in use; restore goes into a fresh one (another SANZHI_HOME)"
            )
    await _admin(server, f"drop database if exists {NEW}", f"create database {NEW} encoding 'UTF8'")
    try:
        await asyncio.to_thread(_pg_restore, server, source)
        async with connected(server.owner_url(NEW)) as conn:
            await _check_keys(installation, conn)
            async with conn.transaction():
                epoch = await bump_epoch(conn, f"restored from {source.name}", real_now())
    except BaseException:
        await _admin(server, f"drop database if exists {NEW}")
        raise
    await _admin(server, f"drop database {DATABASE}", f"alter database {NEW} rename to {DATABASE}")
    await installation.init(installation.platform())
    return epoch


def _pg_restore(server: EmbeddedPostgres, source: Path) -> None:
    command = [str(server.binary("pg_restore")), "--no-owner", "--exit-on-error", "--dbname", NEW]
    with source.open("rb") as content:
        done = subprocess.run(
            command, env=server.client_environment(NEW), stdin=content, capture_output=True, check=False
        )
    if done.returncode != 0:
        raise RestoreRefused(f"{source} cannot be restored: {done.stderr.decode(errors='replace').strip()}")


async def _check_keys(installation: Installation, conn: Any) -> None:
    """Without the key that signed its trail a backup is of no use: secrets could never be read again."""
    signed_with = await conn.fetchval("select key_id from core.audit_seal order by n desc limit 1")
    if signed_with is not None and installation.keys().find("seal", signed_with) is None:
        raise RestoreRefused(
            f"{installation.keys_path} is not the key file of this backup (key {signed_with} is missing): "
            "put the saved copy there; nothing was changed"
        )


async def _admin(server: EmbeddedPostgres, *statements: str) -> None:
    from sanzhi_core.db.session import connected

    async with connected(server.owner_url("postgres")) as conn:
        for statement in statements:
            await conn.execute(statement)
