"""A small fictitious county for tests: 990428 with two towns and four villages, and people who hold roles there.

Province 99 does not exist. Built with the system's own operations, so that invariants hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from sanzhi_core.clock import Clock, new_id
from sanzhi_core.db.session import Database
from sanzhi_core.identity.models import Account, RoleGrant
from sanzhi_core.org.models import OrgUnit, OrgUnitVersion
from sanzhi_core.platform.context import SYSTEM, Context, Grant, Principal
from sanzhi_core.platform.models import PluginEnablement

UNITS = (
    ("990000000000", "PROVINCE", "测试省", "PROVINCE", None),
    ("990400000000", "CITY", "测试市", "CITY", "990000000000"),
    ("990428000000", "COUNTY", "沁山县", "COUNTY", "990400000000"),
    ("990428101000", "TOWN", "东平镇", "TOWN", "990428000000"),
    ("990428102000", "TOWN", "南岭镇", "TOWN", "990428000000"),
    ("990428101201", "VILLAGE", "东坪村", "VILLAGE", "990428101000"),
    ("990428101202", "VILLAGE", "西岭村", "VILLAGE", "990428101000"),
    ("990428101203", "VILLAGE", "合兴村", "VILLAGE", "990428101000"),
    ("990428102201", "VILLAGE", "南沟村", "VILLAGE", "990428102000"),
)
COLUMN = {"COUNTY": "county_id", "TOWN": "town_id", "VILLAGE": "village_id", "GRID": "grid_id"}
SINCE = date(2020, 1, 1)


@dataclass
class World:
    """Units by code and ways to make callers. `base` is a context of the system."""

    base: Context
    units: dict[str, OrgUnit] = field(default_factory=dict)

    @classmethod
    async def build(cls, base: Context) -> World:
        """Insert the units with their first history rows."""
        world = cls(base)
        async with base.db.transaction("*") as session:
            for code, level, name, kind, parent in UNITS:
                above = world.units.get(parent) if parent else None
                unit = OrgUnit(id=new_id(), code=code, level=level, name=name, kind=kind, valid_from=SINCE)
                unit.no = await session.scalar(
                    sa.text("select nextval(pg_get_serial_sequence('core.org_unit','no'))")
                )
                unit.parent_id = above.id if above else None
                unit.org_path = f"{above.org_path if above else ''}{unit.no}/"
                for column in COLUMN.values():
                    setattr(unit, column, getattr(above, column) if above else None)
                if level in COLUMN:
                    setattr(unit, COLUMN[level], unit.id)
                session.add(unit)
                await session.flush()
                session.add(
                    OrgUnitVersion(
                        code=code,
                        level=level,
                        name=name,
                        kind=kind,
                        status="ACTIVE",
                        parent_id=unit.parent_id,
                        valid_from=SINCE,
                        **unit.place(),
                    )
                )
                await session.refresh(unit)
                world.units[code] = unit
            await session.execute(sa.text("update core.generation set n = n + 1"))
        return world

    def id(self, code: str) -> UUID:
        """Id of a unit by code."""
        return self.units[code].id

    async def generation(self) -> int:
        """The generation now."""
        return int(await self.base.db.walled.fetchval("select n from core.generation"))

    async def enable(
        self, plugin: str, code: str, state: str = "PILOT", *, locked: bool = False, since: date = SINCE
    ) -> None:
        """Put an enablement row, as a county's decision would."""
        async with self.base.db.transaction("*") as session:
            await session.execute(
                sa.update(PluginEnablement)
                .where(
                    PluginEnablement.plugin == plugin,
                    PluginEnablement.unit_id == self.id(code),
                    PluginEnablement.valid_to.is_(None),
                )
                .values(valid_to=sa.func.greatest(PluginEnablement.valid_from + 1, since))
            )
            session.add(
                PluginEnablement(
                    plugin=plugin,
                    state=state,
                    locked=locked,
                    valid_from=since,
                    reason="测试",
                    doc_no="测〔2026〕1号",
                    decided_at=self.base.clock.now(),
                    **self.units[code].place(),
                )
            )
            await session.execute(sa.text("update core.generation set n = n + 1"))

    async def caller(
        self,
        *roles: tuple[str, str],
        resident_id: UUID | None = None,
        household_id: UUID | None = None,
        **context: Any,
    ) -> Context:
        """A context of a new account that holds (role, unit code) pairs."""
        home = self.units[roles[0][1] if roles else "990428101201"]
        async with self.base.db.transaction("*") as session:
            account = Account(
                login=f"u{new_id().hex[-12:]}",
                display_name="测试员",
                password_hash="!",
                resident_id=resident_id,
                **home.place(),
            )
            session.add(account)
            await session.flush()
            grants = []
            for role, code in roles:
                row = RoleGrant(
                    account_id=account.id,
                    role_code=role,
                    scope="SUBTREE",
                    valid_from=SINCE,
                    basis="测试",
                    **self.units[code].place(),
                )
                session.add(row)
                await session.flush()
                grants.append(
                    Grant(
                        row.id,
                        role,
                        self.id(code),
                        self.units[code].level,
                        self.units[code].org_path,
                        "SUBTREE",
                        SINCE,
                        None,
                    )
                )
            await session.execute(sa.text("update core.generation set n = n + 1"))
        principal = Principal(
            "ACCOUNT",
            account_id=account.id,
            resident_id=resident_id,
            household_id=household_id,
            display_name="测试员",
            grants=tuple(grants),
            generation=await self.generation(),
            county_id=home.county_id,
        )
        base = self.base
        return Context(base.platform, base.db, base.clock, base.keys, principal=principal, **context)

    def system(self, db: Database | None = None, clock: Clock | None = None) -> Context:
        """A fresh context of the system."""
        base = self.base
        return Context(
            base.platform, db or base.db, clock or base.clock, base.keys, principal=SYSTEM, channel="JOB"
        )
