"""What a piece of work changed, gathered from the session for the audit entry.

Values are kept for PUBLIC and INTERNAL columns only; both sides of the others are in the keyed hashes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.audit.canonical import Change, canonical_bytes, value_hmac
from sanzhi_core.audit.keys import Keys
from sanzhi_core.clock import new_id
from sanzhi_core.db.base import Identified

OPEN = frozenset({"PUBLIC", "INTERNAL"})
MANY = 20
"""More changed rows of one entity than this are written as one count with a digest."""


@dataclass
class _Row:
    """A touched row: first known old values and last new values of the changed columns."""

    entity: str
    id: UUID | None
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)
    created: bool = False

    def change(self, keys: Keys) -> Change:
        shown = {
            name: {"new": self.after.get(name)}
            if self.created
            else {"old": self.before.get(name), "new": self.after.get(name)}
            for name in sorted(self.open)
        }
        key = keys.audit_value_key
        return Change(
            entity=self.entity,
            id=self.id,
            fields=sorted(self.after),
            before_hash=None if self.created else value_hmac(key, self.entity, self.id, self.before),
            after_hash=value_hmac(key, self.entity, self.id, self.after),
            values=shown or None,
        )


class Recorder:
    """Listens to one session until the end of the work."""

    def __init__(self, session: AsyncSession, keys: Keys) -> None:
        self._keys = keys
        self._rows: dict[tuple[str, str], _Row] = {}
        self._bulk: list[Change] = []
        event.listen(session.sync_session, "before_flush", self._before_flush)

    def _before_flush(self, session: Any, _context: Any, _instances: Any) -> None:
        for row in session.new:
            if isinstance(row, Identified) and row.id is None:
                row.id = new_id()  # as the column's default would a moment later: the entry names the row
            self._note(row, created=True)
        for row in session.dirty:
            self._note(row, created=False)
        for row in session.deleted:
            self._note(row, created=False, deleted=True)

    def _note(self, row: Any, *, created: bool, deleted: bool = False) -> None:
        state = sa.inspect(row)
        changed: dict[str, tuple[Any, Any, bool]] = {}
        for attr in state.mapper.column_attrs:
            if attr.key == "version":
                continue
            is_open = attr.columns[0].info.get("data_class", "PERSONAL") in OPEN
            if created:
                value = state.dict.get(attr.key)
                if value is not None:
                    changed[attr.key] = (None, value, is_open)
            elif deleted:
                changed[attr.key] = (state.dict.get(attr.key), None, is_open)
            else:
                history = state.attrs[attr.key].history
                if history.has_changes():
                    old = history.deleted[0] if history.deleted else None
                    new = history.added[0] if history.added else None
                    changed[attr.key] = (old, new, is_open)
        if not changed:
            return
        ident = getattr(row, "id", None)
        name = type(row).__name__
        key = (name, str(ident) if ident else repr(state.key or id(row)))
        known = self._rows.get(key)
        if known is None:
            known = self._rows[key] = _Row(name, ident if isinstance(ident, UUID) else None, created=created)
        for column, (old, new, is_open) in changed.items():
            known.before.setdefault(column, plain(old))
            known.after[column] = plain(new)
            if is_open:
                known.open.add(column)

    def note_bulk(self, entity: str, count: int, digest: bytes) -> None:
        """A set written without the ORM: how many rows, and the SHA-256 of what was written."""
        self._bulk.append(_crowd(entity, count, digest))

    def forget(self) -> None:
        """The work was rolled back: nothing changed."""
        self._rows.clear()
        self._bulk.clear()

    def changes(self) -> list[Change]:
        """Changes for the audit entry; a crowd of one entity is one count with a digest over its rows."""
        groups: dict[str, list[Change]] = {}
        for row in self._rows.values():
            groups.setdefault(row.entity, []).append(row.change(self._keys))
        out: list[Change] = []
        for entity, rows in groups.items():
            if len(rows) <= MANY:
                out += rows
            else:
                digest = sha256(canonical_bytes([r.plain() for r in rows])).digest()
                out.append(_crowd(entity, len(rows), digest))
        return out + self._bulk


def _crowd(entity: str, count: int, digest: bytes) -> Change:
    return Change(entity=entity, id=None, fields=[], values={"count": count, "sha256": digest.hex()})


def plain(value: Any) -> Any:
    """A column value as the audit's canonical form accepts it: no floats, bytes as hex."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (datetime, date, UUID, Decimal, bytes)):
        return value
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    return value
