"""What the tests of people share: ID numbers of people who do not exist, a recorded household, counts of everything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from sanzhi_core.platform.command import Outcome, command
from sanzhi_core.platform.context import Context

A, B = "990428101201", "990428101202"
WATCHED = (
    "household",
    "resident",
    "person_secret",
    "household_honour",
    "kinship",
    "reveal_log",
    "villagers_group",
)
Counts = dict[str, Any]


@pytest.fixture
def citizen() -> Callable[..., str]:
    """`citizen(1980, n=1)`: a valid number in province 99, which does not exist (GB 11643-1999)."""

    def make(year: int, month: int = 1, day: int = 1, n: int = 1) -> str:
        body = f"990428{year:04}{month:02}{day:02}{n:03}"
        weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
        return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]

    return make


@pytest.fixture
def run() -> Callable[..., Awaitable[Outcome]]:
    """`run(ctx, operation, **fields)`: through the door with a fresh key."""

    async def go(
        ctx: Context, op: Any, *, key: UUID | None = None, outputs: type | None = None, **fields: Any
    ) -> Outcome:
        data = op.input(idempotency_key=key or uuid4(), **fields)
        return await command(ctx, op, data, outputs=outputs)

    return go


@pytest.fixture
def state(system: Context) -> Callable[[], Awaitable[Counts]]:
    """A digest of every watched table's rows, and the audit entries."""

    async def look() -> Counts:
        async with system.db.transaction("*") as session:
            out: Counts = {}
            for table in WATCHED:
                out[table] = await session.scalar(
                    sa.text(
                        f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from core.{table} t"
                    )
                )
            rows = await session.execute(
                sa.text("select action, result, error_code, reason from core.audit_entry order by at, id")
            )
            out["audit"] = [tuple(r) for r in rows]
            return out

    return look


@pytest.fixture
def refused(
    run: Callable[..., Awaitable[Outcome]], state: Callable[[], Awaitable[Counts]]
) -> Callable[..., Awaitable[Any]]:
    """`refused(ctx, operation, code, **fields)`: the error, after asserting that only one audit entry was written."""

    async def go(ctx: Context, op: Any, code: str, **fields: Any) -> Any:
        before = await state()
        outcome = await run(ctx, op, **fields)
        after = await state()
        assert outcome.error is not None, outcome
        assert str(outcome.error.code) == code, outcome
        assert outcome.ref is None
        assert outcome.output is None
        assert {k: v for k, v in after.items() if k != "audit"} == {
            k: v for k, v in before.items() if k != "audit"
        }
        assert len(after["audit"]) == len(before["audit"]) + 1
        assert (op.name, "DENIED", code) in [tuple(a[:3]) for a in after["audit"]]
        return outcome.error

    return go
