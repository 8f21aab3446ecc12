"""docs/journey.py against a real server, a worker, and an embedded fleet whose operator makes the pods."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from django.contrib.auth.models import User
from pytest_django.live_server_helper import LiveServer
from rest_framework.authtoken.models import Token

from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import access, answers
from kbconsole.jobs import claims, runner, waking
from kbconsole.jobs.models import ACTIVE, Run
from placements.models import Placement
from tests.api.calling import a_profile
from tests.driving import WORKERS_TAKE, hands
from tests.fleet.planes import registered

pytestmark = pytest.mark.usefixtures("workers")
SCRIPT = Path(__file__).parents[2] / "docs" / "journey.py"
PASSWORD = "correct horse battery"


@pytest.fixture
def servers(tmp_path: Path, adam: User, transactional_db: None) -> Iterator[EmbeddedFleet]:
    """A fleet with its controllers, its planes registered."""
    fleet = EmbeddedFleet(tmp_path / "fleet.sqlite3", nodes=1, delay=0.1, interval=0.1)
    fleet.start()
    for name in (fleet.control_plane, *fleet.planes):
        registered(fleet, name, adam)
    yield fleet
    access.forget_clients()
    answers.forget()
    fleet.stop()


def _work_until(ended: subprocess.Popen[str], *, seconds: float) -> None:
    """Do what workers and beat do while the script waits, if there are none."""
    until = monotonic() + (seconds if hands.own else seconds * WORKERS_TAKE)
    while ended.poll() is None and monotonic() < until:
        for run in Run.objects.filter(status__in=ACTIVE).values_list("pk", flat=True) if hands.own else ():
            runner.advance(run)
        if hands.own:
            claims.reap()
            waking.due()
        sleep(0.05)


def _script(url: str, *options: str, dba: str, admin: str) -> subprocess.Popen[str]:
    who = {**os.environ, "KBCONSOLE_DBA": dba, "KBCONSOLE_ADMIN": admin}
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), url, *options], env=who, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.slow
def test_the_script_asks_approves_follows_and_shows_what_runs_where(
    live_server: LiveServer, servers: EmbeddedFleet, dana: User, adam: User
) -> None:
    a_profile()
    dana.set_password(PASSWORD)
    dana.save()
    admin = Token.objects.create(user=adam).key
    script = _script(live_server.url, "--name", "etcd-demo", dba=f"dana:{PASSWORD}", admin=admin)
    _work_until(script, seconds=60)
    out, err = script.communicate(timeout=5)
    assert (script.returncode, err) == (0, ""), out
    assert "dana asked for demo/etcd-demo: 3 replicas on ['k8s-1', 'k8s-2', 'k8s-3']" in out
    assert "demo/etcd-demo: in_service" in out
    replicas = dict(re.findall(r"^  (etcd-demo-etcd-\d) +(k8s-\d) +ready", out, flags=re.MULTILINE))
    assert replicas == {"etcd-demo-etcd-0": "k8s-1", "etcd-demo-etcd-1": "k8s-2", "etcd-demo-etcd-2": "k8s-3"}
    assert PASSWORD not in out
    assert Placement.objects.get().status == "in_service"


def test_the_script_ends_with_the_sentences_of_a_refusal(
    live_server: LiveServer, servers: EmbeddedFleet, dana: User, adam: User
) -> None:
    a_profile()
    tokens = {name: Token.objects.create(user=user).key for name, user in (("dba", dana), ("admin", adam))}
    script = _script(live_server.url, "--name", "Etcd_Demo", "--replicas", "0", **tokens)
    _out, err = script.communicate(timeout=30)
    assert script.returncode == 1
    assert "422 Unprocessable" in err
    assert "name: A name has only small letters" in err
    assert "replicas: etcd can have 1 to 7 replicas" in err
