"""Settings of the web server: what the environment may say, and whose X-Forwarded-For is believed."""

from __future__ import annotations

import pytest

from sanzhi_graphql.settings import WebSettings


def test_closed_by_default() -> None:
    settings = WebSettings.from_env({})
    assert settings == WebSettings((), (), False, "signed-in")


def test_what_the_environment_says() -> None:
    settings = WebSettings.from_env(
        {
            "SANZHI_CORS_ORIGINS": "https://a.example.cn, http://127.0.0.1:3000,",
            "SANZHI_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
            "SANZHI_GRAPHIQL": "1",
            "SANZHI_INTROSPECTION": "all",
        }
    )
    assert settings.cors_origins == ("https://a.example.cn", "http://127.0.0.1:3000")
    assert [str(n) for n in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert (settings.graphiql, settings.introspection) == (True, "all")


@pytest.mark.parametrize(
    "env",
    [
        {"SANZHI_INTROSPECTION": "yes"},
        {"SANZHI_CORS_ORIGINS": "*"},
        {"SANZHI_CORS_ORIGINS": "https://a.example.cn/"},
        {"SANZHI_CORS_ORIGINS": "https://a.example.cn/page"},
        {"SANZHI_CORS_ORIGINS": "a.example.cn"},
        {"SANZHI_CORS_ORIGINS": "null"},
        {"SANZHI_TRUSTED_PROXIES": "the-proxy"},
        {"SANZHI_TRUSTED_PROXIES": "10.0.0.300"},
        {"SANZHI_GRAPHIQL": "yes"},
    ],
)
def test_a_wrong_value_names_its_variable(env: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(env))):
        WebSettings.from_env(env)


TRUSTED = WebSettings.from_env({"SANZHI_TRUSTED_PROXIES": "10.0.0.0/8,::1"})


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # not a proxy: its header is its own claim
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),  # what the client claimed itself stands left
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("::1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "unknown", None),
        ("10.0.0.1", "' or 1=1 --", None),
        ("10.0.0.1", ", ,", "10.0.0.1"),
        ("testclient", None, None),
        (None, "198.51.100.1", None),
    ],
)
def test_the_callers_address(peer: str | None, forwarded: str | None, found: str | None) -> None:
    assert TRUSTED.client_ip(peer, forwarded) == found
