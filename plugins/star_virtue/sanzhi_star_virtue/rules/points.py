"""Points 积分: integers in an append-only ledger; no cash value (domain/star_virtue.md §7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from enum import StrEnum
from typing import Final

from sanzhi_core.kit.refusals import (
    ConflictOfInterest,
    DuplicateRecord,
    InsufficientPoints,
    InvalidInput,
)
from sanzhi_star_virtue.rules.params import DEFAULTS, StarParams


class PointsType(StrEnum):
    EARN = "EARN"
    BONUS = "BONUS"
    REDEEM = "REDEEM"
    REVERSE = "REVERSE"
    EXPIRE = "EXPIRE"
    TRANSFER = "TRANSFER"
    ADJUST = "ADJUST"


AWARD_RULE: Final = "star.award"
_ADDS: Final = frozenset({PointsType.EARN, PointsType.BONUS})
_TAKES: Final = frozenset({PointsType.REDEEM, PointsType.EXPIRE})


def balance(entries: Iterable[int]) -> int:
    """R-STAR-20: the balance is the sum of all entries."""
    return sum(entries)


def check_entry(kind: PointsType, points: int, available: int) -> None:
    """May this entry be appended to a ledger whose balance is `available`? (R-STAR-20)

    InvalidInput for zero or the wrong sign; InsufficientPoints when the balance would fall below 0.
    """
    wrong_sign = (kind in _ADDS and points < 0) or (kind in _TAKES and points > 0)
    if points == 0 or wrong_sign:
        raise InvalidInput(
            "points", "AMOUNT", "积分数额不能为零，方向须与类型一致", "Points are not zero and fit their type"
        )
    if available + points < 0:
        raise InsufficientPoints(available, -points)


def check_redeem(points: int, available: int) -> int:
    """The entry of a redemption of `points`. Raises InvalidInput for 0 and less, InsufficientPoints."""
    if points <= 0:
        raise InvalidInput(
            "points", "NOT_POSITIVE", "兑换积分须大于零", "A redemption is of at least one point"
        )
    check_entry(PointsType.REDEEM, -points, available)
    return -points


def check_once(key: tuple[str, str, str], recorded: Collection[tuple[str, str, str]]) -> None:
    """R-STAR-22: the same act (household, rule, reference) counts once. Raises DuplicateRecord."""
    if key in recorded:
        raise DuplicateRecord("SAME_ACT", "同一事项已记过积分", "This act has been recorded already")


def needs_second_approval(points: int, params: StarParams = DEFAULTS) -> bool:
    """R-STAR-21: more than 20 points for one act need a second person."""
    return points > params.points_approval_above


def check_recorder(*, own_household: bool, recorder: str, approver: str | None, points: int,
                   params: StarParams = DEFAULTS) -> None:  # fmt: skip
    """R-STAR-21: nobody records for the own household or approves the own record."""
    if own_household:
        raise ConflictOfInterest(
            "OWN_HOUSEHOLD", "不得为本户记分", "Nobody records points for the own household"
        )
    if needs_second_approval(points, params):
        if approver is None:
            raise InvalidInput(
                "approver",
                "SECOND_APPROVAL",
                f"单次超过{params.points_approval_above}分须第二人审核",
                f"More than {params.points_approval_above} points need a second approval",
            )
        if approver == recorder:
            raise ConflictOfInterest("OWN_RECORD", "不得审核自己的记分", "Nobody approves the own record")


def award_points(final_count: int, params: StarParams = DEFAULTS) -> int | None:
    """R-STAR-25: points of one entry at AWARDED; None when there is nothing to write.

    One ledger entry per household, rule `star.award`, reference the star entry's id: R-STAR-22 then makes a
    second run of the award job add nothing.
    """
    return final_count * params.points_per_star or None


def expires_on(earned_on: date) -> date:
    """R-STAR-23: the last day of the year after the year earned."""
    return date(earned_on.year + 1, 12, 31)
