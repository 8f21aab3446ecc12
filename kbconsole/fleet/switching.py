"""Taking a plane out of the operator's enabled contexts, and back in: the flags of its Deployments, seen first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Json, Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.changes import Apply
from kbconsole.fleet.jobs import CHANGES_FLEET, FleetJob, identities
from kbconsole.fleet.models import Plane
from kbconsole.fleet.preflight.operator import CONTEXTS, DISABLED, argument, deployments
from kbconsole.jobs.definition import (
    Check,
    Ended,
    Finding,
    Job,
    Step,
    Subject,
    Verdict,
    actions,
    declare_phases,
    register,
)
from kbconsole.k8s.commands import kubectl_get
from kbconsole.k8s.kinds import DEPLOYMENT, Object

declare_phases({"switch": _("Contexts of the operator"), "up": _("Operator up")})
declare(
    {
        "switch.no_operator": _(
            "No Deployment on %(plane)s is started with %(flag)s in its arguments, so there is nothing to change. "
            "Look at the operator's Deployments; with KubeBlocks 0.9 and 1.0 Helm sets it by multiCluster.contexts."
        ),
        "switch.no_context": _(
            "The operator has no context %(plane)s; it has %(contexts)s. Check the control plane again under Fleet."
        ),
        "switch.last_one": _(
            "%(plane)s is the last enabled context of the operator. Without any, it would make every database a second "
            "time in the control plane. Enable another one first."
        ),
        "switch.what_disable": _("Disable %(plane)s in the operator, and start the operator anew"),
        "switch.what_enable": _("Enable %(plane)s in the operator again, and start the operator anew"),
        "switch.up": _("See that the operator runs with it"),
        "switch.up_yes": _("The operator was started anew; disabled: %(disabled)s."),
        "switch.up_wait": _("%(deployment)s is being started anew (%(ready)s of %(wanted)s ready)."),
        "switch.up_other": _(
            "%(deployment)s has other disabled contexts than were set (%(disabled)s). Something writes them back, such "
            "as Helm or a GitOps tool: set multiCluster.contextsDisabled there."
        ),
        "switch.caution_disable": _(
            "While %(plane)s is disabled the operator manages nothing there: what runs goes on, what it would write "
            "there is lost without a word. Do not delete a Cluster meanwhile: its pods, volumes and load balancers "
            "would stay on that plane. Databases that are made meanwhile lack objects there afterwards: choose Copy "
            "missing objects on their pages."
        ),
        "switch.caution_enable": _(
            "If %(plane)s does not answer the operator, it will not come up, and no database can be changed on any "
            "plane. Make sure that it answers from the control plane, too."
        ),
        "switch.caution_silent": _(
            "%(planes)s give no answer either and stay enabled: the operator that is started anew now would not come "
            "up. Disable them first."
        ),
        "switch.caution_helm": _(
            "The operator's arguments belong to Helm. The next helm upgrade undoes this, unless "
            "multiCluster.contextsDisabled says the same."
        ),
    }
)


def with_disabled(deployment: Object, disabled: Iterable[str]) -> Object:
    """Return what to apply of a Deployment: the one container's arguments, with these contexts disabled.

    Contexts keep the order of the flag that names them all.
    """
    container = next(one for one in _containers(deployment) if _has(one, CONTEXTS))
    names = [name for name in argument(deployment, CONTEXTS) if name in set(disabled)]
    kept = list(_without(container["args"], DISABLED))
    added = [f"{DISABLED}={','.join(names)}"] if names else []
    metadata = deployment["metadata"]
    part = {"name": container["name"], "args": [*kept, *added]}
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "spec": {"template": {"spec": {"containers": [part]}}},
    }


def switchable(control: str) -> list[Object]:
    """Return the operator's Deployments whose arguments name the contexts. Raises ConsoleError if there are none."""
    found = deployments(access.client(control))
    named = [one for one in found.values() if any(_has(part, CONTEXTS) for part in _containers(one))]
    if not named:
        raise ConsoleError("switch.no_operator", plane=control, flag=CONTEXTS)
    return sorted(named, key=lambda one: str(one["metadata"]["name"]))


def _containers(deployment: Object) -> list[Object]:
    return list(deployment["spec"]["template"]["spec"].get("containers") or [])


def _has(container: Object, flag: str) -> bool:
    return any(word == flag or word.startswith(f"{flag}=") for word in container.get("args") or [])


def _without(words: Iterable[str], flag: str) -> Iterator[str]:
    """Yield arguments without a flag, be it `--flag=a` or two words."""
    skip = False
    for word in words:
        if skip or word == flag or word.startswith(f"{flag}="):
            skip = word == flag
            continue
        yield word


def silent_others(plane: str) -> list[str]:
    """Return the other planes that the operator has enabled and that gave no answer, as last read."""
    control = access.control_plane()
    enabled = set(control.operator_contexts) - set(control.operator_contexts_disabled) - {plane}
    silent = Plane.objects.filter(name__in=enabled, last_error__isnull=False)
    return list(silent.order_by("name").values_list("name", flat=True))


@register
@dataclass(frozen=True)
class SwitchPlane(FleetJob):
    """Disable a data plane in the operator, or enable it again; the operator is started anew by that.

    `silent` are other enabled planes that gave no answer when this was asked for.
    """

    slug: ClassVar[str] = "switch-plane"
    label: ClassVar[Any] = _("Disable or enable a plane in the operator")
    approval = CHANGES_FLEET
    plane: str
    disable: bool
    control_plane: str
    silent: list[str] = field(default_factory=list)

    def subject(self) -> Subject:
        return Subject("plane", self.plane[:100], self.plane)

    def what(self) -> Sentence:
        return say("switch.what_disable" if self.disable else "switch.what_enable", plane=self.plane)

    def lanes(self) -> list[str]:
        return [self.control_plane]

    def steps(self) -> Iterator[Step]:
        found = switchable(self.control_plane)
        contexts = argument(found[0], CONTEXTS)
        if self.plane not in contexts:
            raise ConsoleError("switch.no_context", plane=self.plane, contexts=contexts)
        wanted = self._wanted(argument(found[0], DISABLED))
        if not set(contexts) - set(wanted):
            raise ConsoleError("switch.last_one", plane=self.plane)
        for deployment in found:
            change = Apply(self.control_plane, with_disabled(deployment, wanted), force=True)
            yield Step(on=self.control_plane, phase="switch", change=change)
        names = [str(one["metadata"]["name"]) for one in found]
        check = OperatorUp(self.control_plane, names, wanted)
        yield Step(on=self.control_plane, phase="up", check=check, deadline=600, repeats="switch")

    def _wanted(self, disabled: list[str]) -> list[str]:
        others = [name for name in disabled if name != self.plane]
        return sorted([*others, self.plane]) if self.disable else sorted(others)

    def facts(self) -> dict[str, Json]:
        return identities([])

    def cautions(self) -> list[Sentence]:
        own = "switch.caution_disable" if self.disable else "switch.caution_enable"
        silent = [say("switch.caution_silent", planes=self.silent)] if self.silent else []
        return [*silent, say(own, plane=self.plane), say("switch.caution_helm")]

    def undone_by(self, run_id: int) -> Job | Sentence | None:
        """Switching back: the operator's arguments were changed, not made, so no inverse knows the earlier ones."""
        return replace(self, disable=not self.disable, silent=silent_others(self.plane))

    def on_end(self, ended: Ended) -> None:
        """Take note of what was read back; the time of the other facts stays theirs."""
        for _lane, phase, facts in ended.facts:
            if phase == "up" and facts:
                Plane.objects.filter(name=self.control_plane).update(**facts)


@actions.register
@dataclass(frozen=True)
class OperatorUp(Check):
    """Every Deployment of the operator runs with these contexts disabled.

    Ready says only that its processes run: whether they have heard every enabled plane, it never tells.
    """

    slug: ClassVar[str] = "operator-up"
    plane: str
    names: list[str]
    disabled: list[str]

    def label(self) -> Sentence:
        return say("switch.up")

    def commands(self) -> list[str]:
        return [kubectl_get(DEPLOYMENT, name, "kb-system", context=self.plane) for name in self.names]

    def look(self) -> Finding:
        found = deployments(access.client(self.plane))
        facts: dict[str, Json] = {"operator_contexts_disabled": self.disabled}
        for name in self.names:
            finding = self._judge(name, found.get(name) or {})
            if finding is not None:
                return finding
        words: list[str | Sentence] = [*self.disabled] or [say("fleet.nothing")]
        return Finding(Verdict.PASS, say("switch.up_yes", disabled=words), facts=facts)

    def _judge(self, name: str, deployment: Object) -> Finding | None:
        """Return what is not yet as it must be, None if all is."""
        has = sorted(argument(deployment, DISABLED)) if deployment else []
        if has != self.disabled:
            said = say("switch.up_other", deployment=name, disabled=has or [say("fleet.nothing")])
            return Finding(Verdict.FAIL, said)
        status, wanted = deployment.get("status") or {}, int(deployment["spec"].get("replicas", 1))
        seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
        ready = min(int(status.get(key) or 0) for key in ("updatedReplicas", "availableReplicas"))
        if seen and ready >= wanted and not status.get("unavailableReplicas"):
            return None
        words = {"deployment": name, "ready": ready if seen else 0, "wanted": wanted}
        return Finding(Verdict.WAIT, say("switch.up_wait", **words))
