"""Is a credential good for installing: may it administer the plane, and for how long does it hold?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet import access, installing
from kbconsole.fleet.preflight.base import PlaneCheck
from kbconsole.fleet.preflight.connection import Expiry
from kbconsole.jobs.definition import Finding, Verdict, actions
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.commands import kubectl_can_i

declare(
    {
        "installer.administers": _("Rights: administer the plane"),
        "installer.administers_yes": _("It may do everything there, as a chart needs."),
        "installer.administers_no": _("It may not do everything there, so a chart could not be installed with it."),
        "installer.administers_fix": _(
            "Bind its user to the cluster role cluster-admin for as long as it is needed, or upload an administrator's "
            "kubeconfig."
        ),
        "installer.gone": _("%(plane)s has no installer credential, or its time is over. Give it one on its page."),
    }
)  # fmt: skip


@actions.register
@dataclass(frozen=True)
class Administers(PlaneCheck):
    """All verbs on all resources, as `kubectl auth can-i '*' '*'` asks; without a draft, of the one that is kept."""

    slug: ClassVar[str] = "preflight-administers"

    def client(self) -> PlaneClient:
        if self.draft:
            return super().client()
        if installing.row_of(self.plane) is None:
            raise ConsoleError("installer.gone", plane=self.plane)
        return access.installer_client(self.plane)

    def label(self) -> Sentence:
        return say("installer.administers")

    def commands(self) -> list[str]:
        return [kubectl_can_i("*", resource="*", group="*", context=self.plane)]

    def look(self) -> Finding:
        if administers(self.client()):
            return Finding(Verdict.PASS, say("installer.administers_yes"))
        return Finding(Verdict.FAIL, say("installer.administers_no"), say("installer.administers_fix"))


def administers(client: PlaneClient) -> bool:
    """Return whether its user may do everything on the plane. Raises KubeError."""
    return client.can_i("*", group="*", resource="*")


@actions.register
@dataclass(frozen=True)
class ShortExpiry(Expiry):
    """That it ends soon is as it should be; only one that has ended is no good."""

    slug: ClassVar[str] = "preflight-short-expiry"

    def look(self) -> Finding:
        found = super().look()
        if found.verdict != Verdict.WARN:
            return found
        return Finding(Verdict.PASS, found.sentence, facts=found.facts)
