"""Executables of the demo: they start stand-ins from any folder and environment. Needs nothing but Python."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def write_script(path: Path, module: str) -> str:
    """Write a script, of its owner alone, that runs a module of this repository; it is there whole or not at all.

    Returns its path.
    """
    root = Path(__file__).parents[2]
    text = f'#!/bin/sh\ncd "{root}" && exec "{sys.executable}" -m {module} "$@"\n'
    if not path.exists() or path.read_text() != text:
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.touch(mode=0o700)
        fresh.write_text(text)
        fresh.rename(path)
    return str(path)
