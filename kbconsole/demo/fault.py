"""`python -m kbconsole.demo.fault --state FILE PLANE KIND`: put a plane of the running fleet into trouble.

slow         every answer takes --ms longer
hang         requests are taken and never answered
unreachable  the port is closed
drop         the connection is cut: --when before, after or half
403 429 500  the console's requests are refused so
expired      the console's token is not known any more
drift        somebody else changes an object: --name role-wider or role-empty
off          all is well again
"""

from __future__ import annotations

import argparse
import http.client
import json
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from kbconsole.demo.faults import KINDS


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    text = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m kbconsole.demo.fault", description=__doc__, formatter_class=text
    )
    parser.add_argument("--state", type=Path, required=True, help="the SQLite file of the running fleet")
    parser.add_argument("plane")
    parser.add_argument("kind", choices=(*KINDS, "drift", "off"), metavar="kind")
    parser.add_argument("--ms", type=float)
    parser.add_argument("--retry-after", type=int)
    parser.add_argument("--when", choices=("before", "after", "half"))
    parser.add_argument("--count", type=int, help="only so many requests")
    parser.add_argument("--users", nargs="*", help="only these users; none: all")
    parser.add_argument("--methods", nargs="*", help="only these HTTP methods")
    parser.add_argument("--path", help="only paths that contain this")
    parser.add_argument("--name", help="of a drift")
    return parser.parse_args(arguments)


def _control(state: Path) -> dict[str, Any]:
    """Return port and token of the control port. Raises OSError, sqlite3.Error."""
    if not state.exists():
        raise FileNotFoundError(f"{state} does not exist")
    with closing(sqlite3.connect(f"{state.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute("SELECT value FROM facts WHERE key = 'control'").fetchone()
    found: dict[str, Any] = json.loads(row[0]) if row else {}
    return found


def _ask(control: dict[str, Any], plane: str, wanted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    with closing(http.client.HTTPConnection("127.0.0.1", control["port"], timeout=10)) as connection:
        headers = {"Authorization": f"Bearer {control['token']}", "Content-Type": "application/json"}
        connection.request("PUT", f"/planes/{plane}", json.dumps(wanted), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when the fleet took it, else 1 with the reason on stderr."""
    options = vars(_options(arguments))
    state, plane = options.pop("state"), options.pop("plane")
    wanted = {key: value for key, value in options.items() if value is not None}
    try:
        status, answer = _ask(_control(state), plane, wanted)
    except (OSError, sqlite3.Error, KeyError) as error:
        sys.stderr.write(f"The fleet of {state.name} does not run: {error}\n")
        return 1
    if status != 200:
        sys.stderr.write(f"{answer.get('error')}\n")
        return 1
    for name, found in answer.items():
        sys.stdout.write(f"{name:<14} {found['fault'] or 'ok'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
