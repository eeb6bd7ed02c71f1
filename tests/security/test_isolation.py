"""Nothing of another village: every field of the schema as everybody, by marks in the bytes and by non-interference."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

from sanzhi_core.reading.declaration import Column

HERE_ONLY = ("resident", "clerk", "council", "director", "supervision", "town", "auditor")
OUTSIDERS = ("nobody", "anonymous", *HERE_ONLY)


class Walk:
    """Documents that ask for every field of every declared type, relations one deep."""

    def __init__(self, bed: Any) -> None:
        self.platform = bed.web.platform
        self.schema: GraphQLSchema = bed.web.api.schema(self.platform.plugin_names)
        self.guarded = {
            (node.type_name, _camel(key))
            for node in self.platform.nodes.values()
            for key, spec in node.specs.items()
            if isinstance(spec, Column) and spec.needs
        }

    def leaves(self, type_: Any, *, guarded: bool) -> list[str]:
        out = ["__typename"]
        for name, f in type_.fields.items():
            if (
                is_leaf_type(get_named_type(f.type))
                and not f.args
                and (guarded or (type_.name, name) not in self.guarded)
            ):
                out.append(name)
        return out

    def body(self, type_: Any, *, guarded: bool, relations: list[str] = []) -> str:  # noqa: B006
        parts = self.leaves(type_, guarded=guarded)
        for name in relations:
            f = type_.fields[name]
            target: Any = get_named_type(f.type)
            if target.name.endswith("Connection"):
                parts.append(f"{name}(first: 5) {{ {self.page(target, guarded=guarded)} }}")
            elif not f.args:
                parts.append(f"{name} {{ {self.body(target, guarded=guarded)} }}")
        return " ".join(parts)

    def page(self, connection: Any, *, guarded: bool, relations: list[str] = []) -> str:  # noqa: B006
        node: Any = get_named_type(connection.fields["nodes"].type)
        inner = self.body(node, guarded=guarded, relations=relations)
        return f"totalCount pageInfo {{ hasNextPage endCursor }} nodes {{ {inner} }}"

    @staticmethod
    def relations(type_: Any) -> list[str]:
        return [n for n, f in type_.fields.items() if not is_leaf_type(get_named_type(f.type))]

    def documents(self, typed: dict[str, list[str]], *, guarded: bool) -> Iterator[tuple[str, str]]:
        """(name, document) for every root field; `one` fields and `node` with each of the ids."""
        assert self.schema.query_type is not None
        for name, f in self.schema.query_type.fields.items():
            target: Any = get_named_type(f.type)
            if target.name.endswith("Connection"):
                node: Any = get_named_type(target.fields["nodes"].type)
                links = self.relations(node)
                for start in range(0, max(len(links), 1), 3):
                    part = links[start : start + 3]
                    yield (
                        f"{name}[{','.join(part)}]",
                        (
                            f"{{ {name}(first: 20) {{ {self.page(target, guarded=guarded, relations=part)} }} }}"
                        ),
                    )
            elif name == "node":
                assert isinstance(target, GraphQLInterfaceType)
                for type_, ids in typed.items():
                    for ident in ids:
                        inner = self.body(self.schema.type_map[type_], guarded=guarded)
                        yield (
                            f"node({type_})",
                            f'{{ node(id: "{ident}") {{ ... on {type_} {{ {inner} }} }} }}',
                        )
            elif "id" in f.args:
                for ident in typed.get(target.name, ()):
                    yield (
                        f"{name}(id)",
                        f'{{ {name}(id: "{ident}") {{ {self.body(target, guarded=guarded)} }} }}',
                    )
            elif not any(isinstance(a.type, GraphQLNonNull) for a in f.args.values()):
                yield name, f"{{ {name} {self.whole(f.type)} }}"

    def whole(self, type_: Any, depth: int = 3) -> str:
        """A selection of everything below a plain output type."""
        named: Any = get_named_type(type_)
        if not isinstance(named, GraphQLObjectType):
            return ""
        parts = [
            f"{n} {self.whole(f.type, depth - 1)}"
            for n, f in named.fields.items()
            if not f.args and (depth > 0 or is_leaf_type(get_named_type(f.type)))
        ]
        return f"{{ {' '.join(parts)} }}"


def _camel(key: str) -> str:
    return re.sub("_(.)", lambda m: m[1].upper(), key)


async def answers(bed: Any, who: str, typed: dict[str, list[str]], *, guarded: bool) -> dict[str, bytes]:
    """Bytes of every answer."""
    walk, out = Walk(bed), {}
    for name, document in walk.documents(typed, guarded=guarded):
        reply = await bed.callers[who].post(document)
        # Without a county, types of plugins are not in the schema.
        assert reply.status_code == 200 or (who == "nobody" and b"GATE_VALIDATION" in reply.content), (
            reply.text
        )
        codes = {e["extensions"]["code"] for e in reply.json().get("errors", ())}
        assert codes <= {"FORBIDDEN", "UNAUTHENTICATED", "GATE_VALIDATION"}, (who, name, reply.text)
        # A cursor is no secret: what it carries counts as shown.
        cursors = [_decoded(c) for c in re.findall(rb'Cursor"\s*:\s*"([^"]+)"', reply.content)]
        out[f"{name} {document}"] = b" ".join([reply.content, *cursors])
    return out


def _decoded(cursor: bytes) -> bytes:
    values = orjson.loads(base64.urlsafe_b64decode(cursor + b"=" * (-len(cursor) % 4)))
    return orjson.dumps(values)


def names_of(walk: Walk, typed: dict[str, list[str]]) -> set[str]:
    return {re.split(r"[\[(]", name)[0] for name, _ in walk.documents(typed, guarded=True)}


async def test_the_walk_meets_every_root_field(bed: Any) -> None:
    walk = Walk(bed)
    assert walk.schema.query_type is not None
    skipped = set(walk.schema.query_type.fields) - names_of(walk, bed.there.typed)
    # Fields that need an argument of their own, asked for in tests of theirs.
    for name in skipped:
        f = walk.schema.query_type.fields[name]
        assert any(isinstance(a.type, GraphQLNonNull) for a in f.args.values()), name
        assert not isinstance(f.type, GraphQLList)


@pytest.mark.parametrize("who", OUTSIDERS)
async def test_no_mark_of_the_other_village_in_any_byte(bed: Any, who: str) -> None:
    for name, content in (await answers(bed, who, bed.there.typed, guarded=True)).items():
        assert bed.there.mark.encode() not in content, (who, name, content.decode())


async def test_the_walk_finds_the_marks_where_they_may_be_seen(bed: Any, other_place: Any) -> None:
    """Positive control: the other village's director meets them by list, by id and by relation."""
    await other_place()
    found = await answers(bed, "control", bed.there.typed, guarded=True)
    seen = {
        re.split(r"[\[( ]", name)[0] for name, content in found.items() if bed.there.mark.encode() in content
    }
    assert {
        "households", "household", "residents", "resident", "node", "starEntries", "starSelfRatings",
        "starObjections", "starMeetings", "notifications", "reports", "orgUnits",
    } <= seen  # fmt: skip
    for name, content in found.items():
        assert bed.here.mark.encode() not in content, name


@pytest.mark.parametrize("who", OUTSIDERS)
async def test_what_happens_elsewhere_changes_no_byte(bed: Any, who: str) -> None:
    """Non-interference: counts, order, pages and errors are the same when only the other village differs."""
    before = await answers(bed, who, bed.there.typed, guarded=False)
    changed = await _change_there(bed)
    after = await answers(bed, who, bed.there.typed, guarded=False)
    assert changed > 20
    for name, content in before.items():
        assert bed.there.mark.encode() not in content, (who, name)
        assert after[name] == content, (who, name)


async def test_non_interference_can_fail(bed: Any, other_place: Any) -> None:
    """Positive control: who sees the other village notices."""
    await other_place()
    before = await answers(bed, "control", bed.there.typed, guarded=False)
    await _change_there(bed)
    after = await answers(bed, "control", bed.there.typed, guarded=False)
    assert sum(after[n] != c for n, c in before.items()) > 20


async def _change_there(bed: Any) -> int:
    """Change every private text of the other village and double private rows; how many columns were changed."""
    village = bed.world.id(bed.there.code)
    columns = await bed.sql(
        "select c.table_schema, c.table_name, c.column_name from information_schema.columns c"
        " join information_schema.columns v on v.table_schema = c.table_schema and v.table_name = c.table_name"
        "  and v.column_name = 'village_id'"
        " where c.table_schema in ('core', 'star_virtue') and c.data_type = 'text' and c.column_name not in"
        "  ('org_code_at_time', 'org_path') and c.table_name not in ('audit_entry', 'points_entry', 'org_unit', 'roll')"
    )
    changed = 0
    for schema, table, column in columns:
        status = await bed.sql(
            f"update {schema}.{table} set {column} = {column} || '改' where village_id = $1"
            f" and {column} like $2 returning 1",
            village,
            f"%{bed.there.mark}%",
        )
        changed += bool(status)
    more = await bed.sql(
        "insert into core.household select (jsonb_populate_record(h, jsonb_build_object('id', gen_random_uuid(),"
        " 'household_no', h.household_no || n))).* from core.household h, generate_series(1, 3) n"
        " where h.village_id = $1 returning 1",
        village,
    )
    forms = await bed.sql(
        "insert into core.notification select (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(),"
        " 'dedup_key', t.dedup_key || n))).* from core.notification t, generate_series(1, 3) n"
        " where t.village_id = $1 returning 1",
        village,
    )
    objections = await bed.sql(
        "insert into star_virtue.objection select (jsonb_populate_record(t, jsonb_build_object('id',"
        " gen_random_uuid()))).* from star_virtue.objection t, generate_series(1, 3) n"
        " where t.village_id = $1 returning 1",
        village,
    )
    audit = await bed.sql("select 1 from core.audit_entry where village_id = $1", village)
    assert audit
    return changed + len(more) + len(forms) + len(objections)


FILTERS = {"String": ("startsWith", '"私乙"')}


@pytest.mark.parametrize("who", ["resident", "director", "town", "auditor"])
async def test_filters_over_foreign_texts_find_nothing(bed: Any, who: str, other_place: Any) -> None:
    """A count by a text of the other village, for every text column of every type and by relations from public ones."""
    await other_place()
    walk, hits = Walk(bed), 0
    assert walk.schema.query_type is not None
    for name, f in walk.schema.query_type.fields.items():
        if "where" not in f.args:
            continue
        filter_: Any = f.args["where"].type
        for column, field_ in filter_.fields.items():
            inner: Any = field_.type
            where = []
            if getattr(inner, "name", "") == "StringFilter":
                where.append(f'{column}: {{ startsWith: "{bed.there.mark}" }}')
            elif column not in ("and", "or", "not") and getattr(inner, "name", "").endswith("ListFilter"):
                target: Any = inner.fields["some"].type
                where += [
                    f'{column}: {{ some: {{ {c}: {{ startsWith: "{bed.there.mark}" }} }} }}'
                    for c, t in target.fields.items()
                    if getattr(t.type, "name", "") == "StringFilter"
                ]
            for condition in where:
                document = f"{{ {name}(first: 1, where: {{ {condition} }}) {{ totalCount }} }}"
                reply = (await bed.callers[who].post(document)).json()
                if "errors" in reply:
                    assert reply["errors"][0]["extensions"]["code"] == "FORBIDDEN", (document, reply)
                else:
                    assert reply["data"][name]["totalCount"] == 0, (who, document)
                if who == "director":
                    control = (await bed.callers["control"].post(document)).json()
                    hits += "errors" not in control and control["data"][name]["totalCount"] > 0
    assert who != "director" or hits > 10


async def test_a_plugin_that_is_off_shows_nothing_to_anybody(bed: Any) -> None:
    """OFF where the rows lie, on next door: the type is there, its rows are not, by no clause of the policy."""
    await bed.world.enable("star_virtue", bed.here.code, "OFF")
    for who in ("anonymous", "resident", "clerk", "council", "director", "supervision", "town", "auditor"):
        found = await answers(bed, who, bed.here.typed, guarded=False)
        for name, content in found.items():
            if name.startswith("star") or "StarEntry" in name.split(" ")[0]:
                assert bed.here.mark.encode() not in content, (who, name)
    await bed.world.enable("star_virtue", bed.here.code, "SUSPENDED")
    found = await answers(bed, "director", bed.here.typed, guarded=False)
    assert any(n.startswith("starEntries") and bed.here.mark.encode() in c for n, c in found.items())
