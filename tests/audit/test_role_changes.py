"""Who may do what, since when and given by whom; and that every way of changing it is in the log."""

from __future__ import annotations

import csv
import io

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path

from kbconsole.audit.access import rights
from kbconsole.audit.models import Entry
from tests.audit.conftest import SignIn
from tests.people import person


def promote(request: HttpRequest) -> HttpResponse:
    User.objects.get(username="dora").groups.add(group("admin"))
    return HttpResponse("done")


urlpatterns = [path("promote/", promote), path("", include("kbconsole.urls"))]


def group(name: str) -> Group:
    return Group.objects.get_or_create(name=name)[0]


@pytest.fixture
def dora(db: None) -> User:
    return User.objects.create_user("dora")


def told() -> list[str]:
    return [str(entry.sentence) for entry in Entry.objects.order_by("seq")]


def test_roles_given_and_taken_in_a_shell_are_entries_and_only_what_really_changes(dora: User) -> None:
    dora.groups.add(group("dba"), group("admin"))
    dora.groups.add(group("dba"))
    dora.groups.remove(group("admin"), group("auditor"))
    dora.groups.set([group("auditor")])
    dora.groups.clear()
    assert told() == [
        "Gave dora the role admin",
        "Gave dora the role dba",
        "Took the role admin from dora",
        "Took the role dba from dora",
        "Gave dora the role auditor",
        "Took the role auditor from dora",
    ]
    assert {entry.actor_label for entry in Entry.objects.all()} == {"system"}


def test_the_other_end_of_the_relation_is_told_too(dora: User) -> None:
    group("admin").user_set.add(dora)
    group("admin").user_set.clear()
    group("strangers").user_set.add(dora)
    assert told() == ["Gave dora the role admin", "Took the role admin from dora"]


def test_a_role_that_goes_with_its_group_or_its_person_is_told(dora: User) -> None:
    dora.groups.add(group("dba"))
    group("dba").delete()
    dora.groups.add(group("admin"))
    dora.delete()
    assert told()[1::2] == ["Took the role dba from dora", "Took the role admin from dora"]


def test_superusers_and_deactivation_are_told_and_a_sign_in_is_no_change(dora: User) -> None:
    for name, value in (
        ("is_superuser", True),
        ("is_active", False),
        ("is_active", True),
        ("is_superuser", False),
    ):
        setattr(dora, name, value)
        dora.save()
    dora.save(update_fields=["last_login"])
    assert told() == [
        "Made dora a superuser, who may do everything",
        "Deactivated dora, who cannot sign in any more",
        "Activated dora, who may sign in again",
        "dora is no superuser any more",
    ]


def test_a_superuser_from_the_command_line_is_told(db: None) -> None:
    call_command("createsuperuser", username="root", email="", interactive=False, verbosity=0)
    assert told() == ["Made root a superuser, who may do everything"]


@pytest.mark.urls("tests.audit.test_role_changes")
def test_in_a_request_the_person_who_is_signed_in_gave_the_role(sign_in: SignIn, dora: User) -> None:
    assert sign_in("admin").get("/promote/").status_code == 200
    entry = Entry.objects.get(act="role.given")
    assert (entry.actor_label, entry.object_label, len(entry.request_id)) == ("admin", "dora", 32)
    right = next(right for right in rights() if right.person == "dora")
    assert (right.by, right.since) == ("admin", entry.at)


@pytest.fixture
def report(sign_in: SignIn, dora: User) -> Client:
    """Somebody given by the command line, a superuser, somebody deactivated, somebody from before the log."""
    call_command("create_admin", "anna", password_file=None, password_stdin=True)
    User.objects.create_superuser("root")
    dora.groups.add(group("dba"))
    dora.is_active = False
    dora.save()
    return sign_in("auditor")


@pytest.fixture(autouse=True)
def typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("quiet-otter-plays-piano\n"))


def rows(client: Client) -> dict[str, dict[str, str]]:
    text = client.get("/audit/access/?format=csv").getvalue().decode("utf-8-sig")
    return {row["Person"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}


def test_the_report_names_everybody_with_a_role_superusers_too(report: Client) -> None:
    found = rows(report)
    assert {name: row["Role"] for name, row in found.items()} == {
        "anna": "admin", "auditor": "auditor", "dora": "dba", "root": "superuser",
    }  # fmt: skip
    assert (found["anna"]["Given by"], found["root"]["Given by"]) == ("the command line", "the command line")
    assert found["anna"]["Since (UTC)"].endswith("Z")
    assert (found["auditor"]["Given by"], found["auditor"]["Since (UTC)"]) == ("", "")
    assert (found["dora"]["May sign in"], found["root"]["May sign in"]) == ("no, deactivated", "yes")
    page = report.get("/audit/access/").content.decode()
    for word in (*found, "superuser", "not recorded", "deactivated, cannot sign in", "the command line"):
        assert word in page


def test_taking_the_report_along_is_an_entry(report: Client) -> None:
    rows(report)
    entry = Entry.objects.latest("seq")
    assert (str(entry.sentence), entry.actor_label) == ("Exported the access report", "auditor")


@pytest.mark.parametrize(
    ("role", "status"), [("auditor", 200), ("admin", 200), ("dba", 403), ("nobody", 403)]
)
def test_auditors_and_administrators_read_the_report(sign_in: SignIn, role: str, status: int) -> None:
    client = sign_in(role)
    assert client.get("/audit/access/").status_code == status
    assert ("/audit/access/" in client.get("/audit/").content.decode()) == (status == 200)


def test_the_number_of_queries_does_not_grow_with_the_people(sign_in: SignIn) -> None:
    auditor, counts = sign_in("auditor"), []
    for more in (2, 30):
        for number in range(more):
            person(f"somebody-{more}-{number}", "dba", "admin")
        with CaptureQueriesContext(connection) as queries:
            auditor.get("/audit/access/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_formula_for_a_name_is_no_formula_in_the_report(sign_in: SignIn) -> None:
    person("=cmd", "dba")
    assert "'=cmd" in rows(sign_in("auditor"))
