"""An installation with its database open, for commands that act for the system."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sanzhi_core.platform.context import Context
from sanzhi_core.platform.installation import Installation, refresh_clock


@asynccontextmanager
async def system(installation: Installation, *, size: int = 4) -> AsyncIterator[Context]:
    """A context of the system itself on the running loop; starts the embedded database when it is the one used."""
    installation.start_database()
    platform = installation.platform()
    db = await installation.open(size=size)
    try:
        ctx = installation.system_context(platform, db)
        await refresh_clock(ctx.clock, db)
        yield ctx
    finally:
        await db.close()
