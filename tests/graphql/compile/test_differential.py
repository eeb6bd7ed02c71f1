"""Random documents against a naive reference that filters, sorts and pages plain Python rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from sanzhi_core.db.session import Database
from sanzhi_core.platform.context import EVERYWHERE, NOWHERE, Scope
from sanzhi_graphql.compile.filters import RELATIONS

# GraphQL field → (attribute of the row, operators, order term)
FIELDS: dict[str, dict[str, tuple[str, str, str | None]]] = {
    "House": {
        "houseNo": ("house_no", "text", "HOUSE_NO"),
        "rank": ("rank", "int", "RANK"),
        "open": ("open", "bool", None),
        "groupName": ("group_name", "text", "GROUP_NAME"),
        "phone": ("phone", "text", "PHONE"),
        "id": ("id", "id", "ID"),
    },
    "Visit": {
        "kind": ("kind", "enum", "KIND"),
        "score": ("score", "decimal", "SCORE"),
        "points": ("points", "bigint", "POINTS"),
        "visitedAt": ("visited_at", "moment", "VISITED_AT"),
        "onDay": ("on_day", "date", "ON_DAY"),
    },
    "Unit": {
        "code": ("code", "text", "CODE"),
        "name": ("name", "text", "NAME"),
        "level": ("level", "text", None),
    },
}
ONE = {
    "House": {"village": ("Unit", "village_id")},
    "Visit": {"house": ("House", "household_id")},
    "Unit": {"parent": ("Unit", "parent_id")},
}
MANY = {
    "House": {"visits": ("Visit", "household_id")},
    "Visit": {},
    "Unit": {"children": ("Unit", "parent_id"), "houses": ("House", "village_id")},
}
DEFAULT_ORDER = {"House": ["HOUSE_NO_ASC"], "Visit": ["VISITED_AT_ASC"], "Unit": ["CODE_ASC"]}
ROOT = {"House": "houses", "Visit": "visits", "Unit": "units"}


# -- the reference ---------------------------------------------------------------------------------------------
class Reference:
    def __init__(self, world: Any, caller: Any, enabled: Scope) -> None:
        self.caller, self.enabled = caller, enabled
        self.rows = {m.__name__.removesuffix("Row"): found for m, found in world.rows.items()}
        self.by_id = {(t, r.id): r for t in ROOT for r in self.rows[t]}

    def scope(self, permission: str) -> Scope:
        return self.caller.scopes.get(permission, NOWHERE)

    def sees(self, type_: str, row: Any) -> bool:
        p = self.caller.principal
        if type_ == "Unit":
            return True
        if self.scope(f"toy.{type_.lower()}.read").covers(row):
            return True
        if not self.enabled.covers(row):
            return False
        if type_ == "House":
            return bool(row.open) or (p.household_id is not None and row.id == p.household_id)
        own = p.household_id is not None and row.household_id == p.household_id
        return own or (p.kind != "ANONYMOUS" and row.kind == "URGENT")

    def seen(self, type_: str) -> list[Any]:
        return [r for r in self.rows[type_] if self.sees(type_, r)]

    def value(self, type_: str, row: Any, name: str) -> Any:
        if name == "phone" and not self.scope("toy.phone.read").covers(row):
            return None
        return getattr(row, FIELDS[type_][name][0])

    def matches(self, type_: str, row: Any, where: dict[str, Any]) -> bool:
        return all(self._matches(type_, row, k, v) for k, v in where.items())

    def _matches(self, type_: str, row: Any, name: str, v: Any) -> bool:
        if name == "and":
            return all(self.matches(type_, row, w) for w in v)
        if name == "or":
            return any(self.matches(type_, row, w) for w in v)
        if name == "not":
            return not self.matches(type_, row, v)
        if name in ONE[type_]:
            target, local = ONE[type_][name]
            other = self.by_id.get((target, getattr(row, local)))
            return other is not None and self.sees(target, other) and self.matches(target, other, v)
        if name in MANY[type_]:
            target, remote = MANY[type_][name]
            mine = [r for r in self.seen(target) if getattr(r, remote) == row.id]
            return all(any(self.matches(target, r, w) for r in mine) == (q == "some") for q, w in v.items())
        if name == "phone" and not self.scope("toy.phone.read").covers(row):
            return False
        return all(self._compares(self.value(type_, row, name), op, operand) for op, operand in v.items())

    @staticmethod
    def _compares(value: Any, op: str, operand: Any) -> bool:
        if op == "isNull":
            return (value is None) == operand
        if value is None:
            return False
        compare: dict[str, Callable[[Any], bool]] = {
            "eq": lambda o: value == o, "in": lambda o: value in o, "gt": lambda o: value > o,
            "gte": lambda o: value >= o, "lt": lambda o: value < o, "lte": lambda o: value <= o,
            "startsWith": lambda o: value.startswith(o),
        }  # fmt: skip
        return compare[op](operand)

    def ordered(self, type_: str, rows: list[Any], terms: list[str]) -> list[Any]:
        names = {f[2]: n for n, f in FIELDS[type_].items() if f[2]}
        keys = [
            (names.get(t.rpartition("_")[0], "id"), t.endswith("_DESC"))
            for t in terms or DEFAULT_ORDER[type_]
        ]
        if "id" in (k for k, _ in keys):
            keys = keys[: [k for k, _ in keys].index("id") + 1]
        else:
            keys.append(("id", keys[-1][1]))
        for name, desc in reversed(keys):

            def key(row: Any, name: str = name) -> Any:
                value = row.id if name == "id" else self.value(type_, row, name)
                return (value is None, value if value is not None else 0)

            rows = sorted(rows, key=key, reverse=desc)
        return rows

    def connection(self, spec: Connection, mine: list[Any]) -> dict[str, Any]:
        """A cursor need not be of a row that passes the filter: it is placed among all rows in this order."""
        everything = self.ordered(spec.type, self.rows[spec.type], spec.order)
        rank = {r.id: i for i, r in enumerate(everything)}
        low = rank[spec.after] if spec.after is not None else -1
        high = rank[spec.before] if spec.before is not None else len(everything)
        rows = [
            r
            for r in everything
            if r in mine and self.sees(spec.type, r) and self.matches(spec.type, r, spec.where)
        ]
        inside = [r for r in rows if low < rank[r.id] < high]
        page = inside[: spec.size] if spec.forward else inside[-spec.size :]
        more = len(inside) > spec.size
        earlier, later = any(rank[r.id] <= low for r in rows), any(rank[r.id] >= high for r in rows)
        return {
            "totalCount": len(rows),
            "pageInfo": {
                "hasNextPage": more if spec.forward else later,
                "hasPreviousPage": earlier if spec.forward else more,
            },
            "nodes": [self.object(spec, r) for r in page],
        }

    def object(self, spec: Connection, row: Any) -> dict[str, Any]:
        out: dict[str, Any] = {"id": f"{spec.type}_{row.id}"}
        for name in spec.fields:
            out[name] = wire(spec.type, name, self.value(spec.type, row, name))
        for name, inner in spec.one.items():
            target, local = ONE[spec.type][name]
            other = self.by_id.get((target, getattr(row, local)))
            out[name] = self.object(inner, other) if other is not None and self.sees(target, other) else None
        for name, inner in spec.many.items():
            target, remote = MANY[spec.type][name]
            out[name] = self.connection(inner, [r for r in self.rows[target] if getattr(r, remote) == row.id])
        return out


def wire(type_: str, name: str, value: Any) -> Any:
    kind = FIELDS[type_][name][1]
    if value is None:
        return None
    if kind == "id":
        return f"{type_}_{value}"
    if kind in ("decimal", "bigint"):
        return str(value)
    if kind == "moment":
        text = value.isoformat()
        head, _, fraction = text.removesuffix("+00:00").partition(".")
        return head + ("." + fraction.rstrip("0") if fraction else "") + "+00:00"
    return value.isoformat() if kind == "date" else value


# -- random documents ------------------------------------------------------------------------------------------
@dataclass
class Connection:
    """A connection to be asked for: its arguments and what is selected below."""

    type: str
    where: dict[str, Any]
    order: list[str]
    size: int
    forward: bool
    fields: list[str]
    one: dict[str, Connection] = field(default_factory=dict)
    many: dict[str, Connection] = field(default_factory=dict)
    after: Any = None
    before: Any = None

    def guarded(self) -> bool:
        """Whether the phone is selected, filtered or sorted by anywhere."""
        asked = any(t.startswith("PHONE") for t in self.order) or _mentions(self.where)
        return asked or self.selects_guarded()

    def selects_guarded(self) -> bool:
        """The same without the own arguments, for a relation to one."""
        return (
            "phone" in self.fields
            or any(c.selects_guarded() for c in self.one.values())
            or any(c.guarded() for c in self.many.values())
        )

    def crowded(self) -> bool:
        """Whether some filter has more relations than are served."""
        inner = [c for one in self.one.values() for c in one.many.values()]
        return _relations(self.type, self.where) > RELATIONS or any(
            c.crowded() for c in (*inner, *self.many.values())
        )


def _relations(type_: str, where: dict[str, Any]) -> int:
    found = 0
    for name, v in where.items():
        if name in ("and", "or"):
            found += sum(_relations(type_, w) for w in v)
        elif name == "not":
            found += _relations(type_, v)
        elif name in ONE[type_]:
            found += 1 + _relations(ONE[type_][name][0], v)
        elif name in MANY[type_]:
            found += sum(1 + _relations(MANY[type_][name][0], w) for w in v.values())
    return found


def _mentions(value: Any) -> bool:
    if isinstance(value, dict):
        return "phone" in value or any(_mentions(v) for v in value.values())
    return isinstance(value, list) and any(_mentions(v) for v in value)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int": st.integers(0, 4),
    "enum": st.sampled_from(["ROUTINE", "URGENT"]),
    "decimal": st.sampled_from([Decimal("1.50"), Decimal("-2.25"), Decimal("0")]),
    "bigint": st.sampled_from([0, 7, 2**53, 2**53 + 1, -(2**63)]),
    "date": st.sampled_from([date(2026, 1, 1), date(2025, 12, 31)]),
    "moment": st.sampled_from([datetime.fromisoformat(f"2026-01-01T00:0{m}:0{s}+00:00") for m, s in ((0, 0), (4, 6), (8, 1))]),
}  # fmt: skip
TEXTS = {
    "houseNo": ["00", "03", "05", "zz"], "groupName": ["东", "西", "O'Brien"], "phone": ["1380", "1382"],
    "code": ["A", "A1", "A1x", "B1y"], "name": ["A1村", "B村"], "level": ["TOWN", "VILLAGE"],
}  # fmt: skip


@st.composite
def comparison(draw: Any, type_: str, name: str) -> dict[str, Any]:
    kind = FIELDS[type_][name][1]
    if kind == "bool":
        return {"eq": draw(st.booleans())}
    value = st.sampled_from(TEXTS[name]) if kind == "text" else VALUES[kind]
    ops = ["eq", "in", "isNull"] + ([] if kind == "enum" else ["gt", "gte", "lt", "lte"])
    ops += ["startsWith"] if kind == "text" else []
    out: dict[str, Any] = {}
    for op in draw(st.lists(st.sampled_from(ops), min_size=1, max_size=2, unique=True)):
        if op == "isNull":
            out[op] = draw(st.booleans())
        elif op == "in":
            out[op] = draw(st.lists(value, max_size=3))
        else:
            out[op] = draw(value.map(lambda v: v[:2])) if op == "startsWith" else draw(value)
    return out


@st.composite
def wheres(draw: Any, type_: str, depth: int = 2) -> dict[str, Any]:
    names = [n for n in FIELDS[type_] if n != "id"]
    out = {}
    for name in draw(st.lists(st.sampled_from(names), max_size=2, unique=True)):
        out[name] = draw(comparison(type_, name))
    if depth and draw(st.booleans()):
        extra = draw(st.sampled_from(["and", "or", "not", "not", "not", *ONE[type_], *MANY[type_]]))
        if extra in ("and", "or"):
            out[extra] = draw(st.lists(wheres(type_, depth - 1), max_size=2))
        elif extra == "not":
            out[extra] = draw(wheres(type_, depth - 1))
        elif extra in ONE[type_]:
            out[extra] = draw(wheres(ONE[type_][extra][0], depth - 1))
        else:
            quantors = draw(st.lists(st.sampled_from(["some", "none"]), min_size=1, max_size=2, unique=True))
            out[extra] = {q: draw(wheres(MANY[type_][extra][0], depth - 1)) for q in quantors}
    return out


@st.composite
def connections(draw: Any, type_: str, depth: int = 2) -> Connection:
    terms = [t for _, _, t in FIELDS[type_].values() if t]
    order = [
        f"{t}_{draw(st.sampled_from(['ASC', 'DESC']))}"
        for t in draw(st.lists(st.sampled_from(terms), max_size=3, unique=True))
    ]
    names = [n for n in FIELDS[type_] if n != "id"]
    spec = Connection(
        type_, draw(wheres(type_)), order, draw(st.integers(1, 7)), draw(st.booleans()),
        draw(st.lists(st.sampled_from(names), max_size=3, unique=True)),
    )  # fmt: skip
    if depth:
        for name, (target, _) in ONE[type_].items():
            if draw(st.booleans()):
                spec.one[name] = draw(connections(target, 0))
        for name, (target, _) in MANY[type_].items():
            if draw(st.booleans()):
                spec.many[name] = draw(connections(target, depth - 1))
    return spec


def document(spec: Connection, variables: dict[str, Any], names: Iterator[int]) -> str:
    """The connection's arguments in variables, and what is selected below."""
    i = next(names)
    arguments = ["first" if spec.forward else "last"]
    variables[f"n{i}"] = spec.size
    variables[f"w{i}"] = api(spec.type, spec.where)
    variables[f"o{i}"] = spec.order
    text = f"({arguments[0]}: $n{i}, where: $w{i}, orderBy: $o{i}"
    for name in ("after", "before"):
        if getattr(spec, name) is not None:
            text += f", {name}: ${name}"
    return f"{text}) {{ totalCount pageInfo {{ hasNextPage hasPreviousPage }} nodes {{ {selected(spec, variables, names)} }} }}"


def selected(spec: Connection, variables: dict[str, Any], names: Iterator[int]) -> str:
    parts = ["id", *spec.fields]
    parts += [f"{name} {{ {selected(inner, variables, names)} }}" for name, inner in spec.one.items()]
    parts += [f"{name}{document(inner, variables, names)}" for name, inner in spec.many.items()]
    return " ".join(parts)


def api(type_: str, where: dict[str, Any]) -> dict[str, Any]:
    """A filter as it is sent."""
    out: dict[str, Any] = {}
    for name, v in where.items():
        if name in ("and", "or"):
            out[name] = [api(type_, w) for w in v]
        elif name == "not":
            out[name] = api(type_, v)
        elif name in ONE[type_]:
            out[name] = api(ONE[type_][name][0], v)
        elif name in MANY[type_]:
            out[name] = {q: api(MANY[type_][name][0], w) for q, w in v.items()}
        else:
            out[name] = {op: _sent(type_, name, operand) for op, operand in v.items()}
    return out


def _sent(type_: str, name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_sent(type_, name, v) for v in value]
    return value if isinstance(value, bool) else wire(type_, name, value)


def whole(spec: Connection) -> tuple[str, dict[str, Any]]:
    """The document of a root connection and its variables."""
    variables: dict[str, Any] = {}
    body = document(spec, variables, iter(range(1000)))
    types = {"n": "Int!", "w": "Filter", "o": "Order"}
    order: list[str] = []

    def walk(c: Connection) -> None:
        # The same order in which `document` numbers them: a connection before those below it.
        order.append(c.type)
        for inner in c.one.values():
            for deeper in inner.many.values():
                walk(deeper)
        for inner in c.many.values():
            walk(inner)

    walk(spec)
    heads = []
    for i, type_ in enumerate(order):
        heads += [f"$n{i}: {types['n']}", f"$w{i}: {type_}Filter", f"$o{i}: [{type_}Order!]"]
    heads += [f"${name}: String" for name in ("after", "before") if getattr(spec, name) is not None]
    return f"query({', '.join(heads)}) {{ root: {ROOT[spec.type]}{body} }}", variables


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One loop for all examples: hypothesis calls a plain function."""
    with asyncio.Runner() as made:
        yield made


@settings(
    max_examples=300, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(data=st.data())
def test_random_documents_equal_the_reference(
    runner: asyncio.Runner, steady_toy: Any, data: st.DataObject
) -> None:
    toy = steady_toy
    spec = data.draw(connections(data.draw(st.sampled_from(["House", "Visit", "Unit"]))))
    caller = data.draw(st.sampled_from(sorted(toy.callers)))
    village = Scope(village_ids=(toy.units["A1x"],))
    toy.enabled = data.draw(st.sampled_from([EVERYWHERE, village, NOWHERE]))
    reference = Reference(toy, toy.callers[caller], toy.enabled)
    query, variables = whole(spec)
    note(f"{caller} {query} {orjson.dumps(variables, default=str).decode()}")
    if spec.crowded():
        assert runner.run(toy.refused(query, caller, **variables)) in ("BAD_FILTER", "FORBIDDEN")
        return
    if spec.guarded() and not reference.scope("toy.phone.read"):
        assert runner.run(toy.refused(query, caller, **variables)) == "FORBIDDEN"
        return
    found = runner.run(toy.data(query, caller, **variables))["root"]
    assert found == reference.connection(spec, reference.rows[spec.type])
    # The plan made above answers the same again.
    assert runner.run(toy.data(query, caller, **variables))["root"] == found
    # Again from somewhere in the middle, by cursors of all rows in this order.
    everything, base = whole(Connection(spec.type, {}, spec.order, 100, True, []))
    edges = everything.replace("nodes { id }", "edges { cursor node { id } }")
    marks = runner.run(toy.data(edges, caller, **base))["root"]["edges"]
    if not marks:
        return
    picked = {
        name: data.draw(st.sampled_from(marks))
        for name in sorted(data.draw(st.sets(st.sampled_from(["after", "before"]))))
    }
    for name, mark in picked.items():
        setattr(spec, name, _id(mark))
    query, variables = whole(spec)
    found = runner.run(toy.data(query, caller, **variables, **{n: m["cursor"] for n, m in picked.items()}))[
        "root"
    ]
    assert found == reference.connection(spec, reference.rows[spec.type])


def _id(mark: dict[str, Any]) -> Any:
    return UUID(mark["node"]["id"].partition("_")[2])


@pytest.fixture(scope="module")
def steady_toy(runner: asyncio.Runner, toy_database: Any, toy_world: Any) -> Iterator[Any]:
    """The world on the module's own loop."""
    db = runner.run(Database.open(toy_database.app_url, toy_database.read_url, size=2))
    yield toy_world(db, toy_database)
    runner.run(db.close())
