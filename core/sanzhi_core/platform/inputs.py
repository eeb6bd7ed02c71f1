"""Inputs of operations: pydantic models from which GraphQL input types are made."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.functional_validators import BeforeValidator


class IdOf:
    """Marks a UUID field as a typed id `Type_uuid` of the API."""

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name


def typed_id(type_name: str, value: Any) -> Any:
    """Parse `Type_uuid`; a bare UUID object passes (inner calls), anything else is a ValueError."""
    if isinstance(value, UUID):
        return value
    prefix, _, rest = str(value).partition("_")
    if prefix != type_name or not rest:
        raise ValueError(f"an id of {type_name} looks like {type_name}_<uuid>")
    return UUID(rest)


def id_of(type_name: str) -> Any:
    """`id_of("StarCycle")` as an annotation: a UUID given as `StarCycle_<uuid>`."""
    return Annotated[UUID, IdOf(type_name), BeforeValidator(lambda v: typed_id(type_name, v))]


class Input(BaseModel):
    """Base of operation inputs: unknown fields are refused, text is stripped, NUL and lone surrogates never arrive.

    Describe fields with `Field(description="中文 / English")`; bounds by pydantic (`ge`, `max_length`, …).
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True)


class CommandInput(Input):
    """Input of a mutation."""

    idempotency_key: UUID = Field(
        description="幂等键：重试时用同一个值，只生效一次 / Idempotency key: retry with the same value, effect happens once"
    )


class ChangeInput(CommandInput):
    """Input of a mutation that changes an existing row."""

    expected_version: int = Field(
        ge=1, description="所依据的版本号，过期则 VERSION_CONFLICT / The version this change was based on"
    )
