"""Writing entries: what is kept, in which transaction, and what cannot be done to them afterwards."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import IntegrityError, connection, transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.models import Entry, Head
from kbconsole.audit.services import OutsideTransaction, Target, denied, record, recording_denials
from kbconsole.common.errors import Refused
from kbconsole.common.sentences import declare, say

declare(
    {
        "testing.asked": _("%(actor)s asked for %(object)s with %(replicas)s replicas."),
        "testing.refused": _("Ask %(who)s."),
    }
)
ON = Target("placement", 7, "etcd-demo")


@pytest.fixture
def dora(db: None) -> User:
    return User.objects.create_user("dora")


def ask(by: Any, **more: Any) -> Entry:
    with transaction.atomic():
        return record("testing.asked", by=by, on=ON, replicas=3, **more)


def test_an_entry_keeps_who_what_and_why_in_words(dora: User) -> None:
    entry = ask(dora, plane="k8s-1", run_id=12, plan_hash="ab", reason="for the shop")
    stored = Entry.objects.get(seq=entry.seq)
    assert str(stored.sentence) == "dora asked for etcd-demo with 3 replicas."
    assert (stored.actor, stored.actor_label, stored.actor_kind) == (dora.pk, "dora", "user")
    assert (stored.plane, stored.run_id, stored.plan_hash, stored.reason) == (
        "k8s-1",
        "12",
        "ab",
        "for the shop",
    )
    assert (stored.object_kind, stored.object_id, stored.object_label) == ("placement", "7", "etcd-demo")


def test_entries_are_numbered_without_gaps_and_each_seals_the_one_before(dora: User) -> None:
    first, second = ask(dora), ask("worker")
    assert second.seq == first.seq + 1
    assert second.prev_hash == first.hash
    assert Head.objects.get().hash == second.hash
    assert second.person == "Worker"


def test_an_entry_goes_with_the_transaction_of_its_act(dora: User) -> None:
    before = Head.objects.get().seq
    with pytest.raises(IntegrityError), transaction.atomic():
        record("testing.asked", by=dora, replicas=3)
        User.objects.create_user("dora")
    assert Head.objects.get().seq == before
    assert not Entry.objects.filter(act="testing.asked").exists()


@pytest.mark.django_db(transaction=True)
def test_an_entry_outside_of_a_transaction_is_a_bug() -> None:
    with pytest.raises(OutsideTransaction):
        record("testing.asked", by="system", replicas=3)
    assert not Entry.objects.exists()


def test_an_act_without_words_is_a_bug(dora: User) -> None:
    with pytest.raises(KeyError), transaction.atomic():
        record("testing.never_declared", by=dora)
    assert not Entry.objects.filter(act="testing.never_declared").exists()


def test_an_entry_outlives_the_account(dora: User) -> None:
    entry = ask(dora)
    dora.delete()
    assert str(Entry.objects.get(seq=entry.seq).sentence).startswith("dora asked")


def test_hostile_text_is_stored_harmless_and_short(dora: User) -> None:
    with transaction.atomic():
        entry = record(
            "testing.asked",
            by=dora,
            on=("placement", "x" * 999, "a\x00b\x1b[31m"),
            replicas="\ud800\x00",
            plane="p" * 999,
        )
    stored = Entry.objects.get(seq=entry.seq)
    assert stored.object_label == "a�b�[31m"
    assert stored.params == {"replicas": "?�"}
    assert (len(stored.object_id), len(stored.plane)) == (200, 253)


def test_a_refusal_is_recorded_although_the_act_is_rolled_back(dora: User) -> None:
    recording = recording_denials("testing.asked", by=dora, on=ON, replicas=3)
    with pytest.raises(Refused), recording, transaction.atomic():
        ask(dora)
        raise Refused("testing.refused", who="Adam")
    entry = Entry.objects.get(act="testing.asked")
    assert entry.outcome == "denied"
    assert str(entry.sentence) == "Refused: “dora asked for etcd-demo with 3 replicas.” Ask Adam."


def test_recording_a_refusal_inside_the_refused_transaction_is_a_bug(dora: User) -> None:
    recording = recording_denials("testing.asked", by=dora, on=ON, replicas=3)
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic(), recording:
        raise Refused("testing.refused", who="Adam")


def test_a_refusal_of_somebody_unknown_has_no_account(db: None) -> None:
    error = Refused("testing.refused", who=say("testing.refused", who="Eve"))
    entry = denied("testing.asked", by=AnonymousUser(), on=ON, error=error, replicas=1)
    assert entry.actor is None
    assert "Somebody not signed in" in str(entry.sentence)
    assert str(entry.sentence).endswith("Ask Ask Eve..")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET actor_label = 'eve' WHERE seq = %s",
        "DELETE FROM audit_entry WHERE seq = %s",
        "INSERT OR REPLACE INTO audit_entry SELECT * FROM audit_entry WHERE seq = %s",
        "UPDATE OR REPLACE audit_entry SET seq = 1 WHERE seq = %s",
    ],
)
def test_the_database_refuses_to_change_an_entry(dora: User, statement: str) -> None:
    if "OR REPLACE" in statement and connection.vendor != "sqlite":
        pytest.skip("words of SQLite")
    entry = ask(dora)
    with (
        pytest.raises(IntegrityError, match="never changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement, [entry.seq])
    assert Entry.objects.get(seq=entry.seq).actor_label == "dora"


@pytest.mark.parametrize(
    "statements",
    [
        ["TRUNCATE audit_entry"],
        ["SET LOCAL session_replication_role = replica", "DELETE FROM audit_entry"],
        ["SET LOCAL session_replication_role = replica", "TRUNCATE audit_entry"],
    ],
)
def test_postgresql_refuses_its_own_ways_round(dora: User, statements: list[str]) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("words of PostgreSQL")
    entry = ask(dora)
    with (
        pytest.raises(IntegrityError, match="never changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        for statement in statements:
            cursor.execute(statement)
    assert Entry.objects.filter(seq=entry.seq).exists()


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_make_one_chain() -> None:
    def write() -> None:
        for _turn in range(10):
            ask("system")
        connection.close()

    threads = [threading.Thread(target=write) for _thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = list(Entry.objects.order_by("seq").values_list("seq", "prev_hash", "hash"))
    assert [seq for seq, *_rest in rows] == list(range(1, 41))
    assert [row[1] for row in rows[1:]] == [row[2] for row in rows[:-1]]


def test_an_old_entry_renders_in_the_readers_language(dora: User) -> None:
    entry = ask(dora, outcome="intent")
    with translation.override("zh-hans"):
        assert "dora" in str(entry.sentence)
