"""`manage.py inspect_kubeconfig`: what would be taken, told offline."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from kbconsole.k8s import kubeconfig
from kbconsole.k8s.credentials import PlaneCredential
from tests.k8s.server import Authority

TOKEN = "canary-token-0123456789"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def good(tmp_path: Path, authority: Authority) -> Path:
    cert, key = authority.issue("dba", days=9)
    credentials = {
        "k8s-1": PlaneCredential("https://10.0.0.1:6443", authority.pem, token=TOKEN),
        "k8s-2": PlaneCredential(
            "https://10.0.0.2:6443", authority.pem, client_cert_pem=cert, client_key_pem=key
        ),
    }
    path = tmp_path / "good"
    path.write_text(kubeconfig.write(credentials))
    return path


def run(*args: str | Path) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("inspect_kubeconfig", *map(str, args), stdout=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def run_json(*args: str | Path) -> tuple[int, list[dict[str, Any]]]:
    code, text = run("--json", *args)
    return code, json.loads(text)


def test_an_accepted_file_shows_its_contexts_and_no_secret(good: Path) -> None:
    code, (report,) = run_json(good)
    assert (code, report["file"], report["accepted"], report["findings"]) == (0, str(good), True, [])
    token, certificate = report["contexts"]
    assert (token["name"], token["server"], token["user"]) == ("k8s-1", "https://10.0.0.1:6443", "token")
    assert certificate["user"] == "certificate"
    assert certificate["expires"] < token["expires"]
    assert len(token["fingerprint"]) == 64
    code, text = run(good)
    assert code == 0
    assert "k8s-1  https://10.0.0.1:6443  accepted  token  expires " in text
    assert TOKEN not in text + json.dumps(report)


def test_one_refused_context_refuses_the_file_and_says_why(good: Path) -> None:
    good.write_text(good.read_text().replace(f"token: {TOKEN}", "exec: {command: aws}"))
    code, (report,) = run_json(good)
    assert (code, report["accepted"]) == (1, False)
    assert [context["accepted"] for context in report["contexts"]] == [False, True]
    assert report["findings"][0].startswith("k8s-1: exec: login commands are not run here")
    assert "  - k8s-1: exec: login commands" in run(good)[1]


def test_every_file_is_told_even_if_the_first_is_missing(good: Path, tmp_path: Path) -> None:
    code, reports = run_json(tmp_path / "missing", good)
    assert (code, [report["accepted"] for report in reports]) == (1, [False, True])
    assert reports[0]["findings"] == ["There is no such file. Check the path."]


@pytest.mark.parametrize("case", ["folder", "pipe", "huge", "binary", "empty", "long name"])
def test_what_is_no_kubeconfig_is_a_finding(tmp_path: Path, case: str) -> None:
    path = tmp_path / "file"
    match case:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "huge":
            with path.open("wb") as file:
                file.truncate(5 << 30)
        case "binary":
            path.write_bytes(bytes(range(256)))
        case "empty":
            path.touch()
        case "long name":
            path = tmp_path / ("x" * 5000)
    code, (report,) = run_json(path)
    assert (code, report["accepted"], len(report["findings"])) == (1, False, 1)


def test_it_does_not_load_the_kubernetes_client() -> None:
    script = (
        "import sys; import kbconsole.fleet.management.commands.inspect_kubeconfig, kbconsole.k8s.rules, "
        "kbconsole.k8s.manifests, kbconsole.k8s.commands; sys.exit('kubernetes' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
