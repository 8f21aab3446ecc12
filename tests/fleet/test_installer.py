"""An administrator's credential of a plane for a while: given by two people, used by runs alone, gone by itself."""

from __future__ import annotations

import html
import json
import logging
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from kbconsole.audit.models import Entry
from kbconsole.common.errors import Refused
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import access, installing, services, tasks
from kbconsole.fleet.keeping import replace_credential
from kbconsole.fleet.models import Credential, KubeconfigDraft, Plane
from kbconsole.jobs.models import Plan
from kbconsole.jobs.services import decide
from kbconsole.k8s import kubeconfig
from tests.api.calling import caller
from tests.driving import drive, ticks
from tests.fleet.planes import rows, said
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
ADD = "/fleet/add/?replaces=k8s-1&purpose=installer"


def text(user: User, address: str) -> str:
    shown = signed_in(user).get(address).content.decode()
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", shown).split()))


def looked_over(draft: KubeconfigDraft, context: str, by: User) -> KubeconfigDraft:
    drive(services.choose(draft=draft, contexts=[context], control_plane="", also_plane=False, by=by))
    draft.refresh_from_db()
    return draft


def given(embedded: EmbeddedFleet, plane: Plane, by: User) -> Credential:
    until, secret = timezone.now() + timedelta(hours=1), embedded.credential(plane.name, "admin")
    with transaction.atomic():
        return replace_credential(plane, secret, by=by, owner=by, user="admin", use_until=until)


def test_two_people_give_it_for_a_while_and_it_is_never_shown(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User, ada: User, vera: User,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    users = {"mine": ("k8s-1", "admin"), "foreign": ("k8s-2", "admin"), "weak": ("k8s-1", "kbconsole")}
    secrets = {name: embedded.credential(*who) for name, who in users.items()}
    browser, a_winter = signed_in(adam), timezone.localtime(datetime(2020, 1, 2, tzinfo=UTC))
    assert "choose “Take it away” on the page of k8s-1, then run the last line" in text(adam, ADD)
    sent = browser.post(ADD, {"text": kubeconfig.write(secrets)})
    draft = KubeconfigDraft.objects.get()
    for name, phase, words in (
        ("foreign", "identity", "This is not k8s-1 but another plane"),
        ("weak", "rights", "It may not do everything there"),
    ):
        looked_over(draft, name, adam)
        assert words in said(rows(draft.run, name)[phase])
        assert browser.post(f"{sent['Location']}save/", {"contexts": [name]}).status_code == 400
    looked_over(draft, "mine", adam)
    with override_settings(KBCONSOLE_FLEET_APPROVALS=1):
        ask = {"contexts": ["mine"], "reason": "MetalLB"}
        for end, words in (
            ("2900-01-01T00:00", "not kept for longer than 7 days"),
            ("2020-01-02T03:04", f"2020-01-02 03:04 {a_winter:%Z} is over already. Choose a later end"),
        ):
            refused = browser.post(f"{sent['Location']}save/", {**ask, "use_until": end})
            assert words in refused.content.decode()
        until = timezone.localtime(timezone.now() + timedelta(hours=4))
        browser.post(f"{sent['Location']}save/", {**ask, "use_until": f"{until:%Y-%m-%dT%H:%M}"})
        plan = Plan.objects.get()
        drive(plan.runs.get())
        plan.refresh_from_db()
        assert plan.valid_until == until.replace(second=0, microsecond=0), "nobody agrees to what is over"
        assert f"waits for approval: plan {plan.pk}" in text(vera, "/fleet/k8s-1/")
        page = text(ada, f"/plans/{plan.pk}/")
        assert "the console may do everything on k8s-1, as its user admin" in page
        with pytest.raises(Refused):
            decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
        decide(plan.pk, by=ada, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    run = drive(plan.runs.exclude(job="make-plan").get())
    assert run.status == "succeeded", [step.finding for step in run.steps.all()]
    kept = Credential.objects.get(plane__name="k8s-1", purpose="installer")
    assert (kept.subject, kept.created_by, kept.use_until) == (
        "admin",
        adam,
        until.replace(second=0, microsecond=0),
    )
    assert Credential.objects.get(plane__name="k8s-1", purpose="console").version == 1
    page += text(vera, "/fleet/k8s-1/") + text(vera, "/audit/")
    for words in ("Given by adam", "Used until", "Gave k8s-1 an installer credential of the user admin"):
        assert words in page
    answer = caller("dana").get("planes/k8s-1/")
    assert answer.json()["installer_until"]
    everything = [list(model._default_manager.values()) for model in apps.get_models()]
    stored = json.dumps(everything, default=str) + page + answer.content.decode() + caplog.text
    assert not [secret for secret in secrets.values() if secret.token in stored]


def test_only_runs_use_it_and_it_ends_by_time_or_by_hand(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane = fleet["k8s-1"]
    gone = given(embedded, plane, adam)
    given(embedded, plane, adam)
    assert access.installer_client("k8s-1") is access.client("k8s-1"), "nobody said for which run"
    used = Entry.objects.filter(act="installer.used", run_id="7")
    with monkeypatch.context() as patched:
        patched.setattr(installing, "row_of", lambda _plane: gone)
        assert access.installer_client("k8s-1", run=7) is access.client("k8s-1"), "it went a moment ago"
    assert access.installer_client("k8s-1", run=7) is not access.client("k8s-1")
    access.installer_client("k8s-1", run=7)
    assert used.count() == 1
    given(embedded, plane, adam)
    access.installer_client("k8s-1", run=7)
    assert used.count() == 2, "another credential"
    embedded.remove_token("k8s-1", "admin")  # says nothing of whether the console is answered
    with pytest.raises(Exception, match="k8s-1 no longer accepts its installer credential"):
        access.installer_client("k8s-1", run=7).whoami()
    assert not Plane.objects.get(pk=plane.pk).silent
    Credential.objects.filter(purpose="installer").update(use_until=timezone.now())
    assert access.installer_client("k8s-1", run=7) is access.client("k8s-1")
    tasks.check_planes()
    assert Entry.objects.get(act="installer.expired").actor_label == "system"
    for take in (
        lambda: signed_in(adam).post("/fleet/add/installer/k8s-1/").status_code == 302,
        lambda: caller("adam").send("DELETE", "planes/k8s-1/installer/").status_code == 204,
    ):
        assert not Credential.objects.filter(purpose="installer").exists()
        given(embedded, plane, adam)
        assert take()
    Plane.objects.filter(pk=plane.pk).update(name="dc/installer")
    assert signed_in(adam).get("/fleet/dc/installer/").status_code == 200
    Plane.objects.filter(pk=plane.pk).update(name="k8s-1")
    assert Entry.objects.filter(act="installer.removed").count() == 2
    assert caller("adam").send("DELETE", "planes/k8s-1/installer/").status_code == 409
