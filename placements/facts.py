"""What the control plane and the planes say that a placement has to fit to. Read live, by workers."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import declare
from kbconsole.fleet import access
from kbconsole.k8s.kinds import CONFIG_MAP, POD, PVC, SERVICE, Kind

declare(
    {
        "placements.leftovers": _(
            "%(plane)s still holds %(objects)s of an earlier database called %(name)s. The operator would use them "
            "as they are. Take another name, or have them removed there first."
        ),
    }
)

LEFTOVER_KINDS: tuple[Kind, ...] = (POD, SERVICE, CONFIG_MAP, PVC)


def leftovers(plane: str, namespace: str, selector: str) -> list[str]:
    """Return `Kind/name` of what carries a database's labels on a plane."""
    client = access.client(plane)
    return [
        f"{kind.kind}/{item['metadata']['name']}"
        for kind in LEFTOVER_KINDS
        for item in client.list(kind, namespace, labels=selector)
    ]
