"""No row of the reference is without its two tests."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.operator.rows import LINES, ROWS, lines_of

# Those of the journey that has a test of its own for all variants.
OTHERS = {
    "test_the_guides_variant_from_a_kubeconfig_to_nothing_left": ("happy mesh", "happy cloud"),
    "test_a_pod_that_lacks_its_settings_comes_up_after_the_copy": ("b", "f back"),
}
TESTS = Path(__file__).parent.parent


def all_of(folder: str) -> Iterator[Callable[..., object]]:
    for file in sorted((TESTS / folder).glob("test_*.py")):
        module = importlib.import_module(f"tests.{folder}.{file.stem}")
        for name, found in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_") and found.__module__ == module.__name__:
                yield found


def rows_of(test: Callable[..., object]) -> tuple[str, ...]:
    rows: tuple[str, ...] = getattr(test, "shows", OTHERS.get(test.__name__, ()))
    return rows


def shown_on(folder: str, row: str) -> set[str]:
    """Return the release lines on which a row is shown."""
    return {line for test in all_of(folder) if row in rows_of(test) for line in lines_of(test)}


@pytest.mark.parametrize("row", ROWS)
def test_the_stand_in_is_shown_to_do_what_the_real_operator_did(row: str) -> None:
    assert shown_on("operator", row) == set(LINES)


@pytest.mark.parametrize("row", ROWS)
def test_what_the_console_says_and_offers_is_shown(row: str) -> None:
    shown = shown_on("journeys", row)
    assert shown
    assert shown == set(LINES) or not ROWS[row].differs


def test_a_row_is_shown_on_both_backends() -> None:
    """The fixture `backend` gives both; what only one of the backends can do shows no row."""
    for folder in ("operator", "journeys"):
        for test in all_of(folder):
            fixtures = set(inspect.signature(test).parameters)
            assert not rows_of(test) or fixtures & {"world", "fleet"}, test.__name__
