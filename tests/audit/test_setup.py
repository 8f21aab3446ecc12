"""What a migrate leaves behind, and the check that says when it is gone."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.core import checks
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from django.utils.translation import gettext_lazy as _

from kbconsole.audit import triggers
from kbconsole.audit.models import Entry
from kbconsole.audit.services import record
from kbconsole.common.sentences import declare

declare({"setup.did": _("Something.")})


def problems() -> list[str]:
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    return [str(message.id) for message in found if str(message.id).startswith("audit.")]


@pytest.mark.django_db(transaction=True)
def test_a_remade_table_loses_its_protection_the_check_says_so_and_migrate_heals_it() -> None:
    with transaction.atomic():
        entry = record("setup.did", by="system")
    assert problems() == []
    altered = models.CharField(max_length=120)
    altered.set_attributes_from_name("act")
    with connection.schema_editor() as editor:
        editor.alter_field(Entry, Entry._meta.get_field("act"), altered)
    if connection.vendor == "sqlite":
        assert problems() == ["audit.E001"]
    call_command("migrate", skip_checks=True, verbosity=0)
    assert problems() == []
    with pytest.raises(IntegrityError):
        Entry.objects.filter(seq=entry.seq).update(reason="changed")


HARMLESS = {
    "sqlite": [
        "DROP TRIGGER audit_entry_no_delete",
        "CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry BEGIN SELECT 1; END",
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION audit_entry_refuse() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RETURN OLD; END $$",
    ],
}


def test_a_trigger_that_was_made_harmless_is_found_and_put_right(db: None) -> None:
    with connection.cursor() as cursor:
        for statement in HARMLESS[connection.vendor]:
            cursor.execute(statement)
    assert problems() == ["audit.E001"]
    triggers.install(connection)
    assert problems() == []


@pytest.mark.parametrize("state", ["DISABLE", "ENABLE", "ENABLE REPLICA"])
def test_a_trigger_that_was_switched_off_is_found(db: None, state: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("words of PostgreSQL")
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE audit_entry {state} TRIGGER audit_entry_no_change")
    assert triggers.missing(connection) == ["audit_entry_no_change"]


def test_the_check_says_how_to_repair(db: None) -> None:
    triggers.remove(connection)
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    message = next(message for message in found if message.id == "audit.E001")
    assert "manage.py migrate --skip-checks" in str(message.hint)


def test_a_check_without_the_database_does_not_ask_it() -> None:
    assert [message for message in checks.run_checks() if str(message.id).startswith("audit.")] == []


def test_the_three_groups_exist(db: None) -> None:
    assert {"dba", "admin", "auditor"} <= set(Group.objects.values_list("name", flat=True))
