"""The forms of a profile: its name here, its settings in the kind."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from networking.kinds.base import NetworkKind, ProfileConfig


class NameForm(forms.Form):
    """What DBAs will read when they choose."""

    name = forms.SlugField(
        label=_("Name"),
        max_length=40,
        help_text=_("Small letters, digits and dashes: lb-intranet. It stays."),
    )

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].lower()
        return name


class SeenForm(forms.Form):
    """Which version somebody looked at when they began to type, and why they want another."""

    seen_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Who approves reads this first, and the audit log keeps it."),
    )


def config_form(kind: NetworkKind, data: Any = None, *, initial: ProfileConfig | None = None) -> forms.Form:
    """Return the form of a kind's settings; its field names cannot meet those of the other forms."""
    form = kind.Config(data, initial=dict(initial or {}), prefix="config")
    for field in form.fields.values():
        if isinstance(field.widget, forms.Textarea):
            field.widget.attrs["rows"] = 4
    return form
