"""Refusals of the pure rules: each carries an error code of domain/core.md §0 and the facts of the case.

A refusal is an answer, not an accident: the door for writes turns it into a business error by its
`code`. Facts are plain values that may be shown to the caller; never put personal values into them.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime
from typing import Any

from sanzhi_core.errors import BY_CODE, BusinessError, ValidationFailed


class Refusal(Exception):
    """A rule said no.

    `code` is one of the error codes of core.md §0; `facts` the typed facts of that code;
    `message_zh` and `message_en` one sentence each.
    """

    code: str
    facts: dict[str, Any]
    message_zh: str
    message_en: str

    def __init__(self, code: str, message_zh: str, message_en: str, **facts: Any) -> None:
        super().__init__(f"{code}: {message_en}")
        self.code = code
        self.facts = facts
        self.message_zh = message_zh
        self.message_en = message_en


def business_error(refusal: Refusal, path: str | None = None) -> BusinessError:
    """The error of the API that says the same: class by code, facts by name, both texts.

    `path` is the GraphQL path of the bad field when it differs from the rule's own name for it.
    """
    facts = refusal.facts
    if refusal.code == "VALIDATION_FAILED":
        where = path or str(facts.get("field", ""))
        reason = str(facts.get("reason", "INVALID"))
        return ValidationFailed.of(where, reason, refusal.message_zh, refusal.message_en)
    cls = BY_CODE[refusal.code]
    texts: dict[str, Any] = {"detail_zh": refusal.message_zh, "detail_en": refusal.message_en, "path": path}
    known = {f.name for f in fields(cls)} - texts.keys()
    return cls(**{name: value for name, value in facts.items() if name in known}, **texts)


class InvalidInput(Refusal):
    """VALIDATION_FAILED for one field. Facts: `field`, `reason` (a stable key) and what the rule adds."""

    def __init__(self, field: str, reason: str, message_zh: str, message_en: str, **facts: Any) -> None:
        super().__init__("VALIDATION_FAILED", message_zh, message_en, field=field, reason=reason, **facts)
        self.field = field
        self.reason = reason


class InvalidTransition(Refusal):
    """INVALID_TRANSITION. Facts: `from_state`, `to_state`, `reason` (NOT_IN_TABLE or the failed guard)."""

    def __init__(
        self,
        frm: str,
        to: str,
        reason: str = "NOT_IN_TABLE",
        message_zh: str | None = None,
        message_en: str | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(
            "INVALID_TRANSITION",
            message_zh or f"不能从{frm}转到{to}",
            message_en or f"{frm} cannot become {to}",
            from_state=str(frm),
            to_state=str(to),
            reason=reason,
            **facts,
        )
        self.frm = str(frm)
        self.to = str(to)
        self.reason = reason


class Forbidden(Refusal):
    """FORBIDDEN. Facts: `reason`."""

    def __init__(self, reason: str, message_zh: str, message_en: str, **facts: Any) -> None:
        super().__init__("FORBIDDEN", message_zh, message_en, reason=reason, **facts)
        self.reason = reason


class ConflictOfInterest(Refusal):
    """CONFLICT_OF_INTEREST. Facts: `reason`."""

    def __init__(self, reason: str, message_zh: str, message_en: str, **facts: Any) -> None:
        super().__init__("CONFLICT_OF_INTEREST", message_zh, message_en, reason=reason, **facts)
        self.reason = reason


class DeadlinePassed(Refusal):
    """DEADLINE_PASSED. Facts: `deadline` in ISO 8601."""

    def __init__(
        self, deadline: datetime | date, what_zh: str = "期限", what_en: str = "The deadline"
    ) -> None:
        super().__init__(
            "DEADLINE_PASSED", f"{what_zh}已过", f"{what_en} has passed", deadline=deadline.isoformat()
        )
        self.deadline = deadline


class TooEarly(Refusal):
    """TOO_EARLY. Facts: `earliest` in ISO 8601, `reason`."""

    def __init__(self, not_before: datetime | date, reason: str, message_zh: str, message_en: str) -> None:
        super().__init__("TOO_EARLY", message_zh, message_en, earliest=not_before.isoformat(), reason=reason)
        self.not_before = not_before
        self.reason = reason


class QuorumNotMet(Refusal):
    """QUORUM_NOT_MET. Facts: `present`, `eligible` (counts), `required` (a count, as text)."""

    def __init__(self, present: int, eligible: int, needed: int) -> None:
        super().__init__(
            "QUORUM_NOT_MET",
            f"到会{present}人，应到{eligible}人，至少需{needed}人到会",
            f"{present} of {eligible} are present; at least {needed} are needed",
            present=present,
            eligible=eligible,
            required=str(needed),
        )


class DuplicateRecord(Refusal):
    """DUPLICATE_RECORD. Facts: `reason` and what the rule adds."""

    def __init__(self, reason: str, message_zh: str, message_en: str, **facts: Any) -> None:
        super().__init__("DUPLICATE_RECORD", message_zh, message_en, reason=reason, **facts)
        self.reason = reason


class InsufficientPoints(Refusal):
    """INSUFFICIENT_POINTS. Facts: `available`, `requested`."""

    def __init__(self, available: int, requested: int) -> None:
        super().__init__(
            "INSUFFICIENT_POINTS",
            f"积分不足：可用{available}分，需要{requested}分",
            f"Only {available} points are available; {requested} were asked for",
            available=available,
            requested=requested,
        )
