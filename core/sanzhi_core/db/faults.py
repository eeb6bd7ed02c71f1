"""Which faults pass by themselves: the same request may do better a little later."""

from __future__ import annotations

import asyncpg
import sqlalchemy as sa

_CLASSES = ("08", "53", "57")
"""SQLSTATE classes: connection lost, resources used up, cancelled or stopped by the server."""
_STATES = frozenset({"55P03", "40001", "40P01", "25P03"})
"""Lock not available, serialisation failure, deadlock, idle in transaction for too long."""


def passing(fault: BaseException) -> bool:
    """Whether a fault is about load or reach (timeout, no connection, database away), not about the request."""
    if isinstance(fault, sa.exc.DBAPIError):
        return fault.connection_invalidated or _passing_state(getattr(fault.orig, "sqlstate", None))
    if isinstance(fault, asyncpg.PostgresError):
        return _passing_state(fault.sqlstate)
    return isinstance(fault, TimeoutError | sa.exc.TimeoutError | OSError | asyncpg.InterfaceError)


def _passing_state(state: object) -> bool:
    return str(state or "").startswith(_CLASSES) or state in _STATES
