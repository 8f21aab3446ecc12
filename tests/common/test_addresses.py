"""Addresses and forms that hold what PostgreSQL refuses to look for (make test-production)."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from tests.people import signed_in


@pytest.mark.parametrize(
    "address", ["/fleet/a%00b/", "/fleet/add/?replaces=%00", "/api/v1/planes/a%00b/", "/placements/%00/"]
)
def test_a_nul_in_an_address_names_nothing(address: str, adam: User) -> None:
    assert signed_in(adam).get(address).status_code == 404


@pytest.mark.parametrize("address", ["/placements/?q=%00", "/audit/?object=%00", "/audit/?plane=%00&run=%00"])
def test_a_nul_in_a_question_is_answered(address: str, adam: User) -> None:
    assert signed_in(adam).get(address).status_code == 200


def test_a_nul_among_the_planes_to_copy_to_is_no_plane(adam: User) -> None:
    answer = signed_in(adam).post("/fleet/rbac/", {"planes": ["\0"]})
    assert answer.status_code == 400
