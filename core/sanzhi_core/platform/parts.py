"""What the platform's shared tables bring to the core part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from sanzhi_core.clock import SHANGHAI, OffsetClock
from sanzhi_core.platform import deliveries, notices, piloting, reports, settings
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.hookspecs import Mutation, Permission, Query
from sanzhi_core.platform.nodes import NODES
from sanzhi_core.reading.declaration import Bounded

PERMISSIONS = (
    Permission("core.plugin.read", "查看插件启用", "Read plugin decisions", ("SYS_ADMIN", "COUNTY_DEPT", "TOWN_STAFF", "TOWN_LEADER", "VC_DIRECTOR", "PARTY_SECRETARY", "AUDITOR_RO")),
    Permission(piloting.MANAGE, "启用插件", "Switch plugins", ("COUNTY_DEPT",)),
    Permission("core.setting.read", "查看设置", "Read settings", ("SYS_ADMIN", "COUNTY_DEPT", "TOWN_STAFF", "TOWN_LEADER", "VC_DIRECTOR", "PARTY_SECRETARY", "AUDITOR_RO")),
    Permission(settings.MANAGE, "修改设置", "Change settings", ("COUNTY_DEPT",)),
    Permission("core.notice.read", "查看消息发送", "Read messages sent", ("VC_DIRECTOR", "PARTY_SECRETARY", "GRID_WORKER", "TOWN_STAFF")),
    Permission("core.report.read", "查看报表", "Read reports", ("VC_DIRECTOR", "PARTY_SECRETARY", "TOWN_STAFF", "TOWN_LEADER", "COUNTY_DEPT", "AUDITOR_RO", "SUPERVISION")),
    Permission(deliveries.MANAGE, "管理后台任务", "Manage background work", ("SYS_ADMIN",)),
)  # fmt: skip

MUTATIONS = (
    Mutation("setPlugin", piloting.set_plugin, "PluginEnablement", "enablement", "启用、暂停或关闭插件", "Switch a plugin at a unit"),
    Mutation("setSetting", settings.set_setting, "SettingValue", "setting", "修改设置", "Change a setting at a unit"),
    Mutation("markNotificationRead", notices.mark_read, "Notification", "notification", "标记消息已读", "Mark a message as read"),
    Mutation("requestReport", reports.request_report, "Report", "report", "申请报表", "Ask for a report"),
    Mutation("linkReport", reports.link_report, None, "link", "取报表的限时下载链接", "An expiring download link of a report", outputs=reports.DownloadLink),
    Mutation("replayDelivery", deliveries.replay_delivery, None, "", "重新投递失败的后台任务", "Replay a dead delivery"),
)  # fmt: skip


@dataclass(frozen=True)
class ServerTime:
    """服务器时间 / The clock all deadlines are reckoned by.

    `now`: business time, ISO 8601 in Asia/Shanghai; `today`: the business day; `demo_clock`: time may be shifted.
    """

    now: Annotated[str, "现在(上海时间，ISO 8601) / Business time in Shanghai, ISO 8601"]
    today: Annotated[str, "今天 / The business day"]
    demo_clock: Annotated[bool, "是否演示时钟 / Whether time may be shifted"]


async def server_time(ctx: Context, _input: Any) -> ServerTime:
    """The clock all deadlines are reckoned by."""
    now = ctx.clock.now().astimezone(SHANGHAI)
    return ServerTime(
        now.isoformat(timespec="seconds"), ctx.today.isoformat(), isinstance(ctx.clock, OffsetClock)
    )


@dataclass(frozen=True)
class PluginHealth:
    """插件状态 / State of an installed plugin.

    State of an installed plugin: LOADED or QUARANTINED with the reason.
    """

    name: Annotated[str, "插件 / Plugin"]
    version: Annotated[str, "版本 / Version"]
    state: Annotated[str, "LOADED 正常 QUARANTINED 隔离 / LOADED or QUARANTINED"]
    reason: Annotated[str, "原因 / Reason"]


async def plugin_health(ctx: Context, _input: Any) -> list[PluginHealth]:
    """All installed plugins, the core first."""
    return [PluginHealth(h.name, h.version, h.state, h.reason) for h in ctx.platform.health]


QUERIES = (
    Query("serverTime", server_time, ServerTime, "服务器时间", "The server's clock", "public", cost=1),
    Query("pluginHealth", plugin_health, Annotated[list[PluginHealth], Bounded(200)], "插件状态", "State of the installed plugins", deliveries.MANAGE),
    Query("planPluginEnable", piloting.plan_plugin, piloting.PluginPlan, "启用插件的试算", "Dry run of setPlugin", piloting.MANAGE, input=piloting.PilotChoice),
    Query("deliveryLag", deliveries.delivery_lag, deliveries.DeliveryLag, "后台任务积压", "Backlog of background work", deliveries.MANAGE),
)  # fmt: skip

JOBS = (*notices.JOBS, *piloting.JOBS, *reports.JOBS)

__all__ = ["JOBS", "MUTATIONS", "NODES", "PERMISSIONS", "QUERIES"]
