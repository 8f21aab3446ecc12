"""A stand-in for the `cilium` command, for the embedded fleet: `python -m kbconsole.demo.cilium --context k8s-1 …`.

It knows the subcommands that the console uses, reads planes from KUBECONFIG as the real one does, writes the objects
that the real one leaves (`kbconsole.demo.mesh`), and prints JSON of the same shape. It is not Cilium.
"""

from __future__ import annotations

import argparse
import json
import os
import ssl
import sys
from collections.abc import Callable, Iterable, Sequence, Set
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import django
from django.conf import settings

from kbconsole.demo import mesh
from kbconsole.k8s import kubeconfig
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.credentials import PlaneCredential
from kbconsole.k8s.errors import KubeError

SECONDS = 3.0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cilium", description="Not Cilium: a stand-in for the embedded fleet."
    )
    parser.add_argument("--context", required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    install = commands.add_parser("install")
    install.add_argument("--version", required=True)
    install.add_argument("--set", action="append", default=[])
    install.add_argument("--wait", action="store_true")
    install.add_argument("--wait-duration")
    test = commands.add_parser("connectivity").add_subparsers(dest="what", required=True).add_parser("test")
    test.add_argument("--multi-cluster", required=True)
    test.add_argument("--timeout")
    acts = commands.add_parser("clustermesh").add_subparsers(dest="act", required=True)
    acts.add_parser("enable").add_argument("--service-type", required=True)
    acts.add_parser("disable")
    for name in ("connect", "disconnect"):
        act = acts.add_parser(name)
        act.add_argument("--destination-context", required=True)
        act.add_argument(
            "--connection-mode", choices=("unicast", "bidirectional", "mesh"), default="bidirectional"
        )
        act.add_argument("--parallel", type=int)
    status = acts.add_parser("status")
    status.add_argument("-o", "--output", choices=("json", "summary"))
    status.add_argument("--wait", action="store_true")
    status.add_argument("--wait-duration")
    return parser


class Planes:
    """The contexts of the kubeconfig that the environment names."""

    def __init__(self) -> None:
        parsed = kubeconfig.parse(Path(os.environ["KUBECONFIG"]).read_bytes())
        self._credentials: dict[str, PlaneCredential] = {
            one.name: one.credential for one in parsed.accepted if one.credential
        }

    def client(self, context: str) -> PlaneClient:
        if context not in self._credentials:
            raise SystemExit(f'Error: context "{context}" does not exist')
        credential = self._credentials[context]
        return PlaneClient(context, credential, manager="cilium-cli", allow_loopback=True, deadline=SECONDS)

    def server(self, context: str) -> str:
        return self._credentials[context].server


def reach(server: str) -> str:
    """Return why a plane's server does not answer, as an agent of Cilium would put it; "" where it does."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    address = server.removeprefix("https://")
    try:
        with urlopen(f"{server}/version", timeout=SECONDS, context=context) as answer:
            return "" if answer.status == 200 else f"etcd cluster: unexpected answer {answer.status}"
    except TimeoutError:
        return f"dial tcp {address}: i/o timeout"
    except URLError as error:
        code = getattr(error, "code", 0)
        why = (
            f"etcd cluster: unexpected answer {code}"
            if code
            else f"dial tcp {address}: connect: connection refused"
        )
        return f"dial tcp {address}: i/o timeout" if isinstance(error.reason, TimeoutError) else why
    except OSError as error:
        return f"dial tcp {address}: {error}"


def status(client: PlaneClient) -> dict[str, Any]:
    """Return what `cilium clustermesh status -o json` prints; zeros are left out, as there.

    Why an agent is not connected is not in it: Go writes an error as `{}`. The agents tell it (kubectl.py). Agents get
    all by KVStoreMesh, so they stay ready with what it last knew while that has lost a remote.
    """
    servers = mesh.remotes_of(client)
    lost = {name for name, server in servers.items() if reach(server)}
    agents = _part("cilium-agent", mesh.agents_of(client), servers, lost - mesh.learned_from(client))
    return {
        "connectivity": agents,
        "kvstoremesh": {"enabled": True, "status": _part("kvstoremesh", 1, servers, lost)},
    }


def _part(pod: str, total: int, names: Iterable[str], cut: Set[str]) -> dict[str, Any]:
    """Return what so many pods say of remotes, of which some are cut off from all of them."""
    clusters = {name: {"configured": total} | ({} if name in cut else {"connected": total}) for name in names}
    part: dict[str, Any] = {"clusters": clusters, "total": total}
    if cut:
        error: dict[str, Any] = {"Errors": [{}], "Warnings": None, "Disabled": False}
        errors = dict.fromkeys(sorted(cut), error)
        part |= {"not_ready": total, "errors": {pod: errors}}
    return part


def test(planes: Planes, contexts: Sequence[str]) -> None:
    """Send nothing: see whether the planes' servers answer, which is all that reaches means here."""
    sys.stderr.write("A stand-in sends no packets; it asks each plane's server.\n")
    for context in contexts:
        if why := reach(planes.server(context)):
            raise SystemExit(f"Error: {context}: {why}")


def join(planes: Planes, contexts: Sequence[str], *, connected: bool) -> None:
    """Connect all planes with all others, or take them apart, plane by plane: one that is lost stops it half-way."""
    clients = {context: planes.client(context) for context in contexts}
    if connected and not mesh.same_authority(list(clients.values())):
        raise SystemExit("Error: CA certificates of the clusters do not match (use --allow-mismatching-ca)")
    names = {context: mesh.called(client) for context, client in clients.items()}
    learned = (
        {names[context]: mesh.ranges_of(client) for context, client in clients.items()} if connected else {}
    )
    for context, client in clients.items():
        sys.stderr.write(f"Configuring {context}\n")
        others = [other for other in contexts if other != context]
        mesh.point(
            client, {names[other]: planes.server(other) if connected else None for other in others}, learned
        )


def run(options: argparse.Namespace) -> None:
    planes = Planes()
    client = planes.client(options.context)
    if options.command == "install":
        sets = dict(pair.split("=", 1) for pair in options.set)
        pods = sets["ipam.operator.clusterPoolIPv4PodCIDRList"]
        mesh.install(client, name=sets["cluster.name"], number=int(sets["cluster.id"]), pods=pods)
    elif options.command == "connectivity":
        test(planes, [options.context, options.multi_cluster])
    elif options.act == "enable":
        mesh.enable(client, service_type=options.service_type)
    elif options.act == "disable":
        mesh.disable(client)
    elif options.act == "status":
        sys.stdout.write(json.dumps(status(client), indent=1) + "\n")
    else:
        contexts = [options.context, *options.destination_context.split(",")]
        join(planes, contexts, connected=options.act == "connect")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say. Returns the exit code."""
    options = _parser().parse_args(arguments)
    return carried_out(lambda: run(options))


def carried_out(work: Callable[[], None]) -> int:
    """Do the work of a command in a process of its own, and return the exit code."""
    if not settings.configured:
        settings.configure(KBCONSOLE_PLANE_ALLOW_LOOPBACK=True, USE_I18N=False)
        django.setup()
    try:
        work()
    except KubeError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
