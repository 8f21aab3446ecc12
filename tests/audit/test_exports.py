"""The log as a file: who may have it, what is in it, and that a changed file is found without the database."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from pytest_django import Settings

from kbconsole.audit import exports, heads
from kbconsole.audit.models import Entry
from tests.audit.conftest import SignIn
from tests.audit.test_pages import did

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]


@pytest.fixture
def auditor(sign_in: SignIn, settings: Settings, tmp_path: Path) -> Client:
    settings.KBCONSOLE_AUDIT_HEADS = tmp_path / "heads.jsonl"
    return sign_in("auditor")


def fetched(client: Client, **query: str) -> str:
    response = client.get("/audit/export/", query)
    assert response.status_code == 200
    assert response.streaming
    return b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def verified(path: Path, **options: Any) -> str:
    out = StringIO()
    call_command("audit_verify", file=path, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def exported(auditor: Client, tmp_path: Path) -> Path:
    for number in range(12):
        did(f"thing {number}", plane=f"k8s-{number % 3 + 1}", weight=1.5e2)
    path = tmp_path / "export.jsonl"
    path.write_text(fetched(auditor, format="jsonl", act="pages"))
    return path


def test_csv_has_a_line_per_entry_oldest_first_in_the_readers_language(auditor: Client) -> None:
    one, two = did("a thing", plane="k8s-1"), did("another", outcome="failure")
    rows = table(fetched(auditor, format="csv", act="pages"))
    assert [row["Number"] for row in rows] == [str(one.seq), str(two.seq)]
    assert rows[0]["What happened"] == "System did a thing to etcd-demo."
    assert rows[0]["Time (UTC)"].endswith("Z")
    assert (rows[1]["Outcome"], rows[1]["Seal"]) == ("Failed", two.hash)
    auditor.cookies["django_language"] = "zh-hans"
    assert "失败" in fetched(auditor, format="csv", act="pages")


def test_while_an_export_is_on_its_way_the_thread_keeps_its_own_language(auditor: Client) -> None:
    did("a thing", outcome="failure")
    with translation.override("en"):
        lines = exports.csv_lines(Entry.objects.filter(act="pages.did"), "zh-hans")
        next(lines)
        assert "失败" in next(lines)
        assert translation.get_language() == "en"


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(auditor: Client, text: str) -> None:
    assert exports.guarded(text) == f"'{text}"
    entry = did("a thing", reason=text, detail=text, plane=text)
    row = table(fetched(auditor, act="pages"))[0]
    assert entry.reason  # `record` takes control characters out, and csv must quote what is left
    for name in ("Reason", "Detail", "Plane"):
        assert not row[name].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_the_filters_of_the_page_bound_the_export_and_times_may_have_a_zone(auditor: Client) -> None:
    entry = did("the thing")
    later = f"{entry.at:%Y-%m-%d}T23:59:59-14:00"
    assert len(table(fetched(auditor, act="pages", to=later))) == 1
    assert table(fetched(auditor, act="pages", **{"from": later})) == []
    assert table(fetched(auditor, act="pages", plane="k8s-9")) == []


def test_a_filter_that_cannot_be_understood_leads_back_to_the_page_that_marks_it(auditor: Client) -> None:
    response = auditor.get("/audit/export/?format=csv&from=yesterday")
    assert response.status_code == 302
    assert response["Location"] == "/audit/?from=yesterday"


def test_another_format_is_refused(auditor: Client) -> None:
    assert auditor.get("/audit/export/?format=xml").status_code == 400
    assert auditor.get("/audit/access/?format=jsonl").status_code == 400


def test_an_export_is_an_entry_that_names_its_filters_and_is_not_in_itself(auditor: Client) -> None:
    did("a thing")
    text = fetched(auditor, format="csv", **{"act": "", "from": "2026-01-01"})
    entry = Entry.objects.latest("seq")
    assert str(entry.sentence) == "Exported the audit log as csv. Filters: from=2026-01-01"
    assert "Exported the audit log" not in text
    fetched(auditor, format="jsonl")
    assert str(Entry.objects.latest("seq").sentence) == "Exported the audit log as jsonl. Filters: none"


@pytest.mark.parametrize("role", ["dba", "nobody"])
def test_others_are_refused_and_the_page_offers_them_nothing(sign_in: SignIn, role: str) -> None:
    client = sign_in(role)
    assert client.get("/audit/export/").status_code == 403
    assert Entry.objects.latest("seq").outcome == "denied"
    assert "/audit/export/" not in client.get("/audit/").content.decode()


def test_the_page_links_to_the_export_with_its_filters(auditor: Client) -> None:
    did("a thing")
    page = auditor.get("/audit/?act=pages&before=99").content.decode()
    assert 'href="/audit/export/?act=pages&amp;format=jsonl"' in page


def test_the_number_of_queries_does_not_grow_with_the_entries(auditor: Client) -> None:
    counts = []
    for more in (2, 60):
        for _turn in range(more):
            did("a thing")
        for kind in ("csv", "jsonl"):
            with CaptureQueriesContext(connection) as queries:
                fetched(auditor, format=kind)
            counts.append(len(queries))
    assert len(set(counts)) == 1


def test_jsonl_verifies_with_the_documented_algorithm_and_nothing_of_ours(
    exported: Path, settings: Settings
) -> None:
    key = settings.KBCONSOLE_AUDIT_KEYS[0].encode()
    *lines, last = exported.read_bytes().splitlines(keepends=True)
    for line in [*lines, last]:
        row = json.loads(line)
        assert hmac.new(key, row["canonical"].encode(), hashlib.sha256).hexdigest() == row["hash"]
    proof = json.loads(json.loads(last)["canonical"])["export"]
    assert proof["sha256"] == hashlib.sha256(b"".join(lines)).hexdigest()
    assert (proof["entries"], proof["filters"], proof["by"]) == (12, {"act": "pages"}, "auditor")
    before = json.loads(lines[0])
    for line in lines[1:]:
        row = json.loads(line)
        assert (row["seq"], row["prev_hash"]) == (before["seq"] + 1, before["hash"])
        before = row


def test_the_program_in_the_documentation_verifies_an_export_and_finds_a_change(
    exported: Path, settings: Settings
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
    program = text.split("```python\n")[1].split("```")[0]
    command = [sys.executable, "-c", program, settings.KBCONSOLE_AUDIT_KEYS[0], str(exported)]
    assert "good" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = exported.read_text().splitlines(keepends=True)
    for change in (changed_text, changed_number, dropped, swapped, cut, doubled, longer, another_proof):
        exported.write_text("".join(change(lines)))
        assert subprocess.run(command, capture_output=True, check=False).returncode == 1, change.__name__


def test_the_command_says_what_a_good_export_is(exported: Path) -> None:
    said = verified(exported)
    assert "12 entries, as they were written and as they were exported on" in said
    assert "by auditor. Filters: act=pages. Published heads that agree: 0." in said


def test_an_export_is_compared_with_the_published_heads(exported: Path) -> None:
    seq = Entry.objects.filter(act="pages.did").latest("seq").seq
    good = heads.PublishedHead(seq, Entry.objects.get(seq=seq).hash, "2026-11-23T02:00:00+00:00")
    heads.default_file().write_text(good.line + "\n")
    assert "Published heads that agree: 1." in verified(exported)
    bad = heads.PublishedHead(seq, "f" * 64, "2026-11-23T02:00:00+00:00")
    heads.default_file().write_text(bad.line + "\n")
    with pytest.raises(CommandError, match="written anew") as failure:
        verified(exported)
    assert failure.value.returncode == 3


def changed_text(lines: list[str]) -> list[str]:
    return [*lines[:4], lines[4].replace("k8s-2", "k8s-9"), *lines[5:]]


def changed_number(lines: list[str]) -> list[str]:
    row = json.loads(lines[4])
    return [*lines[:4], json.dumps({**row, "seq": row["seq"] + 100}) + "\n", *lines[5:]]


def dropped(lines: list[str]) -> list[str]:
    return [*lines[:4], *lines[5:]]


def swapped(lines: list[str]) -> list[str]:
    return [*lines[:3], lines[4], lines[3], *lines[5:]]


def cut(lines: list[str]) -> list[str]:
    return lines[:6]


def doubled(lines: list[str]) -> list[str]:
    return [*lines[:4], lines[3], *lines[4:]]


def garbage(lines: list[str]) -> list[str]:
    return [*lines[:4], "[1]\n", *lines[5:]]


def longer(lines: list[str]) -> list[str]:
    return [*lines, lines[0]]


def another_proof(lines: list[str]) -> list[str]:
    proof = json.loads(lines[-1])
    return [*lines[:-1], json.dumps({**proof, "hash": "f" * 64}) + "\n"]


def an_entry_for_a_proof(lines: list[str]) -> list[str]:
    return [*lines[:4], json.dumps({**json.loads(lines[4]), "proof": "export"}) + "\n"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (changed_text, 5), (changed_number, 5), (dropped, 12), (swapped, 5), (cut, 7), (doubled, 5), (garbage, 5),
        (longer, 14), (another_proof, 13), (an_entry_for_a_proof, 5),
    ],
)  # fmt: skip
def test_a_changed_export_is_found_at_its_line(exported: Path, change: Any, line: int) -> None:
    lines = exported.read_text().splitlines(keepends=True)
    exported.write_text("".join(change(lines)))
    with pytest.raises(CommandError, match=f"from line {line} on") as failure:
        verified(exported)
    assert failure.value.returncode == 1


def test_a_key_that_is_not_ours_proves_nothing(exported: Path, settings: Settings) -> None:
    settings.KBCONSOLE_AUDIT_KEYS = ["another key"]
    with pytest.raises(CommandError, match="from line 1 on"):
        verified(exported)


def test_a_file_that_is_not_there_has_its_own_exit_status(auditor: Client, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read") as failure:
        verified(tmp_path / "nowhere")
    assert failure.value.returncode == 4
