"""An office that makes accounts, signs in and moves the real time kept in rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from sanzhi_core.db.session import dsn
from sanzhi_core.errors import BusinessError
from sanzhi_core.identity.accounts import (
    CreateAccount,
    Session,
    SetAccountStatus,
    SignIn,
    create_account,
    set_account_status,
    sign_in,
)
from sanzhi_core.identity.grants import GrantRole, grant_role
from sanzhi_core.identity.tokens import authenticate
from sanzhi_core.platform.command import Outcome, command
from sanzhi_core.platform.context import ANONYMOUS, Context
from sanzhi_core.testing.databases import TestDatabase
from sanzhi_core.testing.world import World

COUNTY = "990428000000"
PASSWORD = "Xin-Mima-2026"


class Office:
    def __init__(self, world: World, owner_url: str, head: Context) -> None:
        self.world, self.head, self._owner_url = world, head, owner_url

    @property
    def nobody(self) -> Context:
        base = self.world.base
        return Context(base.platform, base.db, base.clock, base.keys, principal=ANONYMOUS)

    async def sql(self, statement: str, *values: Any) -> list[Any]:
        """As the owner: to look, and to move real time kept in rows."""
        conn = await asyncpg.connect(dsn(self._owner_url))
        try:
            return [tuple(r) for r in await conn.fetch(statement, *values)]
        finally:
            await conn.close()

    async def account(self, login: str = "wangjun", code: str = "990428101201", **more: Any) -> UUID:
        """A new account's id."""
        given = {"display_name": "王军", "password": PASSWORD, **more}
        outcome = await self.create(self.head, login, code, **given)
        assert outcome.ref is not None, outcome.error
        return outcome.ref.id

    async def create(self, who: Context, login: str, code: str, **more: Any) -> Outcome:
        given = {"display_name": "王军", "password": PASSWORD, **more}
        return await command(
            who,
            create_account,
            CreateAccount(idempotency_key=uuid4(), unit_id=self.world.id(code), login=login, **given),
        )

    async def grant(self, who: Context, account: UUID, role: str, code: str, **more: Any) -> Outcome:
        return await command(
            who,
            grant_role,
            GrantRole(
                idempotency_key=uuid4(), account_id=account, role_code=role, unit_id=self.world.id(code),
                basis="任命〔2026〕1号", **more,
            ),
        )  # fmt: skip

    async def enter(
        self, login: str = "wangjun", password: str = PASSWORD, key: UUID | None = None
    ) -> Outcome:
        data = SignIn(idempotency_key=key or uuid4(), login=login, password=password)
        return await command(self.nobody, sign_in, data, outputs=Session)

    async def token(self, login: str = "wangjun", password: str = PASSWORD) -> str:
        outcome = await self.enter(login, password)
        assert isinstance(outcome.output, Session), outcome.error
        return outcome.output.token

    async def alive(self, token: str) -> bool:
        return await authenticate(self.world.base.db, token) is not None

    async def caller(self, token: str) -> Context:
        """What the next request with this token is."""
        principal = await authenticate(self.world.base.db, token)
        assert principal is not None
        return replace(self.nobody, principal=principal)

    async def status(self, account: UUID, status: str, who: Context | None = None) -> BusinessError | None:
        version = (await self.sql("select version from core.account where id = $1", account))[0][0]
        data = SetAccountStatus(
            idempotency_key=uuid4(),
            account_id=account,
            status=status,
            reason="离岗",
            expected_version=version,
        )
        return (await command(who or self.head, set_account_status, data)).error


@pytest.fixture
async def office(world: World, database: TestDatabase) -> Office:
    return Office(world, database.owner_url, await world.caller(("SEC_ADMIN", COUNTY)))
