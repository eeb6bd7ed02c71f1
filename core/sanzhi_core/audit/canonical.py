"""Canonical bytes of an audit entry: one content has exactly one byte string, so that it can be hashed.

Canonical JSON: UTF-8, keys sorted by code point, no spaces, no floats, UTC times with microseconds.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from sanzhi_core.audit.keys import Keys

VERSION = 1
"""Format of the body. A new column of `core.audit_entry` needs a new version here and in the verifier."""

MAX_INT = 2**63 - 1


class CanonicalError(ValueError):
    """A value without one exact form, or that no column can keep: float, naive time, NUL, lone surrogate…"""


class Result(StrEnum):
    """How the command ended (domain/core.md §8, R-CORE-41)."""

    OK = "OK"
    DENIED = "DENIED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One changed row: the changed fields by name, both sides as keyed hashes (`value_hmac`).

    `values` holds old and new values of PUBLIC and INTERNAL fields only.
    """

    entity: str
    id: UUID | None
    fields: Sequence[str]
    before_hash: str | None = None
    after_hash: str | None = None
    values: Mapping[str, Any] | None = None

    def plain(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "entity": self.entity,
            "id": self.id,
            "fields": list(self.fields),
            "before_hash": self.before_hash,
            "after_hash": self.after_hash,
        }
        if self.values is not None:
            out["values"] = self.values
        return plain(out)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What `core.audit_entry` says about one command; the columns of the same names (domain/core.md §8)."""

    id: UUID
    at: datetime
    action: str
    result: Result
    county_id: UUID | None = None
    town_id: UUID | None = None
    village_id: UUID | None = None
    grid_id: UUID | None = None
    unit_id: UUID | None = None
    org_path: str | None = None
    actor_id: UUID | None = None
    acting_for: UUID | None = None
    role: str | None = None
    entity: str | None = None
    entity_id: UUID | None = None
    error_code: str | None = None
    reason: str | None = None
    channel: str | None = None
    ip: str | None = None
    device: str | None = None
    changes: Sequence[Change] = field(default=())

    def columns(self) -> dict[str, Any]:
        """Column values without `body` and `row_hmac`; `changes` as plain JSON."""
        values: dict[str, Any] = {name: getattr(self, name) for name in ENTRY_COLUMNS}
        values["at"] = _utc(self.at)
        values["result"] = str(self.result)
        values["ip"] = None if self.ip is None else _ip(self.ip)
        values["changes"] = [change.plain() for change in self.changes]
        return values


ENTRY_COLUMNS = tuple(Entry.__dataclass_fields__)


def row(entry: Entry, keys: Keys) -> dict[str, Any]:
    """All values to insert into `core.audit_entry` (`txid` and `epoch` come from the database's defaults)."""
    columns = entry.columns() | {"key_id": keys.audit.id}
    body = canonical_bytes(columns | {"v": VERSION})
    return columns | {"body": body, "row_hmac": row_hmac(keys.audit_row_key, body)}


def row_hmac(key: bytes, body: bytes) -> bytes:
    """HMAC-SHA256 of a body: the only protection of an entry until it is sealed."""
    return hmac.digest(key, b"sanzhi.audit.row.v1\n" + body, "sha256")


def value_hmac(key: bytes, entity: str, entity_id: UUID | None, values: Mapping[str, Any]) -> str:
    """Keyed hash (hex) of one row's field values, bound to the row: equal values elsewhere do not match."""
    message = canonical_bytes({"entity": entity, "id": entity_id, "values": values})
    return hmac.digest(key, b"sanzhi.audit.value.v1\n" + message, "sha256").hex()


def leaf_hash(epoch: int, txid: int, mac: bytes, body: bytes) -> bytes:
    """RFC 6962 leaf hash of an entry. Covers epoch and txid, which the writer cannot know; `audit_pending` in
    `ddl.py` computes the same in SQL."""
    data = epoch.to_bytes(4, "big") + txid.to_bytes(8, "big") + mac + body
    return hashlib.sha256(b"\x00" + data).digest()


def canonical_bytes(value: object) -> bytes:
    """Canonical JSON of `value`. Raises CanonicalError."""
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def plain(value: object) -> Any:
    """`value` as JSON data that means the same after a round trip through jsonb. Raises CanonicalError."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, int):
        if not -MAX_INT <= value <= MAX_INT:
            raise CanonicalError(
                f"{value.bit_length()} bits do not fit an integer; write large numbers as text"
            )
        return int(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return _utc(value).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise CanonicalError(f"{value} is not a finite number")
        return format(value, "f")
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {_key(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise CanonicalError(f"{type(value).__name__} has no canonical form")


def _key(value: object) -> str:
    if type(value) is not str:
        raise CanonicalError(f"object keys are text, not {type(value).__name__}")
    return _text(value)


def _text(value: str) -> str:
    if "\x00" in value:
        raise CanonicalError("text with NUL cannot be stored")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise CanonicalError("text with a lone surrogate cannot be stored") from None
    return str(value)


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise CanonicalError("a time without zone has no exact form")
    return value.astimezone(UTC)


def _ip(value: str) -> str:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        raise CanonicalError(f"not an IP address: {value!r}") from None
    mapped = getattr(address, "ipv4_mapped", None)
    if getattr(address, "scope_id", None) is not None:
        raise CanonicalError("an IP address with a zone cannot be stored")
    return str(mapped or address)
