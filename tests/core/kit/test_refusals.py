from datetime import UTC, datetime

import pytest

from sanzhi_core import errors
from sanzhi_core.kit.refusals import (
    ConflictOfInterest,
    DeadlinePassed,
    DuplicateRecord,
    Forbidden,
    InsufficientPoints,
    InvalidInput,
    InvalidTransition,
    QuorumNotMet,
    Refusal,
    TooEarly,
    business_error,
)

AT = datetime(2026, 12, 14, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("refusal", "facts"),
    [
        (InvalidTransition("PUBLICITY", "CONFIRMED", "OPEN_OBJECTION"),
         {"from_state": "PUBLICITY", "to_state": "CONFIRMED", "reason": "OPEN_OBJECTION"}),
        (QuorumNotMet(15, 24, 16), {"present": 15, "eligible": 24, "required": "16"}),
        (DeadlinePassed(AT), {"deadline": "2026-12-14T16:00:00+00:00"}),
        (TooEarly(AT, "PUBLICITY", "早", "early"), {"earliest": "2026-12-14T16:00:00+00:00"}),
        (InsufficientPoints(40, 60), {"available": 40}),
        (Forbidden("NOT_PRESENT", "未到会", "not present"), {"permission": None}),
        (ConflictOfInterest("OWN_HOUSEHOLD", "本户", "own household"), {}),
        (DuplicateRecord("SAME_ACT", "重复", "again"), {"existing_id": None}),
    ],
)  # fmt: skip
def test_a_refusal_becomes_the_error_of_its_code(refusal: Refusal, facts: dict[str, object]) -> None:
    error = business_error(refusal)
    assert str(error.code) == refusal.code
    assert error.facts() == facts
    assert error.detail_zh == refusal.message_zh
    assert error.detail_en == refusal.message_en


def test_invalid_input_names_its_field() -> None:
    refusal = InvalidInput("selfStars", "UNKNOWN_STAR", "没有这颗星", "no such star", star="S11")
    error = business_error(refusal, path="input.selfStars")
    assert isinstance(error, errors.ValidationFailed)
    assert error.fields == (
        errors.FieldProblem("input.selfStars", "UNKNOWN_STAR", "没有这颗星", "no such star"),
    )
    assert refusal.facts["star"] == "S11"
