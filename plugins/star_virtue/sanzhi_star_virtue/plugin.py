"""星级化德治: hooks of the plugin star_virtue."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sanzhi_core.platform.context import Context
from sanzhi_core.platform.hookspecs import (
    EnableBlocker,
    GraphQLParts,
    Job,
    Manifest,
    Permission,
    ReportSpec,
    Setting,
    hookimpl,
)
from sanzhi_core.platform.work import Work
from sanzhi_star_virtue.jobs import JOBS
from sanzhi_star_virtue.models import ALL
from sanzhi_star_virtue.permissions import PERMISSIONS
from sanzhi_star_virtue.reports import REPORTS
from sanzhi_star_virtue.schema import PARTS
from sanzhi_star_virtue.service.readiness import blockers
from sanzhi_star_virtue.settings import SETTINGS


@hookimpl
def manifest() -> Manifest:
    return Manifest(
        "star_virtue", "sanzhi_star_virtue", "星级化德治", "Star rating of households", "0.1.0", prefix="Star"
    )


@hookimpl
def permissions() -> Sequence[Permission]:
    return PERMISSIONS


@hookimpl
def models() -> Sequence[type]:
    return ALL


@hookimpl
def settings() -> Sequence[Setting]:
    return SETTINGS


@hookimpl
def graphql_parts() -> GraphQLParts:
    return PARTS


@hookimpl
def jobs() -> Sequence[Job]:
    return JOBS


@hookimpl
def reports() -> Sequence[ReportSpec]:
    return REPORTS


@hookimpl
async def enable_blockers(work: Work, unit_id: UUID) -> Sequence[EnableBlocker]:
    return await blockers(work, unit_id)


@hookimpl
async def seed_demo(ctx: Context, county_id: UUID) -> None:
    """Nothing: the demo plays a whole cycle through GraphQL, as a county would."""
