"""The forms of a profile: its name here, its settings in the kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence
from networking.addresses.ranges import parsed_all
from networking.kinds.base import Direction, NetworkKind, ProfileConfig, carrying
from networking.models import outside_choices
from networking.services import networks_of


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


def config_form(
    kind: NetworkKind, data: Any = None, *, initial: ProfileConfig | None = None, prefix: str = "config"
) -> forms.Form:
    """Return the form of a kind's settings; its field names cannot meet those of the other forms."""
    form = kind.Config(data, initial=dict(initial or {}), prefix=prefix)
    for field in form.fields.values():
        if isinstance(field.widget, forms.Textarea):
            field.widget.attrs["rows"] = 4
    return form


class OutsideForm(forms.Form):
    """By which kind clients reach replicas, if at all."""

    outside = forms.ChoiceField(
        label=_("How clients reach it from outside"),
        choices=outside_choices,
        required=False,
        widget=forms.RadioSelect,
    )
    client_networks = forms.CharField(
        label=_("Networks of the clients"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "class": "mono"}),
        help_text=_(
            "One a line, such as 10.20.0.0/16. They are compared with the addresses of every plane. Leave it empty "
            "where clients may be anywhere."
        ),
    )

    def clean_client_networks(self) -> list[str]:
        try:
            return networks_of([str(span) for span in parsed_all(self.cleaned_data["client_networks"])])
        except ConsoleError as error:
            raise ValidationError(str(error)) from None


@dataclass(frozen=True)
class OutsideCard:
    """One way for clients, with the form of its settings; of none of them only the name."""

    slug: str
    label: Any
    note: Any
    form: forms.Form | None
    chosen: bool


class ClientsForms:
    """The choice of a way for clients, and the settings of each: only those of the chosen one count."""

    def __init__(
        self, data: Any = None, *, outside: str = "", config: ProfileConfig | None = None, networks: Sequence[str] = ()
    ) -> None:  # fmt: skip
        self.choice = OutsideForm(data, initial={"outside": outside, "client_networks": "\n".join(networks)})
        self.chosen = str(self.choice["outside"].value() or "")
        kinds = carrying(Direction.NORTH_SOUTH)
        self.forms = {
            kind.slug: config_form(
                kind, data if kind.slug == self.chosen else None, prefix=f"outside-{kind.slug}",
                initial=config if kind.slug == outside else None,
            )
            for kind in kinds
        }  # fmt: skip

    def is_valid(self) -> bool:
        chosen = self.form
        return self.choice.is_valid() and (chosen is None or chosen.is_valid())

    @property
    def form(self) -> forms.Form | None:
        """The settings of the chosen way."""
        return self.forms.get(self.chosen)

    def values(self) -> dict[str, Any]:
        """Return what the services take, of valid forms."""
        return {
            "outside": self.chosen, "outside_config": self.form.cleaned_data if self.form else {},
            "client_networks": self.choice.cleaned_data["client_networks"],
        }  # fmt: skip

    def cards(self) -> list[OutsideCard]:
        notes: Mapping[str, Any] = {kind.slug: kind.note for kind in carrying(Direction.NORTH_SOUTH)}
        return [
            OutsideCard(slug, label, notes.get(slug, ""), self.forms.get(slug), slug == self.chosen)
            for slug, label in outside_choices()
        ]

    def refuse(self, said: Sentence) -> None:
        self.choice.add_error("outside", str(said))
