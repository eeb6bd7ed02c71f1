"""Queryable types of what follows: objections, plaques, honour roll, points."""

from __future__ import annotations

from sanzhi_core.reading.declaration import Node, Policy, col, one
from sanzhi_star_virtue import models
from sanzhi_star_virtue import permissions as may

_PLUGIN = "star_virtue"


class StarObjection(
    Node, model=models.Objection, plugin=_PLUGIN, policy=Policy(may.OBJECTION_READ, self_=("household_id",)),
    one="starObjection", many="starObjections", default_order=("received_at",),
    zh="异议。异议人保密，任何人都查不到", en="An objection. Who objected is kept apart and cannot be queried",
):  # fmt: skip
    star_code = col(zh="涉及的星", en="Star it concerns; null: the whole entry")
    state = col(zh="状态", en="OPEN, INVESTIGATING, UPHELD, PARTLY_UPHELD, REJECTED or WITHDRAWN")
    received_at = col(zh="收到时间", en="When it was received", order=True)
    due_at = col(zh="办理期限", en="Until when it is decided")
    extended = col(zh="期限已延长", en="The time was extended")
    decided_at = col(zh="决定时间", en="When it was decided")
    decision_reason = col(zh="处理理由", en="Reason of the decision", filter=False)
    revote_stars = col(zh="须重新表决的星", en="Stars to be voted on again")
    revote_done = col(zh="已重新表决", en="They were voted on again")
    review_state = col(zh="乡镇复核状态", en="Town review: ASKED, KEPT or RETURNED")
    review_asked_at = col(zh="申请复核时间", en="When the review was asked for")
    review_due_at = col(zh="复核期限", en="Until when the town reviews")
    reviewed_at = col(zh="复核时间", en="When the town reviewed")
    review_reason = col(zh="复核理由", en="Reason of the review", filter=False)
    text = col(
        zh="异议内容，仅办理人员可见",
        en="Text; only for those who handle objections",
        needs=may.OBJECTION_READ,
        filter=False,
    )
    evidence = col(
        zh="证据，仅办理人员可见",
        en="Evidence; only for those who handle objections",
        needs=may.OBJECTION_READ,
        filter=False,
    )
    anonymous = col(zh="匿名", en="Anonymous", needs=may.OBJECTION_READ)
    version = col(zh="版本", en="Version", filter=False)
    entry = one("StarEntry", local="entry_id", zh="评定表", en="Entry")
    cycle = one("StarCycle", local="cycle_id", zh="评星周期", en="Cycle")


class StarPlaque(
    Node, model=models.Plaque, plugin=_PLUGIN, policy=Policy(may.PLAQUE_READ, self_=("household_id",)),
    one="starPlaque", many="starPlaques", default_order=("no",),
    zh="星级文明户牌", en="Plaque of a household with six stars and more",
):  # fmt: skip
    no = col(zh="编号", en="Number", order=True)
    star_count = col(zh="星数", en="Number of stars on it")
    state = col(zh="状态", en="TO_ISSUE, ISSUED, RECALLED, REPLACED or LOST")
    issued_at = col(zh="发放时间", en="When it was issued")
    hung_at_door = col(zh="已挂牌", en="It hangs at the door")
    version = col(zh="版本", en="Version", filter=False)
    household = one("Household", local="household_id", zh="农户", en="Household")
    entry = one("StarEntry", local="entry_id", zh="评定表", en="Entry")
    cycle = one("StarCycle", local="cycle_id", zh="评星周期", en="Cycle")


class StarHonourRollItem(
    Node, model=models.HonourRollItem, plugin=_PLUGIN, policy=Policy(public=True),
    one="starHonourRollItem", many="starHonourRoll", default_order=("star_count",),
    zh="星级光荣榜的一户", en="A line of the honour roll: head's masked name, group, stars, change; no reason",
):  # fmt: skip
    head_masked_name = col(zh="户主(脱敏)", en="Head's name, masked")
    group_name = col(zh="村民小组", en="Villagers' group")
    star_count = col(zh="星数", en="Number of stars", order=True)
    change_mark = col(zh="增减", en="Change: +n, −n or empty", filter=False)
    published_at = col(zh="发布时间", en="When it was published")
    cycle = one("StarCycle", local="cycle_id", zh="评星周期", en="Cycle")
    village = one("OrgUnit", local="unit_id", zh="村", en="Village")


class StarPointsBalance(
    Node, model=models.PointsBalance, plugin=_PLUGIN, policy=Policy(may.POINTS_READ, self_=("household_id",)),
    one="starPointsBalance",
    zh="农户积分余额", en="Balance of a household's points; never negative",
):  # fmt: skip
    points = col(zh="积分", en="Points", filter=False)
    version = col(zh="版本", en="Version", filter=False)
    household = one("Household", local="household_id", zh="农户", en="Household")


class StarPointsEntry(
    Node, model=models.PointsEntry, plugin=_PLUGIN,
    policy=Policy(may.POINTS_READ, self_=("household_id",), walled=True),
    one="starPointsEntry", many="starPointsEntries", default_order=("at",),
    zh="积分流水", en="One line of the points ledger; append-only",
):  # fmt: skip
    at = col(zh="时间", en="When", order=True)
    type = col(zh="类型", en="EARN, BONUS, REDEEM, REVERSE, EXPIRE, TRANSFER or ADJUST")
    points = col(zh="分数", en="Points, not zero", filter=False)
    rule_code = col(zh="规则", en="Rule")
    expires_on = col(zh="有效期至", en="Last day of validity")
    household = one("Household", local="household_id", zh="农户", en="Household")


NODES = (StarObjection, StarPlaque, StarHonourRollItem, StarPointsBalance, StarPointsEntry)
