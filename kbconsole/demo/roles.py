"""What a server checks in roles and bindings before it asks whether their writer may grant them."""

from __future__ import annotations

from typing import Any

from kbconsole.demo import checks
from kbconsole.demo.call import Call
from kbconsole.demo.checks import quoted, unsupported
from kbconsole.demo.resources import RBAC
from kbconsole.demo.status import Cause, bad, required

Object = dict[str, Any]


def role(call: Call, body: Object, before: Object | None) -> list[Cause]:
    """Complete a Role or ClusterRole; return what is wrong with it."""
    cluster = body["kind"] == "ClusterRole"
    body["rules"] = body.get("rules") or None
    causes: list[Cause] = []
    for i, rule in enumerate(body["rules"] or []):
        for key in ("apiGroups", "resources", "resourceNames", "nonResourceURLs"):
            if not rule.get(key):
                rule.pop(key, None)
        causes += _rule(f"rules[{i}]", rule, cluster=cluster)
    if body.get("aggregationRule") is None:
        body.pop("aggregationRule", None)
        return causes
    return causes + _aggregation(body["aggregationRule"])


def _rule(where: str, rule: Object, *, cluster: bool) -> list[Cause]:
    if not rule.get("verbs"):
        rule["verbs"] = rule.get("verbs")
        return [required(f"{where}.verbs", "verbs must contain at least one value")]
    if rule.get("nonResourceURLs"):
        shown, field = quoted(rule["nonResourceURLs"]), f"{where}.nonResourceURLs"
        causes = []
        if not cluster:
            causes.append(bad(field, shown, "namespaced rules cannot apply to non-resource URLs"))
        if any(rule.get(key) for key in ("apiGroups", "resources", "resourceNames")):
            text = "rules cannot apply to both regular resources and non-resource URLs"
            causes.append(bad(field, shown, text))
        return causes
    causes = checks.present(
        f"{where}.apiGroups", rule.get("apiGroups"), "resource rules must supply at least one api group"
    )
    text = "resource rules must supply at least one resource"
    return causes + checks.present(f"{where}.resources", rule.get("resources"), text)


def _aggregation(rule: Object) -> list[Cause]:
    where = "aggregationRule.clusterRoleSelectors"
    selectors = rule.get("clusterRoleSelectors")
    if not selectors:
        text = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        return [required(where, text)]
    causes: list[Cause] = []
    for i, one in enumerate(selectors):
        if found := checks.selector(f"{where}[{i}]", one):
            causes += [*found, bad(f"{where}[{i}]", "null", "invalid label selector.")]
    return causes


def binding(call: Call, body: Object, before: Object | None) -> list[Cause]:
    """Complete a RoleBinding or ClusterRoleBinding; return what is wrong with it."""
    reference = body.setdefault("roleRef", {})
    reference["apiGroup"] = reference.get("apiGroup") or RBAC
    for key in ("kind", "name"):
        reference.setdefault(key, "")
    if not body.get("subjects"):
        body.pop("subjects", None)
    for subject in body.get("subjects") or []:
        if subject["kind"] in ("User", "Group"):
            subject["apiGroup"] = subject.get("apiGroup") or RBAC
    kinds = ("Role", "ClusterRole") if body["kind"] == "RoleBinding" else ("ClusterRole",)
    causes: list[Cause] = []
    if reference["apiGroup"] != RBAC:
        causes.append(unsupported("roleRef.apiGroup", reference["apiGroup"], [RBAC]))
    if reference["kind"] not in kinds:
        causes.append(unsupported("roleRef.kind", reference["kind"], kinds))
    causes += checks.present("roleRef.name", reference["name"])
    for i, subject in enumerate(body.get("subjects") or []):
        space = body["kind"] == "RoleBinding"
        causes += _subject(f"subjects[{i}]", subject, namespaced=space)
    if before is not None and before["roleRef"] != reference:
        shown = {key[0].upper() + key[1:]: reference[key] for key in ("apiGroup", "kind", "name")}
        shown = {"APIGroup": shown.pop("ApiGroup")} | shown
        causes.append(bad("roleRef", quoted(shown), "cannot change roleRef"))
    return causes


def _subject(where: str, subject: Object, *, namespaced: bool) -> list[Cause]:
    kind, name, group = subject["kind"], subject.get("name"), subject.get("apiGroup", "")
    causes = checks.present(f"{where}.name", name)
    if kind == "ServiceAccount":
        causes += checks.dns("subdomain", f"{where}.name", name) if name else []
        causes += [unsupported(f"{where}.apiGroup", group, [""])] if group else []
        if not namespaced:
            causes += checks.present(f"{where}.namespace", subject.get("namespace"))
    elif kind in ("User", "Group"):
        causes += [unsupported(f"{where}.apiGroup", group, [RBAC])] if group != RBAC else []
    else:
        causes.append(unsupported(f"{where}.kind", kind, ("ServiceAccount", "User", "Group")))
    return causes
