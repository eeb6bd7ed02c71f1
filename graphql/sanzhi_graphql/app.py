"""The Starlette application: one GraphQL endpoint behind the gate, report downloads, health.

HTTP → gate (size, UTF-8, shape, cost) → schema → compiled read or the door for writes. Business refusals are data with
status 200; gate, authentication and fault errors are top-level with `extensions.code`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import orjson
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import Clock, real_now
from sanzhi_core.db.faults import passing
from sanzhi_core.db.session import Database
from sanzhi_core.identity.tokens import authenticate, current_generation
from sanzhi_core.identity.viewer import enabled_plugins
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform.context import ANONYMOUS, CHANNELS, Context, Principal
from sanzhi_core.platform.installation import refresh_clock
from sanzhi_core.platform.models import Report
from sanzhi_core.platform.plugins import Platform
from sanzhi_core.platform.reports import open_link
from sanzhi_graphql.gate.body import parse_body, read_body
from sanzhi_graphql.gate.documents import Gate
from sanzhi_graphql.gate.limits import Limits
from sanzhi_graphql.gate.refusal import GateRefusal
from sanzhi_graphql.ide import ide_routes
from sanzhi_graphql.schema.api import Api
from sanzhi_graphql.settings import WebSettings

log = logging.getLogger("sanzhi.web")

OpenDatabase = Callable[[], Awaitable[Database]]
Ready = Callable[[], dict[str, Any]]


class Web:
    """State of one server process. `db` is opened on the server's own loop at start."""

    def __init__(
        self,
        platform: Platform,
        open_database: OpenDatabase,
        clock: Clock,
        keys: Keys,
        settings: WebSettings,
        background: Ready | None = None,
    ) -> None:
        self.platform = platform
        self.open_database = open_database
        self.clock = clock
        self.keys = keys
        self.settings = settings
        self.background = background
        self.api = Api(platform)
        self.limits = Limits(exactly_one=frozenset(self.api.alone))
        self.gate = Gate(self.limits)
        self.db: Database | None = None

    # -- who asks ----------------------------------------------------------------------------------------------
    async def context(self, request: Request) -> Context:
        """The caller's context. Raises `Unknown` for a token that is not (or no longer) good."""
        assert self.db is not None
        await refresh_clock(self.clock, self.db)
        principal = await self._principal(request)
        channel = request.headers.get("sanzhi-channel", "API").upper()
        language = request.headers.get("accept-language", "zh-CN")
        return Context(
            self.platform,
            self.db,
            self.clock,
            self.keys,
            principal=principal,
            channel=channel if channel in CHANNELS and channel != "JOB" else "API",
            locale="en" if language.lower().startswith("en") else "zh-CN",
            ip=self.settings.client_ip(
                request.client.host if request.client else None,
                ",".join(request.headers.getlist("x-forwarded-for")),  # a proxy may add a line of its own
            ),
            device=_clean(request.headers.get("user-agent")),
            purpose=_clean(request.headers.get("sanzhi-purpose")),
        )

    async def _principal(self, request: Request) -> Principal:
        assert self.db is not None
        given = request.headers.get("authorization", "").strip()
        kind, _, token = given.partition(" ")
        if given:
            found = await authenticate(self.db, token.strip()) if kind.lower() == "bearer" else None
            if found is None:
                raise Unknown
            return found
        county = request.headers.get("sanzhi-county")
        generation = await current_generation(self.db)
        if not county or not county.isascii() or not county.isdigit():
            return replace(ANONYMOUS, generation=generation)
        async with self.db.transaction() as session:
            county_id = await session.scalar(
                sa.select(OrgUnit.id).where(
                    OrgUnit.code == county, OrgUnit.level == "COUNTY", OrgUnit.status == "ACTIVE"
                )
            )
        return replace(ANONYMOUS, generation=generation, county_id=county_id)

    # -- GraphQL -----------------------------------------------------------------------------------------------
    async def graphql(self, request: Request) -> Response:
        """POST a document; every other method is refused by the gate with 405."""
        language = request.headers.get("accept-language", "zh-CN")
        try:
            body = parse_body(await read_body(request, self.limits), self.limits)
            ctx = await self.context(request)
            enabled = await enabled_plugins(ctx)
            schema = self.api.schema(enabled)
            admitted = self.gate.admit(
                body,
                enabled,
                schema,
                max_cost=self.limits.cost_staff if ctx.principal.grants else self.limits.cost_resident,
                introspection=self._may_introspect(ctx),
            )
        except GateRefusal as refusal:
            headers = {"allow": "POST"} if refusal.http_status == 405 else None
            return _reply({"errors": refusal.formatted(language)}, refusal.http_status, headers)
        except Unknown:
            return _reply({"errors": [_unauthenticated(language)]}, 401, {"www-authenticate": "Bearer"})
        except Exception as fault:
            return _fault(fault, language)
        try:
            async with asyncio.timeout(
                self.limits.request_seconds + 20 * (admitted.operation.operation.value == "mutation")
            ):
                answer = await self.api.execute(schema, admitted, ctx)
        except Exception as fault:
            return _fault(fault, language)
        status, headers = _status(answer)
        content = orjson.dumps(answer)
        if len(content) > self.limits.reply_bytes:
            return _reply(
                {"errors": [_error("GATE_REPLY_TOO_LARGE", "回复过大", "The reply is too large", language)]},
                200,
            )
        return Response(content, status, headers, media_type="application/json")

    def _may_introspect(self, ctx: Context) -> bool:
        allowed = self.settings.introspection
        return allowed == "all" or (allowed == "signed-in" and ctx.principal.kind == "ACCOUNT")

    # -- files and health --------------------------------------------------------------------------------------
    async def report(self, request: Request) -> Response:
        """The file behind an expiring link; 404 alike for unknown, expired and forged links."""
        assert self.db is not None
        ident = open_link(self.keys, request.path_params["token"], real_now())
        row = None
        if ident is not None:
            try:
                async with self.db.transaction() as session:
                    row = await session.get(Report, ident)
            except Exception as fault:
                return _fault(fault, request.headers.get("accept-language", "zh-CN"))
        if row is None or row.storage_path is None:
            return _reply({"error": "NOT_FOUND"}, 404)
        path = (self.platform.report_dir / row.storage_path).resolve()
        if not path.is_relative_to(self.platform.report_dir.resolve()) or not path.is_file():
            return _reply({"error": "NOT_FOUND"}, 404)
        headers = {"cache-control": "private, no-store", "x-content-type-options": "nosniff"}
        if row.media_type == "text/html":
            headers["content-security-policy"] = (
                "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
            )
        return FileResponse(path, media_type=row.media_type, filename=row.file_name, headers=headers)

    async def livez(self, _request: Request) -> Response:
        """The loop turns."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _request: Request) -> Response:
        """Database, plugins and background work; a broker that is down degrades, it does not fail."""
        state: dict[str, Any] = {"plugins": {h.name: h.state for h in self.platform.health}}
        try:
            assert self.db is not None
            async with asyncio.timeout(2):
                await current_generation(self.db)
            state["database"] = "ok"
        except Exception as fault:
            state["database"] = type(fault).__name__
        if self.background is not None:
            state["background"] = self.background()
        good = state["database"] == "ok"
        return JSONResponse(state, 200 if good else 503)

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self.db = await self.open_database()
        try:
            yield
        finally:
            await self.db.close()
            self.db = None

    def app(self) -> Starlette:
        """The ASGI application."""
        routes: list[BaseRoute] = [
            Route("/graphql", self.graphql, methods=["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]),
            Route("/reports/{token}", self.report, methods=["GET"]),
            Route("/livez", self.livez, methods=["GET"]),
            Route("/readyz", self.readyz, methods=["GET"]),
        ]
        if self.settings.graphiql:
            routes += ide_routes()
        middleware = []
        if self.settings.cors_origins:
            middleware.append(
                Middleware(
                    CORSMiddleware,
                    allow_origins=list(self.settings.cors_origins),
                    allow_methods=["POST"],
                    allow_headers=[
                        "authorization",
                        "content-type",
                        "accept-language",
                        "sanzhi-channel",
                        "sanzhi-county",
                        "sanzhi-purpose",
                    ],
                    max_age=600,
                )
            )
        return Starlette(routes=routes, middleware=middleware, lifespan=self.lifespan)


class Unknown(Exception):
    """A token was sent that is unknown, expired, idle too long or revoked."""


def _clean(text: str | None) -> str | None:
    return "".join(c for c in text if c.isprintable())[:200] or None if text else None


def _error(code: str, zh: str, en: str, language: str, **extensions: Any) -> dict[str, Any]:
    message = en if language.lower().startswith("en") else zh
    return {"message": message, "extensions": {"code": code, **extensions}}


def _unauthenticated(language: str) -> dict[str, Any]:
    return _error(
        "UNAUTHENTICATED", "登录已失效，请重新登录", "This session has ended: sign in again", language
    )


def _status(answer: dict[str, Any]) -> tuple[int, dict[str, str] | None]:
    """Status of an executed operation: 200 but for faults that left nothing; inner faults get an incident id."""
    codes = set()
    for error in answer.get("errors", ()):
        code = error["extensions"].get("code")
        codes.add(code)
        if code == "INTERNAL":
            error["extensions"]["incident"] = incident = secrets.token_hex(6)
            log.error("incident %s at %s: see the resolver's fault above", incident, error.get("path"))
    if any(value is not None for value in (answer.get("data") or {}).values()):
        return 200, None
    if "INTERNAL" in codes:
        return 500, None
    return (503, {"retry-after": "2"}) if codes & {"BUSY", "TIMEOUT"} else (200, None)


def _fault(fault: Exception, language: str) -> Response:
    if passing(fault):
        busy = _error("RESOURCE_BUSY", "系统繁忙，请稍后再试", "The server is busy: try again", language)
        return _reply({"errors": [busy]}, 503, {"retry-after": "2"})
    incident = secrets.token_hex(6)
    log.error("incident %s", incident, exc_info=fault)
    return _reply(
        {"errors": [_error("INTERNAL", "内部错误", "Internal error", language, incident=incident)]}, 500
    )


def _reply(body: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, media_type="application/json")
