"""The checker keeps the pods of databases as they are now: pages and the count after a loss are true between runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import tasks
from kbconsole.fleet.models import Plane
from kbconsole.k8s.kinds import POD
from placements.losses import counted
from placements.models import Placement
from tests.people import signed_in
from tests.placements import world

pytestmark = pytest.mark.django_db(transaction=True)


def pod(
    fleet: EmbeddedFleet, plane: str, number: int, role: str, *, ready: bool = True, name: str = "etcd-demo"
) -> None:
    """Put a database pod on a plane, as the operator does; of no node, so that it goes as soon as it is deleted."""
    client = fleet.client(plane)
    labels = {
        "app.kubernetes.io/managed-by": "kubeblocks", "app.kubernetes.io/instance": name, "kubeblocks.io/role": role,
        "apps.kubeblocks.io/component-name": "etcd",
    }  # fmt: skip
    metadata: dict[str, Any] = {"name": f"{name}-etcd-{number}", "namespace": "default", "labels": labels}
    spec = {"containers": [{"name": "etcd", "image": "x"}]}
    client.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    status = {"status": {"phase": "Running", "conditions": conditions}}
    client.patch(POD, metadata["name"], "default", status, subresource="status")


@pytest.fixture
def database(embedded: EmbeddedFleet, fleet: dict[str, Plane], dana: User) -> Placement:
    """A database in service whose last run saw everything ready; really replica 2 is not, and k8s-1 leads."""
    pod(embedded, "k8s-1", 0, "leader")
    pod(embedded, "k8s-2", 1, "follower")
    pod(embedded, "k8s-3", 2, "follower", ready=False)
    return world.in_service(dana, world.mesh(dana), namespace="default")


@contextmanager
def writes() -> Iterator[list[str]]:
    """Collect what is written to placements."""
    found: list[str] = []
    with CaptureQueriesContext(connection) as queries:
        yield found
    found += [one["sql"] for one in queries if one["sql"].startswith('UPDATE "placements_placement"')]


def observed(row: Placement) -> dict[str, Any]:
    row.refresh_from_db()
    return dict(row.observed or {})


def seen(row: Placement) -> dict[str, Any]:
    return {
        plane: [(one["role"], one["ready"]) for one in there["pods"]]
        for plane, there in observed(row).items()
    }


def test_what_runs_now_replaces_what_the_last_run_saw_and_the_addresses_stay(
    database: Placement, dana: User
) -> None:
    services = observed(database)["k8s-1"]["services"]
    tasks.check_planes()
    assert seen(database) == {
        "k8s-1": [("leader", True)], "k8s-2": [("follower", True)], "k8s-3": [("follower", False)],
    }  # fmt: skip
    assert observed(database)["k8s-1"]["services"] == services
    shown = signed_in(dana).get("/placements/").content.decode()
    assert "Degraded" in shown and "etcd-demo-etcd-2 on k8s-3: not ready" in shown
    assert counted(database, {"k8s-1"}).level == "lost", "one is lost and one was not ready"


def test_a_pod_that_is_gone_is_seen_and_a_lost_plane_keeps_what_it_showed_last(
    database: Placement, embedded: EmbeddedFleet
) -> None:
    tasks.check_planes()
    embedded.client("k8s-2").delete(POD, "etcd-demo-etcd-1", "default")
    embedded.fault("k8s-1", "unreachable")
    tasks.check_planes()
    assert (seen(database)["k8s-1"], seen(database)["k8s-2"]) == ([("leader", True)], [])


def test_what_did_not_change_is_not_written_again(database: Placement, embedded: EmbeddedFleet) -> None:
    tasks.check_planes()
    with writes() as again:
        tasks.check_planes()
    assert again == []
    pod(embedded, "k8s-1", 0, "leader", name="another")
    with writes() as others:
        tasks.check_planes()
    assert others == [], "pods of somebody else are nobody's here"


def test_pods_behind_the_address_of_another_cluster_are_not_believed(database: Placement) -> None:
    Plane.objects.filter(name="k8s-3").update(uid="of-another")
    tasks.check_planes()
    assert seen(database)["k8s-3"] == [("follower", True)]


def test_a_run_that_is_under_way_looks_for_itself(database: Placement) -> None:
    run = world.ran(database, "running")
    tasks.check_planes()
    assert seen(database)["k8s-1"] == [("follower", True)]
    run.status = "succeeded"
    run.save()
    tasks.check_planes()
    assert seen(database)["k8s-1"] == [("leader", True)]
