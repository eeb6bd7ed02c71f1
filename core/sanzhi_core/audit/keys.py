"""The secrets of one installation: a JSON file of mode 0600 outside the database, backed up apart from it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, cast, get_args

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sanzhi_core.db.private_files import InsecureFile, read_private, sync_folder, write_private

Purpose = Literal["audit", "seal", "data", "blind"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


class KeyFileError(Exception):
    """A key file that is missing, readable by others, damaged, or already there."""


@dataclass(frozen=True)
class Key:
    """32 secret bytes for one purpose. `id` is derived from the key, so damage to the file is noticed."""

    purpose: Purpose
    secret: bytes = field(repr=False)

    @cached_property
    def public(self) -> bytes:
        """Raw Ed25519 public key; only of a `seal` key."""
        if self.purpose != "seal":
            raise ValueError(f"a {self.purpose} key has no public half")
        return self.signer.public_key().public_bytes_raw()

    @cached_property
    def signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)

    @cached_property
    def id(self) -> str:
        material = self.public if self.purpose == "seal" else self.secret
        return key_id(self.purpose, material)


def key_id(purpose: str, material: bytes) -> str:
    """16 hex digits naming a key: hash of its public half for `seal`, else of the 256 random bits."""
    return hashlib.sha256(b"sanzhi.key.v1\n" + purpose.encode() + b"\n" + material).hexdigest()[:16]


@dataclass(frozen=True)
class Keys:
    """Current keys and, after a rotation, the retired ones that old rows and seals still need.

    `audit` HMAC of audit rows and values · `seal` Ed25519 seed · `data` AES-256-GCM of person secrets ·
    `blind` HMAC of the blind index.
    """

    audit: Key
    seal: Key
    data: Key
    blind: Key
    retired: tuple[Key, ...] = ()

    @classmethod
    def generate(cls) -> Keys:
        """Fresh random keys."""
        audit, seal, data, blind = (Key(purpose, secrets.token_bytes(32)) for purpose in PURPOSES)
        return cls(audit, seal, data, blind)

    @classmethod
    def load(cls, path: Path | str) -> Keys:
        """Keys of the file at `path`. Raises KeyFileError, also when group or world may open the file."""
        try:
            return _parse(read_private(Path(path)), str(path))
        except FileNotFoundError:
            raise KeyFileError(f"{path}: no key file here; `sanzhi init` makes one") from None
        except InsecureFile as error:
            raise KeyFileError(str(error)) from None

    def write(self, path: Path | str, *, replacing: bool = False) -> None:
        """Keep the keys at `path`, mode 0600, whole or not at all. Raises KeyFileError if a file is there."""
        keys = [{"purpose": key.purpose, "id": key.id, "key": _b64(key.secret)} for key in self._current()]
        old = [{"purpose": key.purpose, "id": key.id, "key": _b64(key.secret)} for key in self.retired]
        text = json.dumps({"format": 1, "keys": keys, "retired": old}, indent=2) + "\n"
        if replacing:
            write_private(Path(path), text)
        else:
            _write_new(Path(path), text)

    def rotated(self, purpose: Purpose) -> Keys:
        """These keys with a new one for `purpose`; the old one is kept among the retired."""
        old: Key = getattr(self, purpose)
        new = Key(purpose, secrets.token_bytes(32))
        return replace(self, **{purpose: new}, retired=(*self.retired, old))

    def find(self, purpose: Purpose, id: str) -> Key | None:
        """The current or retired key of that name."""
        for key in (*self._current(), *self.retired):
            if key.purpose == purpose and key.id == id:
                return key
        return None

    def fingerprints(self) -> dict[str, str]:
        """Key ids by purpose and the whole public key, safe to print."""
        return {key.purpose: key.id for key in self._current()} | {"seal_public": self.seal.public.hex()}

    @cached_property
    def audit_row_key(self) -> bytes:
        """Key of `row_hmac`. May be handed to an auditor: it does not open `audit_value_key`."""
        return row_key(self.audit)

    @cached_property
    def audit_value_key(self) -> bytes:
        """Key of `value_hmac`; whoever holds it can guess short personal values."""
        return _derive(self.audit, b"sanzhi.audit.value-key.v1")

    def public_pem(self) -> bytes:
        """Public keys of all seals, current first, for the verifier's `--public-key`."""
        sealers = [self.seal, *(key for key in self.retired if key.purpose == "seal")]
        return b"".join(
            Ed25519PublicKey.from_public_bytes(key.public).public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            for key in sealers
        )

    def row_key_lines(self) -> str:
        """Lines `key_id hex` for the verifier's `--hmac-key` file (secret)."""
        audits = [self.audit, *(key for key in self.retired if key.purpose == "audit")]
        return "".join(f"{key.id} {row_key(key).hex()}\n" for key in audits)

    def _current(self) -> tuple[Key, ...]:
        return (self.audit, self.seal, self.data, self.blind)


def row_key(audit: Key) -> bytes:
    """HMAC key of audit rows, derived from an `audit` key."""
    return _derive(audit, b"sanzhi.audit.row-key.v1")


def _derive(key: Key, info: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(key.secret)


def _b64(secret: bytes) -> str:
    return base64.b64encode(secret).decode()


def _parse(text: str, name: str) -> Keys:
    try:
        data = json.loads(text)
        if data["format"] != 1:
            raise KeyFileError(f"{name}: unknown format {data['format']!r}")
        current = {item["purpose"]: _key(item) for item in data["keys"]}
        audit, seal, data_key, blind = (current[purpose] for purpose in PURPOSES)
        return Keys(audit, seal, data_key, blind, tuple(_key(item) for item in data["retired"]))
    except (KeyError, TypeError, ValueError) as error:
        raise KeyFileError(f"{name}: damaged key file ({type(error).__name__})") from None


def _key(item: dict[str, str]) -> Key:
    key = Key(cast(Purpose, item["purpose"]), base64.b64decode(item["key"], validate=True))
    if key.purpose not in PURPOSES or len(key.secret) != 32 or key.id != item["id"]:
        raise ValueError("key and id differ")
    return key


def _write_new(path: Path, text: str) -> None:
    staged = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        write_private(staged, text)
        os.link(staged, path)  # unlike a rename, refuses to overwrite
        sync_folder(path.parent)
    except FileExistsError:
        raise KeyFileError(f"{path}: a key file is here already; it is never overwritten") from None
    finally:
        staged.unlink(missing_ok=True)
