"""The real servers of the tests: what they hold, what can happen to them, and that all of it is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import KubeError, Unauthorised, Unreachable
from kbconsole.k8s.kinds import CLUSTER_ROLE, CONFIG_MAP, DEPLOYMENT, NAMESPACE, NODE, POD
from tests.fleets import binaries
from tests.fleets.fixtures import real_fleet
from tests.fleets.processes import Port
from tests.fleets.real import LINES, PLANES, RealFleet, RealServers
from tests.fleets.rights import take_away

pytestmark = pytest.mark.real
Object = dict[str, Any]


@pytest.fixture
def real(real_servers: RealServers, line: str) -> Iterator[RealFleet]:
    yield from real_fleet(real_servers, line, 0.05)


def tried(client: PlaneClient) -> str:
    """Return the name of the error that a list of pods raises, "" for none."""
    try:
        client.list(POD)
    except KubeError as error:
        return type(error).__name__
    return ""


@pytest.mark.parametrize("line", LINES)
def test_both_control_planes_serve_their_line_and_planes_serve_none(real: RealFleet, line: str) -> None:
    version = "v1alpha1" if line == "0.9" else "v1"
    with closing(real.client("control-plane", "kbconsole")) as control:
        for plural in ("clusters", "components", "componentdefinitions"):
            assert control.serves(f"apps.kubeblocks.io/{version}", plural)
        assert control.serves("apps.kubeblocks.io/v1", "clusters") == (line == "1.0")
    for plane in PLANES:
        with closing(real.client(plane)) as client:
            assert not client.serves(f"apps.kubeblocks.io/{version}", "clusters")
            assert len(client.list(NODE)) == 2


def test_every_user_is_known_by_name_and_every_plane_has_a_ca_of_its_own(real: RealFleet) -> None:
    for user in ("admin", "kbconsole", "operator", "nobody"):
        with closing(real.client("k8s-1", user)) as client:
            assert client.whoami()["username"] == user
    assert len({real.credential(plane).ca_pem for plane in PLANES}) == len(PLANES)


def test_reset_takes_back_what_a_test_made_changed_and_removed(real: RealFleet) -> None:
    with closing(real.client("k8s-1")) as plane, closing(real.client("control-plane")) as control:
        plane.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "left"}})
        held: Object = {"name": "held", "namespace": "left", "finalizers": ["example.com/for-ever"]}
        plane.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": held})
        plane.delete(CONFIG_MAP, "held", "left")
        plane.delete(NAMESPACE, "left")
        plane.delete(CLUSTER_ROLE, "kbconsole")
        before = control.get(DEPLOYMENT, "kubeblocks", "kb-system")
        control.patch(DEPLOYMENT, "kubeblocks", "kb-system", {"spec": {"replicas": 0}})
        assert before is not None
        real.reset()
        after = control.get(DEPLOYMENT, "kubeblocks", "kb-system")
        assert after is not None
        assert (after["spec"], after["status"]) == (before["spec"], before["status"])
        assert plane.get(NAMESPACE, "left") is None
        assert plane.get(CLUSTER_ROLE, "kbconsole") is not None


def test_a_server_can_be_stopped_frozen_and_started_again(real: RealFleet) -> None:
    with closing(real.client("k8s-2", "kbconsole", read_timeout=1, deadline=2)) as client:
        real.freeze("k8s-2")
        assert tried(client) == "Unreachable"
        real.thaw("k8s-2")
        assert tried(client) == ""
        real.stop("k8s-2")
        assert tried(client) == "Unreachable"
        real.start("k8s-2")
        assert tried(client) == ""


def test_reset_wakes_and_starts_what_a_test_left_down(real: RealFleet) -> None:
    real.freeze("k8s-1")
    real.stop("k8s-3")
    real.reset()
    for plane in ("k8s-1", "k8s-3"):
        with closing(real.client(plane, "kbconsole")) as client:
            assert tried(client) == ""


def test_other_certificates_are_not_trusted_by_who_knows_the_old_ones(real: RealFleet) -> None:
    with closing(real.client("k8s-3", "kbconsole")) as before:
        real.restart_with_other_certificates("k8s-3")
        with pytest.raises(Unreachable):
            before.list(POD)
    with closing(real.client("k8s-3", "kbconsole")) as after:
        assert tried(after) == ""


def test_a_token_that_is_revoked_is_refused_by_the_running_server(real: RealFleet) -> None:
    def revoked(plane: str) -> None:
        credential = real.account(plane)
        with closing(PlaneClient(plane, credential, allow_loopback=True)) as account:
            assert account.whoami()["username"] == "system:serviceaccount:kube-system:kbconsole"
            assert account.can_i("list", resource="namespaces")
            real.revoke(plane, credential)
            with pytest.raises(Unauthorised):
                account.list(NAMESPACE)

    with ThreadPoolExecutor() as pool:  # a server remembers a good token for ten seconds
        list(pool.map(revoked, ("k8s-1", "control-plane")))


def test_a_token_that_is_removed_is_there_again_after_reset(real: RealFleet) -> None:
    real.remove_token("k8s-1")
    with closing(real.client("k8s-1", "kbconsole")) as client:
        assert tried(client) == "Unauthorised"
        real.reset()
        assert tried(client) == ""


def test_a_right_that_is_taken_away_is_refused_until_reset(real: RealFleet) -> None:
    take_away(real, "k8s-2", "list", "pods")
    with closing(real.client("k8s-2", "kbconsole")) as client:
        assert tried(client) == "Forbidden"
        assert client.can_i("delete", resource="pods")
        real.reset()
        assert tried(client) == ""


@pytest.mark.skipif(not binaries.has(binaries.MANAGER), reason=f"needs {binaries.MANAGER}")
def test_the_controller_managers_run(real: RealFleet) -> None:
    for plane in ("control-plane", *PLANES):
        assert real.server(plane).manager_runs, plane


def test_a_port_stays_taken_while_its_server_is_down() -> None:
    kept = Port()
    others = [Port() for _ in range(50)]
    assert kept.number not in {port.number for port in others}
    for port in (kept, *others):
        port.close()
