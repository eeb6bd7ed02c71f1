from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa

from sanzhi_core.clock import SHANGHAI, new_id
from sanzhi_core.db.session import dsn
from sanzhi_core.platform.command import command
from sanzhi_core.platform.models import Notification
from sanzhi_core.testing.databases import TestDatabase
from sanzhi_core.testing.world import World
from sanzhi_star_virtue.models import Objection, ObjectionAuthor
from sanzhi_star_virtue.service import awards, council, entries, objections, publicity, revote, townreview
from sanzhi_star_virtue.service.objections import StarAttachment, StarObjectionPaper
from sanzhi_star_virtue.service.review import hold_meeting
from sanzhi_star_virtue.service.revote import StarRevoteCount

STARS = ("S01", "S03", "S05", "S07", "S09", "S10")
VILLAGE = "990428101201"
FILE = objections.file_objection
EVIDENCE = [StarAttachment(name="照片", sha256="a" * 64)]
TEXT = "院内外堆放杂物，长期没有清理。"


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SHANGHAI)  # type: ignore[misc,arg-type]


@pytest.fixture
async def published(village: Any, course_of: Any) -> Any:
    """SV-4: 24 eligible members; h5 with six stars, one more household; published Monday 2026-12-07 09:00."""
    await village.add_body("VILLAGER_REPS", 18)
    h5, other = village.homes
    claims = {h5.no: STARS, other.no: ("S01", "S02")}
    course = await course_of(claims)
    await course.review(claims)
    course.at(2026, 12, 7, 9)
    await course.step(publicity.open_publicity)
    await course.work_off()
    return course


@pytest.fixture
async def neighbour(village: Any) -> Any:
    return await village.head(village.homes[1], "RESIDENT")


@pytest.fixture
async def councillor(village: Any) -> Any:
    """A member of the moral council, signed in (members: 3 of the committee, 3 of the council, 18 representatives)."""
    return await village.head(village.members[3], "MORAL_COUNCIL")


def sitting(village: Any, count: int = 3) -> list[UUID]:
    return [m.head for m in village.members[3 : 3 + count]]


async def decide(
    course: Any, row: Objection, who: Any, decision: str, reason: str = "经现场核实，情况属实", **given: Any
) -> Objection:
    if row.state == "OPEN":
        row = await course.handle(row, who, council.take_up_objection)
    present = sitting(course.village)
    return await course.handle(  # type: ignore[no-any-return]
        row, who, council.decide_objection,
        **{"decision": decision, "reason": reason, "present_ids": present, "yes": len(present), **given},
    )  # fmt: skip


async def vote_again(
    course: Any, row: Objection, yes: int, present: int = 18, stars: Sequence[str] = ()
) -> Objection:
    meeting = await course.village.meeting(await course.cycle(), present, kind="REVOTE")
    votes = [StarRevoteCount(star=s, yes=yes) for s in stars or row.revote_stars]
    return await course.handle(  # type: ignore[no-any-return]
        row, course.village.secretary, revote.revote_objection, meeting_id=meeting, votes=votes
    )


async def refuse(course: Any, code: str, row: Objection, who: Any, operation: Any, **given: Any) -> Any:
    now = await course.objection(row.id)
    return await course.village.refused(
        code, who, operation, objection_id=row.id, expected_version=now.version, **given
    )


# -- SV-4 -----------------------------------------------------------------------------------------


async def test_sv_4_objection_in_publicity(
    village: Any, published: Any, neighbour: Any, councillor: Any
) -> None:
    course, (h5, _) = published, village.homes
    assert (await course.cycle()).publicity_to == at(2026, 12, 15)
    course.at(2026, 12, 11, 16)
    row = await course.object(neighbour, h5, star_code="S09")
    assert (row.state, row.due_at) == ("OPEN", at(2026, 12, 17))  # Wednesday 12-16, 24:00
    assert (await course.entry(h5)).state == "OBJECTED"
    course.at(2026, 12, 15, 0, 1)
    entry = await course.entry(h5)
    await village.refused(
        "DEADLINE_PASSED",
        neighbour,
        FILE,
        entry_id=entry.id,
        star_code="S01",
        text="没有参加过集体公益劳动。",
    )
    course.at(2026, 12, 15, 9)
    error = await course.refused("INVALID_TRANSITION", publicity.confirm_cycle)
    assert error.reason == "OPEN_OBJECTIONS"
    row = await decide(course, row, councillor, "UPHELD")
    assert (row.state, row.revote_stars, row.contrary_fact) == ("UPHELD", ["S09"], True)
    error = await course.refused("INVALID_TRANSITION", publicity.confirm_cycle)
    assert error.reason == "REVOTE_PENDING"
    course.at(2026, 12, 16, 19)
    row = await vote_again(course, row, yes=8)
    entry = await course.entry(h5)
    assert row.revote_done
    assert (entry.final_count, "S09" in entry.final_stars, entry.state) == (5, False, "PUBLICISED")
    assert entry.republicity_to == at(2026, 12, 22)  # Monday 12-21, 24:00
    async with course.system.db.transaction("*") as session:
        conn = await session.connection()
        votes = (
            await conn.exec_driver_sql(
                "select present, yes, bonus, granted, in_force from star_virtue.vote where star_code = 'S09'"
                " order by voted_at"
            )
        ).all()
    assert [tuple(v) for v in votes] == [(24, 24, 0, True, False), (18, 8, 0, False, True)]
    course.at(2026, 12, 21, 23, 59)
    await course.refused("TOO_EARLY", publicity.confirm_cycle)
    course.at(2026, 12, 22)
    confirmed = await course.step(publicity.confirm_cycle)
    assert (confirmed.official_a, confirmed.official_r, confirmed.official_r6) == (2, 2, 0)
    meeting = await village.meeting(confirmed, kind="AWARD")
    await course.step(awards.award_cycle, meeting_id=meeting)
    assert await village.count("star_virtue.plaque") == 0
    await course.work_off()
    (decided,) = await course.told("star_virtue.objection.decided")
    assert decided.household_id == h5.id
    assert "经现场核实，情况属实" in decided.body_zh


async def test_nobody_reads_who_objected(
    village: Any, published: Any, neighbour: Any, councillor: Any, database: TestDatabase
) -> None:
    course, (h5, other) = published, village.homes
    row = await course.object(neighbour, h5, star_code="S09")
    await decide(course, row, councillor, "REJECTED", "经核实不属实")
    await course.work_off()
    # The ids of the neighbour are on no message and in no column but the walled one and the audit's actor.
    ids = [str(neighbour.principal.resident_id), str(other.id)]
    async with course.system.db.transaction("*") as session:
        author = await session.get(ObjectionAuthor, row.id)
        assert author is not None
        assert (author.account_id, author.resident_id) == (
            neighbour.principal.account_id,
            neighbour.principal.resident_id,
        )
        texts = (await session.execute(_texts("star_virtue.objection"))).scalars().all()
        texts += (
            await session.execute(_texts("core.notification where event_key like '%objection%'"))
        ).scalars()
        texts += (await session.execute(_texts("core.delivery where consumer like '%objection%'"))).scalars()
    assert len(texts) >= 3
    assert not [i for i in ids for t in texts if i in t]
    (answered,) = await course.told("star_virtue.objection.answered")
    assert (answered.account_id, answered.household_id, answered.channel) == (
        neighbour.principal.account_id, None, "IN_APP",
    )  # fmt: skip
    conn = await asyncpg.connect(dsn(database.read_url))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.fetch("select * from star_virtue.objection_author")
    finally:
        await conn.close()
    async with course.system.db.transaction() as session:  # no scope: the wall is shut
        assert await session.get(ObjectionAuthor, row.id) is None
    (own,) = await objections.own_objections(neighbour, None)
    assert (own.objection_id, own.state, own.reason) == (
        f"StarObjection_{row.id}",
        "REJECTED",
        "经核实不属实",
    )
    assert await objections.own_objections(councillor, None) == []


def _texts(source: str) -> Any:
    return sa.text(f"select t::text from (select * from {source}) t")


# -- receiving ------------------------------------------------------------------------------------


async def test_what_is_not_received(village: Any, published: Any, neighbour: Any, world: World) -> None:
    course, (h5, _) = published, village.homes
    entry = await course.entry(h5)

    async def refused(code: str, who: Any = neighbour, **given: Any) -> Any:
        return await village.refused(code, who, FILE, **{"entry_id": entry.id, "text": TEXT, **given})

    for given, path, reason in (
        ({"text": "不同意"}, "text", "LENGTH"),
        ({"text": "字" * 1001}, "text", "LENGTH"),
        ({"text": "这家人多次上访，不应评星。"}, "text", "FORBIDDEN_GROUND"),
        ({"evidence": EVIDENCE * 6}, "attachments", "TOO_MANY"),
        ({"anonymous": True}, "evidence", "ANONYMOUS_EVIDENCE"),
        ({"star_code": "S02"}, "starCode", "NOT_VOTED"),
    ):
        error = await refused("VALIDATION_FAILED", **given)
        assert [(f.path, f.reason) for f in error.fields] == [(path, reason)]
    await refused("NOT_FOUND", entry_id=new_id())
    await refused("NOT_FOUND", await world.caller())
    await refused("FORBIDDEN", village.town)
    # a right at the village, but nobody of it
    await refused("FORBIDDEN", await world.caller(("RESIDENT", VILLAGE)))


async def test_not_before_publicity(village: Any, course_of: Any, neighbour: Any) -> None:
    one, two = village.homes
    course = await course_of({one.no: ("S01",), two.no: ("S01",)})
    entry = await course.entry(one)
    error = await village.refused("INVALID_TRANSITION", neighbour, FILE, entry_id=entry.id, text=TEXT)
    assert error.reason == "NOT_PUBLISHED"


async def test_no_objection_to_a_household_that_did_not_take_part(
    village: Any, course_of: Any, neighbour: Any
) -> None:
    await village.add_homes(1)
    one, two, silent = village.homes
    claims = {one.no: ("S01",), two.no: ("S01",)}
    course = await course_of(claims)
    await course.review(claims)
    course.at(2026, 12, 7, 9)
    await course.step(publicity.open_publicity)
    entry = await course.entry(silent)
    await village.refused("INVALID_TRANSITION", neighbour, FILE, entry_id=entry.id, text=TEXT)


async def test_a_repeat_is_rejected_at_once(
    village: Any, published: Any, neighbour: Any, councillor: Any, world: World
) -> None:
    course, (h5, _) = published, village.homes
    first = await course.object(neighbour, h5, star_code="S09")
    third = await village.add_home()
    somebody = await village.head(third, "RESIDENT")
    again = await course.object(somebody, h5, star_code="S09", text=f"  {TEXT[:-1]} ！！ ")
    assert (again.state, again.decision_reason) == ("REJECTED", objections.REPEAT)
    other = await course.object(somebody, h5, star_code="S09", text="垃圾长期堆在公路边，没有分类。")
    assert other.state == "OPEN"
    # A repeat decides nothing: no handler, no review; the entry still waits for the real ones.
    head = await village.head(h5, "HOUSEHOLD_HEAD")
    await refuse(
        course, "INVALID_TRANSITION", again, head, townreview.ask_review, text="请乡镇复核这项决定。"
    )
    for row in (first, other):
        assert (await course.entry(h5)).state == "OBJECTED"
        await decide(course, row, councillor, "REJECTED", "经核实不属实")
    assert (await course.entry(h5)).state == "PUBLICISED"


async def test_a_withdrawn_objection_may_be_raised_again(
    village: Any, published: Any, neighbour: Any
) -> None:
    course, (h5, _) = published, village.homes
    row = await course.object(neighbour, h5, star_code="S09")
    stranger = await village.head(await village.add_home(), "RESIDENT")
    await refuse(course, "FORBIDDEN", row, stranger, objections.withdraw_objection)
    row = await course.handle(row, neighbour, objections.withdraw_objection)
    assert row.state == "WITHDRAWN"
    assert (await course.entry(h5)).state == "PUBLICISED"
    await refuse(course, "INVALID_TRANSITION", row, neighbour, objections.withdraw_objection)
    assert (await course.object(neighbour, h5, star_code="S09")).state == "OPEN"


async def test_an_anonymous_objection_belongs_to_nobody(village: Any, published: Any, neighbour: Any) -> None:
    course, (h5, _) = published, village.homes
    row = await course.object(neighbour, h5, star_code="S09", anonymous=True, evidence=EVIDENCE)
    assert row.anonymous
    assert await village.count("star_virtue.objection_author") == 0
    await refuse(course, "FORBIDDEN", row, neighbour, objections.withdraw_objection)
    assert await objections.own_objections(neighbour, None) == []


# -- on paper -------------------------------------------------------------------------------------


def paper(home: Any, **given: Any) -> StarObjectionPaper:
    return StarObjectionPaper(
        **{"person_id": home.head, "paper_no": "Y001", "read_back": True, "reason": "本人不用手机", **given}
    )


async def test_paper_in_time_may_be_keyed_two_working_days_later(village: Any, published: Any) -> None:
    course, (h5, other) = published, village.homes
    entry = await course.entry(h5)

    async def refused(code: str, **given: Any) -> Any:
        return await village.refused(
            code, village.clerk, FILE, entry_id=entry.id, text=TEXT, paper=paper(other, **given)
        )

    await refused("VALIDATION_FAILED", received_at=at(2026, 12, 8))  # dated tomorrow
    course.at(2026, 12, 16, 23, 59)  # Wednesday; the publicity ended on Monday
    await refused("DEADLINE_PASSED")  # dated when it is keyed
    await refused("DEADLINE_PASSED", received_at=at(2026, 12, 15, 0, 0))
    await refused("TOO_EARLY", received_at=at(2026, 12, 7, 8))
    await refused("VALIDATION_FAILED", received_at=datetime(2026, 12, 14, 9))  # noqa: DTZ001 the case
    await refused("VALIDATION_FAILED", received_at=at(2026, 12, 14), paper_no=None, witness="李四")
    await refused("VALIDATION_FAILED", paper_no=None)
    await refused("VALIDATION_FAILED", read_back=False)
    row = await course.object(
        village.clerk, h5, star_code="S09", paper=paper(other, received_at=at(2026, 12, 14, 23, 59))
    )
    assert (row.channel, row.received_at, row.recorded_at) == (
        "PAPER", at(2026, 12, 14, 23, 59), at(2026, 12, 16, 23, 59),
    )  # fmt: skip
    assert row.due_at == at(2026, 12, 18)  # Thursday 12-17, 24:00
    error = await refused("DUPLICATE_RECORD", received_at=at(2026, 12, 14))
    assert error.existing_id == row.id
    withdrawn = await course.handle(row, village.clerk, objections.withdraw_objection, paper=paper(other))
    assert withdrawn.state == "WITHDRAWN"
    course.at(2026, 12, 17)
    await refused("DEADLINE_PASSED", received_at=at(2026, 12, 14), paper_no="Y002")


async def test_only_a_clerk_records_for_others(village: Any, published: Any, neighbour: Any) -> None:
    course, (h5, other) = published, village.homes
    entry = await course.entry(h5)
    await village.refused("NOT_FOUND", neighbour, FILE, entry_id=entry.id, text=TEXT, paper=paper(other))
    await village.refused("FORBIDDEN", village.clerk, FILE, entry_id=entry.id, text=TEXT)
    error = await village.refused(
        "VALIDATION_FAILED", village.clerk, FILE,
        entry_id=entry.id, text=TEXT, paper=paper(other), anonymous=True, evidence=EVIDENCE,
    )  # fmt: skip
    assert [f.reason for f in error.fields] == ["ANONYMOUS"]
    letter = await course.object(
        village.clerk, h5, anonymous=True, evidence=EVIDENCE, paper=paper(other, person_id=None)
    )
    assert (letter.anonymous, letter.state) == (True, "OPEN")


# -- deciding -------------------------------------------------------------------------------------


async def test_who_must_not_handle_it(village: Any, published: Any, world: World) -> None:
    """The objector, the household, near relatives of either; accounts that are nobody's."""
    course, (h5, _) = published, village.homes
    first, second, third = village.members[3:6]
    objector = await village.head(first, "MORAL_COUNCIL")
    row = await course.object(objector, h5, star_code="S09")
    await village.add_kinship(second.head, h5.head)
    member = await village.add_person(h5)
    take = council.take_up_objection
    await refuse(course, "CONFLICT_OF_INTEREST", row, objector, take)
    await refuse(course, "CONFLICT_OF_INTEREST", row, await village.head(second, "MORAL_COUNCIL"), take)
    of_household = await village.person(h5, member, "MORAL_COUNCIL")
    await refuse(course, "CONFLICT_OF_INTEREST", row, of_household, take)
    await refuse(course, "FORBIDDEN", row, await world.caller(("MORAL_COUNCIL", VILLAGE)), take)
    await refuse(course, "FORBIDDEN", row, village.secretary, take)
    good = await village.head(third, "MORAL_COUNCIL")
    row = await course.handle(row, good, take)
    assert (row.state, row.handler_id) == ("INVESTIGATING", third.head)
    await refuse(course, "INVALID_TRANSITION", row, good, take)
    # All three present, but only the third may vote.
    given = {"decision": "REJECTED", "reason": "经核实不属实", "present_ids": sitting(village)}
    error = await refuse(course, "VALIDATION_FAILED", row, good, council.decide_objection, **given, yes=2)
    assert error.fields[0].reason == "YES_EXCEEDS_PRESENT"
    row = await course.handle(row, good, council.decide_objection, **given, yes=1)
    assert (row.council_members, row.council_present, row.council_voters, row.council_yes) == (3, 3, 1, 1)


async def test_the_council_decides_with_quorum_and_majority(
    village: Any, published: Any, neighbour: Any, councillor: Any
) -> None:
    course, (h5, _) = published, village.homes
    row = await course.object(neighbour, h5, star_code="S09")
    decide_ = council.decide_objection
    given: dict[str, Any] = {
        "decision": "UPHELD", "reason": "经现场核实，情况属实", "present_ids": sitting(village), "yes": 3,
    }  # fmt: skip
    await refuse(course, "INVALID_TRANSITION", row, councillor, decide_, **given)  # not taken up
    row = await course.handle(row, councillor, council.take_up_objection)

    async def refused(code: str, **more: Any) -> Any:
        return await refuse(course, code, row, councillor, decide_, **{**given, **more})

    error = await refused("QUORUM_NOT_MET", present_ids=sitting(village, 1), yes=1)
    assert (error.present, error.eligible, error.required) == (1, 3, "2")
    for more, reason in (
        ({"yes": 1}, "NOT_PASSED"),
        ({"present_ids": sitting(village, 2), "yes": 1}, "NOT_PASSED"),  # a tie passes nothing
        ({"yes": 4}, "YES_EXCEEDS_PRESENT"),
        ({"present_ids": [*sitting(village, 2), village.members[0].head]}, "NOT_ELIGIBLE"),
        ({"present_ids": sitting(village, 2) * 2}, "TWICE"),
        ({"reason": "  "}, "EMPTY"),
        ({"reason": "该户曾举报村干部"}, "FORBIDDEN_GROUND"),
        ({"revote_stars": ["S01"]}, "NOT_CONCERNED"),
        ({"decision": "REJECTED", "revote_stars": ["S09"]}, "REJECTED"),
    ):
        error = await refused("VALIDATION_FAILED", **more)
        assert [f.reason for f in error.fields] == [reason], more
    row = await course.handle(row, councillor, decide_, **given)
    assert row.state == "UPHELD"
    await refuse(course, "INVALID_TRANSITION", row, councillor, decide_, **given)


async def test_rejected_goes_back_to_the_list(
    village: Any, published: Any, neighbour: Any, councillor: Any
) -> None:
    course, (h5, _) = published, village.homes
    row = await course.object(neighbour, h5, star_code="S09")
    row = await decide(course, row, councillor, "REJECTED", "经核实不属实")
    entry = await course.entry(h5)
    assert (row.state, row.revote_stars, entry.state, entry.final_count) == ("REJECTED", [], "PUBLICISED", 6)
    assert entry.republicity_to is None
    await refuse(
        course, "INVALID_TRANSITION", row, village.secretary, revote.revote_objection,
        meeting_id=await village.meeting(await course.cycle(), kind="REVOTE"),
        votes=[StarRevoteCount(star="S09", yes=8)],
    )  # fmt: skip
    course.at(2026, 12, 15)
    assert (await course.step(publicity.confirm_cycle)).state == "CONFIRMED"


async def test_one_extension_before_the_time_is_over(
    village: Any, published: Any, neighbour: Any, councillor: Any
) -> None:
    course, (h5, _) = published, village.homes
    course.at(2026, 12, 11, 16)
    row = await course.object(neighbour, h5, star_code="S09")
    extend = council.extend_objection
    row = await course.handle(row, councillor, extend, reason="当事人外出，待回村核实")
    assert (row.extended, row.due_at) == (
        True,
        at(2026, 12, 22),
    )  # six working days after Friday: 12-21, 24:00
    error = await refuse(course, "VALIDATION_FAILED", row, councillor, extend, reason="再延长几天")
    assert [f.reason for f in error.fields] == ["ALREADY_EXTENDED"]
    second = await course.object(neighbour, h5, star_code="S01", text="没有参加过集体公益劳动。")
    course.at(2026, 12, 17)
    await refuse(course, "DEADLINE_PASSED", second, councillor, extend, reason="来不及办理")
    await course.work_off()
    late = await course.told("star_virtue.objection.overdue")
    assert {n.account_id for n in late} == {
        councillor.principal.account_id, village.secretary.principal.account_id, village.town.principal.account_id,
    }  # fmt: skip
    course.at(2026, 12, 22, 9)
    await course.work_off()
    assert len(await course.told("star_virtue.objection.overdue")) == 6
    # A late decision stands.
    assert (await decide(course, row, councillor, "REJECTED", "经核实不属实")).state == "REJECTED"


async def test_a_decision_in_time_is_not_overdue(
    village: Any, published: Any, neighbour: Any, councillor: Any
) -> None:
    course, (h5, _) = published, village.homes
    row = await course.object(neighbour, h5, star_code="S09")
    await decide(course, row, councillor, "REJECTED", "经核实不属实")
    course.at(2026, 12, 20)
    await course.work_off()
    assert await course.told("star_virtue.objection.overdue") == []


# -- voting again ---------------------------------------------------------------------------------


async def test_an_unchanged_rating_is_not_published_again(
    village: Any, published: Any, neighbour: Any, councillor: Any
) -> None:
    course, (h5, _) = published, village.homes
    row = await course.object(neighbour, h5, star_code="S09")
    row = await decide(course, row, councillor, "PARTLY_UPHELD")
    row = await vote_again(course, row, yes=10)  # 10 of 18
    entry = await course.entry(h5)
    assert (entry.final_count, entry.state, entry.republicity_to) == (6, "PUBLICISED", None)
    await course.work_off()
    (told,) = await course.told("star_virtue.objection.revoted")
    assert (told.title_zh, told.body_zh) == ("重新表决后，本户为6星", "结果没有变更。")


async def test_the_new_vote_is_refused(village: Any, published: Any, neighbour: Any, councillor: Any) -> None:
    course, (h5, _) = published, village.homes
    row = await course.object(neighbour, h5, star_code="S09")
    early = await village.meeting(await course.cycle(), kind="REVOTE")
    course.at(2026, 12, 7, 10)
    row = await decide(course, row, councillor, "UPHELD")
    await village.refused(
        "QUORUM_NOT_MET", village.secretary, hold_meeting,
        cycle_id=course.cycle_id, kind="REVOTE", place="村委会",
        chair_id=village.members[0].head, present_ids=[m.head for m in village.members[:15]],
    )  # fmt: skip
    good = await village.meeting(await course.cycle(), 16, kind="REVOTE")
    again = revote.revote_objection

    async def refused(code: str, who: Any = village.secretary, meeting: UUID = good, **stars: int) -> Any:
        votes = [StarRevoteCount(star=s, yes=n) for s, n in stars.items()]
        return await refuse(course, code, row, who, again, meeting_id=meeting, votes=votes)

    for meeting, stars, reason in (
        (early, {"S09": 8}, "WRONG_MEETING"),
        (good, {"S01": 8}, "STARS"),
        (good, {"S09": 8, "S01": 8}, "STARS"),
        (good, {"S09": 17}, "YES_EXCEEDS_PRESENT"),
    ):
        error = await refused("VALIDATION_FAILED", meeting=meeting, **stars)
        assert [f.reason for f in error.fields] == [reason]
    await refused("NOT_FOUND", meeting=new_id(), S09=8)
    await refused("CONFLICT_OF_INTEREST", await village.head(h5, "VC_MEMBER"), S09=8)
    await refused("FORBIDDEN", councillor, S09=8)


async def test_near_relatives_leave_the_new_vote(
    village: Any, published: Any, neighbour: Any, councillor: Any
) -> None:
    course, (h5, _) = published, village.homes
    await village.add_kinship(village.members[0].head, h5.head)
    row = await course.object(neighbour, h5, star_code="S09")
    row = await decide(course, row, councillor, "UPHELD")
    await vote_again(course, row, yes=8, present=16)
    async with course.system.db.transaction("*") as session:
        conn = await session.connection()
        found = await conn.exec_driver_sql(
            "select present, granted from star_virtue.vote where star_code = 'S09' and in_force"
        )
        assert tuple(found.one()) == (15, True)  # 8 of 15; 8 of 16 would not be enough


async def test_a_verified_contrary_fact_takes_the_bonus(
    village: Any, course_of: Any, neighbour: Any, councillor: Any
) -> None:
    one, two = village.homes
    await village.add_honour(one, "VETERAN")
    claims = {one.no: ("S07", "S09"), two.no: ("S01",)}
    course = await course_of(claims)
    await course.review(claims, yes=3)  # 3 of 6: only the veteran's household gets its stars
    course.at(2026, 12, 7, 9)
    await course.step(publicity.open_publicity)
    assert (await course.entry(one)).final_stars == ["S07", "S09"]
    assert (await course.entry(two)).final_stars == []
    row = await course.object(neighbour, one, star_code="S09")
    row = await decide(course, row, councillor, "UPHELD")
    row = await vote_again(course, row, yes=3, present=6)
    assert (await course.entry(one)).final_stars == ["S07"]
    # A procedural objection proves nothing against the star: the bonus stays.
    row = await course.object(neighbour, one, star_code="S07", text="表决时漏点了一名到会人员。")
    row = await decide(course, row, councillor, "UPHELD", "计票有误，重新表决", contrary_fact=False)
    await vote_again(course, row, yes=3, present=6)
    assert (await course.entry(one)).final_stars == ["S07"]


async def test_the_household_objects_for_a_star_it_did_not_get(
    village: Any, course_of: Any, councillor: Any
) -> None:
    one, two = village.homes
    claims = {one.no: ("S01", "S02"), two.no: ("S01",)}
    course = await course_of(claims)
    await course.review({two.no: ("S01",)})
    await course.review({one.no: claims[one.no]}, yes=3)
    course.at(2026, 12, 7, 9)
    await course.step(publicity.open_publicity)
    head = await village.head(one, "HOUSEHOLD_HEAD")
    row = await course.object(head, one, star_code="S02", text="本户带动五户发展种植，请重新评议。")
    row = await decide(course, row, councillor, "UPHELD")
    assert row.contrary_fact is False
    await vote_again(course, row, yes=6, present=6)
    entry = await course.entry(one)
    assert (entry.final_stars, entry.title_held, entry.state) == (["S02"], True, "PUBLICISED")


async def test_objections_during_the_republication(
    village: Any, published: Any, neighbour: Any, councillor: Any
) -> None:
    course, (h5, other) = published, village.homes
    row = await course.object(neighbour, h5, star_code="S09")
    course.at(2026, 12, 15, 10)
    row = await decide(course, row, councillor, "UPHELD")
    course.at(2026, 12, 16, 10)
    await vote_again(course, row, yes=8)
    course.at(2026, 12, 21, 23)
    second = await course.object(neighbour, h5, star_code="S01", text="没有参加过集体公益劳动。")
    assert second.state == "OPEN"
    mine = await course.entry(other)  # not changed, not shown again
    head = await village.head(h5, "HOUSEHOLD_HEAD")
    await village.refused("DEADLINE_PASSED", head, FILE, entry_id=mine.id, star_code="S01", text=TEXT)
    course.at(2026, 12, 22)
    error = await course.refused("INVALID_TRANSITION", publicity.confirm_cycle)
    assert error.reason == "OPEN_OBJECTIONS"


async def test_two_objections_on_one_entry_are_both_settled(
    village: Any, published: Any, neighbour: Any, councillor: Any
) -> None:
    course, (h5, _) = published, village.homes
    first = await course.object(neighbour, h5, star_code="S09")
    second = await course.object(neighbour, h5, star_code="S01", text="没有参加过集体公益劳动。")
    first = await decide(course, first, councillor, "UPHELD")
    await vote_again(course, first, yes=8)
    assert (await course.entry(h5)).state == "OBJECTED"  # the other one is open
    second = await decide(course, second, councillor, "UPHELD")
    await vote_again(course, second, yes=8)
    entry = await course.entry(h5)
    assert (entry.state, entry.final_count) == ("PUBLICISED", 4)


async def test_an_objection_to_the_whole_entry(
    village: Any, published: Any, neighbour: Any, councillor: Any
) -> None:
    course, (h5, _) = published, village.homes
    row = await course.object(neighbour, h5, text="该户全年不在村居住，互评时无人了解。")
    row = await decide(course, row, councillor, "PARTLY_UPHELD", revote_stars=["S09", "S01"])
    assert row.revote_stars == ["S01", "S09"]
    await vote_again(course, row, yes=0)
    assert (await course.entry(h5)).final_stars == ["S03", "S05", "S07", "S10"]


async def test_a_household_objects_to_its_exclusion(village: Any, published: Any, councillor: Any) -> None:
    course, (h5, _) = published, village.homes
    entry = await course.entry(h5)
    await village.do(
        village.secretary, entries.exclude_entry,
        entry_id=entry.id, expected_version=entry.version, reason="自评表并非本户填写", notified_at=course.clock.now(),
    )  # fmt: skip
    head = await village.head(h5, "HOUSEHOLD_HEAD")
    row = await course.object(head, h5, text="自评表由本人填写并签字，请予更正。")
    assert (await course.entry(h5)).state == "EXCLUDED"
    row = await decide(course, row, councillor, "UPHELD", "自评表确由户主签字")
    assert row.revote_stars == sorted(STARS)
    error = await course.refused("INVALID_TRANSITION", publicity.confirm_cycle)
    assert error.reason == "REVOTE_PENDING"
    await vote_again(course, row, yes=18)
    back = await course.entry(h5)
    assert (back.state, back.final_count, back.excluded_reason) == ("PUBLICISED", 6, None)
    assert back.republicity_to == at(2026, 12, 11)


# -- the town's review ----------------------------------------------------------------------------


async def test_the_town_reviews_once(village: Any, published: Any, neighbour: Any, councillor: Any) -> None:
    course, (h5, _) = published, village.homes
    row = await course.object(neighbour, h5, star_code="S09")
    head = await village.head(h5, "HOUSEHOLD_HEAD")
    ask, text = townreview.ask_review, "院内杂物当天已清理，请复核。"
    await refuse(course, "INVALID_TRANSITION", row, head, ask, text=text)  # not decided
    course.at(2026, 12, 10, 9)
    row = await decide(course, row, councillor, "UPHELD")
    await vote_again(course, row, yes=8)
    await refuse(course, "FORBIDDEN", row, councillor, ask, text=text)  # neither the household nor a clerk
    row = await course.handle(row, head, ask, text=text)
    assert (row.review_state, row.review_due_at) == ("ASKED", at(2026, 12, 18))  # Thursday 12-17, 24:00
    await refuse(course, "DUPLICATE_RECORD", row, head, ask, text=text)
    course.at(2026, 12, 17)
    await course.work_off()
    error = await course.refused("INVALID_TRANSITION", publicity.confirm_cycle)
    assert error.reason == "REVIEW_PENDING"
    answer = townreview.decide_review
    await refuse(course, "FORBIDDEN", row, village.secretary, answer, decision="KEPT", reason="维持原决定")
    row = await course.handle(row, village.town, answer, decision="RETURNED", reason="现场已整改，请重新表决")
    assert (row.review_state, row.revote_done, row.revote_stars) == ("RETURNED", False, ["S09"])
    assert (await course.entry(h5)).state == "OBJECTED"
    await refuse(course, "INVALID_TRANSITION", row, village.town, answer, decision="KEPT", reason="维持")
    course.at(2026, 12, 17, 10)
    await vote_again(course, row, yes=18)
    entry = await course.entry(h5)
    assert (entry.final_count, entry.state) == (6, "PUBLICISED")
    assert entry.republicity_to == at(2026, 12, 23)
    await refuse(course, "DUPLICATE_RECORD", row, head, ask, text=text)
    await course.work_off()
    (told,) = await course.told("star_virtue.review.asked")
    assert told.account_id == village.town.principal.account_id
    assert len(await course.told("star_virtue.review.decided")) == 1
    course.at(2026, 12, 23)
    assert (await course.step(publicity.confirm_cycle)).official_r6 == 1


async def test_a_kept_decision_and_an_overdue_review(
    village: Any, published: Any, neighbour: Any, councillor: Any
) -> None:
    course, (h5, _) = published, village.homes
    row = await course.object(neighbour, h5, star_code="S09")
    row = await decide(course, row, councillor, "UPHELD")
    await vote_again(course, row, yes=8)
    proxy = village.proxy(h5)
    row = await course.handle(
        row, village.clerk, townreview.ask_review, text="院内杂物当天已清理，请复核。", proxy=proxy
    )
    course.at(2026, 12, 15)
    await course.work_off()
    (late,) = await course.told("star_virtue.review.overdue")
    assert late.account_id == village.town.principal.account_id
    row = await course.handle(
        row, village.town, townreview.decide_review, decision="KEPT", reason="事实清楚，维持"
    )
    assert (row.review_state, row.revote_done) == ("KEPT", True)
    assert (await course.step(publicity.confirm_cycle)).official_r6 == 0


# -- together -------------------------------------------------------------------------------------


async def test_confirming_and_objecting_at_once_loses_nothing(
    village: Any, published: Any, neighbour: Any
) -> None:
    """Whoever locks the cycle first wins: never a confirmed cycle with an objection received in time."""
    course, (h5, _) = published, village.homes
    course.at(2026, 12, 15)
    entry, row = await course.entry(h5), await course.cycle()
    late = paper(village.homes[1], received_at=at(2026, 12, 14, 12))
    filed, confirmed = await asyncio.gather(
        command(village.clerk, FILE, FILE.input(idempotency_key=uuid4(), entry_id=entry.id, text=TEXT, paper=late)),
        command(
            village.secretary, publicity.confirm_cycle,
            publicity.ConfirmStarCycle(idempotency_key=uuid4(), cycle_id=row.id, expected_version=row.version),
        ),
    )  # fmt: skip
    assert (filed.error is None) != (confirmed.error is None)
    state = (await course.cycle()).state
    assert state == ("PUBLICITY" if filed.error is None else "CONFIRMED")


async def test_messages_have_no_plain_names(village: Any, published: Any, neighbour: Any) -> None:
    course, (h5, _) = published, village.homes
    await course.object(neighbour, h5, star_code="S09")
    await course.work_off()
    rows: list[Notification] = await course.told("star_virtue.objection.received")
    assert [r.title_zh for r in rows] == ["有人对本户的卫生健康星提出异议"]
    handlers = await course.told("star_virtue.objection.assigned")
    assert {n.account_id for n in handlers} == {village.secretary.principal.account_id}


async def test_an_exclusion_is_not_undone_by_others(
    village: Any, published: Any, neighbour: Any, councillor: Any
) -> None:
    """Votes that were due are moot; a neighbour's objection brings nobody back; confirming is not held up."""
    course, (h5, _) = published, village.homes
    first = await decide(course, await course.object(neighbour, h5, star_code="S09"), councillor, "UPHELD")
    whole = await course.object(neighbour, h5, text="该户全年不在村居住，互评时无人了解。")
    entry = await course.entry(h5)
    await village.do(
        village.secretary, entries.exclude_entry,
        entry_id=entry.id, expected_version=entry.version, reason="自评表并非本户填写", notified_at=course.clock.now(),
    )  # fmt: skip
    meeting = await village.meeting(await course.cycle(), kind="REVOTE")
    await refuse(
        course, "INVALID_TRANSITION", first, village.secretary, revote.revote_objection,
        meeting_id=meeting, votes=[StarRevoteCount(star="S09", yes=8)],
    )  # fmt: skip
    whole = await decide(course, whole, councillor, "UPHELD")
    assert (whole.state, whole.revote_stars) == ("UPHELD", [])
    await village.refused(
        "INVALID_TRANSITION", neighbour, FILE, entry_id=entry.id, text="该户确实没有参加互评会。"
    )
    course.at(2026, 12, 15)
    row = await course.step(publicity.confirm_cycle)
    assert (row.official_a, (await course.entry(h5)).state) == (1, "EXCLUDED")
