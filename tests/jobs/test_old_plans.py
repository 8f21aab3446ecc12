"""Plans and runs of jobs whose code is gone, or takes other parameters by now: kept as decided, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from kbconsole.common.errors import Stale
from kbconsole.jobs import services
from kbconsole.jobs.cautions import cautions_of
from kbconsole.jobs.models import Plan, Run
from tests.driving import drive, ticks
from tests.jobs.richtoys import RichJob, made
from tests.jobs.toys import World
from tests.people import signed_in

pytestmark = pytest.mark.django_db(transaction=True)
OLD: list[dict[str, Any]] = [{"job": "a-job-of-1999"}, {"params": {"colour": "blue"}}]


def page(user: User, url: str) -> str:
    response = signed_in(user).get(url)
    assert response.status_code == 200, url
    return str(response.content.decode())


@pytest.mark.parametrize("old", OLD)
def test_a_decided_plan_still_opens_and_says_that_it_is_only_kept(
    old: dict[str, Any], dana: User, adam: User, vera: User, world: World
) -> None:
    plan = made(dana, cautious=True)
    services.decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    run = drive(plan.runs.exclude(job="make-plan").get())
    Plan.objects.filter(pk=plan.pk).update(**old)
    Run.objects.filter(pk=run.pk).update(**old)
    for reader in (adam, vera):
        shown = page(reader, f"/plans/{plan.pk}/")
        assert "Kept as decided" in shown
        assert plan.hash in shown
        assert "kubeblocks-cluster-pod-role" in shown
        assert "demo/etcd-1" in page(reader, f"/runs/{run.pk}/")
        assert "demo/etcd-1" in page(reader, "/approvals/?tab=decided")
    assert "Kept as decided" not in page(adam, f"/plans/{made(dana, number=2).pk}/")


@pytest.mark.parametrize("old", OLD)
def test_an_open_plan_opens_but_nobody_can_decide_or_run_it(
    old: dict[str, Any], dana: User, adam: User, world: World
) -> None:
    plan = made(dana)
    Plan.objects.filter(pk=plan.pk).update(**old)
    plan.refresh_from_db()
    assert "does not know this job any more" in page(adam, f"/plans/{plan.pk}/")
    with pytest.raises(Stale, match="does not know this job any more"):
        services.decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    with pytest.raises(Stale, match="does not know this job any more"):
        services.go_ahead(plan.pk, by=dana, seen_hash=plan.hash)
    assert Plan.objects.get(pk=plan.pk).status == "ready"
    page(adam, "/approvals/")
    page(adam, "/")
    services.withdraw(plan.pk, by=dana)
    assert Plan.objects.get(pk=plan.pk).status == "withdrawn"


def test_a_run_of_an_unknown_job_is_not_retried_or_cancelled(dana: User, adam: User, world: World) -> None:
    plan = made(dana)
    services.decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    run = plan.runs.exclude(job="make-plan").get()
    Run.objects.filter(pk=run.pk).update(status="failed", job="a-job-of-1999")
    for act in (services.retry, services.cancel):
        with pytest.raises(Stale, match="does not know this job any more"):
            act(run.pk, by=adam)


def test_a_part_that_a_job_names_may_be_gone_too(
    dana: User, adam: User, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = made(dana)

    def gone(self: RichJob) -> Any:
        raise KeyError("a kind of 1999")

    for method in ("cautions", "marks", "promise"):
        monkeypatch.setattr(RichJob, method, gone)
    assert next(one.sentence.code for one in cautions_of(plan)) == "jobs.code_gone"
    page(adam, f"/plans/{plan.pk}/")
    page(adam, "/approvals/")
