"""Plain values: only with permission and purpose, at most fifty people a day, each showing in the subject's log."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from sanzhi_core.clock import FixedClock
from sanzhi_core.people import reveal, service
from sanzhi_core.people.models import Resident, RevealLog
from sanzhi_core.platform.context import Context
from sanzhi_core.testing.world import World

A, B = "990428101201", "990428101202"
WANG = {"name": "王大山", "id_number": "990428198512310023", "phone": "13812345678", "address": "一组3号"}


@pytest.fixture
async def people(run: Any, world: World) -> list[UUID]:
    """王大山 of A, and 李四光 of B without a number."""
    out = []
    for village, head in ((A, WANG), (B, {"name": "李四光", "id_type": "NONE", "birth_date": "1970-02-03"})):
        clerk = await world.caller(("CLERK", village))
        done = await run(
            clerk, service.create_household, village_id=world.id(village), household_no="1", head=head
        )
        async with clerk.db.transaction("*") as session:
            out.append(
                await session.scalar(sa.select(Resident.id).where(Resident.household_id == done.ref.id))
            )
    return out


async def logged(ctx: Context) -> list[RevealLog]:
    async with ctx.db.transaction("*") as session:
        return list(await session.scalars(sa.select(RevealLog).order_by(RevealLog.at, RevealLog.id)))


async def test_values_are_shown_and_logged_per_subject(run: Any, world: World, people: list[UUID]) -> None:
    town = await world.caller(("TOWN_STAFF", "990428101000"), channel="WEB")
    key = uuid4()
    ask = {
        "resident_ids": people, "fields": ["NAME", "ID_NUMBER", "PHONE", "BIRTH_DATE", "ADDRESS"],
        "purpose": "VERIFICATION", "note": "核对信息",
    }  # fmt: skip
    first = await run(town, reveal.reveal_persons, key=key, outputs=reveal.Revealed, **ask)
    assert first.error is None
    shown = {p.resident_id: p for p in first.output.persons}
    wang, li = (shown[f"Resident_{i}"] for i in people)
    assert (wang.name, wang.id_number, wang.phone) == ("王大山", "990428198512310023", "13812345678")
    assert (wang.birth_date, wang.address) == ("1985-12-31", "一组3号")
    assert (li.name, li.id_number, li.phone, li.birth_date) == ("李四光", None, None, "1970-02-03")
    rows = await logged(town)
    assert {r.subject_id for r in rows} == set(people)
    assert len(rows) == 2
    assert {(r.actor_id, r.purpose, r.channel) for r in rows} == {
        (town.principal.account_id, "VERIFICATION", "WEB")
    }
    assert rows[0].fields == ["ADDRESS", "BIRTH_DATE", "ID_NUMBER", "NAME", "PHONE"]
    again = await run(town, reveal.reveal_persons, key=key, outputs=reveal.Revealed, **ask)
    assert again.replayed
    assert again.output == first.output
    assert len(await logged(town)) == 2


async def test_only_the_fields_asked_for(run: Any, world: World, people: list[UUID]) -> None:
    director = await world.caller(("VC_DIRECTOR", A))
    done = await run(
        director, reveal.reveal_persons, resident_ids=people[:1], fields=["PHONE"], purpose="NOTICE"
    )
    (one,) = done.output.persons
    assert (one.name, one.id_number, one.phone, one.birth_date, one.address) == (
        None,
        None,
        "13812345678",
        None,
        None,
    )
    assert [r.fields for r in await logged(director)] == [["PHONE"]]


async def test_plain_values_are_not_kept_in_the_audit_or_the_reply(
    run: Any, world: World, people: list[UUID]
) -> None:
    director = await world.caller(("VC_DIRECTOR", A))
    await run(
        director,
        reveal.reveal_persons,
        resident_ids=people[:1],
        fields=["NAME", "ID_NUMBER"],
        purpose="NOTICE",
    )
    async with director.db.transaction("*") as session:
        for table in ("audit_entry", "idempotency_key", "reveal_log"):
            text = await session.scalar(sa.text(f"select string_agg(t::text, '|') from core.{table} t"))
            for plain in (
                "990428198512310023",
                b"990428198512310023".hex(),
                "王大山",
                "王大山".encode().hex(),
            ):
                assert plain not in text, table


@pytest.mark.parametrize("purpose", ["", "CURIOSITY", "OWN"])
async def test_a_purpose_is_needed(refused: Any, world: World, people: list[UUID], purpose: str) -> None:
    director = await world.caller(("VC_DIRECTOR", A))
    await refused(
        director,
        reveal.reveal_persons,
        "PURPOSE_NOT_ALLOWED",
        resident_ids=people[:1],
        fields=["NAME"],
        purpose=purpose,
    )


async def test_who_may_not(refused: Any, world: World, people: list[UUID], system: Context) -> None:
    ask = {"fields": ["NAME"], "purpose": "SERVICE"}
    wang = {"resident_ids": people[:1], **ask}
    await refused(await world.caller(("CLERK", A)), reveal.reveal_persons, "FORBIDDEN", **wang)
    await refused(await world.caller(("VC_DIRECTOR", B)), reveal.reveal_persons, "NOT_FOUND", **wang)
    await refused(await world.caller(), reveal.reveal_persons, "NOT_FOUND", **wang)
    await refused(system, reveal.reveal_persons, "FORBIDDEN", **wang)
    director = await world.caller(("VC_DIRECTOR", A))
    await refused(director, reveal.reveal_persons, "NOT_FOUND", resident_ids=people, **ask)


async def test_ones_own_data_needs_no_purpose(
    run: Any, refused: Any, world: World, people: list[UUID]
) -> None:
    async with world.base.db.transaction("*") as session:
        row = await session.get(Resident, people[0])
        assert row is not None
        boy = Resident(
            household_id=row.household_id, masked_name="王*", id_type="NONE", adult_on=row.adult_on,
            unit_id=row.unit_id, org_code_at_time=row.org_code_at_time, org_path=row.org_path, county_id=row.county_id,
            town_id=row.town_id, village_id=row.village_id,
        )  # fmt: skip
        session.add(boy)
    herself = await world.caller(resident_id=row.id, household_id=row.household_id)
    done = await run(herself, reveal.reveal_persons, resident_ids=[row.id], fields=["ID_NUMBER"])
    assert done.output.persons[0].id_number == "990428198512310023"
    assert [r.purpose for r in await logged(herself)] == ["OWN"]
    await refused(
        herself, reveal.reveal_persons, "FORBIDDEN", resident_ids=[boy.id], fields=["NAME"], purpose="SERVICE"
    )


async def test_fifty_people_a_day(
    run: Any, refused: Any, world: World, people: list[UUID], clock: FixedClock, citizen: Any
) -> None:
    """Counted over all villages, and anew on the next business day."""
    town = await world.caller(("TOWN_STAFF", "990428101000"))
    ids: list[UUID] = []
    for n in range(60):
        clerk = world.system()
        head = {
            "name": f"赵{'一二三四五六七八九十'[n % 10]}",
            "id_number": citizen(1950 + n % 40, 1 + n // 40, n=100 + n),
        }
        done = await run(
            clerk,
            service.create_household,
            village_id=world.id((A, B)[n % 2]),
            household_no=f"x{n}",
            head=head,
        )
        async with clerk.db.transaction("*") as session:
            ids.append(
                await session.scalar(sa.select(Resident.id).where(Resident.household_id == done.ref.id))
            )  # type: ignore[arg-type]
    ask = {"fields": ["NAME"], "purpose": "SERVICE"}
    for at in (0, 20):
        assert (await run(town, reveal.reveal_persons, resident_ids=ids[at : at + 20], **ask)).error is None
    assert (await run(town, reveal.reveal_persons, resident_ids=ids[40:49], **ask)).error is None
    error = await refused(town, reveal.reveal_persons, "RATE_LIMITED", resident_ids=ids[49:51], **ask)
    assert error.retry_after_seconds == 15 * 3600
    both = await asyncio.gather(
        *(run(town, reveal.reveal_persons, resident_ids=[i], **ask) for i in ids[49:51])
    )
    assert sorted(str(o.error.code) if o.error else "OK" for o in both) == ["OK", "RATE_LIMITED"]
    assert (await run(town, reveal.reveal_persons, resident_ids=ids[:20], **ask)).error is None
    clock.advance(timedelta(hours=15))
    assert (await run(town, reveal.reveal_persons, resident_ids=ids[51:60], **ask)).error is None


async def test_the_subject_reads_the_log(run: Any, world: World, people: list[UUID]) -> None:
    director = await world.caller(("VC_DIRECTOR", A))
    await run(director, reveal.reveal_persons, resident_ids=people[:1], fields=["PHONE"], purpose="NOTICE")
    async with world.base.db.transaction("*") as session:
        row = await session.get(Resident, people[0])
        assert row is not None
    herself = await world.caller(resident_id=row.id, household_id=row.household_id)
    assert await reveal.my_reveal_log(herself, None) == [
        reveal.SeenByOthers("2026-11-23T09:00:00+08:00", "测试员", ["PHONE"], "NOTICE", "API")
    ]
    assert await reveal.my_reveal_log(director, None) == []
    other = await world.caller(resident_id=people[1], household_id=uuid4())
    assert await reveal.my_reveal_log(other, None) == []
