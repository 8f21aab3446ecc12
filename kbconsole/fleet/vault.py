"""Encryption at rest. The plaintext names the row that it belongs to, so that rows cannot be swapped."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class VaultError(Exception):
    """A text that does not decrypt, or that belongs to another row: never an expected failure."""


def _ring() -> MultiFernet:
    return MultiFernet([Fernet(key.strip()) for key in settings.KBCONSOLE_CREDENTIAL_KEYS])


def key_id() -> str:
    """Return the short name of the key that encrypts now; it tells nothing about the key."""
    first: str = settings.KBCONSOLE_CREDENTIAL_KEYS[0].strip()
    return hashlib.sha256(first.encode()).hexdigest()[:12]


def encrypt(owner: str, secret: Any) -> str:
    """Return the ciphertext of a JSON value. `owner` is the identity of the row that keeps it."""
    return _ring().encrypt(json.dumps({"owner": owner, "secret": secret}).encode()).decode()


def decrypt(owner: str, ciphertext: str) -> Any:
    """Return what `encrypt` was given. Raises VaultError for a wrong key and for another row's text."""
    try:
        opened = json.loads(_ring().decrypt(ciphertext.encode()))
    except InvalidToken:
        raise VaultError(f"{owner}: none of KBCONSOLE_CREDENTIAL_KEYS opens it") from None
    if opened["owner"] != owner:
        raise VaultError(f"{owner}: the text belongs to another row")
    return opened["secret"]


def rotated(owner: str, ciphertext: str) -> str:
    """Return the same text under the first key. Raises VaultError."""
    return encrypt(owner, decrypt(owner, ciphertext))
