"""`make bench`: one line per figure, `NAME VALUE UNIT GOAL ok|short`. Medians of five.

Planes are embedded ones, served by another process, so that servers and console do not share one interpreter.
A line with the goal `-` only informs. The exit code is 0 also when a figure falls short: the line says so.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import django
import yaml
from django.db import transaction
from django.test.runner import DiscoverRunner

RUNS = 5
PLANES = ["k8s-1", "k8s-2", "k8s-3"]
MANY = [f"p-{number:03}" for number in range(100)]
DELAY_MS = 50


def show(name: str, value: float | str, unit: str, goal: str = "-", *, ok: bool = True) -> None:
    number = f"{value:.3g}" if isinstance(value, float) else value
    print(name, number, unit, goal, "ok" if ok else "short", flush=True)


def timed(act: Callable[[], object]) -> float:
    begun = perf_counter()
    act()
    return perf_counter() - begun


def kubectl_loop(kubeconfig: Path, folder: Path) -> float:
    """Return the seconds of the guide's way: dump the role, strip it, apply it to one plane after the other."""

    def kubectl(context: str, *arguments: str) -> str:
        command = ["kubectl", "--kubeconfig", str(kubeconfig), "--context", context, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def loop() -> None:
        role = yaml.safe_load(kubectl("control-plane", "get", "clusterrole", POD_ROLE, "-o", "yaml"))
        kept = {"name": role["metadata"]["name"]}
        stripped = {**role, "metadata": kept}
        stripped.pop("aggregationRule", None)
        (folder / "role.yaml").write_text(yaml.safe_dump(stripped))
        for plane in PLANES:
            kubectl(plane, "apply", "-f", str(folder / "role.yaml"))

    return timed(loop)


def forget_role(clients: dict[str, PlaneClient]) -> None:
    for plane in PLANES:
        clients[plane].delete(CLUSTER_ROLE, POD_ROLE)


def console_copy(by: User) -> tuple[float, float, float]:
    """Return the seconds of the copy, of the whole run, and of everything from the request for a plan.

    The copy is what the loop does too: read the role (the step that compares it with the approved plan) and
    apply it everywhere, with all that is written down about it. The loop has no comparison before and no proof
    after; these are in the whole run.
    """
    begun = perf_counter()
    plan = services.plan_rbac_copy(planes=PLANES, take_over=False, by=by)
    drive(plan.runs.get())
    plan.refresh_from_db()
    approved = perf_counter()
    run = drive(go_ahead(plan.pk, by=by, seen_hash=plan.hash))
    ended = perf_counter()
    if run.status != "succeeded":
        raise RuntimeError(f"the copy ended as {run.status}")
    return lasted(run, "confirm") + lasted(run, "apply"), ended - approved, ended - begun


def lasted(run: Run, phase: str) -> float:
    """Return the seconds from the first start to the last end of a phase."""
    times = [(step.started_at, step.ended_at) for step in run.steps.filter(phase=phase)]
    first = min(start for start, _ in times if start)
    return (max(end for _, end in times if end) - first).total_seconds()


def pure_apply() -> float:
    """Return the seconds of the three writes alone, at the same time, as a run's threads make them."""
    changes = [step.change for step in CopyRbac(PLANES).steps() if step.change]
    with ThreadPoolExecutor(len(changes)) as pool:
        return timed(lambda: list(pool.map(lambda change: change.carry_out(), changes)))


def bench_rbac(folder: Path) -> None:
    with served(folder, PLANES):
        admin = {n: PlaneClient(n, c, allow_loopback=True) for n, c in credentials(folder, "admin").items()}
        adam = person("adam", "admin")
        for name, credential in credentials(folder, "kbconsole").items():
            register(name, credential, adam)
        copies, writes, loops = [], [], []
        for _ in range(RUNS):
            forget_role(admin)
            copies.append(console_copy(adam))
            forget_role(admin)
            writes.append(pure_apply())
            forget_role(admin)
            if shutil.which("kubectl"):
                loops.append(kubectl_loop(folder / "admin-000.kubeconfig", folder))
        copy, run, whole = (median(column) for column in zip(*copies, strict=True))
        show("rbac_copy_writes", median(writes), "s")
        show("rbac_copy", copy, "s")
        show("rbac_copy_whole_run", run, "s")
        show("rbac_copy_with_its_plan", whole, "s")
        if not loops:
            show("rbac_copy_against_kubectl", "not-measured:no-kubectl", "times", ">=3", ok=False)
            return
        loop = median(loops)
        show("kubectl_loop", loop, "s")
        show("rbac_copy_against_kubectl", loop / copy, "times", ">=3", ok=loop / copy >= 3)
        show(
            "rbac_copy_writes_against_kubectl",
            loop / median(writes),
            "times",
            ">=3",
            ok=loop / median(writes) >= 3,
        )


def register(name: str, credential: PlaneCredential, by: User) -> None:
    client = PlaneClient(name, credential, allow_loopback=True)
    namespace = client.get(NAMESPACE, "kube-system") or {}
    control = name == "control-plane"
    plane = Plane.objects.create(
        name=name, uid=namespace["metadata"]["uid"], server=credential.server, is_control_plane=control,
        is_data_plane=not control, release_line="0.9" if control else "", operator_contexts=PLANES if control else [],
    )  # fmt: skip
    row = Credential(plane=plane, fingerprint=credential.fingerprint(), key_id=vault.key_id(), created_by=by)
    row.ciphertext = vault.encrypt(row.owner, credential.to_json())
    row.save()


def bench_fan_out(folder: Path) -> None:
    """First with new connections (100 TLS handshakes), then with kept ones, as beat asks every half minute."""
    ideal = ceil(len(MANY) / MOST_THREADS) * DELAY_MS / 1000
    goal = 1.25 * ideal + 0.3
    with served(folder, MANY, slow_ms=DELAY_MS):
        known = credentials(folder, "kbconsole")
        cold, warm = [], []
        for _ in range(RUNS):
            clients = {name: PlaneClient(name, known[name], allow_loopback=True) for name in MANY}
            cold.append(timed(lambda: asked(clients)))  # noqa: B023  called at once
            warm.append(timed(lambda: asked(clients)))  # noqa: B023
            for client in clients.values():
                client.close()
    show("fan_out_100_planes_first_time", median(cold), "s", f"<={goal:.2f}", ok=median(cold) <= goal)
    show("fan_out_100_planes", median(warm), "s", f"<={goal:.2f}", ok=median(warm) <= goal)


def asked(clients: dict[str, PlaneClient]) -> None:
    silent = [name for name, answer in ask_all(clients).items() if answer.error]
    if silent:
        raise RuntimeError(f"no answer of {silent}")


def bench_queries() -> None:
    for name, few, many in counted():
        show(f"queries_of_{name}", str(many), "queries", f"={few}", ok=many == few)


def bench_addresses() -> None:
    """From texts to conflicts, as the network page finds them: nodes, pods and services of a big fleet."""
    draw = random.Random(20_000)
    nodes = [Span(4, 0xAC200000 + at, 0xAC200000 + at) for at in draw.sample(range(1 << 18), 17_000)]
    rows = [(f"p-{place % 100:03}", What.NODES, str(span)) for place, span in enumerate(nodes)]
    rows += [(f"p-{one % 100:03}", What.PODS, f"10.{one // 100}.{one % 100}.0/24") for one in range(2_900)]
    rows += [(f"p-{one:03}", What.SERVICES, f"192.168.{one}.0/24") for one in range(100)]

    def find() -> None:
        overlaps([Owned(parsed(text), plane, what) for plane, what, text in rows], {"pods", "nodes"})

    spent = median(timed(find) for _ in range(RUNS))
    show(f"overlaps_of_{len(rows)}_ranges", spent, "s", "<=0.5", ok=spent <= 0.5)


def bench_audit() -> None:
    worst = []
    for _ in range(RUNS):
        spent = [timed(append) * 1000 for _ in range(200)]
        worst.append(quantiles(spent, n=20)[-1])
    show("audit_append_p95", median(worst), "ms", "<=5", ok=median(worst) <= 5)


@transaction.atomic
def append() -> None:
    record("access.admin_created", by="system", on=("user", 1, "somebody"))


@contextmanager
def database() -> Iterator[None]:
    """A fresh database for the block."""
    runner = DiscoverRunner(verbosity=0, interactive=False)
    old = runner.setup_databases()
    try:
        yield
    finally:
        access.forget_clients()
        runner.teardown_databases(old)


def main(wanted: Sequence[str]) -> None:
    parts: dict[str, Callable[[], None]] = {
        "rbac": lambda: in_folder(bench_rbac),
        "fan-out": lambda: in_folder(bench_fan_out),
        "queries": bench_queries,
        "audit": bench_audit,
        "addresses": bench_addresses,
    }
    for name in wanted or parts:
        with database():
            parts[name]()


def in_folder(act: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="kbconsole-bench-") as folder:
        act(Path(folder))


if __name__ == "__main__":
    django.setup()
    from django.contrib.auth.models import User

    from kbconsole.audit.services import record
    from kbconsole.fleet import access, services, vault
    from kbconsole.fleet.asking import MOST_THREADS, ask_all
    from kbconsole.fleet.jobs import CopyRbac
    from kbconsole.fleet.models import Credential, Plane
    from kbconsole.fleet.preflight.rights import POD_ROLE
    from kbconsole.jobs.models import Run
    from kbconsole.jobs.services import go_ahead
    from kbconsole.k8s.client import PlaneClient
    from kbconsole.k8s.credentials import PlaneCredential
    from kbconsole.k8s.kinds import CLUSTER_ROLE, NAMESPACE
    from networking.addresses.facts import Owned, What
    from networking.addresses.ranges import Span, parsed
    from networking.addresses.severity import overlaps
    from tests.driving import drive
    from tests.page_queries import counted
    from tests.people import person
    from tests.serving import credentials, served

    main(sys.argv[1:])
