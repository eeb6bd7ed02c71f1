"""Random bytes, words and documents: the gate admits or refuses, and raises nothing else."""

import json
from collections import Counter

import orjson
from graphql import GraphQLSchema
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sanzhi_graphql.gate.body import GraphQLRequest, parse_body
from sanzhi_graphql.gate.documents import Gate
from sanzhi_graphql.gate.limits import Limits
from sanzhi_graphql.gate.refusal import GateRefusal

FUZZ = settings(
    max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["\0", "{a}"]),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["query", "variables", "a"]) | st.text(), inner)
    ),
    max_leaves=20,
)
LIKE_JSON = st.text(st.sampled_from('{}[]()":,\\u0d8n.e+-19 !$@#&|=\0\ud800村a_'), max_size=200)
LIKE_GRAPHQL = st.text(st.sampled_from("{}[]():,!$@.\"'a b#\n1-_"), max_size=200)
RAW = (
    st.binary(max_size=300)
    | LIKE_JSON.map(lambda text: text.encode("utf-8", "surrogatepass"))
    | LIKE_GRAPHQL.map(lambda text: orjson.dumps({"query": text}))
    | JSON.map(lambda value: json.dumps(value).encode())
    | JSON.map(lambda value: json.dumps({"query": "{org{name}}", "variables": value}).encode())
)

VOCABULARY = """
query mutation subscription fragment on { } ( ) [ ] : $ ! @ ... = | & org persons nodes edges node name id
last $n n a b F G Org Person Query Int 1 -1 1.5 100 1e999 null true "x" __schema __type __typename types
fields totalCount hit search filter anyOf rename login skip include if
"""
FIELD_LIST = """
id; name; org; parent; a: name; persons(first: 2); persons(first: $n); persons; nodes; edges; node;
totalCount; children(first: 9); friends; phones; hit; nothing; __typename; __schema; types; fields;
... on Org; ... on Nothing; ...; ...F; ...G; name @skip(if: true)
"""
FIELDS = st.sampled_from([field.strip() for field in FIELD_LIST.split(";")])
SELECTIONS = st.recursive(
    FIELDS,
    lambda inner: st.tuples(FIELDS, st.lists(inner, max_size=6)).map(
        lambda t: f"{t[0]} {{ {' '.join(t[1])} }}"
    ),
    max_leaves=40,
)


def with_fragments(selections: tuple[str, str, str]) -> str:
    top, f, g = selections
    return f"query ($n: Int) {{ org {{ {top} }} }} fragment F on Org {{ {f} }} fragment G on Person {{ {g} }}"


DOCUMENTS = st.tuples(SELECTIONS, SELECTIONS, SELECTIONS).map(with_fragments)


def judge(request: GraphQLRequest, schema: GraphQLSchema, limits: Limits) -> None:
    admitted = Gate(limits).admit(request, "all", schema, max_cost=limits.cost_staff, introspection=True)
    assert 0 <= admitted.cost <= limits.cost_staff


def check_refusal(refusal: GateRefusal) -> None:
    assert 400 <= refusal.http_status < 500
    for language in ("en", "zh-CN"):
        assert (
            orjson.loads(orjson.dumps(refusal.formatted(language)))[0]["extensions"]["code"] == refusal.code
        )


@FUZZ
@given(raw=RAW)
@example(raw=b"\\")
@example(raw=b'"\\')
@example(raw=b'{"query":"{a}","variables":{"\\ud800":')
def test_raw_bytes(raw: bytes, schema: GraphQLSchema, limits: Limits) -> None:
    try:
        judge(parse_body(raw, limits), schema, limits)
    except GateRefusal as refusal:
        check_refusal(refusal)


@FUZZ
@given(
    words=st.lists(st.sampled_from(VOCABULARY.split()), max_size=60),
    n=st.none() | st.integers() | st.floats() | st.text(),
)
def test_random_words(words: list[str], n: object, schema: GraphQLSchema, limits: Limits) -> None:
    try:
        judge(GraphQLRequest(" ".join(words), None, {"n": n}, {}), schema, limits)
    except GateRefusal as refusal:
        check_refusal(refusal)


def test_random_documents(schema: GraphQLSchema, limits: Limits) -> None:
    seen: Counter[str] = Counter()

    @FUZZ
    @given(
        text=DOCUMENTS
        | SELECTIONS.map(lambda s: f"query($n:Int=3){{org{{{s} x: persons(first:$n){{nodes{{id}}}}}}}}")
    )
    def run(text: str) -> None:
        try:
            judge(GraphQLRequest(text, None, {}, {}), schema, limits)
            seen["admitted"] += 1
        except GateRefusal as refusal:
            check_refusal(refusal)
            seen[refusal.code] += 1

    run()
    # The generator must reach the deep steps, else the test says nothing about them.
    assert {"admitted", "GATE_VALIDATION", "GATE_FRAGMENT_CYCLE", "GATE_EMPTY_SELECTION"} <= seen.keys()
