"""KubeBlocks' own kinds on a data plane: noted with their time as soon as they are seen, cleared when they are gone."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.models import Outcome
from kbconsole.audit.services import record
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet.models import Plane

declare(
    {
        "fleet.crds_appeared": _("Found kinds of KubeBlocks on %(plane)s: %(kinds)s"),
        "fleet.crds_gone": _("The kinds of KubeBlocks are gone from %(plane)s"),
        "fleet.crds_danger": _(
            "Somebody installed KubeBlocks' CRDs on %(plane)s (%(kinds)s): its garbage collector does not find the "
            "owners of database pods there and deletes the pods one by one, with KubeBlocks 1.0 their volumes and data "
            "too."
        ),
        "fleet.crds_short": _(
            "Somebody installed KubeBlocks' CRDs on %(plane)s: database pods there get deleted, with KubeBlocks 1.0 "
            "their data too. Do this now: open the plane, see that nobody uses them, and remove them."
        ),
        "fleet.crds_do": _(
            "Do this now: make sure that no database of another KubeBlocks runs on %(plane)s, then remove KubeBlocks "
            "and its CRDs from it. What was deleted by then is not made again by itself: check the databases that "
            "have replicas there."
        ),
    }
)


def note_crds(plane: str, served: Sequence[str]) -> bool:
    """Keep which kinds of KubeBlocks a data plane serves; the log tells once when that begins and when it ends.

    Returns whether it began or ended now. On the control plane they belong.
    """
    rows = Plane.objects.filter(name=plane, is_control_plane=False)
    with transaction.atomic():
        if not served:
            ended = rows.filter(foreign_crds_since__isnull=False)
            return _told(plane, [], ended.update(foreign_crds=[], foreign_crds_since=None))
        began = rows.filter(foreign_crds_since__isnull=True)
        if _told(plane, served, began.update(foreign_crds=list(served), foreign_crds_since=timezone.now())):
            return True
        rows.exclude(foreign_crds=list(served)).update(foreign_crds=list(served))
        return False


def _told(plane: str, served: Sequence[str], changed: int) -> bool:
    if changed:
        act = "fleet.crds_appeared" if served else "fleet.crds_gone"
        outcome = Outcome.FAILURE if served else Outcome.SUCCESS
        on = ("plane", plane, plane)
        record(act, by="worker", on=on, plane=plane, outcome=outcome, kinds=list(served))
    return bool(changed)


def danger(plane: Plane) -> Sentence:
    """Return what happens there, for as long as the kinds are served."""
    return say("fleet.crds_danger", plane=plane.name, kinds=list(plane.foreign_crds))


def in_short(plane: Plane) -> Sentence:
    """Return both in a line, for a list."""
    return say("fleet.crds_short", plane=plane.name)


def remedy(plane: Plane) -> Sentence:
    return say("fleet.crds_do", plane=plane.name)


def commands(plane: Plane) -> list[str]:
    """Return how to look who uses the kinds, and how to remove them."""
    kubectl = f"kubectl --context {plane.name}"
    looks = [f"{kubectl} get {kind} --all-namespaces" for kind in plane.foreign_crds]
    return [*looks, f"{kubectl} delete crd {' '.join(plane.foreign_crds)}"]
