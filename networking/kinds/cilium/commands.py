"""The argument lists of `cilium`, one function each: met in tests as lists, never run against a real Cilium.

Flags as read in cilium/cilium-cli v0.19.7. The planes' contexts stand in one kubeconfig that the process gets by its
environment: `connect` ignores `--kubeconfig` for its destinations (clustermesh.go getRemoteClients).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet.access import installer_client
from kbconsole.fleet.changes import Gone
from kbconsole.fleet.commands import RunCommand
from kbconsole.fleet.tools import value
from kbconsole.jobs.definition import Outcome, Verdict, actions
from kbconsole.jobs.execution import current_step
from kbconsole.jobs.models import RunStep
from kbconsole.k8s.kinds import DEPLOYMENT
from networking.kinds.cilium.facts import minor_of
from networking.kinds.cilium.reading import APISERVER, SYSTEM

declare(
    {
        "mesh.no_exec": _(
            "The console's credential may not run commands in the pods of kube-system on %(plane)s, as it should "
            "be. Either give %(plane)s an installer credential (Fleet, then %(plane)s) and choose Verify, or run the "
            "command below with an administrator's kubeconfig that has the context %(plane)s, then choose Verify."
        ),
        "mesh.api_stays": _("%(plane)s had its mesh API before the run, so that stays."),
    }
)

TOOL, KUBECTL = "cilium", "kubectl"
SERVICE_TYPES = ("LoadBalancer", "NodePort")
FIRST_NODE_PORT = 32379
"""What the chart takes everywhere; every plane gets this plus its id, which R12 asks for."""
TUNNEL_MAP_UNTIL = (1, 17)
"""From 1.18 on there is no tunnel map any more (cilium/cilium PR #38839)."""
NAMED_CILIUM_UNTIL = (1, 14)
"""From 1.15 on the tool inside the agents' pods is `cilium-dbg` (cilium/cilium PR #28085)."""
_LONG = 1800
_TRY = 600
"""Trying one remote that is cut off takes up to 6 s."""


def install(plane: str, *, name: str, id_: int, pods: str, version: str) -> RunCommand:
    """Install Cilium with its identity in a mesh, a pod range of its own, and a NodePort that no other plane has."""
    sets = (
        f"cluster.name={value(name)}", f"cluster.id={int(id_)}", "ipam.mode=cluster-pool",
        f"ipam.operator.clusterPoolIPv4PodCIDRList={value(pods)}",
        f"clustermesh.apiserver.service.nodePort={FIRST_NODE_PORT + int(id_)}",
    )  # fmt: skip
    args = ["install", "--version", value(version)]
    for one in sets:
        args += ["--set", one]
    return RunCommand(plane, TOOL, (*args, "--wait", "--wait-duration", "15m"), seconds=_LONG)


@actions.register
@dataclass(frozen=True)
class EnableAgain(RunCommand):
    """Where the mesh API was there before the run: an undo of the run leaves it."""

    slug: ClassVar[str] = "mesh-enable-again"

    def stays(self, outcome: Outcome) -> Sentence | None:
        return say("mesh.api_stays", plane=self.plane)


def enable(plane: str, *, service_type: str, again: bool = False) -> RunCommand:
    """Put the API server of the mesh there. The CLI takes these two service types and no other."""
    if service_type not in SERVICE_TYPES:
        raise ValueError(f"{service_type!r} is none of {SERVICE_TYPES}")
    args = ("clustermesh", "enable", "--service-type", service_type)
    if again:
        return EnableAgain(plane, TOOL, args, seconds=_LONG)
    return RunCommand(
        plane, TOOL, args, seconds=_LONG, undo=("clustermesh", "disable"),
        undone=Gone(plane, DEPLOYMENT.api_version, DEPLOYMENT.kind, APISERVER, SYSTEM).canonical(),
    )  # fmt: skip


def connect(planes: Sequence[str]) -> RunCommand:
    """Connect all planes with all others by one call: n upgrades instead of n × (n - 1).

    Plain `bidirectional` with several destinations would make a star (clustermesh.go).
    """
    first, *others = planes
    return RunCommand(
        first, TOOL, ("clustermesh", "connect", *_others(others), "--parallel", "2"),
        planes=tuple(others), seconds=_LONG, undo=("clustermesh", "disconnect", *_others(others)),
    )  # fmt: skip


def disconnect(planes: Sequence[str]) -> RunCommand:
    """Take all these planes apart: the same modes as `connect`."""
    first, *others = planes
    return RunCommand(
        first, TOOL, ("clustermesh", "disconnect", *_others(others)), planes=tuple(others), seconds=_LONG
    )


def _others(planes: Sequence[str]) -> tuple[str, ...]:
    return (
        "--destination-context", ",".join(value(plane) for plane in planes), "--connection-mode", "mesh",
    )  # fmt: skip


@actions.register
@dataclass(frozen=True)
class AskAgents(RunCommand):
    """A command that only reads: it needs to find the agents' pods and to run `cilium status` inside, and no more."""

    slug: ClassVar[str] = "mesh-ask"

    def carry_out(self) -> Outcome:
        """Run it; it touches nothing, so a look says that nothing was changed."""
        super().carry_out()
        return Outcome()

    def by_hand(self) -> Sentence | None:
        words = {"tool": self.tool, "plane": self.plane}
        if not self.kind.binary:
            return say("fleet.command_no_tool", **words)
        plane = installer_client(self.plane)
        may = plane.can_i("create", resource="pods", subresource="exec", namespace=SYSTEM)
        finds = may and plane.can_i("list", resource="pods", namespace=SYSTEM)
        return None if finds else say("mesh.no_exec", plane=self.plane)


ASKED_FIRST = ("mesh-status", "mesh-agent")
"""The phases of a look that tell whether anything is broken on a plane."""


def all_well(step: RunStep) -> bool:
    """Whether what the run has asked this step's plane before leaves nothing to find out."""
    before = RunStep.objects.filter(run=step.run_id, lane=step.lane, phase__in=ASKED_FIRST)
    said = before.values_list("finding__verdict", flat=True)
    return len(said) == len(ASKED_FIRST) and {*said} == {str(Verdict.PASS)}


@actions.register
@dataclass(frozen=True)
class AskWhy(AskAgents):
    """The same, only where the steps before have found something that is not well."""

    slug: ClassVar[str] = "mesh-ask-why"

    def carry_out(self) -> Outcome:
        if all_well(RunStep.objects.get(pk=current_step())):
            return Outcome()
        return super().carry_out()


def status(plane: str, *, wait: str = "") -> RunCommand:
    """Ask the agents of one plane for all others. It ends with 0 whatever it found, so its JSON is judged."""
    waiting = ("--wait", "--wait-duration", value(wait)) if wait else ()
    return AskAgents(plane, TOOL, ("clustermesh", "status", "-o", "json", *waiting), seconds=600)


def test(plane: str, other: str) -> RunCommand:
    """Try packets between two planes. It makes pods from images of quay.io in namespaces cilium-test-…"""
    return RunCommand(
        plane, TOOL, ("connectivity", "test", "--multi-cluster", value(other), "--timeout", "20m"),
        planes=(other,), seconds=_LONG,
    )  # fmt: skip


def without_context(command: RunCommand) -> str:
    """Return the guide's other way: signed in on the plane itself, whose kubeconfig has one context.

    Raises ValueError for a command that reaches other planes: these it finds by their contexts alone.
    """
    if command.planes:
        raise ValueError(f"{command.short} needs the contexts of {command.planes}")
    return shlex.join([command.tool, *command.args])


def agent(plane: str, version: str, *args: str, **how: Any) -> RunCommand:
    """Ask one agent of a plane by its own tool, under the name that the version has for it."""
    minor = minor_of(version)
    name = "cilium" if minor and minor <= NAMED_CILIUM_UNTIL else "cilium-dbg"
    return _inside(plane, "ds/cilium", "cilium-agent", name, *args, **how)


def agent_status(plane: str, version: str) -> RunCommand:
    return agent(plane, version, "status", "-o", "json")


def behind(plane: str, *args: str, **how: Any) -> RunCommand:
    """Ask KVStoreMesh, which stands between the agents and other planes (cilium-cli k8s/client.go)."""
    name = "/usr/bin/clustermesh-apiserver"
    return _inside(
        plane, f"deploy/{APISERVER}", "kvstoremesh", name, "kvstoremesh-dbg", *args, kind=AskWhy, **how
    )


def behind_status(plane: str) -> RunCommand:
    return behind(plane, "status", "-o", "json")


def stages(plane: str, version: str, names: Sequence[str], *, through: bool) -> RunCommand:
    """Let an agent, or KVStoreMesh in its stead, try the way to each of these remotes stage by stage."""
    given = [value(name) for name in names]
    if through:
        return behind(plane, "troubleshoot", *given, seconds=_TRY)
    return agent(plane, version, "troubleshoot", "clustermesh", *given, kind=AskWhy, seconds=_TRY)


def _inside(
    plane: str, pods: str, container: str, *command: str, kind: type[RunCommand] = AskAgents, seconds: int = 60
) -> RunCommand:  # fmt: skip
    """Run a command in the first pod of `pods`."""
    return kind(
        plane, KUBECTL, ("exec", "-n", SYSTEM, pods, "-c", container, "--", *command), seconds=seconds
    )


def tunnel_list(plane: str, version: str) -> RunCommand:
    """Ask one agent by which node each pod range is reached; the map that the guide asks is gone since 1.18."""
    return agent(
        plane, version, "bpf", "tunnel" if has_tunnel_map(version) else "ipcache", "list", "-o", "json"
    )


def has_tunnel_map(version: str) -> bool:
    minor = minor_of(version)
    return minor is not None and minor <= TUNNEL_MAP_UNTIL


def restart(plane: str) -> str:
    """Return what restarts the agents of a plane one by one."""
    return shlex.join([KUBECTL, "--context", plane, "-n", SYSTEM, "rollout", "restart", "ds/cilium"])
