"""The description of the API."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

from django.core.management import call_command

from placements.api import urls
from tests.api.calling import Caller

As = Callable[[str], Caller]


def test_the_description_is_made_without_a_warning_and_is_valid_openapi(db: None) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=StringIO())


def test_every_address_is_described_with_its_problems(as_: As) -> None:
    described = as_("vera").get("schema/").json()["paths"]
    ours = {str(pattern.pattern) for pattern in urls.urlpatterns} - {"<path:rest>", "schema/"}
    assert len(described) == len(ours)
    for path, methods in described.items():
        for method, operation in methods.items():
            problems = operation["responses"]["4XX"]["content"]
            assert list(problems) == ["application/problem+json"], (path, method)
            assert {"tokenAuth": []} in operation["security"], (path, method)
