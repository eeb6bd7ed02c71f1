"""Meetings: roll, presence, quorum in exact integers, recusal, secret totals and decisions."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sanzhi_core.kit.exact import at_least, more_than_half, smallest_at_least
from sanzhi_core.kit.refusals import ConflictOfInterest, Forbidden, InvalidInput, QuorumNotMet

Person = TypeVar("Person", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a whole as `num/den`, e.g. a quorum of 2/3."""

    num: int
    den: int

    def __post_init__(self) -> None:
        if not 0 < self.num <= self.den:
            raise ValueError("a share lies above 0 and not above 1")


TWO_THIRDS = Share(2, 3)


def quorum_met(present: int, eligible: int, share: Share = TWO_THIRDS) -> bool:
    """Are enough present? `den*present >= num*eligible`; nobody eligible is no quorum."""
    return at_least(present, eligible, share.num, share.den)


def require_quorum(present: int, eligible: int, share: Share = TWO_THIRDS) -> None:
    """Raises QuorumNotMet."""
    if not quorum_met(present, eligible, share):
        needed = max(1, smallest_at_least(eligible, share.num, share.den))
        raise QuorumNotMet(present, eligible, needed)


@dataclass(frozen=True, slots=True)
class Attendance(Generic[Person]):
    """Who could come and who came. `eligible` is frozen when the meeting is called."""

    eligible: frozenset[Person]
    present: frozenset[Person]

    def __post_init__(self) -> None:
        strangers = len(self.present - self.eligible)
        if strangers:
            raise InvalidInput(
                "present",
                "NOT_ELIGIBLE",
                f"到会名单中有{strangers}人不是应到人员",
                f"{strangers} of those present are not eligible members",
                count=strangers,
            )

    @classmethod
    def of(cls, eligible: Iterable[Person], present: Collection[Person]) -> Attendance[Person]:
        """Checks that nobody is listed twice as present. Raises InvalidInput."""
        if len(set(present)) != len(present):
            raise InvalidInput("present", "TWICE", "到会名单有重复", "Someone is listed as present twice")
        return cls(frozenset(eligible), frozenset(present))

    def require_quorum(self, share: Share = TWO_THIRDS) -> None:
        require_quorum(len(self.present), len(self.eligible), share)

    def voters(self, recused: Collection[Person] = ()) -> frozenset[Person]:
        """Those who may vote on a matter: present and not recused."""
        return self.present - frozenset(recused)

    def check_voter(self, person: Person, recused: Collection[Person] = ()) -> None:
        """Forbidden when not present, ConflictOfInterest when recused."""
        if person not in self.present:
            raise Forbidden("NOT_PRESENT", "未到会，不能表决", "Only members present may vote")
        if person in recused:
            raise ConflictOfInterest(
                "RECUSED",
                "涉及本户或近亲属，应当回避",
                "Members leave for their own household's and near relatives' matters",
            )


def recused(
    members: Iterable[Person], concerned: Collection[Person], relatives: Iterable[tuple[Person, Person]]
) -> frozenset[Person]:
    """Members that must leave: the persons concerned and their near relatives (R-CORE-22).

    `relatives` are pairs as the persons declared them, in either direction; nothing is inferred.
    """
    near = set(concerned)
    for one, other in relatives:
        if one in concerned:
            near.add(other)
        if other in concerned:
            near.add(one)
    return frozenset(near.intersection(members))


@dataclass(frozen=True, slots=True)
class Ballot:
    """Totals of one secret vote: `present` and not recused, and `yes`. Abstaining is present, not yes.

    Raises InvalidInput when a count is negative or more vote yes than are present.
    """

    present: int
    yes: int

    def __post_init__(self) -> None:
        if self.present < 0 or self.yes < 0:
            raise InvalidInput("votes", "NEGATIVE", "人数和票数不能为负", "Counts cannot be negative")
        if self.yes > self.present:
            raise InvalidInput(
                "votes",
                "YES_EXCEEDS_PRESENT",
                f"赞成{self.yes}票多于有表决权的到会{self.present}人",
                f"{self.yes} yes votes are more than the {self.present} members present",
                present=self.present,
                yes=self.yes,
            )

    def require_voters(self) -> None:
        """QuorumNotMet when everybody had to leave: nobody is there to decide."""
        if self.present == 0:
            raise QuorumNotMet(0, 0, 1)

    def passed(self) -> bool:
        """More than half of those present say yes."""
        self.require_voters()
        return more_than_half(self.yes, self.present)
