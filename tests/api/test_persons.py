"""People, teams, and planes that are disabled, by the same services as on the pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from kbconsole.audit.models import Entry
from kbconsole.jobs.models import Plan
from tests.api.calling import Caller

As = Callable[[str], Caller]


@pytest.mark.django_db
def test_a_person_is_invited_put_into_a_team_and_put_out(as_: As) -> None:
    adam = as_("adam")
    invited = adam.post("people/", {"name": "nina", "roles": ["dba"]})
    assert invited.status_code == 201
    link, nina = invited.json()["link"], invited.json()["person"]
    assert (nina["state"], nina["roles"], invited.json()["plan"]) == ("invited", ["dba"], None)
    page, _hash, code = link.partition("#")
    assert Client().post(page.removeprefix("http://testserver"), {"code": code}).status_code == 302
    assert code not in str(list(Entry.objects.values()))
    team = adam.post("teams/", {"name": "shop"}).json()
    joined = adam.post(f"teams/{team['id']}/members/", {"person": nina["id"]}).json()
    assert [member["name"] for member in joined["members"]] == ["nina"]
    assert adam.put(f"teams/{team['id']}/", {"name": "store"}).json()["name"] == "store"
    again = adam.post(f"teams/{team['id']}/members/", {"person": nina["id"]})
    assert (again.status_code, again.json()["code"]) == (409, "teams.member_already")
    assert adam.send("DELETE", f"teams/{team['id']}/members/{nina['id']}/").json()["members"] == []
    assert adam.send("DELETE", f"teams/{team['id']}/").status_code == 204
    assert adam.post(f"people/{nina['id']}/deactivate/").json()["state"] == "inactive"
    mine = as_("dana").get("people/").json()["results"]
    assert [person["name"] for person in mine] == ["dana"]


@pytest.mark.django_db
def test_one_more_administrator_needs_another_ones_approval(as_: As) -> None:
    adam, dana = as_("adam"), as_("dana")
    as_("ada")
    assert dana.user is not None
    asked = adam.put(f"people/{dana.user.pk}/roles/", {"roles": ["dba", "admin"]})
    assert (asked.status_code, asked.json()["job"]) == (202, "make-administrator")
    assert adam.put(f"people/{dana.user.pk}/roles/", {"roles": ["auditor"]}).json()["roles"] == ["auditor"]
    refused = adam.put(f"people/{dana.user.pk}/roles/", {"roles": ["root"]})
    assert refused.status_code == 400
    assert not User.objects.get(pk=dana.user.pk).groups.filter(name="admin").exists()


@pytest.mark.usefixtures("fleet")
def test_a_plane_is_disabled_by_a_plan(as_: As) -> None:
    planned = as_("adam").post("planes/k8s-2/disable/", {"reason": "it is lost"})
    assert (planned.status_code, planned.json()["job"]) == (202, "switch-plane")
    plan = Plan.objects.get()
    assert (plan.params["disable"], plan.params["plane"], plan.reason) == (True, "k8s-2", "it is lost")
    assert as_("adam").post("planes/control-plane/enable/").status_code == 404
    unknown = as_("adam").post("planes/k8s-9/enable/")
    assert unknown.status_code == 404
