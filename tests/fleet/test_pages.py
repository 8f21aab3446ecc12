"""The fleet's pages as people with each role meet them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from kbconsole.common.errors import Refused
from kbconsole.common.sentences import say
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import services, tasks
from kbconsole.fleet.models import KubeconfigDraft, Plane
from kbconsole.jobs.models import Plan, Run
from tests.driving import drive
from tests.fleet.planes import CONTROL, checked, upload
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def page(client: Client, url: str, **data: Any) -> str:
    response = client.get(url, data)
    assert response.status_code == 200
    return str(response.content.decode())


def test_an_administrator_adds_the_fleet_from_a_pasted_kubeconfig(
    embedded: EmbeddedFleet, adam: User
) -> None:
    browser = signed_in(adam)
    assert "No plane yet" in page(browser, reverse("fleet:plane-list"))
    sent = browser.post(reverse("fleet:plane-add"), {"text": embedded.kubeconfig()})
    draft = KubeconfigDraft.objects.get()
    url = reverse("fleet:plane-add-draft", args=[draft.pk])
    assert sent["Location"] == url
    shown = page(browser, url)
    assert all(name in shown for name in (CONTROL, "k8s-1", "k8s-2", "k8s-3"))
    names = [CONTROL, "k8s-1", "k8s-2", "k8s-3"]
    assert browser.post(url, {"contexts": names, "control_plane": CONTROL}).status_code == 302
    draft.refresh_from_db()
    waiting = page(browser, url)
    assert "The preflight is under way" in waiting
    assert 'http-equiv="refresh"' in waiting
    drive(draft.run or 0)
    done = page(browser, url)
    assert "Save 4 of 4 planes" in done
    assert 'http-equiv="refresh"' not in done
    saved = browser.post(reverse("fleet:plane-save", args=[draft.pk]), {"contexts": names})
    assert saved["Location"] == reverse("fleet:plane-list")
    listed = page(browser, reverse("fleet:plane-list"))
    assert "Saved: control-plane, k8s-1, k8s-2, k8s-3." in listed
    assert listed.index("KubeBlocks 0.9.5") < listed.index(">k8s-1<")


def test_a_file_does_as_well_as_a_paste(embedded: EmbeddedFleet, adam: User, tmp_path: Any) -> None:
    path = tmp_path / "config"
    path.write_text(embedded.kubeconfig())
    with path.open("rb") as file:
        assert signed_in(adam).post(reverse("fleet:plane-add"), {"file": file}).status_code == 302


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "one of the two"),
        ("not yaml: [", "Nothing was kept"),
        ("kind: Pod\n", "no kubeconfig"),
        ("nul\0byte", "Nothing was kept"),
    ],
)
def test_what_is_no_kubeconfig_is_refused_and_nothing_is_kept(text: str, words: str, adam: User) -> None:
    response = signed_in(adam).post(reverse("fleet:plane-add"), {"text": text})
    assert response.status_code == 400
    assert words in response.content.decode()
    assert not KubeconfigDraft.objects.exists()


def test_a_file_whose_contexts_are_all_refused_names_the_key(embedded: EmbeddedFleet, adam: User) -> None:
    token = embedded.credential("k8s-1").token
    text = embedded.kubeconfig(contexts=["k8s-1"]).replace(f"token: {token}", "exec: {command: /bin/x}")
    response = signed_in(adam).post(reverse("fleet:plane-add"), {"text": text})
    assert response.status_code == 400
    assert "login commands are not run here" in response.content.decode()
    assert not KubeconfigDraft.objects.exists()


def test_a_failing_plane_is_left_out_of_what_is_saved(embedded: EmbeddedFleet, adam: User) -> None:
    draft = checked(embedded, adam, contexts=[CONTROL, "k8s-1", "k8s-4"])
    browser = signed_in(adam)
    shown = page(browser, reverse("fleet:plane-add-draft", args=[draft.pk]))
    assert "Save 2 of 3 planes" in shown
    assert "The operator has no context k8s-4" in shown
    bad = browser.post(reverse("fleet:plane-save", args=[draft.pk]), {"contexts": ["k8s-4"]})
    assert bad.status_code == 400
    assert "has failures" in bad.content.decode()
    assert not Plane.objects.exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"contexts": [], "control_plane": ""}, "at least one context"),
        ({"contexts": ["k8s-1"], "control_plane": ""}, "no control plane yet"),
        ({"contexts": ["nope"], "control_plane": CONTROL}, "nope"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(
    data: dict[str, Any], words: str, embedded: EmbeddedFleet, adam: User
) -> None:
    draft = upload(embedded.kubeconfig(), adam)
    response = signed_in(adam).post(reverse("fleet:plane-add-draft", args=[draft.pk]), data)
    assert response.status_code == 400
    assert words in response.content.decode()


def test_an_upload_is_seen_by_its_owner_only_and_ends(embedded: EmbeddedFleet, adam: User, ada: User) -> None:
    draft = upload(embedded.kubeconfig(), adam)
    url = reverse("fleet:plane-add-draft", args=[draft.pk])
    assert signed_in(ada).get(url).status_code == 404
    assert signed_in(adam).get(url).status_code == 200
    with pytest.raises(Refused):
        services.choose(draft=draft, contexts=["k8s-1"], control_plane=CONTROL, also_plane=False, by=ada)
    KubeconfigDraft.objects.update(expires_at=timezone.now())
    assert signed_in(adam).get(url).status_code == 404
    tasks.check_planes()
    assert not KubeconfigDraft.objects.exists()


def test_others_read_the_fleet_and_are_told_why_they_cannot_change_it(
    fleet: dict[str, Plane], dana: User, vera: User
) -> None:
    for person in (dana, vera):
        browser = signed_in(person)
        assert "Only an administrator changes the fleet" in page(browser, reverse("fleet:plane-list"))
        shown = page(browser, reverse("fleet:plane-detail", args=["k8s-1"]))
        assert "Only an administrator changes the fleet" in shown
        assert browser.post(reverse("fleet:plane-check", args=["k8s-1"])).status_code == 403
        assert browser.post(reverse("fleet:rbac-copy"), {"planes": ["k8s-1"]}).status_code == 403
        assert browser.post(reverse("fleet:plane-add"), {"text": "kind: Config"}).status_code == 403
    assert not Plan.objects.exists()


def test_who_has_no_role_sees_no_plane(fleet: dict[str, Plane], nobody: User) -> None:
    browser = signed_in(nobody)
    assert "k8s-1" not in page(browser, reverse("fleet:plane-list"))
    assert browser.get(reverse("fleet:plane-detail", args=["k8s-1"])).status_code == 404
    assert browser.get(reverse("fleet:plane-add")).status_code == 403


def test_a_silent_plane_stands_above_all_with_what_not_to_do(fleet: dict[str, Plane], dana: User) -> None:
    error = say("fleet.unknown_plane", plane="k8s-3").to_json()
    Plane.objects.filter(name="k8s-3").update(last_error=error)
    shown = page(signed_in(dana), reverse("fleet:plane-list"))
    assert "k8s-3 gives no answer" in shown
    assert "Do not restart the KubeBlocks operator while k8s-3" in shown


def test_old_answers_are_unknown_never_green(fleet: dict[str, Plane], dana: User) -> None:
    old = timezone.now() - timedelta(hours=1)
    Plane.objects.update(last_answer_at=old, last_asked_at=old)
    shown = page(signed_in(dana), reverse("fleet:plane-list"))
    assert "Not checked since" in shown
    assert "Connected" not in shown


def test_a_plane_shows_its_ladder_and_a_new_look(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User
) -> None:
    browser = signed_in(adam)
    url = reverse("fleet:plane-detail", args=["k8s-1"])
    assert "Known to the operator" in page(browser, url)
    assert browser.post(reverse("fleet:plane-check", args=["k8s-1"]))["Location"] == url
    assert "A look is under way" in page(browser, url)
    drive(Run.objects.get())
    done = page(browser, url)
    assert "standard is the default StorageClass" in done
    assert "kubectl --context k8s-1 get storageclass" in done


def test_copying_leads_to_the_plan(fleet: dict[str, Plane], adam: User) -> None:
    sent = signed_in(adam).post(reverse("fleet:rbac-copy"), {"planes": ["k8s-1", "k8s-2"]})
    plan = Plan.objects.get()
    assert sent["Location"] == reverse("jobs:plan-detail", args=[plan.pk])
    assert plan.params == {"planes": ["k8s-1", "k8s-2"], "take_over": False}


def test_the_list_costs_the_same_queries_for_more_planes(
    fleet: dict[str, Plane], adam: User, django_assert_max_num_queries: Any
) -> None:
    browser = signed_in(adam)
    url = reverse("fleet:plane-list")
    page(browser, url)
    with django_assert_max_num_queries(12):
        page(browser, url)
    for number in range(30):
        Plane.objects.create(name=f"more-{number}", uid=str(number), server="https://x")
    with django_assert_max_num_queries(12):
        page(browser, url)


def test_planes_with_slashes_in_their_names_have_pages(fleet: dict[str, Plane], adam: User) -> None:
    name = "arn:aws:eks:eu-1:1:cluster/one"
    Plane.objects.create(name=name, uid="x", server="https://x")
    assert name in page(signed_in(adam), reverse("fleet:plane-detail", args=[name]))


def test_the_checker_notes_who_answers_and_who_does_not(
    embedded: EmbeddedFleet, fleet: dict[str, Plane]
) -> None:
    embedded.fault("k8s-2", "unreachable")
    embedded.remove_token("k8s-3")
    tasks.check_planes()
    found = {plane.name: plane for plane in Plane.objects.all()}
    assert not found["k8s-1"].silent
    assert found["k8s-1"].version.startswith("v1.")
    assert found["k8s-2"].silent and found["k8s-2"].last_answer_at is None
    assert found["k8s-3"].silent
    embedded.fault("k8s-2", None)
    tasks.check_planes()
    assert not Plane.objects.get(name="k8s-2").silent
