"""Network profiles over HTTP, as each role."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User

from kbconsole.audit.models import Entry
from kbconsole.common.errors import ConsoleError
from kbconsole.fleet.models import Plane
from networking.models import AddressFact, Profile
from networking.services import change_profile, create_profile
from tests.api.calling import Caller
from tests.people import signed_in
from tests.placements import world

pytestmark = pytest.mark.django_db

PRIVATE: dict[str, Any] = {
    "provider": "ack",
    "address_type": "private",
    "subnet_id": "",
    "annotations": {},
    "minimum_disk_gib": None,
}
PUBLIC = {**PRIVATE, "address_type": "public"}
FORM = {"name": "LB-intranet", "config-provider": "ack", "config-address_type": "private"}


def profile(by: User, name: str = "intranet", **config: Any) -> Profile:
    return create_profile(name=name, kind="cloud_lb", config={**PRIVATE, **config}, by=by)


def text(response: Any) -> str:
    return str(response.content.decode())


@pytest.mark.parametrize("who", ["adam", "dana", "vera"])
def test_everybody_with_a_role_reads_what_a_profile_promises(
    who: str, dana: User, adam: User, vera: User
) -> None:
    profile(adam)
    page = text(signed_in(User.objects.get(username=who)).get("/networks/"))
    assert "Each replica gets a private address of its own" in page
    assert "The smallest disk that Alibaba Cloud ACK makes is 20 GiB." in page
    assert "3 for 3 replicas; each is paid for" in page
    assert "0 databases" in page
    assert "alibaba-cloud-loadbalancer-address-type: intranet" in page
    assert "public addresses" not in page
    assert ("/edit/" in page) == (who == "adam")


def test_public_addresses_are_marked(dana: User, adam: User) -> None:
    profile(adam, address_type="public")
    assert "public addresses" in text(signed_in(dana).get("/networks/"))


def test_a_mesh_promises_names(dana: User, adam: User) -> None:
    create_profile(name="mesh", kind="cilium_mesh", config={}, by=adam)
    page = text(signed_in(dana).get("/networks/"))
    assert "Replicas reach each other by name over all planes" in page
    assert "none" in page


def test_an_empty_list_shows_the_ways_and_who_may(dana: User, adam: User) -> None:
    page = text(signed_in(adam).get("/networks/"))
    assert "No profile yet" in page
    assert "/networks/new/cloud_lb/" in page
    page = text(signed_in(dana).get("/networks/"))
    assert "Administrators make and change profiles." in page
    assert "/networks/new/" not in page


def test_without_a_role_there_is_no_page(nobody: User, adam: User) -> None:
    made = profile(adam)
    for path in ("", f"{made.pk}/", f"{made.pk}/edit/"):
        assert signed_in(nobody).get(f"/networks/{path}").status_code == 404


def test_only_administrators_write(dana: User, vera: User, adam: User) -> None:
    made = profile(adam)
    for user in (dana, vera):
        for path in ("new/", "new/cloud_lb/", f"{made.pk}/edit/"):
            assert signed_in(user).get(f"/networks/{path}").status_code == 403
            assert signed_in(user).post(f"/networks/{path}", FORM).status_code == 403
    assert Profile.objects.count() == 1


def test_each_kind_draws_its_own_form(adam: User) -> None:
    client = signed_in(adam)
    assert "Cilium Cluster Mesh" in text(client.get("/networks/new/"))
    page = text(client.get("/networks/new/cloud_lb/"))
    assert 'name="config-provider"' in page
    assert "Subnets of single planes" in page
    assert 'name="config-provider"' not in text(client.get("/networks/new/cilium_mesh/"))
    assert client.get("/networks/new/carrier-pigeon/").status_code == 404
    choose = text(client.get("/networks/new/"))
    assert "/networks/new/node_port/" not in choose and "such as 2380 of etcd" in choose
    assert client.get("/networks/new/node_port/").status_code == 404, "it joins no replicas"


def test_a_profile_is_made(adam: User) -> None:
    response = signed_in(adam).post("/networks/new/cloud_lb/", FORM)
    assert response["Location"] == "/networks/"
    made = Profile.objects.get()
    assert (made.name, made.kind, made.config["provider"]) == ("lb-intranet", "cloud_lb", "ack")
    assert Entry.objects.filter(act="networking.profile_made").count() == 1


def test_nothing_typed_is_lost_when_a_field_is_wrong(adam: User) -> None:
    wrong = {**FORM, "config-provider": "vke", "config-minimum_disk_gib": "40", "name": "not a slug!"}
    response = signed_in(adam).post("/networks/new/cloud_lb/", wrong)
    assert response.status_code == 400
    page = text(response)
    assert "Volcengine VKE needs the ID of a subnet" in page
    assert 'value="40"' in page
    assert "not a slug!" in page
    assert Profile.objects.count() == 0


def test_a_taken_name_is_said_at_the_name(adam: User) -> None:
    profile(adam, "lb-intranet")
    response = signed_in(adam).post("/networks/new/cloud_lb/", FORM)
    assert response.status_code == 400
    assert "A network profile is called lb-intranet already." in text(response)


def test_a_change_makes_a_new_version(adam: User) -> None:
    made = profile(adam)
    client = signed_in(adam)
    page = text(client.get(f"/networks/{made.pk}/edit/"))
    assert 'name="seen_version" value="1"' in page
    assert "become out of date" in page
    client.post(f"/networks/{made.pk}/edit/", {**FORM, "config-minimum_disk_gib": 40, "seen_version": 1})
    made.refresh_from_db()
    assert (made.version, made.config["minimum_disk_gib"]) == (2, 40)


def test_who_was_slower_is_told_and_keeps_what_was_typed(adam: User, ada: User) -> None:
    made = profile(adam)
    change_profile(made, config={**PRIVATE, "minimum_disk_gib": 30}, seen_version=1, by=ada)
    late = {**FORM, "config-minimum_disk_gib": 77, "seen_version": 1}
    response = signed_in(adam).post(f"/networks/{made.pk}/edit/", late)
    assert response.status_code == 409
    assert "Somebody changed intranet meanwhile" in text(response)
    assert 'value="77"' in text(response)
    assert 'name="seen_version" value="1"' in text(response), "a second click does not overwrite unseen"
    made.refresh_from_db()
    assert made.config["minimum_disk_gib"] == 30


def test_wrong_settings_are_not_saved(adam: User) -> None:
    made = profile(adam)
    bad = {**FORM, "config-minimum_disk_gib": 5, "seen_version": 1}
    response = signed_in(adam).post(f"/networks/{made.pk}/edit/", bad)
    assert response.status_code == 400
    assert "Give 20 or more" in text(response)
    assert (
        signed_in(adam).post(f"/networks/{made.pk}/edit/", {**FORM, "seen_version": "x"}).status_code == 400
    )


def test_a_kind_that_is_gone_breaks_no_page(adam: User) -> None:
    made = profile(adam)
    Profile.objects.filter(pk=made.pk).update(kind="carrier-pigeon")
    assert "no network kind “carrier-pigeon” any more" in text(signed_in(adam).get("/networks/"))
    assert signed_in(adam).get(f"/networks/{made.pk}/edit/").status_code == 404


def outside(kind: str, **settings: str) -> dict[str, str]:
    """Return the form of a profile without settings between replicas, with these for clients."""
    said = {f"outside-{kind}-{name}": value for name, value in settings.items()}
    return {"name": "both", "outside": kind, **said}


def test_a_profile_joins_a_kind_between_replicas_and_one_for_clients(adam: User, dana: User) -> None:
    form = outside("metallb", pool="kb-clients", address_type="private")
    client = signed_in(adam)
    wrong = client.post("/networks/new/cilium_mesh/", {**form, "outside-metallb-pool": "KB clients"})
    assert wrong.status_code == 400 and "KB clients" in text(wrong) and "Small letters, digits" in text(wrong)
    assert client.post("/networks/new/cilium_mesh/", form)["Location"] == "/networks/"
    made = Profile.objects.get()
    settings = {"pool": "kb-clients", "address_type": "private", "load_balancer_class": ""}
    assert (made.outside, made.outside_config) == ("metallb", settings)
    page = text(signed_in(dana).get("/networks/"))
    assert "Clients reach each replica at an address of its own from its plane" in page
    assert "metallb.io/address-pool: kb-clients" in page
    assert "3 for 3 replicas" in page and "each is paid for" not in page
    edit = text(client.get(f"/networks/{made.pk}/edit/"))
    assert 'value="kb-clients"' in edit and 'name="outside" value="metallb" checked' in edit


def test_what_clients_get_may_change_and_every_version_is_kept(adam: User, dana: User) -> None:
    made = create_profile(name="mesh", kind="cilium_mesh", config={}, by=adam)
    stands = world.in_service(dana, made, profile_version=made.versions.get())
    form = outside("node_port", addresses="InternalIP", nodes="3") | {"seen_version": "1"}
    assert signed_in(adam).post(f"/networks/{made.pk}/edit/", form).status_code == 302
    versions = [(row.version, row.outside) for row in made.versions.order_by("version")]
    assert versions == [(1, ""), (2, "node_port")]
    stands.refresh_from_db()
    made.refresh_from_db()
    assert stands.network.outside == "" and world.placed(dana, made, "new").network.outside == "node_port"
    client = signed_in(dana)
    page = text(client.get("/networks/"))
    assert "1 of them still has version 1" in page and "2 databases" in page
    page = " ".join(re.sub(r"<[^>]+>", " ", text(client.get(f"/networks/{made.pk}/"))).split())
    shown = page[page.index("Databases that keep it") :]
    assert re.search(
        "version 2 now .* ago , adam How clients reach it from outside: – → NodePort "
        "Clients: Addresses for clients: – → .* Clients: How many nodes of a plane: – → 3 none "
        "version 1 .* ago , adam the first one demo/etcd-demo", shown,
    ), shown  # fmt: skip
    assert "Asked for, and made with the version that is current then: demo/new" in page
    old, new = (text(client.get(f"/networks/{made.pk}/versions/{number}/")) for number in (1, 2))
    assert "The profile is version 2 by now" in old and "Clients outside the planes reach nothing" in old
    assert f"/placements/{stands.pk}/" in old and f"/placements/{stands.pk}/" not in new
    assert client.get(f"/networks/{made.pk}/versions/3/").status_code == 404


def test_networks_of_clients_are_compared_with_the_fleet(adam: User, dana: User) -> None:
    world.fleet()
    plane = Plane.objects.get(name="k8s-1")
    AddressFact.objects.create(plane=plane, what="load_balancers", ranges=["10.20.4.0/24"])
    form = outside("cloud_lb", provider="ack", address_type="private") | {
        "client_networks": "10.20.0.0/16\nanywhere"
    }
    client = signed_in(adam)
    wrong = client.post("/networks/new/cilium_mesh/", form)
    assert wrong.status_code == 400 and "“anywhere” is no range" in text(wrong)
    client.post("/networks/new/cilium_mesh/", form | {"client_networks": "10.20.0.1/16"})
    made = Profile.objects.get()
    assert made.client_networks == made.versions.get().client_networks == ["10.20.0.0/16"]
    page = text(signed_in(dana).get("/networks/"))
    assert "k8s-1 Load balancers 10.20.4.0/24 and clients of the profile both 10.20.0.0/16 overlap." in page
    edit = text(client.get(f"/networks/{made.pk}/edit/"))
    assert "10.20.0.0/16</textarea>" in edit
    stands = world.in_service(dana, made, profile_version=made.versions.get())
    client.post(f"/networks/{made.pk}/edit/", form | {"client_networks": "", "seen_version": "1"})
    assert "of the profile both 10.20.0.0/16 overlap." in text(client.get("/networks/")), (
        "a database keeps it"
    )
    stands.delete()
    pool = outside("metallb", pool="kb", address_type="private") | {"client_networks": "10.20.0.0/16"}
    client.post(f"/networks/{made.pk}/edit/", pool | {"seen_version": "2"})
    assert "of the profile both" not in text(client.get("/networks/")), (
        "layer 2 is in the clients' own network"
    )


def test_a_line_for_a_plane_that_is_not_registered_is_pointed_out(adam: User) -> None:
    world.fleet()
    profile(adam, plane_subnets={"k8s-1": ["vsw-1"], "k8s-l": ["vsw-2"]})
    page = text(signed_in(adam).get("/networks/"))
    assert "Its settings have lines for k8s-l, which are not registered." in page


def test_a_kind_is_refused_where_it_carries_nothing_with_the_reason(adam: User) -> None:
    with pytest.raises(ConsoleError, match="such as 2380 of etcd"):
        create_profile(name="np", kind="node_port", config={"addresses": "InternalIP", "nodes": 2}, by=adam)
    answer = Caller(adam).post("profiles/", {"name": "np", "kind": "node_port", "outside": "cilium_mesh"})
    assert answer.status_code == 400 and "such as 2380 of etcd" in text(answer)
    assert "does not carry the traffic of clients" in text(answer)
    assert Profile.objects.count() == 0


def test_the_api_takes_both_directions_and_leaves_clients_alone_when_it_says_nothing_of_them(
    adam: User,
) -> None:
    pool = {"pool": "kb-clients", "address_type": "private"}
    body = {"name": "both", "kind": "cilium_mesh", "outside": "metallb", "outside_config": pool}
    wrong = Caller(adam).post("profiles/", {**body, "outside_config": {"pool": "kb-clients"}})
    assert wrong.status_code == 400 and "outside_config" in text(wrong)
    assert Caller(adam).post("profiles/", body).json()["outside_config"]["pool"] == "kb-clients"
    same = Caller(adam).put("profiles/both/", {"config": {}, "seen_version": 1}).json()
    assert (same["version"], same["outside"]) == (2, "metallb")
    gone = Caller(adam).put("profiles/both/", {"config": {}, "outside": "", "seen_version": 2}).json()
    assert (gone["version"], gone["outside"], gone["outside_config"]) == (3, "", {})


def test_queries_do_not_grow_with_rows(adam: User, django_assert_max_num_queries: Any) -> None:
    counts = []
    for rows in (10, 60):
        for number in range(Profile.objects.count(), rows):
            Profile.objects.create(name=f"p-{number}", kind="cloud_lb", config=PUBLIC, created_by=adam)
        client = signed_in(adam)
        with django_assert_max_num_queries(24) as seen:
            assert client.get("/networks/").status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]
    made, counts = profile(adam), []
    for version in (1, 5):
        for seen_version in range(made.version, version):
            change_profile(
                made, config={**PRIVATE, "minimum_disk_gib": 30 + version}, seen_version=seen_version, by=adam
            )
            world.placed(adam, made, f"etcd-{seen_version}", profile_version=made.versions.first())
        with django_assert_max_num_queries(24) as seen:
            assert client.get(f"/networks/{made.pk}/").status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1], "a version more is no query more"
