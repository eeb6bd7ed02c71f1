"""`python -m bench.scope`: what policy and enablement cost, and a village's page at a million rows.

A county of 12 × 12 × 18 villages with 1,000,000 households, star_virtue on in a tenth of them. Prints one JSON line:
`state_at`, `scope_of_cold`, `scope_of_kept` and `page_sql` (first page of a village's households, SQL time by the driver),
each `{p50_ms, p95_ms, n}`. Targets: p95 ≤ 1 ms for the first three, ≤ 2 ms for the page.

SANZHI_BENCH_DATABASE_URL names a PostgreSQL server's owner URL (default: embedded, in a temporary folder).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from typing import Any

import asyncpg
import sqlalchemy as sa
from graphql import parse

from bench.import_national import server
from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import SystemClock, monotonic, new_id
from sanzhi_core.db import migrate, provision
from sanzhi_core.db.session import Database, dsn
from sanzhi_core.identity.policy import scope_of
from sanzhi_core.org.models import OrgUnit
from sanzhi_core.parts import core_part
from sanzhi_core.platform import plugins
from sanzhi_core.platform.context import SYSTEM, Context, Grant, Principal
from sanzhi_core.platform.enablement import state_at
from sanzhi_core.platform.permissions import seed_permissions
from sanzhi_graphql.schema.api import Api
from sanzhi_graphql.schema.execution import execute

ROWS = 1_000_000
COUNTIES, TOWNS, VILLAGES = 12, 12, 18
READ = "star_virtue.cycle.read"
PAGE = "{ households(first: 50) { nodes { id householdNo headMaskedName memberCount status unit { code name } } } }"

_UNITS = """
insert into core.org_unit (id, no, code, level, name, kind, parent_id, valid_from, status, version, org_path,
                           county_id, town_id, village_id)
select gen_random_uuid(), nextval(pg_get_serial_sequence('core.org_unit', 'no')), :code_sql, :level, '单位', :level, p.id,
       date '2020-01-01', 'ACTIVE', 1, '/', p.county_id, p.town_id, p.village_id
from core.org_unit p cross join generate_series(1, :n) g where p.level = :above
"""


async def _level(conn: Any, level: str, above: str, n: int, width: int) -> None:
    column = {"COUNTY": "county_id", "TOWN": "town_id", "VILLAGE": "village_id"}[level]
    code = f"left(p.code, {width}) || lpad(g::text, {2 if level == 'COUNTY' else 3}, '0')"
    padded = f"rpad({code}, 12, '0')"
    sql = _UNITS.replace(":code_sql", padded).replace(":level", f"'{level}'").replace(":above", f"'{above}'")
    await conn.execute(sql.replace(":n", str(n)))
    await conn.execute(
        f"update core.org_unit u set {column} = u.id, org_path = p.org_path || u.no || '/' "
        f"from core.org_unit p where p.id = u.parent_id and u.level = '{level}'"
    )


async def fill(owner: str) -> None:
    """Units, households and enablement, by SQL."""
    conn = await asyncpg.connect(dsn(owner))
    try:
        await conn.execute(
            "insert into core.org_unit (id, no, code, level, name, kind, valid_from, status, version, org_path) values "
            "(gen_random_uuid(), 1, '990400000000', 'CITY', '测试市', 'CITY', date '2020-01-01', 'ACTIVE', 1, '1/')"
        )
        await conn.execute("select setval(pg_get_serial_sequence('core.org_unit', 'no'), 1)")
        await _level(conn, "COUNTY", "CITY", COUNTIES, 4)
        await _level(conn, "TOWN", "COUNTY", TOWNS, 6)
        await _level(conn, "VILLAGE", "TOWN", VILLAGES, 9)
        villages = COUNTIES * TOWNS * VILLAGES
        await conn.execute(
            "insert into core.household (id, household_no, type, head_masked_name, member_count, registered_on, version, "
            "unit_id, org_code_at_time, org_path, county_id, town_id, village_id) "
            "select gen_random_uuid(), lpad(g::text, 6, '0'), 'FARM', '张*', 3, date '2020-01-01', 1, "
            "u.id, u.code, u.org_path, u.county_id, u.town_id, u.village_id "
            f"from core.org_unit u cross join generate_series(1, {ROWS // villages + 1}) g where u.level = 'VILLAGE'",
            timeout=600,
        )
        await conn.execute(
            "insert into core.plugin_enablement (id, plugin, state, valid_from, reason, doc_no, decided_at, version, "
            "unit_id, org_code_at_time, org_path, county_id, town_id, village_id) "
            "select gen_random_uuid(), 'star_virtue', 'PILOT', date '2020-01-01', '试点', '1号', now(), 1, "
            "u.id, u.code, u.org_path, u.county_id, u.town_id, u.village_id "
            "from core.org_unit u where u.level = 'VILLAGE' and u.no % 10 = 0"
        )
        await conn.execute("analyze")
    finally:
        await conn.close()


def summary(samples: list[float]) -> dict[str, Any]:
    """Median and 95th percentile in milliseconds."""
    ordered = sorted(samples)
    pick = lambda share: round(ordered[min(len(ordered) - 1, len(ordered) * share // 100)] * 1000, 3)  # noqa: E731
    return {"p50_ms": pick(50), "p95_ms": pick(95), "n": len(ordered)}


async def timed(run: Callable[[int], Awaitable[Any]], n: int, warm: int = 20) -> dict[str, Any]:
    """Seconds of `n` calls one after another."""
    samples = []
    for i in range(warm + n):
        start = monotonic()
        await run(i)
        if i >= warm:
            samples.append(monotonic() - start)
    return summary(samples)


async def measure(db: Database, platform: plugins.Platform) -> dict[str, Any]:
    """All four figures on one world."""
    base = Context(platform, db, SystemClock(), Keys.generate(), principal=SYSTEM)
    async with db.transaction() as session:
        county = await session.scalar(sa.select(OrgUnit).where(OrgUnit.level == "COUNTY").limit(1))
        villages = (
            await session.scalars(
                sa.select(OrgUnit)
                .where(OrgUnit.level == "VILLAGE", OrgUnit.no % 10 == 0)
                .order_by(OrgUnit.code)
                .limit(400)
            )
        ).all()
    assert county is not None

    def caller(role: str, unit: OrgUnit, generation: int) -> Context:
        grant = Grant(new_id(), role, unit.id, unit.level, unit.org_path, "SUBTREE", date(2020, 1, 1), None)
        who = Principal("ACCOUNT", account_id=new_id(), grants=(grant,), generation=generation)
        return replace(base, principal=who)

    async with db.transaction() as session:

        async def enabled(i: int) -> None:
            await state_at(session, "star_virtue", villages[i % len(villages)].id, base.today)

        async def cold(i: int) -> None:
            await scope_of(caller("COUNTY_DEPT", county, 7), READ, "read", session)

        out = {"state_at": await timed(enabled, 1000), "scope_of_cold": await timed(cold, 500)}
    kept_by = caller("COUNTY_DEPT", county, 7)

    async def kept(_i: int) -> None:
        await scope_of(kept_by, READ)

    out["scope_of_kept"] = await timed(kept, 1000)
    api = Api(platform)
    schema = api.schema(platform.plugin_names)
    document = parse(PAGE)
    operation: Any = document.definitions[0]
    sql: list[float] = []

    async def page(i: int) -> None:
        reader = caller("VC_DIRECTOR", villages[i % len(villages)], 7)
        answer = await execute(schema, document, operation, {}, reader)
        assert len(answer["data"]) == 1
        assert "errors" not in answer, answer["errors"]

    async with db.read.acquire() as conn:  # the pool has this one connection
        conn.add_query_logger(lambda record: sql.append(record.elapsed))
    for i in range(420):
        await page(i)
    out["page_sql"] = summary(sql[20:])
    return out


async def main() -> None:
    """Make the world, measure, print."""
    with server() as owner:
        name = owner.split("?")[0].rsplit("/", 1)[1]
        login = migrate.Roles(f"{name}_app", f"{name}_read")
        platform = plugins.load(core_part())
        await provision.ensure_database(owner, name)
        passwords = provision.new_password(), provision.new_password()
        await provision.ensure_roles(owner, *passwords, login.app, login.read)
        await migrate.upgrade(
            owner, [p.manifest.package for n, p in platform.parts.items() if n != plugins.CORE], login
        )
        conn = await asyncpg.connect(dsn(owner))
        await seed_permissions(conn, platform)
        await conn.close()
        print("filling …", file=sys.stderr)
        await fill(owner)
        urls = (
            provision.role_url(owner, r, p) for r, p in zip((login.app, login.read), passwords, strict=True)
        )
        db = await Database.open(*urls, size=1)
        try:
            print(json.dumps({"rows": ROWS, **await measure(db, platform)}))
        finally:
            await db.close()


if __name__ == "__main__":
    asyncio.run(main())
