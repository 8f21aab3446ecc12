"""The command that makes the first administrator."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from kbconsole.audit.management.commands import create_admin
from kbconsole.audit.models import Entry
from kbconsole.common.roles import roles_of
from tests.people import person

pytestmark = pytest.mark.django_db(transaction=True)
GOOD = "quiet-otter-plays-piano"


def typed(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Let a person type these passwords; returns what is left untyped."""
    left = list(answers)
    monkeypatch.setattr(create_admin, "getpass", lambda prompt: left.pop(0))
    return left


def run(*args: Any, **options: Any) -> str:
    out = io.StringIO()
    call_command("create_admin", *args, stdout=out, **options)
    return out.getvalue()


def test_a_password_typed_twice_makes_an_administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, GOOD, GOOD)
    assert GOOD not in run("root", "--email", "root@example.org")
    user = User.objects.get(username="root")
    assert user.check_password(GOOD)
    assert roles_of(user) == {"admin"}
    assert (user.email, user.is_superuser) == ("root@example.org", False)


def test_it_is_audited_as_done_by_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, GOOD, GOOD)
    run("root")
    entry = Entry.objects.get(act="access.admin_created")
    assert (entry.actor_label, entry.object_label) == ("system", "root")
    assert GOOD not in entry.canonical


def test_two_different_passwords_make_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, GOOD, GOOD + "x")
    with pytest.raises(CommandError, match="differ"):
        run("root")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("password", "why"), [("short", "too short"), ("password1234", "common"), ("roottheadmin", "similar")]
)
def test_a_weak_password_is_refused_with_its_reason(
    password: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, password, password)
    with pytest.raises(CommandError, match=why):
        run("roottheadmins")
    assert not User.objects.exists()
    assert not Entry.objects.filter(act="access.admin_created").exists()


def test_a_name_in_use_is_refused_before_a_password_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    person("root", "dba")
    left = typed(monkeypatch, GOOD, GOOD)
    with pytest.raises(CommandError, match="already"):
        run("root")
    assert len(left) == 2
    assert roles_of(User.objects.get(username="root")) == {"dba"}


def test_a_name_that_nobody_can_sign_in_with_is_refused() -> None:
    with pytest.raises(CommandError, match="username"):
        run("no such name")


def test_the_password_comes_from_a_file_without_its_line_end(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(GOOD + "\n")
    run("root", "--password-file", str(secret))
    assert User.objects.get(username="root").check_password(GOOD)


def test_the_password_comes_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(GOOD + "\n"))
    run("root", "--password-stdin")
    assert User.objects.get(username="root").check_password(GOOD)


def test_a_password_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nowhere"):
        run("root", "--password-file", str(tmp_path / "nowhere"))
    assert not User.objects.exists()
