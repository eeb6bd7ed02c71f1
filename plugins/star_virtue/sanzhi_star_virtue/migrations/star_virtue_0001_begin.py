"""TEMPORARY while models settle; replaced by generated operations before landing."""

from __future__ import annotations

from alembic import op

import sanzhi_star_virtue.models
from sanzhi_core.db import walls
from sanzhi_core.db.base import Base
from sanzhi_core.db.migrate import roles

revision = "star_virtue_0001"
down_revision = None
branch_labels = ("star_virtue",)
depends_on = ("core_0001",)

WALLED = ("points_entry", "objection_author")
PRIVATE = ("presence", "recusal")


def upgrade() -> None:
    login = roles()
    op.execute("create schema star_virtue")
    tables = [t for t in Base.metadata.sorted_tables if t.schema == "star_virtue"]
    Base.metadata.create_all(op.get_bind(), tables=tables)
    for statement in walls.usage("star_virtue", login.app, login.read):
        op.execute(statement)
    for name in WALLED:
        for statement in walls.wall("star_virtue", name, login.app, append_only=True):
            op.execute(statement)
    names = [t.name for t in tables]
    for statement in walls.private("star_virtue", [n for n in names if n in PRIVATE], login.app):
        op.execute(statement)
    for statement in walls.unwalled("star_virtue", [n for n in names if n not in PRIVATE and n not in WALLED], login.app, login.read):
        op.execute(statement)
    try:
        from sanzhi_star_virtue.service import definitions
    except ImportError:
        return
    sets, stars = definitions.seed_rows()
    op.bulk_insert(sanzhi_star_virtue.models.DefinitionSet.__table__, sets)
    op.bulk_insert(sanzhi_star_virtue.models.Definition.__table__, stars)


def downgrade() -> None:
    op.execute("drop schema star_virtue cascade")
