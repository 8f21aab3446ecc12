"""What administrators can do about pools from the network page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import declare, say
from kbconsole.jobs.definition import Job
from kbconsole.k8s.commands import kubectl_apply
from networking.addresses.facts import PlaneRanges
from networking.addresses.ranges import parsed
from networking.addresses.services import facts_of
from networking.kinds import metallb_objects as objects
from networking.kinds.acting import ACTS, ActForm, NetworkAct, known_planes
from networking.kinds.lines import PerPlaneField
from networking.kinds.metallb_changes import install
from networking.kinds.metallb_jobs import RemovePool, SetUpPools

MOST_RANGES = 16
declare(
    {
        "metallb.no_plane": _("The fleet has no data plane called %(plane)s. Look under Fleet for its name."),
    }
)
POOL_NAME = RegexValidator(
    r"\A[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z", _("Small letters, digits and “-”, such as kb-clients.")
)


def is_range(text: str) -> bool:
    try:
        parsed(text)
    except ConsoleError:
        return False
    return True


class PoolsForm(ActForm):
    """The pool's name, and a line for each plane with its ranges."""

    pool = forms.CharField(
        label=_("Pool"), max_length=63, initial="kb-clients", validators=[POOL_NAME],
        help_text=_("The same name on every plane; network profiles and services choose it by this name."),
    )  # fmt: skip
    ranges = PerPlaneField(
        label=_("Ranges"), example="10.4.0.0/26", valid=is_range, most=MOST_RANGES, required=True,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_(
            "A line for each plane: k8s-1: 10.4.0.0/26. One address per replica is enough; nobody else may use them."
        ),
    )  # fmt: skip
    field_order = ["pool", "ranges", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        wanted = self.initial.pop("planes", None) or known_planes()
        self.initial.setdefault("ranges", {one.plane: _proposed(one) for one in facts_of(wanted).values()})

    def clean_ranges(self) -> dict[str, list[str]]:
        ranges: dict[str, list[str]] = self.cleaned_data["ranges"]
        if strangers := sorted(set(ranges) - set(known_planes())):
            raise ValidationError(str(say("metallb.no_plane", plane=strangers[0])))
        return {plane: objects.addresses(texts) for plane, texts in ranges.items()}


def _proposed(known: PlaneRanges) -> list[str]:
    """Propose what the address book has for the plane's load balancers; an empty line where it has nothing."""
    return [fact.text for fact in known.load_balancers][:1] or [""]


class RemoveForm(ActForm):
    """Which pool goes from which planes."""

    pool = forms.CharField(label=_("Pool"), max_length=63, validators=[POOL_NAME])
    planes = forms.MultipleChoiceField(
        label=_("Planes"),
        widget=forms.CheckboxSelectMultiple,
        choices=lambda: [(one, one) for one in known_planes()],
    )
    field_order = ["pool", "planes", "reason"]


@ACTS.register
class SetUp(NetworkAct):
    """Install where it is not there, then a pool per plane."""

    slug, label, job, Form = "pools-set-up", _("Set up address pools"), SetUpPools, PoolsForm
    note = _(
        "Installs MetalLB where it is not there yet, in a pinned version, and gives each plane a pool from which the "
        "services of clients get their addresses. The ranges are compared with the whole fleet first."
    )

    def made(self, given: dict[str, Any]) -> Job:
        return SetUpPools(given["pool"], given["ranges"])

    def lines(self) -> Sequence[tuple[Any, str]]:
        """Return the whole of it for the first plane; the others differ in its name and ranges alone."""
        plane = next(iter(known_planes()), "k8s-1")
        home, pool, announced = objects.namespace(), objects.pool("kb-clients", ["10.4.0.0/26"]), "kb-clients"
        made = [
            (_("The namespace"), kubectl_apply(home, plane)),
            (_("The chart"), install(plane).commands()[0]),
        ]
        made.append((_("The pool"), kubectl_apply(pool, plane)))
        return [*made, (_("Its announcement"), kubectl_apply(objects.advertisement(announced), plane))]


@ACTS.register
class Remove(NetworkAct):
    """A pool that nobody uses."""

    slug, label, job, Form = "pools-remove", _("Remove an address pool"), RemovePool, RemoveForm
    note = _(
        "Takes a pool away from planes on which no service has an address of it. MetalLB itself stays there."
    )

    def made(self, given: dict[str, Any]) -> Job:
        return RemovePool(given["pool"], given["planes"])
