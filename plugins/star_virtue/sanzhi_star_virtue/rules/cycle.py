"""The cycle of one village and year: its states and the guard of each step (domain/star_virtue.md §3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from sanzhi_core.clock import local_date
from sanzhi_core.kit.catalogue import require_exactly
from sanzhi_core.kit.indicator import Status
from sanzhi_core.kit.notice import Window, open_window
from sanzhi_core.kit.procedure import JOB, Procedure, Transition, from_each
from sanzhi_core.kit.refusals import (
    DeadlinePassed,
    DuplicateRecord,
    InvalidInput,
    InvalidTransition,
    TooEarly,
)
from sanzhi_core.kit.workcalendar import WorkCalendar, end_of_day, natural_period
from sanzhi_star_virtue.rules.guardwords import refuse_forbidden_ground
from sanzhi_star_virtue.rules.params import DEFAULTS, StarParams
from sanzhi_star_virtue.rules.thresholds import Figures, thresholds


class CycleState(StrEnum):
    DRAFT = "DRAFT"
    SELF_RATING = "SELF_RATING"
    PEER_REVIEW = "PEER_REVIEW"
    PUBLICITY = "PUBLICITY"
    CONFIRMED = "CONFIRMED"
    AWARDED = "AWARDED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"
    SUSPENDED = "SUSPENDED"


_S = CycleState
_CHIEFS = frozenset({"VC_DIRECTOR", "PARTY_SECRETARY"})
_COMMITTEES = _CHIEFS | {"VC_MEMBER", "PARTY_COMMITTEE"}

CYCLE: Final = Procedure(
    "star_virtue.cycle",
    _S.DRAFT,
    (
        Transition(_S.DRAFT, _S.SELF_RATING, _CHIEFS, "check_open"),
        Transition(_S.SELF_RATING, _S.PEER_REVIEW, _COMMITTEES | {JOB}, "check_self_rating_over"),
        Transition(_S.PEER_REVIEW, _S.PUBLICITY, _COMMITTEES, "check_publish"),
        Transition(_S.PUBLICITY, _S.CONFIRMED, _COMMITTEES, "check_confirm"),
        Transition(_S.CONFIRMED, _S.AWARDED, _COMMITTEES, "check_award"),
        Transition(_S.AWARDED, _S.CLOSED, frozenset({JOB}), "check_close"),
        *from_each((_S.DRAFT, _S.SELF_RATING, _S.PEER_REVIEW, _S.PUBLICITY), _S.CANCELLED, _CHIEFS),
        # only an organisation change suspends (§6)
        *from_each((_S.DRAFT, _S.SELF_RATING, _S.PEER_REVIEW), _S.SUSPENDED, frozenset({JOB})),
    ),
)


def in_snapshot(household_type: str, household_status: str) -> bool:
    """Does a household count in N? ACTIVE households of type FARM at 00:00 of the snapshot day."""
    return household_type == "FARM" and household_status == "ACTIVE"


def self_rating_earliest_end(open_from: datetime, params: StarParams = DEFAULTS) -> datetime:
    """24:00 of the last of the minimum days; the day of opening is not counted."""
    return natural_period(local_date(open_from), params.self_rating_min_days).ends_at


def check_year(year: int, other_cycles: Collection[str] = ()) -> None:
    """One non-cancelled cycle per village and year; `other_cycles` are the states of those there are."""
    if not 2000 <= year <= 2100:
        raise InvalidInput("year", "RANGE", "年度应为2000–2100", "The year lies between 2000 and 2100")
    if any(state != _S.CANCELLED for state in other_cycles):
        raise DuplicateRecord(
            "CYCLE_OF_YEAR",
            f"该村{year}年度已有评星",
            f"The village already has a cycle of {year}",
            year=year,
        )


def check_open(
    *,
    households: int,
    star_codes: Sequence[str],
    year_opened: bool,
    open_from: datetime,
    self_rating_to: datetime,
    params: StarParams = DEFAULTS,
) -> None:
    """DRAFT → SELF_RATING. Raises InvalidTransition or InvalidInput."""
    if not year_opened:
        raise InvalidTransition(
            _S.DRAFT,
            _S.SELF_RATING,
            "YEAR_NOT_OPENED",
            "县级尚未开启本年度评星",
            "The county has not opened this year",
        )
    if households < 1:
        raise InvalidInput(
            "totalHouseholds",
            "NO_HOUSEHOLDS",
            "快照日没有在册农户",
            "No active farm household at the snapshot",
        )
    require_exactly(star_codes, params.star_count, "stars")
    earliest = self_rating_earliest_end(open_from, params)
    if self_rating_to < earliest:
        raise InvalidInput(
            "selfRatingTo",
            "TOO_SHORT",
            f"自评不少于{params.self_rating_min_days}天",
            f"Self-rating lasts at least {params.self_rating_min_days} days",
            earliest=earliest.isoformat(),
        )


def participation_low(figures: Figures, params: StarParams = DEFAULTS) -> bool:
    """Is T1 missed? It blocks nothing: the town is warned and one extension is offered."""
    return thresholds(figures, params).t1.status is Status.NOT_REACHED


def check_extension(
    *,
    self_rating_to: datetime,
    new_to: datetime,
    at: datetime,
    already_extended: bool,
    figures: Figures,
    params: StarParams = DEFAULTS,
) -> None:
    """One extension of at most 7 days while participation is low. Raises InvalidInput."""
    if already_extended:
        raise InvalidInput("selfRatingTo", "ALREADY_EXTENDED", "自评只能延长一次", "Only one extension")
    if not participation_low(figures, params):
        raise InvalidInput(
            "selfRatingTo", "NOT_NEEDED", "参评率已达标，无需延长", "Participation has reached its target"
        )
    latest = self_rating_to + timedelta(days=params.extension_max_days)
    if not max(self_rating_to, at) < new_to <= latest:
        raise InvalidInput(
            "selfRatingTo",
            "EXTENSION_RANGE",
            f"延长不超过{params.extension_max_days}天",
            f"An extension is at most {params.extension_max_days} days",
            latest=latest.isoformat(),
        )


def check_self_rating_over(
    *,
    open_from: datetime,
    self_rating_to: datetime,
    at: datetime,
    by_job: bool,
    params: StarParams = DEFAULTS,
) -> None:
    """SELF_RATING → PEER_REVIEW: the job at `self_rating_to`, the committees after the minimum days."""
    earliest = self_rating_to if by_job else self_rating_earliest_end(open_from, params)
    if at < earliest:
        raise TooEarly(
            earliest,
            "SELF_RATING_RUNNING",
            f"自评须满{params.self_rating_min_days}天",
            f"Self-rating lasts at least {params.self_rating_min_days} days",
        )


def check_publish(*, unvoted_entries: int) -> None:
    """PEER_REVIEW → PUBLICITY: every self-rated entry has been voted (at quorate meetings)."""
    if unvoted_entries:
        raise InvalidTransition(
            _S.PEER_REVIEW,
            _S.PUBLICITY,
            "UNVOTED_ENTRIES",
            f"还有{unvoted_entries}户尚未表决",
            f"{unvoted_entries} households have not been voted on",
            count=unvoted_entries,
        )


def publicity_window(
    calendar: WorkCalendar, opens_at: datetime, workdays: int | None = None, params: StarParams = DEFAULTS
) -> Window:
    """张榜公示: 5–7 working days, never fewer than the cycle's parameter. Raises InvalidInput."""
    return open_window(
        calendar,
        opens_at,
        params.publicity_workdays if workdays is None else workdays,
        minimum=params.publicity_workdays,
        maximum=7,
    )


def check_confirm(
    *,
    windows: Iterable[Window],
    at: datetime,
    open_objections: int,
    entries_to_revote: int,
    figures: Figures,
    t2_reason: str | None = None,
    params: StarParams = DEFAULTS,
) -> None:
    """PUBLICITY → CONFIRMED. `windows`: the publicity and every republication.

    InvalidTransition while an objection is OPEN or INVESTIGATING or an upheld one awaits its vote;
    TooEarly while a window runs; InvalidInput when T2 is missed and no written reason is given.
    """
    for count, reason, zh, en in (
        (open_objections, "OPEN_OBJECTIONS", "项异议尚未办结", "objections are not decided"),
        (entries_to_revote, "REVOTE_PENDING", "户尚待重新表决", "households await a new vote"),
    ):
        if count:
            raise InvalidTransition(
                _S.PUBLICITY, _S.CONFIRMED, reason, f"还有{count}{zh}", f"{count} {en}", count=count
            )
    shown = sorted(windows, key=lambda window: window.closes_at)
    if not shown:
        raise InvalidTransition(
            _S.PUBLICITY, _S.CONFIRMED, "NOT_PUBLISHED", "尚未公示", "Nothing was published"
        )
    shown[-1].check_over(at)
    if thresholds(figures, params).t2.needs_reason:
        if not (t2_reason or "").strip():
            raise InvalidInput(
                "t2Reason",
                "REASON_REQUIRED",
                "星级评定率未达到目标，须书面说明理由",
                "The rate of rated households is below its target: give a written reason",
            )
        refuse_forbidden_ground(t2_reason or "", "t2Reason")


def award_deadline(confirmed_at: datetime, params: StarParams = DEFAULTS) -> datetime:
    return natural_period(local_date(confirmed_at), params.award_within_days).ends_at


def check_award(
    *, confirmed_at: datetime, at: datetime, late_reason: str | None = None, params: StarParams = DEFAULTS
) -> None:
    """CONFIRMED → AWARDED within 30 days; later only with a written reason, which is kept.

    Without that door a village that is late could neither award nor cancel, and households would lose
    stars they were granted. Raises DeadlinePassed.
    """
    deadline = award_deadline(confirmed_at, params)
    if at >= deadline and not (late_reason or "").strip():
        raise DeadlinePassed(deadline, "授星", "The award deadline")


def year_end(year: int) -> datetime:
    """31 December 24:00 of a cycle's year."""
    return end_of_day(date(year, 12, 31))


def check_close(year: int, at: datetime, *, adjustments_done: bool = False) -> None:
    """AWARDED → CLOSED at 31 December 24:00, or when the next cycle's adjustments are done."""
    end = year_end(year)
    if at < end and not adjustments_done:
        raise TooEarly(end, "YEAR_RUNNING", "年度尚未结束", "The year is not over")


def reminder_times(self_rating_to: datetime) -> tuple[datetime, datetime]:
    """Reminders to households not yet rated: 3 days and 1 day before the deadline."""
    return self_rating_to - timedelta(days=3), self_rating_to - timedelta(days=1)
