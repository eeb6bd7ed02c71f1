"""Reports: asked for, made by a job, failed for good, linked; links that are forged or late."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import new_id
from sanzhi_core.errors import BusinessError, ErrorCode
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform import outbox
from sanzhi_core.platform.command import Outcome, command
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.hookspecs import ReportFile, ReportSpec
from sanzhi_core.platform.models import Report
from sanzhi_core.platform.reports import (
    DownloadLink,
    LinkReport,
    RequestReport,
    link_report,
    open_link,
    request_report,
    sign_link,
)
from sanzhi_core.platform.work import Work
from sanzhi_core.testing.draining import drain
from sanzhi_core.testing.world import World

COUNTY, A, B = "990428000000", "990428101201", "990428101202"


class Where(BaseModel):
    unit: UUID
    mood: str = "good"


async def make(work: Work, parameters: Where, format: str, language: str) -> ReportFile:
    """A report of nothing but the villages below a unit."""
    if parameters.mood == "crash":
        raise RuntimeError("张三's ledger is broken")
    if parameters.mood == "hang":
        await asyncio.sleep(60)
    unit = await work.session.get_one(OrgUnit, parameters.unit)
    codes = await work.session.scalars(
        sa.select(OrgUnit.code).where(OrgUnit.org_path.op("^@")(unit.org_path)).order_by(OrgUnit.code)
    )
    figures = {"units": len(codes.all())}
    return ReportFile(f"<p>{figures['units']}</p>".encode(), "text/html", "名册.html", figures)


async def unit_of(_work: Work, parameters: Where) -> UUID:
    return parameters.unit


SPEC = ReportSpec("core.test", "测试", "Test", "core.report.read", ("HTML", "CSV"), Where, "1", make, unit_of)


class Desk:
    """Asks for reports as somebody and works them off."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def ask(self, who: Context, code: str = A, format: str = "HTML", **more: Any) -> Outcome:
        given = {"kind": "core.test", "parameters_json": f'{{"unit": "{self.world.id(code)}"}}', **more}
        return await command(
            who, request_report, RequestReport(idempotency_key=uuid4(), format=format, **given)
        )

    async def refused(self, who: Context, *args: Any, **more: Any) -> BusinessError:
        outcome = await self.ask(who, *args, **more)
        assert outcome.error is not None
        assert await self.rows() == []
        return outcome.error

    async def rows(self) -> list[Report]:
        async with self.world.base.db.transaction("*") as session:
            return list(await session.scalars(sa.select(Report).order_by(Report.id)))

    async def link(self, who: Context, ident: UUID) -> Outcome:
        data = LinkReport(idempotency_key=uuid4(), report_id=ident)
        return await command(who, link_report, data, outputs=DownloadLink)

    async def work(self) -> list[str]:
        return await drain(self.world.base)


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    platform = world.base.platform
    platform.report_dir = tmp_path / "reports"
    platform.reports["core.test"] = ("core", SPEC)
    return Desk(world)


@pytest.fixture
async def director(world: World) -> Context:
    return await world.caller(("VC_DIRECTOR", A))


async def test_asked_for_made_and_linked(desk: Desk, director: Context, tmp_path: Path) -> None:
    asked = await desk.ask(director)
    assert asked.error is None
    (queued,) = await desk.rows()
    assert (queued.state, queued.figures, queued.storage_path) == ("QUEUED", None, None)
    early = await desk.link(director, queued.id)
    assert early.error is not None
    assert (early.error.code, early.error.facts()["reason"]) == (ErrorCode.INVALID_TRANSITION, "NOT_READY")
    assert await desk.work() == ["done"]
    (row,) = await desk.rows()
    assert (row.state, row.progress, row.figures, row.file_name) == ("DONE", 100, {"units": 1}, "名册.html")
    assert row.storage_path is not None
    file = tmp_path / "reports" / row.storage_path
    assert file.read_bytes() == b"<p>1</p>"
    assert file.stat().st_mode & 0o777 == 0o600
    assert (row.size_bytes, row.sha256) == (8, sha256(b"<p>1</p>").digest())
    assert list(file.parent.glob("*.part")) == []
    linked = await desk.link(director, row.id)
    assert isinstance(linked.output, DownloadLink)
    assert linked.output.sha256 == sha256(b"<p>1</p>").hexdigest()
    token = linked.output.path.removeprefix("/reports/")
    now = datetime.now(UTC)
    assert open_link(director.keys, token, now) == row.id
    assert open_link(director.keys, token, now + timedelta(seconds=601)) is None


async def test_equal_parameters_give_equal_figures(desk: Desk, world: World) -> None:
    dept = await world.caller(("COUNTY_DEPT", COUNTY))
    for _ in range(2):
        await desk.ask(dept, COUNTY)
    await desk.work()
    one, two = await desk.rows()
    assert (one.figures, one.sha256) == (two.figures, two.sha256) == ({"units": 7}, one.sha256)
    assert one.storage_path != two.storage_path


@pytest.mark.parametrize(
    ("more", "code", "path"),
    [
        ({"kind": "core.unknown"}, ErrorCode.VALIDATION_FAILED, "kind"),
        ({"format": "PDF"}, ErrorCode.VALIDATION_FAILED, "format"),
        ({"parameters_json": "{}"}, ErrorCode.VALIDATION_FAILED, "parametersJson"),
        ({"parameters_json": "["}, ErrorCode.VALIDATION_FAILED, "parametersJson"),
        ({"parameters_json": f'{{"unit": "{new_id()}"}}'}, ErrorCode.NOT_FOUND, None),
    ],
)
async def test_bad_requests(
    desk: Desk, director: Context, more: dict[str, Any], code: ErrorCode, path: str | None
) -> None:
    error = await desk.refused(director, **more)
    assert error.code == code
    if path:
        assert error.facts()["fields"][0].path == path
    assert await desk.work() == []


async def test_only_where_one_may(desk: Desk, director: Context, world: World) -> None:
    assert (await desk.refused(director, B)).code in (ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND)
    assert (await desk.refused(await world.caller(), A)).code in (ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND)
    await desk.ask(director, A)
    await desk.work()
    (row,) = await desk.rows()
    stranger = await world.caller(("VC_DIRECTOR", B))
    for ident in (row.id, new_id()):
        outcome = await desk.link(stranger, ident)
        assert outcome.error is not None
        assert outcome.error.code == ErrorCode.NOT_FOUND


@pytest.mark.parametrize("mood", ["crash", "hang"])
async def test_a_report_that_cannot_be_made_ends_failed(
    desk: Desk, director: Context, mood: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mood == "hang":
        job = world_job(desk)
        object.__setattr__(job, "deadline_s", 0.3)
    try:
        parameters = f'{{"unit": "{desk.world.id(A)}", "mood": "{mood}"}}'
        await desk.ask(director, parameters_json=parameters)
        assert await desk.work() == ["retry", "retry", "dead"]
    finally:
        object.__setattr__(world_job(desk), "deadline_s", 120)
    (row,) = await desk.rows()
    assert row.state == "FAILED"
    assert row.error is not None
    assert row.error.startswith("RuntimeError" if mood == "crash" else "DeadlinePassed")
    assert "张三" not in row.error  # the fault's own text may name people
    assert row.storage_path is None
    outcome = await desk.link(director, row.id)
    assert outcome.error is not None
    assert outcome.error.code == ErrorCode.INVALID_TRANSITION


def world_job(desk: Desk) -> Any:
    return desk.world.base.platform.jobs["core.report.make"]


async def test_a_replayed_failure_is_made_after_all(desk: Desk, director: Context) -> None:
    bad: Callable[..., Any] = SPEC.make

    async def broken(*_: Any) -> ReportFile:
        raise OSError("disk full")

    object.__setattr__(SPEC, "make", broken)
    try:
        await desk.ask(director)
        await desk.work()
    finally:
        object.__setattr__(SPEC, "make", bad)
    async with desk.world.base.db.transaction("*") as session:
        ident = await session.scalar(sa.text("select id from core.delivery"))
        assert await outbox.replay_dead(session, ident)
    assert await desk.work() == ["done"]
    (row,) = await desk.rows()
    assert (row.state, row.error, row.figures) == ("DONE", None, {"units": 1})


def test_links_that_are_forged(keys: Keys) -> None:
    now, report = datetime(2026, 11, 23, tzinfo=UTC), new_id()
    good = sign_link(keys, report, now + timedelta(seconds=1))
    assert open_link(keys, good, now) == report
    raw = base64.urlsafe_b64decode(good + "=" * (-len(good) % 4))

    def text(changed: bytes) -> str:
        return base64.urlsafe_b64encode(changed).decode().rstrip("=")

    other = sign_link(Keys.generate(), report, now + timedelta(days=1))
    later = raw[:32] + raw[32:].replace(
        str(int(now.timestamp()) + 1).encode(), str(int(now.timestamp()) + 9999).encode()
    )
    assert later != raw
    flipped = bytes([raw[0] ^ 1]) + raw[1:]
    hostile = [
        other, text(later), text(flipped), text(raw[:32]), text(raw[:31]), text(raw + b" "), "", "a", "é",
        "../../keys.json", text(raw[:32] + b"[" * 20_000), text(raw[:32] + b'["x"]'), "=" * 50,
    ]  # fmt: skip
    assert [open_link(keys, token, now) for token in hostile] == [None] * len(hostile)
