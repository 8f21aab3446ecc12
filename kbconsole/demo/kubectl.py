"""A stand-in for `kubectl exec` into the agents of a mesh, for the embedded fleet: pods there run nothing.

It takes the argument lists by which the console asks agents, and answers in the shape of Cilium's own tools from what
the plane really holds: the remotes in its Secrets, whether their servers answer, and the ranges that its agents were
given when they were connected. It is neither kubectl nor Cilium.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from kbconsole.demo import mesh
from kbconsole.demo.cilium import Planes, carried_out, reach
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.kinds import DAEMON_SET, DEPLOYMENT

ASKED = {"ds": DAEMON_SET, "deploy": DEPLOYMENT}
WELL = "etcd: 1/1 connected, leases=0, lock leases=1, has-quorum=true: endpoint status checks are disabled"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubectl", description="Not kubectl: a stand-in for the embedded fleet."
    )
    parser.add_argument("--context", required=True)
    run = parser.add_subparsers(dest="verb", required=True).add_parser("exec")
    run.add_argument("-n", "--namespace", required=True)
    run.add_argument("pods")
    run.add_argument("-c", "--container", required=True)
    return parser


def remote(name: str, server: str, *, behind: bool, learned: bool = False) -> dict[str, Any]:
    """Return one remote as `models.RemoteCluster` has it; what is false or zero is left out, as there.

    Agents get all by KVStoreMesh here, so they are connected to that: they lack what it never got, and keep what it had
    before it lost the remote (`learned`).
    """
    config = {"required": True, "retrieved": True, "kvstoremesh": True, "sync-canaries": True}
    if learned or not reach(server):
        synced = dict.fromkeys(("endpoints", "identities", "nodes", "services"), True)
        return {
            "name": name,
            "ready": True,
            "connected": True,
            "status": WELL,
            "config": config,
            "synced": synced,
        }
    if behind:
        return {"name": name, "status": "Waiting for initial connection to be established", "num-failures": 1}
    return {"name": name, "connected": True, "status": WELL, "config": {"required": True}, "synced": {}}


def tried(name: str, server: str) -> str:
    """Return what `troubleshoot` prints of one remote, without its certificates: the stand-in checks none."""
    host, why = server.removeprefix("https://"), reach(server)
    tcp = why.startswith("dial tcp")
    stages = [f"✅ {kind} connection successfully established to {host}" for kind in ("TCP", "TLS")]
    if tcp:
        stages = [f"❌ Cannot establish TCP connection to {host}: {why}"]
    etcd = (
        f"❌ Failed to establish connection: {why}" if why else "✅ Etcd connection successfully established"
    )
    lines = [
        f'Remote cluster "{name}":',
        "🔌 Endpoints:",
        f"   - {server}",
        *(f"     {said}" for said in stages),
    ]
    return "\n".join([*lines, "", "⚙️ Etcd client:", f"   {etcd}", ""])


def answer(client: PlaneClient, container: str, command: Sequence[str]) -> Any:
    """Return what the command prints in that container, as JSON or as text.

    Raises KubeError, and SystemExit for another command.
    """
    tool, *words = command
    known = sorted(mesh.remotes_of(client).items())
    if (container, tool, words) == ("cilium-agent", "cilium-dbg", ["status", "-o", "json"]):
        learned = mesh.learned_from(client)
        clusters = [remote(name, server, behind=False, learned=name in learned) for name, server in known]
        return {"cilium": {"state": "Ok"}, "cluster-mesh": {"clusters": clusters}}
    if (container, words) == ("kvstoremesh", ["kvstoremesh-dbg", "status", "-o", "json"]):
        return [remote(name, server, behind=True) for name, server in known]
    if words[:2] in (["kvstoremesh-dbg", "troubleshoot"], ["troubleshoot", "clustermesh"]):
        unknown = [
            f'Remote cluster "{name}":\n❌ Configuration not found\n'
            for name in words[2:]
            if name not in dict(known)
        ]
        return "\n".join([*(tried(name, server) for name, server in known if name in words[2:]), *unknown])
    if (container, tool, words) == ("cilium-agent", "cilium-dbg", ["bpf", "ipcache", "list", "-o", "json"]):
        entry = "identity={} encryptkey=0 tunnelendpoint={} flags={}"
        own = {
            f"{node}/32": [entry.format(1, "0.0.0.0", "<none>")] for node in mesh.ranges_of(client).values()
        }
        far = {pods: [entry.format(2, node, "hastunnel")] for pods, node in mesh.learned_of(client).items()}
        return {"0.0.0.0/0": [entry.format(2, "0.0.0.0", "<none>")], **own, **far}
    raise SystemExit(f"error: {tool} {' '.join(words)} is not known to this stand-in")


def run(context: str, namespace: str, pods: str, container: str, command: Sequence[str]) -> None:
    kind, _, name = pods.partition("/")
    client = Planes().client(context)
    if kind not in ASKED or client.get(ASKED[kind], name, namespace) is None:
        raise SystemExit(f'Error from server (NotFound): "{pods}" not found')
    said = answer(client, container, command)
    sys.stdout.write((said if isinstance(said, str) else json.dumps(said, indent=1)) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; what follows `--` runs in the container. Returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    cut = given.index("--") if "--" in given else len(given)
    options, command = _parser().parse_args(given[:cut]), given[cut + 1 :]
    return carried_out(
        lambda: run(options.context, options.namespace, options.pods, options.container, command)
    )


if __name__ == "__main__":
    sys.exit(main())
