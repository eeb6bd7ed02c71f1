"""数字化自治: the plugin's manifest. What it does not do yet it does not show."""

from __future__ import annotations

from sanzhi_core.platform.hookspecs import Manifest, hookimpl


@hookimpl
def manifest() -> Manifest:
    return Manifest(
        "digital_autonomy",
        "sanzhi_digital_autonomy",
        "数字化自治",
        "Digital self-governance",
        "0.1.0",
        prefix="Autonomy",
    )
