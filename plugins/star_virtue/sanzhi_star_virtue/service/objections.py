"""Objections 异议: received during publicity, decided by the moral council. Who objected is never shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field

from sanzhi_core.clock import SHANGHAI
from sanzhi_core.errors import Forbidden, NotFound, ValidationFailed
from sanzhi_core.kit.refusals import InvalidInput, InvalidTransition
from sanzhi_core.people.models import Resident
from sanzhi_core.platform.calendar import work_calendar
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.inputs import ChangeInput, CommandInput, Input, id_of
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle, Entry, Objection, ObjectionAuthor
from sanzhi_star_virtue.permissions import OBJECTION_FILE, OBJECTION_RECORD
from sanzhi_star_virtue.rules import objection as rules
from sanzhi_star_virtue.rules.cycle import CycleState
from sanzhi_star_virtue.rules.entry import ENTRY, EntryState
from sanzhi_star_virtue.rules.selfrating import check_recorded_by_clerk
from sanzhi_star_virtue.rules.stars import unknown_star
from sanzhi_star_virtue.service.definitions import stars_of
from sanzhi_star_virtue.service.objected import (
    entry_of,
    is_of_household,
    publicity_cycle,
    settle,
    voted_stars,
    window_of,
)
from sanzhi_star_virtue.service.parameters import params_of
from sanzhi_star_virtue.service.people import place_of
from sanzhi_star_virtue.service.proxy import refuse_used_paper
from sanzhi_star_virtue.service.publicity import shared_cycle

RECEIVED: Final = "star_virtue.objection.announce_received"
OVERDUE: Final = "star_virtue.objection.check_overdue"
REPEAT: Final = "与本次公示中已提出的异议事实相同，按重复异议处理。"
S = rules.ObjectionState
E = EntryState


class StarAttachment(Input):
    """一份证据材料 / One piece of evidence."""

    name: str = Field(min_length=1, max_length=120, description="名称 / Name")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="文件的 SHA-256 / SHA-256 of the file")


class StarObjectionPaper(Input):
    """代录：本人、纸质异议书 / Recorded by a clerk: the person, the paper, read back."""

    person_id: id_of("Resident") | None = Field(  # type: ignore[valid-type]
        None, description="异议人，匿名的不填 / Who objects; none when anonymous"
    )
    received_at: datetime | None = Field(
        None,
        description="纸上写明的收件时间；口述代录不填 / Time of receipt written on the paper; none for an oral one",
    )
    paper_no: str | None = Field(
        None, min_length=1, max_length=60, description="纸质件扫描编号 / Number of the scanned paper"
    )
    witness: str | None = Field(None, min_length=2, max_length=50, description="见证人 / Witness")
    read_back: bool = Field(
        description="已向本人复述确认；匿名信为 true / Read back and confirmed; true for a letter"
    )
    reason: str = Field(min_length=2, max_length=200, description="代录原因 / Why a clerk recorded it")


class FileStarObjection(CommandInput):
    """对公示结果提出异议 / Object to a published rating."""

    entry_id: id_of("StarEntry") = Field(description="被异议户的评定表 / Entry objected to")  # type: ignore[valid-type]
    star_code: str | None = Field(
        None,
        pattern="^S(0[1-9]|10)$",
        description="针对的星，不填为整张表 / The star, the whole entry when missing",
    )
    text: str = Field(
        max_length=2000, description="异议内容，10–1000字 / What is objected, 10–1000 characters"
    )
    evidence: list[StarAttachment] = Field(
        default_factory=list, max_length=50, description="证据，不超过5份 / At most 5"
    )
    anonymous: bool = Field(
        False, description="匿名（须附证据，无法查询和撤回） / Anonymous: evidence needed"
    )
    paper: StarObjectionPaper | None = Field(None, description="由代录员录入时填写 / When a clerk records it")


@dataclass(frozen=True)
class StarObjectionReceipt:
    """异议人可查的办理情况 / An objection as its author may follow it"""

    objection_id: Annotated[str, "异议编号，撤回时用 / Id, for withdrawing"]
    version: Annotated[int, "版本 / Version"]
    star_code: Annotated[str | None, "涉及的星 / Star it concerns"]
    state: Annotated[str, "状态 / State"]
    received_at: Annotated[str, "收到时间 / When it was received, ISO 8601"]
    due_at: Annotated[str, "办理期限 / Until when it is decided, ISO 8601"]
    decided_at: Annotated[str | None, "办结时间 / When it was closed, ISO 8601"]
    reason: Annotated[str | None, "处理理由 / Reason of the decision"]


def receipt(row: Objection) -> StarObjectionReceipt:
    """What the author of an objection gets to see of it."""
    return StarObjectionReceipt(
        f"StarObjection_{row.id}",
        row.version,
        row.star_code,
        row.state,
        _iso(row.received_at),
        _iso(row.due_at),
        _iso(row.decided_at) if row.decided_at else None,
        row.decision_reason,
    )


def _iso(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")


@operation("star_virtue.objection.file", permission=OBJECTION_FILE, returns=None)
async def file_objection(work: Work, input: FileStarObjection) -> StarObjectionReceipt:
    """By any villager, the household itself, or anonymously with evidence, till 24:00 of the last day.

    Paper received in time may be keyed until 2 working days later. A repeat of the same facts is received and
    REJECTED at once. DEADLINE_PASSED, TOO_EARLY, VALIDATION_FAILED, FORBIDDEN (nobody of this village).
    """
    cycle_id = await work.session.scalar(sa.select(Entry.cycle_id).where(Entry.id == input.entry_id))
    if cycle_id is None:
        raise NotFound("StarEntry")
    cycle = await shared_cycle(work, cycle_id)
    entry = await work.load(Entry, input.entry_id, self_="household_id")
    paper = input.paper
    author = await _author(work, entry, input)
    received_at = _received_at(work, paper)
    await _check(work, cycle, entry, input, received_at, author)
    params = params_of(cycle)
    calendar = await work_calendar(work.session)
    hashes = [e.sha256 for e in input.evidence]
    key = rules.facts_key(input.star_code, input.text, hashes)
    earlier = await work.session.execute(
        sa.select(Objection.facts_key, Objection.state).where(Objection.entry_id == entry.id)
    )
    repeat = rules.is_repeat(key, [(k, s) for k, s in earlier])
    more: dict[str, Any] = {}
    if paper is not None:
        more = {
            "clerk_id": work.ctx.principal.account_id,
            "paper_no": paper.paper_no,
            "witness": paper.witness,
            "read_back": paper.read_back,
            "proxy_reason": paper.reason,
        }
    row = Objection(
        cycle_id=cycle.id,
        entry_id=entry.id,
        household_id=entry.household_id,
        star_code=input.star_code,
        text=input.text,
        evidence=[e.model_dump() for e in input.evidence],
        facts_key=key,
        anonymous=input.anonymous,
        received_at=received_at,
        recorded_at=work.now,
        channel=_channel(work, paper),
        state=S.REJECTED if repeat else S.OPEN,
        due_at=rules.decision_due(received_at, calendar, params=params).ends_at,
        decided_at=work.now if repeat else None,
        decision_reason=REPEAT if repeat else None,
        **more,
        **place_of(entry),
    )
    work.session.add(row)
    await work.session.flush()
    if author is not None:
        account = work.ctx.principal.account_id if paper is None else None
        work.session.add(
            ObjectionAuthor(objection_id=row.id, account_id=account, resident_id=author, **place_of(entry))
        )
    if not repeat:
        await _receive(work, cycle, entry, row)
    await work.session.flush()
    return receipt(row)


async def _receive(work: Work, cycle: Cycle, entry: Entry, row: Objection) -> None:
    if entry.state == E.PUBLICISED:
        ENTRY.check(entry.state, E.OBJECTED)
        entry.state = E.OBJECTED
    payload = {"objection_id": str(row.id)}
    await work.enqueue(RECEIVED, payload, unit_id=cycle.unit_id, dedup_key=f"{RECEIVED}|{row.id}")
    due = max(row.due_at, work.now)
    await work.set_timer(f"{OVERDUE}|{row.id}", OVERDUE, payload, unit_id=cycle.unit_id, due_at=due)


def _channel(work: Work, paper: StarObjectionPaper | None) -> str:
    if paper is None:
        return work.ctx.channel
    return "PAPER" if paper.paper_no else "WINDOW"


async def _check_clerk(work: Work, row: Entry | Objection, paper: StarObjectionPaper) -> None:
    """The right to record here, and what a record for somebody needs (代录). Raises FORBIDDEN, VALIDATION_FAILED."""
    await work.authorise(row, permission=OBJECTION_RECORD)
    check_recorded_by_clerk(
        clerk=work.ctx.principal.display_name,
        witness=paper.witness,
        paper_no=paper.paper_no,
        read_back=paper.read_back,
        reason=paper.reason,
    )
    work.reason(paper.reason)


async def _author(work: Work, entry: Entry, input: FileStarObjection) -> UUID | None:
    """The resident who objects; None when anonymous. FORBIDDEN for somebody of another village."""
    paper = input.paper
    if paper is not None:
        await _check_clerk(work, entry, paper)
        await refuse_used_paper(work, entry.village_id, paper.paper_no)
    if input.anonymous:
        if paper is not None and paper.person_id is not None:
            raise ValidationFailed.of(
                "paper.personId", "ANONYMOUS", "匿名异议不登记异议人", "An anonymous objection names nobody"
            )
        return None
    person_id = paper.person_id if paper is not None else work.ctx.principal.resident_id
    person = await work.session.get(Resident, person_id) if person_id else None
    if paper is not None and person is None:
        raise NotFound("Resident")
    if person is None or person.village_id != entry.village_id or person.status != "ACTIVE":
        raise Forbidden(
            OBJECTION_FILE,
            detail_zh="只有本村村民可以提出异议",
            detail_en="Only villagers of this village object",
        )
    if paper is not None:
        work.for_person(person.id)
    return person.id


def _received_at(work: Work, paper: StarObjectionPaper | None) -> datetime:
    if paper is None or paper.received_at is None:
        return work.now
    if paper.received_at.tzinfo is None:
        raise ValidationFailed.of("paper.receivedAt", "NO_OFFSET", "时间须带时区", "A time needs its offset")
    if paper.paper_no is None:
        raise ValidationFailed.of(
            "paper.receivedAt",
            "PAPER_REQUIRED",
            "只有纸质件可填写收件时间",
            "Only a paper has a time of receipt of its own",
        )
    return paper.received_at


async def _check(
    work: Work,
    cycle: Cycle,
    entry: Entry,
    input: FileStarObjection,
    received_at: datetime,
    author: UUID | None,
) -> None:
    window = window_of(cycle, entry, received_at)
    rules.check_objection(
        window=window,
        at=received_at,
        text=input.text,
        anonymous=input.anonymous,
        evidence=len(input.evidence),
        attachments=len(input.evidence),
    )
    if input.paper is not None:
        calendar = await work_calendar(work.session)
        rules.check_keyed_in_time(window, received_at, work.now, calendar, params_of(cycle))
    if cycle.state != CycleState.PUBLICITY:
        raise InvalidTransition(
            entry.state,
            E.OBJECTED,
            "CYCLE_STATE",
            "评星不在公示阶段",
            "The cycle is not in publicity",
            cycle=cycle.state,
        )
    if entry.state == E.EXCLUDED and await is_of_household(work, entry.household_id, author):
        if input.star_code is not None:
            raise _not_voted()
        return  # the household's right to object to its exclusion
    if entry.state != E.OBJECTED:
        ENTRY.check(entry.state, E.OBJECTED)
    if input.star_code is not None:
        if input.star_code not in await stars_of(work.session, cycle.definition_set_id):
            raise unknown_star(input.star_code, "starCode")
        if input.star_code not in await voted_stars(work, entry):
            raise _not_voted()


def _not_voted() -> InvalidInput:
    return InvalidInput(
        "starCode", "NOT_VOTED", "该户这颗星没有表决过", "This star of the household was not voted on"
    )


class WithdrawStarObjection(ChangeInput):
    """撤回自己的异议 / Withdraw one's own objection."""

    objection_id: id_of("StarObjection") = Field(description="异议 / Objection")  # type: ignore[valid-type]
    paper: StarObjectionPaper | None = Field(None, description="由代录员录入时填写 / When a clerk records it")


@operation("star_virtue.objection.withdraw", permission=OBJECTION_FILE, returns=None)
async def withdraw_objection(work: Work, input: WithdrawStarObjection) -> StarObjectionReceipt:
    """Only by its author, before it is decided. FORBIDDEN for others; an anonymous one cannot be withdrawn."""
    row = await work.load(Objection, input.objection_id, expected_version=input.expected_version)
    author = await work.session.get(ObjectionAuthor, row.id)
    caller = work.ctx.principal.resident_id
    if input.paper is not None:
        await _check_clerk(work, row, input.paper)
        caller = input.paper.person_id
        if caller is not None:
            work.for_person(caller)
    if author is None or caller is None or author.resident_id != caller:
        raise Forbidden(
            OBJECTION_FILE,
            detail_zh="只有异议人本人可以撤回",
            detail_en="Only its author withdraws an objection",
        )
    rules.OBJECTION.check(row.state, S.WITHDRAWN)
    await publicity_cycle(work, row, S.WITHDRAWN)
    row.state, row.decided_at = S.WITHDRAWN, work.now
    await work.cancel_timer(f"{OVERDUE}|{row.id}")
    await settle(work, await entry_of(work, row))
    await work.session.flush()
    return receipt(row)


OWN_MOST = 100
"""Own objections shown at most."""


async def own_objections(ctx: Context, _input: Any) -> list[StarObjectionReceipt]:
    """The caller's own objections, newest first; anonymous ones belong to nobody."""
    resident = ctx.principal.resident_id
    if resident is None:
        return []
    scope = [ctx.principal.county_id] if ctx.principal.county_id else []
    async with ctx.db.transaction(scope) as session:
        rows = await session.scalars(
            sa.select(Objection)
            .join(ObjectionAuthor, ObjectionAuthor.objection_id == Objection.id)
            .where(ObjectionAuthor.resident_id == resident)
            .order_by(Objection.received_at.desc(), Objection.id)
            .limit(OWN_MOST)
        )
        return [receipt(row) for row in rows]
