"""T1–T3 of a cycle as SQL: numerator, denominator, displayed percentage and status (domain/star_virtue.md §4).

Official figures when frozen; before that counted now, R and R6 from the publicity on (a new vote changes them).
The same arithmetic as `kit.exact.Ratio` and `kit.indicator.Figure`; a test holds both together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa

from sanzhi_core.kit.indicator import Status
from sanzhi_core.reading.declaration import expr
from sanzhi_star_virtue.models import Entry
from sanzhi_star_virtue.rules.entry import PARTICIPATING
from sanzhi_star_virtue.rules.thresholds import SIX_STARS

Build = Callable[[Any], Any]


def count_n(t: Any) -> Any:
    """N: households at the snapshot."""
    return sa.func.coalesce(t.official_n, t.total_households)


def _now(t: Any, *where: Any) -> Any:
    """Participating entries counted now; not evaluated once the official figures are frozen."""
    return (
        sa.select(sa.cast(sa.func.count(), sa.Integer))
        .where(Entry.cycle_id == t.id, Entry.state.in_(sorted(str(s) for s in PARTICIPATING)), *where)
        .scalar_subquery()
    )


def count_a(t: Any) -> Any:
    """A: valid self-ratings, neither withdrawn nor excluded."""
    return sa.func.coalesce(t.official_a, _now(t))


def _published(t: Any, official: Any, *where: Any) -> Any:
    return sa.case(
        (t.provisional_a.is_not(None), sa.func.coalesce(official, _now(t, *where))), else_=official
    )


def count_r(t: Any) -> Any:
    """R: titled households; null before the publicity."""
    return _published(t, t.official_r, Entry.title_held)


def count_r6(t: Any) -> Any:
    """R6: titled households with six stars and more; null before the publicity."""
    return _published(t, t.official_r6, Entry.title_held, Entry.final_count >= SIX_STARS)


def basis(t: Any) -> Any:
    """OFFICIAL, PROVISIONAL or RUNNING."""
    return sa.case(
        (t.official_n.is_not(None), "OFFICIAL"),
        (t.provisional_a.is_not(None), "PROVISIONAL"),
        else_="RUNNING",
    )


_PARTS: Final[dict[str, tuple[Build, Build]]] = {
    "t1": (count_a, count_n),
    "t2": (count_r, count_n),
    "t3": (count_r6, count_r),
}


def _percent(key: str) -> Build:
    num, den = _PARTS[key]

    def build(t: Any) -> Any:
        # Untyped, the divisor would make this a division of floating point numbers.
        twice = sa.func.nullif(2 * den(t), 0, type_=sa.Integer)
        hundredths = (20000 * num(t) + den(t)) // twice
        whole, rest = sa.cast(hundredths // 100, sa.Text), sa.cast(hundredths % 100, sa.Text)
        return whole.concat(".").concat(sa.func.lpad(rest, 2, "0"))

    return build


def _status(key: str) -> Build:
    num, den = _PARTS[key]

    def build(t: Any) -> Any:
        target = [
            sa.cast(sa.func.jsonb_extract_path_text(t.params, f"star.{key}", n), sa.Integer)
            for n in ("0", "1")
        ]
        return sa.case(
            (den(t).is_(None), None),
            (den(t) == 0, Status.NOT_APPLICABLE.value),
            (target[1] * num(t) >= target[0] * den(t), Status.REACHED.value),
            (num(t).is_not(None), Status.NOT_REACHED.value),
        )

    return build


def figure_fields(key: str, zh: str, en: str) -> tuple[Any, Any, Any, Any]:
    """Declared fields `<key>_num`, `_den`, `_percent`, `_status` of one indicator, in this order."""
    num, den = _PARTS[key]
    return (
        expr(num, int, zh=f"{zh}：分子", en=f"{en}: numerator", cost=3),
        expr(den, int, zh=f"{zh}：分母", en=f"{en}: denominator"),
        expr(
            _percent(key),
            str,
            zh=f"{zh}：百分数，两位小数",
            en=f"{en}: percentage, two decimals, half up",
            cost=3,
        ),
        expr(
            _status(key),
            str,
            zh=f"{zh}：是否达标",
            en=f"{en}: REACHED, NOT_REACHED or NOT_APPLICABLE",
            cost=3,
        ),
    )
