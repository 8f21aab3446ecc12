"""Every name that follows from a database's own, and the limits that follow from them.

The rules are KubeBlocks' (0.9 and 1.0). Nothing checks them there: a name that is too long fails late.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from kbconsole.common.sentences import Sentence, declare, say
from placements.engines.base import LINE_0_9, Chosen, Engine

LABEL_LIMIT = 63
"""Names of services, hosts and namespaces, and values of labels."""
_CLUSTER = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?", re.ASCII)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", re.ASCII)

declare(
    {
        "names.empty": _("Give the database a name."),
        "names.letters": _(
            "A name has only small letters a to z, digits and “-”, begins with a letter and does not end "
            "with “-”."
        ),
        "names.too_long": _(
            "This name has %(length)s characters. It may have at most %(limit)s characters with this "
            "engine and %(replicas)s replicas, because %(example)s must not be longer than 63."
        ),
        "names.namespace_empty": _("Give the namespace that the database lives in."),
        "names.namespace_letters": _(
            "A namespace has only small letters a to z, digits and “-”, begins and ends with a letter or "
            "digit, and has at most 63 characters."
        ),
        "names.namespace_system": _("Namespaces that begin with “kube-” belong to Kubernetes. Take another."),
        "names.no_planes": _("Choose at least one plane."),
        "names.plane_twice": _("%(plane)s is in the list twice. Each plane may stand there once."),
        "names.plane_blank": _("A plane's name must not have blanks or commas: “%(plane)s”."),
        "names.plane_unknown": _(
            "The operator does not know the plane “%(plane)s”. With it, this replica and all after it "
            "would never be made. Add the plane to the operator's contexts, or take another plane."
        ),
    }
)


@dataclass(frozen=True)
class DatabaseNames:
    """The names of one database's objects, in the control plane and in the planes."""

    cluster: str
    replicas: int
    component: str
    volume: str
    chosen: Chosen

    @property
    def base(self) -> str:
        """The name of the Component and the InstanceSet."""
        return f"{self.cluster}-{self.component}"

    @property
    def pods(self) -> tuple[str, ...]:
        return tuple(f"{self.base}-{n}" for n in range(self.replicas))

    @property
    def volume_claims(self) -> tuple[str, ...]:
        return tuple(f"{self.volume}-{pod}" for pod in self.pods)

    @property
    def headless_service(self) -> str:
        return f"{self.base}-headless"

    @property
    def pod_services(self) -> tuple[str, ...]:
        """One per replica, in order. They carry the definition's serviceName, which may be empty."""
        middle = f"-{self.chosen.peer_service_name}" if self.chosen.peer_service_name else ""
        return tuple(f"{self.base}{middle}-{n}" for n in range(self.replicas))

    @property
    def component_services(self) -> tuple[str, ...]:
        """Services of all replicas together, in every plane."""
        return tuple(f"{self.base}-{name}" if name else self.base for name in self.chosen.services)

    @property
    def config_maps(self) -> tuple[str, ...]:
        """What pods take their environment from; mirrored into every plane."""
        extra = (f"{self.base}-rsm-env",) if self.chosen.line == LINE_0_9 else ()
        return (f"{self.base}-env", *extra)

    @property
    def service_account(self) -> str:
        """On 1.0 all databases of the definition in the namespace share it: never remove it with one."""
        return f"kb-{self.cluster if self.chosen.line == LINE_0_9 else self.chosen.definition}"

    @property
    def role_binding(self) -> str:
        """Shared as the service account is."""
        return self.service_account if self.chosen.line == LINE_0_9 else f"{self.service_account}-pod"

    @property
    def shares_service_account(self) -> bool:
        return self.chosen.line != LINE_0_9

    @property
    def selector(self) -> str:
        """All of the database's labelled objects in a plane; the headless service has other labels."""
        return f"app.kubernetes.io/managed-by=kubeblocks,app.kubernetes.io/instance={self.cluster}"

    @property
    def pod_selector(self) -> str:
        return f"{self.selector},apps.kubeblocks.io/component-name={self.component}"

    @property
    def limited(self) -> tuple[str, ...]:
        """The names that must be DNS labels: pods are host names, services are names in DNS."""
        return (*self.pods, self.headless_service, *self.pod_services, *self.component_services)


def names_of(cluster: str, engine: Engine, chosen: Chosen, replicas: int) -> DatabaseNames:
    """Return the names of a database of the engine."""
    return DatabaseNames(cluster, replicas, engine.component, engine.data_volume, chosen)


def pod_services_in(
    plane: str, planes: Sequence[str], names: DatabaseNames, *, unique: bool
) -> tuple[str, ...]:
    """Return which per-replica services the plane has to hold: its own replicas' (unique), or all of them."""
    if not unique:
        return names.pod_services
    return tuple(
        name for ordinal, name in enumerate(names.pod_services) if planes[ordinal % len(planes)] == plane
    )


def _longest(cluster: str, engine: Engine, chosen: Chosen | None, replicas: int) -> str:
    """Return the longest name that is limited. Before a definition is chosen: the worst case."""
    shape = chosen or Chosen("", LINE_0_9, "", engine.peer_service)
    last = DatabaseNames(cluster, 1, engine.component, engine.data_volume, shape)
    digits = len(str(max(replicas - 1, 0))) - 1
    grown = [name + "0" * digits for name in (*last.pods, *last.pod_services)]
    return max([*grown, last.headless_service, *last.component_services], key=len)


def longest_name(engine: Engine, replicas: int, chosen: Chosen | None = None) -> int:
    """Return how many characters a database's name may have."""
    return LABEL_LIMIT - len(_longest("", engine, chosen, replicas))


def name_problem(name: str, engine: Engine, replicas: int, chosen: Chosen | None = None) -> Sentence | None:
    """Return why the database cannot have this name, or None."""
    if not name:
        return say("names.empty")
    if not _CLUSTER.fullmatch(name):
        return say("names.letters")
    limit = longest_name(engine, replicas, chosen)
    if len(name) <= limit:
        return None
    example = _longest("NAME", engine, chosen, replicas)
    return say("names.too_long", length=len(name), limit=limit, replicas=replicas, example=example)


def namespace_problem(namespace: str) -> Sentence | None:
    """Return why the database cannot live in this namespace, or None."""
    if not namespace:
        return say("names.namespace_empty")
    if len(namespace) > LABEL_LIMIT or not _LABEL.fullmatch(namespace):
        return say("names.namespace_letters")
    return say("names.namespace_system") if namespace.startswith("kube-") else None


def plane_problems(planes: Sequence[str], contexts: Sequence[str]) -> list[Sentence]:
    """Return why the planes cannot be used; `contexts` are the operator's, compared letter by letter."""
    if not planes:
        return [say("names.no_planes")]
    found: list[Sentence] = []
    for index, plane in enumerate(planes):
        if not plane or "," in plane or any(letter.isspace() for letter in plane):
            found.append(say("names.plane_blank", plane=plane))
        elif plane in planes[:index]:
            found.append(say("names.plane_twice", plane=plane))
        elif plane not in contexts:
            found.append(say("names.plane_unknown", plane=plane))
    return found
