"""Real use as docs/install.md says: its own settings pass the deployment check, and pages carry the headers."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest
import yaml

from kbconsole.fleet.preflight.rights import GROUPS, POD_ROLE, groups_for
from tests.started import ROOT, environment, manage, python

INSTALL = (ROOT / "docs" / "install.md").read_text()
PAGE = """
import json, django
django.setup()
from django.test import Client
secure = Client(headers={"host": "kbconsole.example.org", "x-forwarded-proto": "https"})
plain = Client(headers={"host": "kbconsole.example.org", "x-forwarded-proto": "http"})
page, away, stranger = secure.get("/sign-in/"), plain.get("/sign-in/"), secure.get("/", headers={"host": "other"})
print(json.dumps({
    "status": page.status_code, "headers": dict(page.headers), "location": away.headers.get("Location"),
    "cookies": {name: [bool(m["secure"]), m["samesite"]] for name, m in page.cookies.items()},
    "stranger": stranger.status_code, "body": page.content.decode(),
}))
"""


def documented() -> dict[str, str]:
    """Return the environment that the document tells to write."""
    block = re.search(r"^## Environment\n.*?```ini\n(.*?)```", INSTALL, re.S | re.M)
    assert block is not None
    return dict(line.split("=", 1) for line in block[1].splitlines())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a browser gets behind the TLS proxy of the document, on a SQLite file."""
    folder = tmp_path_factory.mktemp("installed")
    here = {"KBCONSOLE_DATA_DIR": str(folder), "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}"}
    env = environment(folder, **{**documented(), **here, "REDIS_URL": ""})
    assert manage("migrate", "--verbosity", "0", env=env).returncode == 0
    done = python("-c", PAGE, env=env)
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def headers(page: dict[str, object]) -> dict[str, str]:
    found = page["headers"]
    assert isinstance(found, dict)
    return found


def test_the_documented_settings_pass_the_deployment_check(tmp_path: Path) -> None:
    env = environment(tmp_path, **{**documented(), "KBCONSOLE_DATA_DIR": str(tmp_path)})
    done = manage("check", "--deploy", "--fail-level", "WARNING", env=env)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_tls_the_deployment_check_complains(tmp_path: Path) -> None:
    env = environment(tmp_path, **{**documented(), "KBCONSOLE_HTTPS": "false"})
    done = manage("check", "--deploy", "--fail-level", "WARNING", env=env)
    assert done.returncode == 1
    assert "security.W" in done.stderr


def test_a_page_carries_the_security_headers(page: dict[str, object]) -> None:
    got = headers(page)
    assert page["status"] == 200
    assert got["Strict-Transport-Security"].startswith("max-age=31536000")
    assert got["X-Content-Type-Options"] == "nosniff"
    assert got["X-Frame-Options"] == "DENY"
    assert got["Referrer-Policy"] == "same-origin"
    assert got["Cross-Origin-Opener-Policy"] == "same-origin"


def test_the_content_policy_allows_only_our_own_scripts(page: dict[str, object]) -> None:
    policy = dict(part.strip().split(" ", 1) for part in headers(page)["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers(page)["Content-Security-Policy"]


def test_the_page_has_nothing_that_the_policy_would_stop(page: dict[str, object]) -> None:
    body = str(page["body"])
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")", body)
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", body)
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", body)


def test_cookies_go_only_over_tls(page: dict[str, object]) -> None:
    cookies = page["cookies"]
    assert isinstance(cookies, dict)
    assert cookies["csrftoken"] == [True, "Lax"]


def test_cleartext_is_sent_to_tls_and_other_hosts_are_refused(page: dict[str, object]) -> None:
    assert page["location"] == "https://kbconsole.example.org/sign-in/"
    assert page["stranger"] == 400


def test_compose_gives_the_services_what_the_console_reads() -> None:
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text())
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "kbconsole" / "env.py").read_text()))
    for name in ("migrate", "web", "worker", "beat"):
        service = composed["services"][name]
        given = {key.removesuffix("_FILE") for key in service["environment"]}
        assert given <= read
        assert {"SECRET_KEY", "KBCONSOLE_CREDENTIAL_KEYS", "KBCONSOLE_AUDIT_KEYS", "DATABASE_URL"} <= given
        files = {value for key, value in service["environment"].items() if key.endswith("_FILE")}
        assert files == {f"/run/secrets/{secret}" for secret in service["secrets"]}
        assert set(service["secrets"]) <= set(composed["secrets"])


def test_the_image_holds_every_package() -> None:
    recipe = (ROOT / "Dockerfile").read_text()
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert all(f"COPY {name} " in recipe for name in {*packages, "templates", "static", "manage.py"})


def test_the_table_of_rights_in_the_walkthrough_is_the_one_that_the_preflight_checks() -> None:
    needed: dict[str, set[str]] = {}
    for group in groups_for(control=False, data=True):
        for rule in GROUPS[group].rules:
            for resource in rule["resources"]:
                needed.setdefault(resource, set()).update(rule["verbs"])
    told: dict[str, set[str]] = {}
    walkthrough = INSTALL.partition("What that grants on a data plane")[2]
    for resources, verbs in re.findall(r"^   \| (`.*?) \| ([a-z, ;]+) \|$", walkthrough, re.M):
        for resource in set(re.findall(r"`([a-z0-9-]+)`", resources)) - {POD_ROLE}:
            told[resource] = set(re.split(r"[,;] ", verbs))
    assert told == needed


def test_the_walkthrough_makes_its_users_from_the_manifest_that_the_console_shows() -> None:
    command = re.search(r'kb shell -v 0 -c "from (\S+) import (manifest);', INSTALL)
    assert command is not None
    made = getattr(importlib.import_module(command[1]), command[2])
    assert "kind: ServiceAccount" in made(control=False, data=True)
