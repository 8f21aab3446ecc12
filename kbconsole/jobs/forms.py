"""What people write when they decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kbconsole.jobs.cautions import Caution


class DecisionForm(forms.Form):
    """A comment, the hash of what was read, and a tick for each warning. A rejection needs no ticks."""

    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=4000,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 1}),
    )
    seen_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)
    accept = forms.MultipleChoiceField(
        required=False,
        error_messages={
            "invalid_choice": _("The warnings changed meanwhile. Read them again and tick each.")
        },
    )

    def __init__(
        self, *args: Any, warnings: Sequence[Caution] = (), approving: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.warnings = warnings
        self.approving = approving
        field: Any = self.fields["accept"]
        field.choices = [(warning.key, str(warning.sentence)) for warning in warnings]

    def clean_accept(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["accept"]
        if self.approving and {warning.key for warning in self.warnings} - set(chosen):
            raise forms.ValidationError(
                _("Nothing was approved yet: tick each warning to say that you have read it."), code="unread"
            )
        return chosen

    @property
    def ticked(self) -> list[str]:
        """The keys that were ticked, for showing the form again."""
        data: Any = self.data
        return list(data.getlist("accept")) if self.is_bound else []
