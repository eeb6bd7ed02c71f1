from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanzhi_core.audit.canonical import (
    CanonicalError,
    Change,
    Entry,
    Result,
    canonical_bytes,
    leaf_hash,
    row,
    row_hmac,
    value_hmac,
)
from sanzhi_core.audit.keys import Keys

SHANGHAI = timezone(timedelta(hours=8))
ID = UUID("01890000-0000-7000-8000-000000000001")


class Grade(IntEnum):
    A = 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, -2]}, '{"a":[true,null,-2],"b":1}'),
        ({"文": "三治\n\u202e"}, '{"文":"三治\\n\u202e"}'),
        (datetime(2026, 11, 22, 8, 0, 0, 7, SHANGHAI), '"2026-11-22T00:00:00.000007Z"'),
        (datetime(2026, 11, 22, tzinfo=UTC), '"2026-11-22T00:00:00.000000Z"'),
        (date(2026, 11, 22), '"2026-11-22"'),
        (ID, '"01890000-0000-7000-8000-000000000001"'),
        (Result.DENIED, '"DENIED"'),
        (Grade.A, "3"),
        (Decimal("1.50"), '"1.50"'),
        (Decimal("1E+3"), '"1000"'),
        (Fraction(2, 3), '"2/3"'),
        (b"\x00\xff", '"00ff"'),
        ((1, 2), "[1,2]"),
        (2**63 - 1, "9223372036854775807"),
    ],
)
def test_known_bytes(value: object, text: str) -> None:
    assert canonical_bytes(value) == text.encode()


@pytest.mark.parametrize(
    "value",
    [
        *(1.0, float("nan"), Decimal("NaN"), 2**63, {1, 2}, object(), datetime(2026, 1, 1)),  # noqa: DTZ001
        *("a\x00b", "\ud800", {"\x00": 1}, {1: 2}, {Result.OK: 1}, {"deep": [{"x": 0.5}]}),
    ],
)
def test_what_has_no_exact_form_is_refused(value: object) -> None:
    with pytest.raises(CanonicalError):
        canonical_bytes(value)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values)
def test_bytes_say_all_and_only_the_value(value: Any) -> None:
    if "\\u0000" in json.dumps(value):
        with pytest.raises(CanonicalError):
            canonical_bytes(value)
        return
    text = canonical_bytes(value)
    assert json.loads(text) == value
    assert canonical_bytes(json.loads(text)) == text


@given(st.dictionaries(st.text("abc文", min_size=1), st.integers(), min_size=2), st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, int], rng: Any) -> None:
    small = {key: number % 1000 for key, number in value.items()}
    items = list(small.items())
    rng.shuffle(items)
    assert canonical_bytes(dict(items)) == canonical_bytes(small)


def _entry(**facts: Any) -> Entry:
    at = datetime(2026, 11, 22, 9, 0, tzinfo=SHANGHAI)
    return Entry(**({"id": ID, "at": at, "action": "core.unit.rename", "result": Result.OK} | facts))


def test_a_row_holds_what_its_body_says() -> None:
    keys = Keys.generate()
    change = Change(entity="OrgUnit", id=ID, fields=["name"], after_hash="ab", values={"name": ["旧", "新"]})
    entry = _entry(ip="::ffff:10.0.0.1", changes=[change], county_id=ID)
    values = row(entry, keys)
    body = json.loads(values["body"])
    assert body.pop("v") == 1
    assert set(body) == set(values) - {"body", "row_hmac"}
    assert body["at"] == "2026-11-22T01:00:00.000000Z"
    assert values["at"] == entry.at
    assert body["ip"] == values["ip"] == "10.0.0.1"
    assert body["key_id"] == keys.audit.id
    assert body["changes"] == values["changes"] == [change.plain()]
    assert values["row_hmac"] == row_hmac(keys.audit_row_key, values["body"])
    assert values["row_hmac"] != row_hmac(keys.audit_value_key, values["body"])


@pytest.mark.parametrize("ip", ["10.0.0.1/8", "fe80::1%eth0", "localhost", ""])
def test_an_address_that_is_none_is_refused(ip: str) -> None:
    with pytest.raises(CanonicalError):
        _entry(ip=ip).columns()


def test_value_hashes_are_bound_to_key_and_row() -> None:
    keys = Keys.generate()
    key, other = keys.audit_value_key, Keys.generate().audit_value_key
    base = value_hmac(key, "Resident", ID, {"phone": "13800000000"})
    assert base == value_hmac(key, "Resident", ID, {"phone": "13800000000"})
    changed = [
        value_hmac(other, "Resident", ID, {"phone": "13800000000"}),
        value_hmac(key, "Household", ID, {"phone": "13800000000"}),
        value_hmac(key, "Resident", None, {"phone": "13800000000"}),
        value_hmac(key, "Resident", ID, {"phone": "13800000001"}),
    ]
    assert len({base, *changed}) == 5


def test_a_leaf_covers_epoch_txid_hmac_and_body() -> None:
    mac = bytes(32)
    leaves = {
        leaf_hash(1, 7, mac, b"x"),
        leaf_hash(2, 7, mac, b"x"),
        leaf_hash(1, 8, mac, b"x"),
        leaf_hash(1, 7, b"\x01" + mac[1:], b"x"),
        leaf_hash(1, 7, mac, b"y"),
    }
    assert len(leaves) == 5
