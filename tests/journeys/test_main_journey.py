"""The main job by services and runner, on both backends: what the planes really hold, before and after."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from kbconsole.audit.models import Entry
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.demo.rights import POD_ROLE
from kbconsole.fleet import services as fleet_services
from kbconsole.jobs import services as jobs
from kbconsole.k8s.kinds import CLUSTER_ROLE
from placements import services as placements
from tests.driving import drive, ticks
from tests.fleets.protocol import Fleet
from tests.journeys.fleet import (
    PLANES,
    approved,
    asked,
    mesh,
    plan_of,
    register,
    register_anew,
    trouble,
    wish,
)
from tests.journeys.planes import looking
from tests.journeys.proofs import (
    its_rights_are_bound,
    nothing_is_left,
    nothing_is_there,
    the_cluster_is_the_golden_one,
    the_console_has_seen_it,
    the_replica_runs,
    the_role_is_a_copy,
    the_services_are_those_of_the_variant,
)
from tests.journeys.variants import NAMESPACE_NAME, VARIANTS, Variant, expected
from tests.people import signed_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("workers")]
LINES = pytest.mark.parametrize("line", ["0.9", "1.0"])


@LINES
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.golden)
def test_the_guides_variant_from_a_kubeconfig_to_nothing_left(
    variant: Variant, line: str, fleet: Fleet, dana: User, adam: User, ada: User
) -> None:
    register_anew(fleet, adam)
    with looking(fleet) as planes:
        copy_rbac(adam, ada)
        for plane in PLANES:
            the_role_is_a_copy(planes, plane)
        placement = asked(variant.wish(variant.profile(adam)), dana)
        assert plan_of(placement).status == "ready", plan_of(placement).failure
        nothing_is_there(planes)

        run = approved(placement, adam, ada)
        assert run.status == "succeeded", trouble(run)
        assert placement.status == "in_service"
        the_cluster_is_the_golden_one(planes, variant, placement)
        for ordinal, plane in enumerate(PLANES):
            assert planes.held(plane, NAMESPACE_NAME) == expected(variant, line, ordinal)
            the_replica_runs(planes, variant, plane, ordinal)
            its_rights_are_bound(planes, plane)
        the_services_are_those_of_the_variant(planes, variant)
        the_console_has_seen_it(planes, variant, placement)

        retire = placements.retire(placement.pk, typed_name="etcd-demo", policy="WipeOut", by=dana)
        drive(retire.runs.get(), seconds=120)
        run = approved(placement, adam, ada)
        assert run.status == "succeeded", trouble(run)
        assert placement.status == "retired"
        nothing_is_left(planes)
    acts = set(Entry.objects.values_list("act", flat=True))
    assert {"placement.requested", "plan.approved", "run.ended", "placement.retire_requested"} <= acts


def copy_rbac(admin: User, other: User) -> None:
    """Give every plane the role by the job of its own, and let it be proven there."""
    plan = fleet_services.plan_rbac_copy(planes=PLANES, take_over=False, by=admin)
    drive(plan.runs.get(), seconds=120)
    plan.refresh_from_db()
    assert plan.status == "ready", plan.failure
    jobs.decide(plan.pk, by=other, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    run = drive(plan.runs.exclude(job="make-plan").get(), seconds=120)
    assert run.status == "succeeded", trouble(run)
    proven = [step.lane for step in run.steps.filter(phase="prove", status="succeeded")]
    assert sorted(proven) == sorted(PLANES)


def test_without_a_copy_of_its_own_the_placement_copies_the_role(
    fleet: Fleet, dana: User, adam: User
) -> None:
    register(fleet, adam)
    placement = asked(wish(mesh(adam)), dana)
    with looking(fleet) as planes:
        assert planes.clients["k8s-1"].get(CLUSTER_ROLE, POD_ROLE) is None
        run = approved(placement, adam)
        assert run.status == "succeeded", trouble(run)
        for plane in PLANES:
            the_role_is_a_copy(planes, plane)


def test_a_dead_plane_stops_the_run_before_its_first_write(
    dana: User, adam: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    placement = asked(wish(mesh(adam)), dana)
    embedded.fault("k8s-3", "unreachable")
    run = approved(placement, adam)
    assert run.status == "failed"
    assert placement.status == "attention"
    assert run.steps.get(phase="cluster").status == "skipped"
    assert "k8s-3" in str(trouble(run))
    embedded.fault("k8s-3", None)
    jobs.retry(run.pk, by=dana)
    run = drive(run, seconds=60)
    assert run.status == "succeeded", trouble(run)
    placement.refresh_from_db()
    assert placement.status == "in_service"


def test_every_object_links_to_its_entries_in_the_log(
    dana: User, adam: User, vera: User, embedded: EmbeddedFleet
) -> None:
    register(embedded, adam)
    profile = mesh(adam)
    placement = asked(wish(profile), dana)
    run = approved(placement, adam)
    browser = signed_in(vera)
    for page, query in {
        f"/placements/{placement.pk}/": f"object=placement:{placement.pk}",
        f"/plans/{plan_of(placement).pk}/": f"object=placement:{placement.pk}",
        f"/runs/{run.pk}/": f"run={run.pk}",
        "/fleet/k8s-1/": "plane=k8s-1",
        "/networks/": f"object=profile:{profile.pk}",
    }.items():
        assert f"/audit/?{query}" in browser.get(page).content.decode(), page
        assert 'id="entry-' in browser.get(f"/audit/?{query}").content.decode(), query
