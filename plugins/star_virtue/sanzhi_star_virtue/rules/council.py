"""The four councils 四会 (domain/star_virtue.md §8). The moral council decides objections and proposals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sanzhi_core.kit.meeting import Ballot, require_quorum
from sanzhi_core.kit.refusals import InvalidInput
from sanzhi_star_virtue.rules.params import DEFAULTS, StarParams


@dataclass(frozen=True, slots=True)
class Council:
    """Size None: as its charter says."""

    role: str
    name: str
    seats_min: int | None
    seats_max: int | None
    source: str = "assumption, configurable"


COUNCILS: Final = {
    council.role: council
    for council in (
        Council("MORAL_COUNCIL", "道德评议会", 5, 11),
        Council("WEDDING_FUNERAL", "红白理事会", 5, 9),
        Council("DELIBERATION_COUNCIL", "村民议事会", None, None, "per charter"),
        Council("ANTI_DRUG_GAMBLING", "禁毒禁赌会", 5, 9),
    )
}


def check_size(role: str, members: int) -> None:
    """Raises InvalidInput when the council is too small or too large."""
    council = COUNCILS[role]
    low, high = council.seats_min or 1, council.seats_max
    if members < low or (high is not None and members > high):
        raise InvalidInput(
            "members",
            "COUNCIL_SIZE",
            f"{council.name}应有{low}" + (f"–{high}" if high else "人以上") + "名成员",
            f"{council.role} has {low}" + (f"–{high}" if high else " or more") + " members",
            minimum=low,
            maximum=high,
        )


def council_decides(*, members: int, ballot: Ballot, present: int, params: StarParams = DEFAULTS) -> bool:
    """At least 2/3 of the members present, and more than half of those who may vote say yes.

    `present` counts towards the quorum also those who then leave for a conflict. Raises QuorumNotMet.
    """
    require_quorum(present, members, params.meeting_quorum)
    return ballot.passed()
