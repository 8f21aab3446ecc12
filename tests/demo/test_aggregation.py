"""An aggregated ClusterRole belongs to its controller, as measured on a real one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kbconsole.demo.aggregation import MANAGER, Aggregation
from kbconsole.demo.fleet import EmbeddedFleet
from tests.demo.conftest import RBAC, Raw

Object = dict[str, Any]
NAME = "literal-copy"
EVENTS = {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]}
PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}


def role(name: str, rules: list[Object], **extra: Any) -> Object:
    metadata = {"name": name, "labels": extra.pop("labels", {})}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": metadata,
        "rules": rules,
    } | extra


@pytest.fixture
def controller(servers: EmbeddedFleet) -> Iterator[Aggregation]:
    client = servers.client("k8s-1", manager=MANAGER)
    yield Aggregation(client)
    client.close()


def test_a_literal_copy_survives_until_a_member_appears_and_is_empty_when_it_goes(
    raw: Raw, controller: Aggregation
) -> None:
    copy = role(
        NAME, [EVENTS, PODS], aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"for": NAME}}]}
    )
    path = f"{RBAC}/clusterroles"
    raw.apply(f"{path}/{NAME}", copy)
    controller.step()
    assert raw.get(f"{path}/{NAME}").body["rules"] == [EVENTS, PODS]
    raw.create(path, role("member", [PODS], labels={"for": NAME}))
    controller.step()
    assert raw.get(f"{path}/{NAME}").body["rules"] == [PODS]
    refused = raw.apply(f"{path}/{NAME}", copy)
    assert f'conflict with "{MANAGER}": .rules' in refused.body["message"]
    raw.ask("DELETE", f"{path}/member")
    controller.step()
    assert not raw.get(f"{path}/{NAME}").body.get("rules")


def test_the_control_planes_role_is_filled_from_its_members(servers: EmbeddedFleet) -> None:
    client = servers.client(servers.control_plane, manager=MANAGER)
    control = Raw(servers, servers.control_plane)
    path = f"{RBAC}/clusterroles/kubeblocks-cluster-pod-role"
    before = control.get(path).body["rules"]
    control.merge(path, {"rules": []})
    Aggregation(client).step()
    client.close()
    assert control.get(path).body["rules"] == before
