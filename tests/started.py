"""The console in processes of its own, with an environment that a test gives whole."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from kbconsole.fleet.make_keys import lines

ROOT = Path(__file__).parent.parent
KEPT = ("PATH", "LANG", "TMPDIR")


def keys() -> dict[str, str]:
    """Return fresh keys, as an installation makes them."""
    return dict(line.split("=", 1) for line in lines())


def environment(folder: Path, **values: str) -> dict[str, str]:
    """Return the environment of an installation in that folder and nothing of ours; "" takes a name away."""
    whole = {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        **keys(),
        "KBCONSOLE_DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder / 'kbconsole.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "kbconsole.settings",
        **values,
    }
    return {name: value for name, value in whole.items() if value}


def manage(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` with exactly this environment."""
    return python("manage.py", *arguments, env=env)


def python(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=dict(env), cwd=ROOT, capture_output=True, text=True, timeout=60)
