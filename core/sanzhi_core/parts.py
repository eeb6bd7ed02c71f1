"""The core itself as a part of the platform: what it brings to the schema, the jobs and the permissions."""

from __future__ import annotations

from sanzhi_core.identity import parts as identity
from sanzhi_core.org import parts as org
from sanzhi_core.people import parts as people
from sanzhi_core.platform import parts as platform
from sanzhi_core.platform.hookspecs import GraphQLParts, Manifest
from sanzhi_core.platform.plugins import Part

MANIFEST = Manifest("core", "sanzhi_core", "核心", "Core", "0.1.0", prefix="")

_ROOMS = (org, people, identity, platform)


def core_part() -> Part:
    """Everything of the core."""
    from sanzhi_core import models  # noqa: F401  (all tables are mapped before anything is built)

    return Part(
        MANIFEST,
        tuple(p for room in _ROOMS for p in room.PERMISSIONS),
        (),
        GraphQLParts(
            nodes=tuple(n for room in _ROOMS for n in room.NODES),
            queries=tuple(q for room in _ROOMS for q in room.QUERIES),
            mutations=tuple(m for room in _ROOMS for m in room.MUTATIONS),
        ),
        tuple(j for room in _ROOMS for j in getattr(room, "JOBS", ())),
    )
