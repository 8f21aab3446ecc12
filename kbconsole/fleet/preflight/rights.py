"""Every right that the console needs on a plane, in one table: checked verb by verb, granted by one file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet.preflight.base import PlaneCheck
from kbconsole.jobs.definition import Finding, Verdict, actions
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.commands import kubectl_can_i
from kbconsole.k8s.rules import Right, rule_set, show_right

POD_ROLE = "kubeblocks-cluster-pod-role"
"""The cluster role that database pods run under; KubeBlocks fixes the name."""

OPERATOR_NAMESPACE = "kb-system"
"""Where KubeBlocks is installed, unless somebody chose otherwise."""

_RBAC = "rbac.authorization.k8s.io"
_KB = "apps.kubeblocks.io"

declare(
    {
        "rights.role": _("Rights: the role of database pods"),
        "rights.role_bind": _("Rights: bind the role of database pods"),
        "rights.undo": _("Rights: take the role of database pods back"),
        "rights.role_read": _("Rights: read the role of database pods"),
        "rights.namespaces": _("Rights: namespaces"),
        "rights.watch": _("Rights: see what databases are made of"),
        "rights.clean": _("Rights: clean up after a retired database"),
        "rights.repair": _("Rights: copy objects that a plane lacks"),
        "rights.room": _("Rights: nodes and StorageClasses"),
        "rights.addresses": _("Rights: ranges of addresses"),
        "rights.pools": _("Rights: pools of client addresses"),
        "rights.databases": _("Rights: databases of KubeBlocks"),
        "rights.state": _("Rights: the state of databases"),
        "rights.engines": _("Rights: the engines"),
        "rights.operator": _("Rights: the configuration of the KubeBlocks operator"),
        "rights.switch": _("Rights: disable a plane in the operator"),
        "rights.yes": _("The console has every right that it needs for this (%(count)s)."),
        "rights.no": _("The console may not: %(missing)s."),
        "rights.fix": _(
            "Grant these to the console's user on the plane. The manifest under Add planes, Make a credential for me, "
            "has exactly the rights that are needed."
        ),
        "rights.fix_bind": _(
            "The console works without these and still names what a plane lacks, but cannot copy it from another "
            "plane: “Copy the missing objects” would fail here. Grant them when convenient."
        ),
        "rights.fix_repair": _(
            "The console works without these and still names what a plane lacks, but cannot copy it from another "
            "plane, nor make services for clients: “Copy the missing objects” and “Give clients addresses” would fail "
            "here. Grant them when convenient."
        ),
        "rights.fix_undo": _(
            "The console works without these, but cannot undo a copy of the role: the plan to undo it would fail here. "
            "Grant them when convenient."
        ),
        "rights.fix_switch": _(
            "The console works without these and still shows the command, but “Disable” under a lost plane would fail "
            "here. Grant them when convenient."
        ),
        "rights.fix_addresses": _(
            "The console works without these, but cannot see which addresses the plane uses for services and load "
            "balancers, and whether they overlap with others. Grant them, or enter the ranges under Network."
        ),
        "rights.fix_pools": _(
            "The console works without these, but cannot set up or see pools of client addresses on this plane. Grant "
            "them when convenient."
        ),
        "rights.fix_optional": _(
            "The console works without these, but shows less. Grant them when convenient."
        ),
    }
)


@dataclass(frozen=True)
class Group:
    """Rights that stand or fall together, as RBAC rules.

    `namespace`: they are needed there only. Without those that are not `needed` the console does less; `without` says
    what, and what to do.
    """

    rules: tuple[Mapping[str, list[str]], ...]
    needed: bool = True
    namespace: str = ""
    without: str = "rights.fix_optional"

    @property
    def fix(self) -> Sentence:
        return say("rights.fix" if self.needed else self.without)


def _rule(group: str, resources: str, verbs: str, *names: str) -> dict[str, list[str]]:
    rule = {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
    return {**rule, "resourceNames": list(names)} if names else rule


GROUPS: Mapping[str, Group] = {
    "role": Group((_rule(_RBAC, "clusterroles", "get create patch escalate", POD_ROLE),)),
    "role_bind": Group(
        (_rule(_RBAC, "clusterroles", "bind", POD_ROLE),), needed=False, without="rights.fix_bind"
    ),
    "undo": Group(
        (_rule(_RBAC, "clusterroles", "delete", POD_ROLE),), needed=False, without="rights.fix_undo"
    ),
    "role_read": Group((_rule(_RBAC, "clusterroles", "get", POD_ROLE),)),
    "namespaces": Group((_rule("", "namespaces", "get list create patch"),)),
    "watch": Group(
        (
            _rule("", "pods services events persistentvolumeclaims configmaps serviceaccounts", "get list"),
            _rule(_RBAC, "rolebindings", "get list"),
        )
    ),
    "clean": Group(
        (
            _rule("", "services configmaps serviceaccounts", "patch delete"),
            _rule("", "pods persistentvolumeclaims", "delete"),
            _rule(_RBAC, "rolebindings", "patch delete"),
        )
    ),
    "repair": Group(
        (
            _rule("", "services configmaps serviceaccounts", "create"),
            _rule(_RBAC, "rolebindings", "create"),
        ),
        needed=False,
        without="rights.fix_repair",
    ),
    "room": Group(
        (_rule("", "nodes", "get list"), _rule("storage.k8s.io", "storageclasses", "get list")), needed=False
    ),
    "addresses": Group(
        (
            _rule("networking.k8s.io", "servicecidrs", "get list"),
            _rule("cilium.io", "ciliumnodes ciliumloadbalancerippools", "get list"),
            _rule("crd.projectcalico.org", "ippools", "get list"),
            _rule("metallb.io", "ipaddresspools", "get list"),
        ),
        needed=False,
        without="rights.fix_addresses",
    ),
    "pools": Group(
        (
            _rule("metallb.io", "ipaddresspools l2advertisements", "get list create patch delete"),
            _rule("metallb.io", "configurationstates", "get list"),
            _rule("apps", "deployments daemonsets", "get list"),
        ),
        needed=False,
        without="rights.fix_pools",
    ),
    "databases": Group((_rule(_KB, "clusters", "get list create patch delete"),)),
    "state": Group(
        (
            _rule(_KB, "components", "get list"),
            _rule("workloads.kubeblocks.io", "instancesets", "get list"),
            _rule("", "events", "get list"),
        )
    ),
    "engines": Group((_rule(_KB, "componentdefinitions", "get list"),)),
    "operator": Group((_rule("apps", "deployments", "get list"),), namespace=OPERATOR_NAMESPACE),
    "switch": Group(
        (_rule("apps", "deployments", "patch", "kubeblocks", "kubeblocks-dataprotection"),),
        needed=False,
        namespace=OPERATOR_NAMESPACE,
        without="rights.fix_switch",
    ),
}
EVERYTHING: Right = ("*", "*", "*", "*")
CONTROL_PLANE = ("role_read", "namespaces", "databases", "state", "engines", "operator", "switch")
DATA_PLANE = (
    "role",
    "role_bind",
    "undo",
    "namespaces",
    "watch",
    "clean",
    "repair",
    "room",
    "addresses",
    "pools",
)


def groups_for(*, control: bool, data: bool) -> list[str]:
    """Return the groups that a plane needs; for both parts, the wider one of two."""
    names = [*(CONTROL_PLANE if control else ()), *(DATA_PLANE if data else ())]
    unique = list(dict.fromkeys(names))
    return [name for name in unique if not (name == "role_read" and "role" in unique)]


@actions.register
@dataclass(frozen=True)
class Rights(PlaneCheck):
    """One group of rights, asked one by one with SelfSubjectAccessReviews."""

    slug: ClassVar[str] = "preflight-rights"
    group: str = ""

    def label(self) -> Sentence:
        return say(f"rights.{self.group}")

    def _wanted(self) -> list[Right]:
        return wanted(self.group)

    def commands(self) -> list[str]:
        namespace = GROUPS[self.group].namespace
        return [
            kubectl_can_i(
                verb,
                group=group,
                resource=resource,
                name=_name(name),
                namespace=namespace,
                context=self.plane,
            )
            for group, resource, verb, name in self._wanted()
        ]

    def look(self) -> Finding:
        client, rights, asked = self.client(), self._wanted(), GROUPS[self.group]
        missing = [right for right in rights if not _may(client, right, asked.namespace)]
        if not missing:
            return Finding(Verdict.PASS, say("rights.yes", count=len(rights)))
        said = say("rights.no", missing=[show_right(right) for right in missing])
        return Finding(Verdict.FAIL if asked.needed else Verdict.WARN, said, asked.fix)


def wanted(group: str) -> list[Right]:
    """Return (group, resource, verb, name) of every right of a group of GROUPS, the name "*" for any."""
    return [right for rule in GROUPS[group].rules for right in sorted(rule_set([rule]))]


def held(client: PlaneClient, groups: Iterable[str]) -> frozenset[Right]:
    """Ask the plane which rights of these groups the client's user has, and whether it has all there are.

    Raises KubeError.
    """
    asked = {(right, GROUPS[group].namespace) for group in groups for right in wanted(group)}
    return frozenset(right for right, where in {*asked, (EVERYTHING, "")} if _may(client, right, where))


def _may(client: PlaneClient, right: Right, namespace: str) -> bool:
    group, resource, verb, name = right
    return client.can_i(verb, group=group, resource=resource, name=_name(name), namespace=namespace)


def _name(name: str) -> str:
    return "" if name == "*" else name
