"""Objects as they are compared and copied."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import yaml

from kbconsole.common.errors import ConsoleError
from kbconsole.k8s import commands, kinds
from kbconsole.k8s.manifests import canonical, changed_fields, pod_role
from kbconsole.k8s.rules import broad, diff_rules, rule_set, rules_digest, show_right

RULES = [
    {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["get", "list"]},
    {"apiGroups": ["apps.kubeblocks.io"], "resources": ["clusters/status"], "verbs": ["get"]},
]
SOURCE: dict[str, Any] = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {
        "name": "kubeblocks-cluster-pod-role",
        "uid": "u",
        "resourceVersion": "7",
        "generation": 2,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "selfLink": "/x",
        "finalizers": ["keep/me"],
        "ownerReferences": [{"name": "chart"}],
        "managedFields": [{"manager": "helm"}],
        "labels": {
            "app.kubernetes.io/managed-by": "Helm",
            "app.kubernetes.io/required-by": "pod",
            "helm.sh/chart": "kubeblocks-0.9.5",
            "team": "dba",
        },
        "annotations": {
            "meta.helm.sh/release-name": "kubeblocks",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
        },
    },
    "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"app.kubernetes.io/required-by": "pod"}}]},
    "rules": RULES,
}


def test_a_copied_role_keeps_its_rules_and_nothing_that_harms() -> None:
    assert pod_role(SOURCE, "control") == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": "kubeblocks-cluster-pod-role",
            "labels": {"team": "dba", "app.kubernetes.io/managed-by": "kbconsole"},
            "annotations": {
                "kbconsole.io/source-plane": "control",
                "kbconsole.io/rules-digest": rules_digest(RULES),
            },
        },
        "rules": RULES,
    }


@pytest.mark.parametrize("rules", [None, [], [{"apiGroups": [""], "resources": ["pods"], "verbs": []}]])
def test_a_role_without_rules_is_not_copied(rules: Any) -> None:
    with pytest.raises(ConsoleError) as caught:
        pod_role({**SOURCE, "rules": rules}, "control")
    assert "kubeblocks-cluster-pod-role on control has no rules" in str(caught.value)


def test_the_canonical_form_has_nothing_of_the_server() -> None:
    plain = canonical({**SOURCE, "status": {"phase": "x"}})
    assert set(plain) == {"apiVersion", "kind", "metadata", "aggregationRule", "rules"}
    assert set(plain["metadata"]) == {"name", "finalizers", "ownerReferences", "labels", "annotations"}
    assert plain["metadata"]["annotations"] == {"meta.helm.sh/release-name": "kubeblocks"}
    assert "uid" in SOURCE["metadata"]


def test_changed_fields_are_named_with_both_values() -> None:
    before = {
        "metadata": {"name": "a", "resourceVersion": "1", "annotations": {"x.io/a": "1"}},
        "spec": {"ports": [{"port": 1, "name": "p"}], "tags": ["a"], "gone": True},
        "status": {"a": 1},
    }
    after = {
        "metadata": {"name": "a", "resourceVersion": "2", "annotations": {"x.io/a": "2"}, "labels": {}},
        "spec": {"ports": [{"port": 2, "name": "p"}], "tags": ["a", "b"], "empty": []},
        "status": {"a": 2},
    }
    assert changed_fields(before, after) == [
        {"path": 'metadata.annotations["x.io/a"]', "before": "1", "after": "2"},
        {"path": "spec.gone", "before": True, "after": None},
        {"path": "spec.ports[0].port", "before": 1, "after": 2},
        {"path": "spec.tags", "before": ["a"], "after": ["a", "b"]},
    ]
    assert changed_fields(after, after) == []


def test_a_changed_zero_or_false_is_a_change() -> None:
    assert changed_fields({"spec": {"a": 0}}, {"spec": {"a": None}}) == [
        {"path": "spec.a", "before": 0, "after": None}
    ]
    assert changed_fields({"spec": {"a": False}}, {"spec": {}})[0]["path"] == "spec.a"


def test_rules_that_mean_the_same_are_the_same() -> None:
    other = [
        {"apiGroups": ["apps.kubeblocks.io"], "resources": ["clusters/status"], "verbs": ["get", "get"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["list", "get"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    ]
    assert diff_rules(RULES, other).same
    assert rules_digest(RULES) == rules_digest(other)


def test_a_difference_says_what_is_missing_and_what_is_too_much() -> None:
    target = [{"apiGroups": [""], "resources": ["pods"], "resourceNames": ["x"], "verbs": ["get"]}]
    found = diff_rules([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}], target)
    assert [show_right(right) for right in found.missing] == ["get pods"]
    assert [show_right(right) for right in found.extra] == ["get pods named x"]
    assert rule_set(None) == frozenset()
    assert rule_set([{"nonResourceURLs": ["/m"], "verbs": ["get"]}]) == {("/m", "get")}


@pytest.mark.parametrize(
    ("group", "resource", "verb", "words"),
    [
        ("*", "*", "*", "everything on every resource"),
        ("", "secrets", "get", "get on secrets"),
        ("", "pods/exec", "create", "commands inside pods"),
        ("rbac.authorization.k8s.io", "clusterroles", "escalate", "more rights than its own"),
        ("rbac.authorization.k8s.io", "rolebindings", "create", "more rights than its own"),
        ("", "nodes/proxy", "get", "every kubelet"),
        ("apps", "*", "get", "every resource of apps"),
        ("", "pods", "*", "every verb on pods"),
    ],
)
def test_broad_rights_are_named(group: str, resource: str, verb: str, words: str) -> None:
    found = broad([{"apiGroups": [group], "resources": [resource], "verbs": [verb]}])
    assert words in str(found[0])


def test_the_rights_of_database_pods_are_not_broad() -> None:
    assert broad(RULES) == []


def test_the_commands_are_what_a_person_would_type() -> None:
    text = commands.kubectl_apply(pod_role(SOURCE, "control"), "k8s-1")
    first, *rest = text.splitlines()
    assert first == ("kubectl --context k8s-1 apply --server-side --field-manager=kbconsole -f - <<'EOF'")
    assert rest[-1] == "EOF"
    assert yaml.safe_load("\n".join(rest[:-1])) == pod_role(SOURCE, "control")
    assert commands.kubectl_get(kinds.POD, context="k8s-1", labels="a=b") == (
        "kubectl --context k8s-1 get pods -l a=b --all-namespaces"
    )
    assert commands.kubectl_delete(kinds.KB_CLUSTER_V1, "etcd", "db", context="k8s-1") == (
        "kubectl --context k8s-1 -n db delete clusters.apps.kubeblocks.io etcd --ignore-not-found"
    )
    group = "rbac.authorization.k8s.io"
    assert commands.kubectl_can_i("create", resource="clusterroles", group=group, name="r", context="c") == (
        "kubectl --context c auth can-i create clusterroles.rbac.authorization.k8s.io/r"
    )


def test_nothing_in_a_manifest_can_end_its_here_document() -> None:
    obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a"},
        "data": {"x": "a\nEOF\nrm -rf /"},
    }
    lines = commands.kubectl_apply(obj, "k8s-1; rm").splitlines()
    mark = lines[0].split("<<")[1].strip("'")
    assert lines.index(mark) == len(lines) - 1
    assert shlex.split(lines[0])[2] == "k8s-1; rm"


def test_a_name_cannot_walk_out_of_its_path() -> None:
    assert kinds.POD.path("db", "a") == "/api/v1/namespaces/db/pods/a"
    assert kinds.CLUSTER_ROLE.path(name="system:node").endswith("/clusterroles/system:node")
    for name in ("..", "a/b", "a%2fb"):
        with pytest.raises(ValueError, match="no name"):
            kinds.POD.path("db", name)
    assert kinds.POD.path("db", "a?b=c").endswith("/a%3Fb%3Dc")
    with pytest.raises(ValueError, match="needs a namespace"):
        kinds.POD.path(name="a")
    with pytest.raises(KeyError):
        kinds.kind_named("v1", "Unknown")


@pytest.mark.parametrize(
    "word", ["1e3", "12E03", "y", "N", "0o17", "1.", ".5", "1_000", "no", "~", "0x1f", "1:30"]
)
def test_a_text_that_kubectl_would_take_for_a_number_or_a_truth_is_quoted(word: str) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"word": word}}
    assert f"word: '{word}'" in commands.manifest_yaml(config)
    assert "word: e3\n" in commands.manifest_yaml({**config, "data": {"word": "e3"}})


def test_a_creation_by_hand_takes_nothing_over() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"b": "EOF"}}
    command = commands.kubectl_create(config, "k8s-1")
    assert command.startswith("kubectl --context k8s-1 create --field-manager=kbconsole -f - <<'EOF'\n")
