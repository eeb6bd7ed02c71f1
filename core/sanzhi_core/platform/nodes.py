"""Queryable types of the platform's shared tables."""

from __future__ import annotations

from sanzhi_core.platform import models
from sanzhi_core.reading.declaration import Node, Policy, col, one


class PluginEnablement(
    Node, model=models.PluginEnablement, plugin="core", policy=Policy("core.plugin.read"),
    one="pluginEnablement", many="pluginEnablements", default_order=("plugin",),
    zh="插件启用决定", en="A decision to switch a plugin on or off at a unit",
):  # fmt: skip
    plugin = col(zh="插件", en="Plugin", order=True)
    state = col(zh="状态", en="OFF, PILOT, ON, SUSPENDED or PENDING_CONFIRM")
    locked = col(zh="已锁定", en="No other decision below")
    valid_from = col(zh="生效日", en="First day", order=True)
    valid_to = col(zh="失效日", en="First day on which it no longer holds")
    reason = col(zh="理由", en="Reason")
    doc_no = col(zh="文号", en="Document number")
    decided_at = col(zh="决定时间", en="When it was decided")
    version = col(zh="版本", en="Version", filter=False)
    unit = one("OrgUnit", local="unit_id", zh="单位", en="Unit")


class SettingValue(
    Node, model=models.SettingValue, plugin="core", policy=Policy("core.setting.read"),
    one="settingValue", many="settingValues", default_order=("key",),
    zh="设置值", en="A setting's value at a unit",
):  # fmt: skip
    key = col(zh="设置项", en="Setting", order=True)
    value = col(zh="值", en="Value", filter=False)
    locked = col(zh="已锁定", en="May not be overridden below")
    valid_from = col(zh="生效日", en="First day", order=True)
    valid_to = col(zh="失效日", en="First day on which it no longer holds")
    reason = col(zh="理由", en="Reason")
    doc_no = col(zh="文号", en="Document number")
    version = col(zh="版本", en="Version", filter=False)
    unit = one("OrgUnit", local="unit_id", zh="单位", en="Unit")


class Notification(
    Node, model=models.Notification, plugin="core",
    policy=Policy("core.notice.read", self_=("household_id", "resident_id"), account="account_id"),
    one="notification", many="notifications", default_order=("created_at",),
    zh="消息", en="A message in the in-app inbox or on the paper list",
):  # fmt: skip
    event_key = col(zh="事由", en="What it is about")
    plugin = col(zh="插件", en="Plugin")
    channel = col(zh="渠道", en="IN_APP or PAPER_LIST")
    priority = col(zh="优先级", en="Priority")
    title_zh = col(zh="标题(中文)", en="Title in Chinese", filter=False)
    title_en = col(zh="标题(英文)", en="Title in English", filter=False)
    body_zh = col(zh="正文(中文)", en="Text in Chinese", filter=False)
    body_en = col(zh="正文(英文)", en="Text in English", filter=False)
    state = col(zh="状态", en="QUEUED, SENT or READ")
    created_at = col(zh="产生时间", en="When it was made", order=True)
    sent_at = col(zh="发送时间", en="When it was sent")
    read_at = col(zh="阅读时间", en="When it was read")
    household = one("Household", local="household_id", zh="农户", en="Household")
    unit = one("OrgUnit", local="unit_id", zh="单位", en="Unit")


class Report(
    Node, model=models.Report, plugin="core", policy=Policy("core.report.read", account="requested_by"),
    one="report", many="reports", default_order=("requested_at",),
    zh="报表", en="A report: parameters, progress, figures and file",
):  # fmt: skip
    kind = col(zh="种类", en="Kind")
    plugin = col(zh="插件", en="Plugin")
    format = col(zh="格式", en="Format")
    language = col(zh="语言", en="Language")
    parameters = col(zh="参数", en="Parameters", filter=False)
    formula_version = col(zh="公式版本", en="Version of the formulas")
    figures = col(zh="数字", en="Figures shown in the report", filter=False)
    state = col(zh="状态", en="QUEUED, RUNNING, DONE or FAILED")
    progress = col(zh="进度(%)", en="Progress in percent", filter=False)
    requested_at = col(zh="申请时间", en="When it was asked for", order=True)
    snapshot_at = col(zh="数据时间", en="Time of the data")
    finished_at = col(zh="完成时间", en="When it was finished")
    file_name = col(zh="文件名", en="File name", filter=False)
    media_type = col(zh="媒体类型", en="Media type", filter=False)
    size_bytes = col(zh="字节数", en="Size in bytes", filter=False)
    unit = one("OrgUnit", local="unit_id", zh="单位", en="Unit")


NODES = (PluginEnablement, SettingValue, Notification, Report)
