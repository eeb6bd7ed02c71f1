"""The plugin whose traffic the fault tests drive, and the processes that serve it.

One mutation writes a deed and emits an event; one job applies it. Tables carry no unique constraint on what must
happen once, so that whatever is doubled shows.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
import uvicorn
from pydantic import Field

from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import SystemClock
from sanzhi_core.db.session import Database
from sanzhi_core.parts import core_part
from sanzhi_core.platform import plugins
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.hookspecs import GraphQLParts, Job, Manifest, Mutation, Permission, hookimpl
from sanzhi_core.platform.inputs import CommandInput
from sanzhi_core.platform.plugins import Platform
from sanzhi_core.platform.work import Work
from sanzhi_graphql.app import Web
from sanzhi_graphql.settings import WebSettings
from sanzhi_workers.main import Runtime, WorkerSettings

ROLE = "VC_DIRECTOR"
EVENT = "bed.deed.recorded"
SECONDS_IN_JOB = 0.05
"""How long a job stays between its effect and its commit: the window that kills must hit."""

DDL = """
create schema bed;
create table bed.deed (n bigint generated always as identity, id uuid not null);
create table bed.effect (n bigint generated always as identity, deed_id uuid not null);
grant usage on schema bed to "{app}";
grant select, insert on all tables in schema bed to "{app}";
"""

BROKEN = {"split": False}
"""`split`: the positive control, whose job commits its effect apart from `done_at`."""


class BedRecord(CommandInput):
    """要记录的事 / What to record"""

    deed_id: UUID = Field(description="编号 / Id")
    unit_id: UUID = Field(description="单位 / Unit")


@dataclass(frozen=True)
class BedRecorded:
    """已记录的事 / What was recorded"""

    deed_id: Annotated[UUID, "编号 / Id"]


@operation("bed.deed.record", permission="bed.deed.record", returns=None)
async def record_deed(work: Work, input: BedRecord) -> BedRecorded:
    """Write the deed and tell the consumer."""
    unit = await work.unit(input.unit_id)
    await work.session.execute(sa.text("insert into bed.deed (id) values (:id)"), {"id": input.deed_id})
    await work.emit(EVENT, unit, f"deed:{input.deed_id}", {"deed_id": str(input.deed_id)})
    return BedRecorded(input.deed_id)


async def apply_deed(work: Work, payload: dict[str, Any]) -> None:
    """The effect that must happen once."""
    effect = sa.text("insert into bed.effect (deed_id) values (:id)"), {"id": UUID(payload["deed_id"])}
    if BROKEN["split"]:
        async with work.ctx.db.transaction() as apart:
            await apart.execute(*effect)
    else:
        await work.session.execute(*effect)
    await asyncio.sleep(SECONDS_IN_JOB)


@hookimpl
def manifest() -> Manifest:
    return Manifest("bed", "sanzhi_core.testing", "故障试验", "Fault bed", "1", prefix="Bed")


@hookimpl
def permissions() -> Sequence[Permission]:
    return (Permission("bed.deed.record", "记录", "Record", default_roles=(ROLE,)),)


@hookimpl
def jobs() -> Sequence[Job]:
    return (Job("bed.deed.apply", apply_deed, on=(EVENT,), deadline_s=10),)


@hookimpl
def graphql_parts() -> GraphQLParts:
    record = Mutation("bedRecord", record_deed, None, "deed", "记录", "Record", outputs=BedRecorded)
    return GraphQLParts(mutations=(record,))


@cache
def platform() -> Platform:
    """The core and this plugin."""
    return plugins.load(core_part(), extra={"bed": sys.modules[__name__]}, only=())


# -- processes ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a process works. `broker_url` None: in its own memory."""

    app_url: str
    read_url: str
    keys: str
    broker_url: str | None = None
    prefix: str = "bed."
    lease_s: float = 3.0


@cache
def web(place: Place) -> Web:
    """The application of a place; made before forking, so that a killed process is back at once."""

    async def open_database() -> Database:
        return await Database.open(place.app_url, place.read_url, size=6)

    return Web(platform(), open_database, SystemClock(), Keys.load(place.keys), WebSettings())


def _server(place: Place, port: int) -> uvicorn.Server:
    config = uvicorn.Config(
        web(place).app(), host="127.0.0.1", port=port, log_level="warning", access_log=False, lifespan="on"
    )
    return uvicorn.Server(config)


def _runtime(place: Place) -> Runtime:
    settings = WorkerSettings(
        place.app_url,
        place.read_url,
        broker_url=place.broker_url,
        queue_prefix=place.prefix,
        lease_s=place.lease_s,
        poll_s=0.2,
        backoff=lambda _n: 0.2,
    )
    return Runtime(settings, platform(), Keys.load(place.keys), SystemClock())


def api(place: Place, port: int) -> None:
    """An API process."""
    _server(place, port).run()


def worker(place: Place, _port: int) -> None:
    """A worker process: relay, lanes, clockwork, sealer."""
    runtime = _runtime(place)
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    runtime.start()
    done.wait()
    runtime.stop(10)


def up(place: Place, port: int) -> None:
    """Everything in one process, as `sanzhi up` runs it."""
    runtime = _runtime(place)
    runtime.start()
    _server(place, port).run()
    runtime.stop(10)


def split_worker(place: Place, port: int) -> None:
    """A broken worker: effect and `done_at` in two commits."""
    BROKEN["split"] = True
    worker(place, port)


ROLES = {"api": api, "worker": worker, "up": up, "split_worker": split_worker}

if __name__ == "__main__":
    raise SystemExit(f"started by nursery.py, not alone (pid {os.getpid()})")
