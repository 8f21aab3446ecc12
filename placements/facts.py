"""What a database leaves in a plane: one list, for refusing a name, for cleaning, and for proving that all is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import declare
from kbconsole.fleet import access
from kbconsole.k8s.kinds import (
    CONFIG_MAP,
    POD,
    PVC,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
    selector_of,
)
from placements.addresses import client_labels

declare(
    {
        "placements.leftovers": _(
            "%(plane)s still holds %(objects)s of an earlier database called %(name)s. The operator would use them "
            "as they are. Take another name, or have them removed there first."
        ),
    }
)


@dataclass(frozen=True)
class Trace:
    """Objects of a kind by their labels. `operators`: the operator itself removes them with the Cluster."""

    kind: Kind
    labels: Mapping[str, str]
    operators: bool = False

    @property
    def selector(self) -> str:
        return selector_of(self.labels)


def database_labels(name: str) -> dict[str, str]:
    """Return what the operator's Component writes on what it makes."""
    return {"app.kubernetes.io/managed-by": "kubeblocks", "app.kubernetes.io/instance": name}


def set_labels(base: str) -> dict[str, str]:
    """Return what the operator's InstanceSet writes: its headless service and its own ConfigMap have only these."""
    return {"workloads.kubeblocks.io/instance": base}


def traces(name: str, base: str, *, own_account: bool) -> list[Trace]:
    """Return all that a database called `name` leaves in a plane; `base` is the name of its InstanceSet.

    With `own_account` its ServiceAccount and RoleBinding too; else it shares them with others of its definition.
    """
    ours, sets = database_labels(name), set_labels(base)
    found = [Trace(POD, ours, operators=True), Trace(PVC, ours, operators=True)]
    found += [Trace(kind, labels) for kind in (SERVICE, CONFIG_MAP) for labels in (ours, sets)]
    return found + [Trace(kind, ours) for kind in (ROLE_BINDING, SERVICE_ACCOUNT) if own_account]


def leftovers(plane: str, namespace: str, name: str, base: str, *, own_account: bool) -> list[str]:
    """Return `Kind/name` of what an earlier database of that name has left on a plane, also for its clients."""
    client = access.client(plane)
    ours = Trace(SERVICE, client_labels(name))
    found = [
        f"{trace.kind.kind}/{item['metadata']['name']}"
        for trace in (*traces(name, base, own_account=own_account), ours)
        for item in client.list(trace.kind, namespace, labels=trace.selector)
    ]
    return list(dict.fromkeys(found))
