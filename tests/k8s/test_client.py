"""What the client asks, and what it makes of answers."""

from __future__ import annotations

import pytest

from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import Conflict, Forbidden, KubeError, Rejected, Unauthorised
from kbconsole.k8s.kinds import CLUSTER_ROLE, KB_CLUSTER_V1, POD, SERVICE
from tests.k8s.conftest import TOKEN
from tests.k8s.server import Handler, Script, refuses, says, text

ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "r"},
    "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
}
ABSENT = refuses(404, "NotFound", 'clusterroles "r" not found', name="r", kind="clusterroles")


def stored(version: str, manager: str = "kbconsole", **more: object) -> dict[str, object]:
    metadata = {"name": "r", "uid": "u", "resourceVersion": version, "managedFields": [{"manager": manager}]}
    return {**ROLE, "metadata": metadata, **more}


def test_version_comes_from_the_api_server(client: PlaneClient, script: Script) -> None:
    script.then(says({"gitVersion": "v1.31.2"}))
    assert client.version() == "v1.31.2"
    assert script.asked[0].path == "/version"
    assert script.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert script.asked[0].headers["User-Agent"] == "kbconsole/0.1"
    assert client.last_latency > 0


def test_whoami_is_the_user_of_a_self_subject_review(client: PlaneClient, script: Script) -> None:
    script.then(says({"status": {"userInfo": {"username": "kbconsole"}}}, 201))
    assert client.whoami() == {"username": "kbconsole"}
    assert script.asked[0].path == "/apis/authentication.k8s.io/v1/selfsubjectreviews"


def test_a_right_is_asked_with_the_name(client: PlaneClient, script: Script) -> None:
    script.then(says({"status": {"allowed": True}}, 201))
    group = "rbac.authorization.k8s.io"
    assert client.can_i("create", group=group, resource="clusterroles", name="r") is True
    assert script.asked[0].json["spec"]["resourceAttributes"] == {
        "verb": "create", "group": group, "resource": "clusterroles", "name": "r",
    }  # fmt: skip


def test_a_group_that_is_not_there_is_not_served(client: PlaneClient, script: Script) -> None:
    script.then(text("404 page not found\n", 404))
    assert client.serves("metallb.io/v1beta1", "ipaddresspools") is False
    script.then(says({"resources": [{"name": "ipaddresspools"}]}))
    assert client.serves("metallb.io/v1beta1", "ipaddresspools") is True
    assert script.asked[0].path == "/apis/metallb.io/v1beta1"


def test_an_absent_object_is_none_but_a_missing_kind_is_an_error(client: PlaneClient, script: Script) -> None:
    script.then(refuses(404, "NotFound", name="etcd", kind="clusters"))
    assert client.get(KB_CLUSTER_V1, "etcd", "db") is None
    assert script.asked[0].path == "/apis/apps.kubeblocks.io/v1/namespaces/db/clusters/etcd"
    script.then(text("404 page not found\n", 404))
    with pytest.raises(Rejected) as caught:
        client.get(KB_CLUSTER_V1, "etcd", "db")
    assert (caught.value.sentence.code, caught.value.reason) == ("k8s.kind_missing", "KindMissing")
    assert "k8s-1 does not serve Cluster db/etcd" in str(caught.value)


def test_a_list_is_read_page_by_page_and_its_items_know_their_kind(
    client: PlaneClient, script: Script
) -> None:
    script.then(
        says({"items": [{"metadata": {"name": "a"}}], "metadata": {"continue": "more"}}),
        says({"items": [{"metadata": {"name": "b"}}], "metadata": {}}),
    )
    pods = client.list(POD, "db", labels="app=etcd")
    assert [(pod["metadata"]["name"], pod["kind"], pod["apiVersion"]) for pod in pods] == [
        ("a", "Pod", "v1"),
        ("b", "Pod", "v1"),
    ]
    assert script.asked[0].query == {"labelSelector": "app=etcd", "limit": "500"}
    assert script.asked[1].query["continue"] == "more"


def test_a_list_whose_pages_expired_begins_again(client: PlaneClient, script: Script) -> None:
    script.then(
        says({"items": [{"metadata": {"name": "old"}}], "metadata": {"continue": "more"}}),
        refuses(410, "Expired"),
        says({"items": [{"metadata": {"name": "new"}}]}),
    )
    assert [pod["metadata"]["name"] for pod in client.list(POD)] == ["new"]


@pytest.mark.parametrize(
    ("before", "after", "touch"),
    [
        (ABSENT, says(stored("1"), 201), "created"),
        (says(stored("1")), says(stored("1")), "unchanged"),
        (says(stored("1")), says(stored("2")), "updated"),
    ],
)
def test_apply_tells_what_it_did(
    client: PlaneClient, script: Script, before: Handler, after: Handler, touch: str
) -> None:
    script.then(before, after)
    assert client.apply(ROLE).touch == touch
    asked = script.asked[-1]
    assert (asked.method, asked.path) == ("PATCH", "/apis/rbac.authorization.k8s.io/v1/clusterroles/r")
    assert asked.headers["Content-Type"] == "application/apply-patch+yaml"
    assert asked.query == {"fieldManager": "kbconsole", "fieldValidation": "Strict"}
    assert asked.json == ROLE


def test_an_object_that_somebody_else_made_meanwhile_is_not_called_created(
    client: PlaneClient, script: Script
) -> None:
    script.then(ABSENT, says(stored("7", manager="kubectl")))
    assert client.apply(ROLE).touch == "updated"


def test_a_repeated_apply_whose_first_answer_was_lost_still_created(
    client: PlaneClient, script: Script
) -> None:
    script.then(ABSENT, refuses(503, "ServiceUnavailable"), says(stored("7")))
    assert client.apply(ROLE).touch == "created"


def test_a_dry_run_compares_with_what_is_there(client: PlaneClient, script: Script) -> None:
    script.then(says(stored("1")), says(stored("1")))
    assert client.apply(ROLE, dry_run=True, force=True).touch == "unchanged"
    assert script.asked[-1].query["dryRun"] == "All"
    assert script.asked[-1].query["force"] == "true"
    script.then(says(stored("1", rules=[])), says(stored("1")))
    assert client.apply(ROLE, dry_run=True).touch == "updated"


def test_warnings_of_the_server_are_kept(client: PlaneClient, script: Script) -> None:
    script.then(ABSENT, says(stored("1"), 201, Warning='299 - "unknown field \\"x\\""'))
    assert client.apply(ROLE).warnings == ('unknown field "x"',)


def test_fields_of_other_managers_are_a_conflict_with_their_owner(
    client: PlaneClient, script: Script
) -> None:
    cause = {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "kubectl-client-side-apply" using rbac.authorization.k8s.io/v1',
        "field": ".rules",
    }
    script.then(ABSENT, refuses(409, "Conflict", causes=[cause]))
    with pytest.raises(Conflict) as caught:
        client.apply(ROLE)
    assert caught.value.conflicts == [{"manager": "kubectl-client-side-apply", "field": ".rules"}]
    assert ".rules (kubectl-client-side-apply)" in str(caught.value)
    assert caught.value.ref["name"] == "r"


def test_a_stale_version_is_a_conflict_without_owners(client: PlaneClient, script: Script) -> None:
    script.then(refuses(409, "Conflict", "the object has been modified"))
    with pytest.raises(Conflict) as caught:
        client.delete(SERVICE, "a", "db", uid="u", resource_version="3")
    assert caught.value.conflicts == []
    assert "the object has been modified" in str(caught.value)
    assert script.asked[0].json["preconditions"] == {"uid": "u", "resourceVersion": "3"}
    assert script.asked[0].json["propagationPolicy"] == "Background"


def test_delete_tells_whether_there_was_something(client: PlaneClient, script: Script) -> None:
    script.then(says({"kind": "Status", "status": "Success"}))
    assert client.delete(SERVICE, "a", "db") is True
    script.then(refuses(404, "NotFound", name="a", kind="services"))
    assert client.delete(SERVICE, "a", "db", dry_run=True) is False
    assert script.asked[0].query == {"dryRun": "All"}
    assert script.asked[0].json["dryRun"] == ["All"]


def test_create_posts_and_an_existing_object_is_a_conflict(client: PlaneClient, script: Script) -> None:
    script.then(says(stored("1"), 201))
    assert client.create(ROLE)["metadata"]["uid"] == "u"
    assert (script.asked[0].method, script.asked[0].json) == ("POST", ROLE)
    script.then(refuses(409, "AlreadyExists", name="r"))
    with pytest.raises(Conflict) as caught:
        client.create(ROLE)
    assert str(caught.value).startswith("ClusterRole r exists already on k8s-1")


def test_patch_merges(client: PlaneClient, script: Script) -> None:
    script.then(says(stored("2")))
    client.patch(CLUSTER_ROLE, "r", "", {"metadata": {"labels": {"a": None}}})
    assert script.asked[0].headers["Content-Type"] == "application/merge-patch+json"
    assert script.asked[0].json == {"metadata": {"labels": {"a": None}}}
    assert script.asked[0].query["fieldManager"] == "kbconsole"


def test_a_field_that_the_server_does_not_know_is_named_and_not_repeated(
    client: PlaneClient, script: Script
) -> None:
    message = (
        "failed to create typed patch object (/r; rbac.authorization.k8s.io/v1, Kind=ClusterRole): "
        ".rulez: field not declared in schema"
    )
    script.then(ABSENT, refuses(500, "", message))
    with pytest.raises(Rejected) as caught:
        client.apply(ROLE)
    assert (caught.value.retryable, caught.value.reason) == (False, "UnknownField")
    assert ".rulez" in str(caught.value)
    assert len(script.asked) == 2


def test_a_401_says_to_upload_a_new_kubeconfig(client: PlaneClient, script: Script) -> None:
    script.then(refuses(401, "Unauthorized", "Unauthorized"))
    with pytest.raises(Unauthorised) as caught:
        client.version()
    assert "upload a new kubeconfig" in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_403_names_the_right_that_is_missing(client: PlaneClient, script: Script) -> None:
    message = (
        'clusterroles.rbac.authorization.k8s.io "r" is forbidden: User "u" cannot get resource '
        '"clusterroles" in API group "rbac.authorization.k8s.io" at the cluster scope'
    )
    script.then(refuses(403, "Forbidden", message))
    with pytest.raises(Forbidden) as caught:
        client.get(CLUSTER_ROLE, "r")
    assert caught.value.missing == [
        {
            "apiGroups": ["rbac.authorization.k8s.io"],
            "resources": ["clusterroles"],
            "verbs": ["get"],
            "resourceNames": ["r"],
        }
    ]
    assert "grant: get on clusterroles.rbac.authorization.k8s.io named r." in str(caught.value)


def test_a_403_for_escalation_lists_every_right_that_the_role_may_not_give(
    client: PlaneClient, script: Script
) -> None:
    message = (
        'clusterroles "r" is forbidden: user "u" (groups=["system:authenticated"]) is attempting to grant '
        "RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["configmaps"], Verbs:["create" "get"]}\n'
        '{APIGroups:["apps.kubeblocks.io"], Resources:["clusters"], ResourceNames:["x"], Verbs:["get"]}\n'
        '{NonResourceURLs:["/metrics"], Verbs:["get"]}'
    )
    script.then(ABSENT, refuses(403, "Forbidden", message))
    with pytest.raises(Forbidden) as caught:
        client.apply(ROLE)
    assert caught.value.missing == [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "get"]},
        {
            "apiGroups": ["apps.kubeblocks.io"],
            "resources": ["clusters"],
            "resourceNames": ["x"],
            "verbs": ["get"],
        },
        {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
    ]
    assert "create, get on configmaps" in str(caught.value)


def test_a_missing_namespace_is_not_called_a_missing_object(client: PlaneClient, script: Script) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a", "namespace": "db"}}
    missing = refuses(404, "NotFound", 'namespaces "db" not found', name="db", kind="namespaces")
    script.then(refuses(404, "NotFound", name="a", kind="services"), missing)
    with pytest.raises(Rejected) as caught:
        client.apply(service, dry_run=True)
    assert caught.value.reason == "NotFound"
    assert str(caught.value) == (
        'k8s-1 could not take Service db/a: namespaces "db" not found. '
        "Make the namespace first, or check its name."
    )


def test_every_answer_of_failure_makes_a_whole_sentence(client: PlaneClient, script: Script) -> None:
    for status in (400, 402, 403, 404, 405, 409, 410, 415, 418, 422, 451):
        for answer in (refuses(status, "", "no"), refuses(status, "Odd", "", causes=7), text("x", status)):
            script.then(answer)
            with pytest.raises(KubeError) as caught:
                client.create(ROLE)
            shown = str(caught.value)
            assert "k8s-1" in shown
            assert "ClusterRole r" in shown
            assert shown.endswith(".")
            assert "?" not in shown
            assert " )" not in shown
            assert "%(" not in shown
            assert caught.value.http_status == status


LIES: list[object] = [
    {"kind": "Banana"}, {"metadata": None}, {"metadata": {"name": 5}}, {"metadata": {"name": ""}},
    {"metadata": {"name": "n" * 254}}, {"metadata": {"name": "r", "uid": ["u"]}},
    {"metadata": {"name": "r", "labels": "x"}}, {"metadata": {"name": "r"}, "status": []},
    {"metadata": {"name": "r"}, "spec": "x"},
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_is_no_object_is_refused_at_the_door(
    client: PlaneClient, script: Script, lie: object
) -> None:
    script.then(says(lie))
    with pytest.raises(Rejected, match="did not answer like a Kubernetes API server"):
        client.get(CLUSTER_ROLE, "r")
    script.then(says({"items": [lie]}))
    with pytest.raises(Rejected, match="did not answer like a Kubernetes API server"):
        client.list(POD, "db")


@pytest.mark.parametrize("items", [7, "x", {"a": 1}, [None], ["x"]])
def test_a_list_of_something_else_is_refused(client: PlaneClient, script: Script, items: object) -> None:
    script.then(says({"items": items}))
    with pytest.raises(Rejected, match="did not answer like a Kubernetes API server"):
        client.list(POD, "db")


def test_a_list_without_items_is_empty(client: PlaneClient, script: Script) -> None:
    script.then(says({"items": None}))
    assert client.list(POD, "db") == []
