"""Choosing planes in order: one card per data plane, with the reason where no replica may land."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet.models import Plane
from kbconsole.fleet.room import Shape
from placements.sizes import SIZES, QuantityRefused, cpu_cores, memory_bytes

OLD_ROOM = timedelta(minutes=15)

declare(
    {
        "form.plane_no_control": _("no control plane is registered yet"),
        "form.plane_no_context": _(
            "the operator has no context of this name; an administrator adds it to multiCluster.contexts"
        ),
        "form.plane_disabled": _("it is disabled in the operator, so its replicas would never be made"),
        "form.plane_crds": _(
            "somebody installed KubeBlocks' CRDs there, so its garbage collector would delete the pods; an "
            "administrator removes them"
        ),
        "form.plane_silent": _("it gives no answer now"),
        "form.plane_full": _("none of its nodes takes one more pod now"),
        "form.plane_too_small": _(
            "the largest pod that fits has %(cpu)s CPU and %(memory)s GiB, you ask for %(wanted_cpu)s CPU and "
            "%(wanted_memory)s GiB"
        ),
        "form.plane_cannot": _("%(plane)s cannot take replicas: %(reason)s."),
    }
)


@dataclass(frozen=True)
class Offer:
    """One data plane as a card of the form; `cannot` says why no replica may land there.

    `full` says why none would start there now: nodes may be added, so that forbids nothing.
    """

    plane: Plane
    cannot: Sentence | None
    chosen: bool = False
    full: Sentence | None = None

    @property
    def ready_nodes(self) -> int:
        return sum(bool(node.get("ready")) for node in self.plane.nodes)

    @property
    def locked(self) -> bool:
        """Whether the box cannot be ticked. One that was ticked before can still be taken out."""
        return self.cannot is not None and not self.chosen


def cannot(plane: Plane, control: Plane | None) -> Sentence | None:
    """Return why no replica may land on the plane, or None. Reads only what the console was told last."""
    if control is None:
        return say("form.plane_no_control")
    if plane.name not in control.operator_contexts:
        return say("form.plane_no_context")
    if plane.name in control.operator_contexts_disabled:
        return say("form.plane_disabled")
    if plane.foreign_crds_since and not plane.is_control_plane:
        return say("form.plane_crds")
    return say("form.plane_silent") if plane.silent else None


def full(plane: Plane, wanted: Shape | None) -> Sentence | None:
    """Return why a replica of this size would not start there now, or None; old figures say nothing."""
    room = plane.free_room
    fresh = plane.room_at is not None and timezone.now() - plane.room_at <= OLD_ROOM
    if room is None or wanted is None or not fresh or room.fits(wanted):
        return None
    if not room.shapes:
        return say("form.plane_full")
    figures = {"wanted_cpu": wanted.cores, "wanted_memory": wanted.gib}
    return say("form.plane_too_small", cpu=room.largest.cores, memory=room.largest.gib, **figures)


def shape_of(size: str, cpu: str, memory: str) -> Shape | None:
    """Return how big a replica is asked for, None while that cannot be read."""
    known = SIZES.get(size)
    try:
        cores = cpu_cores(known.cpu if known else cpu)
        return Shape(int(cores * 1000), memory_bytes(known.memory if known else memory))
    except QuantityRefused:
        return None


class PlanesInput(forms.Widget):
    """Planes in order: the order of the ticked boxes in the form, which “up” and “down” change."""

    use_fieldset = True

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return list(data.getlist(name)) if isinstance(data, QueryDict) else list(data.get(name) or [])


class PlanesField(forms.Field):
    """Names of planes; whether they may be used is said by `placements.wishes` and by the offers."""

    widget = PlanesInput

    def to_python(self, value: Any) -> list[str]:
        one = forms.CharField(max_length=128, strip=False, required=False)
        return [one.clean(name) for name in value or []]


def moved(data: QueryDict) -> QueryDict | None:
    """Return the form's data with one plane moved, if a button “up” or “down” was pressed; else None."""
    step = -1 if "up" in data else 1 if "down" in data else 0
    if not step:
        return None
    plane, order = data.get("up") or data.get("down"), list(dict.fromkeys(data.getlist("listed")))
    if plane in order:
        at = order.index(plane)
        to = min(max(at + step, 0), len(order) - 1)
        order.insert(to, order.pop(at))
    changed = data.copy()
    chosen = data.getlist("planes")
    changed.setlist("listed", order)
    changed.setlist("planes", [name for name in order if name in chosen])
    return changed
