"""Passwords: argon2id at OWASP's parameters, two at a time, in threads."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_POOL = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
_DUMMY = _HASHER.hash(secrets.token_hex(16))

MIN_LENGTH = 8
MAX_LENGTH = 128


async def hash_password(password: str) -> str:
    """The argon2id hash to store."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, _HASHER.hash, password)


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


async def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password fits; takes the same time for an unknown account (`stored` None)."""
    loop = asyncio.get_running_loop()
    fits = await loop.run_in_executor(_POOL, _verify, stored or _DUMMY, password)
    return fits and stored is not None


def weakness(password: str, login: str) -> str | None:
    """Reason key why a password is too weak (mlps3 profile: at least 8, three of four character kinds), else None."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return "LENGTH"
    if login.lower() in password.lower():
        return "CONTAINS_LOGIN"
    kinds = (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    if sum(any(kind(c) for c in password) for kind in kinds) < 3:
        return "TOO_UNIFORM"
    return None
