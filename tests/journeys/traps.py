"""What tests of traps do behind the console's back, and how they read what the console says about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic, sleep
from typing import Any

from django.contrib.auth.models import User

from kbconsole.common.sentences import Sentence
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet.changes import Apply
from kbconsole.jobs import runner
from kbconsole.jobs import services as jobs
from kbconsole.jobs.models import Plan, Run
from kbconsole.k8s.kinds import CRD, DEPLOYMENT, KB_CLUSTER_V1, KB_CLUSTER_V1ALPHA1, Kind
from placements import services as placements
from placements.models import Placement
from placements.rendering import PLACEMENT
from tests.driving import drive, ticks
from tests.journeys.fleet import approved, asked, mesh, plan_of, trouble, wish

LABELS = "app.kubernetes.io/instance=etcd-demo"
ROLE = "kubeblocks-cluster-pod-role"


def waiting(adam: User, dana: User, **changes: Any) -> Placement:
    """Return a request whose plan waits for approval."""
    placement = asked(wish(mesh(adam), **changes), dana)
    assert plan_of(placement).status == "ready", plan_of(placement).failure
    return placement


def in_service(adam: User, dana: User, **changes: Any) -> Placement:
    placement = waiting(adam, dana, **changes)
    run = approved(placement, adam)
    assert run.status == "succeeded", trouble(run)
    return placement


def checked(placement: Placement, by: User) -> Run:
    run = drive(placements.check(placement.pk, by=by), seconds=40)
    placement.refresh_from_db()
    return run


def retiring(placement: Placement, by: User, policy: str = "Delete") -> Plan:
    """Ask to retire, and let the plan be made."""
    plan = placements.retire(placement.pk, typed_name=placement.name, policy=policy, by=by)
    drive(plan.runs.get(), seconds=30)
    plan.refresh_from_db()
    return plan


def started(plan: Plan, *admins: User) -> Run:
    """Approve, and return the run before its first step."""
    for admin in admins:
        jobs.decide(plan.pk, by=admin, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    return plan.runs.exclude(job="make-plan").get()


def until(run: Run, phase: str, seconds: float = 40) -> Run:
    """Carry a run on until a step of the phase has succeeded."""
    end = monotonic() + seconds
    while not run.steps.filter(phase=phase, status="succeeded").exists():
        runner.advance(run.pk)
        assert Run.objects.get(pk=run.pk).active, trouble(run)
        assert monotonic() < end, trouble(run)
        sleep(0.02)
    return run


def wait_for(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until the controllers have done something."""
    end = monotonic() + seconds
    while not holds():
        assert monotonic() < end
        sleep(0.05)


def again(run: Run, by: User, seconds: float = 60) -> Run:
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


def cluster_kind(embedded: EmbeddedFleet) -> Kind:
    return KB_CLUSTER_V1ALPHA1 if embedded.line == "0.9" else KB_CLUSTER_V1


def cluster(embedded: EmbeddedFleet, name: str = "etcd-demo") -> dict[str, Any] | None:
    return embedded.client(embedded.control_plane).get(cluster_kind(embedded), name, "default")


def clusters(embedded: EmbeddedFleet) -> list[str]:
    found = embedded.client(embedded.control_plane).list(cluster_kind(embedded))
    return [str(one["metadata"]["name"]) for one in found]


def names(embedded: EmbeddedFleet, plane: str, kind: Kind, namespace: str = "default") -> list[str]:
    return embedded.store(plane).names(kind.resource, namespace)


def set_contexts(embedded: EmbeddedFleet, contexts: str, disabled: str = "") -> None:
    """Start the operator with other contexts, as a Helm upgrade would."""
    more = [f"--multi-cluster-contexts={contexts}"]
    more += [f"--multi-cluster-contexts-disabled={disabled}"] if disabled else []
    set_arguments(embedded, "--multi-cluster-contexts", more)


def set_arguments(embedded: EmbeddedFleet, prefix: str, more: list[str]) -> None:
    """Give both Deployments other arguments in place of those that begin with `prefix`."""
    client = embedded.client(embedded.control_plane)
    for name in ("kubeblocks", "kubeblocks-dataprotection"):
        deployment = client.get(DEPLOYMENT, name, "kb-system") or {}
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        kept = [argument for argument in container["args"] if not argument.startswith(prefix)]
        change = {"spec": {"template": {"spec": {"containers": [{**container, "args": [*kept, *more]}]}}}}
        client.patch(DEPLOYMENT, name, "kb-system", change)


def install_crds(embedded: EmbeddedFleet, plane: str) -> None:
    """Put the definition of InstanceSets into a plane, as somebody does who installs KubeBlocks there."""
    client = embedded.client(embedded.control_plane)
    found = next(crd for crd in client.list(CRD) if crd["spec"]["names"]["kind"] == "InstanceSet")
    metadata = {"name": found["metadata"]["name"]}
    body = {
        "apiVersion": found["apiVersion"],
        "kind": found["kind"],
        "metadata": metadata,
        "spec": found["spec"],
    }
    embedded.client(plane).create(body)


def planned_cluster(placement: Placement) -> dict[str, Any]:
    """Return the Cluster of the newest plan, as it would be applied."""
    steps = [step for step in plan_of(placement).steps() if step.phase == "cluster"]
    change = steps[0].change
    assert isinstance(change, Apply)
    return change.object


def foreign_cluster(embedded: EmbeddedFleet, like: dict[str, Any]) -> str:
    """Make a Cluster as somebody with kubectl would. Returns its UID."""
    metadata = {key: like["metadata"][key] for key in ("name", "namespace", "annotations")}
    body = {key: like[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": metadata}
    made = embedded.client(embedded.control_plane, manager="kubectl-create").create(body)
    return str(made["metadata"]["uid"])


def copy_object(embedded: EmbeddedFleet, kind: Kind, name: str, source: str, target: str) -> None:
    """Repair a mirrored object as the console tells to: copied, with the target's name as its placement."""
    found = embedded.client(source).get(kind, name, "default") or {}
    metadata: dict[str, Any] = {key: found["metadata"][key] for key in ("name", "namespace", "labels")}
    metadata["annotations"] = {**found["metadata"]["annotations"], PLACEMENT: target}
    parts = ("apiVersion", "kind", "data", "spec", "roleRef", "subjects")
    said: dict[str, Any] = {key: found[key] for key in parts if key in found}
    embedded.client(target).create({**said, "metadata": metadata})


def left(embedded: EmbeddedFleet, planes: Iterable[str], kinds: Iterable[Kind]) -> list[str]:
    """Return every object of these kinds that the planes hold in the namespace."""
    every = [(plane, kind) for plane in planes for kind in kinds]
    return [f"{plane} {kind.kind} {name}" for plane, kind in every for name in names(embedded, plane, kind)]
