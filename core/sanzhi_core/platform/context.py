"""Who asks, when, through which channel: handed from the host to every service function."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sanzhi_core.clock import Clock, local_date

if TYPE_CHECKING:
    from sanzhi_core.audit.keys import Keys
    from sanzhi_core.db.session import Database
    from sanzhi_core.platform.plugins import Platform

CHANNELS = ("WEB", "APP", "WECHAT", "SMS", "PHONE", "WINDOW", "PAPER", "JOB", "API")


@dataclass(frozen=True)
class Grant:
    """A live role grant of the caller. `path` is the unit's `org_path` at the caller's generation."""

    id: UUID
    role_code: str
    unit_id: UUID
    level: str
    path: str
    scope: str
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True)
class Principal:
    """The caller. `kind`: ANONYMOUS, ACCOUNT or SYSTEM (jobs, CLI on the owner's behalf)."""

    kind: str
    account_id: UUID | None = None
    token_id: UUID | None = None
    resident_id: UUID | None = None
    household_id: UUID | None = None
    display_name: str = ""
    grants: tuple[Grant, ...] = ()
    generation: int = 0
    county_id: UUID | None = None

    @property
    def key(self) -> str:
        """Stable text naming the caller, for idempotency and rate limits."""
        return f"{self.kind}:{self.account_id or ''}"


ANONYMOUS = Principal("ANONYMOUS")
SYSTEM = Principal("SYSTEM")


@dataclass(frozen=True)
class Scope:
    """Where a permission holds: ids per level, as the `*_id` columns of `Scoped` carry them (architecture 7, 8).

    `unit_ids` match a row's own unit exactly; the others match everything below. `everywhere` is the system's.
    Empty in all parts means: nowhere.
    """

    unit_ids: tuple[UUID, ...] = ()
    county_ids: tuple[UUID, ...] = ()
    town_ids: tuple[UUID, ...] = ()
    village_ids: tuple[UUID, ...] = ()
    grid_ids: tuple[UUID, ...] = ()
    everywhere: bool = False

    def __bool__(self) -> bool:
        return self.everywhere or any(ids for _, ids in self.levels())

    def levels(self) -> tuple[tuple[str, tuple[UUID, ...]], ...]:
        """(scope column, ids) for each level, in the order of `SCOPE_LEVELS`."""
        return (
            ("unit_id", self.unit_ids),
            ("county_id", self.county_ids),
            ("town_id", self.town_ids),
            ("village_id", self.village_ids),
            ("grid_id", self.grid_ids),
        )

    def covers(self, row: Any) -> bool:
        """Whether a row (anything with the scope columns as attributes) lies inside."""
        return self.everywhere or any(ids and getattr(row, column) in ids for column, ids in self.levels())

    def ids(self) -> tuple[UUID, ...]:
        """All ids, for the RLS setting."""
        return tuple(i for _, ids in self.levels() for i in ids)


NOWHERE = Scope()
EVERYWHERE = Scope(everywhere=True)


@dataclass
class Context:
    """One request, job or CLI command."""

    platform: Platform
    db: Database
    clock: Clock
    keys: Keys
    principal: Principal = ANONYMOUS
    channel: str = "API"
    locale: str = "zh-CN"
    ip: str | None = None
    device: str | None = None
    purpose: str | None = None
    cache: dict[Any, Any] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """The business day in Asia/Shanghai."""
        return local_date(self.clock.now())
