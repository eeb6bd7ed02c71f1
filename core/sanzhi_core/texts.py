"""Sentences for people, in both languages, for every code the API can answer with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEXTS: dict[str, tuple[str, str]] = {
    # Refusals (domain/core.md §0).
    "VALIDATION_FAILED": ("输入有误，请检查标出的字段", "Some input fields are not right; see the list"),
    "UNAUTHENTICATED": ("请先登录", "Please sign in first"),
    "FORBIDDEN": ("您没有做这件事的权限", "You do not have the right to do this"),
    "NOT_FOUND": ("找不到该对象，或您无权查看", "It does not exist, or you may not see it"),
    "INVALID_TRANSITION": ("当前状态下不能这样做", "This cannot be done in the present state"),
    "VERSION_CONFLICT": (
        "数据已被他人修改，请刷新后重试",
        "Somebody else changed it meanwhile; reload and try again",
    ),
    "PLUGIN_DISABLED": (
        "该功能在此单位尚未启用或已暂停",
        "This function is not switched on, or is suspended, at this unit",
    ),
    "ORG_INACTIVE": ("该组织单位已撤销，请改用承接单位", "This unit has been abolished; use its successor"),
    "DEADLINE_PASSED": ("期限已过", "The deadline has passed"),
    "TOO_EARLY": ("时间未到", "It is too early for this"),
    "QUORUM_NOT_MET": ("到会人数未达法定要求", "The quorum is not met"),
    "DUPLICATE_VOTE": ("不能重复投票", "A vote has already been cast"),
    "DUPLICATE_RECORD": ("同样的记录已经存在", "Such a record exists already"),
    "CONFLICT_OF_INTEREST": (
        "涉及本人或本户，应当回避",
        "Your own or your household's matter: you must stand aside",
    ),
    "INSUFFICIENT_STOCK": ("库存不足", "There is not enough in stock"),
    "INSUFFICIENT_POINTS": ("积分不足", "There are not enough points"),
    "CONSENT_REQUIRED": ("需要本人同意", "The person's consent is needed"),
    "RESOURCE_BUSY": ("资源正被占用，请稍后再试", "It is in use; try again later"),
    "PURPOSE_NOT_ALLOWED": ("该用途不被允许", "This purpose is not allowed"),
    "NEGATIVE_LIST": ("属于负面清单事项", "It is on the negative list"),
    "IDEMPOTENCY_CONFLICT": (
        "同一幂等键已用于不同的请求",
        "This idempotency key was used for another request",
    ),
    "INTEGRITY_MISMATCH": ("完整性校验不一致", "The integrity check does not match"),
    "RATE_LIMITED": ("操作过于频繁，请稍后再试", "Too many attempts; try again later"),
    # Refused reads and faults, as top-level errors.
    "BAD_CURSOR": ("游标无效，或属于另一种排序", "The cursor is malformed or belongs to another ordering"),
    "BAD_ID": ("标识格式不正确", "The id is malformed"),
    "BAD_FILTER": ("筛选条件不正确", "The filter cannot be used"),
    "BAD_VALUE": ("参数值不正确", "A value is not right"),
    "PAGE_SIZE": (
        "须以 first 或 last 之一给出 1 至 100 的页长",
        "Give exactly one of first and last, from 1 to 100",
    ),
    "TIMEOUT": ("查询超时，请缩小范围", "The query took too long; ask for less"),
    "BUSY": ("系统繁忙，请稍后再试", "The system is busy; try again shortly"),
    "INTERNAL": ("系统内部错误，已记录", "An internal error; it has been logged"),
}

_PROBLEMS: dict[str, tuple[str, str]] = {
    "missing": ("必填", "Required"),
    "extra_forbidden": ("没有这个字段", "There is no such field"),
    "string_type": ("应为文本", "Must be text"),
    "string_too_short": ("至少 {min_length} 个字", "At least {min_length} characters"),
    "string_too_long": ("最多 {max_length} 个字", "At most {max_length} characters"),
    "string_pattern_mismatch": ("格式不正确", "Wrong format"),
    "too_short": ("至少 {min_length} 项", "At least {min_length} items"),
    "too_long": ("最多 {max_length} 项", "At most {max_length} items"),
    "greater_than": ("须大于 {gt}", "Must be greater than {gt}"),
    "greater_than_equal": ("不得小于 {ge}", "Must be at least {ge}"),
    "less_than": ("须小于 {lt}", "Must be less than {lt}"),
    "less_than_equal": ("不得大于 {le}", "Must be at most {le}"),
    "int_type": ("应为整数", "Must be a whole number"),
    "int_parsing": ("应为整数", "Must be a whole number"),
    "bool_type": ("应为是或否", "Must be true or false"),
    "decimal_max_places": ("最多 {decimal_places} 位小数", "At most {decimal_places} decimal places"),
    "decimal_max_digits": ("最多 {max_digits} 位数字", "At most {max_digits} digits"),
    "finite_number": ("须为有限数", "Must be a finite number"),
    "uuid_parsing": ("应为 UUID", "Must be a UUID"),
    "date_from_datetime_inexact": ("应为日期", "Must be a date"),
    "timezone_aware": ("须带时区偏移", "Needs an offset from UTC"),
    "enum": ("不是允许的值", "Not one of the allowed values"),
    "literal_error": ("不是允许的值", "Not one of the allowed values"),
    "none_required": ("须为空", "Must be empty"),
    "value_error": ("{error}", "{error}"),
}


def text_for(code: str, locale: str) -> str:
    """The sentence of a code in the caller's language (Chinese unless the locale starts with "en")."""
    zh, en = TEXTS[code]
    return en if locale.startswith("en") else zh


def problem_text(kind: str, context: Mapping[str, Any], otherwise: str) -> tuple[str, str]:
    """What is wrong with an input field, in Chinese and English; `kind` and `context` as pydantic gives them.

    A check of our own may say both in its ValueError: "中文 / English".
    """
    template = _PROBLEMS.get(kind)
    if template is None:
        return f"值不正确（{otherwise}）", otherwise
    facts = {k: str(v) for k, v in context.items()}
    zh, en = (text.format_map(_Facts(facts)) for text in template)
    if kind == "value_error" and " / " in zh:
        zh, _, en = zh.partition(" / ")
    elif kind == "value_error":
        zh = f"值不正确（{zh}）"
    return zh, en


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"
