"""A page makes as many queries for many rows as for few."""

from __future__ import annotations

import pytest

from tests.page_queries import counted


@pytest.mark.slow
@pytest.mark.django_db
def test_queries_of_a_page_do_not_grow_with_its_rows() -> None:
    found = {name: (few, many) for name, few, many in counted()}
    assert {name: pair for name, pair in found.items() if pair[0] != pair[1]} == {}
    assert {name: pair[1] for name, pair in found.items() if pair[1] > 20} == {}
