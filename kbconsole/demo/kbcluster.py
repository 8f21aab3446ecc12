"""One pass of the stand-in operator over one Cluster."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kbconsole.demo import kbdelete, kbobjects, kbstatus
from kbconsole.demo.kbdelete import CLUSTER_FINALIZER
from kbconsole.demo.kbobjects import HOME_PLANE, PLACEMENT, Component, PlannedService, ordinal_of, placed
from kbconsole.demo.looking import View
from kbconsole.demo.ownership import now
from kbconsole.k8s.errors import KubeError
from kbconsole.k8s.kinds import (
    COMPONENT_V1,
    COMPONENT_V1ALPHA1,
    CONFIG_MAP,
    EVENT,
    INSTANCE_SET_V1,
    INSTANCE_SET_V1ALPHA1,
    POD,
    PVC,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)

if TYPE_CHECKING:
    from kbconsole.demo.operator import Operator

Object = dict[str, Any]
API_ANNOTATION = "kubeblocks.io/crd-api-version"


class ClusterPass:
    """What is done once per pass. `views` has every plane of the placement that the operator knows."""

    def __init__(
        self,
        operator: Operator,
        cluster: Object,
        definitions: Mapping[str, Object],
        views: Mapping[str, View | KubeError],
        known: list[str],
    ) -> None:
        self.operator = operator
        self.control = operator.control
        self.line = operator.line
        self.cluster = cluster
        self.name, self.namespace = cluster["metadata"]["name"], cluster["metadata"]["namespace"]
        self.definitions = definitions
        self.placement: str = (cluster["metadata"].get("annotations") or {}).get(PLACEMENT, "")
        # Without contexts the operator has one plane, its own, whatever the annotation says.
        self.contexts = self.placement.split(",") if known else [HOME_PLANE]
        self.known = known or [HOME_PLANE]
        self._views = views

    def begin(self) -> None:
        """What is done while planes have not answered yet: the control plane's part alone."""
        if "deletionTimestamp" not in self.cluster["metadata"]:
            self._adopt()
            kbstatus.started(self)

    def run(self) -> None:
        """Raises KubeError where the real one would try again later."""
        if "deletionTimestamp" in self.cluster["metadata"]:
            kbdelete.delete(self)
            return
        self._adopt()
        specs = [(spec, self.definition(spec)) for spec in self.cluster["spec"]["componentSpecs"]]
        if any(definition is None for _, definition in specs):
            kbstatus.no_definition(self)
            return
        kbstatus.started(self)
        components = [self.component(spec, definition) for spec, definition in specs if definition]
        if any(c.definition.get("status", {}).get("phase") != "Available" for c in components):
            return
        self.planes()
        for component in components:
            self._fill(component)
        kbstatus.report(self, components)

    def planes(self) -> dict[str, View]:
        """Return the planes that answer by context. Raises KubeError when one of the placement is dead."""
        found: dict[str, View] = {}
        for context in self.contexts:
            view = self._views.get(context)
            if isinstance(view, KubeError):
                raise view
            if view is not None:
                found[context] = view
        return found

    def patch_cluster(self, change: Object, subresource: str = "") -> None:
        kind = self.operator.cluster_kind
        self.cluster = self.control.patch(kind, self.name, self.namespace, change, subresource=subresource)

    def _adopt(self) -> None:
        metadata = self.cluster["metadata"]
        change: Object = {}
        if CLUSTER_FINALIZER not in metadata.get("finalizers", []):
            change["finalizers"] = [*metadata.get("finalizers", []), CLUSTER_FINALIZER]
        if self.line != "0.9" and API_ANNOTATION not in (metadata.get("annotations") or {}):
            change["annotations"] = {API_ANNOTATION: self.operator.cluster_kind.api_version}
        if change:
            self.patch_cluster({"metadata": change})

    def definition(self, spec: Object) -> Object | None:
        """Return the definition: exact name, else the newest that the text is a prefix or pattern of."""
        wanted = spec.get("componentDef", "")
        if wanted in self.definitions:
            return self.definitions[wanted]
        names = [
            name for name in sorted(self.definitions) if name.startswith(wanted) or _matches(wanted, name)
        ]
        return self.definitions[names[-1]] if wanted and names else None

    def component(self, spec: Object, definition: Object) -> Component:
        new = self.line != "0.9"
        kinds = {
            "Component": COMPONENT_V1 if new else COMPONENT_V1ALPHA1,
            "InstanceSet": INSTANCE_SET_V1 if new else INSTANCE_SET_V1ALPHA1,
        }
        name = f"{self.name}-{spec['name']}"
        owners = {label: self._ensure_owner(kind, name, spec) for label, kind in kinds.items()}
        return Component(self.line, self.cluster, spec, definition, owners)

    def _ensure_owner(self, kind: Kind, name: str, spec: Object) -> Object:
        found = self.control.get(kind, name, self.namespace)
        if found is not None:
            return found
        placement = {PLACEMENT: self.placement} if self.placement else {}
        labels = {
            "app.kubernetes.io/managed-by": "kubeblocks",
            "app.kubernetes.io/instance": self.name,
            "apps.kubeblocks.io/component-name": spec["name"],
        }
        metadata = {"name": name, "namespace": self.namespace, "labels": labels, "annotations": placement}
        own_spec: Object = {"replicas": spec["replicas"]}
        if kind.kind == "Component":
            own_spec["compDef"] = spec.get("componentDef", "")
            own_spec["terminationPolicy"] = self.cluster["spec"]["terminationPolicy"]
        else:
            selector = {"workloads.kubeblocks.io/instance": name}
            own_spec |= {
                "selector": {"matchLabels": selector},
                "template": {
                    "metadata": {"labels": selector},
                    "spec": {"containers": [{"name": spec["name"]}]},
                },
            }
        return self.control.create(
            {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": own_spec}
        )

    # Making the objects of a component -------------------------------------------------------------------------

    def _fill(self, component: Component) -> None:
        self._fill_rights(component)
        planned = self._warned(component, "Component", lambda: self._fill_services(component))
        peers = kbstatus.peer_endpoints(self, component, planned)
        if peers is None:
            return  # a load balancer has no address yet: no environment, so no pod
        self._mirror(component, "Component", CONFIG_MAP, kbobjects.environment(component, peers))
        if self.line == "0.9":
            self._mirror(component, "InstanceSet", CONFIG_MAP, kbobjects.set_environment(component))
        self._mirror(component, "InstanceSet", SERVICE, kbobjects.headless(component))
        self._fill_pods(component)

    def _fill_rights(self, component: Component) -> None:
        """0.9 makes the RoleBinding only together with a new ServiceAccount, 1.0 looks into each plane."""
        account, binding = kbobjects.account(component), kbobjects.role_binding(component)
        if self.line == "0.9":
            if not self._anywhere(SERVICE_ACCOUNT, component.account):
                self._mirror(component, "Component", SERVICE_ACCOUNT, account)
                self._mirror(component, "Component", ROLE_BINDING, binding)
            return
        for context, view in self.planes().items():
            for kind, body in ((SERVICE_ACCOUNT, account), (ROLE_BINDING, binding)):
                if view.get(kind, self.namespace, body["metadata"]["name"]) is None:
                    try:
                        self._make(view, kind, placed(body, context))
                    except KubeError as error:
                        self._warn(component.owners["Component"], error)

    def _fill_services(self, component: Component) -> list[PlannedService]:
        planned = list(kbobjects.services(component))
        for service in planned:
            if service.unique and service.ordinal is not None:
                self._place_one(component, "Component", SERVICE, service.body, service.ordinal)
            else:
                self._mirror(component, "Component", SERVICE, service.body)
        return planned

    def _make(self, view: View, kind: Kind, body: Object) -> None:
        """Create, but not where KubeBlocks' kinds are served: what their collector took there is not replaced."""
        if self.contexts == [HOME_PLANE] or not view.serves(self.operator.set_kind):
            view.create(kind, body)

    def _anywhere(self, kind: Kind, name: str) -> bool:
        return any(view.get(kind, self.namespace, name) for view in self.planes().values())

    def _mirror(self, component: Component, owner: str, kind: Kind, body: Object) -> None:
        """Create in every plane, but only while none has it: the real one never makes up for one that lacks."""
        if self._anywhere(kind, body["metadata"]["name"]):
            return
        first: KubeError | None = None
        for context, view in self.planes().items():
            try:
                self._make(view, kind, placed(body, context))
            except KubeError as error:
                first = first or error
        if first is not None:
            self._warn(component.owners[owner], first)
            raise first

    def _place_one(self, component: Component, owner: str, kind: Kind, body: Object, ordinal: int) -> bool:
        """Create in the plane of an ordinal; returns False where the placement names no plane that is known."""
        context = self.contexts[ordinal % len(self.contexts)]
        if context not in self.known:
            return False
        view = self.planes().get(context)
        name = body["metadata"]["name"]
        if view is not None and view.get(kind, self.namespace, name) is None:
            self._warned(component, owner, lambda: self._make(view, kind, placed(body, context)))
        return True

    def _fill_pods(self, component: Component) -> None:
        templates = component.spec.get("volumeClaimTemplates") or []
        for ordinal in range(component.replicas):
            for template in templates:
                self._place_one(
                    component, "InstanceSet", PVC, kbobjects.claim(component, template, ordinal), ordinal
                )
            if not self._place_one(component, "InstanceSet", POD, kbobjects.pod(component, ordinal), ordinal):
                break  # silently: neither this ordinal nor any later one
        for view, pod in self.pods(component):
            if ordinal_of(pod["metadata"]["name"]) >= component.replicas:
                view.client.delete(POD, pod["metadata"]["name"], self.namespace)

    def pods(self, component: Component) -> list[tuple[View, Object]]:
        """Return the component's pods in all planes, by ordinal."""
        wanted = component.set_labels.items()
        found = [
            (view, pod)
            for view in self.planes().values()
            for pod in view.all(POD, self.namespace)
            if wanted <= (pod["metadata"].get("labels") or {}).items()
        ]
        return sorted(found, key=lambda row: ordinal_of(row[1]["metadata"]["name"]))

    def _warned(self, component: Component, owner: str, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except KubeError as error:
            self._warn(component.owners[owner], error)
            raise

    def _warn(self, about: Object, error: KubeError) -> None:
        self.event(about, "Warning", said(error))

    def event(self, about: Object, reason: str, message: str) -> None:
        """Record a Warning event once."""
        metadata = about["metadata"]
        digest = hashlib.sha256(f"{metadata['uid']}{reason}{message}".encode()).hexdigest()[:16]
        name = f"{metadata['name']}.{digest}"
        if self.control.get(EVENT, name, self.namespace) is not None:
            return
        keys = {"name": metadata["name"], "namespace": self.namespace, "uid": metadata["uid"]}
        self.control.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": self.namespace},
                "involvedObject": {"apiVersion": about["apiVersion"], "kind": about["kind"], **keys},
                "type": "Warning",
                "reason": reason,
                "message": message[:1000],
                "source": {"component": "kubeblocks"},
                "firstTimestamp": now(),
                "lastTimestamp": now(),
                "count": 1,
            }
        )


def said(error: KubeError) -> str:
    """Return what the server said, without the console's advice."""
    return f"{error.plane}: {error.sentence.params.get('message') or error}"


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name) is not None
    except re.error:
        return False
