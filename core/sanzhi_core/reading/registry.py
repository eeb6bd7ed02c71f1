"""All declared types together: who brought which type and which field; the one look-up of host and compiler."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from sanzhi_core.db.base import SCOPE_LEVELS
from sanzhi_core.reading.declaration import Column, Expression, Extension, FieldSpec, Many, Node, One, Policy


class DeclarationError(TypeError):
    """A declaration that cannot be served; the text names the type, the field and the plugins."""


def camel(name: str) -> str:
    """`household_no` → `householdNo`: the GraphQL name of a Python name."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


@dataclass(frozen=True)
class Field:
    """A field of a type: its GraphQL name, what it is and which plugin brought it."""

    name: str
    spec: FieldSpec
    plugin: str


@dataclass(frozen=True)
class TypeInfo:
    """A queryable type: declaration, table, key column and all fields by GraphQL name."""

    node: type[Node]
    name: str
    plugin: str
    policy: Policy
    table: sa.Table
    key: str
    fields: Mapping[str, Field] = field(default_factory=dict)

    def column(self, attribute: str) -> sa.Column[Any]:
        """Table column behind a model attribute."""
        found: sa.Column[Any] = self.node.model.__mapper__.columns[attribute]
        return found


class Catalogue:
    """Every declared type by name. Raises DeclarationError when two plugins bring the same name."""

    def __init__(self, nodes: Sequence[type[Node]], extensions: Iterable[Extension] = ()) -> None:
        self.types: dict[str, TypeInfo] = {}
        self.roots: dict[str, tuple[TypeInfo, str]] = {}
        for node in nodes:
            self._add(node)
        for extension in extensions:
            self._extend(extension)
        for info in self.types.values():
            for f in info.fields.values():
                self._check_target(info, f)

    def __getitem__(self, name: str) -> TypeInfo:
        return self.types[name]

    def _add(self, node: type[Node]) -> None:
        name = node.type_name
        if name in self.types:
            raise DeclarationError(
                f"type {name} is brought by {self.types[name].plugin} and by {node.plugin}"
            )
        mapper = node.model.__mapper__
        keys = [mapper.get_property_by_column(c).key for c in mapper.primary_key]
        if len(keys) != 1:
            raise DeclarationError(f"{node.plugin}: {name} needs a table with one key column for its id")
        table = mapper.local_table
        assert isinstance(table, sa.Table)
        fields = {"id": Field("id", Column("全局标识", "Global id", keys[0], True, True), node.plugin)}
        info = TypeInfo(node, name, node.plugin, node.policy, table, keys[0], fields)
        for key, spec in node.specs.items():
            if camel(key) == "id":
                if not isinstance(spec, Column) or (spec.column or key) != keys[0]:
                    raise DeclarationError(f"{node.plugin}: {name}.id must be the key column {keys[0]}")
                spec = Column(spec.zh, spec.en, keys[0], spec.filter, True)
            elif camel(key) in fields:
                raise DeclarationError(f"{node.plugin}: {name}.{camel(key)} is declared twice")
            if isinstance(spec, Column):
                spec = replace(spec, column=spec.column or key)
            fields[camel(key)] = Field(camel(key), spec, node.plugin)
        self._check_policy(info)
        self.types[name] = info
        for root, kind in ((node.one_name, "one"), (node.many_name, "many")):
            if root is None:
                continue
            if root in self.roots:
                other = self.roots[root][0]
                raise DeclarationError(f"root field {root} is brought by {other.plugin} and by {node.plugin}")
            self.roots[root] = (info, kind)

    def _check_policy(self, info: TypeInfo) -> None:
        policy, columns = info.policy, info.node.model.__mapper__.columns
        specs = info.node.specs.values()
        for wanted in (*policy.self_, *((policy.account,) if policy.account else ())):
            if wanted not in columns:
                raise DeclarationError(f"{info.plugin}: policy of {info.name} names no column {wanted!r}")
        if policy.walled and (policy.public is not None or policy.signed_in is not None):
            raise DeclarationError(f"{info.plugin}: {info.name} is walled, it cannot have public rows")
        guarded = policy.permission or next(
            (s.needs for s in specs if isinstance(s, Column) and s.needs), None
        )
        if guarded and not any(level in columns for level in SCOPE_LEVELS):
            raise DeclarationError(
                f"{info.plugin}: {info.name} asks for {guarded} but its rows belong to no unit"
            )
        for key in info.node.default_order:
            spec = info.fields.get(camel(key))
            if spec is not None and isinstance(spec.spec, Column) and spec.spec.needs:
                raise DeclarationError(f"{info.plugin}: {info.name} is ordered by guarded column {key}")

    def _extend(self, extension: Extension) -> None:
        info = self.types.get(extension.target)
        if info is None:
            raise DeclarationError(f"{extension.plugin} extends {extension.target}, which nobody declares")
        fields = dict(info.fields)
        for key, spec in extension.specs.items():
            name = camel(key)
            if name in fields:
                raise DeclarationError(
                    f"{info.name}.{name} is brought by {fields[name].plugin} and by {extension.plugin}"
                )
            if isinstance(spec, Column):
                raise DeclarationError(f"{extension.plugin} may not add a column to {info.name}.{name}")
            fields[name] = Field(name, spec, extension.plugin)
        self.types[info.name] = TypeInfo(
            info.node, info.name, info.plugin, info.policy, info.table, info.key, fields
        )
        for root, (old, kind) in list(self.roots.items()):
            if old is info:
                self.roots[root] = (self.types[info.name], kind)

    def _check_target(self, info: TypeInfo, f: Field) -> None:
        spec = f.spec
        if isinstance(spec, Expression):
            return
        here = info.node.model.__mapper__.columns
        if isinstance(spec, Column):
            return
        target = self.types.get(spec.target)
        if target is None:
            raise DeclarationError(
                f"{f.plugin}: {info.name}.{f.name} leads to {spec.target}, declared by nobody"
            )
        if spec.local not in here:
            raise DeclarationError(f"{f.plugin}: {info.name}.{f.name}: no column {spec.local!r}")
        if spec.remote not in target.node.model.__mapper__.columns:
            raise DeclarationError(f"{f.plugin}: {info.name}.{f.name}: {spec.target} has no {spec.remote!r}")


__all__ = ["Catalogue", "DeclarationError", "Field", "Many", "One", "TypeInfo", "camel"]
