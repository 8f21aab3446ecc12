"""Adding planes and copying the pods' role by API, against embedded planes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.authtoken.models import Token

from kbconsole.audit.models import Entry
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet.models import KubeconfigDraft, Plane
from kbconsole.k8s.kinds import CLUSTER_ROLE
from tests.api.calling import Caller, caller
from tests.driving import drive
from tests.fleet.conftest import embedded, fleet
from tests.fleet.planes import CONTROL, POD_ROLE

As = Callable[[str], Caller]
pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["embedded", "fleet"]  # fixtures


def test_planes_are_added_by_upload_choice_preflight_and_save(embedded: EmbeddedFleet) -> None:
    adam = caller("adam")
    text = embedded.kubeconfig("kbconsole", [CONTROL, "k8s-1"])
    uploaded = adam.post("kubeconfig-drafts/", {"kubeconfig": text})
    assert uploaded.status_code == 201, uploaded.json()
    draft = f"kubeconfig-drafts/{uploaded.json()['id']}/"
    assert [(row["name"], row["accepted"]) for row in uploaded.json()["contexts"]] == [
        (CONTROL, True),
        ("k8s-1", True),
    ]
    assert embedded.credential("k8s-1").token not in uploaded.content.decode()
    assert caller("ada").get(draft).status_code == 404  # not even another administrator

    early = adam.post(f"{draft}save/", {"contexts": ["k8s-1"]})
    assert (early.status_code, early.json()["code"]) == (400, "fleet.not_checked")
    chosen = adam.post(f"{draft}choose/", {"contexts": [CONTROL, "k8s-1"], "control_plane": CONTROL})
    assert (chosen.status_code, chosen.json()["job"]) == (202, "preflight")
    drive(chosen.json()["id"])
    findings = [step["finding"] for step in adam.get(f"runs/{chosen.json()['id']}/steps/").json()["results"]]
    assert {finding["verdict"] for finding in findings} <= {"pass", "warn"}
    assert all(finding["sentence"]["text"] for finding in findings)

    saved = adam.post(f"{draft}save/", {"contexts": [CONTROL, "k8s-1"]})
    assert (saved.status_code, [plane["name"] for plane in saved.json()["planes"]]) == (
        201,
        [CONTROL, "k8s-1"],
    )
    assert not KubeconfigDraft.objects.exists()
    shown = caller("dana").get(f"planes/{CONTROL}/").json()
    assert (shown["is_control_plane"], shown["release_line"]) == (True, "0.9")
    assert embedded.credential("k8s-1").token not in str(list(Entry.objects.values()))


def test_a_role_is_copied_once_its_admin_says_go_ahead(
    embedded: EmbeddedFleet, fleet: dict[str, Plane]
) -> None:
    adam = caller("adam")
    planned = adam.post("fleet/copy-rbac/", {"planes": ["k8s-1"], "reason": "a new plane"}).json()
    drive(planned["runs"][0])
    plan = adam.get(f"plans/{planned['id']}/").json()
    assert (plan["status"], plan["approvals_needed"]) == ("ready", 0)
    assert [step["diff"][0]["touch"] for step in plan["steps"] if step["diff"]] == ["created"]
    assert caller("dana").post(f"plans/{plan['id']}/go-ahead/", {"hash": plan["hash"]}).status_code == 403
    run = adam.post(f"plans/{plan['id']}/go-ahead/", {"hash": plan["hash"]})
    assert run.status_code == 202
    assert drive(run.json()["id"]).status == "succeeded"
    assert embedded.client("k8s-1").get(CLUSTER_ROLE, POD_ROLE)


def test_a_plane_that_is_checked_again_twice_at_once_names_the_run(fleet: dict[str, Plane]) -> None:
    adam = caller("adam")
    first = adam.post("planes/k8s-1/check/").json()
    second = adam.post("planes/k8s-1/check/")
    assert (second.status_code, second.json()["params"]["run"]) == (409, first["id"])


def test_a_token_itself_is_in_no_answer_but_that_of_its_making(as_: As, fleet: dict[str, Plane]) -> None:
    dana = as_("dana")
    key = Token.objects.get(user=dana.user).key
    for path in ("me/", "planes/", "audit/", "runs/", "plans/", "schema/"):
        assert key not in dana.get(path).content.decode(), path
