"""A thousand ways to tamper with the log by SQL, from one seed: each is found, and its first bad entry is named."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from kbconsole.audit import heads, sealing, triggers
from kbconsole.audit.heads import PublishedHead
from kbconsole.audit.models import Entry, Head
from kbconsole.audit.verification import CHUNK, verify
from tests.audit.test_verification import append

SEED = 20261123
EDITS = 1000
ROWS = 16
# `id` is only the place of a row in its table: no page, no filter and no export reads it.
COLUMNS = [str(field.column) for field in Entry._meta.concrete_fields if field.column != "id"]
NUMBERS = {"actor", "schema_version"}
Tamper = Callable[[random.Random], int]


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def rows() -> list[dict[str, Any]]:
    return [dict(row) for row in Entry.objects.order_by("seq").values()]


def some_row(dice: random.Random) -> int:
    return dice.randint(1, ROWS)


def edit_a_column(dice: random.Random) -> int:
    seq, column = some_row(dice), dice.choice(COLUMNS)
    if column == "seq":
        sql("UPDATE audit_entry SET seq = %s WHERE seq = %s", dice.choice([0, -3, 10**9]), seq)
        left = set(Entry.objects.values_list("seq", flat=True))
        return min(left) if min(left) < 1 else seq
    value: Any = f"edited {dice.randint(0, 10**6)}"
    if column in NUMBERS:
        value = dice.randint(2, 30000)
    elif column == "at":
        value = f"2026-0{dice.randint(1, 9)}-11 10:11:12.131415"
    elif column == "params":
        value = dice.choice(['{"number": true}', "{}", "[]", '{"number": 99, "weight": 150.0}', "null"])
    elif column in ("hash", "prev_hash", "key_id"):
        value = dice.choice(
            ["", "é" * 8, f"{dice.getrandbits(256):064x}"[: 16 if column == "key_id" else 64]]
        )
    elif column in ("outcome", "actor_kind"):
        value = dice.choice(["failure", "denied", "worker", "user"])
    # An edit to what stands there already is none.
    before = str(Entry.objects.filter(seq=seq).values_list(column, flat=True).get())
    if column != "params" and before == str(value):
        value = "x"
    sql(f"UPDATE audit_entry SET {column} = %s WHERE seq = %s", value, seq)
    return seq


def drop_some(dice: random.Random) -> int:
    gone = sorted(dice.sample(range(1, ROWS + 1), dice.randint(1, 4)))
    sql(f"DELETE FROM audit_entry WHERE seq IN ({', '.join(map(str, gone))})")
    return gone[0]


def drop_and_close_the_gap(dice: random.Random) -> int:
    gone = dice.randint(1, ROWS - 1)
    sql("DELETE FROM audit_entry WHERE seq = %s", gone)
    for seq in range(gone + 1, ROWS + 1):
        sql("UPDATE audit_entry SET seq = %s WHERE seq = %s", seq - 1, seq)
    set_head_to_the_last()
    return gone


def swap_numbers(dice: random.Random) -> int:
    one, two = sorted(dice.sample(range(1, ROWS + 1), 2))
    for old, new in ((one, 10**9), (two, one), (10**9, two)):
        sql("UPDATE audit_entry SET seq = %s WHERE seq = %s", new, old)
    return one


def swap_contents(dice: random.Random) -> int:
    """Everything of two entries changes places, their numbers and seals' texts included; only seq stays."""
    one, two = sorted(dice.sample(rows(), 2), key=lambda row: row["seq"])
    for seq, other in ((one["seq"], two), (two["seq"], one)):
        content = {name: value for name, value in other.items() if name not in ("id", "seq")}
        Entry.objects.filter(seq=seq).update(**content)
    return int(one["seq"])


def cut_the_end(dice: random.Random) -> int:
    after = dice.randint(0, ROWS - 1)
    sql("DELETE FROM audit_entry WHERE seq > %s", after)
    if dice.random() < 0.7:
        set_head_to_the_last()
    return after + 1


def insert_one(dice: random.Random) -> int:
    """Put in a copy of an entry, or a forged one; those behind it move, or it stands outside of the numbers."""
    row = dice.choice(rows())
    place = dice.choice([0, -1, ROWS + 1, *range(1, ROWS + 1)])
    if 1 <= place <= ROWS:
        for seq in range(ROWS, place - 1, -1):
            sql("UPDATE audit_entry SET seq = %s WHERE seq = %s", seq + 1, seq)
    del row["id"]
    itself, forged = row["seq"] == place, dice.random() < 0.5
    row["seq"] = place
    if forged:
        row["canonical"] = sealing.canonical_text(row)
        row["hash"] = sealing.seal(row["canonical"], "a stranger's key")
    Entry.objects.create(**row)
    if dice.random() < 0.5:
        set_head_to_the_last()
    return int(place) + (
        1 if itself and not forged else 0
    )  # of two that are alike, the second one is too many


def seal_with_another_key(dice: random.Random) -> int:
    row = rows()[some_row(dice) - 1]
    row["reason"] = "a better one"
    text = sealing.canonical_text(row)
    Entry.objects.filter(seq=row["seq"]).update(
        reason=row["reason"], canonical=text, hash=sealing.seal(text, "a stranger's key")
    )
    return int(row["seq"])


def set_head_to_the_last() -> None:
    last = Entry.objects.order_by("-seq").first()
    Head.objects.update(seq=last.seq if last else 0, hash=last.hash if last else "")


TAMPERINGS: list[Tamper] = [
    edit_a_column, edit_a_column, edit_a_column, drop_some, drop_and_close_the_gap, swap_numbers, swap_contents,
    cut_the_end, insert_one, seal_with_another_key,
]  # fmt: skip


@pytest.fixture
def published(db: None) -> list[PublishedHead]:
    """A log without triggers, whose head was published when it was written."""
    append(ROWS)
    triggers.remove(connection)
    head = Head.objects.get()
    return [PublishedHead(head.seq, head.hash, "2026-11-23T02:00:00+00:00")]


def test_a_thousand_tamperings_are_found_and_the_first_bad_entry_is_named(
    published: list[PublishedHead],
) -> None:
    dice, wrong, kinds = random.Random(SEED), [], set()
    for number in range(EDITS):
        tamper = TAMPERINGS[number % len(TAMPERINGS)]
        with transaction.atomic():
            first_bad = tamper(dice)
            found = verify(published)
            transaction.set_rollback(True)
        kinds.add(found.problem.code if found.problem else "")
        if found.problem is None or found.bad_seq != first_bad:
            wrong.append((number, tamper.__name__, first_bad, found.bad_seq, str(found.problem)))
    assert wrong == []
    assert len(kinds) >= 7, kinds
    assert verify(published).problem is None


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's columns refuse these values")
@pytest.mark.parametrize(
    "change",
    [
        "at = 'yesterday'",
        "at = '2026-13-45 10:00:00'",
        "canonical = x'ff'",
        "hash = x'00'",
        "reason = CAST(x'ff' AS TEXT)",
        "key_id = x'00ff'",
        "actor = 'root'",
        "seq = 'seven'",
        "seq = 6.5",
    ],
)
def test_values_that_no_column_should_hold_are_found_and_do_not_break_the_walk(
    published: list[PublishedHead], change: str
) -> None:
    sql(f"UPDATE audit_entry SET {change} WHERE seq = 7")
    assert verify(published).bad_seq == 7


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's columns refuse these values")
@pytest.mark.parametrize(("seq", "named"), [("'zzz'", ROWS + 1), ("6.5", 7)])
def test_an_entry_with_a_strange_number_beside_the_others_is_found(
    published: list[PublishedHead], seq: str, named: int
) -> None:
    names = ", ".join(f'"{name}"' for name in COLUMNS if name != "seq")
    sql(f"INSERT INTO audit_entry (seq, {names}) SELECT {seq}, {names} FROM audit_entry WHERE seq = 6")
    assert verify(published).bad_seq == named


def test_the_walk_goes_on_over_its_chunks(db: None) -> None:
    append(CHUNK + 5)
    triggers.remove(connection)
    assert verify().entries == CHUNK + 5
    sql("UPDATE audit_entry SET plane = 'k8s-9' WHERE seq = %s", CHUNK + 2)
    assert verify().bad_seq == CHUNK + 2


def test_a_head_of_another_log_is_not_agreed_with(published: list[PublishedHead]) -> None:
    other = [PublishedHead(3, "f" * 64, "2026-11-23T02:00:00+00:00"), *published]
    difference = heads.first_difference(other, last=ROWS)
    assert difference is not None
    assert difference.seq == 3
