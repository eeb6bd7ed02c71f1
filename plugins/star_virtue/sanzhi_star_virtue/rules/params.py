"""The numbers of the star rating. All are settings; a cycle freezes those in force when it opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from sanzhi_core.kit.meeting import Share

SEED = "seed 002 二(二)"
ASSUMED = "assumption, configurable"


def _number(key: str, default: int, source: str, low: int, high: int) -> Any:
    return field(default=default, metadata={"key": key, "source": source, "low": low, "high": high})


def _said(key: str, source: str) -> dict[str, str]:
    return {"key": key, "source": source}


@dataclass(frozen=True, slots=True, kw_only=True)
class StarParams:
    """Days are natural days, workdays working days. Out of range raises ValueError."""

    t1: Share = field(default=Share(9, 10), metadata=_said("star.t1", SEED))
    t2: Share = field(default=Share(2, 5), metadata=_said("star.t2", SEED))
    t3: Share = field(default=Share(3, 5), metadata=_said("star.t3", SEED))
    star_count: int = _number("star.count", 10, SEED, 10, 10)
    title_min_stars: int = _number("star.titleMinStars", 1, ASSUMED, 1, 10)
    plaque_min_stars: int = _number("star.plaqueMinStars", 6, SEED, 1, 10)
    self_rating_min_days: int = _number("star.selfRatingMinDays", 10, ASSUMED, 1, 90)
    extension_max_days: int = _number("star.extensionMaxDays", 7, ASSUMED, 0, 30)
    paper_keying_workdays: int = _number("star.paperKeyingWorkdays", 2, ASSUMED, 0, 5)
    publicity_workdays: int = _number("star.publicityWorkdays", 5, ASSUMED, 5, 7)
    republicity_workdays: int = _number("star.republicityWorkdays", 3, ASSUMED, 3, 7)
    objection_workdays: int = _number("star.objectionWorkdays", 3, ASSUMED, 1, 10)
    objection_extension_workdays: int = _number("star.objectionExtensionWorkdays", 3, ASSUMED, 0, 10)
    review_workdays: int = _number("star.reviewWorkdays", 5, ASSUMED, 1, 15)
    award_within_days: int = _number("star.awardWithinDays", 30, ASSUMED, 1, 365)
    bonus_veteran: int = _number("star.bonus.veteran", 5, "bonus seed 002, size " + ASSUMED, 0, 10)
    bonus_moral_model: int = _number("star.bonus.moralModel", 5, "bonus seed 002, size " + ASSUMED, 0, 10)
    bonus_cap: int = _number("star.bonus.cap", 10, ASSUMED, 0, 10)
    meeting_quorum: Share = field(default=Share(2, 3), metadata=_said("star.meetingQuorum", ASSUMED))
    points_per_star: int = _number("points.perStar", 10, ASSUMED, 0, 1000)
    points_approval_above: int = _number("points.approvalAbove", 20, ASSUMED, 0, 1000)

    def __post_init__(self) -> None:
        for each in fields(self):
            low, high = each.metadata.get("low"), each.metadata.get("high")
            if low is not None and high is not None and not low <= getattr(self, each.name) <= high:
                raise ValueError(f"{each.metadata['key']} must lie between {low} and {high}")

    @classmethod
    def from_settings(cls, values: Mapping[str, Any]) -> StarParams:
        """From setting key → value; a share is `[num, den]`. Missing keys take the default."""
        found: dict[str, Any] = {}
        for each in fields(cls):
            key = each.metadata["key"]
            if key in values:
                value = values[key]
                found[each.name] = Share(*value) if isinstance(each.default, Share) else value
        return cls(**found)

    def as_settings(self) -> dict[str, Any]:
        """JSON values by setting key, the reverse of `from_settings`."""
        settings: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            settings[each.metadata["key"]] = [value.num, value.den] if isinstance(value, Share) else value
        return settings


DEFAULTS = StarParams()
