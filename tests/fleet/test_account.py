"""Make a credential for me: what the manifest grants, and that the console takes the kubeconfig it leads to."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from html import unescape
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from kbconsole.common.sentences import say
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import account, services
from kbconsole.fleet.models import KubeconfigDraft
from kbconsole.fleet.preflight.rights import GROUPS, groups_for
from kbconsole.jobs.models import RunStep
from kbconsole.k8s import kubeconfig
from kbconsole.k8s.rules import rule_set
from tests.driving import drive
from tests.fleet.planes import CONTROL
from tests.fleets import binaries
from tests.fleets.fixtures import real_fleet
from tests.fleets.protocol import Fleet
from tests.fleets.real import RealFleet, RealServers
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
Object = dict[str, Any]
URL = "/fleet/add/credential/"
FIRST = {CONTROL: "control", "k8s-1": "plane"}
TOKEN_SECONDS = 30.0


def objects(kind: str) -> list[Object]:
    control, data = account.KINDS[kind]
    return list(yaml.safe_load_all(account.manifest(control=control, data=data)))


@pytest.mark.parametrize("kind", account.KINDS)
def test_the_roles_have_every_right_of_the_table_and_nothing_else(kind: str) -> None:
    granted = {
        one["metadata"].get("namespace", ""): rule_set(one["rules"])
        for one in objects(kind)
        if one["kind"] in ("ClusterRole", "Role")
    }
    control, data = account.KINDS[kind]
    wanted: dict[str, set[Any]] = {}
    for name in groups_for(control=control, data=data):
        wanted.setdefault(GROUPS[name].namespace, set()).update(rule_set(GROUPS[name].rules))
    assert granted == wanted
    assert "kb-system" in granted or kind == "plane"


@pytest.mark.parametrize("kind", account.KINDS)
def test_the_page_shows_the_manifest_and_the_commands_with_the_names_given(kind: str, adam: User) -> None:
    browser = signed_in(adam)
    names = {"for": kind, "context": "arn:aws:eks:eu 1", "name": "k8s-7"}
    shown = unescape(browser.get(URL, names).content.decode())
    control, data = account.KINDS[kind]
    assert account.manifest(control=control, data=data).strip() in shown
    assert f"kubectl --context 'arn:aws:eks:eu 1' apply -f kbconsole-{kind}.yaml" in shown
    for ending in (False, True):
        assert account.kubeconfig_command("arn:aws:eks:eu 1", "k8s-7", ending=ending).strip() in shown


def test_the_manifest_is_downloaded_under_the_name_that_the_command_says(adam: User) -> None:
    answer = signed_in(adam).get(URL, {"for": "control", "format": "yaml"})
    assert answer["Content-Type"].startswith("text/yaml")
    assert answer["Content-Disposition"] == 'attachment; filename="kbconsole-control.yaml"'
    assert answer.content.decode() == account.manifest(control=True, data=False)


def test_a_name_that_no_plane_can_have_never_gets_into_a_command(adam: User) -> None:
    names = {"name": "'; echo hacked", "context": "it's; echo \nhacked"}
    shown = unescape(signed_in(adam).get(URL, names).content.decode())
    assert "letters, digits" in shown
    assert account.kubeconfig_command("it's; echo \nhacked", "NAME") in shown
    assert "--context 'it'\"'\"'s; echo" in shown


def test_without_names_and_for_an_unknown_kind_there_are_placeholders_for_a_data_plane(adam: User) -> None:
    shown = unescape(signed_in(adam).get(URL, {"for": "nonsense"}).content.decode())
    assert "kubectl --context YOUR-CONTEXT apply -f kbconsole-plane.yaml" in shown


def test_adding_planes_leads_there(adam: User) -> None:
    shown = signed_in(adam).get(reverse("fleet:plane-add")).content.decode()
    assert f'href="{URL}?for=plane"' in shown
    assert f'href="{URL}?for=control"' in shown


@pytest.mark.parametrize("key", ["exec: {command: aws}", "auth-provider: {name: gcp}", "password: guess"])
def test_a_refused_login_leads_there(key: str, embedded: EmbeddedFleet, adam: User) -> None:
    browser, token = signed_in(adam), embedded.credential("k8s-1").token
    text = embedded.kubeconfig(contexts=["k8s-1"]).replace(f"token: {token}", key)
    refused = browser.post(reverse("fleet:plane-add"), {"text": text}).content.decode()
    assert f'href="{URL}"' in refused
    both = embedded.kubeconfig(contexts=["k8s-1", "k8s-2"]).replace(f"token: {token}", key, 1)
    sent = browser.post(reverse("fleet:plane-add"), {"text": both})
    shown = browser.get(sent["Location"]).content.decode()
    assert f'href="{URL}?context=k8s-1&amp;name=k8s-1"' in shown
    assert f"{URL}?context=k8s-2" not in shown


def test_another_refusal_does_not_lead_there(embedded: EmbeddedFleet, adam: User) -> None:
    text = embedded.kubeconfig(contexts=["k8s-1"]).replace("server: https:", "server: http:")
    refused = signed_in(adam).post(reverse("fleet:plane-add"), {"text": text}).content.decode()
    assert "Nothing was kept" in refused
    assert f'href="{URL}"' not in refused
    assert not account.would_help([say("k8s.server_http"), say("k8s.key_proxy").to_json(), "text"])


def looked_over(text: str, by: User) -> KubeconfigDraft:
    """Return the upload of the control plane and k8s-1, its preflight ended."""
    draft = services.upload_draft(data=text.encode(), by=by)
    names = [name for name in FIRST if name in draft.accepted()]
    drive(services.choose(draft=draft, contexts=names, control_plane=CONTROL, also_plane=False, by=by))
    draft.refresh_from_db()
    return draft


def rights_of(draft: KubeconfigDraft) -> list[tuple[str, str, str]]:
    """Return what the preflight says of every group of rights: plane, group, verdict."""
    steps = [step for step in RunStep.objects.filter(run_id=draft.run or 0) if "rights" in step.phase]
    return [(step.lane, str(step.label["code"]), str((step.finding or {}).get("verdict"))) for step in steps]


def sound(draft: KubeconfigDraft) -> None:
    """Fail unless every group of rights passed, and every other row too but for the role that is not there yet."""
    found = rights_of(draft)
    wanted = {
        (plane, f"rights.{group}", "pass")
        for plane, kind in FIRST.items()
        for group in groups_for(control=account.KINDS[kind][0], data=account.KINDS[kind][1])
    }
    assert set(found) == wanted
    verdicts = [(s.finding or {}).get("verdict") for s in RunStep.objects.filter(run_id=draft.run or 0)]
    assert set(verdicts) <= {"pass", "warn"}


def test_who_is_bound_to_the_roles_passes_the_preflight(embedded: EmbeddedFleet, adam: User) -> None:
    """The embedded servers give ServiceAccounts no tokens, so a user without any right takes its place."""
    somebody = {"kind": "User", "name": "nobody", "apiGroup": "rbac.authorization.k8s.io"}
    for plane, kind in FIRST.items():
        with closing(embedded.client(plane)) as admin:
            for one in objects(kind):
                admin.apply(one | ({"subjects": [somebody]} if "subjects" in one else {}), force=True)
    sound(looked_over(embedded.kubeconfig("nobody", list(FIRST)), adam))


# With the real kubectl, on real API servers --------------------------------------------------------------------


@pytest.fixture
def real(real_servers: RealServers) -> Iterator[RealFleet]:
    if not (binaries.has("kubectl") and binaries.has(binaries.MANAGER)):
        pytest.skip(f"needs kubectl and {binaries.MANAGER} in {binaries.ASSETS}")
    yield from real_fleet(real_servers, "0.9", 0.05)


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of the page as a person does, in a plain shell."""
    path = f"{os.environ[binaries.ASSETS]}:{os.environ['PATH']}"
    env = {"PATH": path, "KUBECONFIG": str(folder / "admin"), "HOME": str(folder)}
    return subprocess.run(["sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True)


def printed(plane: str, folder: Path, *, ending: bool) -> kubeconfig.ContextReport:
    """Return what the console makes of the second command's output, once the server has made the token."""
    until = monotonic() + TOKEN_SECONDS
    while True:
        done = shell(account.kubeconfig_command(plane, plane, ending=ending), folder)
        if done.returncode == 0 or monotonic() > until:
            assert done.returncode == 0, done.stderr
            (report,) = kubeconfig.parse(done.stdout.encode()).contexts
            return report
        sleep(0.2)


@pytest.mark.real
@pytest.mark.parametrize("ending", [False, True])
def test_both_commands_lead_to_a_kubeconfig_that_passes(
    ending: bool, real: RealFleet, adam: User, tmp_path: Path
) -> None:
    fleet: Fleet = real
    (tmp_path / "admin").write_text(fleet.kubeconfig("admin"))
    credentials = {}
    for plane, kind in FIRST.items():
        control, data = account.KINDS[kind]
        (tmp_path / account.file_name(kind)).write_text(account.manifest(control=control, data=data))
        applied = shell(account.apply_command(plane, kind), tmp_path)
        assert applied.returncode == 0, applied.stderr
        report = printed(plane, tmp_path, ending=ending)
        assert (report.name, report.findings) == (plane, [])
        assert report.credential
        ends = report.credential.expires_at()  # at the latest with the CA, in ten years
        assert (ends is not None and ends < timezone.now() + timedelta(days=366)) is ending
        credentials[plane] = report.credential
    sound(looked_over(kubeconfig.write(credentials), adam))
