"""Aggregated roles belong to their controller."""

from __future__ import annotations

import pytest

from kbconsole.demo.aggregation import MANAGER, Aggregation
from tests.contract.conftest import Case, Object
from tests.contract.granting import CLUSTER_ROLES, role, rule

EVENTS, PODS = rule("", "events", "create"), rule("", "pods", "get")


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}, 201),
        ({}, 422),
        ({"clusterRoleSelectors": []}, 422),
        ({"clusterRoleSelectors": [{"matchLabels": {"a": "_"}}]}, 422),
        ({"clusterRoleSelectors": [{"matchExpressions": [{"key": "a", "operator": "Inn"}]}]}, 422),
    ],
)
def test_what_an_aggregation_rule_may_say(case: Case, rules: Object, code: int) -> None:
    made = role("r", PODS, aggregationRule=rules)
    assert case.raw().create(CLUSTER_ROLES, made, dryRun="All").code == code


def test_the_controller_fills_the_role_and_owns_its_rules(case: Case) -> None:
    case.needs("kube-controller-manager")
    raw, path, member = case.raw(), f"{CLUSTER_ROLES}/{case.name}", f"{case.name}-member"
    selectors = {"clusterRoleSelectors": [{"matchLabels": {"for": case.name}}]}
    stand_in = Aggregation(case.fleet_of("0.9").client("k8s-1", manager=MANAGER))

    def becomes(*rules: Object) -> None:
        def same() -> bool:
            if case.backend == "embedded":
                stand_in.step()
            return (raw.quiet.get(path).body.get("rules") or []) == list(rules)

        case.eventually(same)

    raw.quiet.create(CLUSTER_ROLES, role(case.name, aggregationRule=selectors))
    labelled = role(member, PODS) | {"metadata": {"name": member, "labels": {"for": case.name}}}
    raw.quiet.create(CLUSTER_ROLES, labelled)
    becomes(PODS)
    refused = raw.apply(path, role(case.name, EVENTS, aggregationRule=selectors))
    assert (refused.code, refused.reason) == (409, "Conflict")
    assert f'conflict with "{MANAGER}"' in refused.message
    raw.quiet.apply(path, role(case.name, EVENTS, aggregationRule=selectors), force="true")
    becomes(PODS)
    raw.quiet.merge(f"{CLUSTER_ROLES}/{member}", {"rules": [EVENTS, PODS]})
    becomes(EVENTS, PODS)
    raw.quiet.delete(path)
    raw.quiet.delete(f"{CLUSTER_ROLES}/{member}")
    stand_in.plane.close()
