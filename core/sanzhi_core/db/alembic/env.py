"""Alembic environment: always online, on the connection that `sanzhi_core.db.migrate` opened and locked."""

from __future__ import annotations

from alembic import context

from sanzhi_core.db.base import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    version_table="alembic_version",
    version_table_schema="core",
    include_schemas=True,
    transaction_per_migration=False,
    **context.config.attributes.get("configure", {}),
)
with context.begin_transaction():
    context.run_migrations()
