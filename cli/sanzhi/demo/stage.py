"""A throw-away installation that really runs: embedded PostgreSQL, the API on a free loopback port, background work."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sanzhi_core.audit.checkpoint import head_line
from sanzhi_core.audit.seal import last_seal, seal_lag
from sanzhi_core.clock import real_now
from sanzhi_core.db.embedded import EmbeddedPostgres
from sanzhi_core.db.session import connected
from sanzhi_core.platform.installation import Installation

if TYPE_CHECKING:
    import uvicorn

    from sanzhi_core.platform.plugins import Platform
    from sanzhi_workers.main import Runtime

HOST = "127.0.0.1"
MARK = "DEMO"
"""Name of the file that says a folder belongs to the demo and may be deleted by the next run."""

START_S = 30.0


class DemoFailed(Exception):
    """A step did not do what it must; the message says which and why."""


def demo_environment(home: Path, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without any other installation's settings, so that the demo touches nothing but `home`."""
    env = {k: v for k, v in (os.environ if given is None else given).items() if not k.startswith("SANZHI_")}
    return env | {
        "SANZHI_HOME": str(home),
        "SANZHI_CLOCK": "demo",
        "SANZHI_GRAPHIQL": "1",
        "SANZHI_INTROSPECTION": "all",
    }


def clear(home: Path) -> None:
    """Stop what an earlier demo left running in `home` and delete it. DemoFailed for a folder that is not the demo's."""
    if not home.exists():
        return
    if not home.is_dir() or (any(home.iterdir()) and not (home / MARK).is_file()):
        raise DemoFailed(
            f"{home} 不是演示目录，未作任何改动 / is not a folder of the demo; nothing was changed"
        )
    EmbeddedPostgres(home / "pg", durable=False).destroy()
    shutil.rmtree(home)


@dataclass
class Stage:
    """One run. Use `open()`, then `serve()`, at the end `close()` in every case."""

    home: Path
    installation: Installation = field(init=False)
    port: int = 0
    _database: EmbeddedPostgres | None = None
    _platform: Platform | None = None
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None
    _runtime: Runtime | None = None

    def __post_init__(self) -> None:
        self.home = self.home.expanduser().resolve()
        self.installation = Installation.from_env(demo_environment(self.home), durable=False)

    @property
    def url(self) -> str:
        """Address of the API."""
        return f"http://{HOST}:{self.port}"

    @property
    def log_path(self) -> Path:
        """Where the servers' log lines go, so that they do not disturb the story."""
        return self.home / "demo.log"

    def open(self) -> None:
        """Empty folder, PostgreSQL, roles, keys, tables: what `sanzhi init` does."""
        clear(self.home)
        self.home.mkdir(parents=True, mode=0o700)
        logging.basicConfig(
            filename=self.log_path,
            level=logging.INFO,
            force=True,
            format="%(asctime)s %(levelname)s %(name)s %(message)s",
        )
        logging.getLogger("pika").setLevel(logging.WARNING)
        (self.home / MARK).write_text("sanzhi demo: deleted by the next run\n")
        self._database = self.installation.start_database()
        self._platform = self.installation.platform()
        bad = [f"{h.name}: {h.reason}" for h in self._platform.health if h.state != "LOADED"]
        if bad:
            raise DemoFailed("; ".join(bad))
        asyncio.run(self.installation.init(self._platform))

    def move_clock(self, to: datetime) -> None:
        """Set business time (naive: Shanghai); the servers follow with the next request and the next tick."""
        from sanzhi.commands.day import move_clock

        asyncio.run(move_clock(self.installation.owner(), to))

    def serve(self) -> None:
        """Start the API and the background work."""
        from sanzhi.commands.serve import make_runtime, refuse_privileged, web_server

        assert self._platform is not None
        refuse_privileged(self.installation)
        self._runtime = runtime = make_runtime(self.installation, self._platform)
        runtime.start()
        self._server = server = web_server(
            self.installation, self._platform, HOST, 0, lambda: asdict(runtime.ready())
        )
        self._thread = threading.Thread(target=server.run, name="web", daemon=True)
        self._thread.start()
        ends = time.monotonic() + START_S
        while not server.started:
            if not self._thread.is_alive() or time.monotonic() > ends:
                raise DemoFailed("接口没有启动 / the API did not start")
            time.sleep(0.02)
        self.port = int(server.servers[0].sockets[0].getsockname()[1])

    def await_seals(self) -> None:
        """Wait until the background sealer has sealed every audit entry."""
        ends = time.monotonic() + START_S
        while asyncio.run(self._unsealed()):
            if time.monotonic() > ends:
                raise DemoFailed("审计日志没有封存 / the audit trail is not sealed")
            time.sleep(0.2)

    async def _unsealed(self) -> int:
        async with connected(self.installation.login_urls()[0]) as conn:
            return (await seal_lag(conn, real_now())).entries

    def audit_head(self) -> str:
        """The newest seal in one line, as it would be copied onto paper."""
        return asyncio.run(self._head())

    async def _head(self) -> str:
        async with connected(self.installation.login_urls()[0]) as conn:
            seal = await last_seal(conn)
        if seal is None:
            raise DemoFailed("审计日志没有封存 / the audit trail is not sealed")
        return head_line(seal)

    def close(self) -> None:
        """Stop everything that this run started; the files stay."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(20)
        if self._runtime is not None:
            self._runtime.stop(10)
        if self._database is not None:
            self._database.stop(force=True)
