"""Refusals of the gate: one code per rule, with HTTP status and both texts."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class GateCode(StrEnum):
    """Published catalogue; the value is `errors[].extensions.code` of the reply."""

    METHOD = "GATE_METHOD"
    CONTENT_TYPE = "GATE_CONTENT_TYPE"
    CONTENT_ENCODING = "GATE_CONTENT_ENCODING"
    BODY_TOO_LARGE = "GATE_BODY_TOO_LARGE"
    BODY_TIMEOUT = "GATE_BODY_TIMEOUT"
    BODY_INCOMPLETE = "GATE_BODY_INCOMPLETE"
    ENCODING = "GATE_ENCODING"
    JSON_DEPTH = "GATE_JSON_DEPTH"
    INTEGER = "GATE_INTEGER"
    STRING = "GATE_STRING"
    JSON = "GATE_JSON"
    JSON_KEYS = "GATE_JSON_KEYS"
    BATCH = "GATE_BATCH"
    SHAPE = "GATE_SHAPE"
    TOKENS = "GATE_TOKENS"
    NESTING = "GATE_NESTING"
    SYNTAX = "GATE_SYNTAX"
    DEFINITION = "GATE_DEFINITION"
    OPERATIONS = "GATE_OPERATIONS"
    OPERATION_NAME = "GATE_OPERATION_NAME"
    SUBSCRIPTION = "GATE_SUBSCRIPTION"
    FRAGMENTS = "GATE_FRAGMENTS"
    FRAGMENT_NAME = "GATE_FRAGMENT_NAME"
    FRAGMENT_CYCLE = "GATE_FRAGMENT_CYCLE"
    VARIABLES = "GATE_VARIABLES"
    EMPTY_SELECTION = "GATE_EMPTY_SELECTION"
    FIELDS = "GATE_FIELDS"
    SELECTIONS = "GATE_SELECTIONS"
    ALIASES = "GATE_ALIASES"
    DIRECTIVES = "GATE_DIRECTIVES"
    DEPTH = "GATE_DEPTH"
    KEY_REPEATS = "GATE_KEY_REPEATS"
    INTROSPECTION = "GATE_INTROSPECTION"
    INTROSPECTION_SIZE = "GATE_INTROSPECTION_SIZE"
    MUTATION_FIELDS = "GATE_MUTATION_FIELDS"
    MUTATION_ALONE = "GATE_MUTATION_ALONE"
    VALIDATION = "GATE_VALIDATION"
    PAGE_SIZE = "GATE_PAGE_SIZE"
    COST = "GATE_COST"


CATALOGUE: dict[GateCode, tuple[int, str, str]] = {
    GateCode.METHOD: (405, "仅接受 POST 请求", "Only POST is accepted."),
    GateCode.CONTENT_TYPE: (415, "内容类型须为 application/json", "Content-Type must be application/json."),
    GateCode.CONTENT_ENCODING: (415, "不接受压缩的请求体", "Encoded request bodies are not accepted."),
    GateCode.BODY_TOO_LARGE: (413, "请求体超过 {limit} 字节", "The body is larger than {limit} bytes."),
    GateCode.BODY_TIMEOUT: (408, "请求体未在 {limit} 秒内到达", "The body did not arrive within {limit} s."),
    GateCode.BODY_INCOMPLETE: (400, "请求体不完整", "The body is incomplete."),
    GateCode.ENCODING: (400, "请求体不是合法的 UTF-8", "The body is not valid UTF-8."),
    GateCode.JSON_DEPTH: (400, "JSON 嵌套超过 {limit} 层", "JSON is nested deeper than {limit}."),
    GateCode.INTEGER: (400, "整数超出 64 位范围", "An integer is beyond 64 bits."),
    GateCode.STRING: (
        400,
        "字符串含有空字符或孤立代理项",
        "A string contains NUL or a lone surrogate.",
    ),
    GateCode.JSON: (400, "请求体不是合法的 JSON", "The body is not valid JSON."),
    GateCode.JSON_KEYS: (400, "JSON 对象含有重复的键", "A JSON object repeats a key."),
    GateCode.BATCH: (400, "不接受批量请求", "Batched requests are not accepted."),
    GateCode.SHAPE: (400, "请求结构错误：{what}", "Malformed GraphQL request: {what}."),
    GateCode.TOKENS: (400, "文档过长：{what}", "The document is too long: {what}"),
    GateCode.NESTING: (400, "文档嵌套过深", "The document is nested too deeply."),
    GateCode.SYNTAX: (400, "GraphQL 语法错误：{what}", "{what}"),
    GateCode.DEFINITION: (
        400,
        "文档只能包含操作和片段",
        "A document may contain only operations and fragments.",
    ),
    GateCode.OPERATIONS: (400, "须有 1 至 {limit} 个操作", "A document must have 1 to {limit} operations."),
    GateCode.OPERATION_NAME: (
        400,
        "operationName 未指明文档中的唯一操作",
        "operationName does not name exactly one operation of the document.",
    ),
    GateCode.SUBSCRIPTION: (400, "此处不接受订阅", "Subscriptions are not served here."),
    GateCode.FRAGMENTS: (400, "片段超过 {limit} 个", "More than {limit} fragments."),
    GateCode.FRAGMENT_NAME: (
        400,
        "片段“{name}”重复定义或未被使用",
        "Fragment '{name}' is defined twice or never used.",
    ),
    GateCode.FRAGMENT_CYCLE: (400, "片段“{name}”循环引用", "Fragment '{name}' leads into a cycle."),
    GateCode.VARIABLES: (400, "变量超过 {limit} 个", "More than {limit} variables."),
    GateCode.EMPTY_SELECTION: (400, "选择集不能为空", "A selection set is empty."),
    GateCode.FIELDS: (
        400,
        "展开片段后字段超过 {limit} 个",
        "More than {limit} fields after expansion of fragments.",
    ),
    GateCode.SELECTIONS: (
        400,
        "展开片段后选择项超过 {limit} 个",
        "More than {limit} selections after expansion of fragments.",
    ),
    GateCode.ALIASES: (
        400,
        "展开片段后别名超过 {limit} 个",
        "More than {limit} aliases after expansion of fragments.",
    ),
    GateCode.DIRECTIVES: (400, "指令超过 {limit} 个", "More than {limit} directives."),
    GateCode.DEPTH: (400, "查询深度超过 {limit}", "The query is deeper than {limit}."),
    GateCode.KEY_REPEATS: (
        400,
        "“{key}”在同一选择集中重复超过 {limit} 次",
        "'{key}' is repeated more than {limit} times in one selection set.",
    ),
    GateCode.INTROSPECTION: (400, "未开放内省", "Introspection is not open to this caller."),
    GateCode.INTROSPECTION_SIZE: (
        400,
        "内省查询超出标准内省的范围",
        "The introspection asks for more than the standard query.",
    ),
    GateCode.MUTATION_FIELDS: (
        400,
        "一次请求的变更超过 {limit} 个",
        "More than {limit} mutations in one request.",
    ),
    GateCode.MUTATION_ALONE: (
        400,
        "“{name}”必须单独请求",
        "'{name}' must be the only mutation of its request.",
    ),
    GateCode.VALIDATION: (400, "查询与接口定义不符：{what}", "{what}"),
    GateCode.PAGE_SIZE: (
        400,
        "“{field}”须以 first 或 last 之一给出 {low} 至 {high} 的页长",
        "'{field}' needs exactly one of first and last, an integer from {low} to {high}.",
    ),
    GateCode.COST: (
        400,
        "查询代价 {cost} 超过上限 {limit}",
        "The query costs {cost} points; the limit is {limit}.",
    ),
}


class GateRefusal(Exception):
    """A request refused at the gate. Nothing was executed and nothing is audited; refusals are counted.

    `code`, `http_status`, `message` (English), `message_zh`, `facts` (values named in the texts) and
    `details`: for syntax and validation the GraphQL errors as `{"message", "locations"}`, else empty.
    """

    def __init__(
        self, code: GateCode, *, details: tuple[dict[str, Any], ...] = (), **facts: str | int | float
    ) -> None:
        self.code = code
        self.facts = facts
        self.details = details
        self.http_status, zh, en = CATALOGUE[code]
        self.message_zh = zh.format(**facts)
        self.message = en.format(**facts)
        super().__init__(f"{code}: {self.message}")

    def again(self) -> GateRefusal:
        """An equal refusal to raise: a raised exception keeps its traceback, so a cached one must not be."""
        return GateRefusal(self.code, details=self.details, **self.facts)

    def formatted(self, language: str = "en") -> list[dict[str, Any]]:
        """The reply's `errors` list; `language` is "zh-CN" (any zh) or anything else for English.

        Parser and validator speak English only: in Chinese their text follows the Chinese introduction.
        """
        extensions = {"code": self.code.value}
        if not self.details:
            message = self.message_zh if language.lower().startswith("zh") else self.message
            return [{"message": message, "extensions": extensions}]
        if not language.lower().startswith("zh"):
            return [{**detail, "extensions": extensions} for detail in self.details]
        zh = CATALOGUE[self.code][1]
        return [
            {**detail, "message": zh.format(what=detail["message"]), "extensions": extensions}
            for detail in self.details
        ]
