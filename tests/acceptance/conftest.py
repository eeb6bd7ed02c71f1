"""Acceptance: everything through the GraphQL API, on the real application, with background work run in between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from sanzhi_core.platform.context import Context
from sanzhi_core.platform.installation import new_setup_token
from sanzhi_core.testing.databases import TestDatabase
from sanzhi_core.testing.draining import drain
from sanzhi_core.testing.world import World
from sanzhi_graphql.app import Web
from sanzhi_graphql.settings import WebSettings


class Caller:
    """A signed-in (or anonymous) user of the API."""

    def __init__(self, http: httpx.AsyncClient, token: str | None = None) -> None:
        self._http = http
        self.headers = {"authorization": f"Bearer {token}"} if token else {}

    async def post(self, query: str, **variables: Any) -> httpx.Response:
        """The raw reply."""
        return await self._http.post(
            "/graphql", json={"query": query, "variables": variables}, headers=self.headers
        )

    async def ask(self, query: str, **variables: Any) -> Any:
        """`data` of a query; fails on any error."""
        reply = await self.post(query, **variables)
        body = reply.json()
        assert reply.status_code == 200, body
        assert "errors" not in body, body["errors"]
        return body["data"]

    async def tell(self, mutation: str, selection: str = "", /, **fields: Any) -> Any:
        """The payload of a mutation, its `errors` included; `selection` is put beside them."""
        name = mutation[0].upper() + mutation[1:]
        fields.setdefault("idempotencyKey", str(uuid4()))
        query = (
            f"mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ {selection} "
            "errors { __typename code message path ... on ValidationFailed { fields { path reason } } } } }"
        )
        data = await self.ask(query, input=fields)
        return data[mutation]

    async def done(self, mutation: str, selection: str = "", /, **fields: Any) -> Any:
        """Like `tell`, and it must succeed."""
        payload = await self.tell(mutation, selection, **fields)
        assert payload["errors"] == [], payload["errors"]
        return payload

    async def refused(self, mutation: str, /, **fields: Any) -> dict[str, Any]:
        """The one error of a mutation that must be refused."""
        payload = await self.tell(mutation, **fields)
        assert len(payload["errors"]) == 1, payload
        error: dict[str, Any] = payload["errors"][0]
        return error


PASSWORD = "Xin-Mima-2026"


@pytest.fixture
async def web(system: Context, database: TestDatabase) -> AsyncIterator[httpx.AsyncClient]:
    async def opened() -> Any:
        return system.db

    server = Web(system.platform, opened, system.clock, system.keys, WebSettings(introspection="all"))
    server.db = system.db
    transport = httpx.ASGITransport(server.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://sanzhi.test") as client:
        yield client


@pytest.fixture
async def anonymous(web: httpx.AsyncClient) -> Caller:
    return Caller(web)


@pytest.fixture
async def security(web: httpx.AsyncClient, database: TestDatabase, world: World) -> Caller:
    """The security administrator of the county, made with the one-time setup token."""
    caller = Caller(web)
    token = await new_setup_token(database.owner_url)
    await caller.done(
        "setUp",
        setupToken=token,
        login="anquan",
        displayName="安全员",
        password=PASSWORD,
        unitCode="990428000000",
    )
    return await sign_in(web, "anquan", PASSWORD)


async def sign_in(web: httpx.AsyncClient, login: str, password: str) -> Caller:
    """A caller with a fresh token."""
    payload = await Caller(web).done(
        "signIn", "session { token mustChangePassword }", login=login, password=password
    )
    return Caller(web, payload["session"]["token"])


@pytest.fixture
async def person(web: httpx.AsyncClient, security: Caller, world: World) -> Callable[..., Awaitable[Caller]]:
    """Make an account with roles and sign it in: `await person("wang", ("VC_DIRECTOR", code), …)`."""

    async def make(login: str, *roles: tuple[str, str], home: str | None = None, **account: Any) -> Caller:
        unit = home or (roles[0][1] if roles else "990428101201")
        payload = await security.done(
            "createAccount",
            "account { id }",
            unitId=f"OrgUnit_{world.id(unit)}",
            login=login,
            displayName=f"{login}同志",
            password=PASSWORD,
            **account,
        )
        for role, code in roles:
            await security.done(
                "grantRole",
                accountId=payload["account"]["id"],
                roleCode=role,
                unitId=f"OrgUnit_{world.id(code)}",
                basis="任命文件〔2026〕1号",
            )
        return await sign_in(web, login, PASSWORD)

    return make


@pytest.fixture
def work(system: Context) -> Callable[[], Awaitable[list[str]]]:
    """Run all background work that is due."""

    async def run() -> list[str]:
        outcomes = await drain(system)
        assert set(outcomes) <= {"done", "parked", "skipped"}, outcomes
        return outcomes

    return run
