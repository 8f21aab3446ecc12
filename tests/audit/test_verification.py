"""Tampering by somebody who owns the database: the triggers are gone, the chain still tells."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _
from pytest_django import Settings

from kbconsole.audit import sealing, triggers
from kbconsole.audit.models import Check, Entry, Head
from kbconsole.audit.services import record
from kbconsole.audit.verification import verify
from kbconsole.common.sentences import declare
from tests.audit.conftest import SignIn

declare({"verify.did": _("Thing %(number)s.")})


@pytest.fixture
def ten(db: None) -> None:
    """Ten entries, and no triggers."""
    append(10)
    triggers.remove(connection)


def append(count: int) -> None:
    with transaction.atomic():
        for number in range(count):
            record("verify.did", by="system", number=number, weight=1.5e2, plane="k8s-1")


def run() -> str:
    out = StringIO()
    call_command("audit_verify", stdout=out)
    return out.getvalue()


def test_an_untouched_log_is_unbroken(ten: None, sign_in: SignIn) -> None:
    assert "10 entries, unbroken" in run()
    assert "Unbroken: 10 entries since" in sign_in("auditor").get("/audit/").content.decode()


def test_an_empty_log_is_unbroken(db: None) -> None:
    assert "0 entries, unbroken" in run()


def test_the_page_says_that_nothing_was_checked_yet(sign_in: SignIn) -> None:
    assert "Not checked yet" in sign_in("auditor").get("/audit/").content.decode()


@pytest.mark.parametrize("column", sorted({*sealing.SEALED, "canonical", "hash"} - {"seq"}))
def test_an_edit_of_any_column_is_found(ten: None, column: str, sign_in: SignIn) -> None:
    row = Entry.objects.filter(seq=4)
    values = {"at": "2026-01-01T00:00:00Z", "actor": 5, "params": {"number": 99}, "schema_version": 2}
    row.update(**{column: values.get(column, "x")})
    with pytest.raises(CommandError, match="broken at entry 4, after 3 good ones") as failure:
        run()
    assert failure.value.returncode == 1
    assert "The log is broken at entry 4." in sign_in("auditor").get("/audit/").content.decode()


def test_parameters_that_are_no_longer_json_are_found(ten: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL stores nothing but JSON")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = 1")
        cursor.execute("UPDATE audit_entry SET params = '{' WHERE seq = 4")
        cursor.execute("PRAGMA ignore_check_constraints = 0")
    assert verify().bad_seq == 4


def test_an_edit_that_a_stranger_sealed_again_is_found(ten: None) -> None:
    entry = Entry.objects.get(seq=4)
    text = json.dumps(
        {**json.loads(entry.canonical), "plane": "k8s-2"}, sort_keys=True, separators=(",", ":")
    )
    Entry.objects.filter(seq=4).update(plane="k8s-2", canonical=text, hash=sealing.seal(text, "another key"))
    assert verify().bad_seq == 4


@pytest.mark.parametrize(
    ("gone", "first_bad"), [([1], 1), ([5], 5), ([10], 10), ([8, 9, 10], 8), (range(1, 11), 1)]
)
def test_a_deleted_entry_is_found(ten: None, gone: list[int], first_bad: int) -> None:
    Entry.objects.filter(seq__in=gone).delete()
    assert verify().bad_seq == first_bad


def test_entries_in_another_order_are_found(ten: None) -> None:
    for old, new in ((3, 99), (7, 3), (99, 7)):
        Entry.objects.filter(seq=old).update(seq=new)
    assert verify().bad_seq == 3


def test_an_entry_that_was_numbered_down_after_a_deletion_is_found(ten: None) -> None:
    Entry.objects.filter(seq=10).delete()
    Entry.objects.filter(seq=9).delete()
    Head.objects.update(seq=9)
    assert verify().bad_seq == 9


def test_a_head_that_was_set_back_is_found(ten: None) -> None:
    Head.objects.update(seq=6, hash=Entry.objects.get(seq=6).hash)
    verdict = verify()
    assert verdict.bad_seq == 7
    assert "after the end" in str(verdict.problem)


def test_a_missing_head_is_found_and_migrate_makes_it_again(ten: None) -> None:
    Head.objects.all().delete()
    assert "head of the chain is missing" in str(verify().problem)
    call_command("migrate", skip_checks=True, verbosity=0)
    append(1)
    assert verify().problem is None


def test_a_key_can_be_changed_while_the_old_one_is_kept(ten: None, settings: Settings) -> None:
    old = settings.KBCONSOLE_AUDIT_KEYS
    settings.KBCONSOLE_AUDIT_KEYS = ["a new key", *old]
    append(2)
    assert verify().problem is None
    settings.KBCONSOLE_AUDIT_KEYS = ["a new key"]
    verdict = verify()
    assert verdict.bad_seq == 1
    assert "Add the old key" in str(verdict.problem)


def test_each_verification_is_kept(ten: None) -> None:
    run()
    kept = Check.objects.get()
    assert (kept.entries, kept.head_seq, kept.head_hash) == (10, 10, Entry.objects.get(seq=10).hash)
