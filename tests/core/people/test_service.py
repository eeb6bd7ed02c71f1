"""Households and residents through the door: what is kept, who may keep it, and every refusal of core.md §4, §5, §14."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from sanzhi_core.clock import new_id
from sanzhi_core.identity.models import AccessToken, Account
from sanzhi_core.org.models import OrgUnit, VillagersGroup
from sanzhi_core.people import residents, service
from sanzhi_core.people.models import Household, HouseholdHonour, PersonSecret, Resident
from sanzhi_core.people.person import unseal
from sanzhi_core.people.secrets import blind_index
from sanzhi_core.platform.context import Context
from sanzhi_core.testing.world import SINCE, World

A, B = "990428101201", "990428101202"
WANG = {"name": "王大山", "id_number": "990428198512310023", "phone": "13812345678"}
BOY = {"name": "王小山", "id_number": "990428201011060016", "relation": "CHILD"}


@pytest.fixture
async def clerk(world: World) -> Context:
    return await world.caller(("CLERK", A))


@pytest.fixture
def create(run: Any, world: World) -> Any:
    async def go(
        ctx: Context, no: str = "001", head: Any = WANG, members: Any = (), village: str = A, **more: Any
    ) -> Any:
        outcome = await run(
            ctx,
            service.create_household,
            village_id=world.id(village),
            household_no=no,
            head=head,
            members=list(members),
            **more,
        )
        assert outcome.error is None, outcome.error
        return outcome.ref.id

    return go


async def get(ctx: Context, model: Any, ident: UUID) -> Any:
    async with ctx.db.transaction("*") as session:
        return await session.get(model, ident)


async def people_of(ctx: Context, household_id: UUID) -> list[Resident]:
    async with ctx.db.transaction("*") as session:
        rows = await session.scalars(
            sa.select(Resident).where(Resident.household_id == household_id).order_by(Resident.id)
        )
        return list(rows)


async def test_a_household_is_kept_masked_beside_its_secrets(
    create: Any, clerk: Context, world: World
) -> None:
    household_id = await create(clerk, members=[BOY])
    household = await get(clerk, Household, household_id)
    man, boy = await people_of(clerk, household_id)
    assert (household.head_resident_id, household.head_masked_name, household.member_count) == (
        man.id,
        "王*山",
        2,
    )
    assert (household.village_id, household.unit_id, household.status) == (world.id(A), world.id(A), "ACTIVE")
    assert (man.masked_name, man.masked_id_number, man.masked_phone) == (
        "王*山",
        "990428********0023",
        "138****5678",
    )
    assert (man.sex, man.birth_year, man.adult_on, man.relation_to_head) == (
        "F",
        1985,
        date(2003, 12, 31),
        "HEAD",
    )
    assert (boy.sex, boy.adult_on, boy.relation_to_head, boy.provisional) == (
        "M",
        date(2028, 11, 6),
        "CHILD",
        False,
    )
    keys = clerk.keys
    assert man.id_number_hash == blind_index(keys, "id_number", "990428198512310023")
    secret = await get(clerk, PersonSecret, man.id)
    assert unseal(keys, "name_enc", man.id, secret.name_enc) == "王大山"
    assert unseal(keys, "id_number_enc", man.id, secret.id_number_enc) == "990428198512310023"
    assert unseal(keys, "phone_enc", man.id, secret.phone_enc) == "13812345678"
    assert unseal(keys, "birth_date_enc", man.id, secret.birth_date_enc) == "1985-12-31"
    assert secret.address_enc is None


async def test_no_plain_value_reaches_the_database_or_the_audit(create: Any, clerk: Context) -> None:
    await create(clerk, members=[BOY])
    async with clerk.db.transaction("*") as session:
        for table in ("household", "resident", "person_secret", "audit_entry", "idempotency_key"):
            text = await session.scalar(sa.text(f"select string_agg(t::text, '|') from core.{table} t"))
            raw = "|".join(p.hex() for p in (b"990428198512310023", b"13812345678", "王大山".encode()))
            for plain in ("990428198512310023", "13812345678", "王大山", *raw.split("|")):
                assert plain not in text, table


async def test_adulthood_comes_on_the_birthday_itself(
    create: Any, refused: Any, clerk: Context, world: World
) -> None:
    """The clock stands on 2026-11-23: born 2008-11-23 is an adult, born 2008-11-24 is not (core.md §0)."""
    child = {"name": "李小明", "id_type": "NONE", "birth_date": date(2008, 11, 24)}
    grown = {"name": "李大明", "id_type": "NONE", "birth_date": date(2008, 11, 23), "relation": "SIBLING"}
    base = {"village_id": world.id(A), "household_no": "009"}
    error = await refused(
        clerk, service.create_household, "VALIDATION_FAILED", **base, head=child, members=[grown]
    )
    assert [(f.path, f.reason) for f in error.fields] == [("head", "HEAD_NOT_ADULT")]
    alone = await create(clerk, "009", child)
    (only,) = await people_of(clerk, alone)
    assert only.relation_to_head == "HEAD"
    assert only.provisional


async def test_a_leap_day_child_comes_of_age_on_the_first_of_march(create: Any, clerk: Context) -> None:
    ident = await create(clerk, head={"name": "李闰月", "id_type": "NONE", "birth_date": date(2012, 2, 29)})
    (one,) = await people_of(clerk, ident)
    assert one.adult_on == date(2030, 3, 1)


@pytest.mark.parametrize(
    ("head", "path", "reason"),
    [
        ({"id_number": "990428198512310024"}, "head.idNumber", "CHECKSUM"),
        ({"id_number": "990428195002290014"}, "head.idNumber", "BIRTH_DATE"),
        ({"id_number": "99042819851231002"}, "head.idNumber", "LENGTH"),
        ({"id_number": "990428202713010014"}, "head.idNumber", "BIRTH_DATE"),
        ({"id_number": "990428851231002"}, "head.idNumber", "FIRST_GENERATION"),
        ({"id_number": None}, "head.idNumber", "REQUIRED"),
        ({"phone": "12345"}, "head.phone", "PHONE"),
        ({"name": "王"}, "head.name", "NAME"),
        ({"name": "王2"}, "head.name", "NAME"),
        ({"birth_date": date(1985, 12, 30)}, "head.birthDate", "DIFFERS_FROM_ID"),
        ({"sex": "M"}, "head.sex", "DIFFERS_FROM_ID"),
        ({"id_type": "NONE"}, "head.idType", "ID_TYPE"),
        ({"id_type": "NONE", "id_number": None}, "head.birthDate", "REQUIRED"),
        ({"id_type": "PASSPORT", "id_number": "E 1234567"}, "head.birthDate", "REQUIRED"),
        (
            {"id_type": "PASSPORT", "id_number": "E-1", "birth_date": date(1980, 1, 1)},
            "head.idNumber",
            "CHARACTERS",
        ),
        (
            {"id_type": "NONE", "id_number": None, "birth_date": date(2026, 11, 24)},
            "head.birthDate",
            "BIRTH_RANGE",
        ),
    ],
)
async def test_a_bad_field_is_named(
    refused: Any, clerk: Context, world: World, head: dict[str, Any], path: str, reason: str
) -> None:
    error = await refused(
        clerk,
        service.create_household,
        "VALIDATION_FAILED",
        village_id=world.id(A),
        household_no="001",
        head={**WANG, **head},
    )
    assert [(f.path, f.reason) for f in error.fields] == [(path, reason)]
    assert "9904281985" not in str(error.facts())


async def test_every_bad_field_is_told_at_once(refused: Any, clerk: Context, world: World) -> None:
    bad = {"name": "王", "id_number": "1", "phone": "1"}
    error = await refused(
        clerk,
        service.create_household,
        "VALIDATION_FAILED",
        village_id=world.id(A),
        household_no="1",
        head=bad,
    )
    assert [f.path for f in error.fields] == ["head.name", "head.idNumber", "head.phone"]


async def test_full_width_numbers_and_landlines_are_taken(create: Any, clerk: Context) -> None:
    head = {"name": "王 大山", "id_number": "９９０４２８１９８５１２３１００２３", "phone": "0355-1234567"}
    (one,) = await people_of(clerk, await create(clerk, head=head))
    assert (one.masked_id_number, one.masked_phone) == ("990428********0023", "035*****4567")


async def test_a_person_belongs_to_one_household(create: Any, refused: Any, world: World) -> None:
    """The household is named only to a caller who may see it (core.md §14)."""
    a, b = await world.caller(("CLERK", A)), await world.caller(("CLERK", B))
    first = await create(a)
    again = {"village_id": world.id(A), "household_no": "002", "head": WANG}
    error = await refused(a, service.create_household, "DUPLICATE_RECORD", **again)
    assert (error.existing_id, error.path) == (first, "head.idNumber")
    error = await refused(
        b, service.create_household, "DUPLICATE_RECORD", **{**again, "village_id": world.id(B)}
    )
    assert error.existing_id is None
    other = await create(a, "003", {"name": "李四光", "id_number": "990428200811220036"})
    error = await refused(
        a,
        residents.add_resident,
        "DUPLICATE_RECORD",
        household_id=other,
        person={**WANG, "relation": "OTHER"},
    )
    assert error.existing_id == first


async def test_one_number_twice_in_a_household(refused: Any, clerk: Context, world: World) -> None:
    error = await refused(
        clerk,
        service.create_household,
        "VALIDATION_FAILED",
        village_id=world.id(A),
        household_no="001",
        head=WANG,
        members=[{**WANG, "relation": "SPOUSE"}],
    )
    assert [(f.path, f.reason) for f in error.fields] == [("members.0.idNumber", "TWICE")]


async def test_a_taken_household_number(create: Any, refused: Any, clerk: Context, world: World) -> None:
    first = await create(clerk)
    error = await refused(
        clerk, service.create_household, "DUPLICATE_RECORD", village_id=world.id(A), household_no="001",
        head={"name": "王小山", "id_number": "990428201011060016"},
    )  # fmt: skip
    assert error.existing_id == first


async def test_who_may_keep_the_register(refused: Any, create: Any, world: World) -> None:
    base = {"village_id": world.id(A), "household_no": "001", "head": WANG}
    leader = await world.caller(("TOWN_LEADER", "990428101000"))
    stranger = await world.caller(("CLERK", B))
    resident = await world.caller()
    for caller in (leader, stranger, resident):  # everybody sees that the village exists
        await refused(caller, service.create_household, "FORBIDDEN", **base)
    household_id = await create(await world.caller(("CLERK", A)))
    change = {"household_id": household_id, "expected_version": 1, "moved_on": SINCE, "reason": "搬走"}
    await refused(leader, service.move_out, "FORBIDDEN", **change)
    await refused(stranger, service.move_out, "NOT_FOUND", **change)


async def test_nobody_keeps_their_own_household(
    create: Any, refused: Any, clerk: Context, world: World
) -> None:
    household_id = await create(clerk, members=[BOY])
    man, boy = await people_of(clerk, household_id)
    director = await world.caller(("VC_DIRECTOR", A), resident_id=man.id, household_id=household_id)
    version = (await get(clerk, Household, household_id)).version
    mine = {"household_id": household_id, "expected_version": version}
    conflict = "CONFLICT_OF_INTEREST"
    await refused(director, service.set_head, conflict, **mine, resident_id=man.id, reason="换户主")
    await refused(director, service.move_out, conflict, **mine, moved_on=date(2026, 11, 23), reason="迁出")
    await refused(director, service.assign_household, conflict, **mine)
    await refused(
        director, service.add_honour, conflict, household_id=household_id, honour="VETERAN", certificate_no="1",
        issuer="退役军人事务局", valid_from=SINCE,
    )  # fmt: skip
    baby = {"name": "王小小", "id_type": "NONE", "birth_date": date(2026, 1, 1), "relation": "CHILD"}
    await refused(director, residents.add_resident, conflict, household_id=household_id, person=baby)
    await refused(
        director, residents.mark_deceased, conflict, resident_id=boy.id, expected_version=1, basis="死亡证明1"
    )


async def test_group_and_grid_belong_to_the_village(
    create: Any, refused: Any, run: Any, clerk: Context, world: World, system: Context
) -> None:
    grids = {}
    async with system.db.transaction("*") as session:
        for n, code in enumerate((A, B)):
            above = world.units[code]
            grid = OrgUnit(
                id=new_id(), no=90_000 + n, code=f"{code}001", level="GRID", name="一网格", kind="GRID_GENERAL",
                parent_id=above.id, valid_from=SINCE, org_path=f"{above.org_path}{90_000 + n}/",
                county_id=above.county_id, town_id=above.town_id, village_id=above.id,
            )  # fmt: skip
            grid.grid_id = grid.id
            group = VillagersGroup(id=new_id(), name="一组", valid_from=SINCE, **above.place())
            session.add_all([grid, group])
            grids[code] = (grid.id, group.id)
    base = {"village_id": world.id(A), "household_no": "001", "head": WANG}
    error = await refused(clerk, service.create_household, "VALIDATION_FAILED", **base, grid_id=grids[B][0])
    assert [f.path for f in error.fields] == ["gridId"]
    error = await refused(clerk, service.create_household, "VALIDATION_FAILED", **base, group_id=grids[B][1])
    assert [f.path for f in error.fields] == ["groupId"]
    household_id = await create(clerk, group_id=grids[A][1])
    household = await get(clerk, Household, household_id)
    change = {"household_id": household_id, "expected_version": household.version}
    error = await refused(clerk, service.assign_household, "VALIDATION_FAILED", **change, grid_id=grids[B][0])
    assert [f.path for f in error.fields] == ["gridId"]
    done = await run(
        clerk, service.assign_household, **change, grid_id=grids[A][0], residence_state="AWAY_LONG"
    )
    assert done.error is None
    household = await get(clerk, Household, household_id)
    (man,) = await people_of(clerk, household_id)
    secret = await get(clerk, PersonSecret, man.id)
    assert household.group_id is None
    assert household.residence_state == "AWAY_LONG"
    assert {household.grid_id, man.grid_id, secret.grid_id} == {grids[A][0]}
    assert household.unit_id == world.id(A)
    worker = await world.caller(("CLERK", A))
    await refused(worker, service.assign_household, "VERSION_CONFLICT", **change)


async def test_the_first_adult_becomes_head(create: Any, refused: Any, run: Any, clerk: Context) -> None:
    household_id = await create(clerk, head={"name": "王小山", "id_number": "990428201011060016"})
    woman = {**WANG, "relation": "PARENT"}
    error = await refused(
        clerk, residents.add_resident, "VALIDATION_FAILED", household_id=household_id, person=woman
    )
    assert [(f.path, f.reason) for f in error.fields] == [("becomesHead", "HEAD_NOT_ADULT")]
    done = await run(
        clerk, residents.add_resident, household_id=household_id, person=woman, becomes_head=True
    )
    assert done.ref.type == "Resident"
    household = await get(clerk, Household, household_id)
    boy, mother = await people_of(clerk, household_id)
    assert (household.head_resident_id, household.member_count, household.head_masked_name) == (
        mother.id,
        2,
        "王*山",
    )
    assert (mother.relation_to_head, boy.relation_to_head) == ("HEAD", "CHILD")


async def test_changing_the_head(create: Any, refused: Any, run: Any, clerk: Context) -> None:
    son = {"name": "王二山", "id_number": "990428200811220036", "relation": "CHILD"}
    household_id = await create(clerk, members=[BOY, son])
    stranger = await create(
        clerk, "002", {"name": "李四光", "id_type": "NONE", "birth_date": date(1970, 1, 1)}
    )
    (other,) = await people_of(clerk, stranger)
    woman, boy, grown = await people_of(clerk, household_id)
    version = (await get(clerk, Household, household_id)).version
    base = {"household_id": household_id, "reason": "年老"}
    for who, reason in ((boy.id, "HEAD_NOT_ADULT"), (other.id, "NOT_A_MEMBER"), (uuid4(), "NOT_A_MEMBER")):
        error = await refused(
            clerk, service.set_head, "VALIDATION_FAILED", **base, expected_version=version, resident_id=who
        )
        assert [f.reason for f in error.fields] == [reason]
    error = await refused(
        clerk,
        service.set_head,
        "VERSION_CONFLICT",
        **base,
        expected_version=version + 1,
        resident_id=grown.id,
    )
    assert error.current_version == version
    done = await run(clerk, service.set_head, **base, expected_version=version, resident_id=grown.id)
    assert done.error is None
    woman, boy, grown = await people_of(clerk, household_id)
    household = await get(clerk, Household, household_id)
    assert household.head_resident_id == grown.id
    assert household.version == version + 1
    assert (grown.relation_to_head, woman.relation_to_head, boy.relation_to_head) == ("HEAD", "PARENT", None)


async def test_honours(create: Any, refused: Any, run: Any, clerk: Context) -> None:
    household_id = await create(clerk)
    honour = {
        "household_id": household_id, "honour": "VETERAN", "certificate_no": "退证001", "issuer": "沁山县退役军人事务局",
        "valid_from": date(2024, 1, 1),
    }  # fmt: skip
    error = await refused(clerk, service.add_honour, "VALIDATION_FAILED", **honour, valid_to=date(2024, 1, 1))
    assert [f.path for f in error.fields] == ["validTo"]
    done = await run(clerk, service.add_honour, **honour, valid_to=date(2030, 1, 1))
    row = await get(clerk, HouseholdHonour, done.ref.id)
    assert (row.honour, row.valid_to, row.village_id) == ("VETERAN", date(2030, 1, 1), row.unit_id)
    error = await refused(clerk, service.add_honour, "DUPLICATE_RECORD", **honour)
    assert error.path == "certificateNo"


async def test_contact_is_changed_by_the_clerk_or_the_person(
    create: Any, refused: Any, run: Any, clerk: Context, world: World
) -> None:
    household_id = await create(clerk, members=[BOY])
    woman, boy = await people_of(clerk, household_id)
    change = {"resident_id": woman.id, "expected_version": woman.version}
    error = await refused(clerk, residents.update_contact, "VALIDATION_FAILED", **change, phone="123")
    assert [(f.path, f.reason) for f in error.fields] == [("phone", "PHONE")]
    done = await run(
        clerk, residents.update_contact, **change, phone="０３５５-７６５４３２１", needs_assistance=True
    )
    assert done.error is None
    woman = await get(clerk, Resident, woman.id)
    secret = await get(clerk, PersonSecret, woman.id)
    assert woman.masked_phone == "035*****4321"
    assert woman.needs_assistance
    assert unseal(clerk.keys, "phone_enc", woman.id, secret.phone_enc) == "0355-7654321"
    await refused(clerk, residents.update_contact, "VERSION_CONFLICT", **change, phone="")
    herself = await world.caller(resident_id=woman.id, household_id=household_id)
    done = await run(
        herself,
        residents.update_contact,
        resident_id=woman.id,
        expected_version=woman.version,
        phone="",
        address="一组3号",
    )
    assert done.error is None
    woman, secret = await get(clerk, Resident, woman.id), await get(clerk, PersonSecret, woman.id)
    assert (woman.masked_phone, secret.phone_enc) == (None, None)
    assert unseal(clerk.keys, "address_enc", woman.id, secret.address_enc) == "一组3号"
    child = {"resident_id": boy.id, "expected_version": boy.version, "phone": "13800000000"}
    await refused(herself, residents.update_contact, "FORBIDDEN", **child)
    nobody = await world.caller()
    await refused(nobody, residents.update_contact, "NOT_FOUND", **child)


async def test_a_death_needs_a_new_head_and_closes_the_account(
    create: Any, refused: Any, run: Any, clerk: Context, world: World
) -> None:
    son = {"name": "王二山", "id_number": "990428200811220036", "relation": "CHILD"}
    household_id = await create(clerk, members=[BOY, son])
    woman, boy, grown = await people_of(clerk, household_id)
    caller = await world.caller(resident_id=woman.id, household_id=household_id)
    async with clerk.db.transaction("*") as session:
        session.add(
            AccessToken(
                account_id=caller.principal.account_id,
                token_hash=b"x" * 32,
                channel="API",
                issued_at=clerk.clock.now(),
                expires_at=clerk.clock.now(),
                last_used_at=clerk.clock.now(),
                idle_seconds=60,
            )
        )
    dead = {"resident_id": woman.id, "expected_version": woman.version, "basis": "死亡证明2026-7"}
    error = await refused(clerk, residents.mark_deceased, "VALIDATION_FAILED", **dead)
    assert [(f.path, f.reason) for f in error.fields] == [("newHeadId", "REQUIRED")]
    for who, reason in ((boy.id, "HEAD_NOT_ADULT"), (woman.id, "NOT_A_MEMBER")):
        error = await refused(clerk, residents.mark_deceased, "VALIDATION_FAILED", **dead, new_head_id=who)
        assert [(f.path, f.reason) for f in error.fields] == [("newHeadId", reason)]
    done = await run(clerk, residents.mark_deceased, **dead, new_head_id=grown.id)
    assert done.error is None
    household = await get(clerk, Household, household_id)
    assert (household.head_resident_id, household.member_count, household.status) == (grown.id, 2, "ACTIVE")
    assert (await get(clerk, Resident, woman.id)).status == "DECEASED"
    account = await get(clerk, Account, caller.principal.account_id)
    assert account.status == "CLOSED"
    async with clerk.db.transaction("*") as session:
        live = sa.select(sa.func.count()).select_from(AccessToken).where(AccessToken.revoked_at.is_(None))
        assert await session.scalar(live) == 0
    woman = await get(clerk, Resident, woman.id)
    again = {**dead, "expected_version": woman.version}
    error = await refused(clerk, residents.mark_deceased, "INVALID_TRANSITION", **again)
    assert error.from_state == "DECEASED"


async def test_an_empty_household_ends(create: Any, refused: Any, run: Any, clerk: Context) -> None:
    household_id = await create(clerk)
    (woman,) = await people_of(clerk, household_id)
    await run(
        clerk,
        residents.mark_deceased,
        resident_id=woman.id,
        expected_version=woman.version,
        basis="死亡证明1",
    )
    household = await get(clerk, Household, household_id)
    assert (household.status, household.ended_on, household.member_count) == (
        "DISSOLVED",
        date(2026, 11, 23),
        0,
    )
    error = await refused(
        clerk, residents.add_resident, "INVALID_TRANSITION", household_id=household_id, person=BOY
    )
    assert error.from_state == "DISSOLVED"


async def test_moving_out(create: Any, refused: Any, run: Any, clerk: Context) -> None:
    household_id = await create(clerk, members=[BOY])
    version = (await get(clerk, Household, household_id)).version
    base = {"household_id": household_id, "expected_version": version, "reason": "进城"}
    for day in (date(2026, 11, 24), date(2026, 11, 22)):
        error = await refused(clerk, service.move_out, "VALIDATION_FAILED", **base, moved_on=day)
        assert [f.path for f in error.fields] == ["movedOn"]
    done = await run(clerk, service.move_out, **base, moved_on=date(2026, 11, 23))
    assert done.error is None
    household = await get(clerk, Household, household_id)
    assert (household.status, household.ended_on, household.member_count) == (
        "MOVED_OUT",
        date(2026, 11, 23),
        0,
    )
    assert {p.status for p in await people_of(clerk, household_id)} == {"MOVED_OUT"}
    later = {**base, "expected_version": household.version, "moved_on": date(2026, 11, 23)}
    await refused(clerk, service.move_out, "INVALID_TRANSITION", **later)
