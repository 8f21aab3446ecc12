"""The project's settings for `make demo`: everything in one private folder, keys made on the first start."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

from kbconsole.demo.scripts import write_script

DEMO_DIR = Path(os.environ.setdefault("KBCONSOLE_DATA_DIR", str(Path(__file__).parents[2] / "var" / "demo")))
DEMO_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
_keys = DEMO_DIR / "keys.json"
if not _keys.exists():
    made = {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "KBCONSOLE_CREDENTIAL_KEYS": Fernet.generate_key().decode(),
        "KBCONSOLE_AUDIT_KEYS": secrets.token_urlsafe(48),
        "DEMO_PASSWORD": secrets.token_urlsafe(9),
    }
    with os.fdopen(os.open(_keys, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(made, file)
for name, value in json.loads(_keys.read_text()).items():
    os.environ.setdefault(name, value)
DEMO_PASSWORD = os.environ["DEMO_PASSWORD"]
os.environ.setdefault("DATABASE_URL", f"sqlite:///{DEMO_DIR / 'kbconsole.sqlite3'}")
os.environ.setdefault("KBCONSOLE_HTTPS", "false")
os.environ.setdefault("KBCONSOLE_PLANE_ALLOW_LOOPBACK", "true")
os.environ.setdefault("KBCONSOLE_BEAT_SECONDS", "1")
os.environ.setdefault("KBCONSOLE_CHECK_SECONDS", "4")
os.environ.setdefault("KBCONSOLE_POLL_SECONDS", "1")
os.environ.setdefault("LOG_LEVEL", "WARNING")
os.environ.setdefault("KBCONSOLE_CILIUM", write_script(DEMO_DIR / "cilium", "kbconsole.demo.cilium"))
os.environ.setdefault("KBCONSOLE_KUBECTL", write_script(DEMO_DIR / "kubectl", "kbconsole.demo.kubectl"))

from kbconsole.settings import *  # noqa: E402, F403
from kbconsole.settings import INSTALLED_APPS  # noqa: E402

INSTALLED_APPS = [*INSTALLED_APPS, "kbconsole.demo"]
ROOT_URLCONF = "kbconsole.demo.urls"
KBCONSOLE_DEMO_DIR = DEMO_DIR
