"""The forms of the address book."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from networking.addresses.ranges import parsed, parsed_all
from networking.models import supernet_choices, what_choices

MOST_PLANES = 100
MESH_NAME = RegexValidator(
    r"\A([a-z0-9][-a-z0-9]*)?[a-z0-9]\Z",
    _("A plane that is to join a mesh is called with small letters, digits and dashes: k8s-4."),
)


def mesh_name(name: str) -> None:
    """Raise ValidationError for what no mesh takes as the name of a plane."""
    MESH_NAME(name)
    if len(name) > 32:
        raise ValidationError(
            _("%(name)s is longer than the 32 characters that a mesh takes.") % {"name": name}
        )


class RangesForm(forms.Form):
    """What a person knows of planes that no API tells."""

    planes = forms.MultipleChoiceField(label=_("Planes"), widget=forms.CheckboxSelectMultiple)
    what = forms.ChoiceField(label=_("What for"), choices=what_choices)
    ranges = forms.CharField(
        label=_("Ranges"),
        max_length=20000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "mono"}),
        help_text=_(
            "One a line: 10.4.0.0/16, 192.168.1.240-192.168.1.250, or one address. It replaces what was entered for "
            "these planes before; what planes tell themselves stays beside it."
        ),
    )
    reason = forms.CharField(label=_("Where you know it from"), required=False, max_length=1000)

    def __init__(self, *args: Any, planes: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["planes"].choices = [(name, name) for name in planes]  # type: ignore[attr-defined]

    def clean_ranges(self) -> str:
        text: str = self.cleaned_data["ranges"]
        try:
            if not parsed_all(text):
                raise ValidationError(_("Write at least one range, or leave the page."))
        except ConsoleError as error:
            raise ValidationError(str(error)) from None
        return text


class SupernetForm(forms.Form):
    """Addresses of the organisation that blocks are taken from."""

    range = forms.CharField(
        label=_("Range"), max_length=100, help_text=_("10.0.0.0/14, or 10.4.0.0-10.6.255.255.")
    )
    what = forms.ChoiceField(label=_("What for"), choices=supernet_choices, required=False)
    block = forms.IntegerField(
        label=_("Size of a block"),
        min_value=1,
        max_value=128,
        initial=16,
        help_text=_("16 means /16: with /24 for each node, room for 256 nodes."),
    )

    def clean_range(self) -> str:
        text: str = self.cleaned_data["range"]
        try:
            return str(parsed(text))
        except ConsoleError as error:
            raise ValidationError(str(error)) from None


class PlanesForm(forms.Form):
    """For which planes blocks are proposed: those of the fleet, and others by name."""

    planes = forms.MultipleChoiceField(
        label=_("Planes of the fleet"), required=False, widget=forms.CheckboxSelectMultiple
    )
    names = forms.CharField(
        label=_("Planes to come"),
        required=False,
        max_length=4000,
        help_text=_("Names of planes that are not installed yet, with blanks between: k8s-4 k8s-5."),
    )

    def __init__(self, *args: Any, planes: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["planes"].choices = [(name, name) for name in planes]  # type: ignore[attr-defined]

    def clean_names(self) -> list[str]:
        names = [name for name in re.split(r"[\s,]+", self.cleaned_data["names"]) if name]
        for name in names:
            mesh_name(name)
        return names

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = self.cleaned_data
        wanted = list(dict.fromkeys([*data.get("planes", []), *data.get("names", [])]))
        if len(wanted) > MOST_PLANES:
            self.add_error("names", _("At most 100 planes at a time. Take some out."))
        return {**data, "wanted": wanted}


class ReserveForm(forms.Form):
    """What was seen when somebody reserves it."""

    wanted = forms.CharField(max_length=20000, widget=forms.HiddenInput)
    seen = forms.CharField(max_length=40000, widget=forms.HiddenInput)
    reason = forms.CharField(label=_("What for"), required=False, max_length=1000)

    def __init__(self, *args: Any, planes: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._planes = planes

    def clean_wanted(self) -> list[str]:
        names = [name.strip() for name in self.cleaned_data["wanted"].split("\n") if name.strip()][
            :MOST_PLANES
        ]
        for name in names:
            if name not in self._planes:
                mesh_name(name)
        return names
