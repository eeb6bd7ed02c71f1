"""How reads run: one statement each, pages before JSON, one snapshot, plans shared by all callers."""

from __future__ import annotations

import gc
import re
import weakref
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
import pytest

from sanzhi_core.db.session import _init_read, dsn
from sanzhi_graphql.compile import reader as reading
from sanzhi_graphql.compile.plan import ById, Lru, Plan, variable_shape

DEEP = """query ($n: Int!, $after: String) { houses(first: $n, after: $after) {
  totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
  edges { cursor node { id village { name parent { name } } visitCount
    visits(first: 5, orderBy: [SCORE_DESC]) { totalCount nodes { id house { houseNo village { code } } } } } } } }"""


@pytest.fixture
async def statements(toy: Any, toy_database: Any) -> AsyncIterator[list[str]]:
    """Statements that the reading role sends while a test runs; names and parameters excluded."""
    sent: list[str] = []

    class Recording(asyncpg.Connection):  # type: ignore[type-arg]
        def get_reset_query(self) -> str:
            return ""

    async def listen(connection: Any) -> None:
        await _init_read(connection)
        connection.add_query_logger(lambda record: sent.append(record.query))

    real = toy.db.read
    toy.db.read = await asyncpg.create_pool(
        dsn(toy_database.read_url),
        min_size=1,
        max_size=1,
        connection_class=Recording,
        init=listen,
    )
    yield sent
    await toy.db.read.close()
    toy.db.read = real


@pytest.mark.parametrize("n", [1, 10, 100])
async def test_any_selection_is_one_statement(toy: Any, statements: list[str], n: int) -> None:
    for caller in ("county", "mixed", "anonymous"):
        await toy.data(DEEP, caller, n=n)
        statements.clear()
        data = await toy.data(DEEP, caller, n=n)
        assert len(statements) == 1, statements
        assert statements[0].startswith("select ")
        assert len(data["houses"]["edges"]) == min(n, data["houses"]["totalCount"])


async def test_each_root_is_one_statement_in_one_transaction(toy: Any, statements: list[str]) -> None:
    query = "{ a: units(first: 1) { totalCount } b: units(first: 2) { totalCount } ...R } fragment R on Query { c: houses(first: 1) { totalCount } }"
    await toy.data(query)
    statements.clear()
    await toy.data(query)
    assert [s.split()[0].lower().strip(";") for s in statements] == [
        "begin",
        "select",
        "select",
        "select",
        "commit",
    ]
    assert "repeatable read" in statements[0].lower()
    assert "read only" in statements[0].lower()


async def test_roots_share_one_snapshot(own_toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is committed between two root fields is seen by none of them."""
    toy = own_toy
    real = reading.Snapshot.fetch

    async def meddling(self: Any, plan: Any, arguments: Any, setting: Any) -> Any:
        found = await real(self, plan, arguments, setting)
        await toy.sql(
            "insert into toy.unit (id, unit_id, code, name, level) select g, g, 'Z', 'Z', 'Z' from gen_random_uuid() g"
        )
        return found

    before = (await toy.data("{ units(first: 1) { totalCount } }"))["units"]["totalCount"]
    monkeypatch.setattr(reading.Snapshot, "fetch", meddling)
    data = await toy.data("{ a: units { totalCount } b: units { totalCount } c: units { totalCount } }")
    assert {v["totalCount"] for v in data.values()} == {before}
    assert (await toy.data("{ units(first: 1) { totalCount } }"))["units"]["totalCount"] == before + 3


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Plan, list[Any]]]:
    """Plans as they are run, with their parameters."""
    run: list[tuple[Plan, list[Any]]] = []
    real = Plan.arguments

    def arguments(self: Plan, values: Any) -> list[Any]:
        found = real(self, values)
        run.append((self, found))
        return found

    monkeypatch.setattr(Plan, "arguments", arguments)
    return run


async def test_json_is_built_for_the_rows_of_the_page_only(
    toy: Any, plans: list[tuple[Plan, list[Any]]]
) -> None:
    """EXPLAIN: what hangs on a row is evaluated once per row of the page, not once per row that was skipped."""
    page = (await toy.data(DEEP, "county", n=30))["houses"]
    await toy.data(DEEP, "county", n=7, after=page["edges"][19]["cursor"])
    plan, arguments = plans[-1]
    async with toy.db.read.acquire() as connection:
        explained = await connection.fetchval(f"explain (analyze, format json) {plan.sql}", *arguments)

    loops: list[tuple[str, int]] = []

    def visit(node: dict[str, Any]) -> None:
        if "Plans" in node:
            for below in node["Plans"]:
                visit(below)
        if "Relation Name" in node:
            loops.append((node["Relation Name"], node["Actual Loops"]))

    visit(orjson.loads(explained)[0]["Plan"])
    assert loops
    # Seven rows, one of them to see whether there are more; at most 5 visits below each.
    assert max(n for name, n in loops if name == "unit") <= 8 * 6
    assert max(n for name, n in loops if name == "visit") <= 8


async def test_no_outer_alias_stands_in_an_inner_from(toy: Any, plans: list[tuple[Plan, list[Any]]]) -> None:
    """Every alias is introduced once; a table joins nothing but what the planner joined it to (pitfall 2)."""
    await toy.data(DEEP, "mixed", n=3)
    await toy.data("query ($w: UnitFilter!) { units(first: 2, where: $w) { nodes { houses(first: 2) { nodes { visits(first: 1) { nodes { id } } } } } } }",
                   "mixed", w={"houses": {"some": {"visits": {"none": {"house": {"village": {"code": {"eq": "x"}}}}}}}})  # fmt: skip
    for plan, _ in plans:
        introduced = re.findall(r"(?:from|join) (?:toy\.\w+|unnest\([^)]*\)) (t\d+)", plan.sql)
        introduced += re.findall(r"\) (t\d+)\b(?![(.])", plan.sql)
        assert len(introduced) == len(set(introduced))
        # The only commas in a FROM would be cross joins.
        assert not re.search(r"from toy\.\w+ t\d+ *,", plan.sql)
        assert plan.sql.count(" cross join lateral ") == plan.sql.count("from unnest(")


async def test_one_plan_serves_all_callers_of_a_shape(toy: Any, plans: list[tuple[Plan, list[Any]]]) -> None:
    query = "{ houses(first: 2) { nodes { id visits(first: 1) { totalCount } } } }"
    by_caller = {}
    for caller in ("village", "two", "county", "anonymous", "nobody"):
        await toy.data(query, caller)
        by_caller[caller] = plans[-1][0]
    assert by_caller["village"] is by_caller["two"]
    assert len({id(p) for p in by_caller.values()}) == 4
    for plan, arguments in plans:
        for value in arguments:
            for item in value if isinstance(value, list) else [value]:
                assert str(item) not in plan.sql or isinstance(item, int)


async def test_shapes_and_values_do_not_mix(toy: Any, plans: list[tuple[Plan, list[Any]]]) -> None:
    query = "query ($n: Int!, $w: HouseFilter, $o: [HouseOrder!]) { houses(first: $n, where: $w, orderBy: $o) { totalCount nodes { houseNo } } }"
    for no in ("00", "01", "05"):
        data = await toy.data(query, n=3, w={"houseNo": {"eq": no}})
        assert {n["houseNo"] for n in data["houses"]["nodes"]} <= {no}
    assert len({id(p) for p, _ in plans}) == 1
    assert "'00'" not in plans[0][0].sql
    plans.clear()
    await toy.data(query, n=3, w={"houseNo": {"in": ["00"]}})
    await toy.data(query, n=3, w={"houseNo": {"in": ["00", "01", "05"]}}, o=None)
    await toy.data(query, n=3, w={"houseNo": {"in": []}}, o=["RANK_ASC"])
    await toy.data(query, n=3, w={"houseNo": {"in": []}}, o=["RANK_DESC"])
    assert len({id(p) for p, _ in plans}) == 4


def test_variable_shape() -> None:
    assert variable_shape({"a": 1, "b": "x"}) == variable_shape({"b": "y", "a": 2})
    assert variable_shape({"a": None}) != variable_shape({"a": 1}) != variable_shape({})
    assert variable_shape({"a": True}) != variable_shape({"a": False})
    assert variable_shape(["a"]) == variable_shape(["b", "c"]) != variable_shape([])
    assert variable_shape([{}]) != variable_shape([{}, {}])
    assert variable_shape({"a": {"b": 1}}) != variable_shape({"a": {"c": 1}})
    assert hash(variable_shape({"a": [{"b": [1, {"c": None}]}]})) is not None


def test_identity_keys_keep_their_object_alive() -> None:
    """Two documents never share an entry, though Python gives the address of a dead one to the next."""

    class Document:
        pass

    kept: Lru[int] = Lru(3)
    seen = []
    for n in range(50):
        document = Document()
        assert kept.get(ById(document)) is None
        kept.put(ById(document), n)
        seen.append(weakref.ref(document))
        del document
    gc.collect()
    assert len(kept) == 3
    assert sum(ref() is not None for ref in seen) == 3
    last = seen[-1]()
    assert kept.get(ById(last)) == 49
    assert ById(last) != ById(seen[-2]())


def test_the_least_recently_used_goes_first() -> None:
    kept: Lru[str] = Lru(2)
    kept.put("a", "A")
    kept.put("b", "B")
    assert kept.get("a") == "A"
    kept.put("c", "C")
    assert kept.get("b") is None
    assert kept.get("a") == "A"


@pytest.mark.parametrize("pool", ["read", "walled"])
async def test_waiting_for_a_connection_is_bounded(
    toy: Any, monkeypatch: pytest.MonkeyPatch, pool: str
) -> None:
    monkeypatch.setattr(reading, "ACQUIRE_S", 0.05)
    query = "{ units(first: 1) { totalCount } }" if pool == "read" else "{ secrets(first: 1) { totalCount } }"
    connections = getattr(toy.db, pool)
    held = [await connections.acquire() for _ in range(connections.get_max_size())]
    try:
        assert await toy.refused(query) == "BUSY"
    finally:
        for connection in held:
            await connections.release(connection)
    await toy.data(query)
    assert connections.get_idle_size() > 0


async def test_a_plan_keeps_no_caller_s_values(toy: Any, plans: list[tuple[Plan, list[Any]]]) -> None:
    """Plans live long and serve everybody: nothing that a caller sent may hang on them."""
    secret = "canary-value-9471"
    query = "query ($w: HouseFilter!, $c: String, $l: [String!]!) { houses(first: 1, after: $c, where: {or: [$w, {houseNo: {in: $l}}]}) { nodes { id } } }"
    edges = await toy.data("{ houses(first: 1) { edges { cursor } } }")
    cursor = edges["houses"]["edges"][0]["cursor"]
    await toy.data(query, w={"houseNo": {"eq": secret}}, c=cursor, l=[secret])
    reached: set[int] = set()
    pending: list[Any] = [plans[-1][0]]
    while pending:
        thing = pending.pop()
        if id(thing) in reached or isinstance(thing, type) or type(thing).__name__ == "module":
            continue
        reached.add(id(thing))
        assert thing != secret
        assert thing != cursor
        if callable(thing) and hasattr(thing, "__closure__"):
            pending += [cell.cell_contents for cell in thing.__closure__ or ()]
            pending += list(thing.__defaults__ or ())
        else:
            pending += [t for t in gc.get_referents(thing) if type(t).__name__ not in ("module", "function")]
            pending += [t for t in gc.get_referents(thing) if type(t).__name__ == "function"]
    assert len(reached) > 20
