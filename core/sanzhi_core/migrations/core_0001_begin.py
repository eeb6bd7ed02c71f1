"""The core's tables, walls and seeds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sanzhi_core.audit import ddl
from sanzhi_core.db import walls
from sanzhi_core.db.migrate import roles
from sanzhi_core.identity.roles import seed
from sanzhi_core.platform import calendar

revision = "core_0001"
down_revision = None
branch_labels = ("core",)
depends_on = None

WALLED = ("person_secret", "reveal_log")
PRIVATE = (
    "access_token",
    "setup_token",
    "idempotency_key",
    "delivery",
    "timer",
    "schedule",
    "clock_offset",
    "division_stage",
)
SHARED = (
    "calendar_day",
    "generation",
    "org_unit",
    "role",
    "body",
    "notification",
    "org_lineage",
    "org_unit_version",
    "plugin_enablement",
    "report",
    "role_permission",
    "roll",
    "setting_value",
    "villagers_group",
    "household",
    "roll_entry",
    "household_honour",
    "resident",
    "account",
    "kinship",
    "term",
    "role_grant",
)


def upgrade() -> None:
    login = roles()
    _tables()
    op.execute("create sequence core.event_seq")
    op.execute(walls.IN_SCOPE)
    statements = [
        *walls.usage("core", login.app, login.read),
        f'grant usage on all sequences in schema core to "{login.app}"',
        *ddl.create(login.app, login.read),
        *walls.wall("core", "audit_entry", login.app, insert_anywhere=True, append_only=True),
        *walls.wall("core", "person_secret", login.app),
        *walls.wall("core", "reveal_log", login.app, append_only=True),
        *walls.private("core", PRIVATE, login.app),
        *walls.unwalled("core", SHARED, login.app, login.read),
        "insert into core.generation (one, n) values (true, 1)",
        "insert into core.clock_offset (one, seconds) values (true, 0)",
    ]
    for statement in statements:
        op.execute(statement)
    role = sa.table(
        "role", *map(sa.column, ("code", "name_zh", "name_en", "levels", "exclusive_group")), schema="core"
    )
    role.c.levels.type = sa.ARRAY(sa.Text())
    op.bulk_insert(role, seed())
    day = sa.table(
        "calendar_day", *map(sa.column, ("day", "working", "name", "official", "source")), schema="core"
    )
    op.bulk_insert(day, calendar.seed())


def downgrade() -> None:
    op.execute("drop schema core cascade")


def _tables() -> None:
    op.create_table(
        "calendar_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("working", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("official", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar_day")),
        schema="core",
    )
    op.create_table(
        "clock_offset",
        sa.Column("one", sa.Boolean(), nullable=False),
        sa.Column("seconds", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("one", name=op.f("ck_clock_offset_single")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_clock_offset")),
        schema="core",
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("event_type", sa.Text(), nullable=True),
        sa.Column("aggregate", sa.Text(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("dedup_key", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column(
            "run_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("leased_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("max_attempts", sa.Integer(), server_default="8", nullable=False),
        sa.Column("done_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("dead_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("parked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("dedup_key", name=op.f("uq_delivery_dedup_key")),
        schema="core",
    )
    op.create_index(
        "ix_delivery_order",
        "delivery",
        ["consumer", "aggregate", "seq"],
        unique=False,
        schema="core",
        postgresql_where=sa.text("done_at is null"),
    )
    op.create_index(
        "ix_delivery_parked",
        "delivery",
        ["plugin", "unit_id"],
        unique=False,
        schema="core",
        postgresql_where=sa.text("parked_at is not null"),
    )
    op.create_index(
        "ix_delivery_todo",
        "delivery",
        ["consumer", "run_at", "id"],
        unique=False,
        schema="core",
        postgresql_where=sa.text("done_at is null and dead_at is null and parked_at is null"),
    )
    op.create_table(
        "division_stage",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("parent_code", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("urban_rural_class", sa.Text(), nullable=True),
        sa.Column("new_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column(
            "staged_at",
            sa.TIMESTAMP(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        schema="core",
        prefixes=["UNLOGGED"],
    )
    op.create_index(
        "ix_division_stage_import_id_level_code",
        "division_stage",
        ["import_id", "level", "code"],
        unique=False,
        schema="core",
    )
    op.create_table(
        "generation",
        sa.Column("one", sa.Boolean(), nullable=False),
        sa.Column("n", sa.BigInteger(), server_default="1", nullable=False),
        sa.CheckConstraint("one", name=op.f("ck_generation_single")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_generation")),
        schema="core",
    )
    op.create_table(
        "idempotency_key",
        sa.Column("principal", sa.Text(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("reply", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("principal", "key", name=op.f("pk_idempotency_key")),
        schema="core",
    )
    op.create_index(
        op.f("ix_idempotency_key_created_at"), "idempotency_key", ["created_at"], unique=False, schema="core"
    )
    op.create_table(
        "org_unit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("no", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("short_name", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), server_default="ACTIVE", nullable=False),
        sa.Column("code_pending", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("urban_rural_class", sa.Text(), nullable=True),
        sa.Column("uscc", sa.Text(), nullable=True),
        sa.Column("area_km2", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("boundary", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("edition", sa.Text(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), sa.Computed("id", persisted=True), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "level in ('PROVINCE','CITY','COUNTY','TOWN','VILLAGE','GRID','MICRO')",
            name=op.f("ck_org_unit_level"),
        ),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_org_unit_org_path_closed")),
        sa.CheckConstraint("status in ('PLANNED','ACTIVE','ABOLISHED')", name=op.f("ck_org_unit_status")),
        sa.CheckConstraint("area_km2 is null or area_km2 >= 0", name=op.f("ck_org_unit_area")),
        sa.CheckConstraint("valid_to is null or valid_to > valid_from", name=op.f("ck_org_unit_validity")),
        sa.ForeignKeyConstraint(["parent_id"], ["core.org_unit.id"], name=op.f("fk_org_unit_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_org_unit")),
        sa.UniqueConstraint("no", name=op.f("uq_org_unit_no")),
        schema="core",
    )
    op.create_index("ix_org_unit_code", "org_unit", ["code"], unique=False, schema="core")
    op.create_index(
        "ix_org_unit_county_code", "org_unit", ["county_id", "code", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_org_unit_county_level_code",
        "org_unit",
        ["county_id", "level", "code", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_org_unit_level_code_id", "org_unit", ["level", "code", "id"], unique=False, schema="core"
    )
    op.create_index("ix_org_unit_org_path", "org_unit", ["org_path"], unique=False, schema="core")
    op.create_index(
        "ix_org_unit_parent_code", "org_unit", ["parent_id", "code", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_org_unit_town_code", "org_unit", ["town_id", "code", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_org_unit_village_code", "org_unit", ["village_id", "code", "id"], unique=False, schema="core"
    )
    op.create_index(
        "uq_org_unit_level_code",
        "org_unit",
        ["level", "code"],
        unique=True,
        schema="core",
        postgresql_where=sa.text("valid_to is null"),
    )
    op.create_table(
        "role",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("levels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("exclusive_group", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_role")),
        schema="core",
    )
    op.create_table(
        "schedule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("next_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schedule")),
        schema="core",
    )
    op.create_table(
        "setup_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("used_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setup_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_setup_token_token_hash")),
        schema="core",
    )
    op.create_table(
        "timer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("fired_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timer")),
        sa.UniqueConstraint("key", name=op.f("uq_timer_key")),
        schema="core",
    )
    op.create_index(
        "ix_timer_due",
        "timer",
        ["due_at", "id"],
        unique=False,
        schema="core",
        postgresql_where=sa.text("fired_at is null and cancelled_at is null"),
    )
    op.create_table(
        "body",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seats_min", sa.Integer(), nullable=True),
        sa.Column("seats_max", sa.Integer(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_body_org_path_closed")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_body_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_body")),
        schema="core",
    )
    op.create_index(
        "ix_body_county_id_kind_id", "body", ["county_id", "kind", "id"], unique=False, schema="core"
    )
    op.create_index("ix_body_grid_id_kind_id", "body", ["grid_id", "kind", "id"], unique=False, schema="core")
    op.create_index("ix_body_town_id_kind_id", "body", ["town_id", "kind", "id"], unique=False, schema="core")
    op.create_index("ix_body_unit_id_kind_id", "body", ["unit_id", "kind", "id"], unique=False, schema="core")
    op.create_index(
        "ix_body_village_id_kind_id", "body", ["village_id", "kind", "id"], unique=False, schema="core"
    )
    op.create_index(
        "uq_body_unit_kind",
        "body",
        ["unit_id", "kind"],
        unique=True,
        schema="core",
        postgresql_where=sa.text("valid_to is null"),
    )
    op.create_table(
        "notification",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_key", sa.Text(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("resident_id", sa.Uuid(), nullable=True),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), server_default="NORMAL", nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("body_zh", sa.Text(), nullable=False),
        sa.Column("body_en", sa.Text(), nullable=False),
        sa.Column("dedup_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="QUEUED", nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("sent_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("read_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_notification_org_path_closed")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_notification_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
        sa.UniqueConstraint("dedup_key", name=op.f("uq_notification_dedup_key")),
        schema="core",
    )
    op.create_index(
        "ix_notification_account",
        "notification",
        ["account_id", "created_at", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_notification_county_id_created_at_id",
        "notification",
        ["county_id", "created_at", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_notification_grid_id_created_at_id",
        "notification",
        ["grid_id", "created_at", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_notification_household",
        "notification",
        ["household_id", "created_at", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_notification_resident",
        "notification",
        ["resident_id", "created_at", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_notification_town_id_created_at_id",
        "notification",
        ["town_id", "created_at", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_notification_unit_id_created_at_id",
        "notification",
        ["unit_id", "created_at", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_notification_village_id_created_at_id",
        "notification",
        ["village_id", "created_at", "id"],
        unique=False,
        schema="core",
    )
    op.create_table(
        "org_lineage",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("effective_date", sa.Date(), nullable=False),
        sa.Column("doc_no", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["core.org_unit.id"], name=op.f("fk_org_lineage_source_id")),
        sa.ForeignKeyConstraint(["target_id"], ["core.org_unit.id"], name=op.f("fk_org_lineage_target_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_org_lineage")),
        sa.UniqueConstraint("source_id", "target_id", name=op.f("uq_org_lineage_source_id_target_id")),
        schema="core",
    )
    op.create_index(
        op.f("ix_org_lineage_target_id"), "org_lineage", ["target_id"], unique=False, schema="core"
    )
    op.create_table(
        "org_unit_version",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("doc_no", sa.Text(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_org_unit_version_org_path_closed")),
        sa.CheckConstraint(
            "valid_to is null or valid_to > valid_from", name=op.f("ck_org_unit_version_validity")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_org_unit_version_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_org_unit_version")),
        schema="core",
    )
    op.create_index(
        "ix_org_unit_version_parent",
        "org_unit_version",
        ["parent_id", "code", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "uq_org_unit_version_open",
        "org_unit_version",
        ["unit_id"],
        unique=True,
        schema="core",
        postgresql_where=sa.text("valid_to is null"),
    )
    op.create_table(
        "plugin_enablement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("locked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("doc_no", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_plugin_enablement_org_path_closed")),
        sa.CheckConstraint(
            "state in ('OFF','PILOT','ON','SUSPENDED','PENDING_CONFIRM')",
            name=op.f("ck_plugin_enablement_state"),
        ),
        sa.CheckConstraint(
            "valid_to is null or valid_to > valid_from", name=op.f("ck_plugin_enablement_validity")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_plugin_enablement_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plugin_enablement")),
        schema="core",
    )
    op.create_index(
        "ix_plugin_enablement_county_id_plugin_id",
        "plugin_enablement",
        ["county_id", "plugin", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_plugin_enablement_grid_id_plugin_id",
        "plugin_enablement",
        ["grid_id", "plugin", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_plugin_enablement_plugin",
        "plugin_enablement",
        ["plugin", "unit_id", "valid_from"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_plugin_enablement_town_id_plugin_id",
        "plugin_enablement",
        ["town_id", "plugin", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_plugin_enablement_unit_id_plugin_id",
        "plugin_enablement",
        ["unit_id", "plugin", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_plugin_enablement_village_id_plugin_id",
        "plugin_enablement",
        ["village_id", "plugin", "id"],
        unique=False,
        schema="core",
    )
    op.create_table(
        "report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), server_default="zh-CN", nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("formula_version", sa.Text(), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("state", sa.Text(), server_default="QUEUED", nullable=False),
        sa.Column("progress", sa.Integer(), server_default="0", nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("requested_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("snapshot_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("finished_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("storage_path", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_report_org_path_closed")),
        sa.CheckConstraint("state in ('QUEUED','RUNNING','DONE','FAILED')", name=op.f("ck_report_state")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_report_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
        schema="core",
    )
    op.create_index(
        "ix_report_county_id_requested_at_id",
        "report",
        ["county_id", "requested_at", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_report_grid_id_requested_at_id",
        "report",
        ["grid_id", "requested_at", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_report_town_id_requested_at_id",
        "report",
        ["town_id", "requested_at", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_report_unit_id_requested_at_id",
        "report",
        ["unit_id", "requested_at", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_report_village_id_requested_at_id",
        "report",
        ["village_id", "requested_at", "id"],
        unique=False,
        schema="core",
    )
    op.create_table(
        "reveal_log",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_reveal_log_org_path_closed")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_reveal_log_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reveal_log")),
        schema="core",
    )
    op.create_index("ix_reveal_log_actor", "reveal_log", ["actor_id", "at"], unique=False, schema="core")
    op.create_index(
        "ix_reveal_log_county_id_at_id", "reveal_log", ["county_id", "at", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_reveal_log_grid_id_at_id", "reveal_log", ["grid_id", "at", "id"], unique=False, schema="core"
    )
    op.create_index("ix_reveal_log_subject", "reveal_log", ["subject_id", "at"], unique=False, schema="core")
    op.create_index(
        "ix_reveal_log_town_id_at_id", "reveal_log", ["town_id", "at", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_reveal_log_unit_id_at_id", "reveal_log", ["unit_id", "at", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_reveal_log_village_id_at_id",
        "reveal_log",
        ["village_id", "at", "id"],
        unique=False,
        schema="core",
    )
    op.create_table(
        "role_permission",
        sa.Column("role_code", sa.Text(), nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["role_code"], ["core.role.code"], name=op.f("fk_role_permission_role_code")),
        sa.PrimaryKeyConstraint("role_code", "permission", name=op.f("pk_role_permission")),
        schema="core",
    )
    op.create_index(
        "ix_role_permission_permission", "role_permission", ["permission"], unique=False, schema="core"
    )
    op.create_table(
        "roll",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_roll_org_path_closed")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_roll_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roll")),
        schema="core",
    )
    op.create_index(
        "ix_roll_county_id_taken_at_id", "roll", ["county_id", "taken_at", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_roll_grid_id_taken_at_id", "roll", ["grid_id", "taken_at", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_roll_town_id_taken_at_id", "roll", ["town_id", "taken_at", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_roll_unit_id_taken_at_id", "roll", ["unit_id", "taken_at", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_roll_village_id_taken_at_id",
        "roll",
        ["village_id", "taken_at", "id"],
        unique=False,
        schema="core",
    )
    op.create_table(
        "setting_value",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("locked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("doc_no", sa.Text(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_setting_value_org_path_closed")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_setting_value_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_setting_value")),
        schema="core",
    )
    op.create_index(
        "ix_setting_value_county_id_key_id",
        "setting_value",
        ["county_id", "key", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_setting_value_grid_id_key_id",
        "setting_value",
        ["grid_id", "key", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_setting_value_key", "setting_value", ["key", "unit_id", "valid_from"], unique=False, schema="core"
    )
    op.create_index(
        "ix_setting_value_town_id_key_id",
        "setting_value",
        ["town_id", "key", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_setting_value_unit_id_key_id",
        "setting_value",
        ["unit_id", "key", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_setting_value_village_id_key_id",
        "setting_value",
        ["village_id", "key", "id"],
        unique=False,
        schema="core",
    )
    op.create_table(
        "villagers_group",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_villagers_group_org_path_closed")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_villagers_group_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_villagers_group")),
        schema="core",
    )
    op.create_index(
        "ix_villagers_group_county_id_name_id",
        "villagers_group",
        ["county_id", "name", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_villagers_group_grid_id_name_id",
        "villagers_group",
        ["grid_id", "name", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_villagers_group_town_id_name_id",
        "villagers_group",
        ["town_id", "name", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_villagers_group_unit_id_name_id",
        "villagers_group",
        ["unit_id", "name", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_villagers_group_village_id_name_id",
        "villagers_group",
        ["village_id", "name", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "uq_villagers_group_name",
        "villagers_group",
        ["village_id", "name"],
        unique=True,
        schema="core",
        postgresql_where=sa.text("valid_to is null"),
    )
    op.create_table(
        "household",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("household_no", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=True),
        sa.Column("head_resident_id", sa.Uuid(), nullable=True),
        sa.Column("head_masked_name", sa.Text(), nullable=True),
        sa.Column("member_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("residence_state", sa.Text(), server_default="RESIDING", nullable=False),
        sa.Column("status", sa.Text(), server_default="ACTIVE", nullable=False),
        sa.Column("registered_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_household_org_path_closed")),
        sa.CheckConstraint(
            "residence_state in ('RESIDING','AWAY_LONG','EMPTY')", name=op.f("ck_household_residence_state")
        ),
        sa.CheckConstraint(
            "status in ('ACTIVE','MERGED','SPLIT','MOVED_OUT','DISSOLVED')", name=op.f("ck_household_status")
        ),
        sa.CheckConstraint("type in ('FARM','NON_FARM','COLLECTIVE')", name=op.f("ck_household_type")),
        sa.ForeignKeyConstraint(
            ["group_id"], ["core.villagers_group.id"], name=op.f("fk_household_group_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_household_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household")),
        schema="core",
    )
    op.create_index(
        "ix_household_county_id_household_no_id",
        "household",
        ["county_id", "household_no", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_household_grid_id_household_no_id",
        "household",
        ["grid_id", "household_no", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(op.f("ix_household_group_id"), "household", ["group_id"], unique=False, schema="core")
    op.create_index(
        "ix_household_town_id_household_no_id",
        "household",
        ["town_id", "household_no", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_household_unit_id_household_no_id",
        "household",
        ["unit_id", "household_no", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_household_village_id_household_no_id",
        "household",
        ["village_id", "household_no", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "uq_household_village_no", "household", ["village_id", "household_no"], unique=True, schema="core"
    )
    op.create_table(
        "roll_entry",
        sa.Column("roll_id", sa.Uuid(), nullable=False),
        sa.Column("resident_id", sa.Uuid(), nullable=False),
        sa.Column("body_kinds", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["roll_id"], ["core.roll.id"], name=op.f("fk_roll_entry_roll_id")),
        sa.PrimaryKeyConstraint("roll_id", "resident_id", name=op.f("pk_roll_entry")),
        schema="core",
    )
    op.create_table(
        "household_honour",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("honour", sa.Text(), nullable=False),
        sa.Column("certificate_no", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_household_honour_org_path_closed")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["core.household.id"], name=op.f("fk_household_honour_household_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_household_honour_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household_honour")),
        schema="core",
    )
    op.create_index(
        "ix_household_honour_county_id_valid_from_id",
        "household_honour",
        ["county_id", "valid_from", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_household_honour_grid_id_valid_from_id",
        "household_honour",
        ["grid_id", "valid_from", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_household_honour_household", "household_honour", ["household_id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_household_honour_town_id_valid_from_id",
        "household_honour",
        ["town_id", "valid_from", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_household_honour_unit_id_valid_from_id",
        "household_honour",
        ["unit_id", "valid_from", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_household_honour_village_id_valid_from_id",
        "household_honour",
        ["village_id", "valid_from", "id"],
        unique=False,
        schema="core",
    )
    op.create_table(
        "resident",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("masked_name", sa.Text(), nullable=False),
        sa.Column("masked_id_number", sa.Text(), nullable=True),
        sa.Column("masked_phone", sa.Text(), nullable=True),
        sa.Column("id_type", sa.Text(), nullable=False),
        sa.Column("id_number_hash", sa.LargeBinary(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("birth_year", sa.Integer(), nullable=True),
        sa.Column("adult_on", sa.Date(), nullable=True),
        sa.Column("relation_to_head", sa.Text(), nullable=True),
        sa.Column("contact_preference", sa.Text(), server_default="PHONE", nullable=False),
        sa.Column("needs_assistance", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("status", sa.Text(), server_default="ACTIVE", nullable=False),
        sa.Column("provisional", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "id_type in ('RESIDENT_ID','HKMT_PERMIT','PASSPORT','NONE')", name=op.f("ck_resident_id_type")
        ),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_resident_org_path_closed")),
        sa.CheckConstraint("sex in ('M','F')", name=op.f("ck_resident_sex")),
        sa.CheckConstraint("status in ('ACTIVE','MOVED_OUT','DECEASED')", name=op.f("ck_resident_status")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["core.household.id"], name=op.f("fk_resident_household_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_resident_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resident")),
        schema="core",
    )
    op.create_index(
        "ix_resident_county_id_masked_name_id",
        "resident",
        ["county_id", "masked_name", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_resident_grid_id_masked_name_id",
        "resident",
        ["grid_id", "masked_name", "id"],
        unique=False,
        schema="core",
    )
    op.create_index("ix_resident_household", "resident", ["household_id"], unique=False, schema="core")
    op.create_index(
        "ix_resident_town_id_masked_name_id",
        "resident",
        ["town_id", "masked_name", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_resident_unit_id_masked_name_id",
        "resident",
        ["unit_id", "masked_name", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_resident_village_id_masked_name_id",
        "resident",
        ["village_id", "masked_name", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "uq_resident_id_hash",
        "resident",
        ["id_number_hash"],
        unique=True,
        schema="core",
        postgresql_where=sa.text("id_number_hash is not null"),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("resident_id", sa.Uuid(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("status", sa.Text(), server_default="ACTIVE", nullable=False),
        sa.Column("failed_logins", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_failed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("locked_until", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("elderly_mode", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_account_org_path_closed")),
        sa.CheckConstraint("status in ('ACTIVE','SUSPENDED','CLOSED')", name=op.f("ck_account_status")),
        sa.ForeignKeyConstraint(["resident_id"], ["core.resident.id"], name=op.f("fk_account_resident_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_account_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("resident_id", name=op.f("uq_account_resident_id")),
        schema="core",
    )
    op.create_index(
        "ix_account_county_id_login_id", "account", ["county_id", "login", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_account_grid_id_login_id", "account", ["grid_id", "login", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_account_town_id_login_id", "account", ["town_id", "login", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_account_unit_id_login_id", "account", ["unit_id", "login", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_account_village_id_login_id",
        "account",
        ["village_id", "login", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "uq_account_login", "account", [sa.literal_column("lower(login)")], unique=True, schema="core"
    )
    op.create_table(
        "kinship",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("resident_id", sa.Uuid(), nullable=False),
        sa.Column("relative_id", sa.Uuid(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("declared_on", sa.Date(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_kinship_org_path_closed")),
        sa.CheckConstraint("resident_id <> relative_id", name=op.f("ck_kinship_not_self")),
        sa.ForeignKeyConstraint(["relative_id"], ["core.resident.id"], name=op.f("fk_kinship_relative_id")),
        sa.ForeignKeyConstraint(["resident_id"], ["core.resident.id"], name=op.f("fk_kinship_resident_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_kinship_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kinship")),
        sa.UniqueConstraint("resident_id", "relative_id", name=op.f("uq_kinship_resident_id_relative_id")),
        schema="core",
    )
    op.create_index(
        "ix_kinship_county_id_resident_id_id",
        "kinship",
        ["county_id", "resident_id", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_kinship_grid_id_resident_id_id",
        "kinship",
        ["grid_id", "resident_id", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(op.f("ix_kinship_relative_id"), "kinship", ["relative_id"], unique=False, schema="core")
    op.create_index(
        "ix_kinship_town_id_resident_id_id",
        "kinship",
        ["town_id", "resident_id", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_kinship_unit_id_resident_id_id",
        "kinship",
        ["unit_id", "resident_id", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_kinship_village_id_resident_id_id",
        "kinship",
        ["village_id", "resident_id", "id"],
        unique=False,
        schema="core",
    )
    op.create_table(
        "person_secret",
        sa.Column("resident_id", sa.Uuid(), nullable=False),
        sa.Column("name_enc", sa.LargeBinary(), nullable=False),
        sa.Column("id_number_enc", sa.LargeBinary(), nullable=True),
        sa.Column("phone_enc", sa.LargeBinary(), nullable=True),
        sa.Column("birth_date_enc", sa.LargeBinary(), nullable=True),
        sa.Column("address_enc", sa.LargeBinary(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_person_secret_org_path_closed")),
        sa.ForeignKeyConstraint(
            ["resident_id"], ["core.resident.id"], name=op.f("fk_person_secret_resident_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_person_secret_unit_id")),
        sa.PrimaryKeyConstraint("resident_id", name=op.f("pk_person_secret")),
        schema="core",
    )
    op.create_table(
        "term",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("body_id", sa.Uuid(), nullable=False),
        sa.Column("resident_id", sa.Uuid(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_term_org_path_closed")),
        sa.CheckConstraint("valid_to is null or valid_to > valid_from", name=op.f("ck_term_validity")),
        sa.ForeignKeyConstraint(["body_id"], ["core.body.id"], name=op.f("fk_term_body_id")),
        sa.ForeignKeyConstraint(["resident_id"], ["core.resident.id"], name=op.f("fk_term_resident_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_term_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_term")),
        schema="core",
    )
    op.create_index("ix_term_body", "term", ["body_id", "valid_from", "id"], unique=False, schema="core")
    op.create_index(
        "ix_term_county_id_valid_from_id",
        "term",
        ["county_id", "valid_from", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_term_grid_id_valid_from_id", "term", ["grid_id", "valid_from", "id"], unique=False, schema="core"
    )
    op.create_index("ix_term_resident", "term", ["resident_id"], unique=False, schema="core")
    op.create_index(
        "ix_term_town_id_valid_from_id", "term", ["town_id", "valid_from", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_term_unit_id_valid_from_id", "term", ["unit_id", "valid_from", "id"], unique=False, schema="core"
    )
    op.create_index(
        "ix_term_village_id_valid_from_id",
        "term",
        ["village_id", "valid_from", "id"],
        unique=False,
        schema="core",
    )
    op.create_table(
        "access_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("issued_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("idle_seconds", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["core.account.id"], name=op.f("fk_access_token_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_access_token_token_hash")),
        schema="core",
    )
    op.create_index("ix_access_token_account", "access_token", ["account_id"], unique=False, schema="core")
    op.create_table(
        "role_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("role_code", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_role_grant_org_path_closed")),
        sa.CheckConstraint("scope in ('SUBTREE','EXACT')", name=op.f("ck_role_grant_scope")),
        sa.CheckConstraint("valid_to is null or valid_to > valid_from", name=op.f("ck_role_grant_validity")),
        sa.ForeignKeyConstraint(["account_id"], ["core.account.id"], name=op.f("fk_role_grant_account_id")),
        sa.ForeignKeyConstraint(["role_code"], ["core.role.code"], name=op.f("fk_role_grant_role_code")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_role_grant_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grant")),
        schema="core",
    )
    op.create_index("ix_role_grant_account", "role_grant", ["account_id"], unique=False, schema="core")
    op.create_index(
        "ix_role_grant_county_id_valid_from_id",
        "role_grant",
        ["county_id", "valid_from", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_role_grant_grid_id_valid_from_id",
        "role_grant",
        ["grid_id", "valid_from", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_role_grant_town_id_valid_from_id",
        "role_grant",
        ["town_id", "valid_from", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_role_grant_unit_id_valid_from_id",
        "role_grant",
        ["unit_id", "valid_from", "id"],
        unique=False,
        schema="core",
    )
    op.create_index(
        "ix_role_grant_village_id_valid_from_id",
        "role_grant",
        ["village_id", "valid_from", "id"],
        unique=False,
        schema="core",
    )
    op.create_foreign_key(
        "fk_household_head",
        "household",
        "resident",
        ["head_resident_id"],
        ["id"],
        source_schema="core",
        referent_schema="core",
    )
