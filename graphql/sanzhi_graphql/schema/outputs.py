"""Dataclasses that queries and mutations answer with, as object types."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

from sanzhi_core.platform.inputs import IdOf
from sanzhi_core.reading.declaration import Bounded
from sanzhi_core.reading.registry import DeclarationError, camel

from ..compile.kinds import of_python
from .composer import Composer, Made
from .ownership import field_metadata
from .scalars import annotation


@dataclasses.dataclass(frozen=True)
class Shown:
    """A Python annotation as GraphQL sees it. `size`: most items, for a list that is bounded."""

    type: Any
    size: int | None = None
    is_list: bool = False
    text: str | None = None
    id_of: str | None = None


class OutputTypes:
    """Object types of dataclasses, each made once; their lists may be bounded with `Bounded`."""

    def __init__(self, composer: Composer) -> None:
        self.composer = composer
        self._made: dict[str, type] = {}

    def shown(self, hint: Any, plugin: str, policy: str) -> Shown:
        """GraphQL annotation of a Python one: scalars, enums, dataclasses, lists, None, `id_of(…)`, `Annotated`."""
        origin = typing.get_origin(hint)
        if origin is Annotated:
            inner, *marks = typing.get_args(hint)
            found = self.shown(inner, plugin, policy)
            for mark in marks:
                if isinstance(mark, IdOf):
                    found = dataclasses.replace(found, type=strawberry.ID, id_of=mark.type_name)
                elif isinstance(mark, Bounded):
                    found = dataclasses.replace(found, size=mark.size)
                elif isinstance(mark, str):
                    found = dataclasses.replace(found, text=mark)
            return found
        if origin in (typing.Union, types.UnionType):
            parts = [a for a in typing.get_args(hint) if a is not type(None)]
            if len(parts) != 1:
                raise DeclarationError(f"{plugin}: {hint} is a union; GraphQL output needs one type or None")
            found = self.shown(parts[0], plugin, policy)
            return dataclasses.replace(found, type=found.type | None)
        if origin in (list, tuple):
            found = self.shown(typing.get_args(hint)[0], plugin, policy)
            return Shown(list[found.type], is_list=True)  # type: ignore[name-defined]
        if dataclasses.is_dataclass(hint):
            return Shown(self.of(hint, plugin, policy))
        return Shown(annotation(of_python(hint), self.composer.enums))

    def of(self, cls: Any, plugin: str, policy: str) -> type:
        """The object type of a dataclass."""
        name = cls.__name__
        known = self._made.get(name)
        if known is cls:
            return self.composer.classes[name]
        if known is not None:
            raise DeclarationError(f"type {name} is brought by {known.__module__} and by {cls.__module__}")
        self.composer.announce(name, plugin)
        self._made[name] = cls
        return self.composer.output(name, _doc(cls), self.fields(cls, plugin, policy))

    def fields(self, cls: Any, plugin: str, policy: str) -> list[Made]:
        """Fields of a dataclass. Their texts: `field(metadata={"zh": …, "en": …})` or a text in `Annotated`."""
        hints = typing.get_type_hints(cls, include_extras=True)
        out = []
        for f in dataclasses.fields(cls):
            found = self.shown(hints[f.name], plugin, policy)
            meta = field_metadata(plugin, 0, policy, size=found.size, id_of=found.id_of)
            out.append(Made(camel(f.name), found.type, found.text or _text(f.metadata), meta, f.name))
        return out


def _doc(cls: type) -> str:
    text = (cls.__doc__ or "").strip().partition("\n")[0]
    return "" if text.startswith(f"{cls.__name__}(") else text


def _text(metadata: Mapping[str, Any]) -> str:
    if "zh" in metadata:
        return f"{metadata['zh']} / {metadata['en']}"
    return str(metadata.get("description", ""))
