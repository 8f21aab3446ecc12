"""Every call of the console's client, with the parameters that it sends, and the answers that it must understand."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from kbconsole.k8s import kinds
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import Conflict, KubeError, Rejected
from tests.contract.conftest import LINES, Case
from tests.contract.samples import cluster, config_map, namespace, role

Object = dict[str, Any]


def kept(name: str, **data: str) -> Object:
    body = config_map(name, **data)
    body["metadata"]["namespace"] = "default"
    return body


def in_default(body: Object) -> Object:
    return {**body, "metadata": {**body["metadata"], "namespace": "default"}}


def refusal(call: Callable[[], object]) -> KubeError:
    with pytest.raises(KubeError) as caught:
        call()
    return caught.value


def version(case: Case) -> None:
    assert case.client().version().startswith("v1.36.")


def whoami(case: Case) -> None:
    client = case.fleet_of("0.9").client("k8s-1", "kbconsole")
    found = client.whoami()
    client.close()
    assert found["username"] == "kbconsole"
    case.note([found["username"], sorted(found["groups"])])  # its uid is a matter of how the user signs in


def serves(case: Case) -> None:
    client = case.client()
    assert client.serves("v1", "services")
    assert client.serves("rbac.authorization.k8s.io/v1", "clusterroles")
    assert not client.serves("v1", "nothings")
    assert not client.serves("nothing.example.org/v1", "things")
    assert not client.serves(kinds.KB_CLUSTER_V1ALPHA1.api_version, "clusters")
    assert case.client(plane="control-plane").serves(kinds.KB_CLUSTER_V1ALPHA1.api_version, "clusters")


def groups(case: Case) -> None:
    # Unrecorded: a real server has many groups that the console never asks for.
    plane, control = (case.fleet_of("0.9").client(name) for name in ("k8s-1", "control-plane"))
    try:
        found = set(plane.groups())
        assert {"apps", "rbac.authorization.k8s.io"} <= found
        assert "apps.kubeblocks.io" not in found
        assert "apps.kubeblocks.io" in control.groups()
    finally:
        plane.close()
        control.close()


def can_i(case: Case) -> None:
    client = case.client("nobody")
    assert not client.can_i("get", resource="secrets", namespace="default")
    assert case.client().can_i("delete", group="apps", resource="deployments", subresource="status", name="x")


def get(case: Case) -> None:
    client = case.client()
    assert client.get(kinds.CONFIG_MAP, case.name, "default") is None
    assert client.get(kinds.CONFIG_MAP, case.name, "nowhere") is None
    assert client.get(kinds.CLUSTER_ROLE, case.name) is None
    made = client.apply(kept(case.name, a="1")).object
    assert client.get(kinds.CONFIG_MAP, case.name, "default") == made
    error = refusal(lambda: client.get(kinds.KB_CLUSTER_V1, case.name, "default"))
    assert isinstance(error, Rejected)
    assert error.reason == "KindMissing"


def list_(case: Case) -> None:
    client = case.client()
    made = kept(case.name)
    made["metadata"]["labels"] = {"set": case.name}
    client.apply(made)
    for namespace_ in ("default", ""):
        found = client.list(kinds.CONFIG_MAP, namespace_, labels=f"set={case.name}")
        assert [(item["kind"], item["metadata"]["name"]) for item in found] == [("ConfigMap", case.name)]
    assert client.list(kinds.CONFIG_MAP, "default", fields=f"metadata.name={case.name}") == found
    assert client.list(kinds.CONFIG_MAP, "nowhere") == []
    assert client.list(kinds.EVENT, "nowhere", fields=f"involvedObject.name={case.name}") == []
    refusal(lambda: client.list(kinds.CONFIG_MAP, "default", labels="a in b"))
    refusal(lambda: client.list(kinds.KB_CLUSTER_V1))


def apply(case: Case) -> None:
    client = case.client()
    shown = client.apply(kept(case.name, a="1"), dry_run=True)
    assert shown.touch == "created"
    assert [client.apply(kept(case.name, a=value)).touch for value in "112"] == [
        "created",
        "unchanged",
        "updated",
    ]
    assert client.apply(kept(case.name, a="2"), dry_run=True).touch == "unchanged"
    other = case.client(manager="other")
    error = refusal(lambda: other.apply(kept(case.name, a="3"), dry_run=True))
    assert isinstance(error, Conflict)
    assert error.conflicts == [{"manager": "kbconsole", "field": ".data.a"}]
    assert other.apply(kept(case.name, a="3"), dry_run=True, force=True).object["data"] == {"a": "3"}
    assert other.apply(kept(case.name, a="3"), force=True).touch == "updated"
    unknown = refusal(lambda: client.apply({**kept(case.name), "datum": {}}))
    assert unknown.reason == "UnknownField"
    elsewhere = config_map(case.name)
    elsewhere["metadata"]["namespace"] = "nowhere"
    assert refusal(lambda: client.apply(elsewhere)).sentence.code == "k8s.namespace_missing"
    stale = kept(case.name, a="3")
    stale["metadata"]["resourceVersion"] = "1"
    assert refusal(lambda: client.apply(stale)).sentence.code == "k8s.changed_meanwhile"
    assert refusal(lambda: client.apply(in_default(cluster(case.name, "0.9")))).reason == "KindMissing"
    assert client.apply(namespace(case.name)).touch == "created"
    assert client.apply(role(case.name, "get")).touch == "created"


def create(case: Case) -> None:
    client = case.client()
    assert client.create(kept(case.name), dry_run=True)["metadata"]["name"] == case.name
    client.create(kept(case.name))
    assert refusal(lambda: client.create(kept(case.name))).sentence.code == "k8s.already_exists"
    generated = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"generateName": "g-", "namespace": "default"},
    }
    assert client.create(generated)["metadata"]["name"].startswith("g-")
    assert refusal(lambda: client.create({**kept(f"{case.name}-b"), "datum": 1})).reason == "UnknownField"


def patch(case: Case) -> None:
    client = case.client()
    held = kept(case.name)
    held["metadata"]["finalizers"] = ["example.org/a", "example.org/b"]
    uid = client.apply(held).object["metadata"]["uid"]
    one = {"metadata": {"uid": uid, "finalizers": ["example.org/a"]}}
    shown = client.patch(kinds.CONFIG_MAP, case.name, "default", one, dry_run=True)
    assert shown["metadata"]["finalizers"] == ["example.org/a"]
    client.patch(kinds.CONFIG_MAP, case.name, "default", one)
    wrong = {"metadata": {"uid": "someone-else", "finalizers": []}}
    refusal(lambda: client.patch(kinds.CONFIG_MAP, case.name, "default", wrong))
    client.patch(kinds.CONFIG_MAP, case.name, "default", {"metadata": {"finalizers": None}})
    refusal(lambda: client.patch(kinds.CONFIG_MAP, f"{case.name}-absent", "default", one))
    client.patch(kinds.NAMESPACE, "default", "", {"status": {}}, subresource="status", dry_run=True)


def delete(case: Case) -> None:
    client = case.client()
    made = client.apply(kept(case.name)).object["metadata"]

    def remove(**options: Any) -> bool:
        return client.delete(kinds.CONFIG_MAP, case.name, "default", **options)

    assert refusal(lambda: remove(uid="other")).sentence.code == "k8s.changed_meanwhile"
    assert refusal(lambda: remove(resource_version="1")).sentence.code == "k8s.changed_meanwhile"
    assert remove(uid=made["uid"], dry_run=True)
    assert remove(uid=made["uid"], resource_version=made["resourceVersion"])
    assert not remove(uid=made["uid"])
    assert not client.delete(kinds.CONFIG_MAP, case.name, "nowhere")
    refusal(lambda: client.delete(kinds.KB_CLUSTER_V1, case.name, "default"))
    client.apply(kept(case.name))
    assert remove(propagation="Foreground")
    client.patch(kinds.CONFIG_MAP, case.name, "default", {"metadata": {"finalizers": None}})


CALLS: dict[str, Callable[[Case], None]] = {
    "version": version,
    "whoami": whoami,
    "serves": serves,
    "groups": groups,
    "can_i": can_i,
    "get": get,
    "list": list_,
    "apply": apply,
    "create": create,
    "patch": patch,
    "delete": delete,
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_of_the_console(case: Case, call: str) -> None:
    CALLS[call](case)


def test_every_call_of_the_client_is_made_here_with_every_option() -> None:
    methods = dict(inspect.getmembers(PlaneClient, inspect.isfunction))
    public = {name for name in methods if not name.startswith("_")} - {"close", "pinned"}  # no calls
    assert set(CALLS) == public
    for name in public:
        source = inspect.getsource(CALLS[name])
        options = [
            option
            for option in inspect.signature(methods[name]).parameters.values()
            if option.kind is inspect.Parameter.KEYWORD_ONLY
        ]
        missing = [option.name for option in options if f"{option.name}=" not in source]
        assert missing in ([], ["subresource"]) if name == "apply" else not missing, (name, missing)


@pytest.mark.parametrize("line", LINES)
def test_a_cluster_is_created_applied_seen_and_deleted(case: Case, line: str) -> None:
    client = case.client(plane="control-plane", line=line)
    body = in_default(cluster(case.name, line))
    kind = kinds.kind_of(body)
    assert client.apply(body, dry_run=True).touch == "created"
    made = client.create(body)
    if line == "1.0":  # what was created holds a default that an apply does not send: two writers of one name
        own = refusal(lambda: client.apply(body))
        assert isinstance(own, Conflict)
        assert own.conflicts == [{"manager": "kbconsole", "field": ".spec.componentSpecs"}]
    assert client.apply(body, force=True).touch == "updated"
    assert client.apply(body).touch == "unchanged"
    status = {"apiVersion": body["apiVersion"], "kind": "Cluster", "metadata": body["metadata"]}
    assert client.apply({**status, "status": {"phase": "Creating"}}, subresource="status").touch == "updated"
    wrong = in_default(cluster(f"{case.name}-b", line, policy="Never"))
    refusal(lambda: client.create(wrong, dry_run=True))
    assert client.delete(kind, case.name, "default", uid=made["metadata"]["uid"])
    assert client.get(kind, case.name, "default") is None
