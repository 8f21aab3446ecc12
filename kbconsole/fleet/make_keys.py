"""Print fresh keys as lines for the environment: `python -m kbconsole.fleet.make_keys`.

A plain module, because `manage.py` reads the settings first, and these want the keys.
"""

from __future__ import annotations

import secrets
import sys

from cryptography.fernet import Fernet


def lines() -> list[str]:
    """Return NAME=VALUE of every key that the settings want, each made now."""
    return [
        f"SECRET_KEY={secrets.token_urlsafe(48)}",
        f"KBCONSOLE_CREDENTIAL_KEYS={Fernet.generate_key().decode()}",
        f"KBCONSOLE_AUDIT_KEYS={secrets.token_urlsafe(48)}",
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
