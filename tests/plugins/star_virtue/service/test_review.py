from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from sanzhi_core.clock import new_id
from sanzhi_core.org.models import RollEntry
from sanzhi_core.testing.world import World
from sanzhi_star_virtue.models import Meeting, Nomination, Vote
from sanzhi_star_virtue.service import cycle as cycles
from sanzhi_star_virtue.service import nominations, review, selfrating


async def rows(village: Any, model: Any, *where: Any) -> list[Any]:
    async with village.world.base.db.transaction("*") as session:
        return list(await session.scalars(sa.select(model).where(*where).order_by(model.id)))


async def record(village: Any, meeting: UUID, *sheets: dict[str, Any], ctx: Any = None) -> None:
    await village.do(ctx or village.secretary, review.record_votes, meeting_id=meeting, sheets=list(sheets))


def sheet(entry: Any, votes: dict[str, int], **more: Any) -> dict[str, Any]:
    return {"entry_id": entry.id, "votes": [{"star": s, "yes": y} for s, y in votes.items()], **more}


async def reviewing(village: Any, **stars: list[str]) -> Any:
    """A cycle in peer review in which household n claimed `h<n>`."""
    row = await village.opened()
    for n, home in enumerate(village.homes):
        if f"h{n}" in stars:
            await village.rate(row, home, *stars[f"h{n}"])
    return await village.closed(row)


async def test_the_roll_is_frozen(village: Any) -> None:
    row = await reviewing(village)
    meeting = await village.get(Meeting, await village.meeting(row, 4, minutes="逐户评议"))
    assert (meeting.eligible_count, meeting.present_count, meeting.quorum_met) == (6, 4, True)
    assert meeting.minutes_sha256 is not None
    await village.add_body("WEDDING_FUNERAL", 2)
    async with village.world.base.db.transaction("*") as session:
        size = await session.scalar(
            sa.select(sa.func.count()).select_from(RollEntry).where(RollEntry.roll_id == meeting.roll_id)
        )
    assert size == 6
    later = await village.get(Meeting, await village.meeting(row))
    assert later.eligible_count == 8


async def test_a_meeting_is_refused(village: Any, world: World, clock: Any) -> None:
    row = await village.opened()
    members = [m.head for m in village.members]
    given = {"cycle_id": row.id, "place": "村委会", "chair_id": members[0], "present_ids": members}
    op = review.hold_meeting
    await village.refused("INVALID_TRANSITION", village.secretary, op, **given)
    await village.closed(row)
    few = await village.refused(
        "QUORUM_NOT_MET", village.secretary, op, **{**given, "present_ids": members[:3]}
    )
    assert (few.present, few.eligible, few.required) == (3, 6, "4")
    await village.refused("QUORUM_NOT_MET", village.secretary, op, **{**given, "present_ids": []})

    async def bad(**change: Any) -> str:
        error = await village.refused("VALIDATION_FAILED", village.secretary, op, **{**given, **change})
        return str(error.fields[0].reason)

    assert await bad(present_ids=[*members, village.homes[0].head]) == "NOT_ELIGIBLE"
    assert await bad(present_ids=[*members, members[0]]) == "TWICE"
    assert await bad(chair_id=village.homes[0].head) == "NOT_PRESENT"
    assert await bad(held_at=clock.now() + timedelta(hours=1)) == "OUT_OF_RANGE"
    assert await bad(held_at=clock.now() - timedelta(days=1)) == "OUT_OF_RANGE"  # self-rating was running
    council = await world.caller(("MORAL_COUNCIL", "990428101201"))
    await village.refused("FORBIDDEN", council, op, **given)


async def test_sv_3_bonus_and_quorum(village: Any) -> None:
    """24 eligible, 20 present: the numbers of scenario SV-3."""
    await village.add_body("VILLAGER_REPS", 18)
    await village.add_homes(2)
    h1, h2, h3, h4 = village.homes
    await village.add_honour(h2, "VETERAN")
    await village.add_honour(h3, "VETERAN")
    await village.add_honour(h3, "MORAL_MODEL")
    await village.add_honour(h4, "VETERAN", date(2026, 11, 22))
    row = await reviewing(village, h0=["S01"], h1=["S01"], h2=["S01", "S02"], h3=["S01"])
    members = [m.head for m in village.members]
    await village.refused(
        "QUORUM_NOT_MET", village.secretary, review.hold_meeting,
        cycle_id=row.id, place="村委会", chair_id=members[0], present_ids=members[:15],
    )  # fmt: skip
    meeting = await village.meeting(row, 20)
    entries = [await village.entry(row.id, h) for h in (h1, h2, h3, h4)]
    await record(
        village, meeting,
        sheet(entries[0], {"S01": 10}), sheet(entries[1], {"S01": 10}),
        sheet(entries[2], {"S01": 9, "S02": 8}), sheet(entries[3], {"S01": 10}),
    )  # fmt: skip
    after = [await village.entry(row.id, h) for h in (h1, h2, h3, h4)]
    assert [e.final_stars for e in after] == [[], ["S01"], ["S01"], []]
    assert [e.bonus for e in after] == [0, 5, 10, 0]
    assert [e.title_held for e in after] == [False, True, True, False]
    assert {e.state for e in after} == {"REVIEWED"}
    assert after[3].bonus_warning == "VETERAN_CERTIFICATE_NOT_VALID"
    votes = {(v.entry_id, v.star_code): (v.present, v.yes, v.bonus) for v in await rows(village, Vote)}
    assert votes[(after[2].id, "S02")] == (20, 8, 10)
    assert len(votes) == 5


async def test_own_household_and_near_relatives_leave(village: Any) -> None:
    home = village.homes[0]
    member = village.members[0].head
    await village.add_kinship(home.head, member)  # declared by the relative, not by the member
    row = await reviewing(village, h0=["S01"], h1=["S01"])
    meeting = await village.meeting(row)
    first, second = [await village.entry(row.id, h) for h in village.homes]
    error = await village.refused(
        "VALIDATION_FAILED", village.secretary, review.record_votes,
        meeting_id=meeting, sheets=[sheet(first, {"S01": 6})],
    )  # fmt: skip
    assert error.fields[0].reason == "YES_EXCEEDS_PRESENT"
    voters = [m.head for m in village.members]
    await village.refused(
        "CONFLICT_OF_INTEREST", village.secretary, review.record_votes,
        meeting_id=meeting, sheets=[sheet(first, {"S01": 5}, voter_ids=voters)],
    )  # fmt: skip
    further = village.members[1].head
    await record(village, meeting, sheet(first, {"S01": 4}, recused_ids=[further]), sheet(second, {"S01": 3}))
    votes = {v.entry_id: (v.present, v.yes, v.granted) for v in await rows(village, Vote)}
    assert votes == {first.id: (4, 4, True), second.id: (6, 3, False)}
    assert await village.count("star_virtue.recusal", f"entry_id = '{first.id}'") == 2
    assert await village.count("star_virtue.recusal", f"entry_id = '{second.id}'") == 0


async def test_nobody_is_left_to_vote(village: Any) -> None:
    row = await reviewing(village, h0=["S01"])
    meeting = await village.meeting(row)
    entry = await village.entry(row.id, village.homes[0])
    everybody = [m.head for m in village.members]
    await village.refused(
        "QUORUM_NOT_MET", village.secretary, review.record_votes,
        meeting_id=meeting, sheets=[sheet(entry, {"S01": 0}, recused_ids=everybody)],
    )  # fmt: skip


async def test_bad_counts_are_refused_as_a_whole(village: Any, world: World) -> None:
    row = await reviewing(village, h0=["S01", "S02"], h1=["S01"])
    meeting = await village.meeting(row, 5)
    first, second = [await village.entry(row.id, h) for h in village.homes]
    absent = village.members[5].head
    op = review.record_votes

    async def refused(code: str, *sheets: dict[str, Any], ctx: Any = None) -> Any:
        error = await village.refused(
            code, ctx or village.secretary, op, meeting_id=meeting, sheets=list(sheets)
        )
        return error.fields[0].reason if code == "VALIDATION_FAILED" else None

    good = sheet(first, {"S01": 3, "S02": 2})
    assert await refused("VALIDATION_FAILED", good, sheet(second, {"S01": 6})) == "YES_EXCEEDS_PRESENT"
    assert await refused("VALIDATION_FAILED", good, sheet(second, {"S03": 1})) == "STAR_NOT_CLAIMED"
    assert await refused("VALIDATION_FAILED", good, sheet(second, {"S99": 1})) == "UNKNOWN_STAR"
    assert await refused("VALIDATION_FAILED", good, sheet(first, {"S01": 1})) == "TWICE"
    assert (
        await refused("VALIDATION_FAILED", sheet(second, {"S01": 1}, recused_ids=[absent])) == "NOT_PRESENT"
    )
    await refused(
        "FORBIDDEN", sheet(second, {"S01": 1}, voter_ids=[absent])
    )  # a vote by a member not present
    present = [m.head for m in village.members[:2]]
    assert (
        await refused("VALIDATION_FAILED", sheet(second, {"S01": 3}, voter_ids=present))
        == "YES_EXCEEDS_BALLOTS"
    )
    await refused("NOT_FOUND", {"entry_id": new_id(), "votes": []})
    own = await world.caller(
        ("VC_MEMBER", "990428101201"), resident_id=village.homes[1].head, household_id=village.homes[1].id
    )
    await refused("CONFLICT_OF_INTEREST", good, sheet(second, {"S01": 3}), ctx=own)
    await record(village, meeting, sheet(first, {"S01": 3}))
    await refused("DUPLICATE_VOTE", sheet(first, {"S01": 4}))
    assert (await village.entry(row.id, village.homes[0])).state == "SELF_RATED"  # S02 has no vote yet
    await record(village, meeting, sheet(first, {"S02": 2}))
    entry = await village.entry(row.id, village.homes[0])
    assert (entry.state, entry.final_stars, entry.final_count) == ("REVIEWED", ["S01"], 1)


async def test_only_self_rated_households_are_voted(village: Any) -> None:
    row = await reviewing(village, h0=[])
    meeting = await village.meeting(row)
    first, second = [await village.entry(row.id, h) for h in village.homes]
    await village.refused(
        "INVALID_TRANSITION",
        village.secretary,
        review.record_votes,
        meeting_id=meeting,
        sheets=[sheet(second, {})],
    )
    await record(village, meeting, sheet(first, {}))
    entry = await village.entry(row.id, village.homes[0])
    assert (entry.state, entry.final_count, entry.title_held) == ("REVIEWED", 0, False)


async def test_a_contrary_fact_takes_the_bonus_away(village: Any) -> None:
    home = village.homes[0]
    await village.add_honour(home, "VETERAN")
    row = await reviewing(village, h0=["S01", "S02"])
    meeting = await village.meeting(row)
    entry = await village.entry(row.id, home)
    counts = [{"star": "S01", "yes": 3, "contrary_fact": True}, {"star": "S02", "yes": 3}]
    await record(village, meeting, {"entry_id": entry.id, "votes": counts})
    assert (await village.entry(row.id, home)).final_stars == ["S02"]


async def test_fifty_households_in_one_call(village: Any) -> None:
    await village.add_homes(49)
    row = await village.opened()
    for home in village.homes:
        await village.rate(row, home, "S01")
    row = await village.closed(row)
    meeting = await village.meeting(row)
    sheets = [sheet(await village.entry(row.id, h), {"S01": 4}) for h in village.homes]
    with pytest.raises(ValueError, match="at most 50"):
        await record(village, meeting, *sheets)
    await record(village, meeting, *sheets[:50])
    assert await village.count("star_virtue.entry", "state = 'REVIEWED'") == 50
    trail = "action = 'star_virtue.vote.record' and result = 'OK'"
    assert await village.count("core.audit_entry", trail) == 1


# -- nomination ----------------------------------------------------------------------------------------------------


async def test_a_nominated_star_needs_consent(village: Any) -> None:
    row = await reviewing(village, h0=["S01"])
    home = village.homes[0]
    meeting = await village.meeting(row)
    entry = await village.entry(row.id, home)
    given = {"meeting_id": meeting, "entry_id": entry.id, "star": "S06", "reason": "常年参加志愿服务"}
    op = nominations.nominate_star
    claimed = await village.refused("VALIDATION_FAILED", village.secretary, op, **{**given, "star": "S01"})
    assert claimed.fields[0].reason == "ALREADY_CLAIMED"
    ground = await village.refused(
        "VALIDATION_FAILED", village.secretary, op, **{**given, "reason": "从不上访"}
    )
    assert ground.fields[0].reason == "FORBIDDEN_GROUND"
    await village.do(village.secretary, op, **given)
    await village.refused("DUPLICATE_RECORD", village.secretary, op, **given)
    assert await village.count("core.notification", "event_key = 'star_virtue.nomination.proposed'") == 1

    early = await village.refused(
        "VALIDATION_FAILED", village.secretary, review.record_votes,
        meeting_id=meeting, sheets=[sheet(entry, {"S06": 6})],
    )  # fmt: skip
    assert early.fields[0].reason == "NO_CONSENT"
    await record(village, meeting, sheet(entry, {"S01": 6}))
    row_of = (await rows(village, Nomination))[0]
    answer = {"nomination_id": row_of.id, "expected_version": row_of.version}
    stranger = await village.head(village.homes[1])
    await village.refused("NOT_FOUND", stranger, nominations.answer_nomination, consent=True, **answer)
    head = await village.head(home)
    await village.do(head, nominations.answer_nomination, consent=True, **answer)
    await village.refused(
        "INVALID_TRANSITION", head, nominations.answer_nomination,
        consent=False, nomination_id=row_of.id, expected_version=row_of.version + 1,
    )  # fmt: skip
    await record(village, meeting, sheet(entry, {"S06": 4}))
    entry = await village.entry(row.id, home)
    assert (entry.state, entry.final_stars, entry.self_stars) == ("REVIEWED", ["S01", "S06"], ["S01"])
    assert [v.nominated for v in await rows(village, Vote, Vote.star_code == "S06")] == [True]


async def test_a_household_declines_through_a_clerk(village: Any) -> None:
    row = await reviewing(village, h0=["S01"])
    home = village.homes[0]
    meeting = await village.meeting(row)
    entry = await village.entry(row.id, home)
    await village.do(
        village.secretary, nominations.nominate_star,
        meeting_id=meeting, entry_id=entry.id, star="S06", reason="常年参加志愿服务",
    )  # fmt: skip
    row_of = (await rows(village, Nomination))[0]
    given = {"nomination_id": row_of.id, "expected_version": row_of.version, "consent": False}
    await village.refused("VALIDATION_FAILED", village.clerk, nominations.answer_nomination, **given)
    taken = village.proxy(home, paper_no="P0001")  # the paper of the self-rating
    await village.refused(
        "DUPLICATE_RECORD", village.clerk, nominations.answer_nomination, proxy=taken, **given
    )
    await village.do(village.clerk, nominations.answer_nomination, proxy=village.proxy(home), **given)
    assert (await rows(village, Nomination))[0].state == "DECLINED"
    refused = await village.refused(
        "VALIDATION_FAILED", village.secretary, review.record_votes,
        meeting_id=meeting, sheets=[sheet(entry, {"S06": 6})],
    )  # fmt: skip
    assert refused.fields[0].reason == "NO_CONSENT"


async def test_a_later_paper_voids_votes_on_stars_no_longer_claimed(village: Any, clock: Any) -> None:
    row = await village.opened()
    home = village.homes[0]
    await village.rate(row, home, "S01", "S02")
    received = clock.now() + timedelta(days=1)
    row = await village.closed(row)
    meeting = await village.meeting(row)
    entry = await village.entry(row.id, home)
    await record(village, meeting, sheet(entry, {"S02": 6}))
    given = {"entry_id": entry.id, "stars": ["S01"], "received_at": received}
    await village.do(village.clerk, selfrating.record_self_rating, proxy=village.proxy(home), **given)
    assert [v.in_force for v in await rows(village, Vote)] == [False]
    await record(village, meeting, sheet(entry, {"S01": 6}))
    assert (await village.entry(row.id, home)).final_stars == ["S01"]
    await village.refused(
        "INVALID_TRANSITION", village.clerk, selfrating.record_self_rating, proxy=village.proxy(home), **given
    )


async def test_no_votes_after_a_cancel(village: Any) -> None:
    row = await reviewing(village, h0=["S01"])
    meeting = await village.meeting(row)
    entry = await village.entry(row.id, village.homes[0])
    await village.do(
        village.secretary,
        cycles.cancel_cycle,
        cycle_id=row.id,
        expected_version=row.version,
        reason="暂缓开展评星",
    )
    await village.refused(
        "INVALID_TRANSITION", village.secretary, review.record_votes,
        meeting_id=meeting, sheets=[sheet(entry, {"S01": 6})],
    )  # fmt: skip
