"""Act five: reports made by workers and fetched through expiring links, and the audit trail verified from outside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from sanzhi.demo import documents as doc
from sanzhi.demo.api import Caller, wait_for
from sanzhi.demo.county import County
from sanzhi.demo.stage import DemoFailed, Stage
from sanzhi.demo.story import Story
from sanzhi.demo.village import Village

Asked = tuple[str, str, dict[str, str]]
"""Kind, format, parameters beside the cycle."""

POSTER: tuple[Asked, ...] = (("star_virtue.cycle.poster", "PDF", {"objectionPhone": "10000000000"}),)
REPORTS: tuple[Asked, ...] = (
    ("star_virtue.cycle.summary", "XLSX", {}),
    ("star_virtue.cycle.summary", "JSON", {}),
    ("star_virtue.cycle.honour_roll", "PDF", {}),
    ("star_virtue.cycle.honour_roll", "HTML", {}),
)
_MAGIC = {"PDF": b"%PDF-", "XLSX": b"PK\x03\x04", "JSON": b"{", "HTML": b"<!"}
REPORT_S = 60.0


def make_reports(
    story: Story, village: Village, folder: Path, reports: Sequence[Asked] = REPORTS
) -> list[Path]:
    """Ask for all, wait for the workers, fetch each by its link, check hash and kind of file."""
    director = village.director
    asked = []
    for kind, format_, more in reports:
        parameters = json.dumps({"cycleId": village.cycle, **more})
        report = director.do(doc.REQUEST_REPORT, kind=kind, format=format_, parametersJson=parameters)[
            "report"
        ]
        asked.append((format_, report["id"]))
    folder.mkdir(mode=0o700, exist_ok=True)
    files = []
    for format_, ident in asked:

        def done(ident: str = ident) -> str | None:
            report = director.ask(doc.REPORT, id=ident)["report"]
            if report["state"] == "FAILED":
                raise DemoFailed(f"report {ident}")
            return str(report["fileName"]) if report["state"] == "DONE" else None

        name = wait_for("报表 / report", done, REPORT_S)
        link = director.do(doc.LINK_REPORT, reportId=ident)["link"]
        content = director.download(link["path"])
        if sha256(content).hexdigest() != link["sha256"] or not content.lstrip().startswith(_MAGIC[format_]):
            raise DemoFailed(f"{name}: 内容不符 / not the file that was made")
        path = folder / Path(name).name
        if path.exists():
            raise DemoFailed(f"{path.name}: 重名 / two reports of one name")
        path.write_bytes(content)
        files.append(path)
    story.line(
        f"{village.name}：后台生成 {len(files)} 份文件（{'、'.join(f.suffix[1:].upper() for f in files)}），凭限时链接取回，摘要相符",
        f"{len(files)} file(s) made by workers, fetched by expiring links, hashes agree",
    )
    return files


def notices_sent(county: County, villages: list[Village]) -> int:
    """Messages of the pilot villages that a worker has sent."""
    town = county.caller("zhenganbu")
    return sum(int(town.ask(doc.NOTICES_SENT, unit=v.id)["notifications"]["totalCount"]) for v in villages)


def settle(county: County) -> None:
    """Wait until no background work is left; DemoFailed when something gave up."""
    system = county.caller("system")

    def idle() -> bool:
        lag = system.ask(doc.LAG)["deliveryLag"]
        if lag["dead"]:
            raise DemoFailed(f"{lag['dead']} 项后台任务失败 / deliveries gave up")
        return bool(lag["todo"] == 0)

    wait_for("后台任务 / background work", idle, REPORT_S)


def look_at_audit(story: Story, county: County) -> None:
    """What the audit administrator sees."""
    found = county.caller("audit").ask(doc.AUDIT)
    kept, sent = found["asked"]["totalCount"], Caller.changes_sent - 1  # setUp precedes every county's trail
    if kept != sent:
        raise DemoFailed(f"{sent} 次变更，{kept} 条审计 / changes and audit entries differ")
    story.line(
        f"审计：经接口的 {sent} 次变更恰好 {kept} 条记录（其中被拒绝 {found['denied']['totalCount']} 条），另有后台任务 {found['jobs']['totalCount']} 条",
        "one audit entry for each change that was asked for, refused ones too",
    )


def verify_audit(story: Story, stage: Stage) -> tuple[bool, str]:
    """Wait for the seals, export, and let the stand-alone verifier judge. Returns (verified, head)."""
    from sanzhi.commands.audit import verify_installation

    stage.await_seals()
    done = verify_installation(stage.installation)
    text = (done.stdout or done.stderr).strip()
    story.line(
        "审计链封存并由独立验证程序验证通过" if done.returncode == 0 else "审计链验证失败",
        "sealed, and verified by a program that imports nothing of the project",
    )
    for line in text.splitlines():
        story.note(line)
    head = stage.audit_head()
    story.note(f"链头 / head: {head}")
    return done.returncode == 0, head
