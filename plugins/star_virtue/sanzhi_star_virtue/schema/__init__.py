"""What star_virtue adds to the GraphQL schema."""

from __future__ import annotations

from typing import Annotated

from sanzhi_core.platform.hookspecs import GraphQLParts, Query
from sanzhi_core.reading.declaration import Bounded, extend, many, one
from sanzhi_star_virtue.schema import nodes, outcome_nodes
from sanzhi_star_virtue.schema.mutations import MUTATIONS
from sanzhi_star_virtue.service.objections import OWN_MOST, StarObjectionReceipt, own_objections

PARTS = GraphQLParts(
    nodes=(*nodes.NODES, *outcome_nodes.NODES),
    extensions=(
        extend(
            "OrgUnit", plugin="star_virtue",
            star_cycles=many("StarCycle", remote="village_id", zh="评星", en="Star cycles of the village"),
            star_honour_roll=many("StarHonourRollItem", remote="village_id", zh="星级光荣榜", en="Honour roll"),
        ),
        extend(
            "Household", plugin="star_virtue",
            star_entries=many("StarEntry", remote="household_id", zh="评星记录", en="Entries in star cycles"),
            star_plaques=many("StarPlaque", remote="household_id", zh="户牌", en="Plaques"),
            star_points=one("StarPointsBalance", local="id", remote="household_id", zh="积分", en="Balance of points"),
        ),
    ),
    queries=(
        Query(
            "myStarObjections", own_objections, Annotated[list[StarObjectionReceipt], Bounded(OWN_MOST)],
            "本人提出的评星异议", "One's own objections, newest first", None,
        ),
    ),
    mutations=MUTATIONS,
)  # fmt: skip
