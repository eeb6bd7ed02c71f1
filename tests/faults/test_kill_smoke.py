"""30 × kill -9 over API and worker processes during real traffic: nothing lost, nothing doubled.

Real processes, HTTP, PostgreSQL and RabbitMQ of their own (clone and queue prefix); then the embedded defaults. The
positive control runs the same with a worker that commits its effect apart from `done_at`, and must be caught.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pika
import pytest

from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import SystemClock
from sanzhi_core.db.session import Database, dsn
from sanzhi_core.identity.models import Account
from sanzhi_core.identity.tokens import issue
from sanzhi_core.platform.context import SYSTEM, Context
from sanzhi_core.testing.databases import APP, Cluster, TestDatabase, server_url
from sanzhi_core.testing.world import World
from sanzhi_workers.clockwork import sealer

HERE = Path(__file__).parent
BROKER = os.environ.get("SANZHI_TEST_BROKER_URL", "amqp://guest:guest@127.0.0.1:5672/%2f")
KILLS = 30
CLIENTS = 4
VILLAGE = "990428101201"
MUTATION = "mutation($i: BedRecordInput!) { bedRecord(input: $i) { errors { code } deed { deedId } } }"


def load_bed() -> ModuleType:
    """The fault bed's plugin, under a name of its own."""
    spec = importlib.util.spec_from_file_location("fault_bed", HERE / "bed.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fault_bed"] = module
    spec.loader.exec_module(module)
    return module


class Nursery:
    """Starts and kills the processes of one test; knows only pids it was given."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.pids: dict[str, int] = {}
        self._orders: dict[str, dict[str, Any]] = {}
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "nursery.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, name: str, role: str, place: Any, port: int = 0) -> None:
        """Start a process, remember how."""
        log = str(self.logs / f"{name}.log")
        self._orders[name] = {"role": role, "place": asdict(place), "port": port, "log": log}
        self._again(name)

    def _again(self, name: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(self._orders[name]) + "\n")
        self._process.stdin.flush()
        self.pids[name] = int(self._process.stdout.readline())

    def kill(self, name: str) -> None:
        """kill -9, then start the same again. ProcessLookupError: it died by itself, which is a failure."""
        os.kill(self.pids[name], signal.SIGKILL)
        self._again(name)

    def close(self) -> None:
        """End everything."""
        for pid in self.pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def tail(self) -> str:
        """Last lines of every log, for a failure's message."""
        return "\n".join(f"--- {p.name}\n{p.read_text()[-2000:]}" for p in sorted(self.logs.glob("*.log")))


@dataclass
class Traffic:
    """Clients that send each deed, with one idempotency key, until it is acknowledged."""

    ports: list[int]
    token: str
    unit_id: UUID
    acknowledged: list[UUID] = field(default_factory=list)
    repeats: int = 0
    stopping: bool = False
    pause_s: float = 0.03

    async def client(self, number: int) -> None:
        """Send deeds one after the other until told to stop; never leave one unacknowledged."""
        headers = {"authorization": f"Bearer {self.token}"}
        turn = number
        async with httpx.AsyncClient(headers=headers, timeout=5) as http:
            while not self.stopping:
                deed, key = uuid4(), uuid4()
                given = {"idempotencyKey": str(key), "deedId": str(deed), "unitId": str(self.unit_id)}
                while True:
                    turn += 1
                    url = f"http://127.0.0.1:{self.ports[turn % len(self.ports)]}/graphql"
                    try:
                        reply = await http.post(url, json={"query": MUTATION, "variables": {"i": given}})
                    except httpx.TransportError:
                        self.repeats += 1
                        await asyncio.sleep(0.05)
                        continue
                    if reply.status_code == 503:
                        self.repeats += 1
                        await asyncio.sleep(0.05)
                        continue
                    body = reply.json()
                    assert body == {"data": {"bedRecord": {"errors": [], "deed": {"deedId": str(deed)}}}}
                    self.acknowledged.append(deed)
                    break
                await asyncio.sleep(self.pause_s)


@dataclass(frozen=True)
class Verdict:
    """What the database holds against what the clients know."""

    acknowledged: int
    lost: list[UUID]
    doubled: list[UUID]
    stuck: int
    entries_wrong: int
    interrupted: int


async def judge(owner_url: str, acknowledged: list[UUID], *, wait_s: float = 30) -> Verdict:
    """Wait until no delivery is left, then compare as multisets."""
    conn = await asyncpg.connect(dsn(owner_url))
    try:
        ends = time.monotonic() + wait_s
        left = "select count(*) from core.delivery where done_at is null"
        while await conn.fetchval(left) and time.monotonic() < ends:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        stuck = await conn.fetchval(left)
        deeds = Counter(r[0] for r in await conn.fetch("select id from bed.deed"))
        effects = Counter(r[0] for r in await conn.fetch("select deed_id from bed.effect"))
        entries = await conn.fetchval(
            "select count(*) from core.audit_entry where action = 'bed.deed.record' and result = 'OK'"
        )
        interrupted = await conn.fetchval("select count(*) from core.delivery where attempts > 1")
    finally:
        await conn.close()
    wanted = set(acknowledged) | set(deeds)
    return Verdict(
        len(acknowledged),
        [i for i in wanted if deeds[i] < 1 or effects[i] < 1],
        [i for i in wanted if deeds[i] > 1 or effects[i] > 1],
        stuck,
        abs(entries - len(deeds)),
        interrupted,
    )


@pytest.fixture(scope="module")
def bed() -> ModuleType:
    return load_bed()


@dataclass
class Site:
    """A prepared database, keys, a signed-in caller."""

    database: TestDatabase
    keys_file: Path
    token: str
    unit_id: UUID


async def prepare(cluster: Cluster, bed: ModuleType, tmp_path: Path) -> Site:
    platform = bed.platform()
    await cluster.prepare(platform)
    database = await cluster.clone()
    owner = await asyncpg.connect(dsn(database.owner_url))
    await owner.execute(bed.DDL.format(app=APP))
    await owner.close()
    keys = Keys.generate()
    keys.write(tmp_path / "keys.json")
    db = await Database.open(database.app_url, database.read_url, size=4)
    try:
        world = await World.build(Context(platform, db, SystemClock(), keys, principal=SYSTEM, channel="JOB"))
        await world.enable("bed", VILLAGE, "ON")
        caller = await world.caller((bed.ROLE, VILLAGE))
        async with db.transaction("*") as session:
            account = await session.get(Account, caller.principal.account_id)
            assert account is not None
            issued = await issue(session, account, channel="API", admin=False)
    finally:
        await db.close()
    return Site(database, tmp_path / "keys.json", issued.token, world.id(VILLAGE))


@pytest.fixture
async def embedded_site(bed: ModuleType, tmp_path: Path) -> AsyncIterator[Site]:
    cluster = Cluster(server=False)
    await asyncio.to_thread(cluster.start)
    try:
        yield await prepare(cluster, bed, tmp_path)
    finally:
        await cluster.stop()


@pytest.fixture
async def server_site(bed: ModuleType, tmp_path: Path) -> AsyncIterator[Site]:
    try:
        await (await asyncpg.connect(server_url(), timeout=3)).close()
    except (OSError, TimeoutError):
        missing("PostgreSQL (SANZHI_TEST_DATABASE_URL)")
    cluster = Cluster(server=True)
    cluster.start()
    try:
        yield await prepare(cluster, bed, tmp_path)
    finally:
        await cluster.stop()


@pytest.fixture
def queues() -> Iterator[str]:
    """A queue prefix; the queues are deleted at the end."""
    parameters = pika.URLParameters(BROKER)
    parameters.socket_timeout, parameters.connection_attempts = 3, 1
    try:
        pika.BlockingConnection(parameters).close()
    except (pika.exceptions.AMQPError, OSError):
        missing("RabbitMQ (SANZHI_TEST_BROKER_URL)")
    prefix = f"f{uuid4().hex[:10]}."
    yield prefix
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    for plugin in ("core", "bed", "star_virtue"):
        for lane in ("emergency", "normal", "bulk"):
            for ending in ("", ".XQ"):
                channel.queue_delete(f"{prefix}{plugin}.{lane}{ending}")
    connection.close()


def missing(what: str) -> None:
    if os.environ.get("SANZHI_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{what} is required and not reachable")
    pytest.skip(f"{what} is not reachable")


@pytest.fixture
async def nursery(tmp_path: Path) -> AsyncIterator[Nursery]:
    (tmp_path / "logs").mkdir()
    made = Nursery(tmp_path / "logs")
    yield made
    await asyncio.to_thread(made.close)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def run(
    site: Site, nursery: Nursery, ports: list[int], victims: list[str], kills: int, every_s: float
) -> Verdict:
    """Traffic; kill the victims in turn; let the traffic end; judge."""
    traffic = Traffic(ports, site.token, site.unit_id)
    clients = [asyncio.create_task(traffic.client(n)) for n in range(CLIENTS)]
    try:
        async with asyncio.timeout(15):
            while len(traffic.acknowledged) < 2 * CLIENTS:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        for n in range(kills):
            await asyncio.sleep(every_s)
            for client in clients:
                if client.done():
                    client.result()
            nursery.kill(victims[n % len(victims)])
        await asyncio.sleep(every_s)
        traffic.stopping = True
        async with asyncio.timeout(20):
            await asyncio.gather(*clients)
    except BaseException as fault:
        for client in clients:
            client.cancel()
        fault.add_note(nursery.tail())
        raise
    verdict = await judge(site.database.owner_url, traffic.acknowledged)
    # The kills did hit requests and jobs.
    assert len(traffic.acknowledged) > 3 * kills
    assert traffic.repeats > 0 or "api0" not in victims
    assert verdict.interrupted > 0
    return verdict


async def check_seals(site: Site, nursery: Nursery) -> None:
    """With every process gone: the killed sealers left a trail that can be sealed to its end."""
    await asyncio.to_thread(nursery.close)
    db = await Database.open(site.database.app_url, site.database.read_url, size=2)
    try:
        await sealer(Keys.load(site.keys_file), SystemClock())(db)
        async with db.transaction("*") as session:
            conn = (await (await session.connection()).get_raw_connection()).driver_connection
            entries = await conn.fetchval("select count(*) from core.audit_entry")
            assert await conn.fetchval("select count(*) from core.audit_leaf") == entries
            assert await conn.fetchval("select max(size) from core.audit_seal") == entries
    finally:
        await db.close()


def spotless(verdict: Verdict) -> None:
    """0 lost, 0 doubled, nothing dead or stuck, one audit entry each."""
    assert verdict.lost == []
    assert verdict.doubled == []
    assert verdict.stuck == 0
    assert verdict.entries_wrong == 0


@pytest.mark.server
@pytest.mark.rabbitmq
async def test_kills_on_postgresql_and_rabbitmq_lose_and_double_nothing(bed, server_site, queues, nursery):
    site = server_site
    place = bed.Place(
        site.database.app_url, site.database.read_url, str(site.keys_file), broker_url=BROKER, prefix=queues
    )
    ports = [free_port(), free_port()]
    for n, port in enumerate(ports):
        nursery.start(f"api{n}", "api", place, port)
        nursery.start(f"worker{n}", "worker", place)
    victims = ["api0", "worker0", "worker1", "api1", "worker0", "api0"]
    spotless(await run(site, nursery, ports, victims, KILLS, 0.7))
    await check_seals(site, nursery)


async def test_kills_on_the_embedded_defaults_lose_and_double_nothing(bed, embedded_site, nursery):
    site = embedded_site
    place = bed.Place(site.database.app_url, site.database.read_url, str(site.keys_file))
    port = free_port()
    nursery.start("up", "up", place, port)
    spotless(await run(site, nursery, [port], ["up"], KILLS, 1.0))
    await check_seals(site, nursery)


@pytest.mark.server
@pytest.mark.rabbitmq
async def test_the_control_without_one_commit_is_caught(bed, server_site, queues, nursery):
    """The same bed with effect and `done_at` in two commits must double something, or this test can not fail."""
    site = server_site
    place = bed.Place(
        site.database.app_url, site.database.read_url, str(site.keys_file), broker_url=BROKER, prefix=queues
    )
    port = free_port()
    nursery.start("api", "api", place, port)
    nursery.start("worker0", "split_worker", place)
    nursery.start("worker1", "split_worker", place)
    verdict = await run(site, nursery, [port], ["worker0", "worker1"], 12, 0.6)
    assert verdict.doubled != []
