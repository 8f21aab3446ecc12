"""Get, list and delete."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

from kbconsole.demo import definitions, ownership, selectors
from kbconsole.demo.call import Call, media_type_refused
from kbconsole.demo.gotext import json_error, version_and_kind_error
from kbconsole.demo.status import ApiError, Cause, conflict, forbidden, invalid, not_found

Object = dict[str, Any]
Answer = tuple[int, Object]
_TOKEN = "meta.k8s.io/v1"
_KEPT = {"default", "kube-system", "kube-public"}
# Whose deletion is answered with the object instead of a Status.
_SHOWN = {"PersistentVolume", "PersistentVolumeClaim", "Pod", "Service", "ServiceAccount"}


def get(call: Call) -> Answer:
    body = call.stored()
    if body is None:
        raise not_found(call.resource.plural, call.resource.group, call.name)
    return 200, call.plane.shown(call.resource, body)


def _continued(token: str) -> str:
    head = "invalid continue token: continue key is not valid: "
    raw = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
    if why := json_error(raw):
        raise ApiError(400, head + why)
    found = json.loads(raw)
    if found.get("v") != _TOKEN:
        raise ApiError(400, f"{head}server does not recognize this encoded version {found.get('v', '')}")
    if not found.get("rv"):
        raise ApiError(400, f"{head}incorrect encoded start resourceVersion (version {_TOKEN})")
    return str(found.get("start", ""))


def list_all(call: Call) -> Answer:
    """Return a page. A `continue` of before the last restart is still good; `expired` is answered 410."""
    resource, query = call.resource, call.query
    if query.get("watch") in ("1", "true"):
        raise ApiError(501, "this server has no watch: list again instead")
    by_label = selectors.labels(query.get("labelSelector", ""))
    by_field = selectors.fields(query.get("fieldSelector", ""), resource.plural, custom=resource.custom)
    rows = [row for row in call.plane.store.all(call.key, call.namespace) if by_label(row) and by_field(row)]
    if token := query.get("continue"):
        if token == "expired":
            raise ApiError(
                410, "The provided continue parameter is too old to display a consistent list result."
            )
        after = _continued(token)
        rows = [row for row in rows if _position(row) > after]
    rows, metadata = _page(call, rows)
    return 200, {
        "kind": f"{resource.kind}List",
        "apiVersion": resource.api_version,
        "metadata": metadata,
        "items": [_item(call, row) for row in rows],
    }


def _page(call: Call, rows: list[Object]) -> tuple[list[Object], Object]:
    """Return the page that was asked for, and the metadata of its list."""
    metadata: Object = {"resourceVersion": str(call.plane.store.version)}
    if call.resource.custom:
        metadata["continue"] = ""
    limit = call.query.get("limit", "0")
    if not limit.removeprefix("-").isdigit():
        raise ApiError(400, f"strconv.ParseInt: parsing {json.dumps(limit)}: invalid syntax")
    if not 0 < int(limit) < len(rows):
        return rows, metadata
    page = rows[: int(limit)]
    token = {"v": _TOKEN, "rv": call.plane.store.version, "start": _position(page[-1])}
    metadata["continue"] = base64.urlsafe_b64encode(json.dumps(token).encode()).decode().rstrip("=")
    if not (call.query.get("labelSelector") or call.query.get("fieldSelector")):
        metadata["remainingItemCount"] = len(rows) - len(page)
    return page, metadata


def _position(row: Object) -> str:
    return f"{row['metadata'].get('namespace', '')}\0{row['metadata']['name']}"


def _item(call: Call, row: Object) -> Object:
    """Only custom kinds say what they are inside a list."""
    if call.resource.custom:
        return call.plane.shown(call.resource, row)
    return {key: value for key, value in row.items() if key not in ("apiVersion", "kind")}


def _options(call: Call) -> Object:
    """Return the DeleteOptions: of the body, or of the query where there is no body. Raises ApiError."""
    if not call.raw.strip():
        options: Object = {"dryRun": [call.query["dryRun"]]} if "dryRun" in call.query else {}
        if "propagationPolicy" in call.query:
            options["propagationPolicy"] = call.query["propagationPolicy"]
        if "gracePeriodSeconds" in call.query:
            options["gracePeriodSeconds"] = int(call.query["gracePeriodSeconds"])
    else:
        options = _sent_options(call)
    _check_options(options)
    return options


def _sent_options(call: Call) -> Object:
    if call.content_type not in ("", "application/json", "application/yaml"):
        raise media_type_refused(call)
    if why := version_and_kind_error(call.raw):
        raise ApiError(400, why)
    options = json.loads(call.raw) or {}
    kind, version = options.get("kind") or "DeleteOptions", options.get("apiVersion") or "v1"
    if kind != "DeleteOptions":
        where = 'in scheme "pkg/runtime/scheme.go:111"'
        raise ApiError(400, f'no kind "{kind}" is registered for version "{version}" {where}')
    return dict(options)


def _check_options(options: Object) -> None:
    causes = []
    policy = options.get("propagationPolicy")
    if policy not in (None, "Foreground", "Background", "Orphan"):
        listed = '"Foreground", "Background", "Orphan", "nil"'
        why = f"Unsupported value: {json.dumps(policy)}: supported values: {listed}"
        causes.append(Cause("propagationPolicy", "FieldValueNotSupported", why))
    if options.get("dryRun") not in (None, [], ["All"]):
        why = f'Unsupported value: {json.dumps(options["dryRun"])}: supported values: "All"'
        causes.append(Cause("dryRun", "FieldValueNotSupported", why))
    if causes:
        raise invalid("DeleteOptions", "meta.k8s.io", "", causes)


def _check_preconditions(call: Call, body: Object, options: Object) -> None:
    wanted, metadata = options.get("preconditions") or {}, body["metadata"]
    for key, label, end in (
        ("uid", "UID", "deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "modified"),
    ):
        if wanted.get(key) and wanted[key] != metadata[key]:
            text = (
                f"the {label} in the precondition ({wanted[key]}) does not match the {label} in record "
                f"({metadata[key]}). The object might have been {end}"
            )
            raise conflict(call.resource.kind, call.resource.group, call.name, text)


def _grace(call: Call, body: Object, options: Object) -> int:
    """Return how long the object may take to end; only a pod on a node takes any time."""
    if call.resource.kind != "Pod" or not body["spec"].get("nodeName"):
        return 0
    if body.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    asked = options.get("gracePeriodSeconds")
    return int(body["spec"].get("terminationGracePeriodSeconds", 30) if asked is None else asked)


def delete(call: Call) -> Answer:
    """Remove, or mark as being deleted where somebody still has to agree."""
    options = _options(call)
    body = call.stored()
    if body is None:
        raise not_found(call.resource.plural, call.resource.group, call.name)
    if call.resource.kind == "Namespace" and call.name in _KEPT:
        text = "this namespace may not be deleted"
        raise forbidden(call.resource.plural, call.resource.group, call.name, text)
    _check_preconditions(call, body, options)
    dry_run = options.get("dryRun") == ["All"]
    grace = _grace(call, body, options)
    marked = _held(body, str(options.get("propagationPolicy") or ""))
    waits = bool(marked["metadata"].get("finalizers")) or call.resource.kind == "Namespace" or grace > 0
    if call.resource.kind == definitions.KIND and not dry_run:
        return 200, call.plane.shown(call.resource, definitions.end(call, body))
    if waits:
        return 200, call.plane.shown(call.resource, _mark(call, body, marked, grace, dry_run=dry_run))
    if not dry_run:
        call.plane.store.remove(call.key, call.namespace, call.name)
    if call.resource.kind in _SHOWN and not call.resource.custom:
        gone = copy.deepcopy(body)
        gone["metadata"]["resourceVersion"] = str(call.plane.store.version)
        return 200, call.plane.shown(call.resource, gone)
    return 200, _success(call, body)


def _held(body: Object, policy: str) -> Object:
    """Return a copy with the finalizers of a deletion that others have to carry on."""
    marked = copy.deepcopy(body)
    wanted = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(policy)
    others = [
        name
        for name in marked["metadata"].get("finalizers", [])
        if name not in ("foregroundDeletion", "orphan")
    ]
    if policy:
        marked["metadata"]["finalizers"] = [*others, *([wanted] if wanted else [])]
    if not marked["metadata"].get("finalizers"):
        marked["metadata"].pop("finalizers", None)
    return marked


def _mark(call: Call, body: Object, marked: Object, grace: int, *, dry_run: bool) -> Object:
    if "deletionTimestamp" in body["metadata"]:
        return body
    marked["metadata"] |= {"deletionTimestamp": ownership.now(), "deletionGracePeriodSeconds": grace}
    if call.resource.kind == "Namespace":
        marked["metadata"].pop("deletionGracePeriodSeconds")
    if "generation" in marked["metadata"]:
        marked["metadata"]["generation"] += 1
    if call.resource.kind == "Namespace":
        marked["status"] = {"phase": "Terminating"}
    if not dry_run:
        call.plane.store.put(call.key, marked)
    return marked


def _success(call: Call, body: Object) -> Object:
    resource = call.resource
    details = {"name": call.name, "kind": resource.plural, "uid": body["metadata"]["uid"]}
    if resource.group:
        details["group"] = resource.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
