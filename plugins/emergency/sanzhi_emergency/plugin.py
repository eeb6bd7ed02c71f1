"""应急资源与演练: the plugin's manifest. What it does not do yet it does not show."""

from __future__ import annotations

from sanzhi_core.platform.hookspecs import Manifest, hookimpl


@hookimpl
def manifest() -> Manifest:
    return Manifest(
        "emergency",
        "sanzhi_emergency",
        "应急资源与演练",
        "Emergency resources and drills",
        "0.1.0",
        prefix="Emergency",
    )
