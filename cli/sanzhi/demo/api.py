"""A small HTTP GraphQL client, as any front-end could be: the documents below are all it knows of Sanzhi."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, TypeVar
from uuid import uuid4

from sanzhi.demo.stage import DemoFailed

T = TypeVar("T")
Answer = dict[str, Any]

WAIT_S = 30.0


class Refused(DemoFailed):
    """The API refused a step. `code` is the business error's or the top-level error's."""

    def __init__(self, step: str, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{step}: {code} {message}")


@dataclass(frozen=True)
class Change:
    """A mutation: its name and what is selected from its payload."""

    name: str
    selection: str = ""

    @property
    def document(self) -> str:
        """The document that is sent; an input type is named after its mutation."""
        kind = f"{self.name[0].upper()}{self.name[1:]}Input"
        return (
            f"mutation Demo($input: {kind}!) {{ {self.name}(input: $input) "
            f"{{ {self.selection} errors {{ code message path }} }} }}"
        )


class Caller:
    """Somebody who speaks to the API; without `token` anonymous, and then `county` says whose public data is meant.

    Not for several threads.
    """

    changes_sent = 0
    """Mutations sent by all callers, refused ones too; the audit trail must have as many entries."""

    def __init__(
        self, port: int, token: str | None = None, channel: str = "WEB", *, county: str | None = None
    ) -> None:
        self.port = port
        self._headers = {
            "content-type": "application/json",
            "accept-language": "zh-CN",
            "sanzhi-channel": channel,
        }
        if token is not None:
            self._headers["authorization"] = f"Bearer {token}"
        if county is not None:
            self._headers["sanzhi-county"] = county
        self._connection = HTTPConnection("127.0.0.1", port, timeout=40)

    def ask(self, document: str, /, **variables: Any) -> Answer:
        """Data of a query. Refused for any error."""
        status, content = self._send(
            "POST", "/graphql", json.dumps({"query": document, "variables": variables})
        )
        try:
            answer: Answer = json.loads(content)
        except ValueError:
            raise DemoFailed(f"HTTP {status}: {content[:200]!r}") from None
        if answer.get("errors"):
            first = answer["errors"][0]
            code = str(first.get("extensions", {}).get("code", status))
            raise Refused(" ".join(document.split())[:60], code, str(first.get("message")))
        data: Answer = answer["data"]
        return data

    def do(self, change: Change, /, **given: Any) -> Answer:
        """Payload of a mutation with a fresh idempotency key. Refused when it names any error."""
        Caller.changes_sent += 1
        data = self.ask(change.document, input={"idempotencyKey": str(uuid4()), **given})
        payload: Answer = data[change.name]
        for error in payload["errors"]:
            raise Refused(change.name, error["code"], f"{error['message']} {error['path'] or ''}")
        return payload

    def download(self, path: str) -> bytes:
        """The bytes behind a report link, which needs no token."""
        status, content = self._send("GET", path, None)
        if status != 200:
            raise DemoFailed(f"GET {path[:20]}…: HTTP {status}")
        return content

    def pages(self, document: str, field: str, /, **variables: Any) -> list[Answer]:
        """All nodes of a root connection, page by page; the document takes `$after: String`."""
        nodes: list[Answer] = []
        after: str | None = None
        while True:
            connection = self.ask(document, after=after, **variables)[field]
            nodes += connection["nodes"]
            if not connection["pageInfo"]["hasNextPage"]:
                return nodes
            after = connection["pageInfo"]["endCursor"]

    def _send(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        headers = self._headers if body is not None else {}
        for attempt in (1, 2):
            try:
                self._connection.request(method, path, None if body is None else body.encode(), headers)
                reply = self._connection.getresponse()
                return reply.status, reply.read()
            except (ConnectionError, OSError):
                # An idle connection that the server closed; the idempotency key makes the second sending safe.
                self._connection.close()
                if attempt == 2:
                    raise
        raise AssertionError


def wait_for(what: str, look: Callable[[], T | None], seconds: float = WAIT_S) -> T:
    """Ask until `look` answers something true. DemoFailed when it does not in time."""
    ends = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > ends:
            raise DemoFailed(f"{what}: 等待超过 {seconds:g} 秒 / not within {seconds:g} s")
        time.sleep(0.1)
