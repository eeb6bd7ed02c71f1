"""Refusals of a read, each a top-level GraphQL error with `extensions.code`."""

from __future__ import annotations

from enum import StrEnum

from graphql import GraphQLError


class ReadCode(StrEnum):
    """Codes of refused reads; texts in `sanzhi_core.texts`."""

    BAD_CURSOR = "BAD_CURSOR"
    BAD_ID = "BAD_ID"
    BAD_FILTER = "BAD_FILTER"
    BAD_VALUE = "BAD_VALUE"
    PAGE_SIZE = "PAGE_SIZE"
    FORBIDDEN = "FORBIDDEN"
    UNAUTHENTICATED = "UNAUTHENTICATED"


class ReadRefused(GraphQLError):
    """A read that cannot be served as asked: `code`, and `detail` in English for the developer."""

    def __init__(self, code: ReadCode, detail: str) -> None:
        super().__init__(detail, extensions={"code": code.value})
        self.code = code
        self.detail = detail


class NotCompilable(Exception):
    """A selection that the planner does not serve; a fault of the schema's composition, not of the caller."""
