"""Encryption of personal values: AES-256-GCM with associated data, and keyed blind indexes for exact search.

A cipher text is `key id length | key id | nonce (12) | ciphertext+tag`. Associated data binds a value to its place
(`table|column|row id`), so a cipher text moved to another row does not open.
"""

from __future__ import annotations

import hmac
import os
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sanzhi_core.audit.keys import Keys


def encrypt(keys: Keys, aad: str, plain: bytes) -> bytes:
    """Cipher text of `plain`, openable only with the same key and the same `aad`."""
    nonce = os.urandom(12)
    key_id = keys.data.id.encode()
    body = AESGCM(keys.data.secret).encrypt(nonce, plain, aad.encode())
    return bytes([len(key_id)]) + key_id + nonce + body


def decrypt(keys: Keys, aad: str, cipher: bytes) -> bytes:
    """The plain bytes; cryptography's InvalidTag when the key, the place or the text is another."""
    n = cipher[0]
    nonce, body = cipher[1 + n : 13 + n], cipher[13 + n :]
    key = keys.find("data", cipher[1 : 1 + n].decode())
    if key is None:
        raise LookupError("the key of this cipher text is not in the key file")
    return AESGCM(key.secret).decrypt(nonce, body, aad.encode())


def blind_index(keys: Keys, field: str, value: str) -> bytes:
    """Keyed digest of a normalised value, for uniqueness and exact search without the plain value."""
    return hmac.digest(keys.blind.secret, f"{field}|{value}".encode(), sha256)
