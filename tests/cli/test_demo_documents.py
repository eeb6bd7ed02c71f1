"""Every document of the demo fits the schema; a wrong one is found (positive control)."""

from __future__ import annotations

import pytest
from graphql import parse, validate
from graphql.type import GraphQLSchema

from sanzhi.demo import documents
from sanzhi.demo.api import Change
from sanzhi_core.parts import core_part
from sanzhi_core.platform import plugins
from sanzhi_graphql.schema.api import Api

DOCUMENTS = {
    name: value.document if isinstance(value, Change) else value
    for name, value in vars(documents).items()
    if name.isupper() and not name.startswith("_")
}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    platform = plugins.load(core_part())
    return Api(platform).schema(frozenset(platform.plugin_names))


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_document_fits_the_schema(schema: GraphQLSchema, name: str) -> None:
    assert not validate(schema, parse(DOCUMENTS[name]))


def test_a_wrong_document_is_found(schema: GraphQLSchema) -> None:
    wrong = Change("openStarCycle", "cycle { noSuchField }").document
    assert validate(schema, parse(wrong))
