"""From an HTTP request to a checked GraphQL request: bytes, encoding, JSON, shape."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from .limits import Limits
from .refusal import GateCode, GateRefusal

# The closing quote is optional, so that an unterminated string is consumed once instead of once per quote.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(b for b in range(256) if b not in b"[]{}")
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_LONG_INTEGER = re.compile(rb"(?<![\d.eE+-])-?\d{19,}+(?![.eE])")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_KEYS = frozenset({"query", "operationName", "variables", "extensions"})
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """One request as sent: `query` is unparsed text, `variables` raw JSON values."""

    query: str
    operation_name: str | None
    variables: dict[str, Any]
    extensions: dict[str, Any]


def within_int64(text: str | bytes) -> bool:
    """Whether a decimal integer fits 64 signed bits; constant time for hostile lengths."""
    return len(text) <= 20 and _INT64_MIN <= int(text) <= _INT64_MAX


async def read_body(request: Request, limits: Limits) -> bytes:
    """The body of a `POST` of `application/json`; reading stops at the limit.

    Raises `GateRefusal` METHOD, CONTENT_TYPE, CONTENT_ENCODING, BODY_TOO_LARGE, BODY_TIMEOUT or
    BODY_INCOMPLETE.
    """
    if request.method != "POST":
        raise GateRefusal(GateCode.METHOD)
    if not _is_json(request.headers.getlist("content-type")):
        raise GateRefusal(GateCode.CONTENT_TYPE)
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise GateRefusal(GateCode.CONTENT_ENCODING)
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and _more_than(announced, limits.body_bytes):
        raise GateRefusal(GateCode.BODY_TOO_LARGE, limit=limits.body_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for chunk in request.stream():
                if len(body) + len(chunk) > limits.body_bytes:
                    raise GateRefusal(GateCode.BODY_TOO_LARGE, limit=limits.body_bytes)
                body += chunk
    except TimeoutError:
        raise GateRefusal(GateCode.BODY_TIMEOUT, limit=limits.body_seconds) from None
    except ClientDisconnect:
        raise GateRefusal(GateCode.BODY_INCOMPLETE) from None
    return bytes(body)


def _more_than(digits: str, limit: int) -> bool:
    significant = digits.lstrip("0")
    return len(significant) > len(str(limit)) or int(significant or "0") > limit


def _is_json(values: list[str]) -> bool:
    """Exactly one header, `application/json`, with no parameter but `charset=utf-8`."""
    if len(values) != 1:
        return False
    media, *parameters = (part.strip().lower() for part in values[0].split(";"))
    return media == "application/json" and all(
        part.replace('"', "") in ("", "charset=utf-8", "charset=utf8") for part in parameters
    )


def parse_body(body: bytes, limits: Limits) -> GraphQLRequest:
    """The request in `body`: `{query, operationName?, variables?, extensions?}` and nothing else.

    Raises `GateRefusal` BODY_TOO_LARGE, ENCODING, JSON_DEPTH, INTEGER, STRING, JSON, JSON_KEYS, BATCH, SHAPE.
    """
    if len(body) > limits.body_bytes:
        raise GateRefusal(GateCode.BODY_TOO_LARGE, limit=limits.body_bytes)
    try:
        body.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise GateRefusal(GateCode.ENCODING) from None
    bare = _STRING.sub(b"", body)
    depths = accumulate(map(_STEP.__getitem__, bare.translate(None, _NOT_BRACKETS)))
    if max(depths, default=0) > limits.json_depth:
        raise GateRefusal(GateCode.JSON_DEPTH, limit=limits.json_depth)
    # orjson would turn them into floats without a word.
    if any(not within_int64(found.group()) for found in _LONG_INTEGER.finditer(bare)):
        raise GateRefusal(GateCode.INTEGER)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        lone = "surrogate" in str(error) and _SURROGATE.search(body)
        raise GateRefusal(GateCode.STRING if lone else GateCode.JSON) from None
    # Outside strings a colon stands for a key and for nothing else; orjson keeps the last of equal keys.
    keys, has_nul = _inspect(value, look_for_nul=b"\\u0000" in body)
    if keys != bare.count(b":"):
        raise GateRefusal(GateCode.JSON_KEYS)
    if has_nul:
        raise GateRefusal(GateCode.STRING)
    return _request(value)


def _inspect(value: Any, *, look_for_nul: bool) -> tuple[int, bool]:
    """Number of keys in all objects of a JSON value, and whether any string holds a NUL."""
    keys, has_nul = 0, False
    pending: list[Iterable[Any]] = [(value,)]
    while pending:
        for item in pending.pop():
            if type(item) is dict:
                keys += len(item)
                pending.append(item.values())
                if look_for_nul:
                    pending.append(item.keys())
            elif type(item) is list:
                pending.append(item)
            elif look_for_nul and type(item) is str and "\0" in item:
                has_nul = True
    return keys, has_nul


def _request(value: Any) -> GraphQLRequest:
    if isinstance(value, list):
        raise GateRefusal(GateCode.BATCH)
    if not isinstance(value, dict):
        raise GateRefusal(GateCode.SHAPE, what="the body must be an object")
    if not value.keys() <= _KEYS:
        raise GateRefusal(GateCode.SHAPE, what=f"only the keys {', '.join(sorted(_KEYS))} are known")
    query, name = value.get("query"), value.get("operationName")
    variables, extensions = value.get("variables"), value.get("extensions")
    if not isinstance(query, str) or not query.strip():
        raise GateRefusal(GateCode.SHAPE, what="query must be a text that is not empty")
    if not (name is None or isinstance(name, str)):
        raise GateRefusal(GateCode.SHAPE, what="operationName must be a text or null")
    for key, part in (("variables", variables), ("extensions", extensions)):
        if not (part is None or isinstance(part, dict)):
            raise GateRefusal(GateCode.SHAPE, what=f"{key} must be an object or null")
    return GraphQLRequest(query, name, variables or {}, extensions or {})
