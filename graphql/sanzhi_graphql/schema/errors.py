"""BusinessError as an interface, its refusals as types that carry the facts (architecture 12)."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any
from uuid import UUID

from graphql import GraphQLError, GraphQLInterfaceType, GraphQLSchema

from sanzhi_core.errors import BusinessError, ErrorCode, FieldProblem
from sanzhi_core.texts import text_for

from .composer import Composer, Made, bilingual
from .outputs import OutputTypes
from .ownership import field_metadata

_META = field_metadata("core", 0, "public")
_FACTS = {
    "fields": ("有问题的字段", "The fields in question"),
    "permission": ("所需权限", "Permission that is missing"),
    "type_name": ("对象类型", "Type of the object"),
    "from_state": ("当前状态", "Present state"),
    "to_state": ("目标状态", "State asked for"),
    "reason": ("原因键", "Key of the reason"),
    "current_version": ("当前版本号", "Present version"),
    "plugin": ("插件", "Plugin"),
    "unit_code": ("单位代码", "Code of the unit"),
    "state": ("状态", "State"),
    "successor_codes": ("承接单位代码", "Codes of the successors"),
    "deadline": ("截止时间", "Deadline"),
    "earliest": ("最早时间", "Earliest moment"),
    "present": ("到会人数", "Persons present"),
    "eligible": ("应到人数", "Persons eligible"),
    "required": ("法定要求", "What is required"),
    "existing_id": ("已有记录", "The record that exists"),
    "available": ("可用数量", "What is available"),
    "retry_after_seconds": ("多少秒后再试", "Seconds to wait"),
}


class Shown:
    """A refusal as the API shows it, in the caller's language; facts are its attributes."""

    def __init__(self, error: BusinessError, type_name: str, locale: str) -> None:
        self.graphql_type = type_name
        self.code = error.code
        self.message = message(error, locale)
        self.path = error.path
        for key, value in error.facts().items():
            setattr(self, key, _fact(value, locale))


class ShownProblem:
    """A bad field in the caller's language."""

    def __init__(self, problem: FieldProblem, locale: str) -> None:
        self.path, self.reason = problem.path, problem.reason
        self.message = problem.message_en if locale.startswith("en") else problem.message_zh


def message(error: BusinessError, locale: str) -> str:
    """The refusal's own sentence in the caller's language, else the code's."""
    own = error.detail_en if locale.startswith("en") else error.detail_zh
    return own or text_for(str(error.code), locale)


def _fact(value: Any, locale: str) -> Any:
    if isinstance(value, tuple):
        return [ShownProblem(v, locale) if isinstance(v, FieldProblem) else v for v in value]
    return value


class ErrorTypes:
    """Composes the interface and one type per refusal class."""

    def __init__(self, composer: Composer, outputs: OutputTypes) -> None:
        self.composer = composer
        self.outputs = outputs
        self.names: dict[type[BusinessError], str] = {}

    def announce(self) -> None:
        """Make the classes."""
        self.interface = self.composer.announce("BusinessError", "core")
        self._problem = self.composer.announce("FieldProblem", "core")
        for cls in _refusals(BusinessError):
            self.composer.announce(cls.__name__, "core", self.interface)
            self.names[cls] = cls.__name__

    def fill(self) -> None:
        """Give them their fields."""
        c = self.composer
        code = c.enums.of(ErrorCode)
        common = [
            Made("code", code, bilingual("错误码", "Code"), _META, "code"),
            Made("message", str, bilingual("给人看的说明", "Sentence for people"), _META, "message"),
            Made("path", str | None, bilingual("涉及的输入字段", "Input field concerned"), _META, "path"),
        ]
        c.output("BusinessError", bilingual("业务上的拒绝", "A refusal"), common, interface=True)
        c.output("FieldProblem", bilingual("一个有问题的字段", "A field in question"), [
            Made("path", str, bilingual("字段路径", "Path of the field"), _META, "path"),
            Made("reason", str, bilingual("原因键", "Key of the reason"), _META, "reason"),
            Made("message", str, bilingual("给人看的说明", "Sentence for people"), _META, "message"),
        ])  # fmt: skip
        for cls, name in self.names.items():
            c.output(name, bilingual(text_for(str(cls.code), "zh-CN"), text_for(str(cls.code), "en")),
                     [*common, *self._facts(cls)])  # fmt: skip

    def _facts(self, cls: type[BusinessError]) -> list[Made]:
        hints = typing.get_type_hints(cls)
        out = []
        for f in dataclasses.fields(cls):
            if f.name in ("detail_zh", "detail_en", "path"):
                continue
            hint = hints[f.name]
            if hint == tuple[FieldProblem, ...]:
                type_: Any = list[self._problem]  # type: ignore[name-defined]
            else:
                type_ = self.outputs.shown(hint, "core", "public").type
            head, *rest = f.name.split("_")
            name = head + "".join(p.title() for p in rest)
            meta = field_metadata("core", 0, "public", size=100)
            out.append(Made(name, type_, bilingual(*_FACTS.get(f.name, (f.name, f.name))), meta, f.name))
        return out

    def shown(self, error: BusinessError, locale: str) -> Shown:
        """The refusal as a source of its GraphQL type; a subclass nobody knew at boot shows as its base."""
        for cls in type(error).__mro__:
            if cls in self.names:
                return Shown(error, self.names[cls], locale)
        raise TypeError(f"{type(error).__name__} is no refusal of the catalogue")

    def resolve(self, schema: GraphQLSchema) -> None:
        """Let the interface tell its types apart by name."""
        interface = schema.get_type("BusinessError")
        assert isinstance(interface, GraphQLInterfaceType)
        interface.resolve_type = lambda value, _info, _type: value.graphql_type
        for type_ in schema.get_possible_types(interface):
            type_.is_type_of = None


def _refusals(base: type[BusinessError]) -> list[type[BusinessError]]:
    out = []
    for cls in base.__subclasses__():
        if hasattr(cls, "code"):
            out.append(cls)
        out += _refusals(cls)
    return out


def top_level(error: BusinessError, locale: str) -> GraphQLError:
    """A refusal where there is no payload: a top-level error with code and facts."""
    facts = {
        k: str(v) if isinstance(v, UUID) else v for k, v in error.facts().items() if not isinstance(v, tuple)
    }
    return GraphQLError(message(error, locale), extensions={"code": str(error.code), **facts})
