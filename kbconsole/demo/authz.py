"""Who may do what: the RBAC objects that the plane stores, read for every request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kbconsole.demo.resources import RBAC
from kbconsole.demo.store import Store

Object = dict[str, Any]
Rule = dict[str, list[str]]
MASTERS = "system:masters"
ROLES, CLUSTER_ROLES = f"roles.{RBAC}", f"clusterroles.{RBAC}"
ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS = f"rolebindings.{RBAC}", f"clusterrolebindings.{RBAC}"


@dataclass(frozen=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""

    @property
    def is_master(self) -> bool:
        return MASTERS in self.groups


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True)
class Question:
    """One access: a resource, or a path when `path` is set."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = field(default="")

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def _has(listed: list[str] | None, word: str) -> bool:
    return listed is not None and (word in listed or "*" in listed)


def _resource_matches(listed: list[str], question: Question) -> bool:
    if "*" in listed or question.full_resource in listed:
        return True
    return bool(question.subresource) and f"*/{question.subresource}" in listed


def _path_matches(listed: list[str], path: str) -> bool:
    return any(
        pattern == path or (pattern.endswith("*") and path.startswith(pattern[:-1])) for pattern in listed
    )


def allows(rule: Rule, question: Question) -> bool:
    """Return whether one rule grants it."""
    if not _has(rule.get("verbs"), question.verb):
        return False
    if question.path:
        return _path_matches(rule.get("nonResourceURLs") or [], question.path)
    names = rule.get("resourceNames") or []
    return (
        _has(rule.get("apiGroups"), question.group)
        and _resource_matches(rule.get("resources") or [], question)
        and (not names or question.name in names)
    )


def _is_subject(subject: Object, user: User, namespace: str) -> bool:
    kind, name = subject["kind"], subject["name"]
    if kind == "User":
        return bool(name == user.name)
    if kind == "Group":
        return name in user.groups
    space = subject.get("namespace") or namespace
    return user.name == f"system:serviceaccount:{space}:{name}"


class Authorizer:
    """Answers from the store's roles and bindings."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def role_rules(self, reference: Object, namespace: str) -> list[Rule] | None:
        """Return the rules of a roleRef; None when the role is not there."""
        name = reference.get("name", "")
        if reference.get("kind") == "ClusterRole":
            role = self._store.get(CLUSTER_ROLES, "", name)
        else:
            role = self._store.get(ROLES, namespace, name)
        return None if role is None else list(role.get("rules") or [])

    def rules(self, user: User, namespace: str) -> Iterator[Rule]:
        """Return every rule that the user has in the namespace ("": cluster-wide ones only)."""
        for _, _, rules in self._bound_to(user, namespace):
            yield from rules

    def _bound_to(self, user: User, namespace: str) -> Iterator[tuple[Object, Object, list[Rule]]]:
        """Return each binding that gives the user something, the subject that is meant, and the rules."""
        bindings = [*self._store.all(CLUSTER_ROLE_BINDINGS, "")]
        if namespace:
            bindings += self._store.all(ROLE_BINDINGS, namespace)
        for binding in bindings:
            space = binding["metadata"].get("namespace", "")
            for subject in binding.get("subjects") or []:
                if _is_subject(subject, user, space):
                    yield binding, subject, self.role_rules(binding["roleRef"], space) or []
                    break

    def may(self, user: User, question: Question) -> bool:
        return self.why(user, question) is not None

    def why(self, user: User, question: Question) -> str | None:
        """Return what grants it, in a server's words; None when nothing does."""
        if user.is_master:
            return ""
        for binding, subject, rules in self._bound_to(user, question.namespace):
            if any(allows(rule, question) for rule in rules):
                return _told(binding, subject)
        return None


def _told(binding: Object, subject: Object) -> str:
    metadata, role = binding["metadata"], binding["roleRef"]
    space = metadata.get("namespace")
    kind, name = (
        ("RoleBinding", f"{metadata['name']}/{space}") if space else ("ClusterRoleBinding", metadata["name"])
    )
    who = subject["name"]
    if subject["kind"] == "ServiceAccount":
        who = f"{who}/{subject.get('namespace') or space}"
    return f'RBAC: allowed by {kind} "{name}" of {role["kind"]} "{role["name"]}" to {subject["kind"]} "{who}"'


def _one(values: list[str] | None) -> list[str]:
    return values or []


def _single_rules(rule: Rule) -> Iterator[Rule]:
    """Break a rule into rules of one group, one resource, one verb and at most one name."""
    for verb in _one(rule.get("verbs")):
        for url in _one(rule.get("nonResourceURLs")):
            yield {"nonResourceURLs": [url], "verbs": [verb]}
        for group in _one(rule.get("apiGroups")):
            for resource in _one(rule.get("resources")):
                single = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                for name in _one(rule.get("resourceNames")):
                    yield {**single, "resourceNames": [name]}
                if not rule.get("resourceNames"):
                    yield single


def _covers(owned: Rule, wanted: Rule) -> bool:
    if not _has(owned.get("verbs"), wanted["verbs"][0]):
        return False
    if "nonResourceURLs" in wanted:
        return _path_matches(owned.get("nonResourceURLs") or [], wanted["nonResourceURLs"][0])
    resource, sub = wanted["resources"][0].partition("/")[::2]
    names = owned.get("resourceNames") or []
    question = Question(wanted["verbs"][0], wanted["apiGroups"][0], resource, sub)
    return (
        _has(owned.get("apiGroups"), question.group)
        and _resource_matches(owned.get("resources") or [], question)
        and (not names or (wanted.get("resourceNames") or [""])[0] in names)
    )


def missing_rules(wanted: list[Rule], held: list[Rule]) -> list[Rule]:
    """Return what is in `wanted` and not in `held`, compacted by group and resource, sorted."""
    missing = [
        single
        for rule in wanted
        for single in _single_rules(rule)
        if not any(_covers(o, single) for o in held)
    ]
    together: dict[tuple[str, ...], Rule] = {}
    for rule in missing:
        key = tuple(f"{name}={rule[name]}" for name in sorted(rule) if name != "verbs")
        if key in together:
            together[key]["verbs"] += [verb for verb in rule["verbs"] if verb not in together[key]["verbs"]]
        else:
            together[key] = dict(rule)
    return sorted(together.values(), key=printed)


def printed(rule: Rule) -> str:
    """Return `{APIGroups:[""], Resources:["pods"], Verbs:["get"]}`."""
    names = {
        "apiGroups": "APIGroups",
        "resources": "Resources",
        "nonResourceURLs": "NonResourceURLs",
        "resourceNames": "ResourceNames",
        "verbs": "Verbs",
    }
    parts = []
    for key, shown in names.items():
        if rule.get(key):
            parts.append(f"{shown}:[" + " ".join(f'"{value}"' for value in rule[key]) + "]")
    return "{" + ", ".join(parts) + "}"
