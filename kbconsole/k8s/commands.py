"""The same by kubectl: lines that a person could paste into a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

import yaml

from kbconsole.k8s.kinds import Kind, Object
from kbconsole.k8s.manifests import canonical

MANAGER = "kbconsole"


class _Dumper(yaml.SafeDumper):
    """Quotes the texts that kubectl's parser would take for something else, though PyYAML's own would not."""


_NUMBERS = r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7_]+"
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(rf"(?:{_NUMBERS})$"), list("-+.0123456789")
)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]$"), list("yYnN"))


def manifest_yaml(obj: Mapping[str, Any]) -> str:
    """Return an object as YAML, in the usual order of keys, without what the server sets."""
    plain = canonical(obj)
    first = ("apiVersion", "kind", "metadata")
    ordered = {key: plain[key] for key in first if key in plain}
    ordered.update((key, value) for key, value in plain.items() if key not in first)
    return yaml.dump(
        ordered, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=110
    )


def kubectl_apply(obj: Object, context: str, *, force: bool = False, dry_run: bool = False) -> str:
    """Return a server-side apply with the object in a here-document."""
    options = ["--server-side", f"--field-manager={MANAGER}"]
    options += ["--force-conflicts"] if force else []
    options += ["--dry-run=server"] if dry_run else []
    return _with_document(_kubectl(context, "", "apply", *options, "-f", "-"), obj)


def kubectl_create(obj: Object, context: str) -> str:
    """Return a creation with the object in a here-document: what is there already is never touched."""
    return _with_document(_kubectl(context, "", "create", f"--field-manager={MANAGER}", "-f", "-"), obj)


def _with_document(command: str, obj: Object) -> str:
    text = manifest_yaml(obj)
    mark = "EOF"
    while mark in text.splitlines():
        mark += "_"
    return f"{command} <<'{mark}'\n{text}{mark}"


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
