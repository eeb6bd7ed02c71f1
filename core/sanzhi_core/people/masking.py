"""What of a personal value may be shown (domain/core.md §7). Masked values are stored, not computed on read.

A value too short to hide anything in is hidden whole.
"""

from __future__ import annotations


def _keep(value: str, first: int, last: int) -> str:
    """Keep `first` and `last` characters where at least four stay hidden; else hide all."""
    hidden = len(value) - first - last
    if hidden < 4:
        return "*" * len(value)
    return value[:first] + "*" * hidden + value[len(value) - last :]


def mask_id(number: str) -> str:
    """`990428********0023` for a citizen ID; other documents keep first and last character only."""
    value = number.strip()
    return _keep(value, 6, 4) if len(value) == 18 else _keep(value, 1, 1)


def mask_phone(number: str) -> str:
    """`138****5678`; a landline likewise keeps first three and last four, its hyphen counts as hidden."""
    return _keep(number.strip(), 3, 4)


def mask_name(name: str) -> str:
    """`张*` for two characters, first + stars + last (`欧**娜`) for three and more."""
    value = name.strip()
    if len(value) <= 1:
        return "*" * len(value)
    if len(value) == 2:
        return value[0] + "*"
    return value[0] + "*" * (len(value) - 2) + value[-1]


def mask_bank(account: str) -> str:
    """Last four characters only."""
    return _keep("".join(account.split()), 0, 4)
