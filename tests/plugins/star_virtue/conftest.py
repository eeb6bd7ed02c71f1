"""A village that rates its households: bodies with members, households with heads, people with roles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa

from sanzhi_core.clock import SHANGHAI, FixedClock, new_id
from sanzhi_core.db.session import dsn
from sanzhi_core.errors import BusinessError
from sanzhi_core.org.models import Body, OrgUnit, Term
from sanzhi_core.people.models import Household, HouseholdHonour, Kinship, Resident
from sanzhi_core.platform.command import Outcome, command
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.jobs import run_delivery
from sanzhi_core.platform.models import Delivery, Notification, SettingValue
from sanzhi_core.platform.timers import fire_due
from sanzhi_core.testing.databases import TestDatabase
from sanzhi_core.testing.world import SINCE, World
from sanzhi_star_virtue.models import Cycle, Entry, Objection
from sanzhi_star_virtue.service import cycle as cycles
from sanzhi_star_virtue.service import objections, review, selfrating
from sanzhi_star_virtue.service.proxy import StarProxy

VILLAGE, TOWN, COUNTY = "990428101201", "990428101000", "990428000000"


@dataclass
class Home:
    """A household and its head."""

    id: UUID
    head: UUID
    no: str


@dataclass
class StarVillage:
    """东坪村 with people in it. `do` runs an operation and expects success, `refused` expects a refusal."""

    world: World
    owner_url: str
    clock: FixedClock
    homes: list[Home] = field(default_factory=list)
    members: list[Home] = field(default_factory=list)
    secretary: Context = field(init=False)
    clerk: Context = field(init=False)
    town: Context = field(init=False)
    _papers: int = 0
    _made: int = 0

    @property
    def unit(self) -> OrgUnit:
        return self.world.units[VILLAGE]

    # -- building ----------------------------------------------------------------------------------------------
    async def add_home(
        self, *, type: str = "FARM", status: str = "ACTIVE", phone: bool = True, registered: date = SINCE
    ) -> Home:
        self._made += 1
        home = Home(new_id(), new_id(), f"H{self._made:04d}")
        async with self.world.base.db.transaction("*") as session:
            session.add(
                Household(
                    id=home.id, household_no=home.no, type=type, status=status, registered_on=registered,
                    head_masked_name="张*", member_count=1, **self.unit.place(),
                )
            )  # fmt: skip
            await session.flush()
        await self.add_person(home, id=home.head, phone=phone)
        async with self.world.base.db.transaction("*") as session:
            await session.execute(
                sa.update(Household).where(Household.id == home.id).values(head_resident_id=home.head)
            )
        return home

    async def add_person(
        self, home: Home, *, id: UUID | None = None, adult_on: date = date(1990, 1, 1), phone: bool = True
    ) -> UUID:
        ident = id or new_id()
        async with self.world.base.db.transaction("*") as session:
            session.add(
                Resident(
                    id=ident, household_id=home.id, masked_name="张*", id_type="NONE", adult_on=adult_on,
                    masked_phone="138****0000" if phone else None, **self.unit.place(),
                )
            )  # fmt: skip
        return ident

    async def add_homes(self, count: int) -> None:
        for _ in range(count):
            self.homes.append(await self.add_home())

    async def add_body(self, kind: str, members: int) -> list[Home]:
        """A body whose members live in households of their own, which are not rated."""
        homes = [await self.add_home(type="NON_FARM") for _ in range(members)]
        self.members += homes
        async with self.world.base.db.transaction("*") as session:
            body = Body(kind=kind, name=kind, valid_from=SINCE, **self.unit.place())
            session.add(body)
            await session.flush()
            for home in homes:
                session.add(
                    Term(
                        body_id=body.id, resident_id=home.head, post="MEMBER", valid_from=SINCE, basis="选举",
                        **self.unit.place(),
                    )
                )  # fmt: skip
        return homes

    async def add_honour(self, home: Home, honour: str, valid_to: date | None = None) -> None:
        async with self.world.base.db.transaction("*") as session:
            session.add(
                HouseholdHonour(
                    household_id=home.id, honour=honour, certificate_no="证1", issuer="县", valid_from=SINCE,
                    valid_to=valid_to, **self.unit.place(),
                )
            )  # fmt: skip

    async def add_kinship(self, one: UUID, other: UUID) -> None:
        async with self.world.base.db.transaction("*") as session:
            session.add(
                Kinship(
                    resident_id=one,
                    relative_id=other,
                    relation="SIBLING",
                    declared_on=SINCE,
                    **self.unit.place(),
                )
            )

    async def set_setting(self, key: str, value: Any, code: str = COUNTY) -> None:
        async with self.world.base.db.transaction("*") as session:
            session.add(
                SettingValue(
                    key=key, value=value, valid_from=SINCE, reason="测试", **self.world.units[code].place()
                )
            )

    async def head(self, home: Home, *roles: str) -> Context:
        """The head of a household, signed in."""
        return await self.person(home, home.head, *roles)

    async def person(self, home: Home, resident: UUID, *roles: str) -> Context:
        return await self.world.caller(
            *((role, VILLAGE) for role in roles), resident_id=resident, household_id=home.id, channel="APP"
        )

    # -- running -----------------------------------------------------------------------------------------------
    async def do(self, ctx: Context, operation: Any, **given: Any) -> Outcome:
        outcome = await command(ctx, operation, operation.input(idempotency_key=uuid4(), **given))
        assert outcome.error is None, outcome.error
        return outcome

    async def refused(self, code: str, ctx: Context, operation: Any, **given: Any) -> BusinessError:
        """The refusal; nothing but one audit entry and the key was written."""
        before = await self.contents()
        trail = await self.count("core.audit_entry")
        outcome = await command(ctx, operation, operation.input(idempotency_key=uuid4(), **given))
        assert outcome.error is not None, "not refused"
        assert str(outcome.error.code) == code, outcome.error
        assert await self.contents() == before
        assert await self.count("core.audit_entry") == trail + 1
        return outcome.error

    async def contents(self) -> dict[str, str]:
        """A digest of each table but audit and idempotency keys."""
        conn = await asyncpg.connect(dsn(self.owner_url))
        try:
            tables = await conn.fetch(
                "select schemaname || '.' || tablename from pg_tables where schemaname in ('core', 'star_virtue')"
                " and tablename not in ('audit_entry', 'idempotency_key')"
            )
            return {
                t[0]: await conn.fetchval(
                    f"select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {t[0]} t"
                )
                for t in tables
            }
        finally:
            await conn.close()

    async def count(self, table: str, where: str = "true") -> int:
        conn = await asyncpg.connect(dsn(self.owner_url))
        try:
            return int(await conn.fetchval(f"select count(*) from {table} where {where}"))
        finally:
            await conn.close()

    async def get(self, model: type, ident: UUID) -> Any:
        async with self.world.base.db.transaction("*") as session:
            return await session.get(model, ident)

    async def entry(self, cycle_id: UUID, home: Home) -> Entry:
        async with self.world.base.db.transaction("*") as session:
            found = await session.scalar(
                sa.select(Entry).where(Entry.cycle_id == cycle_id, Entry.household_id == home.id)
            )
            assert found is not None
            return found

    # -- the steps of a cycle ----------------------------------------------------------------------------------
    async def draft(self, year: int = 2026) -> Cycle:
        made = await self.do(self.secretary, cycles.create_cycle, village_id=self.unit.id, year=year)
        assert made.ref is not None
        return await self.cycle(made.ref.id)

    async def cycle(self, ident: UUID) -> Cycle:
        found = await self.get(Cycle, ident)
        assert isinstance(found, Cycle)
        return found

    async def opened(self, **given: Any) -> Cycle:
        row = await self.draft()
        await self.do(
            self.secretary, cycles.open_cycle, cycle_id=row.id, expected_version=row.version, **given
        )
        return await self.cycle(row.id)

    def proxy(self, home: Home, **given: Any) -> StarProxy:
        self._papers += 1
        return StarProxy(
            **{
                "person_id": home.head, "paper_no": f"P{self._papers:04d}", "read_back": True, "reason": "本人不用手机",
                **given,
            }
        )  # fmt: skip

    async def rate(self, cycle: Cycle, home: Home, *stars: str) -> Entry:
        """The clerk keys a paper form."""
        entry = await self.entry(cycle.id, home)
        await self.do(
            self.clerk, selfrating.record_self_rating,
            entry_id=entry.id, stars=list(stars), proxy=self.proxy(home), received_at=self.clock.now(),
        )  # fmt: skip
        return await self.entry(cycle.id, home)

    async def closed(self, cycle: Cycle) -> Cycle:
        """Peer review begins: the committee closes at the deadline."""
        now = await self.cycle(cycle.id)
        assert now.self_rating_to is not None
        self.clock.set(now.self_rating_to)
        await self.do(self.secretary, cycles.close_self_rating, cycle_id=now.id, expected_version=now.version)
        return await self.cycle(cycle.id)

    async def meeting(self, cycle: Cycle, present: int | None = None, **given: Any) -> UUID:
        """A meeting of the first `present` members; all when missing."""
        attending = [m.head for m in self.members[:present]]
        made = await self.do(
            self.secretary, review.hold_meeting,
            **{"cycle_id": cycle.id, "place": "村委会", "chair_id": attending[0], "present_ids": attending, **given},
        )  # fmt: skip
        assert made.ref is not None
        return made.ref.id


@pytest.fixture
async def village(world: World, database: TestDatabase, clock: FixedClock) -> StarVillage:
    """Two households to rate, six members of bodies; the county has opened 2026."""
    made = StarVillage(world, database.owner_url, clock)
    await world.enable("star_virtue", VILLAGE)
    await made.set_setting("star.openYears", [2026])
    await made.add_homes(2)
    await made.add_body("VC", 3)
    await made.add_body("MORAL_COUNCIL", 3)
    made.secretary = await world.caller(("PARTY_SECRETARY", VILLAGE), channel="WEB")
    made.clerk = await world.caller(("CLERK", VILLAGE), channel="WINDOW")
    made.town = await world.caller(("TOWN_STAFF", TOWN), channel="WEB")
    return made


@dataclass
class Course:
    """A cycle driven on from the self-rating: reviewed, published, objected to, confirmed, awarded."""

    village: StarVillage
    system: Context
    cycle_id: UUID

    @property
    def clock(self) -> FixedClock:
        return self.village.clock

    def at(self, *parts: int) -> None:
        """Set the clock, in Shanghai time."""
        self.clock.set(datetime(*parts, tzinfo=SHANGHAI))  # type: ignore[misc,arg-type]

    async def cycle(self) -> Cycle:
        return await self.village.cycle(self.cycle_id)

    async def entry(self, home: Home) -> Entry:
        return await self.village.entry(self.cycle_id, home)

    async def review(self, claims: Mapping[str, Sequence[str]], yes: int | None = None) -> None:
        """Everybody present votes on each household's claims; `yes` of them in favour, all when missing."""
        village = self.village
        meeting = await village.meeting(await self.cycle())
        count = len(village.members) if yes is None else yes
        sheets = []
        for home in village.homes:
            if home.no in claims:
                entry = await self.entry(home)
                votes = [review.StarVoteCount(star=s, yes=count) for s in claims[home.no]]
                sheets.append(review.StarVoteSheet(entry_id=entry.id, votes=votes))
        for start in range(0, len(sheets), review.SHEETS):
            part = sheets[start : start + review.SHEETS]
            await village.do(village.secretary, review.record_votes, meeting_id=meeting, sheets=part)

    async def step(self, operation: Any, ctx: Context | None = None, **given: Any) -> Cycle:
        """One step of the cycle by the secretary."""
        row = await self.cycle()
        await self.village.do(
            ctx or self.village.secretary, operation, cycle_id=row.id, expected_version=row.version, **given
        )
        return await self.cycle()

    async def refused(
        self, code: str, operation: Any, ctx: Context | None = None, **given: Any
    ) -> BusinessError:
        row = await self.cycle()
        return await self.village.refused(
            code,
            ctx or self.village.secretary,
            operation,
            cycle_id=row.id,
            expected_version=row.version,
            **given,
        )

    async def object(self, who: Context, home: Home, **given: Any) -> Objection:
        """An objection of somebody to a household's entry."""
        entry = await self.entry(home)
        made = await self.village.do(
            who, objections.file_objection,
            **{"entry_id": entry.id, "text": "院内外堆放杂物，长期没有清理。", **given},
        )  # fmt: skip
        return await self.objection(UUID(made.output.objection_id.partition("_")[2]))

    async def objection(self, ident: UUID) -> Objection:
        found = await self.village.get(Objection, ident)
        assert isinstance(found, Objection)
        return found

    async def handle(self, row: Objection, who: Context, operation: Any, **given: Any) -> Objection:
        """A step of an objection."""
        now = await self.objection(row.id)
        await self.village.do(who, operation, objection_id=row.id, expected_version=now.version, **given)
        return await self.objection(row.id)

    async def work_off(self) -> int:
        """Fire due timers and run every delivery; how many ran."""
        ran = 0
        for _ in range(20):
            async with self.system.db.transaction("*") as session:
                await fire_due(session, self.system.platform, self.clock.now())
                todo = (
                    sa.select(Delivery.id)
                    .where(Delivery.done_at.is_(None))
                    .order_by(Delivery.run_at, Delivery.id)
                )
                ids = list(await session.scalars(todo))
            if not ids:
                return ran
            for ident in ids:
                assert await run_delivery(lambda: self.system, ident) == "done"
                ran += 1
        raise AssertionError("work without end")

    async def told(self, event: str) -> list[Notification]:
        """Messages of one event so far."""
        async with self.system.db.transaction("*") as session:
            rows = await session.scalars(
                sa.select(Notification).where(Notification.event_key == event).order_by(Notification.id)
            )
            return list(rows)


@pytest.fixture
def course_of(village: StarVillage, system: Context) -> Callable[..., Awaitable[Course]]:
    """`await course_of({"H0001": ("S01", …)})`: a cycle in PEER_REVIEW with these self-ratings, nothing voted."""

    async def make(claims: Mapping[str, Sequence[str]]) -> Course:
        cycle = await village.opened()
        for home in village.homes:
            if home.no in claims:
                await village.rate(cycle, home, *claims[home.no])
        await village.closed(cycle)
        return Course(village, system, cycle.id)

    return make
