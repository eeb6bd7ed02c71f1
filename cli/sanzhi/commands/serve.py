"""Running: the API, the workers, or all in one process; a graceful stop on SIGTERM or Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    import uvicorn

    from sanzhi_core.platform.installation import Installation
    from sanzhi_core.platform.plugins import Platform
    from sanzhi_workers.main import Runtime

out = Console(highlight=False)

Host = Annotated[str, typer.Option(help="监听地址 / address to listen on")]
Port = Annotated[int, typer.Option(help="端口 / port")]
WEB_STOP_S = 12
"""Seconds that running requests get after SIGTERM; what is longer is rolled back."""
STOP_S = 12
"""Seconds that running jobs get after that; a job that is cut short runs again. All in all below 30 seconds."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("serve")(serve)
    app.command("worker")(worker)
    app.command("up")(up)


def logs() -> None:
    """Plain log lines on standard error."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("pika").setLevel(logging.WARNING)


def refuse_privileged(installation: Installation) -> None:
    """Servers never run as owner, superuser or BYPASSRLS (architecture 2)."""

    async def check() -> None:
        from sanzhi_core.db.provision import check_not_privileged
        from sanzhi_core.db.session import connected

        for url in installation.login_urls():
            async with connected(url) as conn:
                await check_not_privileged(conn)

    asyncio.run(check())


def _end(_number: int, _frame: object) -> None:
    raise SystemExit(0)


def end_on_signals() -> None:
    """SIGTERM and Ctrl-C unwind the stack. uvicorn raises the signal anew when it has ended; by default that kills."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)


def finish_undisturbed() -> None:
    """From here on the process is ending: further signals change nothing."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def web_server(
    installation: Installation,
    platform: Platform,
    host: str,
    port: int,
    background: Callable[[], dict[str, Any]] | None,
) -> uvicorn.Server:
    """A uvicorn server of the API; not started."""
    import uvicorn

    from sanzhi_graphql.app import Web
    from sanzhi_graphql.settings import WebSettings

    web = Web(
        platform,
        installation.open,
        installation.clock(),
        installation.keys(),
        WebSettings.from_env(installation.env),
        background,
    )
    config = uvicorn.Config(
        web.app(), host=host, port=port, log_level="warning", access_log=False, lifespan="on",
        timeout_graceful_shutdown=WEB_STOP_S, server_header=False, proxy_headers=False,
    )  # fmt: skip
    return uvicorn.Server(config)


def make_runtime(installation: Installation, platform: Platform) -> Runtime:
    """Background work of one process; not started. Each seal is followed by a checkpoint outside the database."""
    from sanzhi_core.audit import checkpoint
    from sanzhi_core.db.session import Database
    from sanzhi_workers.clockwork import sealer
    from sanzhi_workers.main import Runtime, WorkerSettings

    app_url, read_url = installation.login_urls()
    keys, clock = installation.keys(), installation.clock()
    seal = sealer(keys, clock)

    async def seal_and_remember(db: Database) -> None:
        if await seal(db):
            async with db.walled.acquire() as conn:
                await checkpoint.publish(conn, installation.checkpoints_path)

    settings = WorkerSettings.from_env(app_url, read_url, installation.env)
    return Runtime(settings, platform, keys, clock, seal=seal_and_remember)


def _state(runtime: Runtime) -> dict[str, Any]:
    return asdict(runtime.ready())


def serve(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """只运行接口 / Run the API only."""
    from sanzhi_core.platform.installation import Installation

    logs()
    end_on_signals()
    installation = Installation.from_env()
    installation.start_database()
    refuse_privileged(installation)
    out.print(f"http://{host}:{port}/graphql")
    web_server(installation, installation.platform(), host, port, None).run()


def worker() -> None:
    """只运行后台任务 / Run background work only: relay, lanes, timers, audit sealer."""
    from sanzhi_core.platform.installation import Installation

    logs()
    installation = Installation.from_env()
    installation.start_database()
    refuse_privileged(installation)
    runtime = make_runtime(installation, installation.platform())
    end_on_signals()
    try:
        runtime.start()
        threading.Event().wait()
    finally:
        finish_undisturbed()
        runtime.stop(STOP_S)


def up(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    stop_database: Annotated[
        bool, typer.Option(help="退出时停止内置数据库 / stop the embedded database on exit")
    ] = True,
) -> None:
    """一个进程运行全部：数据库、接口、后台任务 / Everything in one process; runs `sanzhi init` first when needed."""
    from sanzhi_core.platform.installation import Installation

    logs()
    end_on_signals()
    installation = Installation.from_env()
    server = installation.start_database()
    runtime: Runtime | None = None
    try:
        platform = installation.platform()
        if not installation.secrets_path.exists() and installation.uses_embedded:
            from sanzhi.commands.admin import init

            init()
        else:
            asyncio.run(installation.init(platform))
        refuse_privileged(installation)
        runtime = background = make_runtime(installation, platform)
        runtime.start()
        out.print(f"http://{host}:{port}/graphql")
        web_server(installation, platform, host, port, lambda: _state(background)).run()
    finally:
        finish_undisturbed()
        if runtime is not None:
            runtime.stop(STOP_S)
        if server is not None and stop_database:
            server.stop()
