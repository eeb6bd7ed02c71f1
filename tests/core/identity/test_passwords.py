"""Passwords: what is too weak, what fits, what a broken hash does."""

from __future__ import annotations

import pytest

from sanzhi_core.identity.passwords import hash_password, verify_password, weakness


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("Aa1-xyz", "LENGTH"),
        ("Aa1-xyzw", None),
        ("Aa1-" * 32, None),
        ("Aa1-" * 32 + "x", "LENGTH"),
        ("abcdefgh", "TOO_UNIFORM"),
        ("abcdefg1", "TOO_UNIFORM"),
        ("Abcdefg1", None),
        ("abcdef-1", None),
        ("WANGJUN-2026a", "CONTAINS_LOGIN"),
        ("我的密码很长很长Aa", "TOO_UNIFORM"),
        ("我的密码很长Aa1", None),
    ],
)
def test_weakness(password: str, reason: str | None) -> None:
    assert weakness(password, "wangjun") == reason


async def test_only_the_password_itself_fits_and_equal_ones_hash_differently() -> None:
    one, two = await hash_password("Xin-Mima-2026"), await hash_password("Xin-Mima-2026")
    assert one != two
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await verify_password(one, "Xin-Mima-2026")
    assert not await verify_password(one, "xin-mima-2026")
    assert not await verify_password(one, "")


@pytest.mark.parametrize(
    "stored", [None, "!", "", "$argon2id$", "$argon2id$v=19$m=19456,t=2,p=1$eHh4eHh4eHg$eA"]
)
async def test_nothing_fits_a_missing_or_broken_hash(stored: str | None) -> None:
    assert not await verify_password(stored, "Xin-Mima-2026")
