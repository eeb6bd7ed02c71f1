"""Mutations of star_virtue over its operations."""

from __future__ import annotations

from sanzhi_core.platform.hookspecs import Mutation
from sanzhi_star_virtue.service import (
    awards,
    council,
    cycle,
    definitions,
    entries,
    nominations,
    objections,
    plaques,
    publicity,
    review,
    revote,
    selfrating,
    townreview,
)

_RECEIPT = objections.StarObjectionReceipt

MUTATIONS = (
    Mutation("publishStarDefinitions", definitions.publish_definitions, "StarDefinitionSet", "definitionSet", "发布新版十星标准", "Publish a new version of the ten stars"),
    Mutation("createStarCycle", cycle.create_cycle, "StarCycle", "cycle", "拟定本年度评星", "Draft the star cycle of a year"),
    Mutation("openStarCycle", cycle.open_cycle, "StarCycle", "cycle", "开始农户自评", "Open self-rating"),
    Mutation("extendStarSelfRating", cycle.extend_self_rating, "StarCycle", "cycle", "延长自评期", "Extend self-rating once"),
    Mutation("closeStarSelfRating", cycle.close_self_rating, "StarCycle", "cycle", "结束自评，转入互评", "Close self-rating"),
    Mutation("cancelStarCycle", cycle.cancel_cycle, "StarCycle", "cycle", "撤销评星", "Cancel a star cycle"),
    Mutation("submitStarSelfRating", selfrating.submit_self_rating, "StarEntry", "entry", "提交本户自评", "Hand in one's household's self-rating"),
    Mutation("recordStarSelfRating", selfrating.record_self_rating, "StarEntry", "entry", "代录自评表", "Key a household's self-rating"),
    Mutation("withdrawStarEntry", entries.withdraw_entry, "StarEntry", "entry", "本户退出评星", "Withdraw one's household"),
    Mutation("excludeStarEntry", entries.exclude_entry, "StarEntry", "entry", "决定不予评定", "Exclude a household by decision"),
    Mutation("holdStarMeeting", review.hold_meeting, "StarMeeting", "meeting", "登记会议", "Record a meeting"),
    Mutation("recordStarVotes", review.record_votes, "StarMeeting", "meeting", "登记互评票数", "Record votes of a review meeting"),
    Mutation("nominateStar", nominations.nominate_star, "StarNomination", "nomination", "会议提名一颗星", "Nominate a household for a star"),
    Mutation("answerStarNomination", nominations.answer_nomination, "StarNomination", "nomination", "答复会议提名", "Answer a nomination"),
    Mutation("openStarPublicity", publicity.open_publicity, "StarCycle", "cycle", "张榜公示", "Publish the ratings"),
    Mutation("confirmStarCycle", publicity.confirm_cycle, "StarCycle", "cycle", "审定评星结果", "Confirm the ratings"),
    Mutation("fileStarObjection", objections.file_objection, None, "receipt", "对公示结果提出异议", "Object to a published rating", outputs=_RECEIPT),
    Mutation("withdrawStarObjection", objections.withdraw_objection, None, "receipt", "撤回自己的异议", "Withdraw one's own objection", outputs=_RECEIPT),
    Mutation("takeUpStarObjection", council.take_up_objection, "StarObjection", "objection", "受理异议", "Take an objection up"),
    Mutation("extendStarObjection", council.extend_objection, "StarObjection", "objection", "延长异议办理期限", "Extend the time to decide"),
    Mutation("decideStarObjection", council.decide_objection, "StarObjection", "objection", "道德评议会作出决定", "Decide an objection"),
    Mutation("revoteStarObjection", revote.revote_objection, "StarObjection", "objection", "异议成立后重新表决", "Vote again after an objection"),
    Mutation("askStarReview", townreview.ask_review, "StarObjection", "objection", "请乡镇复核", "Ask the town for a review"),
    Mutation("decideStarReview", townreview.decide_review, "StarObjection", "objection", "乡镇作出复核决定", "Decide a review"),
    Mutation("awardStarCycle", awards.award_cycle, "StarCycle", "cycle", "集中授星", "Award the stars"),
    Mutation("issueStarPlaque", plaques.issue_plaque, "StarPlaque", "plaque", "发放户牌", "Issue a plaque"),
)  # fmt: skip
