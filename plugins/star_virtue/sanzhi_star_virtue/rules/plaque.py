"""Plaque 星级文明户牌 and honour roll 善行义举榜/星级光荣榜."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sanzhi_core.kit.procedure import JOB, Procedure, Transition
from sanzhi_core.people.masking import mask_name
from sanzhi_star_virtue.rules.params import DEFAULTS, StarParams


class PlaqueState(StrEnum):
    TO_ISSUE = "TO_ISSUE"
    ISSUED = "ISSUED"
    RECALLED = "RECALLED"
    REPLACED = "REPLACED"
    LOST = "LOST"


_S = PlaqueState
_COMMITTEES = frozenset({"VC_DIRECTOR", "VC_MEMBER", "PARTY_SECRETARY", "PARTY_COMMITTEE"})

PLAQUE: Final = Procedure(
    "star_virtue.plaque",
    _S.TO_ISSUE,
    (
        Transition(_S.TO_ISSUE, _S.ISSUED, _COMMITTEES, "hung at the door"),
        Transition(_S.TO_ISSUE, _S.RECALLED, _COMMITTEES | {JOB}, "count below the minimum"),
        Transition(_S.TO_ISSUE, _S.REPLACED, _COMMITTEES | {JOB}, "count changed"),
        Transition(_S.ISSUED, _S.RECALLED, _COMMITTEES | {JOB}, "count below the minimum"),
        Transition(_S.ISSUED, _S.REPLACED, _COMMITTEES | {JOB}, "count changed"),
        Transition(_S.ISSUED, _S.LOST, _COMMITTEES),
    ),
)


class PlaqueStep(StrEnum):
    """What to do about plaques when a household's count is settled."""

    NONE = "NONE"
    ISSUE = "ISSUE"  # make one: TO_ISSUE
    REPLACE = "REPLACE"  # the old one becomes REPLACED, a new one TO_ISSUE
    RECALL = "RECALL"  # RECALLED


def plaque_step(current_plaque: int | None, count: int, params: StarParams = DEFAULTS) -> PlaqueStep:
    """`current_plaque`: the count on the plaque that is TO_ISSUE or ISSUED, None when there is none."""
    deserved = count >= params.plaque_min_stars
    if current_plaque is None:
        return PlaqueStep.ISSUE if deserved else PlaqueStep.NONE
    if not deserved:
        return PlaqueStep.RECALL
    return PlaqueStep.NONE if current_plaque == count else PlaqueStep.REPLACE


def change_mark(previous: int | None, count: int) -> str:
    """`+2`, `−1`; empty without an earlier count or a change. No reason is ever published."""
    if previous is None or previous == count:
        return ""
    return f"+{count - previous}" if count > previous else f"−{previous - count}"


@dataclass(frozen=True, slots=True)
class RollHousehold:
    head_name: str
    group: str
    count: int
    previous: int | None = None
    consents_online: bool = False


@dataclass(frozen=True, slots=True)
class RollLine:
    """All that is published: head's name, group, stars, change. No reason, no ID, no address."""

    name: str
    group: str
    count: int
    change: str


def honour_roll(
    households: Iterable[RollHousehold], *, online: bool, params: StarParams = DEFAULTS
) -> list[RollLine]:
    """Households with six stars and more, most stars first; online names are masked unless consented."""
    lines = [
        _line(household, online) for household in households if household.count >= params.plaque_min_stars
    ]
    return sorted(lines, key=lambda line: (-line.count, line.group, line.name))


def roll_changes(households: Iterable[RollHousehold], *, online: bool) -> list[RollLine]:
    """Households whose stars were added or removed, also those that fell below six."""
    return [
        _line(household, online)
        for household in households
        if change_mark(household.previous, household.count)
    ]


def _line(household: RollHousehold, online: bool) -> RollLine:
    masked = online and not household.consents_online
    name = mask_name(household.head_name) if masked else household.head_name
    return RollLine(name, household.group, household.count, change_mark(household.previous, household.count))
