"""A small county of its own: two roles, four tables, several callers; real PostgreSQL, no platform behind it."""

from __future__ import annotations

import asyncio
import enum
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
import sqlalchemy as sa
from graphql import OperationDefinitionNode, parse, validate
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from sanzhi_core.clock import FixedClock
from sanzhi_core.db import provision
from sanzhi_core.db.session import Database
from sanzhi_core.platform.context import EVERYWHERE, NOWHERE, SYSTEM, Context, Principal, Scope
from sanzhi_core.reading.declaration import BigInt, Node, Policy, col, expr, extend, many, one
from sanzhi_core.testing.databases import APP, PASSWORD, READ, Cluster, TestDatabase
from sanzhi_graphql.schema.build import build_schema
from sanzhi_graphql.schema.execution import execute, serialised
from sanzhi_graphql.schema.runtime import Runtime


class Base(DeclarativeBase):
    metadata = sa.MetaData(schema="toy")
    type_annotation_map = {datetime: sa.TIMESTAMP(timezone=True), str: sa.Text(), UUID: sa.Uuid()}


class Placed:
    unit_id: Mapped[UUID]
    county_id: Mapped[UUID | None]
    town_id: Mapped[UUID | None]
    village_id: Mapped[UUID | None]
    grid_id: Mapped[UUID | None]


class UnitRow(Placed, Base):
    __tablename__ = "unit"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str]
    name: Mapped[str]
    level: Mapped[str]
    parent_id: Mapped[UUID | None]


class HouseRow(Placed, Base):
    __tablename__ = "household"
    __table_args__ = tuple(
        sa.Index(f"ix_house_{level}", level, "house_no", "id")
        for level in ("unit_id", "county_id", "town_id", "village_id", "grid_id")
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    house_no: Mapped[str]
    phone: Mapped[str | None]
    rank: Mapped[int | None]
    open: Mapped[bool]
    # A column whose database name needs quotes, behind another attribute name.
    group_name: Mapped[str | None] = mapped_column("Group", sa.Text)


class VisitRow(Placed, Base):
    __tablename__ = "visit"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    household_id: Mapped[UUID]
    visited_at: Mapped[datetime]
    on_day: Mapped[date]
    kind: Mapped[str]
    score: Mapped[Decimal | None] = mapped_column(sa.Numeric(12, 2))
    points: Mapped[int] = mapped_column(sa.BigInteger)
    tags: Mapped[list[str]] = mapped_column(pg.ARRAY(sa.Text))
    facts: Mapped[dict[str, Any] | None] = mapped_column(pg.JSONB)
    digest: Mapped[bytes | None]


class SecretRow(Placed, Base):
    __tablename__ = "secret"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    household_id: Mapped[UUID]
    text: Mapped[str]


class BadgeRow(Base):
    """Belongs to a place by `unit_id` only."""

    __tablename__ = "badge"
    code: Mapped[str] = mapped_column(primary_key=True)
    unit_id: Mapped[UUID]
    title: Mapped[str]


class VisitKind(enum.Enum):
    """走访类型 / Kind of a visit"""

    ROUTINE = "ROUTINE"
    URGENT = "URGENT"


class Unit(
    Node, model=UnitRow, plugin="core", policy=Policy(public=True), one="unit", many="units",
    default_order=("code",), zh="单位", en="A unit",
):  # fmt: skip
    code = col(zh="代码", en="Code", order=True)
    name = col(zh="名称", en="Name", order=True)
    level = col(zh="层级", en="Level")
    parent = one("Unit", local="parent_id", zh="上级", en="Parent")
    children = many("Unit", remote="parent_id", zh="下级", en="Children")


class House(
    Node, model=HouseRow, plugin="toy", one="house", many="houses", default_order=("house_no",),
    policy=Policy("toy.house.read", self_=("id",), public=lambda t: t.open.is_(True)), zh="农户", en="A household",
):  # fmt: skip
    house_no = col(zh="户号", en="Number", order=True)
    phone = col(zh="电话", en="Phone", order=True, needs="toy.phone.read")
    rank = col(zh="名次", en="Rank", order=True)
    open = col(zh="公开", en="Public")
    group_name = col(zh="组", en="Group", order=True)
    village_id = col(zh="村", en="Village id", id_of="Unit")
    village = one("Unit", local="village_id", zh="村", en="Village")
    visits = many("Visit", remote="household_id", zh="走访", en="Visits")
    secrets = many("Secret", remote="household_id", zh="秘密", en="Secrets")
    visit_count = expr(
        lambda t: sa.select(sa.func.count()).select_from(VisitRow).where(VisitRow.household_id == t.id).scalar_subquery(),
        int, zh="走访次数", en="Number of visits", nullable=False,
    )  # fmt: skip
    points = expr(
        lambda t: sa.select(sa.func.sum(VisitRow.points)).where(VisitRow.household_id == t.id).scalar_subquery(),
        BigInt, zh="积分", en="Points",
    )  # fmt: skip


class Visit(
    Node, model=VisitRow, plugin="toy", one="visit", many="visits", default_order=("visited_at",),
    policy=Policy("toy.visit.read", self_=("household_id",), signed_in=lambda t: t.kind == "URGENT"),
    zh="走访", en="A visit",
):  # fmt: skip
    house_id = col(zh="户", en="House id", id_of="House", column="household_id")
    visited_at = col(zh="时间", en="When", order=True)
    on_day = col(zh="日期", en="Day", order=True)
    kind = col(zh="类型", en="Kind", type=VisitKind, order=True)
    score = col(zh="得分", en="Score", order=True)
    points = col(zh="积分", en="Points", order=True)
    tags = col(zh="标签", en="Tags")
    facts = col(zh="事实", en="Facts")
    digest = col(zh="摘要", en="Digest")
    house = one("House", local="household_id", zh="户", en="House")


class Secret(
    Node, model=SecretRow, plugin="toy", one="secret", many="secrets",
    policy=Policy("toy.secret.read", self_=("household_id",), walled=True), zh="秘密", en="A secret",
):  # fmt: skip
    text = col(zh="文字", en="Text", order=True)
    house = one("House", local="household_id", zh="户", en="House")


class Badge(
    Node, model=BadgeRow, plugin="toy", many="badges", one="badge", policy=Policy("toy.badge.read"),
    zh="牌", en="A badge",
):  # fmt: skip
    title = col(zh="名称", en="Title", order=True)


NODES = (Unit, House, Visit, Secret, Badge)
EXTENSIONS = (
    extend("Unit", plugin="toy", houses=many("House", remote="village_id", zh="农户", en="Households")),
)
PERMISSIONS = ("toy.house.read", "toy.visit.read", "toy.secret.read", "toy.phone.read", "toy.badge.read")


@dataclass
class Caller:
    """A principal with its scopes by permission; those not named are empty."""

    principal: Principal
    scopes: dict[str, Scope] = field(default_factory=dict)


@dataclass
class Toy:
    """The world: rows by model, callers by name, and the way to ask."""

    db: Database
    owner_url: str
    schema: Any
    rows: dict[type, list[Any]]
    units: dict[str, UUID]
    callers: dict[str, Caller]
    enabled: Scope = EVERYWHERE
    documents: dict[str, Any] = field(default_factory=dict)

    async def ask(self, query: str, caller: str = "county", **variables: Any) -> dict[str, Any]:
        """Run a document as a caller; the reply as JSON data."""
        document = self.documents.get(query)
        if document is None:
            document = self.documents[query] = parse(query)
            assert not (wrong := validate(self.schema._schema, document)), wrong
        operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
        who = self.callers[caller]
        ctx = Context(
            None, self.db, FixedClock(datetime(2026, 11, 23, tzinfo=UTC)), None, who.principal, locale="en"
        )  # type: ignore[arg-type]
        ctx.cache.update(caller=who, enabled=self.enabled)
        reply = await execute(self.schema._schema, document, operation, variables, ctx)
        found: dict[str, Any] = orjson.loads(serialised(reply))
        return found

    async def data(self, query: str, caller: str = "county", **variables: Any) -> dict[str, Any]:
        """Like `ask`, for documents that must succeed."""
        reply = await self.ask(query, caller, **variables)
        assert "errors" not in reply, reply["errors"]
        found: dict[str, Any] = reply["data"]
        return found

    async def refused(self, query: str, caller: str = "county", **variables: Any) -> str:
        """The code of the only error of a document that must be refused."""
        reply = await self.ask(query, caller, **variables)
        assert len(reply["errors"]) == 1, reply
        return str(reply["errors"][0]["extensions"]["code"])

    async def sql(self, text: str, *arguments: Any) -> None:
        """Change the world behind everybody's back."""
        connection = await asyncpg.connect(self.owner_url)
        try:
            await connection.execute(text, *arguments)
        finally:
            await connection.close()


def _uuid(n: int) -> UUID:
    return UUID(int=n)


def _population() -> tuple[dict[type, list[Any]], dict[str, UUID]]:
    """One county with two towns of two villages; another county with one village. Ties and nulls everywhere."""
    rng = random.Random(7)
    units: dict[str, UUID] = {}
    rows: dict[type, list[Any]] = {UnitRow: [], HouseRow: [], VisitRow: [], SecretRow: [], BadgeRow: []}
    numbers = iter(range(1, 100_000))

    def unit(code: str, level: str, parent: UnitRow | None) -> UnitRow:
        ident = _uuid(next(numbers))
        units[code] = ident
        held = {k: getattr(parent, k) if parent else None for k in ("county_id", "town_id", "village_id")}
        held[f"{level.lower()}_id"] = ident
        row = UnitRow(id=ident, code=code, name=f"{code}村", level=level, unit_id=ident, grid_id=None,
                      parent_id=parent.id if parent else None, **held)  # fmt: skip
        rows[UnitRow].append(row)
        return row

    villages = []
    for county in ("A", "B"):
        c = unit(county, "COUNTY", None)
        for town in ("A1", "A2") if county == "A" else ("B1",):
            t = unit(town, "TOWN", c)
            villages += [unit(f"{town}{v}", "VILLAGE", t) for v in ("x", "y")]
    for village in villages:
        place = {k: getattr(village, k) for k in ("unit_id", "county_id", "town_id", "village_id", "grid_id")}
        rows[BadgeRow].append(BadgeRow(code=f"badge_{village.code}", unit_id=village.id, title=village.name))
        for n in range(12):
            house = HouseRow(
                id=_uuid(next(numbers) * 7919 % 1_000_003 + 200_000),
                house_no=f"{rng.randrange(6):02d}",
                phone=rng.choice([None, f"138{rng.randrange(4)}"]),
                rank=rng.choice([None, 1, 2, 3]),
                open=n == 0,
                group_name=rng.choice([None, "东", "西", "O'Brien"]),
                **place,
            )
            rows[HouseRow].append(house)
            rows[SecretRow].append(
                SecretRow(
                    id=_uuid(next(numbers)), household_id=house.id, text=f"s{rng.randrange(5)}", **place
                )
            )
            for _ in range(rng.randrange(5)):
                at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=rng.randrange(5) * 123_400_000)
                rows[VisitRow].append(
                    VisitRow(
                        id=_uuid(next(numbers)),
                        household_id=house.id,
                        visited_at=at,
                        on_day=at.date(),
                        kind=rng.choice(["ROUTINE", "ROUTINE", "URGENT"]),
                        score=rng.choice([None, Decimal("1.50"), Decimal("-2.25")]),
                        points=rng.choice([0, 7, 2**53 + 1]),
                        tags=rng.choice([[], ["a", "b"]]),
                        facts=rng.choice([None, {"k": [1, None]}]),
                        digest=rng.choice([None, b"\x00\xff"]),
                        **place,
                    )
                )
    return rows, units


def _callers(rows: dict[type, list[Any]], units: dict[str, UUID]) -> dict[str, Caller]:
    def staff(**levels: tuple[str, ...]) -> dict[str, Scope]:
        scope = Scope(**{k: tuple(units[c] for c in v) for k, v in levels.items()})
        return {p: scope for p in PERMISSIONS if p != "toy.phone.read"}

    account = Principal("ACCOUNT", account_id=_uuid(1))
    house = rows[HouseRow][5]
    resident = Principal(
        "ACCOUNT", account_id=_uuid(2), resident_id=_uuid(3), household_id=house.id, county_id=house.county_id
    )
    phone = {"toy.phone.read": Scope(village_ids=(units["A1x"],))}
    return {
        "anonymous": Caller(Principal("ANONYMOUS")),
        "nobody": Caller(account),
        "self": Caller(resident),
        "village": Caller(account, staff(village_ids=("A1x",))),
        "two": Caller(account, staff(village_ids=("A1x", "B1y"))),
        "mixed": Caller(account, staff(village_ids=("A1x", "A2y"), town_ids=("A1",), unit_ids=("B1x",))),
        "county": Caller(account, staff(county_ids=("A",))),
        "phone": Caller(account, {**staff(county_ids=("A",)), **phone}),
        "system": Caller(SYSTEM, dict.fromkeys(PERMISSIONS, EVERYWHERE)),
    }


_GRANTS = f"""
grant usage on schema toy to {APP}, {READ};
grant select on all tables in schema toy to {APP};
grant select on toy.unit, toy.household, toy.visit, toy.badge to {READ};
alter table toy.secret enable row level security;
create policy wall on toy.secret using (
  case when current_setting('sanzhi.scope', true) = '*' then true
  else array[unit_id, county_id, town_id, village_id, grid_id]
       && string_to_array(nullif(current_setting('sanzhi.scope', true), ''), ',')::uuid[] end);
create schema core;
create table core.org_unit as select * from toy.unit;
alter table core.org_unit add primary key (id);
grant usage on schema core to {APP}, {READ};
grant select on core.org_unit to {APP}, {READ};
"""


@pytest.fixture(scope="session")
def toy_schema() -> Any:
    async def scope_of(ctx: Context, permission: str) -> Scope:
        caller: Caller = ctx.cache["caller"]
        return caller.scopes.get(permission, NOWHERE)

    async def enabled_at(ctx: Context, plugin: str) -> Scope:
        assert plugin == "toy"
        enabled: Scope = ctx.cache["enabled"]
        return enabled

    return build_schema(NODES, EXTENSIONS, runtime=Runtime(scope_of=scope_of, enabled_at=enabled_at))


async def _load(database: TestDatabase, rows: dict[type, list[Any]]) -> None:
    connection = await asyncpg.connect(database.owner_url)
    try:
        await connection.execute("create schema toy")
        for table in Base.metadata.sorted_tables:
            ddl = [sa.schema.CreateTable(table), *(sa.schema.CreateIndex(i) for i in table.indexes)]
            for statement in ddl:
                await connection.execute(str(statement.compile(dialect=pg.dialect())))
        for model, found in rows.items():
            table = model.__table__  # type: ignore[attr-defined]
            names = [c.name for c in table.columns]
            keys = [model.__mapper__.get_property_by_column(c).key for c in table.columns]  # type: ignore[attr-defined]
            marks = ", ".join(f"${i + 1}" for i in range(len(names)))
            quoted = ", ".join(f'"{n}"' for n in names)
            values = [tuple(_plain(getattr(row, k)) for k in keys) for row in found]
            await connection.executemany(f"insert into toy.{table.name} ({quoted}) values ({marks})", values)
        await connection.execute(_GRANTS)
        await connection.execute("analyze")
    finally:
        await connection.close()


def _plain(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, dict) else value


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL with the two roles and an empty template: the compiler needs no platform."""
    cluster = Cluster()
    cluster.start()

    async def prepare() -> None:
        await provision.ensure_database(cluster.url(cluster.template), cluster.template)
        await provision.ensure_roles(cluster.url(cluster.template), PASSWORD, PASSWORD, APP, READ)

    try:
        asyncio.run(prepare())
        yield cluster
    finally:
        asyncio.run(cluster.stop())


@pytest.fixture(scope="session")
def toy_rows() -> tuple[dict[type, list[Any]], dict[str, UUID]]:
    return _population()


@pytest.fixture(scope="session")
def toy_database(cluster: Cluster, toy_rows: Any) -> Iterator[TestDatabase]:
    async def make() -> TestDatabase:
        database = await cluster.clone()
        await _load(database, toy_rows[0])
        return database

    made = asyncio.run(make())
    yield made
    asyncio.run(cluster.drop(made))


@pytest.fixture
async def toy(toy_database: TestDatabase, toy_schema: Any, toy_rows: Any) -> AsyncIterator[Toy]:
    """The world for tests that change nothing."""
    async for world in _opened(toy_database, toy_schema, toy_rows):
        yield world


@pytest.fixture
async def own_toy(cluster: Cluster, toy_schema: Any, toy_rows: Any) -> AsyncIterator[Toy]:
    """A world of the test's own, to be changed."""
    database = await cluster.clone()
    await _load(database, toy_rows[0])
    async for world in _opened(database, toy_schema, toy_rows):
        yield world
    await cluster.drop(database)


@pytest.fixture(scope="session")
def toy_world(toy_schema: Any, toy_rows: Any) -> Any:
    """Make a world over an opened database: `toy_world(db, database)`."""
    rows, units = toy_rows

    def make(db: Database, database: TestDatabase) -> Toy:
        return Toy(db, database.owner_url, toy_schema, rows, units, _callers(rows, units))

    return make


async def _opened(database: TestDatabase, schema: Any, population: Any) -> AsyncIterator[Toy]:
    db = await Database.open(database.app_url, database.read_url, size=4)
    try:
        rows, units = population
        yield Toy(db, database.owner_url, schema, rows, units, _callers(rows, units))
    finally:
        await db.close()
