"""Who sees what: rows, counts, filters, sorts and relations tell nothing of rows outside the caller's sight."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from sanzhi_core.platform.context import EVERYWHERE, NOWHERE, Scope
from sanzhi_graphql.compile.scope import PolicyWriter, Sight, net

CALLERS = ["anonymous", "nobody", "self", "village", "two", "mixed", "county", "phone", "system"]


def houses(toy: Any) -> list[Any]:
    return [r for m, rows in toy.rows.items() if m.__name__ == "HouseRow" for r in rows]


async def ids(toy: Any, caller: str, where: Any = None, order: Any = None) -> list[str]:
    query = """query ($w: HouseFilter, $o: [HouseOrder!]) {
      houses(first: 100, where: $w, orderBy: $o) { totalCount nodes { id } } }"""
    found = (await toy.data(query, caller, w=where, o=order))["houses"]
    assert found["totalCount"] == len(found["nodes"])
    return [n["id"] for n in found["nodes"]]


async def test_each_caller_sees_exactly_their_rows(toy: Any) -> None:
    units = toy.units

    def expected(test: Any) -> set[str]:
        return {f"House_{h.id}" for h in houses(toy) if test(h) or h.open}

    own = toy.callers["self"].principal.household_id
    sees = {
        "anonymous": lambda h: False,
        "nobody": lambda h: False,
        "self": lambda h: h.id == own,
        "village": lambda h: h.village_id == units["A1x"],
        "two": lambda h: h.village_id in (units["A1x"], units["B1y"]),
        "mixed": lambda h: (
            units["A1"] == h.town_id or h.village_id == units["A2y"] or h.unit_id == units["B1x"]
        ),
        "county": lambda h: h.county_id == units["A"],
        "system": lambda h: True,
    }
    for caller, test in sees.items():
        assert set(await ids(toy, caller)) == expected(test), caller
    assert len(expected(sees["village"])) < len(expected(sees["county"])) < len(houses(toy))


async def test_an_unseen_row_is_as_absent_as_none(toy: Any) -> None:
    hidden = next(h for h in houses(toy) if h.village_id == toy.units["B1y"] and not h.open)
    one = "query ($id: ID!) { house(id: $id) { id } node(id: $id) { id } }"
    assert (await toy.data(one, "village", id=f"House_{hidden.id}")) == {"house": None, "node": None}
    assert (await toy.data(one, "two", id=f"House_{hidden.id}"))["house"] is not None


async def test_filters_and_sorts_tell_nothing_of_a_canary(own_toy: Any) -> None:
    """The same answers whether or not a row outside the caller's sight exists."""
    toy = own_toy
    row = next(h for h in houses(toy) if h.village_id == toy.units["B1y"] and not h.open)
    canary = {"houseNo": {"eq": "canary"}}
    wheres = [
        None,
        canary,
        {"not": canary},
        {"or": [canary, {"rank": {"isNull": True}}]},
        {"village": {"houses": {"some": canary}}},
        {"village": {"houses": {"none": canary}}},
        {"visits": {"some": {"house": canary}}},
    ]
    units = """query ($w: UnitFilter) { units(first: 100, where: $w) {
      totalCount nodes { code houses(first: 100) { totalCount nodes { id } } } } }"""

    async def answers(caller: str) -> list[Any]:
        out: list[Any] = []
        for where in wheres:
            out += [await ids(toy, caller, where, order) for order in (None, ["HOUSE_NO_DESC"])]
        for where in (None, {"houses": {"some": canary}}, {"houses": {"none": canary}}):
            out.append(await toy.data(units, caller, w=where))
        return out

    outside = [c for c in CALLERS if c not in ("two", "system")]
    without = {c: await answers(c) for c in outside}
    await toy.sql(
        """insert into toy.household (id, house_no, phone, rank, open, unit_id, county_id, town_id, village_id)
        values (gen_random_uuid(), 'canary', 'canary', 0, false, $1, $2, $3, $4)""",
        row.unit_id, row.county_id, row.town_id, row.village_id,
    )  # fmt: skip
    for caller in outside:
        assert await answers(caller) == without[caller], caller
    # The canary is there: who may see it does.
    assert len(await ids(toy, "two", canary)) == 1


async def test_guarded_columns(toy: Any) -> None:
    plain = "{ houses(first: 100, orderBy: [ID_ASC]) { nodes { id phone village { code } } } }"
    assert await toy.refused(plain, "county") == "FORBIDDEN"
    assert await toy.refused(plain, "anonymous") == "FORBIDDEN"
    filtered = '{ houses(first: 100, where: {not: {phone: {eq: "x"}}}) { totalCount } }'
    assert await toy.refused(filtered, "county") == "FORBIDDEN"
    assert (
        await toy.refused("{ houses(first: 1, orderBy: [PHONE_ASC]) { nodes { id } } }", "county")
        == "FORBIDDEN"
    )
    nested = '{ visits(first: 1, where: {house: {phone: {startsWith: "138"}}}) { totalCount } }'
    assert await toy.refused(nested, "county") == "FORBIDDEN"
    by_id = {f"House_{h.id}": h for h in houses(toy)}
    for node in (await toy.data(plain, "phone"))["houses"]["nodes"]:
        here = by_id[node["id"]].village_id == toy.units["A1x"]
        assert node["phone"] == (by_id[node["id"]].phone if here else None)
    some = await ids(toy, "phone", {"phone": {"startsWith": "138"}})
    assert some
    assert all(by_id[i].village_id == toy.units["A1x"] for i in some)
    absent = await ids(toy, "phone", {"phone": {"isNull": True}})
    assert all(by_id[i].village_id == toy.units["A1x"] and by_id[i].phone is None for i in absent)


async def test_walled_rows_need_both_the_policy_and_the_wall(toy: Any) -> None:
    query = "{ secrets(first: 100) { totalCount nodes { text house { id } } } }"
    seen = {c: (await toy.data(query, c))["secrets"]["totalCount"] for c in CALLERS}
    assert seen == {
        "anonymous": 0, "nobody": 0, "self": 1, "village": 12, "two": 24, "mixed": 48, "county": 48, "phone": 48,
        "system": 72,
    }  # fmt: skip
    # From an unwalled root the whole statement runs behind the wall.
    inner = "{ houses(first: 100) { nodes { secrets(first: 100) { nodes { text } } } } }"
    found = (await toy.data(inner, "village"))["houses"]["nodes"]
    assert sum(len(h["secrets"]["nodes"]) for h in found) == 12
    # The reading role cannot even name the table, and without a setting the wall is closed.
    async with toy.db.read.acquire() as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetchval("select count(*) from toy.secret")
    async with toy.db.walled_read(()) as connection:
        assert await connection.fetchval("select count(*) from toy.secret") == 0


async def test_where_a_plugin_is_off_its_public_and_own_rows_are_gone(toy: Any) -> None:
    own = f"House_{toy.callers['self'].principal.household_id}"
    public = {f"House_{h.id}" for h in houses(toy) if h.open}
    here = {f"House_{h.id}" for h in houses(toy) if h.open and h.village_id == toy.units["A1x"]}
    for enabled, expected in (
        (EVERYWHERE, public),
        (Scope(village_ids=(toy.units["A1x"],)), here),
        (NOWHERE, set()),
    ):
        toy.enabled = enabled
        assert set(await ids(toy, "anonymous")) == expected
        assert set(await ids(toy, "self")) == expected | ({own} if enabled else set())
    # The core's own types do not depend on any plugin.
    assert (await toy.data("{ units(first: 1) { totalCount } }", "anonymous"))["units"]["totalCount"] > 0


async def test_tables_with_a_unit_only_are_placed_by_their_unit(toy: Any) -> None:
    query = "{ badges(first: 100) { totalCount nodes { id title } } }"
    seen = {c: sorted(n["title"] for n in (await toy.data(query, c))["badges"]["nodes"]) for c in CALLERS}
    assert seen["anonymous"] == seen["nobody"] == seen["self"] == []
    assert seen["village"] == ["A1x村"]
    assert seen["two"] == ["A1x村", "B1y村"]
    assert seen["county"] == ["A1x村", "A1y村", "A2x村", "A2y村"]
    assert seen["mixed"] == ["A1x村", "A1y村", "A2y村", "B1x村"]
    assert len(seen["system"]) == 6


async def test_many_units_are_read_like_few(toy: Any) -> None:
    """From seventeen ids of a level on, pages take another way: the same rows in the same order."""
    mine = toy.callers["mixed"]
    few = await ids(toy, "mixed", None, ["RANK_DESC"])
    scope = mine.scopes["toy.house.read"]
    absent = tuple(UUID(int=10**9 + i) for i in range(20))
    mine.scopes["toy.house.read"] = replace(scope, village_ids=(*scope.village_ids, *absent))
    assert await ids(toy, "mixed", None, ["RANK_DESC"]) == few
    mine.scopes["toy.house.read"] = replace(
        scope, village_ids=(*scope.village_ids, *absent), town_ids=(scope.town_ids[0], *absent)
    )
    assert await ids(toy, "mixed", None, ["RANK_DESC"]) == few
    guarded = toy.callers["phone"]
    guarded.scopes["toy.house.read"] = replace(
        NOWHERE, village_ids=(toy.units["A1x"], toy.units["A2x"], *absent)
    )
    page = "{ houses(last: 5, orderBy: [PHONE_DESC]) { nodes { id phone } } }"
    many = await toy.data(page, "phone")
    guarded.scopes["toy.house.read"] = replace(NOWHERE, village_ids=(toy.units["A1x"], toy.units["A2x"]))
    assert many == await toy.data(page, "phone")


async def test_the_wall_stands_when_the_policy_falls(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row-level security is a net of the caller's own width, not an open door behind the policy."""
    query = "{ secrets(last: 100) { totalCount } }"
    monkeypatch.setattr(PolicyWriter, "sight", _open_sight)
    seen = {c: (await toy.data(query, c))["secrets"]["totalCount"] for c in CALLERS}
    # The resident's own county is where own rows lie.
    assert seen == {
        "anonymous": 0, "nobody": 0, "self": 48, "village": 12, "two": 24, "mixed": 48, "county": 48, "phone": 48,
        "system": 72,
    }  # fmt: skip


def _open_sight(writer: PolicyWriter, info: Any) -> Sight:
    _REAL_SIGHT(writer, info)
    return Sight(whole=True)


_REAL_SIGHT = PolicyWriter.sight


def test_the_net_is_the_union_of_what_the_walled_types_need() -> None:
    a, b, county = UUID(int=1), UUID(int=2), UUID(int=3)
    scopes = {"x": Scope(village_ids=(a,)), "y": Scope(unit_ids=(b,)), "all": EVERYWHERE, "none": NOWHERE}
    assert net(scopes, frozenset({"x"}), county) == (a,)
    assert set(net(scopes, frozenset({"x", "y", "none"}), county)) == {a, b}
    assert net(scopes, frozenset({"none"}), county) == ()
    assert set(net(scopes, frozenset({"x", None}), county)) == {a, county}
    assert net(scopes, frozenset({"x", None}), None) == (a,)
    assert net(scopes, frozenset({"x", "all"}), county) == "*"
