"""Opaque bearer tokens: 256 random bits, only their SHA-256 stored; the caller read in one statement."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.clock import real_now
from sanzhi_core.db.session import Database
from sanzhi_core.identity.models import AccessToken, Account
from sanzhi_core.platform.context import Grant, Principal

ABSOLUTE = timedelta(hours=12)
IDLE_SECONDS = 30 * 60
IDLE_ADMIN_SECONDS = 10 * 60
IDLE_ELDERLY_SECONDS = 60 * 60
ADMIN_ROLES = frozenset({"SYS_ADMIN", "SEC_ADMIN", "AUDIT_ADMIN"})
TOUCH_EVERY = timedelta(seconds=60)


@dataclass(frozen=True)
class Issued:
    """A fresh token. `token` is shown once and never stored."""

    token: str
    expires_at: datetime
    idle_seconds: int


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return sha256(token.encode()).digest()


async def issue(session: AsyncSession, account: Account, *, channel: str, admin: bool) -> Issued:
    """A new token for an account; idle time by kind of account (MLPS: administrators 10 min; elderly mode longer)."""
    token = secrets.token_urlsafe(32)
    now = real_now()
    idle = IDLE_ADMIN_SECONDS if admin else IDLE_ELDERLY_SECONDS if account.elderly_mode else IDLE_SECONDS
    row = AccessToken(
        token_hash=digest(token),
        account_id=account.id,
        issued_at=now,
        last_used_at=now,
        idle_seconds=idle,
        expires_at=now + ABSOLUTE,
        channel=channel,
    )
    session.add(row)
    return Issued(token, row.expires_at, idle)


async def revoke_all(session: AsyncSession, account_id: UUID) -> None:
    """End every session of an account, from the next request on."""
    await session.execute(
        sa.update(AccessToken)
        .where(AccessToken.account_id == account_id, AccessToken.revoked_at.is_(None))
        .values(revoked_at=real_now())
    )


_LOOKUP = """
select g.n, t.id, t.last_used_at, a.id, a.resident_id, r.household_id, a.display_name, a.county_id,
  (select json_agg(json_build_array(x.id, x.role_code, x.unit_id, u.level, u.org_path, x.scope, x.valid_from, x.valid_to))
   from core.role_grant x join core.org_unit u on u.id = x.unit_id
   where x.account_id = a.id and x.revoked_at is null)
from core.access_token t
join core.account a on a.id = t.account_id and a.status = 'ACTIVE'
left join core.resident r on r.id = a.resident_id and r.status = 'ACTIVE'
cross join core.generation g
where t.token_hash = $1 and t.revoked_at is null and t.expires_at > $2
  and t.last_used_at + make_interval(secs => t.idle_seconds) > $2
"""


def _grant(row: list[Any]) -> Grant:
    ident, role, unit, level, path, scope, start, end = row
    until = date.fromisoformat(end) if end else None
    return Grant(UUID(ident), role, UUID(unit), level, path, scope, date.fromisoformat(start), until)


async def authenticate(db: Database, token: str) -> Principal | None:
    """The caller of a live token with grants and generation; None when it is unknown, expired, idle or revoked."""
    now = real_now()
    row = await db.walled.fetchrow(_LOOKUP, digest(token), now)
    if row is None:
        return None
    generation, token_id, used_at, account_id, resident_id, household_id, name, county_id, grants = row
    if now - used_at > TOUCH_EVERY:
        await db.walled.execute("update core.access_token set last_used_at = $2 where id = $1", token_id, now)
    return Principal(
        "ACCOUNT",
        account_id=account_id,
        token_id=token_id,
        resident_id=resident_id,
        household_id=household_id,
        display_name=name,
        grants=tuple(_grant(g) for g in orjson.loads(grants)) if grants else (),
        generation=generation,
        county_id=county_id,
    )


async def current_generation(db: Database) -> int:
    """The generation now, for callers without a token."""
    return int(await db.walled.fetchval("select n from core.generation"))
