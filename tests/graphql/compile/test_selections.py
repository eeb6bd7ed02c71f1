"""Every form of a selection, and values as the API promises them."""

from __future__ import annotations

from typing import Any

from sanzhi_graphql.compile.json_text import json_object

HOUSES = "houses(first: 3, orderBy: [ID_ASC])"


def house(toy: Any, n: int = 0) -> Any:
    """A household that the county sees, in id order."""
    rows = next(r for m, r in toy.rows.items() if m.__name__ == "HouseRow")
    mine = [r for r in rows if r.county_id == toy.units["A"] or r.open]
    return sorted(mine, key=lambda r: r.id)[n]


async def test_values_have_their_promised_form(toy: Any) -> None:
    data = await toy.data(
        """{ visits(first: 100, where: {score: {isNull: false}, points: {gt: "1000"}, digest: {}}) {
        nodes { id __typename visitedAt onDay kind score points tags facts digest houseId } } }""".replace(
            ", digest: {}", ""
        )
    )
    nodes = data["visits"]["nodes"]
    assert nodes
    for node in nodes:
        assert node["id"].startswith("Visit_")
        assert node["houseId"].startswith("House_")
        assert node["__typename"] == "Visit"
        assert node["points"] == str(2**53 + 1)
        assert node["score"] in ("1.50", "-2.25")
        assert node["visitedAt"].endswith("+00:00")
        assert "T" in node["visitedAt"]
        assert node["onDay"] == node["visitedAt"][:10]
        assert node["kind"] in ("ROUTINE", "URGENT")
        assert node["tags"] in ([], ["a", "b"])
        assert node["facts"] in (None, {"k": [1, None]})
        assert node["digest"] in (None, "00ff")


async def test_aliases_fragments_merging_and_typename(toy: Any) -> None:
    data = await toy.data(
        f"""
        query {{
          first: {HOUSES} {{ ...Page __typename }}
          second: {HOUSES} {{ ... on HouseConnection {{ nodes {{ id }} }} nodes {{ number: houseNo }} }}
        }}
        fragment Page on HouseConnection {{ nodes {{ ...Card id }} nodes {{ ...Named village {{ name }} }} }}
        fragment Card on House {{ houseNo village {{ code }} __typename }}
        fragment Named on Node {{ id key: id }}
        """
    )
    page = data["first"]
    assert page["__typename"] == "HouseConnection"
    assert list(page["nodes"][0]) == ["houseNo", "village", "__typename", "id", "key"]
    assert set(page["nodes"][0]["village"]) == {"code", "name"}
    assert [n["number"] for n in data["second"]["nodes"]] == [n["houseNo"] for n in page["nodes"]]
    assert [n["id"] for n in data["second"]["nodes"]] == [n["id"] for n in page["nodes"]]


async def test_skip_and_include_by_constant_and_variable(toy: Any) -> None:
    query = f"""query ($yes: Boolean!) {{ {HOUSES} {{
      nodes {{ id @include(if: $yes) houseNo @skip(if: $yes) rank @skip(if: true) ... @include(if: $yes) {{ open }} }} }} }}"""
    assert set((await toy.data(query, yes=True))["houses"]["nodes"][0]) == {"id", "open"}
    assert set((await toy.data(query, yes=False))["houses"]["nodes"][0]) == {"houseNo"}
    assert set((await toy.data(query, yes=True))["houses"]["nodes"][0]) == {"id", "open"}


async def test_more_than_fifty_fields_and_long_aliases(toy: Any) -> None:
    many = " ".join(f"a{i}: houseNo" for i in range(130))
    long = "x" * 80
    data = await toy.data(f"{{ {HOUSES} {{ nodes {{ {many} {long}: houseNo {long}y: rank houseNo }} }} }}")
    for node in data["houses"]["nodes"]:
        assert len(node) == 133
        assert {node[f"a{i}"] for i in range(130)} == {node["houseNo"]} == {node[long]}
        assert list(node)[:3] == ["a0", "a1", "a2"]
        assert f"{long}y" in node
    # The same width without a long alias, which is another form of SQL.
    plain = await toy.data(f"{{ {HOUSES} {{ nodes {{ {many} }} }} }}")
    assert [len(n) for n in plain["houses"]["nodes"]] == [130] * 3


def test_an_object_of_nothing_is_an_object() -> None:
    assert json_object([]) == "'{}'::json"


async def test_relations_expressions_and_nested_connections(toy: Any) -> None:
    row = house(toy)
    visits = [
        r
        for m, rows in toy.rows.items()
        if m.__name__ == "VisitRow"
        for r in rows
        if r.household_id == row.id
    ]
    data = await toy.data(
        """query ($id: ID!) { house(id: $id) { visitCount points village { parent { parent { code } } }
        visits(last: 2, orderBy: [POINTS_DESC]) { totalCount edges { cursor node { points house { id } } } } } }""",
        id=f"House_{row.id}",
    )
    found = data["house"]
    assert found["visitCount"] == len(visits)
    assert found["points"] == (str(sum(v.points for v in visits)) if visits else None)
    assert found["village"]["parent"]["parent"]["code"] in ("A", "B")
    assert found["visits"]["totalCount"] == len(visits)
    last = sorted((v.points for v in visits), reverse=True)[-2:]
    assert [e["node"]["points"] for e in found["visits"]["edges"]] == [str(p) for p in last]
    assert all(e["node"]["house"]["id"] == f"House_{row.id}" for e in found["visits"]["edges"])


async def test_node_by_global_id_of_any_type(toy: Any) -> None:
    query = """query ($id: ID!) { node(id: $id) {
      id __typename ... on House { houseNo village { code } } ... on Unit { code } ... on Badge { title } } }"""
    row = house(toy)
    found = (await toy.data(query, id=f"House_{row.id}"))["node"]
    assert found["houseNo"] == row.house_no
    assert found["__typename"] == "House"
    assert "code" not in found
    unit = (await toy.data(query, id=f"Unit_{toy.units['A1x']}"))["node"]
    assert unit == {"id": f"Unit_{toy.units['A1x']}", "__typename": "Unit", "code": "A1x"}
    badge = (await toy.data(query, id="Badge_badge_A1x"))["node"]
    assert badge == {"id": "Badge_badge_A1x", "__typename": "Badge", "title": "A1x村"}


async def test_absent_rows_and_types_are_null(toy: Any) -> None:
    query = "query ($id: ID!) { node(id: $id) { id } }"
    gone = "00000000-0000-0000-0000-00000000ffff"
    assert (await toy.data(query, id=f"House_{gone}"))["node"] is None
    assert (await toy.data(query, id=f"Nothing_{gone}"))["node"] is None
    assert (await toy.data("query ($id: ID!) { house(id: $id) { id } }", id=f"House_{gone}"))["house"] is None


async def test_malformed_ids_are_refused(toy: Any) -> None:
    for bad in ("", "House", "House_", "House_x", f"Unit_{house(toy).id}", "House_\x00"):
        assert await toy.refused("query ($id: ID!) { house(id: $id) { id } }", id=bad) == "BAD_ID", bad
    assert await toy.refused('{ node(id: "House") { id } }') == "BAD_ID"
    assert (
        await toy.refused('{ houses(first: 1, where: {villageId: {eq: "House_1"}}) { totalCount } }')
        == "BAD_ID"
    )


async def test_several_roots_and_introspection_together(toy: Any) -> None:
    data = await toy.data(
        """{ __typename a: units(first: 2) { nodes { code } } b: houses(first: 1) { totalCount }
        c: unit(id: "Unit_00000000-0000-0000-0000-000000000001") { code } __schema { queryType { name } } }"""
    )
    assert data["__typename"] == "Query"
    assert data["__schema"]["queryType"]["name"] == "Query"
    assert data["c"] == {"code": "A"}
    assert len(data["a"]["nodes"]) == 2


async def test_filters_of_every_form_in_literals_and_variables(toy: Any) -> None:
    literal = '{ houses(first: 100, where: {or: [{houseNo: {in: ["00", "01"]}}, {not: {rank: {gt: 1}}}], open: {eq: false}}) { totalCount nodes { id } } }'
    mixed = """query ($no: String!, $rank: Int!, $closed: HouseFilter!) { houses(first: 100, where:
      {and: [{or: [{houseNo: {in: [$no, "01"]}}, {not: {rank: {gt: $rank}}}]}, $closed]}) { totalCount nodes { id } } }"""
    a = await toy.data(literal)
    b = await toy.data(mixed, no="00", rank=1, closed={"open": {"eq": False}})
    assert a == b
    assert a["houses"]["totalCount"] > 0
    absent = "query ($w: HouseFilter, $o: [HouseOrder!]) { houses(first: 100, where: $w, orderBy: $o) { totalCount } }"
    everything = await toy.data(absent)
    assert everything == await toy.data(absent, w=None, o=None) == await toy.data(absent, w={}, o=[])


async def test_filters_that_mean_nothing_are_refused(toy: Any) -> None:
    query = "query ($w: HouseFilter) { houses(first: 1, where: $w) { totalCount } }"
    for bad in (
        {"houseNo": {"eq": None}},
        {"houseNo": None},
        {"and": None},
        {"visits": {"some": None}},
        {"not": None},
    ):
        assert await toy.refused(query, w=bad) == "BAD_FILTER", bad
    wide = {"or": [{"houseNo": {"eq": "x"}}] * 101}
    assert await toy.refused(query, w=wide) == "BAD_FILTER"
    assert await toy.refused(query, w={"houseNo": {"in": ["x"] * 1001}}) == "BAD_FILTER"
    assert await toy.refused(query, w={"houseNo": {"eq": "a\x00b"}}) == "BAD_VALUE"
    visits = "query ($w: VisitFilter) { visits(first: 1, where: $w) { totalCount } }"
    assert await toy.refused(visits, w={"points": {"eq": str(2**63)}}) == "BAD_VALUE"
    assert await toy.refused(visits, w={"score": {"eq": "NaN"}}) == "BAD_VALUE"
    assert await toy.refused(visits, w={"visitedAt": {"eq": "2026-01-01T00:00:00"}}) == "BAD_VALUE"


async def test_hostile_texts_are_only_values(toy: Any) -> None:
    query = "query ($w: HouseFilter) { houses(first: 1, where: $w) { totalCount } }"
    for text in (
        "'",
        "'; drop table toy.household; --",
        "$1",
        "\\",
        "%",
        "__row__.id",
        "{row}",
        '"',
        "😀" * 1000,
    ):
        data = await toy.data(query, w={"or": [{"houseNo": {"eq": text}}, {"houseNo": {"startsWith": text}}]})
        assert data["houses"]["totalCount"] == 0, text
    assert (await toy.data(query, w={"groupName": {"eq": "O'Brien"}}))["houses"]["totalCount"] > 0


async def test_not_takes_the_unknown_for_false(toy: Any) -> None:
    """Rows without a value do not match a comparison, so they match its negation."""
    query = "query ($w: HouseFilter) { houses(first: 1, where: $w) { totalCount } }"

    async def count(where: Any) -> int:
        return int((await toy.data(query, w=where))["houses"]["totalCount"])

    everything, unknown = await count(None), await count({"rank": {"isNull": True}})
    assert 0 < unknown < everything
    for where in (
        {"rank": {"gt": 1}},
        {"rank": {"gt": 1}, "houseNo": {"gte": "00"}},
        {"or": [{"rank": {"in": [2]}}]},
    ):
        matching = await count(where)
        assert 0 < matching < everything - unknown
        assert await count({"not": where}) == everything - matching
        assert await count({"not": {"not": where}}) == matching
        assert await count({"and": [where, {"not": where}]}) == 0


async def test_selections_that_read_nothing_of_a_page(toy: Any) -> None:
    """Whatever part of a connection is asked for alone, it is one object: also over no rows at all."""
    none = '(first: 2, where: {houseNo: {eq: "zz"}})'
    for arguments in ("(first: 2)", none, "(last: 2)"):
        for caller in ("county", "nobody", "mixed", "system"):
            for selection, expected in (
                ("__typename", {"__typename": "HouseConnection"}),
                ("pageInfo { __typename }", {"pageInfo": {"__typename": "PageInfo"}}),
                ("pageInfo { hasPreviousPage hasNextPage }", None),
                ("pageInfo { startCursor }", None),
                ("edges { __typename }", None),
                ("nodes { __typename }", None),
                ("nodes { id @skip(if: true) }", None),
            ):
                data = (await toy.data(f"{{ houses{arguments} {{ {selection} }} }}", caller))["houses"]
                assert isinstance(data, dict)
                if expected is not None:
                    assert data == expected
                if "nodes" in data and arguments == none:
                    assert data["nodes"] == []
    empty = await toy.data(
        "{ houses(first: 3) { nodes { id @skip(if: true) } edges { cursor @skip(if: true) } } }"
    )
    assert empty["houses"] == {"nodes": [{}] * 3, "edges": [{}] * 3}
    nested = await toy.data(
        "{ units(first: 2) { nodes { houses(first: 1) { __typename pageInfo { hasPreviousPage } } } } }"
    )
    assert nested["units"]["nodes"][0]["houses"] == {
        "__typename": "HouseConnection", "pageInfo": {"hasPreviousPage": False},
    }  # fmt: skip
    only = await toy.data(
        "query ($no: Boolean!) { houses(first: 1) { totalCount @include(if: $no) } }", no=False
    )
    assert only == {"houses": {}}
