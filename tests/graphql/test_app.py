"""The application as HTTP sees it: methods, origins, tokens, faults, files, health."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from sanzhi_core.clock import new_id, real_now
from sanzhi_core.db.session import Database
from sanzhi_core.identity.models import Account
from sanzhi_core.identity.tokens import issue
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.models import Report
from sanzhi_core.platform.notices import Message, Recipient, notify
from sanzhi_core.platform.reports import sign_link
from sanzhi_core.platform.work import Work
from sanzhi_core.testing.draining import drain
from sanzhi_core.testing.world import World
from sanzhi_graphql.app import Web
from sanzhi_graphql.settings import WebSettings

COUNTY, A = "990428000000", "990428101201"
VIEWER = "{ viewer { displayName } }"
ORIGIN = "https://qian.example.cn"

Serve = Callable[..., httpx.AsyncClient]


@pytest.fixture
async def servers(system: Context) -> Any:
    """`serve(introspection=…)`: a client of an application with these settings; `serve.webs` are the servers."""
    clients: list[httpx.AsyncClient] = []
    webs: list[Web] = []

    async def opened() -> Database:
        return system.db

    def serve(peer: str = "203.0.113.9", **settings: Any) -> httpx.AsyncClient:
        web = Web(system.platform, opened, system.clock, system.keys, WebSettings(**settings))
        web.db = system.db
        webs.append(web)
        transport = httpx.ASGITransport(web.app(), raise_app_exceptions=False, client=(peer, 1))
        clients.append(httpx.AsyncClient(transport=transport, base_url="http://sanzhi.test"))
        return clients[-1]

    serve.webs = webs  # type: ignore[attr-defined]
    yield serve
    for client in clients:
        await client.aclose()


@pytest.fixture
def http(servers: Serve) -> httpx.AsyncClient:
    return servers()


async def post(
    http: httpx.AsyncClient, query: str, headers: dict[str, str] | None = None, **variables: Any
) -> httpx.Response:
    return await http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)


def codes(reply: httpx.Response) -> list[str]:
    return [e["extensions"]["code"] for e in reply.json()["errors"]]


@pytest.fixture
async def bearer(world: World, system: Context) -> Callable[..., Awaitable[dict[str, str]]]:
    """Authorization header of a fresh account with roles."""

    async def make(*roles: tuple[str, str]) -> dict[str, str]:
        caller = await world.caller(*roles)
        async with system.db.transaction("*") as session:
            account = await session.get_one(Account, caller.principal.account_id)
            token = await issue(session, account, channel="API", admin=False)
        return {"authorization": f"Bearer {token.token}"}

    return make


Bearer = Callable[..., Awaitable[dict[str, str]]]


# -- methods and paths ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_graphql_takes_post_only(http: httpx.AsyncClient, method: str) -> None:
    reply = await http.request(method, "/graphql", params={"query": VIEWER})
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "path", ["/", "/graphql/", "/graphiql", "/nothing", "/reports", "/reports/", "/.env", "/admin"]
)
async def test_nothing_else_is_there(http: httpx.AsyncClient, path: str) -> None:
    reply = await http.get(path)
    assert reply.status_code in (404, 307)
    if reply.status_code == 307:  # a trailing slash is sent to the endpoint itself
        assert reply.headers["location"].endswith("/graphql")


async def test_graphiql_only_with_the_switch(servers: Serve) -> None:
    on = servers(graphiql=True)
    page = await on.get("/graphiql")
    assert (page.status_code, "text/html" in page.headers["content-type"]) == (200, True)
    assert (await on.get("/graphql")).status_code == 405


# -- origins and proxies ----------------------------------------------------------------------------------------------
async def test_only_listed_origins_may_read_replies(servers: Serve) -> None:
    http = servers(cors_origins=(ORIGIN,))
    ask = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    good = await http.options("/graphql", headers={"origin": ORIGIN, **ask})
    assert (good.status_code, good.headers["access-control-allow-origin"]) == (200, ORIGIN)
    reply = await post(http, VIEWER, {"origin": ORIGIN})
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-credentials" not in reply.headers
    for origin in ("https://evil.example.cn", "null", f"{ORIGIN}.evil.cn", "http://qian.example.cn"):
        bad = await http.options("/graphql", headers={"origin": origin, **ask})
        assert bad.status_code == 400
        assert "access-control-allow-origin" not in bad.headers
        assert "access-control-allow-origin" not in (await post(http, VIEWER, {"origin": origin})).headers


async def test_no_origin_by_default(http: httpx.AsyncClient) -> None:
    assert "access-control-allow-origin" not in (await post(http, VIEWER, {"origin": ORIGIN})).headers


async def audited_ips(system: Context) -> list[Any]:
    async with system.db.transaction("*") as session:
        return list(await session.scalars(sa.text("select host(ip) from core.audit_entry order by at, id")))


SIGN_IN = "mutation($i: SignInInput!) { signIn(input: $i) { errors { code } } }"


async def test_the_audited_address_is_the_clients(servers: Serve, system: Context, world: World) -> None:
    proxied = servers(
        peer="10.0.0.1",
        trusted_proxies=WebSettings.from_env({"SANZHI_TRUSTED_PROXIES": "10.0.0.1"}).trusted_proxies,
    )
    direct = servers(peer="203.0.113.9")

    async def sign_in(http: httpx.AsyncClient, *forwarded: str) -> None:
        given = {"idempotencyKey": str(uuid4()), "login": "nobody", "password": "nonsense-1"}
        headers = [("x-forwarded-for", f) for f in forwarded]
        body = {"query": SIGN_IN, "variables": {"i": given}}
        assert (await http.post("/graphql", json=body, headers=headers)).status_code == 200

    await sign_in(direct, "198.51.100.1")
    await sign_in(proxied, "198.51.100.1")
    await sign_in(proxied, "1.2.3.4, 198.51.100.2")
    await sign_in(proxied, "1.2.3.4", "198.51.100.3")  # a proxy that adds a line of its own
    assert await audited_ips(system) == ["203.0.113.9", "198.51.100.1", "198.51.100.2", "198.51.100.3"]


# -- who asks ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "given", ["Bearer nonsense", "Bearer ", "Bearer", "Basic d2FuZzpwdw==", "nonsense", "bearer x y"]
)
async def test_a_bad_token_is_401_never_anonymous(http: httpx.AsyncClient, world: World, given: str) -> None:
    reply = await post(http, VIEWER, {"authorization": given})
    assert (reply.status_code, codes(reply)) == (401, ["UNAUTHENTICATED"])
    assert reply.headers["www-authenticate"] == "Bearer"


async def test_a_good_token_and_none(http: httpx.AsyncClient, bearer: Bearer) -> None:
    headers = await bearer(("VC_DIRECTOR", A))
    assert (await post(http, VIEWER, headers)).json()["data"]["viewer"]["displayName"] == "测试员"
    assert (await post(http, VIEWER)).json()["data"]["viewer"]["displayName"] == ""


@pytest.mark.parametrize(
    ("policy", "anonymous", "signed_in"),
    [("off", False, False), ("signed-in", False, True), ("all", True, True)],
)
async def test_who_may_introspect(
    servers: Serve, bearer: Bearer, policy: str, anonymous: bool, signed_in: bool
) -> None:
    http = servers(introspection=policy)
    for headers, allowed in ((None, anonymous), (await bearer(("VC_DIRECTOR", A)), signed_in)):
        reply = await post(http, "{ __schema { queryType { name } } }", headers)
        assert ("data" in reply.json() and not reply.json().get("errors")) is allowed, reply.text


async def test_messages_in_the_callers_language(http: httpx.AsyncClient, world: World) -> None:
    texts = {}
    for language in ("zh-CN", "en", "en-US,zh;q=0.5", "fr"):
        headers = {"authorization": "Bearer x", "accept-language": language}
        texts[language] = (await post(http, VIEWER, headers)).json()["errors"][0]["message"]
    assert texts["en"] == texts["en-US,zh;q=0.5"]
    assert texts["en"].isascii()
    assert texts["zh-CN"] == texts["fr"]
    assert "登录" in texts["zh-CN"]
    given = {"idempotencyKey": str(uuid4()), "login": "nobody", "password": "nonsense-1"}
    query = "mutation($i: SignInInput!) { signIn(input: $i) { errors { message } } }"
    business = await post(http, query, {"accept-language": "en"}, i=given)
    assert business.json()["data"]["signIn"]["errors"][0]["message"].isascii()


async def test_the_inbox_is_its_owners(
    http: httpx.AsyncClient, bearer: Bearer, system: Context, world: World
) -> None:
    mine, theirs = await bearer(), await bearer()
    staff, stranger = await bearer(("VC_DIRECTOR", A)), await bearer(("VC_DIRECTOR", "990428101202"))
    me = (await post(http, "{ viewer { accountId } }", mine)).json()["data"]["viewer"]["accountId"]
    message = Message("test.news", "评星开始", "Rating begins", "请自评。", "Rate yourselves.")
    async with system.db.transaction("*") as session:
        work = Work(system, session, plugin="star_virtue", permission=None)
        to = Recipient(world.units[A].place(), account_id=UUID(me.removeprefix("Account_")))
        assert await notify(work, message, [to], cause="c") == 1
    query = "{ notifications(first: 5) { nodes { id titleZh state readAt } } }"

    async def inbox(headers: dict[str, str] | None) -> list[dict[str, Any]]:
        nodes: list[dict[str, Any]] = (await post(http, query, headers)).json()["data"]["notifications"][
            "nodes"
        ]
        return nodes

    assert [len(await inbox(who)) for who in (mine, theirs, staff, stranger, None)] == [1, 0, 1, 0, 0]
    await drain(system)
    (message_row,) = await inbox(mine)
    assert (message_row["titleZh"], message_row["state"]) == ("评星开始", "SENT")
    mark = "mutation($i: MarkNotificationReadInput!) { markNotificationRead(input: $i) { errors { code } } }"
    given = {"notificationId": message_row["id"]}
    for who, wanted in ((theirs, ["NOT_FOUND"]), (staff, ["NOT_FOUND"]), (mine, [])):
        reply = await post(http, mark, who, i={**given, "idempotencyKey": str(uuid4())})
        assert [e["code"] for e in reply.json()["data"]["markNotificationRead"]["errors"]] == wanted
        assert ((await inbox(mine))[0]["state"] == "READ") is (wanted == [])


# -- faults -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("where", ["context", "execute"])
async def test_a_bug_is_500_with_an_incident_and_no_inside(
    servers: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    http = servers()
    web = servers.webs[-1]  # type: ignore[attr-defined]

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret inside of 张三")

    monkeypatch.setattr(web if where == "context" else web.api, where, broken)
    reply = await post(http, VIEWER)
    assert (reply.status_code, codes(reply)) == (500, ["INTERNAL"])
    assert "secret" not in reply.text
    assert "Traceback" not in reply.text
    incident = reply.json()["errors"][0]["extensions"]["incident"]
    assert incident in caplog.text


async def test_a_resolvers_bug_is_500_with_an_incident(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    import sanzhi_core.identity.viewer as viewer

    def broken(*_: Any) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(viewer, "Viewer", broken)
    reply = await post(http, VIEWER)
    assert (reply.status_code, codes(reply)) == (500, ["INTERNAL"])
    assert "secret" not in reply.text
    assert reply.json()["errors"][0]["extensions"]["incident"] in caplog.text


async def test_a_statement_that_takes_too_long_is_503(
    http: httpx.AsyncClient, system: Context, bearer: Bearer, world: World
) -> None:
    """A row that somebody else holds for long: the server cancels the statement."""
    headers = await bearer(("SEC_ADMIN", COUNTY))
    made = await world.caller()
    locked = system.db.engine

    @sa.event.listens_for(locked.sync_engine, "begin")
    def hurry(conn: Any) -> None:
        conn.exec_driver_sql("set local statement_timeout = 300")

    query = "mutation($i: SetAccountStatusInput!) { setAccountStatus(input: $i) { account { id } errors { code } } }"
    given = {
        "accountId": f"Account_{made.principal.account_id}", "status": "SUSPENDED", "reason": "离岗",
        "expectedVersion": 1, "idempotencyKey": str(uuid4()),
    }  # fmt: skip
    async with system.db.walled.acquire() as other, other.transaction():
        await other.execute("select 1 from core.account where id = $1 for update", made.principal.account_id)
        busy = await post(http, query, headers, i=given)
    sa.event.remove(locked.sync_engine, "begin", hurry)
    assert busy.status_code == 503, busy.text
    assert busy.headers["retry-after"] == "2"
    assert set(codes(busy)) <= {"BUSY", "TIMEOUT", "RESOURCE_BUSY"}
    again = await post(http, query, headers, i=given)  # the same key: nothing of the first try is left
    assert again.json()["data"]["setAccountStatus"]["errors"] == []


async def test_a_request_that_takes_too_long_is_503(servers: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    http = servers()
    web = servers.webs[-1]  # type: ignore[attr-defined]

    async def slow(*_: Any) -> None:
        await asyncio.sleep(30)

    monkeypatch.setattr(web.api, "execute", slow)
    object.__setattr__(web.limits, "request_seconds", 0.1)
    reply = await post(http, VIEWER)
    assert (reply.status_code, codes(reply), reply.headers["retry-after"]) == (503, ["RESOURCE_BUSY"], "2")


async def test_a_reply_beyond_the_limit_is_refused(servers: Serve) -> None:
    http = servers()
    web = servers.webs[-1]  # type: ignore[attr-defined]
    object.__setattr__(web.limits, "reply_bytes", 30)
    reply = await post(http, "{ viewer { displayName capabilities } errorCatalogue { code messageZh } }")
    assert codes(reply) == ["GATE_REPLY_TOO_LARGE"]
    assert "data" not in reply.json()


# -- health -----------------------------------------------------------------------------------------------------------
async def test_alive_and_ready(http: httpx.AsyncClient) -> None:
    assert (await http.get("/livez")).json() == {"status": "ok"}
    ready = await http.get("/readyz")
    assert (ready.status_code, ready.json()["database"]) == (200, "ok")
    assert ready.json()["plugins"]["core"] == "LOADED"


async def test_alive_but_not_ready_without_a_database(servers: Serve, system: Context) -> None:
    http = servers()
    web = servers.webs[-1]  # type: ignore[attr-defined]
    gone = await Database.open(system.db.app_url, system.db.app_url, size=1)
    await gone.close()
    gone.engine = create_async_engine("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    web.db = gone
    assert (await http.get("/livez")).status_code == 200
    ready = await http.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["database"] != "ok"
    busy = await post(http, VIEWER)
    assert (busy.status_code, codes(busy)) == (503, ["RESOURCE_BUSY"])
    assert (
        await http.get(f"/reports/{sign_link(system.keys, new_id(), real_now() + timedelta(minutes=1))}")
    ).status_code == 503


# -- report files -----------------------------------------------------------------------------------------------------
@pytest.fixture
async def filed(system: Context, world: World, tmp_path: Path) -> Callable[..., Awaitable[str]]:
    """Put a finished report with this storage path; returns the path of a link to it."""
    folder = system.platform.report_dir = tmp_path / "reports"
    folder.mkdir()
    (tmp_path / "keys.json").write_text("top secret")

    async def put(
        storage: str, media_type: str = "text/html", valid: timedelta = timedelta(minutes=1)
    ) -> str:
        async with system.db.transaction("*") as session:
            row = Report(
                kind="core.test", plugin="core", format="HTML", parameters={}, formula_version="1", state="DONE",
                requested_at=system.clock.now(), storage_path=storage, media_type=media_type,
                file_name="名册 2026.html", **world.units[A].place(),
            )  # fmt: skip
            session.add(row)
            await session.flush()
            ident: UUID = row.id
        return f"/reports/{sign_link(system.keys, ident, real_now() + valid)}"

    return put


async def test_a_report_is_served_in_a_sandbox(
    http: httpx.AsyncClient, filed: Callable[..., Awaitable[str]], tmp_path: Path
) -> None:
    (tmp_path / "reports/a.html").write_text("<script>alert(1)</script>")
    reply = await http.get(await filed("a.html"))
    assert (reply.status_code, reply.text) == (200, "<script>alert(1)</script>")
    policy = reply.headers["content-security-policy"].split("; ")
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "private, no-store"
    assert reply.headers["content-disposition"].startswith("attachment; filename*=utf-8''%E5%90%8D%E5%86%8C")
    plain = await http.get(await filed("a.html", "text/csv"))
    assert plain.headers["content-type"].startswith("text/csv")


@pytest.mark.parametrize(
    "storage", ["../keys.json", "../../etc/passwd", "/etc/passwd", "x/../../keys.json", "none.html", "", "."]
)
async def test_no_path_leads_out_of_the_folder(
    http: httpx.AsyncClient, filed: Callable[..., Awaitable[str]], storage: str
) -> None:
    reply = await http.get(await filed(storage))
    assert (reply.status_code, reply.json()) == (404, {"error": "NOT_FOUND"})


async def test_no_link_leads_out_of_the_folder_either(
    http: httpx.AsyncClient, filed: Callable[..., Awaitable[str]], tmp_path: Path
) -> None:
    (tmp_path / "reports/link.html").symlink_to(tmp_path / "keys.json")
    assert (await http.get(await filed("link.html"))).status_code == 404


async def test_late_forged_and_unknown_links_are_alike(
    http: httpx.AsyncClient, filed: Callable[..., Awaitable[str]], tmp_path: Path, system: Context
) -> None:
    (tmp_path / "reports/a.html").write_text("x")
    good = await filed("a.html")
    late = await filed("a.html", valid=timedelta(seconds=-1))
    unknown = f"/reports/{sign_link(system.keys, new_id(), real_now() + timedelta(minutes=1))}"
    body = json.dumps([str(new_id()), 9_999_999_999]).encode()
    forged = "/reports/" + base64.urlsafe_b64encode(b"\0" * 32 + body).decode().rstrip("=")
    nested = "/reports/" + base64.urlsafe_b64encode(b"\0" * 32 + b"[" * 30_000).decode().rstrip("=")
    for path in (late, unknown, forged, nested, good[:-2], "/reports/x", "/reports/%00", "/reports/é"):
        reply = await http.get(path)
        assert (reply.status_code, reply.json()) == (404, {"error": "NOT_FOUND"}), path
    assert (await http.get(good)).status_code == 200
    assert (await http.post(good)).status_code == 405
