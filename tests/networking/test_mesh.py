"""A mesh over embedded planes: what is read, shown, and done, with stand-ins for `cilium` and `kubectl exec`.

The stand-ins (kbconsole/demo/cilium.py, kubectl.py) take the argument lists of the real commands and print JSON of
their shape; no real Cilium has been run.
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django import Settings

from kbconsole.audit.models import Entry
from kbconsole.common.errors import Stale
from kbconsole.common.sentences import Sentence
from kbconsole.demo import cilium, kubectl, mesh
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import command_keeper, commands, vault
from kbconsole.fleet.command_keeper import Keeper
from kbconsole.fleet.command_models import CommandRun
from kbconsole.fleet.models import Credential, Plane
from kbconsole.jobs import services
from kbconsole.jobs.cautions import cautions_of
from kbconsole.jobs.models import Plan, Run, RunEvent
from kbconsole.jobs.undoing import undo
from kbconsole.k8s import processes
from kbconsole.k8s.kinds import CONFIG_MAP, DEPLOYMENT, SECRET
from kbconsole.k8s.processes import Command, Exit
from networking import reading
from networking.addresses.services import facts_of
from networking.kinds.cilium import jobs
from networking.kinds.cilium.facts import MeshFacts
from networking.kinds.cilium.known import known_facts
from networking.kinds.cilium.section import MeshSection
from networking.models import PlaneHold, PlaneReading
from tests.driving import drive, ticks
from tests.fleet.conftest import embedded, fleet
from tests.journeys.fleet import trouble
from tests.people import signed_in
from tests.placements import world

SYSTEM = "kube-system"
pytestmark = pytest.mark.django_db(transaction=True)
ALL = ["k8s-1", "k8s-2", "k8s-3"]
__all__ = ["embedded", "fleet"]
Prepare = Callable[..., None]
SECOND_NODE = {
    "apiVersion": "cilium.io/v2", "kind": "CiliumNode", "metadata": {"name": "k8s-2-second"},
    "spec": {"ipam": {"podCIDRs": ["10.2.77.0/24"]}, "addresses": [{"type": "InternalIP", "ip": "172.20.2.77"}]},
}  # fmt: skip


def use(servers: EmbeddedFleet, user: str) -> None:
    """Let the console reach the planes as this user."""
    for row in Credential.objects.filter(plane__name__in=ALL).select_related("plane"):
        row.ciphertext = vault.encrypt(row.owner, servers.credential(row.plane.name, user).to_json())
        row.save()


@pytest.fixture
def planes(embedded: EmbeddedFleet, fleet: dict[str, Plane], adam: User) -> EmbeddedFleet:
    """Registered planes whose credentials may administer them."""
    use(embedded, "admin")
    return embedded


@pytest.fixture
def prepared(planes: EmbeddedFleet) -> Prepare:
    """Return what puts Cilium on all planes with its mesh API, not connected; with one authority or each its own.

    k8s-2 has a second node, so that what is counted there is not mistaken for the one pod of KVStoreMesh.
    """

    def prepare(*, shared: bool = True) -> None:
        authority = mesh.make_authority()
        for number, name in enumerate(ALL, start=1):
            with contextlib.closing(planes.client(name, manager="helm")) as client:
                own = authority if shared else mesh.make_authority()
                mesh.install(client, name=name, number=number, pods=f"10.{number}.0.0/16", authority=own)
                if name == "k8s-2":
                    client.apply(SECOND_NODE)
                mesh.enable(client, service_type="NodePort")

    return prepare


@pytest.fixture
def tool(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The stand-ins as the console's tools, in this process; returns the argument lists that they were given."""
    given: list[tuple[str, ...]] = []
    settings.KBCONSOLE_CILIUM, settings.KBCONSOLE_KUBECTL = "cilium", "kubectl"
    tools = {"cilium": cilium.main, "kubectl": kubectl.main}
    lock = threading.Lock()  # the environment and the streams are of the whole process

    def run(command: Command, *, on_lines: Any, stop: Any) -> Exit:
        given.append(command.args)
        out, err = io.StringIO(), io.StringIO()
        with (
            lock,
            monkeypatch.context() as here,
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            file = tmp_path / "kubeconfig"
            file.write_text(command.kubeconfig)
            here.setenv("KUBECONFIG", str(file))
            try:
                code = tools[command.binary](command.args)
            except SystemExit as ended:
                err.write(f"{ended}\n")
                code = 1
        for stream, text in (("stdout", out), ("stderr", err)):
            on_lines([(stream, line) for line in text.getvalue().splitlines()])
        return Exit(code, "", out.getvalue(), len(out.getvalue()) > processes.KEPT)

    def keep(row: int) -> None:
        Keeper(CommandRun.objects.select_related("step__run").get(pk=row)).keep()

    monkeypatch.setattr(command_keeper, "run", run)
    monkeypatch.setattr(commands, "_start", keep)  # it has ended when the step's check looks
    return given


def planned(job: jobs.MeshJob, by: User) -> Plan:
    plan = services.make_plan(job, by=by)
    drive(plan.runs.get())
    plan.refresh_from_db()
    return plan


def approved(job: jobs.MeshJob, by: User, other: User, before: Callable[[], None] = lambda: None) -> Run:
    """Have the plan made and approved, and its run carried on to its end."""
    return carried_out(services.make_plan(job, by=by), other, before)


def carried_out(plan: Plan, other: User, before: Callable[[], None] = lambda: None) -> Run:
    drive(plan.runs.get())
    plan.refresh_from_db()
    assert plan.status == "ready", plan.failure
    services.decide(plan.pk, by=other, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    before()
    return drive(plan.runs.exclude(job="make-plan").get())


def said(run: Run, phase: str) -> list[str]:
    steps = run.steps.filter(phase=phase)
    return [str(Sentence.from_json(step.finding["sentence"])) for step in steps if step.finding]


def pairs(planes: EmbeddedFleet) -> set[tuple[str, str]]:
    """Return the ways that the planes' Secrets really have."""
    found = set()
    for name in ALL:
        with contextlib.closing(planes.client(name)) as client:
            found |= {(name, other) for other in mesh.remotes_of(client)}
    return found


def rules_shown(user: User) -> set[str]:
    shown = MeshSection().context(user)
    assert shown is not None
    return {one.rule for one in shown["problems"]}


EVERY = {(one, other) for one in ALL for other in ALL if one != other}


def test_planes_are_connected_by_one_call_and_shown_and_taken_apart(
    planes: EmbeddedFleet, prepared: Prepare, tool: list[tuple[str, ...]], adam: User, ada: User
) -> None:
    prepared()
    run = approved(jobs.ConnectMesh(ALL, {}), adam, ada)
    assert run.status == "succeeded", said(run, "mesh-pairs")
    assert pairs(planes) == EVERY
    assert [args for args in tool if "connect" in args] == [
        ("--context", "k8s-1", "clustermesh", "connect", "--destination-context", "k8s-2,k8s-3",
         "--connection-mode", "mesh", "--parallel", "2"),
    ]  # fmt: skip
    assert not PlaneHold.objects.exists()
    assert {one.mesh_name: one.mesh_id for one in facts_of(ALL).values()} == {
        "k8s-1": 1,
        "k8s-2": 2,
        "k8s-3": 3,
    }
    shown = MeshSection().context(adam)
    assert shown is not None and (shown["well"], shown["red"], shown["ways"]) == (6, 0, 6)
    page = signed_in(adam).get("/networks/parts/mesh/").content.decode()
    assert (page.count("Connected: 1 of 1 agents"), page.count("Connected: 2 of 2 agents")) == (4, 2)
    later = planned(jobs.ConnectMesh(ALL, {}), adam)  # what stood before a run is not for its undo to cut
    why = later.definition().undone_by(1)
    assert "connected already" in str(why) and "k8s-1 and k8s-2, k8s-1 and k8s-3, k8s-2 and k8s-3" in str(why)
    PlaneReading.objects.filter(what="mesh-status").update(read_at=timezone.now() - timedelta(hours=2))
    old = MeshSection().context(adam)
    assert old is not None and old["well"] == 0
    assert {str(c.sentence) for row in old["rows"] for c in row.cells if c.sentence} == {
        "Configured, connectivity unknown"
    }
    with (
        contextlib.closing(planes.client("k8s-1")) as first,
        contextlib.closing(planes.client("k8s-2")) as second,
        contextlib.closing(planes.client("k8s-3")) as third,
    ):
        known = {"k8s-3": mesh.ranges_of(third)}
        mesh.point(first, {"k8s-3": "https://127.0.0.1:1"})
        mesh.point(second, {"k8s-3": "https://127.0.0.1:1"}, known)  # lost after its agents had learned all
    signed_in(adam).post("/networks/acts/mesh-look/", {"planes": ALL})
    look = drive(Run.objects.get(job="mesh-look"))
    assert look.status == "failed"
    assert not [one for step in look.steps.all() for one in step.outcome or []]  # it changed nothing
    assert "k8s-1: to k8s-3 0 of 1 agents are connected" in said(look, "mesh-status")[0]
    assert "k8s-2: to k8s-3 0 of 1 pods of KVStoreMesh are connected." in said(look, "mesh-status")[1]
    for phase in ("mesh-agent", "mesh-behind"):
        assert "to k8s-3 there is no connection, and where it ends is not told" in said(look, phase)[0]
    assert (
        "to k8s-3 TCP fails (Cannot establish TCP connection to 127.0.0.1:1" in said(look, "mesh-stages")[0]
    )
    assert "to k8s-3 there is no connection" in said(look, "mesh-behind")[1]
    assert "to k8s-3 TCP fails" in said(look, "mesh-stages")[1]
    for phase in ("mesh-behind", "mesh-stages"):  # where all is well nobody asks why
        assert said(look, phase)[2].startswith("Nothing is broken on the ways from k8s-3")
    assert said(look, "mesh-agent")[1:] == [
        "k8s-2: one agent was asked; it is connected to k8s-1, k8s-3, and all is synced.",
        "k8s-3: one agent was asked; it is connected to k8s-1, k8s-2, and all is synced.",
    ]
    tunnels = said(look, "mesh-tunnels")
    assert "k8s-1 has no way to pods of k8s-3 (10.3.1.0/24)" in tunnels[0] and "rollout restart" in tunnels[0]
    assert tunnels[1] == "k8s-2 has ways to all pods of k8s-1, k8s-3."
    shown = MeshSection().context(adam)
    assert shown is not None and (shown["well"], shown["red"]) == (4, 2)
    assert [cell.rung for cell in shown["broken"]] == ["tcp", "tcp"]
    assert str(shown["broken"][1].sentence) == (
        "TCP fails: 2 of 2 agents are connected; KVStoreMesh: 0 of 1 pods are connected"
    )
    (cut, _other) = [
        str(one.sentence) for one in shown["problems"] if one.rule == "R11" and one.tone == "warn"
    ]
    assert "k8s-1 gets no TCP connection to the mesh API of k8s-3 (" in cut and ":32382)" in cut
    assert {"R10", "R11"} <= {one.rule for one in shown["problems"] if one.tone == "quiet"}
    page = signed_in(adam).get("/networks/parts/mesh/").content.decode()
    assert "missing: k8s-3 (10.3.1.0/24)" in page and "to k8s-1, k8s-3" in page
    for name in ("k8s-1", "k8s-2"):
        with contextlib.closing(planes.client(name)) as client:
            mesh.point(client, {"k8s-3": planes.credential("k8s-3").server}, known)
    mended = timezone.now()
    again = drive(services.retry(look.pk, by=adam))
    assert again.status == "succeeded", trouble(again)
    shown = MeshSection().context(adam)
    assert shown is not None and (shown["well"], shown["red"]) == (6, 0)
    at = {row.facts.plane: row.look.agent_at for row in shown["rows"]}
    assert at["k8s-3"] < mended < at["k8s-1"]  # that of k8s-3 was not asked again
    apart = approved(jobs.DisconnectMesh(ALL), adam, ada)
    assert apart.status == "succeeded" and pairs(planes) == set()
    shown = MeshSection().context(adam)
    assert shown is not None and {c.state for row in shown["rows"] for c in row.cells} == {"self", "absent"}
    assert not [row.look.looked_at for row in shown["rows"] if row.look.looked_at]


def test_a_plane_lost_in_the_middle_leaves_pairs_that_the_run_names_and_a_retry_finishes(
    planes: EmbeddedFleet, prepared: Prepare, tool: list[tuple[str, ...]], adam: User, ada: User,
    monkeypatch: pytest.MonkeyPatch, settings: Settings,
) -> None:  # fmt: skip
    prepared()
    settings.KBCONSOLE_PLANE_SECONDS = 2
    point = mesh.point

    def lost(client: Any, remotes: Any, learned: Any) -> None:
        if client.plane == "k8s-3":
            planes.fault("k8s-3", "unreachable")
        point(client, remotes, learned)

    monkeypatch.setattr(mesh, "point", lost)
    run = approved(jobs.ConnectMesh(ALL, {}), adam, ada)
    assert run.status == "failed"
    told = said(run, "mesh-pairs")[0]
    assert "Connected: k8s-1 ↔ k8s-2." in told and "k8s-1 ↔ k8s-3, k8s-2 ↔ k8s-3" in told
    assert "k8s-3 gives no answer" in told and "Retry" in told
    monkeypatch.setattr(mesh, "point", point)
    planes.fault("k8s-3", None)
    assert pairs(planes) == EVERY - {("k8s-3", "k8s-1"), ("k8s-3", "k8s-2")}
    again = drive(services.retry(run.pk, by=adam))
    assert again.status == "succeeded" and pairs(planes) == EVERY
    undone = carried_out(undo(run.pk, by=adam, reason="not before the holidays"), ada)
    assert undone.status == "succeeded" and pairs(planes) == set()
    assert (undone.job, undone.plan and undone.plan.undoes_id) == ("mesh-disconnect", run.pk)


def test_authorities_that_differ_stop_the_plan_until_one_is_shared_and_its_key_is_seen_nowhere(
    planes: EmbeddedFleet, prepared: Prepare, tool: list[tuple[str, ...]], adam: User, ada: User,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    prepared(shared=False)
    refused = planned(jobs.ConnectMesh(ALL, {}), adam)
    assert refused.status == "failed" and "authorities differ" in str(
        Sentence.from_json(refused.failure or {})
    )
    run = approved(jobs.ShareMeshAuthority(ALL), adam, ada)
    assert run.status == "succeeded", said(run, "mesh-authority")
    with (
        contextlib.closing(planes.client("k8s-1")) as one,
        contextlib.closing(planes.client("k8s-2")) as other,
    ):
        first, second = (
            one.get(SECRET, "cilium-ca", "kube-system"),
            other.get(SECRET, "cilium-ca", "kube-system"),
        )
    assert first is not None and second is not None and first["data"] == second["data"]
    kept = {**second["metadata"]["labels"], **second["metadata"]["annotations"]}
    assert kept["app.kubernetes.io/managed-by"] == "Helm" and kept["meta.helm.sh/release-name"] == "cilium"
    key = first["data"]["ca.key"]
    everywhere = [plan.content for plan in Plan.objects.all()]
    everywhere += [str(diff.diff) for plan in Plan.objects.all() for diff in plan.diffs.all()]
    everywhere += [str(event.sentence) for event in RunEvent.objects.all()]
    everywhere += [str(entry.params) for entry in Entry.objects.all()] + [caplog.text]
    assert not [text for text in everywhere if key in text or key[:60] in text]
    assert planned(jobs.ConnectMesh(ALL, {}), adam).status == "ready"
    with contextlib.closing(planes.client("k8s-2")) as client:
        apart = {"data": {"clustermesh-default-global-namespace": "false"}}
        client.patch(CONFIG_MAP, "cilium-config", SYSTEM, apart)
    world.in_service(adam, world.mesh(adam), namespace="shop")
    unshared = planned(jobs.ConnectMesh(ALL, {}), adam)
    why = str(Sentence.from_json(unshared.failure or {}))
    assert "k8s-2 shares only namespaces that are marked" in why and "shop is not marked" in why


def test_one_change_at_a_time_and_its_holder_is_named_until_it_is_cancelled(
    planes: EmbeddedFleet, prepared: Prepare, adam: User, ada: User
) -> None:
    prepared()
    plan = planned(jobs.EnableMesh(["k8s-1", "k8s-2"], "LoadBalancer"), adam)
    services.decide(plan.pk, by=ada, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    run = plan.runs.exclude(job="make-plan").get()
    other = planned(jobs.DisconnectMesh(ALL), adam)
    with pytest.raises(Stale) as held:
        services.decide(other.pk, by=ada, approve=True, seen_hash=other.hash, accepted=ticks(other))
    assert f"network of k8s-1 is being changed by run {run.pk} (Enable the mesh)" in str(held.value)
    assert f"run {run.pk}" in signed_in(adam).get("/networks/acts/mesh-connect/").content.decode()
    services.cancel(run.pk, by=adam)
    drive(run)
    assert not PlaneHold.objects.exists()
    services.decide(other.pk, by=ada, approve=True, seen_hash=other.hash, accepted=ticks(other))


def test_without_the_command_a_person_runs_it_and_verify_goes_on_by_the_api(
    planes: EmbeddedFleet, prepared: Prepare, adam: User, ada: User, settings: Settings
) -> None:
    settings.KBCONSOLE_CILIUM = ""
    prepared()
    run = approved(jobs.ConnectMesh(ALL, {}), adam, ada)
    step = run.steps.get(phase="mesh-connect")
    assert step.status == "needs_person"
    page = signed_in(adam).get(f"/runs/{run.pk}/").content.decode()
    assert "cilium --context k8s-1 clustermesh connect --destination-context k8s-2,k8s-3" in page
    clients = {name: planes.client(name) for name in ALL}
    for name, client in clients.items():
        mesh.point(client, {other: planes.credential(other).server for other in ALL if other != name})
        client.close()
    services.check_again(run.pk, step.position, by=adam)
    assert drive(run).status == "succeeded"
    assert all("connectivity unknown" in text for text in said(run, "mesh-status"))
    look = drive(services.start(jobs.LookAtMesh.of(ALL), by=adam))
    assert look.status == "succeeded"  # a look waits for nobody: it says what is unknown, and how to ask
    assert all("no agent was asked" in text for text in said(look, "mesh-agent") + said(look, "mesh-tunnels"))
    assert "kubectl --context k8s-1 exec -n kube-system ds/cilium" in said(look, "mesh-agent")[0]


def test_cilium_is_never_installed_beside_another_network(planes: EmbeddedFleet, adam: User) -> None:
    selector = {"matchLabels": {"k8s-app": "calico-node"}}
    template = {
        "metadata": {"labels": selector["matchLabels"]},
        "spec": {"containers": [{"name": "calico-node"}]},
    }
    with contextlib.closing(planes.client("k8s-2")) as client:
        client.create({
            "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "calico-node", "namespace": SYSTEM},
            "spec": {"selector": selector, "template": template},
        })  # fmt: skip
    members = {name: {"name": name, "id": i, "pods": f"10.{i}.0.0/16"} for i, name in enumerate(ALL, start=1)}
    plan = planned(jobs.InstallMesh(ALL, members, "1.18.2"), adam)
    assert plan.status == "failed" and "calico-node" in str(Sentence.from_json(plan.failure or {}))


def test_planes_are_installed_with_the_authority_of_the_first_and_enabled(
    planes: EmbeddedFleet, tool: list[tuple[str, ...]], adam: User, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = ALL[:2]
    members = {name: {"name": name, "id": i, "pods": f"10.{i}.0.0/16"} for i, name in enumerate(two, start=1)}
    run = approved(jobs.InstallMesh(two, members, "1.18.2"), adam, ada)
    assert run.status == "succeeded", trouble(run)
    facts = known_facts()
    assert [one.plane for one in facts] == two and len({one.authority for one in facts}) == 1
    clients = {name: planes.client(name, manager="helm") for name in two}
    mesh.enable(clients["k8s-1"], service_type="NodePort")
    enabled = approved(jobs.EnableMesh(two, "NodePort"), adam, ada)
    assert enabled.status == "succeeded", said(enabled, "mesh-enable")
    with pytest.raises(Stale, match="Cilium is the network of k8s-1, k8s-2 now"):
        undo(run.pk, by=adam)
    assert [one.enabled for one in known_facts()] == [True, True]
    undone = carried_out(undo(enabled.pk, by=adam), ada)
    assert undone.status == "succeeded" and undone.plan is not None, trouble(undone)
    lines = [line for step in undone.plan.steps() for line in step.commands() if "disable" in line]
    assert lines == ["cilium --context k8s-2 clustermesh disable"]
    assert "k8s-1 had its mesh API before the run" in str(
        [str(one.sentence) for one in cautions_of(undone.plan)]
    )
    there = [client.get(DEPLOYMENT, "clustermesh-apiserver", SYSTEM) for client in clients.values()]
    assert [one is not None for one in there] == [True, False]
    mesh.enable(clients["k8s-2"], service_type="NodePort")
    for client in clients.values():
        client.close()
    assert drive(services.start(jobs.LookAtMesh(two, {}), by=adam)).status == "failed"
    assert {"R10", "R11"} <= rules_shown(adam)
    third = {"ways": {"k8s-3": timezone.now().isoformat()}}
    PlaneReading.objects.create(plane=Plane.objects.get(name="k8s-2"), what="mesh-tested", facts=third)
    test = approved(jobs.TestMesh(two), adam, ada)
    assert test.status == "succeeded" and not {"R10", "R11"} & rules_shown(adam)
    tested = PlaneReading.objects.get(what="mesh-tested", plane__name="k8s-2")
    assert tested.facts is not None and {*tested.facts["ways"]} == {"k8s-1", "k8s-3"}
    tested.facts["ways"]["k8s-1"] = (timezone.now() - timedelta(days=2)).isoformat()
    tested.save()
    assert {"R10", "R11"} <= rules_shown(adam)
    tested.facts["ways"]["k8s-1"] = timezone.now().isoformat()
    tested.save()
    monkeypatch.setattr(cilium, "reach", lambda server: "dial tcp: i/o timeout")
    failed = approved(jobs.TestMesh(two), adam, ada)
    assert failed.status == "failed" and {"R10", "R11"} <= rules_shown(adam)
    shown = MeshSection().context(adam)
    assert shown is not None
    assert {str(c.sentence) for row in shown["rows"] for c in row.cells if c.sentence} >= {
        "Not connected yet"
    }
    monkeypatch.setattr(processes, "KEPT", 10)
    more = drive(services.start(jobs.LookAtMesh(two, {}), by=adam))
    assert more.status == "succeeded", trouble(more)  # what was cut off is unknown, and no failure
    assert all("more than the console keeps" in text for text in said(more, "mesh-status"))


def test_the_form_refuses_members_that_cannot_be_one_mesh_and_makes_a_plan_of_those_that_can(
    planes: EmbeddedFleet, adam: User
) -> None:
    browser, address = signed_in(adam), "/networks/acts/mesh-install/"
    for members, words in (
        ("k8s-1 1 10.1.0.0/16\nk8s-2 1 10.2.0.0/16", "k8s-1, k8s-2 all have cluster.id 1"),
        ("k8s-1 1 10.1.0.0/16\nk8s-2 2 10.1.128.0/17", "10.1.128.0/17"),
        ("k8s-1 200 10.1.0.0/16", "from 1 to 127"),
        ("k8s-9 1 10.1.0.0/16", "no plane called k8s-9"),
        ("k8s-1 10.1.0.0/16", "is no member"),
    ):
        answer = browser.post(address, {"version": "1.18.2", "members": members})
        assert answer.status_code == 400 and words in answer.content.decode(), members
    answer = browser.post(
        address, {"version": "1.18.2", "members": "k8s-1 1 10.1.0.0/16\nk8s-2 2 10.2.0.0/16"}
    )
    plan = Plan.objects.get()
    assert answer.status_code == 302 and plan.params["members"]["k8s-2"] == {
        "name": "k8s-2", "id": 2, "pods": "10.2.0.0/16",
    }  # fmt: skip
    assert plan.definition().approvals_needed() == 1
    runs = MeshFacts("k8s-1", found=True, name="east", id=9)
    PlaneReading.objects.create(plane=Plane.objects.get(name="k8s-1"), what="mesh", facts=runs.to_json())
    renamed = browser.post(address, {"version": "1.18.2", "members": "k8s-1 1 10.1.0.0/16"})
    assert renamed.status_code == 400
    assert "k8s-1 runs Cilium as east (id 9)" in renamed.content.decode()
    hostile = MeshFacts("k8s-1", found=True, name="--raw=/api; x", id=9, version="$(x)").to_json()
    PlaneReading.objects.filter(what="mesh").update(facts=hostile)
    refused = browser.post("/networks/acts/mesh-look/", {"planes": ["k8s-1"]})
    assert refused.status_code == 400 and "is not allowed" in refused.content.decode()
    assert browser.get(address).status_code == 200


def test_what_the_console_may_not_read_is_unknown_and_the_page_shows_what_grants_it(
    planes: EmbeddedFleet, prepared: Prepare, adam: User
) -> None:
    prepared()
    use(planes, "kbconsole")
    reading.read_due()
    facts = known_facts()[0]
    assert facts.remotes is None and facts.authority is None
    assert {"secrets/cilium-ca", "secrets/cilium-clustermesh"} <= set(facts.denied)
    page = signed_in(adam).get("/networks/parts/mesh/").content.decode()
    assert "Unknown: not read yet" in page and "kubectl --context k8s-1 apply -f -" in page
    assert "R14" in page and "may not read Secret" in page
