"""The cycle's numbers: settings in force at the village when it opens, frozen with it from then on."""

from __future__ import annotations

from typing import Any

from sanzhi_core.org.models import OrgUnit
from sanzhi_core.platform.settings import setting
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.models import Cycle
from sanzhi_star_virtue.rules.params import DEFAULTS, StarParams

OPEN_YEARS = "star.openYears"
MEETING_BODIES = "star.meetingBodies"


async def settings_in_force(work: Work, village: OrgUnit) -> dict[str, Any]:
    """Values by setting key, to be frozen in `Cycle.params`."""
    keys = (*DEFAULTS.as_settings(), MEETING_BODIES)
    return {key: await setting(work, key, village) for key in keys}


def params_of(cycle: Cycle) -> StarParams:
    """The frozen numbers of a cycle."""
    return StarParams.from_settings(cycle.params)


def meeting_bodies_of(cycle: Cycle) -> list[str]:
    """Kinds of the bodies whose members are eligible at the cycle's review meetings."""
    return list(cycle.params[MEETING_BODIES])
