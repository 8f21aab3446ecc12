"""Adding planes as an administrator does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User

from kbconsole.common.sentences import Sentence
from kbconsole.demo.fleet import EmbeddedFleet
from kbconsole.fleet import services, vault
from kbconsole.fleet.models import Credential, KubeconfigDraft, Plane
from kbconsole.jobs.models import Run, RunStep
from tests.driving import drive

CONTROL = "control-plane"
ALL = (CONTROL, "k8s-1", "k8s-2", "k8s-3")
POD_ROLE = "kubeblocks-cluster-pod-role"


def upload(kubeconfig: str, by: User, *, replaces: str = "") -> KubeconfigDraft:
    return services.upload_draft(data=kubeconfig.encode(), by=by, replaces=replaces)


def checked(
    fleet: EmbeddedFleet,
    by: User,
    *,
    user: str = "kbconsole",
    contexts: Sequence[str] | None = None,
    control_plane: str = CONTROL,
    also_plane: bool = False,
) -> KubeconfigDraft:
    """Return an upload whose preflight has ended, over the control plane and one data plane if not told otherwise."""
    names = list(contexts or (CONTROL, "k8s-1"))
    draft = upload(fleet.kubeconfig(user, names), by)
    drive(
        services.choose(
            draft=draft, contexts=names, control_plane=control_plane, also_plane=also_plane, by=by
        )
    )
    draft.refresh_from_db()
    return draft


def registered(fleet: EmbeddedFleet, name: str, by: User) -> Plane:
    """Return a plane as it is after registration."""
    namespace = fleet.store(name).look("namespaces", "kube-system") or {}
    secret = fleet.credential(name)
    control = name == fleet.control_plane
    plane = Plane.objects.create(
        name=name,
        uid=namespace["metadata"]["uid"],
        server=secret.server,
        is_control_plane=control,
        is_data_plane=not control,
        release_line="0.9" if control else "",
        operator_contexts=list(fleet.planes) if control else [],
    )
    row = Credential(plane=plane, fingerprint=secret.fingerprint(), key_id=vault.key_id(), created_by=by)
    row.ciphertext = vault.encrypt(row.owner, secret.to_json())
    row.save()
    return plane


def save_all(draft: KubeconfigDraft, by: User) -> list[Plane]:
    saved = services.save(draft=draft, contexts=draft.chosen, by=by)
    assert isinstance(saved, list), "somebody else has to agree"
    return saved


def run_of(draft: KubeconfigDraft) -> Run:
    return Run.objects.get(pk=draft.run or 0)


def rows(run: Run | int | None, lane: str = CONTROL) -> dict[str, RunStep]:
    """Return the steps of a lane by phase; of several rights the first that failed."""
    found: dict[str, RunStep] = {}
    for row in RunStep.objects.filter(run_id=run.pk if isinstance(run, Run) else run or 0, lane=lane):
        if row.phase not in found or (row.finding and row.finding["verdict"] != "pass"):
            found[row.phase] = row
    return found


def verdict(row: RunStep) -> str:
    return str(row.finding["verdict"]) if row.finding else row.status


def said(row: RunStep) -> str:
    """Return what a person reads in this row: the sentence and the fix."""
    finding: Mapping[str, Any] = row.finding or {}
    return " ".join(str(Sentence.from_json(finding[key])) for key in ("sentence", "fix") if finding.get(key))
