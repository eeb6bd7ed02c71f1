"""Messages: once per cause and receiver, quiet at night, the paper list, the file channel, the inbox."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from sanzhi_core.clock import SHANGHAI, FixedClock, new_id
from sanzhi_core.errors import ErrorCode
from sanzhi_core.platform.command import Outcome, command
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.models import Notification
from sanzhi_core.platform.notices import (
    MarkRead,
    Message,
    Recipient,
    mark_read,
    notify,
    quiet,
    quiet_ends,
    send_queued,
)
from sanzhi_core.platform.work import Work
from sanzhi_core.testing.draining import drain
from sanzhi_core.testing.world import World

A, B = "990428101201", "990428101202"
NEWS = Message(
    "test.news", "评星开始", "Rating begins", "请于12月4日前自评。", "Rate yourselves by 4 December."
)
ALARM = Message("test.alarm", "山洪", "Flood", "立即转移。", "Leave at once.", "EMERGENCY")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


class Post:
    """Queues messages, runs background work, reads what lies where."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder

    async def send(self, message: Message, who: Iterable[Recipient], cause: str = "c1") -> int:
        base = self.world.base
        async with base.db.transaction("*") as session:
            work = Work(base, session, plugin="star_virtue", permission=None)
            return await notify(work, message, who, cause=cause)

    def to(self, code: str = A, **who: Any) -> Recipient:
        return Recipient(self.world.units[code].place(), **who)

    async def work(self) -> list[str]:
        return await drain(self.world.base)

    async def rows(self) -> list[Notification]:
        async with self.world.base.db.transaction("*") as session:
            return list(await session.scalars(sa.select(Notification).order_by(Notification.id)))

    def lines(self) -> list[dict[str, Any]]:
        return [
            json.loads(line)
            for path in sorted(self.folder.glob("*.jsonl"))
            for line in path.read_text("utf-8").splitlines()
        ]


@pytest.fixture
def post(world: World, tmp_path: Path) -> Post:
    world.base.platform.notice_dir = tmp_path / "notices"
    return Post(world, tmp_path / "notices")


async def test_once_per_cause_and_receiver(post: Post) -> None:
    one, two = post.to(household_id=new_id()), post.to(household_id=new_id())
    assert await post.send(NEWS, [one, two]) == 2
    assert await post.send(NEWS, [one, two]) == 0
    assert await post.send(NEWS, [one], cause="c2") == 1
    assert await post.send(ALARM, [one]) == 1
    assert await post.send(NEWS, []) == 0
    assert set(await post.work()) == {"done"}
    assert [r.state for r in await post.rows()] == ["SENT"] * 4
    assert len(post.lines()) == 4
    assert await post.send(NEWS, [one]) == 0  # nor after sending
    assert await post.work() == []


async def test_the_paper_list_stands_beside_the_inbox(post: Post) -> None:
    await post.send(NEWS, [post.to(household_id=new_id(), paper=True), post.to(household_id=new_id())])
    assert sorted(r.channel for r in await post.rows()) == ["IN_APP", "IN_APP", "PAPER_LIST"]
    await post.work()
    assert sorted(line["channel"] for line in post.lines()) == ["IN_APP", "IN_APP", "PAPER_LIST"]


async def test_many_receivers_are_written_in_parts(post: Post) -> None:
    assert await post.send(NEWS, [post.to(household_id=new_id()) for _ in range(1201)]) == 1201
    await post.work()
    assert {r.state for r in await post.rows()} == {"SENT"}
    assert len({line["id"] for line in post.lines()}) == 1201


async def test_the_file_is_private_and_carries_the_text_in_lines(post: Post, clock: FixedClock) -> None:
    household = new_id()
    await post.send(NEWS, [post.to(household_id=household)])
    await post.work()
    (path,) = post.folder.iterdir()
    assert path.name == "2026-11-23.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(post.folder.stat().st_mode) == 0o700
    (row,) = await post.rows()
    assert post.lines() == [
        {
            "id": str(row.id), "event": "test.news", "channel": "IN_APP", "unitCode": A,
            "householdId": str(household), "title": "评星开始", "body": "请于12月4日前自评。",
            "sentAt": clock.now().isoformat(),
        }
    ]  # fmt: skip


async def test_no_file_channel_no_file(post: Post) -> None:
    post.world.base.platform.notice_dir = None
    await post.send(NEWS, [post.to(household_id=new_id())])
    await post.work()
    assert [r.state for r in await post.rows()] == ["SENT"]
    assert not post.folder.exists()


@pytest.mark.parametrize(
    ("when", "is_quiet", "ends"),
    [
        ("2026-11-23 20:59:59", False, "2026-11-24 07:00"),
        ("2026-11-23 21:00:00", True, "2026-11-24 07:00"),
        ("2026-11-24 00:00:00", True, "2026-11-24 07:00"),
        ("2026-11-24 06:59:59", True, "2026-11-24 07:00"),
        ("2026-11-24 07:00:00", False, "2026-11-25 07:00"),
    ],
)
def test_quiet_from_21_to_7_in_shanghai(when: str, is_quiet: bool, ends: str) -> None:
    assert quiet(at(when)) is is_quiet
    assert quiet_ends(at(when)) == at(ends)


async def test_at_night_ordinary_messages_wait_until_seven(post: Post, clock: FixedClock) -> None:
    clock.set(at("2026-11-23 22:30"))
    await post.send(NEWS, [post.to(household_id=new_id())])
    await post.send(ALARM, [post.to(household_id=new_id())])
    await post.work()
    assert {r.event_key: r.state for r in await post.rows()} == {"test.news": "QUEUED", "test.alarm": "SENT"}
    assert [line["event"] for line in post.lines()] == ["test.alarm"]
    clock.set(at("2026-11-24 06:59"))
    assert await post.work() == []
    clock.set(at("2026-11-24 07:00"))
    assert await post.work() == ["done"]
    assert {r.state for r in await post.rows()} == {"SENT"}
    assert [line["event"] for line in post.lines()] == ["test.alarm", "test.news"]


async def test_the_same_cause_waits_on_two_nights(post: Post, clock: FixedClock) -> None:
    for night, morning in (
        ("2026-11-23 22:00", "2026-11-24 07:00"),
        ("2026-11-24 23:00", "2026-11-25 07:00"),
    ):
        clock.set(at(night))
        assert await post.send(NEWS, [post.to(household_id=new_id())]) == 1
        assert set(await post.work()) == {"done"}
        clock.set(at(morning))
        assert await post.work() == ["done"]
    assert [r.state for r in await post.rows()] == ["SENT", "SENT"]


async def test_a_job_that_runs_twice_sends_nothing_twice(post: Post) -> None:
    await post.send(NEWS, [post.to(household_id=new_id())])
    await post.work()
    base = post.world.base
    async with base.db.transaction("*") as session:
        work = Work(base, session, plugin="core", permission=None)
        await send_queued(work, {"event_key": "test.news", "cause": "c1"})
    assert len(post.lines()) == 1


async def read(who: Context, ident: UUID) -> Outcome:
    return await command(who, mark_read, MarkRead(idempotency_key=uuid4(), notification_id=ident))


async def test_whose_own_it_is_marks_it_read_once(post: Post, clock: FixedClock) -> None:
    household, resident = new_id(), new_id()
    head = await post.world.caller(household_id=household)
    head.principal = head.principal.__class__(
        **{**head.principal.__dict__, "household_id": household, "resident_id": resident}
    )
    account = head.principal.account_id
    assert account is not None
    await post.send(NEWS, [post.to(household_id=household)], "h")
    await post.send(NEWS, [post.to(resident_id=resident)], "r")
    await post.send(NEWS, [post.to(account_id=account)], "a")
    await post.work()
    for row in await post.rows():
        assert (await read(head, row.id)).error is None
    first = [(r.state, r.read_at) for r in await post.rows()]
    assert first == [("READ", clock.now())] * 3
    clock.set(at("2026-11-24 10:00"))
    for row in await post.rows():
        assert (await read(head, row.id)).error is None
    assert [(r.state, r.read_at) for r in await post.rows()] == first


async def test_others_messages_do_not_exist(post: Post) -> None:
    mine, theirs = new_id(), new_id()
    head = await post.world.caller()
    head.principal = head.principal.__class__(**{**head.principal.__dict__, "household_id": mine})
    await post.send(NEWS, [post.to(household_id=theirs)])
    await post.work()
    (row,) = await post.rows()
    staff = await post.world.caller(("VC_DIRECTOR", A))
    for who, ident in ((head, row.id), (head, new_id()), (staff, row.id)):
        outcome = await read(who, ident)
        assert outcome.error is not None
        assert outcome.error.code == ErrorCode.NOT_FOUND
    (row,) = await post.rows()
    assert (row.state, row.read_at) == ("SENT", None)


async def test_one_read_before_it_was_sent_is_still_sent(post: Post, clock: FixedClock) -> None:
    clock.set(at("2026-11-23 22:00"))
    head = await post.world.caller()
    await post.send(NEWS, [post.to(account_id=head.principal.account_id)])
    await post.work()
    (row,) = await post.rows()
    assert (await read(head, row.id)).error is None
    assert [(r.state, r.sent_at) for r in await post.rows()] == [("QUEUED", None)]
    assert post.lines() == []
    clock.set(at("2026-11-24 07:00"))
    await post.work()
    assert [(r.state, r.sent_at) for r in await post.rows()] == [("READ", clock.now())]
    assert len(post.lines()) == 1
