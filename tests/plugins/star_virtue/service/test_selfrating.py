from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from sanzhi_core.clock import SHANGHAI
from sanzhi_core.people.models import Household
from sanzhi_core.testing.world import World
from sanzhi_star_virtue.models import SelfRating
from sanzhi_star_virtue.service import cycle as cycles
from sanzhi_star_virtue.service import entries, selfrating


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SHANGHAI)  # type: ignore[misc,arg-type]


async def forms(village: Any, entry_id: Any) -> list[SelfRating]:
    async with village.world.base.db.transaction("*") as session:
        return list(
            await session.scalars(
                sa.select(SelfRating)
                .where(SelfRating.entry_id == entry_id)
                .order_by(SelfRating.recorded_at, SelfRating.id)
            )
        )


async def test_the_head_hands_in_and_hands_in_again(village: Any, clock: Any) -> None:
    row = await village.opened()
    home = village.homes[0]
    entry = await village.entry(row.id, home)
    head = await village.head(home)
    reasons = [{"star": "S08", "text": "垃圾分类投放"}]
    await village.do(
        head, selfrating.submit_self_rating, entry_id=entry.id, stars=["S08", "S01"], reasons=reasons
    )
    entry = await village.entry(row.id, home)
    assert (entry.state, entry.self_stars, entry.channel) == ("SELF_RATED", ["S01", "S08"], "APP")
    assert entry.self_reasons == {"S08": "垃圾分类投放"}
    clock.advance(timedelta(days=1))
    await village.do(head, selfrating.submit_self_rating, entry_id=entry.id, stars=[])
    entry = await village.entry(row.id, home)
    assert (entry.state, entry.self_stars, entry.submitted_at) == ("SELF_RATED", [], clock.now())
    kept = await forms(village, entry.id)
    assert [(f.stars, f.counts) for f in kept] == [(["S01", "S08"], False), ([], True)]


@pytest.mark.parametrize(
    ("stars", "reasons", "reason"),
    [
        ([f"S{n:02d}" for n in range(1, 11)] + ["S01"], [], "TOO_MANY_STARS"),
        (["S11"], [], "UNKNOWN_STAR"),
        (["S01", "S01"], [], "DUPLICATE_STAR"),
        (["S01"], [{"star": "S02", "text": "带头致富"}], "STAR_NOT_CLAIMED"),
        (["S01"], [{"star": "S01", "text": "好" * 501}], "TOO_LONG"),
        (["S01"], [{"star": "S01", "text": "家中三名党员"}], "FORBIDDEN_GROUND"),
        (["S01"], [{"star": "S01", "text": "义务劳动"}, {"star": "S01", "text": "护林"}], "TWICE"),
    ],
)
async def test_a_bad_form_is_refused(village: Any, stars: list[str], reasons: list[Any], reason: str) -> None:
    row = await village.opened()
    entry = await village.entry(row.id, village.homes[0])
    head = await village.head(village.homes[0])
    error = await village.refused(
        "VALIDATION_FAILED",
        head,
        selfrating.submit_self_rating,
        entry_id=entry.id,
        stars=stars,
        reasons=reasons,
    )
    assert error.fields[0].reason == reason


async def test_who_may_hand_in(village: Any, world: World) -> None:
    row = await village.opened()
    home, other = village.homes
    entry = await village.entry(row.id, home)
    given = {"entry_id": entry.id, "stars": ["S01"]}
    stranger = await village.head(other)
    await village.refused("NOT_FOUND", stranger, selfrating.submit_self_rating, **given)
    await village.refused("FORBIDDEN", village.secretary, selfrating.submit_self_rating, **given)
    adult = await village.add_person(home)
    await village.refused(
        "FORBIDDEN", await village.person(home, adult), selfrating.submit_self_rating, **given
    )
    minor = await village.add_person(home, adult_on=date(2027, 1, 1))
    authorised = await village.person(home, minor, "HOUSEHOLD_HEAD")
    await village.refused("FORBIDDEN", authorised, selfrating.submit_self_rating, **given)
    signing = await village.add_person(home)
    await village.do(
        await village.person(home, signing, "HOUSEHOLD_HEAD"), selfrating.submit_self_rating, **given
    )
    assert (await village.entry(row.id, home)).submitted_by == signing


async def test_two_members_at_the_same_time(village: Any) -> None:
    row = await village.opened()
    home = village.homes[0]
    entry = await village.entry(row.id, home)
    head = await village.head(home)
    second = await village.person(home, await village.add_person(home), "HOUSEHOLD_HEAD")
    await asyncio.gather(
        village.do(head, selfrating.submit_self_rating, entry_id=entry.id, stars=["S01"]),
        village.do(second, selfrating.submit_self_rating, entry_id=entry.id, stars=["S02"]),
    )
    kept = await forms(village, entry.id)
    assert len(kept) == 2
    assert [f.counts for f in kept].count(True) == 1
    winner = next(f for f in kept if f.counts)
    assert (await village.entry(row.id, home)).self_stars == winner.stars


async def test_after_the_deadline(village: Any, clock: Any) -> None:
    row = await village.opened()
    entry = await village.entry(row.id, village.homes[0])
    head = await village.head(village.homes[0])
    given = {"entry_id": entry.id, "stars": ["S01"]}
    clock.set(row.self_rating_to + timedelta(seconds=1))  # the job has not run yet
    await village.refused("DEADLINE_PASSED", head, selfrating.submit_self_rating, **given)
    await village.do(
        village.secretary, cycles.close_self_rating, cycle_id=row.id, expected_version=row.version
    )
    await village.refused("DEADLINE_PASSED", head, selfrating.submit_self_rating, **given)


async def test_a_cancelled_cycle_takes_no_forms(village: Any) -> None:
    row = await village.opened()
    entry = await village.entry(row.id, village.homes[0])
    await village.do(
        village.secretary,
        cycles.cancel_cycle,
        cycle_id=row.id,
        expected_version=row.version,
        reason="暂缓开展评星",
    )
    head = await village.head(village.homes[0])
    await village.refused(
        "INVALID_TRANSITION", head, selfrating.submit_self_rating, entry_id=entry.id, stars=["S01"]
    )


# -- through a clerk -----------------------------------------------------------------------------------------------


async def test_paper_keeps_its_own_time(village: Any, clock: Any) -> None:
    row = await village.opened()
    home = village.homes[0]
    entry = await village.entry(row.id, home)
    head = await village.head(home)
    clock.advance(timedelta(days=2))
    await village.do(head, selfrating.submit_self_rating, entry_id=entry.id, stars=["S01"])
    earlier = clock.now() - timedelta(days=1)
    await village.do(
        village.clerk, selfrating.record_self_rating,
        entry_id=entry.id, stars=["S02"], proxy=village.proxy(home), received_at=earlier,
    )  # fmt: skip
    assert (await village.entry(row.id, home)).self_stars == ["S01"]  # received later, though keyed earlier
    clock.advance(timedelta(days=1))
    await village.do(
        village.clerk, selfrating.record_self_rating,
        entry_id=entry.id, stars=["S03"], proxy=village.proxy(home, paper_no="甲-7"), received_at=clock.now(),
    )  # fmt: skip
    entry = await village.entry(row.id, home)
    assert (entry.self_stars, entry.channel) == (["S03"], "PAPER")
    kept = await forms(village, entry.id)
    assert [(f.stars, f.counts) for f in kept] == [(["S01"], False), (["S02"], False), (["S03"], True)]
    assert (kept[2].paper_no, kept[2].clerk_id) == ("甲-7", village.clerk.principal.account_id)
    async with village.world.base.db.transaction("*") as session:
        acting = await session.scalar(
            sa.text(
                "select acting_for from core.audit_entry where action = 'star_virtue.selfrating.record' limit 1"
            )
        )
        assert acting == home.head


async def test_the_same_paper_is_keyed_once(village: Any) -> None:
    row = await village.opened()
    first, second = village.homes
    entry, other = await village.entry(row.id, first), await village.entry(row.id, second)
    proxy = village.proxy(first, paper_no="甲-1")
    await village.do(
        village.clerk, selfrating.record_self_rating, entry_id=entry.id, stars=["S01"], proxy=proxy
    )
    kept = (await forms(village, entry.id))[0]
    for target, home in ((entry, first), (other, second)):
        error = await village.refused(
            "DUPLICATE_RECORD", village.clerk, selfrating.record_self_rating,
            entry_id=target.id, stars=["S01"], proxy=village.proxy(home, paper_no="甲-1"),
        )  # fmt: skip
        assert error.existing_id == kept.id


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"paper_no": None, "witness": None}, "WITNESS_OR_PAPER"),
        ({"read_back": False}, "NOT_READ_BACK"),
        ({"paper_no": None, "witness": "测试员"}, "WITNESS_IS_CLERK"),
    ],
)
async def test_recording_for_a_person_needs_evidence(
    village: Any, change: dict[str, Any], reason: str
) -> None:
    row = await village.opened()
    home = village.homes[0]
    entry = await village.entry(row.id, home)
    error = await village.refused(
        "VALIDATION_FAILED", village.clerk, selfrating.record_self_rating,
        entry_id=entry.id, stars=["S01"], proxy=village.proxy(home, **change),
    )  # fmt: skip
    assert error.fields[0].reason == reason


async def test_oral_recording_with_a_witness(village: Any, clock: Any) -> None:
    row = await village.opened()
    home = village.homes[0]
    entry = await village.entry(row.id, home)
    proxy = village.proxy(home, paper_no=None, witness="李四")
    error = await village.refused(
        "VALIDATION_FAILED", village.clerk, selfrating.record_self_rating,
        entry_id=entry.id, stars=["S01"], proxy=proxy, received_at=clock.now(),
    )  # fmt: skip
    assert error.fields[0].reason == "PAPER_REQUIRED"
    await village.do(
        village.clerk, selfrating.record_self_rating, entry_id=entry.id, stars=["S01"], proxy=proxy
    )
    assert (await village.entry(row.id, home)).channel == "WINDOW"


async def test_for_whom_a_clerk_may_record(village: Any) -> None:
    row = await village.opened()
    home, other = village.homes
    entry = await village.entry(row.id, home)
    given = {"entry_id": entry.id, "stars": ["S01"]}
    op = selfrating.record_self_rating
    await village.refused("FORBIDDEN", village.clerk, op, proxy=village.proxy(other), **given)
    member = await village.add_person(home)
    await village.refused(
        "FORBIDDEN", village.clerk, op, proxy=village.proxy(home, person_id=member), **given
    )
    await village.refused("FORBIDDEN", village.secretary, op, proxy=village.proxy(home), **given)
    signed = village.proxy(home, person_id=member, household_authorisation=True)
    await village.do(village.clerk, op, proxy=signed, **given)
    assert (await village.entry(row.id, home)).submitted_by == member


async def test_paper_in_time_may_be_keyed_two_working_days_later(village: Any, clock: Any) -> None:
    row = await village.opened()
    home, other = village.homes
    received = row.self_rating_to - timedelta(minutes=1)  # Thursday 3 December, 23:59
    row = await village.closed(row)
    entry = await village.entry(row.id, home)
    assert entry.state == "NOT_PARTICIPATED"
    given = {"entry_id": entry.id, "stars": ["S01"], "proxy": village.proxy(home)}
    op = selfrating.record_self_rating
    clock.set(at(2026, 12, 7, 23, 59))  # Monday, the second working day
    late = row.self_rating_to + timedelta(minutes=1)
    await village.refused("DEADLINE_PASSED", village.clerk, op, received_at=late, **given)
    future = await village.refused(
        "VALIDATION_FAILED", village.clerk, op, received_at=clock.now() + timedelta(days=1), **given
    )
    assert future.fields[0].reason == "IN_FUTURE"
    await village.do(village.clerk, op, received_at=received, **given)
    entry = await village.entry(row.id, home)
    assert (entry.state, entry.submitted_at) == ("SELF_RATED", received)
    clock.set(at(2026, 12, 8, 0, 0))
    second = await village.entry(row.id, other)
    await village.refused(
        "DEADLINE_PASSED", village.clerk, op,
        entry_id=second.id, stars=["S01"], proxy=village.proxy(other), received_at=received,
    )  # fmt: skip
    assert await village.count("star_virtue.self_rating") == 1


# -- leaving -------------------------------------------------------------------------------------------------------


async def test_a_household_withdraws_before_publicity(village: Any) -> None:
    row = await village.opened()
    home, other = village.homes
    entry = await village.rate(row, home, "S01")
    head = await village.head(home)
    stranger = await village.head(other)
    given = {"entry_id": entry.id, "expected_version": entry.version}
    await village.refused("NOT_FOUND", stranger, entries.withdraw_entry, **given)
    missing = await village.refused("VALIDATION_FAILED", village.clerk, entries.withdraw_entry, **given)
    assert missing.fields[0].reason == "PROXY_REQUIRED"
    await village.refused("FORBIDDEN", head, entries.withdraw_entry, proxy=village.proxy(home), **given)
    await village.do(head, entries.withdraw_entry, **given)
    entry = await village.entry(row.id, home)
    assert entry.state == "WITHDRAWN"
    await village.refused(
        "INVALID_TRANSITION", head, selfrating.submit_self_rating, entry_id=entry.id, stars=["S01"]
    )
    second = await village.entry(row.id, other)
    await village.do(
        village.clerk, entries.withdraw_entry,
        entry_id=second.id, expected_version=second.version, proxy=village.proxy(other),
    )  # fmt: skip
    row = await village.closed(row)
    assert row.low_participation
    assert row.total_households == 2


async def test_exclusion_is_a_decision_with_reason_and_notice(village: Any, world: World, clock: Any) -> None:
    row = await village.opened()
    home = village.homes[0]
    entry = await village.rate(row, home, "S01")
    given = {"entry_id": entry.id, "expected_version": entry.version}
    op = entries.exclude_entry

    async def refused(**more: Any) -> str:
        error = await village.refused("VALIDATION_FAILED", village.secretary, op, **given, **more)
        return str(error.fields[0].reason)

    told = clock.now() - timedelta(hours=1)
    assert await refused(reason="已整户迁出") == "NOT_NOTIFIED"
    assert await refused(reason="多次信访", notified_at=told) == "FORBIDDEN_GROUND"
    assert await refused(reason="已整户迁出", notified_at=clock.now() + timedelta(hours=1)) == "IN_FUTURE"
    assert await refused(reason="DISSOLVED") == "NOT_DISSOLVED"
    own = await world.caller(
        ("VC_MEMBER", "990428101201"), resident_id=await village.add_person(home), household_id=home.id
    )
    await village.refused("CONFLICT_OF_INTEREST", own, op, reason="已整户迁出", notified_at=told, **given)
    await village.do(village.secretary, op, reason="已整户迁出", notified_at=told, **given)
    entry = await village.entry(row.id, home)
    assert (entry.state, entry.excluded_reason) == ("EXCLUDED", "已整户迁出")
    assert await village.count("core.notification", "event_key = 'star_virtue.entry.excluded'") == 2
    assert (await village.cycle(row.id)).total_households == 2


async def test_a_dissolved_household_leaves_and_n_stays(village: Any) -> None:
    row = await village.opened()
    home = village.homes[0]
    entry = await village.entry(row.id, home)
    async with village.world.base.db.transaction("*") as session:
        await session.execute(
            sa.update(Household)
            .where(Household.id == home.id)
            .values(status="DISSOLVED", ended_on=date(2026, 11, 24))
        )
    await village.do(
        village.secretary, entries.exclude_entry,
        entry_id=entry.id, expected_version=entry.version, reason="DISSOLVED",
    )  # fmt: skip
    assert (await village.entry(row.id, home)).state == "EXCLUDED"
    assert (await village.cycle(row.id)).total_households == 2
