"""Two villages full of people and papers, callers of every kind, and the real application behind HTTP.

Every private text of a village carries its mark; public facts (bodies, published lists, the honour roll) do not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import sqlalchemy as sa

from sanzhi_core.audit.record import record
from sanzhi_core.clock import new_id, real_now
from sanzhi_core.db.session import Database, dsn
from sanzhi_core.identity.models import AccessToken
from sanzhi_core.identity.tokens import digest
from sanzhi_core.org.models import Body, Roll, Term, VillagersGroup
from sanzhi_core.people.models import (
    Household,
    HouseholdHonour,
    Kinship,
    PersonSecret,
    Resident,
    RevealLog,
)
from sanzhi_core.people.person import seal
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.models import Notification, Report, SettingValue
from sanzhi_core.testing.databases import TestDatabase
from sanzhi_core.testing.world import SINCE, World
from sanzhi_graphql.app import Web
from sanzhi_graphql.gate.documents import Gate
from sanzhi_graphql.gate.limits import Limits
from sanzhi_graphql.settings import WebSettings
from sanzhi_star_virtue import models as star

HERE, THERE = "990428101201", "990428102201"
TOWN_HERE, TOWN_THERE, COUNTY = "990428101000", "990428102000", "990428000000"


@dataclass
class Filled:
    """Ids of a village's rows by a short name."""

    code: str
    mark: str
    ids: dict[str, UUID] = field(default_factory=dict)
    typed: dict[str, list[str]] = field(default_factory=dict)


class Caller:
    """Somebody at the HTTP API."""

    def __init__(
        self, http: httpx.AsyncClient, name: str, headers: dict[str, str], ctx: Context | None
    ) -> None:
        self.http, self.name, self.headers, self.ctx = http, name, headers, ctx

    async def post(self, query: str, **variables: Any) -> httpx.Response:
        return await self.http.post(
            "/graphql", json={"query": query, "variables": variables}, headers=self.headers
        )


class Bed:
    """The two villages and the callers."""

    def __init__(self, world: World, web: Web, http: httpx.AsyncClient, database: TestDatabase) -> None:
        self.world, self.web, self.http, self.database = world, web, http, database
        self.callers: dict[str, Caller] = {}
        self._owner: Any = None
        self.here = Filled(HERE, "私甲")
        self.there = Filled(THERE, "私乙")

    async def digests(self, *besides: str) -> dict[str, str]:
        """A digest of each table, but those named and what every request may touch."""
        left_out = ["audit_entry", "idempotency_key", "access_token", "alembic_version", *besides]
        tables = await self.sql(
            "select schemaname || '.' || tablename from pg_tables where schemaname in ('core', 'star_virtue')"
            " and tablename <> all($1) order by 1",
            left_out,
        )
        union = " union all ".join(
            f"select '{t[0]}', coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {t[0]} t"
            for t in tables
        )
        return {str(r[0]): str(r[1]) for r in await self.sql(union)}

    async def sql(self, text: str, *given: Any) -> list[Any]:
        """As the owner."""
        if self._owner is None:
            self._owner = await asyncpg.connect(dsn(self.database.owner_url))
        return list(await self._owner.fetch(text, *given))

    async def close(self) -> None:
        """Give the owner's connection back."""
        if self._owner is not None:
            await self._owner.close()

    async def caller(self, name: str, *roles: tuple[str, str], **person: Any) -> Caller:
        """An account with a live token."""
        ctx = await self.world.caller(*roles, **person)
        token = f"token-of-{name}-{'x' * 20}"
        now = real_now()
        async with self.world.base.db.transaction("*") as session:
            session.add(
                AccessToken(
                    token_hash=digest(token), account_id=ctx.principal.account_id, issued_at=now,
                    last_used_at=now, idle_seconds=3600, expires_at=now + timedelta(hours=1), channel="API",
                )
            )  # fmt: skip
        made = self.callers[name] = Caller(self.http, name, {"authorization": f"Bearer {token}"}, ctx)
        return made

    # -- a village --------------------------------------------------------------------------------------------
    async def fill(self, at: Filled) -> None:
        """One row and more of everything."""
        w, m = self.world, at.mark
        place = w.units[at.code].place()
        now = w.base.clock.now()
        async with w.base.db.transaction("*") as session:

            async def add(name: str, row: Any) -> UUID:
                session.add(row)
                await session.flush()
                at.ids[name] = getattr(row, "id", None) or at.ids.get(name) or new_id()
                type_ = w.base.platform.node_of_model.get(type(row))
                if type_ is not None and getattr(row, "id", None):
                    at.typed.setdefault(type_.type_name, []).append(f"{type_.type_name}_{row.id}")
                return at.ids[name]

            group = await add("group", VillagersGroup(name="一组", valid_from=SINCE, **place))
            for n in ("1", "2"):  # 1: on the published list, 2: not taking part
                home = await add(
                    f"home{n}",
                    Household(
                        household_no=f"{m}户{n}", type="FARM", group_id=group, registered_on=SINCE,
                        head_masked_name=f"{m}*", member_count=2, **place,
                    ),
                )  # fmt: skip
                for who in ("head", "spouse"):
                    ident = await add(
                        f"{who}{n}",
                        Resident(
                            household_id=home, masked_name=f"{m}*{who}", masked_id_number=f"{m}990428****",
                            masked_phone=f"{m}138****", id_type="RESIDENT_ID", sex="F", birth_year=1980,
                            adult_on=date(1998, 1, 1), relation_to_head=m, **place,
                        ),
                    )  # fmt: skip
                    keys = w.base.keys
                    session.add(
                        PersonSecret(
                            resident_id=ident, name_enc=seal(keys, "name_enc", ident, f"{m}全名"),
                            phone_enc=seal(keys, "phone_enc", ident, f"{m}13800000000"), **place,
                        )
                    )  # fmt: skip
                await session.execute(
                    sa.update(Household)
                    .where(Household.id == home)
                    .values(head_resident_id=at.ids[f"head{n}"])
                )
                await add(
                    f"honour{n}",
                    HouseholdHonour(
                        household_id=home,
                        honour="VETERAN",
                        certificate_no=f"{m}证",
                        issuer=m,
                        valid_from=SINCE,
                        **place,
                    ),
                )
            await add(
                "kinship",
                Kinship(
                    resident_id=at.ids["head1"], relative_id=at.ids["head2"], relation="SIBLING",
                    declared_on=SINCE, **place,
                ),
            )  # fmt: skip
            body = await add("body", Body(kind="MORAL_COUNCIL", name="道德评议会", valid_from=SINCE, **place))
            await add(
                "term",
                Term(
                    body_id=body,
                    resident_id=at.ids["head2"],
                    post="MEMBER",
                    valid_from=SINCE,
                    basis="推选",
                    **place,
                ),
            )
            stars = (
                await session.execute(sa.select(star.DefinitionSet.id, star.DefinitionSet.definition_version))
            ).first()
            assert stars is not None
            common: dict[str, Any] = {"definition_set_id": stars[0], "definition_version": stars[1]}
            params = {
                k: s.default for k, (owner, s) in w.base.platform.settings.items() if owner == "star_virtue"
            }
            cycle = await add(
                "cycle",
                star.Cycle(
                    year=2026, state="PUBLICITY", params=params, total_households=2, snapshot_date=date(2026, 11, 1),
                    self_rating_from=now - timedelta(days=20), self_rating_to=now - timedelta(days=9),
                    publicity_from=now - timedelta(days=1), publicity_to=now + timedelta(days=6),
                    provisional_a=1, provisional_r=1, provisional_r6=0, **common, **place,
                ),
            )  # fmt: skip
            await add("draft", star.Cycle(year=2027, state="DRAFT", params=params, **common, **place))
            entry1 = await add(
                "entry1",
                star.Entry(
                    cycle_id=cycle, household_id=at.ids["home1"], household_no=f"{m}户1", head_masked_name="张*",
                    group_name="一组", state="OBJECTED", self_stars=["S01"], self_reasons={"S01": m}, channel="APP",
                    final_stars=["S01"], final_count=1, title_held=True, bonus_warning=m, **place,
                ),
            )  # fmt: skip
            await add(
                "entry2",
                star.Entry(
                    cycle_id=cycle, household_id=at.ids["home2"], household_no=f"{m}户2", head_masked_name=f"{m}*",
                    group_name=m, state="NOT_PARTICIPATED", excluded_reason=m, **place,
                ),
            )  # fmt: skip
            await add(
                "form",
                star.SelfRating(
                    cycle_id=cycle, entry_id=entry1, household_id=at.ids["home1"], stars=["S01"], reasons={"S01": m},
                    received_at=now, recorded_at=now, channel="PAPER", paper_no=f"{m}纸", witness=m, proxy_reason=m,
                    person_id=at.ids["head1"], **place,
                ),
            )  # fmt: skip
            roll = Roll(purpose="star_virtue.meeting.review", taken_at=now, size=0, sha256=b"", **place)
            session.add(roll)
            await session.flush()
            meeting = await add(
                "meeting",
                star.Meeting(
                    cycle_id=cycle, kind="REVIEW", held_at=now, place=m, chair_id=at.ids["head2"], roll_id=roll.id,
                    eligible_count=9, present_count=7, quorum_met=True, minutes=m, **place,
                ),
            )  # fmt: skip
            await add(
                "vote",
                star.Vote(
                    entry_id=entry1, household_id=at.ids["home1"], meeting_id=meeting, star_code="S01", present=7,
                    yes=6, bonus=0, granted=True, voted_at=now, **place,
                ),
            )  # fmt: skip
            await add(
                "nomination",
                star.Nomination(
                    meeting_id=meeting, entry_id=entry1, household_id=at.ids["home1"], star_code="S02", reason=m,
                    proposed_at=now, **place,
                ),
            )  # fmt: skip
            objection = await add(
                "objection",
                star.Objection(
                    cycle_id=cycle, entry_id=entry1, household_id=at.ids["home1"], star_code="S01",
                    text=f"{m}院内外长期堆放杂物", evidence=[{"name": m}], facts_key=m, received_at=now, recorded_at=now,
                    channel="APP", due_at=now + timedelta(days=3), decision_reason=m, review_reason=m, **place,
                ),
            )  # fmt: skip
            session.add(star.ObjectionAuthor(objection_id=objection, resident_id=at.ids["head2"], **place))
            await add(
                "plaque",
                star.Plaque(
                    cycle_id=cycle,
                    entry_id=entry1,
                    household_id=at.ids["home1"],
                    no=f"{m}-0001",
                    star_count=6,
                    **place,
                ),
            )
            await add(
                "roll_item",
                star.HonourRollItem(
                    cycle_id=cycle, household_id=at.ids["home1"], head_masked_name="张*", group_name="一组",
                    star_count=6, change_mark="", published_at=now, **place,
                ),
            )  # fmt: skip
            session.add(star.PointsBalance(household_id=at.ids["home1"], points=10, **place))
            await add(
                "points",
                star.PointsEntry(
                    household_id=at.ids["home1"], at=now, type="EARN", points=10, rule_code=m, ref=m, **place
                ),
            )
            await add(
                "notice",
                Notification(
                    event_key="star_virtue.test", plugin="star_virtue", household_id=at.ids["home1"], channel="IN_APP",
                    title_zh=m, title_en=m, body_zh=m, body_en=m, dedup_key=f"{m}|1", state="SENT", created_at=now,
                    **place,
                ),
            )  # fmt: skip
            await add(
                "report",
                Report(
                    kind="star_virtue.cycle.summary", plugin="star_virtue", format="JSON", parameters={"x": m},
                    formula_version="1", figures={"x": m}, requested_at=now, file_name=m, **place,
                ),
            )  # fmt: skip
            await add(
                "setting",
                SettingValue(
                    key="star.titleMinStars", value=m, valid_from=SINCE, reason=m, doc_no=m, **place
                ),
            )
            await add(
                "reveal",
                RevealLog(
                    subject_id=at.ids["head1"], actor_id=new_id(), fields=["NAME"], purpose=m, channel="API", at=now,
                    **place,
                ),
            )  # fmt: skip
            await record(session, w.base, action="core.test", result="OK", unit=w.units[at.code], reason=m)
            await session.execute(sa.text("update core.generation set n = n + 1"))
        found = await self.sql("select id from core.audit_entry where reason = $1", m)
        at.typed["AuditEntry"] = [f"AuditEntry_{r[0]}" for r in found]
        at.typed["OrgUnit"] = [f"OrgUnit_{w.id(at.code)}"]
        at.typed["StarPublicEntry"] = [f"StarPublicEntry_{at.ids[e]}" for e in ("entry1", "entry2")]
        at.typed["StarPointsBalance"] = [f"StarPointsBalance_{at.ids['home1']}"]


@pytest.fixture
async def bed(world: World, db: Database, database: TestDatabase) -> AsyncIterator[Bed]:
    """Both villages filled, star_virtue on in both, and everybody signed in."""

    async def opened() -> Database:
        return db

    base = world.base
    web = Web(base.platform, opened, base.clock, base.keys, WebSettings(introspection="all"))
    web.db = db
    # The walk asks for more at once than a client may; cost is tested with the gate.
    web.limits = Limits(exactly_one=web.limits.exactly_one, cost_resident=10**6, cost_staff=10**6)
    web.gate = Gate(web.limits)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(web.app(), raise_app_exceptions=False), base_url="http://sanzhi.test"
    ) as http:
        made = Bed(world, web, http, database)
        await world.enable("star_virtue", HERE)
        await world.enable("star_virtue", THERE)
        await made.fill(made.here)
        await made.fill(made.there)
        ids = made.here.ids
        made.callers["nobody"] = Caller(http, "nobody", {}, None)
        made.callers["anonymous"] = Caller(http, "anonymous", {"sanzhi-county": COUNTY}, None)
        await made.caller("resident", ("RESIDENT", HERE), resident_id=ids["head1"], household_id=ids["home1"])
        await made.caller("clerk", ("CLERK", HERE))
        await made.caller(
            "council", ("MORAL_COUNCIL", HERE), resident_id=ids["head2"], household_id=ids["home2"]
        )
        await made.caller("director", ("VC_DIRECTOR", HERE))
        await made.caller("supervision", ("SUPERVISION", HERE))
        await made.caller("town", ("TOWN_STAFF", TOWN_HERE), ("TOWN_LEADER", TOWN_HERE))
        await made.caller("auditor", ("AUDITOR_RO", HERE))
        yield made
        await made.close()


@pytest.fixture
def other_place(bed: Bed) -> Callable[[], Awaitable[Caller]]:
    """The director of the other village: the positive control, who sees what is there."""

    async def make() -> Caller:
        return await bed.caller("control", ("VC_DIRECTOR", THERE))

    return make
