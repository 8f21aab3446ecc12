"""etcd, kube-apiserver and kube-controller-manager as child processes, with the flags that tests need."""

from __future__ import annotations

import re
import secrets
import signal
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import urllib3
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from urllib3.util import Retry

from kbconsole.demo import ca
from kbconsole.demo.plane import Identity
from kbconsole.demo.rights import USERS
from kbconsole.k8s import kubeconfig
from kbconsole.k8s.credentials import PlaneCredential
from tests.fleets import binaries
from tests.fleets.api import Api
from tests.fleets.processes import HOST, Child, Port

KEY = re.compile(rb'"kv":\{"key":"([^"]+)"')
OWN = (
    "leases",
    "masterleases",
    "events",
    "peerserverleases",
)  # written all the time, and no object of a controller's
CHUNK = 64 * 1024
START_SECONDS = 300.0  # a busy machine; an idle one needs ten
# What the stand-ins do not do: the end of namespaces, aggregated roles, owners that are gone, tokens in Secrets.
CONTROLLERS = ",".join(
    f"{name}-controller"
    for name in (
        "namespace",
        "clusterrole-aggregation",
        "garbage-collector",
        "serviceaccount",
        "serviceaccount-token",
    )
)


class Etcd:
    """The one database of all API servers, without a disk to be relied upon."""

    def __init__(self, folder: Path) -> None:
        self._port, self._peer = Port(), Port()
        self.url = f"http://{HOST}:{self._port.number}"
        self._pool = urllib3.PoolManager(maxsize=8)
        self._writes: Counter[str] = Counter()
        peer = f"http://{HOST}:{self._peer.number}"
        self.child = Child(
            "etcd",
            [
                binaries.binary("etcd"),
                f"--data-dir={folder / 'etcd'}",
                "--unsafe-no-fsync",
                "--socket-reuse-port",
                f"--listen-client-urls={self.url}",
                f"--advertise-client-urls={self.url}",
                f"--listen-peer-urls={peer}",
                f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
                "--log-level=error",
            ],
            folder / "etcd.log",
        )

    def start(self) -> None:
        """Start it, and count from now on what is written."""
        self.child.start()
        Thread(target=self._count, name="etcd-writes", daemon=True).start()

    def writes(self, prefix: str) -> int:
        """Return how often something was written or removed below `prefix`, but for what servers say of themselves."""
        return self._writes[prefix]

    def _count(self) -> None:
        every = {"create_request": {"key": _encoded("/"), "range_end": _encoded("0")}}
        with suppress(urllib3.exceptions.HTTPError):  # its end
            answer = self._pool.request(
                "POST", f"{self.url}/v3/watch", json=every, preload_content=False,
                retries=Retry(total=None, connect=600, backoff_factor=0.1, backoff_max=0.2), timeout=None,
            )  # fmt: skip
            for key in _keys(answer.stream(CHUNK)):
                _, prefix, *rest = key.split("/")
                self._writes[prefix] += rest[0] not in OWN

    def revisions(self, prefix: str) -> dict[str, int]:
        """Return every key below `prefix`, without that, with the revision of its last write."""
        first, end = f"/{prefix}/", f"/{prefix}0"  # "0" comes after "/"
        found = self._range(key=_encoded(first), range_end=_encoded(end), keys_only=True)
        return {
            b64decode(row["key"]).decode().removeprefix(first): int(row["mod_revision"])
            for row in found.get("kvs", [])
        }

    def _range(self, **question: str | bool) -> dict[str, Any]:
        answer: dict[str, Any] = self._pool.request("POST", f"{self.url}/v3/kv/range", json=question).json()
        return answer

    def stop(self) -> None:
        self._pool.clear()
        self.child.kill()
        for port in (self._port, self._peer):
            port.close()


class Server:
    """One API server with its own CA, tokens and service range, and its controller manager where there is one.

    It keeps its port while it is down. `kill` and `start` are quick: nothing is asked to finish its work.
    """

    def __init__(self, folder: Path, name: str, identity: Identity, etcd: str) -> None:
        self.name = name
        self.identity = identity
        self._folder = folder / name
        self._folder.mkdir()
        self._port = Port()
        self.certificates = ca.issue(identity.name)
        self.tokens = {user: secrets.token_urlsafe(32) for user in USERS}
        self._removed: frozenset[str] = frozenset()
        self._frozen = False
        self._write("service-account.key", _key())
        self._write_down()
        self._api = Child(
            self.name,
            list(self._api_command(etcd)),
            self._folder / "api.log",
            GOGC="200",  # a tenth less work, for memory that is there
        )
        self._manager = Child(
            f"{self.name} manager", list(self._manager_command()), self._folder / "manager.log"
        )

    @property
    def url(self) -> str:
        return self._port.url

    def credential(self, user: str) -> PlaneCredential:
        """Return how a user reaches the server. Raises KeyError."""
        return PlaneCredential(server=self.url, ca_pem=self.certificates.ca_pem, token=self.tokens[user])

    def start(self, *, wait: bool = True) -> None:
        """Start the API server, and wait until it is ready."""
        self._api.start()
        if wait:
            self.wait_ready()

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        """Return when /readyz says so. Raises RuntimeError with the end of the log."""
        api, until = Api(self.credential("admin"), timeout=2), monotonic() + seconds
        while not _is_ready(api):
            if monotonic() > until or not self._api.running:
                raise RuntimeError(f"the API server {self.name} does not start:\n{self._api.last_words()}")
            sleep(0.1)
        api.close()

    def start_manager(self) -> None:
        if binaries.has(binaries.MANAGER) and not self._manager.running:
            admin = kubeconfig.write({self.name: self.credential("admin")})
            self._write("manager.kubeconfig", admin)
            self._manager.start()

    @property
    def manager_runs(self) -> bool:
        return self._manager.running

    def stop_manager(self) -> None:
        self._manager.kill()

    def kill(self) -> None:
        """End both at once, the manager first: a server waits for those who watch it."""
        self._manager.kill()
        self._api.kill()

    def close(self) -> None:
        self.kill()
        self._port.close()

    def restart(
        self, *, certificates: ca.PlaneCertificates | None = None, without: Iterable[str] = ()
    ) -> None:
        """Start it anew, with other certificates, or without the tokens of these users."""
        self.kill()
        self.certificates = certificates or self.certificates
        self._removed = frozenset(without)
        self._write_down()
        self.start()
        self.start_manager()

    def freeze(self) -> None:
        self._frozen = True
        self._api.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._frozen = False
        self._api.signal(signal.SIGCONT)

    def back_to_normal(self) -> None:
        """Let it run with all tokens, whatever a test did to it."""
        if self._frozen:
            self.thaw()
        if self._removed or not self._api.running:
            self.restart()
        self.start_manager()

    def _write_down(self) -> None:
        """Write what the next start reads."""
        for name, text in asdict(self.certificates).items():
            self._write(name, text)
        rows = [
            f'{token},{USERS[user].name},{USERS[user].uid},"{",".join(USERS[user].groups)}"'
            for user, token in self.tokens.items()
            if user not in self._removed
        ]
        self._write("tokens.csv", "\n".join(rows))

    def _write(self, name: str, text: str) -> None:
        file = self._folder / name
        file.touch(mode=0o600)
        file.write_text(text)

    def _api_command(self, etcd: str) -> Iterator[str | Path]:
        files = self._folder
        yield binaries.binary("kube-apiserver")
        yield from (
            f"--etcd-servers={etcd}",
            f"--etcd-prefix=/{self.name}",
            f"--bind-address={HOST}",
            f"--advertise-address={HOST}",
            f"--secure-port={self._port.number}",
            "--permit-port-sharing",
            "--endpoint-reconciler-type=none",
            f"--cert-dir={files}",
            f"--tls-cert-file={files / 'cert_pem'}",
            f"--tls-private-key-file={files / 'key_pem'}",
            f"--client-ca-file={files / 'ca_pem'}",
            f"--token-auth-file={files / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={files / 'service-account.key'}",
            f"--service-account-signing-key-file={files / 'service-account.key'}",
            f"--service-cluster-ip-range={self.identity.service_range}.0.0/16",
            "--allow-privileged=true",
            # No controller is there that takes the taint from a node that says that it is ready.
            "--disable-admission-plugins=TaintNodesByCondition",
            "--enable-priority-and-fairness=false",
            "--profiling=false",
        )

    def _manager_command(self) -> Iterator[str | Path]:
        yield binaries.binary(binaries.MANAGER)
        yield from (
            f"--kubeconfig={self._folder / 'manager.kubeconfig'}",
            "--leader-elect=false",
            "--secure-port=0",
            "--use-service-account-credentials=false",
            f"--service-account-private-key-file={self._folder / 'service-account.key'}",
            f"--controllers={CONTROLLERS}",
            "--kube-api-qps=500",
            "--kube-api-burst=500",
        )


def _keys(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield the keys of a stream of events as they come."""
    left = b""
    for chunk in chunks:
        *lines, left = (left + chunk).split(b"\n")
        for line in lines:
            yield from (b64decode(found).decode() for found in KEY.findall(line))


def _encoded(key: str) -> str:
    return b64encode(key.encode()).decode()


def _is_ready(api: Api) -> bool:
    try:
        return api.get("/readyz").code == 200
    except urllib3.exceptions.HTTPError:
        return False


def _key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
