"""Makes Strawberry classes by name and remembers which plugin brought each: a second one is an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from sanzhi_core.reading.registry import DeclarationError

from .scalars import EnumTypes


@dataclass(frozen=True)
class Arg:
    """An argument of a field."""

    name: str
    type: Any
    text: str


@dataclass(frozen=True)
class Made:
    """A field of a type to be made. `attribute`: where the default resolver finds its value."""

    name: str
    type: Any
    text: str
    metadata: Mapping[str, Any]
    attribute: str | None = None
    arguments: Sequence[Arg] = ()
    default: Any = strawberry.UNSET


@dataclass
class Composer:
    """All named types under construction. Classes exist at once, so that fields may refer to them before they are filled."""

    enums: EnumTypes = field(default_factory=EnumTypes)
    owners: dict[str, str] = field(default_factory=dict)
    classes: dict[str, type] = field(default_factory=dict)

    def claim(self, name: str, plugin: str) -> None:
        """Reserve a type name; DeclarationError naming both plugins when it is taken."""
        if name in self.owners:
            raise DeclarationError(f"type {name} is brought by {self.owners[name]} and by {plugin}")
        self.owners[name] = plugin

    def announce(self, name: str, plugin: str, *bases: type) -> type:
        """A class to be filled later."""
        self.claim(name, plugin)
        made = self.classes[name] = type(name, bases, {"__module__": __name__})
        return made

    def output(self, name: str, text: str, fields: Sequence[Made], *, interface: bool = False) -> type:
        """Fill an announced class as an object or interface type."""
        cls = self._filled(name, fields)
        decorate = strawberry.interface if interface else strawberry.type
        return decorate(cls, name=name, description=text)

    def input(self, name: str, text: str, fields: Sequence[Made]) -> type:
        """Fill an announced class as an input type."""
        return strawberry.input(self._filled(name, fields), name=name, description=text)

    def _filled(self, name: str, fields: Sequence[Made]) -> type:
        cls = self.classes[name]
        annotations: dict[str, Any] = {}
        seen: dict[str, Made] = {}
        for f in fields:
            if f.name in seen:
                raise DeclarationError(
                    f"{name}.{f.name} is brought by {seen[f.name].metadata.get('plugin')} and by {f.metadata.get('plugin')}"
                )
            seen[f.name] = f
            # A prefix keeps GraphQL names like `in`, `not` and `from` away from Python's keywords.
            attribute = f.attribute or f"f_{f.name}"
            made = StrawberryField(
                python_name=attribute,
                graphql_name=f.name,
                description=f.text,
                metadata=dict(f.metadata),
                **({} if f.default is strawberry.UNSET else {"default": f.default.value}),
            )
            if f.arguments:
                made.arguments = [
                    StrawberryArgument(
                        f"a_{a.name}", a.name, StrawberryAnnotation(a.type), description=a.text
                    )
                    for a in f.arguments
                ]
            annotations[attribute] = f.type
            setattr(cls, attribute, made)
        cls.__annotations__ = annotations
        return cls


@dataclass(frozen=True)
class Default:
    """A default of an input field."""

    value: Any


def bilingual(zh: str, en: str) -> str:
    """A description in both languages."""
    return f"{zh} / {en}"
