"""The environment: wrong values end the start, all of them named at once, and no secret is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.started import ROOT, environment, keys, manage, python

SHOW = "from kbconsole import env; print(env.SECRET_KEY, env.AUDIT_KEYS)"
READ = ("-c", "import kbconsole.env")  # what manage.py does first; all of it takes seconds


def test_a_good_environment_starts_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = manage("check", env=environment(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} <= {"static"}, "no broker, no database"


def test_every_wrong_value_is_named_at_once(tmp_path: Path) -> None:
    wrong = {
        "SECRET_KEY": "short", "DEBUG": "perhaps", "LOG_LEVEL": "LOUD", "KBCONSOLE_TRUSTED_PROXIES": "-1",
        "KBCONSOLE_CREDENTIAL_KEYS": "not-a-key", "KBCONSOLE_AUDIT_KEYS": "tiny", "KBCONSOLE_LEASE_SECONDS": "0",
        "KBCONSOLE_BEAT_SECONDS": "soon", "KBCONSOLE_CHECK_SECONDS": "0", "KBCONSOLE_POLL_SECONDS": "100",
        "KBCONSOLE_FLEET_APPROVALS": "6", "KBCONSOLE_PLAN_HOURS": "0",
        "KBCONSOLE_PLANE_ALLOWED_CIDRS": "10.0.0.0/8,10.1.2.3/8",
        "KBCONSOLE_PLANE_DENIED_CIDRS": "everywhere", "KBCONSOLE_HTTPS": "maybe", "DATABASE_URL": "oracle-ish",
    }  # fmt: skip
    done = manage("check", env=environment(tmp_path, **wrong))
    named = set(re.findall(r"^  ([A-Z_]+):", done.stderr, re.M))
    assert (done.returncode, named) == (1, set(wrong))
    assert "Traceback" not in done.stderr


def test_what_is_needed_and_missing_is_named_at_once(tmp_path: Path) -> None:
    nothing = dict.fromkeys(keys(), "")
    done = python(*READ, env=environment(tmp_path, **nothing))
    assert done.returncode == 1
    assert all(f"  {name}: " in done.stderr for name in nothing)


def test_a_fernet_key_that_is_none_says_how_one_is_made(tmp_path: Path) -> None:
    done = python(*READ, env=environment(tmp_path, KBCONSOLE_CREDENTIAL_KEYS="x" * 43))
    assert "python -m kbconsole.fleet.make_keys" in done.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "KBCONSOLE_CREDENTIAL_KEYS", "KBCONSOLE_AUDIT_KEYS"])
def test_a_wrong_secret_is_named_but_not_shown(name: str, tmp_path: Path) -> None:
    done = python(*READ, env=environment(tmp_path, **{name: "hunter2-canary"}))
    assert done.returncode == 1
    assert name in done.stderr
    assert "canary" not in done.stdout + done.stderr


def test_the_password_of_a_database_that_is_wrong_is_not_shown(tmp_path: Path) -> None:
    done = python(*READ, env=environment(tmp_path, DATABASE_URL="nonsense://me:hunter2-canary@h/x"))
    assert done.returncode == 1
    assert "canary" not in done.stdout + done.stderr


def test_a_file_gives_the_value_of_a_name(tmp_path: Path) -> None:
    made = keys()
    files: dict[str, str] = {}
    for name, value in made.items():
        (tmp_path / name).write_text(value + "\n")
        files |= {name: "", f"{name}_FILE": str(tmp_path / name)}
    done = python("-c", SHOW, env=environment(tmp_path, **files))
    assert done.stderr == ""
    assert done.stdout.split()[0] == made["SECRET_KEY"]
    assert done.stdout.split()[1] == str([made["KBCONSOLE_AUDIT_KEYS"]])


def test_files_that_are_missing_are_named_with_all_other_trouble(tmp_path: Path) -> None:
    gone = {"SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "nowhere"), "REDIS_URL_FILE": str(tmp_path)}
    done = python(*READ, env=environment(tmp_path, **gone, DEBUG="perhaps"))
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert set(re.findall(r"^  ([A-Z_]+):", done.stderr, re.M)) == {"SECRET_KEY", "REDIS_URL", "DEBUG"}
    assert "SECRET_KEY_FILE" in done.stderr


def test_keys_made_twice_differ_and_are_accepted(tmp_path: Path) -> None:
    env = environment(tmp_path)
    printed = [python("-m", "kbconsole.fleet.make_keys", env={"PATH": env["PATH"]}).stdout for _ in range(2)]
    assert printed[0] != printed[1]
    made = dict(line.split("=", 1) for line in printed[0].splitlines())
    assert python(*READ, env=environment(tmp_path, **made)).returncode == 0


def test_the_table_of_the_documentation_has_every_variable_and_no_other() -> None:
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "kbconsole" / "env.py").read_text()))
    told = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "install.md").read_text(), re.M)
    assert sorted(told) == sorted(read)
