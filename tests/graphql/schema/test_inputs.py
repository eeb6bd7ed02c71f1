"""Pydantic models as GraphQL inputs and back, and what people are told when a field is wrong."""

from __future__ import annotations

import enum
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID, uuid4

import pytest
from graphql import GraphQLInputObjectType, Undefined
from pydantic import Field, field_validator

from sanzhi_core.errors import ErrorCode, ValidationFailed
from sanzhi_core.platform.hookspecs import Query
from sanzhi_core.platform.inputs import Input, id_of
from sanzhi_core.reading.registry import DeclarationError
from sanzhi_core.texts import TEXTS, problem_text, text_for
from sanzhi_graphql.schema.build import build_schema
from sanzhi_graphql.schema.inputs import to_model


class Colour(enum.Enum):
    """颜色 / Colour"""

    RED = "RED"


class Line(Input):
    """行 / A line"""

    item_count: int = Field(ge=1, le=5, description="件数 / Pieces")
    unit_price: Decimal | None = Field(None, max_digits=6, decimal_places=2, description="单价 / Price")


class Order(Input):
    """订单 / An order"""

    house_id: id_of("House") = Field(description="户 / House")  # type: ignore[valid-type]
    other_ids: list[id_of("House")] = Field(default=[], max_length=2, description="其他户 / Others")  # type: ignore[valid-type]
    lines: list[Line] = Field(min_length=1, description="行 / Lines")
    first_line: Line | None = Field(None, description="首行 / First line")
    colour: Colour = Field(Colour.RED, description="颜色 / Colour")
    kind: Literal["BIG", "SMALL"] = Field("BIG", description="大小 / Size")
    note: str = Field("", max_length=10, description="备注 / Note")
    on_day: date | None = Field(None, description="日期 / Day")
    urgent: bool = Field(False, description="急 / Urgent")

    @field_validator("note")
    @classmethod
    def _polite(cls, value: str) -> str:
        if value == "rude":
            raise ValueError("请文明用语 / Please be polite")
        if value == "odd":
            raise ValueError("odd")
        return value


async def _run(ctx: Any, input: Any) -> int:
    return 0


def fields(model: type[Input]) -> dict[str, str]:
    schema = build_schema([], queries=[Query("ask", _run, int, "问", "Ask", "public", input=model)])
    type_ = schema._schema.get_type(f"{model.__name__}Input")
    assert isinstance(type_, GraphQLInputObjectType)
    found = {}
    for name, field in type_.fields.items():
        default = "" if field.default_value is Undefined else f" = {field.default_value}"
        found[name] = f"{field.type}{default}"
    return found


def test_types_of_an_input() -> None:
    assert fields(Order) == {
        "houseId": "ID!",
        "otherIds": "[ID!]",
        "lines": "[LineInput!]!",
        "firstLine": "LineInput",
        "colour": "Colour",
        "kind": "OrderKind! = BIG",
        "note": "String! = ",
        "onDay": "Date",
        "urgent": "Boolean! = False",
    }
    assert fields(Line) == {"itemCount": "Int!", "unitPrice": "Decimal"}


def test_two_models_of_one_name_are_refused() -> None:
    class Line(Input):  # same name, another model
        x: int = Field(description="甲 / X")

    queries = [
        Query("a", _run, int, "甲", "A", "public", input=Line),
        Query("b", _run, int, "乙", "B", "public", input=Order),
    ]
    with pytest.raises(DeclarationError, match="LineInput"):
        build_schema([], queries=queries)


def test_a_coerced_input_becomes_its_model() -> None:
    house = uuid4()
    made: Any = to_model(
        Order,
        {
            "houseId": f"House_{house}",
            "otherIds": [f"House_{house}"],
            "lines": [{"itemCount": 2, "unitPrice": Decimal("1.50")}],
            "colour": Colour.RED,
            "onDay": date(2026, 1, 2),
            "note": "  好 ",
        },
    )
    assert made.house_id == house
    assert made.other_ids == [house]
    assert made.lines[0].item_count == 2
    assert made.lines[0].unit_price == Decimal("1.50")
    assert made.note == "好"
    assert (made.kind, made.colour, made.urgent) == ("BIG", Colour.RED, False)


def problems(**given: Any) -> dict[str, tuple[str, str, str]]:
    good = {"houseId": f"House_{UUID(int=1)}", "lines": [{"itemCount": 1}]}
    with pytest.raises(ValidationFailed) as caught:
        to_model(Order, {**good, **given})
    error = caught.value
    assert error.code is ErrorCode.VALIDATION_FAILED
    assert error.detail_zh
    assert error.detail_en
    return {p.path: (p.reason, p.message_zh, p.message_en) for p in error.fields}


def test_problems_name_graphql_paths_and_speak_both_languages() -> None:
    assert problems(lines=[{"itemCount": 1}, {"itemCount": 9}]) == {
        "lines.1.itemCount": ("LESS_THAN_EQUAL", "不得大于 5", "Must be at most 5")
    }
    assert problems(lines=[]) == {"lines": ("TOO_SHORT", "至少 1 项", "At least 1 items")}
    assert problems(note="字" * 11) == {"note": ("STRING_TOO_LONG", "最多 10 个字", "At most 10 characters")}
    assert problems(note="rude") == {"note": ("VALUE_ERROR", "请文明用语", "Please be polite")}
    assert problems(note="odd") == {"note": ("VALUE_ERROR", "值不正确（odd）", "odd")}
    wrong_id = problems(houseId="Unit_1", otherIds=["House_x"])
    assert set(wrong_id) == {"houseId", "otherIds.0"}
    assert set(
        problems(lines=[{"itemCount": 1, "unitPrice": Decimal("1.234")}], firstLine={"itemCount": 0})
    ) == {
        "lines.0.unitPrice",
        "firstLine.itemCount",
    }


def test_every_code_has_both_texts() -> None:
    assert {str(c) for c in ErrorCode} <= set(TEXTS)
    for code, (zh, en) in TEXTS.items():
        assert zh
        assert en
        assert text_for(code, "zh-CN") == zh
        assert text_for(code, "en-GB") == en
        assert zh != en
    assert problem_text("brand_new", {}, "odd thing") == ("值不正确（odd thing）", "odd thing")
    assert problem_text("too_long", {}, "") == ("最多 ? 项", "At most ? items")
