"""Real processes: `sanzhi up` on a fresh folder, `serve` beside `worker`, and what SIGTERM leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from sanzhi_core.clock import SystemClock
from sanzhi_core.db.session import dsn
from sanzhi_core.platform.installation import Installation, new_setup_token
from sanzhi_core.testing.world import World

COUNTY = "990428000000"
PASSWORD = "Xin-Mima-2026"
END_S = 30
RABBIT = "amqp://guest:guest@127.0.0.1:5672"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class House:
    """An installation of its own and the processes started on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("SANZHI_")}
        self.env |= {"SANZHI_HOME": str(folder / "home"), "PYTHONUNBUFFERED": "1"}
        self.started: list[subprocess.Popen[bytes]] = []

    @property
    def installation(self) -> Installation:
        return Installation.from_env(self.env)

    def start(self, *words: str, more: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", "from sanzhi.commands import main; main()", *words], env={**self.env, **(more or {})}, cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.started.append(process)
        return process

    def log(self) -> str:
        return (self.folder / "log").read_text()

    async def ready(self, process: subprocess.Popen[bytes], port: int, within: float = 60) -> dict[str, Any]:
        """The reply of /readyz as soon as it is 200."""
        end = time.monotonic() + within
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            while time.monotonic() < end:
                assert process.poll() is None, self.log()
                try:
                    reply = await http.get("/readyz", timeout=5)
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                if reply.status_code == 200:
                    body: dict[str, Any] = reply.json()
                    return body
                await asyncio.sleep(0.05)
        raise AssertionError(f"not ready in {within} s: {self.log()}")

    async def ends(self, process: subprocess.Popen[bytes]) -> int:
        """Exit code after a signal, within the promised time."""
        return await asyncio.to_thread(process.wait, END_S)

    def close(self) -> None:
        (self.folder / "log").unlink(missing_ok=True)
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
        if (self.folder / "home/pg").is_dir():
            self.installation.embedded().stop("immediate", force=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one installation; the first test to use it makes the cluster, which takes seconds."""
    return tmp_path_factory.mktemp("house")


@pytest.fixture
def house(home: Path) -> Iterator[House]:
    made = House(home)
    yield made
    made.close()


async def settle(house: House) -> None:
    """The small county of the tests and its security administrator `anquan`, signed in by `sign_in`."""
    installation = house.installation
    platform = installation.platform()
    db = await installation.open(size=2)
    try:
        if await db.walled.fetchval("select exists(select 1 from core.org_unit)"):
            return
        await World.build(installation.system_context(platform, db, SystemClock()))
    finally:
        await db.close()


async def post(http: httpx.AsyncClient, field: str, selection: str, **given: Any) -> dict[str, Any]:
    """The payload of a mutation. httpx.TransportError when the reply never came."""
    name = field[0].upper() + field[1:]
    given.setdefault("idempotencyKey", str(uuid4()))
    query = f"mutation($i: {name}Input!) {{ {field}(input: $i) {{ {selection} errors {{ code message }} }} }}"
    reply = await http.post("/graphql", json={"query": query, "variables": {"i": given}})
    body = reply.json()
    assert reply.status_code == 200, body
    assert "errors" not in body, body
    payload: dict[str, Any] = body["data"][field]
    assert payload["errors"] == [], payload
    return payload


async def administrator(house: House, port: int) -> httpx.AsyncClient:
    """A client signed in as the security administrator; makes the account at the first call."""
    http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20)
    owner = house.installation.owner()
    conn = await asyncpg.connect(dsn(owner))
    known = await conn.fetchval("select count(*) from core.account where login = 'anquan'")
    await conn.close()
    if not known:
        token = await new_setup_token(owner)
        await post(
            http, "setUp", "account { id }", setupToken=token, login="anquan", displayName="安全员",
            password=PASSWORD, unitCode=COUNTY,
        )  # fmt: skip
    session = await post(http, "signIn", "session { token }", login="anquan", password=PASSWORD)
    http.headers["authorization"] = f"Bearer {session['session']['token']}"
    return http


async def logins(house: House) -> set[str]:
    conn = await asyncpg.connect(dsn(house.installation.owner()))
    try:
        return {r[0] for r in await conn.fetch("select login from core.account")}
    finally:
        await conn.close()


class Writers:
    """Makes accounts until the server is gone; remembers those that were acknowledged."""

    def __init__(self, http: httpx.AsyncClient, unit: str, tag: str) -> None:
        self.http, self.unit, self.tag = http, unit, tag
        self.acknowledged: set[str] = set()
        self.tasks = [asyncio.create_task(self._write(n)) for n in range(3)]

    async def _write(self, writer: int) -> None:
        n = 0
        while True:
            login = f"{self.tag}{writer}x{n}"
            n += 1
            try:
                await post(
                    self.http, "createAccount", "account { id }", unitId=self.unit, login=login,
                    displayName="甲", password=PASSWORD,
                )  # fmt: skip
            except httpx.TransportError:
                return
            self.acknowledged.add(login)

    async def some(self, least: int) -> None:
        end = time.monotonic() + 20
        while len(self.acknowledged) < least:
            assert time.monotonic() < end, self.acknowledged
            await asyncio.sleep(0.02)

    async def end(self) -> None:
        await asyncio.wait_for(asyncio.gather(*self.tasks), END_S)


async def county_id(http: httpx.AsyncClient) -> str:
    reply = await http.post("/graphql", json={"query": "{ viewer { roles { unitId } } }"})
    unit: str = reply.json()["data"]["viewer"]["roles"][0]["unitId"]
    return unit


async def test_up_serves_ends_in_time_loses_nothing_and_starts_again(house: House) -> None:
    port = free_port()
    process = house.start("up", "--port", str(port))
    state = await house.ready(process, port)
    assert state["database"] == "ok"
    assert state["background"]["ok"] is True, state
    assert "one-time setup token" in house.log()
    await settle(house)
    http = await administrator(house, port)
    writers = Writers(http, await county_id(http), f"yi{uuid4().hex[:6]}")
    await writers.some(10)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.2)
    process.send_signal(signal.SIGTERM)  # an impatient supervisor changes nothing
    assert await house.ends(process) == 0, house.log()
    assert time.monotonic() - began < END_S
    await writers.end()
    await http.aclose()
    assert not house.installation.embedded().running(), "the embedded database was left behind"
    assert "Traceback" not in house.log(), house.log()

    again = house.start("up", "--port", str(port))
    await house.ready(again, port)
    assert writers.acknowledged <= await logins(house)
    http = await administrator(house, port)  # the old account still signs in
    await http.aclose()
    again.send_signal(signal.SIGINT)
    assert await house.ends(again) == 0, house.log()
    assert not house.installation.embedded().running()


async def two_processes(house: House, more: Mapping[str, str]) -> None:
    """API and background in processes of their own: what one writes the other delivers; both end on SIGTERM."""
    installation = house.installation
    installation.start_database()
    await installation.init(installation.platform())
    await settle(house)
    port = free_port()
    server = house.start("serve", "--port", str(port), more=more)
    worker = house.start("worker", more=more)
    await house.ready(server, port)
    http = await administrator(house, port)
    unit = await county_id(http)
    conn = await asyncpg.connect(dsn(installation.owner()))
    await conn.execute(
        "insert into core.delivery (id, consumer, plugin, lane, payload) "
        "values (gen_random_uuid(), 'core.notice.send', 'core', 'normal', "
        """'{"event_key": "test", "cause": "test"}')"""
    )
    end = time.monotonic() + 25
    while not await conn.fetchval("select bool_and(done_at is not null) from core.delivery"):
        assert worker.poll() is None, house.log()
        assert time.monotonic() < end, await conn.fetch("select * from core.delivery")
        await asyncio.sleep(0.05)
    await conn.close()
    writers = Writers(http, unit, f"er{uuid4().hex[:6]}")
    await writers.some(5)
    for process in (server, worker):
        process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert [await house.ends(p) for p in (server, worker)] == [0, 0], house.log()
    assert time.monotonic() - began < END_S
    await writers.end()
    await http.aclose()
    assert writers.acknowledged <= await logins(house)
    assert installation.embedded().running(), "another process's database was stopped"
    assert "Traceback" not in house.log(), house.log()


async def test_serve_and_worker_as_two_processes(house: House) -> None:
    await two_processes(house, {})


@pytest.fixture
def rabbit() -> Iterator[dict[str, str]]:
    """Environment for a RabbitMQ with queues of this test's own; they are deleted afterwards."""
    url = os.environ.get("SANZHI_TEST_BROKER_URL", RABBIT)
    import pika

    try:
        connection = pika.BlockingConnection(pika.URLParameters(url))
    except Exception as fault:
        if os.environ.get("SANZHI_REQUIRE_SERVICES") == "1":
            raise
        pytest.skip(f"no RabbitMQ: {type(fault).__name__}")
    prefix = f"sanzhi-processes-{uuid4().hex[:8]}."
    yield {"SANZHI_BROKER_URL": url, "SANZHI_QUEUE_PREFIX": prefix}
    from sanzhi_core.parts import core_part
    from sanzhi_core.platform import plugins
    from sanzhi_workers.bind import queues_by_lane

    channel = connection.channel()
    for queues in queues_by_lane(plugins.load(core_part()), prefix).values():
        for queue in queues:
            for name in (queue, f"{queue}.DQ", f"{queue}.XQ"):
                channel.queue_delete(name)
    connection.close()


@pytest.mark.rabbitmq
async def test_serve_and_worker_over_rabbitmq(house: House, rabbit: dict[str, str]) -> None:
    await two_processes(house, rabbit)
