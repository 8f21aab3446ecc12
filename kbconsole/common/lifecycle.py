"""Guarded changes of status: a table of allowed edges and one conditional UPDATE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db.models import Model

M = TypeVar("M", bound=Model)
Edges = Mapping[str, frozenset[str]]


class ForbiddenEdge(Exception):
    """The code asked for a change that the table does not have: a bug, not an expected failure."""


def allowed(edges: Edges, source: str, target: str) -> bool:
    """Return whether the table has this edge."""
    return target in edges.get(source, frozenset())


def transition(
    row: M, *, to: str, edges: Edges, guard: Mapping[str, Any] | None = None, **changes: Any
) -> bool:
    """Move `row.status` to `to` if nobody else moved it meanwhile; write `changes` in the same UPDATE.

    `guard` adds conditions (a version, a hash, a fencing token). Returns False when another transaction was
    first: then nothing was written and the caller says who did what. Raises ForbiddenEdge for an edge that the
    table does not have. The caller holds the transaction and writes the audit entry in it.
    """
    source: str = getattr(row, "status")  # noqa: B009  not every model has one
    if not allowed(edges, source, to):
        raise ForbiddenEdge(f"{type(row).__name__}: {source} → {to}")
    rows = type(row)._default_manager.filter(pk=row.pk, status=source, **(guard or {}))
    if rows.update(status=to, **changes) == 0:
        return False
    for name, value in {"status": to, **changes}.items():
        setattr(row, name, value)
    return True
