"""Hostile documents: each refused with its own code in less than 20 ms of CPU, nothing executed."""

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from graphql import GraphQLSchema, parse, validate

from sanzhi_graphql.gate.body import parse_body
from sanzhi_graphql.gate.documents import check_valid, parse_document
from sanzhi_graphql.gate.limits import Limits
from sanzhi_graphql.gate.refusal import GateCode, GateRefusal

CPU_SECONDS = 0.020
Refuse = Callable[..., tuple[float, GateRefusal]]


def ask(query: str, variables: Any = None, name: str | None = None) -> bytes:
    return orjson.dumps({"query": query, "variables": variables, "operationName": name})


def nested(field: str, depth: int, leaf: str) -> str:
    return (field + "{") * depth + leaf + "}" * depth


def fan(levels: int, on: str = "Org", leaf: str = "name") -> str:
    """`levels` fragments, each spreading the next twice below a field: 2^levels fields."""
    parts = [
        f"fragment F{i} on {on} {{ a: parent {{ ...F{i + 1} }} b: parent {{ ...F{i + 1} }} }}"
        for i in range(levels)
    ]
    return " ".join([*parts, f"fragment F{levels} on {on} {{ {leaf} }}"])


def flat_fan(levels: int) -> str:
    """As `fan`, without fields between: 2^levels selections of one and the same set."""
    parts = [f"fragment F{i} on Org {{ ...F{i + 1} ...F{i + 1} }}" for i in range(levels)]
    return " ".join([*parts, f"fragment F{levels} on Org {{ name }}"])


def wide_merge() -> str:
    """625 equal fields in one merged set, though no written set repeats a key more than five times."""
    levels = [f"fragment F{i} on Org {{ {f'parent {{ ...F{i + 1} }} ' * 5} }}" for i in range(4)]
    return "{ org { ...F0 } } " + " ".join([*levels, "fragment F4 on Org { name }"])


DOCUMENTS: dict[str, tuple[str, bytes]] = {
    "token flood": ("GATE_TOKENS", ask("{" + "a " * 30_000 + "}")),
    "comment flood": ("GATE_TOKENS", ask("#\n" * 20_000 + "{org{name}}")),
    "argument flood": ("GATE_TOKENS", ask("{org(" + "a:1 " * 15_000 + "){name}}")),
    "selection 250 deep": ("GATE_NESTING", ask("{" + nested("a", 250, "a") + "}")),
    "list literal 250 deep": ("GATE_NESTING", ask("{search(text:" + "[" * 250 + "]" * 250 + ")}")),
    "syntax error": ("GATE_SYNTAX", ask("{org{name}")),
    "lone surrogate in literal": ("GATE_SYNTAX", ask('{search(text:"\\uD800")}')),
    "brace escape out of range": ("GATE_SYNTAX", ask('{search(text:"\\u{110000}")}')),
    "comments only": ("GATE_SYNTAX", ask("# nothing")),
    "NUL in literal": ("GATE_STRING", ask('{search(text:"a\\u0000b")}')),
    "NUL by brace escape": ("GATE_STRING", ask('{search(text:"\\u{0}")}')),
    "huge literal integer": ("GATE_INTEGER", ask("{org(level:" + "9" * 60_000 + "){name}}")),
    "literal above int64": ("GATE_INTEGER", ask("{org(level:9223372036854775808){name}}")),
    "huge integer as float": ("GATE_INTEGER", ask("{search(ratio:" + "9" * 60_000 + ")}")),
    "schema definition": ("GATE_DEFINITION", ask("{org{name}} type Query { a: Int }")),
    "directive definition": ("GATE_DEFINITION", ask("directive @a on FIELD {org{name}}")),
    "six operations": (
        "GATE_OPERATIONS",
        ask(" ".join(f"query Q{i} {{org{{name}}}}" for i in range(6)), name="Q0"),
    ),
    "no operation": ("GATE_OPERATIONS", ask("fragment F on Org {name}")),
    "operation not named": ("GATE_OPERATION_NAME", ask("query A {org{name}} query B {org{name}}")),
    "unknown operation": ("GATE_OPERATION_NAME", ask("query A {org{name}}", name="B")),
    "same operation twice": ("GATE_OPERATION_NAME", ask("query A {org{name}} query A {org{id}}", name="A")),
    "subscription": ("GATE_SUBSCRIPTION", ask("subscription {ticks}")),
    "subscription beside query": (
        "GATE_SUBSCRIPTION",
        ask("query A {org{name}} subscription B {ticks}", name="A"),
    ),
    "21 fragments": (
        "GATE_FRAGMENTS",
        ask("{org{...F0}}" + " ".join(f"fragment F{i} on Org {{name}}" for i in range(21))),
    ),
    "fragment twice": (
        "GATE_FRAGMENT_NAME",
        ask("{org{...F}} fragment F on Org{name} fragment F on Org{id}"),
    ),
    "fragment unused": ("GATE_FRAGMENT_NAME", ask("{org{name}} " + fan(19))),
    "fragment of itself": ("GATE_FRAGMENT_CYCLE", ask("{org{...F}} fragment F on Org {parent{...F}}")),
    "fragment spreads itself": ("GATE_FRAGMENT_CYCLE", ask("{org{...F}} fragment F on Org {...F}")),
    "fragment cycle of two": (
        "GATE_FRAGMENT_CYCLE",
        ask("{org{...A}} fragment A on Org {parent{...B}} fragment B on Org {parent{...A}}"),
    ),
    "fragment cycle of twenty": (
        "GATE_FRAGMENT_CYCLE",
        ask("{org{...F0}}" + " ".join(f"fragment F{i} on Org {{...F{(i + 1) % 20}}}" for i in range(20))),
    ),
    "unused fragment cycle": ("GATE_FRAGMENT_CYCLE", ask("{org{name}} fragment F on Org {...F}")),
    "cycle in the other operation": (
        "GATE_FRAGMENT_CYCLE",
        ask("query A{org{name}} query B{org{...F}} fragment F on Org{... on Org{...F}}", name="A"),
    ),
    "51 variables": (
        "GATE_VARIABLES",
        ask("query(" + " ".join(f"$v{i}:Int" for i in range(51)) + "){org{name}}"),
    ),
    "empty selection": ("GATE_EMPTY_SELECTION", ask("{org{}}")),
    "empty operation": ("GATE_EMPTY_SELECTION", ask("{}")),
    "empty fragment": ("GATE_EMPTY_SELECTION", ask("{org{name ...F}} fragment F on Org {}")),
    "501 fields": (
        "GATE_FIELDS",
        ask("{org{" + " ".join(f"f{i}" for i in range(500)) + "}}"),
    ),
    "fields through spreads": (
        "GATE_FIELDS",
        ask(
            "{org{"
            + " ".join(f"f{i}{{...F}}" for i in range(12))
            + "}} fragment F on Org {"
            + " ".join(f"g{i}" for i in range(50))
            + "}"
        ),
    ),
    "inline fragments around few fields": (
        "GATE_SELECTIONS",
        ask(
            "{org{" + " ".join(f"k{i}{{...F}}" for i in range(12)) + "}} "
            "fragment F on Org {" + nested("...", 90, "name") + "}"
        ),
    ),
    "31 aliases": ("GATE_ALIASES", ask("{org{" + " ".join(f"a{i}:name" for i in range(31)) + "}}")),
    "alias flood": ("GATE_ALIASES", ask("{" + " ".join(f"a{i}:org{{name}}" for i in range(250)) + "}")),
    "aliases through fragments": (
        "GATE_ALIASES",
        ask(
            "{org{x{...F} y{...F} z{...F} w{...F}}} fragment F on Org {"
            + " ".join(f"a{i}:name" for i in range(8))
            + "}"
        ),
    ),
    "fragment fan 2^10": ("GATE_ALIASES", ask("{org{...F0}} " + fan(10))),
    "fragment fan 2^19": ("GATE_DEPTH", ask("{org{...F0}} " + fan(19))),
    "flat fragment fan 2^19": ("GATE_KEY_REPEATS", ask("{org{...F0}} " + flat_fan(19))),
    "fan over distinct keys": (
        "GATE_DEPTH",
        ask(
            "{org{...F0}} "
            + " ".join(
                f"fragment F{i} on Org {{ p{i} {{ ...F{i + 1} }} q{i} {{ ...F{i + 1} }} }}" for i in range(19)
            )
            + " fragment F19 on Org {name}"
        ),
    ),
    "240 equal fields": ("GATE_KEY_REPEATS", ask("{" + "org{name}" * 240 + "}")),
    "six equal leaves": ("GATE_KEY_REPEATS", ask("{org{name name name name name name}}")),
    "equal by alias": ("GATE_KEY_REPEATS", ask("{org{" + "x:name " * 6 + "}}")),
    "repeats in merged sets": ("GATE_KEY_REPEATS", ask(wide_merge())),
    "repeats over inline fragments": ("GATE_KEY_REPEATS", ask("{org{" + "...{name}" * 6 + "}}")),
    "repeats over made-up types": (
        "GATE_KEY_REPEATS",
        ask("{hit{" + " ".join(f"... on T{i} {{name}}" for i in range(21)) + "}}"),
    ),
    "21 directives on one field": ("GATE_DIRECTIVES", ask("{org{name " + "@include(if:true) " * 21 + "}}")),
    "directive overload": ("GATE_DIRECTIVES", ask("{org{name " + "@aa" * 900 + "}}")),
    "directives on the operation": ("GATE_DIRECTIVES", ask("query " + "@aa " * 21 + "{org{name}}")),
    "directives on a variable": ("GATE_DIRECTIVES", ask("query($a:Int " + "@aa " * 21 + "){org{name}}")),
    "directives through spreads": (
        "GATE_DIRECTIVES",
        ask(
            "{org{x{...F} y{...F} z{...F}}} fragment F on Org {"
            + " ".join(f"g{i} @skip(if:true)" for i in range(8))
            + "}"
        ),
    ),
    "13 deep": ("GATE_DEPTH", ask("{org{" + nested("parent", 11, "name") + "}}")),
    "13 deep through fragments": (
        "GATE_DEPTH",
        ask("{org{...F}} fragment F on Org {" + nested("parent", 11, "name") + "}"),
    ),
    "operation named __schema": (
        "GATE_DEPTH",
        ask("query __schema {org{" + nested("parent", 11, "name") + "}}"),
    ),
    "fragment named __schema": (
        "GATE_DEPTH",
        ask("{org{...__schema}} fragment __schema on Org {" + nested("parent", 11, "name") + "}"),
    ),
    "alias named __schema": ("GATE_DEPTH", ask("{__schema:org{" + nested("parent", 11, "name") + "}}")),
    "field __schema below the root": ("GATE_DEPTH", ask("{org{__schema{" + nested("a", 11, "b") + "}}}")),
    "introspection": ("GATE_INTROSPECTION", ask("{__schema{types{name}}}")),
    "introspection by alias": ("GATE_INTROSPECTION", ask('{name:__type(name:"Org"){name}}')),
    "introspection by fragment": (
        "GATE_INTROSPECTION",
        ask("{...F} fragment F on Query {__schema{types{name}}}"),
    ),
    "introspection bomb": (
        "GATE_INTROSPECTION_SIZE",
        ask("{__schema{types{" + nested("fields{type", 5, "name").replace("}", "}}") + "}}}"),
    ),
    "circular possible types": (
        "GATE_INTROSPECTION_SIZE",
        ask("{__schema{types{" + "possibleTypes{interfaces{" * 3 + "name" + "}}" * 3 + "}}}"),
    ),
    "three introspections": (
        "GATE_INTROSPECTION_SIZE",
        ask("{a:__schema{types{name}} b:__schema{types{name}} c:__schema{types{name}}}"),
    ),
    "six mutations": (
        "GATE_MUTATION_FIELDS",
        ask("mutation {" + " ".join(f'm{i}:rename(id:"1",name:"x"){{id}}' for i in range(6)) + "}"),
    ),
    "two logins": ("GATE_MUTATION_ALONE", ask('mutation {a:login(name:"a") b:login(name:"b")}')),
    "login beside another": (
        "GATE_MUTATION_ALONE",
        ask('mutation {login(name:"a") rename(id:"1",name:"x"){id}}'),
    ),
    "login inside a fragment": (
        "GATE_MUTATION_ALONE",
        ask('mutation {...F x:login(name:"b")} fragment F on Mutation {login(name:"a")}'),
    ),
    "unknown field": ("GATE_VALIDATION", ask("{org{nam}}")),
    "unknown fragment": ("GATE_VALIDATION", ask("{org{...Nothing}}")),
    "introspection on a mutation": ("GATE_VALIDATION", ask("mutation {rename(id:1,name:2){id} foo}")),
    "400 unknown fields": ("GATE_VALIDATION", ask("{org{" + " ".join(f"f{i}" for i in range(400)) + "}}")),
    "input of 150 levels": (
        "GATE_VALIDATION",
        ask("{search(filter:" + "{anyOf:" * 150 + "1" + "}" * 150 + ")}"),
    ),
    "conflicting arguments": ("GATE_VALIDATION", ask("{org(level:1){name} org(level:2){name}}")),
    "no page size": ("GATE_PAGE_SIZE", ask("{org{persons{nodes{id}}}}")),
    "page of 0": ("GATE_PAGE_SIZE", ask("{org{persons(first:0){nodes{id}}}}")),
    "page of -1": ("GATE_PAGE_SIZE", ask("{org{persons(last:-1){nodes{id}}}}")),
    "page of 101": ("GATE_PAGE_SIZE", ask("{org{persons(first:101){nodes{id}}}}")),
    "page of null": ("GATE_PAGE_SIZE", ask("{org{persons(first:null){nodes{id}}}}")),
    "first and last": ("GATE_PAGE_SIZE", ask("{org{persons(first:1,last:1){nodes{id}}}}")),
    "page variable missing": ("GATE_PAGE_SIZE", ask("query($n:Int){org{persons(first:$n){nodes{id}}}}")),
    "page variable null": (
        "GATE_PAGE_SIZE",
        ask("query($n:Int=5){org{persons(first:$n){nodes{id}}}}", {"n": None}),
    ),
    "page variable 500": (
        "GATE_PAGE_SIZE",
        ask("query($n:Int){org{persons(first:$n){nodes{id}}}}", {"n": 500}),
    ),
    "page variable true": (
        "GATE_PAGE_SIZE",
        ask("query($n:Int){org{persons(first:$n){nodes{id}}}}", {"n": True}),
    ),
    "page variable text": (
        "GATE_PAGE_SIZE",
        ask("query($n:Int){org{persons(first:$n){nodes{id}}}}", {"n": "5"}),
    ),
    "page variable 1e30": (
        "GATE_PAGE_SIZE",
        ask("query($n:Int){org{persons(first:$n){nodes{id}}}}", {"n": 1e30}),
    ),
    "page default 500": ("GATE_PAGE_SIZE", ask("query($n:Int=500){org{persons(first:$n){nodes{id}}}}")),
    "78 bytes of amplification": (
        "GATE_COST",
        ask(
            "{org{persons(first:100){nodes{org{persons(first:100){nodes{org{persons(first:20){nodes{id}}}}}}}}}}"
        ),
    ),
    "amplification by variables": (
        "GATE_COST",
        ask(
            "query($n:Int){org{persons(first:$n){edges{node{org{persons(first:$n){nodes{id}}}}}}}}",
            {"n": 100},
        ),
    ),
    "amplification by fragments": (
        "GATE_COST",
        ask(
            "{org{...A}} fragment A on Org {persons(first:100){nodes{org{...B}}}} "
            "fragment B on Org {persons(last:100){nodes{...C}}} fragment C on Person {name}"
        ),
    ),
    "skipped amplification": (
        "GATE_COST",
        ask("{org{persons(first:100) @skip(if:true) {nodes{org{persons(first:100){nodes{id}}}}}}}"),
    ),
    "lists without pages": (
        "GATE_COST",
        ask("{org{persons(first:50){nodes{friends{friends{friends{id}}}}}}}"),
    ),
    "total counts": (
        "GATE_COST",
        ask(
            "{org{persons(first:100){nodes{org{persons(first:60){totalCount}}} } "
            "x:persons(first:100){nodes{org{children(first:6){persons(first:1){totalCount}}}}}}}"
        ),
    ),
    "dear field": (
        "GATE_COST",
        ask("{org{persons(first:100){nodes{portrait org{persons(first:20){nodes{portrait}}}}}}}"),
    ),
    "lists of 100 in 100": ("GATE_COST", ask("{org{children(first:100){children(first:100){id}}}}")),
}
# Only these three need introspection open: to everybody else any introspection is refused.
OPEN = {"introspection bomb", "circular possible types", "three introspections"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_is_refused_cheaply_with_its_code(name: str, refuse: Refuse) -> None:
    code, raw = DOCUMENTS[name]
    seconds, refusal = refuse(raw, introspection=name in OPEN)
    assert refusal.code == code
    assert 400 <= refusal.http_status < 500
    assert seconds < CPU_SECONDS
    assert len(orjson.dumps(refusal.formatted("en"))) < 8_000
    assert len(orjson.dumps(refusal.formatted("zh-CN"))) < 12_000


def test_every_code_after_the_body_is_in_the_table() -> None:
    assert len(DOCUMENTS) >= 60
    codes = list(GateCode)
    after = [*codes[codes.index(GateCode.TOKENS) :], GateCode.STRING, GateCode.INTEGER]
    assert {code for code, _ in DOCUMENTS.values()} == {code.value for code in after}


def without_shape(raw: bytes, schema: GraphQLSchema, limits: Limits) -> None:
    """A broken gate: everything but the shape step."""
    request = parse_body(raw, limits)
    check_valid(schema, parse_document(request.query, limits), limits)


def test_positive_control_a_gate_without_shape_is_slow_or_admits(
    schema: GraphQLSchema, limits: Limits
) -> None:
    slow, admitted = [], []
    for name in ("240 equal fields", "31 aliases", "two logins", "13 deep"):
        raw = DOCUMENTS[name][1]
        start = time.process_time()
        try:
            without_shape(raw, schema, limits)
            admitted.append(name)
        except GateRefusal:
            pass
        if time.process_time() - start > CPU_SECONDS:
            slow.append(name)
    assert set(admitted) >= {"240 equal fields", "31 aliases", "two logins", "13 deep"}
    assert "240 equal fields" in slow


def test_validation_keeps_ten_errors_and_gives_no_suggestions(
    schema: GraphQLSchema, limits: Limits, refuse: Refuse
) -> None:
    _, many = refuse(DOCUMENTS["400 unknown fields"][1])
    assert len(many.details) == limits.validation_errors
    _, one = refuse(DOCUMENTS["unknown field"][1])
    (error,) = one.formatted("en")
    assert error["message"] == "Cannot query field 'nam' on type 'Org'."
    assert error["locations"] == [{"line": 1, "column": 6}]
    assert error["extensions"] == {"code": "GATE_VALIDATION"}
    # Control: without our setting the validator tells the name.
    assert "Did you mean" in validate(schema, parse("{org{nam}}"))[0].message


def test_texts_of_a_refusal_in_both_languages(refuse: Refuse) -> None:
    _, refusal = refuse(DOCUMENTS["page of 101"][1])
    zh, en = refusal.formatted("zh-CN"), refusal.formatted("en")
    assert zh[0]["message"] == "“persons”须以 first 或 last 之一给出 1 至 100 的页长"
    assert en[0]["message"] == "'persons' needs exactly one of first and last, an integer from 1 to 100."
