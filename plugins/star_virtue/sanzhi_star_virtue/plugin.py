"""星级化德治: hooks of the plugin star_virtue."""

from __future__ import annotations

from collections.abc import Sequence

from sanzhi_core.platform.hookspecs import GraphQLParts, Job, Manifest, Permission, Setting, hookimpl
from sanzhi_star_virtue.jobs import JOBS
from sanzhi_star_virtue.models import ALL
from sanzhi_star_virtue.permissions import PERMISSIONS
from sanzhi_star_virtue.schema import PARTS
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
