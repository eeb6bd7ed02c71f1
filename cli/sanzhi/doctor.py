"""`sanzhi doctor`: each check says what it found, why it matters and what to do."""

from __future__ import annotations

import shutil
import stat
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg

from sanzhi_core.audit import checkpoint
from sanzhi_core.audit.keys import KeyFileError
from sanzhi_core.audit.seal import seal_lag
from sanzhi_core.clock import real_now
from sanzhi_core.db import migrate
from sanzhi_core.db.embedded import EmbeddedError
from sanzhi_core.db.provision import PrivilegedRole, check_not_privileged
from sanzhi_core.db.session import connected, dsn
from sanzhi_core.platform.installation import Installation, NotInstalled
from sanzhi_core.platform.plugins import CORE

MIN_FREE = 2 * 1024**3
MIN_SERVER = 150000


@dataclass(frozen=True)
class Finding:
    """One check: `state` ok, warn or bad; `cause` what was found; `cure` the next step."""

    state: str
    title: str
    cause: str
    cure: str = ""


async def examine(installation: Installation) -> list[Finding]:
    """All checks; later ones are left out when an earlier one makes them impossible."""
    out = [_home(installation), _disk(installation), _keys(installation), *_plugins(installation)]
    try:
        installation.start_database()
        urls = installation.login_urls()
    except (EmbeddedError, NotInstalled) as fault:
        return [*out, Finding("bad", "数据库 / database", str(fault), "sanzhi init")]
    for role, url in zip(("app", "read"), urls, strict=True):
        out.append(await _role(role, url))
    if any(f.state == "bad" and f.title.startswith("登录角色") for f in out):
        return out
    out += [
        await _server(urls[0]),
        await _migrations(installation, urls[0]),
        *await _work(urls[0], await _business_now(installation, urls[0])),
        _checkpoints(installation),
        _broker(installation),
    ]
    return out


def _home(installation: Installation) -> Finding:
    home = installation.home
    if not home.is_dir():
        return Finding("bad", "安装目录 / home", f"{home} does not exist", "sanzhi init")
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & 0o007:
        return Finding(
            "warn", "安装目录 / home", f"{home} is open to everybody (mode {mode:04o})", f"chmod 700 '{home}'"
        )
    return Finding("ok", "安装目录 / home", str(home))


def _disk(installation: Installation) -> Finding:
    place = installation.home if installation.home.exists() else Path.cwd()
    free = shutil.disk_usage(place).free
    text = f"{free / 1024**3:.1f} GiB free"
    return (
        Finding("ok", "磁盘 / disk", text)
        if free > MIN_FREE
        else Finding("bad", "磁盘 / disk", text, "free at least 2 GiB")
    )


def _keys(installation: Installation) -> Finding:
    try:
        prints = installation.keys().fingerprints()
    except KeyFileError as fault:
        return Finding(
            "bad",
            "密钥 / keys",
            str(fault),
            "sanzhi init makes new keys; for an existing database put the old file back",
        )
    return Finding("ok", "密钥 / keys", f"{installation.keys_path} ({prints['data']}); keep a copy elsewhere")


def _plugins(installation: Installation) -> list[Finding]:
    out = []
    for health in installation.platform().health:
        good = health.state == "LOADED"
        cause = f"{health.name} {health.version}" if good else f"{health.name}: {health.reason}"
        out.append(
            Finding(
                "ok" if good else "bad",
                "插件 / plugin",
                cause,
                "" if good else "mend or uninstall the plugin; the core runs without it",
            )
        )
    return out


async def _role(role: str, url: str) -> Finding:
    title = f"登录角色 / login role ({role})"
    try:
        conn = await asyncpg.connect(dsn(url), timeout=5)
    except (OSError, asyncpg.PostgresError, TimeoutError) as fault:
        return Finding(
            "bad",
            title,
            f"cannot connect: {type(fault).__name__}: {fault}",
            "check that PostgreSQL runs; then sanzhi init",
        )
    try:
        await check_not_privileged(conn)
    except PrivilegedRole as fault:
        return Finding("bad", title, str(fault), "use the URLs in secrets.env")
    finally:
        await conn.close()
    return Finding("ok", title, "connects, owns nothing")


async def _server(url: str) -> Finding:
    async with connected(url) as conn:
        number = int(await conn.fetchval("show server_version_num"))
        text = str(await conn.fetchval("show server_version"))
    if number < MIN_SERVER:
        return Finding("bad", "PostgreSQL", text, "upgrade to 15 or newer")
    return Finding("ok", "PostgreSQL", text)


async def _migrations(installation: Installation, url: str) -> Finding:
    packages = [
        migrate.CORE,
        *(p.manifest.package for n, p in installation.platform().parts.items() if n != CORE),
    ]
    conn = await asyncpg.connect(dsn(url))
    try:
        applied = {r[0] for r in await conn.fetch("select version_num from core.alembic_version")}
    except asyncpg.PostgresError as fault:
        return Finding("bad", "表结构 / schema", type(fault).__name__, "sanzhi init")
    finally:
        await conn.close()
    missing = migrate.pending(applied, packages)
    if missing:
        return Finding("bad", "表结构 / schema", f"behind: {', '.join(sorted(missing))}", "sanzhi init")
    return Finding("ok", "表结构 / schema", ", ".join(sorted(applied)))


async def _business_now(installation: Installation, url: str) -> datetime:
    """Business time of this installation, the demo clock's when that is honoured."""
    if installation.env.get("SANZHI_CLOCK") != "demo":
        return real_now()
    async with connected(url) as conn:
        return real_now() + timedelta(seconds=await conn.fetchval("select seconds from core.clock_offset"))


async def _work(url: str, now: datetime) -> list[Finding]:
    async with connected(url) as conn:
        row = await conn.fetchrow(
            "select coalesce(extract(epoch from clock_timestamp() - min(run_at) filter (where dead_at is null "
            "and parked_at is null and run_at <= clock_timestamp())), 0)::int, count(*) filter (where dead_at is not null) "
            "from core.delivery where done_at is null"
        )
        late, dead = row or (0, 0)
        lag = await seal_lag(conn, now)
    out = [
        Finding("ok", "后台任务 / background work", "nothing waits long")
        if late < 60
        else Finding(
            "warn",
            "后台任务 / background work",
            f"oldest work waits {late} s",
            "is `sanzhi worker` or `sanzhi up` running?",
        )
    ]
    if dead:
        out.append(
            Finding(
                "bad",
                "失败任务 / dead work",
                f"{dead} deliveries gave up",
                "query deliveryLag, mend the cause, then replayDelivery",
            )
        )
    if lag.age > timedelta(seconds=30):
        out.append(
            Finding(
                "warn",
                "审计封存 / audit seals",
                f"{lag.entries} entries wait {lag.age}",
                lag.holder or "is a worker running?",
            )
        )
    else:
        out.append(Finding("ok", "审计封存 / audit seals", f"{lag.entries} entries wait"))
    return out


def _checkpoints(installation: Installation) -> Finding:
    path = installation.checkpoints_path
    title = "审计检查点 / audit checkpoints"
    if not path.exists():
        return Finding(
            "warn",
            title,
            f"{path} does not exist yet",
            "appears after the first seal; copy it to other storage daily",
        )
    if path.is_relative_to(installation.home):
        return Finding(
            "warn", title, f"{path} lies beside the database", "set SANZHI_CHECKPOINTS to other storage"
        )
    try:
        checkpoint.parse(path.read_bytes().splitlines()[-1])
    except (ValueError, IndexError, checkpoint.CheckpointError) as fault:
        return Finding("bad", title, str(fault), "keep the file, run sanzhi audit verify")
    return Finding("ok", title, str(path))


def _broker(installation: Installation) -> Finding:
    title = "消息队列 / broker"
    url = installation.env.get("SANZHI_BROKER_URL")
    if not url:
        return Finding("ok", title, "in process; for several machines set SANZHI_BROKER_URL to RabbitMQ")
    from sanzhi_workers.broker import reachable

    fault = reachable(url)
    if fault is not None:
        return Finding("warn", title, fault, "deliveries wait in the database until RabbitMQ answers")
    return Finding("ok", title, "RabbitMQ answers")
