"""Settings of star_virtue (domain/star_virtue.md §12): the cycle's numbers with bounds, opened years, meeting bodies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

from sanzhi_core.org.bodies import BODY_KINDS
from sanzhi_core.platform.hookspecs import Setting
from sanzhi_star_virtue.rules.params import ASSUMED, DEFAULTS
from sanzhi_star_virtue.service.parameters import MEETING_BODIES, OPEN_YEARS

_TITLES: Final = {
    "star.t1": ("参评率目标", "Target of participation"),
    "star.t2": ("星级评定率目标", "Target of rated households"),
    "star.t3": ("六星级以上占比目标", "Target of six stars and more"),
    "star.count": ("星的数量", "Number of stars"),
    "star.titleMinStars": ("获评最少星数", "Least stars to hold a title"),
    "star.plaqueMinStars": ("挂牌最少星数", "Least stars for a plaque"),
    "star.selfRatingMinDays": ("自评最短天数", "Least days of self-rating"),
    "star.extensionMaxDays": ("自评延长最多天数", "Most days of an extension"),
    "star.paperKeyingWorkdays": ("纸质表补录工作日", "Working days to key paper forms"),
    "star.publicityWorkdays": ("公示工作日", "Working days of publicity"),
    "star.republicityWorkdays": ("再次公示工作日", "Working days of republication"),
    "star.objectionWorkdays": ("异议办理工作日", "Working days to decide an objection"),
    "star.objectionExtensionWorkdays": ("异议办理延长工作日", "Working days of an extension"),
    "star.reviewWorkdays": ("乡镇复核工作日", "Working days of the town's review"),
    "star.awardWithinDays": ("授星期限天数", "Days within which stars are awarded"),
    "star.bonus.veteran": ("退役军人户加分(百分点)", "Bonus of veterans' households"),
    "star.bonus.moralModel": ("道德模范户加分(百分点)", "Bonus of moral models' households"),
    "star.bonus.cap": ("加分上限(百分点)", "Most bonus"),
    "star.meetingQuorum": ("互评会议法定人数", "Quorum of review meetings"),
    "points.perStar": ("每颗星积分", "Points per star"),
    "points.approvalAbove": ("须二次审核的积分", "Points above which a second approval is needed"),
}


def _between(low: int, high: int) -> Callable[[Any], str | None]:
    return lambda value: None if low <= value <= high else "OUT_OF_RANGE"


def _share(value: Any) -> str | None:
    return None if len(value) == 2 and 0 < value[0] <= value[1] else "NOT_A_SHARE"


def _years(value: Any) -> str | None:
    return None if all(2000 <= year <= 2100 for year in value) else "OUT_OF_RANGE"


def _kinds(value: Any) -> str | None:
    return None if value and set(value) <= set(BODY_KINDS) else "UNKNOWN_BODY_KIND"


def _numbers() -> list[Setting]:
    out = []
    defaults = DEFAULTS.as_settings()
    for each in fields(DEFAULTS):
        key, source = each.metadata["key"], each.metadata["source"]
        low, high = each.metadata.get("low"), each.metadata.get("high")
        zh, en = _TITLES[key]
        if low is None or high is None:
            out.append(Setting(key, list[int], defaults[key], zh, en, source, _share))
        else:
            out.append(Setting(key, int, defaults[key], zh, en, source, _between(low, high)))
    return out


SETTINGS: Final = (
    *_numbers(),
    Setting(
        OPEN_YEARS, list[int], [], "县级已开启评星的年度", "Years the county has opened for rating",
        "domain/star_virtue.md §3: county opened the year", _years,
    ),
    Setting(
        MEETING_BODIES, list[str],
        ["VC", "PARTY_BRANCH", "MORAL_COUNCIL", "WEDDING_FUNERAL", "DELIBERATION_COUNCIL", "ANTI_DRUG_GAMBLING",
         "VILLAGER_REPS"],
        "参加互评会议的组织", "Bodies whose members are eligible at review meetings", ASSUMED, _kinds,
    ),
)  # fmt: skip
