"""The GraphiQL page for developers, from vendored files only; off unless the app mounts it."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html import escape
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

VENDOR = Path(__file__).parent / "vendor"

# Public name → (file below `vendor/`, media type, SHA-384 of the file as published, None for our own).
ASSETS: dict[str, tuple[str, str, str | None]] = {
    "react.production.min.js": (
        "react/react.production.min.js",
        "text/javascript",
        "tMH8h3BGESGckSAVGZ82T9n90ztNXxvdwvdM6UoR56cYcf+0iGXBliJ29D+wZ/x8",
    ),
    "react-dom.production.min.js": (
        "react-dom/react-dom.production.min.js",
        "text/javascript",
        "bm7MnzvK++ykSwVJ2tynSE5TRdN+xL418osEVF2DE/L/gfWHj91J2Sphe582B1Bh",
    ),
    "graphiql.min.js": (
        "graphiql/graphiql.min.js",
        "text/javascript",
        "HbRVEFG0JGJZeAHCJ9Xm2+tpknBQ7QZmNlO/DgZtkZ0aJSypT96YYGRNod99l9Ie",
    ),
    "graphiql.min.css": (
        "graphiql/graphiql.min.css",
        "text/css",
        "Mq3vbRBY71jfjQAt/DcjxUIYY33ksal4cgdRt9U/hNPvHBCaT2JfJ/PTRiPKf0aM",
    ),
    "graphiql-page.css": ("graphiql-page.css", "text/css", None),
    "graphiql-boot.js": ("graphiql-boot.js", "text/javascript", None),
}

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src data:",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def digest(content: bytes) -> str:
    """Base64 SHA-384, as in subresource integrity."""
    return b64encode(hashlib.sha384(content).digest()).decode()


def ide_routes(path: str = "/graphiql", endpoint: str = "/graphql") -> list[BaseRoute]:
    """Routes of the page at `path` and its files below it; queries go to `endpoint` of the same origin.

    Both paths are below the app's root path. Nothing is loaded from elsewhere: the strict content security
    policy would block it.
    """
    template = Template((VENDOR / "graphiql.html").read_text("utf-8"))
    contents = {name: (VENDOR / file).read_bytes() for name, (file, _, _) in ASSETS.items()}
    tags = {name: f'"{digest(content)}"' for name, content in contents.items()}

    async def page(request: Request) -> Response:
        root = request.scope.get("root_path", "").rstrip("/")
        html = template.substitute(assets=escape(root + path), endpoint=escape(root + endpoint))
        return HTMLResponse(html, headers=HEADERS)

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in contents:
            return Response(status_code=404, headers=HEADERS)
        headers = HEADERS | {"ETag": tags[name]}
        if request.headers.get("if-none-match") == tags[name]:
            return Response(status_code=304, headers=headers)
        return Response(contents[name], media_type=ASSETS[name][1], headers=headers)

    return [Route(path, page, methods=["GET"]), Route(path + "/{name}", asset, methods=["GET"])]
