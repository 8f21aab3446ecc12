"""All stand-in controllers of a fleet, in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from time import monotonic

from kbconsole.demo.aggregation import MANAGER, Aggregation, Collector
from kbconsole.demo.kubelet import Kubelet
from kbconsole.demo.loadbalancer import LoadBalancer
from kbconsole.demo.looking import Controller
from kbconsole.demo.metallb import MetalLb
from kbconsole.demo.operator import Operator
from kbconsole.demo.upkeep import Upkeep
from kbconsole.k8s.client import PlaneClient

# plane, user, manager → client with short time-outs
MakeClient = Callable[[str, str, str], PlaneClient]
IDLE_PASSES = 8
"""How many times longer the controllers wait between two looks while nobody writes."""


class Controllers:
    """The operator in one thread; kube-controller-manager, load balancers and kubelet in one thread per plane.

    `manager` False: a real kube-controller-manager is there. `writes`, where somebody can tell, returns a number that
    grows with every write to a plane: while it stands and no delay runs, those who watch the plane look less often.
    """

    def __init__(
        self,
        make_client: MakeClient,
        *,
        control: str,
        planes: Sequence[str],
        line: str,
        delay: float,
        interval: float,
        manager: bool = True,
        writes: Callable[[str], int] | None = None,
    ) -> None:
        self._stop = threading.Event()
        self._interval, self._writes = interval, writes
        self._settle = 2 * delay + interval
        self._clients: list[PlaneClient] = []

        def client(plane: str, user: str, manager: str) -> PlaneClient:
            made = make_client(plane, user, manager)
            self._clients.append(made)
            return made

        by_context = {plane: client(plane, "operator", "kubeblocks") for plane in planes}
        self.operator = Operator(client(control, "operator", "kubeblocks"), by_context, line)
        upkeep = Upkeep(client(control, "admin", "deployment-controller"), self.operator)
        groups: list[tuple[list[Controller], Sequence[str]]] = [([self.operator, upkeep], (control, *planes))]
        if manager:
            groups.append(([Aggregation(client(control, "admin", MANAGER))], [control]))
        for number, plane in enumerate(planes, start=1):
            group: list[Controller] = []
            if manager:
                group.append(Aggregation(client(plane, "admin", MANAGER)))
                group.append(Collector(client(plane, "admin", "garbage-collector")))
            cloud = client(plane, "admin", "cloud-controller-manager")
            metallb = MetalLb(client(plane, "admin", "metallb-controller"), delay=delay)
            group += [metallb, LoadBalancer(cloud, number=number, delay=delay, others=metallb.claims)]
            group.append(Kubelet(client(plane, "admin", "kubelet"), number=number, delay=delay))
            groups.append((group, [plane]))
        self._threads = [
            threading.Thread(target=self._work, args=group, name=f"controllers-{i}", daemon=True)
            for i, group in enumerate(groups)
        ]

    def _work(self, group: list[Controller], watched: Sequence[str]) -> None:
        seen, since = -1, monotonic()
        while not self._stop.is_set():
            before = self._written(watched)
            if before != seen:
                seen, since = before, monotonic()
            for controller in group:
                if not self._stop.is_set():
                    controller.try_step()
            self._stop.wait(self._interval)
            if self._writes and monotonic() - since > self._settle:
                self._wait_for_a_write(watched, seen)

    def _written(self, watched: Sequence[str]) -> int:
        return sum(map(self._writes, watched)) if self._writes else 0

    def _wait_for_a_write(self, watched: Sequence[str], seen: int) -> None:
        """Return at the next write, or after a while: a plane that answers again has written nothing."""
        until = monotonic() + (IDLE_PASSES - 1) * self._interval
        while not self._stop.is_set() and self._written(watched) == seen and monotonic() < until:
            self._stop.wait(self._interval)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads; each finishes its pass first."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)
        for client in self._clients:
            client.close()
