"""A test run that is killed leaves no process and no file behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.demo_command.running import until
from tests.guard import ROOT, VARIABLE, run_folder
from tests.guard.processes import processes_of

# What the killed run does: children that mind no hint, one with hardly any environment, one that hides it, and files.
INNER = """
import os, subprocess, sys, tempfile
from pathlib import Path
from tests.guard import run_folder

DEAF = "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; time.sleep(600)"

def test_it_never_ends(tmp_path):
    (tmp_path / "locked").mkdir(0o500)
    Path(tempfile.mkdtemp(), "file").touch()
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR")}
    for environment in (None, kept):
        subprocess.Popen([sys.executable, "-c", DEAF], env=environment, start_new_session=True)
    subprocess.Popen([sys.executable, "-c", DEAF], env={}, cwd=tmp_path, start_new_session=True)
    print(f"FOLDER={run_folder()}=", flush=True)
    subprocess.run([sys.executable, "-c", DEAF])
"""
CHILDREN = 4


@pytest.fixture
def inner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A test run of its own, in a group of its own, which has started everything."""
    test = tmp_path / "test_inner.py"
    test.write_text(INNER)
    outside = {"TMPDIR": os.fspath(tmp_path), "PYTHONPATH": str(ROOT)}
    environment = {name: value for name, value in os.environ.items() if name not in (VARIABLE, "TMPDIR")}
    for name in [name for name in environment if name.startswith(("PYTEST_", "KBCONSOLE_"))]:
        del environment[name]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-s",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(ROOT),
        str(test),
    ]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment | outside,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield process


def started(inner: subprocess.Popen[str]) -> Path:
    """Return the folder of that run as soon as it has all its children."""
    assert inner.stdout is not None
    said = next((line for line in inner.stdout if "FOLDER=" in line), "it never started")
    folder = Path(said.split("=")[1])
    until("its children", lambda: len(processes_of(folder)) == CHILDREN, 60)
    return folder


@pytest.mark.parametrize("whom", ["the process", "its whole group"])
def test_a_killed_run_leaves_no_process_and_no_file(whom: str, inner: subprocess.Popen[str]) -> None:
    folder = started(inner)
    assert list(folder.rglob("locked"))
    assert list(folder.glob("tmp/*/file"))
    if whom == "the process":
        inner.kill()
    else:
        os.killpg(inner.pid, signal.SIGKILL)
    until("the end of all that it started", lambda: not processes_of(folder), 20)
    until("the end of its files", lambda: not folder.exists(), 20)


def test_ctrl_c_waits_until_nothing_is_left(inner: subprocess.Popen[str]) -> None:
    folder = started(inner)
    os.killpg(inner.pid, signal.SIGINT)
    inner.wait(120)
    assert processes_of(folder) == []
    assert not folder.exists()


def test_everything_of_this_run_lies_in_its_folder(tmp_path: Path) -> None:
    assert run_folder() in tmp_path.parents
    for name in ("TMPDIR", "KBCONSOLE_DATA_DIR"):
        assert run_folder() in Path(os.environ[name]).parents
    made = subprocess.run([sys.executable, "-c", "import tempfile; print(tempfile.mkdtemp())"],
                          capture_output=True, text=True, check=True).stdout  # fmt: skip
    assert run_folder() in Path(made.strip()).parents


def test_a_path_of_a_socket_fits_into_its_folder(tmp_path: Path) -> None:
    assert len(os.fspath(tmp_path / "postgresql" / ".s.PGSQL.65535")) < 107
