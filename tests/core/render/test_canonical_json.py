from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest

from sanzhi_core.render import to_json


class State(StrEnum):
    OPEN = "OPEN"


@dataclass(frozen=True)
class Figure:
    num: int
    den: int


def test_one_form_for_each_value() -> None:
    value = {
        "b": [Figure(186, 200), State.OPEN, None, True],
        "a": {"时": datetime(2026, 11, 22, 2, tzinfo=UTC), "日": date(2026, 11, 22)},
        "c": (Fraction(3, 5), Decimal("1.10"), UUID(int=1)),
    }
    assert to_json(value).decode() == (
        '{"a":{"日":"2026-11-22","时":"2026-11-22T02:00:00+00:00"},'
        '"b":[{"den":200,"num":186},"OPEN",null,true],'
        '"c":["3/5","1.10","00000000-0000-0000-0000-000000000001"]}'
    )
    assert to_json(dict(reversed(value.items()))) == to_json(value)


@pytest.mark.parametrize(
    "bad", [0.5, float("nan"), {1, 2}, {1: "x"}, b"x", datetime.fromisoformat("2026-01-01"), Figure]
)
def test_what_has_no_exact_form_is_refused(bad: Any) -> None:
    with pytest.raises(TypeError):
        to_json({"x": [bad]})
