"""Acceptance: everything through the GraphQL API, on the real application, with background work run in between."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import httpx
import pytest

from sanzhi_core.clock import SHANGHAI
from sanzhi_core.db.session import dsn
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.installation import new_setup_token
from sanzhi_core.testing.databases import TestDatabase
from sanzhi_core.testing.draining import drain
from sanzhi_core.testing.world import World
from sanzhi_graphql.app import Web
from sanzhi_graphql.settings import WebSettings


class Caller:
    """A signed-in (or anonymous) user of the API."""

    def __init__(self, http: httpx.AsyncClient, token: str | None = None) -> None:
        self._http = http
        self.headers = {"authorization": f"Bearer {token}"} if token else {}

    async def post(self, query: str, **variables: Any) -> httpx.Response:
        """The raw reply."""
        return await self._http.post(
            "/graphql", json={"query": query, "variables": variables}, headers=self.headers
        )

    async def ask(self, query: str, **variables: Any) -> Any:
        """`data` of a query; fails on any error."""
        reply = await self.post(query, **variables)
        body = reply.json()
        assert reply.status_code == 200, body
        assert "errors" not in body, body["errors"]
        return body["data"]

    async def tell(self, mutation: str, selection: str = "", /, **fields: Any) -> Any:
        """The payload of a mutation, its `errors` included; `selection` is put beside them."""
        name = mutation[0].upper() + mutation[1:]
        fields.setdefault("idempotencyKey", str(uuid4()))
        query = (
            f"mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ {selection} "
            "errors { __typename code message path ... on ValidationFailed { fields { path reason } } } } }"
        )
        data = await self.ask(query, input=fields)
        return data[mutation]

    async def done(self, mutation: str, selection: str = "", /, **fields: Any) -> Any:
        """Like `tell`, and it must succeed."""
        payload = await self.tell(mutation, selection, **fields)
        assert payload["errors"] == [], payload["errors"]
        return payload

    async def refused(self, mutation: str, /, **fields: Any) -> dict[str, Any]:
        """The one error of a mutation that must be refused."""
        payload = await self.tell(mutation, **fields)
        assert len(payload["errors"]) == 1, payload
        error: dict[str, Any] = payload["errors"][0]
        return error


PASSWORD = "Xin-Mima-2026"


@pytest.fixture
async def web(system: Context, database: TestDatabase) -> AsyncIterator[httpx.AsyncClient]:
    async def opened() -> Any:
        return system.db

    server = Web(system.platform, opened, system.clock, system.keys, WebSettings(introspection="all"))
    server.db = system.db
    transport = httpx.ASGITransport(server.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://sanzhi.test") as client:
        yield client


@pytest.fixture
async def anonymous(web: httpx.AsyncClient) -> Caller:
    return Caller(web)


@pytest.fixture
async def security(web: httpx.AsyncClient, database: TestDatabase, world: World) -> Caller:
    """The security administrator of the county, made with the one-time setup token."""
    caller = Caller(web)
    token = await new_setup_token(database.owner_url)
    await caller.done(
        "setUp",
        setupToken=token,
        login="anquan",
        displayName="安全员",
        password=PASSWORD,
        unitCode="990428000000",
    )
    return await sign_in(web, "anquan", PASSWORD)


async def sign_in(web: httpx.AsyncClient, login: str, password: str) -> Caller:
    """A caller with a fresh token."""
    payload = await Caller(web).done(
        "signIn", "session { token mustChangePassword }", login=login, password=password
    )
    return Caller(web, payload["session"]["token"])


@pytest.fixture
async def person(web: httpx.AsyncClient, security: Caller, world: World) -> Callable[..., Awaitable[Caller]]:
    """Make an account with roles and sign it in: `await person("wang", ("VC_DIRECTOR", code), …)`."""

    async def make(login: str, *roles: tuple[str, str], home: str | None = None, **account: Any) -> Caller:
        unit = home or (roles[0][1] if roles else "990428101201")
        payload = await security.done(
            "createAccount",
            "account { id }",
            unitId=f"OrgUnit_{world.id(unit)}",
            login=login,
            displayName=f"{login}同志",
            password=PASSWORD,
            **account,
        )
        for role, code in roles:
            await security.done(
                "grantRole",
                accountId=payload["account"]["id"],
                roleCode=role,
                unitId=f"OrgUnit_{world.id(code)}",
                basis="任命文件〔2026〕1号",
            )
        return await sign_in(web, login, PASSWORD)

    return make


@pytest.fixture
def work(system: Context) -> Callable[[], Awaitable[list[str]]]:
    """Run all background work that is due."""

    async def run() -> list[str]:
        outcomes = await drain(system)
        assert set(outcomes) <= {"done", "parked", "skipped"}, outcomes
        return outcomes

    return run


# ---- A star cycle, step by step: SV-1 … SV-4, bad input, enablement -------------------------------------------------
# Only mutations and queries. A household is named by its number in the village.

COUNTY, TOWN = "990428000000", "990428101000"
STARS = tuple(f"S{n:02d}" for n in range(1, 11))
FIGURES = (
    "state version figuresBasis countN countA countR countR6 t1Num t1Den t1Percent t1Status t2Num t2Den t2Percent "
    "t2Status t3Num t3Den t3Percent t3Status lowParticipation publicityFrom publicityTo selfRatingTo t2Reason"
)
SURNAMES, GIVEN = "赵钱孙李周吴郑王冯陈", "东南西北春夏秋冬梅兰竹菊山川田石"
Person = Callable[..., Awaitable[Caller]]
Work = Callable[[], Awaitable[list[str]]]


def at(text: str) -> datetime:
    """A moment in Shanghai: `at("2026-12-04 10:00")`."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def moment(text: str | None) -> datetime:
    """A DateTime of the API."""
    assert text is not None
    return datetime.fromisoformat(text)


def roster(numbers: Iterable[str], kind: str = "农户", *, phone: bool = True) -> str:
    """Rows of a village's register as CSV, a head for each household; a nobody's name each, no ID number."""
    lines = ["户编号,户类型,姓名,与户主关系,出生日期,电话"]
    for n, number in enumerate(numbers):
        name = SURNAMES[n % 10] + GIVEN[n // 10 % 16] + GIVEN[n // 160 % 16]
        lines.append(f"{number},{kind},{name},户主,1970-01-01,{f'139{n:08d}' if phone else ''}")
    return "\n".join(lines)


class Home(NamedTuple):
    """A household and its head, as ids of the API."""

    id: str
    head: str


class StarVillage:
    """A village with the plugin on, its bodies seated and its officers signed in; then its cycle, step by step."""

    def __init__(self, code: str, world: World, web: httpx.AsyncClient, person: Person, work: Work) -> None:
        self.code, self._web, self._person, self._work = code, web, person, work
        self.id = f"OrgUnit_{world.id(code)}"
        self.homes: dict[str, Home] = {}
        self.members: list[str] = []
        self.cycle_id = ""
        self.entry: dict[str, str] = {}
        self.papers = 0

    # -- people and bodies ----------------------------------------------------------------------------------------
    async def officers(self) -> None:
        """Director and clerk of the village, sign in."""
        self.director = await self._person(f"zhuren{self.code}", ("VC_DIRECTOR", self.code))
        self.clerk = await self._person(f"dailu{self.code}", ("CLERK", self.code))

    async def settle(self, csv: str) -> None:
        """The clerk imports people."""
        head, *lines = csv.split("\n")
        for part in batched(lines, 600):
            content = base64.b64encode("\n".join([head, *part]).encode()).decode()
            await self.clerk.done(
                "importPeople", villageId=self.id, fileName="名册.csv", contentBase64=content
            )
        where = {"village": {"id": {"eq": self.id}}}
        for row in await pages(self.clerk, "households", "Household", "id householdNo head { id }", where):
            self.homes[row["householdNo"]] = Home(row["id"], row["head"]["id"])

    async def seat(self, kind: str, *numbers: str) -> str:
        """A body with the heads of these households in it."""
        made = await self.director.done("createBody", "body { id }", unitId=self.id, kind=kind)
        for number in numbers:
            head = self.homes[number].head
            await self.director.done("addTerm", bodyId=made["body"]["id"], residentId=head, basis="推选")
            self.members.append(head)
        return str(made["body"]["id"])

    async def head(self, number: str, *roles: str) -> Caller:
        """The head of a household with an own account."""
        login, home = f"hu{number}.{self.code}", self.homes[number].head
        return await self._person(login, *((r, self.code) for r in roles), home=self.code, residentId=home)

    # -- the cycle ------------------------------------------------------------------------------------------------
    async def cycle(self, selection: str = FIGURES, caller: Caller | None = None) -> dict[str, Any]:
        """The cycle as somebody sees it, by default the director."""
        query = f"query($id: ID!) {{ starCycle(id: $id) {{ {selection} }} }}"
        found: dict[str, Any] = (await (caller or self.director).ask(query, id=self.cycle_id))["starCycle"]
        return found

    async def step(self, mutation: str, **fields: Any) -> dict[str, Any]:
        """A step of the cycle by the director, on its present version."""
        fields = {
            "cycleId": self.cycle_id,
            "expectedVersion": (await self.cycle("version"))["version"],
            **fields,
        }
        payload: dict[str, Any] = await self.director.done(mutation, f"cycle {{ {FIGURES} }}", **fields)
        return payload["cycle"]  # type: ignore[no-any-return]

    async def refused_step(self, mutation: str, **fields: Any) -> dict[str, Any]:
        """The refusal of such a step."""
        fields = {
            "cycleId": self.cycle_id,
            "expectedVersion": (await self.cycle("version"))["version"],
            **fields,
        }
        return await self.director.refused(mutation, **fields)

    async def open(self, **fields: Any) -> dict[str, Any]:
        """Draft and open the cycle of 2026; entries by household number are in `entry`."""
        made = await self.director.done("createStarCycle", "cycle { id }", villageId=self.id, year=2026)
        self.cycle_id = made["cycle"]["id"]
        opened = await self.step("openStarCycle", **fields)
        self.entry = {number: row["id"] for number, row in (await self.entries("id")).items()}
        return opened

    async def entries(self, selection: str, caller: Caller | None = None) -> dict[str, dict[str, Any]]:
        """Entries by household number."""
        where = {"cycle": {"id": {"eq": self.cycle_id}}}
        rows = await pages(
            caller or self.director, "starEntries", "StarEntry", f"householdNo {selection}", where
        )
        return {row["householdNo"]: row for row in rows}

    def paper(self, number: str, **fields: Any) -> dict[str, Any]:
        """代录: the head's paper form, its own scan number, read back."""
        self.papers += 1
        return {
            "personId": self.homes[number].head,
            "paperNo": f"纸{self.papers:04d}",
            "readBack": True,
            "reason": "本人不使用智能手机",
            **fields,
        }

    async def record(self, number: str, stars: Iterable[str], **fields: Any) -> dict[str, Any]:
        """The clerk keys a household's paper form."""
        given = {"proxy": self.paper(number), **fields}
        payload = await self.clerk.done(
            "recordStarSelfRating", "entry { state }", entryId=self.entry[number], stars=list(stars), **given
        )
        return payload["entry"]  # type: ignore[no-any-return]

    async def meet(self, kind: str = "REVIEW", present: Sequence[str] | None = None) -> str:
        """A meeting; all members are present unless said."""
        attending = self.members if present is None else present
        payload = await self.director.done(
            "holdStarMeeting",
            "meeting { id presentCount eligibleCount quorumMet }",
            cycleId=self.cycle_id,
            kind=kind,
            place="村委会会议室",
            chairId=attending[0],
            presentIds=list(attending),
        )
        return payload["meeting"]["id"]  # type: ignore[no-any-return]

    def sheet(self, number: str, yes: Mapping[str, int], **fields: Any) -> dict[str, Any]:
        """Counting sheet of a household."""
        votes = [{"star": star, "yes": count} for star, count in yes.items()]
        return {"entryId": self.entry[number], "votes": votes, **fields}

    async def vote(self, meeting: str, sheets: Mapping[str, Mapping[str, int]]) -> None:
        """Record the votes, 50 households a call."""
        for part in batched(sheets.items(), 50):
            given = [self.sheet(number, yes) for number, yes in part]
            await self.director.done("recordStarVotes", meetingId=meeting, sheets=given)

    # -- what was written -----------------------------------------------------------------------------------------
    async def points(self) -> dict[str, int]:
        """Sum of the ledger by household number; each household's balance is checked against it."""
        selection = "points household { householdNo starPoints { points } }"
        rows = await pages(self.director, "starPointsEntries", "StarPointsEntry", selection)
        sums: dict[str, int] = {}
        for row in rows:
            number = row["household"]["householdNo"]
            sums[number] = sums.get(number, 0) + int(row["points"])
        for household in (row["household"] for row in rows):
            assert int(household["starPoints"]["points"]) == sums[household["householdNo"]]
        return sums

    async def report(self, kind: str, format: str) -> tuple[dict[str, Any], bytes]:
        """Figures and file of a report of the cycle, downloaded by its link without a token."""
        asked = await self.director.done(
            "requestReport",
            "report { id }",
            kind=f"star_virtue.cycle.{kind}",
            format=format,
            parametersJson=json.dumps({"cycleId": self.cycle_id}),
        )
        await self._work()
        ident = asked["report"]["id"]
        query = "query($id: ID!) { report(id: $id) { state figures } }"
        made = (await self.director.ask(query, id=ident))["report"]
        assert made["state"] == "DONE"
        link = (await self.director.done("linkReport", "link { path sha256 }", reportId=ident))["link"]
        file = await self._web.get(link["path"])
        assert file.status_code == 200
        assert sha256(file.content).hexdigest() == link["sha256"]
        return made["figures"], file.content


async def pages(
    caller: Caller, field: str, type_: str, selection: str, where: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """All rows of a connection over a type."""
    rows: list[dict[str, Any]] = []
    after = None
    query = (
        f"query($where: {type_}Filter, $after: String) {{ {field}(first: 100, after: $after, where: $where) "
        f"{{ nodes {{ {selection} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    )
    while True:
        page = (await caller.ask(query, where=where, after=after))[field]
        rows += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return rows
        after = page["pageInfo"]["endCursor"]


def batched(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Parts of at most `size`."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


@pytest.fixture
async def county(person: Person, world: World) -> Caller:
    """The county department; it has opened the year 2026."""
    dept = await person("minzheng", ("COUNTY_DEPT", COUNTY))
    await dept.done(
        "setSetting",
        unitId=f"OrgUnit_{world.id(COUNTY)}",
        key="star.openYears",
        valueJson="[2026]",
        reason="开启年度评星",
        docNo="县文明办〔2026〕3号",
    )
    return dept


async def switch(county: Caller, world: World, code: str, state: str, **fields: Any) -> None:
    """The county switches star_virtue at a unit."""
    await county.done(
        "setPlugin",
        plugin="star_virtue",
        unitId=f"OrgUnit_{world.id(code)}",
        state=state,
        reason="县级决定",
        docNo="县治理〔2026〕1号",
        **fields,
    )


@pytest.fixture
async def make_village(
    county: Caller, world: World, web: httpx.AsyncClient, person: Person, work: Work
) -> Callable[..., Awaitable[StarVillage]]:
    """`await make_village(code, households, members)`: a rated village.

    Farm households 户0001 …; members of bodies live in other households, 干01 …, that are not rated.
    """

    async def make(code: str, households: int, members: int, *, phone: bool = True) -> StarVillage:
        village = StarVillage(code, world, web, person, work)
        await village.officers()
        await village.settle(roster((f"户{n:04d}" for n in range(1, households + 1)), phone=phone))
        cadres = [f"干{n:02d}" for n in range(1, members + 1)]
        await village.settle(roster(cadres, "非农户"))
        await village.seat("VC", *cadres[:3])
        await village.seat("MORAL_COUNCIL", *cadres[3:10])
        await village.seat("VILLAGER_REPS", *cadres[10:])
        await switch(county, world, code, "PILOT")
        return village

    return make


class Evidence:
    """What the database holds: a refusal leaves one audit entry and no other trace."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection

    async def contents(self) -> dict[str, str]:
        """Digest of each table but the audit's, the idempotency keys and when a session was last used."""
        tables = await self._connection.fetch(
            "select schemaname || '.' || tablename from pg_tables where schemaname in ('core', 'star_virtue') "
            "and tablename not in ('audit_entry', 'idempotency_key', 'access_token')"
        )
        digest = "select '{0}', coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {0} t"
        rows = await self._connection.fetch(" union all ".join(digest.format(name) for (name,) in tables))
        return dict(rows)

    async def trail(self) -> list[tuple[str, str | None, str | None]]:
        """(result, error code, action) of every audit entry."""
        rows = await self._connection.fetch(
            "select result, error_code, action from core.audit_entry order by at, id"
        )
        return [tuple(row) for row in rows]

    async def refusal(self, caller: Caller, code: str, mutation: str, /, **fields: Any) -> dict[str, Any]:
        """The refusal of a mutation; asserts its code, one DENIED audit entry, and that nothing else was written."""
        contents, trail = await self.contents(), await self.trail()
        error = await caller.refused(mutation, **fields)
        assert error["code"] == code, (mutation, fields, error)
        assert await self.contents() == contents, (mutation, fields)
        added = Counter(await self.trail()) - Counter(trail)
        assert [(result, why, n) for (result, why, _), n in added.items()] == [("DENIED", code, 1)], added
        return error

    async def reasons(self, caller: Caller, mutation: str, /, **fields: Any) -> list[str]:
        """Reasons of a VALIDATION_FAILED."""
        error = await self.refusal(caller, "VALIDATION_FAILED", mutation, **fields)
        return [problem["reason"] for problem in error["fields"]]


@pytest.fixture
async def evidence(database: TestDatabase) -> AsyncIterator[Evidence]:
    connection = await asyncpg.connect(dsn(database.owner_url))
    yield Evidence(connection)
    await connection.close()
