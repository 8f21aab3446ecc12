"""What not to do while a plane is lost, and what to do, in order: with buttons and with commands."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from django.urls import reverse
from django.utils.translation import gettext as _

from kbconsole.fleet.models import Plane
from kbconsole.fleet.rungs import Rung


@dataclass(frozen=True)
class Act:
    """One thing to do: in words, by a button (`url`, a POST where `post` is its data), and by commands."""

    words: str
    button: str = ""
    url: str = ""
    post: dict[str, str] | None = None
    commands: tuple[str, ...] = ()
    why_not: str = ""
    primary: bool = False


def donts(plane: Plane, disabled: bool) -> list[str]:
    name = {"name": plane.name}
    restart = _(
        "Do not restart the KubeBlocks operator while %(name)s is enabled: it will not come up, and no database can "
        "be changed on any plane."
    )
    return [
        *([] if disabled else [restart % name]),
        _("Do not delete Clusters: what runs on %(name)s would stay there, load balancers included, and nobody would "
          "clean it up.") % name,
        _("Do not ask for databases with replicas on %(name)s, and do not move replicas away from it: the order of "
          "planes is fixed for the life of a database.") % name,
    ]  # fmt: skip


def control_donts() -> list[str]:
    return [
        _("Do not install the operator anew without its contexts: it would make every database a second time, in the "
          "control plane."),
        _("Do not install KubeBlocks on a data plane to help: its garbage collector would delete the database pods."),
        _("Do not delete pods to restart them: without the operator nobody makes them anew."),
    ]  # fmt: skip


def acts(plane: Plane, control: Plane | None, why_not: str) -> list[Act]:
    return [
        _look(plane, why_not),
        *_of_rung(plane, why_not),
        switch(plane, control, why_not),
        _afterwards(plane),
    ]


def _look(plane: Plane, why_not: str) -> Act:
    return Act(
        _("Look again, and look from this host:"),
        _("Check again"), reverse("fleet:plane-check", args=[plane.name]), {}, tuple(_probes(plane)), why_not,
    )  # fmt: skip


def _probes(plane: Plane) -> list[str]:
    """Return what shows the failing rung in a shell."""
    parts = urlsplit(plane.server)
    host, port = parts.hostname or plane.server, parts.port or 443
    there, context = shlex.quote(f"{host}:{port}"), shlex.quote(plane.name)
    if plane.rung == Rung.DNS:
        return [f"getent hosts {shlex.quote(host)}"]
    if plane.rung == Rung.TLS:
        return [f"openssl s_client -connect {there} </dev/null | openssl x509 -noout -subject -issuer -dates"]
    if plane.rung in (Rung.TCP, Rung.ADDRESS):
        return [f"nc -vz -w 5 {shlex.quote(host)} {port}"]
    if plane.rung == Rung.RIGHTS:
        return [f"kubectl --context {context} auth can-i get namespace/kube-system"]
    return [f"kubectl --context {context} get --raw '/readyz?verbose'"]


def _of_rung(plane: Plane, why_not: str) -> list[Act]:
    """Return what mends a rung that the console itself has a page for."""
    if plane.rung in (Rung.CREDENTIAL, Rung.TLS):
        url = f"{reverse('fleet:plane-add')}?{urlencode({'replaces': plane.name})}"
        return [Act(_("Give the plane a new credential:"), _("New credential"), url, why_not=why_not)]
    if plane.rung == Rung.RIGHTS:
        url = reverse("fleet:plane-credential")
        return [Act(_("Grant the console's user its rights again:"), _("See the manifest"), url)]
    return []


def switch(plane: Plane, control: Plane | None, why_not: str) -> Act:
    """Disabling is what lets the operator start without the plane; afterwards, what brings the plane back in."""
    if control is None:
        return Act(
            _("Register the control plane: the console does not know whether the operator uses this plane.")
        )
    url, disabled = reverse("fleet:plane-switch", args=[plane.name]), set(control.operator_contexts_disabled)
    if plane.name in disabled:
        words = _(
            "It is disabled in the operator, so the operator can start without it. When it answers again, enable it:"
        )
        command = helm(control, disabled - {plane.name})
        return Act(
            words, _("Enable %(name)s") % {"name": plane.name}, url, {"disable": ""}, (command,), why_not
        )
    why = why_not or (_("The control plane gives no answer.") if control.silent else "")
    words = _(
        "If it stays away, or the operator has to be restarted, disable it there. You see the plan first; databases "
        "on other planes can then be changed again. The same by Helm:"
    )
    command = helm(control, disabled | {plane.name})
    button = _("Disable %(name)s") % {"name": plane.name}
    return Act(words, button, url, {"disable": "1"}, (command,), why, primary=True)


def helm(control: Plane, disabled: Collection[str]) -> str:
    """Return what sets the disabled contexts for good: Helm's own values."""
    names = "\\,".join(name for name in control.operator_contexts if name in disabled)
    value = shlex.quote(f"multiCluster.contextsDisabled={names}")
    version = f" --version {shlex.quote(control.operator_version)}" if control.operator_version else ""
    context = shlex.quote(control.name)
    return (
        f"helm upgrade kubeblocks kubeblocks/kubeblocks --kube-context {context} -n kb-system{version} "
        f"--reuse-values --set {value}"
    )


def _afterwards(plane: Plane) -> Act:
    return Act(
        _("When %(name)s answers again: check each database that has replicas there, and choose Copy missing objects "
          "for those that were made or changed meanwhile.") % {"name": plane.name},
        _("Databases on %(name)s") % {"name": plane.name},
        f"{reverse('placements:list')}?{urlencode({'plane': plane.name})}",
    )  # fmt: skip


def control_acts(plane: Plane, why_not: str) -> list[Act]:
    return [
        _look(plane, why_not),
        *_of_rung(plane, why_not),
        Act(
            _("Bring its API server back, with its etcd as it was: every Cluster object stands there and nowhere else. "
              "Then see that the operator comes up:"),
            commands=(f"kubectl --context {shlex.quote(plane.name)} -n kb-system get deployments",),
        ),
        Act(_("Then check each database: what failed meanwhile was not replaced."), _("Databases"),
            reverse("placements:list")),
    ]  # fmt: skip
