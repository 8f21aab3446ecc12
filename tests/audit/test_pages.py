"""The audit pages, for each role and each filter."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.audit import object_links
from kbconsole.audit.models import Entry
from kbconsole.audit.services import Target, record
from kbconsole.common.sentences import declare
from tests.audit.conftest import SignIn

declare({"pages.did": _("%(actor)s did %(thing)s to %(object)s.")})


def did(
    thing: str, by: Any = "system", on: tuple[str, int, str] = ("placement", 7, "etcd-demo"), **more: Any
) -> Entry:
    with transaction.atomic():
        return record("pages.did", by=by, on=Target(*on), thing=thing, **more)


def body(client: Client, query: str = "") -> str:
    response = client.get(f"/audit/{query}")
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("role", ["auditor", "admin"])
def test_auditors_and_administrators_read_what_everybody_did(sign_in: SignIn, role: str) -> None:
    did("a scale", by=User.objects.create_user("dora"))
    assert "dora did a scale to etcd-demo." in body(sign_in(role))


def test_a_dba_reads_only_their_own_acts(sign_in: SignIn) -> None:
    dba = sign_in("dba")
    mine = did("my thing", by=User.objects.get(username="dba"))
    other = did("another thing", by=User.objects.create_user("dora"))
    page = body(dba)
    assert "my thing" in page
    assert "another thing" not in page
    assert dba.get(f"/audit/{mine.seq}/").status_code == 200
    assert dba.get(f"/audit/{other.seq}/").status_code == 404


def test_somebody_without_a_role_reads_nothing(sign_in: SignIn) -> None:
    client = sign_in("nobody")
    assert "Nothing here yet" in body(client)


def test_nobody_reads_without_signing_in(client: Client, db: None) -> None:
    assert client.get("/audit/").status_code == 302


@pytest.mark.parametrize(
    "query",
    [
        "person=dora",
        "act=pages.did&plane=k8s-1",
        "act=pages&plane=k8s-1",
        "object=placement:7",
        "object=placement",
        "plane=k8s-1",
        "run=12",
        "outcome=partial",
    ],
)
def test_a_filter_in_the_url_shows_what_it_names_and_nothing_else(sign_in: SignIn, query: str) -> None:
    did("the wanted", by=User.objects.create_user("dora"), plane="k8s-1", run_id=12, outcome="partial")
    did("the other", on=("plane", 8, "k8s-2"), plane="k8s-2", run_id=120)
    page = body(sign_in("auditor"), f"?{query}")
    assert "the wanted" in page
    assert "the other" not in page


def test_days_and_times_bound_the_list(sign_in: SignIn) -> None:
    did("the thing")
    auditor, today = sign_in("auditor"), timezone.localdate()
    assert "the thing" in body(auditor, f"?from={today}&to={today}")
    assert "the thing" not in body(auditor, f"?to={today - timedelta(days=1)}")
    assert "the thing" not in body(auditor, f"?from={today + timedelta(days=1)}T00:00")


@pytest.mark.parametrize(
    "query", ["from=yesterday", "to=0001-01-01", "to=9999-12-31", "outcome=odd", "object=:7", "job=a job"]
)
def test_a_filter_that_cannot_be_understood_shows_nothing_and_says_so(sign_in: SignIn, query: str) -> None:
    did("the thing")
    page = body(sign_in("auditor"), f"?{query}")
    assert "A filter cannot be understood" in page
    assert "the thing" not in page


def test_the_filters_stand_in_words_above_the_list(sign_in: SignIn) -> None:
    did("the thing", plane="k8s-1")
    assert "Filters: Plane: k8s-1" in body(sign_in("auditor"), "?plane=k8s-1")


def test_a_nul_finds_nothing(sign_in: SignIn) -> None:
    did("the thing", run_id=1)
    assert "No entry matches" in body(sign_in("auditor"), "?run=%00")


def test_an_empty_answer_names_the_filter(sign_in: SignIn) -> None:
    page = body(sign_in("auditor"), "?plane=k8s-9&person=dora")
    assert "No entry matches" in page
    assert "Plane: k8s-9" in page


def test_paging_shows_every_entry_once(sign_in: SignIn) -> None:
    for number in range(120):
        did(f"thing-{number:03}.")
    auditor, query, seen = sign_in("auditor"), "?act=pages", []
    for _page in range(3):
        response = auditor.get(f"/audit/{query}")
        seen += [row.seq for row in response.context["rows"]]
        query = response.context["older_url"].removeprefix("/audit/")
    assert query == ""
    assert seen == list(Entry.objects.filter(act="pages.did").order_by("-seq").values_list("seq", flat=True))


@pytest.mark.parametrize("before", ["-1", "x", "", "9" * 40, "٣"])
def test_a_strange_page_number_is_not_an_error(sign_in: SignIn, before: str) -> None:
    assert sign_in("auditor").get("/audit/", {"before": before}).status_code == 200


def test_the_number_of_queries_does_not_grow_with_the_rows(sign_in: SignIn) -> None:
    auditor = sign_in("auditor")
    counts = []
    for more in (2, 40):
        for _turn in range(more):
            did("a thing", by=User.objects.get(username="auditor"), plane="k8s-1", run_id=1)
        with CaptureQueriesContext(connection) as queries:
            body(auditor)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_detail_shows_facts_and_the_sealed_text(sign_in: SignIn) -> None:
    entry = did("a thing", plane="k8s-1", plan_hash="cafe", reason="a ticket", detail="before\nafter")
    page = sign_in("auditor").get(f"/audit/{entry.seq}/").content.decode()
    for text in (
        "System did a thing to etcd-demo.",
        "k8s-1",
        "cafe",
        "a ticket",
        "before\nafter",
        entry.hash,
    ):
        assert text in page
    assert "&quot;plan_hash&quot;:&quot;cafe&quot;" in page


def test_text_of_others_is_escaped(sign_in: SignIn) -> None:
    entry = did(
        "<script>x</script>", on=("placement", 1, "<b>b</b>"), plane="<i>", reason="<u>r</u>", detail="<s>"
    )
    auditor = sign_in("auditor")
    for page in (body(auditor), auditor.get(f"/audit/{entry.seq}/").content.decode()):
        assert not any(tag in page for tag in ("<script>x", "<b>b", "<i>", "<u>r", "<s>"))


def test_an_entry_links_to_its_object_where_its_package_said_how(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_links, "_ROUTES", {})
    object_links.register("entry", "audit:entry-detail")
    object_links.register("gone", "audit:no-such-route")
    did("a thing", on=("entry", 12, "entry twelve"))
    did("a thing", on=("gone", 13, "entry thirteen"))
    page = body(sign_in("auditor"))
    assert '<a href="/audit/12/">entry twelve</a>' in page
    assert ">entry thirteen</td>" in page
