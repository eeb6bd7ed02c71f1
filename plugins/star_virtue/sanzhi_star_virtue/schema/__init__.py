"""What star_virtue adds to the GraphQL schema."""

from __future__ import annotations

from sanzhi_core.platform.hookspecs import GraphQLParts
from sanzhi_core.reading.declaration import extend, many, one
from sanzhi_star_virtue.schema import nodes, outcome_nodes
from sanzhi_star_virtue.schema.mutations import MUTATIONS

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
    mutations=MUTATIONS,
)  # fmt: skip
