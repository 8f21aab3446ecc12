"""What a server fills in when it reads an object of a built-in kind: the writer owns it like the rest."""

from __future__ import annotations

from typing import Any

from kbconsole.demo import definitions, pods, services

Object = dict[str, Any]


def complete(kind: str, body: Object) -> None:
    """Fill in the defaults that are no part of the schema, in place."""
    if kind == "Service" and isinstance(body.get("spec"), dict):
        services.default(body["spec"])
    if kind == "PersistentVolumeClaim" and isinstance(body.get("spec"), dict):
        body["spec"].setdefault("volumeMode", "Filesystem")
    if kind == "Pod":
        pods.complete(body)
    template = (body.get("spec") or {}).get("template") if kind in ("Deployment", "Job") else None
    if isinstance(template, dict):
        pods.default_template(template.setdefault("spec", {}))
    if kind == definitions.KIND:
        definitions.complete(body)
    name = body["metadata"].get("name")
    if kind == "Namespace" and name:
        body["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name
