"""Objects as the console makes and compares them. Pure: no network, no database."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Json, declare
from kbconsole.k8s.kinds import CLUSTER_ROLE, Object
from kbconsole.k8s.rules import rules_digest

declare(
    {
        "k8s.role_without_rules": _(
            "The role %(role)s on %(plane)s has no rules, so a copy would give nothing. "
            "Wait until its aggregation is done or check the KubeBlocks installation, then plan again."
        ),
    }
)

MANAGED_BY = "app.kubernetes.io/managed-by"
SOURCE_PLANE = "kbconsole.io/source-plane"
SOURCE_DIGEST = "kbconsole.io/rules-digest"

_SERVER_SET = (
    "managedFields",
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "generation",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_FOREIGN = (
    "app.kubernetes.io/",
    "helm.sh/",
    "meta.helm.sh/",
    "argocd.argoproj.io/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "rbac.authorization.k8s.io/",
    "rbac.authorization.kubernetes.io/",
    "kubectl.kubernetes.io/",
)
"""Labels by which other tools find, adopt or prune what they made, and by which roles are aggregated."""


class RoleWithoutRules(ConsoleError):
    """A role to copy has no rules: nothing would be granted."""


def pod_role(source: Mapping[str, Any], plane: str) -> Object:
    """Return the ClusterRole to apply on a data plane for one of the control plane `plane`.

    Built by allow-list: name, labels that no other tool reads, and the resolved rules without the aggregation
    that filled them (it would need far more rights, and the other side would overwrite the rules). Raises
    RoleWithoutRules.
    """
    name = source["metadata"]["name"]
    rules = [_rule(rule) for rule in source.get("rules") or ()]
    if not any(rule.get("verbs") for rule in rules):
        raise RoleWithoutRules("k8s.role_without_rules", role=name, plane=plane)
    labels = source["metadata"].get("labels") or {}
    kept = {key: value for key, value in labels.items() if not key.startswith(_FOREIGN)}
    return {
        "apiVersion": CLUSTER_ROLE.api_version,
        "kind": CLUSTER_ROLE.kind,
        "metadata": {
            "name": name,
            "labels": {**kept, MANAGED_BY: "kbconsole"},
            "annotations": {SOURCE_PLANE: plane, SOURCE_DIGEST: rules_digest(rules)},
        },
        "rules": rules,
    }


def _rule(rule: Mapping[str, Any]) -> dict[str, list[str]]:
    parts = ("apiGroups", "resources", "resourceNames", "nonResourceURLs", "verbs")
    return {part: [str(value) for value in rule[part]] for part in parts if rule.get(part)}


def canonical(obj: Mapping[str, Any]) -> Object:
    """Return a copy without status and without what the server sets in the metadata."""
    plain: Object = copy.deepcopy({key: value for key, value in obj.items() if key != "status"})
    metadata: dict[str, Any] = plain.get("metadata") or {}
    for key in _SERVER_SET:
        metadata.pop(key, None)
    annotations: dict[str, Any] = metadata.get("annotations") or {}
    annotations.pop(_LAST_APPLIED, None)
    for key in ("annotations", "labels", "finalizers", "ownerReferences"):
        if key in metadata and not metadata[key]:
            del metadata[key]
    if "metadata" in plain:
        plain["metadata"] = metadata
    return plain


def changed_fields(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[dict[str, Json]]:
    """Return `{path, before, after}` per field that differs, sorted by path; a side that lacks it is None.

    Paths are like `spec.ports[0].port`. Lists of different lengths, and lists of plain values, differ as a
    whole. Fields that the server sets and the status do not count.
    """
    old = canonical(before) if before else {}
    return sorted(_differences("", old, canonical(after)), key=lambda change: str(change["path"]))


def _differences(path: str, before: Json, after: Json) -> Iterator[dict[str, Json]]:
    if before == after or (not before and not after and before in (None, [], {}) and after in (None, [], {})):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from _differences(_joined(path, key), before.get(key), after.get(key))
    elif _same_shape(before, after):
        for index, (one, two) in enumerate(zip(before, after, strict=True)):
            yield from _differences(f"{path}[{index}]", one, two)
    else:
        yield {"path": path, "before": before, "after": after}


def _same_shape(before: Json, after: Json) -> bool:
    if not (isinstance(before, list) and isinstance(after, list) and len(before) == len(after)):
        return False
    return all(isinstance(item, dict) for item in [*before, *after])


def _joined(path: str, key: str) -> str:
    shown = f'["{key}"]' if "." in key or "/" in key else key
    return f"{path}{shown}" if not path or shown.startswith("[") else f"{path}.{shown}"
