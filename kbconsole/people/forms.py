"""Forms of the pages about people and teams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.utils.translation import gettext_lazy as _

from kbconsole.common.roles import Role
from kbconsole.people.links import person_of

ROLES: list[tuple[str, Any]] = [
    (Role.DBA.value, _("DBA: asks for databases, changes and retires their own and their teams'")),
    (
        Role.ADMIN.value,
        _("Administrator: decides about requests of others, changes fleet, networks and people"),
    ),
    (Role.AUDITOR.value, _("Auditor: reads everything, the audit log included; changes nothing")),
]
TYPED = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}


NOT_GOOD = _(
    "This link is not good any more: it was used, is older than 24 hours, or another was made after it. Ask an "
    "administrator for a new one."
)


class RolesForm(forms.Form):
    """Which roles a person has."""

    roles = forms.MultipleChoiceField(
        label=_("Roles"), choices=ROLES, required=False, widget=forms.CheckboxSelectMultiple
    )

    def chosen(self) -> list[Role]:
        """Return the roles of a valid form."""
        return [Role(name) for name in self.cleaned_data["roles"]]


class InviteForm(RolesForm):
    """A new person."""

    username = forms.CharField(
        label=_("Name to sign in with"),
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(attrs=TYPED),
        help_text=_(
            "Letters, digits and @ . + - _. It stands in the audit log for good, so it cannot be changed."
        ),
        error_messages={"required": _("Give the person a name to sign in with.")},
    )
    full_name = forms.CharField(label=_("Full name"), required=False, max_length=150)

    field_order = ["username", "full_name", "roles"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["roles"].required = True
        self.fields["roles"].error_messages["required"] = _(
            "Choose at least one role: without one a person sees nothing."
        )


class CodeForm(forms.Form):
    """What stands behind the # of a link to set a password."""

    code = forms.CharField(
        label=_("Code"),
        max_length=2000,
        help_text=_("What stands behind the # in the link. The whole link will do, too."),
        widget=forms.TextInput(attrs={**TYPED, "data-code": "", "class": "mono"}),
        error_messages={"required": _("Paste the link that you got, or what stands behind its #.")},
    )

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if person_of(code) is None:
            raise forms.ValidationError(NOT_GOOD)
        return code


class TeamForm(forms.Form):
    """A team's name."""

    name = forms.CharField(
        label=_("Name of the team"),
        max_length=63,
        widget=forms.TextInput(attrs=TYPED),
        error_messages={"required": _("Give the team a name.")},
    )


class MemberForm(forms.Form):
    """Somebody who is not in the team yet."""

    person = forms.TypedChoiceField(
        label=_("Person"), coerce=int, error_messages={"required": _("Choose a person.")}
    )

    def __init__(self, *args: Any, people: Sequence[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["person"]
        field.choices = [("", _("choose")), *((person.pk, person.get_username()) for person in people)]
