"""Background work of star_virtue."""

from __future__ import annotations

from sanzhi_star_virtue.jobs import selfrating

JOBS = (*selfrating.JOBS,)
