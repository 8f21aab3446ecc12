"""Disabling a plane in the operator and enabling it again: planned, approved, and read back from its Deployments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import services
from kbconsole.fleet.models import Credential, Plane
from kbconsole.fleet.switching import SwitchPlane
from kbconsole.jobs.cautions import cautions_of
from kbconsole.jobs.models import Plan, PlanStatus, Run
from kbconsole.jobs.services import go_ahead
from kbconsole.jobs.undoing import undo
from kbconsole.k8s.kinds import DEPLOYMENT
from tests.driving import drive
from tests.fleet.planes import CONTROL
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
ENDS = datetime(2036, 11, 20, tzinfo=UTC)
NAMES = ("kubeblocks", "kubeblocks-dataprotection")


def arguments(fleet: EmbeddedFleet, name: str = "kubeblocks") -> list[str]:
    found = fleet.client(CONTROL).get(DEPLOYMENT, name, "kb-system") or {}
    return list(found["spec"]["template"]["spec"]["containers"][0]["args"])


def planned(plane: Plane, by: User, *, disable: bool = True) -> Plan:
    plan = services.plan_switch(plane=plane, disable=disable, by=by)
    drive(plan.runs.get())
    plan.refresh_from_db()
    return plan


def rolled(fleet: EmbeddedFleet) -> None:
    """Say of both Deployments that they run as they are now, as their controller does."""
    client = fleet.client(CONTROL)
    for name in NAMES:
        found = client.get(DEPLOYMENT, name, "kb-system") or {}
        status = {**found["status"], "observedGeneration": found["metadata"]["generation"]}
        client.patch(DEPLOYMENT, name, "kb-system", {"status": status}, subresource="status")


def switched(fleet: EmbeddedFleet, plane: Plane, by: User) -> Run:
    return carried_out(fleet, planned(plane, by), by)


def carried_out(fleet: EmbeddedFleet, plan: Plan, by: User) -> Run:
    assert plan.status == PlanStatus.READY, plan.failure
    run = go_ahead(plan.pk, by=by, seen_hash=plan.hash)
    drive(run, seconds=1.5)
    rolled(fleet)
    return drive(run)


def test_a_lost_plane_is_disabled_in_both_deployments_and_enabled_again(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    before = arguments(embedded)
    Credential.objects.update(expires_at=ENDS)
    embedded.fault("k8s-3", "unreachable")
    run = switched(embedded, fleet["k8s-3"], adam)
    assert run.status == "succeeded"
    for name in NAMES:
        assert arguments(embedded, name) == [*before, "--multi-cluster-contexts-disabled=k8s-3"]
    control = Plane.objects.get(name=CONTROL)
    assert control.operator_contexts_disabled == ["k8s-3"]
    assert control.facts_at is None and control.operator_contexts, "nothing else was read"
    assert Credential.objects.get(plane=control).expires_at == ENDS
    embedded.fault("k8s-3", None)
    Plane.objects.filter(name="k8s-3").update(last_error=None)
    shown = signed_in(adam).get("/fleet/k8s-3/").content.decode()
    assert "It is disabled in the operator" in shown and "Enable k8s-3" in shown
    back = undo(run.pk, by=adam)
    drive(back.runs.get())
    back.refresh_from_db()
    job = back.definition()
    assert isinstance(job, SwitchPlane) and (job.plane, job.disable) == ("k8s-3", False)
    assert carried_out(embedded, back, adam).status == "succeeded"
    assert [arguments(embedded, name) for name in NAMES] == [before, before]
    assert Plane.objects.get(name=CONTROL).operator_contexts_disabled == []


def test_the_plan_shows_the_arguments_and_warns_of_what_is_lost_and_of_other_silent_planes(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    Plane.objects.filter(name="k8s-2").update(last_error=Sentence("form.plane_silent").to_json())
    plan = planned(fleet["k8s-3"], adam)
    codes = [one.sentence.code for one in cautions_of(plan)]
    assert codes[0] == "switch.caution_silent"
    assert {"switch.caution_disable", "switch.caution_helm"} <= set(codes)
    changes = [change for diff in plan.diffs.all() for one in diff.diff for change in one["changes"]]
    assert any("args" in change["path"] for change in changes)
    assert arguments(embedded) == arguments(embedded, NAMES[1])
    assert not any("disabled" in word for word in arguments(embedded)), "a plan changes nothing"


def test_the_last_enabled_plane_stays(embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User) -> None:
    client = embedded.client(CONTROL)
    for name in NAMES:
        found = client.get(DEPLOYMENT, name, "kb-system") or {}
        container = found["spec"]["template"]["spec"]["containers"][0]
        container["args"].append("--multi-cluster-contexts-disabled=k8s-1,k8s-2")
        client.patch(DEPLOYMENT, name, "kb-system", {"spec": found["spec"]})
    plan = planned(fleet["k8s-3"], adam)
    assert plan.status == PlanStatus.FAILED
    assert "last enabled context" in str(Sentence.from_json(plan.failure or {}))


def test_a_plane_that_the_operator_does_not_know_cannot_be_switched(
    fleet: dict[str, Plane], adam: User, vera: User
) -> None:
    stranger = Plane.objects.create(name="k8s-9", uid="x", server="https://x")
    with pytest.raises(ConsoleError, match="k8s-9 is no context"):
        services.plan_switch(plane=stranger, disable=True, by=adam)
    answer: Any = signed_in(vera).post("/fleet/k8s-3/switch/", {"disable": "1"})
    assert answer.status_code == 403
    assert not Plan.objects.exists()


def test_the_button_leads_to_the_plan(fleet: dict[str, Plane], adam: User) -> None:
    sent = signed_in(adam).post("/fleet/k8s-3/switch/", {"disable": "1"})
    plan = Plan.objects.get()
    assert sent["Location"] == f"/plans/{plan.pk}/"
    assert (plan.job, plan.params["plane"], plan.params["disable"]) == ("switch-plane", "k8s-3", True)
