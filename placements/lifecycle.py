"""The statuses of a placement, and the only edges between them."""

from __future__ import annotations

from kbconsole.common.lifecycle import Edges
from placements.models import Status

PLACEMENT: Edges = {
    Status.WAITING: frozenset({Status.APPLYING, Status.REJECTED, Status.CANCELLED}),
    Status.APPLYING: frozenset({Status.IN_SERVICE, Status.ATTENTION, Status.RETIRED, Status.CANCELLED}),
    Status.IN_SERVICE: frozenset({Status.APPLYING, Status.ATTENTION}),
    Status.ATTENTION: frozenset({Status.APPLYING, Status.IN_SERVICE, Status.CANCELLED, Status.WAITING}),
    # edited and sent again: the same placement at the same address, as long as it has no Cluster
    Status.REJECTED: frozenset({Status.WAITING}),
    Status.CANCELLED: frozenset({Status.WAITING}),
}
