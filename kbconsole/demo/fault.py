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
import sys
from collections.abc import Sequence
from pathlib import Path

from kbconsole.demo.faults import KINDS
from kbconsole.demo.faults_client import NotSwitched, switch


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when the fleet took it, else 1 with the reason on stderr."""
    options = {key: value for key, value in vars(_options(arguments)).items() if value is not None}
    try:
        answer = switch(options.pop("state"), options.pop("plane"), options.pop("kind"), **options)
    except NotSwitched as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for name, found in answer.items():
        sys.stdout.write(f"{name:<14} {found['fault'] or 'ok'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
