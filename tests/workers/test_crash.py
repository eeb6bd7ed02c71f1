"""kill -9 in the middle of a job, between effect and commit: the effect is gone, then happens once."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from sanzhi_core.audit.keys import Keys
from sanzhi_core.platform.hookspecs import Job

PROCESS = """
import sys, time
import sqlalchemy as sa
from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import SystemClock
from sanzhi_core.platform.hookspecs import Job, Manifest
from sanzhi_core.platform.plugins import Part, Platform
from sanzhi_workers.main import Runtime, WorkerSettings

app_url, read_url, keys, broker_url, prefix = sys.argv[1:]

async def hang(work, payload):
    await work.session.execute(sa.text("insert into effect (what) values ('of the killed process')"))
    print("effect written", flush=True)
    time.sleep(60)

part = Part(Manifest("core", "x", "x", "x", "1", ""), jobs=(Job("core.effect.mark", hang),))
platform = Platform([part], {}, ())
settings = WorkerSettings(app_url, read_url, broker_url=broker_url or None, queue_prefix=prefix, lease_s=60)
Runtime(settings, platform, Keys.load(keys), SystemClock()).start()
time.sleep(60)
"""


async def mark(work: Any, payload: dict[str, Any]) -> None:
    await work.session.execute(sa.text("insert into effect (what) values (:w)"), {"w": payload["what"]})


async def test_a_kill_between_effect_and_commit(
    runtime_of, platform_of, broker_url, put, rows, until, database, keys: Keys, prefix, tmp_path: Path
):
    keys.write(tmp_path / "keys.json")
    job = Job("core.effect.mark", mark)
    await put(job)
    arguments = [database.app_url, database.read_url, str(tmp_path / "keys.json"), broker_url or "", prefix]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROCESS, *arguments, stdout=pipe)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            assert await process.stdout.readline() == b"effect written\n"
    finally:
        process.kill()
        await process.wait()
    assert await rows("select 1 from effect") == []
    assert await rows("select 1 from core.delivery where attempts = 1 and done_at is null") != []
    # The lease has most of its 60 s left: RabbitMQ gives the message again, a memory broker's boot frees it.
    await asyncio.to_thread(runtime_of(platform_of(job), broker_url).start)
    await until("select 1 from effect", 10)
    await asyncio.sleep(0.3)
    assert [r.what for r in await rows("select what from effect")] == ["x"]
    (row,) = await rows("select attempts from core.delivery where done_at is not null")
    assert row.attempts == 2
