"""Selections of every form through one statement, with values as the API promises them."""

from __future__ import annotations

from typing import Any

DEEP = """
query ($n: Int!) {
  houses(first: $n) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { id } }
    nodes {
      id __typename houseNo phone: rank village { code parent { name parent { code } } }
      groupName villageId visitCount points
      visits(first: 3, orderBy: [SCORE_DESC]) {
        totalCount
        nodes { id kind score points visitedAt onDay tags facts digest houseId house { houseNo } }
      }
    }
  }
}
"""


async def test_deep_selection(toy: Any) -> None:
    data = await toy.data(DEEP, n=5)
    print(data)
    assert len(data["houses"]["nodes"]) == 5
