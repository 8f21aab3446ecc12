"""The embedded fleet: a control plane and data planes as API servers on loopback, with their controllers."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kbconsole.demo import ca, control, kbschema, mesh, metallb, seed
from kbconsole.demo.authz import User
from kbconsole.demo.controllers import Controllers
from kbconsole.demo.host import Host
from kbconsole.demo.plane import Identity, Plane
from kbconsole.demo.rights import USERS
from kbconsole.demo.server import HOST, PlaneServer
from kbconsole.demo.store import StateFile, Store
from kbconsole.k8s import kubeconfig
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.credentials import PlaneCredential

CONTROL_PLANE = "control-plane"
# Of the stand-in controllers, in seconds. A plane that hangs holds up a pass no longer than this; a write that is given
# up too early on a busy machine is never made up for, as with the real operator.
PATIENCE: dict[str, float] = {"connect_timeout": 3, "read_timeout": 8, "deadline": 8}


class EmbeddedFleet:
    """A fleet in threads of this process. A second start on the same state file finds the same fleet.

    `spare` is a data plane that the operator does not know. `delay` is about how many seconds the controllers
    let a pod or a load balancer take, `interval` how often they look. `nodes` are per data plane. `mesh`: the
    operator's planes are connected.
    """

    control_plane = CONTROL_PLANE

    def __init__(
        self,
        state: Path,
        *,
        planes: Sequence[str] = ("k8s-1", "k8s-2", "k8s-3"),
        spare: str | None = "k8s-4",
        line: str = "0.9",
        delay: float = 1.0,
        interval: float = 0.5,
        controllers: bool = True,
        nodes: int = 2,
        mesh: bool = False,
    ) -> None:
        self._path = state
        self.line, self.delay, self.interval = line, delay, interval
        self.planes = tuple(planes)
        self.spare = spare
        self.data_planes = (*planes, spare) if spare else self.planes
        self._with_controllers = controllers
        self._nodes = nodes
        self._mesh = mesh
        self._host: Host | None = None
        self._facts: dict[str, dict[str, Any]] = {}
        self._controllers: Controllers | None = None
        self.control_url = self.control_token = ""

    def start(self) -> None:
        """Return when every server answers. Raises PortBusy, StateBusy, ValueError for another shape."""
        state = StateFile(self._path)
        self._check_shape(state)
        servers = {}
        for number, name in enumerate((CONTROL_PLANE, *self.data_planes)):
            servers[name] = self._server(state, Identity(name, number))
        state.flush()
        kept = state.fact("control") or {"port": 0, "token": secrets.token_urlsafe(24)}
        self.control_token = kept["token"]
        self._host = Host(state, servers)
        port = self._host.start(control.application(servers, self.control_token), kept["port"])
        state.keep("control", {"port": port, "token": self.control_token})
        self.control_url = f"http://{HOST}:{port}"
        for name, server in servers.items():
            self._facts[name]["port"] = server.port
            state.keep(f"plane:{name}", self._facts[name])
        if self._mesh:
            self._join()
        if self._with_controllers:
            self._controllers = Controllers(
                lambda plane, user, manager: self.client(plane, user, manager=manager, **PATIENCE),
                control=CONTROL_PLANE,
                planes=self.data_planes,
                line=self.line,
                delay=self.delay,
                interval=self.interval,
                writes=lambda plane: servers[plane].plane.store.version,
            )
            self._controllers.start()

    def _join(self) -> None:
        """Connect the operator's planes by a stand-in for a mesh, where they are not yet."""
        clients = {name: self.client(name, manager="helm") for name in self.planes}
        servers = {name: self.credential(name).server for name in self.planes}
        try:
            mesh.build(clients, servers, {name: number for number, name in enumerate(self.planes, start=1)})
        finally:
            for client in clients.values():
                client.close()

    def _check_shape(self, state: StateFile) -> None:
        shape = {"line": self.line, "planes": list(self.data_planes)}
        known = state.fact("fleet")
        if known is not None and known != shape:
            state.close()
            raise ValueError(f"{self._path.name} holds another fleet: {known}")
        state.keep("fleet", shape)

    def _server(self, state: StateFile, identity: Identity) -> PlaneServer:
        facts = state.fact(f"plane:{identity.name}")
        fresh = facts is None
        if facts is None:
            issued = ca.issue(identity.name)
            tokens = {user: secrets.token_urlsafe(32) for user in USERS}
            facts = {"port": 0, "certificates": vars(issued), "tokens": tokens}
            state.keep(f"plane:{identity.name}", facts)
        self._facts[identity.name] = facts
        tokens_of: dict[str, User] = {token: USERS[user] for user, token in facts["tokens"].items()}
        plane = Plane(identity, Store(identity.name, state), tokens_of)
        if fresh or not plane.store.names("namespaces"):
            self._seed(plane)
        context: ssl.SSLContext = ca.server_context(ca.PlaneCertificates(**facts["certificates"]))
        return PlaneServer(plane, context, facts["port"])

    def _seed(self, plane: Plane) -> None:
        seed.fill(plane, seed.itself(plane.identity))
        if plane.name == CONTROL_PLANE:
            seed.fill(plane, seed.by("kubeadm", kbschema.definitions(self.line)))
            contexts = list(self.planes)
            seed.fill(plane, seed.control_plane(plane.identity, line=self.line, contexts=contexts))
        else:
            seed.fill(plane, seed.data_plane(plane.identity, nodes=self._nodes))
            if plane.name != self.spare:  # there it can still be installed
                seed.fill(plane, seed.by("helm", metallb.installed(self._nodes)))

    def stop(self) -> None:
        """Stop controllers and servers and write everything down."""
        if self._controllers is not None:
            self._answer_again()
            self._controllers.stop()
            self._controllers = None
        if self._host is not None:
            self._host.stop()
            self._host = None

    def _answer_again(self) -> None:
        """End hanging, so that no controller has to wait for an answer before it can stop."""
        for server in self.host.servers.values():
            if server.fault is not None and server.fault.kind != "unreachable":
                self.host.run(server.set_fault(None))

    @property
    def host(self) -> Host:
        if self._host is None:
            raise RuntimeError("the fleet is not started")
        return self._host

    def credential(self, plane: str, user: str = "kbconsole") -> PlaneCredential:
        """Return how a user reaches a plane. Users: kbconsole, operator, admin, nobody."""
        facts = self._facts[plane]
        return PlaneCredential(
            server=f"https://{HOST}:{facts['port']}",
            ca_pem=facts["certificates"]["ca_pem"],
            token=facts["tokens"][user],
        )

    def kubeconfig(self, user: str = "kbconsole", contexts: Sequence[str] | None = None) -> str:
        """Return a self-contained kubeconfig; without `contexts`: the control plane and the operator's planes."""
        wanted = (CONTROL_PLANE, *self.planes) if contexts is None else contexts
        return kubeconfig.write({name: self.credential(name, user) for name in wanted})

    def client(self, plane: str, user: str = "admin", **options: Any) -> PlaneClient:
        """Return a new client; the caller closes it."""
        return PlaneClient(plane, self.credential(plane, user), allow_loopback=True, **options)

    def store(self, plane: str) -> Store:
        """Return the objects themselves, for tests: `.look(resource, name, namespace)`, `.names(resource)`."""
        return self.host.servers[plane].plane.store

    def requests(self, plane: str) -> list[tuple[str, str, str, int]]:
        """Return the last requests that were answered: user, method, path with query, code."""
        return list(self.host.servers[plane].requests)

    def fault(self, plane: str, kind: str | None, **options: Any) -> None:
        """Put a plane into trouble, None: out of it. Kinds and options: `kbconsole.demo.faults.Fault`, or drift."""
        self.host.run(control.switch(self.host.servers[plane], kind, options))

    def remove_token(self, plane: str, user: str = "kbconsole") -> None:
        """Make the plane forget a user's token, until the next start."""
        self.host.servers[plane].plane.tokens.pop(self._facts[plane]["tokens"][user], None)
