"""Reports: requested through GraphQL, made by a worker, downloaded by an expiring link."""

from __future__ import annotations

import base64
import hmac
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import Field, ValidationError

from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import real_now
from sanzhi_core.errors import Forbidden, InvalidTransition, NotFound, ValidationFailed
from sanzhi_core.identity.policy import scope_of
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.hookspecs import Job
from sanzhi_core.platform.inputs import CommandInput, id_of
from sanzhi_core.platform.models import Report
from sanzhi_core.platform.work import Work

MAKE = "core.report.make"
LINK_SECONDS = 600


class RequestReport(CommandInput):
    """Ask for a report; follow `report(id)` until its state is DONE."""

    kind: str = Field(min_length=3, max_length=80, description="报表种类 / Kind of report")
    format: str = Field(pattern="^(PDF|HTML|XLSX|JSON|CSV)$", description="格式 / Format")
    parameters_json: str = Field("{}", max_length=2000, description="JSON 参数 / Parameters as JSON text")
    language: str = Field("zh-CN", pattern="^(zh-CN|en)$", description="语言 / Language")


@operation("core.report.request", permission=None, returns="Report")
async def request_report(work: Work, input: RequestReport) -> Report:
    """A QUEUED report. The kind's own permission is checked at the unit that the parameters name."""
    found = work.ctx.platform.reports.get(input.kind)
    if found is None:
        raise ValidationFailed.of("kind", "UNKNOWN_REPORT", "没有这种报表", "No such report")
    plugin, spec = found
    if input.format not in spec.formats:
        raise ValidationFailed.of(
            "format", "NOT_OFFERED", "该报表没有这种格式", f"This report offers {', '.join(spec.formats)}"
        )
    try:
        parameters = spec.parameters.model_validate_json(input.parameters_json)
    except ValidationError as fault:
        raise ValidationFailed.of(
            "parametersJson", "INVALID", "参数不对", str(fault.errors()[0]["msg"])
        ) from None
    work.plugin, work.permission = plugin, spec.permission
    unit = await work.session.get(OrgUnit, await spec.unit_of(work, parameters))
    if unit is None:
        raise NotFound("OrgUnit")
    await work.authorise(unit)
    row = Report(
        kind=input.kind,
        plugin=plugin,
        format=input.format,
        language=input.language,
        parameters=parameters.model_dump(mode="json"),
        formula_version=spec.formula_version,
        requested_by=work.ctx.principal.account_id,
        requested_at=work.now,
        **unit.place(),
    )
    work.session.add(row)
    await work.session.flush()
    await work.enqueue(MAKE, {"report_id": str(row.id)}, unit_id=None, dedup_key=f"{MAKE}|{row.id}")
    return row


async def make_report(work: Work, payload: dict[str, Any]) -> None:
    """Make the file and keep its hash and figures. Equal parameters and data give equal figures."""
    row = await work.session.get(Report, UUID(payload["report_id"]), with_for_update=True)
    if row is None or row.state == "DONE":
        return
    _, spec = work.ctx.platform.reports[row.kind]
    work.plugin = row.plugin
    file = await spec.make(work, spec.parameters.model_validate(row.parameters), row.format, row.language)
    folder = work.ctx.platform.report_dir / str(row.county_id or "all")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{row.id}.{row.format.lower()}"
    _write(path, file.content)
    work.at(row)
    row.state, row.progress, row.figures, row.error = "DONE", 100, file.figures, None
    row.snapshot_at = row.finished_at = work.now
    row.file_name, row.media_type = file.file_name, file.media_type
    row.size_bytes, row.sha256 = len(file.content), sha256(file.content).digest()
    row.storage_path = str(path.relative_to(work.ctx.platform.report_dir))


def _write(path: Path, content: bytes) -> None:
    part = path.with_suffix(path.suffix + ".part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


@dataclass(frozen=True)
class DownloadLink:
    """限时下载链接 / An expiring download link.

    A link that works for `expires_in_seconds` without further sign-in; path below the API's own host.
    """

    path: Annotated[str, "本接口主机下的路径 / Path below the API host"]
    expires_in_seconds: Annotated[int, "有效秒数 / Seconds until it expires"]
    sha256: Annotated[str, "文件的 SHA-256 / SHA-256 of the file"]


class LinkReport(CommandInput):
    """Ask for an expiring download link of a finished report."""

    report_id: id_of("Report") = Field(description="报表 / Report")  # type: ignore[valid-type]


@operation("core.report.link", permission=None, returns=None)
async def link_report(work: Work, input: LinkReport) -> DownloadLink:
    """For whoever may see the report; each link is one audit entry."""
    row = await work.session.get(Report, input.report_id)
    if row is None:
        raise NotFound("Report")
    spec = work.ctx.platform.reports.get(row.kind)
    if spec is None:
        raise Forbidden()
    permission = spec[1].permission
    work.at(row)
    # Reading, not writing: what was made stays readable where the plugin is suspended.
    if not (await scope_of(work.ctx, permission, "read", work.session)).covers(row):
        raise Forbidden(permission) if await work.sees(row) else NotFound("Report")
    work.allow()
    if row.state != "DONE" or row.sha256 is None:
        raise InvalidTransition(
            row.state,
            "DOWNLOAD",
            "NOT_READY",
            detail_zh="报表还没有做好",
            detail_en="The report is not ready",
        )
    token = sign_link(work.ctx.keys, row.id, real_now() + timedelta(seconds=LINK_SECONDS))
    return DownloadLink(f"/reports/{token}", LINK_SECONDS, row.sha256.hex())


def sign_link(keys: Keys, report_id: UUID, until: datetime) -> str:
    """Opaque text of a link: report, expiry, MAC."""
    body = orjson.dumps([str(report_id), int(until.timestamp())])
    mac = hmac.digest(keys.blind.secret, b"sanzhi.report-link.v1|" + body, sha256)
    return base64.urlsafe_b64encode(mac + body).decode().rstrip("=")


def open_link(keys: Keys, token: str, now: datetime) -> UUID | None:
    """The report of a valid, unexpired link, else None."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        return None
    mac, body = raw[:32], raw[32:]
    good = hmac.digest(keys.blind.secret, b"sanzhi.report-link.v1|" + body, sha256)
    if not hmac.compare_digest(mac, good):  # before the body is read: it may be anything
        return None
    ident, until = orjson.loads(body)
    return UUID(ident) if now < datetime.fromtimestamp(until, UTC) else None


async def fail_report(work: Work, payload: dict[str, Any], error: str) -> None:
    """All attempts are used up: whoever asked sees FAILED. A replay of the delivery makes the report after all."""
    row = await work.session.get(Report, UUID(payload["report_id"]), with_for_update=True)
    if row is not None and row.state != "DONE":
        work.at(row)
        row.state, row.error, row.finished_at = "FAILED", error, work.now


JOBS = (Job(MAKE, make_report, lane="bulk", deadline_s=120, max_attempts=3, died=fail_report),)
