"""Self-rating 农户自评: who may hand in, what, until when, and which of several forms counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sanzhi_core.clock import local_date
from sanzhi_core.kit.refusals import DeadlinePassed, Forbidden, InvalidInput, TooEarly
from sanzhi_core.kit.workcalendar import WorkCalendar
from sanzhi_star_virtue.rules.guardwords import refuse_forbidden_ground
from sanzhi_star_virtue.rules.params import DEFAULTS, StarParams
from sanzhi_star_virtue.rules.stars import check_stars

REASON_MAX = 500


@dataclass(frozen=True, slots=True)
class Form:
    """A handed-in form. For paper `received_at` is what the clerk wrote on receipt; `seq` orders commits."""

    received_at: datetime
    seq: int
    stars: frozenset[str]


F = TypeVar("F", bound=Form)


def check_form(stars: Iterable[str], reasons: Mapping[str, str], active: Collection[str]) -> frozenset[str]:
    """The claimed stars. No star at all is valid participation with 0 claimed. Raises InvalidInput."""
    claimed = check_stars(stars, active)
    for star, reason in reasons.items():
        if star not in claimed:
            raise InvalidInput(
                "selfReason",
                "STAR_NOT_CLAIMED",
                "只能为自评的星填写理由",
                "A reason belongs to a claimed star",
                star=star,
            )
        if len(reason) > REASON_MAX:
            raise InvalidInput(
                "selfReason",
                "TOO_LONG",
                f"每颗星的理由不超过{REASON_MAX}字",
                f"A reason has at most {REASON_MAX} characters",
                star=star,
                maximum=REASON_MAX,
            )
        refuse_forbidden_ground(reason, "selfReason", star)
    return claimed


def check_submitter(*, is_head: bool, is_member: bool, authorised: bool, is_adult: bool) -> None:
    """The head, or an adult member whom the household authorised. Raises Forbidden."""
    if is_head or (is_member and authorised and is_adult):
        return
    raise Forbidden(
        "SUBMITTER",
        "自评应由户主或经授权的成年家庭成员提交",
        "The head or an authorised adult member of the household hands in the self-rating",
    )


def check_recorded_by_clerk(
    *, clerk: str, witness: str | None, paper_no: str | None, read_back: bool, reason: str
) -> None:
    """代录: a witness or the number of the scanned paper, read back, with a reason (core.md §9)."""
    if not (witness or "").strip() and not (paper_no or "").strip():
        raise InvalidInput(
            "witness",
            "WITNESS_OR_PAPER",
            "代录需要见证人或纸质表编号",
            "Recording for a person needs a witness or a paper number",
        )
    if witness is not None and witness == clerk:
        raise InvalidInput(
            "witness", "WITNESS_IS_CLERK", "代录员不能自己见证", "The clerk cannot be the witness"
        )
    if not read_back:
        raise InvalidInput(
            "readBack", "NOT_READ_BACK", "须向本人复述确认", "The form must be read back and confirmed"
        )
    if not reason.strip():
        raise InvalidInput("reason", "EMPTY", "须写明代录原因", "Say why a clerk recorded it")


def check_on_time(opens_at: datetime, deadline: datetime, received_at: datetime) -> None:
    """Received from opening until the deadline, that instant included. TooEarly or DeadlinePassed."""
    if received_at < opens_at:
        raise TooEarly(opens_at, "NOT_OPEN", "自评尚未开始", "Self-rating has not begun")
    if received_at > deadline:
        raise DeadlinePassed(deadline, "自评", "The self-rating deadline")


def paper_may_be_keyed_until(
    deadline: datetime, calendar: WorkCalendar, params: StarParams = DEFAULTS
) -> datetime:
    """R-CORE-50: 24:00 of the 2nd working day after the deadline; till then paper in time may be keyed."""
    # A deadline at 24:00 is 00:00 of the next day on the clock, but its day is the day that ends then.
    last_day = local_date(deadline - timedelta(microseconds=1))
    return calendar.workday_period(last_day, params.paper_keying_workdays).ends_at


def check_paper_on_time(
    opens_at: datetime,
    deadline: datetime,
    received_at: datetime,
    keyed_at: datetime,
    calendar: WorkCalendar,
    params: StarParams = DEFAULTS,
) -> None:
    """Paper: dated in time and keyed soon enough. InvalidInput when dated after it was keyed."""
    if received_at > keyed_at:
        raise InvalidInput(
            "receivedAt",
            "IN_FUTURE",
            "收表时间不能晚于录入时间",
            "Paper cannot be received after it is keyed",
        )
    check_on_time(opens_at, deadline, received_at)
    until = paper_may_be_keyed_until(deadline, calendar, params)
    if keyed_at > deadline and keyed_at >= until:
        raise DeadlinePassed(until, "纸质自评表录入", "The time to key paper forms")


def counting_form(forms: Iterable[F]) -> F | None:
    """The form that counts: later `received_at` wins, on a tie the later commit. All are kept."""
    return max(forms, key=lambda form: (form.received_at, form.seq), default=None)
