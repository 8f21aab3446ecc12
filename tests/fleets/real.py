"""A fleet of real API servers: one etcd, a control plane per release line of KubeBlocks, three data planes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from kbconsole.demo import ca, mesh, seed
from kbconsole.demo.controllers import Controllers
from kbconsole.demo.fleet import CONTROL_PLANE, PATIENCE
from kbconsole.demo.plane import Identity
from kbconsole.demo.seed import VERSIONS
from kbconsole.k8s import kubeconfig
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.credentials import PlaneCredential
from tests.fleets import accounts, binaries
from tests.fleets.api import Api
from tests.fleets.baseline import Baseline
from tests.fleets.servers import Etcd, Server

Object = dict[str, Any]
PLANES = ("k8s-1", "k8s-2", "k8s-3")
LINES = tuple(VERSIONS)
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ESTABLISHED_SECONDS = 120.0


class RealServers:
    """All processes of a test run. `start` returns when every server is ready and seeded."""

    def __init__(self, folder: Path) -> None:
        self.etcd = Etcd(folder)
        identities = {_control(line): Identity(CONTROL_PLANE, 0) for line in LINES}
        identities |= {name: Identity(name, number) for number, name in enumerate(PLANES, start=1)}
        self.servers = {
            name: Server(folder, name, identity, self.etcd.url) for name, identity in identities.items()
        }
        self._baselines: dict[str, Baseline] = {}
        self._used: set[str] = set()

    def start(self) -> None:
        self.etcd.start()
        for server in self.servers.values():
            server.start(wait=False)
        self.each(self.servers.values(), self._prepare)
        self._build_mesh()
        self.each(self.servers.values(), self._remember)

    def stop(self) -> None:
        """End everything: managers first, then servers, then what they write to."""
        for server in self.servers.values():
            server.stop_manager()
        for server in self.servers.values():
            server.close()
        self.etcd.stop()

    def fleet(self, line: str) -> RealFleet:
        """Return a view with the control plane of this release line."""
        return RealFleet(self, line)

    def use(self, name: str) -> Server:
        """Return a server to somebody who may change what it holds."""
        self._used.add(name)
        return self.servers[name]

    def reset(self, names: Iterable[str]) -> None:
        """Take those that were used back to what they held when they started; one that was left down is started."""
        used = self._used & set(names)
        if used:
            self.each([self.servers[name] for name in used], self._restore)
        self._used -= used

    def each(self, servers: Iterable[Server], work: Callable[[Server], None]) -> None:
        """Do it for all at once. Raises what the first of them raised."""
        with ThreadPoolExecutor(len(self.servers)) as pool:
            list(pool.map(work, servers))

    def _prepare(self, server: Server) -> None:
        server.wait_ready()
        server.start_manager()
        api = Api(server.credential("admin"), timeout=60)
        line = server.name.removeprefix("control-")
        if line in LINES:
            if not binaries.why_no_definitions(line):
                _define(api, binaries.definitions(line))
                self._write(server, seed.control_plane(server.identity, line=line, contexts=list(PLANES)))
        else:
            _define(api, [mesh.node_definition()])
            self._write(server, seed.data_plane(server.identity))
        api.close()

    def _build_mesh(self) -> None:
        """Let the planes be in a mesh, as those of the embedded fleet are: profiles on it need one."""
        clients = {name: self._client(self.servers[name], "cilium") for name in PLANES}
        servers = {name: self.servers[name].url for name in PLANES}
        mesh.build(clients, servers, {name: number for number, name in enumerate(PLANES, start=1)})
        for client in clients.values():
            client.close()

    def _remember(self, server: Server) -> None:
        with closing(Api(server.credential("admin"), timeout=60)) as api:
            self._baselines[server.name] = Baseline(api, lambda: self.etcd.revisions(server.name))

    def _client(self, server: Server, manager: str) -> PlaneClient:
        return PlaneClient(server.name, server.credential("admin"), manager=manager, allow_loopback=True)

    def _write(self, server: Server, what: seed.Seed) -> None:
        clients = {manager: self._client(server, manager) for manager in ("kubeadm", "helm")}
        seed.write(clients, what)
        for client in clients.values():
            client.close()

    def _restore(self, server: Server) -> None:
        server.back_to_normal()
        api = Api(server.credential("admin"), timeout=60)  # its certificates may be others
        self._baselines[server.name].restore(api)
        api.close()


class RealFleet:
    """A control plane of one release line and the data planes, which it shares with the other line."""

    control_plane = CONTROL_PLANE
    planes = PLANES
    data_planes = PLANES

    def __init__(self, servers: RealServers, line: str) -> None:
        self.servers = servers
        self.line = line
        self._controllers: Controllers | None = None

    def server(self, plane: str) -> Server:
        return self.servers.use(self._name(plane))

    def _name(self, plane: str) -> str:
        return _control(self.line) if plane == CONTROL_PLANE else plane

    # As every fleet --------------------------------------------------------------------------------------------

    def credential(self, plane: str, user: str = "kbconsole") -> PlaneCredential:
        """Return how a user reaches a plane. Users: kbconsole, operator, admin, nobody."""
        return self.server(plane).credential(user)

    def kubeconfig(self, user: str = "kbconsole", contexts: Sequence[str] | None = None) -> str:
        """Return a self-contained kubeconfig; without `contexts`: the control plane and all data planes."""
        wanted = (CONTROL_PLANE, *PLANES) if contexts is None else contexts
        return kubeconfig.write({name: self.credential(name, user) for name in wanted})

    def client(self, plane: str, user: str = "admin", **options: Any) -> PlaneClient:
        """Return a new client; the caller closes it."""
        return PlaneClient(plane, self.credential(plane, user), allow_loopback=True, **options)

    # The stand-ins, and the way back ---------------------------------------------------------------------------

    def start_controllers(self, *, delay: float = 0.05, interval: float = 0.2) -> None:
        """Start the stand-ins for operator, kubelet and load balancers, and for kube-controller-manager without it."""
        assert self._controllers is None, "they run already"
        self._controllers = Controllers(
            lambda plane, user, manager: self.client(plane, user, manager=manager, **PATIENCE),
            control=CONTROL_PLANE,
            planes=PLANES,
            line=self.line,
            delay=delay,
            interval=interval,
            manager=not binaries.has(binaries.MANAGER),
            writes=lambda plane: self.servers.etcd.writes(self._name(plane)),
        )
        self._controllers.start()

    def wait_for_rights(self) -> None:
        """Return when every plane lets the operator work: a server takes note of restored rights a while later, and
        the operator never makes up for what it was refused once."""
        until = monotonic() + ESTABLISHED_SECONDS
        for plane in PLANES:
            with closing(self.client(plane, "operator")) as client:
                while not client.can_i("create", resource="serviceaccounts", namespace="default"):
                    assert monotonic() < until, f"the operator has no rights on {plane}"
                    sleep(0.05)

    def stop_controllers(self) -> None:
        if self._controllers is not None:
            self._controllers.stop()
            if errors := self._controllers.operator.errors:  # pytest shows it where a test failed
                print("The operator's last errors:", errors)
            self._controllers = None

    def reset(self) -> None:
        """Stop the stand-ins and take every plane of this fleet back to what it held in the beginning."""
        for plane in (CONTROL_PLANE, *PLANES):  # no stand-in has to wait for an answer before it can stop
            self.servers.servers[self._name(plane)].thaw()
        self.stop_controllers()
        self.servers.reset(map(self._name, (CONTROL_PLANE, *PLANES)))

    # Trouble ---------------------------------------------------------------------------------------------------

    def stop(self, plane: str) -> None:
        """End the API server; its port refuses connections."""
        self.server(plane).kill()

    def start(self, plane: str) -> None:
        """Start it again on its port, as it was."""
        self.server(plane).start()
        self.server(plane).start_manager()

    def freeze(self, plane: str) -> None:
        """Stop its work with SIGSTOP: it takes connections and never answers."""
        self.server(plane).freeze()

    def thaw(self, plane: str) -> None:
        self.server(plane).thaw()

    def restart_with_other_certificates(self, plane: str) -> None:
        """Start it again with another CA. `credential` gives the new one from now on; reset keeps it."""
        self.server(plane).restart(certificates=ca.issue(plane))

    def account(self, plane: str) -> PlaneCredential:
        """Return the console's user as a ServiceAccount with the same rights, whose token `revoke` takes back."""
        bindings = [f"{accounts.BINDINGS}/clusterrolebindings/kbconsole"]
        if plane == CONTROL_PLANE:
            bindings.append(f"{accounts.BINDINGS}/namespaces/kb-system/rolebindings/kbconsole")
        with closing(Api(self.credential(plane, "admin"))) as api:
            return accounts.make(api, self.credential(plane), bindings=bindings)

    def revoke(self, plane: str, credential: PlaneCredential) -> None:
        """Take the token of `account` back while the server runs; returns when it is refused."""
        with closing(Api(self.credential(plane, "admin"))) as api:
            accounts.revoke(api, credential)

    def remove_token(self, plane: str, user: str = "kbconsole") -> None:
        """Start it again without a user's token, until reset."""
        self.server(plane).restart(without=[user])


def _control(line: str) -> str:
    return f"control-{line}"


def _define(api: Api, definitions: list[Object]) -> None:
    """Create definitions and wait until their kinds are served."""
    with ThreadPoolExecutor(len(definitions)) as pool:
        for answer in pool.map(lambda body: api.create(CRDS, body), definitions):
            assert answer.code == 201, answer.body
    until = monotonic() + ESTABLISHED_SECONDS
    for body in definitions:
        spec = body["spec"]
        for version in spec["versions"]:
            path = f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
            while api.get(path).code != 200:
                assert monotonic() < until, f"{path} is not served"
                sleep(0.05)
