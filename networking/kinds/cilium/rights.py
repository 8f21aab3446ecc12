"""What the console may not read of a mesh, and the manifest that lets it.

These rights are not in the account that the console asks for at first: Secret `cilium-ca` holds a private key, and
Kubernetes gives a Secret whole or not at all. Without them the page shows less and says so.
"""

from __future__ import annotations

import shlex

from kbconsole.fleet.account import NAME
from kbconsole.k8s.commands import manifest_yaml
from kbconsole.k8s.kinds import Object
from networking.kinds.cilium.facts import MeshFacts
from networking.kinds.cilium.reading import APISERVER, AUTHORITY, CONFIG, REMOTES, SYSTEM

_RBAC = "rbac.authorization.k8s.io"
ROLE = "kbconsole-mesh"


def system_rules() -> list[Object]:
    """Return what is read in kube-system, by name."""
    return [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [*REMOTES, AUTHORITY], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [CONFIG], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["services"], "resourceNames": [APISERVER], "verbs": ["get"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": [APISERVER], "verbs": ["get"]},
    ]  # fmt: skip


def cluster_rules() -> list[Object]:
    """Return what is read on the whole plane."""
    return [
        {"apiGroups": ["apps"], "resources": ["daemonsets"], "verbs": ["get", "list"]},
        {"apiGroups": ["cilium.io"], "resources": ["ciliumnodes"], "verbs": ["get", "list"]},
    ]  # fmt: skip


def objects(subject: Object) -> list[Object]:
    """Return the roles and their bindings for a user of the console."""
    made: list[Object] = []
    for kind, meta, granted in (
        ("Role", {"name": ROLE, "namespace": SYSTEM}, system_rules()),
        ("ClusterRole", {"name": ROLE}, cluster_rules()),
    ):
        ref = {"apiGroup": _RBAC, "kind": kind, "name": ROLE}
        made += [
            {"apiVersion": f"{_RBAC}/v1", "kind": kind, "metadata": meta, "rules": granted},
            {"apiVersion": f"{_RBAC}/v1", "kind": f"{kind}Binding", "metadata": meta, "roleRef": ref,
             "subjects": [subject]},
        ]  # fmt: skip
    return made


def grant(facts: MeshFacts) -> str:
    """Return the command that grants what was denied on a plane, "" where nothing was."""
    if not facts.denied:
        return ""
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": NAME}
    text = "---\n".join(manifest_yaml(obj) for obj in objects(account))
    return f"kubectl --context {shlex.quote(facts.plane)} apply -f - <<'EOF'\n{text}EOF"
