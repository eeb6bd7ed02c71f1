"""GraphQL types of declared nodes: object, connection, edge, filter, order; and their root fields."""

from __future__ import annotations

from typing import Any, cast

import strawberry

from sanzhi_core.reading.declaration import Column, Expression, Many, One
from sanzhi_core.reading.registry import Catalogue, Field, TypeInfo

from ..compile.kinds import Kind, of_field, of_python
from ..compile.ordering import order_terms
from ..compile.plan import OrderTerm
from .composer import Arg, Composer, Default, Made, bilingual
from .ownership import COST_OBJECT, COST_TOTAL, field_metadata
from .scalars import annotation

_OPERATORS = {
    "eq": ("等于", "Equals"),
    "in": ("等于其中之一", "Equals one of"),
    "gt": ("大于", "Greater than"),
    "gte": ("大于或等于", "Greater than or equal"),
    "lt": ("小于", "Less than"),
    "lte": ("小于或等于", "Less than or equal"),
    "startsWith": ("以此开头", "Starts with"),
    "isNull": ("为空", "Is null"),
}
_CORE = field_metadata("core", 0, "page")


class NodeTypes:
    """Composes the types of a catalogue."""

    def __init__(self, composer: Composer, catalogue: Catalogue) -> None:
        self.composer = composer
        self.catalogue = catalogue

    def announce(self) -> None:
        """Make all classes, so that fields of any plugin may refer to them."""
        c = self.composer
        self.interface = c.announce("Node", "core")
        self.page_info = c.announce("PageInfo", "core")
        for info in self.catalogue.types.values():
            c.announce(info.name, info.plugin, self.interface)
            for suffix in ("Connection", "Edge", "Filter", "ListFilter"):
                c.announce(info.name + suffix, info.plugin)
            terms = {name: name for name in order_terms(info)}
            order = cast(Any, OrderTerm)(f"{info.name}Order", terms)
            order.__doc__ = bilingual(f"{info.node.zh}的排序", f"Order of {info.name}")
            c.claim(f"{info.name}Order", info.plugin)
            c.enums.of(order)

    def fill(self) -> None:
        """Give the classes their fields."""
        c = self.composer
        ident = Made(
            "id", strawberry.ID, bilingual("全局标识", "Global id"), field_metadata("core", 0, "row"), "id"
        )
        c.output("Node", bilingual("有全局标识的对象", "An object with a global id"), [ident], interface=True)
        c.output("PageInfo", bilingual("分页信息", "About a page"), [
            Made("hasNextPage", bool, bilingual("后面还有", "More rows follow"), _CORE),
            Made("hasPreviousPage", bool, bilingual("前面还有", "More rows precede"), _CORE),
            Made("startCursor", str | None, bilingual("首行游标", "Cursor of the first row"), _CORE),
            Made("endCursor", str | None, bilingual("末行游标", "Cursor of the last row"), _CORE),
        ])  # fmt: skip
        for info in self.catalogue.types.values():
            self._object(info)
            self._connection(info)
            self._filter(info)

    # -- objects -----------------------------------------------------------------------------------------------
    def _object(self, info: TypeInfo) -> None:
        fields = [self._field(info, f) for f in info.fields.values()]
        self.composer.output(info.name, bilingual(info.node.zh, info.node.en), fields)

    def _field(self, info: TypeInfo, f: Field) -> Made:
        spec = f.spec
        text = bilingual(spec.zh, spec.en)
        if isinstance(spec, Column):
            kind = of_field(info, f.name)
            type_ = annotation(kind, self.composer.enums)
            if info.column(spec.column or "").nullable or spec.needs is not None:
                type_ = type_ | None
            policy = f"row and {spec.needs}" if spec.needs else "row"
            return Made(
                f.name, type_, text, field_metadata(f.plugin, 0, policy), "id" if f.name == "id" else None
            )
        if isinstance(spec, Expression):
            type_ = annotation(of_python(spec.type), self.composer.enums)
            return Made(
                f.name,
                type_ | None if spec.nullable else type_,
                text,
                field_metadata(f.plugin, spec.cost, "row"),
            )
        if isinstance(spec, One):
            type_ = self.composer.classes[spec.target]
            return Made(f.name, type_ | None, text, field_metadata(f.plugin, COST_OBJECT, "row"))
        return self.connection_field(f.name, self.catalogue[spec.target], text, f.plugin)

    # -- connections -------------------------------------------------------------------------------------------
    def connection_field(self, name: str, info: TypeInfo, text: str, plugin: str) -> Made:
        """A field that is a connection, with its arguments."""
        c = self.composer
        order: Any = c.enums.made[f"{info.name}Order"][1]
        arguments = (
            Arg("first", int | None, bilingual("从头取多少行，1–100", "How many rows from the start, 1–100")),
            Arg("after", str | None, bilingual("在此游标之后", "After this cursor")),
            Arg("last", int | None, bilingual("从尾取多少行，1–100", "How many rows from the end, 1–100")),
            Arg("before", str | None, bilingual("在此游标之前", "Before this cursor")),
            Arg("where", c.classes[f"{info.name}Filter"] | None, bilingual("筛选", "Filter")),
            Arg("orderBy", _list(order) | None, bilingual("排序", "Order")),
        )
        type_ = c.classes[f"{info.name}Connection"]
        return Made(name, type_, text, field_metadata(plugin, COST_OBJECT, "row"), None, arguments)

    def _connection(self, info: TypeInfo) -> None:
        c, name = self.composer, info.name
        node = c.classes[name]
        meta = field_metadata(info.plugin, COST_OBJECT, "page")
        leaf = field_metadata(info.plugin, 0, "page")
        c.output(f"{name}Edge", bilingual(f"{info.node.zh}及其游标", f"A {name} with its cursor"), [
            Made("cursor", str, bilingual("游标", "Cursor"), leaf),
            Made("node", node, bilingual("对象", "The object"), meta),
        ])  # fmt: skip
        c.output(f"{name}Connection", bilingual(f"{info.node.zh}的一页", f"A page of {name}"), [
            Made("edges", _list(c.classes[f"{name}Edge"]), bilingual("行及其游标", "Rows with cursors"), meta),
            Made("nodes", _list(node), bilingual("行", "Rows"), meta),
            Made("pageInfo", self.page_info, bilingual("分页信息", "About the page"), meta),
            Made("totalCount", int, bilingual("总行数，另行计数", "How many rows in all, counted separately"),
                 field_metadata(info.plugin, COST_TOTAL, "row")),
        ])  # fmt: skip

    # -- filters -----------------------------------------------------------------------------------------------
    def _filter(self, info: TypeInfo) -> None:
        c, name = self.composer, info.name
        own = c.classes[f"{name}Filter"]
        meta = {"plugin": info.plugin}
        fields = [
            _optional("and", _list(own), bilingual("全部满足", "All of"), meta),
            _optional("or", _list(own), bilingual("满足其一", "Any of"), meta),
            _optional("not", own, bilingual("不满足", "Not"), meta),
        ]
        for f in info.fields.values():
            type_ = self._filter_type(info, f)
            if type_ is not None:
                fields.append(_optional(f.name, type_, bilingual(f.spec.zh, f.spec.en), {"plugin": f.plugin}))
        c.input(f"{name}Filter", bilingual(f"{info.node.zh}的筛选", f"Filter of {name}"), fields)
        c.input(f"{name}ListFilter", bilingual(f"按所属{info.node.zh}筛选", f"Filter by the {name} rows it has"), [
            _optional("some", own, bilingual("至少有一个", "At least one"), meta),
            _optional("none", own, bilingual("一个也没有", "None"), meta),
        ])  # fmt: skip

    def _filter_type(self, info: TypeInfo, f: Field) -> Any:
        if isinstance(f.spec, One):
            return self.composer.classes[f"{f.spec.target}Filter"]
        if isinstance(f.spec, Many):
            return self.composer.classes[f"{f.spec.target}ListFilter"]
        if isinstance(f.spec, Expression) or not f.spec.filter:
            return None
        kind = of_field(info, f.name)
        return self._comparison(kind, info.plugin) if kind.filters else None

    def _comparison(self, kind: Kind, plugin: str) -> type:
        """The filter of a kind of values; shared by all columns of that kind."""
        c = self.composer
        name = ("Id" if kind.id_type else kind.name) + "Filter"
        if name in c.classes and (kind.enum is None or c.enums.of(kind.enum)):
            return c.classes[name]
        brought_by = plugin if kind.enum is not None else "core"
        c.announce(name, brought_by)
        value = annotation(kind, c.enums)
        fields = []
        for operator in kind.filters:
            type_ = bool if operator == "isNull" else _list(value) if operator == "in" else value
            fields.append(
                _optional(operator, type_, bilingual(*_OPERATORS[operator]), {"plugin": brought_by})
            )
        label = "标识" if kind.id_type else kind.name
        return c.input(
            name, bilingual(f"{label}的比较", f"Comparison of {'ids' if kind.id_type else kind.name}"), fields
        )

    # -- roots -------------------------------------------------------------------------------------------------
    def roots(self) -> list[Made]:
        """Root fields of the query type."""
        out = [
            Made("node", self.interface | None, bilingual("按全局标识取对象", "An object by its global id"),
                 field_metadata("core", COST_OBJECT, "row"), None,
                 (Arg("id", strawberry.ID, bilingual("全局标识", "Global id")),))
        ]  # fmt: skip
        for name, (info, kind) in self.catalogue.roots.items():
            text = bilingual(info.node.zh, info.node.en)
            if kind == "many":
                out.append(self.connection_field(name, info, text, info.plugin))
            else:
                ident = Arg("id", strawberry.ID, bilingual("全局标识", "Global id"))
                type_ = self.composer.classes[info.name]
                meta = field_metadata(info.plugin, COST_OBJECT, "row")
                out.append(Made(name, type_ | None, text, meta, None, (ident,)))
        return out


def _list(item: Any) -> Any:
    return list[item]


def _optional(name: str, type_: Any, text: str, metadata: dict[str, Any]) -> Made:
    return Made(name, type_ | None, text, metadata, None, (), Default(strawberry.UNSET))
