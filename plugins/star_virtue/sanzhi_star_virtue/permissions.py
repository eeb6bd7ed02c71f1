"""Who may do what in star_virtue by default (domain/star_virtue.md §9). A county may change it per role."""

from __future__ import annotations

from typing import Final

from sanzhi_core.platform.hookspecs import Permission

CHIEFS: Final = ("VC_DIRECTOR", "PARTY_SECRETARY")
COMMITTEES: Final = (*CHIEFS, "VC_MEMBER", "PARTY_COMMITTEE")
"""村"两委"."""

COUNCILS: Final = ("MORAL_COUNCIL", "WEDDING_FUNERAL", "DELIBERATION_COUNCIL", "ANTI_DRUG_GAMBLING")
TOWN: Final = ("TOWN_STAFF", "TOWN_LEADER")
VILLAGERS: Final = ("RESIDENT", "HOUSEHOLD_HEAD", "GROUP_LEADER", "VILLAGER_REP")

DEFINITION_PUBLISH: Final = "star_virtue.definition.publish"
CYCLE_READ: Final = "star_virtue.cycle.read"
CYCLE_MANAGE: Final = "star_virtue.cycle.manage"
CYCLE_ADVANCE: Final = "star_virtue.cycle.advance"
ENTRY_READ: Final = "star_virtue.entry.read"
ENTRY_EXCLUDE: Final = "star_virtue.entry.exclude"
SELF_RATING_READ: Final = "star_virtue.selfrating.read"
SELF_RATING_RECORD: Final = "star_virtue.selfrating.record"
MEETING_READ: Final = "star_virtue.meeting.read"
MEETING_MANAGE: Final = "star_virtue.meeting.manage"
VOTE_READ: Final = "star_virtue.vote.read"
OBJECTION_READ: Final = "star_virtue.objection.read"
OBJECTION_FILE: Final = "star_virtue.objection.file"
OBJECTION_RECORD: Final = "star_virtue.objection.record"
OBJECTION_DECIDE: Final = "star_virtue.objection.decide"
OBJECTION_REVIEW: Final = "star_virtue.objection.review"
PLAQUE_READ: Final = "star_virtue.plaque.read"
PLAQUE_ISSUE: Final = "star_virtue.plaque.issue"
POINTS_READ: Final = "star_virtue.points.read"
REPORT_READ: Final = "star_virtue.report.read"

_OVERSIGHT: Final = ("SUPERVISION", *TOWN)
"""Who may read votes, meetings and the ledger. What households wrote is not the supervision committee's to read."""

_VILLAGE: Final = (*COMMITTEES, *COUNCILS, *VILLAGERS, "CLERK", "GRID_WORKER", "FIRST_SECRETARY", "WORK_TEAM")

PERMISSIONS: Final = (
    Permission(DEFINITION_PUBLISH, "发布十星标准", "Publish the ten stars", ("COUNTY_DEPT",), "PUBLIC"),
    Permission(
        CYCLE_READ, "查看评星", "Read star cycles",
        (*_VILLAGE, *_OVERSIGHT, "COUNTY_DEPT", "COUNTY_PARTY_COMMITTEE", "GOVERNANCE_BODY", "AUDITOR_RO"), "PUBLIC",
    ),
    Permission(CYCLE_MANAGE, "开启、撤销评星", "Open or cancel a star cycle", CHIEFS, "PUBLIC"),
    Permission(CYCLE_ADVANCE, "推进评星", "Move a star cycle on", COMMITTEES, "PUBLIC"),
    Permission(
        ENTRY_READ, "查看各户评定表", "Read entries of households",
        (*COMMITTEES, "MORAL_COUNCIL", "CLERK", *TOWN), "PERSONAL",
    ),
    Permission(ENTRY_EXCLUDE, "决定不予评定", "Exclude a household by decision", COMMITTEES),
    Permission(
        SELF_RATING_READ, "查看自评表", "Read self-rating forms",
        (*COMMITTEES, "MORAL_COUNCIL", "CLERK", *TOWN), "PERSONAL",
    ),
    Permission(SELF_RATING_RECORD, "代录自评", "Record a self-rating for a household", ("CLERK",), "PERSONAL"),
    Permission(
        MEETING_READ, "查看互评会议", "Read review meetings", (*COMMITTEES, *COUNCILS, "VILLAGER_REP", *_OVERSIGHT)
    ),
    Permission(MEETING_MANAGE, "组织互评会议、登记票数", "Hold review meetings and record votes", COMMITTEES),
    Permission(VOTE_READ, "查看表决合计", "Read totals of votes", (*COMMITTEES, *_OVERSIGHT)),
    Permission(
        OBJECTION_READ, "查看异议", "Read objections", (*COMMITTEES, "MORAL_COUNCIL", *TOWN), "PERSONAL"
    ),
    Permission(
        OBJECTION_FILE, "提出异议", "Object to an entry", (*VILLAGERS, *COMMITTEES, *COUNCILS, "SUPERVISION", "CLERK")
    ),
    Permission(OBJECTION_RECORD, "代录异议", "Record an objection for a person", ("CLERK",), "PERSONAL"),
    Permission(OBJECTION_DECIDE, "办理异议", "Decide objections", ("MORAL_COUNCIL",), "PERSONAL"),
    Permission(OBJECTION_REVIEW, "复核异议决定", "Review decisions on objections", TOWN, "PERSONAL"),
    Permission(PLAQUE_READ, "查看户牌", "Read plaques", (*COMMITTEES, *COUNCILS, "GRID_WORKER", *_OVERSIGHT)),
    Permission(PLAQUE_ISSUE, "发放户牌", "Issue plaques", COMMITTEES),
    Permission(POINTS_READ, "查看积分", "Read points", (*COMMITTEES, *_OVERSIGHT), "PERSONAL"),
    Permission(
        REPORT_READ, "制作评星报表", "Make reports on star cycles",
        (*COMMITTEES, *_OVERSIGHT, "COUNTY_DEPT", "AUDITOR_RO"),
    ),
)  # fmt: skip
