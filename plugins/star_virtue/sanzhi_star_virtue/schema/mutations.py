"""Mutations of star_virtue over its operations."""

from __future__ import annotations

from sanzhi_core.platform.hookspecs import Mutation
from sanzhi_star_virtue.service import (
    cycle,
    definitions,
    entries,
    nominations,
    publicity,
    review,
    selfrating,
)

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
)  # fmt: skip
