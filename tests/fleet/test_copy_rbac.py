"""The copy of the pod role: what a plane holds afterwards, and every way in which it is refused."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings

from kbconsole.common.errors import ConsoleError, Refused, Stale
from kbconsole.common.sentences import Sentence
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import services
from kbconsole.fleet.checks import SameRules
from kbconsole.fleet.models import Plane
from kbconsole.jobs.cautions import cautions_of
from kbconsole.jobs.definition import Verdict
from kbconsole.jobs.models import Plan, PlanStatus, Run
from kbconsole.jobs.services import decide, go_ahead, retry, withdraw
from kbconsole.jobs.undoing import undo
from kbconsole.k8s.kinds import CLUSTER_ROLE, Object
from kbconsole.k8s.rules import rule_set
from tests.driving import drive, ticks
from tests.fleet.planes import CONTROL, POD_ROLE, rows, said, verdict
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
PLANES = ["k8s-1", "k8s-2", "k8s-3"]


def planned(by: User, *, planes: list[str] = PLANES, take_over: bool = False) -> Plan:
    plan = services.plan_rbac_copy(planes=planes, take_over=take_over, by=by)
    drive(plan.runs.get())
    plan.refresh_from_db()
    return plan


def copied(by: User, *, take_over: bool = False) -> Run:
    plan = planned(by, take_over=take_over)
    assert plan.status == PlanStatus.READY, plan.failure
    return drive(go_ahead(plan.pk, by=by, seen_hash=plan.hash))


def role(fleet: EmbeddedFleet, plane: str) -> Object | None:
    return fleet.client(plane).get(CLUSTER_ROLE, POD_ROLE)


def failure(plan: Plan) -> str:
    return str(Sentence.from_json(plan.failure or {}))


def foreign(fleet: EmbeddedFleet, plane: str, **extra: Any) -> None:
    """Put a role there by hand, as kubectl does."""
    body = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": POD_ROLE},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}], **extra,
    }  # fmt: skip
    fleet.client(plane, manager="kubectl-client-side-apply").create(body)


def test_every_plane_grants_what_the_control_plane_grants_and_nothing_foreign_comes_along(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    source = role(embedded, CONTROL)
    assert source and source["aggregationRule"] and source["metadata"]["labels"]["helm.sh/chart"]
    assert copied(adam).status == "succeeded"
    for plane in PLANES:
        copy = role(embedded, plane)
        assert copy is not None
        assert rule_set(copy["rules"]) == rule_set(source["rules"])
        assert "aggregationRule" not in copy
        assert copy["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "kbconsole"
        assert not [key for key in copy["metadata"]["labels"] if key.startswith("helm.sh")]
        assert not [key for key in copy["metadata"]["annotations"] if "helm" in key]


def test_the_plan_shows_the_difference_right_by_right(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    copied(adam)
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "deletecollection"]}]
    embedded.client("k8s-1", manager="kbconsole").patch(CLUSTER_ROLE, POD_ROLE, "", {"rules": rules})
    plan = planned(adam, take_over=True)
    (shown,) = plan.diffs.get(lane="k8s-1").diff
    changes = {c["path"]: (c["before"], c["after"]) for c in shown["changes"]}
    assert changes["rules: deletecollection pods"] == ("deletecollection pods", None)
    assert changes["rules: create events"] == (None, "create events")
    assert "rules: get pods" not in changes
    assert plan.diffs.get(lane="k8s-2").diff[0]["touch"] == "unchanged"


def test_wide_rights_in_the_role_are_a_warning_of_the_plan_unless_the_plane_grants_them_already(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    assert [one.sentence.code for one in cautions_of(planned(adam))] == []
    source = role(embedded, CONTROL) or {}
    wide = {"apiGroups": [""], "resources": ["secrets", "pods/exec"], "verbs": ["get", "create"]}
    (selector,) = source["aggregationRule"]["clusterRoleSelectors"]
    member = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": [wide],
        "metadata": {"name": "somebody-elses", "labels": selector["matchLabels"]},
    }  # fmt: skip
    embedded.client(CONTROL).create(member)
    embedded.client(CONTROL).patch(CLUSTER_ROLE, POD_ROLE, "", {"rules": [*source["rules"], wide]})
    plan = planned(adam)
    (caution,) = cautions_of(plan)
    assert "would give every database pod wide rights" in str(caution.sentence)
    assert "get on secrets: passwords and tokens of others" in str(caution.sentence)
    assert "create on pods/exec" in str(caution.sentence)
    assert "wide rights" in signed_in(adam).get(f"/plans/{plan.pk}/").content.decode()


def test_one_dead_plane_fails_alone_and_a_retry_finishes_it(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    plan = planned(adam)
    embedded.fault("k8s-3", "unreachable")
    run = drive(go_ahead(plan.pk, by=adam, seen_hash=plan.hash), seconds=40)
    assert run.status == "failed"
    assert role(embedded, "k8s-1") and role(embedded, "k8s-2")
    assert verdict(rows(run, "k8s-2")["prove"]) == "pass"
    assert rows(run, "k8s-3")["prove"].status == "skipped"
    embedded.fault("k8s-3", None)
    assert role(embedded, "k8s-3") is None
    assert drive(retry(run.pk, by=adam)).status == "succeeded"
    assert role(embedded, "k8s-3") is not None


def test_a_role_that_a_controller_fills_is_refused(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    selector = {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
    foreign(embedded, "k8s-2", aggregationRule=selector)
    plan = planned(adam)
    assert plan.status == PlanStatus.FAILED
    assert "k8s-2 is an aggregated role" in failure(plan)
    assert role(embedded, "k8s-1") is None


def test_a_source_without_rules_is_refused(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    embedded.client(CONTROL).delete(CLUSTER_ROLE, POD_ROLE)
    body = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": POD_ROLE},
        "rules": [], "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"none": "here"}}]},
    }  # fmt: skip
    embedded.client(CONTROL).create(body)
    plan = planned(adam)
    assert plan.status == PlanStatus.FAILED
    assert "has no rules" in failure(plan)


def test_fields_of_another_manager_are_taken_over_only_after_a_person_saw_it(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    foreign(embedded, "k8s-1")
    plan = planned(adam)
    (shown,) = plan.diffs.get(lane="k8s-1").diff
    assert shown["conflicts"] == [{"manager": "kubectl-client-side-apply", "field": ".rules"}]
    run = drive(go_ahead(plan.pk, by=adam, seen_hash=plan.hash))
    row = rows(run, "k8s-1")["apply"]
    assert row.status == "failed"
    assert "kubectl-client-side-apply" in said(row)
    assert rule_set((role(embedded, "k8s-1") or {})["rules"]) == {("", "secrets", "get", "*")}
    assert role(embedded, "k8s-2") is not None
    assert copied(adam, take_over=True).status == "succeeded"
    wanted = rule_set((role(embedded, CONTROL) or {})["rules"])
    assert rule_set((role(embedded, "k8s-1") or {})["rules"]) == wanted


def test_a_user_that_may_not_escalate_is_told_which_rights_are_lacking(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    mine = embedded.client("k8s-1").get(CLUSTER_ROLE, "kbconsole")
    assert mine is not None
    rules = [{**r, "verbs": [v for v in r["verbs"] if v != "escalate"]} for r in mine["rules"]]
    embedded.client("k8s-1").patch(CLUSTER_ROLE, "kbconsole", "", {"rules": rules})
    plan = planned(adam)
    assert plan.status == PlanStatus.FAILED
    assert "may not do this on k8s-1" in failure(plan)


def test_a_role_that_changes_after_the_copy_fails_the_proof(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    copied(adam)
    wanted = (role(embedded, CONTROL) or {})["rules"]
    check = SameRules("k8s-1", POD_ROLE, wanted)
    assert check.look().verdict == Verdict.PASS
    with override_settings(KBCONSOLE_POLL_SECONDS=60):
        assert check.look().verdict == Verdict.WAIT
    embedded.client("k8s-1").patch(CLUSTER_ROLE, POD_ROLE, "", {"rules": wanted[1:]})
    with override_settings(KBCONSOLE_POLL_SECONDS=0):
        found = check.look()
        assert found.verdict == Verdict.FAIL
        assert "Missing: " in str(found.sentence)
        embedded.client("k8s-1").delete(CLUSTER_ROLE, POD_ROLE)
        assert check.look().verdict == Verdict.FAIL


def test_a_source_that_changes_after_the_plan_stops_the_run_before_the_first_write(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    plan = planned(adam)
    rules = [{"apiGroups": [""], "resources": ["events"], "verbs": ["create"]}]
    embedded.client(CONTROL).patch(CLUSTER_ROLE, POD_ROLE, "", {"rules": rules})
    run = drive(go_ahead(plan.pk, by=adam, seen_hash=plan.hash))
    assert run.status == "failed"
    assert all(role(embedded, plane) is None for plane in PLANES)
    plan.refresh_from_db()
    assert plan.status == PlanStatus.STALE


def test_only_administrators_copy_and_a_second_one_approves_where_the_setting_says_so(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User, ada: User, dana: User
) -> None:
    with pytest.raises(Refused):
        services.plan_rbac_copy(planes=PLANES, take_over=False, by=dana)
    with override_settings(KBCONSOLE_FLEET_APPROVALS=1):
        plan = planned(adam)
        with pytest.raises(Refused):
            go_ahead(plan.pk, by=adam, seen_hash=plan.hash)
        with pytest.raises(Refused):
            decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash)
        decide(plan.pk, by=ada, approve=True, seen_hash=plan.hash)
    assert drive(Run.objects.get(job="copy-rbac")).status == "succeeded"


@pytest.mark.parametrize("planes", [[], [CONTROL], ["k8s-9"], ["k8s-1 "]])
def test_planes_that_take_no_copy_are_refused_by_name(
    planes: list[str], embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    with pytest.raises(ConsoleError):
        services.plan_rbac_copy(planes=planes, take_over=False, by=adam)
    assert not Plan.objects.exists()


def test_a_role_that_grants_too_much_or_too_little_is_not_the_same(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    foreign(embedded, "k8s-1")
    (held,) = (role(embedded, "k8s-1") or {})["rules"]
    pods = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    same = SameRules("k8s-1", POD_ROLE, [held]).look()
    less, more = (
        SameRules("k8s-1", POD_ROLE, [pods]).look(),
        SameRules("k8s-1", POD_ROLE, [held, pods]).look(),
    )
    assert (same.verdict, less.verdict, more.verdict) == (Verdict.PASS, Verdict.FAIL, Verdict.FAIL)
    extra = SameRules("k8s-1", POD_ROLE, []).look()
    assert extra.verdict == Verdict.FAIL
    assert "secrets" in str(extra.sentence)


def test_a_copy_is_undone_on_the_planes_that_had_none_and_every_earlier_object_stays(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User, ada: User
) -> None:
    foreign(embedded, "k8s-1")
    before = {plane: objects(embedded, plane) for plane in PLANES}
    run = copied(adam, take_over=True)
    assert run.status == "succeeded"
    mine: Object = embedded.client("k8s-2").get(CLUSTER_ROLE, "kbconsole") or {}
    rules = [{**rule, "verbs": [v for v in rule["verbs"] if v != "delete"]} for rule in mine["rules"]]
    embedded.client("k8s-2").patch(CLUSTER_ROLE, "kbconsole", "", {"rules": rules})
    refused = asked_back(run, adam)
    assert refused.status == PlanStatus.FAILED and "k8s-2" in failure(refused), "it may not delete there"
    embedded.client("k8s-2").patch(CLUSTER_ROLE, "kbconsole", "", {"rules": mine["rules"]})
    Plane.objects.filter(name="k8s-3").update(uid="another")
    plan = asked_back(run, adam)
    assert "k8s-3 is another cluster now than when run" in str(cautions_of(plan)[0].sentence)
    assert {step.on for step in plan.steps()} == {"k8s-2"}
    withdraw(plan.pk, by=adam)
    Plane.objects.filter(name="k8s-3").update(uid=fleet["k8s-3"].uid)
    embedded.fault("k8s-3", "unreachable")
    plan = asked_back(run, adam)
    assert "k8s-3 gives no answer, so what run" in str(cautions_of(plan)[0].sentence)
    assert drive(go_ahead(plan.pk, by=adam, seen_hash=plan.hash, accepted=ticks(plan))).status == "succeeded"
    assert not role(embedded, "k8s-2")
    embedded.fault("k8s-3", None)
    assert role(embedded, "k8s-3") and "Undo this run" in page(run, adam)
    with override_settings(KBCONSOLE_FLEET_APPROVALS=1):
        plan = asked_back(run, adam)
        assert plan.status == PlanStatus.READY, failure(plan)
        said = [str(one.sentence) for one in cautions_of(plan)]
        assert [line for line in said if "k8s-1" in line] == [
            f"k8s-1: ClusterRole {POD_ROLE} was there before the run, which took fields of it away from others. It "
            "stays as it is now; whoever managed these fields before has to apply them again."
        ]
        decide(plan.pk, by=ada, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    undone = drive(plan.runs.exclude(job="make-plan").get())
    assert undone.status == "succeeded"
    assert {plane: objects(embedded, plane) for plane in PLANES} == before
    assert role(embedded, "k8s-1") and not role(embedded, "k8s-2")
    assert [step.on for step in plan.steps()] == ["k8s-3"], "the rest"
    assert f"Undone by run {undone.pk}" in page(run, adam)
    with pytest.raises(Stale, match=f"undone already, by run {undone.pk}"):
        undo(run.pk, by=adam)


def page(run: Run, by: User) -> str:
    return signed_in(by).get(f"/runs/{run.pk}/").content.decode()


def asked_back(run: Run, by: User) -> Plan:
    """Return the plan of an undo, as a worker made it."""
    plan = undo(run.pk, by=by, reason="the wrong planes")
    drive(plan.runs.get())
    plan.refresh_from_db()
    return plan


def objects(fleet: EmbeddedFleet, plane: str) -> set[tuple[str, str]]:
    """Return the cluster roles of a plane, by name and uid."""
    with contextlib.closing(fleet.client(plane)) as client:
        return {(one["metadata"]["name"], one["metadata"]["uid"]) for one in client.list(CLUSTER_ROLE)}
