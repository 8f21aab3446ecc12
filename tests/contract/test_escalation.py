"""Nobody grants what he does not hold: RBAC's own guard, also in a dry run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kbconsole.k8s.errors import Forbidden
from tests.contract.conftest import Answer, Case, Object, Raw
from tests.contract.granting import CLUSTER_ROLES, GROUP, binding, granted, paths, role, rule

WRITER = rule(GROUP, "clusterroles roles rolebindings clusterrolebindings", "create patch update get")
NOT_HELD = "is attempting to grant RBAC permissions not currently held:\n"
AGGREGATED = {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
WANTED = (
    rule("", "events", "create"),
    rule("", "pods", "get list"),
    rule("", "pods", "get", "one", "two"),
    rule("apps", "deployments", "*"),
    {"nonResourceURLs": ["/x", "/y"], "verbs": ["get"]},
    rule("", "secrets", "get list watch"),
    rule("", "configmaps", "get"),
)


@contextmanager
def writer(case: Case, *more: Object) -> Iterator[Raw]:
    """nobody may write roles, read one pod and all secrets."""
    held = (rule("", "pods", "get", "one"), rule("", "secrets", "get"), *more, WRITER)
    with granted(case, *held) as nobody:
        yield nobody


def refused(answer: Answer) -> list[str]:
    """Return the missing rights that a refusal lists."""
    assert (answer.code, answer.reason) == (403, "Forbidden")
    assert NOT_HELD in answer.message
    return answer.message.split(NOT_HELD)[1].split("\n")


def test_the_missing_rights_are_listed_also_in_a_dry_run(case: Case) -> None:
    space = case.namespace()
    with writer(case) as nobody:
        for query in ({}, {"dryRun": "All"}):
            name = f"{case.name}-r"
            listed = refused(nobody.apply(f"{CLUSTER_ROLES}/{name}", role(name, *WANTED), **query))
            assert '{APIGroups:[""], Resources:["events"], Verbs:["create"]}' in listed
            assert '{APIGroups:[""], Resources:["pods"], ResourceNames:["two"], Verbs:["get"]}' in listed
            assert '{APIGroups:[""], Resources:["secrets"], Verbs:["list" "watch"]}' in listed
            assert '{NonResourceURLs:["/x"], Verbs:["get"]}' in listed
            assert refused(nobody.create(CLUSTER_ROLES, role(name, *WANTED), **query)) == listed
            inside = role(name, *WANTED, kind="Role")
            refused(nobody.create(paths(space)[0], inside, **query))


@pytest.mark.parametrize(
    "rules",
    [
        [rule("", "pods", "get")],
        [rule("", "secrets", "list", "x")],
        [rule("*", "*", "*")],
        [rule("", "pods pods/log", "get list", "one")],
        [rule("", "pods", "get"), rule("apps", "pods", "get"), rule("", "pods", "list")],
        [{"apiGroups": ["", "apps"], "resources": ["pods", "events"], "verbs": ["get", "list"]}],
        [rule("", "pods", "get list watch"), rule("", "events", "list get")],
        [rule("", "b a", "z a")],
        [{"nonResourceURLs": ["*"], "verbs": ["*"]}],
    ],
)
def test_how_they_are_put_together(case: Case, rules: list[Object]) -> None:
    name = f"{case.name}-r"
    with writer(case) as nobody:
        refused(nobody.create(CLUSTER_ROLES, role(name, *rules), dryRun="All"))


def test_what_is_held_may_be_granted(case: Case) -> None:
    name = f"{case.name}-r"
    with writer(case) as nobody:
        held = role(name, rule("", "pods", "get", "one"), rule("", "secrets", "get", "any"))
        assert nobody.create(CLUSTER_ROLES, held, dryRun="All").code == 201
        assert nobody.quiet.create(CLUSTER_ROLES, role(name), dryRun="All").code == 201


def test_what_is_held_in_a_namespace_may_be_granted_there_only(case: Case) -> None:
    space, name = case.namespace(), f"{case.name}-r"
    maps = rule("", "configmaps", "get")
    with writer(case) as nobody, granted(case, maps, namespace=space, tag="-in"):
        assert nobody.create(paths(space)[0], role(name, maps, kind="Role"), dryRun="All").code == 201
        refused(nobody.create(CLUSTER_ROLES, role(name, maps), dryRun="All"))


def test_a_role_that_grants_more_may_be_labelled_no_more_and_only_shrink(case: Case) -> None:
    path, name = f"{CLUSTER_ROLES}/{case.name}-r", f"{case.name}-r"
    events, secrets = rule("", "events", "get"), rule("", "secrets", "get")
    case.raw().create(CLUSTER_ROLES, role(name, events))
    with writer(case) as nobody:
        refused(nobody.merge(path, {"metadata": {"labels": {"a": "b"}}}))
        refused(nobody.merge(path, {"rules": [events, secrets]}))
        assert nobody.merge(path, {"metadata": {"finalizers": ["example.org/f"]}}).code == 200
        assert nobody.merge(path, {"rules": [secrets]}).code == 200
        assert nobody.put(path, role(name, secrets)).code == 200
    case.raw().delete(path)


def test_the_console_makes_a_table_of_the_refusal(case: Case) -> None:
    with writer(case):
        client = case.client("nobody")
        with pytest.raises(Forbidden) as raised:
            client.apply(role(f"{case.name}-r", *WANTED), dry_run=True)
    missing = raised.value.missing
    assert {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]} in missing
    assert {"nonResourceURLs": ["/y"], "verbs": ["get"]} in missing


def test_escalate_on_a_name_lets_it(case: Case) -> None:
    free = f"{case.name}-free"
    with writer(case, rule(GROUP, "clusterroles", "escalate", free)) as nobody:
        assert nobody.apply(f"{CLUSTER_ROLES}/{free}", role(free, *WANTED), dryRun="All").code == 201
        other = f"{case.name}-other"
        refused(nobody.apply(f"{CLUSTER_ROLES}/{other}", role(other, *WANTED), dryRun="All"))
        gathering = role(free, aggregationRule=AGGREGATED)
        assert nobody.apply(f"{CLUSTER_ROLES}/{free}", gathering, dryRun="All").code == 201


def test_an_aggregation_rule_needs_an_administrator(case: Case) -> None:
    name = f"{case.name}-r"
    with writer(case) as nobody:
        for query in ({}, {"dryRun": "All"}):
            answer = nobody.create(CLUSTER_ROLES, role(name, aggregationRule=AGGREGATED), **query)
            assert (answer.code, answer.reason) == (403, "Forbidden")
            assert answer.message.endswith("must have cluster-admin privileges to use the aggregationRule")
        both = role(name, rule("", "pods", "get"), aggregationRule=AGGREGATED)
        refused(nobody.create(CLUSTER_ROLES, both))


def test_a_binding_needs_the_rules_or_the_right_to_bind(case: Case) -> None:
    space, name = case.namespace(), f"{case.name}-r"
    where = paths(space)[1]
    case.raw().create(CLUSTER_ROLES, role(name, rule("", "events", "create")))
    with writer(case) as nobody:
        for query in ({}, {"dryRun": "All"}):
            refused(nobody.create(where, binding("b", name, namespace=space), **query))
            refused(nobody.create(where, binding("b", "cluster-admin", namespace=space), **query))
        refused(nobody.create(paths("")[1], binding(name, "cluster-admin")))
    bind = rule(GROUP, "clusterroles", "bind", name, "absent")
    with writer(case, bind) as nobody:
        assert nobody.create(where, binding("b", name, namespace=space)).code == 201
        assert nobody.create(where, binding("c", "absent", namespace=space)).code == 201
        refused(nobody.create(where, binding("d", "cluster-admin", namespace=space)))
    case.raw().delete(f"{CLUSTER_ROLES}/{name}")


def test_a_binding_to_a_missing_role(case: Case) -> None:
    space = case.namespace()
    where = paths(space)[1]
    with writer(case) as nobody:
        for kind in ("ClusterRole", "Role"):
            answer = nobody.create(where, binding("b", "absent", kind=kind, namespace=space))
            assert (answer.code, answer.reason) == (404, "NotFound")
        assert nobody.apply(f"{where}/b", binding("b", "absent", namespace=space)).code == 404
    assert case.raw().create(where, binding("b", "absent", namespace=space)).code == 201


def test_a_role_reference_never_changes(case: Case) -> None:
    space = case.namespace()
    where = paths(space)[1]
    raw = case.raw()
    raw.create(where, binding("b", "one", namespace=space))
    other = binding("b", "two", namespace=space)
    for answer in (
        raw.put(f"{where}/b", other),
        raw.merge(f"{where}/b", {"roleRef": {"name": "two"}}),
        raw.apply(f"{where}/b", other, force="true"),
        raw.apply(f"{where}/b", other, force="true", dryRun="All"),
    ):
        assert (answer.code, answer.reason) == (422, "Invalid")
        assert [cause["field"] for cause in answer.causes] == ["roleRef"]
        assert "cannot change roleRef" in answer.message
    assert raw.merge(f"{where}/b", {"subjects": None}).code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"subjects": []},
        {"subjects": [{"kind": "User", "name": "u"}]},
        {"subjects": [{"kind": "ServiceAccount", "name": "u"}]},
        {"subjects": [{"kind": "ServiceAccount", "name": "u", "namespace": "n", "apiGroup": GROUP}]},
        {"subjects": [{"kind": "ServiceAccount", "name": "U_", "namespace": "n"}]},
        {"subjects": [{"kind": "Robot", "name": "u"}]},
        {"subjects": [{"kind": "Group", "name": ""}]},
        {"subjects": [{"kind": "User", "name": "u", "apiGroup": "x"}]},
        {"roleRef": {"apiGroup": GROUP, "kind": "Thing", "name": "x"}},
        {"roleRef": {"apiGroup": "", "kind": "ClusterRole", "name": "view"}},
        {"roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": ""}},
        {"roleRef": {"apiGroup": "x", "kind": "ClusterRole", "name": "view"}},
        {"roleRef": {"kind": "ClusterRole", "name": "view"}},
        {"roleRef": None},
    ],
)
def test_what_a_binding_may_say(case: Case, change: Object) -> None:
    space = case.namespace()
    made = binding("b", "view", namespace=space) | change
    made = {key: value for key, value in made.items() if value is not None}
    answer = case.raw().create(paths(space)[1], made, dryRun="All")
    assert answer.code in (201, 422)
    assert bool(answer.causes) == (answer.code == 422)


@pytest.mark.parametrize("kind", ["ClusterRole", "Role"])
@pytest.mark.parametrize(
    "one",
    [
        {"verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": []},
        {"apiGroups": [], "resources": ["pods"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": [], "verbs": ["get"]},
        {"nonResourceURLs": ["/x"], "apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
        {"nonResourceURLs": ["/x"], "verbs": ["get"]},
    ],
)
def test_what_a_rule_may_say(case: Case, kind: str, one: Object) -> None:
    space = case.namespace()
    where = paths(space if kind == "Role" else "")[0]
    answer = case.raw().create(where, role("r", one, kind=kind), dryRun="All")
    assert answer.code == (
        201 if kind == "ClusterRole" and list(one) == ["nonResourceURLs", "verbs"] else 422
    )


def test_no_rules_are_null(case: Case) -> None:
    spelt: list[Object] = [{"rules": []}, {"rules": None}, {}]
    for rules in spelt:
        made = {key: value for key, value in role("r").items() if key != "rules"} | rules
        answer = case.raw().quiet.create(CLUSTER_ROLES, made, dryRun="All")
        assert answer.code == 201
        assert answer.body["rules"] is None
