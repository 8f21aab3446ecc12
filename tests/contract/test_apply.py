"""Server-side apply: every write of the console."""

from __future__ import annotations

from typing import Any

from tests.contract.conftest import Case

Object = dict[str, Any]
MAPS = "/api/v1/namespaces/default/configmaps"


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_the_first_apply_creates_and_the_same_again_changes_nothing(case: Case) -> None:
    raw, path = case.raw(), f"{MAPS}/{case.name}"
    first = raw.apply(path, config_map(case.name, a="1"))
    again = raw.apply(path, config_map(case.name, a="1"))
    assert (first.code, again.code) == (201, 200)
    assert first.version == again.version
