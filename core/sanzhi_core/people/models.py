"""Tables of people: households, residents (masked), their secrets (encrypted, walled), kinship, honours."""

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


class Household(Identified, Versioned, Scoped, Base):
    """农户. Belongs to a village; `grid_unit_id` and `group_id` refine it. Head's name is stored masked."""

    __tablename__ = "household"
    __table_args__ = (
        sa.CheckConstraint("type in ('FARM','NON_FARM','COLLECTIVE')", name="type"),
        sa.CheckConstraint("residence_state in ('RESIDING','AWAY_LONG','EMPTY')", name="residence_state"),
        sa.CheckConstraint("status in ('ACTIVE','MERGED','SPLIT','MOVED_OUT','DISSOLVED')", name="status"),
        sa.Index("uq_household_village_no", "village_id", "household_no", unique=True),
        *scope_indexes("household", "household_no"),
        {"schema": "core"},
    )

    household_no: Mapped[str] = mapped_column(info=PUBLIC)
    type: Mapped[str] = mapped_column(info=PUBLIC)
    group_id: Mapped[UUID | None] = mapped_column(
        sa.ForeignKey("core.villagers_group.id"), index=True, info=PUBLIC
    )
    head_resident_id: Mapped[UUID | None] = mapped_column(
        sa.ForeignKey("core.resident.id", use_alter=True, name="fk_household_head"), info=INTERNAL
    )
    head_masked_name: Mapped[str | None] = mapped_column(info=INTERNAL)
    member_count: Mapped[int] = mapped_column(default=0, server_default="0", info=INTERNAL)
    residence_state: Mapped[str] = mapped_column(default="RESIDING", server_default="RESIDING", info=INTERNAL)
    status: Mapped[str] = mapped_column(default="ACTIVE", server_default="ACTIVE", info=PUBLIC)
    registered_on: Mapped[date] = mapped_column(info=PUBLIC)
    ended_on: Mapped[date | None] = mapped_column(info=PUBLIC)


class HouseholdHonour(Identified, Versioned, Scoped, Base):
    """An honour of a household with its certificate: 退役军人户 VETERAN, 道德模范户 MORAL_MODEL."""

    __tablename__ = "household_honour"
    __table_args__ = (
        sa.Index("ix_household_honour_household", "household_id"),
        *scope_indexes("household_honour", "valid_from"),
        {"schema": "core"},
    )

    household_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.household.id"), info=INTERNAL)
    honour: Mapped[str] = mapped_column(info=PUBLIC)
    certificate_no: Mapped[str] = mapped_column(info=PERSONAL)
    issuer: Mapped[str] = mapped_column(info=PUBLIC)
    valid_from: Mapped[date] = mapped_column(info=PUBLIC)
    valid_to: Mapped[date | None] = mapped_column(info=PUBLIC)


class Resident(Identified, Versioned, Scoped, Base):
    """村(居)民, as everyone with the right to the unit may see them: masked.

    No political view, religion, ethnicity, diagnosis or biometrics, ever. The plain values are in `PersonSecret`.
    """

    __tablename__ = "resident"
    __table_args__ = (
        sa.CheckConstraint("status in ('ACTIVE','MOVED_OUT','DECEASED')", name="status"),
        sa.CheckConstraint("sex in ('M','F')", name="sex"),
        sa.CheckConstraint("id_type in ('RESIDENT_ID','HKMT_PERMIT','PASSPORT','NONE')", name="id_type"),
        sa.Index(
            "uq_resident_id_hash",
            "id_number_hash",
            unique=True,
            postgresql_where=sa.text("id_number_hash is not null"),
        ),
        sa.Index("ix_resident_household", "household_id"),
        *scope_indexes("resident", "masked_name"),
        {"schema": "core"},
    )

    household_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("core.household.id"), info=INTERNAL)
    masked_name: Mapped[str] = mapped_column(info=INTERNAL)
    masked_id_number: Mapped[str | None] = mapped_column(info=INTERNAL)
    masked_phone: Mapped[str | None] = mapped_column(info=INTERNAL)
    id_type: Mapped[str] = mapped_column(info=INTERNAL)
    id_number_hash: Mapped[bytes | None] = mapped_column(info=SENSITIVE)
    sex: Mapped[str | None] = mapped_column(info=PERSONAL)
    birth_year: Mapped[int | None] = mapped_column(info=PERSONAL)
    adult_on: Mapped[date | None] = mapped_column(info=PERSONAL)
    relation_to_head: Mapped[str | None] = mapped_column(info=PERSONAL)
    contact_preference: Mapped[str] = mapped_column(default="PHONE", server_default="PHONE", info=INTERNAL)
    needs_assistance: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=PERSONAL)
    status: Mapped[str] = mapped_column(default="ACTIVE", server_default="ACTIVE", info=INTERNAL)
    provisional: Mapped[bool] = mapped_column(default=False, server_default=sa.false(), info=INTERNAL)


class PersonSecret(Scoped, Base):
    """Plain values of a resident, each AES-256-GCM with the row id as associated data. Walled: RLS, no read role."""

    __tablename__ = "person_secret"
    __table_args__ = (*scope_indexes("person_secret", "resident_id")[:1], {"schema": "core"})

    resident_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("core.resident.id"), primary_key=True, info=INTERNAL
    )
    name_enc: Mapped[bytes] = mapped_column(info=SENSITIVE)
    id_number_enc: Mapped[bytes | None] = mapped_column(info=SENSITIVE)
    phone_enc: Mapped[bytes | None] = mapped_column(info=SENSITIVE)
    birth_date_enc: Mapped[bytes | None] = mapped_column(info=SENSITIVE)
    address_enc: Mapped[bytes | None] = mapped_column(info=SENSITIVE)


class Kinship(Identified, Scoped, Base):
    """A near relation declared by the persons themselves (配偶、父母子女、兄弟姐妹、祖孙), for recusal only."""

    __tablename__ = "kinship"
    __table_args__ = (
        sa.UniqueConstraint("resident_id", "relative_id"),
        sa.CheckConstraint("resident_id <> relative_id", name="not_self"),
        *scope_indexes("kinship", "resident_id"),
        {"schema": "core"},
    )

    resident_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.resident.id"), info=INTERNAL)
    relative_id: Mapped[UUID] = mapped_column(sa.ForeignKey("core.resident.id"), index=True, info=INTERNAL)
    relation: Mapped[str] = mapped_column(info=PERSONAL)
    declared_on: Mapped[date] = mapped_column(info=INTERNAL)


class RevealLog(Identified, Scoped, Base):
    """Who saw which plain field of whom, when and for what purpose (domain/core.md §7); the subject may read it."""

    __tablename__ = "reveal_log"
    __table_args__ = (
        sa.Index("ix_reveal_log_subject", "subject_id", "at"),
        sa.Index("ix_reveal_log_actor", "actor_id", "at"),
        *scope_indexes("reveal_log", "at"),
        {"schema": "core"},
    )

    subject_id: Mapped[UUID] = mapped_column(info=INTERNAL)
    actor_id: Mapped[UUID] = mapped_column(info=INTERNAL)
    fields: Mapped[list[str]] = mapped_column(info=INTERNAL)
    purpose: Mapped[str] = mapped_column(info=INTERNAL)
    channel: Mapped[str] = mapped_column(info=INTERNAL)
    at: Mapped[datetime] = mapped_column(info=INTERNAL)
