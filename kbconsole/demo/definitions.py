"""CustomResourceDefinitions: checked, established at once, and gone with their objects."""

from __future__ import annotations

import copy
from typing import Any

from kbconsole.demo import ownership
from kbconsole.demo.call import Call
from kbconsole.demo.ownership import Writer
from kbconsole.demo.status import Cause, bad, required

Object = dict[str, Any]
KIND = "CustomResourceDefinition"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


def complete(body: Object) -> None:
    """Fill in what the writer left open, in place."""
    spec = body.setdefault("spec", {})
    names = spec.get("names") or {}
    if kind := names.get("kind"):
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", f"{kind}List")
    spec.setdefault("conversion", {"strategy": "None"})


def prepare(call: Call, body: Object, before: Object | None) -> list[Cause]:
    """Set the status of a new one; return what is wrong with it."""
    spec = body["spec"]
    stored = [version["name"] for version in spec.get("versions") or [] if version.get("storage")]
    if before is None:
        empty = {"plural": "", "kind": ""}
        body["status"] = {"conditions": None, "acceptedNames": empty, "storedVersions": stored or None}
    return [*_problems(body["metadata"]["name"], spec), *_version_problems(spec, stored)]


def _problems(name: str, spec: Object) -> list[Cause]:
    names, group = spec.get("names") or {}, spec.get("group") or ""
    causes = []
    if name != f"{names.get('plural', '')}.{group}":
        causes.append(bad("metadata.name", f'"{name}"', 'must be spec.names.plural+"."+spec.group'))
    if not group:
        causes.append(required("spec.group"))
    scope = spec.get("scope") or ""
    if not scope:
        causes.append(required("spec.scope"))
    elif scope not in ("Cluster", "Namespaced"):
        why = f'Unsupported value: "{scope}": supported values: "Cluster", "Namespaced"'
        causes.append(Cause("spec.scope", "FieldValueNotSupported", why))
    needed = ("plural", "singular", "kind", "listKind")
    return causes + [required(f"spec.names.{part}") for part in needed if not names.get(part)]


def _version_problems(spec: Object, stored: list[str]) -> list[Cause]:
    if len(stored) == 1:
        return []
    shown = "[]" if not spec.get("versions") else "null"
    return [
        bad("spec.versions", shown, "must have exactly one version marked as storage version"),
        bad("status.storedVersions", "null", "must have at least one stored version"),
    ]


def establish(call: Call, made: Object) -> None:
    """Accept the names, as the server does a moment after it took a definition."""
    body, time = copy.deepcopy(made), ownership.now()
    texts = {
        "NamesAccepted": ("NoConflicts", "no conflicts found"),
        "Established": ("InitialNamesAccepted", "the initial names have been accepted"),
    }
    body["status"] |= {
        "acceptedNames": copy.deepcopy(body["spec"]["names"]),
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": time, "reason": reason, "message": message}
            for kind, (reason, message) in texts.items()
        ],
    }
    writer = Writer("kube-apiserver", "Update", "status", call.resource.api_version)
    shares = ownership.after_update(made, body, call.resource.schema, writer, call.resource.api_version)
    ownership.write(body, shares)
    call.plane.store.put(call.key, body)


def end(call: Call, body: Object) -> Object:
    """Take away the definition with its objects; return it as it was then."""
    marked, store = copy.deepcopy(body), call.plane.store
    marked["metadata"] |= {"deletionTimestamp": ownership.now(), "finalizers": [CLEANUP]}
    marked["status"]["conditions"].append(
        {
            "type": "Terminating",
            "status": "True",
            "lastTransitionTime": ownership.now(),
            "reason": "InstanceDeletionPending",
            "message": f"{KIND} marked for deletion; CustomResource deletion will begin soon",
        }
    )
    key = body["metadata"]["name"]
    for one in store.all(key):
        store.remove(key, one["metadata"].get("namespace", ""), one["metadata"]["name"])
    store.remove(call.key, "", key)
    marked["metadata"]["resourceVersion"] = str(store.version)
    return marked
