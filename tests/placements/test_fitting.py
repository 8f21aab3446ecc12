"""What engine and network cannot do together is refused in the form; a database keeps its version of the profile."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from kbconsole.fleet.models import Plane
from kbconsole.jobs.definition import Ended
from networking.kinds.base import PlaneFact
from networking.kinds.cilium.facts import MeshFacts
from networking.kinds.cilium.reading import Mesh
from networking.kinds.keeping import namespaces_of
from networking.kinds.network import Network
from networking.models import AddressFact, PlaneReading, Profile
from networking.planes import plane_facts
from networking.services import change_profile
from placements.engines.base import engine_named
from placements.engines.etcd import Etcd
from placements.fitting import between, clients, families, unfitness
from placements.models import Placement
from placements.services import place_job
from tests.people import signed_in
from tests.placements import world
from tests.placements.test_form_pages import NEW, PREVIEW, error_at, text

CLOUD: dict[str, Any] = {"provider": "vke", "address_type": "private", "subnet_id": "subnet-a"}
POOL = {"pool": "kb-clients", "address_type": "private"}
LB = Network("cloud_lb", CLOUD)
MESH = Network("cilium_mesh", {}, "metallb", POOL)


class Particular(Etcd):
    """An engine that nothing suits. Not registered."""

    cannot_peer = {"LoadBalancer": "it announces what it finds itself."}
    cannot_serve = {"LoadBalancer": "its clients follow what it announces."}


def test_each_table_names_the_engine_and_the_reason() -> None:
    etcd, other = engine_named("etcd"), Particular()
    assert unfitness(etcd, LB) == [] == unfitness(etcd, MESH)
    assert "cannot join its replicas by this network: it announces what it finds itself." in str(
        between(other, LB)
    )
    assert between(other, MESH) is None
    assert (
        "Clients of etcd cannot use this network" in str(clients(other, MESH)) and clients(other, LB) is None
    )
    assert "port 2380" in str(etcd.cannot_peer["NodePort"])


def test_addresses_that_the_engine_cannot_read_are_refused_with_the_planes() -> None:
    facts = [
        PlaneFact("k8s-1", families=frozenset({4, 6})), PlaneFact("k8s-2", families=frozenset({6})), PlaneFact("k8s-3"),
    ]  # fmt: skip
    said = families(engine_named("etcd"), LB, facts)
    assert "IPv6 addresses, and k8s-2 give no others" in str(said)
    assert families(engine_named("etcd"), MESH, facts) is None


@pytest.mark.django_db
def test_what_does_not_fit_is_refused_in_the_form_before_it_is_chosen(
    dana: User, adam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fleet()
    profile = world.cloud(adam)
    monkeypatch.setattr(Etcd, "cannot_peer", Particular.cannot_peer)
    browser = signed_in(dana)
    page = browser.get(NEW, {"profile": ""})
    assert "it announces what it finds itself." in text(page)
    refused = browser.post(NEW, world.asked(profile))
    assert refused.status_code == 422 and Placement.objects.count() == 0
    assert "it announces what it finds itself." in error_at(refused, "profile")


@pytest.mark.django_db
def test_planes_of_another_cloud_and_of_other_subnets_are_refused_and_shown_while_typing(
    dana: User, adam: User
) -> None:
    world.fleet()
    config = {**CLOUD, "plane_subnets": {"k8s-2": ["subnet-b"]}}
    profile = Profile.objects.create(name="vke", kind="cloud_lb", config=config, created_by=adam)
    Plane.objects.filter(name="k8s-3").update(version="v1.31.5-gke.1023000")
    browser = signed_in(dana)
    said = error_at(browser.post(NEW, world.asked(profile)), "planes")
    assert "k8s-3 runs in Google GKE" in said
    assert (
        "k8s-1 needs service.beta.kubernetes.io/volcengine-loadbalancer-subnet-id: subnet-a, and k8s-2 needs"
        in said
    )
    assert "k8s-3 runs in Google GKE" in text(browser.post(PREVIEW, world.asked(profile)))
    assert browser.post(NEW, world.asked(profile, planes=["k8s-1"], replicas="1")).status_code == 302


@pytest.mark.django_db
def test_a_database_keeps_the_version_that_its_cluster_was_made_with(dana: User, adam: User) -> None:
    world.fleet()
    profile = world.cloud(adam)
    placement = world.placed(dana, profile)
    job = place_job(placement)
    made = (("k8s-0", "cluster", [{"touch": "created", "ref": {}, "uid": "uid-1"}]),)
    job.on_start(1)
    job.on_end(Ended(1, "succeeded", "worker", outcomes=made))
    wider = {**profile.config, "minimum_disk_gib": 40}
    change_profile(profile, config=wider, seen_version=1, by=adam)
    placement.refresh_from_db()
    assert placement.profile_version is not None and placement.profile_version.version == 1
    assert "minimum_disk_gib" not in place_job(placement).config
    assert place_job(world.placed(dana, profile, "another")).config == wider
    page = text(signed_in(dana).get(f"/placements/{placement.pk}/"))
    assert "version 1: the profile is version 2 now" in page


@pytest.mark.django_db
def test_what_was_read_of_planes_judges_a_request(dana: User, adam: User) -> None:
    world.fleet()
    profile, rows = world.mesh(adam), {plane.name: plane for plane in Plane.objects.all()}
    joined = MeshFacts("k8s-1", found=True, name="k8s-1", id=1, enabled=True)
    for facts in (joined, MeshFacts("k8s-2")):
        PlaneReading.objects.create(
            plane=rows[facts.plane], what=Mesh.slug, facts=facts.to_json(), tried_at=timezone.now()
        )
    AddressFact.objects.create(plane=rows["k8s-1"], what="services", ranges=["10.96.0.0/16", "fd00::/108"])
    nodes = [{"name": "n", "machine": "aws:///eu-west-1a/i-0"}]
    Plane.objects.filter(name="k8s-3").update(nodes=nodes, region="eu-west-1")
    first, second, third = plane_facts(world.PLANES)
    assert first.mesh and first.families == {4, 6} and second.mesh is False and not second.families
    assert (third.mesh, third.cloud, third.region) == (None, "eks", "eu-west-1")
    said = error_at(signed_in(dana).post(NEW, world.asked(profile)), "planes")
    assert said.startswith("k8s-2: no Cilium Cluster Mesh was found there")
    apart = MeshFacts("k8s-2", found=True, name="k8s-2", id=2, enabled=True, global_by_default=False)
    PlaneReading.objects.filter(plane=rows["k8s-2"]).update(facts=apart.to_json())
    said = error_at(signed_in(dana).post(NEW, world.asked(profile)), "namespace")
    assert said.startswith("k8s-2 shares only namespaces that are marked") and "demo is not marked" in said
    world.in_service(dana, profile)
    assert namespaces_of("cilium_mesh") == dict.fromkeys(world.PLANES, ("demo",))
    assert namespaces_of("cloud_lb") == {}
