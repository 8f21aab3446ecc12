"""Bodies, fields, filters and cursors that somebody made up: a clear problem, nothing stored, nothing sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from kbconsole.fleet.models import KubeconfigDraft
from kbconsole.jobs.models import Plan, Run
from networking.models import Profile
from placements.models import Placement
from tests.api.calling import Caller, a_placement, a_wish, made_ready

As = Callable[[str], Caller]
pytestmark = pytest.mark.usefixtures("fleet")

BODIES: dict[str, tuple[bytes | str, int, str]] = {
    "not JSON": (b"{", 400, "api.not_json"),
    "not UTF-8": (b'{"name": "\xff"}', 400, "api.not_json"),
    "a list": (b"[]", 400, "api.not_object"),
    "a string": (b'"x"', 400, "api.not_object"),
    "null": (b"null", 400, "api.not_object"),
    "NaN": (b'{"replicas": NaN}', 400, "api.not_json"),
    "infinity": (b'{"replicas": -Infinity}', 400, "api.not_json"),
    "a number of 5,000 digits": ('{"replicas": ' + "9" * 5000 + "}", 400, "api.not_json"),
    "100,000 brackets": ("[" * 100_000, 400, "api.too_deep"),
    "100,000 objects": ('{"a":' * 100_000, 400, "api.too_deep"),
    "21 levels": ('{"a":' * 21 + "1" + "}" * 21, 400, "api.too_deep"),
    "more than 1 MiB": (json.dumps({"purpose": "x" * 1024 * 1024}), 413, "api.too_large"),
    "a field twice": (b'{"name": "a", "name": "b"}', 400, "api.key_twice"),
    "a NUL": (r'{"purpose": "a\u0000b"}', 400, "api.character"),
    "half a pair": (r'{"purpose": "\ud800"}', 400, "api.character"),
    "half a pair in a key": (r'{"\udfff": 1}', 400, "api.character"),
    "a NUL deep down": (r'{"planes": ["k8s-1", {"a": ["\u0000"]}]}', 400, "api.character"),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_body_that_cannot_be_read_is_refused_before_any_field(as_: As, case: str) -> None:
    body, status, code = BODIES[case]
    response = as_("dana").post("placements/", body)
    assert response["Content-Type"] == "application/problem+json"
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not Placement.objects.exists()


def test_the_place_of_a_character_that_cannot_be_stored_is_named(as_: As) -> None:
    problem = as_("dana").post("placements/", r'{"planes": ["k8s-1", {"a": ["\u0000"]}]}').json()
    assert problem["params"] == {"where": "planes.1.a.0"}


FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown field": ({"replica": 3}, "replica"),
    "somebody else as owner": ({"owner": "adam"}, "owner"),
    "a status": ({"status": "in_service"}, "status"),
    "a number as name": ({"name": 5}, "name"),
    "true as name": ({"name": True}, "name"),
    "null as name": ({"name": None}, "name"),
    "a list as name": ({"name": ["etcd"]}, "name"),
    "an object as name": ({"name": {"$ne": ""}}, "name"),
    "text as replicas": ({"replicas": "3"}, "replicas"),
    "a fraction of replicas": ({"replicas": 3.0}, "replicas"),
    "true replicas": ({"replicas": True}, "replicas"),
    "0 replicas": ({"replicas": 0}, "replicas"),
    "-1 replicas": ({"replicas": -1}, "replicas"),
    "10⁹ replicas": ({"replicas": 10**9}, "replicas"),
    "10⁴⁰⁰ replicas": ({"replicas": 10**400}, "replicas"),
    "planes as text": ({"planes": "k8s-1"}, "planes"),
    "planes as an object": ({"planes": {"0": "k8s-1"}}, "planes"),
    "no planes": ({"planes": []}, "planes"),
    "a number among planes": ({"planes": ["k8s-1", 2]}, "planes.1"),
    "a list among planes": ({"planes": [["k8s-1"]]}, "planes.0"),
    "an unknown plane": ({"planes": ["k8s-9"]}, "planes"),
    "a plane with a blank": ({"planes": ["k8s-1 "]}, "planes"),
    "a plane twice": ({"planes": ["k8s-1", "k8s-1"]}, "planes"),
    "the control plane": ({"planes": ["control-plane"]}, "planes"),
    "300 planes": ({"planes": ["k8s-1"] * 300}, "planes"),
    "an unknown engine": ({"engine": "../etcd"}, "engine"),
    "an unknown profile": ({"profile": "mesh' OR 1=1 --"}, "profile"),
    "a profile by number": ({"profile": 1}, "profile"),
    "an unknown size": ({"size": "xxl"}, "size"),
    "1Gib of memory": ({"size": "own", "cpu": "1", "memory": "1Gib", "disk_gib": 20}, "memory"),
    "-1 cores": ({"size": "own", "cpu": "-1", "memory": "1Gi", "disk_gib": 20}, "cpu"),
    "∞ cores": ({"size": "own", "cpu": "∞", "memory": "1Gi", "disk_gib": 20}, "cpu"),
    "a disk of 10³⁰ GiB": ({"disk_gib": 10**30}, "disk_gib"),
    "a disk of -1 GiB": ({"disk_gib": -1}, "disk_gib"),
    "an unknown policy": ({"termination_policy": "Halt"}, "termination_policy"),
    "a namespace of Kubernetes": ({"namespace": "kube-system"}, "namespace"),
    "a namespace as a path": ({"namespace": "../../secrets"}, "namespace"),
    "a long purpose": ({"purpose": "x" * 5000}, "purpose"),
}


@pytest.mark.parametrize("case", FIELDS)
def test_a_field_that_cannot_be_is_named_and_nothing_is_stored(as_: As, case: str) -> None:
    changes, field = FIELDS[case]
    response = as_("dana").post("placements/", a_wish(**changes))
    assert response.status_code in (400, 422)
    assert response["Content-Type"] == "application/problem+json"
    said = response.json()["errors"][field]
    assert all(set(sentence) == {"code", "params", "text"} and sentence["text"] for sentence in said)
    assert not Placement.objects.exists()
    assert not Run.objects.exists()


WRONG_TYPES = {
    "provider": {"a": 1}, "address_type": ["private"], "annotations": [1, {"b": None}], "minimum_disk_gib": "1e9",
}  # fmt: skip
OTHERS: dict[str, tuple[str, Any]] = {
    "a hash as a list": ("plans/{plan}/approve/", {"hash": ["a"]}),
    "a hash and a verdict": ("plans/{plan}/approve/", {"hash": "a", "verdict": "approve"}),
    "a rejection without words": ("plans/{plan}/reject/", {"hash": "a", "comment": "   "}),
    "a withdrawal with a body": ("plans/{plan}/withdraw/", {"force": True}),
    "retire without a name": ("placements/{placement}/retire/", {"policy": "WipeOut"}),
    "a profile of an unknown kind": ("profiles/", {"name": "x", "kind": "wormhole"}),
    "a profile with a bad name": ("profiles/", {"name": "../x", "kind": "cilium_mesh"}),
    "settings as a list": ("profiles/", {"name": "x", "kind": "cloud_lb", "config": []}),
    "settings of wrong types": (
        "profiles/",
        {"name": "x", "kind": "cloud_lb", "config": WRONG_TYPES},
    ),
    "settings nobody knows": ("profiles/", {"name": "x", "kind": "cilium_mesh", "config": {"mesh": 1}}),
    "a kubeconfig as an object": ("kubeconfig-drafts/", {"kubeconfig": {"contexts": []}}),
    "a kubeconfig for no plane": ("kubeconfig-drafts/", {"kubeconfig": "x", "replaces": "k8s-9"}),
    "planes to copy to as text": ("fleet/copy-rbac/", {"planes": "k8s-1"}),
    "take over: yes": ("fleet/copy-rbac/", {"planes": ["k8s-1"], "take_over": "yes"}),
    "a password as a number": ("token/", {"username": "adam", "password": 1}),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_bodies_are_refused_by_field_too(as_: As, case: str) -> None:
    placement = a_placement()
    plan = made_ready(placement)
    path, body = OTHERS[case]
    response = as_("adam").post(path.format(plan=plan.pk, placement=placement.pk), body)
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    assert response.json()["errors"], response.json()
    plan.refresh_from_db()
    assert plan.status == "ready"
    assert (Profile.objects.count(), Plan.objects.count(), KubeconfigDraft.objects.count()) == (1, 1, 0)


EXEC = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443"}}]
contexts: [{name: k8s-7, context: {cluster: c, user: u}}]
users: [{name: u, user: {exec: {command: /bin/sh, args: ["canary-7"]}}}]
"""


@pytest.mark.parametrize("text", [EXEC, "[" * 100_000, "a: &x 1\nb: *x", "%PDF-1.4 binary", ""])
def test_a_kubeconfig_that_runs_something_or_is_none_is_refused(as_: As, text: str) -> None:
    response = as_("adam").post("kubeconfig-drafts/", {"kubeconfig": text})
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    assert "canary-7" not in response.content.decode()
    assert not KubeconfigDraft.objects.exists()


def _cursor(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


QUERIES = {
    "an unknown filter": ("placements/?stauts=waiting", 400),
    "an unknown status": ("placements/?status=none", 400),
    "a NUL": ("placements/?name=%00", 400),
    "bytes that are no UTF-8": ("placements/?name=%ff%fe", 200),
    "a letter after": ("runs/{run}/events/?after=x", 400),
    "a number below 0": ("runs/{run}/events/?after=-1", 400),
    "10³⁰ after": ("runs/{run}/events/?after=" + "9" * 30, 400),
    "a cursor of nonsense": ("placements/?cursor=%20nonsense", 404),
    "a cursor of another column": (f"placements/?cursor={quote(_cursor('p=abc'))}", 404),
    "a cursor with a NUL": (f"planes/?cursor={quote(_cursor('p=%00'))}", 404),
    "a cursor far away": (f"placements/?cursor={quote(_cursor('p=' + '9' * 40))}", 200),
    "an offset far away": (f"placements/?cursor={quote(_cursor('o=99999999999&p=1'))}", 200),
    "a limit of 0": ("placements/?limit=0", 200),
    "a limit of 10⁹": ("placements/?limit=1000000000", 200),
    "another format": ("placements/?format=xml", 404),
    "an audit filter nobody knows": ("audit/?who=adam", 400),
    "a time that is none": ("audit/?from=yesterday", 400),
    "a year beyond the calendar": ("audit/?to=9999-12-31", 400),
    "a placement of 30 digits": ("placements/" + "9" * 30 + "/", 404),
    "a placement of 5,000 digits": ("placements/" + "9" * 5000 + "/", 404),
    "a plane with a NUL": ("planes/%00/", 404),
    "a plane on the way up": ("planes/../../etc/passwd/", 404),
}


@pytest.mark.parametrize("case", QUERIES)
def test_made_up_addresses_get_an_answer_and_no_bug(as_: As, case: str) -> None:
    run = a_placement().runs()[0]
    path, status = QUERIES[case]
    response = as_("vera").get(path.format(run=run.pk))
    assert response.status_code == status, response.content
    if status != 200:
        assert response["Content-Type"] == "application/problem+json"
