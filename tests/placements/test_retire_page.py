"""Retiring: what would vanish is shown, the name is typed, and what becomes of the data is chosen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User

from kbconsole.jobs.models import Plan
from networking.models import Profile
from placements.models import Placement, Status
from tests.people import signed_in
from tests.placements import world

GOOD = {"policy": "Delete", "reason": "Nobody uses it", "typed_name": "etcd-demo"}


@pytest.fixture
def placement(dana: User) -> Placement:
    world.fleet()
    return world.in_service(dana, world.cloud(dana))


def text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def retire(user: User, placement: Placement, **form: str) -> Any:
    return signed_in(user).post(f"/placements/{placement.pk}/retire/", form)


def test_the_page_names_what_vanishes_on_each_plane(dana: User, placement: Placement) -> None:
    page = text(signed_in(dana).get(f"/placements/{placement.pk}/retire/"))
    for name in ("etcd-demo-etcd-2", "data-etcd-demo-etcd-2", "etcd-demo-etcd-peer-2", "load balancer 192.0.2.3",
                 "etcd-demo-etcd-env", "etcd-demo-etcd-headless", "kb-etcd-demo"):  # fmt: skip
        assert name in page
    assert "Two administrators have to agree." in page


def test_on_1_0_the_shared_account_is_said_to_stay(dana: User, placement: Placement) -> None:
    Placement.objects.update(release_line="1.0", definition="etcd-3-1.0.2")
    page = text(signed_in(dana).get(f"/placements/{placement.pk}/retire/"))
    assert "Kept, because other databases of the same definition use it: kb-etcd-3-1.0.2" in page


@pytest.mark.parametrize("policy", ["Delete", "WipeOut"])
def test_retire_asks_for_a_plan_and_deletes_nothing(dana: User, placement: Placement, policy: str) -> None:
    answer = retire(dana, placement, **{**GOOD, "policy": policy})
    plan = Plan.objects.get()
    assert answer.headers["Location"] == f"/plans/{plan.pk}/"
    assert (plan.job, plan.params["policy"], plan.reason) == ("retire-database", policy, "Nobody uses it")
    placement.refresh_from_db()
    assert placement.status == Status.IN_SERVICE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"typed_name": "etcd-Demo"}, "Type the name etcd-demo exactly as it is, to confirm."),
        ({"typed_name": " etcd-demo"}, "Type the name etcd-demo exactly as it is, to confirm."),
        ({"typed_name": ""}, "Type the name, so that the right database goes."),
        ({"policy": ""}, "Choose what becomes of the data."),
        ({"policy": "Halt"}, "Select a valid choice."),
        ({"reason": " "}, "Say why it goes."),
    ],
)
def test_a_slip_is_said_in_place_and_nothing_is_planned(
    dana: User, placement: Placement, change: dict[str, str], said: str
) -> None:
    answer = retire(dana, placement, **{**GOOD, **change})
    assert answer.status_code == 422 and said in text(answer)
    assert not Plan.objects.exists()


def test_what_never_got_its_cluster_is_not_retired(dana: User, placement: Placement) -> None:
    Placement.objects.update(cluster_uid="", status=Status.ATTENTION)
    answer = retire(dana, placement, **GOOD)
    assert answer.status_code == 400 and "there is nothing to retire" in text(answer)
    assert "Its Cluster object was never made" in text(signed_in(dana).get(f"/placements/{placement.pk}/"))
    assert not Plan.objects.exists()


def test_what_waits_or_is_over_is_not_retired(dana: User, placement: Placement) -> None:
    for status in (Status.WAITING, Status.RETIRED):
        Placement.objects.update(status=status)
        assert signed_in(dana).get(f"/placements/{placement.pk}/retire/").status_code == 409
        assert retire(dana, placement, **GOOD).status_code == 409
    assert not Plan.objects.exists()


def test_a_retire_plan_that_waits_is_told_on_the_page(dana: User, adam: User, placement: Placement) -> None:
    retire(dana, placement, **GOOD)
    page = text(signed_in(adam).get(f"/placements/{placement.pk}/"))
    assert "A plan of dana waits: Retire database. Nothing is changed before it is approved." in page


def test_who_may_retire(dana: User, adam: User, vera: User, nobody: User, placement: Placement) -> None:
    answers = {user.username: retire(user, placement, **GOOD).status_code for user in (vera, nobody, adam)}
    assert answers == {"vera": 403, "nobody": 404, "adam": 302}


def test_profiles_of_other_kinds_show_no_load_balancer(dana: User, placement: Placement) -> None:
    profile: Profile = world.mesh(dana)
    inner = world.in_service(dana, profile, "inner", observed=None, observed_at=None)
    page = text(signed_in(dana).get(f"/placements/{inner.pk}/retire/"))
    assert "not read yet" in page and "load balancer 192" not in page
