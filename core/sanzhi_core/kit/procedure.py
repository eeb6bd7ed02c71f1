"""A procedure: a table of states and transitions, who may take them and which guard they need.

The table is data for people and programs; guards are named here and decided by the rules of the owner.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sanzhi_core.kit.refusals import Forbidden, InvalidTransition

JOB = "JOB"  # the system itself, by a timer or a schedule


@dataclass(frozen=True, slots=True)
class Transition:
    """One allowed step. `by`: role codes (or JOB) that may take it; `guard`: name of its condition."""

    frm: str
    to: str
    by: frozenset[str]
    guard: str = ""


class Procedure:
    """An immutable table; mistakes in it raise ValueError when it is made, not when it is used."""

    def __init__(self, name: str, initial: str, transitions: Iterable[Transition]) -> None:
        self.name = name
        self.initial = str(initial)
        self.transitions = tuple(transitions)
        self._table = {(str(t.frm), str(t.to)): t for t in self.transitions}
        if len(self._table) != len(self.transitions):
            raise ValueError(f"{name}: a transition is listed twice")
        if any(not t.by for t in self.transitions):
            raise ValueError(f"{name}: a transition that nobody may take")
        self.states = frozenset({self.initial} | {state for pair in self._table for state in pair})
        reached, frontier = {self.initial}, [self.initial]
        while frontier:
            for to in self.following(frontier.pop()):
                if to not in reached:
                    reached.add(to)
                    frontier.append(to)
        if reached != self.states:
            raise ValueError(f"{name}: cannot be reached: {', '.join(sorted(self.states - reached))}")
        self.final = frozenset(state for state in self.states if not self.following(state))

    def following(self, state: str) -> tuple[str, ...]:
        """States that can come next, in the order of the table."""
        return tuple(str(t.to) for t in self.transitions if str(t.frm) == str(state))

    def check(self, frm: str, to: str) -> Transition:
        """The transition from `frm` to `to`; InvalidTransition when the table has none."""
        found = self._table.get((str(frm), str(to)))
        if found is None:
            raise InvalidTransition(frm, to)
        return found

    def check_by(self, frm: str, to: str, roles: Iterable[str]) -> Transition:
        """Like `check`, and one of `roles` must be allowed to take it (Forbidden)."""
        found = self.check(frm, to)
        if found.by.isdisjoint(roles):
            raise Forbidden(
                "ROLE", "该步骤不由您办理", "This step is taken by others", allowed=sorted(found.by)
            )
        return found


def from_each(states: Iterable[str], to: str, by: frozenset[str], guard: str = "") -> tuple[Transition, ...]:
    """The same step from several states."""
    return tuple(Transition(state, to, by, guard) for state in states)
