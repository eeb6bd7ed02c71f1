"""星级化德治: the plugin's manifest. What it does not do yet it does not show."""

from __future__ import annotations

from sanzhi_core.platform.hookspecs import Manifest, hookimpl


@hookimpl
def manifest() -> Manifest:
    return Manifest("star_virtue", "sanzhi_star_virtue", "星级化德治", "Star rating of households", "0.1.0", prefix="Star")
