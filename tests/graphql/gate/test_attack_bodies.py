"""Hostile bodies: each refused with its own code in less than 20 ms of CPU, before any GraphQL is read."""

from collections.abc import Callable

import orjson
import pytest

from sanzhi_graphql.gate.refusal import GateRefusal

CPU_SECONDS = 0.020

BODIES: dict[str, tuple[str, bytes]] = {
    "20k nested arrays": ("GATE_JSON_DEPTH", b"[" * 20_000 + b"]" * 20_000),
    "64k open brackets": ("GATE_JSON_DEPTH", b"[" * 65_536),
    "65 nested objects": ("GATE_JSON_DEPTH", b'{"variables":' * 65 + b"1" + b"}" * 65),
    "deep variables": (
        "GATE_JSON_DEPTH",
        b'{"query":"{a}","variables":{"v":' + b"[" * 63 + b"]" * 63 + b"}}",
    ),
    "bad UTF-8": ("GATE_ENCODING", b'{"query":"{org{name}} \xff\xfe"}'),
    "overlong UTF-8": ("GATE_ENCODING", b'{"query":"\xc0\xaf"}'),
    "UTF-8 surrogate bytes": ("GATE_ENCODING", b'{"query":"\xed\xa0\x80"}'),
    "UTF-16 body": ("GATE_ENCODING", '{"query":"{org{name}}"}'.encode("utf-16")),
    "truncated UTF-8": ("GATE_ENCODING", '{"query":"村'.encode()[:-1]),
    "byte order mark": ("GATE_JSON", b"\xef\xbb\xbf" + b'{"query":"{org{name}}"}'),
    "over 64 kB": ("GATE_BODY_TOO_LARGE", b'{"query":"' + b"a" * 65_536 + b'"}'),
    "empty body": ("GATE_JSON", b""),
    "not JSON": ("GATE_JSON", b"query={org{name}}"),
    "two values": ("GATE_JSON", b'{"query":"{org{name}}"}{"query":"{org{name}}"}'),
    "NaN": ("GATE_JSON", b'{"query":"{org{name}}","variables":{"a":NaN}}'),
    "infinite number": ("GATE_JSON", b'{"query":"{org{name}}","variables":{"a":1e999}}'),
    "raw NUL": ("GATE_JSON", b'{"query":"{org{name}}\x00"}'),
    "closed without opening": ("GATE_JSON", b"]" * 60_000),
    "unterminated string of quotes": ("GATE_JSON", b'{"query":"' + b'\\"' * 32_000),
    "string of backslashes": ("GATE_JSON", b'"' + b"\\" * 64_001),
    "quote flood": ("GATE_JSON", b'"' * 65_535),
    "NUL escape in query": ("GATE_STRING", b'{"query":"{org{name}}\\u0000"}'),
    "NUL in variable": ("GATE_STRING", b'{"query":"{org{name}}","variables":{"a":[{"b":"x\\u0000"}]}}'),
    "NUL in variable key": ("GATE_STRING", b'{"query":"{org{name}}","variables":{"a\\u0000":1}}'),
    "lone high surrogate": ("GATE_STRING", b'{"query":"{org{name}}","variables":{"a":"\\ud800"}}'),
    "lone low surrogate": ("GATE_STRING", b'{"query":"{org{name}}","variables":{"a":"\\uDC00x"}}'),
    "surrogate in key": ("GATE_STRING", b'{"query":"{org{name}}","variables":{"\\ud800":1}}'),
    "huge integer": ("GATE_INTEGER", b'{"query":"{org{name}}","variables":{"a":' + b"9" * 60_000 + b"}}"),
    "integer above int64": ("GATE_INTEGER", b'{"query":"{org{name}}","variables":{"a":9223372036854775808}}'),
    "integer below int64": (
        "GATE_INTEGER",
        b'{"query":"{org{name}}","variables":{"a":-9223372036854775809}}',
    ),
    "duplicate query": ("GATE_JSON_KEYS", b'{"query":"{org{name}}","query":"{hit{__typename}}"}'),
    "duplicate key by escape": ("GATE_JSON_KEYS", b'{"query":"{org{name}}","variables":{"a":1,"\\u0061":2}}'),
    "batch": ("GATE_BATCH", b'[{"query":"{org{name}}"},{"query":"{org{name}}"}]'),
    "empty batch": ("GATE_BATCH", b"[]"),
    "batch of arrays": ("GATE_BATCH", b"[" + b"[]," * 21_000 + b"[]]"),
    "number as body": ("GATE_SHAPE", b"1"),
    "null as body": ("GATE_SHAPE", b"null"),
    "no query": ("GATE_SHAPE", b'{"variables":{}}'),
    "query is a list": ("GATE_SHAPE", b'{"query":["{org{name}}"]}'),
    "query is blank": ("GATE_SHAPE", b'{"query":" \\n "}'),
    "operationName is a number": ("GATE_SHAPE", b'{"query":"{org{name}}","operationName":1}'),
    "variables are a list": ("GATE_SHAPE", b'{"query":"{org{name}}","variables":[]}'),
    "extensions are a text": ("GATE_SHAPE", b'{"query":"{org{name}}","extensions":"x"}'),
    "unknown key": ("GATE_SHAPE", b'{"query":"{org{name}}","id":1}'),
    "key flood": ("GATE_SHAPE", orjson.dumps({f"k{i}": 0 for i in range(5_000)})),
}


@pytest.mark.parametrize("name", BODIES)
def test_body_is_refused_cheaply_with_its_code(
    name: str, refuse: Callable[..., tuple[float, GateRefusal]]
) -> None:
    code, raw = BODIES[name]
    seconds, refusal = refuse(raw)
    assert refusal.code == code
    assert 400 <= refusal.http_status < 500
    assert seconds < CPU_SECONDS


def test_every_code_of_the_step_is_in_the_table() -> None:
    assert {code for code, _ in BODIES.values()} == {
        "GATE_BODY_TOO_LARGE",
        "GATE_ENCODING",
        "GATE_JSON_DEPTH",
        "GATE_INTEGER",
        "GATE_STRING",
        "GATE_JSON",
        "GATE_JSON_KEYS",
        "GATE_BATCH",
        "GATE_SHAPE",
    }
