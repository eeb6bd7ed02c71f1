"""The transport step over a real Starlette app, and what JSON bodies become."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sanzhi_graphql.gate.body import GraphQLRequest, parse_body, read_body
from sanzhi_graphql.gate.limits import Limits
from sanzhi_graphql.gate.refusal import GateCode, GateRefusal

GOOD = {"query": "{org{name}}"}


class Bench:
    """One POST route behind `read_body`; `passed` are the bodies that got through."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.passed: list[bytes] = []
        methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
        app = Starlette(routes=[Route("/graphql", self.serve, methods=methods)])
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")

    async def serve(self, request: Request) -> Response:
        try:
            self.passed.append(await read_body(request, self.limits))
        except GateRefusal as refusal:
            return JSONResponse({"errors": refusal.formatted()}, refusal.http_status)
        return JSONResponse({"ok": True})

    async def send(self, method: str = "POST", **kwargs: Any) -> tuple[int, str | None]:
        reply = await self.client.request(method, "/graphql", **kwargs)
        errors = reply.json().get("errors") if reply.content else [{"extensions": {"code": "empty"}}]
        return reply.status_code, errors[0]["extensions"]["code"] if errors else None


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench(Limits(body_seconds=0.2))
    yield bench
    await bench.client.aclose()


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json;charset=utf-8",
        "application/json; charset=UTF-8",
        'Application/JSON; charset="utf-8"',
        "application/json;",
    ],
)
async def test_json_posts_pass(bench: Bench, content_type: str) -> None:
    body = orjson.dumps(GOOD)
    assert await bench.send(content=body, headers={"content-type": content_type}) == (200, None)
    assert bench.passed == [body]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_refused(bench: Bench, method: str) -> None:
    assert await bench.send(method, params=GOOD) == (405, "GATE_METHOD")
    assert bench.passed == []


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("content-type", "text/plain")],
        [("content-type", "application/graphql")],
        [("content-type", "application/x-www-form-urlencoded")],
        [("content-type", "multipart/form-data; boundary=x")],
        [("content-type", "application/json; charset=gbk")],
        [("content-type", "application/json; version=2")],
        [("content-type", "application/json, text/plain")],
        [("content-type", "application/json"), ("content-type", "text/plain")],
    ],
)
async def test_other_content_types_are_refused(bench: Bench, headers: list[tuple[str, str]]) -> None:
    assert await bench.send(content=orjson.dumps(GOOD), headers=headers) == (415, "GATE_CONTENT_TYPE")
    assert bench.passed == []


async def test_compressed_bodies_are_refused(bench: Bench) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert await bench.send(content=b"x", headers=headers) == (415, "GATE_CONTENT_ENCODING")
    assert bench.passed == []


async def test_reading_stops_at_the_limit(bench: Bench) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 8_192
            yield b" " * 8_192

    messages = endless()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": await anext(messages), "more_body": True}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    with pytest.raises(GateRefusal) as caught:
        await read_body(Request(scope, receive), bench.limits)
    assert caught.value.code is GateCode.BODY_TOO_LARGE
    assert sent == 65_536 + 8_192


@pytest.mark.parametrize("length", ["65537", "9" * 5_000, "0" * 100 + "65537"])
async def test_an_announced_length_is_refused_unread(bench: Bench, length: str) -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError("read")

    headers = [(b"content-type", b"application/json"), (b"content-length", length.encode())]
    with pytest.raises(GateRefusal) as caught:
        await read_body(
            Request({"type": "http", "method": "POST", "headers": headers}, receive), bench.limits
        )
    assert caught.value.code is GateCode.BODY_TOO_LARGE


async def test_exactly_the_limit_passes(bench: Bench) -> None:
    body = orjson.dumps(GOOD).ljust(65_536)
    assert await bench.send(content=body, headers={"content-type": "application/json"}) == (200, None)
    assert parse_body(bench.passed[0], bench.limits).query == GOOD["query"]


async def test_a_slow_body_is_given_up(bench: Bench) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    reply = await asyncio.wait_for(
        bench.send(content=slow(), headers={"content-type": "application/json"}), timeout=3
    )
    assert reply == (408, "GATE_BODY_TIMEOUT")
    assert bench.passed == []


async def test_a_client_that_leaves_is_a_refusal() -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    with pytest.raises(GateRefusal) as caught:
        await read_body(Request(scope, receive), Limits())
    assert caught.value.code is GateCode.BODY_INCOMPLETE


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"query":"{a}"}', GraphQLRequest("{a}", None, {}, {})),
        (
            b'{"query":"{a}","operationName":null,"variables":null,"extensions":null}',
            GraphQLRequest("{a}", None, {}, {}),
        ),
        (
            '{"query":"{a}","operationName":"村","variables":{"a:b":"\\ud83d\\ude00","n":-9223372036854775808},'
            '"extensions":{"k":[]}}'.encode(),
            GraphQLRequest("{a}", "村", {"a:b": "😀", "n": -(2**63)}, {"k": []}),
        ),
        # Text that only looks like the things refused: brackets, long digits and colons inside strings.
        (
            orjson.dumps({"query": "{a}", "variables": {"t": "[" * 99 + "9" * 99 + ':"\\u0000\\ud800'}}),
            GraphQLRequest("{a}", None, {"t": "[" * 99 + "9" * 99 + ':"\\u0000\\ud800'}, {}),
        ),
        (
            b'{"query":"{a}","variables":{"f":12345678901234567890.5,"g":1e22,"h":1.12345678901234567890}}',
            GraphQLRequest(
                "{a}", None, {"f": 12345678901234567890.5, "g": 1e22, "h": 1.1234567890123457}, {}
            ),
        ),
        (
            b'{"query":"{a}","variables":{"v":' + b"[" * 62 + b"]" * 62 + b"}}",
            None,
        ),
    ],
)
def test_good_bodies_parse_to_what_was_sent(body: bytes, expected: GraphQLRequest | None) -> None:
    parsed = parse_body(body, Limits())
    assert expected is None or parsed == expected
