"""The embedded fleet in a process of its own, so that it shares no lock with those who measure it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import django

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.k8s import kubeconfig
from kbconsole.k8s.credentials import PlaneCredential

ROOT = Path(__file__).parent.parent
MOST = 50  # contexts in a file; the parser takes no more than 64


@contextmanager
def served(folder: Path, planes: Sequence[str], *, slow_ms: int = 0) -> Iterator[None]:
    """Serve planes while the block runs; their kubeconfigs are in the folder: USER-000.kubeconfig and so on."""
    order = json.dumps({"folder": str(folder), "planes": list(planes), "slow_ms": slow_ms})
    with subprocess.Popen(
        [sys.executable, "-m", "tests.serving", order],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise ChildProcessError("the embedded fleet did not start")
            yield
        finally:
            process.terminate()


def credentials(folder: Path, user: str) -> Mapping[str, PlaneCredential]:
    """Return how a user reaches the planes that are served from this folder."""
    files = sorted(folder.glob(f"{user}-*.kubeconfig"))
    found = [context for file in files for context in kubeconfig.parse(file.read_bytes()).contexts]
    return {context.name: context.credential for context in found if context.credential}


def main(order: Mapping[str, object]) -> None:
    folder, planes = Path(str(order["folder"])), order["planes"]
    assert isinstance(planes, list)
    fleet = EmbeddedFleet(folder / "fleet.sqlite3", planes=planes, spare=None, controllers=False, nodes=1)
    fleet.start()
    names = [fleet.control_plane, *planes]
    for user in ("admin", "kbconsole"):
        for part in range(0, len(names), MOST):
            text = fleet.kubeconfig(user, names[part : part + MOST])
            (folder / f"{user}-{part:03}.kubeconfig").write_text(text)
    for plane in planes if order["slow_ms"] else ():
        fleet.fault(plane, "slow", ms=order["slow_ms"])
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    django.setup()
    main(json.loads(sys.argv[1]))
