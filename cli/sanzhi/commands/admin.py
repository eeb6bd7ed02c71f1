"""Installing, setup tokens, further administrators."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import uuid4

import typer
from rich.console import Console

from sanzhi_core.platform.installation import SETUP_TOKEN_HOURS, Installation, new_setup_token

out = Console(highlight=False)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("init")(init)
    app.command("setup-token")(setup_token)
    app.command("admin-add")(admin_add)


def init() -> None:
    """安装或升级：数据库、角色、密钥、表 / Install or upgrade: database, roles, keys, tables; then print a setup token."""
    installation = Installation.from_env()
    with out.status("准备数据库 / preparing the database"):
        installation.start_database()
        asyncio.run(installation.init(installation.platform()))
        need = asyncio.run(_without_administrator(installation))
    out.print(f"已就绪 / ready: {installation.home}")
    out.print(f"密钥 / keys: {installation.keys_path}")
    out.print(
        "[yellow]请立即把密钥文件另行备份；没有它，加密的个人信息和审计签名都无法恢复。\n"
        "Copy the key file to another place now: without it personal data and audit signatures are lost.[/yellow]"
    )
    if need:
        _print_token(asyncio.run(new_setup_token(installation.owner())))
    else:
        out.print("已有管理员；需要新令牌时运行 sanzhi setup-token / an administrator exists already")


async def _without_administrator(installation: Installation) -> bool:
    from sanzhi_core.db.session import connected

    async with connected(installation.owner()) as conn:
        return not await conn.fetchval("select exists(select 1 from core.account)")


def _print_token(token: str) -> None:
    out.print(f"一次性安装令牌 / one-time setup token ({SETUP_TOKEN_HOURS} h): [bold]{token}[/bold]")
    out.print(
        "用它调用 setUp 建立第一个管理员；丢失后运行 sanzhi setup-token / use it with the mutation setUp; lost: sanzhi setup-token"
    )


def setup_token() -> None:
    """再发一个安装令牌，旧的作废 / Issue another one-time setup token; earlier ones stop working."""
    installation = Installation.from_env()
    installation.start_database()
    _print_token(asyncio.run(new_setup_token(installation.owner())))


def admin_add(
    login: Annotated[str, typer.Argument(help="登录名 / login name")],
    county: Annotated[str, typer.Option(help="县代码(12位) / 12-digit code of the county")],
    role: Annotated[str, typer.Option(help="SEC_ADMIN, SYS_ADMIN, AUDIT_ADMIN")] = "SEC_ADMIN",
    name: Annotated[str, typer.Option(help="姓名 / name")] = "管理员",
) -> None:
    """增加一名管理员(密码从终端输入) / Add another administrator; the password is asked for and must be changed."""
    password = typer.prompt("初始密码 / first password", hide_input=True, confirmation_prompt=True)
    asyncio.run(_admin_add(login, county, role, name, password))
    out.print(f"已添加 / added: {login} ({role})")


async def _admin_add(login: str, county: str, role: str, name: str, password: str) -> None:
    import sqlalchemy as sa

    from sanzhi.commands.opened import system
    from sanzhi_core.errors import NotFound
    from sanzhi_core.identity.accounts import CreateAccount, create_account
    from sanzhi_core.identity.grants import GrantRole, grant_role
    from sanzhi_core.org.models import OrgUnit
    from sanzhi_core.platform.command import command

    async with system(Installation.from_env()) as ctx:
        async with ctx.db.transaction() as session:
            unit_id = await session.scalar(
                sa.select(OrgUnit.id).where(OrgUnit.code == county, OrgUnit.status == "ACTIVE")
            )
        if unit_id is None:
            raise NotFound(
                "OrgUnit",
                detail_zh=f"没有单位{county}",
                detail_en=f"No unit {county}: import the divisions first",
            )
        made = await command(
            ctx,
            create_account,
            CreateAccount(
                idempotency_key=uuid4(), unit_id=unit_id, login=login, display_name=name, password=password
            ),
        )
        if made.error is not None or made.ref is None:
            raise made.error or NotFound("Account")
        granted = await command(
            ctx,
            grant_role,
            GrantRole(
                idempotency_key=uuid4(),
                account_id=made.ref.id,
                role_code=role,
                unit_id=unit_id,
                basis="sanzhi admin-add",
            ),
        )
        if granted.error is not None:
            raise granted.error
