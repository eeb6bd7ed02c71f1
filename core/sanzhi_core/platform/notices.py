"""Messages to people: the in-app inbox, the paper list for those without a phone, and a file channel.

`notify` writes one row per recipient in the caller's transaction; a worker sends them. The dedup key makes a repeated
job send nothing twice (domain/core.md §11).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.dialects.postgresql import insert

from sanzhi_core.clock import SHANGHAI, new_id
from sanzhi_core.errors import NotFound
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.hookspecs import Job
from sanzhi_core.platform.inputs import CommandInput, id_of
from sanzhi_core.platform.models import Notification
from sanzhi_core.platform.work import Work

SEND = "core.notice.send"
QUIET_FROM, QUIET_TO = 21, 7
"""Quiet hours in Asia/Shanghai; nothing but EMERGENCY is sent then [assumption]."""


@dataclass(frozen=True)
class Message:
    """What is said, in both languages, without personal details beyond the receiver's."""

    event_key: str
    title_zh: str
    title_en: str
    body_zh: str
    body_en: str
    priority: str = "NORMAL"


@dataclass(frozen=True)
class Recipient:
    """One receiver. `place`: values of the scope columns (`OrgUnit.place()`). `paper`: also on the paper list."""

    place: dict[str, Any]
    household_id: UUID | None = None
    resident_id: UUID | None = None
    account_id: UUID | None = None
    paper: bool = False

    @property
    def key(self) -> str:
        return str(self.account_id or self.resident_id or self.household_id)


async def notify(work: Work, message: Message, recipients: Iterable[Recipient], *, cause: str) -> int:
    """Queue `message` for each recipient once per `cause`; returns how many are new."""
    rows = []
    for r in recipients:
        for channel in ("IN_APP", "PAPER_LIST") if r.paper else ("IN_APP",):
            rows.append(
                {
                    "id": new_id(),
                    "event_key": message.event_key,
                    "plugin": work.plugin,
                    "household_id": r.household_id,
                    "resident_id": r.resident_id,
                    "account_id": r.account_id,
                    "channel": channel,
                    "priority": message.priority,
                    "title_zh": message.title_zh,
                    "title_en": message.title_en,
                    "body_zh": message.body_zh,
                    "body_en": message.body_en,
                    "dedup_key": f"{message.event_key}|{cause}|{r.key}|{channel}",
                    "created_at": work.now,
                    **r.place,
                }
            )
    if not rows:
        return 0
    made = 0
    for start in range(0, len(rows), 500):
        found = await work.session.scalars(
            insert(Notification)
            .values(rows[start : start + 500])
            .on_conflict_do_nothing()
            .returning(Notification.id)
        )
        made += len(found.all())
    if made:
        await work.enqueue(
            SEND,
            {"event_key": message.event_key, "cause": cause},
            dedup_key=f"{SEND}|{message.event_key}|{cause}|{new_id()}",
        )
    return made


def quiet(at: datetime) -> bool:
    """Whether `at` lies in the quiet hours."""
    hour = at.astimezone(SHANGHAI).hour
    return hour >= QUIET_FROM or hour < QUIET_TO


def quiet_ends(at: datetime) -> datetime:
    """The next end of the quiet hours."""
    local = at.astimezone(SHANGHAI)
    end = local.replace(hour=QUIET_TO, minute=0, second=0, microsecond=0)
    return end if end > local else end + timedelta(days=1)


async def send_queued(work: Work, payload: dict[str, Any]) -> None:
    """Send what is queued: every message goes to the file channel as a JSON line, outside the quiet hours.

    The inbox is pulled by its owner and disturbs nobody, so a queued message is to be seen there already.
    The file gets ids and the text, one line per message id; a receiver of the file drops ids it has seen (at least once).
    """
    rows = (
        await work.session.scalars(
            sa.select(Notification)
            .where(Notification.state == "QUEUED", Notification.event_key == payload["event_key"])
            .order_by(Notification.id)
            .with_for_update(skip_locked=True)
        )
    ).all()
    if not rows:
        return
    if quiet(work.now) and any(r.priority != "EMERGENCY" for r in rows):
        await work.set_timer(
            f"{SEND}|quiet|{payload['event_key']}|{payload['cause']}|{quiet_ends(work.now):%Y-%m-%d}",
            SEND,
            payload,
            unit_id=None,
            due_at=quiet_ends(work.now),
        )
        rows = [r for r in rows if r.priority == "EMERGENCY"]
    lines = []
    for row in rows:
        row.state, row.sent_at = "READ" if row.read_at else "SENT", work.now
        lines.append(
            orjson.dumps(
                {
                    "id": str(row.id),
                    "event": row.event_key,
                    "channel": row.channel,
                    "unitCode": row.org_code_at_time,
                    "householdId": str(row.household_id) if row.household_id else None,
                    "title": row.title_zh,
                    "body": row.body_zh,
                    "sentAt": work.now.isoformat(),
                }
            )
        )
    folder = work.ctx.platform.notice_dir
    if folder is not None and lines:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"{work.today.isoformat()}.jsonl"
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(fd, "ab") as file:
            file.write(b"\n".join(lines) + b"\n")
            file.flush()
            os.fsync(file.fileno())


class MarkRead(CommandInput):
    """Mark a message as read."""

    notification_id: id_of("Notification") = Field(description="消息 / Message")  # type: ignore[valid-type]


@operation("core.notice.mark_read", permission=None, returns="Notification")
async def mark_read(work: Work, input: MarkRead) -> Notification:
    """One's own message; a second time changes nothing. One read before it was sent is still sent."""
    row = await work.session.get(Notification, input.notification_id)
    mine = _mine(work, row) if row is not None else None
    if mine is None:
        if row is not None:
            work.at(row)
        raise NotFound("Notification")
    row = await work.load(Notification, input.notification_id, self_=mine)
    if row.read_at is None:
        row.read_at = work.now
        if row.state == "SENT":
            row.state = "READ"
    return row


def _mine(work: Work, row: Notification) -> str | None:
    """The column that makes the message the caller's own."""
    for column in ("account_id", "resident_id", "household_id"):
        own = getattr(work.ctx.principal, column)
        if own is not None and getattr(row, column) == own:
            return column
    return None


JOBS = (Job(SEND, send_queued, lane="normal", deadline_s=30),)
