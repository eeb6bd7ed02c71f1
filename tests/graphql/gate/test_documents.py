"""The document cache: one preparation per text and schema, bounded, refusals remembered as refusals."""

import gc
import time
import weakref
from dataclasses import replace

import pytest
from graphql import GraphQLSchema, build_schema

from sanzhi_graphql.gate.documents import DocumentCache, Prepared, prepare
from sanzhi_graphql.gate.limits import Limits
from sanzhi_graphql.gate.refusal import GateCode, GateRefusal

TEXT = "query A{org{name}} query B{org{id}}"


def refused(cache: DocumentCache, schema: GraphQLSchema, text: str) -> GateRefusal:
    with pytest.raises(GateRefusal) as caught:
        cache.prepare("all", schema, text, None)
    return caught.value


def test_same_text_is_prepared_once(schema: GraphQLSchema, limits: Limits) -> None:
    cache = DocumentCache(limits)
    first = cache.prepare("all", schema, TEXT, "A")
    assert cache.prepare("all", schema, TEXT, "A") is first
    assert cache.prepare("all", schema, TEXT, "B") is not first
    assert len(cache) == 2


def test_schemas_are_kept_apart(schema: GraphQLSchema, limits: Limits) -> None:
    cache = DocumentCache(limits)
    pruned = build_schema("type Query { hit: String }")
    cache.prepare("all", schema, "{org{name}}", None)
    with pytest.raises(GateRefusal) as caught:
        cache.prepare("pruned", pruned, "{org{name}}", None)
    assert caught.value.code is GateCode.VALIDATION
    cache.prepare("all", schema, "{org{name}}", None)


def test_refusals_are_remembered_without_their_traceback(schema: GraphQLSchema, limits: Limits) -> None:
    cache = DocumentCache(limits)
    first, second = refused(cache, schema, "{org{nam}}"), refused(cache, schema, "{org{nam}}")
    assert second is not first
    assert second.formatted() == first.formatted()
    assert second.formatted("zh") == first.formatted("zh")
    assert len(cache) == 1
    remembered = cache._bad.get(("all", "{org{nam}}", None))
    assert remembered is not None
    assert remembered.__traceback__ is None


def test_a_remembered_document_is_far_cheaper(schema: GraphQLSchema, limits: Limits) -> None:
    cache = DocumentCache(limits)
    text = "{org{persons(first:10){nodes{id name org{id name parent{id}}} totalCount}}}"
    cache.prepare("all", schema, text, None)
    start = time.process_time()
    for _ in range(1_000):
        cache.prepare("all", schema, text, None)
    cached = (time.process_time() - start) / 1_000
    start = time.process_time()
    for _ in range(5):
        prepare(schema, text, None, limits)
    assert cached * 20 < (time.process_time() - start) / 5


def test_documents_are_bounded_by_number_least_recently_used_first(
    schema: GraphQLSchema, limits: Limits
) -> None:
    cache = DocumentCache(replace(limits, cached_documents=2))
    kept = cache.prepare("all", schema, "{org{name}}", None)
    cache.prepare("all", schema, "{org{id}}", None)
    assert cache.prepare("all", schema, "{org{name}}", None) is kept
    cache.prepare("all", schema, "{org{id name}}", None)
    assert len(cache) == 2
    assert cache.prepare("all", schema, "{org{name}}", None) is kept


def test_documents_are_bounded_by_size(schema: GraphQLSchema, limits: Limits) -> None:
    cache = DocumentCache(replace(limits, cached_chars=100))
    for i in range(50):
        cache.prepare("all", schema, "{org{name}}" + " " * (30 + i), None)
    assert len(cache) == 1
    cache.prepare("all", schema, "{org{name}}" + " " * 100, None)
    assert len(cache) == 1


def test_refusals_are_bounded_and_never_push_out_documents(schema: GraphQLSchema, limits: Limits) -> None:
    cache = DocumentCache(replace(limits, cached_refusals=10, cached_refusal_chars=1_000))
    kept = cache.prepare("all", schema, "{org{name}}", None)
    for i in range(100):
        refused(cache, schema, f"{{org{{x{i}}}}}")
    assert len(cache) == 1 + 10
    refused(cache, schema, "{org{nam}}" + " " * 1_000)
    assert len(cache) == 1 + 10
    for i in range(10):
        refused(cache, schema, f"{{org{{x{i}}}}}" + " " * 200)
    assert len(cache) <= 1 + 5
    assert cache.prepare("all", schema, "{org{name}}", None) is kept


def test_a_prepared_document_can_key_other_caches_weakly(schema: GraphQLSchema, limits: Limits) -> None:
    cache = DocumentCache(limits)
    plans: weakref.WeakKeyDictionary[Prepared, str] = weakref.WeakKeyDictionary()
    plans[cache.prepare("all", schema, "{org{name}}", None)] = "plan"
    assert len(plans) == 1
    cache.clear()
    gc.collect()
    assert len(plans) == 0
