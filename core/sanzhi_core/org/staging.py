"""Where a long import waits for its one short transaction (architecture 15): an unlogged table.

Each batch commits on its own, so that the sealer's horizon never waits for the reading of a file. A crash
leaves rows behind; the next import removes what is older than a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from sanzhi_core.clock import new_id
from sanzhi_core.db.base import Base
from sanzhi_core.org.divisions import Division

division_stage = sa.Table(
    "division_stage",
    Base.metadata,
    sa.Column("import_id", sa.Uuid(), nullable=False),
    sa.Column("line", sa.Integer(), nullable=False),
    sa.Column("level", sa.Text(), nullable=False),
    sa.Column("code", sa.Text(), nullable=False),
    sa.Column("parent_code", sa.Text()),
    sa.Column("name", sa.Text(), nullable=False),
    sa.Column("kind", sa.Text(), nullable=False),
    sa.Column("urban_rural_class", sa.Text()),
    sa.Column("new_id", sa.Uuid(), nullable=False),
    sa.Column("version_id", sa.Uuid(), nullable=False),
    sa.Column(
        "staged_at", sa.TIMESTAMP(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
    ),
    sa.Index("ix_division_stage_import_id_level_code", "import_id", "level", "code"),
    schema="core",
    prefixes=["UNLOGGED"],
)

_COPIED = tuple(c.name for c in division_stage.columns if c.name != "staged_at")


async def copy_in(session: AsyncSession, import_id: UUID, rows: Iterable[Division]) -> None:
    """Append one batch by COPY, in the session's transaction."""
    records = [
        (
            import_id,
            row.line,
            row.unit.level.value,
            row.unit.code,
            row.unit.parent,
            row.name,
            row.unit.kind.value,
            row.unit.urban_rural_class,
            new_id(),
            new_id(),
        )
        for row in rows
    ]
    raw = await (await session.connection()).get_raw_connection()
    driver = raw.driver_connection
    assert driver is not None
    await driver.copy_records_to_table("division_stage", schema_name="core", columns=_COPIED, records=records)


async def clear(session: AsyncSession, import_id: UUID) -> None:
    """Forget an import's rows, and whatever a crash left behind more than a day ago."""
    await session.execute(
        sa.text(
            "delete from core.division_stage "
            "where import_id = :id or staged_at < clock_timestamp() - interval '1 day'"
        ),
        {"id": import_id},
    )
