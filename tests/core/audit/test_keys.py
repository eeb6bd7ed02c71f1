from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from sanzhi_core.audit.keys import PURPOSES, KeyFileError, Keys
from sanzhi_core.audit.verifier import public_key_id, read_hmac_keys, read_public_keys


def test_keys_come_back_from_a_file_only_we_can_read(tmp_path: Path) -> None:
    keys, path = Keys.generate(), tmp_path / "keys.json"
    keys.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Keys.load(path) == keys
    assert os.listdir(tmp_path) == ["keys.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644])
def test_a_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys.json"
    Keys.generate().write(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        Keys.load(path)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="sanzhi init"):
        Keys.load(tmp_path / "none.json")


def test_keys_are_never_overwritten_by_new_ones(tmp_path: Path) -> None:
    keys, path = Keys.generate(), tmp_path / "keys.json"
    keys.write(path)
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match="never overwritten"):
        Keys.generate().write(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["keys.json"]


def test_damage_is_noticed_and_no_secret_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = Keys.generate()
    keys.write(path)
    good = json.loads(path.read_text())
    damaged = []
    for item in range(4):
        bad = json.loads(path.read_text())
        secret = bad["keys"][item]["key"]
        bad["keys"][item]["key"] = ("B" if secret[0] != "B" else "C") + secret[1:]
        damaged.append(bad)
    damaged += [good | {"format": 2}, good | {"keys": good["keys"][1:]}, [], {}]
    for bad in damaged:
        path.write_text(json.dumps(bad))
        with pytest.raises(KeyFileError) as caught:
            Keys.load(path)
        assert not any(item["key"] in str(caught.value) for item in good["keys"])
    path.write_text("{")
    with pytest.raises(KeyFileError):
        Keys.load(path)


def test_nothing_printable_gives_a_secret_away() -> None:
    keys = Keys.generate()
    shown = repr(keys) + str(keys.fingerprints())
    for purpose in PURPOSES:
        secret = getattr(keys, purpose).secret
        assert secret.hex() not in shown
        assert repr(secret) not in shown
    assert set(keys.fingerprints()) == {*PURPOSES, "seal_public"}


def test_every_key_is_of_its_own() -> None:
    keys, others = Keys.generate(), Keys.generate()
    secrets = [getattr(k, purpose).secret for k in (keys, others) for purpose in PURPOSES]
    derived = [k for one in (keys, others) for k in (one.audit_row_key, one.audit_value_key)]
    assert len({*secrets, *derived}) == 12
    assert all(len(secret) == 32 for secret in (*secrets, *derived))


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_rotated_key_stays_findable(tmp_path: Path, purpose: str) -> None:
    old = Keys.generate()
    new = old.rotated(purpose)  # type: ignore[arg-type]
    path = tmp_path / "keys.json"
    old.write(path)
    new.write(path, replacing=True)
    loaded = Keys.load(path)
    assert loaded == new
    before, after = getattr(old, purpose), getattr(loaded, purpose)
    assert after != before
    assert loaded.find(purpose, before.id) == before  # type: ignore[arg-type]
    assert loaded.find(purpose, after.id) == after  # type: ignore[arg-type]
    assert loaded.find(purpose, "0" * 16) is None  # type: ignore[arg-type]
    assert [p for p in PURPOSES if getattr(old, p) != getattr(loaded, p)] == [purpose]


def test_the_verifier_names_keys_as_we_do(tmp_path: Path) -> None:
    keys = Keys.generate().rotated("seal").rotated("audit")
    pem, rows = tmp_path / "seal.pem", tmp_path / "rows.txt"
    pem.write_bytes(keys.public_pem())
    rows.write_text(keys.row_key_lines())
    assert [public_key_id(key) for key in read_public_keys(pem)] == [keys.seal.id, keys.retired[0].id]
    assert list(read_hmac_keys(rows)) == [keys.audit.id, keys.retired[1].id]
    assert read_hmac_keys(rows)[keys.audit.id] == keys.audit_row_key
    assert keys.audit_value_key not in read_hmac_keys(rows).values()
    assert keys.seal.secret not in pem.read_bytes()
