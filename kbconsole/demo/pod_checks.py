"""What a server refuses in a Pod, in the order in which it says so."""

from __future__ import annotations

from typing import Any

from kbconsole.demo import checks
from kbconsole.demo.checks import duplicate, quoted, unsupported
from kbconsole.demo.quantities import amount
from kbconsole.demo.status import Cause, bad, required

Object = dict[str, Any]
_POLICIES = ("Always", "IfNotPresent", "Never")
_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_NAMES = "a valid environment variable name must consist only of printable ASCII characters other than '='"


def problems(spec: Object) -> list[Cause]:
    """Return what is wrong with the specification."""
    causes: list[Cause] = []
    names: set[str] = set()
    for i, volume in enumerate(spec.get("volumes") or []):
        causes += _volume(f"spec.volumes[{i}]", volume, names)
    if not spec.get("containers"):
        causes.append(required("spec.containers"))
    seen: set[str] = set()
    for i, container in enumerate(spec.get("containers") or []):
        causes += _container(f"spec.containers[{i}]", container, names, seen)
    if spec["dnsPolicy"] not in _DNS:
        causes.append(unsupported("spec.dnsPolicy", spec["dnsPolicy"], _DNS))
    causes += checks.labels("spec.nodeSelector", spec.get("nodeSelector") or {})
    for key, what in (("nodeName", "subdomain"), ("hostname", "label"), ("subdomain", "label")):
        causes += checks.dns(what, f"spec.{key}", spec[key]) if spec.get(key) else []
    return causes


def _volume(where: str, volume: Object, names: set[str]) -> list[Cause]:
    name = volume.get("name", "")
    causes = checks.dns("label", f"{where}.name", name) if name else [required(f"{where}.name")]
    if name in names:
        causes.append(duplicate(f"{where}.name", name))
    names.add(name)
    claim = volume.get("persistentVolumeClaim")
    if claim is not None and not claim.get("claimName"):
        causes.append(required(f"{where}.persistentVolumeClaim.claimName"))
    return causes


def _container(where: str, container: Object, volumes: set[str], seen: set[str]) -> list[Cause]:
    name = container.get("name", "")
    causes = checks.dns("label", f"{where}.name", name) if name else [required(f"{where}.name")]
    if name and name in seen:
        causes.append(duplicate(f"{where}.name", name))
    seen.add(name)
    causes += checks.present(f"{where}.image", container.get("image"))
    for i, port in enumerate(container.get("ports") or []):
        causes += _port(f"{where}.ports[{i}]", port)
    causes += _environment(where, container)
    if container["imagePullPolicy"] not in _POLICIES:
        causes.append(unsupported(f"{where}.imagePullPolicy", container["imagePullPolicy"], _POLICIES))
    for i, mount in enumerate(container.get("volumeMounts") or []):
        field = f"{where}.volumeMounts[{i}]"
        if mount.get("name") not in volumes:
            causes.append(
                Cause(f"{field}.name", "FieldValueNotFound", f"Not found: {quoted(mount.get('name'))}")
            )
        causes += checks.present(f"{field}.mountPath", mount.get("mountPath"))
    return causes + _resources(f"{where}.resources", container["resources"])


def _port(where: str, port: Object) -> list[Cause]:
    causes = checks.port_or_name(f"{where}.name", port["name"]) if port.get("name") else []
    number = port.get("containerPort", 0)
    return causes + (
        checks.port_number(f"{where}.containerPort", number)
        if number
        else [required(f"{where}.containerPort")]
    )


def _environment(where: str, container: Object) -> list[Cause]:
    causes: list[Cause] = []
    for i, variable in enumerate(container.get("env") or []):
        name, field = variable.get("name", ""), f"{where}.env[{i}].name"
        if not name:
            causes.append(required(field))
        elif "=" in name or not name.isascii() or not name.isprintable():
            causes.append(bad(field, quoted(name), _NAMES))
    for i, source in enumerate(container.get("envFrom") or []):
        for key in ("configMapRef", "secretRef"):
            if key in source and not source[key].get("name"):
                causes.append(required(f"{where}.envFrom[{i}].{key}.name"))
    return causes


def _resources(where: str, resources: Object) -> list[Cause]:
    causes: list[Cause] = []
    limits = resources.get("limits") or {}
    for key, value in (resources.get("requests") or {}).items():
        if key in limits and amount(value) > amount(limits[key]):
            text = f"must be less than or equal to {key} limit of {limits[key]}"
            causes.append(bad(f"{where}.requests", quoted(value), text))
    return causes


def status_problems(status: Object) -> list[Cause]:
    """Return what is wrong with a status that somebody writes."""
    causes: list[Cause] = []
    for i, entry in enumerate(status.get("podIPs") or []):
        causes += checks.address(f"status.podIPs[{i}]", entry.get("ip", ""))
    return causes
