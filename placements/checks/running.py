"""How to tell that a database runs: asked of every data plane, never of the Cluster's status alone.

An operator keeps a Cluster "Running" while one of its planes is dead, so only the planes' own objects count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.preflight.rights import POD_ROLE
from kbconsole.jobs.definition import Check, Finding, Verdict, actions
from kbconsole.k8s.commands import kubectl_get
from kbconsole.k8s.kinds import (
    CLUSTER_ROLE,
    NAMESPACE,
    POD,
    ROLE_BINDING,
    SERVICE,
    Kind,
    Object,
    selector_of,
)
from placements.observation import pod_fact, service_fact

declare(
    {
        "placements.check_services": _("Services are there"),
        "placements.services_there": _("%(count)s services are there."),
        "placements.services_missing": _("%(plane)s: %(missing)s not there yet."),
        "placements.services_fix": _(
            "If it stays so, look at the operator: while any plane of the database gives it no answer, it makes "
            "nothing on any of them, and what was not made while %(plane)s was away it may never make up for. What "
            "other planes have by then, “Copy the missing objects” gives to %(plane)s."
        ),
        "placements.namespace_going": _(
            "The namespace %(namespace)s on %(plane)s is gone or being deleted, so nothing can be made there. Find out "
            "who removes it; when it is gone, choose Retry, which makes it again."
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
        "placements.pods_fix": _(
            "If it stays so, look at the events of the pod on %(plane)s. If it lacks a ConfigMap or an account there "
            "that other planes have, choose “Copy the missing objects”: the operator never makes up for these."
        ),
        "placements.check_roles": _("Replicas have their roles"),
        "placements.roles_set": _("Roles: %(roles)s."),
        "placements.roles_missing": _("%(plane)s: %(pods)s ready, but without a role."),
        "placements.roles_fix": _(
            "The cluster role and its RoleBinding are on %(plane)s. Look at the pods' logs there; after a restart of "
            "the operator, roles may show a minute late."
        ),
        "placements.role_lacks": _(
            "%(plane)s has no cluster role %(role)s, or it grants nothing, so its pods may not report their role. "
            "Choose Copy RBAC under Fleet, then look again."
        ),
        "placements.binding_lacks": _(
            "No RoleBinding on %(plane)s gives the account %(account)s the cluster role %(role)s. The operator's user "
            "there needs the right to bind it, and KubeBlocks 0.9 tries only once: grant the right, then copy the "
            "RoleBinding from a plane that has it, with the placement annotation set to the plane's own name."
        ),
    }
)


@dataclass(frozen=True)
class DatabaseCheck(Check):
    """A check of one database's objects on one plane: those of the kind `of` that have the labels."""

    of: ClassVar[Kind]
    title: ClassVar[str]
    plane: str
    namespace: str
    labels: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def label(self) -> Sentence:
        return say(self.title)

    def commands(self) -> list[str]:
        return [kubectl_get(self.of, "", self.namespace, context=self.plane, labels=selector_of(self.labels))]

    def found(self) -> list[Object]:
        return access.client(self.plane).list(self.of, self.namespace, labels=selector_of(self.labels))

    def advice(self, otherwise: str) -> Sentence:
        """Return what to do while something lacks: in a namespace that goes away the operator can make nothing."""
        there = access.client(self.plane).get(NAMESPACE, self.namespace)
        if there is None or there["metadata"].get("deletionTimestamp"):
            return say("placements.namespace_going", namespace=self.namespace, plane=self.plane)
        return say(otherwise, plane=self.plane)


def seen(**what: Json) -> dict[str, Json]:
    """Return facts with the moment at which the plane gave them."""
    return {**what, "seen_at": timezone.now().isoformat()}


@actions.register
@dataclass(frozen=True)
class ServicesThere(DatabaseCheck):
    """`names` are the per-replica services that this plane has to hold."""

    slug: ClassVar[str] = "services-there"
    of: ClassVar[Kind] = SERVICE
    title: ClassVar[str] = "placements.check_services"

    def look(self) -> Finding:
        services = [service_fact(service) for service in self.found()]
        missing = sorted(set(self.names) - {service["name"] for service in services})
        facts = seen(services=services)
        if missing:
            fix = self.advice("placements.services_fix")
            sentence = say("placements.services_missing", plane=self.plane, missing=missing)
            return Finding(Verdict.WAIT, sentence, fix, facts)
        return Finding(Verdict.PASS, say("placements.services_there", count=len(services)), facts=facts)


@actions.register
@dataclass(frozen=True)
class AddressesThere(DatabaseCheck):
    """A LoadBalancer needs an address from its cloud, a ClusterIP one from the plane."""

    slug: ClassVar[str] = "addresses-there"
    of: ClassVar[Kind] = SERVICE
    title: ClassVar[str] = "placements.check_addresses"

    def look(self) -> Finding:
        services = [service_fact(service) for service in self.found()]
        wanted = [service for service in services if service["name"] in self.names]
        addresses = {service["name"]: _addresses(service) for service in wanted}
        missing = sorted(set(self.names) - {name for name, found in addresses.items() if found})
        facts = seen(services=services)
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
class PodsReady(DatabaseCheck):
    """`names` are the replicas that have to run on this plane."""

    slug: ClassVar[str] = "pods-ready"
    of: ClassVar[Kind] = POD
    title: ClassVar[str] = "placements.check_pods"

    def look(self) -> Finding:
        pods = sorted((pod_fact(pod) for pod in self.found()), key=lambda fact: str(fact["name"]))
        facts = seen(pods=pods)
        if not self.names:
            return Finding(Verdict.PASS, say("placements.no_pods_here"), facts=facts)
        by_name = {pod["name"]: pod for pod in pods}
        ready = Finding(Verdict.PASS, say("placements.pods_ready", pods=self.names), facts=facts)
        return _waiting_for(self, by_name, facts) or ready


def _waiting_for(
    check: DatabaseCheck, pods: Mapping[str, dict[str, Any]], facts: dict[str, Json]
) -> Finding | None:
    """Return what is said while a replica is not ready; None: all are."""
    lacking = [said for name in check.names if (said := _lacking(name, pods.get(name)))]
    if not lacking:
        return None
    waits = say("placements.pods_waiting", plane=check.plane, what=lacking)
    return Finding(Verdict.WAIT, waits, check.advice("placements.pods_fix"), facts)


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
class RolesSet(DatabaseCheck):
    """Every replica on this plane has reported the role that it plays in the database."""

    slug: ClassVar[str] = "roles-set"
    of: ClassVar[Kind] = POD
    title: ClassVar[str] = "placements.check_roles"

    def look(self) -> Finding:
        found = self.found()
        pods = sorted(map(pod_fact, found), key=lambda fact: str(fact["name"]))
        facts = seen(pods=pods)
        if not self.names:
            return Finding(Verdict.PASS, say("placements.no_pods_here"), facts=facts)
        by_name = {pod["name"]: pod for pod in pods}
        if waits := _waiting_for(self, by_name, facts):
            return waits
        without = [name for name in self.names if not by_name[name]["role"]]
        if without:
            said = say("placements.roles_missing", plane=self.plane, pods=without)
            return Finding(Verdict.WAIT, said, self._why(found, without), facts)
        shown = [f"{name} {by_name[name]['role']}" for name in self.names]
        return Finding(Verdict.PASS, say("placements.roles_set", roles=shown), facts=facts)

    def _why(self, pods: list[Object], without: list[str]) -> Sentence:
        """Return what keeps the pods from reporting their role, as far as the plane's own RBAC tells."""
        client, words = access.client(self.plane), {"plane": self.plane, "role": POD_ROLE}
        role = client.get(CLUSTER_ROLE, POD_ROLE)
        if role is None or not role.get("rules"):
            return say("placements.role_lacks", **words)
        bound = {
            subject["name"]
            for binding in client.list(ROLE_BINDING, self.namespace)
            if binding["roleRef"]["name"] == POD_ROLE
            for subject in binding.get("subjects") or []
        }
        accounts = {pod["spec"].get("serviceAccountName", "default") for pod in pods if _name(pod) in without}
        unbound = sorted(accounts - bound)
        if unbound:
            return say("placements.binding_lacks", account=unbound[0], **words)
        return say("placements.roles_fix", plane=self.plane)


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])
