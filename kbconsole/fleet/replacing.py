"""Giving a registered plane a new credential as a run, where somebody else has to agree: it waits with other plans.

The credential itself stays in the row of its upload, encrypted; the plan has what tells it from others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError, Stale
from kbconsole.common.policy import Policy
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access, installing
from kbconsole.fleet.installing import moment
from kbconsole.fleet.jobs import CHANGES_FLEET, FleetJob, identities
from kbconsole.fleet.keeping import newest, replace_credential, seal, shown_of
from kbconsole.fleet.models import KubeconfigDraft, Plane, Purpose
from kbconsole.fleet.preflight.connection import Expiry, Identity, Reachable
from kbconsole.fleet.preflight.installer import Administers, ShortExpiry
from kbconsole.fleet.preflight.rights import groups_for, held
from kbconsole.jobs.definition import (
    CONSOLE,
    Change,
    Diff,
    Ended,
    Mark,
    ObjectDiff,
    Outcome,
    Step,
    Subject,
    Touch,
    Touched,
    actions,
    declare_phases,
    register,
)
from kbconsole.jobs.models import Plan, PlanStatus, RunStatus
from kbconsole.k8s.credentials import PlaneCredential
from kbconsole.k8s.rules import show_right

SUBJECTS = {Purpose.CONSOLE: "credential", Purpose.INSTALLER: installing.SUBJECT}
KEPT = timedelta(hours=24)
"""For how long an approved credential is kept for a Retry of its run."""

declare_phases({"save-credential": _("Save the credential")})
declare(
    {
        "credential.save": _("Save the new credential of %(plane)s as version %(version)s"),
        "credential.what": _("Give %(plane)s a new credential"),
        "credential.what_installer": _("Give %(plane)s an installer credential, used until %(until)s"),
        "credential.save_installer": _("Save the installer credential of %(plane)s, used until %(until)s"),
        "credential.administrator": _("an administrator's rights"),
        "credential.installer": _(
            "Until %(until)s the console may do everything on %(plane)s, as its user %(user)s: it runs commands with "
            "it that install, and the few steps that its own user may not do. The audit log names every run that uses "
            "it."
        ),
        "credential.other_user": _("another user"),
        "credential.gains": _("The new user of %(plane)s may what the present one may not: %(rights)s."),
        "credential.loses": _("The new user of %(plane)s may no longer: %(rights)s."),
        "credential.other": _(
            "%(plane)s will take the console for %(after)s instead of %(before)s. Make sure that this is the console's "
            "own user there."
        ),
        "credential.not_compared": _(
            "The present credential of %(plane)s gets no answer, so what the two users may cannot be compared. Look at "
            "the rights of the new one in its preflight."
        ),
        "credential.replaced_meanwhile": _(
            "Somebody gave %(plane)s another credential meanwhile. Upload yours again if it is still wanted."
        ),
        "credential.other_upload": _(
            "The upload holds another credential than the one that was approved. Upload it again and ask anew."
        ),
    }
)


def waiting_plans(plane: Plane) -> dict[str, Plan]:
    """Return the plans that wait for a decision about a new credential of the plane, by its purpose."""
    about = {"subject_kind__in": SUBJECTS.values(), "subject_id": plane.name[:100]}
    plans = {
        plan.subject_kind: plan
        for plan in Plan.objects.undecided().filter(**about).defer("content").order_by("pk")
    }
    return {purpose: plans[kind] for purpose, kind in SUBJECTS.items() if kind in plans}


@actions.register
@dataclass(frozen=True)
class SaveCredential(Change):
    """Make a context of an upload the plane's credential, if that is still at `version` (0: there is none).

    `shown` is what a reader compares, by name; `rights` are gained (true) and lost (false). Nothing of it is secret.
    `use_until` (ISO) makes it the installer's; that the one which it replaces has ended meanwhile is no matter.
    """

    slug: ClassVar[str] = "save-credential"
    plane: str
    draft: int
    context: str
    seal: str
    version: int
    shown: dict[str, str]
    rights: dict[str, bool] = field(default_factory=dict)
    use_until: str = ""

    @property
    def _until(self) -> datetime | None:
        return parse_datetime(self.use_until) if self.use_until else None

    @property
    def _purpose(self) -> str:
        return Purpose.INSTALLER if self.use_until else Purpose.CONSOLE

    @property
    def ref(self) -> dict[str, str]:
        return {"apiVersion": "kbconsole", "kind": "Credential", "namespace": "", "name": self.plane}

    def label(self) -> Sentence:
        if self.use_until:
            return say("credential.save_installer", plane=self.plane, until=moment(self._until))
        return say("credential.save", plane=self.plane, version=self.version + 1)

    def diff(self) -> Diff:
        plane = Plane.objects.get(name=self.plane)
        if self._done(plane):
            return Diff((ObjectDiff(Touch.UNCHANGED, self.ref, plane.uid),))
        self._secret()
        before = shown_of(newest(plane, self._purpose))
        fields = [
            {"path": name, "before": before.get(name, "") or None, "after": after or None}
            for name, after in self.shown.items()
            if before.get(name, "") != after
        ]
        rights = [
            {
                "path": f"rights: {words}",
                "before": None if gained else words,
                "after": words if gained else None,
            }
            for words, gained in sorted(self.rights.items())
        ]
        touch = Touch.UPDATED if self.version else Touch.CREATED
        return Diff((ObjectDiff(touch, self.ref, plane.uid, (*fields, *rights)),))

    def carry_out(self) -> Outcome:
        with transaction.atomic():
            plane = Plane.objects.select_for_update().get(name=self.plane)
            if self._done(plane):  # by this very step, before its worker was lost
                return Outcome((Touched(Touch.UNCHANGED, self.ref, plane.uid),))
            secret, draft = self._secret(), KubeconfigDraft.objects.get(pk=self.draft)
            until = installing.not_over(self._until, plane=self.plane) if self._until else None
            user = self.shown["user"]
            replace_credential(plane, secret, by="worker", owner=draft.owner, user=user, use_until=until)
            draft.delete()
        return Outcome((Touched(Touch.UPDATED if self.version else Touch.CREATED, self.ref, plane.uid),))

    def _done(self, plane: Plane) -> bool:
        """Return whether this is the plane's credential already. Raises Stale where another one is by now."""
        row = newest(plane, self._purpose)
        version = row.version if row else 0
        if version == self.version or (self.use_until and row is None):
            return False
        if row is None or version != self.version + 1 or seal(access.opened(row)) != self.seal:
            raise Stale("credential.replaced_meanwhile", plane=self.plane)
        return True

    def _secret(self) -> PlaneCredential:
        secret = access.credential(self.context, self.draft)
        if seal(secret) != self.seal:
            raise Stale("credential.other_upload")
        return secret


@register
@dataclass(frozen=True)
class ReplaceCredential(FleetJob):
    """Give a plane the credential that waits, encrypted, in the upload `draft` under `context`.

    `seal` tells it from any other, `version` is that of the credential which it replaces. The fields from `before` on
    are found out by the worker that makes the plan: the present user, and the rights that differ, where the present
    credential still gets an answer (`compared`).
    """

    slug: ClassVar[str] = "replace-credential"
    label: ClassVar[Any] = _("Replace the credential of a plane")
    approval: ClassVar[Policy] = replace(
        CHANGES_FLEET,
        note=_(
            "It must be of the very same plane. Until it is decided the upload stays encrypted, for nobody to see. An "
            "installer credential, an administrator's for a while, is given in the same way."
        ),
    )
    plane: str
    draft: int
    context: str
    seal: str
    version: int
    shown: dict[str, str]
    before: str = ""
    rights: dict[str, bool] = field(default_factory=dict)
    compared: bool = False
    use_until: str = ""

    @property
    def _until(self) -> str:
        return moment(parse_datetime(self.use_until)) if self.use_until else ""

    def subject(self) -> Subject:
        purpose = Purpose.INSTALLER if self.use_until else Purpose.CONSOLE
        return Subject(SUBJECTS[purpose], self.plane[:100], self.plane)

    def lanes(self) -> list[str]:
        """Not the plane's own: that its present credential gets no answer must not keep a new one out."""
        return [CONSOLE]

    def informed(self) -> ReplaceCredential:
        if self.use_until:
            return self
        plane = Plane.objects.get(name=self.plane)
        wanted = groups_for(control=plane.is_control_plane, data=plane.is_data_plane)
        row = newest(plane)
        known = replace(self, before=row.subject if row else "")
        after = held(access.draft_client(self.draft, self.context), wanted)
        try:
            now = held(access.client(self.plane), wanted)
        except ConsoleError:  # none is kept, or it is not accepted any more
            return known
        rights = {show_right(right): right in after for right in sorted(now ^ after)}
        return replace(known, rights=rights, compared=True)

    def steps(self) -> Iterator[Step]:
        here = (self.context, self.draft)
        yield Step(on=CONSOLE, phase="reachable", check=Reachable(*here))
        yield Step(on=CONSOLE, phase="identity", check=Identity(*here, expected=self.plane))
        if self.use_until:
            yield Step(on=CONSOLE, phase="expiry", check=ShortExpiry(*here))
            yield Step(on=CONSOLE, phase="rights", check=Administers(*here))
        else:
            yield Step(on=CONSOLE, phase="expiry", check=Expiry(*here))
        change = SaveCredential(
            self.plane, self.draft, self.context, self.seal, self.version, self.shown, self.rights, self.use_until
        )  # fmt: skip
        yield Step(on=CONSOLE, phase="save-credential", change=change)
        proof = Administers(self.plane) if self.use_until else Reachable(self.plane)
        yield Step(on=CONSOLE, phase="prove", check=proof)

    def facts(self) -> dict[str, Json]:
        return identities([self.plane])

    def what(self) -> Sentence:
        if self.use_until:
            return say("credential.what_installer", plane=self.plane, until=self._until)
        return say("credential.what", plane=self.plane)

    def marks(self) -> list[Mark]:
        if self.use_until:
            return [Mark(say("credential.administrator"), "warn")]
        return [Mark(say("credential.other_user"), "warn")] if self._other_user() else []

    def _other_user(self) -> bool:
        return bool(self.before) and self.before != self.shown["user"]

    def cautions(self) -> list[Sentence]:
        if self.use_until:
            words = {"plane": self.plane, "user": self.shown["user"], "until": self._until}
            return [say("credential.installer", **words)]
        said = []
        for code, gained in (("credential.gains", True), ("credential.loses", False)):
            if rights := [right for right, is_gained in self.rights.items() if is_gained == gained]:
                said.append(say(code, plane=self.plane, rights=rights))
        if self._other_user():
            words = {"before": self.before, "after": self.shown["user"]}
            said.append(say("credential.other", plane=self.plane, **words))
        if not self.compared:
            said.append(say("credential.not_compared", plane=self.plane))
        return said

    def on_plan(self, *, plan_id: int, status: str, by: str) -> None:
        """The upload lives as long as its plan may be decided, and for a Retry; what was turned down goes at once.

        Nobody agrees to a credential whose time is over.
        """
        drafts = KubeconfigDraft.objects.filter(pk=self.draft)
        plans = Plan.objects.filter(pk=plan_id)
        if status in (PlanStatus.REJECTED, PlanStatus.WITHDRAWN):
            drafts.delete()
        elif status == PlanStatus.READY:
            if self.use_until:
                plans.filter(valid_until__gt=self.use_until).update(valid_until=self.use_until)
            drafts.update(plan=plan_id, expires_at=plans.values_list("valid_until", flat=True).get())
        elif status == PlanStatus.APPROVED:
            drafts.update(expires_at=timezone.now() + KEPT)

    def on_end(self, ended: Ended) -> None:
        """Once it is saved, nothing of the upload is left, whatever came in between."""
        if ended.status == RunStatus.SUCCEEDED:
            KubeconfigDraft.objects.filter(pk=self.draft).delete()
