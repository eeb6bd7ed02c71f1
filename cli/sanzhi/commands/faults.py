"""Faults a user can mend: shown as one line."""

from __future__ import annotations


def known() -> tuple[type[BaseException], ...]:
    """Exception types whose message says what to do."""
    import asyncpg
    from pydantic import ValidationError

    from sanzhi_core.audit.keys import KeyFileError
    from sanzhi_core.db.embedded import EmbeddedError
    from sanzhi_core.db.provision import PrivilegedRole, ProvisionError
    from sanzhi_core.errors import BusinessError
    from sanzhi_core.kit.refusals import Refusal
    from sanzhi_core.platform.installation import NotInstalled

    return (
        ValidationError,
        NotInstalled,
        EmbeddedError,
        ProvisionError,
        PrivilegedRole,
        KeyFileError,
        BusinessError,
        Refusal,
        FileNotFoundError,
        ConnectionRefusedError,
        asyncpg.InvalidPasswordError,
        asyncpg.InvalidCatalogNameError,
    )


def sentence(fault: BaseException) -> str:
    """One line for a known fault."""
    from pydantic import ValidationError

    if isinstance(fault, ValidationError):
        first = fault.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(fault)
