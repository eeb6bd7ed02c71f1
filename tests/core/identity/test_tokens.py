"""Tokens: idle and absolute expiry, revocation, what is stored. Real time is moved in the rows."""

from __future__ import annotations

from hashlib import sha256
from uuid import uuid4

import pytest

from sanzhi_core.identity.accounts import ChangePassword, SignOut, change_password, sign_out
from sanzhi_core.platform.command import command

from .conftest import COUNTY, PASSWORD, Office


async def test_only_the_hash_is_stored(office: Office) -> None:
    await office.account()
    token = await office.token()
    assert len(token) >= 43
    assert await office.sql("select token_hash from core.access_token") == [
        (sha256(token.encode()).digest(),)
    ]
    for table in ("idempotency_key", "audit_entry"):
        (text,) = await office.sql(f"select string_agg(t::text, ' ') from core.{table} t")
        assert token not in text[0]
        assert PASSWORD not in text[0]


@pytest.mark.parametrize(
    ("role", "elderly", "seconds"),
    [(None, False, 1800), (None, True, 3600), ("SEC_ADMIN", False, 600), ("AUDIT_ADMIN", True, 600)],
)
async def test_idle_time_by_kind_of_account(
    office: Office, role: str | None, elderly: bool, seconds: int
) -> None:
    account = await office.account(elderly_mode=elderly)
    if role:
        assert (await office.grant(office.head, account, role, COUNTY)).error is None
    token = await office.token()
    assert await office.sql("select idle_seconds from core.access_token") == [(seconds,)]
    move = "update core.access_token set last_used_at = now() - make_interval(secs => $1)"
    await office.sql(move, float(seconds - 5))
    assert await office.alive(token)
    await office.sql(move, float(seconds + 1))
    assert not await office.alive(token)


async def test_use_keeps_a_token_alive_but_not_beyond_its_end(office: Office) -> None:
    await office.account()
    token = await office.token()
    await office.sql("update core.access_token set last_used_at = now() - interval '29 minutes'")
    assert await office.alive(token)
    assert await office.sql("select now() - last_used_at < interval '5 s' from core.access_token") == [
        (True,)
    ]
    assert await office.sql("select expires_at - issued_at = interval '12 h' from core.access_token") == [
        (True,)
    ]
    await office.sql("update core.access_token set expires_at = now() - interval '1 s'")
    assert not await office.alive(token)


@pytest.mark.parametrize("token", ["", "x", "a" * 5000, "令牌", "\x00", "' or 1=1 --"])
async def test_unknown_tokens(office: Office, token: str) -> None:
    await office.account()
    await office.token()
    assert not await office.alive(token)


async def test_signing_out_ends_this_session_only(office: Office) -> None:
    await office.account()
    one, two = await office.token(), await office.token()
    outcome = await command(await office.caller(one), sign_out, SignOut(idempotency_key=uuid4()))
    assert outcome.error is None
    assert (await office.alive(one), await office.alive(two)) == (False, True)


async def test_a_new_password_ends_every_session(office: Office) -> None:
    await office.account()
    one, two = await office.token(), await office.token()
    data = ChangePassword(idempotency_key=uuid4(), old_password=PASSWORD, new_password="Geng-Hao-2027")
    assert (await command(await office.caller(one), change_password, data)).error is None
    assert (await office.alive(one), await office.alive(two)) == (False, False)
    assert (await office.enter()).error is not None
    assert await office.alive(await office.token(password="Geng-Hao-2027"))


async def test_a_suspended_accounts_token_dies_at_once(office: Office) -> None:
    account = await office.account()
    token = await office.token()
    assert await office.status(account, "SUSPENDED") is None
    assert not await office.alive(token)
    assert await office.status(account, "ACTIVE") is None
    assert not await office.alive(token)  # reopening the account brings no session back
    # Also when only the status moved: the account is looked at on every request.
    token = await office.token()
    await office.sql("update core.account set status = 'CLOSED'")
    assert not await office.alive(token)
