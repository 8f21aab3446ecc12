"""Addresses, ports and types of services, and what is wrong with some."""

from __future__ import annotations

import ipaddress
from contextlib import closing
from typing import Any

import pytest

from kbconsole.k8s.kinds import SERVICE_CIDR
from tests.contract.conftest import Case, Object

TAKEN = "provided port is already allocated"
OUTSIDE = "provided port is not in the valid range. The range of valid ports is 30000-32767"


def service(name: str, kind: str | None = None, ports: list[Object] | None = None, **spec: Any) -> Object:
    made = {"ports": [{"port": 80}] if ports is None else ports} | ({"type": kind} if kind else {}) | spec
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": made}


def where(space: str, name: str = "", subresource: str = "") -> str:
    return "/".join(part for part in (f"/api/v1/namespaces/{space}/services", name, subresource) if part)


@pytest.mark.parametrize(
    "made",
    [
        service("s"),
        service("s", "NodePort"),
        service("s", "LoadBalancer"),
        service("s", clusterIP="None"),
        service("s", clusterIP="None", selector={"a": "b"}),
        service("s", clusterIP="None", ports=[]),
        service("s", clusterIP=""),
        service("s", "ExternalName", externalName="x.example.org"),
        service("s", "ExternalName", ports=[], externalName="x.example.org"),
        service("s", sessionAffinity="ClientIP"),
        service("s", "LoadBalancer", allocateLoadBalancerNodePorts=False),
        service("s", "LoadBalancer", externalTrafficPolicy="Local"),
        service("s", "LoadBalancer", loadBalancerClass="example.org/balancer"),
        service("s", "NodePort", externalTrafficPolicy="Local", internalTrafficPolicy="Local"),
        service("s", publishNotReadyAddresses=True),
        service("s", publishNotReadyAddresses=False),
        service("s", ports=[{"port": 80, "targetPort": 0}]),
        service(
            "s",
            ports=[
                {"port": 80, "name": "a"},
                {"port": 81, "name": "b", "targetPort": "http", "protocol": "UDP"},
            ],
        ),
        service("s", trafficDistribution="PreferClose"),
        service("s", externalIPs=["1.2.3.4"]),
        service("s", externalName="x"),
        service("1a"),
        service("a" * 63),
    ],
)
def test_what_a_new_service_gets(case: Case, made: Object) -> None:
    raw, space = case.raw(), case.namespace()
    answer = raw.create(where(space), made)
    assert answer.code == 201
    assert raw.get(where(space, made["metadata"]["name"])).body == answer.body
    assert raw.create(where(space), made | {"metadata": {"name": "dry"}}, dryRun="All").code == 201
    assert raw.get(where(space, "dry")).code == 404


@pytest.mark.parametrize(
    "made",
    [
        service("s", ports=[]),
        service("s", ports=[{"port": 80}, {"port": 81}]),
        service("s", ports=[{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]),
        service("s", ports=[{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]),
        service("s", ports=[{"port": 0}]),
        service("s", ports=[{"port": 70000}]),
        service("s", ports=[{"port": 80, "name": "Bad_"}]),
        service("s", ports=[{"port": 80, "protocol": "XX"}]),
        service("s", ports=[{"port": 80, "targetPort": "BAD_NAME_TOO_LONG_"}]),
        service("s", ports=[{"port": 80, "targetPort": 70000}]),
        service("s", ports=[{"name": "x"}]),
        service("s", ports=[{"port": 80, "nodePort": 30100}]),
        service("s", "Robot"),
        service("s", clusterIP="1.2.3.4"),
        service("s", clusterIP="nonsense"),
        service("s", clusterIPs=["10.9.9.9"]),
        service("s", "LoadBalancer", clusterIP="None"),
        service("s", "NodePort", clusterIP="None"),
        service("s", "ExternalName", ports=[]),
        service("s", "ExternalName", externalName="Up_"),
        service("s", "ExternalName", externalName="a.b", clusterIP="10.101.4.4"),
        service("s", "NodePort", ports=[{"port": 80, "nodePort": 80}]),
        service("s", "NodePort", ports=[{"port": 80, "nodePort": 40000}]),
        service(
            "s",
            "NodePort",
            ports=[{"port": 80, "name": "a", "nodePort": 10}, {"port": 81, "name": "b", "nodePort": 11}],
        ),
        service("s", sessionAffinity="x"),
        service("s", externalTrafficPolicy="Local"),
        service("s", "LoadBalancer", externalTrafficPolicy="x"),
        service("s", internalTrafficPolicy="x"),
        service("s", allocateLoadBalancerNodePorts=True),
        service("s", loadBalancerClass="example.org/y"),
        service("s", "LoadBalancer", loadBalancerClass="Bad_ y"),
        service("s", "LoadBalancer", loadBalancerSourceRanges=["nonsense"]),
        service("s", loadBalancerSourceRanges=["10.0.0.0/8"]),
        service("s", "LoadBalancer", healthCheckNodePort=30900),
        service("s", ipFamilies=["IPv6"]),
        service("s", ipFamilyPolicy="RequireDualStack"),
        service("s", selector={"a": "_"}),
        service("s", selector={"_a/": "b"}),
        service("s", externalIPs=["x"]),
        service("a" * 64),
        service("Up"),
        service("a.b"),
        service("-a"),
    ],
)
def test_what_is_refused_with_its_causes(case: Case, made: Object) -> None:
    raw, space = case.raw(), case.namespace()
    answer = raw.create(where(space), made)
    assert (answer.code, answer.reason) == (422, "Invalid")
    assert answer.causes


def test_an_address_is_of_the_range_and_nobody_elses(case: Case) -> None:
    raw, space = case.raw(), case.namespace()
    given = raw.create(where(space), service("one")).body["spec"]["clusterIP"]
    assert ipaddress.ip_address(given) in ipaddress.ip_network("10.101.0.0/16")
    second = raw.create(where(space), service("two", clusterIP=given))
    assert second.code == 422
    assert second.causes[0]["field"] == "spec.clusterIPs"
    assert "provided IP is already allocated" in second.message
    raw.quiet.delete(where(space, "one"))
    again = case.eventually(lambda: _created(raw.quiet.create(where(space), service("two", clusterIP=given))))
    assert again["spec"]["clusterIP"] == given
    assert raw.merge(where(space, "two"), {"spec": {"clusterIP": "10.101.251.9"}}).code == 422
    assert raw.merge(where(space, "two"), {"spec": {"clusterIP": "None"}}).code == 422
    for kept in ({"clusterIP": None}, {"clusterIP": None, "clusterIPs": None}, {"clusterIP": ""}):
        assert raw.merge(where(space, "two"), {"spec": kept}).body["spec"]["clusterIP"] == given


def _created(answer: Any) -> Any:
    return answer.body if answer.code == 201 else None


def free_port(case: Case) -> int:
    """Return a node port that is free on both backends."""
    return 30000 + int(case.name[-4:], 16) % 2000


def test_a_node_port_is_given_once(case: Case) -> None:
    raw, space = case.raw(), case.namespace()
    first = raw.create(where(space), service("one", "NodePort")).body["spec"]["ports"][0]
    assert 30000 <= first["nodePort"] <= 32767
    port = first["nodePort"]
    for kind in ("NodePort", "LoadBalancer"):
        made = service("two", kind, ports=[{"port": 80, "nodePort": port}])
        for answer in (
            raw.create(where(space), made),
            raw.create(where(space), made, dryRun="All"),
            raw.apply(where(space, "two"), made),
            raw.apply(where(space, "two"), made, dryRun="All"),
        ):
            assert (answer.code, answer.reason) == (422, "Invalid")
            text = f"Invalid value: {port}: {TAKEN}"
            cause = {"reason": "FieldValueInvalid", "message": text, "field": "spec.ports[0].nodePort"}
            assert answer.causes == [cause]
    pair = [{"port": 80, "name": "a", "nodePort": port}, {"port": 81, "name": "b", "nodePort": port}]
    assert len(raw.create(where(space), service("two", "NodePort", ports=pair)).causes) == 1
    outside = raw.create(where(space), service("two", "NodePort", ports=[{"port": 80, "nodePort": 80}]))
    assert outside.causes[0]["message"] == f"Invalid value: 80: {OUTSIDE}"


def test_a_port_keeps_its_number_until_the_service_goes(case: Case) -> None:
    raw, space = case.raw(), case.namespace()
    path = where(space, "one")
    port = raw.create(where(space), service("one", "NodePort")).body["spec"]["ports"][0]["nodePort"]

    def now() -> Any:
        return raw.quiet.get(path).body["spec"]["ports"][0].get("nodePort")

    raw.merge(path, {"metadata": {"labels": {"a": "b"}}})
    raw.merge(path, {"spec": {"ports": [{"port": 90}]}})
    assert now() == port
    raw.apply(path, service("one", "NodePort", ports=[{"port": 90, "nodePort": port}]))
    raw.merge(path, {"spec": {"type": "LoadBalancer"}})
    assert now() == port
    assert raw.merge(path, {"spec": {"ports": [{"port": 90, "nodePort": 1}]}}).code == 422
    assert raw.merge(path, {"spec": {"ports": []}}).code == 422
    assert raw.merge(path, {"spec": {"type": "ClusterIP"}}).code == 200
    assert now() is None
    taken = service("two", "NodePort", ports=[{"port": 80, "nodePort": port}])
    assert case.eventually(lambda: _created(raw.quiet.create(where(space), taken)))


def test_types_change_and_take_away_what_they_do_not_need(case: Case) -> None:
    raw, space = case.raw(), case.namespace()
    path = where(space, "s")
    raw.create(where(space), service("s"))

    def become(kind: str, **more: Any) -> Object:
        answer = raw.merge(path, {"spec": {"type": kind} | more})
        assert answer.code == 200
        return dict(answer.body["spec"])

    balanced = become("LoadBalancer")
    assert balanced["allocateLoadBalancerNodePorts"]
    assert balanced["externalTrafficPolicy"] == "Cluster"
    raw.merge(where(space, "s", "status"), {"status": {"loadBalancer": {"ingress": [{"ip": "10.4.0.9"}]}}})
    plain = become("ClusterIP")
    assert not {"allocateLoadBalancerNodePorts", "externalTrafficPolicy"} & set(plain)
    assert raw.get(path).body["status"] == {"loadBalancer": {}}
    become("NodePort")
    become("LoadBalancer", allocateLoadBalancerNodePorts=False)
    become("LoadBalancer", externalTrafficPolicy="Local")
    become("LoadBalancer", externalTrafficPolicy="Cluster")
    assert "clusterIP" not in become("ExternalName", externalName="a.b")
    become("ClusterIP", externalName=None)
    become("NodePort", sessionAffinity="ClientIP")
    become("ClusterIP", sessionAffinity="None")


def test_the_class_of_a_load_balancer_never_changes(case: Case) -> None:
    raw, space = case.raw(), case.namespace()
    path = where(space, "s")
    raw.create(where(space), service("s", "LoadBalancer", loadBalancerClass="a/b"))
    for other in ("a/c", None):
        answer = raw.merge(path, {"spec": {"loadBalancerClass": other}})
        assert (answer.code, answer.causes[0]["field"]) == (422, "spec.loadBalancerClass")
        assert "may not change once set" in answer.message
    gone = raw.merge(path, {"spec": {"type": "ClusterIP"}})
    assert "loadBalancerClass" not in gone.body["spec"]


@pytest.mark.parametrize(
    ("kind", "ingress", "code"),
    [
        ("LoadBalancer", [{"ip": "10.4.0.9"}], 200),
        ("LoadBalancer", [{"ip": "10.4.0.9", "ipMode": "VIP"}], 200),
        ("LoadBalancer", [{"hostname": "a.example.org"}], 200),
        ("LoadBalancer", [{"ip": "1.2.3.4", "ports": [{"port": 1, "protocol": "TCP"}]}], 200),
        ("LoadBalancer", None, 200),
        ("LoadBalancer", [{"ip": "x"}], 422),
        ("LoadBalancer", [{"hostname": "Bad_"}], 422),
        ("ClusterIP", [{"ip": "10.4.0.9"}], 422),
    ],
)
def test_the_address_of_a_load_balancer_is_its_status(case: Case, kind: str, ingress: Any, code: int) -> None:
    raw, space = case.raw(), case.namespace()
    told = {"status": {"loadBalancer": {"ingress": ingress}}}
    assert raw.create(where(space), service("s", kind) | told).body["status"] == {"loadBalancer": {}}
    raw.merge(where(space, "s"), told)
    assert raw.merge(where(space, "s", "status"), told).code == code
    raw.get(where(space, "s"))


def test_the_range_of_services_is_an_object_and_holds_what_services_get(case: Case) -> None:
    """Each plane has a range of its own, so the client is one that leaves no transcript."""
    with closing(case.fleet_of("0.9").client("k8s-1")) as client:
        (found,) = client.list(SERVICE_CIDR)
        made = service("s")
        got = client.create({**made, "metadata": {"name": "s", "namespace": "default"}}, dry_run=True)
    case.note(found["metadata"]["name"])
    ranges = [ipaddress.ip_network(text) for text in found["spec"]["cidrs"]]
    assert any(ipaddress.ip_address(got["spec"]["clusterIP"]) in one for one in ranges)
