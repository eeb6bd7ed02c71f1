"""Bodies of a village and who sits in them from when to when; rolls of those entitled are in `rolls`.

Incompatibilities: R-CORE-21 (domain/core.md §3) [law: 村民委员会组织法 art. 32, 2018 text]. Near relations
are those that the persons declared themselves (`Kinship`), never inferred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.errors import (
    ConflictOfInterest,
    DuplicateRecord,
    InvalidTransition,
    NotFound,
    ValidationFailed,
)
from sanzhi_core.org.models import Body, Term
from sanzhi_core.org.rolls import Eligible, eligible, freeze_roll, roll_digest
from sanzhi_core.people.models import Kinship, Resident
from sanzhi_core.platform.command import operation
from sanzhi_core.platform.inputs import ChangeInput, CommandInput, id_of
from sanzhi_core.platform.work import Work

MANAGE = "core.body.manage"


@dataclass(frozen=True)
class BodyKind:
    """A kind of body. `seats`: (least, most), None where law leaves it open; a body may set its own.

    `posts`: the first is held by one person at a time. `source` as in domain/core.md §0.
    """

    code: str
    zh: str
    en: str
    seats: tuple[int | None, int | None]
    posts: tuple[str, ...]
    source: str


_CHAIRED = ("CHAIR", "DEPUTY", "MEMBER")

BODY_KINDS = MappingProxyType(
    {
        k.code: k
        for k in (
            BodyKind(
                "VC",
                "村民委员会",
                "Village committee",
                (3, 7),
                ("DIRECTOR", "DEPUTY", "MEMBER"),
                "law: 村民委员会组织法 art. 6",
            ),
            BodyKind(
                "PARTY_BRANCH",
                "村党组织",
                "Village Party organisation",
                (None, None),
                ("SECRETARY", "DEPUTY", "MEMBER"),
                "core.md §3",
            ),
            BodyKind(
                "SUPERVISION",
                "村务监督委员会",
                "Village supervision committee",
                (None, None),
                _CHAIRED,
                "law: 村民委员会组织法 art. 32",
            ),
            BodyKind(
                "VILLAGER_REPS",
                "村民代表会议",
                "Assembly of villagers' representatives",
                (None, None),
                ("MEMBER",),
                "law: 村民委员会组织法 art. 25",
            ),
            BodyKind("MORAL_COUNCIL", "道德评议会", "Moral council", (5, 11), _CHAIRED, "assumption"),
            BodyKind(
                "WEDDING_FUNERAL",
                "红白理事会",
                "Weddings and funerals council",
                (5, 9),
                _CHAIRED,
                "assumption",
            ),
            BodyKind(
                "DELIBERATION_COUNCIL",
                "村民议事会",
                "Deliberation council",
                (None, None),
                _CHAIRED,
                "charter of the village",
            ),
            BodyKind(
                "ANTI_DRUG_GAMBLING",
                "禁毒禁赌会",
                "Anti-drug and gambling council",
                (5, 9),
                _CHAIRED,
                "assumption",
            ),
        )
    }
)
_KINDS = "^(" + "|".join(BODY_KINDS) + ")$"
_MANY = frozenset({"MEMBER", "DEPUTY"})
"""Posts that several persons may hold at once."""


class CreateBody(CommandInput):
    """A body of a village; at most one of each kind."""

    unit_id: id_of("OrgUnit") = Field(description="村 / Village")  # type: ignore[valid-type]
    kind: str = Field(pattern=_KINDS, description="种类 / Kind")
    name: str | None = Field(None, min_length=2, max_length=50, description="名称，缺省为种类名 / Name")
    seats_min: int | None = Field(
        None, ge=1, le=500, description="最少人数(章程) / Least members, by charter"
    )
    seats_max: int | None = Field(None, ge=1, le=500, description="最多人数(章程) / Most members, by charter")
    valid_from: date | None = Field(None, description="成立日，缺省为今天 / First day")


@operation("core.body.create", permission=MANAGE, returns="Body")
async def create_body(work: Work, input: CreateBody) -> Body:
    """DUPLICATE_RECORD when there is one; seats may narrow the kind's bounds, not widen them."""
    unit = await work.unit(input.unit_id, level="VILLAGE")
    kind = BODY_KINDS[input.kind]
    least, most = input.seats_min or kind.seats[0], input.seats_max or kind.seats[1]
    lower, upper = kind.seats
    if (
        (least is not None and most is not None and least > most)
        or (lower is not None and least is not None and least < lower)
        or (upper is not None and most is not None and most > upper)
    ):
        zh, en = f"{kind.zh}的人数须在规定范围内", f"Seats are outside the bounds of {kind.en}"
        raise ValidationFailed.of("seatsMax", "SEATS", zh, en)
    taken = await work.session.scalar(
        sa.select(Body.id).where(Body.unit_id == unit.id, Body.kind == kind.code, Body.valid_to.is_(None))
    )
    if taken is not None:
        raise DuplicateRecord(taken, detail_zh=f"已有{kind.zh}", detail_en=f"There is a {kind.en} already")
    body = Body(
        kind=kind.code,
        name=input.name or kind.zh,
        seats_min=least,
        seats_max=most,
        valid_from=input.valid_from or work.today,
        **unit.place(),
    )
    work.session.add(body)
    await work.session.flush()
    return body


class AddTerm(CommandInput):
    """A person's term in a body, [validFrom, validTo)."""

    body_id: id_of("Body") = Field(description="组织 / Body")  # type: ignore[valid-type]
    resident_id: id_of("Resident") = Field(description="成员 / Member")  # type: ignore[valid-type]
    post: str = Field("MEMBER", max_length=20, description="职务 / Post")
    valid_from: date | None = Field(None, description="起始日，缺省为今天 / First day")
    valid_to: date | None = Field(
        None, description="届满日(当天起无效) / First day on which it no longer holds"
    )
    basis: str = Field(min_length=2, max_length=200, description="依据：选举、推选、文号 / Basis")


@operation("core.body.add_term", permission=MANAGE, returns="Term")
async def add_term(work: Work, input: AddTerm) -> Term:
    """VALIDATION_FAILED (post, seats, age), DUPLICATE_RECORD (sits already), CONFLICT_OF_INTEREST."""
    body = await work.load(Body, input.body_id)
    kind, start = BODY_KINDS[body.kind], input.valid_from or work.today
    if input.post not in kind.posts:
        zh, en = f"{kind.zh}没有这一职务", f"{kind.en} has the posts {', '.join(kind.posts)}"
        raise ValidationFailed.of("post", "UNKNOWN_POST", zh, en)
    if body.valid_to is not None or start < body.valid_from:
        raise ValidationFailed.of("validFrom", "BODY_SPAN", "该组织当时不存在", "The body did not exist then")
    if input.valid_to is not None and input.valid_to <= start:
        zh, en = "届满日须晚于起始日", "The end must be after the start"
        raise ValidationFailed.of("validTo", "NOT_AFTER_START", zh, en)
    resident = await work.session.get(Resident, input.resident_id)
    if resident is None or resident.village_id != body.village_id:
        raise NotFound("Resident")
    if resident.status != "ACTIVE" or resident.adult_on is None or resident.adult_on > start:
        zh, en = "成员须为在册的成年村民", "Members are adult residents of the village"
        raise ValidationFailed.of("residentId", "NOT_ADULT", zh, en)
    sitting = await _overlapping(work.session, Term.body_id == body.id, start, input.valid_to)
    if any(t.resident_id == resident.id for t in sitting):
        raise DuplicateRecord(detail_zh="该成员已在任", detail_en="This person sits in the body already")
    if input.post not in _MANY and any(t.post == input.post for t in sitting):
        raise DuplicateRecord(detail_zh="该职务已有人担任", detail_en="The post is held by somebody")
    if body.seats_max is not None and _peak(sitting, start) >= body.seats_max:
        zh, en = f"{body.name}名额已满({body.seats_max})", f"All {body.seats_max} seats are taken"
        raise ValidationFailed.of("bodyId", "NO_SEAT", zh, en)
    await _compatible(work.session, body, resident.id, start, input.valid_to)
    term = Term(
        body_id=body.id,
        resident_id=resident.id,
        post=input.post,
        valid_from=start,
        valid_to=input.valid_to,
        basis=input.basis,
        **_place(body),
    )
    work.session.add(term)
    await work.session.flush()
    return term


def _place(row: Any) -> dict[str, Any]:
    """Scope columns of a row for another that belongs with it."""
    columns = ("unit_id", "org_code_at_time", "org_path", "county_id", "town_id", "village_id", "grid_id")
    return {column: getattr(row, column) for column in columns}


async def _overlapping(
    session: AsyncSession, where: sa.ColumnElement[bool], start: date, to: date | None
) -> Sequence[Term]:
    query = (
        sa.select(Term)
        .join(Body, Body.id == Term.body_id)
        .where(where, sa.or_(Term.valid_to.is_(None), Term.valid_to > start))
    )
    if to is not None:
        query = query.where(Term.valid_from < to)
    return (await session.scalars(query)).all()


def _peak(terms: Sequence[Term], start: date) -> int:
    """Most terms that run at one moment on or after `start`."""
    moments = {start, *(t.valid_from for t in terms if t.valid_from > start)}
    return max(
        sum(t.valid_from <= day and (t.valid_to is None or t.valid_to > day) for t in terms)
        for day in moments
    )


_OPPOSITE = {"SUPERVISION": "VC", "VC": "SUPERVISION"}


async def _compatible(
    session: AsyncSession, body: Body, resident_id: UUID, start: date, to: date | None
) -> None:
    """R-CORE-21: nobody, and no near relative, sits in the committee and in its supervision at once."""
    other = _OPPOSITE.get(body.kind)
    if other is None:
        return
    # Two such terms added at the same moment would not see each other.
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(str(body.village_id)))))
    kin = await near_relatives(session, resident_id)
    terms = await _overlapping(
        session,
        sa.and_(
            Body.village_id == body.village_id,
            Body.kind == other,
            Term.resident_id.in_([resident_id, *kin]),
        ),
        start,
        to,
    )
    if any(t.resident_id == resident_id for t in terms):
        zh = "村务监督委员会成员不得兼任村委会成员"
        raise ConflictOfInterest(detail_zh=zh, detail_en="Supervision excludes the village committee")
    if terms:
        zh = "近亲属不得分别担任村委会成员和村务监督委员会成员"
        en = "Near relatives may not sit in the village committee and in its supervision"
        raise ConflictOfInterest(detail_zh=zh, detail_en=en)


async def near_relatives(session: AsyncSession, resident_id: UUID) -> frozenset[UUID]:
    """Residents whom the person, or who themselves, declared a near relation with."""
    found = await session.execute(
        sa.select(Kinship.resident_id, Kinship.relative_id).where(
            sa.or_(Kinship.resident_id == resident_id, Kinship.relative_id == resident_id)
        )
    )
    return frozenset(one for pair in found for one in pair) - {resident_id}


class EndTerm(ChangeInput):
    """A term ends before its time, or gets its end."""

    term_id: id_of("Term") = Field(description="任期 / Term")  # type: ignore[valid-type]
    valid_to: date | None = Field(
        None, description="届满日，缺省为今天 / First day on which it no longer holds"
    )
    reason: str = Field(min_length=2, max_length=200, description="理由 / Reason")


@operation("core.body.end_term", permission=MANAGE, returns="Term")
async def end_term(work: Work, input: EndTerm) -> Term:
    """INVALID_TRANSITION when it is over already."""
    term = await work.load(Term, input.term_id, expected_version=input.expected_version)
    work.reason(input.reason)
    if term.valid_to is not None and term.valid_to <= work.today:
        raise InvalidTransition(
            "ENDED", "ENDED", "NOT_IN_TABLE", detail_zh="任期已结束", detail_en="It is over"
        )
    to = input.valid_to or work.today
    if to <= term.valid_from:
        zh, en = "届满日须晚于起始日", "The end must be after the start"
        raise ValidationFailed.of("validTo", "NOT_AFTER_START", zh, en)
    term.valid_to = to
    return term


__all__ = [
    "BODY_KINDS",
    "AddTerm",
    "BodyKind",
    "CreateBody",
    "Eligible",
    "EndTerm",
    "add_term",
    "create_body",
    "eligible",
    "end_term",
    "freeze_roll",
    "near_relatives",
    "roll_digest",
]
