"""Settings of the web server, from the environment.

| variable | meaning | default |
|---|---|---|
| SANZHI_CORS_ORIGINS | origins of front-ends, separated by commas | none |
| SANZHI_TRUSTED_PROXIES | addresses or networks whose X-Forwarded-For is believed | none |
| SANZHI_GRAPHIQL | `1` serves GraphiQL at /graphql for browsers | off |
| SANZHI_INTROSPECTION | `off`, `signed-in` or `all` | `signed-in` |
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_ORIGIN = re.compile(r"https?://[^/\s*?#@]+")
INTROSPECTION = ("off", "signed-in", "all")


@dataclass(frozen=True)
class WebSettings:
    """How the API faces the world."""

    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    graphiql: bool = False
    introspection: str = "signed-in"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> WebSettings:
        """Read the environment; ValueError names the variable that is wrong."""
        env = os.environ if env is None else env
        introspection = env.get("SANZHI_INTROSPECTION") or "signed-in"
        if introspection not in INTROSPECTION:
            raise ValueError(f"SANZHI_INTROSPECTION is one of {', '.join(INTROSPECTION)}")
        origins = _list(env.get("SANZHI_CORS_ORIGINS"))
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"SANZHI_CORS_ORIGINS: {origin!r} is not an origin like https://example.cn")
        if env.get("SANZHI_GRAPHIQL") not in (None, "", "0", "1"):
            raise ValueError("SANZHI_GRAPHIQL is 1 or 0")
        try:
            proxies = tuple(ip_network(p, strict=False) for p in _list(env.get("SANZHI_TRUSTED_PROXIES")))
        except ValueError as fault:
            raise ValueError(f"SANZHI_TRUSTED_PROXIES: {fault}") from None
        return cls(origins, proxies, env.get("SANZHI_GRAPHIQL") == "1", introspection)

    def client_ip(self, peer: str | None, forwarded_for: str | None) -> str | None:
        """Address of the caller: the peer, or the last untrusted hop when the peer is a trusted proxy."""
        if peer is None:
            return None
        hops = [h.strip() for h in (forwarded_for or "").split(",") if h.strip()]
        address = peer
        while hops and self._trusted(address):
            address = hops.pop()
        try:
            return str(_address(address))
        except ValueError:
            return None

    def _trusted(self, address: str) -> bool:
        try:
            ip = _address(address)
        except ValueError:
            return False
        return any(ip in network for network in self.trusted_proxies)


def _address(text: str) -> IPv4Address | IPv6Address:
    """An address; IPv4 in IPv6's clothes (a dual-stack socket's peer) is IPv4, a zone is dropped. ValueError."""
    ip = ip_address(text.partition("%")[0])
    return getattr(ip, "ipv4_mapped", None) or ip


def _list(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
