"""Heads that are published outside the table: an end that was cut off is found, and each outcome has an exit status."""

from __future__ import annotations

import json
import logging
import os
import stat
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from celery.schedules import crontab
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from kbconsole.audit import heads, sealing, triggers
from kbconsole.audit.models import Check, Entry, Head
from kbconsole.audit.tasks import daily
from kbconsole.audit.verification import verify
from tests.audit.conftest import SignIn
from tests.audit.test_verification import append


@pytest.fixture
def file(settings: Settings, tmp_path: Path, db: None) -> Path:
    settings.KBCONSOLE_AUDIT_HEADS = tmp_path / "heads.jsonl"
    append(10)
    triggers.remove(connection)
    return tmp_path / "heads.jsonl"


def call(name: str, **options: Any) -> str:
    out = StringIO()
    call_command(name, stdout=out, stderr=out, **options)
    return out.getvalue()


def cut(after: int) -> None:
    """Cut the end off and set the head back, as somebody does who knows how the chain works."""
    Entry.objects.filter(seq__gt=after).delete()
    last = Entry.objects.filter(seq=after).first()
    Head.objects.update(seq=after, hash=last.hash if last else "")


def refused(**options: Any) -> CommandError:
    with pytest.raises(CommandError) as failure:
        call("audit_verify", **options)
    return failure.value


def test_a_head_is_a_line_of_number_seal_and_time_that_only_we_and_our_group_read(file: Path) -> None:
    printed = call("audit_head")
    append(1)
    call("audit_head")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert json.loads(printed) == lines[0]
    assert [(line["seq"], line["hash"]) for line in lines] == [
        (seq, Entry.objects.get(seq=seq).hash) for seq in (10, 11)
    ]
    assert stat.S_IMODE(file.stat().st_mode) & ~0o640 == 0


def test_a_head_is_also_a_line_of_the_log_of_the_process(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="kbconsole.audit.head"):
        line = call("audit_head").strip()
    assert f"audit head {line}" in caplog.text
    assert configured.LOGGING["loggers"]["kbconsole.audit.head"]["level"] == "INFO"


def test_after_a_torn_line_the_next_head_stands_on_its_own(file: Path) -> None:
    file.write_text('{"seq": 4, "ha')
    call("audit_head")
    assert [head.seq for head in heads.read(file)] == [10]


def test_an_empty_log_has_no_head(db: None, tmp_path: Path) -> None:
    assert "no head to publish" in call("audit_head", file=tmp_path / "heads")
    assert not (tmp_path / "heads").exists()


def test_a_head_that_cannot_be_written_says_why(file: Path) -> None:
    file.mkdir()
    with pytest.raises(CommandError, match="Is a directory"):
        call("audit_head")


def test_without_a_head_the_command_says_what_it_cannot_see(file: Path) -> None:
    cut(after=7)
    said = call("audit_verify")
    assert "7 entries, unbroken" in said
    assert "No head was published yet" in said


def test_an_end_that_was_cut_off_together_with_its_head_is_found_and_named(
    file: Path, sign_in: SignIn
) -> None:
    call("audit_head")
    assert "Published heads that agree: 1." in call("audit_verify")
    cut(after=7)
    failure = refused()
    assert failure.returncode == 3
    assert "broken at entry 8, after 7 good ones" in str(failure)
    assert f"Entry 10 was published on {timezone.now():%Y-%m-%d}" in str(failure)
    assert "is not there any more: the log ends at entry 7" in str(failure)
    assert "The log is broken at entry 8." in sign_in("auditor").get("/audit/").content.decode()


def test_a_log_that_was_emptied_is_found(file: Path) -> None:
    call("audit_head")
    cut(after=0)
    assert "broken at entry 1," in str(refused())


def test_a_log_that_grew_again_after_a_cut_is_found(file: Path) -> None:
    call("audit_head")
    cut(after=7)
    append(5)
    failure = refused()
    assert failure.returncode == 3
    assert "broken at entry 10" in str(failure)
    assert "written anew" in str(failure)


def test_a_log_written_anew_with_the_right_key_is_found_before_a_later_break(file: Path) -> None:
    call("audit_head")
    rewrite_with_the_key()
    append(5)
    Entry.objects.filter(seq=13).update(plane="k8s-9")
    assert verify().bad_seq == 13
    assert verify(heads.read(file)).bad_seq == 10


def rewrite_with_the_key() -> None:
    previous, key = "", sealing.current_key()[1]
    for row in Entry.objects.order_by("seq").values():
        text = sealing.canonical_text({**row, "plane": "k8s-2", "prev_hash": previous})
        hash_ = sealing.seal(text, key)
        Entry.objects.filter(seq=row["seq"]).update(
            plane="k8s-2", prev_hash=previous, canonical=text, hash=hash_
        )
        previous = hash_
    Head.objects.update(hash=previous)


def test_heads_are_read_from_any_log_that_holds_them(file: Path, tmp_path: Path) -> None:
    line = call("audit_head").strip()
    syslog = tmp_path / "syslog"
    syslog.write_text(
        f"Nov 23 02:00:01 host celery[7]: INFO kbconsole.audit.head: audit head {line}\nnoise\n"
    )
    cut(after=9)
    assert refused(heads=syslog).returncode == 3


@pytest.mark.parametrize("content", [None, "", "no head in here\n"])
def test_a_file_without_heads_is_not_taken_for_agreement(
    file: Path, tmp_path: Path, content: str | None
) -> None:
    other = tmp_path / "other"
    if content is not None:
        other.write_text(content)
    failure = refused(heads=other)
    assert failure.returncode == 4
    assert "cannot be read" in str(failure)


def test_a_broken_chain_has_an_exit_status_of_its_own(file: Path) -> None:
    call("audit_head")
    Entry.objects.filter(seq=4).update(plane="k8s-9")
    assert refused().returncode == 1


def test_beat_verifies_and_publishes_once_a_day(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    entry = configured.CELERY_BEAT_SCHEDULE["audit-daily"]
    assert entry == {**entry, "task": daily.name, "schedule": crontab(hour=2, minute=0)}
    daily()
    assert [head.seq for head in heads.read(file)] == [10]
    cut(after=8)
    daily()
    assert [check.bad_seq for check in Check.objects.order_by("pk")] == [None, 9]
    assert "broken at entry 9" in caplog.text
    assert Check.objects.latest("pk").heads == 1


def test_an_entry_that_is_written_while_the_check_begins_is_no_alarm(file: Path) -> None:
    asked: list[str] = []

    def meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        asked.append(sql)
        if len(asked) == 1:
            append(1)
        return answer

    with connection.execute_wrapper(meanwhile):
        assert verify().problem is None


@pytest.mark.parametrize(
    ("age", "shown", "icon"),
    [
        (timedelta(hours=30), "Unbroken: 10 entries since", "pass"),
        (timedelta(hours=49), "Not checked any more", "unknown"),
    ],
)
def test_what_was_checked_long_ago_is_not_green(
    file: Path, sign_in: SignIn, age: timedelta, shown: str, icon: str
) -> None:
    daily()
    Check.objects.update(at=timezone.now() - age)
    response = sign_in("auditor").get("/audit/")
    assert shown in response.content.decode()
    assert response.context["standing"].state == ("unbroken" if icon == "pass" else "stale")
    assert ("Unbroken" in response.content.decode()) == (icon == "pass")


def test_large_numbers_can_be_read(file: Path, sign_in: SignIn) -> None:
    daily()
    Check.objects.update(entries=18204, heads=12)
    page = sign_in("auditor").get("/audit/").content.decode()
    assert "Unbroken: 18,204 entries since" in page
    assert "kept for ever" in page
    assert "12 published heads agree" in page


def test_two_processes_that_publish_at_once_write_whole_lines(file: Path) -> None:
    line = call("audit_head").strip()
    pids = []
    for _child in range(4):
        pid = os.fork()
        if not pid:
            for _turn in range(50):
                heads._append(file, line)
            os._exit(0)
        pids.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0] * 4
    assert set(file.read_text().splitlines()) == {line}
