"""The KubeBlocks operator as its Deployments tell: release line, contexts, and the engines that it knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.preflight.base import PlaneCheck
from kbconsole.fleet.preflight.rights import OPERATOR_NAMESPACE
from kbconsole.jobs.definition import Finding, Verdict, actions
from kbconsole.k8s.client import PlaneClient
from kbconsole.k8s.errors import Forbidden
from kbconsole.k8s.kinds import (
    COMPONENT_DEFINITION_V1,
    COMPONENT_DEFINITION_V1ALPHA1,
    DEPLOYMENT,
    Object,
)

OPERATOR = "kubeblocks"
DATA_PROTECTION = "kubeblocks-dataprotection"
LABELS = "app.kubernetes.io/name=kubeblocks"
VERSION_LABEL = "app.kubernetes.io/version"
CONTEXTS, DISABLED = "--multi-cluster-contexts", "--multi-cluster-contexts-disabled"

declare(
    {
        "operator.missing": _(
            "%(plane)s has no Deployment kubeblocks, so it is not the control plane of KubeBlocks. "
            "Choose the context in which the operator runs, or install KubeBlocks there."
        ),
        "operator.release": _("KubeBlocks release line"),
        "operator.release_yes": _("KubeBlocks %(version)s, release line %(line)s."),
        "operator.release_no": _(
            "KubeBlocks %(version)s works differently over several planes than the console does."
        ),
        "operator.release_no_fix": _(
            "From 1.1 on each plane runs an operator of its own and needs the KubeBlocks CRDs; before 0.9 "
            "there is no "
            "multi-plane mode. Use KubeBlocks 0.9 or 1.0."
        ),
        "operator.contexts": _("Contexts that the operator really has"),
        "operator.contexts_yes": _("The operator was started with the contexts %(contexts)s."),
        "operator.contexts_none": _(
            "The operator was started without contexts: every database would be made in the control plane."
        ),
        "operator.contexts_blank": _("The operator has contexts with blanks in their names: %(contexts)s."),
        "operator.contexts_unequal": _(
            "Deployment %(deployment)s has other contexts (%(contexts)s) than Deployment kubeblocks "
            "(%(ours)s)."
        ),
        "operator.contexts_unequal_fix": _(
            "Set both by one Helm value, multiCluster.contexts, and let both Deployments roll."
        ),
        "operator.contexts_fix": _(
            "Put the contexts into the kubeconfig of the Secret, set multiCluster.contexts without blanks, "
            "with a "
            "backslash before each comma on the command line, and let both Deployments roll."
        ),
        "operator.managed": _(
            "The operator looks at the namespaces %(namespaces)s only; databases elsewhere would stay "
            "untouched."
        ),
        "operator.managed_fix": _("Ask for databases in these namespaces only, or clear managedNamespaces."),
        "operator.known": _("Does the operator know this plane?"),
        "operator.known_yes": _("The operator has the context %(plane)s."),
        "operator.known_disabled": _(
            "The operator has the context %(plane)s, but disabled: what it writes there is lost silently."
        ),
        "operator.known_disabled_fix": _(
            "Take %(plane)s out of multiCluster.contextsDisabled, and let both Deployments roll."
        ),
        "operator.known_no": _("The operator has no context %(plane)s; it has %(contexts)s."),
        "operator.known_near": _(
            "The operator has no context %(plane)s, but one that is nearly called so: “%(near)s”. Names are "
            "compared "
            "character by character."
        ),
        "operator.known_fix": _(
            "Add %(plane)s to the kubeconfig in the Secret and to multiCluster.contexts, and let both "
            "Deployments roll; "
            "or name the context in the uploaded file as the operator does."
        ),
        "operator.definitions": _("Engines: ComponentDefinitions"),
        "operator.definitions_yes": _("%(count)s ComponentDefinitions, all Available: %(names)s."),
        "operator.definitions_none": _("No ComponentDefinition is there, so no database can be asked for."),
        "operator.definitions_none_fix": _("Install an engine's Addon, such as etcd, on the control plane."),
        "operator.definitions_some": _(
            "Not Available: %(names)s. A database that uses it would never start."
        ),
        "operator.definitions_some_fix": _("Look at the message of each, and install its chart again."),
        "operator.definition_why": _("%(name)s (%(message)s)"),
    }
)


@dataclass(frozen=True)
class Operator:
    """What the Deployments say. Names of contexts are as the operator splits them: at commas, blanks kept."""

    namespace: str
    version: str
    contexts: list[str]
    disabled: list[str]
    managed_namespaces: list[str]
    data_protection: tuple[list[str], list[str]] | None

    @property
    def line(self) -> str:
        """The release line that the console can work with, "" for any other version."""
        found = re.match(r"v?(\d+)\.(\d+)(\D|$)", self.version)
        line = f"{found[1]}.{found[2]}" if found else ""
        return line if line in ("0.9", "1.0") else ""


def read_operator(client: PlaneClient) -> Operator:
    """Read the live configuration. Raises ConsoleError where there is no operator."""
    by_name = deployments(client)
    if OPERATOR not in by_name:
        raise ConsoleError("operator.missing", plane=client.plane)
    operator = by_name[OPERATOR]
    protection = by_name.get(DATA_PROTECTION)
    return Operator(
        namespace=str(operator["metadata"]["namespace"]),
        version=str((operator["metadata"].get("labels") or {}).get(VERSION_LABEL, "")),
        contexts=argument(operator, CONTEXTS),
        disabled=argument(operator, DISABLED),
        managed_namespaces=argument(operator, "--managed-namespaces"),
        data_protection=_contexts(protection) if protection else None,
    )


def deployments(client: PlaneClient) -> dict[str, Object]:
    """Return the Deployments by name: from the usual namespace, or from any other if we may look there."""
    found = client.list(DEPLOYMENT, OPERATOR_NAMESPACE, labels=LABELS)
    if not found:
        with suppress(Forbidden):
            found = client.list(DEPLOYMENT, labels=LABELS)
    return {str(item["metadata"]["name"]): item for item in found}


def _contexts(deployment: Object) -> tuple[list[str], list[str]]:
    return (
        argument(deployment, CONTEXTS),
        argument(deployment, DISABLED),
    )


def argument(deployment: Object, flag: str) -> list[str]:
    """Return a comma list of the first container that has the flag, as `--flag=a,b` or in two arguments."""
    for arguments in _arguments(deployment):
        for index, argument in enumerate(arguments):
            if argument.startswith(f"{flag}="):
                return _split(argument.partition("=")[2])
            if argument == flag and index + 1 < len(arguments):
                return _split(arguments[index + 1])
    return []


def _arguments(deployment: Object) -> Iterator[list[str]]:
    for container in deployment["spec"]["template"]["spec"].get("containers") or []:
        yield [*(container.get("command") or []), *(container.get("args") or [])]


def _split(value: str) -> list[str]:
    return value.split(",") if value else []


_SHOW = f"-n {OPERATOR_NAMESPACE} get deployments -l {LABELS} -o yaml"


@actions.register
@dataclass(frozen=True)
class ReleaseLine(PlaneCheck):
    """KubeBlocks 0.9 or 1.0: later ones work over several planes in another way."""

    slug: ClassVar[str] = "preflight-release"

    def label(self) -> Sentence:
        return say("operator.release")

    def commands(self) -> list[str]:
        return self.kubectl(_SHOW)

    def look(self) -> Finding:
        operator = read_operator(self.client())
        words = {"version": operator.version or "?", "line": operator.line}
        facts = {"release_line": operator.line, "operator_version": operator.version}
        if operator.line:
            return Finding(Verdict.PASS, say("operator.release_yes", **words), facts=facts)
        return Finding(
            Verdict.FAIL, say("operator.release_no", **words), say("operator.release_no_fix"), facts
        )


@actions.register
@dataclass(frozen=True)
class OperatorContexts(PlaneCheck):
    """The contexts of the live operator; both Deployments must have the same."""

    slug: ClassVar[str] = "preflight-contexts"

    def label(self) -> Sentence:
        return say("operator.contexts")

    def commands(self) -> list[str]:
        return self.kubectl(_SHOW)

    def look(self) -> Finding:
        operator = read_operator(self.client())
        verdict, said, fix = self._judge(operator)
        facts = {"operator_contexts": operator.contexts, "operator_contexts_disabled": operator.disabled}
        return Finding(verdict, said, fix, facts)

    def _judge(self, operator: Operator) -> tuple[Verdict, Sentence, Sentence | None]:
        names = operator.contexts
        if not names:
            return Verdict.FAIL, say("operator.contexts_none"), say("operator.contexts_fix")
        if blank := [f"“{name}”" for name in names if name != name.strip() or not name]:
            return Verdict.WARN, say("operator.contexts_blank", contexts=blank), say("operator.contexts_fix")
        ours = (operator.contexts, operator.disabled)
        if operator.data_protection is not None and operator.data_protection != ours:
            theirs = operator.data_protection[0]
            said = say("operator.contexts_unequal", deployment=DATA_PROTECTION, contexts=theirs, ours=names)
            return Verdict.WARN, said, say("operator.contexts_unequal_fix")
        if operator.managed_namespaces:
            said = say("operator.managed", namespaces=operator.managed_namespaces)
            return Verdict.WARN, said, say("operator.managed_fix")
        return Verdict.PASS, say("operator.contexts_yes", contexts=names), None


@actions.register
@dataclass(frozen=True)
class KnownToOperator(PlaneCheck):
    """The operator has a context of exactly this name, enabled."""

    slug: ClassVar[str] = "preflight-known"
    name: str = ""
    """The plane's name in the fleet, where the upload calls its context differently."""
    control_plane: str = ""
    control_draft: int = 0

    def label(self) -> Sentence:
        return say("operator.known")

    def commands(self) -> list[str]:
        return [f"kubectl --context {self.control_plane} {_SHOW}"]

    def look(self) -> Finding:
        operator = read_operator(access.client_for(self.control_plane, self.control_draft))
        if self.name in operator.disabled:
            said = say("operator.known_disabled", plane=self.name)
            return Finding(Verdict.WARN, said, say("operator.known_disabled_fix", plane=self.name))
        if self.name in operator.contexts:
            return Finding(Verdict.PASS, say("operator.known_yes", plane=self.name))
        near = [n for n in operator.contexts if n.strip().casefold() == self.name.strip().casefold()]
        said = (
            say("operator.known_near", plane=self.name, near=near[0])
            if near
            else say(
                "operator.known_no", plane=self.name, contexts=operator.contexts or [say("fleet.nothing")]
            )
        )
        return Finding(Verdict.FAIL, said, say("operator.known_fix", plane=self.name))


@actions.register
@dataclass(frozen=True)
class Definitions(PlaneCheck):
    """The ComponentDefinitions are there and Available."""

    slug: ClassVar[str] = "preflight-definitions"

    def label(self) -> Sentence:
        return say("operator.definitions")

    def commands(self) -> list[str]:
        return self.kubectl("get componentdefinitions.apps.kubeblocks.io")

    def look(self) -> Finding:
        found = read_definitions(self.client())
        facts = {"definitions": found}
        if not found:
            said = say("operator.definitions_none")
            return Finding(Verdict.WARN, said, say("operator.definitions_none_fix"), facts)
        bad = [one for one in found if not one["available"]]
        if bad:
            names = [say("operator.definition_why", name=o["name"], message=o["message"]) for o in bad]
            said = say("operator.definitions_some", names=names)
            return Finding(Verdict.WARN, said, say("operator.definitions_some_fix"), facts)
        names_all = [one["name"] for one in found]
        said = say("operator.definitions_yes", count=len(found), names=names_all)
        return Finding(Verdict.PASS, said, facts=facts)


def read_definitions(client: PlaneClient) -> list[dict[str, Any]]:
    """Return `{name, chart, available, message}` of each ComponentDefinition, by name."""
    newer = client.serves(COMPONENT_DEFINITION_V1.api_version, COMPONENT_DEFINITION_V1.plural)
    kind = COMPONENT_DEFINITION_V1 if newer else COMPONENT_DEFINITION_V1ALPHA1
    return sorted((_definition(item) for item in client.list(kind)), key=lambda one: str(one["name"]))


def _definition(item: Object) -> dict[str, object]:
    metadata, status = item["metadata"], item.get("status") or {}
    return {
        "name": str(metadata["name"]),
        "chart": str((metadata.get("labels") or {}).get("helm.sh/chart", "")),
        "available": status.get("phase") == "Available",
        "message": str(status.get("message") or status.get("phase") or "?")[:300],
    }
