"""Bodies, terms, incompatibilities (R-CORE-21) and frozen rolls. A refusal writes nothing but its entry."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from sanzhi_core.clock import new_id
from sanzhi_core.db.session import Database
from sanzhi_core.errors import (
    ConflictOfInterest,
    DuplicateRecord,
    InvalidTransition,
    NotFound,
    ValidationFailed,
    VersionConflict,
)
from sanzhi_core.org.bodies import BODY_KINDS, AddTerm, CreateBody, EndTerm, add_term, create_body, end_term
from sanzhi_core.org.models import RollEntry, Term
from sanzhi_core.org.rolls import Eligible, eligible, freeze_roll, roll_digest
from sanzhi_core.people.models import Household, Kinship, Resident
from sanzhi_core.platform.command import Outcome, command
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.work import Work
from sanzhi_core.testing.world import World

VILLAGE, OTHER = "990428101201", "990428101202"
TODAY = date(2026, 11, 23)
SINCE = date(2024, 1, 1)


async def people(world: World, count: int, code: str = VILLAGE, **columns: Any) -> list[UUID]:
    """Adult residents of a village, written straight into the tables."""
    place = world.units[code].place()
    values = {"id_type": "NONE", "masked_name": "测**", "adult_on": date(2000, 1, 1), **columns}
    async with world.base.db.transaction("*") as session:
        home = Household(household_no=f"H{new_id().hex[-8:]}", type="FARM", registered_on=SINCE, **place)
        session.add(home)
        await session.flush()
        made = [Resident(id=new_id(), household_id=home.id, **values, **place) for _ in range(count)]
        session.add_all(made)
        return [r.id for r in made]


async def kin(world: World, one: UUID, other: UUID) -> None:
    async with world.base.db.transaction("*") as session:
        place = world.units[VILLAGE].place()
        session.add(
            Kinship(resident_id=one, relative_id=other, relation="SPOUSE", declared_on=TODAY, **place)
        )


@pytest.fixture
async def director(world: World) -> Context:
    return await world.caller(("VC_DIRECTOR", VILLAGE))


async def body(ctx: Context, world: World, kind: str, code: str = VILLAGE, **more: Any) -> Outcome:
    data = CreateBody(idempotency_key=uuid4(), unit_id=world.id(code), kind=kind, valid_from=SINCE, **more)
    return await command(ctx, create_body, data)


def made(outcome: Outcome) -> UUID:
    assert outcome.error is None, outcome.error
    assert outcome.ref is not None
    return outcome.ref.id


async def seat(ctx: Context, body_id: UUID, who: UUID, post: str = "MEMBER", **more: Any) -> Outcome:
    data = {"valid_from": SINCE, "basis": "2024年换届选举", **more}
    return await command(
        ctx, add_term, AddTerm(idempotency_key=uuid4(), body_id=body_id, resident_id=who, post=post, **data)
    )


async def terms(db: Database) -> int:
    async with db.transaction("*") as session:
        return int(await session.scalar(sa.select(sa.func.count()).select_from(Term)) or 0)


async def entries(db: Database) -> list[Any]:
    async with db.transaction("*") as session:
        return list(
            await session.execute(
                sa.text("select action, result, error_code from core.audit_entry order by id")
            )
        )


def reason(outcome: Outcome) -> str:
    assert isinstance(outcome.error, ValidationFailed)
    return outcome.error.fields[0].reason


def test_the_councils_have_the_sizes_of_the_rules() -> None:
    """star_virtue.md §8 and 村民委员会组织法 art. 6."""
    assert {k: v.seats for k, v in BODY_KINDS.items()} == {
        "VC": (3, 7),
        "PARTY_BRANCH": (None, None),
        "SUPERVISION": (None, None),
        "VILLAGER_REPS": (None, None),
        "MORAL_COUNCIL": (5, 11),
        "WEDDING_FUNERAL": (5, 9),
        "DELIBERATION_COUNCIL": (None, None),
        "ANTI_DRUG_GAMBLING": (5, 9),
    }


async def test_a_village_has_one_body_of_a_kind(world: World, director: Context) -> None:
    first = made(await body(director, world, "MORAL_COUNCIL", seats_max=7))
    twice = await body(director, world, "MORAL_COUNCIL")
    assert isinstance(twice.error, DuplicateRecord)
    assert twice.error.existing_id == first
    async with director.db.transaction() as session:
        found = (
            await session.execute(sa.text("select kind, name, seats_min, seats_max from core.body"))
        ).all()
    assert found == [("MORAL_COUNCIL", "道德评议会", 5, 7)]


@pytest.mark.parametrize("seats", [{"seats_max": 12}, {"seats_min": 4}, {"seats_min": 9, "seats_max": 8}])
async def test_seats_stay_within_the_kind(world: World, director: Context, seats: dict[str, int]) -> None:
    assert reason(await body(director, world, "MORAL_COUNCIL", **seats)) == "SEATS"
    async with director.db.transaction() as session:
        assert (await session.execute(sa.text("select 1 from core.body"))).all() == []


async def test_bodies_belong_to_villages_of_the_caller(world: World, director: Context) -> None:
    for code in (OTHER, "990428101000"):
        outcome = await body(director, world, "VC", code)
        assert outcome.error is not None
        assert outcome.error.code in ("FORBIDDEN", "NOT_FOUND")
    with pytest.raises(ValueError, match="kind"):
        CreateBody(idempotency_key=uuid4(), unit_id=world.id(VILLAGE), kind="PARTY_MEETING")


async def test_a_term_is_recorded_at_the_bodys_place(world: World, director: Context) -> None:
    council = made(await body(director, world, "MORAL_COUNCIL"))
    (who,) = await people(world, 1)
    term_id = made(await seat(director, council, who, "CHAIR", valid_to=date(2029, 1, 1)))
    async with director.db.transaction() as session:
        term = await session.get(Term, term_id)
    assert term is not None
    assert (term.village_id, term.post, term.valid_from, term.valid_to) == (
        world.id(VILLAGE),
        "CHAIR",
        SINCE,
        date(2029, 1, 1),
    )
    assert (await entries(director.db))[-1] == ("core.body.add_term", "OK", None)


async def test_what_a_member_must_be(world: World, director: Context) -> None:
    council = made(await body(director, world, "MORAL_COUNCIL"))
    (adult,) = await people(world, 1)
    (elsewhere,) = await people(world, 1, OTHER)
    (dead,) = await people(world, 1, status="DECEASED")
    # 18 on 2026-11-22 is of age on 2026-11-23, not on the day before the birthday (domain/core.md §5).
    (eighteen,) = await people(world, 1, adult_on=date(2026, 11, 22))
    assert isinstance((await seat(director, council, elsewhere)).error, NotFound)
    assert isinstance((await seat(director, council, uuid4())).error, NotFound)
    assert reason(await seat(director, council, dead)) == "NOT_ADULT"
    assert reason(await seat(director, council, eighteen, valid_from=date(2026, 11, 21))) == "NOT_ADULT"
    assert reason(await seat(director, council, adult, "SECRETARY")) == "UNKNOWN_POST"
    assert reason(await seat(director, council, adult, valid_to=SINCE)) == "NOT_AFTER_START"
    assert reason(await seat(director, council, adult, valid_from=date(2023, 12, 31))) == "BODY_SPAN"
    assert await terms(director.db) == 0
    made(await seat(director, council, eighteen, valid_from=date(2026, 11, 22)))


async def test_seats_and_posts_are_not_given_twice(world: World, director: Context) -> None:
    council = made(await body(director, world, "MORAL_COUNCIL", seats_max=5))
    who = await people(world, 7)
    made(await seat(director, council, who[0], "CHAIR", valid_to=date(2027, 1, 1)))
    for member in who[1:5]:
        made(await seat(director, council, member))
    assert isinstance((await seat(director, council, who[1])).error, DuplicateRecord)
    assert isinstance((await seat(director, council, who[5], "CHAIR")).error, DuplicateRecord)
    assert reason(await seat(director, council, who[5])) == "NO_SEAT"
    assert await terms(director.db) == 5
    # A seat that becomes free is free from that day on, for the post too.
    assert reason(await seat(director, council, who[5], valid_from=date(2026, 12, 31))) == "NO_SEAT"
    made(await seat(director, council, who[5], "CHAIR", valid_from=date(2027, 1, 1)))


async def test_supervision_excludes_the_committee_and_its_near_relatives(
    world: World, director: Context
) -> None:
    committee = made(await body(director, world, "VC"))
    supervision = made(await body(director, world, "SUPERVISION"))
    who, wife, brother, stranger = await people(world, 4)
    await kin(world, wife, who)
    made(await seat(director, committee, who, "DIRECTOR", valid_to=date(2027, 1, 1)))
    assert isinstance((await seat(director, supervision, who)).error, ConflictOfInterest)
    # It does not matter which of the two declared the relation, nor who sits first.
    assert isinstance((await seat(director, supervision, wife)).error, ConflictOfInterest)
    assert await terms(director.db) == 1
    assert (await entries(director.db))[-1][1:] == ("DENIED", "CONFLICT_OF_INTEREST")
    made(await seat(director, supervision, stranger))
    await kin(world, stranger, brother)
    assert isinstance((await seat(director, committee, brother)).error, ConflictOfInterest)
    # Other councils are open to both, and so is supervision after the committee term.
    council = made(await body(director, world, "MORAL_COUNCIL"))
    made(await seat(director, council, who))
    made(await seat(director, supervision, wife, valid_from=date(2027, 1, 1)))


async def test_two_clerks_cannot_seat_one_person_on_both_sides_at_once(
    world: World, director: Context
) -> None:
    bodies = [made(await body(director, world, kind)) for kind in ("VC", "SUPERVISION")]
    for who in await people(world, 5):
        outcomes = await asyncio.gather(*(seat(director, one, who) for one in bodies))
        assert sorted(str(o.error.code) if o.error else "OK" for o in outcomes) == [
            "CONFLICT_OF_INTEREST",
            "OK",
        ]
    assert await terms(director.db) == 5


async def test_a_term_ends_once(world: World, director: Context) -> None:
    council = made(await body(director, world, "MORAL_COUNCIL"))
    (who,) = await people(world, 1)
    term = made(await seat(director, council, who))

    async def end(version: int, **more: Any) -> Outcome:
        data = EndTerm(idempotency_key=uuid4(), expected_version=version, term_id=term, reason="辞职", **more)
        return await command(director, end_term, data)

    assert isinstance((await end(7)).error, VersionConflict)
    assert reason(await end(1, valid_to=SINCE)) == "NOT_AFTER_START"
    made(await end(1))
    over = await end(2)
    assert isinstance(over.error, InvalidTransition)
    async with director.db.transaction() as session:
        row = await session.get(Term, term)
    assert row is not None
    assert (row.valid_to, row.version) == (TODAY, 2)


async def test_the_roll_names_who_sits_on_the_day(world: World, director: Context) -> None:
    committee = made(await body(director, world, "VC"))
    council = made(await body(director, world, "MORAL_COUNCIL"))
    both, one, past, gone = await people(world, 4)
    made(await seat(director, committee, both, "DIRECTOR"))
    made(await seat(director, council, both, "CHAIR"))
    made(await seat(director, council, one))
    made(await seat(director, council, past, valid_to=TODAY))
    made(await seat(director, council, gone))
    async with director.db.transaction("*") as session:
        await session.execute(sa.update(Resident).where(Resident.id == gone).values(status="DECEASED"))
    unit_id = world.id(VILLAGE)
    async with director.db.transaction() as session:
        found = await eligible(session, unit_id, ("VC", "MORAL_COUNCIL"), TODAY)
        earlier = await eligible(session, unit_id, ("MORAL_COUNCIL",), date(2026, 11, 22))
        assert await eligible(session, world.id(OTHER), ("VC",), TODAY) == []
    expected = [Eligible(both, ("MORAL_COUNCIL", "VC")), Eligible(one, ("MORAL_COUNCIL",))]
    assert found == sorted(expected, key=lambda e: e.resident_id)
    assert {e.resident_id for e in earlier} == {both, one, past}

    async with director.db.transaction("*") as session:
        work = Work(world.base, session, plugin="core", permission=None)
        roll = await freeze_roll(work, await work.unit(unit_id), "TEST", found)
        assert (roll.size, roll.sha256) == (2, roll_digest(reversed(found)))
        kept = (await session.scalars(sa.select(RollEntry).where(RollEntry.roll_id == roll.id))).all()
        assert {(k.resident_id, tuple(k.body_kinds)) for k in kept} == {
            (e.resident_id, e.kinds) for e in found
        }
        with pytest.raises(ValueError, match="once"):
            await freeze_roll(work, await work.unit(unit_id), "TEST", [*found, found[0]])


def test_the_digest_of_a_roll_is_its_content() -> None:
    one, two = UUID(int=1), UUID(int=2)
    base = [Eligible(one, ("VC",)), Eligible(two, ("MORAL_COUNCIL", "VC"))]
    assert roll_digest(base).hex() == "86b219f409b424621c31ed65488e7b86a33c22bc4ddcc544bf11647a6a2aa144"
    assert roll_digest([Eligible(two, ("VC", "MORAL_COUNCIL")), base[0]]) == roll_digest(base)
    assert roll_digest([Eligible(one, ("SUPERVISION",)), base[1]]) != roll_digest(base)
    assert roll_digest(base[:1]) != roll_digest(base)
