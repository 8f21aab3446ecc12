"""RBAC rules as sets of single rights, so that two spellings of the same rights compare equal.

`*` is not expanded: `get on *` and `get on pods` are different rights. A rule that names objects gives a
right per name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say

declare(
    {
        "k8s.broad_everything": _("everything on every resource"),
        "k8s.broad_verbs": _("every verb on %(resource)s"),
        "k8s.broad_resources": _("%(verb)s on every resource of %(group)s"),
        "k8s.broad_groups": _("%(verb)s on %(resource)s of every API group"),
        "k8s.broad_secrets": _("%(verb)s on secrets: passwords and tokens of others"),
        "k8s.broad_exec": _("%(verb)s on %(resource)s: commands inside pods of others"),
        "k8s.broad_self": _("%(verb)s on %(resource)s: more rights than its own"),
        "k8s.broad_nodes": _("%(verb)s on nodes/proxy: the API of every kubelet"),
        "k8s.broad_urls": _("%(verb)s on the URL %(url)s"),
    }
)

Right = tuple[str, ...]
"""`(group, resource, verb, name)`, name `*` for any; or `(url, verb)` for a URL that is no resource."""

_RBAC_KINDS = frozenset({"roles", "clusterroles", "rolebindings", "clusterrolebindings"})
_ESCALATING = frozenset({"escalate", "bind", "impersonate"})
_EXEC = frozenset({"pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers", "pods/proxy"})
_WRITING = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True)
class RuleDiff:
    """What a copy lacks and what it has beyond its source."""

    missing: frozenset[Right]
    extra: frozenset[Right]

    @property
    def same(self) -> bool:
        return not self.missing and not self.extra


def rule_set(rules: Iterable[Mapping[str, Any]] | None) -> frozenset[Right]:
    """Return every single right that the rules give; empty for `null`, as servers answer for no rules."""
    rights: set[Right] = set()
    for rule in rules or ():
        verbs = rule.get("verbs") or ()
        names = rule.get("resourceNames") or ("*",)
        rights.update(product(rule.get("apiGroups") or (), rule.get("resources") or (), verbs, names))
        rights.update(product(rule.get("nonResourceURLs") or (), verbs))
    return frozenset(rights)


def diff_rules(
    source: Iterable[Mapping[str, Any]] | None, target: Iterable[Mapping[str, Any]] | None
) -> RuleDiff:
    """Compare by meaning: order, duplicates and grouping do not matter."""
    wanted, held = rule_set(source), rule_set(target)
    return RuleDiff(missing=wanted - held, extra=held - wanted)


def rules_digest(rules: Iterable[Mapping[str, Any]] | None) -> str:
    """Return a sha256, in hex, that is the same for rules that mean the same."""
    return hashlib.sha256(json.dumps(sorted(rule_set(rules))).encode()).hexdigest()


def show_right(right: Right) -> str:
    """Return a right in one line: `get pods`, `patch clusters.apps.kubeblocks.io named x`, `get /metrics`."""
    if len(right) == 2:
        return f"{right[1]} {right[0]}"
    group, resource, verb, name = right
    where = f"{resource}.{group}" if group else resource
    return f"{verb} {where}" + ("" if name == "*" else f" named {name}")


def broad(rules: Iterable[Mapping[str, Any]] | None) -> list[Sentence]:
    """Return the rights that a person should look at before granting them, worst first, each once."""
    found: dict[tuple[int, str, str], Sentence] = {}
    for right in sorted(rule_set(rules)):
        if (worry := _worry(right)) is not None:
            rank, sentence = worry
            found.setdefault(
                (rank, sentence.code, json.dumps(dict(sentence.params), sort_keys=True)), sentence
            )
    return [found[key] for key in sorted(found)]


def _worry(right: Right) -> tuple[int, Sentence] | None:
    if len(right) == 2:
        return 4, say("k8s.broad_urls", verb=right[1], url=right[0])
    group, resource, verb, _name = right
    if verb == "*" and resource == "*":
        return 0, say("k8s.broad_everything")
    if verb in _ESCALATING or (resource in _RBAC_KINDS and verb in _WRITING | {"*"}):
        return 1, say("k8s.broad_self", verb=verb, resource=resource)
    if resource == "*":
        return 1, say("k8s.broad_resources", verb=verb, group=group or "core")
    if group in ("", "*"):
        if resource == "secrets":
            return 2, say("k8s.broad_secrets", verb=verb)
        if resource in _EXEC:
            return 2, say("k8s.broad_exec", verb=verb, resource=resource)
        if resource == "nodes/proxy":
            return 2, say("k8s.broad_nodes", verb=verb)
    if verb == "*":
        return 3, say("k8s.broad_verbs", resource=resource)
    if group == "*":
        return 3, say("k8s.broad_groups", verb=verb, resource=resource)
    return None
