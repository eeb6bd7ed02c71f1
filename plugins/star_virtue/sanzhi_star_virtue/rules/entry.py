"""The entry of one household in a cycle: its states and who leaves the rating."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sanzhi_core.kit.procedure import JOB, Procedure, Transition, from_each
from sanzhi_core.kit.refusals import InvalidInput
from sanzhi_star_virtue.rules.guardwords import refuse_forbidden_ground


class EntryState(StrEnum):
    INVITED = "INVITED"
    SELF_RATED = "SELF_RATED"
    REVIEWED = "REVIEWED"
    PUBLICISED = "PUBLICISED"
    OBJECTED = "OBJECTED"
    RE_REVIEWED = "RE_REVIEWED"
    CONFIRMED = "CONFIRMED"
    AWARDED = "AWARDED"
    NOT_PARTICIPATED = "NOT_PARTICIPATED"
    WITHDRAWN = "WITHDRAWN"
    EXCLUDED = "EXCLUDED"


_S = EntryState

# A valid self-rating, not withdrawn or excluded: counted in A.
PARTICIPATING: Final = frozenset(
    {_S.SELF_RATED, _S.REVIEWED, _S.PUBLICISED, _S.OBJECTED, _S.RE_REVIEWED, _S.CONFIRMED, _S.AWARDED}
)
SETTLED: Final = frozenset({_S.CONFIRMED, _S.AWARDED})

_HOUSEHOLD = frozenset({"RESIDENT", "HOUSEHOLD_HEAD", "CLERK"})
_COMMITTEES = frozenset({"VC_DIRECTOR", "VC_MEMBER", "PARTY_SECRETARY", "PARTY_COMMITTEE"})
_COUNCIL = frozenset({"MORAL_COUNCIL"})

ENTRY: Final = Procedure(
    "star_virtue.entry",
    _S.INVITED,
    (
        Transition(_S.INVITED, _S.SELF_RATED, _HOUSEHOLD, "valid form in time"),
        Transition(_S.INVITED, _S.NOT_PARTICIPATED, frozenset({JOB}) | _COMMITTEES, "self-rating closed"),
        # R-CORE-50: paper received in time and keyed within the grace days counts, though self-rating has closed
        Transition(_S.NOT_PARTICIPATED, _S.SELF_RATED, frozenset({"CLERK"}), "paper received in time"),
        Transition(_S.SELF_RATED, _S.REVIEWED, _COMMITTEES, "every claimed star voted"),
        Transition(_S.REVIEWED, _S.PUBLICISED, _COMMITTEES),
        Transition(_S.PUBLICISED, _S.OBJECTED, _HOUSEHOLD, "objection accepted"),
        Transition(_S.OBJECTED, _S.RE_REVIEWED, _COMMITTEES, "objection upheld, star voted again"),
        Transition(_S.OBJECTED, _S.PUBLICISED, _COUNCIL, "every objection rejected or withdrawn"),
        Transition(_S.RE_REVIEWED, _S.PUBLICISED, _COMMITTEES, "published again"),
        # the right to object to an exclusion (domain §3) would be empty without a way back
        Transition(
            _S.EXCLUDED, _S.RE_REVIEWED, _COMMITTEES, "objection to the exclusion upheld, all stars voted"
        ),
        Transition(_S.PUBLICISED, _S.CONFIRMED, _COMMITTEES),
        Transition(_S.CONFIRMED, _S.AWARDED, _COMMITTEES),
        *from_each((_S.INVITED, _S.SELF_RATED, _S.REVIEWED), _S.WITHDRAWN, _HOUSEHOLD, "before publicity"),
        *from_each(
            (_S.INVITED, _S.SELF_RATED, _S.REVIEWED, _S.PUBLICISED, _S.OBJECTED, _S.RE_REVIEWED),
            _S.EXCLUDED,
            _COMMITTEES | {JOB},
            "decision with reason and notice",
        ),
    ),
)

DISSOLVED: Final = "DISSOLVED"


def check_exclusion(reason: str, *, notified: bool) -> None:
    """Exclusion needs a reason and notice to the household, who may object. Raises InvalidInput.

    `DISSOLVED` (the only member died) needs no notice: nobody is there to receive it.
    """
    if not reason.strip():
        raise InvalidInput("reason", "EMPTY", "须写明不予评定的理由", "An exclusion needs a reason")
    refuse_forbidden_ground(reason, "reason")
    if reason != DISSOLVED and not notified:
        raise InvalidInput(
            "notifiedAt", "NOT_NOTIFIED", "须先告知该户并说明可以提出异议", "The household must be told first"
        )


def after_household_left(state: EntryState, household_status: str) -> EntryState:
    """What becomes of an entry when its household changes after the snapshot; N never changes.

    MOVED_OUT keeps its entry; DISSOLVED (sole member deceased) is excluded unless already settled.
    """
    if household_status == DISSOLVED and EntryState.EXCLUDED in ENTRY.following(state):
        return EntryState.EXCLUDED
    return state
