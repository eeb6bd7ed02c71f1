"""The one door for writes (architecture 11).

One transaction: idempotency key, the work in a savepoint with all constraints checked before release, exactly one
audit entry, deliveries. A refusal rolls the savepoint back and commits the entry; a replay writes nothing.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hmac
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Generic, TypeVar
from uuid import UUID

import orjson
import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from sanzhi_core.audit.keys import Keys
from sanzhi_core.audit.record import record
from sanzhi_core.clock import real_now
from sanzhi_core.errors import (
    BY_CODE,
    BusinessError,
    DuplicateRecord,
    FieldProblem,
    Forbidden,
    IdempotencyConflict,
    ValidationFailed,
    VersionConflict,
)
from sanzhi_core.identity.policy import scope_of
from sanzhi_core.kit.refusals import Refusal, business_error
from sanzhi_core.people.secrets import decrypt, encrypt
from sanzhi_core.platform.context import Context
from sanzhi_core.platform.models import IdempotencyKey
from sanzhi_core.platform.work import Work

In = TypeVar("In", bound=BaseModel)
R = TypeVar("R")

RETRIED = {"40001", "40P01"}
TRIES = 4


@dataclass(frozen=True)
class Operation(Generic[In, R]):
    """A write of the platform. `permission` None: no unit involved (signing in, own account), see `Work.allow`."""

    name: str
    plugin: str
    permission: str | None
    returns: str | None
    run: Callable[[Work, In], Awaitable[R]]
    input: type[In]

    async def __call__(self, work: Work, input: In) -> R:
        """Call from another operation, inside its transaction and under its permission."""
        return await self.run(work, input)


def operation(
    name: str, *, permission: str | None, returns: str | None
) -> Callable[[Callable[[Work, In], Awaitable[R]]], Operation[In, R]]:
    """Declare a service function as an operation named `<plugin>.<noun>.<verb>`; the input type is its annotation."""

    def declare(run: Callable[[Work, In], Awaitable[R]]) -> Operation[In, R]:
        import typing

        hints = typing.get_type_hints(run)
        model = hints["input"]
        return Operation(name, name.partition(".")[0], permission, returns, run, model)

    return declare


@dataclass(frozen=True)
class Ref:
    """What a command made or changed, for the payload's selection."""

    type: str
    id: UUID


@dataclass(frozen=True)
class Outcome:
    """Answer of a command. Exactly one of `ref`/`output` or `error` is meaningful."""

    ref: Ref | None = None
    error: BusinessError | None = None
    replayed: bool = False
    output: Any = None


def _request_hash(keys: Keys, op: Operation[Any, Any], data: BaseModel) -> bytes:
    """Keyed: the input may hold a password or an ID number, which a plain hash would give away to a guesser."""
    body = data.model_dump(mode="json", exclude={"idempotency_key"})
    text = orjson.dumps([op.name, body], option=orjson.OPT_SORT_KEYS)
    return hmac.digest(keys.blind.secret, b"sanzhi.request.v1|" + text, sha256)


async def _holds(ctx: Context, op: Operation[Any, Any], session: AsyncSession) -> bool:
    """Whether the caller holds the operation's permission anywhere; False where none is asked."""
    return op.permission is not None and bool(await scope_of(ctx, op.permission, "write", session))


def _pack(outcome: Outcome, held: bool) -> bytes:
    """`held`: the answer has an output, and the caller held the permission: a replay shows it to holders only."""
    error = outcome.error
    body = {
        "held": held,
        "ref": [outcome.ref.type, str(outcome.ref.id)] if outcome.ref else None,
        "error": None
        if error is None
        else {
            "code": str(error.code),
            "given": {f.name: getattr(error, f.name) for f in dataclasses.fields(error)},
        },
        "output": outcome.output,
    }
    return orjson.dumps(body, default=str)


def _unpack(body: bytes, output_type: type | None) -> tuple[Outcome, bool]:
    data = orjson.loads(body)
    error = None
    if data["error"] is not None:
        cls = BY_CODE[data["error"]["code"]]
        given: dict[str, Any] = data["error"]["given"]
        if cls is ValidationFailed:
            given["fields"] = tuple(FieldProblem(**f) for f in given["fields"])
        facts: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
        error = cls(**facts)
    ref = Ref(data["ref"][0], UUID(data["ref"][1])) if data["ref"] else None
    output = data["output"]
    if output is not None and output_type is not None and dataclasses.is_dataclass(output_type):
        output = output_type(**output)
    return Outcome(ref, error, True, output), bool(data["held"])


async def command(
    ctx: Context, op: Operation[Any, Any], data: BaseModel, *, outputs: type | None = None
) -> Outcome:
    """Run one operation through the door. Raises only what is not a refusal (a fault: audited FAILED, then raised)."""
    last: BaseException | None = None
    for attempt in range(TRIES):
        try:
            return await _once(ctx, op, data, outputs)
        except DBAPIError as fault:
            last = fault
            if getattr(fault.orig, "sqlstate", None) not in RETRIED:
                break
            await asyncio.sleep(random.uniform(0.005, 0.02) * 2**attempt)
        except (Exception, asyncio.CancelledError) as fault:  # cancelled: the host's deadline; it is told too
            last = fault
            break
    assert last is not None
    async with ctx.db.transaction() as session:
        await record(
            session, ctx, action=op.name, result="FAILED", error_code="INTERNAL", reason=type(last).__name__
        )
    raise last


async def _once(ctx: Context, op: Operation[Any, Any], data: BaseModel, outputs: type | None) -> Outcome:
    key: UUID = data.idempotency_key  # type: ignore[attr-defined]
    digest = _request_hash(ctx.keys, op, data)
    scope = "*" if ctx.principal.kind == "SYSTEM" else ()
    async with ctx.db.transaction(scope) as session:
        known = await _claim(session, ctx, op, key, digest)
        if known is not None:
            if known.request_hash == digest and known.operation == op.name:
                aad = f"idempotency|{ctx.principal.key}|{key}"
                first, held = _unpack(decrypt(ctx.keys, aad, known.reply or b""), outputs)
                if not held or await _holds(ctx, op, session):
                    return first
                refusal: BusinessError = Forbidden(
                    op.permission
                )  # the first answer showed what a right opened
            else:
                refusal = IdempotencyConflict()
            await record(session, ctx, action=op.name, result="DENIED", error_code=str(refusal.code))
            return Outcome(error=refusal)
        work = Work(ctx, session, plugin=op.plugin, permission=op.permission)
        outcome = await _attempt(work, op, data)
        error = outcome.error
        await record(
            session,
            ctx,
            action=op.name,
            result="OK" if error is None else "DENIED",
            error_code=str(error.code) if error else None,
            unit=work.units[0] if work.units else None,
            entity=outcome.ref.type if outcome.ref else op.returns,
            entity_id=outcome.ref.id if outcome.ref else None,
            reason=work.reason_text,
            acting_for=work.acting_for,
            changes=work.recorder.changes(),
        )
        held = outcome.output is not None and await _holds(ctx, op, session)
        reply = encrypt(ctx.keys, f"idempotency|{ctx.principal.key}|{key}", _pack(outcome, held))
        await session.execute(
            sa.update(IdempotencyKey)
            .where(IdempotencyKey.principal == ctx.principal.key, IdempotencyKey.key == key)
            .values(reply=reply)
        )
        return outcome


async def _claim(
    session: AsyncSession, ctx: Context, op: Operation[Any, Any], key: UUID, digest: bytes
) -> IdempotencyKey | None:
    """Insert the key; a second holder waits here for the first to commit, then sees its row."""
    mine = await session.scalar(
        insert(IdempotencyKey)
        .values(
            principal=ctx.principal.key,
            key=key,
            operation=op.name,
            request_hash=digest,
            created_at=real_now(),
        )
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    )
    return None if mine is not None else await session.get(IdempotencyKey, (ctx.principal.key, key))


async def _attempt(work: Work, op: Operation[Any, Any], data: BaseModel) -> Outcome:
    """The work itself, in a savepoint. Refusals come back as an Outcome with `error`."""
    session = work.session
    try:
        async with session.begin_nested():
            result = await op.run(work, data)
            if not work.authorised:
                raise Forbidden(op.permission, detail_en="The operation authorised nothing")
            await session.flush()
            await session.execute(sa.text("set constraints all immediate"))
        await session.execute(sa.text("set constraints all deferred"))
    except BusinessError as refusal:
        error = refusal
    except Refusal as refusal:
        error = business_error(refusal)
    except StaleDataError:
        error = VersionConflict()
    except IntegrityError as fault:
        if getattr(fault.orig, "sqlstate", None) not in ("23505", "23P01"):
            raise
        error = DuplicateRecord()
    else:
        if op.returns is not None and result is not None:
            return Outcome(ref=Ref(op.returns, result.id))
        return Outcome(output=result)
    work.recorder.forget()
    return Outcome(error=error)
