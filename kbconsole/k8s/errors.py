"""The five ways in which a plane says no. Each names the plane, the object and the next thing to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.k8s.kinds import Ref, shown

declare(
    {
        "k8s.unreachable": _("%(plane)s cannot be reached at %(server)s: %(why)s"),
        "k8s.unproven": _("Whoever answers for %(plane)s at %(server)s does not prove to be it: %(why)s"),
        "k8s.rung_dns": _(
            "its name does not resolve. Check the server address of the plane and the DNS of this host."
        ),
        "k8s.rung_tcp": _(
            "nothing accepts the connection. Check that the API server runs and that the firewalls let this "
            "host in."
        ),
        "k8s.rung_tls": _(
            "the TLS handshake failed. Check that the CA of the plane is the one that signed its API server."
        ),
        "k8s.rung_tls_expired": _(
            "its certificate has expired. Nothing was sent to it. Renew the certificate of the API server."
        ),
        "k8s.rung_tls_name": _(
            "its certificate is for another name. Nothing was sent to it. Use a server address that the "
            "certificate names, or set tls-server-name in the kubeconfig."
        ),
        "k8s.rung_tls_untrusted": _(
            "its certificate is not signed by the CA of the stored credential. Nothing was sent to it. Ask an "
            "administrator of the plane why: if its certificates were renewed, upload a kubeconfig with the present "
            "CA; if nobody did that, somebody else may be answering."
        ),
        "k8s.rung_timeout": _(
            "no answer came in time. Check the load of the API server and the network to it."
        ),
        "k8s.rung_dropped": _(
            "the connection was dropped before the answer was complete. Try again; if it stays so, look at "
            "the proxies and load balancers in front of the API server."
        ),
        "k8s.rung_refused": _(
            "the address %(address)s is one that the console does not connect to (%(rule)s). Use another "
            "address, or ask an administrator of the console to allow it."
        ),
        "k8s.unauthorised": _(
            "%(plane)s does not accept the stored credential (401). It has expired or was revoked: "
            "upload a new kubeconfig for the plane."
        ),
        "k8s.forbidden": _(
            "The console's user may not do this on %(plane)s, %(object)s: %(message)s "
            "Ask an administrator of the plane to grant: %(missing)s."
        ),
        "k8s.forbidden_plain": _(
            "The console's user may not do this on %(plane)s, %(object)s: %(message)s "
            "Ask an administrator of the plane for the right."
        ),
        "k8s.owned_by_others": _(
            "Other managers own fields of %(object)s on %(plane)s: %(fields)s. Look at the difference, then "
            "either leave the object to them or take the fields over."
        ),
        "k8s.changed_meanwhile": _(
            "%(object)s on %(plane)s changed meanwhile or is another object than before: %(message)s "
            "Look at it again, then repeat the step."
        ),
        "k8s.already_exists": _(
            "%(object)s exists already on %(plane)s. Look at it before you decide what to do."
        ),
        "k8s.rejected": _(
            "%(plane)s rejected %(object)s (%(status)s %(reason)s): %(message)s "
            "Correct what it names, then plan again."
        ),
        "k8s.busy": _(
            "%(plane)s could not answer for %(object)s just now (%(status)s %(reason)s): %(message)s "
            "Try again in a minute; if it stays so, look at its API server."
        ),
        "k8s.not_found": _("%(plane)s has no %(object)s: %(message)s Make it first, or check the name."),
        "k8s.namespace_missing": _(
            "%(plane)s could not take %(object)s: %(message)s Make the namespace first, or check its name."
        ),
        "k8s.unknown_field": _(
            "%(plane)s does not know the field %(fields)s of %(object)s. The object was made for another "
            "version: check the version of Kubernetes and KubeBlocks there."
        ),
        "k8s.kind_missing": _(
            "%(plane)s does not serve %(object)s. Install the component that defines this kind there, "
            "or check that its version is the expected one."
        ),
        "k8s.redirected": _(
            "%(plane)s answered with a redirect (%(status)s), which is never followed. "
            "Register the final address of its API server."
        ),
        "k8s.answer_too_big": _(
            "%(plane)s answered more than %(limit)s MiB for %(object)s, which is not read. Check that the "
            "address is that of an API server."
        ),
        "k8s.answer_unreadable": _(
            "%(plane)s did not answer like a Kubernetes API server (%(status)s) for %(object)s. "
            "Check the server address and what stands in front of it."
        ),
        "k8s.right": _("%(verbs)s on %(resources)s"),
        "k8s.right_named": _("%(verbs)s on %(resources)s named %(names)s"),
        "k8s.field_of": _("%(field)s (%(manager)s)"),
    }
)

MESSAGE_LIMIT = 300


def _phrase(http_status: int) -> str:
    return HTTPStatus(http_status).phrase if http_status in set(HTTPStatus) else ""


class KubeError(ConsoleError):
    """A call to a plane failed in an expected way. Only its subclasses are raised.

    `ref` is `{apiVersion, kind, namespace, name}`, or {} where no object was asked for.
    """

    status: ClassVar[int] = 502

    def __init__(
        self,
        code: str,
        /,
        *,
        plane: str,
        ref: Mapping[str, str] | None = None,
        reason: str = "",
        http_status: int = 0,
        **params: Any,
    ) -> None:
        self.plane = plane
        self.ref: Ref = dict(ref or {})
        self.reason = reason
        self.http_status = http_status
        params = {"status": http_status, "reason": reason or _phrase(http_status), **params}
        super().__init__(code, plane=plane, object=shown(self.ref) or "/", **params)


class Unreachable(KubeError):
    """No usable answer came. `rung`: how far it got (dns, refused, tcp, tls, timeout, dropped)."""

    retryable = True

    def __init__(
        self,
        *,
        plane: str,
        server: str,
        rung: str,
        why: str = "",
        ref: Mapping[str, str] | None = None,
        **params: Any,
    ) -> None:
        self.rung = rung
        reasons = say(f"k8s.rung_{why or rung}", **params)
        unproven = why.startswith("tls_")
        code = "k8s.unproven" if unproven else "k8s.unreachable"
        super().__init__(code, plane=plane, ref=ref, server=server, rung=rung, why=reasons)
        self.retryable = rung != "refused" and not unproven


class Unauthorised(KubeError):
    """401: the credential is not accepted."""


class Forbidden(KubeError):
    """403. `missing`: the rights that would be needed, as RBAC rules, where the answer named them."""

    def __init__(
        self, *, plane: str, ref: Mapping[str, str], message: str, missing: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        self.missing: list[dict[str, Any]] = [dict(rule) for rule in missing]
        code = "k8s.forbidden" if self.missing else "k8s.forbidden_plain"
        rights = [right(rule) for rule in self.missing]
        super().__init__(
            code, plane=plane, ref=ref, reason="Forbidden", http_status=403, message=message, missing=rights
        )


class Conflict(KubeError):
    """409. `conflicts`: `{manager, field}` per field of another owner; empty for a stale version or UID."""

    status: ClassVar[int] = 409

    def __init__(
        self,
        code: str,
        /,
        *,
        plane: str,
        ref: Mapping[str, str],
        reason: str = "Conflict",
        conflicts: Iterable[Mapping[str, str]] = (),
        **params: Any,
    ) -> None:
        self.conflicts: list[dict[str, str]] = [dict(conflict) for conflict in conflicts]
        if self.conflicts:
            params["fields"] = [say("k8s.field_of", **conflict) for conflict in self.conflicts]
        super().__init__(code, plane=plane, ref=ref, reason=reason, http_status=409, **params)


class Rejected(KubeError):
    """Any other answer that is no success. `retryable` for 429 and 5xx."""

    def __init__(
        self,
        code: str,
        /,
        *,
        plane: str,
        ref: Mapping[str, str],
        reason: str = "",
        http_status: int = 0,
        retryable: bool = False,
        **params: Any,
    ) -> None:
        super().__init__(code, plane=plane, ref=ref, reason=reason, http_status=http_status, **params)
        self.retryable = retryable


def right(rule: Mapping[str, Any]) -> Sentence:
    """Return one RBAC rule as a sentence."""
    groups = [group for group in rule.get("apiGroups", []) if group]
    resources = [
        f"{resource}.{groups[0]}" if len(groups) == 1 else str(resource)
        for resource in rule.get("resources", [])
    ] or list(rule.get("nonResourceURLs", []))
    verbs = list(rule.get("verbs", []))
    if names := list(rule.get("resourceNames", [])):
        return say("k8s.right_named", verbs=verbs, resources=resources, names=names)
    return say("k8s.right", verbs=verbs, resources=resources)
