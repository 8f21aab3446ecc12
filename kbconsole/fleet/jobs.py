"""Jobs on the fleet: looking a plane over, and copying the role of database pods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.policy import Policy, Rule
from kbconsole.common.roles import Role
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.changes import Apply
from kbconsole.fleet.checks import SameRules
from kbconsole.fleet.facts import gathered, keep_facts
from kbconsole.fleet.models import Plane, Purpose
from kbconsole.fleet.preflight import connection, installer, operator, room
from kbconsole.fleet.preflight.rights import POD_ROLE, Rights, groups_for
from kbconsole.jobs import lanes
from kbconsole.jobs.definition import (
    Check,
    Diff,
    Ended,
    Job,
    Outcome,
    Step,
    Subject,
    actions,
    declare_phases,
    register,
)
from kbconsole.k8s.kinds import CLUSTER_ROLE, Object
from kbconsole.k8s.manifests import pod_role
from kbconsole.k8s.rules import Right, broad, diff_rules, show_right

declare_phases(
    {
        "reachable": _("Reach"),
        "version": _("Version"),
        "identity": _("Identity"),
        "expiry": _("Expiry"),
        "rights": _("Rights"),
        "release": _("Release line"),
        "contexts": _("Contexts"),
        "definitions": _("Engines"),
        "known": _("Known to the operator"),
        "crds": _("No CRDs"),
        "storage": _("Storage"),
        "nodes": _("Nodes"),
        "role": _("Role of pods"),
        "apply": _("Role of the pods"),
        "prove": _("Read back"),
    }
)
declare(
    {
        "fleet.what_copy": _("Copy the cluster role of database pods to %(planes)s"),
        "fleet.takes_over": _(
            "Fields of %(name)s that another manager owns are taken over; if that tool runs again, it may "
            "take them "
            "back. The difference names the managers."
        ),
        "fleet.broad_role": _(
            "The cluster role %(name)s would give every database pod wide rights: %(rights)s. Copy it only if these "
            "rules came with KubeBlocks itself; ask who added them on the control plane."
        ),
        "fleet.role_missing": _(
            "The control plane %(plane)s has no cluster role %(name)s. Check that KubeBlocks is installed "
            "there."
        ),
    }
)

ROLE_DIFFERS = _(
    "The guide copies the role whole. Its aggregation rule would then let a controller of the data plane empty or "
    "overwrite the copy. The console copies the rules alone."
)


def fleet_approvals() -> int:
    return int(settings.KBCONSOLE_FLEET_APPROVALS)


CHANGES_FLEET = Policy(asks=(Role.ADMIN,), rules=(Rule(fleet_approvals),))
"""For every job that changes what all databases of a plane rest on."""

lanes.silent_by(lambda: Plane.objects.filter(last_error__isnull=False).values_list("name", flat=True))


class FleetJob(Job):
    """Everybody with a role may see it, administrators may do it."""

    approval: ClassVar[Policy] = Policy(asks=(Role.ADMIN,))


@register
@dataclass(frozen=True)
class Preflight(FleetJob):
    """Look planes over, all at once, and change nothing.

    `planes` are contexts of the upload `draft`, or one registered plane with `draft` 0. `data_planes` are
    those of them that take databases. `control_plane` is that of the fleet; it may be one of `planes`. `expected`
    names the registered plane that the context of an upload must be, when its credential is replaced. With the
    `purpose` of an installer only that is asked which such a credential needs.
    """

    slug: ClassVar[str] = "preflight"
    label: ClassVar[Any] = _("Preflight")
    planned: ClassVar[bool] = False
    planes: list[str]
    data_planes: list[str]
    control_plane: str
    draft: int = 0
    expected: str = ""
    purpose: str = Purpose.CONSOLE.value

    def subject(self) -> Subject:
        if self.draft:
            return Subject("kubeconfig-draft", str(self.draft), ", ".join(self.planes)[:200])
        return Subject("plane", self.planes[0][:100], self.planes[0])

    def lanes(self) -> list[str]:
        return list(self.planes)

    def steps(self) -> Iterator[Step]:
        for plane in self.planes:
            yield Step(on=plane, phase="reachable", check=connection.Reachable(plane, self.draft))
            for phase, check in self._checks(plane):
                yield Step(on=plane, phase=phase, check=check, blocks=False)

    def _checks(self, plane: str) -> Iterator[tuple[str, Check]]:
        here = (plane, self.draft)
        control, data = plane == self.control_plane, plane in self.data_planes
        yield "version", connection.Version(*here)
        yield "identity", connection.Identity(*here, expected=self.expected if self.draft else plane)
        if self.purpose == Purpose.INSTALLER:
            yield "expiry", installer.ShortExpiry(*here)
            yield "rights", installer.Administers(*here)
            return
        yield "expiry", connection.Expiry(*here)
        for group in groups_for(control=control, data=data):
            yield "rights", Rights(*here, group=group)
        if control:
            yield "release", operator.ReleaseLine(*here)
            yield "contexts", operator.OperatorContexts(*here)
            yield "definitions", operator.Definitions(*here)
        if data:
            yield from self._data_checks(plane, control=control)

    def _data_checks(self, plane: str, *, control: bool) -> Iterator[tuple[str, Check]]:
        here = (plane, self.draft)
        asked = self.draft if self.control_plane in self.planes else 0
        name = self.expected or plane
        yield "known", operator.KnownToOperator(*here, name, self.control_plane, asked)
        if not control:
            yield "crds", room.NoCrds(*here)
        yield "storage", room.Storage(*here)
        yield "nodes", room.Nodes(*here)
        yield "role", room.PodRole(*here)

    def on_end(self, ended: Ended) -> None:
        """A look at a registered plane refreshes what the fleet knows of it."""
        if not self.draft:
            facts = gathered((lane, facts) for lane, _phase, facts in ended.facts)
            keep_facts(Plane.objects.get(name=self.planes[0]), facts.get(self.planes[0], {}))


@actions.register
@dataclass(frozen=True)
class CopyRole(Apply):
    """Apply a cluster role, unless a controller fills that role on the plane; rules differ right by right."""

    slug: ClassVar[str] = "copy-role"

    def _refuse_aggregated(self) -> None:
        there = access.client(self.plane).get(CLUSTER_ROLE, self.ref["name"])
        if there is not None and there.get("aggregationRule"):
            raise ConsoleError("fleet.aggregated", name=self.ref["name"], plane=self.plane)

    def cautions(self) -> list[Sentence]:
        rights = broad(self.object.get("rules"))
        return [say("fleet.broad_role", name=self.ref["name"], rights=rights)] if rights else []

    def diff(self) -> Diff:
        self._refuse_aggregated()
        return super().diff()

    def carry_out(self) -> Outcome:
        self._refuse_aggregated()
        return super().carry_out()

    def changes(self, before: Object, after: Object) -> tuple[Mapping[str, Json], ...]:
        """Replace the two lists of rules by the rights that are gained and lost, where these differ."""
        fields = super().changes(before, after)
        diff = diff_rules(after.get("rules"), before.get("rules"))
        if diff.same:
            return fields
        others = [change for change in fields if not str(change["path"]).startswith("rules")]
        gained = [_right(one, gained=True) for one in sorted(diff.missing)]
        lost = [_right(one, gained=False) for one in sorted(diff.extra)]
        return (*others, *gained, *lost)


def _right(right: Right, *, gained: bool) -> dict[str, Json]:
    words = show_right(right)
    return {
        "path": f"rules: {words}",
        "before": None if gained else words,
        "after": words if gained else None,
    }


@register
@dataclass(frozen=True)
class CopyRbac(FleetJob):
    """Give each chosen data plane the cluster role that database pods run under.

    Only the resolved rules are copied: an aggregation rule would need the rights of an administrator on the
    plane, and a controller there would overwrite the rules. `take_over`: a person has seen whose fields are
    taken.
    """

    slug: ClassVar[str] = "copy-rbac"
    label: ClassVar[Any] = _("Copy RBAC")
    approval: ClassVar[Policy] = CHANGES_FLEET
    words: ClassVar[Mapping[str, Any]] = {"planes": _("Planes"), "take_over": _("Take fields over")}
    planes: list[str]
    take_over: bool = False

    def subject(self) -> Subject:
        return Subject("fleet", "rbac", POD_ROLE)

    def lanes(self) -> list[str]:
        return list(self.planes)

    def steps(self) -> Iterable[Step]:
        return role_steps(self.planes, take_over=self.take_over)

    def facts(self) -> dict[str, Json]:
        return identities(self.planes)

    def cautions(self) -> list[Sentence]:
        return [say("fleet.takes_over", name=POD_ROLE)] if self.take_over else []

    def differs(self) -> list[str]:
        return [str(ROLE_DIFFERS)]

    def what(self) -> Sentence:
        return say("fleet.what_copy", planes=list(self.planes))


def role_steps(planes: Iterable[str], *, take_over: bool = False) -> Iterator[Step]:
    """Yield the steps that give each plane the role of the control plane, which needs no copy itself.

    Reads the control plane. Raises ConsoleError.
    """
    source = access.control_plane().name
    role = read_pod_role()
    for plane in planes:
        if plane == source:
            continue
        yield Step(on=plane, phase="apply", change=CopyRole(plane, role, take_over))
        yield Step(on=plane, phase="prove", check=SameRules(plane, POD_ROLE, role["rules"]), repeats="apply")


def read_pod_role() -> Object:
    """Return the role to copy, as the control plane has it now. Raises ConsoleError for one without rules."""
    source = access.control_plane().name
    role = access.client(source).get(CLUSTER_ROLE, POD_ROLE)
    if role is None:
        raise ConsoleError("fleet.role_missing", plane=source, name=POD_ROLE)
    return pod_role(role, source)


def identities(planes: Iterable[str]) -> dict[str, Json]:
    """Return what a plan about planes is bound to: which ones they are, and the release line."""
    control = access.control_plane()
    uids = dict(Plane.objects.filter(name__in=list(planes)).values_list("name", "uid"))
    return {"planes": uids, "control_plane": control.uid, "release_line": control.release_line}
