"""JSON objects in SQL."""

from __future__ import annotations

from collections.abc import Sequence

from .statement import literal

_ARGUMENTS = 50
"""Pairs that json_build_object takes (100 arguments)."""
_NAME = 63
"""Bytes of a column name; a longer response key would be cut."""


def json_object(pairs: Sequence[tuple[str, str]], *, flat: bool = False) -> str:
    """SQL of a JSON object of (response key, SQL) pairs, any number of them, in order.

    `row_to_json` is the faster and shorter form; it needs a sub-select, which `flat` avoids (aggregates of the
    surrounding query may not stand in one).
    """
    if not pairs:
        return "'{}'::json"
    if not flat and all(len(key) <= _NAME for key, _ in pairs):
        x = "x"
        return f"(select row_to_json({x}) from (select {', '.join(f'{sql} as {_name(key)}' for key, sql in pairs)}) {x})"
    parts = [pairs[i : i + _ARGUMENTS] for i in range(0, len(pairs), _ARGUMENTS)]
    built = [f"json_build_object({', '.join(f'{literal(k)}, {sql}' for k, sql in part)})" for part in parts]
    if len(built) == 1:
        return built[0]
    # Too wide for one call: join the texts of the parts, without the braces between them.
    inner = " || ', ' || ".join(f"substr({b}::text, 2, length({b}::text) - 2)" for b in built)
    return f"('{{' || {inner} || '}}')::json"


def _name(key: str) -> str:
    return f'"{key}"'
