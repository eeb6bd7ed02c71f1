"""A real PostgreSQL with the audit tables of `ddl.py`, and a `Trail` to write, seal and verify in it."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from sanzhi_core.audit import checkpoint, ddl, seal, verifier
from sanzhi_core.audit.canonical import Change, Entry, Result, row
from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import new_id, real_now
from sanzhi_core.testing.databases import Cluster

PATIENCE = 60  # seconds to wait for other users' write transactions: the horizon is cluster-wide


@pytest.fixture(scope="session")
def server() -> Iterator[Cluster]:
    """A PostgreSQL of its own for the audit tests (or the server, under SANZHI_TEST_DB=server)."""
    cluster = Cluster()
    cluster.start()
    try:
        yield cluster
    finally:
        asyncio.run(cluster.stop())


@dataclass
class Trail:
    """One database with an audit trail. `owner` is a superuser connection, `app` one of the app role."""

    name: str
    url: str
    app_role: str
    read_role: str
    owner: asyncpg.Connection[Any]
    app: asyncpg.Connection[Any]
    folder: Path
    keys: Keys = field(default_factory=Keys.generate)
    now: datetime = field(default_factory=real_now)
    county: UUID = field(default_factory=new_id)

    def __post_init__(self) -> None:
        self.checkpoints = self.folder / "checkpoints.jsonl"
        self.public_key = self.folder / "seal.pem"
        self.hmac_key = self.folder / "row-keys.txt"
        self.write_key_files()

    def write_key_files(self) -> None:
        self.public_key.write_bytes(self.keys.public_pem())
        self.hmac_key.write_text(self.keys.row_key_lines())

    async def connect(self, role: str | None = None) -> asyncpg.Connection[Any]:
        """A connection with the rights of the app role, or of another."""
        conn = await asyncpg.connect(self.url)
        await conn.execute(f'set session authorization "{role or self.app_role}"')
        return conn

    def entry(self, rng: random.Random | None = None, **facts: Any) -> Entry:
        rng = rng or random.Random(0)
        self.now += timedelta(microseconds=rng.randrange(1, 900_000))
        village = UUID(int=rng.getrandbits(128), version=4)
        change = Change(
            entity="StarCycle",
            id=UUID(int=rng.getrandbits(128), version=4),
            fields=["state", "版本"],
            after_hash=rng.randbytes(32).hex(),
            values={"state": ["OPEN", "已结束\n"], "n": rng.randrange(100), "all": True, "gone": None},
        )
        defaults: dict[str, Any] = {
            "id": new_id(),
            "at": self.now,
            "action": "star_virtue.cycle.open",
            "result": Result.OK,
            "county_id": self.county,
            "village_id": village,
            "unit_id": village,
            "org_path": f"14/1404/{village}/",
            "actor_id": UUID(int=rng.getrandbits(128), version=4),
            "role": "VC_DIRECTOR",
            "entity": "StarCycle",
            "entity_id": change.id,
            "reason": "开展第一轮评星定级",
            "channel": "WEB",
            "ip": f"10.1.{rng.randrange(256)}.{rng.randrange(256)}",
            "device": "kiosk 7",
            "changes": [change],
        }
        return Entry(**(defaults | facts))

    async def write(self, entry: Entry, conn: asyncpg.Connection[Any] | None = None) -> Entry:
        values = row(entry, self.keys)
        values["changes"] = json.dumps(values["changes"], ensure_ascii=False)
        names = ", ".join(values)
        places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        await (conn or self.app).execute(
            f"insert into core.audit_entry ({names}) values ({places})", *values.values()
        )
        return entry

    async def seal(self, conn: asyncpg.Connection[Any] | None = None, **options: Any) -> int:
        """One run of the sealer in a transaction of its own, as the app role."""
        conn = conn or self.app
        async with conn.transaction():
            return await seal.seal_once(conn, self.keys, self.now, **options)

    async def seal_all(self, *, publish: bool = False) -> int:
        """Seal until nothing waits (other databases' transactions may hold the horizon for a while)."""
        sealed, until = 0, time.monotonic() + PATIENCE
        while True:
            sealed += await self.seal()
            lag = await seal.seal_lag(self.app, self.now)
            if lag.entries == 0:
                break
            assert time.monotonic() < until, f"horizon held by {lag.holder}"
            await asyncio.sleep(0.02)
        last = await seal.last_seal(self.app)
        if publish and last is not None:
            checkpoint.append(self.checkpoints, last)
        return sealed

    async def records(self) -> list[verifier.Record]:
        return [record async for record in verifier.read_database(self.owner)]

    async def records_or_error(self) -> list[Any]:
        """The records, or why they cannot be read any more."""
        try:
            return await self.records()
        except (asyncpg.PostgresError, TypeError, ValueError) as error:
            return [None, repr(error)]

    def checker(self, kind: type[verifier.Checker] = verifier.Checker, **options: Any) -> verifier.Checker:
        """A checker with everything this trail published, as the command line would make it."""
        given = {
            "checkpoints": verifier.read_checkpoints(self.checkpoints),
            "hmac_keys": verifier.read_hmac_keys(self.hmac_key),
        }
        return kind(verifier.read_public_keys(self.public_key), **(given | options))

    async def verify(self, **options: Any) -> verifier.Report:
        return await verifier.verify_database(self.owner, self.checker(**options))

    async def codes(self, **options: Any) -> set[str]:
        report = await self.verify(**options)
        return {problem.code for problem in report.problems}

    async def counts(self) -> list[int]:
        tables = ("audit_entry", "audit_leaf", "audit_seal", "audit_epoch")
        return [await self.owner.fetchval(f"select count(*) from core.{table}") for table in tables]


@pytest_asyncio.fixture
async def new_trail(server: Cluster, tmp_path: Path) -> AsyncIterator[Any]:
    """`await new_trail()` makes an empty trail in a database of its own; `keys=` gives it another's keys."""
    made: list[Trail] = []
    admin = await asyncpg.connect(server.url("postgres"))

    async def make(**facts: Any) -> Trail:
        name = f"sanzhi_audit_{uuid4().hex[:12]}"
        await admin.execute(f"create database {name}")
        url = server.url(name)
        owner = await asyncpg.connect(url)
        app, read = f"{name}_app", f"{name}_read"
        await owner.execute(f"create role {app}; create role {read}; create schema core")
        await owner.execute(f"grant usage on schema core to {app}, {read}")
        for statement in ddl.create(app, read):
            await owner.execute(statement)
        folder = tmp_path / name
        folder.mkdir()
        trail = Trail(name, url, app, read, owner, owner, folder, **facts)
        trail.app = await trail.connect()
        made.append(trail)
        return trail

    yield make
    for trail in made:
        await trail.app.close()
        await trail.owner.close()
        await admin.execute(f"drop database {trail.name} with (force)")
        await admin.execute(f"drop role {trail.app_role}")
        await admin.execute(f"drop role {trail.read_role}")
    await admin.close()


@pytest_asyncio.fixture
async def trail(new_trail: Any) -> Trail:
    """An empty trail."""
    made: Trail = await new_trail()
    return made


@pytest.fixture
def fill() -> Any:
    """`await fill(trail, entries, seals)`: small transactions, a checkpoint after each seal."""

    async def write(trail: Trail, entries: int, seals: int, seed: int = 1) -> None:
        rng = random.Random(seed)
        cuts = [*sorted(rng.sample(range(1, entries), seals - 1)), entries]
        written = 0
        for cut in cuts:
            while written < cut:
                async with trail.app.transaction():
                    for _ in range(min(rng.randrange(1, 4), cut - written)):
                        await trail.write(trail.entry(rng))
                        written += 1
            await trail.seal_all(publish=True)

    return write
