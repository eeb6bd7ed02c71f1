"""Reports of star_virtue: summary of a cycle, the public notice 张榜公示, the honour roll."""

from __future__ import annotations

from sanzhi_star_virtue.reports import honour_roll, poster, summary

REPORTS = (summary.SPEC, poster.SPEC, honour_roll.SPEC)
