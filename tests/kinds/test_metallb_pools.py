"""Pools of client addresses: what is written for the guide's example, and what a plane says of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import yaml
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from kbconsole.common.sentences import Sentence
from kbconsole.demo import metallb as stand_in
from kbconsole.fleet.changes import Remove
from kbconsole.fleet.commands import RunCommand
from kbconsole.fleet.models import Plane
from kbconsole.jobs import services as jobs
from kbconsole.jobs import undoing
from kbconsole.jobs.definition import Ended, Job, Outcome, Touch, Touched
from kbconsole.jobs.models import Plan, Run
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.commands import manifest_yaml
from kbconsole.k8s.kinds import CRD, EVENT, IP_ADDRESS_POOL, L2_ADVERTISEMENT, NAMESPACE, SERVICE, kind_of
from networking.kinds import metallb_objects as objects
from networking.kinds.keeping import keeper
from networking.kinds.metallb_changes import HasRoom, NothingLeft, Unused, install, users_of
from networking.kinds.metallb_jobs import RemovePool, SetUpPools
from networking.kinds.metallb_objects import PoolRoom
from networking.kinds.metallb_reading import rows
from networking.kinds.metallb_uninstall import UninstallMetalLb
from tests.driving import drive, ticks
from tests.fleets import binaries
from tests.fleets.protocol import Fleet
from tests.journeys.fleet import register
from tests.journeys.planes import addresses, looking
from tests.people import signed_in

GOLDEN = Path(__file__).parent / "metallb"
IP_ADDRESS_POOL_REF = {
    "apiVersion": IP_ADDRESS_POOL.api_version,
    "kind": IP_ADDRESS_POOL.kind,
    "namespace": "",
}
REAL = pytest.param("real", marks=pytest.mark.real)


def test_the_guides_example_corrected() -> None:
    made = [objects.namespace(), objects.pool("example", ["10.4.0.0/16"]), objects.advertisement("example")]
    assert "---\n".join(manifest_yaml(one) for one in made) == (GOLDEN / "example.yaml").read_text()
    assert install("k8s-1").commands() == [(GOLDEN / "install.sh").read_text().rstrip("\n")]


def test_installing_by_the_console_is_undone_by_helm_once_nothing_is_left() -> None:
    helm = install("k8s-1")
    back = helm.inverse(Outcome((Touched(Touch.UPDATED, helm.ref),)))
    assert isinstance(back, RunCommand) and back.args[:2] == ("uninstall", "metallb")
    assert "--ignore-not-found" in back.args, "a retry after it did its work is no failure"
    assert back.as_step(on="k8s-1", phase="install").check is not None
    pool = Remove("k8s-1", IP_ADDRESS_POOL.api_version, "IPAddressPool", "kb", objects.HOME, "uid")
    job = SetUpPools("kb", {"k8s-1": [], "k8s-2": [], "k8s-3": []})
    looks = job.undo_looks([pool, back, replace(pool, plane="k8s-2")])
    assert [step.check for step in looks] == [NothingLeft("k8s-1", "kb"), Unused("k8s-2", "kb")]


def test_ranges_are_written_as_metallb_takes_them() -> None:
    assert objects.addresses(["10.4.0.9", "10.4.1.7/24", "10.4.2.1-10.4.2.5", "fd00::/120"]) == [
        "10.4.0.9/32", "10.4.1.0/24", "10.4.2.1-10.4.2.5", "fd00::/120",
    ]  # fmt: skip


def workload(name: str, **status: int) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": status}


@pytest.mark.parametrize("prefix", ["metallb-", ""], ids=["chart", "plain manifests"])
def test_controller_and_speakers_are_ready_whatever_installed_them(prefix: str) -> None:
    up, down = workload(f"{prefix}controller", availableReplicas=1), workload(f"{prefix}controller")
    everywhere = workload(f"{prefix}speaker", desiredNumberScheduled=3, numberReady=3)
    some = workload(f"{prefix}speaker", desiredNumberScheduled=3, numberReady=2)
    assert objects.unready([up], [everywhere]) == ()
    assert objects.unready([down], [some]) == ("controller", "speaker")
    assert objects.unready([], [workload("metallb-speaker")]) == ("controller", "speaker")


def test_what_is_used_is_told_by_the_pool_or_counted() -> None:
    old = {"metadata": {"name": "a"}, "spec": {"addresses": ["10.4.0.0/30"]}}
    new = {
        **old,
        "metadata": {"name": "b"},
        "status": {"assignedIPv4": 3, "availableIPv4": 1, "assignedIPv6": 0, "availableIPv6": 0},
    }
    services = [user("x", **{key: "a"}) for key in objects.TAKEN_FROM_ANY] + [user("y", other="a")]
    found = objects.pools_of([new, old], services, [objects.advertisement("a")])
    assert [(one.name, one.used, one.free, one.announced) for one in found] == [
        ("a", 2, 2, True), ("b", 3, 1, False),
    ]  # fmt: skip
    everything = {"metadata": {"name": "empty"}, "spec": {}}
    assert all(one.announced for one in objects.pools_of([new, old], [], [everything]))


def user(name: str, **annotations: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default", "annotations": annotations}}


@pytest.mark.parametrize("key", objects.TAKEN_FROM_ANY)
def test_who_uses_a_pool_is_known_also_of_an_older_metallb(key: str) -> None:
    class Services(PlaneClient):
        def __init__(self) -> None: ...

        def list(self, *_args: Any, **_kwargs: Any) -> list[Any]:
            return [user("x", **{key: "a"}), user("y", **{key: "b"}), user("z")]

    assert users_of(Services(), "a") == ["default/x"]
    assert users_of(Services()) == ["default/x", "default/y"]


@pytest.mark.django_db
def test_an_undo_takes_off_the_page_only_what_it_removed() -> None:
    pools = [PoolRoom(name, ("10.4.0.0/30",), 4, 0).to_json() for name in ("kb", "other")]
    ranges: dict[str, list[str]] = {f"k8s-{number}": [] for number in (1, 2, 3, 4)}
    for plane in ranges:
        Plane.objects.create(name=plane, uid=plane, server="https://127.0.0.1:1")
        if plane != "k8s-3":
            keeper().keep("pools", plane, {"installed": True, "pools": pools})
    ref = {**IP_ADDRESS_POOL_REF, "name": "kb"}
    gone = Outcome((Touched(Touch.REMOVED, ref),)).to_json()
    ended = Ended(
        1, "succeeded", "worker", facts=(("k8s-4", "install", {"installed": False}),),
        outcomes=tuple((plane, "pool", gone) for plane in ("k8s-1", "k8s-3", "k8s-4")),
    )  # fmt: skip
    SetUpPools("kb", ranges).on_undo_end(ended)
    assert [(row.plane, row.installed, row.room and row.room.name) for row in rows()] == [
        ("k8s-1", True, "other"), ("k8s-2", True, "kb"), ("k8s-2", True, "other"), ("k8s-3", False, None),
        ("k8s-4", False, None),
    ]  # fmt: skip


def test_a_configuration_that_is_not_taken_is_no_success() -> None:
    good = {"metadata": {"name": "speaker-1"}, "status": {"result": "Valid"}}
    bad = {
        "metadata": {"name": "controller"},
        "status": {"result": "Invalid", "errorSummary": "pools overlap"},
    }
    assert objects.refusals([good]) == ()
    assert objects.refusals([good, bad, bad]) == ("pools overlap",)


@pytest.fixture
def planes(fleet: Fleet, backend: str, adam: User) -> Iterator[Fleet]:
    """A registered fleet with MetalLB: the stand-in's definitions, or MetalLB's own where servers are real."""
    if backend == "real":
        if why := binaries.why_no_definitions("0.9"):
            pytest.skip(why)
        with looking(fleet) as found:
            for name in fleet.planes:
                put(found.clients[name])
    register(fleet, adam)
    yield fleet


def put(plane: PlaneClient) -> None:
    """Install by hand what the chart would: its own definitions where these are at hand."""
    own = {body["metadata"]["name"]: body for body in real_definitions()}
    for body in stand_in.installed(1):
        made = own.get(body["metadata"]["name"], body)
        plane.create({key: value for key, value in made.items() if key != "status"})
        if "status" in body:
            key = (kind_of(body), body["metadata"]["name"], body["metadata"]["namespace"])
            plane.patch(*key, {"status": body["status"]}, subresource="status")
    wait(lambda: plane.serves(IP_ADDRESS_POOL.api_version, IP_ADDRESS_POOL.plural))


def real_definitions() -> Iterator[dict[str, Any]]:
    for file in sorted(Path(os.environ.get(binaries.CRDS, "/nowhere"), "metallb-v0.16.1").glob("*.yaml")):
        yield yaml.safe_load(file.read_text())


def done(job: Job, by: User, *, until: int = 60) -> Run:
    """Have the plan made, go ahead with it, and carry it on as far as it goes."""
    plan = jobs.make_plan(job, by=by)
    drive(plan.runs.get(), seconds=until)
    plan.refresh_from_db()
    assert plan.status == "ready", said(plan)
    return drive(jobs.go_ahead(plan.pk, by=by, seen_hash=plan.hash, accepted=ticks(plan)), seconds=until)


def said(plan: Plan) -> str:
    return str(Sentence.from_json(plan.failure)) if plan.failure else plan.status


def troubles(run: Run) -> list[str]:
    return [str(Sentence.from_json(step.finding["sentence"])) for step in run.steps.all() if step.finding]


def service(name: str, pool: str = "kb-clients") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "annotations": {"metallb.io/address-pool": pool}}
    spec = {"type": "LoadBalancer", "ports": [{"name": "client", "port": 2379}], "selector": {"a": "b"}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def wait(what: Callable[[], Any]) -> Any:
    """Return the first true answer."""
    until = monotonic() + 60
    while not (found := what()):
        assert monotonic() < until, "it did not happen"
        sleep(0.05)
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("backend", ["embedded", REAL])
def test_a_pool_from_plan_to_address_to_none_left(planes: Fleet, adam: User) -> None:
    ranges = {"k8s-1": ["10.4.0.8/32"], "k8s-2": ["10.5.0.0/26"]}
    run = done(SetUpPools("kb-clients", ranges), adam)
    assert run.status == "succeeded", troubles(run)
    assert "k8s-1: pool kb-clients is in effect, 1 of 1 addresses are free." in troubles(run)
    with looking(planes) as found:
        pool = found.one("k8s-1", IP_ADDRESS_POOL, "kb-clients", objects.HOME)
        announced = found.one("k8s-1", L2_ADVERTISEMENT, "kb-clients", objects.HOME)
        assert pool["spec"]["addresses"] == ["10.4.0.8/32"]
        assert announced["spec"] == {"ipAddressPools": ["kb-clients"]}

        wait(lambda: found.one("k8s-1", IP_ADDRESS_POOL, "kb-clients", objects.HOME).get("status"))
        found.clients["k8s-1"].create(service("one"))
        given = wait(lambda: addresses(found.one("k8s-1", SERVICE, "one", "default")))
        assert given == ["10.4.0.8"]
        found.clients["k8s-1"].create(service("two"))
        events = wait(
            lambda: [one for one in found.clients["k8s-1"].list(EVENT, "default") if "two" in one["message"]]
        )
        assert "no available IPs" in events[0]["message"]
    room = HasRoom("k8s-1", "kb-clients", ["default/one", "default/three"])
    wait(lambda: room.look().verdict == "fail")
    assert "needs 1 VIP, only 0 of 1 are free" in str(room.look().sentence)
    assert HasRoom("k8s-1", "kb-clients", ["default/one"]).look().verdict == "pass"

    used = jobs.make_plan(RemovePool("kb-clients", ["k8s-1", "k8s-2"]), by=adam)
    drive(used.runs.get())
    used.refresh_from_db()
    assert "default/one" in said(used)
    whole = jobs.make_plan(UninstallMetalLb(["k8s-1"]), by=adam)
    drive(whole.runs.get())
    whole.refresh_from_db()
    assert "1 services have an address of MetalLB (default/one)" in said(whole)
    back = undoing.undo(run.pk, by=adam)
    drive(back.runs.get())
    back.refresh_from_db()
    assert "default/one" in said(back), "nor is it undone"
    with looking(planes) as found:
        found.clients["k8s-1"].delete(SERVICE, "one", "default")
        found.clients["k8s-1"].delete(SERVICE, "two", "default")
        wait(lambda: found.clients["k8s-1"].get(SERVICE, "one", "default") is None)
        back = undoing.undo(run.pk, by=adam)
        drive(back.runs.get(), seconds=60)
        back.refresh_from_db()
        assert back.status == "ready", said(back)
        run = drive(jobs.go_ahead(back.pk, by=adam, seen_hash=back.hash, accepted=ticks(back)), seconds=60)
        assert run.status == "succeeded", troubles(run)
        assert all(row.room is None and row.installed for row in rows() if row.plane in ranges), (
            "the page shows it at once"
        )
        assert found.clients["k8s-1"].list(IP_ADDRESS_POOL, objects.HOME) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("backend", ["embedded"])
def test_where_it_is_not_installed_a_person_may_do_it_and_the_run_goes_on(
    planes: Fleet, adam: User, settings: Settings
) -> None:
    settings.KBCONSOLE_HELM = ""
    with looking(planes) as found:
        for body in stand_in.definitions():
            found.clients["k8s-1"].delete(CRD, body["metadata"]["name"])
        plan = jobs.make_plan(SetUpPools("kb-clients", {"k8s-1": ["10.4.0.0/26"]}), by=adam)
        drive(plan.runs.get())
        plan.refresh_from_db()
        assert plan.status == "ready", said(plan)
        run = drive(jobs.go_ahead(plan.pk, by=adam, seen_hash=plan.hash, accepted=ticks(plan)))
        step = run.steps.get(phase="install")
        assert step.status == "needs_person", troubles(run)
        page = signed_in(adam).get(f"/runs/{run.pk}/").content.decode()
        assert "helm --kube-context k8s-1 upgrade --install metallb metallb --repo" in page
        for body in stand_in.definitions():
            found.clients["k8s-1"].create(body)
    run = drive(jobs.check_again(run.pk, step.position, by=adam).run)
    assert run.status == "succeeded", troubles(run)
    taken_off_again(planes, adam)


def taken_off_again(planes: Fleet, adam: User) -> None:
    """MetalLB goes, as it came, once its pools are gone."""
    held = jobs.make_plan(UninstallMetalLb(["k8s-1"]), by=adam)
    drive(held.runs.get())
    held.refresh_from_db()
    assert held.status == "failed" and "still has the pools kb-clients" in said(held)
    assert done(RemovePool("kb-clients", ["k8s-1"]), adam).status == "succeeded"
    browser = signed_in(adam)
    assert "MetalLB is there, without a pool" in browser.get("/networks/parts/pools/").content.decode()
    sent = browser.post("/networks/acts/pools-uninstall/", {"planes": "k8s-1"})
    plan = Plan.objects.latest("pk")
    assert sent["Location"] == f"/plans/{plan.pk}/"
    drive(plan.runs.get())
    plan.refresh_from_db()
    run = drive(jobs.go_ahead(plan.pk, by=adam, seen_hash=plan.hash, accepted=ticks(plan)))
    step = run.steps.get(phase="uninstall")
    assert step.status == "needs_person", troubles(run)
    assert (
        "helm --kube-context k8s-1 uninstall metallb --namespace metallb-system"
        in browser.get(f"/runs/{run.pk}/").content.decode()
    )
    with looking(planes) as found:
        for body in stand_in.definitions():
            found.clients["k8s-1"].delete(CRD, body["metadata"]["name"])
    run = drive(jobs.check_again(run.pk, step.position, by=adam).run)
    assert run.status == "succeeded", troubles(run)
    assert "MetalLB is not installed" in browser.get("/networks/parts/pools/").content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("backend", ["embedded"])
def test_ranges_that_others_use_are_refused_before_anything_is_touched(planes: Fleet, adam: User) -> None:
    plan = jobs.make_plan(SetUpPools("kb", {"k8s-1": ["10.4.0.0/26"], "k8s-2": ["10.4.0.32/27"]}), by=adam)
    drive(plan.runs.get())
    plan.refresh_from_db()
    assert plan.status == "failed"
    assert "10.4.0.32/27" in said(plan)
    with looking(planes) as found:
        assert found.clients["k8s-1"].list(IP_ADDRESS_POOL, objects.HOME) == []
        assert found.clients["k8s-1"].get(NAMESPACE, objects.HOME) is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("backend", ["embedded"])
def test_the_page_asks_and_shows_what_is_used(planes: Fleet, adam: User, dana: User) -> None:
    browser: Client = signed_in(adam)
    form = browser.get("/networks/acts/pools-set-up/").content.decode()
    assert "k8s-1:" in form
    wrong = browser.post("/networks/acts/pools-set-up/", {"pool": "kb", "ranges": "k8s-9: 10.4.0.0/26"})
    assert "k8s-9" in wrong.content.decode()
    asked = browser.post("/networks/acts/pools-set-up/", {"pool": "kb", "ranges": "k8s-1: 10.4.0.0/26"})
    plan = Plan.objects.get()
    assert asked["Location"].endswith(f"/plans/{plan.pk}/")
    drive(plan.runs.get())
    plan.refresh_from_db()
    run = drive(jobs.go_ahead(plan.pk, by=adam, seen_hash=plan.hash, accepted=ticks(plan)))
    assert run.status == "succeeded", troubles(run)
    page = signed_in(dana).get("/networks/").content.decode()
    assert "0 used, 64 free" in page
    part = browser.get("/networks/parts/pools/").content.decode()
    for link in (
        "pools-set-up",
        "pools-remove",
        "pools-uninstall",
    ):  # by it a live part keeps the focus where it was
        assert f'id="{link}"' in part
    assert signed_in(dana).get("/networks/acts/pools-set-up/").status_code == 403
