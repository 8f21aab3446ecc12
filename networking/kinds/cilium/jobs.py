"""Jobs on a mesh: share the authority, install, enable, connect, take apart, look, test. Steps as data, all of them.

Every job holds its planes from the moment its run is queued until the run ends: Helm answers "another operation is in
progress" to a second change, and an interrupted one leaves its release pending (helm/helm #8987, #10599).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.policy import Policy, Rule
from kbconsole.common.roles import Role
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet.commands import command_step
from kbconsole.fleet.jobs import FleetJob, fleet_approvals, identities
from kbconsole.fleet.tools import is_value
from kbconsole.jobs.definition import (
    CONSOLE,
    Change,
    Ended,
    Job,
    Step,
    Subject,
    declare_phases,
    digest,
    register,
)
from kbconsole.jobs.models import RunStatus
from networking.kinds.cilium import commands, looks
from networking.kinds.cilium.asking import AGENT, BEHIND, Asked, NoTunnels, Tried, TunnelsKnown
from networking.kinds.cilium.authority import SameAuthority, ShareAuthority, key_of
from networking.kinds.cilium.checks import Enabled, Installed, NoOtherNetwork, Pairs, RulesHold, read_all
from networking.kinds.cilium.judging import Connected, ReadMesh, Tested
from networking.kinds.cilium.known import known_facts
from networking.kinds.cilium.matrix import standing
from networking.kinds.cilium.reading import APISERVER
from networking.kinds.cilium.rules.base import few
from networking.kinds.cilium.rules.identity import LONGEST_NAME
from networking.kinds.keeping import keeper

declare_phases(
    {
        "mesh-rules": _("Rules"),
        "mesh-empty": _("No other network"),
        "mesh-authority": _("Authority"),
        "mesh-install": _("Install"),
        "mesh-enable": _("Mesh API"),
        "mesh-connect": _("Connect"),
        "mesh-pairs": _("Pairs"),
        "mesh-status": _("Status"),
        "mesh-apart": _("Take apart"),
        "mesh-read": _("Read"),
        "mesh-agent": _("Agent"),
        "mesh-behind": _("KVStoreMesh"),
        "mesh-stages": _("Stages"),
        "mesh-tunnels": _("Tunnels"),
        "mesh-test": _("Test"),
    }
)
declare(
    {
        "mesh.what_share": _("Give %(planes)s the certificate authority of Cilium on %(source)s"),
        "mesh.what_install": _("Install Cilium %(version)s on %(planes)s"),
        "mesh.what_enable": _("Put the mesh API on %(planes)s (%(type)s)"),
        "mesh.what_connect": _("Connect the meshes of %(planes)s with each other"),
        "mesh.what_disconnect": _("Take the meshes of %(planes)s apart"),
        "mesh.what_look": _("Look at the mesh of %(planes)s"),
        "mesh.what_test": _("Test packets between %(planes)s"),
        "mesh.network_stays": _(
            "Cilium is the network of %(planes)s now, and pods that run there would lose theirs with it, so the "
            "console does not take it away. Where nothing runs yet, an administrator of the plane can: “cilium "
            "uninstall”."
        ),
        "mesh.stood_before": _(
            "Before the run these pairs were connected already, or nobody could see whether they were: %(pairs)s. "
            "Taking apart cuts all pairs of the planes that are ticked, so the console does not undo this run. Choose "
            "“Take the mesh apart” with two planes at a time, for each pair that is not to stay."
        ),
        "mesh.agents_restart": _(
            "The agents of Cilium on %(planes)s are restarted one by one. Pods keep running; new connections may "
            "be slow for some seconds."
        ),
        "mesh.cut_off": _(
            "Databases that span %(planes)s lose the way between their replicas at once. Retire or move them first."
        ),
        "mesh.whole_network": _(
            "Cilium becomes the network of %(planes)s. Pods that run there already get an address of it only "
            "when they are made anew."
        ),
        "mesh.foreign_images": _(
            "The test makes pods from images of quay.io in namespaces cilium-test-… on %(planes)s and tries "
            "addresses on the internet. It may take 20 minutes, and its namespaces stay until somebody removes them."
        ),
    }
)  # fmt: skip

ONE_CALL = _(
    "The guide connects planes pair by pair, and its long dash before “context” is no flag. The console connects "
    "all of them by one call, which upgrades every plane once."
)
ONE_AUTHORITY = _(
    "The guide installs each plane by itself, and each then has a certificate authority of its own; today's Cilium "
    "refuses to connect these. The console installs the first plane, and gives its authority to the others before "
    "they are installed."
)


def mesh_approvals() -> int:
    """A private key travels and networks are joined: one more person at least, whatever the setting says."""
    return max(1, fleet_approvals())


CHANGES_MESH = Policy(asks=(Role.ADMIN,), rules=(Rule(mesh_approvals),))


@dataclass(frozen=True)
class MeshJob(FleetJob):
    """A job about the network of planes: it alone changes them while its run lasts."""

    approval: ClassVar[Policy] = CHANGES_MESH
    words: ClassVar[Mapping[str, Any]] = {"planes": _("Planes")}
    planes: list[str]

    def subject(self) -> Subject:
        named = ", ".join(self.planes)
        return Subject("mesh", digest(" ".join(sorted(self.planes)))[:40], named[:200])

    def lanes(self) -> list[str]:
        return [CONSOLE, *self.planes]

    def facts(self) -> dict[str, Json]:
        return identities(self.planes)

    def on_start(self, run_id: int) -> None:
        keeper().hold(run_id, self.planes)

    def on_end(self, ended: Ended) -> None:
        keeper().free(ended.run_id)
        looks.keep(ended)

    def on_undo_start(self, run_id: int) -> None:
        keeper().hold(run_id, self.planes)

    def on_undo_end(self, ended: Ended) -> None:
        keeper().free(ended.run_id)


@register
@dataclass(frozen=True)
class ShareMeshAuthority(MeshJob):
    """Give planes the certificate authority of `source`, which is the first of `planes`."""

    slug: ClassVar[str] = "mesh-share-authority"
    label: ClassVar[Any] = _("Share the mesh's certificate authority")
    key: str = ""
    """SubjectKeyId of the authority when the plan was made."""

    @property
    def source(self) -> str:
        return self.planes[0]

    def informed(self) -> ShareMeshAuthority:
        return replace(self, key=key_of(self.source))

    def steps(self) -> Iterator[Step]:
        for plane in self.planes[1:]:
            share = ShareAuthority(self.source, plane, self.key)
            yield Step(
                on=plane, phase="mesh-authority", change=share, check=SameAuthority(self.source, plane)
            )

    def what(self) -> Sentence:
        return say("mesh.what_share", planes=list(self.planes[1:]), source=self.source)

    def cautions(self) -> list[Sentence]:
        return [say("mesh.share_replaces", planes=list(self.planes[1:]))]


@register
@dataclass(frozen=True)
class InstallMesh(MeshJob):
    """Install Cilium where no network runs yet, with one authority for all.

    `members`: `{plane: {name, id, pods}}`, of all planes. The first plane makes the authority.
    """

    slug: ClassVar[str] = "mesh-install"
    label: ClassVar[Any] = _("Install Cilium")
    words: ClassVar[Mapping[str, Any]] = {**MeshJob.words, "members": _("Members"), "version": _("Version")}
    members: dict[str, dict[str, Json]]
    version: str

    def steps(self) -> Iterator[Step]:
        first = self.planes[0]
        for plane in self.planes:
            name, id_ = str(self.members[plane]["name"]), int(self.members[plane]["id"])
            empty = NoOtherNetwork(plane, name, id_)
            yield Step(on=plane, phase="mesh-empty", check=empty)
        yield self._install(first, gate=True)
        for plane in self.planes[1:]:
            share = ShareAuthority(first, plane)
            same = SameAuthority(first, plane)
            yield Step(on=plane, phase="mesh-authority", change=share, check=same, gate=True)
        for plane in self.planes[1:]:
            yield self._install(plane, phase="mesh-install-others")

    def _install(self, plane: str, *, phase: str = "mesh-install", gate: bool = False) -> Step:
        member = self.members[plane]
        name, id_, pods = str(member["name"]), int(member["id"]), str(member["pods"])
        command = commands.install(plane, name=name, id_=id_, pods=pods, version=self.version)
        return command_step(command, phase=phase, verify=Installed(plane, name, id_), gate=gate)

    def what(self) -> Sentence:
        return say("mesh.what_install", planes=list(self.planes), version=self.version)

    def undone_by(self, run_id: int) -> Job | Sentence | None:
        return say("mesh.network_stays", planes=list(self.planes))

    def cautions(self) -> list[Sentence]:
        return [say("mesh.whole_network", planes=list(self.planes))]

    def differs(self) -> list[str]:
        return [str(ONE_AUTHORITY)]


declare_phases({"mesh-install-others": _("Install the others")})


@register
@dataclass(frozen=True)
class EnableMesh(MeshJob):
    """Put the API server of the mesh on planes, and wait until it has an address."""

    slug: ClassVar[str] = "mesh-enable"
    label: ClassVar[Any] = _("Enable the mesh")
    words: ClassVar[Mapping[str, Any]] = {**MeshJob.words, "service_type": _("Reached by")}
    service_type: str
    before: list[str] = field(default_factory=list)
    """Planes that had it, or may have had it, when the plan was made: an undo leaves it there."""

    def informed(self) -> EnableMesh:
        hidden = f"deployments/{APISERVER}"
        there = [one.plane for one in read_all(self.planes)[0] if one.enabled or hidden in one.denied]
        return replace(self, before=there)

    def steps(self) -> Iterator[Step]:
        identity = RulesHold(list(self.planes), ["R1", "R2", "R3", "R4"])
        yield Step(on=CONSOLE, phase="mesh-rules", check=identity)
        for plane in self.planes:
            again = plane in self.before
            command = commands.enable(plane, service_type=self.service_type, again=again)
            yield command_step(command, phase="mesh-enable", verify=Enabled(plane), gate=True, wait=600)

    def what(self) -> Sentence:
        return say("mesh.what_enable", planes=list(self.planes), type=self.service_type)

    def undo_looks(self, changes: Sequence[Change]) -> Iterator[Step]:
        """Planes that are connected are taken apart first: on each its own look, so that none waits for another."""
        apart = Pairs(list(self.planes), apart=True)
        for plane in self.planes:
            if any(getattr(change, "plane", "") == plane for change in changes):
                yield Step(on=plane, phase="mesh-pairs", check=apart, deadline=0)

    def cautions(self) -> list[Sentence]:
        return [say("mesh.agents_restart", planes=list(self.planes))]


@register
@dataclass(frozen=True)
class ConnectMesh(MeshJob):
    """Connect every plane with every other one. What stands afterwards is said pair by pair, also when it failed."""

    slug: ClassVar[str] = "mesh-connect"
    label: ClassVar[Any] = _("Connect the mesh")
    names: dict[str, str]
    """How the planes are called in the mesh, which a worker finds out."""
    stood: list[list[str]] = field(default_factory=list)
    """The pairs that were connected when the plan was made, or of which nobody could see whether they were."""

    def informed(self) -> ConnectMesh:
        facts = read_all(self.planes)[0]
        hidden = {one.plane for one in facts if one.remotes is None}
        stand, missing = standing(facts)
        stood = [list(pair) for pair in (*stand, *(pair for pair in missing if hidden & {*pair}))]
        return replace(self, names={one.plane: one.name or one.plane for one in facts}, stood=stood)

    def others(self, plane: str) -> dict[str, str]:
        return {other: self.names.get(other, other) for other in self.planes if other != plane}

    def steps(self) -> Iterator[Step]:
        first, planes = self.planes[0], list(self.planes)
        yield Step(on=CONSOLE, phase="mesh-rules", check=RulesHold(planes, []))
        pairs = Pairs(planes)
        connect = command_step(
            commands.connect(planes), phase="mesh-connect", verify=pairs, gate=True, blocks=False
        )
        yield connect
        yield Step(on=first, phase="mesh-pairs", check=pairs, repeats="mesh-connect", deadline=0)
        for plane in self.planes:
            judge = Connected(plane, self.others(plane))
            status = commands.status(plane, wait="5m")
            yield command_step(status, phase="mesh-status", verify=judge, gate=True)

    def what(self) -> Sentence:
        return say("mesh.what_connect", planes=list(self.planes))

    def undone_by(self, run_id: int) -> Job | Sentence | None:
        """Half a pair is taken apart, too, and a person may have run the command: no inverse knows of these."""
        if self.stood:
            return say("mesh.stood_before", pairs=few([(one, other) for one, other in self.stood]))
        return DisconnectMesh(list(self.planes))

    def cautions(self) -> list[Sentence]:
        return [say("mesh.agents_restart", planes=list(self.planes))]

    def differs(self) -> list[str]:
        return [str(ONE_CALL)]


@register
@dataclass(frozen=True)
class DisconnectMesh(MeshJob):
    """Take planes apart again: what undoes `ConnectMesh`, also a half one."""

    slug: ClassVar[str] = "mesh-disconnect"
    label: ClassVar[Any] = _("Take the mesh apart")

    def steps(self) -> Iterator[Step]:
        apart = Pairs(list(self.planes), apart=True)
        command = commands.disconnect(self.planes)
        yield command_step(command, phase="mesh-apart", verify=apart)

    def on_end(self, ended: Ended) -> None:
        super().on_end(ended)
        looks.forget(self.planes)

    def what(self) -> Sentence:
        return say("mesh.what_disconnect", planes=list(self.planes))

    def cautions(self) -> list[Sentence]:
        named = list(self.planes)
        return [say("mesh.cut_off", planes=named), say("mesh.agents_restart", planes=named)]


@register
@dataclass(frozen=True)
class LookAtMesh(MeshJob):
    """Ask the agents of each plane for all others, and keep what they say. Changes nothing.

    `names`: how the planes are called in the mesh; `how`: `{plane: {version, native, behind}}`, by which it is decided
    what is asked there. Both as last read.
    """

    slug: ClassVar[str] = "mesh-look"
    label: ClassVar[Any] = _("Look at the mesh")
    approval: ClassVar[Policy] = Policy(asks=(Role.ADMIN,))
    planned: ClassVar[bool] = False
    names: dict[str, str]
    how: dict[str, dict[str, Json]] = field(default_factory=dict)

    @classmethod
    def of(cls, planes: list[str]) -> LookAtMesh:
        """Return the job for planes as they were last read. Raises ConsoleError for a name that is no argument."""
        facts = {one.plane: one for one in known_facts() if one.plane in planes}
        for plane, one in facts.items():
            if one.name and not is_value(one.name):
                raise ConsoleError("mesh.r1_name", plane=plane, name=one.name[:LONGEST_NAME])
        names = {plane: facts[plane].name or plane if plane in facts else plane for plane in planes}
        return cls(planes, names, {plane: one.asked_by for plane, one in facts.items()})

    def lanes(self) -> list[str]:
        return list(self.planes)

    def steps(self) -> Iterator[Step]:
        for plane in self.planes:
            yield Step(on=plane, phase="mesh-read", check=ReadMesh(plane))
            others = {other: self.names.get(other, other) for other in self.planes if other != plane}
            judge = Connected(plane, others, strict=False)
            yield command_step(commands.status(plane), phase="mesh-status", verify=judge, blocks=False)
            if others:
                yield from self._asked(plane, others)

    def _asked(self, plane: str, others: dict[str, str]) -> Iterator[Step]:
        """What only agents tell: each by itself, since one that is red does not make the others less worth knowing."""
        how = self.how.get(plane, {})
        version, behind = str(how.get("version", "")), bool(how.get("behind"))
        asked = [("mesh-agent", Asked(plane, others, AGENT, through=behind, version=version))]
        if behind:
            asked.append(("mesh-behind", Asked(plane, others, BEHIND)))
        for phase, judge in asked:
            yield command_step(judge.command, phase=phase, verify=judge, blocks=False)
        tried = Tried(plane, others, behind, version)
        yield command_step(tried.command, phase="mesh-stages", verify=tried, blocks=False)
        if how.get("native"):
            yield Step(on=plane, phase="mesh-tunnels", check=NoTunnels(plane, list(others)))
            return
        known = TunnelsKnown(plane, list(others), version)
        yield command_step(known.command, phase="mesh-tunnels", verify=known, blocks=False)

    def what(self) -> Sentence:
        return say("mesh.what_look", planes=list(self.planes))

    def on_start(self, run_id: int) -> None:
        """It changes nothing, so it holds nobody up."""


@register
@dataclass(frozen=True)
class TestMesh(MeshJob):
    """Try packets between the first plane and each other one."""

    slug: ClassVar[str] = "mesh-test"
    label: ClassVar[Any] = _("Test the mesh")

    def steps(self) -> Iterator[Step]:
        first = self.planes[0]
        for other in self.planes[1:]:
            tested = Tested(first, other)
            yield command_step(commands.test(first, other), phase="mesh-test", verify=tested, blocks=False)

    def on_end(self, ended: Ended) -> None:
        super().on_end(ended)
        if ended.status != RunStatus.CANCELLED:
            looks.keep_tests(self.planes[0], self.planes[1:], ended)

    def what(self) -> Sentence:
        return say("mesh.what_test", planes=list(self.planes))

    def cautions(self) -> list[Sentence]:
        return [say("mesh.foreign_images", planes=list(self.planes))]
