"""Refusals as a Kubernetes API server words them: bodies of kind Status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    501: "NotImplemented",
    503: "ServiceUnavailable",
}


class ApiError(Exception):
    """An answer that is not a success.

    `reason=None` takes the usual one for the code; details that are empty are shown, None are not.
    """

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str | None = None,
        details: Object | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = REASONS.get(code, "") if reason is None else reason
        self.details = details or {}
        self._detailed = details is not None
        self.headers: dict[str, str] = {}

    def body(self) -> Object:
        """Return the Status object."""
        status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details or self._detailed:
            status["details"] = self.details
        status["code"] = self.code
        return status


@dataclass(frozen=True)
class Cause:
    """One reason of a 422: field path, machine reason, text."""

    field: str
    reason: str
    message: str

    def to_json(self) -> Object:
        return {"reason": self.reason, "message": self.message, "field": self.field}

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def required(field: str, text: str = "") -> Cause:
    return Cause(field, "FieldValueRequired", "Required value" + (f": {text}" if text else ""))


def bad(field: str, shown: str, text: str) -> Cause:
    return Cause(field, "FieldValueInvalid", f"Invalid value: {shown}: {text}")


def dotted(plural: str, group: str) -> str:
    """Return `clusters.apps.kubeblocks.io`, or the bare word for the core group."""
    return f"{plural}.{group}" if group else plural


def _details(name: str, group: str, kind: str) -> Object:
    parts = {"name": name, "group": group, "kind": kind}
    return {key: value for key, value in parts.items() if value}


def not_found(plural: str, group: str, name: str) -> ApiError:
    text = f'{dotted(plural, group)} "{name}" not found'
    return ApiError(404, text, details=_details(name, group, plural))


def already_exists(plural: str, group: str, name: str) -> ApiError:
    text = f'{dotted(plural, group)} "{name}" already exists'
    return ApiError(409, text, reason="AlreadyExists", details=_details(name, group, plural))


def conflict(resource: str, group: str, name: str, text: str) -> ApiError:
    message = f'Operation cannot be fulfilled on {dotted(resource, group)} "{name}": {text}'
    return ApiError(409, message, details=_details(name, group, resource))


def modified(plural: str, group: str, name: str) -> ApiError:
    text = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(plural, group, name, text)


def forbidden(plural: str, group: str, name: str, text: str) -> ApiError:
    quoted = f' "{name}"' if name else ""
    message = f"{dotted(plural, group)}{quoted} is forbidden: {text}"
    return ApiError(403, message, details=_details(name, group, plural))


def invalid(kind: str, group: str, name: str, causes: list[Cause]) -> ApiError:
    said = list(dict.fromkeys(str(cause) for cause in causes))
    texts = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    details = _details(name, group, kind) | {"causes": [cause.to_json() for cause in causes]}
    return ApiError(422, f'{dotted(kind, group)} "{name}" is invalid: {texts}', details=details)
