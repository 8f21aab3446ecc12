"""What the console does to the services that it makes for clients: never to what others made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from kbconsole.common.errors import ConsoleError
from kbconsole.common.sentences import Sentence, declare, say
from kbconsole.fleet import access
from kbconsole.fleet.changes import Apply, RemoveMatching, named
from kbconsole.fleet.checks import Absent
from kbconsole.jobs.definition import Diff, Finding, Outcome, Step, Verdict, actions
from kbconsole.k8s.errors import Rejected
from kbconsole.k8s.kinds import SERVICE, Object, kind_of
from placements.addresses import client_labels
from placements.jobs.changes import applied_by_console

PROOF_SECONDS = 300
declare(
    {
        "clients.taken": _(
            "%(plane)s has a Service %(name)s that the console did not make for this database, so it is not touched. "
            "Have it renamed or removed there by its owner, then make the plan again."
        ),
        "clients.port_taken": _(
            "%(plane)s gave a node port of the plan to another service meanwhile, so %(name)s cannot have it. Make the "
            "plan again: it chooses ports that are free by then."
        ),
        "clients.remove": _("Remove the services that the console made for clients in %(namespace)s"),
    }
)  # fmt: skip


@actions.register
@dataclass(frozen=True)
class ApplyClient(Apply):
    """Apply a client service, unless one of its name is there that the console did not make for this database."""

    slug: ClassVar[str] = "apply-client"

    def diff(self) -> Diff:
        self._refuse_others()
        with self._port_said():
            return super().diff()

    def carry_out(self) -> Outcome:
        self._refuse_others()
        with self._port_said():
            return super().carry_out()

    @contextmanager
    def _port_said(self) -> Iterator[None]:
        """Say what to do where the server has given the port away: it is known by the server's words alone."""
        try:
            yield
        except Rejected as rejected:
            if "already allocated" not in str(rejected):
                raise
            raise ConsoleError("clients.port_taken", plane=self.plane, name=named(self.ref)["name"]) from None

    def _refuse_others(self) -> None:
        ref = self.ref
        there = access.client(self.plane).get(kind_of(self.object), ref["name"], ref["namespace"])
        wanted = self.object["metadata"]["labels"].items()
        if there is not None and not (
            applied_by_console(there) and wanted <= (there["metadata"].get("labels") or {}).items()
        ):
            raise ConsoleError("clients.taken", plane=self.plane, name=named(ref)["name"])


@actions.register
@dataclass(frozen=True)
class RemoveClients(RemoveMatching):
    """Delete what the console applied with these labels, each by its UID. What only carries the labels stays."""

    slug: ClassVar[str] = "remove-clients"

    def label(self) -> Sentence:
        return say("clients.remove", namespace=self.namespace)

    def _found(self) -> list[Object]:
        return ours(super()._found())


def ours(services: Iterable[Object]) -> list[Object]:
    """Return those that the console applied: labels can be written by anybody."""
    return [service for service in services if applied_by_console(service)]


@actions.register
@dataclass(frozen=True)
class NoClients(Absent):
    """Nothing is left of what `RemoveClients` removes."""

    slug: ClassVar[str] = "no-clients"

    def look(self) -> Finding:
        words = {"kind": self.kind, "namespace": self.namespace, "plane": self.plane}
        there = access.client(self.plane).list(SERVICE, self.namespace, labels=self.selector)
        names = sorted(str(service["metadata"]["name"]) for service in ours(there))
        if names:
            return Finding(Verdict.WAIT, say("fleet.absent_not", names=names[:10], **words))
        return Finding(Verdict.PASS, say("fleet.absent_yes", **words))


def removal(plane: str, namespace: str, name: str) -> RemoveClients:
    return RemoveClients(plane, SERVICE.api_version, SERVICE.kind, namespace, client_labels(name))


def none_left(plane: str, namespace: str, name: str) -> NoClients:
    return NoClients(plane, SERVICE.api_version, SERVICE.kind, namespace, labels=client_labels(name))


def clean_steps(plane: str, namespace: str, name: str, *, gate: bool = False) -> Iterator[Step]:
    """Yield the removal of a database's client services on a plane, and the proof that none is left."""
    yield Step(on=plane, phase="unserve", change=removal(plane, namespace, name), gate=gate)
    yield Step(
        on=plane, phase="none_left", check=none_left(plane, namespace, name), deadline=PROOF_SECONDS,
        repeats="unserve",
    )  # fmt: skip
