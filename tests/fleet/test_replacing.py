"""A new credential where somebody else has to agree: it waits as a plan, and the secret stays where it was."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import override_settings

from kbconsole.audit.models import Entry
from kbconsole.common.errors import Refused, Stale
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import services
from kbconsole.fleet.models import Credential, KubeconfigDraft, Plane
from kbconsole.jobs.models import Decision, Plan, Run
from kbconsole.jobs.services import decide, go_ahead, withdraw
from kbconsole.k8s import kubeconfig
from tests.driving import drive, ticks
from tests.fleet.planes import upload
from tests.people import signed_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("two_people")]


@pytest.fixture
def two_people() -> Iterator[None]:
    with override_settings(KBCONSOLE_FLEET_APPROVALS=1):
        yield


@pytest.fixture
def draft(embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User) -> KubeconfigDraft:
    """An upload for k8s-1 of a user with all rights there, looked over, beside a context that nobody asked about."""
    Credential.objects.filter(plane__name="k8s-1").update(subject="kbconsole")
    given = {"x": embedded.credential("k8s-1", "admin"), "y": embedded.credential("k8s-2")}
    draft = upload(kubeconfig.write(given), adam, replaces="k8s-1")
    drive(services.choose(draft=draft, contexts=["x"], control_plane="", also_plane=False, by=adam))
    draft.refresh_from_db()
    return draft


def asked(draft: KubeconfigDraft, by: User) -> Plan:
    """Ask on the page; return the plan once a worker has made it."""
    sent = signed_in(by).post(
        f"/fleet/add/{draft.pk}/save/", {"contexts": ["x"], "reason": "the old one ends"}
    )
    plan = Plan.objects.latest("pk")
    assert sent["Location"] == f"/plans/{plan.pk}/"
    drive(plan.runs.get())
    plan.refresh_from_db()
    assert (plan.job, plan.status) == ("replace-credential", "ready"), plan.failure
    return plan


def approved(plan: Plan, by: User) -> Run:
    decide(plan.pk, by=by, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    return drive(plan.runs.exclude(job="make-plan").get())


def text(user: User, address: str) -> str:
    shown = signed_in(user).get(address).content.decode()
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", shown).split()))


def version() -> int:
    return Credential.objects.get(plane__name="k8s-1").version


def test_it_waits_with_what_differs_and_is_saved_as_approved(
    embedded: EmbeddedFleet, draft: KubeconfigDraft, adam: User, ada: User, vera: User
) -> None:
    plan = asked(draft, adam)
    assert version() == 1
    assert f"waits for approval: plan {plan.pk}" in text(vera, "/fleet/k8s-1/")
    row = text(ada, "/approvals/")
    for words in ("Give k8s-1 a new credential", "“the old one ends”", "another user"):
        assert words in row
    page = text(ada, f"/plans/{plan.pk}/")
    for words in (
        "k8s-1 will take the console for admin instead of kbconsole",
        "The new user of k8s-1 may what the present one may not",
        "rights: * *.*",
        "keyed fingerprint",
    ):
        assert words in page
    tokens = [embedded.credential("k8s-1", "admin").token, embedded.credential("k8s-2").token]
    stored = json.dumps([list(model._default_manager.values()) for model in apps.get_models()], default=str)
    assert not [token for token in tokens if token in stored + page]
    with pytest.raises(Stale, match="cannot be changed any more"):
        services.choose(draft=draft, contexts=["y"], control_plane="", also_plane=False, by=adam)
    services.rotate_credentials(by="system")  # must not lose what waits
    with pytest.raises(Refused):
        decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    assert approved(plan, ada).status == "succeeded"
    kept = Credential.objects.get(plane__name="k8s-1")
    assert (kept.version, kept.subject, kept.created_by) == (2, "admin", adam)
    assert not KubeconfigDraft.objects.exists()
    assert "Gave k8s-1 a new credential, version 2" in str(
        Entry.objects.get(act="fleet.credential_replaced").sentence
    )
    assert "Replace the credential of a plane" in text(vera, "/approvals/policy/")


@pytest.mark.parametrize("how", ["rejected", "withdrawn"])
def test_what_is_turned_down_is_gone_at_once(how: str, draft: KubeconfigDraft, adam: User, ada: User) -> None:
    plan = asked(draft, adam)
    if how == "rejected":
        decide(plan.pk, by=ada, approve=False, seen_hash=plan.hash, comment="whose is it?")
    else:
        withdraw(plan.pk, by=adam)
    assert not KubeconfigDraft.objects.exists()
    assert version() == 1


def test_the_only_administrator_decides_alone_also_when_the_present_credential_is_dead(
    embedded: EmbeddedFleet, draft: KubeconfigDraft, adam: User
) -> None:
    embedded.remove_token("k8s-1")
    plan = asked(draft, adam)
    assert "what the two users may cannot be compared" in text(adam, f"/plans/{plan.pk}/")
    run = go_ahead(plan.pk, by=adam, seen_hash=plan.hash, accepted=ticks(plan))
    assert drive(run).status == "succeeded"
    assert (version(), Decision.objects.get().alone) == (2, True)


def test_a_credential_that_was_replaced_meanwhile_stays(
    embedded: EmbeddedFleet, draft: KubeconfigDraft, adam: User, ada: User
) -> None:
    plan = asked(draft, adam)
    with override_settings(KBCONSOLE_FLEET_APPROVALS=0):
        other = upload(kubeconfig.write({"z": embedded.credential("k8s-1")}), ada, replaces="k8s-1")
        drive(services.choose(draft=other, contexts=["z"], control_plane="", also_plane=False, by=ada))
        other.refresh_from_db()
        services.save(draft=other, contexts=["z"], by=ada)
    assert approved(plan, ada).status == "failed"
    assert (version(), Credential.objects.get(plane__name="k8s-1").created_by) == (2, ada)
