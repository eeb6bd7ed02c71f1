import json

import pytest

from sanzhi_core.kit.meeting import Share
from sanzhi_star_virtue.rules.params import DEFAULTS, StarParams


def test_defaults_are_those_of_the_text() -> None:
    assert DEFAULTS.as_settings() == {
        "star.t1": [9, 10], "star.t2": [2, 5], "star.t3": [3, 5], "star.count": 10, "star.titleMinStars": 1,
        "star.plaqueMinStars": 6, "star.selfRatingMinDays": 10, "star.extensionMaxDays": 7,
        "star.paperKeyingWorkdays": 2, "star.publicityWorkdays": 5, "star.republicityWorkdays": 3,
        "star.objectionWorkdays": 3, "star.objectionExtensionWorkdays": 3, "star.reviewWorkdays": 5,
        "star.awardWithinDays": 30, "star.bonus.veteran": 5, "star.bonus.moralModel": 5, "star.bonus.cap": 10,
        "star.meetingQuorum": [2, 3], "points.perStar": 10, "points.approvalAbove": 20,
    }  # fmt: skip


def test_a_frozen_cycle_keeps_its_numbers_through_json() -> None:
    params = StarParams(publicity_workdays=7, meeting_quorum=Share(1, 2))
    assert StarParams.from_settings(json.loads(json.dumps(params.as_settings()))) == params
    assert StarParams.from_settings({}) == DEFAULTS


@pytest.mark.parametrize(
    "settings",
    [
        {"star.publicityWorkdays": 4},
        {"star.publicityWorkdays": 8},
        {"star.republicityWorkdays": 2},
        {"star.count": 11},
        {"star.bonus.cap": 11},
        {"star.titleMinStars": 0},
        {"star.t1": [11, 10]},
    ],
)
def test_numbers_outside_their_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        StarParams.from_settings(settings)
