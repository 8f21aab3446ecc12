"""The request for a database as a form in a DBA's words, and the typed name that retires one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from kbconsole.common.roles import Role, has_role
from kbconsole.common.sentences import Sentence, say
from kbconsole.fleet.models import Plane
from kbconsole.people.models import Team
from networking.models import Profile
from placements.engines.base import ENGINES, Engine, engine_named
from placements.hand_over import heirs
from placements.models import Placement, WriteWay, engine_choices
from placements.plane_choice import Offer, PlanesField, cannot, full, shape_of
from placements.rendering import TerminationPolicy
from placements.sizes import OWN, SIZES, QuantityRefused, disk_gib
from placements.wishes import (
    Wish,
    WishRefused,
    network_refusals,
    possible_way,
    problems,
    write_way_problem,
)

SUGGESTED_PLANES = 3


def _size_choices() -> list[tuple[str, Any]]:
    return [*((size.slug, size.label) for size in SIZES.values()), (OWN, _("Own figures"))]


def _policy_choices() -> list[tuple[str, Any]]:
    return [(policy.value, policy.label) for policy in TerminationPolicy]


class WishForm(forms.Form):
    """A request. What a rule refuses stands at its field; whatever was typed stays."""

    name = forms.CharField(
        label=_("Name"),
        max_length=253,
        error_messages={"required": _("Give the database a name.")},
        help_text=_("Small letters, digits and “-”. Replicas and addresses are named after it."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
    )
    purpose = forms.CharField(
        label=_("What it is for"),
        required=False,
        max_length=4000,
        help_text=_("One or two sentences. Who approves reads this first."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    ticket = forms.CharField(label=_("Ticket"), required=False, max_length=100)
    team = forms.TypedChoiceField(
        label=_("Team"),
        coerce=int,
        empty_value=None,
        required=False,
        help_text=_("Its members may change the database as you do."),
    )
    engine = forms.ChoiceField(label=_("Engine"), choices=engine_choices)
    replicas = forms.IntegerField(
        label=_("Replicas"),
        help_text=_("An odd number: 3 survive the loss of one, 5 the loss of two."),
        widget=forms.NumberInput(attrs={"min": 1, "inputmode": "numeric"}),
    )
    size = forms.ChoiceField(label=_("Size of one replica"), choices=_size_choices, widget=forms.RadioSelect)
    cpu = forms.CharField(
        label=_("CPU"), required=False, max_length=20, help_text=_("Cores, such as 2 or 500m.")
    )
    memory = forms.CharField(
        label=_("Memory"), required=False, max_length=20, help_text=_("Such as 8Gi or 512Mi.")
    )
    disk_gib = forms.CharField(
        label=_("Disk of one replica"),
        required=False,
        max_length=20,
        help_text=_("In GiB, such as 40. Empty: as the size says."),
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )
    profile = forms.TypedChoiceField(label=_("Network"), coerce=int, widget=forms.RadioSelect)
    planes = PlanesField(label=_("Planes, in order"), required=False)
    write_way = forms.ChoiceField(
        label=_("How clients find who takes writes"),
        choices=WriteWay.choices,
        required=False,
        widget=forms.RadioSelect,
        help_text=_("Counts where the network lets clients in from outside."),
    )
    namespace = forms.CharField(
        label=_("Namespace"),
        max_length=253,
        error_messages={"required": _("Give the namespace that the database lives in.")},
        help_text=_("The same one in the control plane and on every plane; it is made where it is missing."),
    )
    termination_policy = forms.ChoiceField(
        label=_("When somebody deletes the Cluster object"),
        choices=_policy_choices,
        widget=forms.RadioSelect,
        help_text=_(
            "Retiring a database here asks again what becomes of its data, whatever is chosen now. "
            "The guide writes Delete; we keep everything until somebody says otherwise."
        ),
    )

    def __init__(self, *args: Any, by: Any, apart_from: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.apart_from = apart_from
        self._teams(by)
        self.profiles = list(Profile.objects.all())
        self.control = Plane.objects.filter(is_control_plane=True).first()
        self._data_planes = list(Plane.objects.data_planes().order_by("name"))
        self._choices("profile", [(profile.pk, profile.name) for profile in self.profiles])
        most = max(ENGINES.get(slug).most_replicas for slug, _label in engine_choices())
        self.fields["replicas"].widget.attrs["max"] = most

    def _choices(self, name: str, choices: list[tuple[Any, Any]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices

    def _teams(self, by: Any) -> None:
        """Offer the person's teams, to administrators all. A request that is there keeps its team (hand_over)."""
        teams = Team.objects.all() if has_role(by, Role.ADMIN) else Team.objects.of(by)
        found = [] if self.apart_from else [(team.pk, team.name) for team in teams]
        self._choices("team", [("", _("no team")), *found])
        if not found:
            del self.fields["team"]
        elif len(found) == 1 and not has_role(by, Role.ADMIN):
            self.fields["team"].initial = found[0][0]

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> Any:
        value = super().get_initial_for_field(field, field_name)
        if value is None and field_name == "planes":
            return [plane.name for plane in self._data_planes if not cannot(plane, self.control)][
                :SUGGESTED_PLANES
            ]
        return value

    def clean_disk_gib(self) -> int | None:
        try:
            return disk_gib(self.cleaned_data["disk_gib"]) if self.cleaned_data["disk_gib"] else None
        except QuantityRefused as refused:
            raise ValidationError(str(refused), code=refused.sentence.code) from None

    def clean(self) -> dict[str, Any]:
        """Add what the rules of a request refuse, where the field itself could be read."""
        unread = set(self.errors)
        for name, said in problems(self._loose_wish(), apart_from=self.apart_from).items():
            if name not in unread:
                self._refuse(name, said)
        return self.cleaned_data

    def _refuse(self, name: str, said: Sequence[Sentence]) -> None:
        for sentence in said:
            self.add_error(name, ValidationError(str(sentence), code=sentence.code))

    def refuse(self, refused: WishRefused) -> None:
        """Show what the service refused: somebody else was faster with the name, or a plane changed."""
        for name, said in refused.fields.items():
            self._refuse(name, said)

    def _loose_wish(self) -> Wish:
        """Return the wish with stand-ins for what could not be read; those fields have their error already."""
        data = self.cleaned_data
        blank = {
            "replicas": 1,
            "planes": [],
            "profile": 0,
            "termination_policy": "",
            "size": "s",
            "engine": "",
            "team": None,
        }
        values = {f.name: data.get(f.name, blank.get(f.name, "")) for f in fields(Wish)}
        values["disk_gib"] = data.get("disk_gib") or None
        return Wish(**{**values, "planes": tuple(values["planes"])})

    def wish(self) -> Wish:
        """Return what was asked for, of a valid form."""
        return self._loose_wish()

    def sketch(self) -> dict[str, Any]:
        """Return each field's value, or None where it cannot be read (yet). For the summary."""
        found: dict[str, Any] = {}
        for name, field in self.fields.items():
            try:
                found[name] = field.clean(self[name].value())
            except ValidationError:
                found[name] = None
        try:
            found["disk_gib"] = disk_gib(found["disk_gib"]) if found["disk_gib"] else None
        except QuantityRefused:
            found["disk_gib"] = None
        return found

    def offers(self) -> list[Offer]:
        """Return the cards: the planes that were chosen, in their order, then the others."""
        chosen = list(self["planes"].value() or [])
        known = {plane.name: plane for plane in self._data_planes}
        data = self.data
        listed = data.getlist("listed") if isinstance(data, QueryDict) else self.initial.get("listed", [])
        names = [name for name in dict.fromkeys([*listed, *chosen, *known]) if name in known]
        wanted = shape_of(*(str(self[field].value() or "") for field in ("size", "cpu", "memory")))
        planes = [known[name] for name in names]
        return [
            Offer(plane, cannot(plane, self.control), plane.name in chosen, full(plane, wanted))
            for plane in planes
        ]

    def size_cards(self) -> list[dict[str, Any]]:
        """Return the sizes with their figures, for the choice of one."""
        chosen = self["size"].value()
        cards = [{"slug": size.slug, "size": size, "chosen": size.slug == chosen} for size in SIZES.values()]
        return [*cards, {"slug": OWN, "size": None, "chosen": chosen == OWN}]

    def profile_cards(self) -> list[dict[str, Any]]:
        """Return the network profiles with what their kinds say of themselves, and why one cannot be used."""
        chosen, engine = str(self["profile"].value() or ""), self._engine()
        return [
            {
                "profile": profile,
                "chosen": str(profile.pk) == chosen,
                "cannot": network_refusals(profile, engine),
            }
            for profile in self.profiles
        ]

    def way_cards(self) -> list[dict[str, Any]]:
        """Return the ways to the replica that takes writes, and why one cannot be; none if no profile has clients."""
        if not any(profile.outside for profile in self.profiles):
            return []
        engine = self._engine()
        chosen = possible_way(str(self["write_way"].value() or ""), engine)
        return [
            {"way": way, "chosen": way == chosen, "cannot": write_way_problem(way, engine)}
            for way in WriteWay
        ]

    def _engine(self) -> Engine | None:
        slug = str(self["engine"].value() or "")
        return engine_named(slug) if slug in ENGINES else None


def fresh() -> dict[str, Any]:
    """Return what a new request starts with."""
    first = Profile.objects.values_list("pk", flat=True).first()
    return {
        "engine": engine_choices()[0][0],
        "replicas": 3,
        "size": "s",
        "namespace": "demo",
        "profile": first,
        "termination_policy": TerminationPolicy.DO_NOT_TERMINATE.value,
    }


def as_asked(placement: Placement) -> dict[str, Any]:
    """Return what a placement was asked with, to be changed."""
    names = ("name", "purpose", "ticket", "engine", "replicas", "size", "disk_gib", "namespace",
             "write_way")  # fmt: skip
    values = {name: getattr(placement, name) for name in names}
    own = {"cpu": placement.cpu, "memory": placement.memory} if placement.size == OWN else {}
    rest = {"profile": placement.profile_id, "planes": list(placement.planes)}
    return {**values, **own, **rest, "termination_policy": placement.termination_policy}


def like(placement: Placement) -> dict[str, Any]:
    """Return a new request that copies a placement; its name is one's own, and its ticket was another's."""
    return {**as_asked(placement), "name": "", "ticket": "", "team": placement.team_id}


def retyped(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form's data as initial values: shown again as typed, without judging it yet."""
    values: dict[str, Any] = {name: data.get(name, "") for name in WishForm.base_fields}
    if isinstance(data, QueryDict):
        values |= {"planes": data.getlist("planes"), "listed": data.getlist("listed")}
    return values


class RetireForm(forms.Form):
    """What becomes of the data was chosen in words, never left to a default."""

    policy = forms.ChoiceField(
        label=_("What becomes of the data"),
        choices=[
            (TerminationPolicy.DELETE.value, TerminationPolicy.DELETE.label),
            (TerminationPolicy.WIPE_OUT.value, TerminationPolicy.WIPE_OUT.label),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what becomes of the data.")},
    )
    reason = forms.CharField(
        label=_("Why"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Who approves reads this first, and the audit log keeps it."),
        error_messages={"required": _("Say why it goes.")},
    )
    typed_name = forms.CharField(
        label=_("Type the database's name to confirm"),
        max_length=253,
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}),
        error_messages={"required": _("Type the name, so that the right database goes.")},
    )

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name

    def clean_typed_name(self) -> str:
        typed: str = self.cleaned_data["typed_name"]
        if typed != self.name:
            raise ValidationError(str(say("placements.type_name", name=self.name)), code="other_name")
        return typed


class HandOverForm(forms.Form):
    """Who gets a database, and why."""

    owner = forms.ChoiceField(
        label=_("New owner"),
        help_text=_("Active people with the role DBA. Leave the owner as it is to change only the team."),
        error_messages={"required": _("Choose who gets it.")},
    )
    team = forms.TypedChoiceField(
        label=_("Team"),
        coerce=int,
        empty_value=None,
        required=False,
        help_text=_("Its members may change the database as the owner does."),
    )
    reason = forms.CharField(
        label=_("Why"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The audit log keeps it."),
        error_messages={"required": _("Say why: the audit log keeps it.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        owner: Any = self.fields["owner"]
        names = [person.get_username() for person in heirs()]
        owner.choices = [("", _("choose")), *((name, name) for name in names)]
        team: Any = self.fields["team"]
        team.choices = [("", _("no team")), *((one.pk, one.name) for one in Team.objects.all())]

    def refuse(self, refused: WishRefused) -> None:
        """Show what the service refused at its field."""
        for name, said in refused.fields.items():
            for sentence in said:
                self.add_error(name, ValidationError(str(sentence), code=sentence.code))
