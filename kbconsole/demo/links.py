"""Sign-in links that are valid once: one file per link, named after the hash of its token."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path


def _file(folder: Path, token: str) -> Path:
    return folder / hashlib.sha256(token.encode()).hexdigest()


def make(folder: Path, username: str) -> str:
    """Return a fresh token for this user."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    token = secrets.token_urlsafe(24)
    _file(folder, token).write_text(username)
    return token


def take(folder: Path, token: str) -> str | None:
    """Return the user of the token and use it up; None if it was used or never made."""
    file = _file(folder, token)
    taken = file.with_suffix(".taken-" + secrets.token_hex(4))
    try:
        file.rename(taken)  # of two requests at once, one wins
    except FileNotFoundError:
        return None
    username = taken.read_text()
    taken.unlink()
    return username


def forget(folder: Path) -> None:
    """Make every link invalid."""
    for file in folder.glob("*") if folder.is_dir() else ():
        file.unlink()
