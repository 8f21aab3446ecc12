"""What administrators do with the fleet. None of it talks to a plane: runs do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from kbconsole.audit.services import record
from kbconsole.common.errors import ConsoleError, Refused, Stale
from kbconsole.common.policy import Policy, act
from kbconsole.common.roles import Role, require
from kbconsole.common.sentences import Json, declare, say
from kbconsole.fleet import access, installing, vault
from kbconsole.fleet.facts import gathered, keep_facts
from kbconsole.fleet.jobs import CopyRbac, Preflight, fleet_approvals
from kbconsole.fleet.keeping import keep_credential, newest, replace_credential, seal, shown
from kbconsole.fleet.models import Credential, KubeconfigDraft, Plane, Purpose
from kbconsole.fleet.replacing import KEPT, ReplaceCredential
from kbconsole.fleet.switching import SwitchPlane, silent_others
from kbconsole.jobs.models import Plan, Run, StepStatus
from kbconsole.jobs.services import make_plan, start
from kbconsole.k8s import kubeconfig
from kbconsole.k8s.kubeconfig import ContextReport

RESERVED = {"add", "rbac", "check", "switch", "disable", "enable", "installer"}
"""Names that the addresses of the fleet's pages use, and those of the API."""

declare(
    {
        "fleet.uploaded": _("Uploaded a kubeconfig with the contexts %(contexts)s"),
        "fleet.upload_empty": _("None of the contexts can be used, so nothing was kept. %(findings)s"),
        "fleet.context_finding": _("%(context)s: %(finding)s"),
        "fleet.not_your_upload": _(
            "Only the person who uploaded this kubeconfig may use it. Upload your own."
        ),
        "fleet.choose_some": _("Tick at least one context."),
        "fleet.choose_known": _("The upload has no usable context called %(names)s. Upload it again."),
        "fleet.choose_control": _(
            "The fleet has no control plane yet. Say which context is the one in which the KubeBlocks "
            "operator runs."
        ),
        "fleet.second_control": _(
            "%(plane)s is the control plane of this fleet, and there is only one. Tick the contexts as data "
            "planes."
        ),
        "fleet.name_taken": _(
            "The fleet has a plane called %(names)s already. To give it a new credential, use its own page."
        ),
        "fleet.name_reserved": _("A plane cannot be called %(names)s. Rename the context on both sides."),
        "fleet.replace_one": _("Tick the one context that is %(plane)s."),
        "fleet.not_checked": _("Wait until the preflight of %(names)s has ended."),
        "fleet.not_clean": _(
            "The preflight of %(names)s has failures, so it was not saved. Mend them and check again."
        ),
        "fleet.control_first": _("Data planes need a control plane. Save it together with them."),
        "fleet.saved_meanwhile": _(
            "Somebody else saved one of these planes meanwhile. Look at the list of the fleet."
        ),
        "fleet.plane_added": _("Added %(plane)s to the fleet"),
        "fleet.upload_promised": _(
            "This upload waits with plan %(plan)s and cannot be changed any more. Withdraw the plan, or upload again."
        ),
        "fleet.rotated": _("Encrypted %(count)s credentials anew, with key %(key)s"),
        "fleet.switch_unknown": _(
            "%(plane)s is no context that the operator of %(control)s can disable or enable. Check the control plane "
            "again, then look at the plane's page."
        ),
        "fleet.copy_some": _("Choose at least one data plane that the role is copied to."),
        "fleet.copy_unknown": _(
            "The role cannot be copied to %(names)s: no data plane of that name takes a copy."
        ),
    }
)
REGISTER = act(
    "plane-add", _("Add planes"),
    Policy(asks=(Role.ADMIN,), note=_("Only what passed the preflight is saved.")),
)  # fmt: skip


@transaction.atomic
def upload_draft(
    *, data: bytes, by: Any, replaces: str = "", purpose: str = Purpose.CONSOLE
) -> KubeconfigDraft:
    """Keep an uploaded kubeconfig, encrypted, for half an hour. Raises ConsoleError; then nothing is kept.

    `replaces`: the registered plane that it brings a new credential for, of this purpose.
    """
    REGISTER.require(by)
    if purpose != Purpose.CONSOLE and not replaces:
        raise ConsoleError("installer.which")
    reports = kubeconfig.parse(data).contexts
    credentials = {r.name: r.credential.to_json() for r in reports if r.accepted and r.credential}
    if not credentials:
        raise ConsoleError(
            "fleet.upload_empty", findings=[_finding(r, f) for r in reports for f in r.findings]
        )
    KubeconfigDraft.objects.filter(expires_at__lt=timezone.now()).delete()
    draft = KubeconfigDraft.objects.create(
        owner=by, contexts=[_public(report) for report in reports], replaces=replaces, key_id=vault.key_id(),
        purpose=purpose,
    )  # fmt: skip
    draft.ciphertext = vault.encrypt(draft.vault_owner, credentials)
    draft.save(update_fields=["ciphertext"])
    record("fleet.uploaded", by=by, on=("kubeconfig-draft", draft.pk, ""), contexts=sorted(credentials))
    return draft


def _finding(report: ContextReport, finding: Any) -> Any:
    return say("fleet.context_finding", context=report.name, finding=finding)


def _public(report: ContextReport) -> dict[str, Json]:
    """Return what may be shown of a context: never a secret."""
    credential = report.credential
    end = credential.expires_at() if credential else None
    return {
        "name": report.name,
        "accepted": report.accepted,
        "server": credential.server if credential else "",
        "user_kind": credential.user_kind if credential else "",
        "expires_at": end.isoformat() if end else None,
        "findings": [finding.to_json() for finding in report.findings],
    }


@transaction.atomic
def choose(
    *, draft: KubeconfigDraft, contexts: Sequence[str], control_plane: str, also_plane: bool, by: Any
) -> Run:
    """Start the preflight over the contexts that were ticked.

    `control_plane` is one of them, or "" where the fleet has its control plane. Raises ConsoleError, Stale.
    """
    REGISTER.require(by)
    draft = _own(draft, by)
    job = _preflight_of(draft, list(dict.fromkeys(contexts)), control_plane, also_plane=also_plane)
    run = start(job, by=by)
    draft.chosen, draft.control_plane, draft.also_plane = job.planes, control_plane, also_plane
    draft.identities, draft.run = {}, run.pk
    draft.save(update_fields=["chosen", "control_plane", "also_plane", "identities", "run"])
    return run


def _own(draft: KubeconfigDraft, by: Any) -> KubeconfigDraft:
    """Return the upload as it is now, locked. It belongs to who made it, and ends: saved elsewhere, or by time."""
    if draft.owner_id != by.pk:
        raise Refused("fleet.not_your_upload")
    rows = KubeconfigDraft.objects.select_for_update().filter(expires_at__gt=timezone.now())
    locked = rows.filter(pk=draft.pk).first()
    if locked is None:
        raise ConsoleError("fleet.draft_gone")
    if locked.plan is not None:
        raise Stale("fleet.upload_promised", plan=locked.plan)
    return locked


def _preflight_of(
    draft: KubeconfigDraft, contexts: list[str], control_plane: str, *, also_plane: bool
) -> Preflight:
    if control_plane and control_plane not in contexts:
        contexts = [control_plane, *contexts]
    _known(draft, contexts)
    if draft.replaces:
        return _replacement(draft, contexts)
    _free_names(contexts)
    known = Plane.objects.filter(is_control_plane=True).first()
    if known is not None and control_plane:
        raise ConsoleError("fleet.second_control", plane=known.name)
    if known is None and not control_plane:
        raise ConsoleError("fleet.choose_control")
    data = [name for name in contexts if name != control_plane or also_plane]
    return Preflight(contexts, data, known.name if known else control_plane, draft=draft.pk)


def _known(draft: KubeconfigDraft, contexts: list[str]) -> None:
    if not contexts:
        raise ConsoleError("fleet.choose_some")
    if strange := [name for name in contexts if name not in draft.accepted()]:
        raise ConsoleError("fleet.choose_known", names=strange)


def _free_names(contexts: list[str]) -> None:
    taken = sorted(Plane.objects.filter(name__in=contexts).values_list("name", flat=True))
    if taken:
        raise ConsoleError("fleet.name_taken", names=taken)
    if reserved := [name for name in contexts if {name.split("/")[0], name.split("/")[-1]} & RESERVED]:
        raise ConsoleError("fleet.name_reserved", names=reserved)


def _replacement(draft: KubeconfigDraft, contexts: list[str]) -> Preflight:
    plane = Plane.objects.get(name=draft.replaces)
    if len(contexts) != 1:
        raise ConsoleError("fleet.replace_one", plane=plane.name)
    context = contexts[0]
    control = context if plane.is_control_plane else access.control_plane().name
    data = [context] if plane.is_data_plane else []
    return Preflight([context], data, control, draft.pk, plane.name, draft.purpose)


@transaction.atomic
def save(
    *, draft: KubeconfigDraft, contexts: Sequence[str], by: Any, reason: str = "", use_until: datetime | None = None
) -> list[Plane] | Plan:  # fmt: skip
    """Promote contexts whose preflight has no failure to planes, or to a plane's new credential.

    The draft is gone afterwards; except where somebody else has to agree to the new credential: then it waits with
    the plan that is returned. `use_until`: when an installer credential is removed; a day from now if not told, and
    never later than its own end. Raises ConsoleError, Stale.
    """
    REGISTER.require(by)
    draft = _own(draft, by)
    facts = _clean(draft, contexts)
    until = _end(draft, contexts[0], use_until)
    if draft.replaces and approvals_for(draft):
        return _ask_to_replace(draft, contexts[0], facts[contexts[0]], until, by=by, reason=reason)
    if draft.replaces:
        planes = [_replace(draft, contexts[0], facts[contexts[0]], until, by)]
    else:
        if draft.control_plane not in contexts and not Plane.objects.filter(is_control_plane=True).exists():
            raise ConsoleError("fleet.control_first")
        planes = [_add(draft, name, facts[name], by) for name in contexts]
    draft.delete()
    return planes


def approvals_for(draft: KubeconfigDraft) -> int:
    """Return how many others have to agree before what is uploaded is saved."""
    return fleet_approvals() if draft.replaces else 0


def _clean(draft: KubeconfigDraft, contexts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the facts of each context. Raises ConsoleError if one was not checked or has a failure."""
    if not contexts:
        raise ConsoleError("fleet.choose_some")
    run = Run.objects.filter(pk=draft.run or 0).first()
    rows = list(run.steps.filter(lane__in=contexts)) if run else []
    checked = {row.lane for row in rows}
    if run is None or run.active or not checked >= set(contexts):
        raise ConsoleError("fleet.not_checked", names=list(contexts))
    failed = {row.lane for row in rows if row.status != StepStatus.SUCCEEDED}
    if failed:
        raise ConsoleError("fleet.not_clean", names=sorted(failed))
    return gathered((row.lane, row.facts) for row in rows)


def _add(draft: KubeconfigDraft, name: str, facts: dict[str, Any], by: Any) -> Plane:
    control = name == draft.control_plane
    credential = access.draft_credential(draft, name)
    try:
        with transaction.atomic():
            plane = Plane.objects.create(
                name=name,
                is_control_plane=control,
                is_data_plane=not control or draft.also_plane,
                uid=facts["uid"],
                server=credential.server,
                last_answer_at=timezone.now(),
            )
    except IntegrityError:
        raise Stale("fleet.saved_meanwhile") from None
    keep_credential(plane, credential, version=1, by=by)
    keep_facts(plane, facts)
    record("fleet.plane_added", by=by, on=("plane", name, name), plane=name, run_id=draft.run)
    return plane


def _end(draft: KubeconfigDraft, context: str, asked: datetime | None) -> datetime | None:
    """Return until when the new credential is used, None for one of the console's own."""
    if draft.purpose != Purpose.INSTALLER:
        return None
    until = installing.end_of(asked)
    return min(until, access.draft_credential(draft, context).expires_at() or until)


def _replace(
    draft: KubeconfigDraft, context: str, facts: dict[str, Any], until: datetime | None, by: Any
) -> Plane:
    plane = _the_same(draft, context, facts)
    secret, user = access.draft_credential(draft, context), str(facts.get("subject", ""))
    replace_credential(plane, secret, by=by, owner=by, user=user, run_id=draft.run, use_until=until)
    if until is None:
        keep_facts(plane, facts)
    return plane


def _the_same(draft: KubeconfigDraft, context: str, facts: dict[str, Any]) -> Plane:
    """Return the plane that gets a new credential, locked. Raises ConsoleError for one of another plane."""
    plane = Plane.objects.select_for_update().get(name=draft.replaces)
    if facts.get("uid") != plane.uid:
        raise ConsoleError("fleet.not_clean", names=[context])
    return plane


def _ask_to_replace(
    draft: KubeconfigDraft, context: str, facts: dict[str, Any], until: datetime | None, *, by: Any, reason: str
) -> Plan:  # fmt: skip
    """Ask for the plan. Of the upload only the one credential is left from now on."""
    plane, secret = _the_same(draft, context, facts), access.draft_credential(draft, context)
    old = newest(plane, draft.purpose)
    promised = KubeconfigDraft.objects.filter(replaces=plane.name, plan__isnull=False)
    promised.filter(purpose=draft.purpose).delete()
    job = ReplaceCredential(
        plane.name, draft.pk, context, seal(secret), old.version if old else 0,
        shown(secret, str(facts.get("subject", ""))[:300], until), use_until=until.isoformat() if until else "",
    )  # fmt: skip
    plan = make_plan(job, by=by, reason=reason)
    draft.ciphertext, draft.key_id = (
        vault.encrypt(draft.vault_owner, {context: secret.to_json()}),
        vault.key_id(),
    )
    draft.contexts = [one for one in draft.contexts if one["name"] == context]
    draft.plan, draft.chosen, draft.expires_at = plan.pk, [context], timezone.now() + KEPT
    draft.save(update_fields=["ciphertext", "key_id", "contexts", "plan", "chosen", "expires_at"])
    return plan


def recheck(*, plane: Plane, by: Any) -> Run:
    """Look a registered plane over again; what is seen replaces what was known. Raises Stale while one runs."""
    require(by, Role.ADMIN)
    control = access.control_plane().name
    return start(Preflight([plane.name], [plane.name] if plane.is_data_plane else [], control), by=by)


def plan_rbac_copy(*, planes: Iterable[str], take_over: bool, by: Any, reason: str = "") -> Plan:
    """Ask for a plan that copies the role of database pods to these data planes. Raises ConsoleError."""
    CopyRbac.approval.require(by)
    wanted = list(dict.fromkeys(planes))
    if not wanted:
        raise ConsoleError("fleet.copy_some")
    targets = Plane.objects.filter(is_data_plane=True, is_control_plane=False)
    known = set(targets.values_list("name", flat=True))
    if strange := [name for name in wanted if name not in known]:
        raise ConsoleError("fleet.copy_unknown", names=strange)
    return make_plan(CopyRbac(wanted, take_over), by=by, reason=reason)


def plan_switch(*, plane: Plane, disable: bool, by: Any, reason: str = "") -> Plan:
    """Ask for a plan that disables a plane in the operator, or enables it again. Raises ConsoleError."""
    require(by, Role.ADMIN)
    control = access.control_plane()
    if plane.name not in control.operator_contexts:
        raise ConsoleError("fleet.switch_unknown", plane=plane.name, control=control.name)
    job = SwitchPlane(plane.name, disable, control.name, silent_others(plane.name))
    return make_plan(job, by=by, reason=reason)


ROTATE = act(
    "rotate-credentials", _("Encrypt all credentials with a new key"),
    Policy(asks=(), note=_("By manage.py rotate_credentials; the audit log has it.")),
)  # fmt: skip


@transaction.atomic
def rotate_credentials(*, by: Any) -> int:
    """Encrypt every credential with the first key: all or none. Returns how many. Raises VaultError.

    Uploads that nobody saved are dropped, except those that a plan waits with.
    """
    KubeconfigDraft.objects.filter(plan__isnull=True).delete()
    rows = list(Credential.objects.select_for_update(of=("self",)).select_related("plane"))
    for row in rows:
        row.ciphertext = vault.rotated(row.owner, row.ciphertext)
        row.key_id = vault.key_id()
    Credential.objects.bulk_update(rows, ["ciphertext", "key_id"])
    waiting = list(KubeconfigDraft.objects.select_for_update())
    for draft in waiting:
        draft.ciphertext, draft.key_id = vault.rotated(draft.vault_owner, draft.ciphertext), vault.key_id()
    KubeconfigDraft.objects.bulk_update(waiting, ["ciphertext", "key_id"])
    record("fleet.rotated", by=by, key=vault.key_id(), count=len(rows))
    return len(rows)
