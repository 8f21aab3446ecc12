"""Asking for a database in the browser: what the form takes, what it refuses in place, what the summary says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from kbconsole.audit.models import Entry
from kbconsole.fleet.models import Plane
from kbconsole.jobs.models import Plan, Run
from networking.models import Profile
from placements import services
from placements.models import Placement, Status
from placements.services import place_job
from placements.wishes import Wish
from tests.people import signed_in
from tests.placements import world

NEW = "/placements/new/"
PREVIEW = "/placements/preview/"


@pytest.fixture
def profile(dana: User) -> Profile:
    world.fleet()
    return world.mesh(dana)


@pytest.fixture
def browser(dana: User) -> Client:
    return signed_in(dana)


def text(response: Any) -> str:
    """Return the page without tags, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def error_at(response: Any, field: str) -> str:
    """Return what stands under a field in red."""
    found = re.search(rf'id="id_{field}_error">(.*?)</ul>', response.content.decode(), re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split()) if found else ""


def order(response: Any) -> list[str]:
    """Return the planes of the cards, from top to bottom."""
    return re.findall(r'name="listed" value="([^"]+)"', response.content.decode())


def landings(response: Any) -> list[str]:
    """Return the summary's planes, replica by replica."""
    return re.findall(r"</th><td>([^<]+)</td></tr>", response.content.decode())


def test_a_dba_asks_and_gets_a_placement_with_a_plan_being_made(browser: Client, profile: Profile) -> None:
    answer = browser.post(NEW, world.asked(profile))
    placement = Placement.objects.get()
    assert answer.headers["Location"] == f"/placements/{placement.pk}/"
    assert (placement.name, placement.planes, placement.cpu) == (
        "etcd-demo",
        ["k8s-1", "k8s-2", "k8s-3"],
        "1",
    )
    assert placement.status == Status.WAITING
    assert Plan.objects.get().status == "making"


def test_how_clients_find_who_takes_writes_is_asked_where_a_network_lets_them_in(
    browser: Client, profile: Profile, settings: Any
) -> None:
    assert "How clients find" not in text(browser.get(NEW))
    Profile.objects.update(outside="metallb", outside_config={"pool": "kb", "address_type": "private"})
    profile.refresh_from_db()
    form = world.asked(profile)
    assert "This console has no DNS server to write to" in text(browser.get(NEW))
    refused = browser.post(NEW, {**form, "write_way": "dns"})
    assert "no DNS server" in error_at(refused, "write_way") and not Placement.objects.exists()
    browser.post(NEW, form)
    settings.KBCONSOLE_DNS_ZONE, settings.KBCONSOLE_DNS_SERVER = "db.example.org", "127.0.0.1:5353"
    assert 'value="dns" checked' in browser.get(NEW).content.decode()
    assert "later.demo.db.example.org follows the leader" in text(
        browser.post(PREVIEW, {**form, "name": "later"})
    )
    browser.post(NEW, {**form, "name": "later"})
    browser.post(NEW, {**form, "name": "proxied", "write_way": "proxy"})
    assert "A proxy of yours, which gets all addresses" in text(
        browser.get(f"/placements/{Placement.objects.latest('pk').pk}/")
    )
    last = Placement.objects.latest("pk")
    assert browser.get(f"/api/v1/placements/{last.pk}/").json()["write_way"] == "proxy"
    Run.objects.update(status="succeeded")
    same = Wish("proxied", "demo", "etcd", 3, world.PLANES, profile.pk)
    assert services.change(last.pk, same, by=last.owner).write_way == "proxy", "what is left out stays"
    found = {row.name: (row.write_way, place_job(row).zone) for row in Placement.objects.all()}
    assert found == {
        "etcd-demo": ("client", ""), "later": ("dns", "db.example.org."), "proxied": ("proxy", ""),
    }  # fmt: skip
    settings.KBCONSOLE_DNS_ZONE = ""
    edited = browser.get(f"/placements/{Placement.objects.get(name='later').pk}/edit/").content.decode()
    assert 'value="client" checked' in edited, "what cannot be any more is not chosen"
    Profile.objects.update(outside="")
    browser.post(NEW, {**form, "name": "inner", "write_way": "dns"})
    assert Placement.objects.get(name="inner").write_way == "", "where nobody is asked, nothing is refused"


@pytest.mark.parametrize(
    ("field", "change", "said"),
    [
        ("replicas", {"replicas": "0"}, "etcd can have 1 to 7 replicas, a whole number."),
        ("replicas", {"replicas": "-1"}, "etcd can have 1 to 7 replicas, a whole number."),
        ("replicas", {"replicas": str(10**9)}, "etcd can have 1 to 7 replicas, a whole number."),
        ("replicas", {"replicas": "9" * 5000}, "Enter a whole number."),
        ("replicas", {"replicas": "three"}, "Enter a whole number."),
        (
            "memory",
            {"size": "own", "cpu": "1", "memory": "1Gib"},
            "The unit is written Gi, not Gib or GiB: 2Gi.",
        ),
        ("cpu", {"size": "own", "cpu": "-1", "memory": "1Gi"}, "This is no Kubernetes quantity."),
        ("cpu", {"size": "own", "cpu": "∞", "memory": "1Gi"}, "This is no Kubernetes quantity."),
        ("cpu", {"size": "own", "cpu": "", "memory": ""}, "Give a figure."),
        ("size", {"size": "huge"}, "Select a valid choice. huge is not one of the available choices."),
        ("disk_gib", {"disk_gib": "1Gib"}, "The unit is written Gi, not Gib or GiB: 20Gi."),
        ("disk_gib", {"disk_gib": "-1"}, "Give the disk in whole GiB, such as 20 or 20Gi."),
        ("disk_gib", {"disk_gib": "∞"}, "Give the disk in whole GiB, such as 20 or 20Gi."),
        ("disk_gib", {"disk_gib": "99999999"}, "A volume can have from 1 to 65536 GiB."),
        ("planes", {"planes": []}, "Choose at least one plane."),
        ("planes", {"planes": ["k8s-1", "k8s-1"]}, "k8s-1 is in the list twice."),
        ("planes", {"planes": ["k8s-9"]}, "k8s-9 is not registered as a data plane."),
        ("planes", {"planes": ["k8s-1 ", "k8s-2"]}, "k8s-1 is not registered as a data plane."),
        ("planes", {"planes": ["k8s-0"]}, "k8s-0 is not registered as a data plane."),
        ("planes", {"planes": ["x" * 500]}, "Ensure this value has at most 128 characters"),
        ("name", {"name": ""}, "Give the database a name."),
        ("name", {"name": "Etcd_Demo"}, "A name has only small letters a to z, digits and “-”"),
        ("name", {"name": "e" * 60}, "This name has 60 characters. It may have at most"),
        (
            "namespace",
            {"namespace": "kube-system"},
            "Namespaces that begin with “kube-” belong to Kubernetes.",
        ),
        ("namespace", {"namespace": "Demo"}, "A namespace has only small letters"),
        ("profile", {"profile": "999"}, "Select a valid choice."),
        ("engine", {"engine": "oracle"}, "Select a valid choice."),
        ("termination_policy", {"termination_policy": "Halt"}, "Select a valid choice."),
        ("purpose", {"purpose": "x" * 5000}, "Ensure this value has at most 4000 characters"),
    ],
)
def test_what_cannot_be_is_said_at_the_field_and_nothing_is_stored(
    browser: Client, profile: Profile, field: str, change: dict[str, Any], said: str
) -> None:
    answer = browser.post(NEW, world.asked(profile, **change))
    assert answer.status_code == 422
    assert said in error_at(answer, field)
    assert not Placement.objects.exists() and not Run.objects.exists()
    assert not Entry.objects.filter(act="placement.requested").exists()


def test_nothing_typed_is_lost_when_a_field_is_refused(browser: Client, profile: Profile) -> None:
    sent = world.asked(
        profile, name="Bad_Name", purpose="Für die Läden", ticket="OPS-1", replicas="seven", disk_gib="1Gib",
        planes=["k8s-3", "k8s-1"], listed=["k8s-3", "k8s-2", "k8s-1"], namespace="shop",
    )  # fmt: skip
    answer = browser.post(NEW, sent)
    page = answer.content.decode()
    for typed in ("Bad_Name", "Für die Läden", "OPS-1", "seven", "1Gib", "shop"):
        assert typed in page
    assert order(answer) == ["k8s-3", "k8s-2", "k8s-1"]
    ticked = re.findall(r'name="planes" value="([^"]+)" checked', page)
    assert ticked == ["k8s-3", "k8s-1"]


def test_a_taken_name_says_whose_it_is(browser: Client, profile: Profile, adam: User) -> None:
    world.placed(adam, profile)
    answer = browser.post(NEW, world.asked(profile))
    assert "adam already has a database demo/etcd-demo (Waiting for approval)." in text(answer)
    assert Placement.objects.count() == 1


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("context", "the operator has no context of this name"),
        ("disabled", "it is disabled in the operator"),
        ("silent", "it gives no answer now"),
    ],
)
def test_a_plane_that_cannot_be_used_says_why_and_is_refused(
    browser: Client, profile: Profile, trouble: str, said: str
) -> None:
    control = Plane.objects.filter(is_control_plane=True)
    if trouble == "context":
        control.update(operator_contexts=["k8s-1", "k8s-2"])
    elif trouble == "disabled":
        control.update(operator_contexts_disabled=["k8s-3"])
    else:
        world.silence("k8s-3")
    page = browser.get(NEW)
    assert f"Cannot, because {said}" in text(page)
    assert 'value="k8s-3" disabled' in page.content.decode()
    assert 'value="k8s-1" checked' in page.content.decode()
    assert browser.post(NEW, world.asked(profile)).status_code == 422
    assert not Placement.objects.exists()


def test_without_planes_or_profiles_the_form_says_whom_to_ask(browser: Client) -> None:
    page = text(browser.get(NEW))
    assert "An administrator adds planes under Fleet." in page
    assert "Ask an administrator to make one under Network." in page


def test_arrows_change_the_order_without_javascript_and_judge_nothing(
    browser: Client, profile: Profile
) -> None:
    sent = world.asked(profile, name="Half Typed", listed=list(world.PLANES), down="k8s-1")
    answer = browser.post(NEW, sent)
    assert answer.status_code == 200
    assert order(answer) == ["k8s-2", "k8s-1", "k8s-3"]
    assert "Half Typed" in answer.content.decode() and "Nothing was saved" not in text(answer)
    assert landings(answer) == ["k8s-2", "k8s-1", "k8s-3"]
    assert not Placement.objects.exists()


@pytest.mark.parametrize("hostile", ["", "k8s-9", "k8s-1"])
def test_an_arrow_that_leads_nowhere_moves_nothing(browser: Client, profile: Profile, hostile: str) -> None:
    answer = browser.post(NEW, world.asked(profile, listed=list(world.PLANES), up=hostile))
    assert order(answer) == ["k8s-1", "k8s-2", "k8s-3"]


def test_the_order_of_the_planes_is_kept_as_asked(browser: Client, profile: Profile) -> None:
    browser.post(NEW, world.asked(profile, planes=["k8s-3", "k8s-1", "k8s-2"]))
    assert Placement.objects.get().planes == ["k8s-3", "k8s-1", "k8s-2"]


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_preview_follows_while_typing(browser: Client, profile: Profile, method: str) -> None:
    answer = getattr(browser, method)(PREVIEW, world.asked(profile))
    page = text(answer)
    assert "Any one plane may be lost: at least 2 of 3 replicas stay" in page
    assert landings(answer) == ["k8s-1", "k8s-2", "k8s-3"]
    assert "etcd-demo-etcd-peer-2" in page and "etcd-0.9.0" in page
    assert "One administrator who did not ask for this." in page
    assert "<html" not in answer.content.decode()
    assert not Placement.objects.exists()


def test_four_on_three_is_explained_as_worse_than_three(browser: Client, profile: Profile) -> None:
    page = text(browser.post(PREVIEW, world.asked(profile, replicas="4")))
    assert "4 replicas on 3 planes are worse than 3: take 3 or 5." in page
    assert "k8s-1 lost: 2 of 4 replicas stay, 3 are needed, the database stops." in page
    assert "k8s-2 lost: 3 of 4 replicas stay, the database goes on." in page


def test_the_preview_says_what_the_network_costs_and_demands(
    browser: Client, profile: Profile, dana: User
) -> None:
    cloud = world.cloud(dana)
    page = text(browser.post(PREVIEW, world.asked(cloud, disk_gib="10")))
    assert "3; each is paid for" in page
    assert "20 GiB. The smallest disk that Alibaba Cloud ACK makes is 20 GiB." in page
    free = text(browser.post(PREVIEW, world.asked(profile)))
    assert "Load balancers none" in free


@pytest.mark.parametrize("who", ["public", "wipe"])
def test_two_approvers_are_announced_before_anything_is_sent(
    browser: Client, profile: Profile, dana: User, who: str
) -> None:
    form = world.asked(profile, termination_policy="WipeOut")
    if who == "public":
        form = world.asked(world.cloud(dana, address_type="public"))
    assert "Two administrators who did not ask for this" in text(browser.post(PREVIEW, form))


@pytest.mark.parametrize(
    "change",
    [{"replicas": str(10**9)}, {"replicas": "∞"}, {"planes": ["k8s-1", "k8s-1"]}, {"profile": "x"}, {"name": "A" * 300},
     {"size": "own", "cpu": "1Gib"}, {"engine": ""}, {"disk_gib": "∞"}, {"planes": ["k8s-9"], "up": "k8s-9"}],
)  # fmt: skip
def test_the_preview_bears_whatever_is_typed(
    browser: Client, profile: Profile, change: dict[str, Any]
) -> None:
    answer = browser.post(PREVIEW, world.asked(profile, **change))
    assert answer.status_code == 200
    assert "What you would get" in text(answer)


def test_like_copies_a_placement_but_not_its_name(browser: Client, profile: Profile, adam: User) -> None:
    model = world.placed(adam, profile, "orders", planes=["k8s-2", "k8s-3"], replicas=5, ticket="OPS-9")
    page = browser.get(f"{NEW}?like={model.pk}").content.decode()
    assert re.findall(r'name="planes" value="([^"]+)" checked', page) == ["k8s-2", "k8s-3"]
    assert re.search(r'name="replicas" value="5"', page)
    assert "orders" not in page and "OPS-9" not in page
    for nonsense in ("x", "9" * 40, ""):
        assert browser.get(f"{NEW}?like={nonsense}").status_code == 200
    assert browser.get(f"{NEW}?like=999").status_code == 404


@pytest.mark.parametrize("path", [NEW, PREVIEW])
def test_only_dbas_and_administrators_ask(
    profile: Profile, dana: User, adam: User, vera: User, nobody: User, path: str
) -> None:
    answers = {user.username: signed_in(user).get(path).status_code for user in (dana, adam, vera, nobody)}
    assert answers == {"dana": 200, "adam": 200, "vera": 403, "nobody": 403}
    assert signed_in(vera).post(NEW, world.asked(profile)).status_code == 403
    assert not Placement.objects.exists()
    assert signed_in(adam).post(NEW, world.asked(profile)).status_code == 302


def test_a_request_that_waits_is_changed_and_planned_anew(
    browser: Client, profile: Profile, dana: User
) -> None:
    browser.post(NEW, world.asked(profile))
    placement = Placement.objects.get()
    Run.objects.update(status="succeeded")
    edit = f"/placements/{placement.pk}/edit/"
    assert 'value="etcd-demo"' in browser.get(edit).content.decode()
    assert browser.post(edit, world.asked(profile, replicas="5")).status_code == 302
    placement.refresh_from_db()
    assert placement.replicas == 5
    assert [plan.status for plan in placement.plans()] == ["making", "superseded"]


def test_only_the_owner_or_an_administrator_changes_a_request(
    profile: Profile, dana: User, adam: User, vera: User
) -> None:
    edit = f"/placements/{world.placed(dana, profile).pk}/edit/"
    assert signed_in(vera).get(edit).status_code == 403
    assert signed_in(vera).post(edit, world.asked(profile, replicas="5")).status_code == 403
    assert signed_in(adam).post(edit, world.asked(profile, replicas="5")).status_code == 302
    assert Placement.objects.get().replicas == 5


def test_what_runs_already_is_not_changed_by_the_form(browser: Client, profile: Profile, dana: User) -> None:
    placement = world.in_service(dana, profile)
    answer = browser.post(f"/placements/{placement.pk}/edit/", world.asked(profile, replicas="5"))
    assert answer.status_code == 409
    assert "etcd-demo is In service now, so this cannot be done." in text(answer)
    placement.refresh_from_db()
    assert placement.replicas == 3
