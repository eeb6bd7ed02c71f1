"""Input types from pydantic models, the models from coerced input, and pydantic's complaints as ValidationFailed."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import strawberry
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from sanzhi_core.errors import FieldProblem, ValidationFailed
from sanzhi_core.platform.inputs import IdOf
from sanzhi_core.reading.registry import DeclarationError, camel
from sanzhi_core.texts import problem_text

from ..compile.kinds import of_python
from .composer import Composer, Default, Made
from .scalars import annotation


class InputTypes:
    """Input types of pydantic models, each made once. A model `OpenCycle` becomes `OpenCycleInput`."""

    def __init__(self, composer: Composer) -> None:
        self.composer = composer
        self._made: dict[str, type[BaseModel]] = {}

    def of(self, model: type[BaseModel], plugin: str, text: str = "", *, name: str | None = None) -> type:
        """The input type of a model, `name`d or after the model; `text` describes it where its docstring is in one
        language only."""
        name = name or (model.__name__ if model.__name__.endswith("Input") else f"{model.__name__}Input")
        known = self._made.get(name)
        if known is model:
            return self.composer.classes[name]
        if known is not None:
            raise DeclarationError(f"input {name} is brought by {known.__module__} and by {model.__module__}")
        self.composer.announce(name, plugin)
        self._made[name] = model
        fields = [self._field(model, key, info, plugin) for key, info in model.model_fields.items()]
        own = (model.__doc__ or "").strip().partition("\n")[0]
        return self.composer.input(name, own if " / " in own or not text else text, fields)

    def _field(self, model: type[BaseModel], key: str, info: FieldInfo, plugin: str) -> Made:
        type_ = self._type(
            info.annotation, info.metadata, plugin, f"{model.__name__}{key.title().replace('_', '')}"
        )
        default: Any = strawberry.UNSET
        if not info.is_required():
            value = (
                info.get_default(call_default_factory=True)
                if info.default_factory is None
                else PydanticUndefined
            )
            if isinstance(value, str | int | bool) and not isinstance(value, enum.Enum):
                default = Default(value)
            else:
                type_, default = typing.Optional[type_], Default(strawberry.UNSET)  # noqa: UP045
        return Made(camel(key), type_, info.description or "", {"plugin": plugin}, None, (), default)

    def _type(self, hint: Any, marks: typing.Sequence[Any], plugin: str, name: str) -> Any:
        if any(isinstance(m, IdOf) for m in marks):
            return strawberry.ID if not _optional(hint) else typing.Optional[strawberry.ID]  # noqa: UP045
        origin = typing.get_origin(hint)
        if origin is Annotated:
            inner, *more = typing.get_args(hint)
            return self._type(inner, more, plugin, name)
        if origin in (typing.Union, types.UnionType):
            parts = [a for a in typing.get_args(hint) if a is not type(None)]
            if len(parts) != 1:
                raise DeclarationError(f"{plugin}: {name} is a union; GraphQL input needs one type or None")
            return typing.Optional[self._type(parts[0], (), plugin, name)]  # noqa: UP045
        if origin in (list, tuple, set, frozenset):
            return list[self._type(typing.get_args(hint)[0], (), plugin, name)]  # type: ignore[misc]
        if origin is Literal:
            return self._literal(hint, plugin, name)
        if isinstance(hint, type) and issubclass(hint, BaseModel):
            return self.of(hint, plugin)
        return annotation(of_python(hint), self.composer.enums)

    def _literal(self, hint: Any, plugin: str, name: str) -> Any:
        """`Literal["A", "B"]` of names is an enum of its own; other literals are plain text."""
        values = typing.get_args(hint)
        if not all(isinstance(v, str) and v.isidentifier() and v.isupper() for v in values):
            return type(values[0])
        known = self.composer.enums.made.get(name)
        if known is None:
            self.composer.claim(name, plugin)
            cls = enum.Enum(name, {v: v for v in values}, type=str)  # type: ignore[misc]
            cls.__doc__ = f"{name} / {name}"
            return self.composer.enums.of(cls)
        return known[1]


def _optional(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def to_model(model: type[BaseModel], given: Mapping[str, Any]) -> BaseModel:
    """The model of a coerced input object; raises ValidationFailed with GraphQL paths."""
    try:
        return model.model_validate(_python(model, given))
    except ValidationError as fault:
        problems = tuple(_problem(e) for e in fault.errors(include_url=False, include_input=False))
        raise ValidationFailed(
            problems, detail_zh=problems[0].message_zh, detail_en=problems[0].message_en
        ) from None


def _python(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    names = {camel(key): (key, info) for key, info in model.model_fields.items()}
    out = {}
    for name, value in given.items():
        key, info = names[name]
        out[key] = _value(info.annotation, value)
    return out


def _value(hint: Any, value: Any) -> Any:
    if isinstance(value, enum.Enum) and not _is_enum(hint):
        return value.value
    if isinstance(value, Mapping):
        model = _model_of(hint)
        return _python(model, value) if model is not None else value
    if isinstance(value, list):
        return [_value(_item_of(hint), v) for v in value]
    return value


def _inner(hint: Any) -> list[Any]:
    origin = typing.get_origin(hint)
    if origin is Annotated:
        return _inner(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return [part for a in typing.get_args(hint) if a is not type(None) for part in _inner(a)]
    return [hint]


def _is_enum(hint: Any) -> bool:
    return any(isinstance(h, type) and issubclass(h, enum.Enum) for h in _inner(hint))


def _model_of(hint: Any) -> type[BaseModel] | None:
    for h in _inner(hint):
        if isinstance(h, type) and issubclass(h, BaseModel):
            return h
    return None


def _item_of(hint: Any) -> Any:
    for h in _inner(hint):
        arguments = typing.get_args(h)
        if arguments:
            return arguments[0]
    return Any


def _problem(error: Any) -> FieldProblem:
    path = ".".join(camel(part) if isinstance(part, str) else str(part) for part in error["loc"])
    zh, en = problem_text(error["type"], error.get("ctx") or {}, error["msg"])
    return FieldProblem(path, str(error["type"]).upper(), zh, en)
