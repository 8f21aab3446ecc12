"""Forms of the fleet's pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.forms import SENSIBLE, Moment
from kbconsole.fleet.installing import LONGEST, USUAL
from kbconsole.fleet.models import KubeconfigDraft, Plane, Purpose
from kbconsole.k8s.kubeconfig import NAME


class UploadForm(forms.Form):
    """A kubeconfig, pasted or as a file. Its text is never sent back to the browser."""

    text = forms.CharField(
        label=_("Paste a kubeconfig"),
        required=False,
        widget=forms.Textarea(
            attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false", "class": "mono"}
        ),
    )
    file = forms.FileField(label=_("or upload the file"), required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if bool(cleaned.get("text", "").strip()) == bool(cleaned.get("file")):
            raise forms.ValidationError(_("Paste a kubeconfig or choose a file: one of the two."))
        return cleaned

    def data_bytes(self) -> bytes:
        """Return what was given, of a valid form."""
        file = self.cleaned_data["file"]
        return bytes(file.read()) if file else self.cleaned_data["text"].encode()


class AccountForm(forms.Form):
    """Names for the commands of "Make a credential for me". Neither is needed: placeholders do as well."""

    context = forms.CharField(
        label=_("Your context"),
        help_text=_("What your own kubectl calls the plane: kubectl config get-contexts shows it."),
        required=False,
        max_length=253,
    )
    name = forms.RegexField(
        regex=rf"\A{NAME.pattern}",
        label=_("Name of the plane"),
        help_text=_(
            "What the KubeBlocks operator calls it, if it is a data plane. Both names must be the same."
        ),
        error_messages={"invalid": _("Use 1 to 128 letters, digits and . _ : / @ - only.")},
        required=False,
    )


class ChooseForm(forms.Form):
    """Which contexts of an upload are looked over, and which one is the control plane."""

    contexts = forms.MultipleChoiceField(
        label=_("Contexts to look over"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Tick at least one context.")},
    )
    control_plane = forms.ChoiceField(
        label=_("Control plane"),
        help_text=_("The context in which the KubeBlocks operator runs."),
        error_messages={
            "required": _(
                "Choose the context in which the operator runs: the fleet has no control plane yet."
            )
        },
    )
    also_plane = forms.BooleanField(label=_("The control plane takes databases, too"), required=False)

    def __init__(self, *args: Any, draft: KubeconfigDraft, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = draft.accepted()
        known = Plane.objects.filter(is_control_plane=True).first()
        self.fields["contexts"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        self.fields["contexts"].initial = draft.chosen or names
        if known is not None or draft.replaces:
            del self.fields["control_plane"], self.fields["also_plane"]
            return
        empty = [("", _("Choose one"))]
        self.fields["control_plane"].choices = [*empty, *((name, name) for name in names)]  # type: ignore[attr-defined]
        likely = [name for name in names if "control" in name.lower()]
        self.fields["control_plane"].initial = draft.control_plane or (likely[0] if likely else "")
        self.fields["also_plane"].initial = draft.also_plane


class SaveForm(forms.Form):
    """The contexts to save, and why, for whoever has to agree; of an installer credential until when it is used."""

    contexts = forms.MultipleChoiceField(required=False)
    use_until = forms.DateTimeField(label=_("Use it until"), validators=SENSIBLE, widget=Moment)
    reason = forms.CharField(label=_("Why, for whoever decides"), required=False, max_length=4000)

    def __init__(self, *args: Any, draft: KubeconfigDraft, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["contexts"].choices = [(name, name) for name in draft.chosen]  # type: ignore[attr-defined]
        if draft.purpose != Purpose.INSTALLER:
            del self.fields["use_until"]
            return
        self.fields["use_until"].initial = timezone.now() + USUAL
        self.fields["use_until"].help_text = _(
            "At most %(days)s days from now (time zone: %(zone)s). Then it is removed: nothing begins "
            "with it, and a command that uses it goes on to its end."
        ) % {"days": LONGEST.days, "zone": timezone.get_current_timezone_name()}


class CopyForm(forms.Form):
    """Data planes that the role is copied to."""

    planes = forms.MultipleChoiceField(label=_("Data planes"), widget=forms.CheckboxSelectMultiple)
    take_over = forms.BooleanField(
        label=_("Take over fields that another manager owns"),
        help_text=_(
            "Only after a plan has shown whose they are. The plan shows it again before anything is written."
        ),
        required=False,
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        targets = Plane.objects.visible_to(user).data_planes().filter(is_control_plane=False)
        names = list(targets.values_list("name", flat=True))
        self.fields["planes"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        self.fields["planes"].initial = names
