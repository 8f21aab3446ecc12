"""What administrators can do about a kind from the network page: a form that becomes a job. The page names no kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from kbconsole.common.registry import Registry
from kbconsole.common.sentences import Sentence
from kbconsole.jobs.definition import Job
from networking.kinds.keeping import keeper


class ActForm(forms.Form):
    """What every act asks at the end. A kind's form puts its own fields before it."""

    reason = forms.CharField(
        label=_("Why"), required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Who approves reads this first, and the audit log keeps it."),
    )  # fmt: skip


class NetworkAct(ABC):
    """One act. Instances hold no state."""

    slug: ClassVar[str]
    label: ClassVar[Any]
    note: ClassVar[Any]
    """What it does, in a sentence or two."""
    job: ClassVar[type[Job]]
    """Whose policy says who may ask."""
    Form: ClassVar[type[ActForm]]

    @abstractmethod
    def made(self, given: dict[str, Any]) -> Job:
        """Return the job of a filled-in form. Raises ConsoleError."""

    def lines(self) -> Sequence[tuple[Any, str]]:
        """Return commands that do the same without the console, each with what it is for."""
        return ()

    def notices(self) -> Sequence[Sentence]:
        """Return what stands in its way now. Asks no plane."""
        return ()


ACTS: Registry[NetworkAct] = Registry("acts on networks", "networking.kinds")


def known_planes() -> list[str]:
    """Return the data planes, for the choices of a form."""
    return [reading.plane for reading in keeper().readings("")]
