"""Credentials at rest, in use, and nowhere else."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.urls import reverse

from kbconsole.common.errors import ConsoleError
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import access, services, vault
from kbconsole.fleet.models import Credential, Plane
from kbconsole.jobs.models import Run
from kbconsole.k8s import kubeconfig
from kbconsole.k8s.credentials import PlaneCredential
from kbconsole.k8s.errors import Unauthorised
from kbconsole.k8s.kinds import NAMESPACE
from tests.driving import drive
from tests.fleet.planes import ALL, CONTROL, checked, rows, save_all, upload, verdict
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def everything_stored() -> str:
    """Return every row of every table as text."""
    found = [list(model._default_manager.values()) for model in apps.get_models()]
    return json.dumps(found, default=str)


def pages(browser: Client, urls: list[str]) -> str:
    answers = [browser.get(url) for url in urls]
    assert {answer.status_code for answer in answers} == {200}
    return "".join(answer.content.decode() for answer in answers)


def test_a_token_is_in_no_row_log_line_page_or_exception(
    embedded: EmbeddedFleet, adam: User, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = [embedded.credential(name).token for name in (CONTROL, *embedded.data_planes)]
    browser = signed_in(adam)
    refused = browser.post(reverse("fleet:plane-add"), {"text": embedded.kubeconfig() + "\nnot: [yaml"})
    shown = refused.content.decode()
    embedded.remove_token("k8s-3")
    browser.post(reverse("fleet:plane-add"), {"text": embedded.kubeconfig()})
    draft = checked(embedded, adam, contexts=ALL)
    shown += pages(browser, [
        reverse("fleet:plane-add-draft", args=[draft.pk]), reverse("jobs:run-detail", args=[draft.run]),
    ])  # fmt: skip
    services.save(draft=draft, contexts=[CONTROL, "k8s-1", "k8s-2"], by=adam)
    plan = services.plan_rbac_copy(planes=["k8s-1"], take_over=False, by=adam)
    drive(plan.runs.get())
    shown += pages(browser, [
        reverse("fleet:plane-list"), reverse("fleet:plane-detail", args=["k8s-1"]),
        reverse("jobs:plan-detail", args=[plan.pk]), reverse("audit:entry-list"),
    ])  # fmt: skip
    embedded.remove_token("k8s-1")
    with pytest.raises(Unauthorised) as caught:
        access.client("k8s-1").get(NAMESPACE, "default")
    stored, output = everything_stored(), "".join(capfd.readouterr())
    for token in tokens:
        for place in (stored, caplog.text, output, shown, repr(caught.value), str(caught.value)):
            assert token not in place


def test_a_wrong_key_is_an_error_and_never_an_empty_credential() -> None:
    text = vault.encrypt("plane/a/console/1", {"token": "t"})
    assert vault.decrypt("plane/a/console/1", text) == {"token": "t"}
    with (
        override_settings(KBCONSOLE_CREDENTIAL_KEYS=[Fernet.generate_key().decode()]),
        pytest.raises(vault.VaultError),
    ):
        vault.decrypt("plane/a/console/1", text)


def test_credentials_of_two_planes_cannot_be_swapped_in_the_database(fleet: dict[str, Plane]) -> None:
    one, two = Credential.objects.get(plane__name="k8s-1"), Credential.objects.get(plane__name="k8s-2")
    Credential.objects.filter(pk=one.pk).update(ciphertext=two.ciphertext)
    with pytest.raises(vault.VaultError, match="belongs to another row"):
        access.client("k8s-1")


def test_rotation_puts_every_credential_under_the_first_key(
    embedded: EmbeddedFleet, fleet: dict[str, Plane]
) -> None:
    old = Credential.objects.get(plane__name="k8s-1")
    fresh = Fernet.generate_key().decode()
    with override_settings(KBCONSOLE_CREDENTIAL_KEYS=[fresh, *settings.KBCONSOLE_CREDENTIAL_KEYS]):
        call_command("rotate_credentials")
    row = Credential.objects.get(pk=old.pk)
    assert row.ciphertext != old.ciphertext and row.key_id != old.key_id
    with override_settings(KBCONSOLE_CREDENTIAL_KEYS=[fresh]):
        assert access.client("k8s-1").version()
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("rotate_credentials")


def test_fresh_keys_are_made_without_any_setting() -> None:
    empty = {"PATH": os.environ["PATH"]}
    made = subprocess.run(
        [sys.executable, "-m", "kbconsole.fleet.make_keys"], env=empty, capture_output=True, text=True, check=True
    )  # fmt: skip
    values = dict(line.split("=", 1) for line in made.stdout.splitlines())
    assert set(values) == {"SECRET_KEY", "KBCONSOLE_CREDENTIAL_KEYS", "KBCONSOLE_AUDIT_KEYS"}
    Fernet(values["KBCONSOLE_CREDENTIAL_KEYS"])
    assert min(len(values["SECRET_KEY"]), len(values["KBCONSOLE_AUDIT_KEYS"])) >= 32


def test_a_client_is_kept_until_its_credential_is_replaced(embedded: EmbeddedFleet, adam: User) -> None:
    save_all(checked(embedded, adam), adam)
    first = access.client("k8s-1")
    assert access.client("k8s-1") is first
    draft = upload(kubeconfig.write({"k8s-1": embedded.credential("k8s-1")}), adam, replaces="k8s-1")
    drive(services.choose(draft=draft, contexts=["k8s-1"], control_plane="", also_plane=False, by=adam))
    services.save(draft=draft, contexts=["k8s-1"], by=adam)
    assert access.client("k8s-1") is not first


def test_clients_that_are_not_used_are_closed(
    fleet: dict[str, Plane], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "MOST_CLIENTS", 2)
    first = access.client("k8s-1")
    access.client("k8s-2")
    access.client("k8s-3")
    assert len(access._clients) == 2
    assert access.client("k8s-1") is not first


def test_answers_are_kept_with_the_plane_and_written_once_a_second(
    embedded: EmbeddedFleet, fleet: dict[str, Plane], django_assert_num_queries: Any
) -> None:
    client = access.client("k8s-1")
    client.get(NAMESPACE, "default")
    assert Plane.objects.get(name="k8s-1").last_answer_at
    with django_assert_num_queries(0):
        for _ in range(20):
            client.get(NAMESPACE, "default")
    embedded.remove_token("k8s-1")
    with pytest.raises(Unauthorised):
        client.get(NAMESPACE, "default")
    plane = Plane.objects.get(name="k8s-1")
    assert plane.silent
    assert (plane.last_error or {})["code"] == "k8s.unauthorised"


def test_an_expired_upload_opens_nothing(embedded: EmbeddedFleet, adam: User) -> None:
    draft = upload(embedded.kubeconfig(), adam)
    run = services.choose(draft=draft, contexts=["k8s-1"], control_plane=CONTROL, also_plane=False, by=adam)
    draft.delete()
    row = rows(drive(run), "k8s-1")["reachable"]
    assert verdict(row) == "fail"
    with pytest.raises(ConsoleError, match="expired or was saved"):
        access.draft_client(draft.pk or 0, "k8s-1")
    assert Run.objects.get().status == "failed"


def test_a_credential_shows_nothing_of_itself(embedded: EmbeddedFleet) -> None:
    secret = embedded.credential("k8s-1")
    assert isinstance(secret, PlaneCredential)
    assert secret.token not in repr(secret)
