"""Steps that run a tool: by the console in a process of its own, or by a person who then chooses Verify."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any, ClassVar

import pytest
import yaml
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.utils import timezone
from pytest_django import Settings

from kbconsole.audit.models import Entry
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet import access, command_models, commands, installing, vault
from kbconsole.fleet.command_keeper import Keeper
from kbconsole.fleet.command_models import CommandRun
from kbconsole.fleet.commands import Judge, RunCommand, command_step
from kbconsole.fleet.keeping import replace_credential
from kbconsole.fleet.models import Credential, Plane
from kbconsole.jobs import services
from kbconsole.jobs.definition import Check, Finding, Job, Step, Subject, Verdict, actions, register
from kbconsole.jobs.models import Run, RunStep
from kbconsole.k8s.credentials import PlaneCredential
from kbconsole.k8s.kinds import CONFIG_MAP
from tests.driving import drive
from tests.fleets import binaries
from tests.fleets.protocol import Fleet
from tests.jobs.working import database_url
from tests.journeys.fleet import register as register_fleet
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
START = commands._start
KEEPERS: list[Keeper] = []
CHART = Path(__file__).parent / "chart"
TEXT = "a, comma = {and braces}"
SCRIPT = """#!/bin/sh
echo "$$" >> "{folder}/pids"
case "$3" in
  upgrade) cat > "{folder}/values"; cat "$KUBECONFIG" > "{folder}/config"
           echo "Pulled for $2"; echo "Authorization: Bearer abcdefghij" >&2;;
  wait) echo waiting; exec sleep 60;;
  list) echo 'not for reading' >&2; echo '[{{"name": "note"}}]'; exit 1;;
  uninstall) echo "Error: another operation (install/upgrade/rollback) is in progress" >&2; exit 1;;
esac
"""
declare({"toy.note": "Note", "toy.there": "there", "toy.not_there": "not there"})


@actions.register
@dataclass(frozen=True)
class NoteThere(Judge):
    """The ConfigMap `note` is there; or JSON names it."""

    slug: ClassVar[str] = "toy-note-there"
    plane: str

    def label(self) -> Sentence:
        return say("toy.note")

    def commands(self) -> list[str]:
        return [f"kubectl --context {self.plane} get configmap note"]

    def look(self) -> Finding:
        note = access.client(self.plane).get(CONFIG_MAP, "note", "default")
        return (
            Finding(Verdict.FAIL, say("toy.not_there")) if note is None else self._there(note["data"]["text"])
        )

    def judge(self, answer: Any) -> Finding:
        return self._there(answer[0]["name"])

    def _there(self, facts: Any) -> Finding:
        return Finding(Verdict.PASS, say("toy.there"), facts=facts)


@actions.register
@dataclass(frozen=True)
class Ran(Check):
    """The tool ran here; whatever it did was right."""

    slug: ClassVar[str] = "toy-ran"
    plane: str

    def label(self) -> Sentence:
        return say("toy.note")

    def look(self) -> Finding:
        ran = CommandRun.objects.filter(exit_code=0).exists()
        return Finding(Verdict.PASS if ran else Verdict.FAIL, say("toy.there"))


@register
@dataclass(frozen=True)
class RunTool(Job):
    """Run one command on one plane."""

    slug: ClassVar[str] = "toy-run-tool"
    label: ClassVar[Any] = "Run a tool"
    planned: ClassVar[bool] = False
    args: list[str]
    values: dict[str, Any] | None = None
    seconds: int = 60
    verify: str = "toy-note-there"

    def subject(self) -> Subject:
        return Subject("toy", "tool", "tool")

    def lanes(self) -> list[str]:
        return ["k8s-1"]

    def steps(self) -> Iterable[Step]:
        command = RunCommand("k8s-1", "helm", tuple(self.args), self.values, seconds=self.seconds)
        verify: Any = actions.get(self.verify)
        yield command_step(command, phase="install", verify=verify("k8s-1"))


@pytest.fixture
def planes(fleet: Fleet, adam: User) -> Fleet:
    """A registered fleet whose credential for k8s-1 may administer it."""
    register_fleet(fleet, adam)
    row = Credential.objects.get(plane__name="k8s-1")
    row.ciphertext = vault.encrypt(row.owner, fleet.credential("k8s-1", "admin").to_json())
    row.save()
    return fleet


@pytest.fixture
def tool(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A stand-in for helm, known to the console and to the processes that it starts."""
    path = tmp_path / "helm"
    path.write_text(SCRIPT.format(folder=tmp_path))
    path.chmod(0o755)
    known(path, settings, monkeypatch)
    monkeypatch.setattr(commands, "_start", _keep_in_a_thread)
    yield tmp_path
    assert not [row.pk for row in CommandRun.objects.all() if row.open], "a command outlives its test"


def _keep_in_a_thread(row: int) -> None:
    """Look after a command here: a process of its own costs seconds, and has a test of its own."""

    def keep() -> None:
        try:
            KEEPERS.append(Keeper(CommandRun.objects.select_related("step__run").get(pk=row)))
            KEEPERS[-1].keep()
        finally:
            connections.close_all()

    threading.Thread(target=keep, daemon=True).start()


def known(helm: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.KBCONSOLE_HELM = str(helm)
    monkeypatch.setenv("KBCONSOLE_HELM", str(helm))
    monkeypatch.setenv("DATABASE_URL", database_url())


def lines(run: Run) -> list[str]:
    return [str(Sentence.from_json(event.sentence)) for event in run.events.all()]


def started(run: Run, folder: Path) -> int:
    """Carry the run on until its tool runs; return the pid."""
    until = monotonic() + 60
    while not (folder / "pids").exists() or CommandRun.objects.get(attempt=run.attempt).started_at is None:
        drive(run, seconds=0.1)
        assert monotonic() < until, lines(run)
    return int((folder / "pids").read_text().split()[-1])


@pytest.mark.parametrize("backend", ["embedded"])
def test_a_command_outlives_the_slice_and_its_lines_are_events(planes: Fleet, tool: Path, adam: User) -> None:
    job = RunTool(["upgrade", "note"], {"text": TEXT}, verify="toy-ran")
    run = drive(services.start(job, by=adam))
    assert run.status == "succeeded", lines(run)
    assert f"text: {TEXT}\n" in (tool / "values").read_text()
    assert "Pulled for k8s-1" in lines(run)
    assert "Authorization: Bearer [redacted]" in lines(run)
    assert CommandRun.objects.get().exit_code == 0
    audited = Entry.objects.filter(run_id=run.pk, act__startswith="run.change").values_list("act", "outcome")
    assert list(audited.order_by("id")) == [
        ("run.change_intended", "intent"),
        ("run.change_ended", "success"),
    ]


@pytest.mark.parametrize("backend", ["embedded"])
def test_its_json_is_judged_and_a_mark_left_by_an_interrupted_one_is_named(
    planes: Fleet, tool: Path, adam: User
) -> None:
    run = drive(services.start(RunTool(["list", "-o", "json"]), by=adam))
    assert run.status == "succeeded", lines(run)
    assert run.steps.get().facts == "note"
    assert not [line for line in lines(run) if "note" in line and "name" in line]
    run = drive(services.start(RunTool(["uninstall", "note"]), by=adam))
    assert run.status == "failed"
    assert "helm --kube-context k8s-1" not in lines(run)[-1]
    assert "helm rollback" in str(Sentence.from_json((run.steps.get().finding or {})["fix"]))


@pytest.mark.parametrize("backend", ["embedded"])
def test_cancelling_the_run_ends_the_command(planes: Fleet, tool: Path, adam: User) -> None:
    run = services.start(RunTool(["wait"]), by=adam)
    pid = started(run, tool)
    services.cancel(run.pk, by=adam)
    assert drive(run).status == "cancelled"
    _wait_until_ended()
    assert CommandRun.objects.get().why == "cancelled"
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("backend", ["embedded"])
def test_one_that_takes_too_long_or_is_stopped_with_the_console_fails_its_step(
    planes: Fleet, tool: Path, adam: User
) -> None:
    run = drive(services.start(RunTool(["wait"], seconds=1), by=adam))
    assert (run.steps.get().finding or {})["sentence"]["code"] == "fleet.command_timeout"
    run = services.start(RunTool(["wait"]), by=adam)
    while not run.steps.get().commands.filter(status="running").exists():
        drive(run, seconds=0.1)
    KEEPERS[-1].stopped = True  # as SIGTERM does
    assert (drive(run).steps.get().finding or {})["sentence"]["code"] == "fleet.command_stopped"


@pytest.mark.parametrize("backend", ["embedded"])
def test_a_step_that_is_taken_up_again_finds_its_command_and_one_that_is_lost_can_be_retried(
    planes: Fleet, tool: Path, adam: User, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(commands, "_start", START)
    run = services.start(RunTool(["wait"], verify="toy-ran"), by=adam)
    pid = started(run, tool)
    RunStep.objects.update(status="pending", outcome=None, next_at=None)  # as if its worker had died
    drive(run, seconds=1)
    assert len((tool / "pids").read_text().split()) == 1
    os.kill(int(Path(f"/proc/{pid}/stat").read_text().split()[3]), signal.SIGKILL)  # who looks after it
    monkeypatch.setattr(command_models, "SILENT", timedelta(seconds=0.5))
    settings.KBCONSOLE_LEASE_SECONDS = 0.5
    run = drive(run)
    assert run.status == "failed"
    assert any("was lost" in line for line in lines(run))
    monkeypatch.setattr(command_models, "SILENT", timedelta(seconds=30))
    settings.KBCONSOLE_LEASE_SECONDS = 30
    (tool / "helm").write_text("#!/bin/sh\nexit 0\n")
    assert drive(services.retry(run.pk, by=adam)).status == "succeeded"


@pytest.mark.parametrize("backend", ["embedded"])
def test_without_the_tool_a_person_runs_it_and_verify_lets_the_run_go_on(
    planes: Fleet, adam: User, settings: Settings
) -> None:
    settings.KBCONSOLE_HELM = ""
    run = drive(services.start(RunTool(["upgrade", "note", "./chart"], {"text": TEXT}), by=adam))
    assert run.steps.get().status == "needs_person"
    page = signed_in(adam).get(f"/runs/{run.pk}/").content.decode()
    assert "helm --kube-context k8s-1 upgrade note ./chart --values - &lt;&lt;&#x27;EOF&#x27;" in page
    assert "Verify" in page
    assert drive(services.check_again(run.pk, 0, by=adam).run).steps.get().status == "needs_person"
    with_note(planes)
    run = drive(services.check_again(run.pk, 0, by=adam).run)
    assert run.status == "succeeded", lines(run)
    assert not CommandRun.objects.exists()


@pytest.mark.parametrize("backend", ["embedded"])
def test_with_least_rights_a_person_runs_it_or_an_installer_credential_does(
    fleet: Fleet, tool: Path, adam: User
) -> None:
    register_fleet(fleet, adam)
    run = drive(services.start(RunTool(["upgrade", "note"], verify="toy-ran"), by=adam))
    assert why(run) == ("needs_person", "fleet.command_no_rights")
    assert not CommandRun.objects.exists()
    secret = give_installer(fleet, adam)
    run = drive(services.check_again(run.pk, 0, by=adam).run)
    assert run.status == "succeeded", lines(run)
    assert run.steps.get().outcome, "an undo would leave it"
    assert any(
        "With the installer credential of k8s-1, given by adam, used until" in line for line in lines(run)
    )
    assert Entry.objects.filter(act="installer.used", run_id=run.pk, plane="k8s-1").count() == 1
    got = yaml.safe_load((tool / "config").read_text())
    cluster = got["clusters"][0]["cluster"]
    assert got["users"][0]["user"]["token"] == secret.token
    assert cluster["server"] == secret.server.replace("localhost", "127.0.0.1"), "a name may lead elsewhere"
    assert cluster["tls-server-name"] == "localhost"
    assert not [line for line in lines(run) if secret.token in line]
    mesh = RunCommand("k8s-1", "cilium", ("install",))  # which writes the server down
    row = CommandRun(step=run.steps.get(), attempt=9, command=mesh.canonical())
    assert f"server: {secret.server}\n" in Keeper(row)._command().kubeconfig
    run = services.start(RunTool(["wait"]), by=adam)
    while len((tool / "pids").read_text().split()) < 2:
        drive(run, seconds=0.1)
    installing.remove(plane=Plane.objects.get(name="k8s-1"), by=adam)
    assert why(drive(run)) == ("failed", "fleet.command_taken")
    give_installer(fleet, adam)
    Credential.objects.filter(purpose="installer").update(use_until=timezone.now())
    run = drive(services.start(RunTool(["upgrade", "note"]), by=adam))
    assert why(run) == ("needs_person", "fleet.command_no_rights")


@pytest.mark.parametrize("arg", ["—context", "--kubeconfig=x", "--set=a=b,c", "a\nb"])
def test_what_would_go_elsewhere_is_never_made_a_command(arg: str) -> None:
    with pytest.raises(ValueError, match="helm"):
        RunCommand("k8s-1", "helm", ("upgrade", arg))


@pytest.mark.parametrize("backend", [pytest.param("real", marks=pytest.mark.real)])
@pytest.mark.skipif(not binaries.has("helm"), reason="needs the real helm in KUBEBUILDER_ASSETS")
def test_the_real_helm(fleet: Fleet, adam: User, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    register_fleet(fleet, adam)
    give_installer(fleet, adam)
    known(binaries.binary("helm"), settings, monkeypatch)
    args = [
        "upgrade",
        "--install",
        "note",
        str(CHART),
        "--namespace",
        "default",
        "--wait",
        "--timeout",
        "60s",
    ]
    run = drive(services.start(RunTool(args, {"text": TEXT}), by=adam))
    assert run.status == "succeeded", lines(run)
    assert run.steps.get().facts == TEXT
    assert any("With the installer credential of k8s-1" in line for line in lines(run))
    run = services.start(RunTool(args, {"text": "never", "waits": True}, seconds=300), by=adam)
    until = monotonic() + 60
    while not any(row.started_at for row in CommandRun.objects.filter(step__run=run)) and monotonic() < until:
        drive(run, seconds=0.2)
    sleep(3)  # it waits for a pod that no node takes
    services.cancel(run.pk, by=adam)
    assert drive(run).status == "cancelled"
    _wait_until_ended()
    again = drive(services.start(RunTool(args, {"text": "again"}), by=adam))
    assert again.status == "succeeded", lines(again)


def why(run: Run) -> tuple[str, str]:
    """Return the state of the run's step and the code of what it says."""
    step = run.steps.get()
    return step.status, (step.finding or {})["sentence"]["code"]


def give_installer(fleet: Fleet, by: User) -> PlaneCredential:
    """Give k8s-1 an administrator's credential, at an address with a name."""
    secret = fleet.credential("k8s-1", "admin")
    secret = replace(secret, server=secret.server.replace("127.0.0.1", "localhost"))
    plane, until = Plane.objects.get(name="k8s-1"), timezone.now() + timedelta(hours=1)
    with transaction.atomic():
        replace_credential(plane, secret, by=by, owner=by, user="admin", use_until=until)
    return secret


def with_note(fleet: Fleet) -> None:
    client = fleet.client("k8s-1")
    client.create(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "note", "namespace": "default"},
            "data": {"text": TEXT},
        }
    )
    client.close()


def _wait_until_ended() -> None:
    until = monotonic() + 30
    while any(row.open for row in CommandRun.objects.all()):
        assert monotonic() < until, "it still runs"
        sleep(0.1)
