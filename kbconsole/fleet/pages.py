"""What the fleet's pages show, prepared from rows: no page asks a plane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from kbconsole.common.sentences import Json, Sentence
from kbconsole.fleet import crds
from kbconsole.fleet.models import Credential, Plane, Purpose
from kbconsole.fleet.preflight.connection import WARN_BEFORE
from kbconsole.jobs.models import OPEN_STEPS, Plan, Run, RunStep, StepStatus


@dataclass(frozen=True)
class PlaneRow:
    """A plane in the list. `known` is pass, warn or fail: what the operator thinks of it; "" if nobody knows."""

    plane: Plane
    expires_at: datetime | None
    expiry: str
    known: str
    ready_nodes: int


def plane_rows(planes: Iterable[Plane]) -> list[PlaneRow]:
    """Return the planes with what their row says; two queries for any number."""
    found = list(planes)
    rows = Credential.objects.filter(plane__in=found, purpose=Purpose.CONSOLE)
    ends = dict(rows.values_list("plane_id", "expires_at"))
    control = next((plane for plane in found if plane.is_control_plane), None)
    return [_row(plane, ends.get(plane.pk), control) for plane in found]


def _row(plane: Plane, end: datetime | None, control: Plane | None) -> PlaneRow:
    ready = sum(bool(node.get("ready")) for node in plane.nodes)
    return PlaneRow(plane, end, expiry_state(end), known_state(plane, control), ready)


def expiry_state(end: datetime | None) -> str:
    """Return pass, warn or fail for the end of a credential, "" for none."""
    if end is None:
        return ""
    left = end - timezone.now()
    return "fail" if left <= timedelta(0) else "warn" if left <= WARN_BEFORE else "pass"


def known_state(plane: Plane, control: Plane | None) -> str:
    if control is None or control.facts_at is None or not plane.is_data_plane:
        return ""
    if plane.name in control.operator_contexts_disabled:
        return "warn"
    return "pass" if plane.name in control.operator_contexts else "fail"


@dataclass(frozen=True)
class CheckRow:
    """One row of a preflight, in the words of the component that draws it."""

    row_id: str
    name: str
    verdict: str
    sentence: Json
    fix: Json
    command: str
    at: datetime | None


@dataclass(frozen=True)
class Lane:
    """The preflight of one plane. `state` is the worst verdict, "wait" while a row is open."""

    name: str
    rows: list[CheckRow]
    state: str

    @property
    def failures(self) -> int:
        return sum(row.verdict == "fail" for row in self.rows)

    @property
    def warnings(self) -> int:
        return sum(row.verdict == "warn" for row in self.rows)


def lanes_of(run: Run | None) -> list[Lane]:
    """Return the preflight of every plane of a run, rows in their order."""
    if run is None:
        return []
    steps = list(run.steps.all())
    return [lane_of(name, [step for step in steps if step.lane == name]) for name in run.lanes]


def lane_of(name: str, steps: list[RunStep]) -> Lane:
    rows = [_check_row(step) for step in steps]
    if any(step.status in OPEN_STEPS for step in steps):
        return Lane(name, rows, "wait")
    found = {row.verdict for row in rows}
    state = next((verdict for verdict in ("fail", "warn", "pass") if verdict in found), "wait")
    return Lane(name, rows, state)


def _check_row(step: RunStep) -> CheckRow:
    finding = step.finding or {}
    verdict, sentence = _verdict(step), finding.get("sentence")
    if step.status == StepStatus.SKIPPED:
        sentence = None
    return CheckRow(
        row_id=f"check-{step.pk}",
        name=str(Sentence.from_json(step.label)),
        verdict=verdict,
        sentence=sentence,
        fix=finding.get("fix"),
        command="\n".join(step.step().commands()),
        at=step.ended_at,
    )


def _verdict(step: RunStep) -> str:
    if step.status in (StepStatus.FAILED, StepStatus.ERRORED):
        return "fail"
    if step.status == StepStatus.SUCCEEDED:
        return str((step.finding or {}).get("verdict", "pass"))
    return "wait"


def last_look(plane: Plane) -> Lane | None:
    """Return the newest preflight of a plane, whether before it was saved or later."""
    newest = RunStep.objects.filter(lane=plane.name, run__job="preflight").order_by("-run_id").first()
    if newest is None:
        return None
    return lane_of(plane.name, list(RunStep.objects.filter(run_id=newest.run_id, lane=plane.name)))


def savable(lanes: Iterable[Lane]) -> list[str]:
    """Return the contexts without a failure, in the order of the page."""
    return [lane.name for lane in lanes if lane.state in ("pass", "warn")]


@dataclass(frozen=True)
class Rung:
    """One rung of a plane's ladder: `state` is pass, warn, fail or "" for unknown."""

    name: str
    state: str
    words: str
    source: str
    at: datetime | None


def ladder(plane: Plane, control: Plane | None) -> list[Rung]:
    """Return the rungs from "saved" to "has a StorageClass", each with where and when it was read."""
    rungs = [_answers(plane)]
    if plane.is_data_plane:
        rungs += [_known(plane, control), _crds(plane), _storage(plane)]
    if plane.is_control_plane:
        rungs.append(_release(plane))
    return [Rung(_("Saved"), "pass", plane.server, _("console"), plane.created_at), *rungs]


def _answers(plane: Plane) -> Rung:
    never = plane.last_asked_at is None and plane.last_answer_at is None
    state = "" if never or plane.unchecked_since else "fail" if plane.silent else "pass"
    words = str(Sentence.from_json(plane.last_error)) if plane.last_error else _("The API server answers.")
    return Rung(
        _("Answers the console"), state, words, plane.name, plane.last_asked_at or plane.last_answer_at
    )


def _known(plane: Plane, control: Plane | None) -> Rung:
    state = known_state(plane, control)
    words = {
        "": _("Not read yet."),
        "pass": _("The operator has the context and uses it."),
        "warn": _("The operator has the context, but disabled: what it writes there is lost silently."),
        "fail": _("The operator has no context of this name."),
    }[state]
    name = control.name if control else ""
    return Rung(_("Known to the operator"), state, words, name, control.facts_at if control else None)


def _crds(plane: Plane) -> Rung:
    """Return whether the plane is free of kinds that would let its garbage collector delete database pods."""
    name = _("No CRDs of KubeBlocks")
    if plane.is_control_plane:
        return Rung(
            name, "pass", _("The control plane has them, as it must."), plane.name, plane.last_answer_at
        )
    if plane.foreign_crds_since:
        return Rung(name, "fail", str(crds.danger(plane)), plane.name, plane.foreign_crds_since)
    if plane.last_answer_at is None:
        return Rung(name, "", _("Not read yet."), plane.name, None)
    words = _("The plane serves no kinds of KubeBlocks, as it should be.")
    return Rung(name, "pass", words, plane.name, plane.last_answer_at)


@dataclass(frozen=True)
class Invaded:
    """A data plane on which somebody installed the CRDs of KubeBlocks: what happens, and what to do now."""

    plane: Plane
    danger: Sentence
    remedy: Sentence
    commands: list[str]


def invaded(planes: Iterable[Plane]) -> list[Invaded]:
    return [
        Invaded(plane, crds.danger(plane), crds.remedy(plane), crds.commands(plane))
        for plane in planes
        if plane.foreign_crds_since
    ]


def _storage(plane: Plane) -> Rung:
    state = "" if plane.facts_at is None else "pass" if plane.storage_class else "warn"
    words = plane.storage_class or (_("None is the default.") if plane.facts_at else _("Not read yet."))
    return Rung(_("Default StorageClass"), state, words, plane.name, plane.facts_at)


def _release(plane: Plane) -> Rung:
    state = "" if plane.facts_at is None else "pass" if plane.release_line else "fail"
    words = f"KubeBlocks {plane.operator_version}" if plane.operator_version else _("Not read yet.")
    return Rung(_("Release line"), state, words, plane.name, plane.facts_at)


def facts_of(
    plane: Plane, credential: Credential | None, waiting: Plan | None = None
) -> list[dict[str, Any]]:
    """Return what is known of a plane, for the component of facts; each with its source and time.

    `waiting` is the plan by which it may get another credential.
    """
    read = {"source": plane.name, "at": plane.facts_at}
    rows: list[dict[str, Any]] = [
        {"label": _("Server"), "value": plane.server, "mono": True},
        {"label": _("Kubernetes"), "value": plane.version, **read},
        {"label": _("Identity (UID of kube-system)"), "value": plane.uid, "copyable": True},
        {"label": _("Region"), "value": plane.region, **read},
        {"label": _("Zones"), "value": ", ".join(plane.zones), **read},
    ]
    if plane.is_control_plane:
        rows += [
            {"label": _("KubeBlocks"), "value": plane.operator_version, **read},
            {"label": _("Contexts of the operator"), "value": ", ".join(plane.operator_contexts), **read},
            {"label": _("Disabled contexts"), "value": ", ".join(plane.operator_contexts_disabled), **read},
        ]
    if credential is not None:
        rows += [
            {"label": _("The console's user there"), "value": credential.subject, **read},
            {
                "label": _("Credential ends"),
                "moment": credential.expires_at,
                "value": _("says nothing of an end"),
            },
            {"label": _("Fingerprint (SHA-256)"), "value": credential.fingerprint, "copyable": True},
        ]
    if waiting is not None:
        said = _("waits for approval: plan %(n)s") % {"n": waiting.pk}
        url = reverse("jobs:plan-detail", args=[waiting.pk])
        rows.append({"label": _("New credential"), "value": said, "url": url})
    return rows


@dataclass(frozen=True)
class InstallerPart:
    """The plane's installer credential, for its page: `rows` are facts about it, empty where it has none.

    `over`: its time has passed and it waits to be removed; nothing uses it. `plan` is the one by which it may get
    another.
    """

    rows: list[dict[str, Any]]
    over: bool
    plan: Plan | None


def installer_of(row: Credential | None, plan: Plan | None) -> InstallerPart:
    if row is None:
        return InstallerPart([], over=False, plan=plan)
    rows: list[dict[str, Any]] = [
        {"label": _("Used until"), "moment": row.use_until},
        {"label": _("Its user there"), "value": row.subject},
        {"label": _("Given by"), "value": row.created_by.get_username(), "at": row.created_at},
        {"label": _("Credential ends"), "moment": row.expires_at, "value": _("says nothing of an end")},
        {"label": _("Fingerprint (SHA-256)"), "value": row.fingerprint, "copyable": True},
    ]
    return InstallerPart(rows, over=bool(row.use_until and row.use_until <= timezone.now()), plan=plan)
