"""How many other people must agree before a database is made."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from placements import services
from placements.services import place_job
from tests.placements import world

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("policy", "needed"), [("DoNotTerminate", 1), ("Delete", 1), ("WipeOut", 2)])
def test_a_database_whose_end_takes_its_backups_too_needs_two(
    policy: str, needed: int, dana: User, adam: User
) -> None:
    job = place_job(world.placed(dana, world.mesh(adam), termination_policy=policy))
    assert (job.slug, job.approvals_needed()) == ("place-database", needed)


@pytest.mark.parametrize(("addresses", "needed"), [("private", 1), ("public", 2)])
def test_a_database_that_the_internet_can_reach_needs_two(
    addresses: str, needed: int, dana: User, adam: User
) -> None:
    job = place_job(world.placed(dana, world.cloud(adam, address_type=addresses)))
    assert job.approvals_needed() == needed


def test_copying_what_a_plane_lacks_needs_one(dana: User, adam: User) -> None:
    world.fleet()
    plan = services.repair(world.in_service(dana, world.mesh(adam)).pk, by=dana)
    assert (plan.job, plan.definition().approvals_needed()) == ("repair-mirrors", 1)
