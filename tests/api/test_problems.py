"""Every error is a problem, also those that no view of ours raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from kbconsole.jobs.models import Run
from tests.api import calling
from tests.api.calling import ROOT, Caller, a_placement, a_wish

As = Callable[[str], Caller]
pytestmark = pytest.mark.usefixtures("fleet")


def problem(response: Any) -> dict[str, Any]:
    """Return the body, which has all that RFC 9457 and we promise."""
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "instance", "code", "params"} <= set(body)
    assert body["status"] == response.status_code
    assert body["detail"] and body["title"]
    return body


def test_a_problem_says_where_and_what(as_: As) -> None:
    body = problem(as_("dana").get("placements/999/"))
    assert (body["type"], body["title"], body["instance"]) == (
        "about:blank",
        "Not Found",
        "/api/v1/placements/999/",
    )
    assert body["code"] == "problem.not_found"


def test_a_wrong_method_names_the_right_ones(as_: As) -> None:
    response = as_("adam").send("PATCH", "profiles/")
    assert (response.status_code, response["Allow"]) == (405, "GET, POST, HEAD, OPTIONS")
    assert problem(response)["params"] == {"method": "PATCH", "allowed": ["GET", "POST", "HEAD", "OPTIONS"]}


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/yaml", ""]
)
def test_a_body_of_another_type_is_refused(as_: As, kind: str) -> None:
    dana = as_("dana")
    response = dana.client.generic(
        "POST", ROOT + "placements/", b"name=x", content_type=kind, headers=dana.headers
    )
    assert (response.status_code, problem(response)["code"]) == (415, "problem.media_type")


def test_somebody_who_asks_for_a_page_gets_a_problem(as_: As) -> None:
    dana = as_("dana")
    response = dana.client.get(ROOT + "placements/", headers={**dana.headers, "Accept": "text/html"})
    assert (response.status_code, problem(response)["code"]) == (406, "problem.not_acceptable")


@pytest.mark.parametrize(
    "header", ["Token", "Token nonsense", "Token a b", "Token \xff", "Bearer x", "Basic eDp5"]
)
def test_a_header_that_signs_nobody_in_is_a_401(db: None, header: str) -> None:
    response = Client().get(ROOT + "placements/", headers={"Authorization": header})
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Token")
    assert problem(response)["code"] in ("problem.token", "problem.sign_in")


def test_a_description_in_yaml_still_fails_as_json(db: None) -> None:
    response = Client().get(ROOT + "schema/", headers={"Accept": "application/vnd.oai.openapi"})
    assert (response.status_code, problem(response)["code"]) == (401, "problem.sign_in")


def test_a_bug_is_a_500_without_details_and_is_not_swallowed(
    as_: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_placement().runs()[0]

    def broken(*_: object) -> str:
        raise ZeroDivisionError("canary-42")

    monkeypatch.setattr("placements.api.runs.present", broken)
    dana = as_("dana")
    with pytest.raises(ZeroDivisionError):  # what error reporting gets, and the test client shows
        dana.get(f"runs/{run.pk}/")
    quiet = Client(raise_request_exception=False)
    response = quiet.get(f"{ROOT}runs/{run.pk}/", headers=dana.headers)
    assert response.status_code == 500
    assert problem(response)["code"] == "problem.bug"
    assert "canary-42" not in response.content.decode()


def test_a_request_whose_plan_is_being_made_is_a_409_that_names_the_run(as_: As) -> None:
    placement = a_placement()
    run = Run.objects.get()
    response = as_("dana").put(f"placements/{placement.pk}/", a_wish(disk_gib=30))
    assert (response.status_code, problem(response)["code"]) == (409, "placements.being_planned")
    assert problem(response)["params"]["run"] == run.pk
    placement.refresh_from_db()
    assert placement.disk_gib != 30


def test_two_who_want_the_same_name_are_told_by_field(as_: As) -> None:
    calling.a_placement(by=as_("dora").user)
    response = as_("dana").post("placements/", a_wish())
    assert response.status_code == 422
    said = problem(response)["errors"]["name"][0]
    assert (said["code"], said["params"]["owner"]) == ("wish.name_taken", "dora")
    assert "dora already has a database demo/etcd-demo (Waiting for approval)" in said["text"]
