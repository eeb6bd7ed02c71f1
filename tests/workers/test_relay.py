"""The relay when the broker or the database goes away, and how fast it wakes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from sanzhi_core.platform import outbox
from sanzhi_core.platform.hookspecs import Job


async def mark(work: Any, payload: dict[str, Any]) -> None:
    await work.session.execute(sa.text("insert into effect (what) values (:w)"), {"w": payload["what"]})


MARK = Job("core.effect.mark", mark)


class Proxy:
    """A TCP proxy in front of a real server, that can be cut and opened again."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._sockets: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.open()

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Refuse new connections and break those that are there."""
        assert self._listener is not None
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in list(self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._sockets.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            self._sockets |= {near, far}
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def proxied(url: str) -> tuple[Proxy, str]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    proxy = Proxy(parts.hostname, parts.port or 5672)
    login = parts.netloc.rpartition("@")[0]
    return proxy, parts._replace(netloc=f"{login}@127.0.0.1:{proxy.port}").geturl()


@pytest.fixture
def broker_proxy(rabbitmq: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Proxy, str]]:
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.2)
    proxy, url = proxied(rabbitmq)
    yield proxy, url
    proxy.cut()


@pytest.mark.rabbitmq
async def test_broker_down_then_back(runtime_of, platform_of, broker_proxy, put, rows, until, eventually):
    proxy, url = broker_proxy
    runtime = runtime_of(platform_of(MARK), url)
    await asyncio.to_thread(runtime.start)
    await put(MARK, "before")
    await until("select 1 from effect where what = 'before'")
    proxy.cut()
    for n in range(10):
        await put(MARK, f"during {n}")
    await eventually(lambda: runtime.ready().broker == "down")
    assert runtime.ready().ok  # degraded, not down: deliveries wait in the database
    assert await rows("select 1 from core.delivery where done_at is null and leased_until is not null") == []
    proxy.open()
    await put(MARK, "after")
    await until("select 1 from core.delivery having count(*) filter (where done_at is null) = 0", 20)
    assert sorted(r.what for r in await rows("select what from effect")) == [
        "after",
        "before",
        *(f"during {n}" for n in range(10)),
    ]
    await eventually(lambda: runtime.ready().broker == "up")


@pytest.mark.rabbitmq
async def test_start_while_the_broker_is_down(runtime_of, platform_of, broker_proxy, put, until, eventually):
    proxy, url = broker_proxy
    proxy.cut()
    runtime = runtime_of(platform_of(MARK), url)
    await asyncio.to_thread(runtime.start)
    await put(MARK)
    await eventually(lambda: runtime.ready().broker == "down")
    proxy.open()
    await until("select 1 from effect", 20)


async def test_the_relay_survives_losing_its_connections(
    runtime_of, platform_of, broker_url, put, rows, until
):
    runtime = runtime_of(platform_of(MARK), broker_url)
    await asyncio.to_thread(runtime.start)
    await put(MARK, "1")
    await until("select 1 from effect")
    await rows(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and usename = current_user and pid <> pg_backend_pid() "
        "and query not like '%effect%'"
    )
    await put(MARK, "2")
    await put(MARK, "3")
    await until("select 1 from effect having count(*) = 3", 20)
    assert await rows("select 1 from core.delivery where done_at is null") == []


async def test_a_commit_wakes_the_relay(runtime_of, platform_of, broker_url, put, until):
    runtime = runtime_of(platform_of(MARK), broker_url, poll_s=30)
    await asyncio.to_thread(runtime.start)
    await put(MARK, "warm-up")
    await until("select 1 from effect")
    await asyncio.sleep(0.3)
    await put(MARK, "woken")
    await until("select 1 from effect where what = 'woken'", 2)


async def test_polling_finds_what_no_notification_told(
    runtime_of, platform_of, broker_url, put, until, monkeypatch
):
    monkeypatch.setattr(outbox, "NOTIFY", False)
    runtime = runtime_of(platform_of(MARK), broker_url, poll_s=0.2)
    await asyncio.to_thread(runtime.start)
    await asyncio.sleep(0.5)
    await put(MARK)
    await until("select 1 from effect", 3)


async def test_a_backlog_lies_in_the_database_not_in_memory(runtime_of, platform_of, put, rows, until):
    gate: concurrent.futures.Future[None] = concurrent.futures.Future()

    async def wait(work: Any, payload: dict[str, Any]) -> None:
        await asyncio.wrap_future(gate)
        await mark(work, payload)

    job = Job("core.effect.wait", wait)
    runtime = runtime_of(platform_of(job), window=10)
    for n in range(50):
        await put(job, str(n))
    await asyncio.to_thread(runtime.start)
    await asyncio.sleep(1)
    (leased,) = await rows("select count(*) as n from core.delivery where leased_until is not null")
    assert leased.n == 10
    gate.set_result(None)
    await until("select 1 from effect having count(*) = 50", 20)
