"""What retiring waits for: that the operator lets the Cluster go, and that a plane which was lost answers again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.answers import failing
from kbconsole.fleet.checks import Absent
from kbconsole.fleet.models import Plane
from kbconsole.fleet.preflight.operator import read_operator
from kbconsole.jobs.definition import Finding, Verdict, actions
from kbconsole.k8s.errors import KubeError
from placements.checks.preflight import PlaneFits

declare(
    {
        "placements.gone_held": _(
            "The operator does not let it go while %(planes)s gives no answer and is enabled. Put it into "
            "multiCluster.contextsDisabled and let both Deployments roll; the run goes on by itself, or choose Retry."
        ),
        "placements.check_returns": _("Wait until %(plane)s answers, and list what is left there"),
        "placements.not_back": _(
            "%(plane)s gives no answer, so what is left there is not cleaned yet: %(why)s"
        ),
        "placements.not_back_with": _(
            "%(plane)s gives no answer, so what is left there is not cleaned yet, services for clients among it "
            "(%(services)s): %(why)s"
        ),
        "placements.not_back_fix": _(
            "Mend %(plane)s. It is cleaned as soon as it answers, after the time of this step by Retry. Until then its "
            "pods may still run and its load balancers still cost money, and the database does not count as retired. "
            "If the plane is gone for good, the run stays as the record that nobody could look."
        ),
        "placements.back_with": _("%(plane)s answers. Left there, to be removed now: %(objects)s."),
        "placements.back_empty": _("%(plane)s answers. Nothing of %(name)s is left there."),
    }
)


@actions.register
@dataclass(frozen=True)
class ClusterGone(Absent):
    """The Cluster is not in the control plane any more. `planes` are those that it runs on.

    With one of them dead and enabled the operator fails before it removes anything: that is said while waiting.
    """

    slug: ClassVar[str] = "cluster-gone"
    planes: list[str] = field(default_factory=list)

    def look(self) -> Finding:
        finding = super().look()
        if finding.verdict != Verdict.WAIT:
            return finding
        held = self._holding()
        return replace(finding, fix=say("placements.gone_held", planes=held)) if held else finding

    def _holding(self) -> list[str]:
        silent = Plane.objects.filter(name__in=self.planes, last_error__isnull=False).exclude(name=self.plane)
        names = list(silent.values_list("name", flat=True))
        if not names:
            return []
        operator = read_operator(access.client(self.plane))
        return [name for name in names if name in operator.contexts and name not in operator.disabled]


@actions.register
@dataclass(frozen=True)
class PlaneReturns(PlaneFits):
    """Wait for a plane that was lost when the plan was made, see that it is the same one, and say what it holds.

    Nothing of it was compared with the plan, since nothing was known: its identity is all that was approved.
    `serving`: the services for clients that were seen there last.
    """

    slug: ClassVar[str] = "plane-returns"
    serving: list[str] = field(default_factory=list)

    def label(self) -> Sentence:
        return say("placements.check_returns", plane=self.plane)

    def look(self) -> Finding:
        try:
            return self._seen()
        except KubeError as error:
            if not failing(error):
                raise
            code = "placements.not_back_with" if self.serving else "placements.not_back"
            services: Json = list(self.serving)
            said = say(code, plane=self.plane, why=error.sentence, services=services)
            return Finding(Verdict.WAIT, said, say("placements.not_back_fix", plane=self.plane))

    def _seen(self) -> Finding:
        finding = PlaneFits(self.plane, self.uid).look()  # left-overs are no failure here
        if finding.verdict != Verdict.PASS:
            return finding
        left: list[Json] = [*self._left()]
        if not left:
            return Finding(Verdict.PASS, say("placements.back_empty", plane=self.plane, name=self.name))
        return Finding(Verdict.PASS, say("placements.back_with", plane=self.plane, objects=left))
