"""Objections 异议 during publicity: who may, until when, who decides, and what follows."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Hashable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar

from sanzhi_core.clock import local_date
from sanzhi_core.kit.meeting import recused
from sanzhi_core.kit.notice import Window, open_window
from sanzhi_core.kit.procedure import Procedure, Transition, from_each
from sanzhi_core.kit.refusals import (
    ConflictOfInterest,
    DeadlinePassed,
    DuplicateRecord,
    InvalidInput,
    InvalidTransition,
)
from sanzhi_core.kit.workcalendar import Period, WorkCalendar
from sanzhi_star_virtue.rules.guardwords import refuse_forbidden_ground
from sanzhi_star_virtue.rules.params import DEFAULTS, StarParams

Person = TypeVar("Person", bound=Hashable)

TEXT_MIN, TEXT_MAX, ATTACHMENTS_MAX = 10, 1000, 5


class ObjectionState(StrEnum):
    OPEN = "OPEN"
    INVESTIGATING = "INVESTIGATING"
    UPHELD = "UPHELD"
    PARTLY_UPHELD = "PARTLY_UPHELD"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


_S = ObjectionState
_COUNCIL = frozenset({"MORAL_COUNCIL"})
_OBJECTOR = frozenset({"RESIDENT", "HOUSEHOLD_HEAD", "CLERK"})

UNDECIDED: Final = frozenset({_S.OPEN, _S.INVESTIGATING})
DECISIONS: Final = frozenset({_S.UPHELD, _S.PARTLY_UPHELD, _S.REJECTED})

OBJECTION: Final = Procedure(
    "star_virtue.objection",
    _S.OPEN,
    (
        Transition(_S.OPEN, _S.INVESTIGATING, _COUNCIL, "handler has no interest"),
        *(Transition(_S.INVESTIGATING, to, _COUNCIL, "reason") for to in sorted(DECISIONS)),
        Transition(_S.OPEN, _S.REJECTED, _COUNCIL, "repeat of a decided one"),
        *from_each((_S.OPEN, _S.INVESTIGATING), _S.WITHDRAWN, _OBJECTOR),
    ),
)


def check_objection(
    *,
    window: Window,
    at: datetime,
    text: str,
    anonymous: bool = False,
    evidence: int = 0,
    attachments: int = 0,
) -> None:
    """May this objection be received? TooEarly, DeadlinePassed or InvalidInput.

    `window` is the publicity, or the republication that shows the entry again. Anonymous ones need evidence.
    """
    window.check_open(at)
    length = len(text.strip())
    if not TEXT_MIN <= length <= TEXT_MAX:
        raise InvalidInput(
            "text",
            "LENGTH",
            f"异议内容应为{TEXT_MIN}–{TEXT_MAX}字",
            f"An objection has {TEXT_MIN}–{TEXT_MAX} characters",
            minimum=TEXT_MIN,
            maximum=TEXT_MAX,
        )
    if attachments > ATTACHMENTS_MAX:
        raise InvalidInput(
            "attachments",
            "TOO_MANY",
            f"附件不超过{ATTACHMENTS_MAX}个",
            f"At most {ATTACHMENTS_MAX} attachments",
            maximum=ATTACHMENTS_MAX,
        )
    if anonymous and evidence + attachments < 1:
        raise InvalidInput(
            "evidence", "ANONYMOUS_EVIDENCE", "匿名异议须附证据", "An anonymous objection needs evidence"
        )
    refuse_forbidden_ground(text, "text")


def check_keyed_in_time(
    window: Window,
    received_at: datetime,
    keyed_at: datetime,
    calendar: WorkCalendar,
    params: StarParams = DEFAULTS,
) -> None:
    """R-CORE-50: paper received within the window is keyed till 24:00 of the 2nd working day after it.

    InvalidInput when dated after it was keyed, DeadlinePassed when keyed too late.
    """
    if received_at > keyed_at:
        raise InvalidInput(
            "receivedAt",
            "IN_FUTURE",
            "收件时间不能晚于录入时间",
            "Paper cannot be received after it is keyed",
        )
    until = calendar.workday_period(window.last_day, params.paper_keying_workdays).ends_at
    if keyed_at >= until:
        raise DeadlinePassed(until, "纸质异议录入", "The time to key paper objections")


def decision_due(
    received_at: datetime, calendar: WorkCalendar, *, extended: bool = False, params: StarParams = DEFAULTS
) -> Period:
    """3 working days after receipt, once 3 more. A late decision stands, but shows as late."""
    workdays = params.objection_workdays + (params.objection_extension_workdays if extended else 0)
    return calendar.workday_period(local_date(received_at), workdays)


def check_extend(*, already_extended: bool, due: datetime, at: datetime) -> None:
    """One extension, asked before the decision was due. InvalidInput or DeadlinePassed."""
    if already_extended:
        raise InvalidInput("dueAt", "ALREADY_EXTENDED", "办理期限只能延长一次", "Only one extension")
    if at >= due:
        raise DeadlinePassed(due, "异议办理期限", "The time to decide")


def check_handler(
    handler: Person,
    *,
    objector: Person | None,
    household: Collection[Person],
    relatives: Iterable[tuple[Person, Person]],
) -> None:
    """The council member who decides is neither objector nor household nor near relative of either."""
    concerned = set(household) | ({objector} if objector is not None else set())
    if recused([handler], concerned, relatives):
        raise ConflictOfInterest(
            "HANDLER",
            "异议人、被异议户及其近亲属不得办理该异议",
            "The objector, the household and their near relatives do not decide the objection",
        )


def check_decision(decision: str, reason: str) -> None:
    """A decision is one of three and has a reason that the household may read. Raises InvalidInput."""
    if decision not in DECISIONS:
        raise InvalidInput(
            "decision", "UNKNOWN", "处理结论应为成立、部分成立或不成立", "Uphold, partly uphold or reject"
        )
    if not reason.strip():
        raise InvalidInput("reason", "EMPTY", "须写明处理理由", "A decision needs a reason")
    refuse_forbidden_ground(reason, "reason")


def facts_key(star: str | None, text: str, evidence_hashes: Iterable[str] = ()) -> str:
    """Stands for the facts of an objection: star, words without punctuation, evidence as a set."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = "".join(c for c in plain if unicodedata.category(c)[0] in "LN")
    parts = "\n".join([star or "", words, *sorted(set(evidence_hashes))])
    return hashlib.sha256(parts.encode()).hexdigest()


def is_repeat(key: str, earlier: Iterable[tuple[str, str]]) -> bool:
    """A second objection on the same star with the same facts; `earlier` are (key, state) of the entry's.

    A repeat is received and rejected as such. A withdrawn one may be raised again.
    """
    return any(key == other and state != _S.WITHDRAWN for other, state in earlier)


def needs_new_vote(decision: str) -> bool:
    return decision in (_S.UPHELD, _S.PARTLY_UPHELD)


def republication_window(
    calendar: WorkCalendar, opens_at: datetime, workdays: int | None = None, params: StarParams = DEFAULTS
) -> Window:
    """A changed entry is published again for at least 3 working days. Raises InvalidInput."""
    return open_window(
        calendar,
        opens_at,
        params.republicity_workdays if workdays is None else workdays,
        minimum=params.republicity_workdays,
    )


def check_review_request(*, state: str, already_reviewed: bool) -> None:
    """The household may ask the town once to review a decision."""
    if state not in DECISIONS:
        raise InvalidTransition(state, "REVIEW", "NOT_DECIDED", "异议尚未作出决定", "Not decided yet")
    if already_reviewed:
        raise DuplicateRecord("REVIEWED", "乡镇复核只能申请一次", "The town reviews a decision once")


def review_due(asked_at: datetime, calendar: WorkCalendar, params: StarParams = DEFAULTS) -> Period:
    return calendar.workday_period(local_date(asked_at), params.review_workdays)
