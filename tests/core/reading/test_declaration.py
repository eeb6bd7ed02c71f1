"""Declarations: a field may have the name of one of the declaration's own facts."""

from __future__ import annotations

from sanzhi_core.platform.nodes import Notification, PluginEnablement, Report


def test_a_field_called_plugin_is_a_field() -> None:
    for node in (PluginEnablement, Notification, Report):
        assert "plugin" in node.specs
        assert node.plugin == "core"
