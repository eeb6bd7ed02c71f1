"""The refusals of the platform: one class per code of domain/core.md §0, each carrying its facts.

A refusal is data, not a crash: the door (`platform.command`) rolls the work back, keeps one audit entry and
hands the refusal to the caller as a `BusinessError` of the GraphQL payload.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID


class ErrorCode(StrEnum):
    """错误码，目录见 errorCatalogue / Error codes; their texts are published by errorCatalogue."""

    VALIDATION_FAILED = "VALIDATION_FAILED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    FORBIDDEN = "FORBIDDEN"
    NOT_FOUND = "NOT_FOUND"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    VERSION_CONFLICT = "VERSION_CONFLICT"
    PLUGIN_DISABLED = "PLUGIN_DISABLED"
    ORG_INACTIVE = "ORG_INACTIVE"
    DEADLINE_PASSED = "DEADLINE_PASSED"
    TOO_EARLY = "TOO_EARLY"
    QUORUM_NOT_MET = "QUORUM_NOT_MET"
    DUPLICATE_VOTE = "DUPLICATE_VOTE"
    DUPLICATE_RECORD = "DUPLICATE_RECORD"
    CONFLICT_OF_INTEREST = "CONFLICT_OF_INTEREST"
    INSUFFICIENT_STOCK = "INSUFFICIENT_STOCK"
    INSUFFICIENT_POINTS = "INSUFFICIENT_POINTS"
    CONSENT_REQUIRED = "CONSENT_REQUIRED"
    RESOURCE_BUSY = "RESOURCE_BUSY"
    PURPOSE_NOT_ALLOWED = "PURPOSE_NOT_ALLOWED"
    NEGATIVE_LIST = "NEGATIVE_LIST"
    IDEMPOTENCY_CONFLICT = "IDEMPOTENCY_CONFLICT"
    INTEGRITY_MISMATCH = "INTEGRITY_MISMATCH"
    RATE_LIMITED = "RATE_LIMITED"


@dataclass(frozen=True)
class FieldProblem:
    """One bad input field: `path` in GraphQL names, `reason` a stable key, texts in both languages."""

    path: str
    reason: str
    message_zh: str
    message_en: str


@dataclass
class BusinessError(Exception):
    """Base of all refusals. Subclasses are dataclasses; their fields are the facts shown to the caller."""

    code: ClassVar[ErrorCode]
    detail_zh: str = field(default="", kw_only=True)
    detail_en: str = field(default="", kw_only=True)
    path: str | None = field(default=None, kw_only=True)

    def __str__(self) -> str:
        return f"{self.code}: {self.detail_en or self.facts()}"

    def facts(self) -> dict[str, Any]:
        """The facts of this refusal by field name, without texts."""
        skip = {"detail_zh", "detail_en", "path"}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in skip}


@dataclass
class ValidationFailed(BusinessError):
    code = ErrorCode.VALIDATION_FAILED
    fields: tuple[FieldProblem, ...] = ()

    @classmethod
    def of(cls, path: str, reason: str, zh: str, en: str) -> ValidationFailed:
        """One problem at one field."""
        return cls((FieldProblem(path, reason, zh, en),), detail_zh=zh, detail_en=en)


@dataclass
class Unauthenticated(BusinessError):
    code = ErrorCode.UNAUTHENTICATED


@dataclass
class Forbidden(BusinessError):
    code = ErrorCode.FORBIDDEN
    permission: str | None = None


@dataclass
class NotFound(BusinessError):
    code = ErrorCode.NOT_FOUND
    type_name: str | None = None


@dataclass
class InvalidTransition(BusinessError):
    code = ErrorCode.INVALID_TRANSITION
    from_state: str = ""
    to_state: str = ""
    reason: str = ""


@dataclass
class VersionConflict(BusinessError):
    code = ErrorCode.VERSION_CONFLICT
    current_version: int | None = None


@dataclass
class PluginDisabled(BusinessError):
    code = ErrorCode.PLUGIN_DISABLED
    plugin: str = ""
    unit_code: str | None = None
    state: str = "OFF"


@dataclass
class OrgInactive(BusinessError):
    code = ErrorCode.ORG_INACTIVE
    unit_code: str | None = None
    successor_codes: tuple[str, ...] = ()


@dataclass
class DeadlinePassed(BusinessError):
    code = ErrorCode.DEADLINE_PASSED
    deadline: str | None = None


@dataclass
class TooEarly(BusinessError):
    code = ErrorCode.TOO_EARLY
    earliest: str | None = None


@dataclass
class QuorumNotMet(BusinessError):
    code = ErrorCode.QUORUM_NOT_MET
    present: int = 0
    eligible: int = 0
    required: str = ""


@dataclass
class DuplicateVote(BusinessError):
    code = ErrorCode.DUPLICATE_VOTE


@dataclass
class DuplicateRecord(BusinessError):
    code = ErrorCode.DUPLICATE_RECORD
    existing_id: UUID | None = None


@dataclass
class ConflictOfInterest(BusinessError):
    code = ErrorCode.CONFLICT_OF_INTEREST


@dataclass
class InsufficientStock(BusinessError):
    code = ErrorCode.INSUFFICIENT_STOCK
    available: int = 0


@dataclass
class InsufficientPoints(BusinessError):
    code = ErrorCode.INSUFFICIENT_POINTS
    available: int = 0


@dataclass
class ConsentRequired(BusinessError):
    code = ErrorCode.CONSENT_REQUIRED


@dataclass
class ResourceBusy(BusinessError):
    code = ErrorCode.RESOURCE_BUSY


@dataclass
class PurposeNotAllowed(BusinessError):
    code = ErrorCode.PURPOSE_NOT_ALLOWED


@dataclass
class NegativeList(BusinessError):
    code = ErrorCode.NEGATIVE_LIST


@dataclass
class IdempotencyConflict(BusinessError):
    code = ErrorCode.IDEMPOTENCY_CONFLICT


@dataclass
class IntegrityMismatch(BusinessError):
    code = ErrorCode.INTEGRITY_MISMATCH


@dataclass
class RateLimited(BusinessError):
    code = ErrorCode.RATE_LIMITED
    retry_after_seconds: int = 60


BY_CODE: dict[str, type[BusinessError]] = {str(cls.code): cls for cls in BusinessError.__subclasses__()}
