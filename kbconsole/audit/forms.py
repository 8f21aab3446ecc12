"""The filters of the audit page, as they stand in its URL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.models import EntryQuerySet, Outcome

# Dates at the ends of the calendar cannot be moved to another time zone.
SENSIBLE = [
    MinValueValidator(datetime(2000, 1, 1, tzinfo=UTC), _("Write a year from 2000 on.")),
    MaxValueValidator(datetime(2999, 12, 31, tzinfo=UTC), _("Write a year before 3000.")),
]


class Moment(forms.DateTimeInput):
    """The browser's own picker of day and time; its format is not the reader's language's."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")

    def format_value(self, value: Any) -> str | None:
        """Show a time that came with a zone in the console's, as the picker knows no zones."""
        moment = _with_zone(value) if isinstance(value, str) else value
        return super().format_value(timezone.localtime(moment) if _aware(moment) else value)


def _with_zone(text: str) -> datetime | None:
    try:
        return parse_datetime(text.strip())
    except ValueError:
        return None


def _aware(moment: Any) -> bool:
    sensible = isinstance(moment, datetime) and timezone.is_aware(moment)
    return sensible and SENSIBLE[0].limit_value <= moment <= SENSIBLE[1].limit_value


class EntryFilter(forms.Form):
    """Every field may be empty. A time without a zone of its own is in the console's time zone."""

    person = forms.CharField(label=_("Person"), required=False, max_length=200)
    act = forms.CharField(
        label=_("Act"),
        required=False,
        max_length=300,
        help_text=_("“placement” finds every act on placements; several with commas"),
    )
    job = forms.SlugField(
        label=_("Job"), required=False, max_length=60, help_text=_("for example place-database")
    )
    object = forms.RegexField(
        label=_("Object"),
        regex=r"^[^:]+(:.+)?$",
        required=False,
        max_length=251,
        help_text=_("kind or kind:id, for example placement:7"),
        error_messages={"invalid": _("Write a kind, or a kind and an id: placement:7")},
    )
    plane = forms.CharField(label=_("Plane"), required=False, max_length=253)
    run = forms.CharField(label=_("Run"), required=False, max_length=64)
    outcome = forms.ChoiceField(
        label=_("Outcome"), required=False, choices=[("", _("any")), *Outcome.choices]
    )
    since = forms.DateTimeField(label=_("From"), required=False, validators=SENSIBLE, widget=Moment)
    until = forms.DateTimeField(label=_("To"), required=False, validators=SENSIBLE, widget=Moment)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("since", "until"):
            self.fields[name].help_text = _("Time zone: %(zone)s") % {
                "zone": timezone.get_current_timezone_name()
            }

    def add_prefix(self, field_name: str) -> str:
        """Return the name in the URL, where `from` and `to` may be words."""
        return {"since": "from", "until": "to"}.get(field_name, field_name)

    def clean_until(self) -> datetime | None:
        """A day without a time means: to the end of that day."""
        until: datetime | None = self.cleaned_data["until"]
        whole_day = len(str(self["until"].value() or "").strip()) == len("2026-11-23")
        return until + timedelta(days=1) if until and whole_day else until

    def narrow(self, entries: EntryQuerySet) -> EntryQuerySet:
        """Return the entries that the filters let through; none while a filter cannot be understood."""
        if not self.is_valid():
            return entries.none()
        chosen = {name: value for name, value in self.cleaned_data.items() if value}
        for name, value in chosen.items():
            entries = entries.filter(_condition(name, value))
        return entries

    def in_url(self) -> dict[str, str]:
        """Return the filters that are set, as they stand in the URL."""
        return {self.add_prefix(field.name): str(field.value()) for field in self if field.value()}

    def in_words(self) -> list[str]:
        """Return the filters that are set, each as "name: value"."""
        return [f"{field.label}: {field.value()}" for field in self if field.value()]


def _condition(name: str, value: Any) -> Q:
    if name == "act":
        return _of_acts([act.strip() for act in value.split(",") if act.strip()])
    if name == "job":
        return Q(params__job__code=f"job.{value}")
    if name == "object":
        kind, _colon, object_id = value.partition(":")
        return Q(object_kind=kind, object_id=object_id) if object_id else Q(object_kind=kind)
    lookups = {"person": "actor_label", "run": "run_id", "since": "at__gte", "until": "at__lt"}
    return Q(**{lookups.get(name, name): value})


def _of_acts(acts: list[str]) -> Q:
    found = Q(act__in=acts)
    for act in acts:
        found |= Q(act__startswith=f"{act}.")
    return found
