"""The same by kubectl: lines that a person could paste into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import yaml

from kbconsole.k8s.kinds import Kind, Object
from kbconsole.k8s.manifests import canonical

MANAGER = "kbconsole"


def manifest_yaml(obj: Mapping[str, Any]) -> str:
    """Return an object as YAML, in the usual order of keys, without what the server sets."""
    plain = canonical(obj)
    first = ("apiVersion", "kind", "metadata")
    ordered = {key: plain[key] for key in first if key in plain}
    ordered.update((key, value) for key, value in plain.items() if key not in first)
    return yaml.safe_dump(ordered, sort_keys=False, default_flow_style=False, allow_unicode=True, width=110)


def kubectl_apply(obj: Object, context: str, *, force: bool = False, dry_run: bool = False) -> str:
    """Return a server-side apply with the object in a here-document."""
    options = ["--server-side", f"--field-manager={MANAGER}"]
    options += ["--force-conflicts"] if force else []
    options += ["--dry-run=server"] if dry_run else []
    text = manifest_yaml(obj)
    mark = "EOF"
    while mark in text.splitlines():
        mark += "_"
    return f"{_kubectl(context, '', 'apply', *options, '-f', '-')} <<'{mark}'\n{text}{mark}"


def kubectl_delete(kind: Kind, name: str, namespace: str = "", *, context: str) -> str:
    """Return the removal of one object; kubectl has no precondition on the UID, so look first."""
    return _kubectl(context, namespace, "delete", kind.resource, name, "--ignore-not-found")


def kubectl_get(
    kind: Kind, name: str = "", namespace: str = "", *, context: str, labels: str = "", output: str = ""
) -> str:
    """Return a look at one object, or at all that match; of all namespaces where none is given."""
    options = [name] if name else []
    options += ["-l", labels] if labels else []
    options += ["--all-namespaces"] if kind.namespaced and not namespace and not name else []
    options += ["-o", output] if output else []
    return _kubectl(context, namespace if kind.namespaced else "", "get", kind.resource, *options)


def kubectl_can_i(
    verb: str,
    *,
    resource: str,
    context: str,
    group: str = "",
    subresource: str = "",
    namespace: str = "",
    name: str = "",
) -> str:
    """Return the question whether the user of this context has a right."""
    target = f"{resource}.{group}" if group else resource
    target = f"{target}/{name}" if name else target
    options = [f"--subresource={subresource}"] if subresource else []
    return _kubectl(context, namespace, "auth", "can-i", verb, target, *options)


def _kubectl(context: str, namespace: str, *words: str) -> str:
    scope = ["-n", namespace] if namespace else []
    return shlex.join(["kubectl", "--context", context, *scope, *words])
