"""What tests of traps do behind the console's back, and how they read what the console says about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from time import monotonic, sleep
from typing import Any

from django.contrib.auth.models import User

from kbconsole.common.sentences import Sentence
from kbconsole.fleet.changes import Apply
from kbconsole.jobs import runner
from kbconsole.jobs import services as jobs
from kbconsole.jobs.models import Plan, Run
from kbconsole.k8s.kinds import (
    CONFIG_MAP,
    CRD,
    DEPLOYMENT,
    INSTANCE_SET_V1,
    INSTANCE_SET_V1ALPHA1,
    KB_CLUSTER_V1,
    KB_CLUSTER_V1ALPHA1,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from networking.models import Profile
from placements import services as placements
from placements.models import Placement
from placements.rendering import PLACEMENT
from tests.driving import drive, ticks
from tests.fleets.protocol import Fleet
from tests.journeys.fleet import approved, asked, mesh, plan_of, trouble, wish

Object = dict[str, Any]
ROLE = "kubeblocks-cluster-pod-role"
# What Kubernetes itself puts into a namespace.
EVERYWHERE = {(SERVICE, "kubernetes"), (SERVICE_ACCOUNT, "default"), (CONFIG_MAP, "kube-root-ca.crt")}
DOOMING = ("Component", "InstanceSet")


def waiting(adam: User, dana: User, *, network: Profile | None = None, **changes: Any) -> Placement:
    """Return a request whose plan waits for approval."""
    placement = asked(wish(network or mesh(adam), **changes), dana)
    assert plan_of(placement).status == "ready", plan_of(placement).failure
    return placement


def in_service(adam: User, dana: User, **changes: Any) -> Placement:
    placement = waiting(adam, dana, **changes)
    run = approved(placement, adam)
    assert run.status == "succeeded", trouble(run)
    return placement


def checked(placement: Placement, by: User) -> Run:
    run = drive(placements.check(placement.pk, by=by))
    placement.refresh_from_db()
    return run


def retiring(placement: Placement, by: User, policy: str = "Delete") -> Plan:
    """Ask to retire, and let the plan be made."""
    plan = placements.retire(placement.pk, typed_name=placement.name, policy=policy, by=by)
    drive(plan.runs.get(), seconds=120)
    plan.refresh_from_db()
    return plan


def started(plan: Plan, *admins: User) -> Run:
    """Approve, and return the run before its first step."""
    for admin in admins:
        jobs.decide(plan.pk, by=admin, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    return plan.runs.exclude(job="make-plan").get()


def until(run: Run, phase: str, seconds: float = 120) -> Run:
    """Carry a run on until a step of the phase has succeeded."""
    end = monotonic() + seconds
    while not run.steps.filter(phase=phase, status="succeeded").exists():
        runner.advance(run.pk)
        assert Run.objects.get(pk=run.pk).active, trouble(run)
        assert monotonic() < end, trouble(run)
        sleep(0.02)
    return run


def wait_for(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until the controllers have done something."""
    end = monotonic() + seconds
    while not holds():
        assert monotonic() < end
        sleep(0.05)


def again(run: Run, by: User, seconds: float = 120) -> Run:
    jobs.retry(run.pk, by=by)
    return drive(run, seconds=seconds)


# What the console says


def words(stored: Any) -> str:
    """Return a stored sentence as a person reads it."""
    return str(Sentence.from_json(stored)) if stored else ""


def failures(run: Run) -> dict[tuple[str, str], str]:
    """Return what failed, with its sentence, by plane and phase."""
    rows = run.steps.filter(status="failed")
    return {(row.lane, row.phase): words((row.finding or {}).get("sentence")) for row in rows}


def fixes(run: Run, phase: str) -> list[str]:
    rows = run.steps.filter(status="failed", phase=phase)
    return [words((row.finding or {}).get("fix")) for row in rows]


def statuses(run: Run, phase: str) -> dict[str, str]:
    return {row.lane: row.status for row in run.steps.filter(phase=phase)}


# What happens behind its back


def cluster_kind(fleet: Fleet) -> Kind:
    return KB_CLUSTER_V1ALPHA1 if fleet.line == "0.9" else KB_CLUSTER_V1


def cluster(fleet: Fleet, name: str = "etcd-demo") -> Object | None:
    return the(fleet, fleet.control_plane, cluster_kind(fleet), name)


def clusters(fleet: Fleet) -> list[str]:
    return names(fleet, fleet.control_plane, cluster_kind(fleet), "")


def the(fleet: Fleet, plane: str, kind: Kind, name: str, namespace: str = "default") -> Object | None:
    with closing(fleet.client(plane)) as client:
        return client.get(kind, name, namespace if kind.namespaced else "")


def names(fleet: Fleet, plane: str, kind: Kind, namespace: str = "default") -> list[str]:
    """Return names of a namespace, "" for all, without what every Kubernetes puts there itself."""
    with closing(fleet.client(plane)) as client:
        found = client.list(kind, namespace if kind.namespaced else "")
    every = sorted(str(body["metadata"]["name"]) for body in found)
    return [name for name in every if (kind, name) not in EVERYWHERE]


def make(fleet: Fleet, plane: str, body: Object, manager: str = "kubectl-create") -> Object:
    with closing(fleet.client(plane, manager=manager)) as client:
        return client.create(body)


def change(fleet: Fleet, plane: str, kind: Kind, name: str, patch: Object) -> Object:
    with closing(fleet.client(plane)) as client:
        return client.patch(kind, name, "default" if kind.namespaced else "", patch)


def set_contexts(fleet: Fleet, contexts: str, disabled: str = "") -> None:
    """Start the operator with other contexts, as a Helm upgrade would."""
    more = [f"--multi-cluster-contexts={contexts}"] if contexts else []
    more += [f"--multi-cluster-contexts-disabled={disabled}"] if disabled else []
    set_arguments(fleet, "--multi-cluster-contexts", more)


def set_arguments(fleet: Fleet, prefix: str, more: list[str]) -> None:
    """Give both Deployments other arguments in place of those that begin with `prefix`."""
    with closing(fleet.client(fleet.control_plane)) as client:
        for name in ("kubeblocks", "kubeblocks-dataprotection"):
            deployment = client.get(DEPLOYMENT, name, "kb-system") or {}
            container = deployment["spec"]["template"]["spec"]["containers"][0]
            kept = [argument for argument in container["args"] if not argument.startswith(prefix)]
            said = {"spec": {"containers": [{**container, "args": [*kept, *more]}]}}
            client.patch(DEPLOYMENT, name, "kb-system", {"spec": {"template": said}})


def operator_is_up(fleet: Fleet) -> bool:
    with closing(fleet.client(fleet.control_plane)) as client:
        deployment = client.get(DEPLOYMENT, "kubeblocks", "kb-system") or {}
    return bool(deployment["status"].get("availableReplicas", 0))


def install_crds(fleet: Fleet, plane: str) -> None:
    """Put definitions of KubeBlocks into a plane, as somebody does who installs it there."""
    with closing(fleet.client(fleet.control_plane)) as client:
        found = [crd for crd in client.list(CRD) if crd["spec"]["names"]["kind"] in DOOMING]
    for crd in found:
        body = {key: crd[key] for key in ("apiVersion", "kind", "spec")}
        make(fleet, plane, body | {"metadata": {"name": crd["metadata"]["name"]}})
    kind = INSTANCE_SET_V1ALPHA1 if fleet.line == "0.9" else INSTANCE_SET_V1
    with closing(fleet.client(plane)) as client:
        wait_for(lambda: client.serves(kind.api_version, kind.plural))


def planned_cluster(placement: Placement) -> Object:
    """Return the Cluster of the newest plan, as it would be applied."""
    steps = [step for step in plan_of(placement).steps() if step.phase == "cluster"]
    change = steps[0].change
    assert isinstance(change, Apply)
    return change.object


def foreign_cluster(fleet: Fleet, like: Object) -> str:
    """Make a Cluster as somebody with kubectl would. Returns its UID."""
    metadata = {key: like["metadata"][key] for key in ("name", "namespace", "annotations")}
    body = {key: like[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": metadata}
    return str(make(fleet, fleet.control_plane, body)["metadata"]["uid"])


def copy_object(fleet: Fleet, kind: Kind, name: str, source: str, target: str) -> None:
    """Repair a mirrored object by hand: copied, with the target's name as its placement."""
    found = the(fleet, source, kind, name) or {}
    metadata: Object = {key: found["metadata"][key] for key in ("name", "namespace", "labels")}
    metadata["annotations"] = {**found["metadata"]["annotations"], PLACEMENT: target}
    parts = ("apiVersion", "kind", "data", "spec", "roleRef", "subjects")
    said: Object = {key: found[key] for key in parts if key in found}
    make(fleet, target, {**said, "metadata": metadata})


def left(fleet: Fleet, planes: Iterable[str], kinds: Iterable[Kind]) -> list[str]:
    """Return every object of these kinds that the planes hold in the namespace."""
    every = [(plane, kind) for plane in planes for kind in kinds]
    return [f"{plane} {kind.kind} {name}" for plane, kind in every for name in names(fleet, plane, kind)]
