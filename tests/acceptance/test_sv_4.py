"""SV-4 (domain/scenarios.md): an objection in publicity, upheld; a star is lost and the entry published again."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from sanzhi_core.clock import FixedClock

from .conftest import STARS, Caller, Person, StarVillage, at, moment, pages

A = "990428101201"
SIX = ("S01", "S02", "S03", "S04", "S05", "S09")
H5, NEIGHBOUR, OTHER = "户0005", "户0006", "户0007"
TEXT = "他家门前垃圾长期无人清理，已多次提醒。"
REASON = "经评议会现场查看，门前卫生确未达到标准。"
OBJECTION = (
    "objection { id version state starCode dueAt decidedAt decisionReason revoteStars revoteDone "
    "entry { state finalCount finalStars republicityTo } }"
)
Make = Callable[..., Awaitable[StarVillage]]
Run = Callable[[], Awaitable[list[str]]]


async def published(make_village: Make, clock: FixedClock, work: Run) -> StarVillage:
    """Eight households, five of them with six stars; publicity since Monday 2026-12-07."""
    village = await make_village(A, households=8, members=24)
    await village.open()
    claims = {number: SIX if number <= H5 else STARS[:1] for number in village.entry}
    for number, stars in claims.items():
        await village.record(number, stars)
    clock.set(at("2026-12-04 00:00"))
    await work()
    clock.set(at("2026-12-04 15:00"))
    sheets = {number: dict.fromkeys(stars, 24) for number, stars in claims.items()}
    await village.vote(await village.meet(), sheets)
    clock.set(at("2026-12-07 09:00"))
    shown = await village.step("openStarPublicity")
    assert moment(shown["publicityTo"]) == at("2026-12-15 00:00")
    return village


async def objects(caller: Caller, village: StarVillage, number: str = H5, **fields: Any) -> dict[str, Any]:
    """The objector's receipt."""
    given = {"entryId": village.entry[number], "starCode": "S09", "text": TEXT, **fields}
    payload = await caller.done(
        "fileStarObjection", "receipt { objectionId version state starCode receivedAt dueAt }", **given
    )
    return payload["receipt"]  # type: ignore[no-any-return]


async def counsel(village: StarVillage, number: str = "干04") -> Caller:
    """A member of the moral council with an own account."""
    return await village.head(number, "MORAL_COUNCIL")


async def uphold(council: Caller, village: StarVillage, receipt: dict[str, Any]) -> dict[str, Any]:
    """Taken up and upheld by seven of seven."""
    taken = await council.done(
        "takeUpStarObjection",
        OBJECTION,
        objectionId=receipt["objectionId"],
        expectedVersion=receipt["version"],
    )
    decided = await council.done(
        "decideStarObjection",
        OBJECTION,
        objectionId=receipt["objectionId"],
        expectedVersion=taken["objection"]["version"],
        decision="UPHELD",
        reason=REASON,
        presentIds=village.members[3:10],
        yes=7,
    )
    return decided["objection"]  # type: ignore[no-any-return]


async def test_sv_4_objection_in_publicity(
    make_village: Make, clock: FixedClock, work: Run, person: Person
) -> None:
    village = await published(make_village, clock, work)
    neighbour = await village.head(NEIGHBOUR, "RESIDENT")
    council = await counsel(village)

    clock.set(at("2026-12-11 16:00"))
    receipt = await objects(neighbour, village)
    assert (receipt["state"], receipt["starCode"]) == ("OPEN", "S09")
    assert moment(receipt["dueAt"]) == at("2026-12-17 00:00")  # Wednesday 12-16, 24:00
    await work()

    # The window closed at 24:00 of 12-14; nothing can be confirmed while the objection is open.
    clock.set(at("2026-12-15 00:01"))
    await work()
    other = await village.head(OTHER, "RESIDENT")
    late = await other.refused(
        "fileStarObjection", entryId=village.entry[H5], starCode="S09", text="该户家庭卫生状况不符合标准。"
    )
    assert late["code"] == "DEADLINE_PASSED"
    clock.set(at("2026-12-15 09:00"))
    waiting = await village.refused_step("confirmStarCycle")
    assert waiting["code"] == "INVALID_TRANSITION"

    decided = await uphold(council, village, receipt)
    assert (decided["state"], decided["revoteStars"], decided["entry"]["state"]) == (
        "UPHELD",
        ["S09"],
        "OBJECTED",
    )
    await work()
    waiting = await village.refused_step("confirmStarCycle")
    assert waiting["code"] == "INVALID_TRANSITION"

    # The new vote on 12-16: P = 18, Y = 8. The star is lost, the entry is published again.
    clock.set(at("2026-12-16 15:00"))
    meeting = await village.meet("REVOTE", village.members[:18])
    voted = await village.director.done(
        "revoteStarObjection",
        OBJECTION,
        objectionId=receipt["objectionId"],
        expectedVersion=decided["version"],
        meetingId=meeting,
        votes=[{"star": "S09", "yes": 8}],
    )
    entry = voted["objection"]["entry"]
    assert (entry["state"], entry["finalCount"]) == ("PUBLICISED", 5)
    assert entry["finalStars"] == ["S01", "S02", "S03", "S04", "S05"]
    assert moment(entry["republicityTo"]) == at("2026-12-22 00:00")  # Monday 12-21, 24:00
    where = {"entry": {"id": {"eq": village.entry[H5]}}, "starCode": {"eq": "S09"}}
    votes = await pages(
        village.director, "starVotes", "StarVote", "present yes granted inForce contraryFact", where
    )
    assert [(v["present"], v["yes"], v["granted"], v["inForce"]) for v in votes] == [
        (24, 24, True, False),
        (18, 8, False, True),
    ]
    await work()

    clock.set(at("2026-12-21 23:59"))
    early = await village.refused_step("confirmStarCycle")
    assert early["code"] == "TOO_EARLY"
    clock.set(at("2026-12-22 00:00"))
    await work()
    cycle = await village.step("confirmStarCycle")
    assert (cycle["state"], cycle["countR"], cycle["countR6"]) == ("CONFIRMED", 8, 4)

    award = await village.meet("AWARD")
    await village.step("awardStarCycle", meetingId=award)
    await work()
    plaques = await pages(village.director, "starPlaques", "StarPlaque", "household { householdNo }")
    assert sorted(p["household"]["householdNo"] for p in plaques) == ["户0001", "户0002", "户0003", "户0004"]
    assert (await village.points())[H5] == 50
    await objector_stays_unknown(village, person)


async def objector_stays_unknown(village: StarVillage, person: Person) -> None:
    """The household reads the reason; neither it nor anybody else finds who objected."""
    household = await village.head(H5)
    mine = "state starCode decisionReason decidedAt entry { householdNo }"
    seen = await pages(household, "starObjections", "StarObjection", mine)
    assert [(o["state"], o["starCode"], o["decisionReason"]) for o in seen] == [("UPHELD", "S09", REASON)]
    hidden = await household.post("{ starObjections(first: 5) { nodes { text } } }")
    assert hidden.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    names = {
        field["name"]
        for type_ in ("StarObjection", "StarEntry")
        for field in (
            await household.ask("query($t: String!) { __type(name: $t) { fields { name } } }", t=type_)
        )["__type"]["fields"]
    }
    assert not {n for n in names if any(w in n.lower() for w in ("author", "objector", "by", "account"))}
    head, home = village.homes[NEIGHBOUR].head, village.homes[NEIGHBOUR].id
    watch = await person("jiandu", ("SUPERVISION", A))
    entries = "action entity entityId reason changes"
    about = {"action": {"startsWith": "star_virtue.objection."}}
    shown = [
        await pages(household, "notifications", "Notification", "titleZh bodyZh titleEn bodyEn"),
        await pages(
            village.director,
            "starObjections",
            "StarObjection",
            "id text evidence anonymous state decisionReason",
        ),
        await pages(watch, "auditEntries", "AuditEntry", entries, about),
        await pages(village.director, "auditEntries", "AuditEntry", entries, about),
    ]
    text = json.dumps(shown, ensure_ascii=False)
    assert "star_virtue.objection.file" in text
    for secret in (head, home):
        assert secret.partition("_")[2] not in text


async def test_sv_4_a_paper_objection_counts_as_of_its_receipt(
    make_village: Make, clock: FixedClock, work: Run
) -> None:
    """Received on the last day, keyed within two working days; the record equals the one of the app."""
    village = await published(make_village, clock, work)
    clock.set(at("2026-12-14 23:30"))
    by_app = await objects(await village.head(NEIGHBOUR, "RESIDENT"), village, "户0001")
    clock.set(at("2026-12-16 23:59"))
    paper = {
        "personId": village.homes[NEIGHBOUR].head,
        "paperNo": "异0001",
        "receivedAt": "2026-12-14T23:30:00+08:00",
        "readBack": True,
        "reason": "本人不使用智能手机",
    }
    by_paper = await objects(village.clerk, village, "户0002", paper=paper)
    same = ("version", "state", "starCode", "receivedAt", "dueAt")
    assert [by_app[key] for key in same] == [by_paper[key] for key in same]
    clock.set(at("2026-12-17 00:00"))
    late = await village.clerk.refused(
        "fileStarObjection",
        entryId=village.entry["户0003"],
        starCode="S09",
        text=TEXT,
        paper={**paper, "paperNo": "异0002"},
    )
    assert late["code"] == "DEADLINE_PASSED"


async def test_sv_4_who_is_concerned_does_not_decide(
    make_village: Make, clock: FixedClock, work: Run
) -> None:
    """A council member who is a declared near relative of the household neither takes it up nor is counted."""
    village = await published(make_village, clock, work)
    await village.clerk.done(
        "declareKinship",
        residentId=village.members[3],
        relativeId=village.homes[H5].head,
        relation="SIBLING",
    )
    receipt = await objects(await village.head(NEIGHBOUR, "RESIDENT"), village)
    given = {"objectionId": receipt["objectionId"], "expectedVersion": receipt["version"]}
    relative = await counsel(village, "干04")
    refused = await relative.refused("takeUpStarObjection", **given)
    assert refused["code"] == "CONFLICT_OF_INTEREST"
    council = await counsel(village, "干05")
    taken = await council.done("takeUpStarObjection", OBJECTION, **given)
    decision = {
        "objectionId": receipt["objectionId"],
        "expectedVersion": taken["objection"]["version"],
        "decision": "UPHELD",
        "reason": REASON,
    }
    # Four of seven are too few. Of five, the relative among them, four may vote: two are not more than half.
    too_few = await council.refused("decideStarObjection", **decision, presentIds=village.members[3:7], yes=3)
    assert too_few["code"] == "QUORUM_NOT_MET"
    not_half = await council.refused(
        "decideStarObjection", **decision, presentIds=village.members[3:8], yes=2
    )
    assert not_half["code"] == "VALIDATION_FAILED"
    decided = await council.done(
        "decideStarObjection", OBJECTION, **decision, presentIds=village.members[3:8], yes=3
    )
    assert decided["objection"]["state"] == "UPHELD"
