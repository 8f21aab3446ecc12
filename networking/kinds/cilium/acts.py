"""What administrators can do about a mesh from the network page, and the commands that do the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet.commands import RunCommand
from kbconsole.fleet.tools import is_value
from networking.addresses.facts import NewRange, PlaneRanges, What
from networking.addresses.ranges import parsed
from networking.addresses.services import facts_of, problems_between
from networking.kinds.acting import ACTS, ActForm, NetworkAct, known_planes
from networking.kinds.cilium import commands, jobs, rules
from networking.kinds.cilium.facts import JOINS, MeshFacts
from networking.kinds.cilium.known import known_facts
from networking.kinds.cilium.rules.identity import LONGEST_NAME, NAME, SAME_ID
from networking.kinds.keeping import keeper

declare(
    {
        "mesh.two_planes": _("Tick two planes at least."),
        "mesh.line_bad": _(
            "“%(line)s” is no member. Write the plane, its id and its pod range: k8s-1 1 10.1.0.0/16."
        ),
        "mesh.line_unknown": _("The fleet has no plane called %(plane)s. Look under Fleet for its name."),
        "mesh.id_bad": _("%(plane)s: take an id from 1 to 127. Higher ones do not work everywhere."),
        "mesh.name_bad": _(
            "%(plane)s cannot be a name in a mesh: at most 32 small letters, digits and dashes. Write another "
            "name at the end of its line."
        ),
        "mesh.version_bad": _("Write a version such as 1.18.2."),
        "mesh.keeps_identity": _(
            "%(plane)s runs Cilium as %(old)s, and the console does not call it otherwise while it does: every pod "
            "there would have to be restarted. Write its line with that id and, at the end, that name, or leave the "
            "plane out."
        ),
        "mesh.keeps_none": _(
            "%(plane)s runs Cilium without an identity in a mesh (%(old)s), and the console does not give it one while "
            "it does: every pod there would have to be restarted. Leave the plane out; its administrator can set "
            "cluster.name and cluster.id by “cilium upgrade”, after which it can be enabled and connected."
        ),
        "mesh.held": _("%(plane)s is held by run %(run)s (%(what)s); this has to wait until that run ends."),
        "mesh.with_context": _("%(what)s, with the contexts of all planes in one kubeconfig"),
        "mesh.signed_in": _("%(what)s, signed in on %(plane)s itself"),
    }
)  # fmt: skip

HIGHEST_ID = 127
_VERSION = re.compile(r"v?\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)?\Z")


def _planes() -> list[tuple[str, str]]:
    return [(name, name) for name in known_planes()]


class PlanesForm(ActForm):
    """Which planes; with `least` of them at least."""

    least: ClassVar[int] = 2
    planes = forms.MultipleChoiceField(
        label=_("Planes"), widget=forms.CheckboxSelectMultiple, choices=_planes
    )
    field_order = ["source", "planes", "service_type", "version", "members", "reason"]

    def clean_planes(self) -> list[str]:
        planes: list[str] = self.cleaned_data["planes"]
        if len(planes) < self.least:
            raise ValidationError(str(say("mesh.two_planes")))
        return planes


class OnePlaneForm(PlanesForm):
    least = 1


class ShareForm(OnePlaneForm):
    source = forms.ChoiceField(label=_("Whose authority"), choices=_planes)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data
        data["planes"] = [plane for plane in data.get("planes", []) if plane != data.get("source")]
        if not data["planes"] and "planes" not in self.errors:
            self.add_error("planes", ValidationError(str(say("mesh.two_planes"))))
        return data


class EnableForm(OnePlaneForm):
    service_type = forms.ChoiceField(
        label=_("How other planes reach its mesh API"),
        choices=[
            ("LoadBalancer", _("By a load balancer (recommended)")),
            ("NodePort", _("By a port of one of its nodes; connect again when that node is replaced")),
        ],
        widget=forms.RadioSelect,
    )


class InstallForm(ActForm):
    """`members`: a line for each plane with its id and pod range, and a name in the mesh if it is another."""

    version = forms.CharField(
        label=_("Version of Cilium"), max_length=40, help_text=_("Such as 1.18.2; the same everywhere.")
    )
    members = forms.CharField(
        label=_("Planes, each with its id and pod range"), widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("A line for each plane: k8s-1 1 10.1.0.0/16. The first makes the certificate authority."),
    )  # fmt: skip
    field_order = ["version", "members", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("members", "\n".join(_line(one) for one in facts_of(known_planes()).values()))

    def clean_version(self) -> str:
        version: str = self.cleaned_data["version"].strip()
        if not _VERSION.match(version):
            raise ValidationError(str(say("mesh.version_bad")))
        return version.removeprefix("v")

    def clean_members(self) -> dict[str, dict[str, Any]]:
        found = {}
        try:
            for line in filter(None, map(str.strip, self.cleaned_data["members"].splitlines())):
                plane, member = _member(line)
                found[plane] = member
            wanted = [NewRange(plane, What.PODS, str(member["pods"])) for plane, member in found.items()]
            clashes = problems_between(found, new_ranges=wanted, joins=JOINS)
        except ConsoleError as error:
            raise ValidationError(str(error)) from None
        if clashes := [*_same_ids(found), *_renamed(found), *clashes]:
            raise ValidationError([str(one) for one in clashes[:5]])
        return found


def _same_ids(members: Mapping[str, Mapping[str, Any]]) -> list[Sentence]:
    """Return what speaks against ids that two planes would have, those that stay as they are included."""
    ids: dict[int, list[str]] = {}
    others = {one.plane: one.id for one in known_facts() if one.plane not in members and one.id}
    for plane, number in [*others.items(), *((name, one["id"]) for name, one in members.items())]:
        ids.setdefault(number, []).append(plane)
    return [say(SAME_ID, planes=same, id=id_) for id_, same in ids.items() if len(same) > 1]


def _renamed(members: Mapping[str, Mapping[str, Any]]) -> list[Sentence]:
    """Return what speaks against other names and ids for planes on which Cilium runs: R5."""
    wanted = {plane: rules.Identity(str(one["name"]), int(one["id"])) for plane, one in members.items()}
    fleet = rules.Fleet(tuple(one for one in known_facts() if one.plane in wanted), wanted=wanted)
    renamed = [one.sentence.params for one in rules.problems(fleet) if one.rule == "R5"]
    named = {one.plane for one in fleet.planes if one.id and one.name not in ("", "default")}
    return [
        say("mesh.keeps_identity" if one["plane"] in named else "mesh.keeps_none", plane=one["plane"], old=one["old"])
        for one in renamed
    ]  # fmt: skip


def _line(known: PlaneRanges) -> str:
    """Propose what the address book has for a plane."""
    pods = known.pods[0].text if known.pods else ""
    return " ".join(str(part) for part in (known.plane, known.mesh_id or "", pods) if part)


def _member(line: str) -> tuple[str, dict[str, Any]]:
    """Read `PLANE ID RANGE [NAME]`. Raises ConsoleError."""
    parts = line.split()
    if len(parts) not in (3, 4) or not parts[1].isdecimal():
        raise ConsoleError("mesh.line_bad", line=line[:100])
    plane, number, pods = parts[:3]
    name = parts[3] if len(parts) == 4 else plane
    if plane not in known_planes():
        raise ConsoleError("mesh.line_unknown", plane=plane)
    if not 1 <= int(number) <= HIGHEST_ID:
        raise ConsoleError("mesh.id_bad", plane=plane)
    if len(name) > LONGEST_NAME or not NAME.match(name):
        raise ConsoleError("mesh.name_bad", plane=name)
    if "/" not in (own := str(parsed(pods))):
        raise ConsoleError("mesh.line_bad", line=line[:100])
    return plane, {"name": name, "id": int(number), "pods": own}


class MeshAct(NetworkAct):
    """An act about a mesh."""

    Form: ClassVar[type[ActForm]] = PlanesForm

    def made(self, given: dict[str, Any]) -> jobs.MeshJob:
        job: Any = self.job
        made: jobs.MeshJob = job(**given)
        return made

    def notices(self) -> Sequence[Sentence]:
        return [
            say("mesh.held", plane=hold.plane, run=hold.run, what=hold.what)
            for hold in keeper().holds().values()
        ]

    def lines(self) -> Sequence[tuple[Any, str]]:
        return [pair for command in self.examples(known_facts()) for pair in both_ways(command, self.label)]

    def examples(self, facts: Sequence[MeshFacts]) -> list[RunCommand]:
        """Return the commands of the job for the planes as they are."""
        return []


def both_ways(command: RunCommand, what: Any) -> list[tuple[Any, str]]:
    """Return a command with contexts, and the guide's other way for what allows it."""
    label = str(what)
    found = [(say("mesh.with_context", what=label), line) for line in command.commands()]
    if not command.planes:
        here = commands.without_context(command)
        found.append((say("mesh.signed_in", what=label, plane=command.plane), here))
    return [(str(said), line) for said, line in found]


@ACTS.register
class Share(MeshAct):
    slug, label, job, Form = (
        "mesh-share-authority",
        _("Share the authority"),
        jobs.ShareMeshAuthority,
        ShareForm,
    )
    note = _(
        "Planes connect only if Cilium has the same certificate authority on all of them. This copies that of "
        "one plane, its private key included, to others."
    )

    def made(self, given: dict[str, Any]) -> jobs.MeshJob:
        return jobs.ShareMeshAuthority([given["source"], *given["planes"]])


@ACTS.register
class Install(MeshAct):
    slug, label, job, Form = "mesh-install", _("Install Cilium"), jobs.InstallMesh, InstallForm
    note = _(
        "Only for planes that run no other network yet: the console never replaces one. Each plane gets a name, "
        "an id and a pod range that no other has."
    )

    def made(self, given: dict[str, Any]) -> jobs.MeshJob:
        return jobs.InstallMesh(list(given["members"]), given["members"], given["version"])

    def examples(self, facts: Sequence[MeshFacts]) -> list[RunCommand]:
        return [_example(number, one) for number, one in enumerate(facts, start=1)]


def _example(number: int, one: MeshFacts) -> RunCommand:
    """Return the installation of a plane as it is, or as the address book has it."""
    pods = facts_of([one.plane])[one.plane].pods
    name = one.name if is_value(one.name) else one.plane  # what a plane tells may be anything
    version = one.version.removeprefix("v") if is_value(one.version) else "1.18.2"
    own = pods[0].text if pods else f"10.{number}.0.0/16"
    return commands.install(one.plane, name=name, id_=one.id or number, pods=own, version=version)


@ACTS.register
class Enable(MeshAct):
    slug, label, job, Form = "mesh-enable", _("Enable the mesh"), jobs.EnableMesh, EnableForm
    note = _("Puts the API server of the mesh on each plane, by which other planes learn what runs there.")

    def examples(self, facts: Sequence[MeshFacts]) -> list[RunCommand]:
        return [commands.enable(one.plane, service_type="LoadBalancer") for one in facts]


@ACTS.register
class Connect(MeshAct):
    slug, label, job = "mesh-connect", _("Connect the mesh"), jobs.ConnectMesh
    note = _(
        "Connects every plane with every other one by one call. Names, ids, ranges, versions and authorities are "
        "checked first; nothing is touched where they do not fit."
    )

    def examples(self, facts: Sequence[MeshFacts]) -> list[RunCommand]:
        return [commands.connect([one.plane for one in facts])] if len(facts) > 1 else []


@ACTS.register
class Disconnect(MeshAct):
    slug, label, job = "mesh-disconnect", _("Take the mesh apart"), jobs.DisconnectMesh
    note = _("Undoes connecting, also where only some pairs stand. Databases that span these planes are cut.")

    def examples(self, facts: Sequence[MeshFacts]) -> list[RunCommand]:
        return [commands.disconnect([one.plane for one in facts])] if len(facts) > 1 else []


@ACTS.register
class Look(MeshAct):
    slug, label, job, Form = "mesh-look", _("Look at the mesh"), jobs.LookAtMesh, OnePlaneForm
    note = _(
        "Asks the agents of each plane which others they reach, how far they get and by which tunnels, and keeps what "
        "they say. Changes nothing."
    )

    def made(self, given: dict[str, Any]) -> jobs.MeshJob:
        return jobs.LookAtMesh.of(given["planes"])

    def examples(self, facts: Sequence[MeshFacts]) -> list[RunCommand]:
        asked = [(commands.status(one.plane), commands.agent_status(one.plane, one.version)) for one in facts]
        return [command for pair in asked for command in pair]


@ACTS.register
class Test(MeshAct):
    slug, label, job = "mesh-test", _("Test the mesh"), jobs.TestMesh
    note = _("Tries packets between the first plane and each other one, by pods that are made for it.")

    def examples(self, facts: Sequence[MeshFacts]) -> list[RunCommand]:
        return [commands.test(facts[0].plane, facts[1].plane)] if len(facts) > 1 else []


MESH_ACTS: Sequence[type[MeshAct]] = (Look, Install, Share, Enable, Connect, Disconnect, Test)
"""In the order in which a mesh comes about."""
