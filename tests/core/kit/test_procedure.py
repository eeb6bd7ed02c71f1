import pytest

from sanzhi_core.kit.procedure import JOB, Procedure, Transition, from_each
from sanzhi_core.kit.refusals import Forbidden, InvalidTransition

CHIEF = frozenset({"VC_DIRECTOR"})
TABLE = Procedure(
    "letter",
    "DRAFT",
    (
        Transition("DRAFT", "SENT", CHIEF, "stamped"),
        Transition("SENT", "ANSWERED", CHIEF | {JOB}),
        *from_each(("DRAFT", "SENT"), "CANCELLED", CHIEF),
    ),
)


def test_only_listed_steps_exist() -> None:
    allowed = {(t.frm, t.to) for t in TABLE.transitions}
    for frm in TABLE.states:
        for to in TABLE.states:
            if (frm, to) in allowed:
                assert TABLE.check(frm, to).to == to
            else:
                with pytest.raises(InvalidTransition) as caught:
                    TABLE.check(frm, to)
                assert (caught.value.frm, caught.value.to) == (frm, to)
                assert caught.value.code == "INVALID_TRANSITION"


def test_shape() -> None:
    assert TABLE.states == {"DRAFT", "SENT", "ANSWERED", "CANCELLED"}
    assert TABLE.final == {"ANSWERED", "CANCELLED"}
    assert TABLE.following("DRAFT") == ("SENT", "CANCELLED")
    assert TABLE.check("DRAFT", "SENT").guard == "stamped"


def test_who_may_take_a_step() -> None:
    TABLE.check_by("SENT", "ANSWERED", [JOB])
    with pytest.raises(Forbidden) as caught:
        TABLE.check_by("DRAFT", "SENT", [JOB, "CLERK"])
    assert caught.value.facts["allowed"] == ["VC_DIRECTOR"]
    with pytest.raises(InvalidTransition):
        TABLE.check_by("ANSWERED", "SENT", ["VC_DIRECTOR"])


@pytest.mark.parametrize(
    ("transitions", "message"),
    [
        ((Transition("A", "B", CHIEF), Transition("A", "B", CHIEF)), "twice"),
        ((Transition("A", "B", frozenset()),), "nobody"),
        ((Transition("A", "B", CHIEF), Transition("C", "D", CHIEF)), "cannot be reached: C, D"),
    ],
)
def test_mistakes_in_a_table_fail_when_it_is_made(transitions: tuple[Transition, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Procedure("bad", "A", transitions)
