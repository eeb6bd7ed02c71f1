"""TEMPORARY while models settle; replaced by generated operations before landing."""

from __future__ import annotations

from alembic import op

import sanzhi_core.identity.models
import sanzhi_core.org.models
import sanzhi_core.people.models
import sanzhi_core.platform.models
from sanzhi_core.audit import ddl
from sanzhi_core.db import walls
from sanzhi_core.db.base import Base
from sanzhi_core.db.migrate import roles
from sanzhi_core.identity.roles import TABLE, seed
from sanzhi_core.platform import calendar
from sanzhi_core.platform.models import CalendarDay

revision = "core_0001"
down_revision = None
branch_labels = ("core",)
depends_on = None

WALLED = ("person_secret", "reveal_log")
PRIVATE = ("access_token", "setup_token", "idempotency_key", "delivery", "timer", "schedule", "clock_offset")


def upgrade() -> None:
    login = roles()
    bind = op.get_bind()
    tables = [t for t in Base.metadata.sorted_tables if t.schema == "core" and t.name != "audit_entry"]
    Base.metadata.create_all(bind, tables=tables)
    op.execute("create sequence core.event_seq")
    op.execute(walls.IN_SCOPE)
    for statement in walls.usage("core", login.app, login.read):
        op.execute(statement)
    op.execute(f'grant usage on all sequences in schema core to "{login.app}"')
    for statement in ddl.create(login.app, login.read):
        op.execute(statement)
    for statement in walls.wall("core", "audit_entry", login.app, insert_anywhere=True, append_only=True):
        op.execute(statement)
    for name in WALLED:
        for statement in walls.wall("core", name, login.app, append_only=name == "reveal_log"):
            op.execute(statement)
    names = [t.name for t in tables]
    for statement in walls.private("core", [n for n in names if n in PRIVATE], login.app):
        op.execute(statement)
    shared = [n for n in names if n not in PRIVATE and n not in WALLED]
    for statement in walls.unwalled("core", shared, login.app, login.read):
        op.execute(statement)
    op.execute("insert into core.generation (one, n) values (true, 1)")
    op.execute("insert into core.clock_offset (one, seconds) values (true, 0)")
    op.bulk_insert(TABLE, seed())
    op.bulk_insert(CalendarDay.__table__, calendar.seed())


def downgrade() -> None:
    op.execute("drop schema core cascade")
