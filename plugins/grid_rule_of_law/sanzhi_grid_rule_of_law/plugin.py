"""网格化法治: the plugin's manifest. What it does not do yet it does not show."""

from __future__ import annotations

from sanzhi_core.platform.hookspecs import Manifest, hookimpl


@hookimpl
def manifest() -> Manifest:
    return Manifest(
        "grid_rule_of_law",
        "sanzhi_grid_rule_of_law",
        "网格化法治",
        "Grid-based rule of law",
        "0.1.0",
        prefix="Grid",
    )
