"""What the checker sees of each database's pods: kept with the placement, so that its page is true between runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.dateparse import parse_datetime

from kbconsole.common.sentences import Json
from kbconsole.fleet.watching import register
from kbconsole.jobs.models import ACTIVE, Run
from kbconsole.k8s.kinds import Object
from placements.losses import RUNNING
from placements.models import SUBJECT, Placement
from placements.observation import pod_fact

INSTANCE, COMPONENT = "app.kubernetes.io/instance", "apps.kubeblocks.io/component-name"
SAME_FOR = timedelta(minutes=2)
"""What is as before is written again only after this time: an idle fleet costs reading, not writing."""


@register
def note_pods(plane: str, pods: Sequence[Object], at: datetime) -> None:
    """Keep the pods of every database that has replicas on the plane: two queries, and one write per change.

    A run that is under way looks for itself, closer, and keeps what it saw when it ends.
    """
    found: dict[tuple[str, str, str], list[dict[str, Json]]] = {}
    for pod in pods:
        meta = pod["metadata"]
        labels = meta.get("labels") or {}
        key = (str(meta.get("namespace")), str(labels.get(INSTANCE)), str(labels.get(COMPONENT)))
        found.setdefault(key, []).append(pod_fact(pod))
    running = Run.objects.filter(subject_kind=SUBJECT, status__in=ACTIVE)
    busy = set(running.values_list("subject_id", flat=True))
    rows = Placement.objects.filter(status__in=RUNNING).exclude(cluster_uid="")
    for row in rows.only("namespace", "name", "engine", "planes", "observed"):
        key = (row.namespace, row.name, row.kind_of_engine.component)
        facts = sorted(found.get(key, []), key=lambda fact: str(fact["name"]))
        if plane in row.planes and str(row.pk) not in busy and _is_news(row, plane, facts, at):
            _write(row.pk, plane, facts, at)


def _is_news(row: Placement, plane: str, facts: list[dict[str, Json]], at: datetime) -> bool:
    there: Mapping[str, Any] = (row.observed or {}).get(plane, {})
    seen_at = parse_datetime(there.get("seen_at") or "")
    return seen_at is None or there.get("pods") != facts or at - seen_at >= SAME_FOR


def _write(pk: int, plane: str, facts: list[dict[str, Json]], at: datetime) -> None:
    """Write one plane's pods, unless a run has looked at them later."""
    with transaction.atomic():
        row = Placement.objects.select_for_update().get(pk=pk)
        observed = dict(row.observed or {})
        there = observed.get(plane, {})
        if (there.get("seen_at") or "") < at.isoformat():
            observed[plane] = {**there, "pods": facts, "seen_at": at.isoformat()}
            Placement.objects.filter(pk=pk).update(observed=observed, observed_at=at)
