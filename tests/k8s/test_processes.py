"""Running a program for a plane: what it gets to see, what is kept of what it says, and that it always ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from kbconsole.k8s import private_folder, processes
from kbconsole.k8s.processes import TIMEOUT, Command, Exit, run
from kbconsole.k8s.redaction import Redactor
from tests.started import ROOT

TOKEN = "abcdefgh-ijklmnop"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n-----END PRIVATE KEY-----"


@pytest.fixture(autouse=True)
def _memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(processes, "KILL_SECONDS", 0.3)


def tool(folder: Path, script: str) -> str:
    path = folder / "tool"
    path.write_text("#!/bin/sh\n" + textwrap.dedent(script))
    path.chmod(0o755)
    return str(path)


def ran(binary: str, *args: str, stop: str = "", seconds: float = 20.0) -> tuple[Exit, list[str]]:
    said: list[str] = []
    command = Command(binary, args, "the kubeconfig", stdin="a: b", seconds=seconds, secrets=(TOKEN,))
    ended = run(command, on_lines=lambda lines: said.extend(text for _, text in lines), stop=lambda: stop)
    return ended, said


def test_it_sees_its_kubeconfig_its_values_and_nothing_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "ours")
    binary = tool(
        tmp_path, 'cat; echo; cat "$KUBECONFIG"; echo; stat -c %a . "$KUBECONFIG"; env; echo "$1" >&2'
    )
    ended, said = ran(binary, "$(id) `id`; id")
    assert (ended.code, ended.why, ended.cut) == (0, "", False)
    assert [line for line in said if line in ("a: b", "the kubeconfig", "700", "600", "$(id) `id`; id")] == [
        "a: b", "the kubeconfig", "700", "600", "$(id) `id`; id",
    ]  # fmt: skip
    assert not [line for line in said if line.startswith(("SECRET_KEY", "DATABASE_URL", "KBCONSOLE"))]
    assert list(private_folder.base().iterdir()) == []


def test_what_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    binary = tool(
        tmp_path, f"trap '' TERM\nsleep 60 & echo $! > {tmp_path}/child\necho $$ > {tmp_path}/self\nwait"
    )
    begun = monotonic()
    ended, _ = ran(binary, "x", seconds=0.2)
    assert ended.why == TIMEOUT
    assert ended.code == -signal.SIGKILL
    assert monotonic() - begun < 10
    assert all(_gone(int((tmp_path / name).read_text())) for name in ("child", "self"))


def test_whoever_wants_it_to_stop_says_why(tmp_path: Path) -> None:
    ended, _ = ran(tool(tmp_path, "exec sleep 60"), "x", stop="cancelled")
    assert (ended.why, ended.code) == ("cancelled", -signal.SIGTERM)


def test_a_mebibyte_is_kept_and_no_secret_is_told(tmp_path: Path) -> None:
    binary = tool(
        tmp_path,
        f"echo 'token {TOKEN} and Bearer xyzxyz'; echo '{PEM}'; echo 'password: hunter2'; echo k8s-1/etcd\n"
        "head -c 3000000 /dev/zero | tr '\\0' x; exit 3",
    )
    ended, said = ran(binary, "x")
    assert ended.code == 3
    assert ended.cut
    assert len(ended.stdout) == processes.KEPT
    assert said[:4] == [
        "token [redacted] and Bearer [redacted]", "[redacted]", "password: [redacted]", "k8s-1/etcd",
    ]  # fmt: skip


def test_long_names_stay_readable_and_base64_does_not() -> None:
    name = "kbconsole-metallb-system/validatingwebhookconfigurations/metallb-webhook-configuration"
    assert Redactor().text(name) == name
    assert Redactor().text("cert " + "QUJDREVGR0hJSktMTU5PUFFS" * 3) == "cert [redacted]"


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs a tool which would run for a minute."""
    binary = tool(tmp_path, f"echo $$ > {tmp_path}/self; exec sleep 60")
    code = (
        "from kbconsole.k8s.processes import Command, run\n"
        f"run(Command({binary!r}, ('x',), 'the kubeconfig'), on_lines=print, stop=str)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    yield process
    process.kill()
    process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does this")
def test_it_dies_with_who_looks_after_it_and_what_is_left_is_swept(
    tmp_path: Path, keeper: subprocess.Popen[bytes]
) -> None:
    pid = int(_wait_for(lambda: (tmp_path / "self").read_text() if (tmp_path / "self").exists() else ""))
    assert private_folder.sweep() == 0
    keeper.kill()
    keeper.wait()
    assert _wait_for(lambda: "gone" if _gone(pid) else "")
    assert private_folder.sweep() == 1
    assert list(private_folder.base().iterdir()) == []


def _gone(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def _wait_for(what: object) -> str:
    until = monotonic() + 30
    while monotonic() < until:
        if found := what():  # type: ignore[operator]
            return str(found)
        sleep(0.05)
    raise AssertionError("it did not happen")
