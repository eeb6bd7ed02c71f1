"""Keyset pages: whole walks in both directions, cursors that are none, rows that come and go meanwhile."""

from __future__ import annotations

import asyncio
import base64
import random
from typing import Any
from uuid import UUID

import orjson
import pytest

WALK = """query ($first: Int, $last: Int, $after: String, $before: String, $o: [HouseOrder!]) {
  houses(first: $first, last: $last, after: $after, before: $before, orderBy: $o) {
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id } } } }"""
ORDERS = [
    [],
    ["RANK_ASC"],
    ["RANK_DESC", "HOUSE_NO_ASC"],
    ["GROUP_NAME_DESC"],
    ["ID_DESC"],
    ["HOUSE_NO_DESC", "ID_ASC"],
]


async def walk(toy: Any, caller: str, order: list[str], size: int, *, backward: bool = False) -> list[str]:
    """Ids of all pages, in the connection's order."""
    out: list[str] = []
    cursor = None
    for _ in range(1000):
        if backward:
            page = (await toy.data(WALK, caller, last=size, before=cursor, o=order))["houses"]
        else:
            page = (await toy.data(WALK, caller, first=size, after=cursor, o=order))["houses"]
        ids = [e["node"]["id"] for e in page["edges"]]
        info = page["pageInfo"]
        assert info["startCursor"] == (page["edges"][0]["cursor"] if ids else None)
        assert info["endCursor"] == (page["edges"][-1]["cursor"] if ids else None)
        out = [*ids, *out] if backward else [*out, *ids]
        if not info["hasPreviousPage" if backward else "hasNextPage"]:
            return out
        cursor = info["startCursor" if backward else "endCursor"]
    raise AssertionError("the walk does not end")


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("caller", ["village", "mixed", "county", "system", "self"])
async def test_both_walks_meet_every_row_once(toy: Any, caller: str, order: list[str]) -> None:
    everything = await walk(toy, caller, order, 100)
    assert len(set(everything)) == len(everything)
    assert (await toy.data("{ houses(first: 1) { totalCount } }", caller))["houses"]["totalCount"] == len(
        everything
    )
    for size in (1, 7):
        assert await walk(toy, caller, order, size) == everything
        assert await walk(toy, caller, order, size, backward=True) == everything


async def test_guarded_sort_key_walks_without_telling(toy: Any) -> None:
    everything = await walk(toy, "phone", ["PHONE_ASC"], 100)
    assert await walk(toy, "phone", ["PHONE_ASC"], 3) == everything
    assert await walk(toy, "phone", ["PHONE_ASC"], 3, backward=True) == everything
    edges = (await toy.data(WALK, "phone", first=100, o=["PHONE_ASC"]))["houses"]["edges"]
    rows = {f"House_{r.id}": r for m, found in toy.rows.items() if m.__name__ == "HouseRow" for r in found}
    outside = [e for e in edges if rows[e["node"]["id"]].village_id != toy.units["A1x"]]
    assert any(rows[e["node"]["id"]].phone for e in outside)
    assert all(_opened(e["cursor"])[1] is None for e in outside)


def _opened(cursor: str) -> list[Any]:
    found: list[Any] = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    return found


def _closed(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


async def test_cursors_that_are_none_are_refused(toy: Any) -> None:
    edges = (await toy.data(WALK, first=2, o=["RANK_ASC"]))["houses"]["edges"]
    good = edges[0]["cursor"]
    assert not set(good) & set("+/=\n")
    values = _opened(good)
    assert (await toy.data(WALK, first=1, after=_closed(values), o=["RANK_ASC"]))["houses"]["edges"] == edges[
        1:
    ]
    bad = [
        "", "x", "é", good + "!", good[:-3], good + "\n", "A" * 5000, _closed([]), _closed({}), _closed("text"),
        _closed(values[:-1]), _closed([*values, 1]), _closed([values[0], "text", values[2]]),
        _closed([values[0], 2**40, values[2]]), _closed([values[0], 1.5, values[2]]), _closed([values[0], True, values[2]]),
        _closed([values[0], 1, None]), _closed([values[0], 1, "no-uuid"]), _closed([values[0], 1, {"a": 1}]),
        _closed(["House,rank-,id-", *values[1:]]), _closed([None, *values[1:]]), "WyJ" * 100,
    ]  # fmt: skip
    for cursor in bad:
        assert await toy.refused(WALK, first=1, after=cursor, o=["RANK_ASC"]) == "BAD_CURSOR", cursor
        assert await toy.refused(WALK, last=1, before=cursor, o=["RANK_ASC"]) == "BAD_CURSOR", cursor
    for order in (["RANK_DESC"], ["RANK_ASC", "HOUSE_NO_ASC"], []):
        assert await toy.refused(WALK, first=1, after=good, o=order) == "BAD_CURSOR", order


@pytest.mark.parametrize("order", [["HOUSE_NO_ASC"], ["RANK_DESC"]], ids=str)
async def test_the_row_at_the_cursor_counts_as_the_other_side(toy: Any, order: list[str]) -> None:
    edges = (await toy.data(WALK, first=100, o=order))["houses"]["edges"]
    first, last = edges[0]["cursor"], edges[-1]["cursor"]
    info = (await toy.data(WALK, first=1, after=first, o=order))["houses"]["pageInfo"]
    assert (info["hasPreviousPage"], info["hasNextPage"]) == (True, True)
    info = (await toy.data(WALK, last=1, before=last, o=order))["houses"]["pageInfo"]
    assert (info["hasPreviousPage"], info["hasNextPage"]) == (True, True)
    beyond = (await toy.data(WALK, first=1, after=last, o=order))["houses"]
    assert beyond["edges"] == []
    assert beyond["pageInfo"] == {
        "hasNextPage": False, "hasPreviousPage": True, "startCursor": None, "endCursor": None,
    }  # fmt: skip


async def test_page_sizes(toy: Any) -> None:
    for bad in (
        {},
        {"first": 1, "last": 1},
        {"first": 0},
        {"first": 101},
        {"first": -1},
        {"last": 101},
        {"first": None},
    ):
        assert await toy.refused(WALK, **bad) == "PAGE_SIZE", bad
    assert (
        await toy.refused("{ houses(first: 1, orderBy: [RANK_ASC, RANK_DESC]) { nodes { id } } }")
        == "BAD_VALUE"
    )
    nested = "query ($n: Int) { houses(first: 1) { nodes { visits(first: $n) { nodes { id } } } } }"
    assert await toy.refused(nested) == "PAGE_SIZE"
    # A count alone needs no page.
    assert (await toy.data('{ units(where: {level: {eq: "COUNTY"}}) { totalCount } }'))["units"][
        "totalCount"
    ] == 2


async def test_walks_while_rows_come_and_go(own_toy: Any) -> None:
    """Rows that stay are met exactly once, whatever is inserted and deleted between the pages."""
    toy = own_toy
    place = next(r for m, rows in toy.rows.items() if m.__name__ == "HouseRow" for r in rows)
    before = await walk(toy, "county", ["RANK_ASC", "HOUSE_NO_DESC"], 100)
    rng = random.Random(3)
    doomed = set(rng.sample(before, 12))
    stop = asyncio.Event()

    async def churn() -> None:
        n = 0
        victims = sorted(doomed)
        while not stop.is_set():
            n += 1
            await toy.sql(
                """insert into toy.household (id, house_no, rank, open, unit_id, county_id, town_id, village_id)
                values ($1, $2, $3, false, $4, $5, $6, $7)""",
                UUID(int=0xFFFF0000 + n), f"{rng.randrange(6):02d}", rng.choice([None, 1, 2, 3]),
                place.unit_id, place.county_id, place.town_id, place.village_id,
            )  # fmt: skip
            if victims:
                await toy.sql(
                    "delete from toy.household where id = $1", UUID(victims.pop().partition("_")[2])
                )

    churning = asyncio.create_task(churn())
    try:
        for backward in (False, True):
            found = await walk(toy, "county", ["RANK_ASC", "HOUSE_NO_DESC"], 2, backward=backward)
            assert len(set(found)) == len(found)
            stayed = [i for i in before if i not in doomed]
            assert [i for i in found if i in set(stayed)] == stayed
    finally:
        stop.set()
        await churning
    after = await walk(toy, "county", ["RANK_ASC", "HOUSE_NO_DESC"], 100)
    assert len(after) > len(before) - len(doomed)
