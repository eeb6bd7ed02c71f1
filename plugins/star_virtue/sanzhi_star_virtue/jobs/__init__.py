"""Background work of star_virtue."""

from __future__ import annotations

from sanzhi_star_virtue.jobs import awards, objections, publicity, selfrating

JOBS = (*selfrating.JOBS, *publicity.JOBS, *objections.JOBS, *awards.JOBS)
