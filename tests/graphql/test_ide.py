"""The GraphiQL page: unchanged vendored files, a strict policy, nothing from elsewhere."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from sanzhi_graphql.ide import ASSETS, VENDOR, digest, ide_routes


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    routes = ide_routes("/graphiql", "/graphql")
    app = Starlette(routes=[Mount("/county", routes=routes), *routes])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


def test_vendored_files_are_those_published() -> None:
    for file, _, published in ASSETS.values():
        if published is not None:
            assert digest((VENDOR / file).read_bytes()) == published


def test_every_vendored_package_brings_its_licence_and_is_listed() -> None:
    readme = (VENDOR / "README.md").read_text("utf-8")
    for folder, version in (("react", "18.2.0"), ("react-dom", "18.2.0"), ("graphiql", "3.8.3")):
        assert (VENDOR / folder / "LICENSE").read_text("utf-8").startswith(("MIT License", "Copyright"))
        assert f"| {folder} | {version} | MIT" in readme
    listed = {VENDOR / file for file, _, _ in ASSETS.values()}
    code = {path for path in VENDOR.rglob("*") if path.suffix in {".js", ".css"}}
    assert code == listed


@pytest.mark.parametrize("root", ["", "/county"])
async def test_page_loads_only_its_own_files(client: httpx.AsyncClient, root: str) -> None:
    page = await client.get(f"{root}/graphiql")
    assert page.status_code == 200
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) == 1 + len(ASSETS)
    for link in links:
        if link == "data:,":
            continue
        assert link.startswith(f"{root}/graphiql/")
        reply = await client.get(link)
        assert reply.status_code == 200
        assert reply.headers["content-type"].split(";")[0] in {"text/javascript", "text/css"}
        assert reply.headers["x-content-type-options"] == "nosniff"
    assert f'data-endpoint="{root}/graphql"' in page.text
    # Inline code would need a looser policy.
    assert re.search(r"<script(?! src=)|<style|\bon\w+=", page.text) is None


async def test_policy_allows_this_origin_only(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/graphiql")).headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["frame-ancestors"] == "'none'"
    allowed = {"'none'", "'self'", "data:"}
    assert {source for sources in rules.values() for source in sources.split()} <= allowed
    assert rules["script-src"] == rules["connect-src"] == rules["style-src"] == "'self'"


async def test_files_are_revalidated(client: httpx.AsyncClient) -> None:
    first = await client.get("/graphiql/graphiql.min.css")
    again = await client.get("/graphiql/graphiql.min.css", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("name", ["README.md", "graphiql.html", "%2e%2e%2fide.py", "react", "x.js"])
async def test_nothing_else_is_served(client: httpx.AsyncClient, name: str) -> None:
    reply = await client.get(f"/graphiql/{name}")
    assert (reply.status_code, reply.content[:9] in (b"", b"Not Found")) == (404, True)


@pytest.mark.parametrize("path", ['/a"><script>', "/a&b"])
async def test_paths_are_escaped(path: str) -> None:
    app = Starlette(routes=ide_routes("/graphiql", path))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        text = (await client.get("/graphiql")).text
    assert path not in text
