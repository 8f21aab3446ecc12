"""How far a question to a plane gets: the rungs in their order, and the one at which it failed."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from kbconsole.k8s.errors import Conflict, Forbidden, KubeError, Unauthorised, Unreachable


class Rung(TextChoices):
    """In the order in which a question passes them."""

    DNS = "dns", _("DNS")
    ADDRESS = "address", _("Allowed address")
    TCP = "tcp", _("TCP")
    TLS = "tls", _("TLS")
    ANSWER = "answer", _("Answer")
    CREDENTIAL = "credential", _("Credential")
    IDENTITY = "identity", _("Identity")
    RIGHTS = "rights", _("Rights")


CHECKER_ONLY = (Rung.IDENTITY, Rung.RIGHTS)
"""An answer to another question does not show that these hold again."""
PROBABLY_RUNNING = (Rung.ADDRESS, Rung.TLS, Rung.CREDENTIAL, Rung.RIGHTS)
"""Something answers there, or the console itself does not go: the pods of the plane are probably well."""
_OF_TRANSPORT: Mapping[str, Rung] = {
    "dns": Rung.DNS,
    "refused": Rung.ADDRESS,
    "tcp": Rung.TCP,
    "tls": Rung.TLS,
}


def rung_of(error: KubeError) -> Rung:
    """Return the rung at which a question for the version or the identity failed."""
    if isinstance(error, Unreachable):
        return _OF_TRANSPORT.get(error.rung, Rung.ANSWER)
    if isinstance(error, Unauthorised):
        return Rung.CREDENTIAL
    if isinstance(error, Forbidden):
        return Rung.RIGHTS
    return Rung.IDENTITY if isinstance(error, Conflict) else Rung.ANSWER


def passed(rung: str) -> list[tuple[Rung, str]]:
    """Return the rungs as (rung, pass or fail, "" for not tried), for a plane that fails at this one."""
    order = [one for one in Rung if one != Rung.ADDRESS or one == rung]
    if rung not in order:
        return [(one, "") for one in order]
    failed = order.index(Rung(rung))
    states = ["pass" if at < failed else "fail" if at == failed else "" for at in range(len(order))]
    return list(zip(order, states, strict=True))
