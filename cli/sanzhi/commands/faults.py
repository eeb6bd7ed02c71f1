"""Faults a user can mend: shown as one line."""

from __future__ import annotations


def known() -> tuple[type[BaseException], ...]:
    """Exception types whose message says what to do."""
    import asyncpg

    from sanzhi_core.audit.keys import KeyFileError
    from sanzhi_core.db.embedded import EmbeddedError
    from sanzhi_core.db.provision import PrivilegedRole, ProvisionError
    from sanzhi_core.errors import BusinessError
    from sanzhi_core.kit.refusals import Refusal
    from sanzhi_core.platform.installation import NotInstalled

    return (
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
