"""How to tell that a database runs: asked of every data plane, never of the Cluster's status alone.

An operator keeps a Cluster "Running" while one of its planes is dead, so only the planes' own objects count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.preflight.operator import read_definitions, read_operator
from kbconsole.jobs.definition import Check, Finding, Verdict, actions, canonical_text, digest
from kbconsole.k8s.commands import kubectl_get
from kbconsole.k8s.kinds import (
    CONFIG_MAP,
    NAMESPACE,
    POD,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
    Object,
)
from placements.facts import leftovers
from placements.observation import pod_fact, service_fact

declare(
    {
        "placements.check_plane": _("Look whether %(plane)s still fits"),
        "placements.plane_fits": _(
            "%(plane)s is the plane that was registered, and nothing stands in the way."
        ),
        "placements.other_plane": _(
            "Behind the address of %(plane)s there is another Kubernetes cluster than the one that was registered. "
            "Nothing was written. Check its credential under Fleet."
        ),
        "placements.check_operator": _("Ask the operator's Deployment and definitions again"),
        "placements.operator_says": _(
            "KubeBlocks %(version)s knows %(planes)s, and %(definition)s is Available."
        ),
        "placements.operator_lacks": _(
            "The operator's contexts are %(contexts)s now, so %(planes)s would be passed over in silence. Nothing was "
            "written. Set multiCluster.contexts, let both Deployments roll, then choose Retry."
        ),
        "placements.operator_disabled": _(
            "The operator has %(planes)s disabled now: what it writes there is lost silently. Nothing was written. "
            "Enable them, then choose Retry."
        ),
        "placements.definition_gone": _(
            "%(definition)s is not there or not Available any more. Nothing was written. Mend the engine's add-on, "
            "then choose Retry."
        ),
        "placements.check_services": _("Services are there"),
        "placements.services_there": _("%(count)s services are there."),
        "placements.services_missing": _("%(plane)s: %(missing)s not there yet."),
        "placements.services_fix": _(
            "If it stays so, look at the operator: it may not reach %(plane)s, or was restarted while a plane was dead."
        ),
        "placements.check_addresses": _("Services have addresses"),
        "placements.addresses_there": _("Every service has its address: %(addresses)s."),
        "placements.addresses_missing": _(
            "%(plane)s: %(have)s of %(all)s addresses assigned, waiting for %(missing)s."
        ),
        "placements.addresses_fix": _(
            "If it stays so, look at the load balancers of %(plane)s: quota, subnet and annotations. No pod is made "
            "on any plane before the last address is there."
        ),
        "placements.check_pods": _("Pods are ready"),
        "placements.pods_ready": _("%(pods)s ready."),
        "placements.no_pods_here": _("No replica runs on this plane."),
        "placements.pod_absent": _("pod %(pod)s is not there yet"),
        "placements.pod_unready": _("pod %(pod)s %(phase)s"),
        "placements.pod_because": _("pod %(pod)s %(phase)s: %(reason)s"),
        "placements.pods_waiting": _("%(plane)s: %(what)s"),
        "placements.check_roles": _("Replicas have their roles"),
        "placements.roles_set": _("Roles: %(roles)s."),
        "placements.roles_missing": _("%(plane)s: %(pods)s ready, but without a role."),
        "placements.roles_fix": _(
            "A pod reports its role with the rights of kubeblocks-cluster-pod-role. Check on %(plane)s that the "
            "ClusterRole and its RoleBinding are there; Copy RBAC puts the role back."
        ),
        "placements.check_agreement": _("Planes hold the same mirrored objects, and one leader"),
        "placements.agree": _(
            "Mirrored objects are the same on %(planes)s, and one replica leads: %(leader)s."
        ),
        "placements.agree_leaderless": _("Mirrored objects are the same on %(planes)s."),
        "placements.mirror_missing": _("%(kind)s %(name)s is on %(with)s, but not on %(without)s."),
        "placements.mirror_differs": _("%(kind)s %(name)s differs between %(planes)s."),
        "placements.mirror_fix": _(
            "The operator does not mend this: it is satisfied with any plane that has the object. Copy the object "
            "from a plane that has it, with the placement annotation set to the plane's own name."
        ),
        "placements.leaders": _(
            "%(count)s replicas call themselves leader: %(pods)s. There must be exactly one."
        ),
    }
)


def _labels(pairs: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(pairs.items()))


@actions.register
@dataclass(frozen=True)
class PlaneFits(Check):
    """The plane is the one that was registered; with `labels`, nothing of an earlier database is left there."""

    slug: ClassVar[str] = "plane-fits"
    plane: str
    uid: str
    namespace: str = ""
    name: str = ""
    selector: str = ""

    def label(self) -> Sentence:
        return say("placements.check_plane", plane=self.plane)

    def look(self) -> Finding:
        system = access.client(self.plane).get(NAMESPACE, "kube-system")
        if system is None or system["metadata"]["uid"] != self.uid:
            return Finding(Verdict.FAIL, say("placements.other_plane", plane=self.plane))
        left = leftovers(self.plane, self.namespace, self.selector) if self.selector else []
        if left:
            sentence = say("placements.leftovers", plane=self.plane, objects=left[:10], name=self.name)
            return Finding(Verdict.FAIL, sentence)
        return Finding(Verdict.PASS, say("placements.plane_fits", plane=self.plane))


@actions.register
@dataclass(frozen=True)
class OperatorSays(Check):
    """The live operator is of this line, has these contexts enabled, and the definition is Available."""

    slug: ClassVar[str] = "operator-says"
    plane: str
    line: str
    planes: list[str]
    definition: str

    def label(self) -> Sentence:
        return say("placements.check_operator")

    def look(self) -> Finding:
        client = access.client(self.plane)
        operator = read_operator(client)
        lacking = [plane for plane in self.planes if plane not in operator.contexts]
        if lacking or operator.line != self.line:
            contexts: list[Json] = [*operator.contexts] or [say("fleet.nothing")]
            return Finding(Verdict.FAIL, say("placements.operator_lacks", contexts=contexts, planes=lacking))
        disabled = [plane for plane in self.planes if plane in operator.disabled]
        if disabled:
            return Finding(Verdict.FAIL, say("placements.operator_disabled", planes=disabled))
        ready = {one["name"] for one in read_definitions(client) if one["available"]}
        if self.definition not in ready:
            return Finding(Verdict.FAIL, say("placements.definition_gone", definition=self.definition))
        said = say(
            "placements.operator_says",
            version=operator.version,
            planes=self.planes,
            definition=self.definition,
        )
        return Finding(Verdict.PASS, said, facts={"definition": self.definition, "line": self.line})


@dataclass(frozen=True)
class _OnPlane(Check):
    """A check of one database's objects on one plane."""

    plane: str
    namespace: str
    labels: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def _list(self, kind: Kind) -> list[Object]:
        return access.client(self.plane).list(kind, self.namespace, labels=_labels(self.labels))

    def _services(self) -> list[dict[str, Any]]:
        return [service_fact(service) for service in self._list(SERVICE)]

    def _pods(self) -> list[dict[str, Any]]:
        return sorted((pod_fact(pod) for pod in self._list(POD)), key=lambda fact: str(fact["name"]))


@actions.register
@dataclass(frozen=True)
class ServicesThere(_OnPlane):
    """`names` are the per-replica services that this plane has to hold."""

    slug: ClassVar[str] = "services-there"

    def label(self) -> Sentence:
        return say("placements.check_services")

    def commands(self) -> list[str]:
        return [kubectl_get(SERVICE, "", self.namespace, context=self.plane, labels=_labels(self.labels))]

    def look(self) -> Finding:
        services = self._services()
        missing = sorted(set(self.names) - {service["name"] for service in services})
        facts = {"services": services}
        if missing:
            fix = say("placements.services_fix", plane=self.plane)
            sentence = say("placements.services_missing", plane=self.plane, missing=missing)
            return Finding(Verdict.WAIT, sentence, fix, facts)
        return Finding(Verdict.PASS, say("placements.services_there", count=len(services)), facts=facts)


@actions.register
@dataclass(frozen=True)
class AddressesThere(_OnPlane):
    """A LoadBalancer needs an address from its cloud, a ClusterIP one from the plane."""

    slug: ClassVar[str] = "addresses-there"

    def label(self) -> Sentence:
        return say("placements.check_addresses")

    def commands(self) -> list[str]:
        return [kubectl_get(SERVICE, "", self.namespace, context=self.plane, labels=_labels(self.labels))]

    def look(self) -> Finding:
        services = self._services()
        wanted = [service for service in services if service["name"] in self.names]
        addresses = {service["name"]: _addresses(service) for service in wanted}
        missing = sorted(set(self.names) - {name for name, found in addresses.items() if found})
        facts = {"services": services}
        if missing:
            have = len(self.names) - len(missing)
            sentence = say(
                "placements.addresses_missing",
                plane=self.plane,
                have=have,
                all=len(self.names),
                missing=missing,
            )
            return Finding(Verdict.WAIT, sentence, say("placements.addresses_fix", plane=self.plane), facts)
        shown = [address for found in addresses.values() for address in found]
        return Finding(Verdict.PASS, say("placements.addresses_there", addresses=shown), facts=facts)


def _addresses(service: dict[str, Any]) -> list[str]:
    if service["type"] == "LoadBalancer":
        return list(service["addresses"])
    return [service["cluster_ip"]] if service["cluster_ip"] not in ("", "None") else []


@actions.register
@dataclass(frozen=True)
class PodsReady(_OnPlane):
    """`names` are the replicas that have to run on this plane."""

    slug: ClassVar[str] = "pods-ready"

    def label(self) -> Sentence:
        return say("placements.check_pods")

    def commands(self) -> list[str]:
        return [kubectl_get(POD, "", self.namespace, context=self.plane, labels=_labels(self.labels))]

    def look(self) -> Finding:
        pods = self._pods()
        facts = {"pods": pods}
        if not self.names:
            return Finding(Verdict.PASS, say("placements.no_pods_here"), facts=facts)
        by_name = {pod["name"]: pod for pod in pods}
        lacking = [_lacking(name, by_name.get(name)) for name in self.names]
        said = [sentence for sentence in lacking if sentence]
        if said:
            return Finding(
                Verdict.WAIT, say("placements.pods_waiting", plane=self.plane, what=said), facts=facts
            )
        return Finding(Verdict.PASS, say("placements.pods_ready", pods=self.names), facts=facts)


def _lacking(name: str, pod: dict[str, Any] | None) -> Sentence | None:
    if pod is None:
        return say("placements.pod_absent", pod=name)
    if pod["ready"]:
        return None
    if pod["reason"]:
        return say("placements.pod_because", pod=name, phase=pod["phase"], reason=pod["reason"])
    return say("placements.pod_unready", pod=name, phase=pod["phase"])


@actions.register
@dataclass(frozen=True)
class RolesSet(_OnPlane):
    """Every replica on this plane has reported the role that it plays in the database."""

    slug: ClassVar[str] = "roles-set"

    def label(self) -> Sentence:
        return say("placements.check_roles")

    def commands(self) -> list[str]:
        return [kubectl_get(POD, "", self.namespace, context=self.plane, labels=_labels(self.labels))]

    def look(self) -> Finding:
        pods = self._pods()
        facts = {"pods": pods}
        if not self.names:
            return Finding(Verdict.PASS, say("placements.no_pods_here"), facts=facts)
        roles = {pod["name"]: pod["role"] for pod in pods if pod["name"] in self.names}
        without = [name for name in self.names if not roles.get(name)]
        if without:
            sentence = say("placements.roles_missing", plane=self.plane, pods=without)
            return Finding(Verdict.WAIT, sentence, say("placements.roles_fix", plane=self.plane), facts)
        shown = [f"{name} {role}" for name, role in sorted(roles.items())]
        return Finding(Verdict.PASS, say("placements.roles_set", roles=shown), facts=facts)


@actions.register
@dataclass(frozen=True)
class PlanesAgree(Check):
    """Objects that every plane must hold are the same on each, and exactly one replica leads."""

    slug: ClassVar[str] = "planes-agree"
    planes: list[str]
    namespace: str
    labels: dict[str, str]
    leader: str = "leader"

    def label(self) -> Sentence:
        return say("placements.check_agreement")

    def look(self) -> Finding:
        held = {plane: self._mirrored(plane) for plane in self.planes}
        wrong = _disagreements(held)
        if wrong:
            return Finding(Verdict.FAIL, wrong[0], say("placements.mirror_fix"))
        leaders = [name for plane in self.planes for name in self._leaders(plane)]
        if len(leaders) > 1 or not leaders:
            return Finding(Verdict.WAIT, say("placements.leaders", count=len(leaders), pods=leaders))
        return Finding(Verdict.PASS, say("placements.agree", planes=self.planes, leader=leaders[0]))

    def _mirrored(self, plane: str) -> dict[tuple[str, str], str]:
        """Return a digest of what each mirrored object says; what differs by plane on purpose is left out."""
        client = access.client(plane)
        found: dict[tuple[str, str], str] = {}
        for kind in (CONFIG_MAP, SERVICE_ACCOUNT, ROLE_BINDING):
            for item in client.list(kind, self.namespace, labels=_labels(self.labels)):
                said = {
                    key: item[key] for key in ("data", "binaryData", "roleRef", "subjects") if key in item
                }
                found[(kind.kind, item["metadata"]["name"])] = digest(canonical_text(said))
        return found

    def _leaders(self, plane: str) -> list[str]:
        pods = access.client(plane).list(POD, self.namespace, labels=_labels(self.labels))
        return [fact["name"] for fact in map(pod_fact, pods) if fact["role"] == self.leader]


def _disagreements(held: dict[str, dict[tuple[str, str], str]]) -> list[Sentence]:
    wrong: list[Sentence] = []
    for kind, name in sorted({key for objects in held.values() for key in objects}):
        digests: dict[str, Json] = {plane: objects.get((kind, name)) for plane, objects in held.items()}
        without: Sequence[str] = [plane for plane, found in digests.items() if found is None]
        if without:
            having = [plane for plane in held if plane not in without]
            params = {"kind": kind, "name": name, "with": having, "without": list(without)}
            wrong.append(say("placements.mirror_missing", **params))
        elif len(set(digests.values())) > 1:
            wrong.append(say("placements.mirror_differs", kind=kind, name=name, planes=list(held)))
    return wrong
