"""Every GraphQL document of the demo. A test validates each of them against the schema."""

from __future__ import annotations

from typing import Final

from sanzhi.demo.api import Change

# -- identity ----------------------------------------------------------------------------------------------------
SET_UP: Final = Change("setUp", "account { id login }")
SIGN_IN: Final = Change("signIn", "session { token expiresAt }")
CREATE_ACCOUNT: Final = Change("createAccount", "account { id }")
GRANT_ROLE: Final = Change("grantRole", "grant { id }")
VIEWER: Final = "{ viewer { displayName roles { code unitName } plugins { name } capabilities } }"

# -- organisation ------------------------------------------------------------------------------------------------
COUNT_VILLAGES: Final = (
    '{ orgUnits(first: 1, where: { level: { eq: "VILLAGE" }, status: { eq: "ACTIVE" } }) { totalCount } }'
)
UNIT: Final = """query Unit($code: String!) {
  orgUnits(first: 1, where: { code: { eq: $code } }) { nodes { id code name town { id name } county { id name } } }
}"""
CREATE_GROUP: Final = Change("createVillagersGroup", "group { id name }")
CREATE_BODY: Final = Change("createBody", "body { id kind }")
ADD_TERM: Final = Change("addTerm", "term { id }")
SERVER_TIME: Final = "{ serverTime { now today demoClock } }"

# -- people ------------------------------------------------------------------------------------------------------
IMPORT_PEOPLE: Final = Change(
    "importPeople",
    "result { rows householdsCreated residentsCreated honoursCreated errorCount written errors { line column messageZh } }",
)
HOUSEHOLDS: Final = """query Households($village: ID!, $after: String) {
  households(first: 50, after: $after, where: { village: { id: { eq: $village } } }) {
    nodes { id householdNo type head { id maskedName maskedIdNumber } }
    pageInfo { hasNextPage endCursor }
  }
}"""
DECLARE_KINSHIP: Final = Change("declareKinship", "kinship { id }")

# -- settings and plugins ----------------------------------------------------------------------------------------
SET_SETTING: Final = Change("setSetting", "setting { id }")
PLAN_PLUGIN: Final = """query Plan($input: PilotChoiceInput!) {
  planPluginEnable(input: $input) { currentState newState villagesChanged villagesKept blockers { code message } }
}"""
SET_PLUGIN: Final = Change("setPlugin", "enablement { state validFrom docNo }")

# -- the star cycle ----------------------------------------------------------------------------------------------
_CYCLE: Final = "id version state selfRatingTo publicityTo"
CREATE_CYCLE: Final = Change("createStarCycle", f"cycle {{ {_CYCLE} }}")
OPEN_CYCLE: Final = Change("openStarCycle", f"cycle {{ {_CYCLE} totalHouseholds }}")
CYCLE: Final = """query Cycle($id: ID!) {
  starCycle(id: $id) {
    id version state selfRatingTo publicityTo totalHouseholds figuresBasis countN countA countR countR6
    t1Num t1Den t1Percent t1Status t2Num t2Den t2Percent t2Status t3Num t3Den t3Percent t3Status
  }
}"""
ENTRIES: Final = """query Entries($cycle: ID!, $after: String) {
  starEntries(first: 50, after: $after, where: { cycle: { id: { eq: $cycle } } }) {
    nodes {
      id version householdNo state selfStars bonus finalStars finalCount titleHeld republicityTo headMaskedName
      household { id }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
SUBMIT: Final = Change("submitStarSelfRating", "entry { id state }")
RECORD: Final = Change("recordStarSelfRating", "entry { id state }")
HOLD_MEETING: Final = Change("holdStarMeeting", "meeting { id eligibleCount presentCount quorumMet }")
RECORD_VOTES: Final = Change("recordStarVotes", "meeting { id }")
VOTES: Final = """query Votes($entry: ID!, $star: String!) {
  starVotes(first: 5, where: { entry: { id: { eq: $entry } }, starCode: { eq: $star }, inForce: { eq: true } }) {
    nodes { present yes bonus granted }
  }
}"""
OPEN_PUBLICITY: Final = Change("openStarPublicity", f"cycle {{ {_CYCLE} }}")
PUBLISHED: Final = """query Published($cycle: ID!, $after: String) {
  starPublicEntries(first: 50, after: $after, where: { cycle: { id: { eq: $cycle } } }) {
    nodes { entryId headMaskedName groupName finalStars finalCount }
    pageInfo { hasNextPage endCursor }
  }
}"""
FILE_OBJECTION: Final = Change("fileStarObjection", "receipt { objectionId version state dueAt }")
OBJECTION: Final = (
    "query Objection($id: ID!) { starObjection(id: $id) { id version state dueAt revoteStars } }"
)
TAKE_UP: Final = Change("takeUpStarObjection", "objection { id version state }")
DECIDE: Final = Change("decideStarObjection", "objection { id version state revoteStars }")
REVOTE: Final = Change("revoteStarObjection", "objection { id revoteDone }")
ENTRY: Final = "query Entry($id: ID!) { starEntry(id: $id) { state finalCount finalStars republicityTo } }"
CONFIRM: Final = Change("confirmStarCycle", f"cycle {{ {_CYCLE} }}")
AWARD: Final = Change("awardStarCycle", f"cycle {{ {_CYCLE} }}")
PLAQUES: Final = """query Plaques($cycle: ID!, $after: String) {
  starPlaques(first: 50, after: $after, where: { cycle: { id: { eq: $cycle } } }) {
    nodes { id version no starCount state }
    pageInfo { hasNextPage endCursor }
  }
}"""
ISSUE_PLAQUE: Final = Change("issueStarPlaque", "plaque { id state hungAtDoor }")
ROLL: Final = """query Roll($cycle: ID!) {
  starHonourRoll(first: 3, where: { cycle: { id: { eq: $cycle } } }, orderBy: [STAR_COUNT_DESC]) {
    totalCount
    nodes { headMaskedName groupName starCount }
  }
}"""
POINTS: Final = """query Points($village: ID!, $after: String) {
  starPointsEntries(first: 50, after: $after, where: { household: { village: { id: { eq: $village } } } }) {
    nodes { points ruleCode }
    pageInfo { hasNextPage endCursor }
  }
}"""

# -- messages, reports, background, audit ------------------------------------------------------------------------
NOTICES: Final = """query Notices($event: String!) {
  notifications(first: 1, where: { eventKey: { eq: $event }, state: { in: ["SENT", "READ"] } }) { totalCount }
}"""
NOTICES_SENT: Final = """query Sent($unit: ID!) {
  notifications(first: 1, where: { unit: { id: { eq: $unit } }, state: { in: ["SENT", "READ"] } }) { totalCount }
}"""
INBOX: Final = "{ notifications(first: 20) { nodes { titleZh bodyZh sentAt } } }"
REQUEST_REPORT: Final = Change("requestReport", "report { id }")
REPORT: Final = "query Report($id: ID!) { report(id: $id) { state fileName sizeBytes } }"
LINK_REPORT: Final = Change("linkReport", "link { path expiresInSeconds sha256 }")
LAG: Final = "{ deliveryLag { todo due dead oldestSeconds } }"
AUDIT: Final = """{
  asked: auditEntries(
    first: 1, where: { not: { or: [{ channel: { eq: "JOB" } }, { action: { eq: "core.identity.setup" } }] } }
  ) { totalCount }
  jobs: auditEntries(first: 1, where: { channel: { eq: "JOB" } }) { totalCount }
  denied: auditEntries(first: 1, where: { result: { eq: "DENIED" } }) { totalCount }
}"""
