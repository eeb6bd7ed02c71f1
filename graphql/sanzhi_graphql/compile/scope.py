"""The row policy in SQL: the one place of the host that says which rows a statement may see (architecture 8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sanzhi_core.db.base import SCOPE_LEVELS
from sanzhi_core.platform.context import Scope
from sanzhi_core.reading.declaration import Policy
from sanzhi_core.reading.registry import Catalogue, DeclarationError, TypeInfo

from .plan import EVERYWHERE_BIT, LEVEL_BITS, MANY_BITS, Shape, Values
from .refusal import ReadCode, ReadRefused
from .statement import Row, Snippet, Statement, snippet

_PERSONS = {"household": ("household",), "resident": ("resident", "subject")}

ENABLED = "enabled:"
"""Prefix of the key under which `scopes` carries where a plugin may be read, for clauses without a permission."""


@dataclass(frozen=True)
class Branch:
    """One way to see rows. With `level`: rows whose scope column equals one of the ids (`many`?) of parameter `ids`,
    and that `also` shows."""

    where: Callable[[Row], str | None]
    level: str | None = None
    ids: str | None = None
    many: bool = False
    also: Branch | None = None


@dataclass(frozen=True)
class Sight:
    """All ways to see rows of a type; `whole`: every row."""

    branches: tuple[Branch, ...] = ()
    whole: bool = False

    def where(self, row: Row) -> str | None:
        """SQL condition over a row; None: no condition, every row."""
        if self.whole:
            return None
        parts = [b.where(row) for b in self.branches]
        if not parts:
            return "false"
        return parts[0] if len(parts) == 1 else "(" + " or ".join(p or "true" for p in parts) + ")"


def conditions_of(info: TypeInfo) -> Mapping[str, Snippet]:
    """Compiled `public` and `signed_in` conditions of a policy, by clause; DeclarationError for a policy that is none."""
    out = {}
    for name in ("public", "signed_in"):
        clause = getattr(info.policy, name)
        if callable(clause):
            out[name] = snippet(info, clause, f"policy.{name}")
    for column in info.policy.self_:
        _person(info, column)
    return out


class PolicyWriter:
    """Writes policy conditions into one statement, for the shape of one caller.

    With `shape` None it surveys: every clause counts as held, and `permissions` and `walled` tell what was asked.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        statement: Statement,
        shape: Shape | None,
        conditions: Mapping[str, Mapping[str, Snippet]],
    ) -> None:
        self.catalogue = catalogue
        self.statement = statement
        self.shape = shape
        self.conditions = conditions
        self.permissions: dict[str, None] = {}
        self.walled: set[str | None] = set()
        self._bits = dict(shape.scopes) if shape is not None else None
        self._sights: dict[str, Sight] = {}

    def bits(self, key: str) -> int:
        """Levels at which a permission (or `enabled:` plugin) holds."""
        self.permissions[key] = None
        return EVERYWHERE_BIT if self._bits is None else self._bits[key]

    def sight(self, info: TypeInfo) -> Sight:
        """What the caller sees of a type."""
        known = self._sights.get(info.name)
        if known is None:
            known = self._sights[info.name] = self._sight(info)
        return known

    def _ids(self, key: str, level: str) -> str:
        index = SCOPE_LEVELS.index(level)

        def get(values: Values) -> list[object]:
            return list(dict.fromkeys(values.scopes[key].levels()[index][1]))

        return self.statement.bind(("scope", key, level), "uuid[]", get)

    def _levels(self, info: TypeInfo, key: str) -> list[Branch] | None:
        """Branches of a permission over the row's unit; None: everywhere."""
        bits = self.bits(key)
        if bits & EVERYWHERE_BIT:
            return None
        columns = info.node.model.__mapper__.columns
        held = [level for level in SCOPE_LEVELS if bits & LEVEL_BITS[level]]
        direct = all(level in columns for level in SCOPE_LEVELS)
        if direct or "unit_id" not in columns:
            return [
                self._level(level, self._ids(key, level), bool(bits & MANY_BITS[level]))
                for level in held
                if level in columns
            ]
        return [self._over_unit(level, self._ids(key, level)) for level in held]

    @staticmethod
    def _level(level: str, ids: str, many: bool) -> Branch:
        return Branch(lambda row: f"{row.col(level)} = any({ids})", level, ids, many)

    def _over_unit(self, level: str, ids: str) -> Branch:
        """For tables with `unit_id` only: the scope columns of the unit itself."""
        if level == "unit_id":
            return Branch(lambda row: f"{row.col('unit_id')} = any({ids})")

        def where(row: Row) -> str:
            u = self.statement.alias()
            return f"exists (select 1 from core.org_unit {u} where {u}.id = {row.col('unit_id')} and {u}.{level} = any({ids}))"

        return Branch(where)

    def holds(self, info: TypeInfo, key: str) -> Sight:
        """Where a permission holds over rows of a type."""
        levels = self._levels(info, key)
        return Sight(whole=True) if levels is None else Sight(tuple(levels))

    def needed(self, info: TypeInfo, name: str, permission: str) -> Sight:
        """Where a guarded column may be read; ReadRefused FORBIDDEN when the caller holds the permission nowhere."""
        sight = self.holds(info, permission)
        if not sight.whole and not sight.branches:
            raise ReadRefused(ReadCode.FORBIDDEN, f"{info.name}.{name} needs {permission}")
        return sight

    def _sight(self, info: TypeInfo) -> Sight:
        policy, shape = info.policy, self.shape
        if policy.walled:
            self.walled.update({policy.permission} if policy.permission else ())
            self.walled.update({None} if policy.self_ or policy.account else ())
        branches: list[Branch] = []
        if policy.permission is not None:
            levels = self._levels(info, policy.permission)
            if levels is None and shape is not None:
                return Sight(whole=True)
            branches += levels or []
        elif shape is not None and shape.system:
            return Sight(whole=True)
        for branch in self._for_groups(info, policy):
            enabled = self._enabled(info)
            if enabled.whole and branch is None:
                return Sight(whole=True)
            # Where the plugin is on, the indexes by level serve these rows too.
            branches += (
                [branch] if enabled.whole and branch else [_within(e, branch) for e in enabled.branches]
            )
        for branch in self._for_oneself(info, policy):
            enabled = self._enabled(info)
            branches.append(branch if enabled.whole else _and(branch, enabled))
        return Sight(whole=True) if shape is None else Sight(tuple(branches))

    def _enabled(self, info: TypeInfo) -> Sight:
        """Where the type's plugin is on; a table without scope columns belongs to no place."""
        if info.plugin == "core" or "unit_id" not in info.node.model.__mapper__.columns:
            return Sight(whole=True)
        return self.holds(info, ENABLED + info.plugin)

    def _for_groups(self, info: TypeInfo, policy: Policy) -> list[Branch | None]:
        """Branches of `public` and `signed_in`, where they apply; None stands for every row."""
        out: list[Branch | None] = []
        shape = self.shape
        for name, applies in (("public", True), ("signed_in", shape is None or shape.signed_in)):
            clause = getattr(policy, name)
            if not clause or not applies:
                continue
            if clause is True:
                out.append(None)
            else:
                part = self.conditions[info.name][name]
                out.append(Branch(lambda row, part=part: row.expression(part)))  # type: ignore[misc]
        return out

    def _for_oneself(self, info: TypeInfo, policy: Policy) -> list[Branch]:
        """Branches of `self_` and `account`, where the caller is such a person."""
        out = []
        shape = self.shape
        for column in policy.self_:
            person = _person(info, column)
            if shape is None or getattr(shape, person):
                out.append(self._own(column, f"{person}_id"))
        if policy.account and (shape is None or shape.account):
            out.append(self._own(policy.account, "account_id"))
        return out

    def _own(self, column: str, attribute: str) -> Branch:
        mine = self.statement.bind(
            ("own", attribute), "uuid", lambda values: getattr(values.principal, attribute)
        )
        return Branch(lambda row: f"{row.col(column)} = {mine}")


def _person(info: TypeInfo, attribute: str) -> str:
    """Whether a `self_` column names a household or a resident: by its foreign key, by the table, by its name."""
    column = info.column(attribute)
    names = [fk.target_fullname.split(".")[-2] for fk in column.foreign_keys]
    names += [info.table.name] if attribute == info.key else []
    for name in (*names, attribute):
        for person, words in _PERSONS.items():
            if any(word in name for word in words):
                return person
    raise DeclarationError(
        f"{info.plugin}: {info.name}: self_ column {attribute} names no household or resident"
    )


def _within(enabled: Branch, branch: Branch | None) -> Branch:
    """What a branch shows inside one level of where the plugin is on."""
    if branch is None:
        return enabled
    return replace(enabled, where=lambda row: f"({enabled.where(row)} and {branch.where(row)})", also=branch)


def _and(branch: Branch, enabled: Sight) -> Branch:
    return Branch(lambda row: f"({branch.where(row)} and {enabled.where(row)})")


def net(
    scopes: Mapping[str, Scope], walled: frozenset[str | None], county: object
) -> str | tuple[object, ...]:
    """The row-level security setting of a walled read: a net behind the policy, never wider than the caller's reach.

    `walled` holds permissions, and None where own rows (self_, account) count: they lie in the caller's county.
    """
    ids: dict[object, None] = {}
    for permission in walled:
        if permission is not None:
            scope = scopes[permission]
            if scope.everywhere:
                return "*"
            ids.update(dict.fromkeys(scope.ids()))
        elif county is not None:
            ids[county] = None
    return tuple(ids)
