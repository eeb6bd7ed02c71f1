"""Tables of identity: accounts, tokens, roles, what a role may do, who holds it where."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from sanzhi_core.db.base import (
    INTERNAL,
    PERSONAL,
    PUBLIC,
    SENSITIVE,
    Base,
    Identified,
    Scoped,
    Versioned,
    scope_indexes,
)


class Account(Identified, Versioned, Scoped, Base):
    """Somebody who may sign in, at home in a unit. `resident_id` ties a resident's account to the person."""

    __tablename__ = "account"
    __table_args__ = (
        sa.CheckConstraint("status in ('ACTIVE','SUSPENDED','CLOSED')", name="status"),
        sa.Index("uq_account_login", sa.text("lower(login)"), unique=True),
        *scope_indexes("account", "login"),
        {"schema": "core"},
    )

    login: Mapped[str] = mapped_column(info=INTERNAL)
    display_name: Mapped[str] = mapped_column(info=PERSONAL)
    resident_id: Mapped[UUID | None] = mapped_column(
        sa.ForeignKey("core.resident.id"), unique=True, info=INTERNAL
    )
    password_hash: Mapped[str] = mapped_column(info=SENSITIVE)
    must_change_password: Mapped[bool] = mapped_column(
        default=False, server_default=sa.false(), info=INTERNAL
    )
    status: Mapped[str] = mapped_column(default="ACTIVE", server_default="ACTIVE", info=INTERNAL)
    failed_logins: Mapped[int] = mapped_column(default=0, server_default="0", info=INTERNAL)
    first_failed_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    locked_until: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    elderly_mode: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=INTERNAL)


class AccessToken(Identified, Base):
    """An opaque bearer token; only its SHA-256 is stored. Revocable at any moment."""

    __tablename__ = "access_token"
    __table_args__ = (sa.Index("ix_access_token_account", "account_id"), {"schema": "core"})

    token_hash: Mapped[bytes] = mapped_column(unique=True, info=SENSITIVE)
    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.account.id"), info=INTERNAL)
    issued_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    last_used_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    idle_seconds: Mapped[int] = mapped_column(info=INTERNAL)
    expires_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    revoked_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)
    channel: Mapped[str] = mapped_column(info=INTERNAL)


class SetupToken(Identified, Base):
    """The one-time token printed by `sanzhi init` that makes the first administrator."""

    __tablename__ = "setup_token"
    __table_args__ = ({"schema": "core"},)

    token_hash: Mapped[bytes] = mapped_column(unique=True, info=SENSITIVE)
    expires_at: Mapped[datetime] = mapped_column(info=INTERNAL)
    used_at: Mapped[datetime | None] = mapped_column(info=INTERNAL)


class Role(Base):
    """A role code of domain/core.md §3, seeded; `level` is the level of unit at which it may be granted."""

    __tablename__ = "role"
    __table_args__ = ({"schema": "core"},)

    code: Mapped[str] = mapped_column(primary_key=True, info=PUBLIC)
    name_zh: Mapped[str] = mapped_column(info=PUBLIC)
    name_en: Mapped[str] = mapped_column(info=PUBLIC)
    levels: Mapped[list[str]] = mapped_column(info=PUBLIC)
    exclusive_group: Mapped[str | None] = mapped_column(info=PUBLIC)


class RolePermission(Base):
    """Role → permission; seeded from each permission's `default_roles`."""

    __tablename__ = "role_permission"
    __table_args__ = (sa.Index("ix_role_permission_permission", "permission"), {"schema": "core"})

    role_code: Mapped[str] = mapped_column(sa.ForeignKey("core.role.code"), primary_key=True, info=PUBLIC)
    permission: Mapped[str] = mapped_column(primary_key=True, info=PUBLIC)


class RoleGrant(Identified, Versioned, Scoped, Base):
    """A role held at a unit: SUBTREE (unit and descendants) or EXACT, from `valid_from` up to, not including, `valid_to`."""

    __tablename__ = "role_grant"
    __table_args__ = (
        sa.CheckConstraint("scope in ('SUBTREE','EXACT')", name="scope"),
        sa.CheckConstraint("valid_to is null or valid_to > valid_from", name="validity"),
        sa.Index("ix_role_grant_account", "account_id"),
        *scope_indexes("role_grant", "valid_from"),
        {"schema": "core"},
    )

    account_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.account.id"), info=INTERNAL)
    role_code: Mapped[str] = mapped_column(sa.ForeignKey("core.role.code"), info=PUBLIC)
    department: Mapped[str | None] = mapped_column(info=PUBLIC)
    scope: Mapped[str] = mapped_column(info=PUBLIC)
    valid_from: Mapped[date] = mapped_column(info=PUBLIC)
    valid_to: Mapped[date | None] = mapped_column(info=PUBLIC)
    basis: Mapped[str] = mapped_column(info=PUBLIC)
    revoked_at: Mapped[datetime | None] = mapped_column(info=PUBLIC)
