"""Shared tables of the platform: enablement, settings, idempotency, deliveries, timers, notices, reports."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Mapped, mapped_column

from sanzhi_core.db.base import INTERNAL, PERSONAL, PUBLIC, Base, Identified, Scoped, Versioned, scope_indexes


class Generation(Base):
    """One row, grown in the transaction of every change of grants, enablement, roles or units.

    A process may keep computed scopes for as long as the number it read with the token has not moved.
    """

    __tablename__ = "generation"
    __table_args__ = (sa.CheckConstraint("one", name="single"), {"schema": "core"})

    one: Mapped[bool] = mapped_column(primary_key=True, default=True)
    n: Mapped[int] = mapped_column(sa.BigInteger, default=1, server_default="1")


class ClockOffset(Base):
    """Seconds between real and demo time; honoured only under SANZHI_CLOCK=demo, moved by the CLI only."""

    __tablename__ = "clock_offset"
    __table_args__ = (sa.CheckConstraint("one", name="single"), {"schema": "core"})

    one: Mapped[bool] = mapped_column(primary_key=True, default=True)
    seconds: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")


class PluginEnablement(Identified, Versioned, Scoped, Base):
    """What a plugin may do at a unit from a date on (domain/core.md §10). Nearest row wins unless an ancestor is locked."""

    __tablename__ = "plugin_enablement"
    __table_args__ = (
        sa.CheckConstraint("state in ('OFF','PILOT','ON','SUSPENDED','PENDING_CONFIRM')", name="state"),
        sa.CheckConstraint("valid_to is null or valid_to > valid_from", name="validity"),
        sa.Index("ix_plugin_enablement_plugin", "plugin", "unit_id", "valid_from"),
        *scope_indexes("plugin_enablement", "plugin"),
        {"schema": "core"},
    )

    plugin: Mapped[str] = mapped_column(info=PUBLIC)
    state: Mapped[str] = mapped_column(info=PUBLIC)
    locked: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=PUBLIC)
    valid_from: Mapped[date] = mapped_column(info=PUBLIC)
    valid_to: Mapped[date | None] = mapped_column(info=PUBLIC)
    reason: Mapped[str] = mapped_column(info=PUBLIC)
    doc_no: Mapped[str] = mapped_column(info=PUBLIC)
    decided_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    decided_at: Mapped[datetime] = mapped_column(info=PUBLIC)


class SettingValue(Identified, Versioned, Scoped, Base):
    """A setting's value at a unit, inherited by its subtree until overridden; `locked` forbids overriding below."""

    __tablename__ = "setting_value"
    __table_args__ = (
        sa.Index("ix_setting_value_key", "key", "unit_id", "valid_from"),
        *scope_indexes("setting_value", "key"),
        {"schema": "core"},
    )

    key: Mapped[str] = mapped_column(info=PUBLIC)
    value: Mapped[Any] = mapped_column(pg.JSONB, info=PUBLIC)
    locked: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=PUBLIC)
    valid_from: Mapped[date] = mapped_column(info=PUBLIC)
    valid_to: Mapped[date | None] = mapped_column(info=PUBLIC)
    reason: Mapped[str] = mapped_column(info=PUBLIC)
    doc_no: Mapped[str | None] = mapped_column(info=PUBLIC)


class CalendarDay(Base):
    """A day that differs from the plain week: holiday or make-up working day. `official`: from a published arrangement."""

    __tablename__ = "calendar_day"
    __table_args__ = ({"schema": "core"},)

    day: Mapped[date] = mapped_column(primary_key=True, info=PUBLIC)
    working: Mapped[bool] = mapped_column(info=PUBLIC)
    name: Mapped[str] = mapped_column(info=PUBLIC)
    official: Mapped[bool] = mapped_column(info=PUBLIC)
    source: Mapped[str] = mapped_column(info=PUBLIC)


class IdempotencyKey(Base):
    """First answer of a command, by caller and key; kept 7 days. `reply` is encrypted (it may name people)."""

    __tablename__ = "idempotency_key"
    __table_args__ = ({"schema": "core"},)

    principal: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[UUID] = mapped_column(primary_key=True)
    operation: Mapped[str]
    request_hash: Mapped[bytes]
    reply: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(index=True)


class Delivery(Identified, Base):
    """One event for one consumer: outbox row and inbox row at once (reliability.md §3.6). Times are real time."""

    __tablename__ = "delivery"
    __table_args__ = (
        sa.UniqueConstraint("dedup_key"),
        sa.Index(
            "ix_delivery_todo",
            "consumer",
            "run_at",
            "id",
            postgresql_where=sa.text("done_at is null and dead_at is null and parked_at is null"),
        ),
        sa.Index(
            "ix_delivery_order", "consumer", "aggregate", "seq", postgresql_where=sa.text("done_at is null")
        ),
        sa.Index(
            "ix_delivery_parked", "plugin", "unit_id", postgresql_where=sa.text("parked_at is not null")
        ),
        {"schema": "core"},
    )

    consumer: Mapped[str]
    plugin: Mapped[str]
    lane: Mapped[str]
    unit_id: Mapped[UUID | None]
    event_id: Mapped[UUID | None]
    event_type: Mapped[str | None]
    aggregate: Mapped[str | None]
    seq: Mapped[int | None] = mapped_column(sa.BigInteger)
    payload: Mapped[dict[str, Any]]
    dedup_key: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.clock_timestamp())
    run_at: Mapped[datetime] = mapped_column(server_default=sa.func.clock_timestamp())
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    max_attempts: Mapped[int] = mapped_column(default=8, server_default="8")
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    parked_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


class Timer(Identified, Base):
    """Something due at a moment of business time (moves with the demo clock). Fired once into a delivery."""

    __tablename__ = "timer"
    __table_args__ = (
        sa.UniqueConstraint("key"),
        sa.Index(
            "ix_timer_due",
            "due_at",
            "id",
            postgresql_where=sa.text("fired_at is null and cancelled_at is null"),
        ),
        {"schema": "core"},
    )

    key: Mapped[str]
    job: Mapped[str]
    plugin: Mapped[str]
    unit_id: Mapped[UUID | None]
    payload: Mapped[dict[str, Any]]
    due_at: Mapped[datetime]
    fired_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]


class Schedule(Base):
    """A job run by calendar: cron text in Asia/Shanghai; each slot once (delivery dedup key = name + slot)."""

    __tablename__ = "schedule"
    __table_args__ = ({"schema": "core"},)

    name: Mapped[str] = mapped_column(primary_key=True)
    job: Mapped[str]
    plugin: Mapped[str]
    cron: Mapped[str]
    next_at: Mapped[datetime]
    enabled: Mapped[bool] = mapped_column(default=True, server_default=sa.true())


class Notification(Identified, Scoped, Base):
    """A message to one person or household: the in-app inbox, and the paper list for those without a phone."""

    __tablename__ = "notification"
    __table_args__ = (
        sa.UniqueConstraint("dedup_key"),
        sa.Index("ix_notification_resident", "resident_id", "created_at", "id"),
        sa.Index("ix_notification_household", "household_id", "created_at", "id"),
        sa.Index("ix_notification_account", "account_id", "created_at", "id"),
        *scope_indexes("notification", "created_at"),
        {"schema": "core"},
    )

    event_key: Mapped[str] = mapped_column(info=PUBLIC)
    plugin: Mapped[str] = mapped_column(info=PUBLIC)
    account_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    resident_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    household_id: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    channel: Mapped[str] = mapped_column(info=PUBLIC)
    priority: Mapped[str] = mapped_column(default="NORMAL", server_default="NORMAL", info=PUBLIC)
    title_zh: Mapped[str] = mapped_column(info=INTERNAL)
    title_en: Mapped[str] = mapped_column(info=INTERNAL)
    body_zh: Mapped[str] = mapped_column(info=PERSONAL)
    body_en: Mapped[str] = mapped_column(info=PERSONAL)
    dedup_key: Mapped[str] = mapped_column(info=INTERNAL)
    state: Mapped[str] = mapped_column(default="QUEUED", server_default="QUEUED", info=PUBLIC)
    created_at: Mapped[datetime] = mapped_column(info=PUBLIC)
    sent_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    read_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)


class Report(Identified, Versioned, Scoped, Base):
    """A produced report: parameters, snapshot time, figures and the file (domain/core.md §11)."""

    __tablename__ = "report"
    __table_args__ = (
        sa.CheckConstraint("state in ('QUEUED','RUNNING','DONE','FAILED')", name="state"),
        *scope_indexes("report", "requested_at"),
        {"schema": "core"},
    )

    kind: Mapped[str] = mapped_column(info=PUBLIC)
    plugin: Mapped[str] = mapped_column(info=PUBLIC)
    format: Mapped[str] = mapped_column(info=PUBLIC)
    language: Mapped[str] = mapped_column(default="zh-CN", server_default="zh-CN", info=PUBLIC)
    parameters: Mapped[dict[str, Any]] = mapped_column(info=INTERNAL)
    formula_version: Mapped[str] = mapped_column(info=PUBLIC)
    figures: Mapped[dict[str, Any] | None] = mapped_column(info=PUBLIC)
    state: Mapped[str] = mapped_column(default="QUEUED", server_default="QUEUED", info=PUBLIC)
    progress: Mapped[int] = mapped_column(default=0, server_default="0", info=PUBLIC)
    requested_by: Mapped[UUID | None] = mapped_column(info=INTERNAL)
    requested_at: Mapped[datetime] = mapped_column(info=PUBLIC)
    snapshot_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    finished_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)
    file_name: Mapped[str | None] = mapped_column(info=PUBLIC)
    media_type: Mapped[str | None] = mapped_column(info=PUBLIC)
    size_bytes: Mapped[int | None] = mapped_column(sa.BigInteger, info=PUBLIC)
    sha256: Mapped[bytes | None] = mapped_column(info=PUBLIC)
    storage_path: Mapped[str | None] = mapped_column(info=INTERNAL)
    error: Mapped[str | None] = mapped_column(info=INTERNAL)
