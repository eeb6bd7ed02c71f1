"""Every mutation as everybody: one audit entry each, no write without the right, and who has it, as a reviewed table."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

NO_RIGHT = {"FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED"}
HERE, THERE = "990428101201", "990428102201"
TOWN_HERE, TOWN_THERE, COUNTY = "990428101000", "990428102000", "990428000000"

CALLERS = (
    "anonymous", "neighbour", "resident", "clerk", "council", "director", "party", "supervision", "council_there",
    "director_there", "town_there", "staff", "town", "dept", "auditor", "sec_admin", "sys_admin", "audit_admin", "dpo",
)  # fmt: skip
SIGNED_IN = " ".join(c for c in CALLERS if c != "anonymous")

MAY: dict[str, str] = {
    "createOrgUnit": "dept",
    "renameOrgUnit": "dept",
    "abolishOrgUnit": "dept",
    "createVillagersGroup": "director staff town",
    "createBody": "director staff town",
    "addTerm": "director staff town",
    "endTerm": "director staff town",
    "createHousehold": "clerk director party staff town",
    "setHouseholdHead": "clerk director party staff town",
    "assignHousehold": "clerk director party staff town",
    "addHouseholdHonour": "clerk director party staff town",
    "moveOutHousehold": "clerk director party staff town",
    "addResident": "clerk director party staff town",
    "updateContact": "clerk director party staff town",
    "markDeceased": "clerk director party staff town",
    "declareKinship": "clerk director resident",
    "withdrawKinship": "clerk director resident",
    "importPeople": "clerk director staff town",
    "revealPersons": "director dpo staff town",
    "setUp": "",
    "signIn": "",
    "changePassword": SIGNED_IN,
    "createAccount": "sec_admin town",
    "setAccountStatus": "sec_admin town",
    "grantRole": "sec_admin town",
    "revokeGrant": "sec_admin town",
    "setPlugin": "dept",
    "setSetting": "dept",
    "markNotificationRead": "resident",
    "requestReport": "auditor dept director party staff supervision town",
    "linkReport": "auditor dept director party staff supervision town",
    "replayDelivery": "",
    "publishStarDefinitions": "dept",
    "createStarCycle": "director",
    "openStarCycle": "director",
    "extendStarSelfRating": "director party",
    "closeStarSelfRating": "director party",
    "cancelStarCycle": "director",
    "submitStarSelfRating": "resident",
    "recordStarSelfRating": "clerk",
    "withdrawStarEntry": "clerk resident",
    "excludeStarEntry": "director party",
    "holdStarMeeting": "director party",
    "recordStarVotes": "director party",
    "nominateStar": "director party",
    "answerStarNomination": "clerk resident",
    "openStarPublicity": "director party",
    "confirmStarCycle": "director party",
    "fileStarObjection": "council resident",
    "withdrawStarObjection": "council director party supervision",
    "takeUpStarObjection": "council",
    "extendStarObjection": "council",
    "decideStarObjection": "council",
    "revoteStarObjection": "director party",
    "askStarReview": "clerk resident",
    "decideStarReview": "staff town",
    "awardStarCycle": "director party",
    "issueStarPlaque": "director party",
    "signOut": SIGNED_IN,
}
"""Who gets past the question of right (domain/core.md §13, star_virtue.md §9); a difference is for a person to review.

withdrawStarObjection: its author is `council`; the others come later and meet a newer version.
"""


def inputs(bed: Any, target: tuple[str, str]) -> dict[str, Callable[[], dict[str, Any]]]:
    """A plausible input of each mutation for rows of the first village; `target`: an account and a grant of it."""
    w, ids = bed.world, bed.here.ids
    unit = lambda code: f"OrgUnit_{w.id(code)}"  # noqa: E731
    row = lambda type_, name: f"{type_}_{ids[name]}"  # noqa: E731
    now = w.base.clock.now()
    person = {"name": "王小明", "idType": "NONE", "birthDate": "1970-01-01"}
    text = "院内外长期堆放杂物，多次提醒没有清理。"
    cycle = lambda: {"cycleId": row("StarCycle", "cycle"), "expectedVersion": 1}  # noqa: E731
    entry = lambda n: {"entryId": row("StarEntry", f"entry{n}")}  # noqa: E731
    objection = lambda: {"objectionId": row("StarObjection", "objection"), "expectedVersion": 1}  # noqa: E731
    proxy = lambda: {  # noqa: E731
        "personId": row("Resident", "head1"), "paperNo": uuid4().hex[:12], "readBack": True, "reason": "不用手机"
    }  # fmt: skip
    sheet = base64.b64encode(
        "户编号,户类型,姓名,与户主关系,出生日期\n新1,农户,王小明,户主,1970-01-01".encode()
    ).decode()
    account, grant = target
    return {
        "createOrgUnit": lambda: {"parentId": unit(TOWN_HERE), "code": "990428101299", "name": "新村", "docNo": "文1号"},
        "renameOrgUnit": lambda: {"unitId": unit(HERE), "expectedVersion": 1, "name": "新名村", "docNo": "文1号"},
        "abolishOrgUnit": lambda: {
            "unitId": unit(HERE), "expectedVersion": 99, "docNo": "文1号", "reason": "合并村庄",
        },
        "createVillagersGroup": lambda: {"villageId": unit(HERE), "name": f"组{uuid4().hex[:6]}"},
        "createBody": lambda: {"unitId": unit(HERE), "kind": "VC"},
        "addTerm": lambda: {"bodyId": row("Body", "body"), "residentId": row("Resident", "spouse2"), "basis": "推选"},
        "endTerm": lambda: {"termId": row("Term", "term"), "expectedVersion": 1, "reason": "届满"},
        "createHousehold": lambda: {"villageId": unit(HERE), "householdNo": uuid4().hex[:8], "head": person},
        "setHouseholdHead": lambda: {
            "householdId": row("Household", "home2"), "expectedVersion": 1, "residentId": row("Resident", "spouse2"),
            "reason": "户主外出",
        },
        "assignHousehold": lambda: {"householdId": row("Household", "home2"), "expectedVersion": 1},
        "addHouseholdHonour": lambda: {
            "householdId": row("Household", "home2"), "honour": "VETERAN", "certificateNo": uuid4().hex[:8],
            "issuer": "县退役军人事务局", "validFrom": "2020-01-01",
        },
        "moveOutHousehold": lambda: {
            "householdId": row("Household", "home2"), "expectedVersion": 99, "movedOn": "2026-11-01", "reason": "外迁",
        },
        "addResident": lambda: {
            "householdId": row("Household", "home2"), "person": {**person, "relation": "CHILD"}, "becomesHead": False,
        },
        "updateContact": lambda: {
            "residentId": row("Resident", "spouse2"), "expectedVersion": 1, "phone": "13800000000",
        },
        "markDeceased": lambda: {"residentId": row("Resident", "spouse2"), "expectedVersion": 99, "basis": "死亡证明"},
        "declareKinship": lambda: {
            "residentId": row("Resident", "head1"), "relativeId": row("Resident", "spouse2"), "relation": "SIBLING",
        },
        "withdrawKinship": lambda: {"kinshipId": row("Kinship", "kinship"), "reason": "登记有误"},
        "importPeople": lambda: {"villageId": unit(HERE), "fileName": "册.csv", "contentBase64": sheet},
        "revealPersons": lambda: {
            "residentIds": [row("Resident", "spouse2")], "fields": ["NAME"], "purpose": "SERVICE",
        },
        "setUp": lambda: {
            "setupToken": "x" * 40, "login": "mouren", "displayName": "某人", "password": "Xin-Mima-2026",
            "unitCode": COUNTY,
        },
        "signIn": lambda: {"login": "meiyouzhegeren", "password": "Xin-Mima-2026"},
        "changePassword": lambda: {"oldPassword": "bu-dui", "newPassword": "Xin-Mima-2026"},
        "createAccount": lambda: {
            "unitId": unit(HERE), "login": f"u{uuid4().hex[:8]}", "displayName": "新人", "password": "Xin-Mima-2026",
        },
        "setAccountStatus": lambda: {"accountId": account, "expectedVersion": 99, "status": "CLOSED", "reason": "离任"},
        "grantRole": lambda: {
            "accountId": account, "roleCode": "VC_DIRECTOR", "unitId": unit(HERE), "basis": "任命文件",
        },
        "revokeGrant": lambda: {"grantId": grant, "expectedVersion": 99, "reason": "离任"},
        "setPlugin": lambda: {
            "plugin": "star_virtue", "unitId": unit(HERE), "state": "PILOT", "reason": "试点", "docNo": "文1号",
        },
        "setSetting": lambda: {
            "unitId": unit(HERE), "key": "star.publicityWorkdays", "valueJson": "6", "reason": "调整", "docNo": "文1号",
        },
        "markNotificationRead": lambda: {"notificationId": row("Notification", "notice")},
        "requestReport": lambda: {
            "kind": "star_virtue.cycle.summary", "format": "JSON",
            "parametersJson": f'{{"cycle_id": "{ids["cycle"]}"}}',
        },
        "linkReport": lambda: {"reportId": row("Report", "report")},
        "replayDelivery": lambda: {"deliveryId": str(uuid4())},
        "publishStarDefinitions": lambda: {
            "countyId": unit(COUNTY), "definitionVersion": uuid4().hex[:8], "validFrom": "2027-01-01", "docNo": "文1号",
            "stars": [{
                "code": "S02", "name": "孝老爱亲", "content": "赡养老人，家庭和睦。", "meaningEn": "Cares for the old",
                "checkItems": [{"act": "照料老人", "evidence": "PHOTO", "ground": "OTHER"}],
            }],
        },
        "createStarCycle": lambda: {"villageId": unit(HERE), "year": 2028},
        "openStarCycle": lambda: {"cycleId": row("StarCycle", "draft"), "expectedVersion": 99},
        "extendStarSelfRating": lambda: {**cycle(), "lastDay": "2026-12-05", "reason": "参评不足"},
        "closeStarSelfRating": cycle,
        "cancelStarCycle": lambda: {**cycle(), "expectedVersion": 99, "reason": "程序有误，重新评定"},
        "submitStarSelfRating": lambda: {**entry(1), "stars": ["S01"]},
        "recordStarSelfRating": lambda: {**entry(1), "stars": ["S01"], "proxy": proxy()},
        "withdrawStarEntry": lambda: {**entry(1), "expectedVersion": 1},
        "excludeStarEntry": lambda: {
            **entry(1), "expectedVersion": 1, "reason": "本户申请后经核实", "notifiedAt": now.isoformat(),
        },
        "holdStarMeeting": lambda: {
            "cycleId": row("StarCycle", "cycle"), "kind": "REVOTE", "place": "村委会",
            "chairId": row("Resident", "head2"), "presentIds": [row("Resident", "head2")],
        },
        "recordStarVotes": lambda: {
            "meetingId": row("StarMeeting", "meeting"), "sheets": [{**entry(1), "votes": [{"star": "S02", "yes": 1}]}],
        },
        "nominateStar": lambda: {
            "meetingId": row("StarMeeting", "meeting"), **entry(1), "star": "S03", "reason": "热心公益",
        },
        "answerStarNomination": lambda: {
            "nominationId": row("StarNomination", "nomination"), "expectedVersion": 1, "consent": True,
        },
        "openStarPublicity": cycle,
        "confirmStarCycle": cycle,
        "fileStarObjection": lambda: {**entry(1), "starCode": "S01", "text": text},
        "withdrawStarObjection": lambda: {**objection(), "expectedVersion": 1},
        "takeUpStarObjection": objection,
        "extendStarObjection": lambda: {**objection(), "reason": "需要核实"},
        "decideStarObjection": lambda: {
            **objection(), "decision": "REJECTED", "reason": text, "presentIds": [row("Resident", "head2")], "yes": 1,
        },
        "revoteStarObjection": lambda: {
            **objection(), "meetingId": row("StarMeeting", "meeting"), "votes": [{"star": "S01", "yes": 1}],
        },
        "askStarReview": lambda: {**objection(), "text": text},
        "decideStarReview": lambda: {**objection(), "decision": "KEPT", "reason": "程序合规"},
        "awardStarCycle": lambda: {**cycle(), "meetingId": row("StarMeeting", "meeting")},
        "issueStarPlaque": lambda: {"plaqueId": row("StarPlaque", "plaque"), "expectedVersion": 99, "hungAtDoor": True},
        "signOut": dict,
    }  # fmt: skip


@pytest.fixture
async def everybody(bed: Any) -> tuple[str, str]:
    """More callers: from elsewhere and from above; and an account to be handled."""
    ids = bed.there.ids
    await bed.caller("neighbour", ("RESIDENT", THERE), resident_id=ids["head1"], household_id=ids["home1"])
    await bed.caller("director_there", ("VC_DIRECTOR", THERE), ("PARTY_SECRETARY", THERE))
    await bed.caller("council_there", ("MORAL_COUNCIL", THERE), ("CLERK", THERE))
    await bed.caller("town_there", ("TOWN_STAFF", TOWN_THERE), ("TOWN_LEADER", TOWN_THERE))
    await bed.caller("party", ("PARTY_COMMITTEE", HERE))
    await bed.caller("staff", ("TOWN_STAFF", TOWN_HERE))
    await bed.caller("dept", ("COUNTY_DEPT", COUNTY))
    for admin in ("SEC_ADMIN", "SYS_ADMIN", "AUDIT_ADMIN", "DPO"):
        await bed.caller(admin.lower(), (admin, COUNTY))
    held = await bed.caller("held", ("GRID_WORKER", HERE))
    account = held.ctx.principal
    return f"Account_{account.account_id}", f"RoleGrant_{account.grants[0].id}"


async def tell(bed: Any, who: str, mutation: str, given: dict[str, Any]) -> tuple[str | None, bytes]:
    """The code of the refusal, None when it was done; and all bytes of the answer."""
    name = mutation[0].upper() + mutation[1:]
    query = f"mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ errors {{ __typename code message }} }} }}"
    reply = await bed.callers[who].post(query, input={"idempotencyKey": str(uuid4()), **given})
    body = reply.json()
    assert reply.status_code == 200, (who, mutation, body)
    assert "errors" not in body, (who, mutation, body["errors"])
    errors = body["data"][mutation]["errors"]
    assert len(errors) <= 1
    return (errors[0]["code"] if errors else None), reply.content


async def trail(bed: Any) -> int:
    return int((await bed.sql("select count(*) from core.audit_entry"))[0][0])


async def test_every_mutation_as_everybody(bed: Any, everybody: tuple[str, str]) -> None:
    given = inputs(bed, everybody)
    schema = bed.web.api.schema(bed.web.platform.plugin_names)
    assert set(given) == set(schema.mutation_type.fields), "a mutation without an input here"
    await bed.sql("create temp table kept as select * from core.kinship")
    before, entries = await bed.digests(), await trail(bed)
    table: dict[str, list[str]] = {}
    unexpected: list[tuple[str, str, str | None]] = []
    wrote = 0
    for mutation, make in given.items():
        able = MAY.get(mutation, "").split()
        for who in [*(c for c in CALLERS if c not in able), "", *able]:
            if not who:  # all who have no right have tried
                assert await bed.digests() == before, f"{mutation} wrote for somebody without the right"
                continue
            if mutation == "withdrawKinship" and who in able:  # the one before has deleted it
                await bed.sql("insert into core.kinship select * from kept on conflict do nothing")
            code, content = await tell(bed, who, mutation, make())
            entries += 1
            assert await trail(bed) == entries, (mutation, who, code)
            if code not in NO_RIGHT:
                table.setdefault(mutation, []).append(who)
            else:
                assert bed.here.mark.encode() not in content, (mutation, who)
            if who in able:
                after = await bed.digests()
                assert code is None or after == before, (mutation, who, code)
                wrote += after != before
                before = after
            elif code not in NO_RIGHT:
                unexpected.append((mutation, who, code))
                before = await bed.digests()
    found = {m: " ".join(sorted(table.get(m, ()))) for m in given}
    assert unexpected == []
    assert found == {m: " ".join(sorted(MAY.get(m, "").split())) for m in given}
    assert wrote > 10, "nobody wrote anything: the matrix proves nothing"
