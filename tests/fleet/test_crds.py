"""A data plane on which somebody installs KubeBlocks' CRDs deletes database pods: said at once, logged once."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from kbconsole.audit.models import Entry
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import services, tasks
from kbconsole.fleet.models import Plane
from kbconsole.k8s.kinds import CRD
from placements.plane_choice import cannot
from tests.driving import drive
from tests.fleet.planes import CONTROL
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
KIND = "instancesets.workloads.kubeblocks.io"


def install(embedded: EmbeddedFleet, plane: str) -> None:
    """Put the definition of InstanceSets into a plane, as the chart of KubeBlocks does."""
    found = embedded.client(CONTROL).get(CRD, KIND) or {}
    body = {key: found[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": KIND}}
    embedded.client(plane).create(body)


def page(user: User, url: str) -> str:
    return signed_in(user).get(url).content.decode().replace("&#x27;", "'")


def acts() -> list[tuple[str, str, str]]:
    rows = Entry.objects.filter(act__startswith="fleet.crds").order_by("seq")
    return list(rows.values_list("act", "plane", "outcome"))


def test_kinds_that_appear_are_seen_by_the_next_look_logged_once_and_cleared_when_they_are_gone(
    embedded: EmbeddedFleet, fleet: dict[str, Plane]
) -> None:
    tasks.check_planes()
    assert acts() == [], "the control plane has them, and that is right"
    install(embedded, "k8s-2")
    tasks.check_planes()
    tasks.check_planes()
    plane = Plane.objects.get(name="k8s-2")
    assert plane.foreign_crds == [KIND]
    since = plane.foreign_crds_since
    assert since
    assert acts() == [("fleet.crds_appeared", "k8s-2", "failure")]
    assert not Plane.objects.exclude(name="k8s-2").filter(foreign_crds_since__isnull=False).exists()
    embedded.client("k8s-2").delete(CRD, KIND)
    tasks.check_planes()
    plane.refresh_from_db()
    assert (plane.foreign_crds, plane.foreign_crds_since) == ([], None)
    assert acts()[1:] == [("fleet.crds_gone", "k8s-2", "success")]


def test_every_page_that_matters_says_it_and_what_to_do(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User, dana: User
) -> None:
    danger = "Somebody installed KubeBlocks' CRDs on k8s-2"
    for url in ("/", "/fleet/", "/fleet/k8s-2/"):
        assert danger not in page(adam, url)
    install(embedded, "k8s-2")
    tasks.check_planes()
    for url in ("/", "/fleet/", "/fleet/k8s-2/"):
        assert danger in page(adam, url), url
        assert "Do this now:" in page(adam, url), url
    assert f"kubectl --context k8s-2 delete crd {KIND}" in page(adam, "/fleet/k8s-2/")
    assert "1 plane deletes database pods" in page(adam, "/fleet/")
    assert danger not in page(dana, "/"), "a DBA cannot mend it"
    assert danger not in page(adam, "/fleet/k8s-1/")
    assert "would delete the pods" in page(dana, "/placements/new/")


def test_no_request_is_taken_that_puts_a_replica_there(
    embedded: EmbeddedFleet, fleet: dict[str, Plane]
) -> None:
    assert cannot(Plane.objects.get(name="k8s-2"), fleet[CONTROL]) is None
    install(embedded, "k8s-2")
    tasks.check_planes()
    refusal = cannot(Plane.objects.get(name="k8s-2"), fleet[CONTROL])
    assert refusal
    assert refusal.code == "form.plane_crds"


def test_a_plane_that_hides_its_kinds_keeps_what_was_seen(
    embedded: EmbeddedFleet, fleet: dict[str, Plane]
) -> None:
    install(embedded, "k8s-2")
    tasks.check_planes()
    embedded.fault("k8s-2", "403", path="/apis")
    tasks.check_planes()
    plane = Plane.objects.get(name="k8s-2")
    assert plane.foreign_crds == [KIND]
    assert not plane.silent
    embedded.fault("k8s-2", "unreachable")
    tasks.check_planes()
    assert Plane.objects.get(name="k8s-2").foreign_crds == [KIND]


def test_check_again_sees_them_at_once(embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User) -> None:
    install(embedded, "k8s-2")
    drive(services.recheck(plane=fleet["k8s-2"], by=adam))
    assert Plane.objects.get(name="k8s-2").foreign_crds == [KIND]
    embedded.client("k8s-2").delete(CRD, KIND)
    drive(services.recheck(plane=fleet["k8s-2"], by=adam))
    assert Plane.objects.get(name="k8s-2").foreign_crds_since is None
