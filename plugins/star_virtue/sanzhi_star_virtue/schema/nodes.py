"""Queryable types of the cycle: stars, cycles, entries, forms, meetings, votes, nominations."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from sanzhi_core.reading.declaration import Node, Policy, col, expr, many, one
from sanzhi_star_virtue import models
from sanzhi_star_virtue import permissions as may
from sanzhi_star_virtue.schema import figures

_PLUGIN = "star_virtue"


class StarDefinitionSet(
    Node, model=models.DefinitionSet, plugin=_PLUGIN, policy=Policy(public=True),
    one="starDefinitionSet", many="starDefinitionSets", default_order=("valid_from",),
    zh="十星标准的一个版本", en="A version of the ten stars",
):  # fmt: skip
    definition_version = col(zh="版本号", en="Name of the version")
    valid_from = col(zh="生效日", en="First day on which new cycles take it", order=True)
    published_at = col(zh="发布时间", en="When it was published")
    doc_no = col(zh="文号", en="Document number")
    county = one(
        "OrgUnit",
        local="county_id",
        zh="发布的县；空为系统自带",
        en="County that published it; null: shipped",
    )
    stars = many("StarDefinition", remote="set_id", zh="十星", en="The ten stars")


class StarDefinition(
    Node, model=models.Definition, plugin=_PLUGIN, policy=Policy(public=True),
    one="starDefinition", many="starDefinitions", default_order=("position",),
    zh="一颗星的标准", en="One star: what it is given for",
):  # fmt: skip
    code = col(zh="代码 S01–S10", en="Code, S01 to S10")
    position = col(zh="序号", en="Position", order=True)
    name = col(zh="名称", en="Name")
    content = col(zh="内容", en="Content", filter=False)
    meaning_en = col(zh="英文说明", en="Meaning in English", filter=False)
    check_items = col(
        zh="评定内容：行为、证明方式、类别", en="Check items: act, evidence, ground", filter=False
    )
    set = one("StarDefinitionSet", local="set_id", zh="所属版本", en="Version it belongs to")


class StarCycle(
    Node, model=models.Cycle, plugin=_PLUGIN,
    policy=Policy(may.CYCLE_READ, public=lambda t: t.state != "DRAFT"),
    one="starCycle", many="starCycles", default_order=("year",),
    zh="村的年度评星", en="A village's star cycle of a year",
):  # fmt: skip
    year = col(zh="年度", en="Year", order=True)
    state = col(
        zh="状态",
        en="DRAFT, SELF_RATING, PEER_REVIEW, PUBLICITY, CONFIRMED, AWARDED, CLOSED, CANCELLED, SUSPENDED",
    )
    definition_version = col(zh="十星标准版本", en="Version of the ten stars")
    params = col(zh="参数，开启时冻结", en="Parameters as frozen when it opened", filter=False)
    snapshot_date = col(zh="快照日", en="Day of the snapshot")
    total_households = col(zh="农户总数 N", en="Households at the snapshot, N")
    self_rating_from = col(zh="自评开始", en="When self-rating began")
    self_rating_to = col(zh="自评截止", en="When self-rating ends")
    extended = col(zh="自评已延长", en="Self-rating was extended")
    low_participation = col(
        zh="自评结束时参评率未达标", en="Participation was below its target when self-rating closed"
    )
    publicity_from = col(zh="公示开始", en="When the publicity began")
    publicity_to = col(zh="公示截止", en="When the publicity ends")
    deadline_provisional = col(
        zh="截止日待节假日安排公布后确定", en="The deadline may move: holidays not published yet"
    )
    confirmed_at = col(zh="审定时间", en="When it was confirmed")
    award_due = col(zh="授星截止", en="Until when stars are awarded")
    awarded_at = col(zh="授星时间", en="When stars were awarded")
    closed_at = col(zh="结束时间", en="When it was closed or cancelled")
    cancel_reason = col(zh="撤销理由", en="Why it was cancelled", filter=False)
    t2_reason = col(zh="星级评定率未达标的理由", en="Written reason for a missed T2", filter=False)
    figures_basis = expr(
        figures.basis, str, nullable=False, zh="数字依据", en="Figures are OFFICIAL, PROVISIONAL or RUNNING"
    )
    count_n = expr(figures.count_n, int, zh="N 农户总数", en="N: households at the snapshot")
    count_a = expr(figures.count_a, int, zh="A 有效自评户", en="A: valid self-ratings", cost=3)
    count_r = expr(figures.count_r, int, zh="R 获评户", en="R: titled households")
    count_r6 = expr(figures.count_r6, int, zh="R6 六星级及以上户", en="R6: with six stars and more")
    t1_num, t1_den, t1_percent, t1_status = figures.figure_fields("t1", "参评率", "Participation A/N")
    t2_num, t2_den, t2_percent, t2_status = figures.figure_fields("t2", "星级评定率", "Rated households R/N")
    t3_num, t3_den, t3_percent, t3_status = figures.figure_fields(
        "t3", "六星级以上占比", "Six stars and more R6/R"
    )
    version = col(zh="版本", en="Version", filter=False)
    village = one("OrgUnit", local="unit_id", zh="村", en="Village")
    definition_set = one(
        "StarDefinitionSet", local="definition_set_id", zh="十星标准", en="The ten stars it goes by"
    )
    award_meeting = one("StarMeeting", local="award_meeting_id", zh="授星会议", en="Award meeting")
    entries = many("StarEntry", remote="cycle_id", zh="各户评定表", en="Entries of households")
    published = many("StarPublicEntry", remote="cycle_id", zh="公示名单", en="The published list")
    meetings = many("StarMeeting", remote="cycle_id", zh="会议", en="Meetings")
    objections = many("StarObjection", remote="cycle_id", zh="异议", en="Objections")
    plaques = many("StarPlaque", remote="cycle_id", zh="户牌", en="Plaques")
    honour_roll = many("StarHonourRollItem", remote="cycle_id", zh="光荣榜", en="Honour roll")


class StarEntry(
    Node, model=models.Entry, plugin=_PLUGIN, policy=Policy(may.ENTRY_READ, self_=("household_id",)),
    one="starEntry", many="starEntries", default_order=("household_no",),
    zh="农户评定表", en="One household in one cycle",
):  # fmt: skip
    household_no = col(zh="户号", en="Number of the household", order=True)
    head_masked_name = col(zh="户主(脱敏)", en="Head's name, masked")
    group_name = col(zh="村民小组", en="Villagers' group")
    state = col(zh="状态", en="INVITED, SELF_RATED, REVIEWED, PUBLICISED, OBJECTED, RE_REVIEWED, CONFIRMED, AWARDED, "
                "NOT_PARTICIPATED, WITHDRAWN or EXCLUDED")  # fmt: skip
    self_stars = col(zh="自评的星", en="Claimed stars")
    self_reasons = col(zh="自评理由", en="Reasons by star", filter=False)
    submitted_at = col(zh="收表时间", en="When the form in force was received")
    channel = col(zh="渠道", en="Channel of the form in force")
    honours = col(zh="荣誉及快照日是否有效", en="Honours and whether valid on the snapshot day", filter=False)
    bonus = col(zh="加分(百分点)", en="Bonus in percentage points")
    bonus_warning = col(zh="加分提醒", en="Honours that gave no bonus, and why", filter=False)
    final_stars = col(zh="获得的星", en="Stars held")
    final_count = col(zh="星数", en="Number of stars", order=True)
    title_held = col(zh="是否获评", en="Holds a title")
    previous_count = col(zh="上次星数", en="Number of stars before")
    republicity_to = col(zh="再次公示截止", en="When its republication ends")
    excluded_reason = col(zh="不予评定的理由", en="Why it was excluded", filter=False)
    version = col(zh="版本", en="Version", filter=False)
    cycle = one("StarCycle", local="cycle_id", zh="评星周期", en="Cycle")
    household = one("Household", local="household_id", zh="农户", en="Household")
    forms = many("StarSelfRating", remote="entry_id", zh="自评表", en="Self-rating forms")
    votes = many("StarVote", remote="entry_id", zh="表决合计", en="Totals of votes")
    nominations = many("StarNomination", remote="entry_id", zh="会议提名", en="Nominations")
    objections = many("StarObjection", remote="entry_id", zh="异议", en="Objections")


def _published(t: Any) -> Any:
    shown = sa.exists().where(
        models.Cycle.id == t.cycle_id, models.Cycle.state.in_(("PUBLICITY", "CONFIRMED", "AWARDED", "CLOSED"))
    )
    return sa.and_(t.state.in_(("PUBLICISED", "OBJECTED", "RE_REVIEWED", "CONFIRMED", "AWARDED")), shown)


class StarPublicEntry(
    Node, model=models.Entry, plugin=_PLUGIN, policy=Policy(public=_published),
    one="starPublicEntry", many="starPublicEntries", default_order=("household_no",),
    zh="张榜公示的一户", en="A household on the published list: head's masked name, group, stars",
):  # fmt: skip
    entry_id = col(
        column="id", id_of="StarEntry", zh="评定表标识，提出异议时用", en="Id of the entry, to object to it"
    )
    head_masked_name = col(zh="户主(脱敏)", en="Head's name, masked")
    group_name = col(zh="村民小组", en="Villagers' group")
    final_stars = col(zh="拟评的星", en="Stars")
    final_count = col(zh="星数", en="Number of stars", order=True)
    republicity_to = col(zh="再次公示截止", en="When its republication ends")
    cycle = one("StarCycle", local="cycle_id", zh="评星周期", en="Cycle")


class StarSelfRating(
    Node, model=models.SelfRating, plugin=_PLUGIN, policy=Policy(may.SELF_RATING_READ, self_=("household_id",)),
    one="starSelfRating", many="starSelfRatings", default_order=("received_at",),
    zh="自评表", en="A self-rating form as it came in; all are kept",
):  # fmt: skip
    stars = col(zh="自评的星", en="Claimed stars")
    reasons = col(zh="理由", en="Reasons by star", filter=False)
    received_at = col(zh="收表时间", en="When it was received; for paper as written by the clerk", order=True)
    recorded_at = col(zh="录入时间", en="When it was keyed")
    channel = col(zh="渠道", en="Channel")
    paper_no = col(zh="纸质表编号", en="Number of the scanned paper")
    witness = col(zh="见证人", en="Witness", filter=False)
    read_back = col(zh="已复述确认", en="Read back and confirmed")
    proxy_reason = col(zh="代录原因", en="Why a clerk recorded it", filter=False)
    counts = col(zh="有效", en="The form in force")
    entry = one("StarEntry", local="entry_id", zh="评定表", en="Entry")
    person = one("Resident", local="person_id", zh="提交人", en="Who handed it in")
    clerk = one("Account", local="clerk_id", zh="代录员", en="Clerk")


class StarMeeting(
    Node, model=models.Meeting, plugin=_PLUGIN, policy=Policy(may.MEETING_READ),
    one="starMeeting", many="starMeetings", default_order=("held_at",),
    zh="互评、重新表决或授星会议", en="A review, re-vote or award meeting",
):  # fmt: skip
    kind = col(zh="种类", en="REVIEW, REVOTE or AWARD")
    held_at = col(zh="时间", en="When it was held", order=True)
    place = col(zh="地点", en="Place", filter=False)
    eligible_count = col(zh="应到人数", en="Eligible members")
    present_count = col(zh="到会人数", en="Members present")
    quorum_met = col(zh="达到法定人数", en="There was a quorum")
    minutes = col(zh="会议记录", en="Minutes", filter=False)
    minutes_sha256 = col(zh="会议记录摘要", en="SHA-256 of the minutes", filter=False)
    version = col(zh="版本", en="Version", filter=False)
    cycle = one("StarCycle", local="cycle_id", zh="评星周期", en="Cycle")
    chair = one("Resident", local="chair_id", zh="主持人", en="Chair")
    votes = many("StarVote", remote="meeting_id", zh="表决合计", en="Totals of votes")


class StarVote(
    Node, model=models.Vote, plugin=_PLUGIN, policy=Policy(may.VOTE_READ, self_=("household_id",)),
    one="starVote", many="starVotes", default_order=("voted_at",),
    zh="一颗星的表决合计", en="Totals of the secret vote on one star; how a member voted is nowhere",
):  # fmt: skip
    star_code = col(zh="星", en="Star")
    present = col(zh="有表决权的到会人数 P", en="P: present and not recused")
    yes = col(zh="赞成票 Y", en="Y: yes votes")
    bonus = col(zh="加分(百分点)", en="Bonus in percentage points")
    contrary_fact = col(zh="查实相反事实", en="A contrary fact was verified")
    nominated = col(zh="会议提名", en="Nominated by the meeting")
    granted = col(zh="通过", en="Granted")
    in_force = col(zh="有效", en="The vote that counts")
    voted_at = col(zh="登记时间", en="When it was recorded", order=True)
    entry = one("StarEntry", local="entry_id", zh="评定表", en="Entry")
    meeting = one("StarMeeting", local="meeting_id", zh="会议", en="Meeting")


class StarNomination(
    Node, model=models.Nomination, plugin=_PLUGIN, policy=Policy(may.ENTRY_READ, self_=("household_id",)),
    one="starNomination", many="starNominations", default_order=("proposed_at",),
    zh="会议提名的星", en="A star that the meeting nominates; voted only with the household's consent",
):  # fmt: skip
    star_code = col(zh="星", en="Star")
    reason = col(zh="理由", en="Reason", filter=False)
    proposed_at = col(zh="提名时间", en="When it was proposed", order=True)
    state = col(zh="状态", en="PROPOSED, CONSENTED or DECLINED")
    answered_at = col(zh="答复时间", en="When the household answered")
    channel = col(zh="答复渠道", en="Channel of the answer")
    version = col(zh="版本", en="Version", filter=False)
    entry = one("StarEntry", local="entry_id", zh="评定表", en="Entry")
    meeting = one("StarMeeting", local="meeting_id", zh="会议", en="Meeting")


NODES = (
    StarDefinitionSet,
    StarDefinition,
    StarCycle,
    StarEntry,
    StarPublicEntry,
    StarSelfRating,
    StarMeeting,
    StarVote,
    StarNomination,
)
