"""Tables of star_virtue, its walls, the ten stars of the seed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sanzhi_core.db import walls
from sanzhi_core.db.migrate import roles
from sanzhi_star_virtue.service.definitions import seed_rows

revision = "star_virtue_0001"
down_revision = None
branch_labels = ("star_virtue",)
depends_on = ("core_0001",)

WALLED = ("points_entry", "objection_author")
PRIVATE = ("presence", "recusal")
SHARED = (
    "definition_set",
    "cycle",
    "definition",
    "entry",
    "honour_roll_item",
    "points_balance",
    "meeting",
    "objection",
    "plaque",
    "self_rating",
    "nomination",
    "vote",
)


def upgrade() -> None:
    login = roles()
    op.execute("create schema star_virtue")
    _tables()
    statements = [
        *walls.usage("star_virtue", login.app, login.read),
        *(s for name in WALLED for s in walls.wall("star_virtue", name, login.app, append_only=True)),
        *walls.private("star_virtue", PRIVATE, login.app),
        *walls.unwalled("star_virtue", SHARED, login.app, login.read),
    ]
    for statement in statements:
        op.execute(statement)
    sets, stars = seed_rows()
    op.bulk_insert(_named("definition_set", sets[0]), sets)
    op.bulk_insert(_named("definition", stars[0], check_items=postgresql.JSONB()), stars)


def _named(table: str, row: dict[str, object], **types: sa.types.TypeEngine[object]) -> sa.TableClause:
    return sa.table(table, *(sa.column(key, types.get(key)) for key in row), schema="star_virtue")


def downgrade() -> None:
    op.execute("drop schema star_virtue cascade")


def _tables() -> None:
    op.create_table(
        "definition_set",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("definition_version", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("published_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("doc_no", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["county_id"], ["core.org_unit.id"], name=op.f("fk_definition_set_county_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_definition_set")),
        sa.UniqueConstraint(
            "county_id",
            "definition_version",
            name=op.f("uq_definition_set_county_id_definition_version"),
            postgresql_nulls_not_distinct=True,
        ),
        schema="star_virtue",
    )
    op.create_index(
        "ix_definition_set_valid_from",
        "definition_set",
        ["valid_from", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_table(
        "cycle",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="DRAFT", nullable=False),
        sa.Column("definition_set_id", sa.Uuid(), nullable=False),
        sa.Column("definition_version", sa.Text(), nullable=False),
        sa.Column("params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("snapshot_date", sa.Date(), nullable=True),
        sa.Column("total_households", sa.Integer(), nullable=True),
        sa.Column("self_rating_from", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("self_rating_to", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("extended", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("low_participation", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("publicity_from", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("publicity_to", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("deadline_provisional", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("provisional_a", sa.Integer(), nullable=True),
        sa.Column("provisional_r", sa.Integer(), nullable=True),
        sa.Column("provisional_r6", sa.Integer(), nullable=True),
        sa.Column("official_n", sa.Integer(), nullable=True),
        sa.Column("official_a", sa.Integer(), nullable=True),
        sa.Column("official_r", sa.Integer(), nullable=True),
        sa.Column("official_r6", sa.Integer(), nullable=True),
        sa.Column("t2_reason", sa.Text(), nullable=True),
        sa.Column("confirmed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("award_due", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("awarded_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("award_late_reason", sa.Text(), nullable=True),
        sa.Column("award_meeting_id", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_cycle_org_path_closed")),
        sa.CheckConstraint(
            "state in ('DRAFT', 'SELF_RATING', 'PEER_REVIEW', 'PUBLICITY', 'CONFIRMED', 'AWARDED', 'CLOSED', 'CANCELLED', 'SUSPENDED')",
            name=op.f("ck_cycle_state"),
        ),
        sa.CheckConstraint(
            "total_households is null or total_households >= 1", name=op.f("ck_cycle_total_households")
        ),
        sa.CheckConstraint("year between 2000 and 2100", name=op.f("ck_cycle_year")),
        sa.ForeignKeyConstraint(
            ["definition_set_id"], ["star_virtue.definition_set.id"], name=op.f("fk_cycle_definition_set_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_cycle_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cycle")),
        schema="star_virtue",
    )
    op.create_index(
        "ix_cycle_county_id_year_id", "cycle", ["county_id", "year", "id"], unique=False, schema="star_virtue"
    )
    op.create_index(
        "ix_cycle_grid_id_year_id", "cycle", ["grid_id", "year", "id"], unique=False, schema="star_virtue"
    )
    op.create_index(
        "ix_cycle_town_id_year_id", "cycle", ["town_id", "year", "id"], unique=False, schema="star_virtue"
    )
    op.create_index(
        "ix_cycle_unit_id_year_id", "cycle", ["unit_id", "year", "id"], unique=False, schema="star_virtue"
    )
    op.create_index(
        "ix_cycle_village_id_year_id",
        "cycle",
        ["village_id", "year", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "uq_cycle_village_year",
        "cycle",
        ["village_id", "year"],
        unique=True,
        schema="star_virtue",
        postgresql_where=sa.text("state <> 'CANCELLED'"),
    )
    op.create_table(
        "definition",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("set_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("meaning_en", sa.Text(), nullable=False),
        sa.Column("check_items", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["set_id"], ["star_virtue.definition_set.id"], name=op.f("fk_definition_set_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_definition")),
        sa.UniqueConstraint("set_id", "code", name=op.f("uq_definition_set_id_code")),
        schema="star_virtue",
    )
    op.create_index(
        "ix_definition_position", "definition", ["position", "id"], unique=False, schema="star_virtue"
    )
    op.create_table(
        "entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cycle_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("household_no", sa.Text(), nullable=False),
        sa.Column("head_masked_name", sa.Text(), nullable=True),
        sa.Column("group_name", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="INVITED", nullable=False),
        sa.Column("self_stars", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column(
            "self_reasons", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("submitted_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("honours", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("bonus", sa.Integer(), server_default="0", nullable=False),
        sa.Column("bonus_warning", sa.Text(), nullable=True),
        sa.Column("final_stars", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("final_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("title_held", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("previous_count", sa.Integer(), nullable=True),
        sa.Column("republicity_from", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("republicity_to", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("excluded_reason", sa.Text(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_entry_org_path_closed")),
        sa.CheckConstraint(
            "state in ('INVITED', 'SELF_RATED', 'REVIEWED', 'PUBLICISED', 'OBJECTED', 'RE_REVIEWED', 'CONFIRMED', 'AWARDED', 'NOT_PARTICIPATED', 'WITHDRAWN', 'EXCLUDED')",
            name=op.f("ck_entry_state"),
        ),
        sa.CheckConstraint("bonus between 0 and 10", name=op.f("ck_entry_bonus")),
        sa.CheckConstraint(
            "final_count = cardinality(final_stars)", name=op.f("ck_entry_final_count_is_size")
        ),
        sa.CheckConstraint("final_count between 0 and 10", name=op.f("ck_entry_final_count")),
        sa.ForeignKeyConstraint(["cycle_id"], ["star_virtue.cycle.id"], name=op.f("fk_entry_cycle_id")),
        sa.ForeignKeyConstraint(["household_id"], ["core.household.id"], name=op.f("fk_entry_household_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_entry_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry")),
        sa.UniqueConstraint("cycle_id", "household_id", name=op.f("uq_entry_cycle_id_household_id")),
        schema="star_virtue",
    )
    op.create_index(
        "ix_entry_county_id_household_no_id",
        "entry",
        ["county_id", "household_no", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_entry_cycle_no", "entry", ["cycle_id", "household_no", "id"], unique=False, schema="star_virtue"
    )
    op.create_index(
        "ix_entry_cycle_state",
        "entry",
        ["cycle_id", "state", "household_no", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_entry_grid_id_household_no_id",
        "entry",
        ["grid_id", "household_no", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index("ix_entry_household", "entry", ["household_id", "id"], unique=False, schema="star_virtue")
    op.create_index(
        "ix_entry_town_id_household_no_id",
        "entry",
        ["town_id", "household_no", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_entry_unit_id_household_no_id",
        "entry",
        ["unit_id", "household_no", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_entry_village_id_household_no_id",
        "entry",
        ["village_id", "household_no", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_table(
        "honour_roll_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cycle_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("head_masked_name", sa.Text(), nullable=True),
        sa.Column("group_name", sa.Text(), nullable=True),
        sa.Column("star_count", sa.Integer(), nullable=False),
        sa.Column("change_mark", sa.Text(), nullable=False),
        sa.Column("published_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_honour_roll_item_org_path_closed")),
        sa.ForeignKeyConstraint(
            ["cycle_id"], ["star_virtue.cycle.id"], name=op.f("fk_honour_roll_item_cycle_id")
        ),
        sa.ForeignKeyConstraint(
            ["household_id"], ["core.household.id"], name=op.f("fk_honour_roll_item_household_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_honour_roll_item_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_honour_roll_item")),
        sa.UniqueConstraint(
            "cycle_id",
            "household_id",
            "published_at",
            name=op.f("uq_honour_roll_item_cycle_id_household_id_published_at"),
        ),
        schema="star_virtue",
    )
    op.create_index(
        "ix_honour_roll_item_county_id_star_count_id",
        "honour_roll_item",
        ["county_id", "star_count", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_honour_roll_item_cycle",
        "honour_roll_item",
        ["cycle_id", "star_count", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_honour_roll_item_grid_id_star_count_id",
        "honour_roll_item",
        ["grid_id", "star_count", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_honour_roll_item_town_id_star_count_id",
        "honour_roll_item",
        ["town_id", "star_count", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_honour_roll_item_unit_id_star_count_id",
        "honour_roll_item",
        ["unit_id", "star_count", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_honour_roll_item_village_id_star_count_id",
        "honour_roll_item",
        ["village_id", "star_count", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_table(
        "points_balance",
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_points_balance_org_path_closed")),
        sa.CheckConstraint("points >= 0", name=op.f("ck_points_balance_never_negative")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["core.household.id"], name=op.f("fk_points_balance_household_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_points_balance_unit_id")),
        sa.PrimaryKeyConstraint("household_id", name=op.f("pk_points_balance")),
        schema="star_virtue",
    )
    op.create_table(
        "points_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("rule_code", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("approver_id", sa.Uuid(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_points_entry_org_path_closed")),
        sa.CheckConstraint(
            "type in ('EARN','BONUS','REDEEM','REVERSE','EXPIRE','TRANSFER','ADJUST')",
            name=op.f("ck_points_entry_type"),
        ),
        sa.CheckConstraint("points <> 0", name=op.f("ck_points_entry_not_zero")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["core.household.id"], name=op.f("fk_points_entry_household_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_points_entry_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points_entry")),
        sa.UniqueConstraint(
            "household_id", "rule_code", "ref", name=op.f("uq_points_entry_household_id_rule_code_ref")
        ),
        schema="star_virtue",
    )
    op.create_index(
        "ix_points_entry_county_id_at_id",
        "points_entry",
        ["county_id", "at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_points_entry_grid_id_at_id",
        "points_entry",
        ["grid_id", "at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_points_entry_household",
        "points_entry",
        ["household_id", "at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_points_entry_town_id_at_id",
        "points_entry",
        ["town_id", "at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_points_entry_unit_id_at_id",
        "points_entry",
        ["unit_id", "at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_points_entry_village_id_at_id",
        "points_entry",
        ["village_id", "at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_table(
        "meeting",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cycle_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("held_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("chair_id", sa.Uuid(), nullable=False),
        sa.Column("roll_id", sa.Uuid(), nullable=False),
        sa.Column("eligible_count", sa.Integer(), nullable=False),
        sa.Column("present_count", sa.Integer(), nullable=False),
        sa.Column("quorum_met", sa.Boolean(), nullable=False),
        sa.Column("minutes", sa.Text(), nullable=True),
        sa.Column("minutes_sha256", sa.LargeBinary(), nullable=True),
        sa.Column(
            "attachments", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False
        ),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind in ('REVIEW','REVOTE','AWARD')", name=op.f("ck_meeting_kind")),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_meeting_org_path_closed")),
        sa.CheckConstraint("present_count between 0 and eligible_count", name=op.f("ck_meeting_present")),
        sa.ForeignKeyConstraint(["chair_id"], ["core.resident.id"], name=op.f("fk_meeting_chair_id")),
        sa.ForeignKeyConstraint(["cycle_id"], ["star_virtue.cycle.id"], name=op.f("fk_meeting_cycle_id")),
        sa.ForeignKeyConstraint(["roll_id"], ["core.roll.id"], name=op.f("fk_meeting_roll_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_meeting_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting")),
        schema="star_virtue",
    )
    op.create_index(
        "ix_meeting_county_id_held_at_id",
        "meeting",
        ["county_id", "held_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_meeting_cycle", "meeting", ["cycle_id", "held_at", "id"], unique=False, schema="star_virtue"
    )
    op.create_index(
        "ix_meeting_grid_id_held_at_id",
        "meeting",
        ["grid_id", "held_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_meeting_town_id_held_at_id",
        "meeting",
        ["town_id", "held_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_meeting_unit_id_held_at_id",
        "meeting",
        ["unit_id", "held_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_meeting_village_id_held_at_id",
        "meeting",
        ["village_id", "held_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_table(
        "objection",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cycle_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("star_code", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("facts_key", sa.Text(), nullable=False),
        sa.Column("anonymous", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("clerk_id", sa.Uuid(), nullable=True),
        sa.Column("paper_no", sa.Text(), nullable=True),
        sa.Column("witness", sa.Text(), nullable=True),
        sa.Column("read_back", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("proxy_reason", sa.Text(), nullable=True),
        sa.Column("handler_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), server_default="OPEN", nullable=False),
        sa.Column("due_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("extended", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("decided_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("contrary_fact", sa.Boolean(), nullable=True),
        sa.Column("council_members", sa.Integer(), nullable=True),
        sa.Column("council_present", sa.Integer(), nullable=True),
        sa.Column("council_voters", sa.Integer(), nullable=True),
        sa.Column("council_yes", sa.Integer(), nullable=True),
        sa.Column("council_present_ids", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("revote_stars", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("revote_done", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("review_asked_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("review_due_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("review_state", sa.Text(), nullable=True),
        sa.Column("review_request", sa.Text(), nullable=True),
        sa.Column("review_reason", sa.Text(), nullable=True),
        sa.Column("reviewed_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_objection_org_path_closed")),
        sa.CheckConstraint(
            "review_state in ('ASKED','KEPT','RETURNED')", name=op.f("ck_objection_review_state")
        ),
        sa.CheckConstraint(
            "state in ('OPEN','INVESTIGATING','UPHELD','PARTLY_UPHELD','REJECTED','WITHDRAWN')",
            name=op.f("ck_objection_state"),
        ),
        sa.CheckConstraint("char_length(text) between 10 and 1000", name=op.f("ck_objection_text")),
        sa.CheckConstraint(
            "council_yes between 0 and council_voters and council_voters <= council_present and council_present <= council_members",
            name=op.f("ck_objection_council"),
        ),
        sa.ForeignKeyConstraint(["cycle_id"], ["star_virtue.cycle.id"], name=op.f("fk_objection_cycle_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["star_virtue.entry.id"], name=op.f("fk_objection_entry_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_objection_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objection")),
        schema="star_virtue",
    )
    op.create_index(
        "ix_objection_county_id_received_at_id",
        "objection",
        ["county_id", "received_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_objection_cycle_state", "objection", ["cycle_id", "state"], unique=False, schema="star_virtue"
    )
    op.create_index(
        "ix_objection_entry",
        "objection",
        ["entry_id", "received_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_objection_grid_id_received_at_id",
        "objection",
        ["grid_id", "received_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_objection_town_id_received_at_id",
        "objection",
        ["town_id", "received_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_objection_unit_id_received_at_id",
        "objection",
        ["unit_id", "received_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_objection_village_id_received_at_id",
        "objection",
        ["village_id", "received_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "uq_objection_paper",
        "objection",
        ["village_id", "paper_no"],
        unique=True,
        schema="star_virtue",
        postgresql_where=sa.text("paper_no is not null"),
    )
    op.create_table(
        "plaque",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cycle_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("no", sa.Text(), nullable=False),
        sa.Column("star_count", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="TO_ISSUE", nullable=False),
        sa.Column("issued_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("hung_at_door", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_plaque_org_path_closed")),
        sa.CheckConstraint(
            "state in ('TO_ISSUE','ISSUED','RECALLED','REPLACED','LOST')", name=op.f("ck_plaque_state")
        ),
        sa.ForeignKeyConstraint(["cycle_id"], ["star_virtue.cycle.id"], name=op.f("fk_plaque_cycle_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["star_virtue.entry.id"], name=op.f("fk_plaque_entry_id")),
        sa.ForeignKeyConstraint(["household_id"], ["core.household.id"], name=op.f("fk_plaque_household_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_plaque_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plaque")),
        sa.UniqueConstraint("county_id", "no", name=op.f("uq_plaque_county_id_no")),
        schema="star_virtue",
    )
    op.create_index(
        "ix_plaque_county_id_no_id", "plaque", ["county_id", "no", "id"], unique=False, schema="star_virtue"
    )
    op.create_index("ix_plaque_cycle", "plaque", ["cycle_id", "no", "id"], unique=False, schema="star_virtue")
    op.create_index(
        "ix_plaque_grid_id_no_id", "plaque", ["grid_id", "no", "id"], unique=False, schema="star_virtue"
    )
    op.create_index(
        "ix_plaque_town_id_no_id", "plaque", ["town_id", "no", "id"], unique=False, schema="star_virtue"
    )
    op.create_index(
        "ix_plaque_unit_id_no_id", "plaque", ["unit_id", "no", "id"], unique=False, schema="star_virtue"
    )
    op.create_index(
        "ix_plaque_village_id_no_id", "plaque", ["village_id", "no", "id"], unique=False, schema="star_virtue"
    )
    op.create_index(
        "uq_plaque_living",
        "plaque",
        ["household_id"],
        unique=True,
        schema="star_virtue",
        postgresql_where=sa.text("state in ('TO_ISSUE','ISSUED')"),
    )
    op.create_table(
        "self_rating",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cycle_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("stars", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("clerk_id", sa.Uuid(), nullable=True),
        sa.Column("paper_no", sa.Text(), nullable=True),
        sa.Column("witness", sa.Text(), nullable=True),
        sa.Column("read_back", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("proxy_reason", sa.Text(), nullable=True),
        sa.Column("counts", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_self_rating_org_path_closed")),
        sa.ForeignKeyConstraint(["cycle_id"], ["star_virtue.cycle.id"], name=op.f("fk_self_rating_cycle_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["star_virtue.entry.id"], name=op.f("fk_self_rating_entry_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_self_rating_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_rating")),
        schema="star_virtue",
    )
    op.create_index(
        "ix_self_rating_county_id_received_at_id",
        "self_rating",
        ["county_id", "received_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_self_rating_entry",
        "self_rating",
        ["entry_id", "received_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_self_rating_grid_id_received_at_id",
        "self_rating",
        ["grid_id", "received_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_self_rating_town_id_received_at_id",
        "self_rating",
        ["town_id", "received_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_self_rating_unit_id_received_at_id",
        "self_rating",
        ["unit_id", "received_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_self_rating_village_id_received_at_id",
        "self_rating",
        ["village_id", "received_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "uq_self_rating_counts",
        "self_rating",
        ["entry_id"],
        unique=True,
        schema="star_virtue",
        postgresql_where=sa.text("counts"),
    )
    op.create_index(
        "uq_self_rating_paper",
        "self_rating",
        ["village_id", "paper_no"],
        unique=True,
        schema="star_virtue",
        postgresql_where=sa.text("paper_no is not null"),
    )
    op.create_table(
        "nomination",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("star_code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default="PROPOSED", nullable=False),
        sa.Column("answered_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("paper_no", sa.Text(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_nomination_org_path_closed")),
        sa.CheckConstraint("state in ('PROPOSED','CONSENTED','DECLINED')", name=op.f("ck_nomination_state")),
        sa.ForeignKeyConstraint(["entry_id"], ["star_virtue.entry.id"], name=op.f("fk_nomination_entry_id")),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["star_virtue.meeting.id"], name=op.f("fk_nomination_meeting_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_nomination_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nomination")),
        sa.UniqueConstraint("entry_id", "star_code", name=op.f("uq_nomination_entry_id_star_code")),
        schema="star_virtue",
    )
    op.create_index(
        "ix_nomination_county_id_proposed_at_id",
        "nomination",
        ["county_id", "proposed_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_nomination_grid_id_proposed_at_id",
        "nomination",
        ["grid_id", "proposed_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_nomination_household", "nomination", ["household_id", "id"], unique=False, schema="star_virtue"
    )
    op.create_index(
        "ix_nomination_town_id_proposed_at_id",
        "nomination",
        ["town_id", "proposed_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_nomination_unit_id_proposed_at_id",
        "nomination",
        ["unit_id", "proposed_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_nomination_village_id_proposed_at_id",
        "nomination",
        ["village_id", "proposed_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "uq_nomination_paper",
        "nomination",
        ["village_id", "paper_no"],
        unique=True,
        schema="star_virtue",
        postgresql_where=sa.text("paper_no is not null"),
    )
    op.create_table(
        "objection_author",
        sa.Column("objection_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("resident_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_objection_author_org_path_closed")),
        sa.ForeignKeyConstraint(
            ["objection_id"], ["star_virtue.objection.id"], name=op.f("fk_objection_author_objection_id")
        ),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_objection_author_unit_id")),
        sa.PrimaryKeyConstraint("objection_id", name=op.f("pk_objection_author")),
        schema="star_virtue",
    )
    op.create_table(
        "presence",
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("resident_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["star_virtue.meeting.id"], name=op.f("fk_presence_meeting_id")
        ),
        sa.PrimaryKeyConstraint("meeting_id", "resident_id", name=op.f("pk_presence")),
        schema="star_virtue",
    )
    op.create_table(
        "recusal",
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("resident_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["star_virtue.entry.id"], name=op.f("fk_recusal_entry_id")),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["star_virtue.meeting.id"], name=op.f("fk_recusal_meeting_id")
        ),
        sa.PrimaryKeyConstraint("meeting_id", "entry_id", "resident_id", name=op.f("pk_recusal")),
        schema="star_virtue",
    )
    op.create_table(
        "vote",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("star_code", sa.Text(), nullable=False),
        sa.Column("present", sa.Integer(), nullable=False),
        sa.Column("yes", sa.Integer(), nullable=False),
        sa.Column("bonus", sa.Integer(), nullable=False),
        sa.Column("contrary_fact", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("nominated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("in_force", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("voted_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("org_code_at_time", sa.Text(), nullable=False),
        sa.Column("org_path", sa.Text(collation="C"), nullable=False),
        sa.Column("county_id", sa.Uuid(), nullable=True),
        sa.Column("town_id", sa.Uuid(), nullable=True),
        sa.Column("village_id", sa.Uuid(), nullable=True),
        sa.Column("grid_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("org_path LIKE '%/'", name=op.f("ck_vote_org_path_closed")),
        sa.CheckConstraint("bonus between 0 and 10", name=op.f("ck_vote_bonus")),
        sa.CheckConstraint("yes between 0 and present", name=op.f("ck_vote_yes")),
        sa.ForeignKeyConstraint(["entry_id"], ["star_virtue.entry.id"], name=op.f("fk_vote_entry_id")),
        sa.ForeignKeyConstraint(["meeting_id"], ["star_virtue.meeting.id"], name=op.f("fk_vote_meeting_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["core.org_unit.id"], name=op.f("fk_vote_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
        sa.UniqueConstraint(
            "entry_id", "star_code", "meeting_id", name=op.f("uq_vote_entry_id_star_code_meeting_id")
        ),
        schema="star_virtue",
    )
    op.create_index(
        "ix_vote_county_id_voted_at_id",
        "vote",
        ["county_id", "voted_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_vote_entry", "vote", ["entry_id", "star_code", "id"], unique=False, schema="star_virtue"
    )
    op.create_index(
        "ix_vote_grid_id_voted_at_id",
        "vote",
        ["grid_id", "voted_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index("ix_vote_household", "vote", ["household_id", "id"], unique=False, schema="star_virtue")
    op.create_index(
        "ix_vote_meeting", "vote", ["meeting_id", "star_code", "id"], unique=False, schema="star_virtue"
    )
    op.create_index(
        "ix_vote_town_id_voted_at_id",
        "vote",
        ["town_id", "voted_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_vote_unit_id_voted_at_id",
        "vote",
        ["unit_id", "voted_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "ix_vote_village_id_voted_at_id",
        "vote",
        ["village_id", "voted_at", "id"],
        unique=False,
        schema="star_virtue",
    )
    op.create_index(
        "uq_vote_in_force",
        "vote",
        ["entry_id", "star_code"],
        unique=True,
        schema="star_virtue",
        postgresql_where=sa.text("in_force"),
    )
