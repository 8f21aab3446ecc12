"""The page of a run, over HTTP: grid, opened cell, live lines, cancel, retry, check again."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from kbconsole.audit.models import Entry
from kbconsole.jobs import runner, services
from kbconsole.jobs.definition import Verdict
from kbconsole.jobs.models import Run, RunEvent
from tests.driving import drive, ticks
from tests.jobs.richtoys import RichCheck, made
from tests.jobs.toys import World
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HX-Request": "true"}


def text(response: Any) -> str:
    return str(response.content.decode())


def queued(by: User, **params: Any) -> Run:
    return services.start(RichCheck(**params), by=by)


def advanced(by: User, **params: Any) -> Run:
    run = queued(by, **params)
    runner.advance(run.pk)
    return Run.objects.get(pk=run.pk)


def show(user: User, run: Run, query: str = "") -> str:
    response = signed_in(user).get(f"/runs/{run.pk}/{query}")
    assert response.status_code == 200
    return text(response)


def cells(page: str) -> list[str]:
    """Return the words of the grid's cells."""
    return [
        re.sub(r"<[^>]+>", " ", cell).strip() for cell in re.findall(r'<a class="cell.*?</a>', page, re.S)
    ]


def test_the_whole_grid_is_there_before_anything_runs(dana: User, world: World) -> None:
    page = show(dana, queued(dana))
    assert "Waits for a worker since" in page
    for word in ("k8s-1", "k8s-2", "k8s-3", "The console", "Apply role", "Read back", "Address"):
        assert word in page
    assert len(cells(page)) == 10
    assert all("Not started" in cell for cell in cells(page))
    assert '<noscript><meta http-equiv="refresh"' in page


def test_who_approved_and_that_all_succeeded(dana: User, adam: User, world: World) -> None:
    plan = made(dana)
    services.decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    run = drive(Run.objects.get(job="rich"))
    page = show(dana, run)
    assert re.search(r"As approved by\s+adam, <time [^>]+>\d\d:\d\d</time>", page)
    assert "All 17 steps succeeded." in page
    assert "every 2s" not in page
    assert "http-equiv" not in page
    assert "ClusterRole kubeblocks-cluster-pod-role" in page
    assert "Nothing: every step succeeded." in page


def test_waiting_says_for_what_where_and_how_long(dana: User, world: World) -> None:
    world.answers["look k8s-3/address"] = [Verdict.WAIT]
    run = advanced(dana)
    run.steps.filter(lane="k8s-3", phase="toy-wait").update(
        waiting_since=timezone.now() - timedelta(seconds=40)
    )
    page = show(dana, run)
    assert "k8s-3: address wait (40 s of at most 5 min)" in page
    assert "k8s-3 · Address" in page, "the cell where the run stands is open"
    assert "kubectl --context k8s-3 get address" in page
    assert "Check again" in page


def test_a_failure_stands_on_top_and_on_its_cell_with_the_fix(dana: User, world: World) -> None:
    world.answers["look k8s-3/address"] = [Verdict.FAIL]
    page = show(dana, drive(queued(dana)))
    assert "2 of 3 planes done" in page
    assert "6 objects were changed and stay as they are." in page
    assert "Free an address in the pool of k8s-3" in page
    assert [cell for cell in cells(page) if "Failed" in cell and "k8s-3: address fail" in cell]


def test_a_warning_is_seen_on_its_cell(dana: User, world: World) -> None:
    world.answers["look k8s-2/role"] = [Verdict.WARN]
    page = show(dana, drive(queued(dana)))
    assert [cell for cell in cells(page) if "Warning" in cell]


def test_steps_of_one_phase_share_a_cell_and_the_worst_shows(dana: User, world: World) -> None:
    world.answers["apply k8s-1"] = [None, RuntimeError("password=hunter2")]
    run = drive(queued(dana))
    page = show(dana, run)
    assert [cell for cell in cells(page) if "Broke off 1/2" in cell]
    assert "hunter2" not in page


def test_a_cell_opens_by_its_address(dana: User, world: World) -> None:
    run = drive(queued(dana))
    key = run.steps.get(lane="k8s-2", phase="toy-prove").position
    page = show(dana, run, f"?cell={key}")
    assert "k8s-2 · Read back" in page
    assert "kubectl --context k8s-2 get role" in page
    assert re.search(rf'id="c{key}"[^>]*aria-current="true"', page)
    for nonsense in ("?cell=99", "?cell=x", "?cell=%00", "?cell=²"):
        assert show(dana, run, nonsense)


def test_the_grid_comes_as_a_fragment_and_stops_asking_when_over(dana: User, world: World) -> None:
    world.answers["look k8s-3/address"] = [Verdict.WAIT]
    run = advanced(dana)
    client = signed_in(dana)
    fragment = text(client.get(f"/runs/{run.pk}/grid/?cell=0", headers=HTMX))
    assert fragment.startswith('<div id="run-live"')
    assert f'hx-get="/runs/{run.pk}/grid/?steady=1&amp;cell=0"' in fragment
    assert "<html" not in fragment
    services.cancel(run.pk, by=dana)
    drive(run)
    assert "every 2s" not in text(client.get(f"/runs/{run.pk}/grid/", headers=HTMX))


def test_a_page_that_was_watched_keeps_its_room_and_one_opened_later_needs_none(
    dana: User, world: World
) -> None:
    world.answers["look k8s-3/address"] = [Verdict.WAIT, Verdict.FAIL]
    run = advanced(dana)
    client = signed_in(dana)
    assert 'class="steady"' in show(dana, run)
    drive(run)
    watched = text(client.get(f"/runs/{run.pk}/grid/?steady=1", headers=HTMX))
    later = show(dana, run)
    assert 'class="steady"' in watched and 'class="steady"' not in later
    for page in (watched, later):
        assert page.count('id="trouble"') == 1
    # A notice above the grid would push down what somebody looks at.
    assert later.index('id="trouble"') < later.index('id="grid-title"')
    assert watched.index('id="trouble"') > watched.index('id="grid-title"')


def test_lines_after_a_number_each_once(dana: User, world: World) -> None:
    world.answers["look k8s-3/address"] = [Verdict.WAIT]
    run = advanced(dana)
    client = signed_in(dana)
    shown = [int(n) for n in re.findall(r'<li id="e(\d+)">', show(dana, run))]
    assert shown == list(range(1, run.last_seq + 1))
    assert client.get(f"/runs/{run.pk}/events/?after={run.last_seq}", headers=HTMX).status_code == 204
    part = text(client.get(f"/runs/{run.pk}/events/?after={run.last_seq - 3}", headers=HTMX))
    assert re.findall(r'<li id="e(\d+)">', part) == [
        str(run.last_seq - 2),
        str(run.last_seq - 1),
        str(run.last_seq),
    ]
    assert f"events/?after={run.last_seq}" in part
    assert 'id="events-poller" hx-swap-oob="true" data-poll' in part


def test_at_most_200_lines_at_once_and_none_is_lost(dana: User, world: World) -> None:
    run = drive(queued(dana))
    line = run.events.first()
    assert line is not None
    first = run.last_seq
    RunEvent.objects.bulk_create(
        RunEvent(run=run, seq=first + n, level="info", sentence=line.sentence) for n in range(1, 301)
    )
    Run.objects.filter(pk=run.pk).update(last_seq=first + 300)
    client, after, seen = signed_in(dana), 0, []
    while True:
        response = client.get(f"/runs/{run.pk}/events/?after={after}", headers=HTMX)
        found = [int(n) for n in re.findall(r'<li id="e(\d+)">', text(response))]
        if not found:
            break
        assert len(found) <= 200
        seen += found
        after = found[-1]
    assert seen == list(range(1, first + 301))
    assert response.status_code == 286, "nothing more will come, so the page stops asking"
    assert "older lines are not shown" in show(dana, run)


@pytest.mark.parametrize("after", ["", "x", "-1", "9" * 30, "²"])
def test_a_number_that_is_none_means_from_the_start(after: str, dana: User, world: World) -> None:
    run = queued(dana)
    response = signed_in(dana).get(f"/runs/{run.pk}/events/", {"after": after})
    assert '<li id="e1">' in text(response)


def test_cancel_says_what_stays_and_stops(dana: User, world: World) -> None:
    world.answers["look k8s-3/address"] = [Verdict.WAIT]
    run = advanced(dana)
    client = signed_in(dana)
    assert "6 objects made so far stay." in show(dana, run)
    assert client.post(f"/runs/{run.pk}/cancel/")["Location"] == f"/runs/{run.pk}/"
    assert "Stopping" in show(dana, run)
    assert drive(run).status == "cancelled"
    late = client.post(f"/runs/{run.pk}/cancel/")
    assert late.status_code == 409
    assert f"Run {run.pk} has ended already" in text(late)


def test_retry_goes_on_from_what_failed(dana: User, world: World) -> None:
    world.answers["look k8s-3/address"] = [Verdict.FAIL, Verdict.PASS]
    run = drive(queued(dana))
    client = signed_in(dana)
    assert "Retry from here" in show(dana, run)
    assert client.post(f"/runs/{run.pk}/retry/").status_code == 302
    assert client.post(f"/runs/{run.pk}/retry/").status_code == 409
    assert drive(run).status == "succeeded"
    assert "attempt 2" in show(dana, run)


def test_check_again_wakes_a_step_that_needs_a_person(dana: User, world: World) -> None:
    world.answers["look k8s-1/role"] = [Verdict.PERSON, Verdict.PASS]
    run = advanced(dana)
    page = show(dana, run)
    assert "Waits for a person." in page
    row = run.steps.get(lane="k8s-1", phase="toy-prove")
    act = f"/runs/{run.pk}/steps/{row.position}/check-again/"
    assert act in page
    response = signed_in(dana).post(act, {"cell": row.position})
    assert response["Location"] == f"/runs/{run.pk}/?cell={row.position}"
    assert drive(run).status == "succeeded"
    assert signed_in(dana).post(f"/runs/{run.pk}/steps/999/check-again/").status_code == 404


def test_an_auditor_looks_and_is_told_why_not_more(dana: User, vera: User, world: World) -> None:
    world.answers["look k8s-3/address"] = [Verdict.WAIT]
    run = advanced(dana)
    page = show(vera, run)
    assert "Auditors look, they do not act." in page
    assert "/cancel/" not in page
    client = signed_in(vera)
    row = run.steps.get(lane="k8s-3", phase="toy-wait")
    for act in ("cancel", "retry", f"steps/{row.position}/check-again"):
        assert client.post(f"/runs/{run.pk}/{act}/").status_code == 403
    assert not Run.objects.get(pk=run.pk).cancel_requested
    assert Entry.objects.filter(outcome="denied", actor_label="vera").count() == 3


@pytest.mark.parametrize("path", ["", "grid/", "events/"])
def test_who_may_not_see_it_gets_404(path: str, dana: User, nobody: User, world: World) -> None:
    assert signed_in(nobody).get(f"/runs/{queued(dana).pk}/{path}").status_code == 404
    hidden = queued(dana, hidden=True, number=2)
    assert signed_in(dana).get(f"/runs/{hidden.pk}/{path}").status_code == 404
    assert signed_in(person("adam", "admin")).get(f"/runs/{hidden.pk}/{path}").status_code == 200


def test_a_job_whose_code_is_gone_is_still_to_be_read(dana: User, vera: User, world: World) -> None:
    run = drive(queued(dana))
    Run.objects.filter(pk=run.pk).update(job="from-the-past")
    assert "from-the-past" in show(vera, run)


def test_queries_do_not_grow_with_steps_and_lines(
    dana: User, world: World, django_assert_max_num_queries: Any
) -> None:
    counts = []
    for number, width in ((1, 10), (2, 60)):
        run, client = queued(dana, number=number, width=width), signed_in(dana)
        line = run.events.get()
        RunEvent.objects.bulk_create(
            RunEvent(run=run, seq=n, level="info", sentence=line.sentence, step=run.steps.all()[0])
            for n in range(2, 2 + width)
        )
        for path in ("", "?cell=0", "grid/", "events/?after=0"):
            with django_assert_max_num_queries(12) as seen:
                assert client.get(f"/runs/{run.pk}/{path}").status_code == 200
            counts.append(len(seen))
    assert counts[:4] == counts[4:]
