"""`python -m kbconsole.fleet.command_process ROW`: the process that looks after one command.

A worker starts it and goes on. It leaves the worker's session at once, before the time that Django takes to be set up,
so that neither the end of a slice nor that of the worker ends the command.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import django


def main(row: int) -> None:
    if os.fork():
        os._exit(0)
    os.setsid()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kbconsole.settings")
    django.setup()
    import_module("kbconsole.fleet.command_keeper").main(row)  # it has models, so only now


if __name__ == "__main__":
    main(int(sys.argv[1]))
