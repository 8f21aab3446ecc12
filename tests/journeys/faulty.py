"""Planes of either backend in trouble, and what the console's account of it must be to be honest."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from time import monotonic, sleep
from typing import Any

import pytest
import urllib3
from django.contrib.auth.models import User

from kbconsole.audit.models import Entry
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.demo.resources import RBAC
from kbconsole.demo.rights import USERS
from kbconsole.fleet import services as fleets
from kbconsole.jobs import runner
from kbconsole.jobs import services as jobs
from kbconsole.jobs.models import Plan, Run
from kbconsole.k8s import kubeconfig
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.credentials import PlaneCredential
from kbconsole.k8s.kinds import (
    CLUSTER_ROLE,
    CONFIG_MAP,
    CRD,
    NAMESPACE,
    POD,
    PVC,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    Object,
)
from placements import services as placements
from placements.models import Placement
from tests.driving import drive
from tests.fleets import binaries, rights
from tests.fleets.protocol import Fleet
from tests.fleets.real import RealFleet
from tests.journeys import traps
from tests.journeys.fleet import PLANES, plan_of, trouble

LABELS = "app.kubernetes.io/instance=etcd-demo"
OWN = (POD, PVC, SERVICE, CONFIG_MAP, SERVICE_ACCOUNT, ROLE_BINDING)
CLUSTERS = "clusters.apps.kubeblocks.io"

# What happens to planes


def refuse(fleet: Fleet, plane: str) -> None:
    """Nothing listens any more."""
    if isinstance(fleet, RealFleet):
        fleet.stop(plane)
    else:
        embedded(fleet).fault(plane, "unreachable")


def answer(fleet: Fleet, plane: str) -> None:
    """End what `refuse` began."""
    if isinstance(fleet, RealFleet):
        fleet.start(plane)
    else:
        embedded(fleet).fault(plane, None)


@contextmanager
def hanging(fleet: Fleet, plane: str) -> Iterator[None]:
    """It takes connections and never answers: a real one by SIGSTOP."""
    if isinstance(fleet, RealFleet):
        fleet.freeze(plane)
        try:
            yield
        finally:
            fleet.thaw(plane)
    else:
        embedded(fleet).fault(plane, "hang")
        yield
        embedded(fleet).fault(plane, None)


def account(fleet: Fleet, plane: str) -> PlaneCredential:
    """Return a credential whose token the plane can take back; asked again after that, another one."""
    if isinstance(fleet, RealFleet):
        return fleet.account(plane)
    known = embedded(fleet).host.servers[plane].plane.tokens
    return next(
        found for user in ("kbconsole", "admin") if (found := fleet.credential(plane, user)).token in known
    )


def take_token(fleet: Fleet, plane: str, credential: PlaneCredential) -> None:
    """The plane does not know this token any more; a real one is not even restarted for that."""
    if isinstance(fleet, RealFleet):
        fleet.revoke(plane, credential)
    else:
        user = next(user for user in USERS if fleet.credential(plane, user) == credential)
        embedded(fleet).remove_token(plane, user)


def take_right(fleet: Fleet, plane: str, resource: str, *verbs: str, group: str = "", name: str = "") -> None:
    """The console's role there loses these verbs on a resource; returns when the server refuses them."""
    for verb in verbs:
        rights.take_away(fleet, plane, verb, resource, group=group)
        if name:
            _until_allowed(fleet, plane, verb, resource, group, name, allowed=False)


def _until_allowed(
    fleet: Fleet, plane: str, verb: str, resource: str, group: str = "", name: str = "", *, allowed: bool
) -> None:
    with closing(fleet.client(plane, "kbconsole")) as console:
        traps.wait_for(lambda: console.can_i(verb, group=group, resource=resource, name=name) is allowed)


def rules_of(fleet: Fleet, plane: str) -> list[Object]:
    """Return what the console's role there grants."""
    with closing(fleet.client(plane)) as client:
        rules: list[Object] = (client.get(CLUSTER_ROLE, "kbconsole") or {})["rules"]
        return rules


def give_back(fleet: Fleet, plane: str, rules: list[Object]) -> None:
    """Let the console's role there grant this again; returns when the server allows what tests take away."""
    with closing(fleet.client(plane)) as admin:
        admin.patch(CLUSTER_ROLE, "kbconsole", "", {"rules": rules})
    for verb in ("patch", "escalate"):
        _until_allowed(fleet, plane, verb, "clusterroles", RBAC, traps.ROLE, allowed=True)
    _until_allowed(fleet, plane, "list", "pods", allowed=True)


@contextmanager
def another(fleet: Fleet, plane: str) -> Iterator[None]:
    """Another Kubernetes cluster answers at the address, with the same certificates, tokens and roles."""
    if isinstance(fleet, RealFleet):
        etcd = Etcd(fleet.servers.etcd.url)
        key = f"/{fleet.server(plane).name}/namespaces/kube-system"
        kept = etcd.get(key)
        etcd.delete(key)
        _made_anew(fleet, plane)
        yield
        etcd.put(key, kept)
        return
    store = embedded(fleet).store(plane)
    known = store.look("namespaces", "kube-system") or {}
    store.put("namespaces", {**known, "metadata": {**known["metadata"], "uid": "another"}})
    yield
    store.put("namespaces", known)


def _made_anew(fleet: RealFleet, plane: str) -> None:
    """Make the namespace, if the API server has not done so itself."""
    client, until = fleet.client(plane), monotonic() + 20
    while client.get(NAMESPACE, "kube-system") is not None and monotonic() < until - 18:
        sleep(0.05)
    if client.get(NAMESPACE, "kube-system") is None:
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}})
    client.close()


class Etcd:
    """The database behind the API servers, by its JSON gateway: for what no API server allows."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, key: str) -> str:
        """Return the value as etcd encodes it."""
        return str(self._ask("range", key=_encoded(key))["kvs"][0]["value"])

    def put(self, key: str, value: str) -> None:
        self._ask("put", key=_encoded(key), value=value)

    def delete(self, key: str) -> None:
        self._ask("deleterange", key=_encoded(key))

    def _ask(self, what: str, **body: str) -> Any:
        answer = urllib3.request("POST", f"{self._url}/v3/kv/{what}", json=body, timeout=10)
        assert answer.status == 200, answer.data
        return answer.json()


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@contextmanager
def without_clusters(fleet: Fleet) -> Iterator[None]:
    """The control plane does not serve Clusters: somebody removed their definition."""
    client = fleet.client(fleet.control_plane)
    found = client.get(CRD, CLUSTERS) or {}
    kind = traps.cluster_kind(fleet)
    client.delete(CRD, CLUSTERS)
    traps.wait_for(lambda: not client.serves(kind.api_version, kind.plural))
    yield
    made = {key: found[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": CLUSTERS}}
    client.create(made)
    traps.wait_for(lambda: client.serves(kind.api_version, kind.plural))
    traps.wait_for(lambda: _listed(fleet))
    client.close()


def _listed(fleet: Fleet) -> bool:
    try:
        return traps.clusters(fleet) == []
    except Exception:  # a definition that is just coming
        return False


def stuck_namespace(fleet: Fleet, plane: str, name: str) -> None:
    """A namespace that is deleted and cannot go: something in it has a finalizer."""
    client = fleet.client(plane)
    holder = {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "held", "namespace": name, "finalizers": ["tests.example/held"]},
    }  # fmt: skip
    if client.get(NAMESPACE, name) is None:
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    client.create(holder)
    client.delete(NAMESPACE, name)
    client.close()


def release_namespace(fleet: Fleet, plane: str, name: str) -> None:
    """Take the finalizer away and wait until the namespace is gone."""
    client = fleet.client(plane)
    client.patch(CONFIG_MAP, "held", name, {"metadata": {"finalizers": None}})
    traps.wait_for(lambda: client.get(NAMESPACE, name) is None, seconds=120)
    client.close()


def needs_manager(fleet: Fleet) -> None:
    """Skip by name where nobody ends a namespace."""
    if isinstance(fleet, RealFleet) and not binaries.has(binaries.MANAGER):
        pytest.skip(f"needs {binaries.MANAGER}: it ends namespaces")


def embedded(fleet: Fleet) -> EmbeddedFleet:
    assert isinstance(fleet, EmbeddedFleet)
    return fleet


# What people do


def renewed(plane: str, credential: PlaneCredential, by: User) -> Run:
    """Give the plane a new credential: upload, preflight, save. Returns the preflight; saves only a clean one."""
    data = kubeconfig.write({plane: credential}).encode()
    draft = fleets.upload_draft(data=data, by=by, replaces=plane)
    run = drive(
        fleets.choose(draft=draft, contexts=[plane], control_plane="", also_plane=False, by=by), seconds=120
    )
    if run.status == "succeeded":
        draft.refresh_from_db()
        fleets.save(draft=draft, contexts=[plane], by=by)
    return run


def planned_again(placement: Placement, by: User) -> Plan:
    placements.plan_again(placement.pk, by=by)
    drive(plan_of(placement).runs.get(), seconds=120)
    return plan_of(placement)


@contextmanager
def idle_operator(fleet: Fleet) -> Iterator[None]:
    """Nobody reconciles for the while."""
    if isinstance(fleet, RealFleet):
        fleet.stop_controllers()
        yield
        fleet.start_controllers()
        return
    embedded(fleet).fault(fleet.control_plane, "500", users=["operator"])
    yield
    embedded(fleet).fault(fleet.control_plane, None)


def made_everywhere(fleet: Fleet, run: Run, by: User | None = None) -> Run:
    """Carry a run on until the Cluster is applied, with `by` as a Retry; return when the operator has made all of it.

    The run has not looked at any of that yet.
    """
    if by is not None:
        jobs.retry(run.pk, by=by)
    with idle_operator(fleet):
        traps.until(run, "cluster", seconds=120)
    clients = [fleet.client(plane) for plane in PLANES]
    traps.wait_for(lambda: all(map(_running, clients)), seconds=120)
    for client in clients:
        client.close()
    return run


def _running(client: PlaneClient) -> bool:
    """Whether the plane has its replica, with a role."""
    pods = client.list(POD, labels=LABELS)
    return bool(pods) and all("kubeblocks.io/role" in pod["metadata"]["labels"] for pod in pods)


# What the console says


def codes(run: Run) -> dict[tuple[str, str], str]:
    """Return the code of the sentence of what failed, by plane and phase; of a long wait that of the last look."""
    found = {}
    for row in run.steps.filter(status="failed"):
        said = (row.finding or {})["sentence"]
        last = said["params"].get("last")
        found[row.lane, row.phase] = str((last or said)["code"])
    return found


def waits(run: Run, plane: str, advice: str) -> None:
    """Carry the run on until a step of the plane waits and gives this advice."""

    def gives_it() -> bool:
        runner.advance(run.pk)
        found = run.steps.filter(lane=plane, status="waiting").values_list("finding", flat=True)
        return any(((one or {}).get("fix") or {}).get("code") == advice for one in found)

    traps.wait_for(gives_it, seconds=120)


def finished(run: Run, *lanes: str) -> None:
    """These lanes came to their end, before the phase for which all must be ready."""
    rows = run.steps.filter(lane__in=lanes).exclude(status="skipped")
    assert {row.status for row in rows} == {"succeeded"}, trouble(run)
    assert {row.lane for row in rows} == set(lanes)


def is_honest(run: Run, fleet: Fleet, *credentials: PlaneCredential) -> None:
    """No bug, no traceback, no secret, in all that is kept of the run and in the audit log."""
    said = [json.dumps([row.finding, row.facts, row.outcome, row.content]) for row in run.steps.all()]
    said += [json.dumps(event.sentence) for event in run.events.all()]
    said += [entry.canonical for entry in Entry.objects.all()]
    everything = "\n".join(said)
    assert "Traceback" not in everything
    assert not run.steps.filter(status="errored").exists(), trouble(run)
    for credential in (*credentials, *(fleet.credential(plane) for plane in (fleet.control_plane, *PLANES))):
        assert credential.token not in everything


def left(fleet: Fleet, *planes: str, namespace: str = "default") -> list[str]:
    """Return what the planes hold of the database."""
    found = []
    for plane in planes or PLANES:
        client = fleet.client(plane)
        for kind in OWN:
            names = [one["metadata"]["name"] for one in client.list(kind, namespace, labels=LABELS)]
            found += [f"{plane} {kind.kind} {name}" for name in names]
        client.close()
    return found


def runs_on_every_plane(fleet: Fleet, placement: Placement, namespace: str = "default") -> None:
    """The database is in service, and the planes hold it: pod, volume, services and role, one by one."""
    placement.refresh_from_db()
    assert placement.status == "in_service"
    cluster = fleet.client(fleet.control_plane).get(traps.cluster_kind(fleet), "etcd-demo", namespace)
    assert cluster is not None
    assert cluster["metadata"]["uid"] == placement.cluster_uid
    for number, plane in enumerate(PLANES):
        held = left(fleet, plane, namespace=namespace)
        assert f"{plane} Pod etcd-demo-etcd-{number}" in held
        assert len([one for one in held if " Pod " in one]) == 1
        assert f"{plane} PersistentVolumeClaim data-etcd-demo-etcd-{number}" in held
        assert any(" Service " in one for one in held)
        assert fleet.client(plane).get(CLUSTER_ROLE, traps.ROLE)
