"""Get, list and delete."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

from kbconsole.demo import ownership, selectors
from kbconsole.demo.call import Call
from kbconsole.demo.status import ApiError, conflict, not_found

Object = dict[str, Any]
Answer = tuple[int, Object]


def get(call: Call) -> Answer:
    body = call.stored()
    if body is None:
        raise not_found(call.resource.plural, call.resource.group, call.name)
    return 200, call.plane.shown(call.resource, body)


def _continued(token: str) -> tuple[str, str]:
    try:
        namespace, name = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError) as error:
        raise ApiError(400, f"continue key is not valid: {error}") from error
    return str(namespace), str(name)


def list_all(call: Call) -> Answer:
    """Return a page. A `continue` of before the last restart is still good; `expired` is answered 410."""
    resource, query = call.resource, call.query
    if query.get("watch") in ("1", "true"):
        raise ApiError(501, "this server has no watch: list again instead")
    by_label = selectors.labels(query.get("labelSelector", ""))
    by_field = selectors.fields(query.get("fieldSelector", ""), resource.plural)
    rows = [row for row in call.plane.store.all(call.key, call.namespace) if by_label(row) and by_field(row)]
    if token := query.get("continue"):
        if token == "expired":
            raise ApiError(
                410, "The provided continue parameter is too old to display a consistent list result."
            )
        after = _continued(token)
        rows = [row for row in rows if _position(row) > after]
    limit = int(query.get("limit") or 0)
    metadata: Object = {"resourceVersion": str(call.plane.store.version)}
    if limit and len(rows) > limit:
        last = json.dumps(_position(rows[limit - 1])).encode()
        metadata |= {
            "continue": base64.urlsafe_b64encode(last).decode(),
            "remainingItemCount": len(rows) - limit,
        }
        rows = rows[:limit]
    return 200, {
        "kind": f"{resource.kind}List",
        "apiVersion": resource.api_version,
        "metadata": metadata,
        "items": [_item(call, row) for row in rows],
    }


def _position(row: Object) -> tuple[str, str]:
    return row["metadata"].get("namespace", ""), row["metadata"]["name"]


def _item(call: Call, row: Object) -> Object:
    """Only custom kinds say what they are inside a list."""
    if call.resource.custom:
        return call.plane.shown(call.resource, row)
    return {key: value for key, value in row.items() if key not in ("apiVersion", "kind")}


def _options(call: Call) -> Object:
    options = json.loads(call.raw) if call.raw.strip() else {}
    if "gracePeriodSeconds" in call.query:
        options["gracePeriodSeconds"] = int(call.query["gracePeriodSeconds"])
    return dict(options)


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
    body, options = call.stored(), _options(call)
    if body is None:
        raise not_found(call.resource.plural, call.resource.group, call.name)
    _check_preconditions(call, body, options)
    dry_run = call.dry_run or options.get("dryRun") == ["All"]
    grace = _grace(call, body, options)
    waits = bool(body["metadata"].get("finalizers")) or call.resource.kind == "Namespace" or grace > 0
    if not waits:
        if not dry_run:
            call.plane.store.remove(call.key, call.namespace, call.name)
        return 200, _success(call, body)
    return 200, call.plane.shown(call.resource, _mark(call, body, grace, dry_run=dry_run))


def _mark(call: Call, body: Object, grace: int, *, dry_run: bool) -> Object:
    marked = copy.deepcopy(body)
    if "deletionTimestamp" in marked["metadata"]:
        return marked
    marked["metadata"] |= {"deletionTimestamp": ownership.now(), "deletionGracePeriodSeconds": grace}
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
