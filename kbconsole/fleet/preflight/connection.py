"""Can the plane be reached, which one is it, and for how long does the credential hold?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet.models import KubeconfigDraft, Plane
from kbconsole.fleet.preflight.base import PlaneCheck
from kbconsole.jobs.definition import Finding, Verdict, actions
from kbconsole.k8s.credentials import token_expiry
from kbconsole.k8s.errors import Unauthorised, Unreachable
from kbconsole.k8s.kinds import NAMESPACE

OLDEST = (1, 27)
WARN_BEFORE = timedelta(days=30)

declare(
    {
        "preflight.reachable": _("Reach the API server"),
        "preflight.reachable_yes": _("%(server)s answers in %(ms)s ms and takes the console for %(user)s."),
        "preflight.reachable_no_fix": _("Mend that first; the other checks of this plane wait for it."),
        "preflight.version": _("Kubernetes version"),
        "preflight.version_yes": _("Kubernetes %(version)s."),
        "preflight.version_old": _("Kubernetes %(version)s is older than %(oldest)s."),
        "preflight.version_old_fix": _(
            "It may work, but the console is not tested with it. Upgrade the plane before databases depend "
            "on it."
        ),
        "preflight.identity": _("Which plane is it?"),
        "preflight.identity_yes": _("It is no plane that the fleet has already (%(uid)s)."),
        "preflight.identity_same": _("It is the plane that the fleet knows as %(plane)s (%(uid)s)."),
        "preflight.identity_twice": _("This is the same plane as %(other)s (%(uid)s)."),
        "preflight.identity_twice_fix": _(
            "A plane stands in the fleet once, or databases would put two replicas on it. Use one of the "
            "two contexts."
        ),
        "preflight.identity_other": _("This is not %(plane)s but another plane (%(uid)s)."),
        "preflight.identity_other_fix": _(
            "Upload a kubeconfig of %(plane)s, or add this one under its own name."
        ),
        "preflight.identity_hidden": _("The namespace kube-system is not there or may not be read."),
        "preflight.identity_hidden_fix": _("Grant get on namespaces; its UID is how planes are told apart."),
        "preflight.expiry": _("Expiry of the credential"),
        "preflight.expiry_yes": _("The %(what)s is the first to expire, on %(day)s."),
        "preflight.expiry_none": _("Nothing in the credential says when it ends."),
        "preflight.expiry_soon": _("The %(what)s expires on %(day)s, in %(days)s days."),
        "preflight.expiry_over": _("The %(what)s expired on %(day)s."),
        "preflight.expiry_fix": _("Make a new credential on the plane and upload it before that day."),
        "preflight.expiry_over_fix": _("Make a new credential on the plane and upload it."),
        "preflight.part_ca": _("CA certificate"),
        "preflight.part_client": _("client certificate"),
        "preflight.part_token": _("token"),
    }
)


@actions.register
@dataclass(frozen=True)
class Reachable(PlaneCheck):
    """An answer of the API server that accepts the credential. The steps after it wait for this one."""

    slug: ClassVar[str] = "preflight-reachable"

    def label(self) -> Sentence:
        return say("preflight.reachable")

    def commands(self) -> list[str]:
        return self.kubectl("get --raw /version")

    def look(self) -> Finding:
        client = self.client()
        try:
            user = str(client.whoami().get("username", ""))
        except (Unreachable, Unauthorised) as error:
            rung = error.rung if isinstance(error, Unreachable) else "credential"
            return Finding(Verdict.FAIL, error.sentence, say("preflight.reachable_no_fix"), {"rung": rung})
        said = say(
            "preflight.reachable_yes",
            server=self.credential().server,
            ms=round(client.last_latency * 1000),
            user=user,
        )
        return Finding(Verdict.PASS, said, facts={"subject": user})


@actions.register
@dataclass(frozen=True)
class Version(PlaneCheck):
    """Kubernetes 1.27 or later."""

    slug: ClassVar[str] = "preflight-version"

    def label(self) -> Sentence:
        return say("preflight.version")

    def commands(self) -> list[str]:
        return self.kubectl("version")

    def look(self) -> Finding:
        version = self.client().version()
        found = re.match(r"v?(\d+)\.(\d+)", version)
        facts = {"version": version}
        if found and (int(found[1]), int(found[2])) >= OLDEST:
            return Finding(Verdict.PASS, say("preflight.version_yes", version=version), facts=facts)
        said = say("preflight.version_old", version=version, oldest="1.27")
        return Finding(Verdict.WARN, said, say("preflight.version_old_fix"), facts)


@actions.register
@dataclass(frozen=True)
class Identity(PlaneCheck):
    """The UID of kube-system: the same plane cannot be added twice, nor replaced by another one.

    `expected` names the registered plane that it must be, "" for a plane that must be new.
    """

    slug: ClassVar[str] = "preflight-identity"
    expected: str = ""

    def label(self) -> Sentence:
        return say("preflight.identity")

    def commands(self) -> list[str]:
        return self.kubectl("get namespace kube-system -o jsonpath='{.metadata.uid}'")

    def look(self) -> Finding:
        namespace = self.client().get(NAMESPACE, "kube-system")
        uid = str(namespace["metadata"].get("uid", ""))[:64] if namespace else ""
        if not uid:
            return Finding(
                Verdict.FAIL, say("preflight.identity_hidden"), say("preflight.identity_hidden_fix")
            )
        registered = Plane.objects.filter(uid=uid).values_list("name", flat=True).first() or ""
        if self.expected:
            return self._as_expected(uid, registered)
        other = registered or self._earlier(uid)
        if other:
            said = say("preflight.identity_twice", other=other, uid=uid)
            return Finding(Verdict.FAIL, said, say("preflight.identity_twice_fix"))
        return Finding(Verdict.PASS, say("preflight.identity_yes", uid=uid), facts={"uid": uid})

    def _as_expected(self, uid: str, registered: str) -> Finding:
        words = {"plane": self.expected, "uid": uid}
        if registered == self.expected:
            return Finding(Verdict.PASS, say("preflight.identity_same", **words), facts={"uid": uid})
        fix = say("preflight.identity_other_fix", plane=self.expected)
        return Finding(Verdict.FAIL, say("preflight.identity_other", **words), fix)

    def _earlier(self, uid: str) -> str:
        """Return the context of the same upload that answered with this UID first, "" if that is ours."""
        with transaction.atomic():
            draft = KubeconfigDraft.objects.select_for_update().get(pk=self.draft)
            first: str = draft.identities.setdefault(uid, self.plane)
            draft.save(update_fields=["identities"])
        return "" if first == self.plane else first


@actions.register
@dataclass(frozen=True)
class Expiry(PlaneCheck):
    """When the first of CA, client certificate and token ends."""

    slug: ClassVar[str] = "preflight-expiry"

    def label(self) -> Sentence:
        return say("preflight.expiry")

    def commands(self) -> list[str]:
        path = "{.users[0].user.client-certificate-data}"
        return [
            f"kubectl config view --raw --minify --context {self.plane} -o jsonpath='{path}'"
            " | base64 -d | openssl x509 -noout -enddate"
        ]

    def look(self) -> Finding:
        end, what = min(self._ends(), default=(None, ""))
        if end is None:
            return Finding(Verdict.PASS, say("preflight.expiry_none"))
        left = end - timezone.now()
        words = {"what": say(f"preflight.part_{what}"), "day": f"{end:%Y-%m-%d}"}
        facts = {"expires_at": end.isoformat()}
        if left <= timedelta(0):
            said = say("preflight.expiry_over", **words)
            return Finding(Verdict.FAIL, said, say("preflight.expiry_over_fix"), facts)
        if left <= WARN_BEFORE:
            said = say("preflight.expiry_soon", days=left.days, **words)
            return Finding(Verdict.WARN, said, say("preflight.expiry_fix"), facts)
        return Finding(Verdict.PASS, say("preflight.expiry_yes", **words), facts=facts)

    def _ends(self) -> Iterator[tuple[datetime, str]]:
        credential = self.credential()
        for certificate in credential.certificates():
            yield certificate["expires"], str(certificate["use"])
        if (end := token_expiry(credential.token)) is not None:
            yield end, "token"
