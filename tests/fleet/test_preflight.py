"""Each row of the preflight, both ways: what it says, and whether the plane can be saved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from kbconsole.common.errors import ConsoleError
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import services
from kbconsole.fleet.models import Credential, KubeconfigDraft, Plane
from kbconsole.k8s import kubeconfig
from kbconsole.k8s.kinds import (
    CLUSTER_ROLE,
    COMPONENT_DEFINITION_V1ALPHA1,
    DEPLOYMENT,
    NODE,
    STORAGE_CLASS,
)
from tests.driving import drive
from tests.fleet.planes import ALL, CONTROL, POD_ROLE, checked, rows, run_of, said, save_all, upload, verdict

pytestmark = pytest.mark.django_db(transaction=True)


def arguments(fleet: EmbeddedFleet, args: list[str], *, name: str = "kubeblocks") -> None:
    """Start the operator with other arguments."""
    containers = [{"name": "manager", "image": "kubeblocks", "args": args}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    fleet.client(CONTROL).patch(DEPLOYMENT, name, "kb-system", patch)


def test_a_sound_fleet_passes_and_is_saved_with_what_was_seen(embedded: EmbeddedFleet, adam: User) -> None:
    draft = checked(embedded, adam, contexts=ALL)
    assert run_of(draft).status == "succeeded"
    save_all(draft, adam)
    control = Plane.objects.get(is_control_plane=True)
    assert (control.name, control.release_line, control.operator_version) == (CONTROL, "0.9", "0.9.5")
    assert control.operator_contexts == ["k8s-1", "k8s-2", "k8s-3"]
    assert {one["name"] for one in control.definitions} == {"etcd-0.9.0", "etcd"}
    plane = Plane.objects.get(name="k8s-1")
    assert (plane.is_data_plane, plane.is_control_plane) == (True, False)
    assert plane.storage_class == "standard"
    assert plane.region == "region-1"
    assert plane.version.startswith("v1.")
    assert plane.facts_at and plane.last_answer_at and not plane.silent
    row = plane.credentials.get()
    assert row.subject == "kbconsole"
    assert row.expires_at
    assert not KubeconfigDraft.objects.exists()


def test_the_role_that_is_not_there_yet_is_a_warning_with_its_fix(
    embedded: EmbeddedFleet, adam: User
) -> None:
    row = rows(checked(embedded, adam).run, "k8s-1")["role"]
    assert verdict(row) == "warn"
    assert "Copy RBAC" in said(row)


def test_every_row_has_the_same_as_a_kubectl_command(embedded: EmbeddedFleet, adam: User) -> None:
    run = run_of(checked(embedded, adam))
    for row in run.steps.all():
        assert row.step().commands(), row.phase
        assert all(f"--context {row.lane}" in c or "control-plane" in c for c in row.step().commands())


def test_a_dead_plane_names_the_rung_and_holds_up_nobody(embedded: EmbeddedFleet, adam: User) -> None:
    embedded.fault("k8s-3", "unreachable")
    draft = checked(embedded, adam, contexts=ALL)
    dead = rows(draft.run, "k8s-3")
    assert verdict(dead["reachable"]) == "fail"
    assert (dead["reachable"].facts or {})["rung"] in ("tcp", "dropped", "tls")
    assert dead["version"].status == "skipped"
    with pytest.raises(ConsoleError, match="has failures"):
        save_all(draft, adam)
    services.save(draft=draft, contexts=[CONTROL, "k8s-1", "k8s-2"], by=adam)
    assert Plane.objects.count() == 3


def test_an_upload_that_another_tab_saved_is_gone_for_this_one(embedded: EmbeddedFleet, adam: User) -> None:
    draft = checked(embedded, adam)
    other = KubeconfigDraft.objects.get(pk=draft.pk)
    save_all(draft, adam)
    with pytest.raises(ConsoleError, match="was saved already"):
        save_all(other, adam)
    with pytest.raises(ConsoleError, match="was saved already"):
        services.choose(draft=other, contexts=["k8s-1"], control_plane="", also_plane=False, by=adam)


def test_a_wrong_token_is_named_as_such(embedded: EmbeddedFleet, adam: User) -> None:
    embedded.remove_token("k8s-2")
    row = rows(checked(embedded, adam, contexts=ALL).run, "k8s-2")["reachable"]
    assert verdict(row) == "fail"
    assert row.facts == {"rung": "credential"}
    assert "does not accept the stored credential" in said(row)


def test_an_old_version_is_a_warning(
    embedded: EmbeddedFleet, adam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kbconsole.fleet.preflight.connection.OLDEST", (1, 99))
    row = rows(checked(embedded, adam, contexts=[CONTROL]).run, CONTROL)["version"]
    assert verdict(row) == "warn"


def test_the_same_plane_twice_in_one_upload_is_refused(embedded: EmbeddedFleet, adam: User) -> None:
    text = kubeconfig.write({
        CONTROL: embedded.credential(CONTROL), "k8s-1": embedded.credential("k8s-1"),
        "k8s-2": embedded.credential("k8s-1"),
    })  # fmt: skip
    draft = upload(text, adam)
    run = drive(services.choose(
        draft=draft, contexts=["k8s-1", "k8s-2"], control_plane=CONTROL, also_plane=False, by=adam
    ))  # fmt: skip
    both = [rows(run, name)["identity"] for name in ("k8s-1", "k8s-2")]
    assert sorted(verdict(row) for row in both) == ["fail", "pass"]
    loser = next(row for row in both if verdict(row) == "fail")
    other = "k8s-1" if loser.lane == "k8s-2" else "k8s-2"
    assert f"the same plane as {other}" in said(loser)


def test_a_plane_that_is_registered_cannot_come_in_under_another_name(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    draft = upload(kubeconfig.write({"copy": embedded.credential("k8s-1")}), adam)
    run = drive(services.choose(draft=draft, contexts=["copy"], control_plane="", also_plane=False, by=adam))
    row = rows(run, "copy")["identity"]
    assert verdict(row) == "fail"
    assert "the same plane as k8s-1" in said(row)


@pytest.mark.parametrize(
    ("days", "expected", "words"),
    [(400, "pass", "first to expire"), (12, "warn", "expires on"), (-1, "fail", "expired on")],
)
def test_the_expiry_of_a_credential(
    days: int, expected: str, words: str, embedded: EmbeddedFleet, adam: User, monkeypatch: pytest.MonkeyPatch
) -> None:

    end = timezone.now() + timedelta(days=days, hours=1)
    monkeypatch.setattr("kbconsole.fleet.preflight.connection.token_expiry", lambda token: end)
    row = rows(checked(embedded, adam, contexts=[CONTROL]).run, CONTROL)["expiry"]
    assert verdict(row) == expected
    assert words in said(row)


def test_a_missing_right_is_named_with_its_verb(embedded: EmbeddedFleet, adam: User) -> None:
    role = embedded.client("k8s-1").get(CLUSTER_ROLE, "kbconsole")
    assert role is not None
    rules = [r for r in role["rules"] if r["resources"] != ["clusterroles"]]
    rules.append({**role["rules"][0], "verbs": ["get", "create", "patch"]})
    embedded.client("k8s-1").patch(CLUSTER_ROLE, "kbconsole", "", {"rules": rules})
    draft = checked(embedded, adam)
    missing = [row for row in run_of(draft).steps.filter(lane="k8s-1") if verdict(row) == "fail"]
    assert [row.content["check"]["group"] for row in missing] == ["role"]
    assert f"escalate clusterroles.rbac.authorization.k8s.io named {POD_ROLE}" in said(missing[0])
    assert "create" not in said(missing[0])


def test_kubeblocks_1_1_is_refused_with_its_reason(embedded: EmbeddedFleet, adam: User) -> None:
    labels = {"metadata": {"labels": {"app.kubernetes.io/version": "1.1.0-beta.9"}}}
    embedded.client(CONTROL).patch(DEPLOYMENT, "kubeblocks", "kb-system", labels)
    row = rows(checked(embedded, adam).run)["release"]
    assert verdict(row) == "fail"
    assert "runs an operator of its own" in said(row)


def test_a_plane_without_an_operator_is_no_control_plane(embedded: EmbeddedFleet, adam: User) -> None:
    draft = checked(embedded, adam, user="admin", contexts=["k8s-1", "k8s-2"], control_plane="k8s-1")
    row = rows(draft.run, "k8s-1")["release"]
    assert verdict(row) == "fail"
    assert "not the control plane of KubeBlocks" in said(row)


@pytest.mark.parametrize(
    ("args", "expected", "words"),
    [
        (["--multi-cluster-contexts=k8s-1,K8S-2,k8s-3"], "fail", "nearly called so: “K8S-2”"),
        (["--multi-cluster-contexts=k8s-1, k8s-2"], "fail", "nearly called so: “ k8s-2”"),
        (["--multi-cluster-contexts=k8s-1"], "fail", "it has k8s-1"),
        ([], "fail", "it has nothing"),
        (["--multi-cluster-contexts", "k8s-1,k8s-2"], "pass", "has the context"),
        (
            ["--multi-cluster-contexts=k8s-2", "--multi-cluster-contexts-disabled=k8s-2"],
            "warn",
            "lost silently",
        ),
    ],
)
def test_the_operator_must_know_a_plane_by_exactly_its_name(
    args: list[str], expected: str, words: str, embedded: EmbeddedFleet, adam: User
) -> None:
    arguments(embedded, args)
    row = rows(checked(embedded, adam, contexts=[CONTROL, "k8s-2"]).run, "k8s-2")["known"]
    assert verdict(row) == expected
    assert words in said(row)


def test_an_operator_without_contexts_fails(embedded: EmbeddedFleet, adam: User) -> None:
    arguments(embedded, [])
    row = rows(checked(embedded, adam).run)["contexts"]
    assert verdict(row) == "fail"
    assert "without contexts" in said(row)


def test_both_deployments_must_have_the_same_contexts(embedded: EmbeddedFleet, adam: User) -> None:
    arguments(embedded, ["--multi-cluster-contexts=k8s-1"], name="kubeblocks-dataprotection")
    row = rows(checked(embedded, adam).run)["contexts"]
    assert verdict(row) == "warn"
    assert "kubeblocks-dataprotection" in said(row)


def test_a_definition_that_is_not_available_is_named_with_its_message(
    embedded: EmbeddedFleet, adam: User
) -> None:
    status = {"status": {"phase": "Unavailable", "message": "configmap not found"}}
    embedded.client(CONTROL).patch(COMPONENT_DEFINITION_V1ALPHA1, "etcd", "", status, subresource="status")
    row = rows(checked(embedded, adam).run)["definitions"]
    assert verdict(row) == "warn"
    assert "etcd (configmap not found)" in said(row)


def test_a_data_plane_that_serves_the_kinds_of_kubeblocks_is_refused(
    embedded: EmbeddedFleet, adam: User
) -> None:
    arguments(embedded, ["--multi-cluster-contexts=k8s-1"])
    crd: dict[str, Any] = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "instancesets.workloads.kubeblocks.io"},
        "spec": {
            "group": "workloads.kubeblocks.io",
            "scope": "Namespaced",
            "names": {"kind": "InstanceSet", "plural": "instancesets", "singular": "instanceset"},
            "versions": [
                {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
            ],
        },
    }  # fmt: skip
    embedded.client("k8s-1").create(crd)
    row = rows(checked(embedded, adam).run, "k8s-1")["crds"]
    assert verdict(row) == "fail"
    assert "would delete the pods" in said(row)
    assert verdict(rows(checked(embedded, adam, contexts=[CONTROL, "k8s-2"]).run, "k8s-2")["crds"]) == "pass"


def test_a_control_plane_that_is_a_plane_too_may_serve_them(embedded: EmbeddedFleet, adam: User) -> None:
    arguments(embedded, [f"--multi-cluster-contexts={CONTROL}"])
    draft = checked(embedded, adam, user="admin", contexts=[CONTROL], also_plane=True)
    assert "crds" not in rows(draft.run)
    assert verdict(rows(draft.run)["known"]) == "pass"
    (plane,) = save_all(draft, adam)
    assert plane.is_control_plane and plane.is_data_plane


def test_no_default_storage_class_is_a_warning(embedded: EmbeddedFleet, adam: User) -> None:
    annotations = {"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "false"}}}
    embedded.client("k8s-1").patch(STORAGE_CLASS, "standard", "", annotations)
    row = rows(checked(embedded, adam).run, "k8s-1")["storage"]
    assert verdict(row) == "warn"
    assert "standard" in said(row)


def test_no_ready_node_is_a_warning(embedded: EmbeddedFleet, adam: User) -> None:
    embedded.client("k8s-1").delete(NODE, "k8s-1-node-1")
    assert verdict(rows(checked(embedded, adam).run, "k8s-1")["nodes"]) == "warn"


def test_a_look_at_a_registered_plane_refreshes_its_facts(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    embedded.client("k8s-1").delete(STORAGE_CLASS, "standard")
    run = drive(services.recheck(plane=fleet["k8s-1"], by=adam))
    assert run.status == "succeeded"
    assert Plane.objects.get(name="k8s-1").storage_class == ""
    arguments(embedded, ["--multi-cluster-contexts=k8s-1"])
    drive(services.recheck(plane=fleet[CONTROL], by=adam))
    assert Plane.objects.get(name=CONTROL).operator_contexts == ["k8s-1"]


def test_a_new_credential_is_taken_for_the_same_plane_only(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    draft = upload(kubeconfig.write({"x": embedded.credential("k8s-2")}), adam, replaces="k8s-1")
    run = drive(services.choose(draft=draft, contexts=["x"], control_plane="", also_plane=False, by=adam))
    assert verdict(rows(run, "x")["identity"]) == "fail"
    with pytest.raises(ConsoleError, match="has failures"):
        services.save(draft=draft, contexts=["x"], by=adam)
    draft = upload(kubeconfig.write({"x": embedded.credential("k8s-1", "admin")}), adam, replaces="k8s-1")
    drive(services.choose(draft=draft, contexts=["x"], control_plane="", also_plane=False, by=adam))
    services.save(draft=draft, contexts=["x"], by=adam)
    row = Credential.objects.get(plane__name="k8s-1")
    assert (row.version, row.subject) == (2, "admin")
