"""The hash of a stored plan, made again: the plan, the decision and the log must all mean the same bytes."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from kbconsole.jobs import services
from kbconsole.jobs.definition import canonical_text, digest
from kbconsole.jobs.models import Decision, Plan
from tests.driving import ticks
from tests.jobs.richtoys import made
from tests.jobs.toys import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def decided(dana: User, adam: User, world: World) -> Plan:
    plan = made(dana, cautious=True)
    services.decide(plan.pk, by=adam, approve=True, seen_hash=plan.hash, accepted=ticks(plan))
    return plan


def run(plan: Plan | int) -> str:
    out = StringIO()
    call_command("plan_hash", plan if isinstance(plan, int) else plan.pk, stdout=out)
    return out.getvalue()


def forged(plan: Plan) -> str:
    """Return other content of the same shape."""
    return canonical_text({**json.loads(plan.content), "facts": {"planes": {"k8s-9": "another"}}})


def test_a_plan_as_it_was_made_says_so_with_its_decision_and_its_entry(decided: Plan) -> None:
    said = run(decided)
    assert f"Plan {decided.pk} (" in said
    assert "is as it was made: its content gives its hash." in said
    assert decided.hash in said
    assert "Approved by adam at" in said
    assert "of the audit log names the same hash" in said


def test_a_plan_that_nobody_decided_about_is_compared_with_itself(dana: User, world: World) -> None:
    assert "by adam" not in run(made(dana))


def test_content_that_was_changed_is_found(decided: Plan) -> None:
    Plan.objects.filter(pk=decided.pk).update(content=forged(decided))
    with pytest.raises(
        CommandError, match=f"was changed: its content gives .* and its hash is {decided.hash}"
    ) as no:
        run(decided)
    assert no.value.returncode == 1


@pytest.mark.parametrize("content", ["{", "[]", "\N{SNOWMAN}"])
def test_content_that_is_no_plan_is_found(decided: Plan, content: str) -> None:
    Plan.objects.filter(pk=decided.pk).update(content=content)
    with pytest.raises(CommandError, match="was changed"):
        run(decided)


def test_the_same_plan_in_other_bytes_is_not_what_was_decided(decided: Plan) -> None:
    Plan.objects.filter(pk=decided.pk).update(content=decided.content.replace(":", ": ", 1))
    with pytest.raises(CommandError, match="was changed"):
        run(decided)


def test_a_plan_whose_hash_was_made_to_fit_is_not_what_was_decided(decided: Plan) -> None:
    Plan.objects.filter(pk=decided.pk).update(content=forged(decided), hash=digest(forged(decided)))
    with pytest.raises(CommandError, match=r"The decision of adam at .* is about other content"):
        run(decided)


def test_a_decision_whose_bytes_were_changed_is_found(decided: Plan) -> None:
    Decision.objects.update(content=forged(decided))
    with pytest.raises(CommandError, match="is about other content"):
        run(decided)


def test_a_plan_and_its_decision_that_were_changed_together_are_found_by_the_log(decided: Plan) -> None:
    content = forged(decided)
    Plan.objects.filter(pk=decided.pk).update(content=content, hash=digest(content))
    Decision.objects.update(content=content, plan_hash=digest(content))
    with pytest.raises(CommandError, match="No decision in the audit log names this hash"):
        run(decided)


def test_a_plan_that_is_not_there_or_was_never_made_is_told(dana: User, world: World) -> None:
    with pytest.raises(CommandError, match="There is no plan 4711"):
        run(4711)
    plan = made(dana)
    Plan.objects.filter(pk=plan.pk).update(content="", hash="")
    with pytest.raises(CommandError, match="was never made"):
        run(plan)
